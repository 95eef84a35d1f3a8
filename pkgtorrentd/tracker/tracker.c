/* SPDX-License-Identifier: ISC */
/*
 * The tracker: the process that knows which clients have a torrent in common.
 * Runs as its user in an empty root directory, without a directory descriptor,
 * behind a filter that lets it pass messages and nothing else: it opens, reads
 * and maps no file, and has no socket besides its two channels.  It is sent the
 * configuration by the parent, and by the front the announces of clients, after
 * it has checked their tokens and addresses.  It holds the addresses of peers,
 * in memory alone.
 *
 * A break-in here wins wrong lists of peers for as long as the process lives.
 * Clients check the bytes of peers by the torrent, which does not come from
 * here.
 */
#include <sys/param.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/child.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/sandbox/selftest.h"
#include "pkgtorrentd/tracker/swarms.h"

/* Messages in a row before one of the parent has its turn.  Each has at most
   ANNOUNCES_MAX announces, and is answered at once. */
#define ANNOUNCES_AT_ONCE	16

/* All peers are looked at in this time, so many in a turn, to find expired
   ones. */
#define ROUND_MS		60000
#define TURN_PEERS		1024U

/* The log says once in this time that there are no more places. */
#define FULL_MS			3600000

struct tracker {
	struct child	 child;
	struct swarms	*swarms;
	uint64_t	 turn_ms;	/* the last one */
	uint64_t	 full;		/* as in struct swarms_figures, when */
	uint64_t	 displaced;	/* the log said so last */
	uint64_t	 full_ms;	/* logged; 0: not yet */
	uint8_t		 tail[MSG_TAIL_MAX]
			    __attribute__((__aligned__(8)));
};

static enum msg_fault
tracker_on_conf(struct tracker *t, const struct msg *m)
{
	if (child_on_conf(&t->child, m))
		swarms_set_max(t->swarms,
		    (uint32_t)t->child.conf->tracker_peers);
	return FAULT_NONE;
}

static enum msg_fault
tracker_on_channel(struct tracker *t, struct msg *m)
{
	return child_on_channel(&t->child, m);
}

static void
tracker_count(void *owner)
{
	struct tracker *t = owner;
	uint64_t *n = t->child.counts;
	struct swarms_figures f;

	swarms_count(t->swarms, &f);
	n[COUNT_SWARMS] = f.swarms;
	n[COUNT_PEERS] = f.peers;
	n[COUNT_PEERS_LIMIT] = t->child.conf->tracker_peers;
	n[COUNT_SEEDS] = f.seeds;
	n[COUNT_ADDRESSES] = f.addresses;
	n[COUNT_TRACKER_MEMORY] = f.memory;
	n[COUNT_ANNOUNCES] = f.announces;
	n[COUNT_ANNOUNCES_SOON] = f.soon;
	n[COUNT_UNLISTED] = f.unlisted;
	n[COUNT_DISPLACED] = f.displaced;
	n[COUNT_EXPIRED] = f.expired;
}

static enum msg_fault
tracker_on_status(struct tracker *t, const struct msg *m)
{
	struct swarms_figures n;

	(void)m;
	swarms_count(t->swarms, &n);
	log_info("%u peers of %u addresses in %u swarms, %u seeds among them, "
	    "%zu bytes; %" PRIu64 " announces and scrapes, of these %" PRIu64
	    " too soon after another, %" PRIu64 " of peers not listed for a "
	    "limit; %" PRIu64 " peers displaced, %" PRIu64 " gone without a "
	    "word", n.peers, n.addresses, n.swarms, n.seeds, n.memory,
	    n.announces, n.soon, n.unlisted, n.displaced, n.expired);
	return FAULT_NONE;
}

static bool
tracker_item_is_good(const struct msg_announce_item *item)
{
	return item->event >= ANNOUNCE_NONE && item->event <= ANNOUNCE_SCRAPE &&
	    (item->port != 0 || item->event == ANNOUNCE_SCRAPE) &&
	    (item->flags & ~ANNOUNCE_SEED) == 0 &&
	    item->numwant <= NUMWANT_MAX;
}

