/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/socket.h"
#include "pkgtorrentd/front/conn/listeners.h"

#define ACCEPTS		64	/* in a row, before others have their turn */
#define ACCEPTS_LAST	65536	/* no queue is longer */

struct listener {
	struct event	*ev;
	int		 fd;
};

/* A listening socket stays readable when accept fails for lack of
   descriptors: without a pause the loop would spin. */
static void
listeners_pause(struct conns *conns, int error)
{
	size_t i;

	for (i = 0; i < conns->listeners.n; i++)
		event_del(conns->listeners.v[i].ev);
	conns->paused = true;
	if (!log_once(&conns->paused_log_ms, 1000, clock_coarse_ms()))
		return;
	if (error == EMFILE || error == ENFILE)
		log_warn("no descriptors left with %u connections; raise the "
		    "limit or lower max-connections", conns->n);
	else
		log_warn("accept: %s, with %u connections", strerror(error),
		    conns->n);
}

void
listeners_resume(struct conns *conns)
{
	size_t i;

	conns->paused = false;
	for (i = 0; i < conns->listeners.n; i++)
		event_add(conns->listeners.v[i].ev, NULL);
}

/* true: the next connection can be accepted at once. */
static bool
listeners_accept_failed(struct conns *conns, int error)
{
	switch (error) {
	case ECONNABORTED:
	case EINTR:
	case EPROTO:
		return true;
	case EAGAIN:
		return false;
	case EBADF:
	case EINVAL:
	case ENOTSOCK:
	case EOPNOTSUPP:
		/* It would stay readable for ever.  At the end of this process
		   the parent checks its sockets and starts another one; while
		   the service stops, answers under way go on. */
		if (!conns->stopping)
			fatal("a listening socket does not listen any more "
			    "(accept: %s)", strerror(error));
		return false;
	default:
		listeners_pause(conns, error);
		return false;
	}
}

/* At most so many in a row. */
static void
listeners_accept(struct conns *conns, int fd, int max)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int i, s;

	for (i = 0; i < max && !conns->paused; i++) {
		len = sizeof(addr);
		addr.ss_family = AF_UNSPEC;
		s = socket_accept4(fd, (struct sockaddr *)&addr, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (s != -1)
			conn_new(conns, s, &addr, len);
		else if (!listeners_accept_failed(conns, errno))
			return;
	}
}

static void
listeners_on_accept(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	listeners_accept(arg, fd, ACCEPTS);
}

static void
listeners_free(struct listeners *set)
{
	while (set->n > 0) {
		if (set->v[--set->n].ev != NULL)
			event_free(set->v[set->n].ev);
		close(set->v[set->n].fd);
	}
	free(set->v);
	set->v = NULL;
}

/* The new set is complete and replaces the old one.  A socket that is in both
   sets loses no connection. */
static void
listeners_start(struct conns *conns)
{
	struct listener *l;
	size_t i;

	listeners_free(&conns->listeners);
	conns->listeners = conns->next;
	conns->next = (struct listeners){ 0 };
	for (i = 0; i < conns->listeners.n; i++) {
		l = &conns->listeners.v[i];
		l->ev = event_new(conns->base, l->fd, EV_READ | EV_PERSIST,
		    listeners_on_accept, conns);
		if (l->ev == NULL || event_add(l->ev, NULL) == -1)
			fatal("out of memory");
	}
	conns->paused = false;
}

enum msg_fault
conns_on_listener(struct conns *conns, struct msg *m)
{
	const struct msg_listener *body = m->body;
	struct listeners *next = &conns->next;
	struct listener *l;

	if (body->index == 0)
		listeners_free(next);
	if (body->count == 0) {
		listeners_start(conns);
		return FAULT_NONE;
	}
	if (m->nfds == 0 || body->index != next->n ||
	    body->index >= body->count)
		return FAULT_CONTENT;
	l = reallocarray(next->v, next->n + 1, sizeof(*l));
	if (l == NULL)
		fatal("out of memory");
	next->v = l;
	l[next->n++] = (struct listener){ .fd = m->fds[0] };
	m->nfds = 0;
	if (body->index + 1 == body->count)
		listeners_start(conns);
	return FAULT_NONE;
}

/*
 * The kernel resets the connections in a socket's queue when the last
 * descriptor of the socket is closed.  Accept these connections first, so that
 * their clients get an answer too.
 */
void
listeners_stop(struct conns *conns)
{
	size_t i;

	for (i = 0; i < conns->listeners.n; i++)
		listeners_accept(conns, conns->listeners.v[i].fd, ACCEPTS_LAST);
	listeners_free(&conns->listeners);
}
