/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "pkgtorrentd/tracker/pick.h"

/* A swarm's list begins with the least that malloc(3) gives. */
#define LIST_MIN	6U
/* Peers looked at for one that has to make room. */
#define DISPLACE_LOOKS	16

struct asker {
	const struct msg_announce_item *item;
	uint64_t	address;
	uint32_t	now_s;
};

/* Where its peer is, and how many others of its address are in the swarm. */
struct place {
	uint32_t	swarm;		/* POOL_NONE: there is none */
	uint32_t	peer;		/* the same */
	uint32_t	others;
};

static uint32_t
hash_info(const struct swarms *s, const uint8_t info_hash[SHA1_LEN])
{
	uint64_t words[3] = { 0 };

	memcpy(words, info_hash, SHA1_LEN);
	return (uint32_t)siphash(s->key, words, 3);
}

static uint32_t
hash_pair(const struct swarms *s, uint64_t number, uint32_t swarm)
{
	const uint64_t words[2] = { number, swarm };

	return (uint32_t)siphash(s->key, words, 2);
}

static uint32_t
swarm_hash(const void *owner, uint32_t i)
{
	const struct swarms *s = owner;

	return hash_info(s, swarms_swarm(s, i)->info_hash);
}

static uint32_t
address_hash(const void *owner, uint32_t i)
{
	const struct swarms *s = owner;
	const struct address *address = pool_at(&s->addresses, i);

	return (uint32_t)siphash(s->key, &address->number, 1);
}

static uint32_t
peer_hash(const void *owner, uint32_t i)
{
	const struct swarms *s = owner;
	const struct peer *p = swarms_peer(s, i);

	return hash_pair(s, region_address(p->addr), p->swarm);
}

static uint32_t
near_hash(const void *owner, uint32_t i)
{
	const struct swarms *s = owner;
	const struct peer *p = swarms_peer(s, i);

	return hash_pair(s, region_near(p->addr), p->swarm);
}

struct swarms *
swarms_new(uint32_t most, const uint64_t key[SIPHASH_KEY], uint64_t seed)
{
	struct swarms *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->most = most;
	memcpy(s->key, key, sizeof(s->key));
	s->chance = seed;
	pool_init(&s->peers, sizeof(struct peer));
	pool_init(&s->swarms, sizeof(struct swarm));
	pool_init(&s->addresses, sizeof(struct address));
	if (table_init(&s->by_peer, &s->peers, offsetof(struct peer, next),
	    peer_hash, s) == -1 ||
	    table_init(&s->near, &s->peers, offsetof(struct peer, near_link),
	    near_hash, s) == -1 ||
	    table_init(&s->by_hash, &s->swarms, offsetof(struct swarm, next),
	    swarm_hash, s) == -1 ||
	    table_init(&s->by_address, &s->addresses,
	    offsetof(struct address, next), address_hash, s) == -1) {
		swarms_free(s);
		return NULL;
	}
	return s;
}

void
swarms_free(struct swarms *s)
{
	uint32_t i;

	/* The list of one that was given back is NULL. */
	for (i = 0; i < s->swarms.used; i++)
		free(swarms_swarm(s, i)->list);
	table_free(&s->by_peer);
	table_free(&s->near);
	table_free(&s->by_hash);
	table_free(&s->by_address);
	pool_free(&s->peers);
	pool_free(&s->swarms);
	pool_free(&s->addresses);
	free(s);
}

void
swarms_set_max(struct swarms *s, uint32_t most)
{
	s->most = most;
}

static uint32_t
swarm_find(const struct swarms *s, const uint8_t info_hash[SHA1_LEN])
{
	uint32_t i;

	for (i = table_first(&s->by_hash, hash_info(s, info_hash));
	    i != POOL_NONE; i = table_next(&s->by_hash, i))
		if (memcmp(swarms_swarm(s, i)->info_hash, info_hash,
		    SHA1_LEN) == 0)
			break;
	return i;
}

