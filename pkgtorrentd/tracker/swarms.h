/* SPDX-License-Identifier: ISC */
/*
 * The swarms: for each info hash the peers that have announced themselves, in
 * memory.  It knows no process and no clock: the time is passed in, and so is
 * all randomness.
 *
 * Each peer is one of at most tracker-peers, of which one address (an IPv4
 * address, the /64 of an IPv6 one) has at most a hundredth, and
 * SWARMS_ADDRESS_MAX in one swarm.  When all are taken, a newcomer displaces a
 * peer of an address that has at least two more than its own, if some tries
 * find one; otherwise it is not listed.  So a flood, from however many
 * addresses, only takes from those that have the most.
 */
#ifndef SWARMS_H
#define SWARMS_H

#include "common/msg.h"
#include "pkgtorrentd/tracker/siphash.h"

#define SWARMS_ADDRESS_PART	100	/* one address has 1 in so many */
#define SWARMS_ADDRESS_MAX	4U	/* peers of it in one swarm */
#define SWARMS_SOON_S		5	/* no second change before that */

/* The time until the next announce: while a swarm has few peers and is young,
   and otherwise, give or take a tenth. */
#define SWARMS_SHORT_S		120
#define SWARMS_LONG_S		1800
#define SWARMS_SMALL		NUMWANT_MAX
#define SWARMS_YOUNG_S		1800

_Static_assert(SWARMS_SHORT_S >= INTERVAL_MIN_S &&
    SWARMS_LONG_S + SWARMS_LONG_S / 10 <= INTERVAL_MAX_S,
    "the front believes the intervals");

/* Without a word a peer stays for two intervals and a minute.  libtorrent never
   announces itself more often than every 300 seconds. */
#define SWARMS_SHORT_STAY_S	(2 * 300 + 60)
#define SWARMS_LONG_STAY_S	(2 * (SWARMS_LONG_S + SWARMS_LONG_S / 10) + 60)

/* Bytes of one answer. */
#define SWARMS_ANSWER_MAX	(sizeof(struct msg_peers_item) +	\
				    NUMWANT_MAX * PEER6_LEN)

struct swarms;

struct swarms_figures {
	uint32_t	peers;
	uint32_t	seeds;
	uint32_t	swarms;
	uint32_t	addresses;
	uint64_t	announces;	/* of all kinds */
	uint64_t	soon;		/* they changed nothing */
	uint64_t	unlisted;	/* for a limit */
	uint64_t	full;		/* newcomers that found no free place */
	uint64_t	displaced;	/* peers, by those */
	uint64_t	expired;	/* peers */
	size_t		memory;		/* bytes, without those of malloc(3) */
};

/* Without peers.  key is for the hashes and seed for chance: random numbers.
   NULL without memory. */
struct swarms	*swarms_new(uint32_t most, const uint64_t key[SIPHASH_KEY],
		    uint64_t seed);
void		 swarms_free(struct swarms *);
/* Another number of peers.  If there are more now, nobody is removed and nobody
   added until enough have left. */
void		 swarms_set_max(struct swarms *, uint32_t most);

/*
 * Do as an announce or a scrape says, and write the answer: a struct
 * msg_peers_item and its peers, at most SWARMS_ANSWER_MAX bytes.  now_s never
 * decreases.  Returns the length.
 */
size_t		 swarms_announce(struct swarms *,
		    const struct msg_announce_item *, uint32_t now_s,
		    uint8_t *answer);
/* Look at the next n places for expired peers, and remove those. */
void		 swarms_expire(struct swarms *, uint32_t now_s, uint32_t n);
/* The number of places to be looked at until all have had their turn. */
uint32_t	 swarms_places(const struct swarms *);
void		 swarms_count(const struct swarms *, struct swarms_figures *);

#endif
