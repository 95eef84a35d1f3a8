/* SPDX-License-Identifier: ISC */
/*
 * A front that was broken into, as the tracker meets it: wrong messages are
 * refused and reported, and add no peer.
 */
#include "pkgtorrentd/tracker/swarms.h"
#include "tests/lib/lies.h"
#include "tests/lib/test.h"

#define RANDOM		10000
#define CRAFTED		200
#define ITEMS		3

static struct proc	v;
static struct rogue	front;

static struct msg_announce_item
good_item(uint8_t number)
{
	return (struct msg_announce_item){ .id = number,
	    .info_hash = { number },
	    .addr = { [10] = 0xff, [11] = 0xff, [12] = 192, [15] = number },
	    .port = 6881, .event = ANNOUNCE_SCRAPE, .numwant = 50 };
}

/* The honest question: the counts of a swarm. */
static bool
tracker_answers(struct rogue *r)
{
	struct msg_announce body = { .id = 1ULL << 63 | ++r->pings,
	    .count = 1 };
	struct msg_announce_item item = good_item(1);
	struct msg msg;

	rogue_say(r, MSG_ANNOUNCE, &body, sizeof(body), &item, sizeof(item),
	    NULL, 0);
	return rogue_await(r, MSG_PEERS, body.id, &msg);
}

static void
start_tracker(void)
{
	rogue_open_fds();
	rogue_start(&v, ROLE_TRACKER, "tracker-peers 1K\n");
	front.honest = tracker_answers;
	rogue_connect(&front, &v, ROLE_FRONT, 7);
	ATF_REQUIRE(tracker_answers(&front));
}

static size_t
tell(uint8_t *bytes)
{
	const struct msg_announce body = { .id = any(1000), .count = 1 };
	struct msg_announce_item item = good_item((uint8_t)any(256));
	const struct msg_header head = { MSG_ANNOUNCE,
	    sizeof(body) + sizeof(item) };

	item.event = (uint8_t)(ANNOUNCE_NONE + any(5));
	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), &body, sizeof(body));
	memcpy(bytes + sizeof(head) + sizeof(body), &item, sizeof(item));
	return sizeof(head) + head.len;
}

TEST(tracker__random)
{
	start_tracker();
	front.honestly = tell;
	rogue_random(&front, RANDOM);
	proc_stop(&v);
}

/* One thing wrong in the body, or in one of the items. */
static const struct {
	const char	*what;
	size_t		 at;
	size_t		 len;
	uint64_t	 values[6];	/* up to a zero, but the first counts */
} wrongs[] = {
#define BODY(field)							\
	#field, offsetof(struct msg_announce, field),			\
	    sizeof(((struct msg_announce *)NULL)->field)
#define ITEM(field)							\
	#field, sizeof(struct msg_announce) +				\
	    offsetof(struct msg_announce_item, field),			\
	    sizeof(((struct msg_announce_item *)NULL)->field)
	{ BODY(count), { 0, 1, ITEMS - 1, ITEMS + 1, ANNOUNCES_MAX + 1,
	    UINT32_MAX } },
	{ ITEM(event), { 0, ANNOUNCE_SCRAPE + 1, 0x80, 0xff } },
	{ ITEM(flags), { 2, 0x80, 0xfe, 0xff } },
	{ ITEM(numwant), { NUMWANT_MAX + 1, 0x80, 0xff } },
	{ ITEM(port), { 0 } },
#undef BODY
#undef ITEM
};

static void
say_announce(size_t at, uint64_t value, size_t len, size_t tail)
{
	struct {
		struct msg_announce		body;
		struct msg_announce_item	items[ITEMS];
	} m = { .body = { .id = 1, .count = ITEMS } };
	uint8_t i;

	for (i = 0; i < ITEMS; i++) {
		m.items[i] = good_item(i);
		m.items[i].event = ANNOUNCE_STARTED;
	}
	memcpy((uint8_t *)&m + at, &value, len);
	rogue_say(&front, MSG_ANNOUNCE, &m.body, sizeof(m.body), m.items,
	    tail, NULL, 0);
}

static unsigned
refuse_items(void)
{
	const size_t all = ITEMS * sizeof(struct msg_announce_item);
	size_t i, k, item;
	unsigned n = 0;

	for (i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++)
		for (k = 0; k < 6 && (k == 0 || wrongs[i].values[k] != 0);
		    k++)
			for (item = 0; item < ITEMS; item++, n++) {
				say_announce(wrongs[i].at + (i == 0 ? 0 :
				    item * sizeof(struct msg_announce_item)),
				    wrongs[i].values[k], wrongs[i].len, all);
				rogue_refused(&front, MSG_ANNOUNCE,
				    FAULT_CONTENT, wrongs[i].what);
			}
	for (i = 0; i < all; i++, n++) {
		say_announce(0, 1, 8, i);
		rogue_refused(&front, MSG_ANNOUNCE, FAULT_CONTENT,
		    "a list cut");
	}
	return n;
}

TEST(tracker__crafted)
{
	unsigned n;

	start_tracker();
	n = rogue_try_table(&front);
	n += refuse_items();
	ATF_CHECK_MSG(n >= CRAFTED, "%u messages", n);
	ATF_CHECK_EQ(n, v.reports);
	proc_ask_status(&v);
	ATF_CHECK_MSG(strstr(v.line, "0 peers of 0 addresses in 0 swarms") !=
	    NULL, "%s", v.line);
	proc_stop(&v);
}