static uint32_t
swarm_make(struct swarms *s, const struct asker *asker)
{
	uint32_t i = pool_take(&s->swarms, s->most);

	if (i == POOL_NONE)
		return i;
	memcpy(swarms_swarm(s, i)->info_hash, asker->item->info_hash,
	    SHA1_LEN);
	swarms_swarm(s, i)->born_s = asker->now_s;
	table_add(&s->by_hash, i);
	return i;
}

/* A swarm ends with its last peer. */
static void
swarm_end(struct swarms *s, uint32_t i)
{
	struct swarm *sw = swarms_swarm(s, i);

	table_remove(&s->by_hash, i);
	s->lists -= sw->room * sizeof(*sw->list);
	free(sw->list);
	sw->list = NULL;
	pool_give(&s->swarms, i);
}

static int
swarm_resize(struct swarms *s, struct swarm *sw, uint32_t room)
{
	uint32_t *list = reallocarray(sw->list, room, sizeof(*list));

	if (list == NULL)
		return -1;
	s->lists += ((size_t)room - sw->room) * sizeof(*list);
	sw->list = list;
	sw->room = room;
	return 0;
}

static void
swarm_put(struct swarms *s, struct swarm *sw, uint32_t slot, uint32_t peer)
{
	sw->list[slot] = peer;
	swarms_peer(s, peer)->slot = slot;
}

/* Move a peer between the seeds and the others of the list. */
static void
swarm_set_seed(struct swarms *s, uint32_t peer, bool seed)
{
	struct peer *p = swarms_peer(s, peer);
	struct swarm *sw = swarms_swarm(s, p->swarm);
	uint32_t border;

	if (seed == ((p->flags & PEER_SEED) != 0))
		return;
	border = seed ? sw->seeds++ : --sw->seeds;
	s->figures.seeds = s->figures.seeds + (seed ? 1 : -1U);
	swarm_put(s, sw, p->slot, sw->list[border]);
	swarm_put(s, sw, border, peer);
	p->flags ^= PEER_SEED;
}

static uint32_t
address_find(const struct swarms *s, uint64_t number)
{
	const struct address *address;
	uint32_t i;

	for (i = table_first(&s->by_address, (uint32_t)siphash(s->key,
	    &number, 1)); i != POOL_NONE; i = table_next(&s->by_address, i)) {
		address = pool_at(&s->addresses, i);
		if (address->number == number)
			break;
	}
	return i;
}

static uint32_t
address_peers(const struct swarms *s, uint32_t i)
{
	const struct address *address = pool_at(&s->addresses, i);

	return address->peers;
}

uint32_t
swarms_leader(const struct swarms *s, uint32_t swarm, uint64_t near)
{
	const struct peer *p;
	uint32_t i;

	for (i = table_first(&s->near, hash_pair(s, near, swarm));
	    i != POOL_NONE; i = table_next(&s->near, i)) {
		p = swarms_peer(s, i);
		if (p->swarm == swarm && region_near(p->addr) == near)
			break;
	}
	return i;
}

static void
near_join(struct swarms *s, uint32_t i)
{
	struct peer *p = swarms_peer(s, i), *leader;
	uint32_t first = swarms_leader(s, p->swarm, region_near(p->addr));

	if (first == POOL_NONE) {
		p->near_next = p->near_prev = i;
		p->flags |= PEER_LEADER;
		table_add(&s->near, i);
		return;
	}
	leader = swarms_peer(s, first);
	p->near_next = leader->near_next;
	p->near_prev = first;
	swarms_peer(s, p->near_next)->near_prev = i;
	leader->near_next = i;
}

static void
near_leave(struct swarms *s, uint32_t i)
{
	struct peer *p = swarms_peer(s, i);

	if (p->flags & PEER_LEADER)
		table_remove(&s->near, i);
	if (p->near_next == i)
		return;
	swarms_peer(s, p->near_next)->near_prev = p->near_prev;
	swarms_peer(s, p->near_prev)->near_next = p->near_next;
	if (p->flags & PEER_LEADER) {
		swarms_peer(s, p->near_next)->flags |= PEER_LEADER;
		table_add(&s->near, p->near_next);
	}
}

