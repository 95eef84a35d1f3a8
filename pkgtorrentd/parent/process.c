#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/role.h"
#include "common/sandbox/selftest.h"
#include "common/timer.h"
#include "pkgtorrentd/parent/parent.h"
#include "pkgtorrentd/parent/process.h"

/* Messages read before others have their turn. */
#define READ_AT_ONCE	64
/* A child that leaves more unread has stopped working. */
#define QUEUE_MAX	4096
/* A turn of the front's loop may have to read for many clients from a slow
   disk. */
#define SILENT_MAX_S	60

struct outgoing {
	TAILQ_ENTRY(outgoing)	 entry;
	enum msg_type		 type;
	int			 fd;		/* ours, or -1 */
	size_t			 body_len;
	size_t			 tail_len;
	uint8_t			 bytes[];	/* body, tail */
};

static void	process_on_readable(evutil_socket_t, short, void *);
static void	process_on_writable(evutil_socket_t, short, void *);
static void	process_on_timer(evutil_socket_t, short, void *);

struct process *
process_new(struct parent *parent, enum role role, uint32_t index)
{
	struct process	*p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		fatal("no memory");
	p->parent = parent;
	p->role = role;
	p->index = index;
	p->channel.fd = -1;
	TAILQ_INIT(&p->queue);
	(void)evtimer_assign(&p->timer, parent->base, process_on_timer, p);
	TAILQ_INSERT_TAIL(&parent->processes, p, entry);
	return p;
}

static void
process_drop_outgoing(struct process *p, struct outgoing *o)
{
	TAILQ_REMOVE(&p->queue, o, entry);
	if (o->fd != -1)
		close(o->fd);
	/* It may be the key. */
	freezero(o, sizeof(*o) + o->body_len + o->tail_len);
}

static void
process_close_channel(struct process *p)
{
	struct outgoing	*o;

	if (p->channel.fd == -1)
		return;
	(void)event_del(&p->readable);
	(void)event_del(&p->writable);
	close(p->channel.fd);
	p->channel.fd = -1;
	while ((o = TAILQ_FIRST(&p->queue)) != NULL)
		process_drop_outgoing(p, o);
}

const struct conf *
process_conf(const struct process *p)
{
	const struct parent	*parent = p->parent;

	return p->planned && parent->reload != NULL ?
	    parent->reload->conf : parent->conf;
}

const struct buf *
process_conf_text(const struct process *p)
{
	const struct parent	*parent = p->parent;

	return p->planned && parent->reload != NULL ?
	    &parent->reload->conf_text : &parent->conf_text;
}

void
process_start(struct process *p)
{
	struct parent	*parent = p->parent;
	char		 title[SPAWN_TITLE_LEN];
	struct msg_key	 key;
	int		 fd;

	spawn_title(title, sizeof(title), p->role, p->index, process_conf(p));
	p->ready_ms = 0;
	p->killed = false;
	p->root_ino = 0;
	p->silent_s = 0;
	p->said_why = false;
	p->pid = spawn_start(&parent->programs, p->role, title, &fd);
	if (p->pid == -1) {
		p->start_error = errno;
		log_error("%s cannot be started: %s", title, strerror(errno));
		p->pid = 0;
		p->delay_ms = spawn_delay_ms(p->delay_ms, 0, clock_ms());
		process_set_timer(p, p->delay_ms);
		return;
	}

	memset(&p->channel, 0, sizeof(p->channel));
	p->channel.fd = fd;
	p->channel.self = ROLE_PARENT;
	p->channel.peer = p->role;
	p->channel.index = p->index;
	(void)event_assign(&p->readable, parent->base, fd,
	    EV_READ | EV_PERSIST, process_on_readable, p);
	(void)event_assign(&p->writable, parent->base, fd,
	    EV_WRITE | EV_PERSIST, process_on_writable, p);
	if (event_add(&p->readable, NULL) == -1)
		fatal("event_add");

	process_send_conf(p);
	if ((1U << p->role) & SEALERS) {
		memcpy(key.key, parent->key, sizeof(key.key));
		process_send(p, MSG_KEY, &key, NULL, 0, -1);
		explicit_bzero(&key, sizeof(key));
	}
	if (p->role == ROLE_FRONT || p->role == ROLE_WALKER)
		mount_watch_tell(p);
}

