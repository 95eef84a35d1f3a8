/* SPDX-License-Identifier: ISC */
/* The swarms: each rule and each bound. */
#include <arpa/inet.h>

#include "pkgtorrentd/tracker/swarms.h"
#include "tests/lib/swarm_check.h"
#include "tests/lib/test.h"

#define MOST	1000U

static struct swarms	*s;
static uint32_t		 now_s;
static uint8_t		 out[SWARMS_ANSWER_MAX];
static struct msg_peers_item answer;
static struct swarms_figures figures;

static void
start(uint32_t most)
{
	static const uint64_t key[SIPHASH_KEY] = { 1, 2 };

	s = swarms_new(most, key, 3);
	ATF_REQUIRE(s != NULL);
	now_s = 1000;
}

static struct msg_announce_item
item_of(const char *addr, uint16_t port, enum announce_event event)
{
	struct msg_announce_item item = { .id = 77, .port = port,
	    .event = (uint8_t)event, .numwant = NUMWANT_MAX };

	if (strchr(addr, ':') == NULL)
		addr = fmt("::ffff:%s", addr);
	ATF_REQUIRE_EQ_MSG(1, inet_pton(AF_INET6, addr, item.addr), "%s",
	    addr);
	memset(item.info_hash, 0x55, SHA1_LEN);
	return item;
}

static void
check(void)
{
	const char *flaw = swarm_check(s);

	ATF_REQUIRE_MSG(flaw == NULL, "%s", flaw);
}

static void
say(const struct msg_announce_item *item)
{
	size_t len = swarms_announce(s, item, now_s, out);
	const char *flaw = swarm_check_answer(item, out, len);

	memcpy(&answer, out, sizeof(answer));
	ATF_REQUIRE_MSG(flaw == NULL, "%s", flaw);
	swarms_count(s, &figures);
}

static void
announce_event(const char *addr, uint16_t port, enum announce_event event)
{
	struct msg_announce_item item = item_of(addr, port, event);

	say(&item);
}

static void
announce(const char *addr, uint16_t port)
{
	announce_event(addr, port, ANNOUNCE_STARTED);
}

static void
seed_event(const char *addr, uint16_t port, enum announce_event event)
{
	struct msg_announce_item item = item_of(addr, port, event);

	item.flags = ANNOUNCE_SEED;
	say(&item);
}

/* How often the last answer has this peer. */
static unsigned
given(const char *addr, uint16_t port)
{
	const uint8_t *at = out + sizeof(answer);
	uint8_t peer[PEER6_LEN];
	unsigned i, n = 0;
	bool v4 = strchr(addr, ':') == NULL;
	size_t len = v4 ? PEER4_LEN : PEER6_LEN;

	ATF_REQUIRE_EQ(1, inet_pton(v4 ? AF_INET : AF_INET6, addr, peer));
	peer[len - 2] = (uint8_t)(port >> 8);
	peer[len - 1] = (uint8_t)port;
	if (!v4)
		at += answer.n4 * PEER4_LEN;
	for (i = 0; i < (v4 ? answer.n4 : answer.n6); i++)
		n += memcmp(at + i * len, peer, len) == 0;
	return n;
}

TEST(swarms__give_each_other)
{
	start(MOST);
	announce("192.0.2.1", 6881);
	ATF_CHECK_EQ(ANNOUNCED, answer.result);
	ATF_CHECK_EQ(0, answer.n4 + answer.n6);
	ATF_CHECK_EQ(0, answer.complete);
	ATF_CHECK_EQ(1, answer.incomplete);
	announce("2001:db8::1", 51413);
	ATF_CHECK_EQ(1, answer.n4);
	ATF_CHECK_EQ(1, given("192.0.2.1", 6881));
	seed_event("198.51.100.1", 80, ANNOUNCE_STARTED);
	ATF_CHECK_EQ(1, answer.complete);
	ATF_CHECK_EQ(2, answer.incomplete);
	ATF_CHECK_EQ(1, given("192.0.2.1", 6881));
	ATF_CHECK_EQ(1, given("2001:db8::1", 51413));
	swarms_free(s);
}

TEST(swarms__do_not_mix)
{
	struct msg_announce_item item;

	start(MOST);
	announce("192.0.2.1", 1);
	item = item_of("192.0.2.2", 1, ANNOUNCE_STARTED);
	item.info_hash[19] ^= 1;
	say(&item);
	ATF_CHECK_EQ(0, answer.n4);
	ATF_CHECK_EQ(1, answer.incomplete);
	ATF_CHECK_EQ(2, figures.swarms);
	swarms_free(s);
}

