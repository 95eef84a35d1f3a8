/* SPDX-License-Identifier: ISC */
/*
 * The cache and its directories: others change them, and the cache keeps them
 * small.
 */
#include <sys/mount.h>
#include <sys/resource.h>

#include <fts.h>

#include "tests/lib/cache_rig.h"
#include "tests/lib/test.h"

static struct cache_under_test c;

static const struct mirror_file a = {
	"/fedora/a.rpm", { 11, 3 * PIECE_LEN + 5, 1000, 2000, 0 },
};

/* Of cache-size, in bytes. */
#define INFO_SHARE(size)	((size) / 4)
#define PIECES_SHARE(size)	((size) - INFO_SHARE(size))

#define A_DIR	"cache/pieces/fedora/a.rpm"
#define A_ENTRY	A_DIR "/1048576"

static void
run(const char *command)
{
	ATF_REQUIRE_EQ_MSG(0, system(command), "%s", command);
}

/* Something was done to the entry: a miss, and it can be stored again. */
static void
expect_miss_and_again(const char *what)
{
	ATF_CHECK_EQ_MSG(0, get_pieces(&c, &a, PIECE_LEN), "%s", what);
	ATF_CHECK_MSG(!there(A_ENTRY), "%s", what);
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	ATF_CHECK_EQ_MSG(5, get_pieces(&c, &a, PIECE_LEN), "%s", what);
}

TEST(entry__that_is_wrong_is_a_miss)
{
	static const char *const commands[] = {
		"printf x | dd of=" A_ENTRY " bs=1 seek=100 conv=notrunc"
		    " status=none",
		"printf x | dd of=" A_ENTRY " bs=1 conv=notrunc status=none",
		"truncate -s 100 " A_ENTRY,
		"truncate -s 0 " A_ENTRY,
		"truncate -s 1T " A_ENTRY,
		"printf x >> " A_ENTRY,
		"ln " A_ENTRY " other-link",
		"mv " A_ENTRY " moved; ln -s $PWD/moved " A_ENTRY,
		"rm " A_ENTRY "; mkfifo " A_ENTRY,
		"rm " A_ENTRY "; mkdir " A_ENTRY "; touch " A_ENTRY "/file",
		"rm " A_ENTRY "; ln -s nowhere " A_ENTRY,
	};
	size_t i;

	cache_start(&c, "");
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		run(commands[i]);
		expect_miss_and_again(commands[i]);
	}
	/* The targets of the links are not ours. */
	ATF_CHECK(there("other-link"));
	ATF_CHECK(there("moved"));
	ATF_CHECK_EQ(i, cache_status(&c).errors);
}

TEST(info__that_is_wrong_is_a_miss)
{
	uint8_t digest[SHA1_LEN];
	int i;

	cache_start(&c, "");
	for (i = 0; i < 3; i++) {
		remember(&c, &a, digest);
		ATF_REQUIRE(knows_info(&c, digest));
		run(fmt(i == 0 ? "printf x >> %1$s" : i == 1 ?
		    "rm %1$s; mkdir -p %1$s/sub" :
		    "cp %1$s other; cp " A_ENTRY " %1$s", info_path(digest)));
		ATF_CHECK(!knows_info(&c, digest));
		ATF_CHECK(!there(info_path(digest)));
	}
	remember(&c, &a, digest);
	ATF_CHECK(knows_info(&c, digest));
}

TEST(log__names_many_wrong_entries_in_one_line)
{
	int i;

	cache_start(&c, "");
	for (i = 0; i < 20; i++) {
		put_pieces(&c, &a, PIECE_LEN, 16, NULL);
		ATF_REQUIRE_EQ(5, get_pieces(&c, &a, PIECE_LEN));
		run("printf x >> " A_ENTRY);
		ATF_CHECK_EQ(0, get_pieces(&c, &a, PIECE_LEN));
	}
	ATF_CHECK_EQ(20, cache_status(&c).errors);
	ATF_CHECK_EQ(1, count_in_log(&c, "removed: damaged"));
	ATF_CHECK_EQ(1, count_in_log(&c, "a.rpm/1048576: removed"));
}