/* 0, -1 with EAGAIN, or -1 with the channel closed. */
static int
process_send_now(struct process *p, enum msg_type type, const void *body,
    const void *tail, size_t tail_len, int fd)
{
	if (msg_send(&p->channel, type, body, tail, tail_len, &fd,
	    fd == -1 ? 0 : 1) == 0)
		return 0;
	if (errno == EAGAIN)
		return -1;
	/* The news of its end, which waitpid() tells as well; what it said
	   before that is still to be read. */
	if (errno == EPIPE)
		return 0;
	log_error("sending %s to %s %d: %s", msg_name(type),
	    role_name(p->role), (int)p->pid, strerror(errno));
	process_hang_up(p);
	return -1;
}

/* Counts replace each other: one that was not read yet says the last. */
static bool
process_renew(struct process *p, enum msg_type type, const void *body)
{
	struct outgoing	*o;

	if (type != MSG_MOUNTS)
		return false;
	TAILQ_FOREACH(o, &p->queue, entry)
		if (o->type == type) {
			memcpy(o->bytes, body, o->body_len);
			return true;
		}
	return false;
}

static void
process_enqueue(struct process *p, enum msg_type type, const void *body,
    const void *tail, size_t tail_len, int fd)
{
	struct outgoing	*o, *other;
	size_t		 body_len = body == NULL ? 0 : msg_body_len(type);
	size_t		 waiting = 0;

	TAILQ_FOREACH(other, &p->queue, entry)
		waiting++;
	if (waiting >= QUEUE_MAX) {
		log_error("%s %d reads nothing any more", role_name(p->role),
		    (int)p->pid);
		process_kill(p);
		return;
	}
	if ((o = malloc(sizeof(*o) + body_len + tail_len)) == NULL)
		fatal("no memory");
	o->type = type;
	o->body_len = body_len;
	o->tail_len = tail_len;
	o->fd = -1;
	if (fd != -1 && (o->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1)
		fatal("descriptors: %s", strerror(errno));
	if (body_len > 0)
		memcpy(o->bytes, body, body_len);
	if (tail_len > 0)
		memcpy(o->bytes + body_len, tail, tail_len);
	TAILQ_INSERT_TAIL(&p->queue, o, entry);
	if (event_add(&p->writable, NULL) == -1)
		fatal("event_add");
}

void
process_send(struct process *p, enum msg_type type, const void *body,
    const void *tail, size_t tail_len, int fd)
{
	if (p->channel.fd == -1)
		return;
	if (TAILQ_EMPTY(&p->queue) &&
	    process_send_now(p, type, body, tail, tail_len, fd) == 0)
		return;
	if (process_renew(p, type, body))
		return;
	if (p->channel.fd != -1)
		process_enqueue(p, type, body, tail, tail_len, fd);
}

static void
process_on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct process	*p = arg;
	struct outgoing	*o;

	(void)fd;
	(void)what;
	while ((o = TAILQ_FIRST(&p->queue)) != NULL) {
		if (process_send_now(p, o->type,
		    o->body_len == 0 ? NULL : o->bytes,
		    o->bytes + o->body_len, o->tail_len, o->fd) == -1)
			return;
		process_drop_outgoing(p, o);
	}
	(void)event_del(&p->writable);
}

void
process_send_conf(struct process *p)
{
	const struct parent	*parent = p->parent;
	const uint8_t		*at = process_conf_text(p)->data;
	size_t			 left = process_conf_text(p)->len, n;
	struct msg_conf		 body;

	memset(&body, 0, sizeof(body));
	body.role = p->role;
	body.index = p->index;
	do {
		n = left < MSG_TAIL_MAX ? left : MSG_TAIL_MAX;
		body.flags = (parent->opt->verbose ? CONF_VERBOSE : 0) |
		    (parent->root ? CONF_ROOT : 0) |
		    (parent->opt->check ? CONF_CHECK : 0) |
		    (selftest_has_systemd() ? CONF_SYSTEMD : 0) |
		    (n < left ? PART_MORE : 0);
		process_send(p, MSG_CONF, &body, at, n, -1);
		at += n;
		left -= n;
	} while (left > 0);
}

void
process_link(struct process *front, struct process *other)
{
	struct msg_channel	 body;
	int			 pair[2];

	if (msg_pair(pair) == -1)
		fatal("socketpair: %s", strerror(errno));
	memset(&body, 0, sizeof(body));
	body.role = other->role;
	body.index = other->index;
	process_send(front, MSG_CHANNEL, &body, NULL, 0, pair[0]);
	body.role = ROLE_FRONT;
	body.index = 0;
	process_send(other, MSG_CHANNEL, &body, NULL, 0, pair[1]);
	close(pair[0]);
	close(pair[1]);
}