TEST(swarms__numwant)
{
	struct msg_announce_item item;
	unsigned i;

	start(MOST);
	for (i = 1; i <= 60; i++)
		announce(fmt("192.0.%u.1", i), 1);
	ATF_CHECK_EQ(NUMWANT_MAX, answer.n4);
	item = item_of("192.0.2.1", 1, ANNOUNCE_NONE);
	for (item.numwant = 0; item.numwant < 8; item.numwant++) {
		say(&item);
		ATF_CHECK_EQ(item.numwant, answer.n4);
		ATF_CHECK_EQ(0, given("192.0.2.1", 1));
	}
	swarms_free(s);
}

TEST(swarms__seeds_are_not_given_to_seeds)
{
	start(MOST);
	seed_event("192.0.2.1", 1, ANNOUNCE_STARTED);
	seed_event("192.0.2.2", 1, ANNOUNCE_STARTED);
	ATF_CHECK_EQ(0, answer.n4);
	announce("192.0.2.3", 1);
	ATF_CHECK_EQ(2, answer.n4);
	seed_event("198.51.100.4", 1, ANNOUNCE_STARTED);
	ATF_CHECK_EQ(1, answer.n4);
	ATF_CHECK_EQ(1, given("192.0.2.3", 1));
	ATF_CHECK_EQ(3, answer.complete);
	ATF_CHECK_EQ(3, figures.seeds);
	swarms_free(s);
}

/* From one to the other and back, in any order of the list. */
TEST(swarms__seeds_are_counted)
{
	unsigned i, seeds = 0;
	bool is_seed[40] = { false };

	start(MOST);
	srandom(1);
	for (i = 0; i < 4000; i++) {
		unsigned k = (unsigned)random() % 40;
		const char *addr = fmt("192.0.2.%u", k + 1);

		now_s += SWARMS_SOON_S;
		seeds -= is_seed[k];
		is_seed[k] = random() % 2;
		if (is_seed[k])
			seed_event(addr, 1, ANNOUNCE_NONE);
		else if (random() % 3 == 0)
			announce_event(addr, 1, ANNOUNCE_STOPPED);
		else
			announce_event(addr, 1, ANNOUNCE_NONE);
		seeds += is_seed[k];
		ATF_REQUIRE_EQ(seeds, answer.complete);
		ATF_REQUIRE_EQ(seeds, figures.seeds);
		ATF_REQUIRE_EQ(figures.peers,
		    answer.complete + answer.incomplete);
		check();
	}
	swarms_free(s);
}

TEST(swarms__stopped)
{
	start(MOST);
	announce("192.0.2.1", 1);
	announce("192.0.2.2", 1);
	/* Also at once, and answered without peers. */
	announce_event("192.0.2.1", 1, ANNOUNCE_STOPPED);
	ATF_CHECK_EQ(ANNOUNCED, answer.result);
	ATF_CHECK_EQ(0, answer.n4);
	ATF_CHECK_EQ(1, answer.incomplete);
	announce("192.0.2.3", 1);
	ATF_CHECK_EQ(0, given("192.0.2.1", 1));
	/* The last one takes the swarm along. */
	announce_event("192.0.2.2", 1, ANNOUNCE_STOPPED);
	announce_event("192.0.2.3", 1, ANNOUNCE_STOPPED);
	ATF_CHECK_EQ(0, answer.incomplete);
	ATF_CHECK_EQ(0, figures.peers + figures.swarms + figures.addresses);
	/* Nobody is added by it. */
	announce_event("192.0.2.3", 1, ANNOUNCE_STOPPED);
	ATF_CHECK_EQ(0, figures.peers + figures.swarms);
	swarms_free(s);
}

TEST(swarms__completed)
{
	start(MOST);
	announce("192.0.2.1", 1);
	/* A short download is over before five seconds are. */
	now_s += 2;
	seed_event("192.0.2.1", 1, ANNOUNCE_COMPLETED);
	ATF_CHECK_EQ(ANNOUNCED, answer.result);
	ATF_CHECK_EQ(1, answer.complete);
	ATF_CHECK_EQ(0, answer.incomplete);
	ATF_CHECK_EQ(1, answer.downloaded);
	/* It counts once. */
	now_s += 100;
	seed_event("192.0.2.1", 1, ANNOUNCE_COMPLETED);
	ATF_CHECK_EQ(1, answer.downloaded);
	/* A seed from the beginning has downloaded nothing. */
	seed_event("192.0.2.2", 1, ANNOUNCE_STARTED);
	ATF_CHECK_EQ(1, answer.downloaded);
	ATF_CHECK_EQ(2, answer.complete);
	swarms_free(s);
}

