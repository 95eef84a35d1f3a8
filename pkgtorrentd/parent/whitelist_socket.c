/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/timer.h"
#include "pkgtorrentd/parent/mount_table.h"
#include "pkgtorrentd/parent/state.h"

#define SETTLED_MS	1000		/* connected this long: it works */

static void	whitelist_socket_on_timer(evutil_socket_t, short, void *);

static void
whitelist_socket_set_timer(struct parent *parent, uint32_t ms)
{
	struct whitelist_socket	*w = &parent->whitelist;

	if (w->timer == NULL)
		w->timer = evtimer_new(parent->base,
		    whitelist_socket_on_timer, parent);
	if (w->timer == NULL || timer_add(w->timer, ms) == -1)
		fatal("timer_add");
}

/* Said once, until it works again. */
static void
whitelist_socket_warn(struct parent *parent, const char *reason)
{
	if (!parent->whitelist.said)
		log_warn("whitelist-socket %s: %s: torrents do not wait for "
		    "it, and it is tried again",
		    parent->conf->whitelist_socket, reason);
	parent->whitelist.said = true;
}

/*
 * Root could connect to every socket of the machine, and would be taken for
 * root there.  The front is to have no connection that its user could not have
 * opened, even if somebody puts another socket in this place.  -1 with errno.
 */
static int
whitelist_socket_connect_as(uid_t uid, gid_t gid, int fd,
    const struct sockaddr_un *sun)
{
	gid_t	 own_gid = getegid(), groups[NGROUPS_MAX];
	uid_t	 own_uid = geteuid();
	int	 n = getgroups(NGROUPS_MAX, groups), rv = -1, error;

	if (n == -1)
		return -1;
	if (setgroups(1, &gid) == 0 && setegid(gid) == 0 && seteuid(uid) == 0)
		rv = connect(fd, (const struct sockaddr *)sun, sizeof(*sun));
	error = errno;
	if (seteuid(own_uid) == -1 || setegid(own_gid) == -1 ||
	    (setgroups((size_t)n, groups) == -1 && errno != EPERM))
		fatal("becoming user %u again: %s", (unsigned)own_uid,
		    strerror(errno));
	errno = error;
	return rv;
}

/* The user of the front, which stays the same until the end. */
static int
whitelist_socket_find_user(struct parent *parent)
{
	struct whitelist_socket	*w = &parent->whitelist;
	const struct passwd	*pw;

	if (w->uid != 0)
		return 0;
	if ((pw = getpwnam(parent->conf->user[ROLE_FRONT])) == NULL ||
	    pw->pw_uid == 0)
		return -1;
	w->uid = pw->pw_uid;
	w->gid = pw->pw_gid;
	return 0;
}

/* Neither the way to the socket nor a full queue may stop the parent.  A
   descriptor, or -1 with a reason. */
static int
whitelist_socket_open(struct parent *parent, const char *path,
    const char **reason)
{
	struct whitelist_socket	*w = &parent->whitelist;
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	dev_t			 dev;
	int			 fd, rv;

	*reason = "on a file server, which may not answer";
	if (mount_table_follow(path, &dev) != MOUNT_LOCAL)
		return -1;
	*reason = "the front has no user";
	if (parent->privileged && whitelist_socket_find_user(parent) == -1)
		return -1;
	(void)strlcpy(sun.sun_path, path, sizeof(sun.sun_path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1) {
		*reason = strerror(errno);
		return -1;
	}
	rv = parent->privileged ?
	    whitelist_socket_connect_as(w->uid, w->gid, fd, &sun) :
	    connect(fd, (const struct sockaddr *)&sun, sizeof(sun));
	if (rv == 0)
		return fd;
	*reason = errno == EAGAIN ? "its queue is full" : strerror(errno);
	close(fd);
	return -1;
}

/* Give the front a connection, or none; then try again later. */
static void
whitelist_socket_try(struct parent *parent)
{
	struct whitelist_socket	*w = &parent->whitelist;
	const char		*path = parent->conf->whitelist_socket, *reason;
	struct process		*front = processes_front(parent);
	struct msg_whitelist	 body = { 0 };
	int			 fd = -1;

	if (w->timer != NULL)
		(void)evtimer_del(w->timer);
	w->since_ms = 0;
	if (front == NULL || parent->state == PARENT_STOPPING)
		return;
	if (path != NULL)
		fd = whitelist_socket_open(parent, path, &reason);
	if (fd != -1) {
		w->since_ms = clock_ms();
		body.id = ++w->id;
	}
	process_send(front, MSG_WHITELIST, &body, NULL, 0, fd);
	if (fd != -1) {
		close(fd);
		if (w->said)
			whitelist_socket_set_timer(parent, SETTLED_MS);
	} else if (path != NULL) {
		whitelist_socket_warn(parent, reason);
		w->delay_ms = process_delay_ms(w->delay_ms, 0, clock_ms());
		whitelist_socket_set_timer(parent, w->delay_ms);
	}
}

/* Time to try again, or a connection that has lasted. */
static void
whitelist_socket_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct parent	*parent = arg;

	(void)fd;
	(void)what;
	if (parent->whitelist.since_ms == 0) {
		whitelist_socket_try(parent);
		return;
	}
	parent->whitelist.said = false;
	log_info("whitelist-socket %s: connected",
	    parent->conf->whitelist_socket);
}

void
whitelist_socket_start(struct parent *parent)
{
	struct whitelist_socket	*w = &parent->whitelist;

	/* The connections of the front before have ended with it. */
	w->lost = w->id;
	w->delay_ms = 0;
	if (parent->conf->whitelist_socket != NULL)
		whitelist_socket_try(parent);
}

void
whitelist_socket_reload(struct parent *parent, const struct conf *old)
{
	struct whitelist_socket	*w = &parent->whitelist;
	const char		*path = parent->conf->whitelist_socket;
	const char		*before = old->whitelist_socket;

	if (path == NULL && before == NULL)
		return;
	if (path != NULL && before != NULL && strcmp(path, before) == 0 &&
	    w->since_ms != 0)
		return;
	w->said = false;
	w->delay_ms = 0;
	whitelist_socket_try(parent);
}

/*
 * A connection that has worked for a while is replaced at once.  The front is
 * told in any case, because requests wait for the answer.
 */
enum msg_fault
whitelist_socket_on_lost(struct process *p, const struct msg *msg)
{
	const struct msg_whitelist	*body = msg->body;
	struct parent			*parent = p->parent;
	struct whitelist_socket		*w = &parent->whitelist;
	struct msg_whitelist		 none = { 0 };

	if (body->id <= w->lost || body->id > w->id)
		return FAULT_CONTENT;
	w->lost = body->id;
	/* Another one is on its way already, or none is wanted. */
	if (body->id != w->id || w->since_ms == 0)
		return FAULT_NONE;
	w->delay_ms = process_delay_ms(w->delay_ms, w->since_ms, clock_ms());
	if (w->delay_ms == 0) {
		whitelist_socket_try(parent);
		return FAULT_NONE;
	}
	w->since_ms = 0;
	whitelist_socket_warn(parent, "the connection was closed at once");
	process_send(p, MSG_WHITELIST, &none, NULL, 0, -1);
	whitelist_socket_set_timer(parent, w->delay_ms);
	return FAULT_NONE;
}

void
whitelist_socket_free(struct parent *parent)
{
	if (parent->whitelist.timer != NULL)
		event_free(parent->whitelist.timer);
}
