/* SPDX-License-Identifier: ISC */
/*
 * A cache that is told to forget: the lists of a path at every piece length,
 * and the torrents that name it, and nothing else.
 */
#include <sys/file.h>

#include "pkgtorrentd/cache/pack.h"
#include "tests/lib/cache_rig.h"
#include "tests/lib/pack_rig.h"
#include "tests/lib/test.h"

static struct cache_under_test c;
static uint64_t last_id;

static const struct mirror_file files[] = {
	{ "/top", { 1, PIECE_LEN, 1, 1, 0 } },
	{ "/d/a", { 2, PIECE_LEN, 1, 1, 0 } },
	{ "/d/b", { 3, 3 * PIECE_LEN + 1, 1, 1, 0 } },
	{ "/d/e/f", { 4, PIECE_LEN, 1, 1, 0 } },
	{ "/d.x/a", { 5, PIECE_LEN, 1, 1, 0 } },
	{ "/da/a", { 6, PIECE_LEN, 1, 1, 0 } },
};

#define N	(sizeof(files) / sizeof(files[0]))

static void
put_all(uint8_t digests[N][SHA1_LEN])
{
	size_t i;

	for (i = 0; i < N; i++) {
		remember(&c, &files[i], digests[i]);
		put_pieces(&c, &files[i], 1 << 16, 16, NULL);
	}
	/* Entries are made in turns. */
	for (i = 1; i < N; i++)
		while (!there(info_path(digests[i])))
			(void)cache_status(&c);
}

static void
command(enum control_command what, uint64_t id, const char *path)
{
	struct msg_control body = { .id = id, .command = what };

	proc_send(&c.proc, MSG_CONTROL, &body, path, strlen(path), -1);
}

static struct msg_controlled
await_end(uint64_t id)
{
	struct msg_controlled *end = &c.proc.controlled;

	while (end->id != id || end->state == CONTROL_RUNNING)
		proc_wait(&c.proc, -1, 0);
	return *end;
}

/* Waits for the end; the front is answered meanwhile. */
static struct msg_controlled
purge(const char *path)
{
	command(CONTROL_PURGE, ++last_id, path);
	return await_end(last_id);
}

/* Bits of the files of which lists are known, at both lengths. */
static unsigned
known(void)
{
	unsigned bits = 0;
	size_t i;
	bool one, two;

	for (i = 0; i < N; i++) {
		one = get_pieces(&c, &files[i], PIECE_LEN) > 0;
		two = get_pieces(&c, &files[i], 1 << 16) > 0;
		ATF_CHECK_EQ_MSG(one, two, "%s", files[i].path);
		bits |= (unsigned)one << i;
	}
	return bits;
}

static unsigned
known_infos(uint8_t digests[N][SHA1_LEN])
{
	unsigned bits = 0;
	size_t i;

	for (i = 0; i < N; i++)
		bits |= (unsigned)knows_info(&c, digests[i]) << i;
	return bits;
}

static const struct {
	const char	*path;
	unsigned	 goes;		/* bits of files */
} purges[] = {
	{ "/top", 1 },
	{ "/d/a", 2 },
	{ "/d/b", 4 },
	{ "/d/e", 8 },
	{ "/d/e/f", 8 },
	{ "/d", 14 },
	{ "/", 63 },
	{ "/d/e/f/g", 0 },
	{ "/to", 0 },
	{ "/none", 0 },
	{ "/d/none", 0 },
};

static unsigned
count_bits(unsigned bits)
{
	return (unsigned)__builtin_popcount(bits);
}

