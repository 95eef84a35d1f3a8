/* SPDX-License-Identifier: ISC */
/*
 * Keeps the cache within its limits.  A sweep counts a tree and removes
 * entries that were not used for cache-age, leftovers of a crash or of the
 * original, and then the least recently used entries, until the tree is within
 * its share; the other tree makes no room for it.  It works in short turns and
 * in constant memory for any number of entries: a first pass over the
 * directories makes a histogram of bytes by age, and a second one removes the
 * entries that are older than the histogram allows.  Once an hour all trees are
 * swept, otherwise those alone that have no room.
 */
#ifndef SWEEP_H
#define SWEEP_H

#include "pkgtorrentd/cache/store.h"

struct sweep;

/* Allocates all memory of the sweep; NULL without it. */
struct sweep	*sweep_new(struct store *);

/*
 * Work for a few milliseconds if a turn is due, as it is after a change of the
 * store's limits.  idle: no message waits.  Returns the milliseconds to wait
 * for messages until the next turn is due, or 0.
 */
int		 sweep_turn(struct sweep *, bool idle);

#endif
