/*
 * Which directory each walker lives in, and whether the root's path leads to
 * another one by now.  Who looks at a file whose server is away may wait for
 * ever, and the parent has others to care for: it never looks at a root
 * on a network file system, and takes a SIGHUP as the word that it may be
 * another.  (It does walk the path of one that is on a disk of this machine.)
 */
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "parent.h"
#include "process.h"
#include "role.h"

static bool
type_is_remote(const char *type)
{
	static const char *const	 types[] = { "nfs", "nfs4", "cifs",
	    "smb3", "smbfs", "afs", "ceph", "9p", "lustre", "autofs", "fuse" };
	size_t				 i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return strncmp(type, "fuse.", 5) == 0;
}

/* By what the kernel lists as mounted, proc(5): no server is asked. */
static bool
dev_is_remote(dev_t dev)
{
	FILE		*f = fopen("/proc/self/mountinfo", "re");
	char		*line = NULL, type[32];
	const char	*dash;
	size_t		 cap = 0;
	unsigned	 major, minor;
	bool		 remote = false;

	if (f == NULL)
		return true;
	while (!remote && getline(&line, &cap, f) != -1) {
		/* Blanks in names are escaped there. */
		dash = strstr(line, " - ");
		remote = dash != NULL &&
		    sscanf(line, "%*d %*d %u:%u", &major, &minor) == 2 &&
		    makedev(major, minor) == dev &&
		    sscanf(dash, " - %31s", type) == 1 && type_is_remote(type);
	}
	free(line);
	fclose(f);
	return remote;
}

void
roots_note(struct process *p, const struct msg_ready *ready)
{
	p->root_dev = (dev_t)ready->root_dev;
	p->root_ino = dev_is_remote(p->root_dev) ? 0 : ready->root_ino;
}

static bool
has_root(const struct process *p)
{
	return p->role == ROLE_WALKER && !p->retired && !p->reserve &&
	    p->ready_ms != 0 && p->channel.fd != -1;
}

/* The two that there may be for a root: at work, or to take over. */
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

void
roots_start(struct process *p)
{
	process_start(p);
	if (p->pid != 0)
		process_set_timer(p, READY_MS);
}

static void
start_successor(struct process *p)
{
	struct process	*new;

	new = process_new(p->parent, ROLE_WALKER, p->index);
	new->reserve = true;
	roots_start(new);
}

void
roots_on_ready(struct process *p)
{
	struct parent	*parent = p->parent;
	struct process	*old = find_walker(parent, p->index, false);
	struct process	*front = parent_front(parent);

	if (p->trouble != NULL)
		log_info("the walker of %s works there now", root_dir(p));
	free(p->trouble);
	p->trouble = NULL;
	(void)evtimer_del(&p->timer);
	p->reserve = false;
	p->delay_ms = 0;
	parent->restarts++;
	if (front != NULL && front->ready_ms != 0)
		process_link(front, p);
	if (old != NULL) {
		p->restarts = old->restarts + 1;
		process_retire(old);
	}
}

void
roots_on_end(struct process *p, const char *how)
{
	bool	 first = p->delay_ms == 0;

	p->delay_ms = spawn_delay_ms(p->delay_ms, 0, now_ms());
	if (first)
		log_warn("no walker can be started in what is at %s now "
		    "(%s): the old one goes on where it was, and that is "
		    "tried again", root_dir(p), how);
	else
		log_debug("%s: tried again: %s", root_dir(p), how);
	process_set_timer(p, p->delay_ms);
}

void
roots_on_late(struct process *p)
{
	if (p->delay_ms == 0)
		log_warn("%s %d is not ready after %d s: %s does not answer",
		    role_name(p->role), (int)p->pid, READY_MS / 1000,
		    root_dir(p));
	process_kill(p);
}

void
roots_check(struct parent *parent)
{
	struct process	*p, *successor;
	struct statx	 now;
	const char	*dir;
	bool		 there;

	TAILQ_FOREACH(p, &parent->processes, entry) {
		if (!has_root(p) || p->root_ino == 0)
			continue;
		dir = root_dir(p);
		there = statx(AT_FDCWD, dir, AT_STATX_DONT_SYNC |
		    AT_NO_AUTOMOUNT, STATX_INO, &now) == 0;
		successor = find_walker(parent, p->index, true);
		if (there && (makedev(now.stx_dev_major, now.stx_dev_minor) !=
		    p->root_dev || now.stx_ino != p->root_ino)) {
			if (successor != NULL)
				continue;
			log_info("%s is another directory now, its walker is "
			    "started again", dir);
			start_successor(p);
		} else if (successor != NULL)
			process_retire(successor);
	}
}

void
roots_renew(struct parent *parent)
{
	struct process	*p;

	TAILQ_FOREACH(p, &parent->processes, entry)
		if (has_root(p) && p->root_ino == 0 &&
		    find_walker(parent, p->index, true) == NULL)
			start_successor(p);
}
