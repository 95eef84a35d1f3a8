/* SPDX-License-Identifier: ISC */
/*
 * The swarms inside: swarms.c changes them, and pick.c chooses from them.
 */
#ifndef SWARMS_STATE_H
#define SWARMS_STATE_H

#include "pkgtorrentd/tracker/region.h"
#include "pkgtorrentd/tracker/swarms.h"
#include "pkgtorrentd/tracker/table.h"

#define PEER_SEED	0x1	/* in flags: it has everything */
#define PEER_SHORT	0x2	/* it was told the short interval */
#define PEER_LEADER	0x4	/* of its ring, in the table near */

/* One for each swarm that an address is in with a port. */
struct peer {
	uint8_t		addr[16];
	uint16_t	port;
	uint8_t		flags;		/* PEER_ */
	uint8_t		region;		/* enum region */
	uint32_t	swarm;		/* POOL_NONE: this is no peer */
	uint32_t	slot;		/* in the swarm's list */
	uint32_t	address;
	uint32_t	next;		/* in the table of peers */
	uint32_t	seen_s;		/* its last change */
	/* The ring of those of its swarm that are near it. */
	uint32_t	near_next;
	uint32_t	near_prev;
	uint32_t	near_link;	/* in the table near, of a leader */
};

struct swarm {
	uint8_t		 info_hash[SHA1_LEN];
	uint32_t	 next;		/* in the table of swarms */
	uint32_t	 born_s;
	uint32_t	 downloaded;
	uint32_t	 n;
	uint32_t	 seeds;		/* they are the first in the list */
	uint32_t	 room;
	uint32_t	*list;		/* peers */
};

struct address {
	uint64_t	number;		/* region_address() */
	uint32_t	peers;
	uint32_t	next;		/* in the table of addresses */
};

struct swarms {
	uint32_t	 most;		/* peers */
	uint64_t	 key[SIPHASH_KEY];
	uint64_t	 chance;
	struct pool	 peers;
	struct pool	 swarms;
	struct pool	 addresses;
	/* By swarm and address; by info hash; by address; the leaders of rings
	   by swarm and neighbourhood. */
	struct table	 by_peer;
	struct table	 by_hash;
	struct table	 by_address;
	struct table	 near;
	uint32_t	 hand;		/* of swarms_expire() */
	size_t		 lists;		/* bytes */
	struct swarms_figures figures;
};

static inline struct peer *
swarms_peer(const struct swarms *s, uint32_t i)
{
	return pool_at(&s->peers, i);
}

static inline struct swarm *
swarms_swarm(const struct swarms *s, uint32_t i)
{
	return pool_at(&s->swarms, i);
}

/* A random number below n (splitmix64). */
static inline uint32_t
swarms_chance(struct swarms *s, uint32_t n)
{
	uint64_t x = s->chance += 0x9e3779b97f4a7c15U;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
	x = (x ^ x >> 27) * 0x94d049bb133111ebU;
	x ^= x >> 31;
	return (uint32_t)((x >> 32) * n >> 32);
}

/* The leader of the ring of a neighbourhood in a swarm, or POOL_NONE. */
uint32_t	swarms_leader(const struct swarms *, uint32_t swarm,
		    uint64_t near);

#endif
