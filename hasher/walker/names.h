/* SPDX-License-Identifier: ISC */
/*
 * The names of a directory in strcmp order.  Reading, sorting and taking them
 * goes in small steps, however many there are, and needs no descriptor once
 * they are read: each buffer of getdents64(2) is sorted by itself, and they are
 * merged as names are taken.
 */
#ifndef NAMES_H
#define NAMES_H

#include <dirent.h>
#include <stddef.h>

struct names_run;

/* Begins zeroed. */
struct names {
	struct names_run	**heap;		/* the one with the first
						   name is heap[0] */
	size_t			 n;
	size_t			 cap;
	struct names_run	*taken;		/* from the last time */
	size_t			 bytes;		/* of memory */
};

/* Read a buffer more of an open directory.  1; 0 at its end; -1 with errno. */
int	 names_read(struct names *, int fd);
/*
 * Take the first name, but for "." and "..", once all are read.  It is valid
 * until the next call; NULL: there are no more.
 */
const struct dirent64 *names_take(struct names *);
/* Free the memory and zero it. */
void	 names_free(struct names *);

#endif
