/* SPDX-License-Identifier: ISC */
/*
 * The choice of peers for an answer: those near the asker first, for up to half
 * of the answer, then any of the swarm at random.  Seeds are not given to
 * seeds, nor anybody to itself, nor an address of a site, a link or a host to
 * an asker elsewhere.
 */
#ifndef PICK_H
#define PICK_H

#include "pkgtorrentd/tracker/swarms_state.h"

struct pick {
	/* The asker. */
	const uint8_t	*addr;
	uint16_t	 port;
	bool		 seed;
	uint32_t	 self;		/* its peer; POOL_NONE: not listed */
	uint32_t	 want;		/* at most NUMWANT_MAX */
	/* The choice. */
	uint32_t	 peers[NUMWANT_MAX];
	uint32_t	 n;
};

/* Choose peers of a swarm.  Its list is shuffled by that. */
void	pick_peers(struct pick *, struct swarms *, uint32_t swarm);

#endif