TEST(swarms__scrape)
{
	struct msg_announce_item item;

	start(MOST);
	item = item_of("192.0.2.9", 0, ANNOUNCE_SCRAPE);
	say(&item);
	ATF_CHECK_EQ(0, answer.complete + answer.incomplete);
	announce("192.0.2.1", 1);
	seed_event("192.0.2.2", 1, ANNOUNCE_COMPLETED);
	say(&item);
	ATF_CHECK_EQ(1, answer.complete);
	ATF_CHECK_EQ(1, answer.incomplete);
	ATF_CHECK_EQ(1, answer.downloaded);
	ATF_CHECK_EQ(0, answer.n4 + answer.n6);
	ATF_CHECK_EQ(2, figures.peers);
	swarms_free(s);
}

/* A second announce at once still gets peers. */
TEST(swarms__one_change_in_five_seconds)
{
	start(MOST);
	announce("192.0.2.1", 1);
	announce("192.0.2.2", 1);
	now_s += SWARMS_SOON_S - 1;
	seed_event("192.0.2.1", 1, ANNOUNCE_STARTED);
	ATF_CHECK_EQ(ANNOUNCED_SOON, answer.result);
	ATF_CHECK_EQ(1, answer.n4);
	ATF_CHECK_EQ(0, answer.complete);
	ATF_CHECK_EQ(1, figures.soon);
	now_s++;
	seed_event("192.0.2.1", 1, ANNOUNCE_STARTED);
	ATF_CHECK_EQ(ANNOUNCED, answer.result);
	ATF_CHECK_EQ(1, answer.complete);
	ATF_CHECK_EQ(1, figures.soon);
	swarms_free(s);
}

TEST(swarms__interval)
{
	uint32_t least = UINT32_MAX, longest = 0;
	unsigned i;

	start(MOST);
	for (i = 1; i <= SWARMS_SMALL; i++) {
		announce(fmt("192.0.%u.1", i), 1);
		ATF_REQUIRE_EQ(SWARMS_SHORT_S, answer.interval_s);
	}
	for (i = 1; i <= 200; i++) {
		announce(fmt("198.51.%u.1", i), 1);
		least = answer.interval_s < least ? answer.interval_s : least;
		longest = answer.interval_s > longest ? answer.interval_s :
		    longest;
	}
	ATF_CHECK_MSG(least >= 1620 && least < 1650, "%u s", least);
	ATF_CHECK_MSG(longest <= 1980 && longest > 1950, "%u s", longest);
	/* A small one that is no longer young. */
	swarms_free(s);
	start(MOST);
	announce("192.0.2.1", 1);
	for (i = 0; i < 3; i++) {
		now_s += SWARMS_YOUNG_S / 3 - (i == 2);
		announce("192.0.2.1", 1);
		ATF_CHECK_EQ(SWARMS_SHORT_S, answer.interval_s);
	}
	now_s++;
	announce("192.0.2.2", 1);
	ATF_CHECK(answer.interval_s >= 1620);
	swarms_free(s);
}

/* A peer has gone once it has missed its announce. */
TEST(swarms__expire)
{
	unsigned i;

	start(MOST);
	announce("192.0.2.1", 1);
	now_s += SWARMS_SHORT_STAY_S;
	swarms_expire(s, now_s, 1);
	announce("192.0.2.2", 1);
	ATF_CHECK_EQ(1, answer.n4);
	now_s++;
	swarms_expire(s, now_s, swarms_places(s));
	announce("192.0.2.3", 1);
	ATF_CHECK_EQ(1, answer.n4);
	ATF_CHECK_EQ(0, given("192.0.2.1", 1));
	ATF_CHECK_EQ(1, figures.expired);
	/* With the long interval it stays longer. */
	for (i = 1; i <= SWARMS_SMALL + 1; i++)
		announce(fmt("192.0.%u.1", i + 2), 1);
	ATF_CHECK(answer.interval_s >= 1620);
	now_s += SWARMS_LONG_STAY_S;
	swarms_expire(s, now_s, 1000);
	swarms_count(s, &figures);
	ATF_CHECK_MSG(figures.peers >= 1 && figures.peers < 10, "%u",
	    figures.peers);
	now_s++;
	swarms_expire(s, now_s, 1000);
	swarms_count(s, &figures);
	ATF_CHECK_EQ(0, figures.peers + figures.swarms + figures.addresses);
	ATF_CHECK_EQ(0, swarms_places(s));
	swarms_free(s);
}

