/* SPDX-License-Identifier: ISC */
/*
 * The cache and its directories: others change them, and leave something in
 * them; writes fail.
 */
#include <sys/mount.h>
#include <sys/resource.h>

#include "tests/lib/cache_rig.h"
#include "tests/lib/pack_rig.h"
#include "tests/lib/test.h"

static struct cache_under_test c;

static const struct mirror_file a = {
	"/fedora/a.rpm", { 11, 3 * PIECE_LEN + 5, 1000, 2000, 0 },
};

/* The pack of a, as "$P" of a command. */
#define A_PACK	fmt("P=%s; ", pack_path(a.path, PIECE_LEN))

static void
run(const char *command)
{
	ATF_REQUIRE_EQ_MSG(0, system(command), "%s", command);
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
		    "cp %1$s other; cp %2$s %1$s", info_path(digest),
		    pack_path(a.path, PIECE_LEN)));
		ATF_CHECK(!knows_info(&c, digest));
		ATF_CHECK(!there(info_path(digest)));
	}
	remember(&c, &a, digest);
	ATF_CHECK(knows_info(&c, digest));
}

/* A file becomes a directory, a directory a file, as mirrors do. */
TEST(path__may_change_its_kind)
{
	const struct mirror_file below = {
		"/fedora/a.rpm/1048576/x", { 77, 5, 5, 5, 0 },
	};
	struct mirror_file again = a;

	cache_start(&c, "");
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	put_pieces(&c, &below, PIECE_LEN, 16, NULL);
	ATF_CHECK_EQ(2, get_pieces(&c, &below, PIECE_LEN));
	ATF_CHECK_EQ(2, get_pieces(&c, &below, PIECE_LEN));
	again.identity.ino++;
	ATF_CHECK_EQ(0, get_pieces(&c, &again, PIECE_LEN));
	put_pieces(&c, &again, PIECE_LEN, 16, NULL);
	ATF_CHECK_EQ(5, get_pieces(&c, &again, PIECE_LEN));
	ATF_CHECK_EQ(0, get_pieces(&c, &a, PIECE_LEN));
	cache_stop(&c);
	cache_start(&c, "");
	ATF_CHECK_EQ(5, get_pieces(&c, &again, PIECE_LEN));
	ATF_CHECK_EQ(2, get_pieces(&c, &below, PIECE_LEN));
}

/* Remember a file and its digest until both are on disk: what was written into
   a directory that has gone is lost. */
static void
remember_again(uint8_t digest[SHA1_LEN])
{
	int i;

	for (i = 0; i < WAIT_MS / 10; i++) {
		remember(&c, &a, digest);
		if (knows_info(&c, digest) && there(info_path(digest)) &&
		    there(pack_path(a.path, PIECE_LEN)))
			return;
		(void)poll(NULL, 0, 10);
	}
	atf_tc_fail("it is not stored again");
}

TEST(directories__may_be_deleted_at_any_time)
{
	static const char *const commands[] = {
		"rm -r cache/pieces cache/info", "rm -r cache/info",
		"rm -r cache/pieces/*", "rm -r cache/*",
		"rm -r cache/pieces; ln -s $PWD cache/pieces",
		"rm -r cache/pieces; touch cache/pieces",
		"rm $P", "rm -r ${P%/*}", "rm -r ${P%/*}; touch ${P%/*}",
		"rm -r ${P%/*}; ln -s $PWD ${P%/*}",
		"rm -r ${P%/*}; mkfifo ${P%/*}", "rm -f cache/summary",
	};
	uint8_t digest[SHA1_LEN];

	cache_start(&c, "");
	wait_for_sweeps(&c, 1);
	EACH(each, commands) {
		remember_again(digest);
		ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
		run(fmt("%s%s", A_PACK, *each));
	}
	remember_again(digest);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	run("test \"$(ls)\" = cache");
	run("rm -r cache");
	remember(&c, &a, digest);
	ATF_CHECK(!knows_info(&c, digest));
	ATF_CHECK_EQ(1, count_in_log(&c, "the cache directory was removed"));
}

