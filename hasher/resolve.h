/*
 * Paths of one document root, looked up in the file system.  Whatever is
 * found or opened here was reached from the root's descriptor without leaving
 * it: openat2(2) with RESOLVE_BENEATH sees to that.
 */
#ifndef RESOLVE_H
#define RESOLVE_H

#include <sys/types.h>

#include "conf.h"
#include "listing.h"

struct root {
	int			 fd;
	const struct conf	*conf;
	uint32_t		 index;		/* in conf->roots */
	uint64_t		 link_logged_ms; /* for log_once() */
	uint64_t		 error_logged_ms;
};

/* "" or "/a/b": what clients see before this root's own paths. */
const char	*root_prefix(const struct root *);

/* 0, or -1: not what an honest front sends (it begins with a slash, and has
   no NUL and no . or .. component). */
int	 path_check(const char *, size_t);

/* 1 if this root is the one that serves the path, 0 if another one or none
   does. */
int	 root_serves(const struct root *, const char *path, size_t);

/* 1 if a deny pattern covers the path as it is written. */
int	 root_denies(const struct root *, const char *path, size_t);

/*
 * What is at this path (as clients write it)?  PATH_OK, with its identity,
 * for a regular file that this process may read.  Nothing is opened for
 * reading: a FIFO's writer and a device notice nothing.  deny is not asked.
 */
enum path_status root_find(struct root *, const char *path, size_t,
	    struct identity *);

/*
 * The same for a name that was read from a directory and may be one itself:
 * *type becomes S_IFREG, S_IFDIR or another one of stat(2), also with
 * PATH_NOT_FILE; 0 when there is nothing to be seen.
 */
enum path_status root_find_any(struct root *, const char *path, size_t,
	    struct identity *, mode_t *type);

/* Is this name a symbolic link?  0 when it has gone. */
int	 root_is_link(struct root *, const char *path, size_t);

/*
 * Open a regular file for reading.  deny is asked, root_serves() is not.  On
 * PATH_OK *fd is the caller's and the identity is that of *fd.
 */
enum path_status root_open(struct root *, const char *path, size_t,
	    struct identity *, int *fd);

/*
 * Open a directory to read it; follow: the last component may be a symbolic
 * link.  PATH_OK and *fd, or why not (PATH_MISSING when it is none).
 */
enum path_status root_open_dir(struct root *, const char *path, size_t,
	    bool follow, int *fd);

#endif
