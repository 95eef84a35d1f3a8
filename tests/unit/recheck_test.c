/* SPDX-License-Identifier: ISC */
/* Files with imported pieces, on their way to the hashers, which the test
   plays. */
#include "pkgtorrentd/front/job/recheck.h"
#include "tests/lib/test.h"

#define WANTED	64	/* files that hashers have at a time */
#define PIECE	16384U

static struct event_base	*base;
static struct workers		 workers;
static struct hashq		 hashq;
static struct recheck		 r;
static struct hash_group	 group;
static struct hash_waiter	*waiting[WANTED + 1];
static char			 paths[WANTED + 1][SPEC_MAX + 1];
static unsigned			 nwaiting;
static unsigned			 groups;
static unsigned			 runs;
static unsigned			 differences;
static bool			 may_be_told = true;

/*
 * The modules below.
 */

struct pieces *
pieces_new(uint64_t count)
{
	struct pieces *p = calloc(1, sizeof(*p) + count * SHA1_LEN);

	ATF_REQUIRE(p != NULL);
	p->refs = 1;
	p->count = (uint32_t)count;
	return p;
}

struct hash_group *
hash_group_new(uint64_t size)
{
	ATF_REQUIRE_EQ(HASH_BACKGROUND, size);
	groups++;
	return &group;
}

void
hash_group_release(struct hashq *q, struct hash_group *g)
{
	ATF_REQUIRE(q == &hashq && g == &group);
	groups--;
}

int
hashq_want(struct hashq *q, struct hash_group *g, struct hash_waiter *w,
    const char *path, size_t len, const struct identity *id,
    uint32_t piece_len)
{
	static LIST_HEAD(, hash_waiter) list = LIST_HEAD_INITIALIZER(list);

	ATF_REQUIRE(q == &hashq && g == &group && nwaiting <= WANTED);
	ATF_REQUIRE_EQ(PIECE, piece_len);
	ATF_REQUIRE_EQ(7, id->ino);
	memcpy(paths[nwaiting], path, len);
	paths[nwaiting][len] = '\0';
	waiting[nwaiting++] = w;
	LIST_INSERT_HEAD(&list, w, entry);
	return 0;
}

void
hashq_run(struct hashq *q)
{
	ATF_REQUIRE(q == &hashq);
	runs++;
}

bool
worker_may_be_told(const struct worker *w)
{
	ATF_REQUIRE(w == &workers.cache);
	return may_be_told;
}

static void
on_difference(void *arg)
{
	ATF_REQUIRE(arg == &r);
	differences++;
}

static void
run_events(void)
{
	ATF_REQUIRE(event_base_loop(base, EVLOOP_NONBLOCK) != -1);
}

static void
start(void)
{
	base = event_base_new();
	ATF_REQUIRE(base != NULL);
	workers.cache.ch.fd = 0;
	ATF_REQUIRE_EQ(0, recheck_init(&r, base, &workers, &hashq,
	    on_difference, &r));
	ATF_CHECK(recheck_is_idle(&r));
}

/* Pieces of count digests, of which each byte is this. */
static struct pieces *
pieces_of(uint64_t count, int byte)
{
	struct pieces *p = pieces_new(count);

	memset(p->digests, byte, count * SHA1_LEN);
	return p;
}

static void
want(const char *path, uint64_t count)
{
	const struct identity id = { 7, count * PIECE, 1, 2, 0 };
	struct pieces *p = pieces_of(count, 'i');

	recheck_want(&r, path, strlen(path), &id, PIECE, p);
	pieces_unref(p);
}

/* The hashers are done with the first file that they have. */
static void
hash_first(enum hash_status status, uint64_t count, int byte)
{
	struct hash_result result = { .status = status, .settled = true };
	struct hash_waiter *w = waiting[0];

	ATF_REQUIRE(nwaiting > 0);
	nwaiting--;
	memmove(waiting, waiting + 1, nwaiting * sizeof(waiting[0]));
	memmove(paths, paths + 1, nwaiting * sizeof(paths[0]));
	if (status == HASH_OK)
		result.pieces = pieces_of(count, byte);
	hash_waiter_leave(w);
	w->done(w, &result);
	pieces_unref(result.pieces);
}

TEST(recheck__ends_with_equal_pieces)
{
	start();
	want("/a", 3);
	ATF_CHECK(!recheck_is_idle(&r));
	ATF_CHECK_EQ(0, nwaiting);
	run_events();
	ATF_REQUIRE_EQ(1, nwaiting);
	ATF_CHECK_STREQ("/a", paths[0]);
	ATF_CHECK(runs > 0);
	/* It is on its way already. */
	want("/a", 3);
	run_events();
	ATF_REQUIRE_EQ(1, nwaiting);
	hash_first(HASH_OK, 3, 'i');
	run_events();
	ATF_CHECK(recheck_is_idle(&r));
	ATF_CHECK_EQ(0, r.bytes);
	ATF_CHECK_EQ(0, differences);
}