/* A file becomes a directory, a directory a file, as mirrors do. */
TEST(path__may_change_its_kind)
{
	const struct mirror_file below = {
		"/fedora/a.rpm/1048576/x", { 77, 5, 5, 5, 0 },
	};

	cache_start(&c, "");
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	put_pieces(&c, &below, PIECE_LEN, 16, NULL);
	ATF_CHECK_EQ(2, get_pieces(&c, &below, PIECE_LEN));
	ATF_CHECK_EQ(2, get_pieces(&c, &below, PIECE_LEN));
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK_EQ(0, get_pieces(&c, &below, PIECE_LEN));
	/* The entry in the way is gone after the next sweep. */
	cache_stop(&c);
	cache_start(&c, "");
	wait_for_sweeps(&c, 1);
	run("test \"$(ls -A " A_DIR ")\" = 1048576");
}

TEST(directories__may_be_deleted_at_any_time)
{
	static const char *const commands[] = {
		"rm -r cache/pieces cache/info", "rm -r cache/info",
		"rm -r cache/pieces/*", "rm -r cache/*",
		"rm -r cache/pieces; ln -s $PWD cache/pieces",
		"rm -r cache/pieces; touch cache/pieces",
	};
	uint8_t digest[SHA1_LEN];

	cache_start(&c, "");
	EACH(each, commands) {
		remember(&c, &a, digest);
		ATF_CHECK_MSG(knows_info(&c, digest), "%s", *each);
		run(*each);
	}
	ATF_CHECK(!there("fedora"));
	remember(&c, &a, digest);
	ATF_CHECK(knows_info(&c, digest));
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	run("rm -r cache");
	remember(&c, &a, digest);
	ATF_CHECK(!knows_info(&c, digest));
	ATF_CHECK_EQ(1, count_in_log(&c, "the cache directory was removed"));
}

