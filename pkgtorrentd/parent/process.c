#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/child.h"
#include "common/sandbox/selftest.h"
#include "common/timer.h"
#include "pkgtorrentd/parent/options.h"
#include "pkgtorrentd/parent/process.h"
#include "pkgtorrentd/parent/state.h"

/* Messages read before others have their turn. */
#define READ_AT_ONCE	64
/* A child that leaves more unread has stopped working. */
#define QUEUE_MAX	4096

static void	process_on_timer(evutil_socket_t, short, void *);

struct process *
process_new(struct parent *parent, enum role role, uint32_t index)
{
	struct process	*p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		fatal("no memory");
	p->parent = parent;
	p->ops = parent->ops;
	p->role = role;
	p->index = index;
	p->channel.fd = -1;
	(void)evtimer_assign(&p->timer, parent->base, process_on_timer, p);
	TAILQ_INSERT_TAIL(&parent->processes, p, entry);
	return p;
}

static void
process_close_channel(struct process *p)
{
	channel_event_stop(&p->event);
	channel_close(&p->channel);
}

const struct conf *
process_conf(const struct process *p)
{
	const struct parent	*parent = p->parent;

	return p->planned && parent->reload != NULL ?
	    parent->reload->conf : parent->conf;
}

static const struct buf *
process_conf_text(const struct process *p)
{
	const struct parent	*parent = p->parent;

	return p->planned && parent->reload != NULL ?
	    &parent->reload->conf_text : &parent->conf_text;
}

void
process_title(const struct process *p, char title[SPAWN_TITLE_LEN])
{
	spawn_title(title, SPAWN_TITLE_LEN, p->role, p->index,
	    process_conf(p));
}

void
process_start(struct process *p)
{
	struct parent	*parent = p->parent;
	char		 title[SPAWN_TITLE_LEN];
	struct msg_key	 key;
	int		 fd;

	process_title(p, title);
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

	channel_open(&p->channel, fd, ROLE_PARENT, p->role, p->index);
	if (channel_event_start(&p->event, parent->base, &p->channel,
	    parent->from_children, p, READ_AT_ONCE) == -1)
		fatal("event_add");

	process_send_conf(p);
	if ((1U << p->role) & SEALERS) {
		memcpy(key.key, parent->key, sizeof(key.key));
		process_send(p, MSG_KEY, &key, NULL, 0, -1);
		explicit_bzero(&key, sizeof(key));
	}
	if (p->role == ROLE_FRONT || p->role == ROLE_WALKER)
		process_send_mounts(p);
}

void
process_send(struct process *p, enum msg_type type, const void *body,
    const void *tail, size_t tail_len, int fd)
{
	if (p->channel.fd == -1)
		return;
	/* A count that is still kept is replaced by the newer one. */
	if (type == MSG_MOUNTS && channel_replace(&p->channel, type, body))
		return;
	if (p->channel.queued >= QUEUE_MAX) {
		log_error("%s %d reads nothing any more", role_name(p->role),
		    (int)p->pid);
		process_kill(p);
		return;
	}
	/* EPIPE says that the process has ended, as waitpid() will; its last
	   messages are still to be read. */
	if (channel_event_send(&p->event, type, body, tail, tail_len, &fd,
	    fd == -1 ? 0 : 1) == -1 && errno != EPIPE) {
		log_error("sending %s to %s %d: %s", msg_name(type),
		    role_name(p->role), (int)p->pid, strerror(errno));
		process_hang_up(p);
	}
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
		    (parent->privileged ? CONF_PRIVILEGED : 0) |
		    (parent->opt->check ? CONF_CHECK : 0) |
		    (selftest_has_systemd() ? CONF_SYSTEMD : 0) |
		    (n < left ? PART_MORE : 0);
		process_send(p, MSG_CONF, &body, at, n, -1);
		at += n;
		left -= n;
	} while (left > 0);
}

void
process_send_mounts(struct process *p)
{
	const struct parent	*parent = p->parent;
	struct msg_mounts	 body;

	memset(&body, 0, sizeof(body));
	body.flags = parent->mounts_ev != NULL ? MOUNTS_WATCHED : 0;
	body.changes = parent->mounts;
	process_send(p, MSG_MOUNTS, &body, NULL, 0, -1);
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

static void
process_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct process	*p = arg;

	(void)fd;
	(void)what;
	if (p->pid == 0) {
		p->ops->start(p);
		return;
	}
	if (p->killed) {
		p->ops->stuck(p);
		return;
	}
	if (p->ops->late != NULL) {
		p->ops->late(p);
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
	p->ops = p->parent->ops;
	process_hang_up(p);
	if (p->pid == 0)
		process_free(p);
	else if (p->killed)
		process_set_timer(p, KILL_AFTER_MS);
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

void
process_reap(struct process *p)
{
	(void)channel_receive(&p->channel, p->parent->from_children, p,
	    UINT_MAX);
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