static void
peer_find(const struct swarms *s, const struct asker *asker,
    struct place *place)
{
	const struct msg_announce_item *item = asker->item;
	const struct peer *p;
	uint32_t i;

	place->peer = POOL_NONE;
	place->others = 0;
	place->swarm = swarm_find(s, item->info_hash);
	if (place->swarm == POOL_NONE)
		return;
	for (i = table_first(&s->by_peer, hash_pair(s, asker->address,
	    place->swarm)); i != POOL_NONE; i = table_next(&s->by_peer, i)) {
		p = swarms_peer(s, i);
		if (p->swarm != place->swarm ||
		    region_address(p->addr) != asker->address)
			continue;
		if (p->port == item->port &&
		    memcmp(p->addr, item->addr, 16) == 0)
			place->peer = i;
		else
			place->others++;
	}
}

static void
peer_remove(struct swarms *s, uint32_t i)
{
	struct peer *p = swarms_peer(s, i);
	struct swarm *sw = swarms_swarm(s, p->swarm);
	struct address *address = pool_at(&s->addresses, p->address);

	swarm_set_seed(s, i, false);
	swarm_put(s, sw, p->slot, sw->list[--sw->n]);
	if (sw->n == 0)
		swarm_end(s, p->swarm);
	else if (sw->room > LIST_MIN && sw->n <= sw->room / 4)
		(void)swarm_resize(s, sw, sw->room / 2);
	near_leave(s, i);
	table_remove(&s->by_peer, i);
	if (--address->peers == 0) {
		table_remove(&s->by_address, p->address);
		pool_give(&s->addresses, p->address);
	}
	p->swarm = POOL_NONE;
	pool_give(&s->peers, i);
}

/* Room in the list of the asker's swarm, which may be a new one.  0, or -1
   without memory. */
static int
swarm_prepare(struct swarms *s, const struct asker *asker,
    struct place *place)
{
	struct swarm *sw;

	if (place->swarm == POOL_NONE)
		place->swarm = swarm_make(s, asker);
	if (place->swarm == POOL_NONE)
		return -1;
	sw = swarms_swarm(s, place->swarm);
	if (sw->n < sw->room || swarm_resize(s, sw, sw->room == 0 ? LIST_MIN :
	    2 * sw->room) == 0)
		return 0;
	if (sw->n == 0)
		swarm_end(s, place->swarm);
	place->swarm = POOL_NONE;
	return -1;
}

static uint32_t
address_make(struct swarms *s, uint64_t number)
{
	struct address *address;
	uint32_t i = address_find(s, number);

	if (i != POOL_NONE)
		return i;
	i = pool_take(&s->addresses, s->most);
	if (i == POOL_NONE)
		return i;
	address = pool_at(&s->addresses, i);
	address->number = number;
	table_add(&s->by_address, i);
	return i;
}

/* 0, or -1 without memory. */
static int
peer_add(struct swarms *s, const struct asker *asker, struct place *place)
{
	const struct msg_announce_item *item = asker->item;
	struct address *address;
	struct swarm *sw;
	struct peer *p;
	uint32_t i, at;

	i = pool_take(&s->peers, s->most);
	if (i == POOL_NONE)
		return -1;
	p = swarms_peer(s, i);
	p->swarm = POOL_NONE;
	at = address_make(s, asker->address);
	if (at == POOL_NONE || swarm_prepare(s, asker, place) == -1) {
		if (at != POOL_NONE && address_peers(s, at) == 0) {
			table_remove(&s->by_address, at);
			pool_give(&s->addresses, at);
		}
		pool_give(&s->peers, i);
		return -1;
	}
	memcpy(p->addr, item->addr, 16);
	p->port = item->port;
	p->region = (uint8_t)region_of(item->addr);
	p->swarm = place->swarm;
	p->address = at;
	p->seen_s = asker->now_s;
	address = pool_at(&s->addresses, at);
	address->peers++;
	sw = swarms_swarm(s, place->swarm);
	swarm_put(s, sw, sw->n++, i);
	table_add(&s->by_peer, i);
	near_join(s, i);
	place->peer = i;
	return 0;
}

