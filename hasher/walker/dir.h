/* Names in a directory, read a few at a time. */
#ifndef DIR_H
#define DIR_H

#include <dirent.h>

#include "hasher/walker/resolve.h"

/*
 * The directory that was last read with it, if it was small: lists of globs
 * for one directory need not read it each time.
 */
struct dir_cache {
	char		*path;
	struct buf	 names;
	bool		 whole;
};

struct dir {
	int			 fd;	/* -1: the names are in a cache */
	const uint8_t		*names;	/* as from getdents64(2) */
	size_t			 len;
	size_t			 at;
	int			 error;	/* errno that ended it early, or 0 */
	struct dir_cache	*filling;
	uint8_t			*room;
};

/*
 * Begin with a directory: *dir is zero, or was closed.  follow: the last
 * component may be a symbolic link.  cache may be NULL; else it outlives the
 * dir.  PATH_OK, or why not.
 */
enum path_status dir_open(struct dir *, struct root *, const char *path,
	    size_t, bool follow, struct dir_cache *cache);
/* The next entry, without "." and "..", or NULL at the end, which is not that
   of the directory when there is dir->error.  It is good until the next
   call. */
const struct dirent64	*dir_next(struct dir *);
void	 dir_close(struct dir *);

/* Memory that dir_close() leaves for the next dir_open(). */
void	 dir_free(struct dir *);
void	 dir_cache_free(struct dir_cache *);

#endif
