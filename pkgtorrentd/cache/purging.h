/* SPDX-License-Identifier: ISC */
/*
 * Purging: the piece lists of a path, and of all that is below it, at any piece
 * length, and the entries of info/ that name such a file, are removed.  The
 * directories tell: the mirror may have the file no longer.  It works in turns,
 * and in constant memory for any number of entries.
 *
 * Packs go first.  An entry in the making may have read a list before, so it is
 * dropped then; one that begins later finds none.
 */
#ifndef PURGING_H
#define PURGING_H

#include "pkgtorrentd/cache/packs.h"
#include "pkgtorrentd/cache/request.h"

struct purging;

/* NULL without memory. */
struct purging	*purging_new(struct child *, struct store *, struct packs *,
		    struct requests *);
/* For MSG_CONTROL with CONTROL_PURGE, or CONTROL_STOP: one after another. */
void		 purging_on_control(struct purging *, const struct msg *);
/* Work for one turn.  false: there is no work. */
bool		 purging_turn(struct purging *);

#endif
