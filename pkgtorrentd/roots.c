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
	return p->role == ROLE_WALKER && !p->retired && p->ready_ms != 0 &&
	    p->channel.fd != -1;
}

/* It ends when it notices, and its place is filled again. */
static void
renew(struct process *p)
{
	p->killed = true;
	process_hang_up(p);
}

void
roots_check(struct parent *parent)
{
	struct process	*p;
	struct statx	 now;
	const char	*dir;

	TAILQ_FOREACH(p, &parent->processes, entry) {
		if (!has_root(p) || p->root_ino == 0)
			continue;
		dir = parent->conf->roots[p->index].dir;
		if (statx(AT_FDCWD, dir, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		    STATX_INO, &now) == -1 ||
		    (makedev(now.stx_dev_major, now.stx_dev_minor) ==
		    p->root_dev && now.stx_ino == p->root_ino))
			continue;
		log_info("%s is another directory now, its walker is started "
		    "again", dir);
		renew(p);
	}
}

void
roots_renew(struct parent *parent)
{
	struct process	*p;

	TAILQ_FOREACH(p, &parent->processes, entry)
		if (has_root(p) && p->root_ino == 0)
			renew(p);
}
