/*
 * The mounts that files were seen on, and of which type each is.  The type is
 * asked for once for each mount, not for each file.
 */
#ifndef MOUNTS_H
#define MOUNTS_H

#include <sys/stat.h>

#include "common/fstype.h"
#include "common/msg.h"

#define MOUNTS_MAX	256	/* remembered; of more the oldest are dropped */

struct mount {
	uint64_t		 number;	/* without MOUNT_CHANGES() */
	const struct fstype	*type;
	uint32_t		 magic;		/* as statfs(2) says */
	bool			 stale;		/* it may be another one */
	bool			 told;		/* the log says what it is */
};

struct mounts {
	struct mount	 known[MOUNTS_MAX];
	unsigned	 n;
	unsigned	 next;		/* to be replaced once all are used */
	unsigned	 last;		/* found last, and most likely next */
	uint32_t	 changes;	/* of the mount table, so far */
	bool		 reused;	/* numbers come back on this kernel */
};

/* statx(2) with all that is wanted here.  0, or -1 with errno. */
int	mounts_stat(int dirfd, const char *name, int flags, struct statx *);

/* The mount of what was looked at; NULL: not known (any longer). */
struct mount	*mounts_find(struct mounts *, const struct statx *);
/*
 * The same, found out from a descriptor (O_PATH is enough) of the file.
 * NULL: fstatfs(2) failed, with errno, or another mount is there by now.
 */
struct mount	*mounts_learn(struct mounts *, const struct statx *, int fd);

/* The mount table was changed so often by now, or may have been: numbers that
   can be used again may be other mounts'. */
void	mounts_changed(struct mounts *, uint32_t changes);

/* What identity.mount is for a file there: 0 where the mount does not matter;
   type NULL: not known, so that it does. */
uint64_t mounts_identity(const struct mounts *, const struct fstype *,
	    const struct statx *);

#endif