TEST(write__that_fails_stores_nothing)
{
	struct rlimit small = { 150, 150 };
	uint8_t digest[SHA1_LEN];

	cache_start(&c, "");
	ATF_REQUIRE_EQ(0, prlimit(c.proc.pid, RLIMIT_FSIZE, &small, NULL));
	remember(&c, &a, digest);
	ATF_CHECK_EQ(0, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK(!knows_info(&c, digest));
	run("test -z \"$(find cache -type f)\"");
	ATF_CHECK_EQ(1, count_in_log(&c, "not stored: File too large"));
	cache_stop(&c);
	cache_start(&c, "");
	run("rm -rf cache/pieces/*; chmod 500 cache/pieces cache/info");
	remember(&c, &a, digest);
	remember(&c, &a, digest);
	ATF_CHECK_EQ(0, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK_EQ(1, count_in_log(&c, "not stored: Permission denied"));
	run("chmod 700 cache/pieces cache/info");
	remember(&c, &a, digest);
	ATF_CHECK(knows_info(&c, digest));
}

/* A full disk: entries that fit are stored, the rest are not, nothing breaks,
   and when there is room again it goes on. */
TEST_WITH_CLEANUP(disk__that_is_full_stores_nothing, "require.user", "root")
{
	struct mirror_file f = { .identity = { 1, 1ULL << 32, 1, 1, 0 } };
	int i, hits = 0;

	ATF_REQUIRE_EQ(0, mkdir("cache", 0700));
	if (mount("none", "cache", "tmpfs", 0, "size=1m") == -1)
		atf_tc_skip("cannot mount a tmpfs: %s", strerror(errno));
	cache_start(&c, "");
	for (i = 0; i < 40; i++) {
		f.path = fmt("/x/%d", i);
		put_pieces(&c, &f, PIECE_LEN, 1024, NULL);
		hits += get_pieces(&c, &f, PIECE_LEN) == 4096;
	}
	ATF_CHECK(hits >= 5 && hits < 20);
	ATF_CHECK_EQ(1, count_in_log(&c, "not stored: No space left"));
	run("test -z \"$(find cache -name '.new-*')\"");
	run("rm -r cache/pieces/x/1");
	put_pieces(&c, &f, PIECE_LEN, 1024, NULL);
	ATF_CHECK_EQ(4096, get_pieces(&c, &f, PIECE_LEN));
}
CLEANUP(disk__that_is_full_stores_nothing)
{
	(void)umount2("cache", MNT_DETACH);
}

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
	const char *info;

	cache_start(&c, "");
	remember(&c, &a, digest);
	ATF_REQUIRE(knows_info(&c, digest));
	info = info_path(digest);
	set_age(A_ENTRY, DAY / 2);
	set_age(info, DAY / 2);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK(knows_info(&c, digest));
	touch_entry(digest, NULL, 0);
	touch_entry(NULL, a.path, PIECE_LEN);
	ATF_CHECK(age_of(A_ENTRY) >= DAY / 2);
	ATF_CHECK(age_of(info) >= DAY / 2);

	set_age(A_ENTRY, 2 * DAY);
	other.identity.mtime_ns++;
	ATF_CHECK_EQ(0, get_pieces(&c, &other, PIECE_LEN));
	ATF_CHECK(age_of(A_ENTRY) >= 2 * DAY);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK(age_of(A_ENTRY) < DAY);
	set_age(A_ENTRY, 2 * DAY);
	touch_entry(NULL, a.path, PIECE_LEN);
	ATF_CHECK(age_of(A_ENTRY) < DAY);
	/* A digest in use keeps the pieces that it was made from. */
	set_age(A_ENTRY, 2 * DAY);
	set_age(info, 2 * DAY);
	touch_entry(digest, NULL, 0);
	ATF_CHECK(age_of(info) < DAY);
	ATF_CHECK(age_of(A_ENTRY) < DAY);
	set_age(info, 2 * DAY);
	ATF_CHECK(knows_info(&c, digest));
	ATF_CHECK(age_of(info) < DAY);
}

TEST(age__removes_what_nobody_uses)
{
	const struct mirror_file kept = { "/fedora/k", { 5, 5, 5, 5, 0 } };
	uint8_t old[SHA1_LEN], fresh[SHA1_LEN];
	struct status st;

	cache_start(&c, "");
	remember(&c, &a, old);
	remember(&c, &kept, fresh);
	ATF_REQUIRE(knows_info(&c, old) && knows_info(&c, fresh));
	cache_stop(&c);
	set_age(A_ENTRY, 31 * DAY);
	set_age(info_path(old), 31 * DAY);
	set_age(info_path(fresh), 29 * DAY);
	run("mkdir -p cache/pieces/empty/empty");
	cache_start(&c, "");
	st = wait_for_sweeps(&c, 1);
	ATF_CHECK_EQ(2, st.expired);
	ATF_CHECK_EQ(2, st.entries);
	ATF_CHECK(!there(A_DIR));
	ATF_CHECK(!there("cache/pieces/empty"));
	ATF_CHECK(!there(info_path(old)));
	ATF_CHECK(there(info_path(fresh)));
	ATF_CHECK_EQ(2, get_pieces(&c, &kept, PIECE_LEN));
	/* A new configuration holds at once. */
	send_conf(&c, "cache-age 20d\n");
	st = wait_for_sweeps(&c, 2);
	ATF_CHECK_EQ(3, st.expired);
	ATF_CHECK(!there(info_path(fresh)));
}

/* Bytes of allocated blocks.  A sweep may be at work here: files that have gone
   since their directory was read do not count. */
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
		if (e->fts_info == FTS_D || e->fts_info == FTS_F)
			bytes += (uint64_t)e->fts_statp->st_blocks * 512;
	fts_close(fts);
	return bytes;
}

/* "/x/<i>": with its directory, about two blocks. */
static const struct mirror_file *
numbered(unsigned i)
{
	static struct mirror_file f = { .identity = { 1, 5, 1, 1, 0 } };

	f.path = fmt("/x/%u", i);
	f.identity.ino = i;
	return &f;
}