TEST(write__that_fails_stores_nothing)
{
	struct rlimit small = { 150, RLIM_INFINITY };
	struct rlimit large = { RLIM_INFINITY, RLIM_INFINITY };
	uint8_t digest[SHA1_LEN];

	cache_start(&c, "");
	wait_for_sweeps(&c, 1);
	ATF_REQUIRE_EQ(0, prlimit(c.proc.pid, RLIMIT_FSIZE, &small, NULL));
	remember(&c, &a, digest);
	ATF_CHECK_EQ(0, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK(!knows_info(&c, digest));
	run("test -z \"$(find cache/info -type f)\"");
	ATF_CHECK_EQ(1, count_in_log(&c, "not stored: File too large"));
	ATF_REQUIRE_EQ(0, prlimit(c.proc.pid, RLIMIT_FSIZE, &large, NULL));
	remember(&c, &a, digest);
	ATF_CHECK(knows_info(&c, digest));
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	cache_stop(&c);
	run("rm -rf cache/pieces/* cache/info/*; "
	    "chmod 500 cache/pieces cache/info");
	cache_start(&c, "");
	remember(&c, &a, digest);
	remember(&c, &a, digest);
	ATF_CHECK_EQ(0, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK_EQ(1, count_in_log(&c, "not stored: Permission denied"));
	run("chmod 700 cache/pieces cache/info");
	remember(&c, &a, digest);
	ATF_CHECK(knows_info(&c, digest));
}

/* A write ends after any number of bytes.  What is appended later stands behind
   a record that is not whole, and costs nothing. */
TEST(write__that_is_cut_loses_that_record_only)
{
	struct rlimit limit = { 0, RLIM_INFINITY };
	struct mirror_file f = { .identity = { 1, 2 * PIECE_LEN, 1, 1, 0 } };
	struct mirror_file next = { .identity = { 2, 0, 1, 1, 0 } };
	struct stat sb;
	unsigned i, k, cut = 0;

	cache_start(&c, "");
	wait_for_sweeps(&c, 1);
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	ATF_REQUIRE_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	/* A record of 92 bytes. */
	for (i = 0; i < 92; i++) {
		ATF_REQUIRE_EQ(0, stat(pack_path(a.path, PIECE_LEN), &sb));
		limit.rlim_cur = (rlim_t)sb.st_size + i;
		ATF_REQUIRE_EQ(0, prlimit(c.proc.pid, RLIMIT_FSIZE, &limit,
		    NULL));
		f.path = fmt("/fedora/%03u", i);
		put_pieces(&c, &f, PIECE_LEN, 16, NULL);
		/* Its place may be what the pack has lost meanwhile, when it
		   was written again. */
		cut += get_pieces(&c, &f, PIECE_LEN) == 0;
		limit.rlim_cur = RLIM_INFINITY;
		ATF_REQUIRE_EQ(0, prlimit(c.proc.pid, RLIMIT_FSIZE, &limit,
		    NULL));
		/* Of all lengths that the rest may have, and more. */
		next.identity.size = (1 + i % 5) * PIECE_LEN;
		next.path = fmt("/fedora/next%0*u", 1 + i % 12, i);
		put_pieces(&c, &next, PIECE_LEN, 16, NULL);
		for (k = 0; k < 2; k++)
			ATF_CHECK_EQ_MSG(1 + i % 5, get_pieces(&c, &next,
			    PIECE_LEN), "%u", i);
		ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	}
	ATF_CHECK_MSG(cut > 80, "%u", cut);
	cache_stop(&c);
	cache_start(&c, "");
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	for (i = 0; i < 92; i++) {
		next.identity.size = (1 + i % 5) * PIECE_LEN;
		next.path = fmt("/fedora/next%0*u", 1 + i % 12, i);
		ATF_CHECK_EQ_MSG(1 + i % 5, get_pieces(&c, &next, PIECE_LEN),
		    "%u", i);
	}
}

/* A full disk: entries that fit are stored, the rest are not, nothing breaks,
   and when there is room again it goes on. */
TEST_WITH_CLEANUP(disk__that_is_full_stores_nothing, "require.user", "root")
{
	struct mirror_file f = { .identity = { 1, 1ULL << 32, 1, 1, 0 } };
	int i, hits = 0, kept = 0;

	ATF_REQUIRE_EQ(0, mkdir("cache", 0700));
	if (mount("none", "cache", "tmpfs", 0, "size=1m") == -1)
		atf_tc_skip("cannot mount a tmpfs: %s", strerror(errno));
	cache_start(&c, "");
	wait_for_sweeps(&c, 1);
	/* Half of them are in one pack. */
	for (i = 0; i < 40; i++) {
		f.path = fmt(i % 2 ? "/x/%d/f" : "/x/%d", i);
		put_pieces(&c, &f, PIECE_LEN, 1024, NULL);
		hits += get_pieces(&c, &f, PIECE_LEN) == 4096;
	}
	ATF_CHECK(hits >= 5 && hits < 20);
	ATF_CHECK_EQ(1, count_in_log(&c, "not stored: No space left"));
	run("test -z \"$(find cache -name '.new-*')\"");
	for (i = 0; i < 40; i++) {
		f.path = fmt(i % 2 ? "/x/%d/f" : "/x/%d", i);
		kept += get_pieces(&c, &f, PIECE_LEN) == 4096;
	}
	ATF_CHECK_EQ(hits, kept);
	run(fmt("rm %s", pack_path("/x/1/f", PIECE_LEN)));
	f.path = "/y";
	put_pieces(&c, &f, PIECE_LEN, 1024, NULL);
	/* The file goes when the cache sees that it has no name. */
	for (i = 0; i < WAIT_MS / 10 && get_pieces(&c, &f, PIECE_LEN) == 0;
	    i++) {
		(void)poll(NULL, 0, 10);
		f.path = "/x/1/f";
		(void)get_pieces(&c, &f, PIECE_LEN);
		f.path = "/y";
		put_pieces(&c, &f, PIECE_LEN, 1024, NULL);
	}
	ATF_CHECK_EQ(4096, get_pieces(&c, &f, PIECE_LEN));
}
CLEANUP(disk__that_is_full_stores_nothing)
{
	(void)umount2("cache", MNT_DETACH);
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
	run("test \"$(find cache/* -mindepth 1 -type f)\" = "
	    "cache/pieces/.old-mirror/keep");
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

/* A directory of the original where packs have theirs. */
TEST(original__in_the_way_is_removed)
{
	const char *pack = pack_path(a.path, PIECE_LEN);
	char count[8], line[128];

	make_original_cache(count);
	run(fmt("D=$(dirname %s) && mkdir -p $D/x && "
	    "cp cache/pieces/file2 $D/1048576 && "
	    "cp cache/pieces/file2 $D/x/1048576 && rm cache/pieces/file2",
	    pack));
	cache_start(&c, "");
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	wait_for_sweeps(&c, 1);
	snprintf(line, sizeof(line), "removed %d files that the original",
	    atoi(count) + 1);
	ATF_CHECK_EQ(1, count_in_log(&c, line));
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK_EQ(0, cache_status(&c).errors);
	run("test $(find cache/pieces -type f | wc -l) -eq 1");
}

/* Entries of version 0.1.0, which had names of mirror files: they go, in one
   line of the log; files of others stay. */
TEST(version_0_1_0__is_removed_and_counted)
{
	static const char head[] = "pkgtorr\n\1\0\0\0\2\0\0\0more";
	uint8_t digest[SHA1_LEN];

	cache_start(&c, "");
	remember(&c, &a, digest);
	ATF_REQUIRE(knows_info(&c, digest));
	cache_stop(&c);
	run("cd cache/pieces; mkdir -p fedora/b.rpm fedora/c/d ab 0/deep/er");
	write_file("cache/pieces/fedora/b.rpm/1048576", head, sizeof(head));
	write_file("cache/pieces/fedora/c/d/16384", head, sizeof(head));
	write_file("cache/pieces/ab/2097152", head, sizeof(head));
	write_file("cache/pieces/0/deep/er/1048576", head, sizeof(head));
	write_file("cache/pieces/0/deep/1048577", head, sizeof(head));
	write_file("cache/pieces/0/deep/2097152", "notes", 5);
	cache_start(&c, "");
	wait_for_sweeps(&c, 1);
	ATF_CHECK_EQ(1, count_in_log(&c, "removed 4 piece lists that version "
	    "0.1.0 had left"));
	ATF_CHECK_EQ(0, cache_status(&c).errors);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK(knows_info(&c, digest));
	run(fmt("(echo cache/pieces/0/deep/1048577; "
	    "echo cache/pieces/0/deep/2097152; echo %s) | sort >right; "
	    "find cache/pieces -type f | sort | diff right -",
	    pack_path(a.path, PIECE_LEN)));
	ATF_CHECK(!there("cache/pieces/fedora"));
	send_conf(&c, "cache-age 20d\n");
	wait_for_sweeps(&c, 2);
	ATF_CHECK_EQ(1, count_in_log(&c, "0.1.0"));
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
	set_days(a.path, PIECE_LEN, 2);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK_EQ(0, days_of(a.path, PIECE_LEN));
	set_age(info_path(digest), 31 * DAY);
	run("mkdir cache/info/.old-1-1 cache/pieces/empty && chown nobody "
	    "cache/info/.old-1-1 cache/pieces/empty");
	send_conf(&c, "sandbox strict\nuser nobody\ncache-age 29d\n");
	wait_for_sweeps(&c, 2);
	ATF_CHECK(!there(info_path(digest)));
	ATF_CHECK(!there("cache/info/.old-1-1"));
	ATF_CHECK(!there("cache/pieces/empty"));
	run(fmt("%stest \"$(stat -c %%U%%a cache/info cache/pieces ${P%%/*} $P "
	    "| tr '\n' ' ')\" = 'nobody700 nobody700 nobody700 nobody600 '",
	    A_PACK));
}
CLEANUP(sandbox__stops_nothing_that_is_needed)
{
	(void)!system("test -s dir && rm -rf \"$(cat dir)\"");
}
