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

/* Milliseconds until there is something to do: 0 is now. */
uint64_t	 sweep_wait_ms(const struct sweep *, uint64_t now_ms);
/* Is there something that writes wait for? */
bool		 sweep_is_urgent(const struct sweep *);
/* Work for a few milliseconds, if there is something to do. */
void		 sweep_turn(struct sweep *);

struct sweep_stats {
	uint64_t	done;		/* sweeps */
	uint64_t	expired;	/* entries not used for cache-age */
	uint64_t	evicted;	/* entries removed for cache-size */
};

const struct sweep_stats *sweep_stats(const struct sweep *);

#endif