TEST(size__removes_the_least_recently_used)
{
	enum { N = 400 };
	struct status st;
	unsigned i, kept = 0;

	cache_start(&c, "cache-size 1G\n");
	wait_for_sweeps(&c, 1);
	for (i = 0; i < N; i++)
		put_pieces(&c, numbered(i), PIECE_LEN, 16, NULL);
	ATF_REQUIRE_EQ(2, get_pieces(&c, numbered(0), PIECE_LEN));
	ATF_CHECK_EQ(N, cache_status(&c).entries);
	ATF_CHECK_EQ(du("cache/info") + du("cache/pieces"),
	    cache_status(&c).used_kib * 1024);
	for (i = 0; i < N; i++)
		set_age(fmt("cache/pieces/x/%u/1048576", i),
		    3600 + 600 * (time_t)i);
	if (du("cache/pieces") < PIECES_SHARE(2U << 20))
		atf_tc_skip("a file system that counts no directories");
	send_conf(&c, "cache-size 2M\n");
	st = wait_for_sweeps(&c, 2);
	ATF_CHECK(du("cache/pieces") <= PIECES_SHARE(2U << 20));
	ATF_CHECK(du("cache/pieces") >= PIECES_SHARE(2U << 20) / 5 * 4);
	ATF_CHECK(st.evicted > 0);
	ATF_CHECK_EQ(0, st.expired);
	for (i = 0; i < N; i++) {
		const char *path = fmt("cache/pieces/x/%u", i);

		kept += there(path);
		/* The young ones stay; where the old ones begin, the
		   histogram decides, which has classes 3 % wide. */
		ATF_CHECK_MSG(!there(path) || i < st.entries + N / 10, "%u",
		    i);
		ATF_CHECK_MSG(there(path) || i > st.entries - N / 10, "%u", i);
	}
	ATF_CHECK_EQ(st.entries, kept);
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
		set_age(fmt("cache/pieces/x/%u/1048576", i), 10 * DAY);
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
	enum { N = 2600, FILES = 80, LIMIT = 1 << 20 };
	uint8_t digest[SHA1_LEN];
	unsigned i;

	cache_start(&c, "cache-size 1M\n");
	wait_for_sweeps(&c, 1);
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	for (i = 0; i < FILES; i++) {
		put_pieces(&c, numbered(i), PIECE_LEN, 16, NULL);
		ATF_REQUIRE_EQ(2, get_pieces(&c, numbered(i), PIECE_LEN));
		set_age(fmt("cache/pieces/x/%u/1048576", i), 10 * DAY);
	}
	for (i = 0; i < N; i++) {
		put_numbered_info(i, digest);
		if (i % 200 == 0) {
			(void)knows_info(&c, digest);
			ATF_CHECK_MSG(du("cache") <= LIMIT, "after %u", i);
		}
	}
	(void)knows_info(&c, digest);
	ATF_CHECK(cache_status(&c).evicted > 0);
	ATF_CHECK(du("cache/info") >= INFO_SHARE(LIMIT) / 2);
	for (i = 0; i < FILES; i++)
		ATF_CHECK_EQ(2, get_pieces(&c, numbered(i), PIECE_LEN));
}

/* Nor the other way round. */
TEST(size__pieces_flush_no_info)
{
	enum { N = 1000, DIGESTS = 40, LIMIT = 1 << 20 };
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
		put_pieces(&c, numbered(i), PIECE_LEN, 16, NULL);
	(void)get_pieces(&c, numbered(i), PIECE_LEN);
	ATF_CHECK(cache_status(&c).evicted > 0);
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
	run("rm cache/info/*");
	send_conf(&c, "cache-age 22d\n");
	ATF_CHECK_EQ(1, wait_for_sweeps(&c, 4).entries);
}

/* All within seconds: the sweep has no days to tell them by. */
TEST(size__is_kept_in_a_burst)
{
	enum { N = 6000, LIMIT = 4 << 20 };
	struct status st;
	unsigned i;

	cache_start(&c, "cache-size 4M\n");
	for (i = 0; i < N; i++) {
		put_pieces(&c, numbered(i), PIECE_LEN, 16, NULL);
		if (i % 200 == 0) {
			(void)get_pieces(&c, numbered(i), PIECE_LEN);
			ATF_CHECK_MSG(du("cache") <= LIMIT + (64 << 10),
			    "after %u", i);
		}
	}
	(void)get_pieces(&c, numbered(i), PIECE_LEN);
	ATF_CHECK(du("cache") <= LIMIT + (64 << 10));
	ATF_CHECK(du("cache") >= PIECES_SHARE(LIMIT) / 2);
	st = cache_status(&c);
	ATF_CHECK(st.evicted > 0);
	ATF_CHECK(st.stored < N || st.evicted > N / 2);
}

