/* SPDX-License-Identifier: ISC */
/*
 * A directory of the cache of which the names are read, some at a time.
 */
#ifndef DIR_H
#define DIR_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>

#define DIR_READ_LEN	8192		/* bytes of names at once */

struct dir {
	int		fd;		/* -1: closed */
	size_t		at;		/* in names */
	size_t		len;
	uint8_t		names[DIR_READ_LEN] __attribute__((__aligned__(8)));
};

/* Open a directory beneath another one, without links.  0, or -1 with errno and
   closed. */
int	dir_open(struct dir *, int at, const char *name);
/* The next name, "." and ".." among them.  NULL: there is none, with errno 0,
   or it cannot be read; a directory that was removed meanwhile reads as
   empty. */
const struct dirent64 *dir_next(struct dir *);
void	dir_close(struct dir *);	/* if it is open */

#endif