static bool
peer_is_over(const struct peer *p, uint32_t now_s)
{
	return now_s - p->seen_s > (p->flags & PEER_SHORT ?
	    SWARMS_SHORT_STAY_S : SWARMS_LONG_STAY_S);
}

/* All places are taken: remove an expired peer, or one of an address that has
   two more than that of the newcomer.  False: none was found, or there are more
   peers than places. */
static bool
swarms_displace(struct swarms *s, uint32_t peers, uint32_t now_s)
{
	uint32_t i, n, looks, best = POOL_NONE, most = peers + 1;
	const struct peer *p;

	for (looks = s->peers.n > s->most ? 0 : DISPLACE_LOOKS; looks > 0;
	    looks--) {
		i = swarms_chance(s, s->peers.used);
		p = swarms_peer(s, i);
		if (p->swarm == POOL_NONE)
			continue;
		if (peer_is_over(p, now_s)) {
			peer_remove(s, i);
			s->figures.expired++;
			return true;
		}
		n = address_peers(s, p->address);
		if (n > most) {
			most = n;
			best = i;
		}
	}
	s->figures.full++;
	if (best == POOL_NONE)
		return false;
	peer_remove(s, best);
	s->figures.displaced++;
	return true;
}

static enum announce_result
swarms_list(struct swarms *s, const struct asker *asker,
    struct place *place)
{
	uint32_t at, peers, part = s->most / SWARMS_ADDRESS_PART;

	if (place->others >= SWARMS_ADDRESS_MAX)
		return ANNOUNCED_SWARM;
	at = address_find(s, asker->address);
	peers = at == POOL_NONE ? 0 : address_peers(s, at);
	if (peers >= part)
		return ANNOUNCED_ADDRESS;
	if (s->peers.n >= s->most) {
		if (!swarms_displace(s, peers, asker->now_s))
			return ANNOUNCED_FULL;
		/* Its swarm may have ended with that peer. */
		peer_find(s, asker, place);
	}
	return peer_add(s, asker, place) == 0 ? ANNOUNCED : ANNOUNCED_FULL;
}

/* List the asker, or take note that it is still there. */
static enum announce_result
swarms_note(struct swarms *s, const struct asker *asker,
    struct place *place)
{
	bool seed = asker->item->flags & ANNOUNCE_SEED, completed;
	enum announce_result result;
	struct peer *p;

	completed = seed && asker->item->event == ANNOUNCE_COMPLETED;
	if (place->peer == POOL_NONE) {
		result = swarms_list(s, asker, place);
		if (result != ANNOUNCED)
			return result;
	} else {
		p = swarms_peer(s, place->peer);
		completed = completed && !(p->flags & PEER_SEED);
		if (asker->now_s - p->seen_s < SWARMS_SOON_S && !completed)
			return ANNOUNCED_SOON;
		p->seen_s = asker->now_s;
	}
	swarm_set_seed(s, place->peer, seed);
	if (completed)
		swarms_swarm(s, place->swarm)->downloaded++;
	return ANNOUNCED;
}

/* A peer that is not listed yet hurries nobody. */
static uint32_t
swarms_interval(struct swarms *s, const struct place *place,
    enum announce_result result, uint32_t now_s)
{
	const struct swarm *sw;
	struct peer *p;
	bool is_short;

	p = place->peer == POOL_NONE ? NULL : swarms_peer(s, place->peer);
	if (place->swarm == POOL_NONE || result == ANNOUNCED_FULL ||
	    result == ANNOUNCED_ADDRESS)
		is_short = false;
	else if (result == ANNOUNCED_SOON)
		is_short = p->flags & PEER_SHORT;
	else {
		sw = swarms_swarm(s, place->swarm);
		is_short = sw->n <= SWARMS_SMALL &&
		    now_s - sw->born_s < SWARMS_YOUNG_S;
	}
	if (p != NULL && is_short)
		p->flags |= PEER_SHORT;
	else if (p != NULL)
		p->flags &= (uint8_t)~PEER_SHORT;
	return is_short ? SWARMS_SHORT_S : SWARMS_LONG_S - SWARMS_LONG_S / 10 +
	    swarms_chance(s, SWARMS_LONG_S / 5 + 1);
}

