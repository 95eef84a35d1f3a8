/*
 * Keeps the cache within its limits: counts it, removes what nobody used for
 * cache-age, what a crash or the original left, and then the least recently
 * used entries.  Works in short turns and in constant memory, however many
 * entries there are: a first pass over the directories makes a histogram of
 * bytes by age, a second one removes what is older than the histogram says.
 */
#ifndef SWEEP_H
#define SWEEP_H

#include "pkgtorrentd/cache/store.h"

struct sweep;

/* All its memory is allocated here: NULL without it. */
struct sweep	*sweep_new(struct store *);
/* How old entries may become.  This and the store's limit being new, a sweep
   is due. */
void		 sweep_configure(struct sweep *, uint64_t age_s);

/* Milliseconds to wait for messages until a turn is due; 0: do not wait. */
int		 sweep_wait_ms(const struct sweep *);
/* Work for a few milliseconds if a turn is due.  idle: no message waits. */
void		 sweep_turn(struct sweep *, bool idle);

#endif
