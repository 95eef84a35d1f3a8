/*
 * Listening sockets.  The parent binds them; a set replaces the one before,
 * and a socket that is in both loses no connection.
 */
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "pkgtorrentd/front/front.h"

#define ACCEPTS		64	/* in a row, before others have their turn */
#define ACCEPTS_LAST	65536	/* no queue is longer */

static void
front_pause(struct front *f)
{
	uint64_t now = clock_coarse_ms();
	size_t i;

	/* The socket stays readable: without this the loop would spin. */
	for (i = 0; i < f->nlisteners; i++)
		event_del(f->listeners[i].ev);
	f->paused = true;
	if (log_once(&f->paused_log_ms, 1000, now))
		log_warn("no descriptors left with %u connections; raise the "
		    "limit or lower max-connections", f->nclients);
}

void
front_resume(struct front *f)
{
	size_t i;

	f->paused = false;
	for (i = 0; i < f->nlisteners; i++)
		event_add(f->listeners[i].ev, NULL);
}

/* At most so many in a row. */
static void
front_accept(struct front *f, int fd, int max)
{
	union {
		struct sockaddr		sa;
		struct sockaddr_in	in;
		struct sockaddr_in6	in6;
		struct sockaddr_un	un;
	} addr;
	socklen_t len;
	int i, s;

	for (i = 0; i < max && !f->paused; i++) {
		len = sizeof(addr);
		addr.sa.sa_family = AF_UNSPEC;
		s = accept4(fd, &addr.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (s != -1) {
			client_new(f, s, &addr.sa, len);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		    errno == ENOBUFS)
			front_pause(f);
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

static void
front_on_accept(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	front_accept(arg, fd, ACCEPTS);
}

/*
 * The kernel resets the connections in a socket's queue when the socket is
 * closed for good; their clients shall be answered like others.
 */
void
front_accept_last(struct front *f)
{
	size_t i;

	for (i = 0; i < f->nlisteners; i++)
		front_accept(f, f->listeners[i].fd, ACCEPTS_LAST);
}

static void
listeners_free(struct listener *l, size_t n)
{
	while (n-- > 0) {
		if (l[n].ev != NULL)
			event_free(l[n].ev);
		close(l[n].fd);
	}
	free(l);
}

void
front_close_listeners(struct front *f)
{
	listeners_free(f->listeners, f->nlisteners);
	f->listeners = NULL;
	f->nlisteners = 0;
}

enum msg_fault
front_on_listener(struct front *f, struct msg *m)
{
	const struct msg_listener *body = m->body;
	struct listener *l;
	size_t i;

	if (body->index == 0) {
		listeners_free(f->next, f->nnext);
		f->next = NULL;
		f->nnext = 0;
	}
	if (body->index != f->nnext || body->index >= body->count)
		return FAULT_CONTENT;
	l = reallocarray(f->next, f->nnext + 1, sizeof(*l));
	if (l == NULL)
		fatal("out of memory");
	f->next = l;
	l[f->nnext++] = (struct listener){ .fd = m->fds[0] };
	m->nfds = 0;
	if (body->index + 1 < body->count)
		return FAULT_NONE;
	front_close_listeners(f);
	f->listeners = f->next;
	f->nlisteners = f->nnext;
	f->next = NULL;
	f->nnext = 0;
	for (i = 0; i < f->nlisteners; i++) {
		l = &f->listeners[i];
		l->ev = event_new(f->base, l->fd, EV_READ | EV_PERSIST,
		    front_on_accept, f);
		if (l->ev == NULL || event_add(l->ev, NULL) == -1)
			fatal("out of memory");
	}
	f->paused = false;
	return FAULT_NONE;
}
