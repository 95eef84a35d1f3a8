/*
 * File systems that maintain the change time (ctime) of a file themselves, so
 * that it shows every change.  Pure.
 *
 * On others the ctime comes from outside: images (squashfs, erofs, iso9660)
 * have the times and inode numbers with which they were built, vfat has
 * neither, and FUSE and overlays may show files of other mounts.  Two such
 * files can agree in every field of stat(2) and differ in their bytes; so there
 * the mount identifies a file too (struct identity).
 */
#ifndef FSTYPE_H
#define FSTYPE_H

#include <stdbool.h>
#include <stdint.h>

struct fstype {
	uint32_t	 magic;		/* f_type of statfs(2) */
	const char	*name;
	bool		 keeps_ctime;
	bool		 local;		/* its clock is the clock of this
					   machine */
};

/* Never NULL; for an unknown magic, a type with neither property. */
const struct fstype	*fstype_of(uint32_t magic);

#endif