/* Told once, from the loop: nobody may be called while a file ends. */
TEST(recheck__tells_of_differences)
{
	start();
	want("/a", 3);
	want("/b", 3);
	want("/c", 2);
	run_events();
	ATF_REQUIRE_EQ(3, nwaiting);
	hash_first(HASH_OK, 3, 'j');
	hash_first(HASH_OK, 3, 'k');
	ATF_CHECK_EQ(0, differences);
	run_events();
	ATF_CHECK_EQ(1, differences);
	/* Of another length. */
	hash_first(HASH_OK, 3, 'i');
	run_events();
	ATF_CHECK_EQ(2, differences);
	run_events();
	ATF_CHECK_EQ(2, differences);
	ATF_CHECK(recheck_is_idle(&r));
}

/* There is nothing to compare: their next use brings them again. */
TEST(recheck__drops_files_that_cannot_be_hashed)
{
	static const enum hash_status statuses[] = {
		HASH_CHANGED, HASH_GONE, HASH_FAILED,
	};

	start();
	EACH(status, statuses) {
		want("/a", 3);
		run_events();
		hash_first(*status, 0, 0);
		run_events();
		ATF_CHECK(recheck_is_idle(&r));
	}
	ATF_CHECK_EQ(0, differences);
}

TEST(recheck__gives_hashers_some_at_a_time)
{
	unsigned i;

	start();
	for (i = 0; i < WANTED + 10; i++)
		want(fmt("/%u", i), 1);
	run_events();
	ATF_CHECK_EQ(WANTED, nwaiting);
	hash_first(HASH_OK, 1, 'i');
	run_events();
	ATF_CHECK_EQ(WANTED, nwaiting);
	ATF_CHECK_EQ(WANTED + 9, r.n);
	/* A long list comes alone. */
	while (nwaiting > 0)
		hash_first(HASH_OK, 1, 'i');
	run_events();
	while (nwaiting > 0)
		hash_first(HASH_OK, 1, 'i');
	want("/long", (1U << 20) / SHA1_LEN);
	want("/short", 1);
	run_events();
	ATF_CHECK_EQ(1, nwaiting);
	hash_first(HASH_OK, (1U << 20) / SHA1_LEN, 'i');
	run_events();
	ATF_CHECK_STREQ("/short", paths[0]);
}

TEST(recheck__holds_so_many_files)
{
	unsigned i;

	start();
	for (i = 0; i < RECHECK_FILES_MAX; i++) {
		ATF_REQUIRE_EQ(i > RECHECK_FILES_MAX - WALK_FILES_MAX,
		    recheck_is_full(&r));
		want(fmt("/%u", i), 1);
	}
	ATF_CHECK_EQ(RECHECK_FILES_MAX, r.n);
	want("/more", 1);
	ATF_CHECK_EQ(RECHECK_FILES_MAX, r.n);
	ATF_CHECK(recheck_is_full(&r));
}

/* One more is taken below the bound, however long its list is. */
TEST(recheck__holds_so_many_bytes)
{
	start();
	want("/a", RECHECK_BYTES_MAX / SHA1_LEN);
	ATF_CHECK_EQ(1, r.n);
	ATF_CHECK(recheck_is_full(&r));
	want("/b", 1);
	ATF_CHECK_EQ(1, r.n);
}

TEST(recheck__waits_for_the_cache)
{
	start();
	may_be_told = false;
	want("/a", 1);
	run_events();
	ATF_CHECK_EQ(0, nwaiting);
	may_be_told = true;
	workers.cache.ch.fd = -1;
	recheck_tick(&r);
	run_events();
	ATF_CHECK_EQ(0, nwaiting);
	workers.cache.ch.fd = 0;
	recheck_tick(&r);
	run_events();
	ATF_CHECK_EQ(1, nwaiting);
}

TEST(recheck__forgets_all_at_a_restart)
{
	unsigned i;

	start();
	for (i = 0; i < WANTED + 10; i++)
		want(fmt("/%u", i), 1);
	run_events();
	ATF_CHECK_EQ(1, groups);
	recheck_restart(&r);
	ATF_CHECK_EQ(0, groups);
	ATF_CHECK(recheck_is_idle(&r));
	ATF_CHECK_EQ(0, r.bytes);
	ATF_CHECK_EQ(0, r.wanted);
	nwaiting = 0;
	want("/a", 1);
	run_events();
	ATF_CHECK_EQ(1, nwaiting);
	ATF_CHECK_EQ(1, groups);
}
