#include <sys/param.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "pkgtorrentd/front/front.h"
#include "pkgtorrentd/front/front_msg.h"

#define FULL_BYTES	(32U << 20)

struct peer_out {
	TAILQ_ENTRY(peer_out)	 entry;
	enum msg_type		 type;
	int			 nfds;
	int			 fds[MSG_FDS_MAX];
	size_t			 tail_len;
	uint8_t			 body[256];
	uint8_t			 tail[];
};

static void
peer_drop(struct peer *p, struct peer_out *o)
{
	int i;

	TAILQ_REMOVE(&p->out, o, entry);
	p->out_len -= o->tail_len + sizeof(*o);
	for (i = 0; i < o->nfds; i++)
		close(o->fds[i]);
	free(o);
}

void
peer_close(struct peer *p)
{
	struct peer_out *o;

	if (p->ev != NULL)
		event_free(p->ev);
	if (p->ev_write != NULL)
		event_free(p->ev_write);
	p->ev = p->ev_write = NULL;
	while ((o = TAILQ_FIRST(&p->out)) != NULL)
		peer_drop(p, o);
	if (p->ch.fd != -1)
		close(p->ch.fd);
	p->ch.fd = -1;
	p->lost_ms = clock_coarse_ms();
}

bool
peer_is_full(const struct peer *p)
{
	return p->out_len > FULL_BYTES;
}

bool
peer_is_silent(const struct peer *p, uint64_t asked_ms, uint64_t limit_ms)
{
	return p->ch.fd != -1 &&
	    clock_coarse_ms() > MAX(asked_ms, p->heard_ms) + limit_ms;
}

void
peer_watch(struct peer *p, uint64_t limit_ms)
{
	if (p->ch.fd != -1 && !TAILQ_EMPTY(&p->out) &&
	    clock_coarse_ms() > p->taken_ms + limit_ms)
		peer_give_up(p, TAILQ_FIRST(&p->out)->type);
}

void
peer_give_up(struct peer *p, enum msg_type type)
{
	struct msg_wrong wrong = { .role = p->ch.peer, .index = p->ch.index,
	    .type = type, .fault = FAULT_SILENT };

	child_report(&p->front->child, &wrong);
	front_on_lost(p);
}

static void
peer_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct peer *p = arg;
	struct front *f = p->front;
	struct msg_wrong wrong;
	enum msg_fault fault;
	struct msg m;
	int n;

	(void)fd;
	(void)what;
	/* A bounded number, so that clients get their turn too. */
	for (n = 0; n < 16 && p->ch.fd != -1; n++) {
		switch (msg_recv(&p->ch, f->child.buf, &m, &wrong)) {
		case MSG_GOT:
			p->heard_ms = clock_coarse_ms();
			fault = front_on_message(p, &m);
			if (fault == FAULT_NONE)
				break;
			wrong.role = p->ch.peer;
			wrong.index = p->ch.index;
			wrong.type = m.type;
			wrong.fault = fault;
			msg_close_fds(&m);
			/* FALLTHROUGH */
		case MSG_WRONG_ONE:
			child_report(&f->child, &wrong);
			front_on_lost(p);
			return;
		case MSG_CLOSED:
			front_on_lost(p);
			return;
		case MSG_AGAIN:
			return;
		}
	}
}

static void
peer_on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct peer *p = arg;
	struct peer_out *o;

	(void)fd;
	(void)what;
	while ((o = TAILQ_FIRST(&p->out)) != NULL) {
		if (msg_send(&p->ch, o->type, o->body, o->tail, o->tail_len,
		    o->fds, o->nfds) == -1) {
			/* Anything else shows as a closed channel. */
			if (errno == EAGAIN)
				return;
		}
		peer_drop(p, o);
		p->taken_ms = clock_coarse_ms();
	}
	event_del(p->ev_write);
}

int
peer_attach(struct front *f, struct peer *p, enum role role, uint32_t index,
    int fd)
{
	p->front = f;
	TAILQ_INIT(&p->out);
	p->ch = (struct channel){ .fd = fd, .self = ROLE_FRONT, .peer = role,
	    .index = index };
	p->out_len = 0;
	p->heard_ms = clock_coarse_ms();
	p->ev = event_new(f->base, fd, EV_READ | EV_PERSIST, peer_on_readable,
	    p);
	p->ev_write = event_new(f->base, fd, EV_WRITE | EV_PERSIST,
	    peer_on_writable, p);
	if (p->ev == NULL || p->ev_write == NULL ||
	    event_add(p->ev, NULL) == -1) {
		peer_close(p);
		return -1;
	}
	return 0;
}

/*
 * What was asked must be answered one day, so there is no going on without
 * memory here; the parent starts a new front.
 */
static void
peer_keep(struct peer *p, enum msg_type type, const void *body,
    const void *tail, size_t tail_len, const int *fds, int nfds)
{
	struct peer_out *o;

	o = malloc(sizeof(*o) + tail_len);
	if (o == NULL)
		fatal("out of memory");
	if (TAILQ_EMPTY(&p->out))
		p->taken_ms = clock_coarse_ms();
	p->out_len += sizeof(*o) + tail_len;
	o->type = type;
	o->tail_len = tail_len;
	memcpy(o->body, body, msg_body_len(type));
	if (tail_len > 0)
		memcpy(o->tail, tail, tail_len);
	TAILQ_INSERT_TAIL(&p->out, o, entry);
	for (o->nfds = 0; o->nfds < nfds; o->nfds++) {
		o->fds[o->nfds] = fcntl(fds[o->nfds], F_DUPFD_CLOEXEC, 0);
		if (o->fds[o->nfds] == -1)
			fatal("no descriptor for a message: %s",
			    strerror(errno));
	}
	if (event_add(p->ev_write, NULL) == -1)
		fatal("out of memory");
}

int
peer_send(struct peer *p, enum msg_type type, const void *body,
    const void *tail, size_t tail_len, const int *fds, int nfds)
{
	if (p->ch.fd == -1)
		return -1;
	if (TAILQ_EMPTY(&p->out)) {
		if (msg_send(&p->ch, type, body, tail, tail_len, fds,
		    nfds) == 0)
			return 0;
		if (errno != EAGAIN)
			return -1;
	}
	peer_keep(p, type, body, tail, tail_len, fds, nfds);
	return 0;
}
