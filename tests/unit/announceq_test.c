/* SPDX-License-Identifier: ISC */
/* Announces on their way to the tracker, which the test plays. */
#include "pkgtorrentd/front/worker/announceq.h"
#include "tests/lib/test.h"

#define ASKS		150

struct asker {
	struct announce_ask	ask;
	unsigned		answered;	/* with peers */
	unsigned		unanswered;
	uint32_t		complete;
	uint8_t			peer[PEER4_LEN];
};

static struct announceq q;
static struct child child;
static struct channel tracker, parent;
static struct asker askers[ASKS];
static uint8_t room[MSG_MAX] __attribute__((__aligned__(8)));

static void
on_done(struct announce_ask *ask, const struct msg_peers_item *item,
    const uint8_t *peers)
{
	struct asker *a = (struct asker *)ask;

	ATF_CHECK_EQ(NULL, ask->q);
	a->answered += item != NULL;
	a->unanswered += item == NULL;
	if (item == NULL)
		return;
	a->complete = item->complete;
	if (item->n4 > 0)
		memcpy(a->peer, peers, PEER4_LEN);
}

static void
attach(void)
{
	int fds[2];

	ATF_REQUIRE_EQ(0, msg_pair(fds));
	announceq_attach(&q, fds[0]);
	tracker = (struct channel){ .fd = fds[1], .self = ROLE_TRACKER,
	    .peer = ROLE_FRONT };
}

static void
begin(void)
{
	int fds[2];

	ATF_REQUIRE_EQ(0, msg_pair(fds));
	child.parent = (struct channel){ .fd = fds[0], .self = ROLE_FRONT,
	    .peer = ROLE_PARENT };
	parent = (struct channel){ .fd = fds[1], .self = ROLE_PARENT,
	    .peer = ROLE_FRONT };
	ATF_REQUIRE_EQ(0, announceq_init(&q, event_base_new(), &child));
	attach();
}

static void
turn(void)
{
	ATF_REQUIRE(event_base_loop(q.base, EVLOOP_NONBLOCK) != -1);
}

static int
ask(unsigned i)
{
	struct msg_announce_item item = { .port = 1, .event = ANNOUNCE_NONE };

	askers[i].ask.done = on_done;
	return announceq_ask(&q, &askers[i].ask, &item);
}

/* The number of announces in the next message to the tracker; 0: none. */
static uint32_t
hear(struct msg_announce *body, uint64_t *first)
{
	struct msg_announce_item item;
	struct msg_wrong wrong;
	struct msg msg;

	if (msg_recv(&tracker, room, &msg, &wrong) != MSG_GOT)
		return 0;
	ATF_REQUIRE_EQ(MSG_ANNOUNCE, msg.type);
	memcpy(body, msg.body, sizeof(*body));
	ATF_REQUIRE_EQ(body->count * sizeof(item), msg.tail_len);
	memcpy(&item, msg.tail, sizeof(item));
	*first = item.id;
	return body->count;
}

static void
say(uint64_t id, const struct msg_peers_item *items, uint32_t n,
    const void *peers, size_t len)
{
	struct msg_peers body = { .id = id, .count = n };
	uint8_t tail[1024];

	memcpy(tail, items, n * sizeof(*items));
	memcpy(tail + n * sizeof(*items), peers, len);
	ATF_REQUIRE_EQ(0, msg_send(&tracker, MSG_PEERS, &body, tail,
	    n * sizeof(*items) + len, NULL, 0));
	turn();
}

/* The front has given the tracker up, for this. */
static void
expect_fault(enum msg_fault fault)
{
	const struct msg_wrong *body;
	struct msg_wrong wrong;
	struct msg msg;

	ATF_CHECK_EQ(-1, q.ch.fd);
	ATF_REQUIRE_EQ(MSG_GOT, msg_recv(&parent, room, &msg, &wrong));
	ATF_REQUIRE_EQ(MSG_WRONG, msg.type);
	body = msg.body;
	ATF_CHECK_EQ(ROLE_TRACKER, body->role);
	ATF_CHECK_EQ(fault, body->fault);
}

