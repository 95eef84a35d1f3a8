/* SPDX-License-Identifier: ISC */
/*
 * Makes an entry of info/ in turns: from the sealed listings of a digest, and
 * the pieces that are stored already.
 */
#ifndef MAKING_H
#define MAKING_H

#include "common/conf/conf.h"
#include "common/str.h"
#include "pkgtorrentd/cache/packs.h"

struct making;

/*
 * listing holds the listings of all walkers, one after another; their seals
 * have been checked.  They must be complete: every spec once, and of this
 * digest.  *out is NULL if there is no memory for it.  0, or
 * -1: the listings are wrong or not of this digest.
 */
int	making_new(struct store *, struct packs *, const struct conf *,
	    const uint8_t digest[SHA1_LEN], enum piece_kind,
	    const struct buf *listing, struct making **out);
void	making_free(struct making *);		/* NULL is fine */
/* Does it name a file in this tree?  One with a long listing may. */
bool	making_touches(const struct making *, struct str tree);
/* The bytes that it will need; 0: it is not known yet. */
uint64_t making_need(const struct making *);
/*
 * Work until this time of clock_us(), and a little more, or until it is known
 * how many bytes it will need.  true: the entry is stored, or cannot be: if
 * pieces are missing, or of another version.  Without files it is removed.
 */
bool	making_run(struct making *, uint64_t ends_us);

#endif
