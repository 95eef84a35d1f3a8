/*
 * The set of children.
 */
#ifndef CHILDREN_H
#define CHILDREN_H

#include "pkgtorrentd/parent/process.h"

/* The running front; NULL while there is none. */
struct process	*children_front(struct parent *);
/* How many processes of a role a configuration wants. */
uint32_t children_count(const struct conf *, enum role);
/* Some may have ended: reap them, and tell their owners (ops->ended). */
void	 children_reap(struct parent *);

#endif
