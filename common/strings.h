/* SPDX-License-Identifier: ISC */
/*
 * Lists of strings.  Pure.
 */
#ifndef STRINGS_H
#define STRINGS_H

#include <stddef.h>

/* It owns all its memory. */
struct strings {
	char	**v;
	size_t	  n;
};

/* Append a copy.  0, or -1 with ENOMEM. */
int	strings_add(struct strings *, const char *);
/* Free all strings; the empty list may be used again. */
void	strings_free(struct strings *);

#endif
