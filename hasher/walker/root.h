/* SPDX-License-Identifier: ISC */
/*
 * One document root: looks up and opens paths below it.  Every look-up starts
 * at the root's descriptor and cannot leave the root, by openat2(2) with
 * RESOLVE_BENEATH.  Paths are given as clients write them, with the root's
 * prefix, and have passed the walker's checks.
 */
#ifndef ROOT_H
#define ROOT_H

#include <sys/types.h>

#include "common/conf/conf.h"
#include "common/listing.h"
#include "common/mounts.h"

#define ROOT_LOG_MS	60000	/* log_once(): between lines of one kind */

/* The caller sets fd, conf and index, and parent_fd to -1. */
struct root {
	int			 fd;
	const struct conf	*conf;
	uint32_t		 index;		/* in conf->roots */
	uint64_t		 link_logged_ms;
	uint64_t		 error_logged_ms;
	uint64_t		 unreadable_logged_ms;
	uint64_t		 control_logged_ms;
	uint64_t		 mount_logged_ms;
	uint64_t		 long_logged_ms;
	struct mounts		 mounts;
	/* The directory of the last look-up, kept until root_forget() because
	   most paths of a request lie in one directory. */
	int			 parent_fd;	/* -1: none */
	size_t			 parent_len;
	char			 parent[SPEC_MAX + 1];
};

/* The result of a look-up. */
struct seen {
	struct identity		 identity;	/* with PATH_OK */
	mode_t			 type;		/* S_IF…; 0: nothing */
	bool			 young;		/* an empty file that is not
						   identity_settled() */
	bool			 link;		/* the name is a symbolic
						   link */
};

/*
 * Called in the sandbox.  Try each kind of call once; the process exits if one
 * is refused.  Fill in the root's device and inode for READY.  Log a file
 * system that allows torrents to be remembered only in memory.
 */
void	 root_start(struct root *, struct msg_ready *);

/* The prefix of its paths in the configuration, "" for none. */
const char *root_prefix(const struct root *);

/* PATH_OK; PATH_MISSING: this root does not serve the path; PATH_REFUSED: a
   deny pattern covers it.  The file system is not asked. */
enum path_status root_admits(const struct root *, const char *path, size_t);

/*
 * Look a path up.  PATH_OK: a regular file that this process may read.
 * Nothing is opened for reading, so that a FIFO's writer and a device notice
 * nothing.  Refused links, unreadable files and errors of the file system are
 * logged, each kind once a minute with an example.
 */
enum path_status root_look(struct root *, const char *path, size_t,
	    struct seen *);

/*
 * Open a regular file for reading; with O_DIRECTORY in flags a directory, and
 * with O_NOFOLLOW not if its last component is a link.  With PATH_OK the
 * caller owns *fd, and *seen is of *fd (of a directory it is not set);
 * otherwise *fd is -1.  Logs as root_look() does.
 */
enum path_status root_open(struct root *, const char *path, size_t, int flags,
	    struct seen *, int *fd);

/* Drop the cached directory.  To be called before anybody else had time to
   change something, at the latest after a turn. */
void	 root_forget(struct root *);

#endif
