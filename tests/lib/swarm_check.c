/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "pkgtorrentd/tracker/swarms_state.h"
#include "tests/lib/swarm_check.h"

static const char *
check_ring(const struct swarms *s, uint32_t i)
{
	const struct peer *p = swarms_peer(s, i), *at;
	uint64_t near = region_near(p->addr);
	uint32_t k = i, steps = 0, leaders = 0, leader = POOL_NONE;

	do {
		at = swarms_peer(s, k);
		if (at->swarm != p->swarm || region_near(at->addr) != near)
			return "a stranger in a ring";
		if (at->flags & PEER_LEADER) {
			leaders++;
			leader = k;
		}
		if (swarms_peer(s, at->near_next)->near_prev != k)
			return "a ring that leads elsewhere";
		k = at->near_next;
	} while (k != i && steps++ <= s->peers.n);
	if (k != i)
		return "a ring that does not end";
	if (leaders != 1 || swarms_leader(s, p->swarm, near) != leader)
		return "a ring with another leader";
	return NULL;
}

static const char *
check_swarm(const struct swarms *s, uint32_t i)
{
	const struct swarm *sw = swarms_swarm(s, i);
	const struct peer *p;
	uint32_t k;

	if (sw->n == 0 || sw->n > sw->room || sw->seeds > sw->n)
		return "the numbers of a swarm";
	for (k = 0; k < sw->n; k++) {
		p = swarms_peer(s, sw->list[k]);
		if (p->swarm != i || p->slot != k)
			return "the list of a swarm";
		if (((p->flags & PEER_SEED) != 0) != (k < sw->seeds))
			return "a seed in the wrong place";
	}
	return NULL;
}

static const char *
check_peer(const struct swarms *s, uint32_t i, uint32_t others)
{
	const struct peer *p = swarms_peer(s, i);
	const struct address *address = pool_at(&s->addresses, p->address);

	if (p->swarm >= s->swarms.used ||
	    swarms_swarm(s, p->swarm)->list[p->slot] != i)
		return "a peer without a swarm";
	if (address->number != region_address(p->addr) || address->peers == 0)
		return "a peer without an address";
	if (others > SWARMS_ADDRESS_MAX)
		return "too many of an address in a swarm";
	return check_ring(s, i);
}

/* Peers of the same address in the swarm of a peer. */
static uint32_t
others_of(const struct swarms *s, uint32_t i)
{
	const struct peer *p = swarms_peer(s, i), *at;
	const struct swarm *sw = swarms_swarm(s, p->swarm);
	uint32_t k, n = 0;

	for (k = 0; k < sw->n; k++) {
		at = swarms_peer(s, sw->list[k]);
		n += at->address == p->address;
	}
	return n;
}

const char *
swarm_check(const struct swarms *s)
{
	uint32_t i, n = 0, seeds = 0;
	const char *flaw;

	for (i = 0; i < s->peers.used; i++) {
		if (swarms_peer(s, i)->swarm == POOL_NONE)
			continue;
		n++;
		seeds += (swarms_peer(s, i)->flags & PEER_SEED) != 0;
		flaw = check_swarm(s, swarms_peer(s, i)->swarm);
		if (flaw == NULL)
			flaw = check_peer(s, i, others_of(s, i));
		if (flaw != NULL)
			return flaw;
	}
	if (n != s->peers.n || n != s->by_peer.n || seeds != s->figures.seeds)
		return "the number of peers";
	if (s->swarms.n != s->by_hash.n || s->addresses.n != s->by_address.n)
		return "the number of swarms or addresses";
	return s->swarms.n > n || s->addresses.n > n || s->near.n > n ?
	    "more swarms, addresses or rings than peers" : NULL;
}

static const char *
check_families(const struct msg_announce_item *item,
    const struct msg_peers_item *answer, const uint8_t *at)
{
	uint8_t self[PEER6_LEN];
	size_t i, k, len, n, skip;
	int family;

	memcpy(self, item->addr, 16);
	self[16] = (uint8_t)(item->port >> 8);
	self[17] = (uint8_t)item->port;
	for (family = 0; family < 2; family++) {
		len = family == 0 ? PEER4_LEN : PEER6_LEN;
		n = family == 0 ? answer->n4 : answer->n6;
		skip = region_is_v4(item->addr) == (family == 0) ?
		    PEER6_LEN - len : PEER6_LEN;
		for (i = 0; i < n; i++) {
			if (skip < PEER6_LEN &&
			    memcmp(at + i * len, self + skip, len) == 0)
				return "the asker itself";
			for (k = 0; k < i; k++)
				if (memcmp(at + i * len, at + k * len,
				    len) == 0)
					return "a peer twice";
		}
		at += n * len;
	}
	return NULL;
}

const char *
swarm_check_answer(const struct msg_announce_item *item,
    const uint8_t *answer, size_t len)
{
	struct msg_peers_item head;

	if (len < sizeof(head) || len > SWARMS_ANSWER_MAX)
		return "its length";
	memcpy(&head, answer, sizeof(head));
	if (head.id != item->id)
		return "its number";
	if (head.n4 + head.n6 > item->numwant ||
	    len != sizeof(head) + head.n4 * PEER4_LEN + head.n6 * PEER6_LEN)
		return "its peers";
	if (head.n4 + head.n6 > head.complete + head.incomplete ||
	    ((item->flags & ANNOUNCE_SEED) &&
	    head.n4 + head.n6 > head.incomplete))
		return "more peers than there are";
	if (head.interval_s != SWARMS_SHORT_S &&
	    (head.interval_s < SWARMS_LONG_S * 9 / 10 ||
	    head.interval_s > SWARMS_LONG_S * 11 / 10))
		return "its interval";
	if (head.result < ANNOUNCED || head.result > ANNOUNCED_SWARM)
		return "its result";
	return check_families(item, &head, answer + sizeof(head));
}