TEST(announceq__one_turn_is_one_message)
{
	struct msg_announce body;
	uint64_t first;
	unsigned i;

	begin();
	for (i = 0; i < 3; i++)
		ATF_REQUIRE_EQ(0, ask(i));
	ATF_CHECK_EQ(0, hear(&body, &first));
	turn();
	ATF_CHECK_EQ(3, hear(&body, &first));
	ATF_CHECK_EQ(0, hear(&body, &first));
	/* Or as many as one message may have. */
	for (i = 3; i < ASKS; i++)
		ATF_REQUIRE_EQ(0, ask(i));
	turn();
	ATF_CHECK_EQ(ANNOUNCES_MAX, hear(&body, &first));
	ATF_CHECK_EQ(askers[3].ask.id, first);
	ATF_CHECK_EQ(2, body.id);
	ATF_CHECK_EQ(ANNOUNCES_MAX, hear(&body, &first));
	ATF_CHECK_EQ(ASKS - 3 - 2 * ANNOUNCES_MAX, hear(&body, &first));
	ATF_CHECK_EQ(0, hear(&body, &first));
}

TEST(announceq__each_gets_its_answer)
{
	static const uint8_t peers[2 * PEER4_LEN] = "abcdefghijk";
	struct msg_peers_item items[3] = {
		{ .complete = 1, .result = ANNOUNCED, .interval_s = 120 },
		{ .complete = 2, .result = ANNOUNCED_FULL,
		    .interval_s = INTERVAL_MIN_S },
		{ .complete = 3, .result = ANNOUNCED, .n4 = 2,
		    .interval_s = INTERVAL_MAX_S },
	};
	unsigned i;

	begin();
	for (i = 0; i < 4; i++)
		ATF_REQUIRE_EQ(0, ask(i));
	turn();
	/* One has left, and the last one is passed over. */
	announce_leave(&askers[1].ask);
	for (i = 0; i < 3; i++)
		items[i].id = askers[i].ask.id;
	say(1, items, 3, peers, sizeof(peers));
	ATF_CHECK_EQ(1, askers[0].answered);
	ATF_CHECK_EQ(1, askers[0].complete);
	ATF_CHECK_EQ(0, askers[1].answered + askers[1].unanswered);
	ATF_CHECK_EQ(3, askers[2].complete);
	ATF_CHECK_EQ(0, memcmp(askers[2].peer, peers, PEER4_LEN));
	ATF_CHECK_EQ(0, askers[3].answered + askers[3].unanswered);
	ATF_REQUIRE_EQ(0, ask(4));
	turn();
	items[0].id = askers[4].ask.id;
	say(2, items, 1, peers, 0);
	ATF_CHECK_EQ(1, askers[3].unanswered);
	ATF_CHECK_EQ(1, askers[4].answered);
	ATF_CHECK(TAILQ_EMPTY(&q.asks));
}

TEST(announceq__lies)
{
	static const struct {
		uint64_t		id;
		struct msg_peers_item	item;
		size_t			len;	/* of peers */
	} lies[] = {
		{ 0, { .id = 1, .result = ANNOUNCED }, 0 },
		{ 2, { .id = 1, .result = ANNOUNCED }, 0 },
		{ 1, { .id = 2, .result = ANNOUNCED }, 0 },
		{ 1, { .id = 1, .result = 0 }, 0 },
		{ 1, { .id = 1, .result = ANNOUNCED_SWARM + 1 }, 0 },
		{ 1, { .id = 1, .result = ANNOUNCED, .n4 = 51 }, 306 },
		{ 1, { .id = 1, .result = ANNOUNCED, .n4 = 26, .n6 = 25 },
		    606 },
		{ 1, { .id = 1, .result = ANNOUNCED, .n4 = 65535,
		    .n6 = 65535 }, 900 },
		{ 1, { .id = 1, .result = ANNOUNCED, .n6 = 1 }, 17 },
		{ 1, { .id = 1, .result = ANNOUNCED, .n6 = 1 }, 19 },
		{ 1, { .id = 1, .result = ANNOUNCED }, 1 },
		{ 1, { .id = 1, .result = ANNOUNCED,
		    .interval_s = INTERVAL_MIN_S - 1 }, 0 },
		{ 1, { .id = 1, .result = ANNOUNCED,
		    .interval_s = INTERVAL_MAX_S + 1 }, 0 },
	};
	static const uint8_t peers[900];
	struct msg_peers_item item;

	EACH(p, lies) {
		begin();
		askers[0] = (struct asker){ .complete = 0 };
		ATF_REQUIRE_EQ(0, ask(0));
		turn();
		item = p->item;
		if (item.interval_s == 0)
			item.interval_s = 1800;
		say(p->id, &item, 1, peers, p->len);
		expect_fault(FAULT_CONTENT);
		ATF_CHECK(askers[0].unanswered == 1 ||
		    askers[0].answered == 1);
		ATF_CHECK_EQ(-1, ask(1));
		/* The next one is believed again. */
		attach();
		ATF_CHECK_EQ(0, ask(1));
		announce_leave(&askers[1].ask);
		close(tracker.fd);
	}
}

