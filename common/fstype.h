/*
 * Which file systems keep the change time (ctime) of a file by themselves, so
 * that it tells of every change.  Pure.
 *
 * Elsewhere it comes from outside: an image (squashfs, erofs, iso9660) brings
 * the times and inode numbers that it was made with, vfat has none of either,
 * what FUSE and overlays show may be other mounts' files.  Two of those can
 * agree in all that stat(2) says of a file and differ in its bytes; there a
 * file is known by its mount as well (struct identity).
 */
#ifndef FSTYPE_H
#define FSTYPE_H

#include <stdbool.h>
#include <stdint.h>

struct fstype {
	uint32_t	 magic;		/* f_type of statfs(2) */
	const char	*name;
	bool		 keeps_ctime;
	bool		 local;		/* its clock is this machine's */
};

/* Never NULL: what is not in the table is neither. */
const struct fstype	*fstype_of(uint32_t magic);

#endif