/* A cache that is full when the service starts does not grow before it has
   been counted. */
TEST(size__is_kept_after_a_restart)
{
	unsigned i;

	cache_start(&c, "");
	for (i = 0; i < 1000; i++)
		put_pieces(&c, numbered(i), PIECE_LEN, 16, NULL);
	ATF_REQUIRE_EQ(2, get_pieces(&c, numbered(i - 1), PIECE_LEN));
	cache_stop(&c);
	if (du("cache") < 6U << 20)
		atf_tc_skip("a file system that counts no directories");
	cache_start(&c, "cache-size 4M\n");
	for (; i < 4000; i++)
		put_pieces(&c, numbered(i), PIECE_LEN, 16, NULL);
	wait_for_sweeps(&c, 1);
	ATF_CHECK(du("cache") <= (4U << 20) + (64 << 10));
}

TEST(leftovers__are_swept_at_start)
{
	run("mkdir -p cache/info cache/pieces/a/b cache/pieces/.old-1-2/x/y "
	    "cache/info/.old-3-4 cache/pieces/.old-mirror "
	    "&& touch cache/info/.new-1 cache/pieces/a/b/.new-77 "
	    "cache/pieces/.old-1-2/x/y/anything cache/info/.old-3-4/z "
	    "cache/pieces/.old-mirror/keep");
	cache_start(&c, "");
	wait_for_sweeps(&c, 1);
	run("test \"$(find cache -type f)\" = cache/pieces/.old-mirror/keep");
	run("test -z \"$(ls -A cache/info)\"");
	ATF_CHECK(!there("cache/pieces/.old-1-2"));
	ATF_CHECK(!there("cache/pieces/a"));
}

#define HEX(c)	"000000000000000000000000000000000000000" c

/* As cPickle wrote them, in every protocol that Python has. */
static const char make_originals[] =
    "import os, pickle\n"
    "def put(path, data, proto):\n"
    "    path = 'cache/' + path\n"
    "    os.makedirs(os.path.dirname(path), exist_ok=True)\n"
    "    pickle.dump(data, open(path, 'wb'), proto)\n"
    "for n in range(pickle.HIGHEST_PROTOCOL + 1):\n"
    "    put('info/%040x' % n, (4, {'name': 'x'}, 'h', [], ''), n)\n"
    "    put('info/%040x_s' % n, (4, {'name': 'x'}, 'h', [], ''), n)\n"
    "    put('pieces/fedora/%d/1048576' % n,\n"
    "        (4, 5, b'0' * 20, b'1' * 20, 1.5), n)\n"
    "    put('pieces/fedora/%d/3000000' % n, [1, 2], n)\n"
    "    put('pieces/file%d' % n, (1, 'a'), n)\n"
    "put('info/x.tmp', (), 2)\n"
    "open('cache/info/' + 'a' * 40, 'w').close()\n"
    "open('cache/pieces/fedora/0/16384', 'wb').write(b'\\x80\\x02(K')\n"
    "open('count', 'w').write(str(5 * (pickle.HIGHEST_PROTOCOL + 1) + 3))\n";

static void
make_original_cache(char count[8])
{
	int fd;

	if (system("python3 -c 'import pickle' 2>/dev/null") != 0)
		atf_tc_skip("no python3 to make pickles with");
	write_file("make.py", make_originals, sizeof(make_originals) - 1);
	run("python3 make.py");
	fd = open("count", O_RDONLY);
	memset(count, 0, 8);
	ATF_REQUIRE(fd != -1 && read(fd, count, 7) > 0);
	close(fd);
}

