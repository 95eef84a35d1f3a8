/*
 * When the mount table changes, /proc/self/mountinfo is ready with EPOLLPRI
 * for whoever looks next, and no longer after that look (proc(5)).  libevent
 * knows no such event: it watches an epoll instance that waits for it.
 */
#include <sys/epoll.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "pkgtorrentd/parent/parent.h"
#include "pkgtorrentd/parent/process.h"

void
mount_watch_tell(struct process *p)
{
	const struct parent	*parent = p->parent;
	struct msg_mounts	 body;

	memset(&body, 0, sizeof(body));
	body.flags = parent->mounts_ev != NULL ? MOUNTS_WATCHED : 0;
	body.changes = parent->mounts;
	process_send(p, MSG_MOUNTS, &body, NULL, 0, -1);
}

static void
mount_watch_tell_role(struct parent *parent, enum role role)
{
	struct process	*p;

	TAILQ_FOREACH(p, &parent->processes, entry)
		if (p->role == role)
			mount_watch_tell(p);
}

static void
mount_watch_on_change(evutil_socket_t fd, short what, void *arg)
{
	struct parent		*parent = arg;
	struct epoll_event	 ev;

	(void)what;
	/* Before anything is told, so that a further change comes up again.
	   Whether it still finds something is of no matter: libevent had the
	   table looked at to come here. */
	(void)epoll_wait(fd, &ev, 1, 0);
	parent->mounts++;
	/* Walkers first: the front asks them at once. */
	mount_watch_tell_role(parent, ROLE_WALKER);
	mount_watch_tell_role(parent, ROLE_FRONT);
	if (parent->state == PARENT_SERVING)
		roots_check(parent);
}

void
mount_watch_open(struct parent *parent)
{
	struct epoll_event	 ev = { .events = EPOLLPRI };
	int			 fd = -1;

	parent->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (parent->mounts_fd == -1 ||
	    (fd = epoll_create1(EPOLL_CLOEXEC)) == -1 ||
	    epoll_ctl(fd, EPOLL_CTL_ADD, parent->mounts_fd, &ev) == -1) {
		log_warn("/proc/self/mountinfo cannot be watched: %s; torrents "
		    "of files on images, overlays and the like are not "
		    "remembered; mount /proc", strerror(errno));
		if (fd != -1)
			close(fd);
		mount_watch_close(parent);
		return;
	}
	parent->mounts_ev = event_new(parent->base, fd, EV_READ | EV_PERSIST,
	    mount_watch_on_change, parent);
	if (parent->mounts_ev == NULL ||
	    event_add(parent->mounts_ev, NULL) == -1)
		fatal("event_new");
}

void
mount_watch_close(struct parent *parent)
{
	if (parent->mounts_ev != NULL) {
		close(event_get_fd(parent->mounts_ev));
		event_free(parent->mounts_ev);
	}
	parent->mounts_ev = NULL;
	if (parent->mounts_fd != -1)
		close(parent->mounts_fd);
	parent->mounts_fd = -1;
}
