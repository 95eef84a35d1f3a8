/* SPDX-License-Identifier: ISC */
/*
 * Keeps the cache within its limits.  A sweep counts a tree and removes what
 * was not used for cache-age, leftovers of a crash, of version 0.1.0 or of the
 * original, and then what was used least recently, until the tree is within its
 * share; the other tree makes no room for it.  It works in short turns and in
 * constant memory for any number of entries: a pass over the directories counts
 * bytes, a second one makes a histogram of them by age where that is not known
 * yet, and the last one removes what is older than the histogram allows.
 *
 * An entry of info/ has its age in its mtime.  Of a pack the mtime is the
 * latest use of a record, so that most passes only stat(2) packs; their records
 * are read once a day, and when the share is used.  A pack is written again if
 * that gives a block back.
 *
 * The next sweep comes after an hour, and no earlier than SPARE times the CPU
 * time of the last one; a tree that has no room is swept at once.
 */
#ifndef SWEEP_H
#define SWEEP_H

#include "pkgtorrentd/cache/packs.h"

struct sweep;

/* Allocates all memory of the sweep; NULL without it. */
struct sweep	*sweep_new(struct store *, struct packs *);

/*
 * Work for a few milliseconds if a turn is due, as it is after a change of the
 * store's limits.  idle: no message waits.  Returns the milliseconds to wait
 * for messages until the next turn is due, or 0.
 */
int		 sweep_turn(struct sweep *, bool idle);

#endif
