/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "pkgtorrentd/tracker/pick.h"

/* Peers looked at for so many wanted ones: some may not be given. */
#define LOOKS(want)	(4 * (want) + 16)

static bool
pick_may_give(const struct pick *pick, enum region region,
    const struct peer *p)
{
	if (pick->seed && (p->flags & PEER_SEED))
		return false;
	if (p->region != REGION_INTERNET && p->region != region)
		return false;
	return p->port != pick->port || memcmp(p->addr, pick->addr, 16) != 0;
}

static bool
pick_has(const struct pick *pick, uint32_t i, uint32_t n)
{
	uint32_t k;

	for (k = 0; k < n; k++)
		if (pick->peers[k] == i)
			return true;
	return false;
}

/* Walk the ring from the asker on, so that not all get the same part of it. */
static void
pick_near(struct pick *pick, const struct swarms *s, uint32_t swarm)
{
	enum region region = region_of(pick->addr);
	uint32_t first = pick->self, want = (pick->want + 1) / 2, i, looks;

	if (first == POOL_NONE)
		first = swarms_leader(s, swarm, region_near(pick->addr));
	if (first == POOL_NONE)
		return;
	i = first;
	for (looks = LOOKS(want); pick->n < want && looks > 0; looks--) {
		if (pick_may_give(pick, region, swarms_peer(s, i)))
			pick->peers[pick->n++] = i;
		i = swarms_peer(s, i)->near_next;
		if (i == first)
			return;
	}
}

static void
pick_swap(const struct swarms *s, uint32_t *list, uint32_t a, uint32_t b)
{
	uint32_t peer = list[a];

	list[a] = list[b];
	list[b] = peer;
	swarms_peer(s, list[a])->slot = a;
	swarms_peer(s, list[b])->slot = b;
}

/*
 * Draw without putting back: those that were drawn stand at the beginning of
 * the seeds and of the others, of which the list has one after the other.
 */
static void
pick_random(struct pick *pick, struct swarms *s, uint32_t swarm)
{
	const struct swarm *sw = swarms_swarm(s, swarm);
	enum region region = region_of(pick->addr);
	uint32_t at[2] = { 0, sw->seeds };
	uint32_t left[2] = { pick->seed ? 0 : sw->seeds, sw->n - sw->seeds };
	uint32_t near = pick->n, i, k, looks;

	for (looks = LOOKS(pick->want); pick->n < pick->want && looks > 0 &&
	    left[0] + left[1] > 0; looks--) {
		i = swarms_chance(s, left[0] + left[1]);
		k = i >= left[0];
		i -= k * left[0];
		pick_swap(s, sw->list, at[k], at[k] + i);
		i = sw->list[at[k]++];
		left[k]--;
		if (pick_may_give(pick, region, swarms_peer(s, i)) &&
		    !pick_has(pick, i, near))
			pick->peers[pick->n++] = i;
	}
}

void
pick_peers(struct pick *pick, struct swarms *s, uint32_t swarm)
{
	pick->n = 0;
	if (pick->want == 0)
		return;
	pick_near(pick, s, swarm);
	pick_random(pick, s, swarm);
}
