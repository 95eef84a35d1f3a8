/*
 * The table of mounts.  A process that looks at a file on a server that is
 * away may wait for ever: ask here first, where only the kernel is asked.
 */
#ifndef MOUNT_TABLE_H
#define MOUNT_TABLE_H

#include <sys/types.h>

#include <stdbool.h>

enum mount_way {
	MOUNT_LOCAL,		/* no server is on the way, nor at its end */
	MOUNT_REMOTE,		/* it ends where a server's files are mounted */
	MOUNT_THROUGH_REMOTE	/* or somewhere in them, or unknown */
};

/* Where does it lead?  The device is set of MOUNT_REMOTE. */
enum mount_way	 mount_table_follow(const char *path, dev_t *dev);
bool		 mount_table_dev_is_remote(dev_t);

#endif