/* Item i of a message, which may stand at any address. */
static struct msg_announce_item
tracker_item(const struct msg *m, uint32_t i)
{
	struct msg_announce_item item;

	memcpy(&item, m->tail + i * sizeof(item), sizeof(item));
	return item;
}

static void
tracker_report_full(struct tracker *t)
{
	struct swarms_figures n;
	uint64_t now = clock_coarse_ms();

	swarms_count(t->swarms, &n);
	if (n.full == t->full ||
	    (t->full_ms != 0 && now - t->full_ms < FULL_MS))
		return;
	log_warn("tracker-peers (%u) is reached: of %" PRIu64 " newcomers %"
	    PRIu64 " took the places of peers of addresses with more, the "
	    "others are not listed", n.peers, n.full - t->full,
	    n.displaced - t->displaced);
	t->full = n.full;
	t->displaced = n.displaced;
	t->full_ms = now;
}

static enum msg_fault
tracker_on_announce(struct tracker *t, const struct msg *m)
{
	const struct msg_announce *body = m->body;
	struct msg_announce_item item;
	struct msg_peers answer = { .id = body->id, .count = body->count };
	uint32_t i, now_s = (uint32_t)(clock_coarse_ms() / 1000);
	size_t len = 0;

	if (body->count == 0 || body->count > ANNOUNCES_MAX ||
	    m->tail_len != body->count * sizeof(item))
		return FAULT_CONTENT;
	for (i = 0; i < body->count; i++) {
		item = tracker_item(m, i);
		if (!tracker_item_is_good(&item))
			return FAULT_CONTENT;
	}
	for (i = 0; i < body->count; i++) {
		item = tracker_item(m, i);
		len += swarms_announce(t->swarms, &item, now_s,
		    t->tail + len);
	}
	tracker_report_full(t);
	if (msg_send_wait(&t->child.front, MSG_PEERS, &answer, t->tail, len,
	    NULL, 0) == -1)
		child_close_front(&t->child);
	return FAULT_NONE;
}

/* Messages to the tracker. */
#define TRACKER_HANDLERS(X)						\
	X(CONF, tracker_on_conf)					\
	X(CHANNEL, tracker_on_channel)					\
	X(STATUS, tracker_on_status)					\
	X(ANNOUNCE, tracker_on_announce)

CHANNEL_DISPATCH(tracker_on_message, struct tracker, TRACKER_HANDLERS,
    PARENT | FRONT, TRACKER);

/* Each announce was answered when it came, and the peers stay. */
static void
tracker_on_front_closed(void *owner)
{
	(void)owner;
}

static const struct child_ops tracker_ops = {
	.message = tracker_on_message,
	.front_closed = tracker_on_front_closed,
	.at_once = ANNOUNCES_AT_ONCE,
	.count = tracker_count,
};

/* Take a turn if it is due.  Returns the milliseconds until the next one, or -1
   without peers. */
static int
tracker_expire(struct tracker *t)
{
	uint32_t places = swarms_places(t->swarms);
	uint64_t every, passed, now = clock_coarse_ms();

	if (places == 0)
		return -1;
	every = MAX(1, (uint64_t)ROUND_MS * TURN_PEERS /
	    MAX(places, TURN_PEERS));
	passed = now - t->turn_ms;
	if (passed < every)
		return (int)(every - passed);
	swarms_expire(t->swarms, (uint32_t)(now / 1000),
	    MIN(places, TURN_PEERS));
	t->turn_ms = now;
	return (int)every;
}

/* It makes no call that not every role makes. */
static void
tracker_selftest(void *owner, int dirfd)
{
	(void)owner;
	(void)dirfd;
	selftest_run(NULL, 0, NULL);
}

void
tracker_main(void)
{
	static struct tracker t;
	uint64_t key[SIPHASH_KEY], seed;

	child_start(&t.child, ROLE_TRACKER, &tracker_ops, &t);
	arc4random_buf(key, sizeof(key));
	arc4random_buf(&seed, sizeof(seed));
	t.swarms = swarms_new((uint32_t)t.child.conf->tracker_peers, key,
	    seed);
	if (t.swarms == NULL)
		fatal("out of memory");
	child_confine(&t.child, NULL, 0, tracker_selftest);
	for (;;)
		(void)child_wait(&t.child, tracker_expire(&t));
}
