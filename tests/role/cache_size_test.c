/* SPDX-License-Identifier: ISC */
/*
 * The age and the size of the cache: what goes, in which order, and what it
 * costs to find out.
 */
#include <sys/resource.h>

#include <fts.h>

#include "common/clock.h"
#include "pkgtorrentd/cache/entry.h"
#include "tests/lib/cache_rig.h"
#include "tests/lib/pack_rig.h"
#include "tests/lib/test.h"

static struct cache_under_test c;

static const struct mirror_file a = {
	"/fedora/a.rpm", { 11, 3 * PIECE_LEN + 5, 1000, 2000, 0 },
};

/* Of cache-size, in bytes. */
#define INFO_SHARE(size)	((size) / 4)
#define PIECES_SHARE(size)	((size) - INFO_SHARE(size))

static void
touch_entry(const uint8_t *digest, const char *path, uint32_t piece_len)
{
	struct msg_touch body = { .piece_len = piece_len };

	if (digest != NULL)
		memcpy(body.digest, digest, SHA1_LEN);
	ATF_REQUIRE_EQ(0, msg_send_wait(&c.front, MSG_TOUCH, &body, path,
	    path != NULL ? strlen(path) : 0, NULL, 0));
	/* The answer to this says that it was done. */
	ATF_CHECK_EQ(0, get_pieces(&c, &(const struct mirror_file){ "/none",
	    a.identity }, PIECE_LEN));
}

TEST(use__is_recorded_once_a_day)
{
	struct mirror_file other = a;
	uint8_t digest[SHA1_LEN];
	const char *info, *pack = pack_path(a.path, PIECE_LEN);

	cache_start(&c, "");
	remember(&c, &a, digest);
	ATF_REQUIRE(knows_info(&c, digest));
	info = info_path(digest);
	ATF_CHECK_EQ(0, days_of(a.path, PIECE_LEN));
	set_age(pack, DAY / 2);
	set_age(info, DAY / 2);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK(knows_info(&c, digest));
	touch_entry(digest, NULL, 0);
	touch_entry(NULL, a.path, PIECE_LEN);
	ATF_CHECK(age_of(pack) >= DAY / 2);
	ATF_CHECK(age_of(info) >= DAY / 2);

	set_days(a.path, PIECE_LEN, 2);
	ATF_CHECK(age_of(pack) >= DAY);
	other.identity.mtime_ns++;
	ATF_CHECK_EQ(0, get_pieces(&c, &other, PIECE_LEN));
	ATF_CHECK_EQ(2, days_of(a.path, PIECE_LEN));
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK_EQ(0, days_of(a.path, PIECE_LEN));
	/* The time of the pack is the latest of its records'. */
	ATF_CHECK(age_of(pack) < DAY / 2);
	set_days(a.path, PIECE_LEN, 2);
	touch_entry(NULL, a.path, PIECE_LEN);
	ATF_CHECK_EQ(0, days_of(a.path, PIECE_LEN));
	/* A digest in use keeps the pieces that it was made from. */
	set_days(a.path, PIECE_LEN, 2);
	set_age(info, 2 * DAY);
	touch_entry(digest, NULL, 0);
	ATF_CHECK(age_of(info) < DAY);
	ATF_CHECK_EQ(0, days_of(a.path, PIECE_LEN));
	set_days(a.path, PIECE_LEN, 2);
	set_age(info, 2 * DAY);
	ATF_CHECK(knows_info(&c, digest));
	ATF_CHECK(age_of(info) < DAY);
	ATF_CHECK_EQ(0, days_of(a.path, PIECE_LEN));
}

/* Of a day to come, as after a clock that was wrong. */
TEST(use__of_a_wrong_day_is_put_right)
{
	cache_start(&c, "");
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	ATF_REQUIRE_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	set_days(a.path, PIECE_LEN, (unsigned)-400);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK_EQ(0, days_of(a.path, PIECE_LEN));
}

/* Of a pack the old records go, as soon as that frees a block or half of it;
   and a pack of old ones goes whole. */
