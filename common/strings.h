/* Lists of strings.  Pure. */
#ifndef STRINGS_H
#define STRINGS_H

#include <stddef.h>

/* All memory in it is its own. */
struct strings {
	char	**v;
	size_t	  n;
};

/* Appends a copy.  0, or -1 with ENOMEM. */
int	strings_add(struct strings *, const char *);
/* The list is empty afterwards, and may be used again. */
void	strings_free(struct strings *);

#endif