/* It looks at no more than it was told, and at all in the end. */
TEST(swarms__expire_in_turns)
{
	unsigned i;

	start(MOST);
	for (i = 0; i < 100; i++)
		announce(fmt("192.0.%u.1", i), 1);
	ATF_CHECK_EQ(100, swarms_places(s));
	now_s += SWARMS_LONG_STAY_S + 1;
	for (i = 1; i <= 10; i++) {
		swarms_expire(s, now_s, 10);
		swarms_count(s, &figures);
		ATF_CHECK_EQ(100 - 10 * i, figures.peers);
	}
	swarms_free(s);
}

TEST(swarms__few_of_one_address_in_a_swarm)
{
	struct msg_announce_item item;
	unsigned i;

	start(MOST);
	announce("198.51.100.1", 1);
	for (i = 1; i <= SWARMS_ADDRESS_MAX + 2; i++) {
		announce("192.0.2.1", (uint16_t)i);
		ATF_CHECK_EQ(i <= SWARMS_ADDRESS_MAX ? ANNOUNCED :
		    ANNOUNCED_SWARM, answer.result);
		/* The fifth is not listed, but served. */
		ATF_CHECK_EQ(1, given("198.51.100.1", 1));
	}
	ATF_CHECK_EQ(2, figures.unlisted);
	ATF_CHECK_EQ(SWARMS_ADDRESS_MAX + 1, answer.incomplete);
	/* So is a /64. */
	for (i = 1; i <= SWARMS_ADDRESS_MAX; i++)
		announce(fmt("2001:db8::%x", i), 1);
	announce("2001:db8::ffff", 1);
	ATF_CHECK_EQ(ANNOUNCED_SWARM, answer.result);
	announce("2001:db8:0:1::ffff", 1);
	ATF_CHECK_EQ(ANNOUNCED, answer.result);
	/* Another swarm is another matter. */
	item = item_of("192.0.2.1", 9, ANNOUNCE_STARTED);
	item.info_hash[0] ^= 1;
	say(&item);
	ATF_CHECK_EQ(ANNOUNCED, answer.result);
	swarms_free(s);
}

/* One peer each in so many swarms, from this number on. */
static unsigned
fill(const char *addr, uint32_t from, uint32_t n)
{
	struct msg_announce_item item = item_of(addr, 1, ANNOUNCE_STARTED);
	unsigned listed = 0;
	uint32_t i;

	for (i = from; i < from + n; i++) {
		memcpy(item.info_hash, &i, sizeof(i));
		say(&item);
		listed += answer.result == ANNOUNCED;
	}
	return listed;
}

TEST(swarms__one_address_has_a_hundredth)
{
	start(MOST);
	ATF_CHECK_EQ(10, fill("192.0.2.1", 0, 20));
	ATF_CHECK_EQ(ANNOUNCED_ADDRESS, answer.result);
	ATF_CHECK(answer.interval_s >= 1620);
	ATF_CHECK_EQ(10, figures.peers);
	ATF_CHECK_EQ(10, figures.unlisted);
	ATF_CHECK_EQ(1, figures.addresses);
	swarms_free(s);
}

/* 200 addresses want ten places each, and there are 1,000. */
static void
flood(void)
{
	unsigned i, round;

	for (round = 0; round < 10; round++)
		for (i = 0; i < 200; i++)
			(void)fill(fmt("203.%u.113.1", i),
			    1000 + 10000 * round + i, 1);
	ATF_CHECK_EQ(MOST, figures.peers);
}

TEST(swarms__full_of_a_flood)
{
	unsigned i, round, listed = 0;

	start(MOST);
	flood();
	/* Newcomers of few peers find a place all the same. */
	for (i = 1; i <= 40; i++) {
		announce(fmt("192.0.%u.1", i), 1);
		listed += answer.result == ANNOUNCED;
	}
	ATF_CHECK_MSG(listed == 40, "%u of 40", listed);
	ATF_CHECK_EQ(MOST, figures.peers);
	/* And no flood takes it from them. */
	for (round = 0; round < 3; round++) {
		flood();
		for (i = 0; i < 1000; i++)
			(void)fill(fmt("203.0.%u.%u", i / 250, i % 250), i, 1);
	}
	announce("192.0.1.1", 1);
	ATF_CHECK_EQ(40, answer.incomplete);
	ATF_CHECK_EQ(39, answer.n4);
	check();
	ATF_CHECK(figures.displaced > 0 && figures.full > figures.displaced);
	swarms_free(s);
}

