/* SPDX-License-Identifier: ISC */
/*
 * The part that all children share.  They trust the parent, which reads
 * neither clients nor the mirror.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/child.h"
#include "common/sandbox/limits.h"
#include "common/sandbox/sandbox.h"
#include "common/sandbox/selftest.h"
#include "common/seal.h"

/* A child has no work without its parent. */
static void
exit_orphaned(void *owner)
{
	(void)owner;
	_exit(0);
}

/* The limit cannot be raised any longer. */
static void
check_memory(const struct child *child)
{
	uint64_t wanted = limits_data(child->parent.self, child->conf);

	if (child->max_data != 0 && wanted > child->max_data)
		log_warn("the new configuration allows %ju bytes of memory, "
		    "but the process was started with a limit of %ju: restart "
		    "the service", (uintmax_t)wanted,
		    (uintmax_t)child->max_data);
}

int
child_on_conf(struct child *child, const struct msg *msg)
{
	static const struct strings no_overrides;
	const struct msg_conf *body = msg->body;
	struct buf errors = { 0 };
	struct conf *conf = NULL;

	if (buf_add(&child->conf_text, msg->tail, msg->tail_len) == -1)
		fatal("out of memory");
	if (body->flags & PART_MORE)
		return 0;
	conf = conf_parse("configuration",
	    child->conf_text.data != NULL ?
	    (const char *)child->conf_text.data : "", child->conf_text.len,
	    &no_overrides, &errors);
	buf_free(&child->conf_text);
	if (conf == NULL) {
		if (buf_add(&errors, "", 1) == -1)
			fatal("out of memory");
		log_error("configuration of the parent refused: %.*s",
		    (int)strcspn((const char *)errors.data, "\n"),
		    (const char *)errors.data);
		buf_free(&errors);
		return 0;
	}
	conf_free(child->previous);
	child->previous = child->conf;
	child->conf = conf;
	check_memory(child);
	child->flags = body->flags & (CONF_VERBOSE | CONF_PRIVILEGED |
	    CONF_CHECK | CONF_SYSTEMD);
	selftest_set_systemd(child->flags & CONF_SYSTEMD);
	child->index = body->index;
	log_set_level(child->flags & CONF_VERBOSE ?
	    LOG_DEBUG : conf->log_level);
	return 1;
}

/* Handles the messages that come before the child is started. */
static enum msg_fault
start_on_message(void *owner, struct msg *msg)
{
	struct child *child = owner;
	const struct msg_conf *conf = msg->body;

	switch (msg->type) {
	case MSG_CONF:
		if (conf->role != (uint32_t)child->parent.self)
			fatal("the parent configured a %s as a %s",
			    role_name(child->parent.self),
			    role_name((enum role)conf->role));
		if (!child_on_conf(child, msg) && !(conf->flags & PART_MORE))
			fatal("no configuration to start with");
		break;
	case MSG_KEY:
		return child_on_key(child, msg);
	default:
		fatal("%s before the configuration", msg_name(msg->type));
	}
	return FAULT_NONE;
}

static void
parent_wrong(void *owner, const struct msg_wrong *wrong)
{
	(void)owner;
	fatal("the parent sent a wrong %s", msg_name(wrong->type));
}

static const struct channel_ops start_ops = {
	.message = start_on_message,
	.wrong = parent_wrong,
	.closed = exit_orphaned,
};

static enum msg_fault
child_on_message(void *owner, struct msg *msg)
{
	struct child *child = owner;

	return child->ops->message(child->owner, msg);
}

/* Finish what belongs to the front. */
static void
child_orphaned(void *owner)
{
	child_close_front(owner);
	_exit(0);
}

static const struct channel_ops parent_ops = {
	.message = child_on_message,
	.wrong = parent_wrong,
	.closed = child_orphaned,
};

static bool
front_has_room(void *owner)
{
	struct child *child = owner;

	return child->ops->has_room == NULL ||
	    child->ops->has_room(child->owner);
}

static void
front_closed(void *owner)
{
	child_close_front(owner);
}

static void
front_wrong(void *owner, const struct msg_wrong *wrong)
{
	child_report(owner, wrong);
	child_close_front(owner);
}

static const struct channel_ops front_ops = {
	.message = child_on_message,
	.has_room = front_has_room,
	.wrong = front_wrong,
	.closed = front_closed,
};

static int
compare_bytes(const void *a, const void *b)
{
	return *(const char *)a - *(const char *)b;
}

/*
 * At their first use libraries read files and make system calls that a
 * confined process cannot: use them before.
 */
static void
warm_up(void)
{
	char bytes[2048] = { 0 };

	selftest_init();
	tzset();
	/* glibc's qsort asks how much memory there is (sysinfo(2)) before it
	   sorts more than 1 KiB. */
	qsort(bytes, sizeof(bytes), 1, compare_bytes);
}

/* poll(2) without an error: false if a signal ended it. */
static bool
wait_for(struct pollfd *pfds, nfds_t n, int timeout_ms)
{
	if (poll(pfds, n, timeout_ms) != -1)
		return true;
	if (errno != EINTR)
		fatal("poll: %s", strerror(errno));
	return false;
}

void
child_start(struct child *child, enum role role, const struct child_ops *ops,
    void *owner)
{
	struct pollfd pfd = { .fd = PARENT_FD, .events = POLLIN };
	uint32_t pair;

	memset(child, 0, sizeof(*child));
	channel_open(&child->parent, PARENT_FD, role, ROLE_PARENT, 0);
	child->front.fd = child->also.fd = -1;
	child->ops = ops;
	child->owner = owner;
	log_open_child(&child->parent);
	while (child->conf == NULL)
		if (channel_receive(&child->parent, &start_ops, child, 1) == 0)
			(void)wait_for(&pfd, 1, -1);
	for (pair = 0; pair < SEAL_PAIRS; pair++)
		if (seal_concerns(role, pair) && child->new_keys.n[pair] == 0)
			fatal("the parent sent too few keys");
	warm_up();
}

