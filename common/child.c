/*
 * What all children share: the parent's channel, from which they learn who
 * they are, how they are configured and (those that seal) with which key.
 * The parent is believed: it reads neither clients nor the mirror.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/role.h"
#include "common/sandbox/selftest.h"
#include "common/seal.h"

/* A child without its parent has nobody to work for. */
static void
exit_orphaned(void)
{
	_exit(0);
}

/*
 * One more part of the configuration.  1: it was the last and child->conf is
 * new; 0: more follow; -1: the whole does not parse, child->conf is as it was.
 */
static int
add_conf_part(struct child *child, const struct msg *msg)
{
	static const struct strings no_overrides;
	const struct msg_conf *body = msg->body;
	struct buf errors = { 0 };
	struct conf *conf = NULL;

	if (buf_add(&child->conf_text, msg->tail, msg->tail_len) == -1)
		fatal("no memory for the configuration");
	if (body->flags & PART_MORE)
		return 0;
	conf = conf_parse("configuration",
	    child->conf_text.data != NULL ?
	    (const char *)child->conf_text.data : "", child->conf_text.len,
	    &no_overrides, &errors);
	buf_free(&child->conf_text);
	if (conf == NULL) {
		if (buf_add(&errors, "", 1) == -1)
			fatal("no memory for the configuration");
		log_error("configuration of the parent refused: %.*s",
		    (int)strcspn((const char *)errors.data, "\n"),
		    (const char *)errors.data);
		buf_free(&errors);
		return -1;
	}
	conf_free(child->previous);
	child->previous = child->conf;
	child->conf = conf;
	child->flags = body->flags & (CONF_VERBOSE | CONF_ROOT | CONF_CHECK |
	    CONF_SYSTEMD);
	selftest_set_systemd(child->flags & CONF_SYSTEMD);
	child->index = body->index;
	log_set_level(child->flags & CONF_VERBOSE ?
	    LOG_DEBUG : conf->log_level);
	return 1;
}

/* The next message of the parent; it is waited for. */
static void
next_message(struct child *child, struct msg *msg)
{
	struct pollfd pfd = { .fd = child->parent.fd, .events = POLLIN };
	struct msg_wrong wrong;

	for (;;) {
		switch (msg_recv(&child->parent, child->buf, msg, &wrong)) {
		case MSG_GOT:
			return;
		case MSG_AGAIN:
			if (poll(&pfd, 1, -1) == -1 && errno != EINTR)
				fatal("poll: %s", strerror(errno));
			break;
		case MSG_CLOSED:
			exit_orphaned();
			break;
		case MSG_WRONG_ONE:
			fatal("wrong message %s of the parent",
			    msg_name(wrong.type));
		}
	}
}

static void
start_on_message(struct child *child, const struct msg *msg)
{
	const struct msg_conf *conf = msg->body;
	const struct msg_key *key = msg->body;

	switch (msg->type) {
	case MSG_CONF:
		if (conf->role != (uint32_t)child->parent.self)
			fatal("the parent takes a %s for a %s",
			    role_name(child->parent.self),
			    role_name((enum role)conf->role));
		if (add_conf_part(child, msg) == -1)
			fatal("no configuration to start with");
		break;
	case MSG_KEY:
		memcpy(child->key, key->key, sizeof(child->key));
		child->has_key = true;
		break;
	default:
		fatal("%s before the configuration", msg_name(msg->type));
	}
}

static int
compare_bytes(const void *a, const void *b)
{
	return *(const char *)a - *(const char *)b;
}

/*
 * What libraries look up when first used is looked up now: after lockdown
 * there are no files, and no calls, to do it with.
 */
static void
warm_up(void)
{
	char bytes[2048] = { 0 };

	selftest_init();
	tzset();
	digest_warm_up();
	/* glibc's asks how much memory there is (sysinfo(2)) before it sorts
	   more than 1 KiB. */
	qsort(bytes, sizeof(bytes), 1, compare_bytes);
}

void
child_start(struct child *child, enum role role)
{
	bool seals = (1U << role) & SEALERS;
	struct msg msg;

	memset(child, 0, sizeof(*child));
	child->parent.fd = PARENT_FD;
	child->parent.self = role;
	child->parent.peer = ROLE_PARENT;
	log_open_child(&child->parent);
	child->buf = malloc(MSG_MAX);
	if (child->buf == NULL)
		fatal("no memory for messages");
	while (child->conf == NULL || (seals && !child->has_key)) {
		next_message(child, &msg);
		start_on_message(child, &msg);
	}
	warm_up();
}

int
child_on_message(struct child *child, const struct msg *msg)
{
	return msg->type == MSG_CONF && add_conf_part(child, msg) == 1;
}

void
child_ready(struct child *child, const char *layers)
{
	struct pollfd pfd = { .fd = child->parent.fd };

	if (msg_send_wait(&child->parent, MSG_READY, &child->ready, layers,
	    strlen(layers), NULL, 0) == -1)
		exit_orphaned();
	/* It was only asked whether it could work.  The parent hangs up. */
	if (child->flags & CONF_CHECK) {
		while (poll(&pfd, 1, -1) == -1 && errno == EINTR)
			continue;
		exit_orphaned();
	}
}

void
child_report(struct child *child, const struct msg_wrong *wrong)
{
	if (msg_send_wait(&child->parent, MSG_WRONG, wrong, NULL, 0, NULL,
	    0) == -1)
		exit_orphaned();
}

