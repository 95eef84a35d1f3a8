/* SPDX-License-Identifier: ISC */
/*
 * The table of mounts.  A system call on a file of a server that does not
 * answer may wait for ever; these functions find such paths first.
 */
#ifndef MOUNT_TABLE_H
#define MOUNT_TABLE_H

#include <sys/types.h>

#include <stdbool.h>

enum mount_way {
	MOUNT_LOCAL,		/* no server on the way, nor at the end */
	MOUNT_REMOTE,		/* the path ends at a server's mount */
	MOUNT_THROUGH_REMOTE	/* or below one, or unknown */
};

/* Follow a path.  Sets the device for MOUNT_REMOTE. */
enum mount_way	 mount_table_follow(const char *path, dev_t *dev);
bool		 mount_table_dev_is_remote(dev_t);

#endif
