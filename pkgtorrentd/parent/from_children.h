/*
 * The messages of children to the parent.
 */
#ifndef FROM_CHILDREN_H
#define FROM_CHILDREN_H

#include "pkgtorrentd/parent/process.h"

/* Handle the messages of all processes of this parent. */
void	 from_children_listen(struct parent *);
/* A line of a child, for a terminal. */
void	 from_children_copy_line(char *out, size_t outlen, const void *line,
	    size_t);

#endif