/* Nobody makes room while there are more than there may be. */
TEST(swarms__too_full_of_a_flood)
{
	start(MOST);
	flood();
	swarms_set_max(s, MOST - 1);
	announce("192.0.2.1", 1);
	ATF_CHECK_EQ(ANNOUNCED_FULL, answer.result);
	swarms_set_max(s, MOST);
	announce("192.0.2.1", 1);
	ATF_CHECK_EQ(ANNOUNCED, answer.result);
	swarms_free(s);
}

/* Places of expired peers are free. */
TEST(swarms__full_of_the_dead)
{
	unsigned i;

	start(MOST);
	for (i = 0; i < MOST; i++)
		(void)fill(fmt("203.%u.%u.1", i / 250, i % 250), i, 1);
	announce("192.0.2.1", 1);
	ATF_CHECK_EQ(ANNOUNCED_FULL, answer.result);
	ATF_CHECK_EQ(0, answer.incomplete);
	ATF_CHECK_EQ(1, figures.full);
	now_s += SWARMS_LONG_STAY_S + 1;
	announce("192.0.2.1", 1);
	ATF_CHECK_EQ(ANNOUNCED, answer.result);
	ATF_CHECK_EQ(MOST, figures.peers);
	ATF_CHECK_EQ(1, figures.full);
	swarms_free(s);
}

TEST(swarms__another_number_of_peers)
{
	unsigned i;

	start(MOST);
	for (i = 0; i < MOST; i++)
		(void)fill(fmt("203.%u.%u.1", i / 250, i % 250), i, 1);
	swarms_set_max(s, MOST + 1);
	announce("192.0.2.1", 1);
	ATF_CHECK_EQ(ANNOUNCED, answer.result);
	announce("192.0.2.2", 1);
	ATF_CHECK_EQ(ANNOUNCED_FULL, answer.result);
	/* Fewer: those that are there stay and nobody comes. */
	swarms_set_max(s, 500);
	now_s += SWARMS_SOON_S;
	announce("192.0.2.1", 1);
	ATF_CHECK_EQ(ANNOUNCED, answer.result);
	announce("192.0.2.2", 1);
	ATF_CHECK_EQ(ANNOUNCED_FULL, answer.result);
	ATF_CHECK_EQ(MOST + 1, figures.peers);
	swarms_free(s);
}

TEST(swarms__near_ones_first)
{
	unsigned i, n;

	start(100000);
	/* 20 in the asker's /24 among 1,000. */
	for (i = 0; i < 1000; i++)
		announce(fmt("198.%u.%u.1", i / 250, i % 250), 1);
	for (i = 1; i <= 20; i++)
		announce(fmt("192.0.2.%u", i), 1);
	announce("192.0.2.250", 1);
	ATF_CHECK_EQ(NUMWANT_MAX, answer.n4);
	for (i = 1; i <= 20; i++)
		ATF_CHECK_EQ_MSG(1, given(fmt("192.0.2.%u", i), 1), "%u", i);
	/* However many there are, half of the answer is any. */
	for (i = 21; i <= 240; i++)
		announce(fmt("192.0.2.%u", i), 1);
	announce("192.0.2.251", 1);
	for (i = 1, n = 0; i <= 250; i++)
		n += given(fmt("192.0.2.%u", i), 1);
	ATF_CHECK_MSG(n >= 25 && n < 45, "%u near ones", n);
	ATF_CHECK_EQ(NUMWANT_MAX, answer.n4);
	/* A /64. */
	announce("2001:db8::1", 1);
	announce("2001:db8::2", 1);
	ATF_CHECK_EQ(1, given("2001:db8::1", 1));
	ATF_CHECK_EQ(NUMWANT_MAX - 1, answer.n4);
	swarms_free(s);
}

/* Neighbours that come and go leave the ring whole. */
TEST(swarms__neighbours_leave)
{
	unsigned i, k, n;

	start(100000);
	for (i = 0; i < 300; i++)
		announce(fmt("198.51.%u.1", i % 250), (uint16_t)(1 + i / 250));
	for (k = 0; k < 20; k++) {
		for (i = 1; i <= 20; i++)
			announce(fmt("192.0.2.%u", i), 1);
		/* The first, the last and one in the middle. */
		for (i = 1; i <= 20; i += 1 + k)
			announce_event(fmt("192.0.2.%u", i), 1,
			    ANNOUNCE_STOPPED);
		announce("192.0.2.99", 1);
		for (i = 1, n = 0; i <= 20; i++)
			n += given(fmt("192.0.2.%u", i), 1);
		ATF_CHECK_EQ(20 - (20 + k) / (1 + k), n);
		check();
		now_s += SWARMS_SOON_S;
	}
	swarms_free(s);
}

