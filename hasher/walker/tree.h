/* SPDX-License-Identifier: ISC */
/*
 * The walk of a tree for the front, which asks for one part after another.  The
 * walk is kept between two parts; one that begins at another place is found
 * again by its position.
 */
#ifndef TREE_H
#define TREE_H

#include "common/buf.h"
#include "hasher/walker/glob.h"

/* Begins zeroed. */
struct tree {
	bool		 asked;		/* a part is under way */
	struct msg_walked answer;	/* to that */
	struct buf	 tail;		/* of it */
	uint64_t	 used_us;	/* for it */
	bool		 begun;		/* walk and path are set */
	struct walk	 walk;
	struct glob_tree glob;		/* .after: the position */
	size_t		 path_len;
	char		 path[SPEC_MAX + 1];
};

/* For MSG_WALK.  Returns the fault in its content: it asks for a second part,
   or its paths are wrong. */
enum msg_fault tree_ask(struct tree *, const struct msg *);
/*
 * Work for one turn of turn_us on the part that was asked for.  1: it is done,
 * answer and tail are there until the next tree_ask(); 0: not yet.
 */
int	 tree_run(struct tree *, struct root *, uint64_t turn_us);
/* Drop it all. */
void	 tree_free(struct tree *);

#endif