/* Write the chosen peers of one family.  Returns their number. */
static uint16_t
swarms_write(const struct swarms *s, const struct pick *pick, bool v4,
    uint8_t **out)
{
	size_t len = v4 ? PEER4_LEN - 2 : PEER6_LEN - 2;
	const struct peer *p;
	uint16_t n = 0;
	uint32_t i;

	for (i = 0; i < pick->n; i++) {
		p = swarms_peer(s, pick->peers[i]);
		if (region_is_v4(p->addr) != v4)
			continue;
		memcpy(*out, p->addr + 16 - len, len);
		(*out)[len] = (uint8_t)(p->port >> 8);
		(*out)[len + 1] = (uint8_t)p->port;
		*out += len + 2;
		n++;
	}
	return n;
}

size_t
swarms_announce(struct swarms *s, const struct msg_announce_item *item,
    uint32_t now_s, uint8_t *answer)
{
	struct asker asker = { item, region_address(item->addr), now_s };
	struct msg_peers_item body = { .id = item->id, .result = ANNOUNCED };
	struct pick pick = { .addr = item->addr, .port = item->port,
	    .seed = item->flags & ANNOUNCE_SEED };
	const struct swarm *sw;
	struct place place;
	uint8_t *out = answer + sizeof(body);

	s->figures.announces++;
	peer_find(s, &asker, &place);
	if (item->event == ANNOUNCE_STOPPED && place.peer != POOL_NONE) {
		peer_remove(s, place.peer);
		peer_find(s, &asker, &place);
	} else if (item->event != ANNOUNCE_STOPPED &&
	    item->event != ANNOUNCE_SCRAPE) {
		body.result = swarms_note(s, &asker, &place);
		pick.want = item->numwant;
	}
	s->figures.soon += body.result == ANNOUNCED_SOON;
	s->figures.unlisted += body.result != ANNOUNCED &&
	    body.result != ANNOUNCED_SOON;
	body.interval_s = swarms_interval(s, &place, body.result, now_s);
	if (place.swarm != POOL_NONE) {
		sw = swarms_swarm(s, place.swarm);
		body.complete = sw->seeds;
		body.incomplete = sw->n - sw->seeds;
		body.downloaded = sw->downloaded;
		pick.self = place.peer;
		pick_peers(&pick, s, place.swarm);
		body.n4 = swarms_write(s, &pick, true, &out);
		body.n6 = swarms_write(s, &pick, false, &out);
	}
	memcpy(answer, &body, sizeof(body));
	return (size_t)(out - answer);
}

void
swarms_expire(struct swarms *s, uint32_t now_s, uint32_t n)
{
	const struct peer *p;

	for (; n > 0 && s->peers.used > 0; n--) {
		if (s->hand >= s->peers.used)
			s->hand = 0;
		p = swarms_peer(s, s->hand);
		if (p->swarm != POOL_NONE && peer_is_over(p, now_s)) {
			peer_remove(s, s->hand);
			s->figures.expired++;
		}
		s->hand++;
	}
}

uint32_t
swarms_places(const struct swarms *s)
{
	return s->peers.n == 0 ? 0 : s->peers.used;
}

void
swarms_count(const struct swarms *s, struct swarms_figures *out)
{
	*out = s->figures;
	out->peers = s->peers.n;
	out->swarms = s->swarms.n;
	out->addresses = s->addresses.n;
	out->memory = s->peers.room * s->peers.size +
	    s->swarms.room * s->swarms.size +
	    s->addresses.room * s->addresses.size + s->lists +
	    ((size_t)s->by_peer.room + s->near.room + s->by_hash.room +
	    s->by_address.room) * sizeof(uint32_t);
}
