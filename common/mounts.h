/* SPDX-License-Identifier: ISC */
/*
 * The mounts on which files were seen, with the type of each.  The kernel is
 * asked for the type once per mount, not once per file.
 */
#ifndef MOUNTS_H
#define MOUNTS_H

#include <sys/stat.h>

#include <stdbool.h>

#include "common/msg.h"

#define MOUNTS_MAX	256	/* then the oldest is replaced */

/*
 * File systems that maintain the change time (ctime) of a file themselves, so
 * that it shows every change.
 *
 * On others the ctime comes from outside: images (squashfs, erofs, iso9660)
 * have the times and inode numbers with which they were built, vfat has
 * neither, and FUSE and overlays may show files of other mounts.  Two such
 * files can agree in every field of stat(2) and differ in their bytes; so there
 * the mount identifies a file too (struct identity).
 */
struct fstype {
	uint32_t	 magic;		/* f_type of statfs(2) */
	const char	*name;
	bool		 keeps_ctime;
	bool		 local;		/* its clock is the clock of this
					   machine */
};

/* Never NULL; for an unknown magic, a type with neither property. */
const struct fstype	*fstype_of(uint32_t magic);

struct mount {
	uint64_t		 number;	/* without MOUNT_CHANGES() */
	const struct fstype	*type;
	uint32_t		 magic;		/* of statfs(2) */
	bool			 stale;		/* may be another mount */
	bool			 told;		/* was logged */
};

struct mounts {
	struct mount	 known[MOUNTS_MAX];
	unsigned	 n;
	unsigned	 next;		/* to replace once all are used */
	unsigned	 last;		/* found last: likely the next one */
	uint32_t	 changes;	/* of the mount table so far */
	bool		 reused;	/* this kernel reuses numbers */
};

/* statx(2) with the fields that this module needs.  0, or -1 with errno. */
int	mounts_stat(int dirfd, const char *name, int flags, struct statx *);

/* The mount of a file; NULL: not known, or stale. */
struct mount	*mounts_find(struct mounts *, const struct statx *);
/*
 * Ask the kernel for the mount of a file, by a descriptor of it (O_PATH is
 * enough), and remember it.  NULL: fstatfs(2) failed, with errno, or the file
 * is on another mount by now.
 */
struct mount	*mounts_learn(struct mounts *, const struct statx *, int fd);

/* The mount table has had this many changes: a number that the kernel reuses
   may belong to another mount now. */
void	mounts_changed(struct mounts *, uint32_t changes);

/* identity.mount of a file: 0 if its file system keeps change times, so that
   the mount does not matter; type NULL: not known, so it matters. */
uint64_t mounts_identity(const struct mounts *, const struct fstype *,
	    const struct statx *);

#endif