TEST(purge__paths)
{
	uint8_t digests[N][SHA1_LEN];
	struct msg_controlled end;

	EACH(row, purges) {
		cache_start(&c, "");
		put_all(digests);
		/* A file at the top has no torrent of the multi form. */
		ATF_REQUIRE_EQ(62, known_infos(digests));
		end = purge(row->path);
		ATF_CHECK_EQ_MSG(CONTROL_DONE, end.state, "%s", row->path);
		ATF_CHECK_EQ_MSG(2 * count_bits(row->goes), end.files,
		    "%s: %ju lists", row->path, (uintmax_t)end.files);
		ATF_CHECK_EQ_MSG(count_bits(row->goes & 62), end.done,
		    "%s: %ju torrents", row->path, (uintmax_t)end.done);
		ATF_CHECK_EQ_MSG(63 & ~row->goes, known(), "%s", row->path);
		ATF_CHECK_EQ_MSG(62 & ~row->goes, known_infos(digests), "%s",
		    row->path);
		/* It is so on disk, too. */
		cache_stop(&c);
		cache_start(&c, "");
		ATF_CHECK_EQ_MSG(63 & ~row->goes, known(), "%s", row->path);
		cache_stop(&c);
		ATF_REQUIRE_EQ(0, system("rm -rf cache"));
	}
}

/* Later lists are remembered again. */
TEST(purge__and_remember)
{
	uint8_t digests[N][SHA1_LEN];

	cache_start(&c, "");
	put_all(digests);
	purge("/d");
	ATF_CHECK_EQ(63 & ~14U, known());
	put_all(digests);
	ATF_CHECK_EQ(63, known());
	ATF_CHECK_EQ(62, known_infos(digests));
}

/* A record that was replaced does not come back. */
TEST(purge__older_records)
{
	struct mirror_file old = { "/d/a", { 9, PIECE_LEN, 5, 5, 0 } };

	cache_start(&c, "");
	put_pieces(&c, &old, PIECE_LEN, 16, NULL);
	(void)get_pieces(&c, &old, PIECE_LEN);
	put_pieces(&c, &files[1], PIECE_LEN, 16, NULL);
	put_pieces(&c, &files[2], PIECE_LEN, 16, NULL);
	(void)get_pieces(&c, &files[1], PIECE_LEN);
	ATF_CHECK_EQ(1, purge("/d/a").files);
	cache_stop(&c);
	cache_start(&c, "");
	ATF_CHECK_EQ(0, get_pieces(&c, &old, PIECE_LEN));
	ATF_CHECK_EQ(0, get_pieces(&c, &files[1], PIECE_LEN));
	ATF_CHECK(get_pieces(&c, &files[2], PIECE_LEN) > 0);
}

/* Which directory a pack is of, nobody knows without its head. */
TEST(purge__damaged_head)
{
	cache_start(&c, "");
	put_pieces(&c, &files[3], PIECE_LEN, 16, NULL);
	put_pieces(&c, &files[5], PIECE_LEN, 16, NULL);
	await_packed(files[3].path, PIECE_LEN);
	await_packed(files[5].path, PIECE_LEN);
	cache_stop(&c);
	ATF_REQUIRE_EQ(0, system(fmt("printf x | dd of=%s bs=1 conv=notrunc "
	    "status=none seek=42", pack_path(files[3].path, PIECE_LEN))));
	cache_start(&c, "");
	ATF_CHECK_EQ(1, purge("/d").files);
	ATF_CHECK(!there(pack_path(files[3].path, PIECE_LEN)));
	ATF_CHECK(get_pieces(&c, &files[5], PIECE_LEN) > 0);
}

/* Somebody cuts a pack that has just been looked at: it goes all the same. */
TEST(purge__of_a_pack_that_was_cut)
{
	const char *pack = pack_path(files[1].path, PIECE_LEN);
	struct msg_controlled end;
	struct stat sb;

	cache_start(&c, "");
	put_pieces(&c, &files[1], PIECE_LEN, 16, NULL);
	put_pieces(&c, &files[2], PIECE_LEN, 16, NULL);
	ATF_REQUIRE(get_pieces(&c, &files[2], PIECE_LEN) > 0);
	ATF_REQUIRE_EQ(0, stat(pack, &sb));
	ATF_REQUIRE_EQ(0, truncate(pack, sb.st_size - 4));
	end = purge("/d");
	ATF_CHECK_EQ(CONTROL_DONE, end.state);
	ATF_CHECK_EQ(0, end.bad);
	ATF_CHECK(!there(pack));
}

/* A directory that cannot be read may have a pack of the tree: a purge does not
   say that all is gone. */