TEST(original__is_removed_and_counted)
{
	char count[8], line[128];

	make_original_cache(count);
	run("mkdir outside && cp cache/pieces/file2 outside/file "
	    "&& ln -s $PWD/outside cache/pieces/link "
	    "&& ln -s $PWD/outside/file cache/info/" HEX("f") " "
	    "&& printf 'do not touch.\\n' > cache/pieces/README "
	    "&& printf '(see below).\\n' > cache/pieces/fedora/note "
	    "&& cp cache/pieces/README cache/info/README "
	    "&& mkfifo cache/pieces/fifo && mkdir cache/info/dir "
	    "&& cp outside/file cache/info/dir/file");
	cache_start(&c, "");
	wait_for_sweeps(&c, 1);
	snprintf(line, sizeof(line), "removed %s files that the original",
	    count);
	ATF_CHECK_EQ_MSG(1, count_in_log(&c, line), "%s: %.*s", line,
	    (int)c.proc.log.len, c.proc.log.data);
	ATF_CHECK_EQ(1, count_in_log(&c, "the original"));
	ATF_CHECK_EQ(0, cache_status(&c).errors);
	run("find cache -mindepth 2 | sort > left; printf '%s\\n' "
	    "cache/info/" HEX("f") " cache/info/README cache/info/dir "
	    "cache/info/dir/file cache/pieces/README cache/pieces/fedora "
	    "cache/pieces/fedora/note cache/pieces/fifo cache/pieces/link | "
	    "sort | diff - left");
	ATF_CHECK(there("outside/file"));
}

/* A directory of ours where the original had a file, and the reverse; those
   that are met before the sweep comes there are in the same line. */
TEST(original__in_the_way_is_removed)
{
	const struct mirror_file file2 = { "/file2/b", { 5, 5, 5, 5, 0 } };
	char count[8];

	cache_start(&c, "");
	wait_for_sweeps(&c, 1);
	make_original_cache(count);
	run("mkdir -p " A_DIR " && cp cache/pieces/file2 " A_ENTRY);
	ATF_CHECK_EQ(0, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK(!there(A_ENTRY));
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	put_pieces(&c, &file2, PIECE_LEN, 16, NULL);
	ATF_CHECK_EQ(2, get_pieces(&c, &file2, PIECE_LEN));
	ATF_CHECK_EQ(0, cache_status(&c).errors);
}

/* As the service runs: chroot, another user, strict. */
TEST_WITH_CLEANUP(sandbox__stops_nothing_that_is_needed, "require.user", "root")
{
	char dir[] = "/tmp/cache_test.XXXXXX";
	uint8_t digest[SHA1_LEN];

	ATF_REQUIRE(mkdtemp(dir) != NULL);
	write_file("dir", dir, strlen(dir));
	ATF_REQUIRE(chmod(dir, 0755) == 0 && chdir(dir) == 0);
	run("mkdir -m 755 cache && chown nobody cache");
	c.flags = CONF_PRIVILEGED;
	cache_start(&c, "sandbox strict\nuser nobody\n");
	wait_for_sweeps(&c, 1);
	remember(&c, &a, digest);
	ATF_CHECK(knows_info(&c, digest));
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	set_age(A_ENTRY, 2 * DAY);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK(age_of(A_ENTRY) < DAY);
	set_age(info_path(digest), 31 * DAY);
	run("mkdir cache/info/.old-1-1 cache/pieces/empty && chown nobody "
	    "cache/info/.old-1-1 cache/pieces/empty");
	send_conf(&c, "sandbox strict\nuser nobody\ncache-age 29d\n");
	wait_for_sweeps(&c, 2);
	ATF_CHECK(!there(info_path(digest)));
	ATF_CHECK(!there("cache/info/.old-1-1"));
	ATF_CHECK(!there("cache/pieces/empty"));
	run("test \"$(stat -c %U%a cache/info cache/pieces " A_ENTRY
	    " | tr '\n' ' ')\" = 'nobody700 nobody700 nobody600 '");
}
CLEANUP(sandbox__stops_nothing_that_is_needed)
{
	(void)!system("test -s dir && rm -rf \"$(cat dir)\"");
}