/* What has arrived, at most so many messages. */
static void
process_read(struct process *p, unsigned at_most)
{
	struct msg_wrong	 wrong;
	struct msg		 msg;
	bool			 closed = false;

	while (p->channel.fd != -1 && at_most-- > 0) {
		switch (msg_recv(&p->channel, p->parent->buf, &msg, &wrong)) {
		case MSG_GOT:
			parent_on_message(p, &msg);
			msg_close_fds(&msg);
			break;
		case MSG_WRONG_ONE:
			parent_on_wrong_message(p, &wrong);
			break;
		case MSG_CLOSED:
			/* The other end has left our messages unread, which
			   the kernel says (ECONNRESET, once) before it gives
			   us the last words that were sent. */
			if (closed)
				process_hang_up(p);
			closed = true;
			break;
		case MSG_AGAIN:
			return;
		}
	}
}

static void
process_on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	process_read(arg, READ_AT_ONCE);
}

static void
process_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct process	*p = arg;

	(void)fd;
	(void)what;
	if (p->planned) {
		reload_on_late(p);
		return;
	}
	if (p->pid == 0) {
		parent_on_timer(p);
		return;
	}
	if (p->killed) {
		parent_on_stuck(p);
		return;
	}
	if (p->reserve && !p->retired) {
		roots_on_late(p);
		return;
	}
	log_warn("%s %d does not end, killed", role_name(p->role),
	    (int)p->pid);
	process_kill(p);
}

void
process_set_timer(struct process *p, uint32_t ms)
{
	if (timer_add(&p->timer, ms) == -1)
		fatal("timer_add");
}

void
process_hang_up(struct process *p)
{
	if (p->channel.fd == -1)
		return;
	process_close_channel(p);
	if (p->pid != 0)
		process_set_timer(p, KILL_AFTER_MS);
}

void
process_retire(struct process *p)
{
	p->retired = true;
	process_hang_up(p);
	if (p->pid == 0)
		process_free(p);
	else if (p->killed)
		process_set_timer(p, KILL_AFTER_MS);
}

void
process_log_status(struct process *p)
{
	char	 title[SPAWN_TITLE_LEN];

	spawn_title(title, sizeof(title), p->role, p->index, process_conf(p));
	if (p->ready_ms == 0 || p->killed)
		log_info("status: %s, pid %d: %s", title, (int)p->pid,
		    p->pid == 0 ? "to be started again" :
		    p->killed ? "cannot be killed" :
		    p->retired ? "ending" : p->reserve ?
		    "starting, to take over" : "starting");
	else
		log_info("status: %s, pid %d: up %" PRIu64
		    " s, restarted %u times, %" PRIu64 " messages sent to it, "
		    "%" PRIu64 " received from it, layers %s", title,
		    (int)p->pid, (clock_ms() - p->ready_ms) / 1000, p->restarts,
		    p->channel.sent, p->channel.received, p->layers);
	process_send(p, MSG_STATUS, NULL, NULL, 0, -1);
}

void
process_kill(struct process *p)
{
	if (p->pid == 0 || p->killed)
		return;
	p->killed = true;
	(void)kill(p->pid, SIGKILL);
	process_set_timer(p, KILL_AFTER_MS);
}

/*
 * The front watches all others; nobody else would see that it hangs.  What is
 * counted are seconds in which we were at work ourselves.
 */
void
process_watch(struct process *p)
{
	if (p->ready_ms == 0 || p->killed || ++p->silent_s <= SILENT_MAX_S)
		return;
	log_error("%s %d has not been at work for %d s, killed",
	    role_name(p->role), (int)p->pid, SILENT_MAX_S);
	process_kill(p);
}

void
process_reap(struct process *p)
{
	process_read(p, ~0U);
	process_close_channel(p);
	(void)evtimer_del(&p->timer);
	p->pid = 0;
}

void
process_free(struct process *p)
{
	process_close_channel(p);
	(void)evtimer_del(&p->timer);
	TAILQ_REMOVE(&p->parent->processes, p, entry);
	free(p->layers);
	free(p->trouble);
	free(p);
}