TEST(announceq__nothing_waits_for_ever)
{
	struct msg_announce body;
	uint64_t first;

	begin();
	ATF_REQUIRE_EQ(0, ask(0));
	turn();
	announceq_tick(&q);
	ATF_CHECK_EQ(0, askers[0].unanswered);
	askers[0].ask.asked_ms -= 2000;
	announceq_tick(&q);
	ATF_CHECK_EQ(1, askers[0].unanswered);
	ATF_CHECK_EQ(1, hear(&body, &first));
	/* It is given up later, unless it has said something. */
	ATF_CHECK(q.ch.fd != -1);
	q.due_ms -= 20000;
	announceq_tick(&q);
	expect_fault(FAULT_SILENT);
	close(tracker.fd);
	attach();
	/* When it is gone, all are told. */
	ATF_REQUIRE_EQ(0, ask(1));
	turn();
	ATF_REQUIRE_EQ(0, ask(2));
	close(tracker.fd);
	turn();
	ATF_CHECK_EQ(1, askers[1].unanswered);
	ATF_CHECK_EQ(1, askers[2].unanswered);
	ATF_CHECK_EQ(-1, ask(3));
	ATF_CHECK(TAILQ_EMPTY(&q.asks));
}

/* The end of an announce may begin the next one of its connection. */
TEST(announceq__begun_during_a_tick)
{
	begin();
	ATF_REQUIRE_EQ(0, ask(0));
	ATF_REQUIRE_EQ(0, ask(1));
	askers[0].ask.asked_ms -= 2000;
	askers[1].ask.asked_ms += 60000;
	q.due_ms = askers[1].ask.asked_ms;
	announceq_tick(&q);
	ATF_CHECK_EQ(1, askers[0].unanswered);
	ATF_CHECK_EQ(0, askers[1].unanswered);
	ATF_CHECK(q.ch.fd != -1);
}

/* A tracker that takes nothing does not fill the memory. */
TEST(announceq__queue_is_bounded)
{
	unsigned i, n = 0;

	begin();
	while (n < 100000 && ask(0) == 0) {
		announce_leave(&askers[0].ask);
		if (++n % 32 == 0)
			turn();
	}
	printf("%u announces\n", n);
	ATF_CHECK(n > 10000 && n < 100000);
	for (i = 1; i < 5; i++)
		ATF_CHECK_EQ(-1, ask(i));
}

/* A tracker that sends its numbers and nothing else is silent all the same. */
TEST(announceq__numbers_are_no_answer)
{
	static const struct msg_counts body;
	uint8_t tail[COUNTS_LEN_MAX] = { 0 };
	struct msg_announce first;
	uint64_t id, due_ms;
	size_t n;

	(void)counts_of(ROLE_TRACKER, &n);
	begin();
	ATF_REQUIRE_EQ(0, ask(0));
	turn();
	ATF_REQUIRE_EQ(1, hear(&first, &id));
	due_ms = q.due_ms;
	ATF_REQUIRE(due_ms != 0);
	tail[0] = 7;
	ATF_REQUIRE_EQ(0, msg_send(&tracker, MSG_COUNTS, &body, tail, n * 8,
	    NULL, 0));
	turn();
	ATF_CHECK_EQ(due_ms, q.due_ms);
	ATF_CHECK_EQ(7, q.child->counts[COUNT_SWARMS]);
	ATF_REQUIRE_EQ(0, msg_send(&tracker, MSG_COUNTS, &body, tail,
	    n * 8 - 8, NULL, 0));
	turn();
	ATF_CHECK_EQ(0, q.child->counts[COUNT_SWARMS]);
	expect_fault(FAULT_CONTENT);
}