TEST(age__removes_what_nobody_uses)
{
	const struct mirror_file kept = { "/fedora/k", { 5, 5, 5, 5, 0 } };
	const struct mirror_file alone = { "/old/k", { 5, 5, 5, 5, 0 } };
	uint8_t old[SHA1_LEN], fresh[SHA1_LEN], third[SHA1_LEN];
	struct status st;

	cache_start(&c, "");
	remember(&c, &a, old);
	remember(&c, &kept, fresh);
	remember(&c, &alone, third);
	ATF_REQUIRE(knows_info(&c, old) && knows_info(&c, fresh) &&
	    knows_info(&c, third));
	cache_stop(&c);
	set_days(a.path, PIECE_LEN, 32);
	set_days(alone.path, PIECE_LEN, 32);
	set_age(info_path(old), 31 * DAY);
	set_age(info_path(fresh), 29 * DAY);
	ATF_REQUIRE_EQ(0, system("mkdir -p cache/pieces/empty/empty"));
	cache_start(&c, "");
	st = wait_for_sweeps(&c, 1);
	/* Two of info/ stay, and a record. */
	ATF_CHECK_EQ(3, st.expired);
	ATF_CHECK_EQ(3, st.entries);
	ATF_CHECK_EQ(1, count_packed(a.path, PIECE_LEN));
	ATF_CHECK(!there(pack_path(alone.path, PIECE_LEN)));
	ATF_CHECK(!there("cache/pieces/empty"));
	ATF_CHECK(!there(info_path(old)));
	ATF_CHECK(there(info_path(fresh)));
	ATF_CHECK_EQ(0, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK_EQ(2, get_pieces(&c, &kept, PIECE_LEN));
	/* A new configuration holds at once. */
	send_conf(&c, "cache-age 20d\n");
	st = wait_for_sweeps(&c, 2);
	ATF_CHECK_EQ(4, st.expired);
	ATF_CHECK(!there(info_path(fresh)));
}

/* A few old ones among many would give nothing back. */
TEST(age__removes_records_by_blocks)
{
	enum { N = 200 };
	struct mirror_file f = { .identity = { 1, PIECE_LEN, 1, 1, 0 } };
	unsigned i, old;

	for (old = 10; old <= 80; old += 70) {
		cache_start(&c, "");
		for (i = 0; i < N; i++) {
			f.path = fmt("/x/%03u", i);
			put_pieces(&c, &f, PIECE_LEN, 16, NULL);
		}
		ATF_REQUIRE_EQ(1, get_pieces(&c, &f, PIECE_LEN));
		cache_stop(&c);
		for (i = 0; i < old; i++)
			set_days(fmt("/x/%03u", i), PIECE_LEN, 40);
		cache_start(&c, "");
		wait_for_sweeps(&c, 1);
		/* 72 bytes each. */
		ATF_CHECK_EQ(old * 72 < 4096 ? N : N - old,
		    count_packed("/x/last", PIECE_LEN));
		f.path = "/x/199";
		ATF_CHECK_EQ(1, get_pieces(&c, &f, PIECE_LEN));
		cache_stop(&c);
	}
}

/* Bytes of allocated blocks.  A sweep may be at work here: files that have gone
   since their directory was read do not count, nor a pack that is being written
   again. */
static uint64_t
du(const char *dir)
{
	char path[16], *paths[] = { path, NULL };
	uint64_t bytes = 0;
	FTSENT *e;
	FTS *fts;

	snprintf(path, sizeof(path), "%s", dir);
	fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	ATF_REQUIRE(fts != NULL);
	while ((e = fts_read(fts)) != NULL)
		if (e->fts_info == FTS_D || (e->fts_info == FTS_F &&
		    strncmp(e->fts_name, ".new-", 5) != 0))
			bytes += (uint64_t)e->fts_statp->st_blocks * 512;
	fts_close(fts);
	return bytes;
}

/* "/x/<i>": a small record, all in one pack. */
static const struct mirror_file *
numbered(unsigned i)
{
	static struct mirror_file f = { .identity = { 1, 5, 1, 1, 0 } };

	f.path = fmt("/x/%u", i);
	f.identity.ino = i;
	return &f;
}

/* "/y/<i modulo 8>/<i>": about ten kilobytes. */
static const struct mirror_file *
large(unsigned i)
{
	static struct mirror_file f = { .identity = { 1, 500 * PIECE_LEN, 1,
	    1, 0 } };

	f.path = fmt("/y/%u/%u", i % 8, i);
	f.identity.ino = i;
	return &f;
}

#define LARGE_DIGESTS	500

/* The number of the first so many that are still there, each whole. */
static unsigned
count_large(unsigned n)
{
	unsigned i, found = 0;

	for (i = 0; i < n; i++)
		found += get_pieces(&c, large(i), PIECE_LEN) == LARGE_DIGESTS;
	return found;
}

/* Start a cache that has the pieces of the first so many. */
static void
start_with_large(const char *conf, unsigned n)
{
	unsigned i;

	cache_start(&c, conf);
	wait_for_sweeps(&c, 1);
	for (i = 0; i < n; i++)
		put_pieces(&c, large(i), PIECE_LEN, 500, NULL);
	ATF_REQUIRE_EQ(n, count_large(n));
}

/* The number that is left of n files, of which so many were used on each day,
   the oldest first: once some are left, all younger ones are, and one day at
   most has lost only some. */
static unsigned
count_youngest(const struct mirror_file *(*file)(unsigned), unsigned n,
    unsigned a_day, unsigned digests)
{
	unsigned i, day, left, kept = 0, mixed = 0, first = n;

	for (day = 0; day < n / a_day; day++) {
		left = 0;
		for (i = day * a_day; i < (day + 1) * a_day; i++)
			left += get_pieces(&c, file(i), PIECE_LEN) == digests;
		kept += left;
		mixed += left > 0 && left < a_day;
		if (left > 0 && first == n)
			first = day;
		ATF_CHECK_MSG(left == a_day || day <= first, "%u of day %u",
		    left, day);
	}
	ATF_CHECK_MSG(mixed <= 1, "%u days", mixed);
	return kept;
}

/* Of n files, so many were used on each day, the oldest first, the last
   yesterday; then cache-size becomes this.  The figures after the sweep. */
static struct status
shrink(const struct mirror_file *(*file)(unsigned), unsigned n,
    unsigned a_day, unsigned mib)
{
	const uint64_t share = PIECES_SHARE((uint64_t)mib << 20);
	struct status st;
	unsigned i;

	for (i = 0; i < n; i++)
		set_days(file(i)->path, PIECE_LEN, 1 + (n - 1 - i) / a_day);
	send_conf(&c, fmt("cache-size %uM\n", mib));
	st = wait_for_sweeps(&c, 2);
	ATF_CHECK(du("cache/pieces") <= share);
	ATF_CHECK(du("cache/pieces") >= share / 5 * 4);
	ATF_CHECK(st.evicted > 0);
	return st;
}

/* By days: of those of the last day that is left, some may have gone. */
TEST(size__removes_the_least_recently_used)
{
	enum { N = 800, A_DAY = 40 };
	struct status st;
	unsigned kept;

	start_with_large("cache-size 1G\n", N);
	st = cache_status(&c);
	ATF_CHECK_EQ(N, st.entries);
	ATF_CHECK_EQ(N, st.stored);
	ATF_CHECK_EQ(du("cache/info") + du("cache/pieces"),
	    st.used_kib * 1024);
	st = shrink(large, N, A_DAY, 8);
	ATF_CHECK_EQ(0, st.expired);
	kept = count_youngest(large, N, A_DAY, LARGE_DIGESTS);
	ATF_CHECK_EQ(N, kept + st.evicted);
	ATF_CHECK_EQ(kept, st.entries);
}

/* "/z/<i>/a": a small record, of which each has a pack of one block. */
static const struct mirror_file *
lone(unsigned i)
{
	static struct mirror_file f = { .identity = { 1, 5, 1, 1, 0 } };

	f.path = fmt("/z/%u/a", i);
	f.identity.ino = i;
	return &f;
}

/* The blocks count, of which the records are a small part. */
TEST(size__removes_the_least_recently_used_packs)
{
	enum { N = 3000, A_DAY = 150 };
	unsigned i;

	cache_start(&c, "cache-size 1G\n");
	wait_for_sweeps(&c, 1);
	for (i = 0; i < N; i++)
		put_pieces(&c, lone(i), PIECE_LEN, 2, NULL);
	ATF_REQUIRE_EQ(2, get_pieces(&c, lone(N - 1), PIECE_LEN));
	for (i = 0; i < N; i++)
		(void)await_packed(lone(i)->path, PIECE_LEN);
	shrink(lone, N, A_DAY, 14);
	ATF_CHECK(count_youngest(lone, N, A_DAY, 2) < N);
	/* What was used today and yesterday has room. */
	ATF_CHECK_EQ(0, count_in_log(&c, "cache-size is too small"));
}

#define OTHER_LEN	(64U << 10)
#define OTHER_DIGESTS	8000		/* of large(), 160 KB */

/* Bytes of the packs of a piece length. */
static uint64_t
du_of(uint32_t piece_len)
{
	char path[] = "cache/pieces", *paths[] = { path, NULL };
	uint64_t bytes = 0;
	FTSENT *e;
	FTS *fts;

	fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	ATF_REQUIRE(fts != NULL);
	while ((e = fts_read(fts)) != NULL)
		if (e->fts_info == FTS_F &&
		    entry_pack_len(e->fts_name) == piece_len)
			bytes += (uint64_t)e->fts_statp->st_blocks * 512;
	fts_close(fts);
	return bytes;
}

static unsigned
count_others(unsigned n)
{
	unsigned i, found = 0;

	for (i = 0; i < n; i++)
		found += get_pieces(&c, large(i), OTHER_LEN) == OTHER_DIGESTS;
	return found;
}

/* Lists of other lengths than piece-length have a quarter, in which the least
   recently used go; those of piece-length stay, however old. */
TEST(others__have_a_quarter)
{
	enum { N = 100, OLD = 8, LIMIT = 8 << 20 };
	const uint64_t quarter = PIECES_SHARE(LIMIT) / 4;
	unsigned i, stored = 0;

	start_with_large("cache-size 8M\n", N);
	for (i = 0; i < N; i++)
		set_days(large(i)->path, PIECE_LEN, 20);
	for (i = 0; i < OLD; i++)
		put_pieces(&c, large(i), OTHER_LEN, 500, NULL);
	ATF_REQUIRE_EQ(OLD, count_others(OLD));
	for (i = 0; i < OLD; i++)
		set_days(large(i)->path, OTHER_LEN, 10);
	/* One of 160 KB fits, then some of the old ones go. */
	for (i = OLD; i < 2 * OLD; i++) {
		put_pieces(&c, large(i), OTHER_LEN, 500, NULL);
		stored += get_pieces(&c, large(i), OTHER_LEN) ==
		    OTHER_DIGESTS;
		if (i == OLD + 2)
			wait_for_sweeps(&c, 2);
		ATF_CHECK_MSG(du_of(OTHER_LEN) <= quarter, "%u", i);
	}
	ATF_CHECK_EQ(OTHER_DIGESTS, get_pieces(&c, large(OLD), OTHER_LEN));
	ATF_CHECK_MSG(stored >= 2, "%u", stored);
	ATF_CHECK_EQ(1, count_in_log(&c, "its share of cache-size is used"));
	ATF_CHECK(count_others(OLD) < OLD);
	ATF_CHECK_EQ(N, count_large(N));
}

/* Whatever clients ask for, sweeps for these lists cost a hundredth of a core:
   after one that read many records, the next comes late. */
TEST(others__are_not_swept_all_the_time)
{
	enum { PACKS = 4, RECORDS = 100000, N = 100, SHARE = 100 };
	unsigned long before;
	uint64_t cost, begin, took;
	struct status st;
	unsigned i;

	ATF_REQUIRE(mkdir("cache", 0700) == 0);
	for (i = 0; i < PACKS; i++)
		make_pack(fmt("/many/%u", i), PIECE_LEN, RECORDS,
		    (struct pack_list){ .count = 2,
		    .digests = (const uint8_t[2 * SHA1_LEN]){ 0 } });
	cache_start(&c, "cache-size 90M\n");
	wait_for_sweeps(&c, 1);
	cost = proc_cpu_us(&c.proc);
	send_conf(&c, "cache-size 91M\n");
	wait_for_sweeps(&c, 2);
	cost = proc_cpu_us(&c.proc) - cost;
	before = cache_status(&c).sweeps;
	begin = clock_us();
	do {
		for (i = 0; i < 2 * N; i++)
			put_pieces(&c, large(i), OTHER_LEN, 500, NULL);
		st = cache_status(&c);
		took = clock_us() - begin;
	} while (took < 1000000 || st.sweeps == before);
	/* The first comes at once; the cost includes other work. */
	ATF_CHECK_MSG((st.sweeps - before - 1) * cost * SHARE / 2 <= took,
	    "%lu sweeps of %ju us in %ju", st.sweeps - before,
	    (uintmax_t)cost, (uintmax_t)took);
}

/* They go first, although they were used last; and those of piece-length go
   only if they have no room without these. */
TEST(others__go_first)
{
	enum { N = 400, OTHERS = 5 };
	struct status st;
	uint64_t before;
	unsigned i;

	start_with_large("cache-size 1G\n", N);
	for (i = 0; i < N; i++)
		set_days(large(i)->path, PIECE_LEN, 20);
	for (i = 0; i < OTHERS; i++)
		put_pieces(&c, large(i), OTHER_LEN, 500, NULL);
	ATF_REQUIRE_EQ(OTHERS, count_others(OTHERS));
	/* 4.0 MB and 0.8 MB; room for 4.5, kept at 4.1. */
	before = cache_status(&c).sweeps;
	send_conf(&c, "cache-size 6M\n");
	st = wait_for_sweeps(&c, before + 1);
	ATF_CHECK(st.evicted > 0);
	ATF_CHECK(count_others(OTHERS) < OTHERS);
	ATF_CHECK_EQ(N, count_large(N));
	/* No room for any of them makes none of those go. */
	for (i = 0; i < OTHERS; i++)
		put_pieces(&c, large(i), OTHER_LEN, 500, NULL);
	count_others(OTHERS);
	ATF_CHECK_EQ(N, count_large(N));
	/* Room for 3.1: all of them, and then some of those. */
	before = cache_status(&c).sweeps;
	send_conf(&c, "cache-size 4M\n");
	wait_for_sweeps(&c, before + 1);
	ATF_CHECK_EQ(0, count_others(OTHERS));
	ATF_CHECK(count_large(N) < N);
	ATF_CHECK(count_large(N) > N / 2);
}

/* With another piece-length, the lists that were there are the others. */
TEST(others__follow_piece_length)
{
	enum { N = 100 };
	uint64_t before;
	unsigned i;

	start_with_large("cache-size 2M\n", N);
	before = cache_status(&c).sweeps;
	send_conf(&c, "cache-size 2M\npiece-length 64K\n");
	new_front(&c);
	wait_for_sweeps(&c, before + 1);
	ATF_CHECK(du_of(PIECE_LEN) <= PIECES_SHARE(2 << 20) / 4);
	ATF_CHECK(count_large(N) > 0);
	for (i = 0; i < 4; i++)
		put_pieces(&c, large(i), OTHER_LEN, 500, NULL);
	ATF_CHECK_EQ(4, count_others(4));
}

/* Packs that were used last before that day go whole. */
TEST(size__removes_old_packs)
{
	enum { N = 8, EACH_OF = 64, LIMIT = 4 << 20 };
	unsigned i, k;

	start_with_large("cache-size 1G\n", N * EACH_OF);
	for (i = 0; i < N * EACH_OF; i++)
		set_days(large(i)->path, PIECE_LEN, 20 - 2 * (i % N));
	send_conf(&c, "cache-size 4M\n");
	wait_for_sweeps(&c, 2);
	ATF_CHECK(du("cache/pieces") <= PIECES_SHARE(LIMIT));
	for (i = 0; i < N; i++) {
		k = there(pack_path(large(i)->path, PIECE_LEN)) ?
		    count_packed(large(i)->path, PIECE_LEN) : 0;
		/* Room for a little more than four. */
		ATF_CHECK_MSG(i < 3 ? k == 0 : i > 4 ? k == EACH_OF : true,
		    "%u of pack %u", k, i);
	}
}

/* Remembers a digest of its own for number i, of the file a, whose pieces are
   there. */
static void
put_numbered_info(unsigned i, uint8_t digest[SHA1_LEN])
{
	struct buf l = { 0 };
	char text[64];

	snprintf(text, sizeof(text), "/fedora/%u/../[a]*", i);
	list_spec(&l, 0, text, &a, 1);
	digest_of(text, digest);
	put_listing(&c, digest, &l, false);
	buf_free(&l);
}

/* Of those of one age, only as many as must; and none of the other tree,
   however old. */
TEST(size__removes_no_more_than_needed)
{
	enum { N = 600, OLD = 40 };
	uint8_t digest[SHA1_LEN];
	unsigned i;

	cache_start(&c, "cache-size 1G\n");
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	for (i = 0; i < OLD; i++)
		put_pieces(&c, numbered(i), PIECE_LEN, 16, NULL);
	for (i = 0; i < N; i++) {
		put_numbered_info(i, digest);
		ATF_REQUIRE(knows_info(&c, digest));
		set_age(info_path(digest), 3600);
	}
	for (i = 0; i < OLD; i++)
		set_days(numbered(i)->path, PIECE_LEN, 10);
	wait_for_sweeps(&c, 1);
	send_conf(&c, "cache-size 4M\n");
	wait_for_sweeps(&c, 2);
	ATF_CHECK(du("cache/info") <= INFO_SHARE(4U << 20));
	ATF_CHECK(du("cache/info") >= INFO_SHARE(4U << 20) / 5 * 4);
	for (i = 0; i < OLD; i++)
		ATF_CHECK_EQ(2, get_pieces(&c, numbered(i), PIECE_LEN));
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
}

/* Any client can have new digests remembered, ten times as much as there is
   room for: every piece list stays, though it is older than all of them. */
TEST(size__info_flushes_no_pieces)
{
	enum { N = 2600, FILES = 60, LIMIT = 1 << 20 };
	uint8_t digest[SHA1_LEN];
	unsigned i;

	cache_start(&c, "cache-size 1M\n");
	wait_for_sweeps(&c, 1);
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	for (i = 0; i < FILES; i++) {
		put_pieces(&c, large(i), PIECE_LEN, 500, NULL);
		ATF_REQUIRE_EQ(LARGE_DIGESTS, get_pieces(&c, large(i),
		    PIECE_LEN));
		set_days(large(i)->path, PIECE_LEN, 10);
	}
	for (i = 0; i < N; i++) {
		put_numbered_info(i, digest);
		if (i % 200 == 0) {
			(void)knows_info(&c, digest);
			ATF_CHECK_MSG(du("cache/info") <= INFO_SHARE(LIMIT),
			    "after %u", i);
		}
	}
	(void)knows_info(&c, digest);
	ATF_CHECK(wait_for_sweeps(&c, 2).evicted > 0);
	ATF_CHECK(du("cache/info") >= INFO_SHARE(LIMIT) / 2);
	ATF_CHECK_EQ(FILES, count_large(FILES));
}

/* Nor the other way round. */
TEST(size__pieces_flush_no_info)
{
	enum { N = 500, DIGESTS = 40, LIMIT = 1 << 20 };
	uint8_t digest[DIGESTS][SHA1_LEN];
	unsigned i;

	cache_start(&c, "cache-size 1M\n");
	wait_for_sweeps(&c, 1);
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	for (i = 0; i < DIGESTS; i++) {
		put_numbered_info(i, digest[i]);
		ATF_REQUIRE(knows_info(&c, digest[i]));
		set_age(info_path(digest[i]), DAY / 2);
	}
	for (i = 0; i < N; i++)
		put_pieces(&c, large(i), PIECE_LEN, 500, NULL);
	(void)get_pieces(&c, large(i), PIECE_LEN);
	ATF_CHECK(wait_for_sweeps(&c, 2).evicted > 0);
	ATF_CHECK(du("cache/pieces") <= PIECES_SHARE(LIMIT));
	for (i = 0; i < DIGESTS; i++)
		ATF_CHECK(knows_info(&c, digest[i]));
}

/* A file that cannot be opened for lack of descriptors has not gone. */
TEST(size__is_what_was_counted_in_full)
{
	struct rlimit before, few;
	uint8_t digest[SHA1_LEN];
	struct status st, now;

	cache_start(&c, "");
	remember(&c, &a, digest);
	wait_for_sweeps(&c, 1);
	send_conf(&c, "cache-age 20d\n");
	st = wait_for_sweeps(&c, 2);
	ATF_REQUIRE_EQ(2, st.entries);
	ATF_REQUIRE_EQ(0, prlimit(c.proc.pid, RLIMIT_NOFILE, NULL, &before));
	/* As many as poll(2) is to look at. */
	few = (struct rlimit){ 3, before.rlim_max };
	ATF_REQUIRE_EQ(0, prlimit(c.proc.pid, RLIMIT_NOFILE, &few, NULL));
	send_conf(&c, "cache-age 21d\n");
	now = wait_for_sweeps(&c, 3);
	ATF_CHECK_EQ(st.entries, now.entries);
	ATF_CHECK_EQ(st.used_kib, now.used_kib);
	ATF_REQUIRE_EQ(0, prlimit(c.proc.pid, RLIMIT_NOFILE, &before, NULL));
	ATF_REQUIRE_EQ(0, system("rm cache/info/*"));
	send_conf(&c, "cache-age 22d\n");
	ATF_CHECK_EQ(1, wait_for_sweeps(&c, 4).entries);
}

/* All within seconds: the sweep has no days to tell them by. */
TEST(size__is_kept_in_a_burst)
{
	enum { N = 2000, LIMIT = 4 << 20 };
	struct status st;
	unsigned i;

	cache_start(&c, "cache-size 4M\n");
	for (i = 0; i < N; i++) {
		put_pieces(&c, large(i), PIECE_LEN, 500, NULL);
		if (i % 100 == 0) {
			(void)get_pieces(&c, large(i), PIECE_LEN);
			ATF_CHECK_MSG(du("cache") <= LIMIT + (64 << 10),
			    "after %u", i);
		}
	}
	(void)get_pieces(&c, large(i), PIECE_LEN);
	ATF_CHECK(du("cache") <= LIMIT + (64 << 10));
	ATF_CHECK(du("cache") >= PIECES_SHARE(LIMIT) / 2);
	st = wait_for_sweeps(&c, 2);
	ATF_CHECK(st.evicted > 0);
	ATF_CHECK(st.stored < N || st.evicted > N / 2);
	/* What was used today had to go, which is said once. */
	ATF_CHECK_EQ(1, count_in_log(&c, "cache-size is too small"));
}

/* A cache that is full when the service starts does not grow, be its size known
   by the summary or not before it has been counted. */
TEST(size__is_kept_after_a_restart)
{
	unsigned i, k, n;

	for (k = 0; k < 2; k++) {
		cache_start(&c, "");
		n = (k + 1) * 1000;
		for (i = k * 1000; i < n; i++)
			put_pieces(&c, large(i), PIECE_LEN, 500, NULL);
		ATF_REQUIRE_EQ(LARGE_DIGESTS, get_pieces(&c, large(n - 1),
		    PIECE_LEN));
		cache_stop(&c);
		ATF_CHECK(du("cache") > 6U << 20);
		if (k == 0)
			(void)unlink("cache/summary");
		cache_start(&c, "cache-size 4M\n");
		for (; i < n + 500; i++)
			put_pieces(&c, large(i), PIECE_LEN, 500, NULL);
		wait_for_sweeps(&c, 1);
		ATF_CHECK(du("cache") <= (4U << 20) + (64 << 10));
		cache_stop(&c);
	}
}
