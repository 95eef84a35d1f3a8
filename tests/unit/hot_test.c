/* SPDX-License-Identifier: ISC */
/* What the torrents in memory count. */
#include "pkgtorrentd/front/job/hot.h"
#include "tests/lib/test.h"

#define SIZE	100000		/* bytes of each torrent */
#define MAX	1000000

static struct hot hot;

static void
hot_start(void)
{
	RB_INIT(&hot.tree);
	TAILQ_INIT(&hot.lru);
	hot.max = MAX;
}

static struct torrent *
torrent_of(size_t size)
{
	struct torrent *t = torrent_new();

	ATF_REQUIRE(t != NULL);
	t->held.size = size;
	return t;
}

static struct torrent_key
key_of(uint8_t n, bool multi)
{
	return (struct torrent_key){ .digest = { n }, .multi = multi };
}

static void
put(uint8_t n, bool multi, struct torrent *t)
{
	struct torrent_key key = key_of(n, multi);

	hot_put(&hot, &key, t, 0);
}

static bool
has(uint8_t n, bool multi)
{
	struct torrent_key key = key_of(n, multi);

	return hot_find(&hot, &key) != NULL;
}

/* Between both sizes lie only the entries themselves. */
static void
expect_size(size_t torrents)
{
	ATF_CHECK_MSG(hot.size >= torrents &&
	    hot.size <= torrents + 20 * 2 * sizeof(struct hot_entry),
	    "%zu instead of %zu", hot.size, torrents);
}

TEST(hot__a_torrent_counts_once)
{
	struct torrent *t = torrent_of(SIZE);

	hot_start();
	put(1, false, t);
	put(1, true, t);
	ATF_CHECK_EQ(2, hot.n);
	expect_size(SIZE);
	/* Whichever of its keys is dropped. */
	put(1, false, NULL);
	expect_size(SIZE);
	hot_set_wraps(&hot, t, 5000);
	expect_size(SIZE + 5000);
	put(1, true, NULL);
	expect_size(0);
	hot_set_wraps(&hot, t, 9000);
	expect_size(0);
	put(1, true, t);
	expect_size(SIZE + 9000);
	torrent_unref(t);
}

static bool
has_of(uint8_t n, enum piece_kind piece)
{
	struct torrent_key key = key_of(n, true);
	struct hot_entry *e;

	key.piece = (uint8_t)piece;
	e = hot_find(&hot, &key);
	return e != NULL && e->torrent != NULL;
}

/* A torrent is of one piece length; a digest is known or not at all of them. */
TEST(hot__a_torrent_has_one_piece_length)
{
	struct torrent_key key = key_of(1, true);
	struct torrent *t = torrent_of(SIZE);

	hot_start();
	ATF_REQUIRE_EQ(0, specs_add(&t->specs, "/a", 2));
	put(1, true, NULL);
	for (key.piece = 0; key.piece < PIECE_KINDS; key.piece++) {
		ATF_REQUIRE(hot_find(&hot, &key) != NULL);
		ATF_CHECK(hot_find(&hot, &key)->torrent == NULL);
		ATF_CHECK(hot_find_specs(&hot, &key) == NULL);
	}
	ATF_CHECK(!has(1, false));
	key.piece = PIECE_AUTO;
	hot_put(&hot, &key, t, 0);
	ATF_CHECK(has_of(1, PIECE_AUTO));
	ATF_CHECK(!has(1, true));
	key.piece = PIECE_LENGTH;
	ATF_CHECK(hot_find_specs(&hot, &key) == &t->specs);
	hot_put(&hot, &key, t, 0);
	hot_remove(&hot, &key);
	ATF_CHECK(!has_of(1, PIECE_LENGTH));
	ATF_CHECK(has_of(1, PIECE_AUTO));
	hot_put(&hot, &key, t, 0);
	hot_remove_all(&hot, &key);
	ATF_CHECK_EQ(0, hot.n);
	put(1, true, NULL);
	hot_remove_unknown(&hot, &key);
	ATF_CHECK_EQ(0, hot.size);
	torrent_unref(t);
}

TEST(hot__wraps_make_others_give_way)
{
	struct torrent *t[8];
	uint8_t i;

	hot_start();
	for (i = 0; i < 8; i++) {
		t[i] = torrent_of(SIZE);
		put(i, true, t[i]);
	}
	ATF_CHECK(has(0, true));
	hot_set_wraps(&hot, t[7], MAX - 8 * SIZE + 1);
	/* 0 was asked for last. */
	ATF_CHECK(has(0, true) && !has(1, true) && has(2, true));
	ATF_CHECK(hot.size <= MAX);
	hot_set_wraps(&hot, t[7], SIZE);
	expect_size(8 * SIZE);
	/* More than all the memory there is. */
	hot_set_wraps(&hot, t[7], MAX);
	ATF_CHECK(!has(7, true) && has(0, true) && has(2, true));
	ATF_CHECK_EQ(2, hot.n);
	expect_size(2 * SIZE);
	for (i = 0; i < 8; i++)
		torrent_unref(t[i]);
}

TEST(hot__unknown_digests_count)
{
	uint8_t i;

	hot_start();
	for (i = 0; i < 20; i++)
		put(i, true, NULL);
	ATF_CHECK(hot.size > 20 * sizeof(struct hot_entry));
	expect_size(0);
	for (i = 0; i < 20; i++)
		put(i, true, NULL);
	expect_size(0);
	ATF_CHECK_EQ(20, hot.n);
}
