/* SPDX-License-Identifier: ISC */
/*
 * Compares the directory of each walker with the one to which the root's path
 * leads now.  A system call may wait for ever for a file server, so the parent
 * never checks a root on a network file system, or below one; SIGHUP says that
 * such a root may have changed.
 */
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/child.h"
#include "pkgtorrentd/parent/mount_table.h"
#include "pkgtorrentd/parent/root_watch.h"
#include "pkgtorrentd/parent/state.h"

static bool
has_root(const struct process *p)
{
	return p->role == ROLE_WALKER && !p->retired && !p->reserve &&
	    p->ready_ms != 0 && p->channel.fd != -1;
}

/* A root has a walker at work, and perhaps one that will take over. */
static struct process *
find_walker(struct parent *parent, uint32_t index, bool reserve)
{
	struct process	*p;

	TAILQ_FOREACH(p, &parent->processes, entry)
		if (p->role == ROLE_WALKER && p->index == index &&
		    p->reserve == reserve && !p->planned && !p->retired)
			return p;
	return NULL;
}

static const char *
root_dir(const struct process *p)
{
	return p->parent->conf->roots[p->index].dir;
}

static void
root_watch_start(struct process *p)
{
	process_start(p);
	if (p->pid != 0)
		process_set_timer(p, READY_MS);
}

static void
root_watch_on_ready(struct process *p)
{
	struct parent	*parent = p->parent;
	struct process	*old = find_walker(parent, p->index, false);
	struct process	*front = processes_front(parent);

	if (p->trouble != NULL)
		log_info("the walker of %s works there now", root_dir(p));
	free(p->trouble);
	p->trouble = NULL;
	(void)evtimer_del(&p->timer);
	p->reserve = false;
	p->ops = parent->ops;
	p->delay_ms = 0;
	totals_count_restart(parent, ROLE_WALKER);
	if (front != NULL && front->ready_ms != 0)
		process_link(front, p);
	if (old != NULL) {
		p->restarts = old->restarts + 1;
		process_retire(old);
	}
}

static void
root_watch_on_end(struct process *p, pid_t pid, int status)
{
	bool	 first = p->delay_ms == 0;
	char	 how[64];

	if (p->parent->state == PARENT_STOPPING) {
		p->parent->ops->ended(p, pid, status);
		return;
	}
	process_describe_end(how, sizeof(how), status);
	p->delay_ms = process_delay_ms(p->delay_ms, 0, clock_ms());
	if (first)
		log_warn("no walker can be started in the directory that is "
		    "at %s now (%s): the old one stays where it is, and the "
		    "start is tried again", root_dir(p), how);
	else
		log_debug("%s: tried again: %s", root_dir(p), how);
	process_set_timer(p, p->delay_ms);
}

static void
root_watch_on_late(struct process *p)
{
	if (p->delay_ms == 0)
		log_warn("%s %d is not ready after %d s: %s does not answer",
		    role_name(p->role), (int)p->pid, READY_MS / 1000,
		    root_dir(p));
	process_kill(p);
}

/* Log each error of repeated starts once. */
static bool
root_watch_on_line(struct process *p, int priority, const void *line,
    size_t len)
{
	if (priority > LOG_ERR)
		return true;
	if (p->trouble != NULL && strlen(p->trouble) == len &&
	    memcmp(p->trouble, line, len) == 0)
		return false;
	free(p->trouble);
	p->trouble = strndup(line, len);
	return p->parent->ops->line(p, priority, line, len);
}

static void
root_watch_on_stuck(struct process *p)
{
	p->parent->ops->stuck(p);
}

/* For a walker that will take over. */
static const struct process_ops root_watch_ops = {
	.ready = root_watch_on_ready,
	.line = root_watch_on_line,
	.start = root_watch_start,
	.late = root_watch_on_late,
	.stuck = root_watch_on_stuck,
	.ended = root_watch_on_end,
};

static void
start_successor(struct process *p)
{
	struct process	*new;

	new = process_new(p->parent, ROLE_WALKER, p->index);
	new->reserve = true;
	new->ops = &root_watch_ops;
	root_watch_start(new);
}

enum place { PLACE_SAME, PLACE_OTHER, PLACE_NONE, PLACE_UNKNOWN };

/* Compare the directories, unless a file server must be asked. */
static enum place
find_place(const struct process *p)
{
	struct statx	 now;
	dev_t		 dev;

	switch (mount_table_follow(root_dir(p), &dev)) {
	case MOUNT_THROUGH_REMOTE:
		return PLACE_UNKNOWN;
	case MOUNT_REMOTE:
		return dev == p->root_dev ? PLACE_UNKNOWN : PLACE_OTHER;
	default:
		break;
	}
	if (statx(AT_FDCWD, root_dir(p), AT_STATX_DONT_SYNC |
	    AT_NO_AUTOMOUNT, STATX_INO, &now) == -1)
		return PLACE_NONE;
	return makedev(now.stx_dev_major, now.stx_dev_minor) == p->root_dev &&
	    now.stx_ino == p->root_ino ? PLACE_SAME : PLACE_OTHER;
}

static void
root_watch_look(struct parent *parent)
{
	struct process	*p, *successor;
	enum place	 place;

	TAILQ_FOREACH(p, &parent->processes, entry) {
		if (!has_root(p) || p->root_ino == 0)
			continue;
		if ((place = find_place(p)) == PLACE_UNKNOWN)
			continue;
		successor = find_walker(parent, p->index, true);
		if (place == PLACE_OTHER && successor == NULL) {
			log_info("%s is another directory now, its walker is "
			    "started again", root_dir(p));
			start_successor(p);
		} else if (place != PLACE_OTHER && successor != NULL)
			process_retire(successor);
	}
}

static void
root_watch_renew(struct parent *parent)
{
	struct process	*p;

	TAILQ_FOREACH(p, &parent->processes, entry)
		if (has_root(p) && (p->root_ino == 0 ||
		    find_place(p) == PLACE_UNKNOWN) &&
		    find_walker(parent, p->index, true) == NULL)
			start_successor(p);
}

void
root_watch_check(struct parent *parent, bool told)
{
	if (told)
		root_watch_renew(parent);
	else
		root_watch_look(parent);
}
