/* SPDX-License-Identifier: ISC */
/*
 * The tracker and a front that does anything.  The input is a list of steps:
 * announces of a few addresses in a few swarms, some of them spoilt, time that
 * passes, and another number of peers.
 *
 * Everything that the tracker keeps fits together all the time, no answer has
 * more than it may have, and a wrong message changes nothing.
 */
#include "common/clock.h"
#include "common/msg.h"

static uint64_t	now_ms;
static int	fuzz_answer(struct channel *, enum msg_type, const void *,
		    const void *, size_t, const int *, int);
static uint64_t	fuzz_now(void);

#define msg_send_wait	fuzz_answer
#define clock_coarse_ms	fuzz_now
#include "pkgtorrentd/tracker/tracker.c"
#undef msg_send_wait
#undef clock_coarse_ms

#include "pkgtorrentd/tracker/swarms_state.h"
#include "tests/lib/fuzz.h"
#include "tests/lib/swarm_check.h"

#define MOST		300U	/* of which one address has 3 */
#define ITEMS		5

static struct tracker	t;
static struct msg_announce body;
static struct msg_announce_item items[ITEMS];
static unsigned		answers;

static uint64_t
fuzz_now(void)
{
	return now_ms;
}

static int
fuzz_answer(struct channel *ch, enum msg_type type, const void *answer,
    const void *tail, size_t len, const int *fds, int nfds)
{
	const struct msg_peers *peers = answer;
	struct msg_peers_item item;
	const uint8_t *at = tail;
	size_t one;
	uint32_t i;

	require(ch == &t.child.front && type == MSG_PEERS);
	require(fds == NULL && nfds == 0);
	require(msg_check(type, ROLE_TRACKER, ROLE_FRONT,
	    msg_body_len(type) + len, 0) == 0);
	require(peers->id == body.id && peers->count == body.count);
	require(peers->count <= ITEMS);
	for (i = 0; i < peers->count; i++) {
		require(len >= sizeof(item));
		memcpy(&item, at, sizeof(item));
		one = sizeof(item) + item.n4 * PEER4_LEN +
		    item.n6 * PEER6_LEN;
		require(len >= one);
		require(swarm_check_answer(&items[i], at, one) == NULL);
		at += one;
		len -= one;
	}
	require(len == 0);
	answers++;
	return 0;
}

static void
fill_item(struct msg_announce_item *item)
{
	uint8_t kind = next(), who = next();

	memset(item, 0, sizeof(*item));
	item->id = next();
	item->info_hash[0] = kind & 3;
	if (kind & 4) {
		item->addr[10] = item->addr[11] = 0xff;
		item->addr[12] = who & 0x80 ? 10 : 192;
		item->addr[13] = kind & 8;
		item->addr[15] = who & 0x1f;
	} else {
		item->addr[0] = who & 0x80 ? 0xfd : 0x20;
		item->addr[7] = kind & 8;
		item->addr[6] = who & 3;
		item->addr[15] = who & 0x1c;
	}
	item->port = 1 + (who >> 5 & 3);
	item->event = (uint8_t)(ANNOUNCE_NONE + (kind >> 4) % 5);
	item->flags = next() & ANNOUNCE_SEED;
	item->numwant = next() % (NUMWANT_MAX + 1);
}

/* Returns whether it is right. */
static bool
is_right(size_t len)
{
	uint32_t i;

	if (body.count == 0 || body.count > ANNOUNCES_MAX ||
	    len != body.count * sizeof(items[0]))
		return false;
	for (i = 0; i < body.count; i++)
		if (items[i].event == 0 ||
		    items[i].event > ANNOUNCE_SCRAPE ||
		    items[i].flags > ANNOUNCE_SEED ||
		    items[i].numwant > NUMWANT_MAX ||
		    (items[i].port == 0 &&
		    items[i].event != ANNOUNCE_SCRAPE))
			return false;
	return true;
}

static void
send_announces(uint8_t spoil)
{
	struct msg m = { .type = MSG_ANNOUNCE, .body = &body };
	struct swarms_figures before, after;
	unsigned answered = answers;
	enum msg_fault fault;
	size_t len, at;
	uint32_t i;
	void *tail;

	memset(&body, 0, sizeof(body));
	body.id = next();
	body.count = 1 + next() % ITEMS;
	len = body.count * sizeof(items[0]);
	for (i = 0; i < body.count; i++)
		fill_item(&items[i]);
	if (spoil & 1)
		body.count = next_number() >> (next() & 0x1f);
	if (spoil & 2)
		len = next_number() % (sizeof(items) + 1);
	if (spoil & 4) {
		at = next() * sizeof(items[0]) / 256;
		((uint8_t *)items)[at] = next();
	}
	tail = copy_of(items, len);
	m.tail = tail;
	m.tail_len = len;
	swarms_count(t.swarms, &before);
	fault = tracker_on_message(&t, &m);
	swarms_count(t.swarms, &after);
	free(tail);
	require(fault == (is_right(len) ? FAULT_NONE : FAULT_CONTENT));
	require(answers == answered + (fault == FAULT_NONE));
	if (fault != FAULT_NONE)
		require(memcmp(&before, &after, sizeof(before)) == 0);
}

static void
step(void)
{
	uint8_t what = next();
	int wait_ms;

	switch (what & 7) {
	case 0:
		now_ms += next() * 1000U;
		break;
	case 1:
		now_ms += next() * 60000U;
		wait_ms = tracker_expire(&t);
		require(wait_ms > 0 ||
		    (wait_ms == -1 && swarms_places(t.swarms) == 0));
		break;
	case 2:
		swarms_set_max(t.swarms, MOST + next());
		break;
	case 3:
		send_announces(what >> 3);
		break;
	default:
		send_announces(0);
	}
	require(swarm_check(t.swarms) == NULL);
	require(t.swarms->peers.n <= MOST + 255);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint64_t key[SIPHASH_KEY] = { 1, 2 };

	log_set_level(-1);
	in = data;
	in_len = len;
	now_ms = 1000000;
	t.turn_ms = t.full = t.full_ms = 0;
	t.child.front.fd = -1;
	t.swarms = swarms_new(MOST, key, 3);
	require(t.swarms != NULL);
	while (in_len > 0)
		step();
	now_ms += 10 * SWARMS_LONG_STAY_S * 1000ULL;
	swarms_expire(t.swarms, (uint32_t)(now_ms / 1000), MOST + 255);
	require(t.swarms->peers.n == 0 && t.swarms->swarms.n == 0 &&
	    t.swarms->addresses.n == 0 && t.swarms->near.n == 0 &&
	    t.swarms->lists == 0);
	swarms_free(t.swarms);
	return 0;
}