/* Each of 400 peers comes about as often as any other. */
TEST(swarms__random_ones)
{
	unsigned count[400] = { 0 }, i, k, least = UINT32_MAX, most = 0;
	struct msg_announce_item item;
	uint8_t *at;

	start(100000);
	for (i = 0; i < 400; i++) {
		item = item_of(fmt("198.%u.%u.1", i / 200, i % 200), 1,
		    ANNOUNCE_STARTED);
		item.flags = i % 4 == 0 ? ANNOUNCE_SEED : 0;
		say(&item);
	}
	for (k = 0; k < 800; k++) {
		announce_event("192.0.2.1", 1, ANNOUNCE_STARTED);
		ATF_REQUIRE_EQ(NUMWANT_MAX, answer.n4);
		for (i = 0; i < NUMWANT_MAX; i++) {
			at = out + sizeof(answer) + i * PEER4_LEN;
			count[at[1] * 200 + at[2]]++;
		}
	}
	/* 100 each, with a standard deviation of 9.4. */
	for (i = 0; i < 400; i++) {
		least = count[i] < least ? count[i] : least;
		most = count[i] > most ? count[i] : most;
	}
	ATF_CHECK_MSG(least > 50 && most < 150, "from %u to %u", least, most);
	swarms_free(s);
}

TEST(swarms__only_to_those_who_can_reach_them)
{
	static const char *const all[] = {
		"192.0.2.1", "2001:db8::1", "10.0.0.1", "fd00::1",
		"100.64.0.1", "169.254.0.1", "fe80::1", "127.0.0.1", "::1",
		"0.0.0.1",
	};
	static const char regions[] = "iisscllhhn";
	size_t i, k;

	start(MOST);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		announce(all[i], 1);
	now_s += SWARMS_SOON_S;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		announce(all[i], 1);
		for (k = 0; k < sizeof(all) / sizeof(all[0]); k++)
			ATF_CHECK_EQ_MSG(i != k && (regions[k] == 'i' ||
			    regions[k] == regions[i]), given(all[k], 1),
			    "%s to %s", all[k], all[i]);
	}
	swarms_free(s);
}

/* A hundred thousand that nobody may have cost one asker little. */
TEST(swarms__many_that_are_not_given)
{
	unsigned i;

	start(1000000);
	announce("192.0.2.1", 1);
	for (i = 0; i < 20000; i++)
		announce(fmt("10.%u.%u.1", i / 250, i % 250), 1);
	for (i = 0; i < 20000; i++)
		announce_event("192.0.2.2", 1, ANNOUNCE_NONE);
	ATF_CHECK(answer.n4 <= 1);
	ATF_CHECK_EQ(20002, answer.incomplete);
	swarms_free(s);
}

/*
 * The worst: each peer has an address and a swarm of its own, and all tables
 * have just grown.  malloc(3) adds 8 bytes to each list.
 */
TEST(swarms__memory_of_a_peer)
{
	struct msg_announce_item item = item_of("2001:db8::1", 1,
	    ANNOUNCE_STARTED);
	const uint32_t most = (1U << 17) + 1;
	uint32_t i;

	start(most);
	for (i = 0; i < most; i++) {
		memcpy(item.addr + 4, &i, sizeof(i));
		memcpy(item.info_hash, &i, sizeof(i));
		say(&item);
		ATF_REQUIRE_EQ(ANNOUNCED, answer.result);
	}
	ATF_CHECK_EQ(most, figures.peers);
	ATF_CHECK_EQ(most, figures.swarms);
	ATF_CHECK_EQ(most, figures.addresses);
	printf("%zu bytes a peer\n", figures.memory / most + 8);
	ATF_CHECK_MSG(figures.memory / most + 8 <= 200, "%zu bytes a peer",
	    figures.memory / most + 8);
	now_s += SWARMS_LONG_STAY_S + 1;
	swarms_expire(s, now_s, most);
	swarms_count(s, &figures);
	ATF_CHECK_EQ(0, figures.peers + figures.swarms + figures.addresses);
	swarms_free(s);
}