void
child_confine(struct child *child, const char *dir, unsigned max_fds,
    void (*selftest)(void *owner, int dirfd))
{
	enum role role = child->parent.self;
	struct sandbox box = {
		.role = role,
		.privileged = child->flags & CONF_PRIVILEGED,
		.strict = child->conf->strict,
		.user = child->conf->user[role],
		.dir = dir,
		.channel_fd = child->parent.fd,
		.max_fds = max_fds,
		.max_data = limits_data(role, child->conf),
	};
	char layers[1024];
	int dirfd;

	child->max_data = box.max_data;
	sandbox_enter(&box, &dirfd, layers, sizeof(layers));
	selftest(child->owner, dirfd);
	child_ready(child, layers);
}

void
child_ready(struct child *child, const char *layers)
{
	struct pollfd pfd = { .fd = child->parent.fd };

	if (msg_send_wait(&child->parent, MSG_READY, &child->ready, layers,
	    strlen(layers), NULL, 0) == -1)
		exit_orphaned(NULL);
	/* The parent asked only whether the child could work, and closes the
	   channel now. */
	if (child->flags & CONF_CHECK) {
		while (!wait_for(&pfd, 1, -1))
			continue;
		exit_orphaned(NULL);
	}
}

unsigned
child_receive_parent(struct child *child)
{
	return channel_receive(&child->parent, &parent_ops, child, UINT_MAX);
}

/* To a front that is busy they are sent later. */
static void
child_send_counts(struct child *child)
{
	static const struct msg_counts body;
	enum role role = child->parent.self;
	uint8_t tail[COUNTS_LEN_MAX];
	size_t len;

	if (child->ops->count != NULL)
		child->ops->count(child->owner);
	len = counts_pack(role, child->counts, child->sent, tail);
	child->worked = len > 0 && msg_send(&child->front, MSG_COUNTS, &body,
	    tail, len, NULL, 0) == -1;
	if (len > 0 && !child->worked)
		counts_sent(role, child->counts, child->sent);
}

/* Send the numbers if it is time.  Returns the timeout, shortened to when it
   will be. */
static int
child_count(struct child *child, int timeout_ms)
{
	uint64_t now, passed;
	int left;

	if (!child->worked || child->front.fd == -1)
		return timeout_ms;
	now = clock_coarse_ms();
	passed = now - child->sent_ms;
	if (passed >= COUNTS_MS) {
		child->sent_ms = now;
		child_send_counts(child);
		if (!child->worked)
			return timeout_ms;
		passed = 0;
	}
	left = COUNTS_MS - (int)passed;
	return timeout_ms == -1 || left < timeout_ms ? left : timeout_ms;
}

unsigned
child_wait(struct child *child, int timeout_ms)
{
	int wait_ms = child_count(child, timeout_ms);
	struct pollfd pfds[3] = {
		{ .fd = child->parent.fd, .events = POLLIN },
		/* poll(2) leaves out a descriptor of -1. */
		{ .fd = front_has_room(child) ? child->front.fd : -1,
		    .events = POLLIN },
		child->also,
	};
	unsigned n = 0;

	if (!wait_for(pfds, 3, wait_ms))
		return 0;
	/* After a wait that was cut for the numbers alone there is no work. */
	child->worked |= wait_ms == timeout_ms || pfds[0].revents != 0 ||
	    pfds[1].revents != 0 || pfds[2].revents != 0;
	if (pfds[0].revents != 0)
		n += child_receive_parent(child);
	if (pfds[1].revents != 0)
		n += channel_receive(&child->front, &front_ops, child,
		    child->ops->at_once);
	return n;
}

void
child_close_front(struct child *child)
{
	if (child->front.fd == -1)
		return;
	channel_close(&child->front);
	child->ops->front_closed(child->owner);
}

void
child_refuse_control(struct child *child, const struct msg_control *body,
    const char *reason)
{
	struct msg_controlled	 answer = { .id = body->id,
				    .state = CONTROL_FAILED };

	if (body->command != CONTROL_STOP)
		(void)msg_send_wait(&child->parent, MSG_CONTROLLED, &answer,
		    reason, strlen(reason), NULL, 0);
}

void
child_report(struct child *child, const struct msg_wrong *wrong)
{
	if (msg_send_wait(&child->parent, MSG_WRONG, wrong, NULL, 0, NULL,
	    0) == -1)
		exit_orphaned(NULL);
}

enum msg_fault
child_on_channel(struct child *child, struct msg *msg)
{
	const struct msg_channel *body = msg->body;

	if (body->role != ROLE_FRONT)
		return FAULT_CONTENT;
	child_close_front(child);
	/* It has none of our gauges, and those that are 0 are no news. */
	counts_forget_gauges(child->parent.self, child->sent);
	child->worked = true;
	child->keys = child->new_keys;
	channel_open(&child->front, msg->fds[0], child->parent.self,
	    ROLE_FRONT, body->index);
	msg->nfds = 0;
	return FAULT_NONE;
}

enum msg_fault
child_on_key(struct child *child, const struct msg *msg)
{
	const struct msg_key *body = msg->body;

	if (!seal_concerns(child->parent.self, body->pair) ||
	    body->count == 0 || body->count > KEYS_MAX ||
	    msg->tail_len != (size_t)body->count * SEAL_LEN)
		return FAULT_CONTENT;
	child->new_keys.n[body->pair] = body->count;
	memcpy(child->new_keys.v[body->pair], msg->tail, msg->tail_len);
	return FAULT_NONE;
}