TEST(purge__unreadable_directory)
{
	uint8_t digests[N][SHA1_LEN];
	struct msg_controlled end;

	if (geteuid() == 0)
		atf_tc_skip("root reads all");
	cache_start(&c, "");
	put_all(digests);
	ATF_REQUIRE_EQ(0, system("chmod 0 cache/info"));
	end = purge("/d/a");
	ATF_CHECK_EQ(CONTROL_FAILED, end.state);
	ATF_CHECK_EQ(1, end.bad);
	ATF_CHECK_EQ(2, end.files);
	ATF_REQUIRE_EQ(0, system("chmod 700 cache/info"));
	end = purge("/d/a");
	ATF_CHECK_EQ(CONTROL_DONE, end.state);
	ATF_CHECK_EQ(1, end.done);
}

/* A long listing, of which the last file is meant, or a part of its path. */
TEST(purge__long_listing)
{
	enum { MANY = 9000 };
	static char paths[MANY][64];
	static struct mirror_file many[MANY];
	struct mirror_file each;
	uint8_t digest[SHA1_LEN];
	struct buf listing = { 0 };
	unsigned i;

	cache_start(&c, "max-files 10000\n");
	for (i = 0; i < MANY; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/m/%05u-abcdefghijk", i);
		many[i] = (struct mirror_file){ paths[i],
		    { 10 + i, 1, 1, 1, 0 } };
		each = many[i];
		put_pieces(&c, &each, PIECE_LEN, 16, NULL);
	}
	digest_of("/m/*", digest);
	list_spec(&listing, 0, "/m/*", many, MANY);
	put_listing(&c, digest, &listing, false);
	buf_free(&listing);
	while (!there(info_path(digest)))
		(void)cache_status(&c);
	ATF_CHECK_EQ(0, purge("/m/08999").done);
	ATF_CHECK(there(info_path(digest)));
	ATF_CHECK_EQ(1, purge("/m/08999-abcdefghijk").done);
	ATF_CHECK(!there(info_path(digest)));
}

/* Several at once, of which one is stopped before its turn. */
TEST(purge__commands)
{
	uint8_t digests[N][SHA1_LEN];

	cache_start(&c, "");
	put_all(digests);
	/* So that it takes all of them before it begins. */
	ATF_REQUIRE_EQ(0, kill(c.proc.pid, SIGSTOP));
	command(CONTROL_PURGE, 101, "/d/a");
	command(CONTROL_PURGE, 102, "/top");
	command(CONTROL_PURGE, 103, "/d/b");
	command(CONTROL_STOP, 102, "");
	command(CONTROL_STOP, 999, "");
	ATF_REQUIRE_EQ(0, kill(c.proc.pid, SIGCONT));
	ATF_CHECK_EQ(CONTROL_DONE, await_end(103).state);
	ATF_CHECK_EQ(63 & ~6U, known());
	ATF_REQUIRE_EQ(0, kill(c.proc.pid, SIGSTOP));
	command(CONTROL_PURGE, 104, "/top");
	command(CONTROL_STOP, 104, "");
	ATF_REQUIRE_EQ(0, kill(c.proc.pid, SIGCONT));
	ATF_CHECK_EQ(CONTROL_FAILED, await_end(104).state);
	ATF_CHECK_STREQ("stopped", c.proc.controlled_tail);
	command(CONTROL_COMMANDS + 50, 105, "/d");
	ATF_CHECK_EQ(CONTROL_FAILED, await_end(105).state);
}

/* Another service has the cache. */
TEST(purge__of_another)
{
	int fd;

	ATF_REQUIRE(mkdir("cache", 0755) == 0 &&
	    mkdir("cache/pieces", 0755) == 0);
	fd = open("cache/pieces", O_RDONLY | O_DIRECTORY);
	ATF_REQUIRE_EQ(0, flock(fd, LOCK_EX));
	cache_start(&c, "");
	ATF_CHECK_EQ(CONTROL_FAILED, purge("/d").state);
	ATF_CHECK(strstr(c.proc.controlled_tail, "another service") != NULL);
	close(fd);
}
