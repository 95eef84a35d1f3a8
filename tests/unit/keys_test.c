/* SPDX-License-Identifier: ISC */
/*
 * The keys of the seals as the parent sends them: to each process those of its
 * own pairs and roots, no two of them equal, and others for the next front.
 */
#include <event2/event.h>

#include "common/seal.h"
#include "pkgtorrentd/parent/keys.h"
#include "pkgtorrentd/parent/process.h"
#include "pkgtorrentd/parent/state.h"
#include "tests/lib/conf_text.h"
#include "tests/lib/test.h"

#define ROOTS	3

static const struct process_ops	 ops;
static struct parent		 parent = { .ops = &ops };

/* As a process has received them. */
static struct seal_keys
receive_keys(enum role role, uint32_t index, const struct conf *conf)
{
	static uint8_t		 buf[MSG_MAX] __attribute__((__aligned__(8)));
	struct seal_keys	 keys = { 0 };
	const struct msg_key	*body;
	struct process		*p = process_new(&parent, role, index);
	struct msg_wrong	 wrong;
	struct channel		 ch;
	struct msg		 msg;
	int			 fds[2];

	ATF_REQUIRE_EQ(0, msg_pair(fds));
	channel_open(&p->channel, fds[0], ROLE_PARENT, role, index);
	/* The loop never runs. */
	ATF_REQUIRE_EQ(0, channel_event_start(&p->event, parent.base,
	    &p->channel, NULL, p, 0));
	ch = (struct channel){ .fd = fds[1], .self = role,
	    .peer = ROLE_PARENT };
	keys_send(p, conf);
	while (msg_recv(&ch, buf, &msg, &wrong) == MSG_GOT) {
		ATF_REQUIRE_EQ(MSG_KEY, msg.type);
		body = msg.body;
		ATF_REQUIRE(seal_concerns(role, body->pair));
		ATF_REQUIRE(body->count <= KEYS_MAX);
		ATF_REQUIRE_EQ(body->count * SEAL_LEN, msg.tail_len);
		ATF_REQUIRE_EQ(0, keys.n[body->pair]);
		keys.n[body->pair] = body->count;
		memcpy(keys.v[body->pair], msg.tail, msg.tail_len);
	}
	close(fds[1]);
	process_free(p);
	return keys;
}

static void
start(void)
{
	parent.base = event_base_new();
	ATF_REQUIRE(parent.base != NULL);
	TAILQ_INIT(&parent.processes);
	parent.conf = good("root /a\nroot /x /b\nroot /y /c\nhashers 1\n",
	    NULL);
	keys_renew(&parent);
}

static bool
same(const uint8_t a[SEAL_LEN], const uint8_t b[SEAL_LEN])
{
	return memcmp(a, b, SEAL_LEN) == 0;
}

TEST(keys__are_for_who_needs_them)
{
	struct seal_keys	 cache, hasher, walker, front;
	uint32_t		 i;

	start();
	front = receive_keys(ROLE_FRONT, 0, parent.conf);
	cache = receive_keys(ROLE_CACHE, 0, parent.conf);
	hasher = receive_keys(ROLE_HASHER, 5, parent.conf);
	for (i = 0; i < SEAL_PAIRS; i++)
		ATF_CHECK_EQ(0, front.n[i]);
	ATF_CHECK_EQ(ROOTS, cache.n[SEAL_WALKER_CACHE]);
	ATF_CHECK_EQ(0, cache.n[SEAL_WALKER_HASHER]);
	ATF_CHECK_EQ(ROOTS, cache.n[SEAL_HASHER_CACHE]);
	ATF_CHECK_EQ(0, hasher.n[SEAL_WALKER_CACHE]);
	ATF_CHECK_EQ(ROOTS, hasher.n[SEAL_WALKER_HASHER]);
	ATF_CHECK_EQ(ROOTS, hasher.n[SEAL_HASHER_CACHE]);
	for (i = 0; i < ROOTS; i++) {
		walker = receive_keys(ROLE_WALKER, i, parent.conf);
		ATF_CHECK_EQ(1, walker.n[SEAL_WALKER_CACHE]);
		ATF_CHECK_EQ(1, walker.n[SEAL_WALKER_HASHER]);
		ATF_CHECK_EQ(0, walker.n[SEAL_HASHER_CACHE]);
		/* Both ends have the same. */
		ATF_CHECK(same(walker.v[SEAL_WALKER_CACHE][0],
		    cache.v[SEAL_WALKER_CACHE][i]));
		ATF_CHECK(same(walker.v[SEAL_WALKER_HASHER][0],
		    hasher.v[SEAL_WALKER_HASHER][i]));
		ATF_CHECK(same(hasher.v[SEAL_HASHER_CACHE][i],
		    cache.v[SEAL_HASHER_CACHE][i]));
	}
}

/* All of one set, and all of another. */
static size_t
collect(uint8_t all[][SEAL_LEN], size_t n, const struct seal_keys *keys)
{
	uint32_t	 pair, i;

	for (pair = 0; pair < SEAL_PAIRS; pair++)
		for (i = 0; i < keys->n[pair]; i++)
			memcpy(all[n++], keys->v[pair][i], SEAL_LEN);
	return n;
}

TEST(keys__differ)
{
	uint8_t			 all[64][SEAL_LEN] = { { 0 } };
	struct seal_keys	 keys;
	size_t			 i, k, n = 1;
	int			 round;

	start();
	for (round = 0; round < 3; round++) {
		keys = receive_keys(ROLE_CACHE, 0, parent.conf);
		n = collect(all, n, &keys);
		keys = receive_keys(ROLE_HASHER, 0, parent.conf);
		keys.n[SEAL_HASHER_CACHE] = 0;
		n = collect(all, n, &keys);
		keys_renew(&parent);
	}
	ATF_CHECK_EQ(1 + 3 * SEAL_PAIRS * ROOTS, n);
	for (i = 0; i < n; i++)
		for (k = 0; k < i; k++)
			ATF_CHECK_MSG(!same(all[i], all[k]), "%zu %zu", i, k);
}

/* A reload may give a root another number, and its place another directory. */
TEST(keys__follow_the_root)
{
	struct conf		*other = good("root /y /c\nroot /x /other\n"
				    "root /z /b\nroot /a\nhashers 1\n", NULL);
	struct seal_keys	 keys, after;

	start();
	keys = receive_keys(ROLE_CACHE, 0, parent.conf);
	after = receive_keys(ROLE_CACHE, 0, other);
	ATF_CHECK_EQ(4, after.n[SEAL_WALKER_CACHE]);
	ATF_CHECK(same(keys.v[SEAL_WALKER_CACHE][2],
	    after.v[SEAL_WALKER_CACHE][0]));
	ATF_CHECK(same(keys.v[SEAL_WALKER_CACHE][0],
	    after.v[SEAL_WALKER_CACHE][3]));
	ATF_CHECK(same(keys.v[SEAL_HASHER_CACHE][2],
	    after.v[SEAL_HASHER_CACHE][0]));
	ATF_CHECK(!same(keys.v[SEAL_WALKER_CACHE][1],
	    after.v[SEAL_WALKER_CACHE][1]));
	ATF_CHECK(!same(keys.v[SEAL_WALKER_CACHE][1],
	    after.v[SEAL_WALKER_CACHE][2]));
	conf_free(other);
}
