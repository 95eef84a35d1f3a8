/* SPDX-License-Identifier: ISC */
/* The exports of a cache, and the use that it makes of imports. */
#include <sys/resource.h>

#include "pkgtorrentd/cache/packfile.h"
#include "tests/lib/pack_rig.h"
#include "tests/lib/test.h"
#include "tests/lib/transfer_rig.h"

#define MTIME	1400000000000000007

static struct cache_under_test c, second;
static struct buf b;
static uint32_t flags;

/* Files of host A: these identities are worth nothing on host B. */
static const struct mirror_file a = { "/fedora/x86_64/a.rpm",
    { 11, 5 * PIECE_LEN, MTIME, 1, 0 } };
static const struct mirror_file e = { "/fedora/x86_64/e.rpm",
    { 12, 100, MTIME + 1, 2, 0 } };
static const struct mirror_file top = { "/top", { 13, 7, -1, 3, 0 } };

static void
run(const char *command)
{
	ATF_REQUIRE_EQ_MSG(0, system(command), "%s", command);
}

/* The same file as the walker of host B sees it. */
static struct mirror_file
here_as(const struct mirror_file *f)
{
	struct mirror_file g = *f;

	g.identity.ino += 1000;
	g.identity.ctime_ns += 5000000000;
	return g;
}

/* How many digests are found, all of them with these flags. */
#define CHECK_KNOWN(f, n, expected) do {				\
		const struct mirror_file *file_ = (f);			\
									\
		ATF_CHECK_EQ((n), transfer_ask(&c, file_, &flags));	\
		ATF_CHECK_EQ((expected), flags);			\
	} while (0)

static void
put_all(struct cache_under_test *cache)
{
	put_pieces(cache, &a, PIECE_LEN, 16, NULL);
	put_pieces(cache, &a, PIECE_LEN / 2, 20, NULL);
	put_pieces(cache, &e, PIECE_LEN, 16, NULL);
	put_pieces(cache, &top, PIECE_LEN, 16, NULL);
	/* A message of the parent may come before these. */
	ATF_REQUIRE_EQ(2, transfer_ask(cache, &top, &flags));
}

/* Host B, with the export of host A. */
static void
import_all(void)
{
	cache_start(&c, "");
	put_all(&c);
	transfer_export(&c, &b);
	cache_stop(&c);
	run("rm -r cache");
	cache_start(&c, "");
	ATF_REQUIRE_EQ(CONTROL_DONE, transfer_import(&c, b.data, b.len));
}

TEST(export__has_all_that_was_hashed)
{
	const struct mirror_file again = { e.path, { 12, 101, 5, 6, 0 } };
	const struct msg_controlled *r = &c.proc.ended;

	cache_start(&c, "");
	transfer_export(&c, &b);
	ATF_CHECK_EQ(0, transfer_count(&b, NULL));
	put_all(&c);
	transfer_export(&c, &b);
	ATF_CHECK_EQ(4, transfer_count(&b, NULL));
	ATF_CHECK_EQ(2, transfer_count(&b, a.path));
	ATF_CHECK_EQ(1, transfer_count(&b, e.path));
	ATF_CHECK_EQ(1, transfer_count(&b, top.path));
	ATF_CHECK_EQ(4, r->done);
	ATF_CHECK_EQ(4, r->files);
	ATF_CHECK_EQ(2 * 5 * PIECE_LEN + 107, r->done_bytes);
	ATF_CHECK_EQ(0, r->skipped + r->bad);
	/* Of a file that was hashed again the last list. */
	put_pieces(&c, &again, PIECE_LEN, 16, NULL);
	CHECK_KNOWN(&again, 2, 0);
	transfer_export(&c, &b);
	ATF_CHECK_EQ(4, transfer_count(&b, NULL));
	ATF_CHECK_EQ(2, count_in_log(&c, "exported the piece lists of 4 "
	    "files; left out: 0 imported"));
}

/* A damaged record is left out, the others are not; nor is one of a pack
   without a head, since nobody knows its directory. */
TEST(export__leaves_out_what_is_damaged)
{
	struct packed p;
	int fd;

	cache_start(&c, "");
	put_all(&c);
	p = await_packed(a.path, PIECE_LEN);
	cache_stop(&c);
	fd = open(pack_path(a.path, PIECE_LEN), O_WRONLY);
	ATF_REQUIRE_EQ(4, pwrite(fd, "junk", 4, (off_t)p.offset + 70));
	close(fd);
	fd = open(pack_path(a.path, PIECE_LEN / 2), O_WRONLY);
	ATF_REQUIRE_EQ(1, pwrite(fd, "", 1, 0));
	close(fd);
	cache_start(&c, "");
	transfer_export(&c, &b);
	ATF_CHECK_EQ(2, transfer_count(&b, NULL));
	ATF_CHECK_EQ(0, transfer_count(&b, a.path));
	ATF_CHECK_EQ(2, c.proc.ended.bad);
}

TEST(import__is_used_by_size_and_mtime)
{
	struct mirror_file f, g;

	import_all();
	ATF_CHECK_EQ(4, c.proc.ended.done);
	ATF_CHECK_EQ(2 * 5 * PIECE_LEN + 107, c.proc.ended.done_bytes);
	ATF_CHECK_EQ(0, c.proc.ended.bad + c.proc.ended.skipped);
	ATF_CHECK_EQ(1, count_in_log(&c, "imported the piece lists of 4 "
	    "files; not stored: 0 known already, 0 of other roots, 0 too "
	    "long"));
	f = here_as(&a);
	CHECK_KNOWN(&f, 5, PIECES_IMPORTED);
	f = here_as(&top);
	CHECK_KNOWN(&f, 2, PIECES_IMPORTED);
	f = here_as(&e);
	CHECK_KNOWN(&f, 2, PIECES_IMPORTED);
	g = f;
	g.identity.mtime_ns++;
	CHECK_KNOWN(&g, 0, 0);
	g = f;
	g.identity.size++;
	CHECK_KNOWN(&g, 0, 0);
	/* A file with a mount in its identity is never stored. */
	g = f;
	g.identity.mount = 3;
	CHECK_KNOWN(&g, 0, 0);
	/* Also those of A's own inode, as those are nobody's here. */
	CHECK_KNOWN(&e, 2, PIECES_IMPORTED);
	/* The digests are A's. */
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK_EQ(10, get_pieces(&c, &a, PIECE_LEN / 2));
	/* The mark is on the disk. */
	cache_stop(&c);
	cache_start(&c, "");
	f = here_as(&a);
	CHECK_KNOWN(&f, 5, PIECES_IMPORTED);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
}

/* Hashed here: the mark goes, and only then it is exported or makes an
   entry. */
TEST(import__is_replaced_by_what_is_hashed)
{
	uint8_t digest[SHA1_LEN];
	struct buf listing = { 0 };
	struct mirror_file f;

	import_all();
	transfer_export(&c, &b);
	ATF_CHECK_EQ(0, transfer_count(&b, NULL));
	ATF_CHECK_EQ(4, c.proc.ended.skipped);
	f = here_as(&a);
	digest_of(f.path, digest);
	list_spec(&listing, 0, f.path, &f, 1);
	put_listing(&c, digest, &listing, false);
	ATF_CHECK(!knows_info(&c, digest));
	put_pieces(&c, &f, PIECE_LEN, 16, NULL);
	CHECK_KNOWN(&f, 5, 0);
	/* Of host B, that is now. */
	ATF_CHECK_EQ(5, get_pieces(&c, &f, PIECE_LEN));
	CHECK_KNOWN(&a, 0, 0);
	put_listing(&c, digest, &listing, false);
	ATF_CHECK(knows_info(&c, digest));
	transfer_export(&c, &b);
	ATF_CHECK_EQ(1, transfer_count(&b, NULL));
	ATF_CHECK_EQ(3, c.proc.ended.skipped);
	buf_free(&listing);
}

/* A record that was hashed here stays; an imported one gives way to another
   import. */
TEST(import__replaces_imported_ones_only)
{
	struct mirror_file newer = a, other = e;

	cache_start(&c, "");
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	CHECK_KNOWN(&a, 5, 0);
	newer.identity.mtime_ns += 1000;
	newer.identity.ino++;
	transfer_make(&b, &newer, 1, PIECE_LEN);
	ATF_REQUIRE_EQ(CONTROL_DONE, transfer_import(&c, b.data, b.len));
	ATF_CHECK_EQ(0, c.proc.ended.done);
	ATF_CHECK_EQ(1, c.proc.ended.skipped);
	CHECK_KNOWN(&a, 5, 0);
	CHECK_KNOWN(&newer, 0, 0);
	transfer_make(&b, &e, 1, PIECE_LEN);
	ATF_REQUIRE_EQ(CONTROL_DONE, transfer_import(&c, b.data, b.len));
	ATF_CHECK_EQ(1, c.proc.ended.done);
	ATF_REQUIRE_EQ(CONTROL_DONE, transfer_import(&c, b.data, b.len));
	ATF_CHECK_EQ(0, c.proc.ended.done);
	ATF_CHECK_EQ(1, c.proc.ended.skipped);
	ATF_CHECK_EQ(2, count_packed(a.path, PIECE_LEN));
	other.identity.ino++;
	transfer_make(&b, &other, 1, PIECE_LEN);
	ATF_REQUIRE_EQ(CONTROL_DONE, transfer_import(&c, b.data, b.len));
	ATF_CHECK_EQ(1, c.proc.ended.done);
	ATF_CHECK_EQ(2, get_pieces(&c, &other, PIECE_LEN));
}

/* Also one that waits to be written. */
TEST(import__replaces_no_record_on_its_way)
{
	struct mirror_file newer = a;

	newer.identity.mtime_ns += 1000;
	newer.identity.ino++;
	transfer_make(&b, &newer, 1, PIECE_LEN);
	cache_start(&c, "");
	wait_for_sweeps(&c, 1);
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	/* The cache has the record by this answer, and writes it later. */
	ATF_REQUIRE_EQ(0, get_pieces(&c, &top, PIECE_LEN));
	ATF_REQUIRE_EQ(CONTROL_DONE, transfer_import(&c, b.data, b.len));
	ATF_CHECK_EQ(0, c.proc.ended.done);
	ATF_CHECK_EQ(1, c.proc.ended.skipped);
	CHECK_KNOWN(&a, 5, 0);
}

TEST(import__of_a_stream_that_is_cut_keeps_what_came)
{
	const struct mirror_file files[] = { a, e, top };

	cache_start(&c, "");
	transfer_make(&b, files, 3, PIECE_LEN);
	ATF_REQUIRE_EQ(CONTROL_FAILED, transfer_import(&c, b.data, b.len -
	    60));
	ATF_CHECK_STREQ("it was cut off", c.proc.ended_tail);
	ATF_CHECK_EQ(2, c.proc.ended.done);
	CHECK_KNOWN(&a, 5, PIECES_IMPORTED);
	CHECK_KNOWN(&e, 2, PIECES_IMPORTED);
	CHECK_KNOWN(&top, 0, 0);
	ATF_CHECK_EQ(1, count_in_log(&c, "imported the piece lists of 2 files,"
	    " then failed: it was cut off"));
	ATF_REQUIRE_EQ(CONTROL_FAILED, transfer_import(&c, b.data, 0));
	ATF_REQUIRE_EQ(CONTROL_FAILED, transfer_import(&c, b.data, 47));
	ATF_REQUIRE_EQ(CONTROL_FAILED, transfer_import(&c, b.data, b.len -
	    1));
	ATF_CHECK_EQ(1, c.proc.ended.done);
	/* The rest of it comes again. */
	ATF_REQUIRE_EQ(CONTROL_DONE, transfer_import(&c, b.data, b.len));
	ATF_CHECK_EQ(3, c.proc.ended.skipped);
}

TEST(import__of_something_else_is_refused)
{
	cache_start(&c, "");
	transfer_make(&b, &a, 1, PIECE_LEN);
	b.data[b.len / 2] ^= 1;
	ATF_REQUIRE_EQ(CONTROL_FAILED, transfer_import(&c, b.data, b.len));
	ATF_CHECK_STREQ("it is damaged", c.proc.ended_tail);
	ATF_CHECK_EQ(0, c.proc.ended.done);
	transfer_make(&b, &a, 1, PIECE_LEN);
	ATF_REQUIRE_EQ(0, buf_add(&b, "x", 1));
	ATF_REQUIRE_EQ(CONTROL_FAILED, transfer_import(&c, b.data, b.len));
	ATF_CHECK_STREQ("it goes on after its end", c.proc.ended_tail);
	run("head -c 100 /bin/sh >sh");
	read_file("sh", &b);
	ATF_REQUIRE_EQ(CONTROL_FAILED, transfer_import(&c, b.data, b.len));
	ATF_CHECK_STREQ("it is no export of pkgtorrentctl",
	    c.proc.ended_tail);
}

/* Also if it comes later than the rest. */
TEST(import__of_two_streams_is_refused)
{
	int fd;

	cache_start(&c, "");
	transfer_make(&b, &a, 1, PIECE_LEN);
	fd = transfer_begin(&c, CONTROL_IMPORT, 1);
	ATF_REQUIRE_EQ((ssize_t)b.len, write(fd, b.data, b.len));
	while (c.proc.controlled.done == 0)
		proc_wait(&c.proc, -1, 0);
	ATF_REQUIRE_EQ((ssize_t)b.len, write(fd, b.data, b.len));
	ATF_REQUIRE_EQ(CONTROL_FAILED, transfer_wait(&c, 1));
	ATF_CHECK_STREQ("it goes on after its end", c.proc.ended_tail);
	ATF_CHECK_EQ(1, c.proc.ended.done);
	close(fd);
}

/* They are counted, and the others are imported. */
TEST(import__of_what_has_no_place_is_counted)
{
	static char name[PACK_FILE_MAX + 3] = "/";
	struct mirror_file files[3] = { a, e, top };

	cache_start(&c, "max-bytes 4M\n");
	memset(name + 1, 'n', PACK_FILE_MAX + 1);
	files[1].path = name;
	transfer_make(&b, files, 3, PIECE_LEN);
	ATF_REQUIRE_EQ(CONTROL_DONE, transfer_import(&c, b.data, b.len));
	ATF_CHECK_EQ(1, c.proc.ended.done);
	ATF_CHECK_EQ(2, c.proc.ended.bad);
	CHECK_KNOWN(&a, 0, 0);
	CHECK_KNOWN(&top, 2, PIECES_IMPORTED);
	ATF_CHECK_EQ(1, count_in_log(&c, "not stored: 0 known already, 1 of "
	    "other roots, 1 too long"));
}

TEST(import__needs_the_lock)
{
	cache_start(&second, "");
	(void)cache_status(&second);
	cache_start(&c, "");
	transfer_make(&b, &a, 1, PIECE_LEN);
	ATF_REQUIRE_EQ(CONTROL_FAILED, transfer_import(&c, b.data, b.len));
	ATF_CHECK_STREQ("another service writes to this cache: import there",
	    c.proc.ended_tail);
	CHECK_KNOWN(&a, 0, 0);
	/* Reading needs none. */
	put_all(&second);
	(void)await_packed(top.path, PIECE_LEN);
	(void)await_packed(e.path, PIECE_LEN);
	(void)await_packed(a.path, PIECE_LEN / 2);
	(void)await_packed(a.path, PIECE_LEN);
	transfer_export(&c, &b);
	ATF_CHECK_EQ(4, transfer_count(&b, NULL));
	cache_stop(&second);
}

/* The stream of so many small files of a directory each hundred. */
static void
make_many(unsigned n)
{
	struct mirror_file f = { .identity = { 1, 100, 1, 1, 0 } };
	struct piece_stream s = { 0 };
	unsigned i;

	b.len = 0;
	ATF_REQUIRE_EQ(0, piece_stream_begin(&s, &b));
	for (i = 0; i < n; i++) {
		f.path = fmt("/many/%u/%u", i / 100, i);
		transfer_add(&s, &b, &f, PIECE_LEN);
	}
	ATF_REQUIRE_EQ(0, piece_stream_end(&s, &b));
}

/* Nothing has to go for it, and records that were hashed here stay. */
TEST(import__stops_where_cache_size_ends)
{
	struct status st;

	cache_start(&c, "cache-size 2M\n");
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	wait_for_sweeps(&c, 1);
	make_many(20000);
	ATF_REQUIRE_EQ(CONTROL_FAILED, transfer_import(&c, b.data, b.len));
	ATF_CHECK_STREQ("cache-size has no room for more without older entries "
	    "having to go", c.proc.ended_tail);
	ATF_CHECK(c.proc.ended.done > 1000);
	ATF_CHECK(c.proc.ended.done < 20000);
	st = cache_status(&c);
	ATF_CHECK_EQ(0, st.evicted);
	/* Nor later: a sweep comes at 95 % of 1.5 MiB, besides info/. */
	ATF_CHECK_MSG(st.used_kib < 1459 + 8, "%lu", st.used_kib);
	ATF_CHECK_EQ(c.proc.ended.done + 1, st.stored);
	CHECK_KNOWN(&a, 5, 0);
}

/* As a full disk does. */
TEST(import__says_that_nothing_can_be_written)
{
	struct rlimit limit = { 4000, 4000 };
	uint64_t done;

	cache_start(&c, "");
	make_many(1000);
	ATF_REQUIRE_EQ(0, prlimit(c.proc.pid, RLIMIT_FSIZE, &limit, NULL));
	ATF_REQUIRE_EQ(CONTROL_FAILED, transfer_import(&c, b.data, b.len));
	ATF_CHECK_STREQ("File too large", c.proc.ended_tail);
	done = c.proc.ended.done;
	ATF_CHECK_EQ(done, cache_status(&c).stored);
	/* The service goes on. */
	CHECK_KNOWN(&a, 0, 0);
}

/* A client's question is answered while a long import goes on. */
TEST(import__leaves_turns_to_clients)
{
	struct mirror_file f = { "/many/0/0", { 1, 100, 1, 1, 0 } };
	size_t at = 0, half;
	unsigned asked = 0;
	ssize_t n;
	int fd;

	cache_start(&c, "");
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	make_many(60000);
	half = b.len / 2;
	fd = transfer_begin(&c, CONTROL_IMPORT, 9);
	for (; at < b.len; asked += at > half) {
		n = send(fd, b.data + at, b.len - at, MSG_NOSIGNAL);
		if (n > 0)
			at += (size_t)n;
		else
			proc_wait(&c.proc, fd, POLLOUT);
		CHECK_KNOWN(&a, 5, 0);
	}
	ATF_CHECK(asked > 10);
	close(fd);
	ATF_REQUIRE_EQ(CONTROL_DONE, transfer_wait(&c, 9));
	ATF_CHECK_EQ(60000, c.proc.ended.done);
	CHECK_KNOWN(&f, 2, PIECES_IMPORTED);
}

/* A list of 8 MiB is the longest in a stream; that of a record is written in
   as many parts as it takes. */
TEST(transfer__has_long_lists)
{
	struct mirror_file f = { "/long/list", { 5, (uint64_t)PIECE_LEN *
	    PIECE_STREAM_DIGESTS_MAX, 1, 1, 0 } };
	struct mirror_file g = { "/long/list2", { 6, f.identity.size + 1, 1, 1,
	    0 } };

	cache_start(&c, "");
	put_pieces(&c, &f, PIECE_LEN, 2000, NULL);
	put_pieces(&c, &g, PIECE_LEN, 2000, NULL);
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	CHECK_KNOWN(&a, 5, 0);
	transfer_export(&c, &b);
	ATF_CHECK_EQ(2, transfer_count(&b, NULL));
	ATF_CHECK_EQ(1, c.proc.ended.skipped);
	cache_stop(&c);
	run("rm -r cache");
	cache_start(&c, "");
	ATF_REQUIRE_EQ(CONTROL_DONE, transfer_import(&c, b.data, b.len));
	ATF_CHECK_EQ(2, c.proc.ended.done);
	ATF_CHECK_EQ(PIECE_STREAM_DIGESTS_MAX, get_pieces(&c, &f,
	    PIECE_LEN));
}

/* One at a time; it ends when it is told to, or when the other end goes. */
TEST(transfer__is_alone_and_can_be_stopped)
{
	struct msg_control stop = { .id = 1, .command = CONTROL_STOP };
	int fd, other;

	cache_start(&c, "");
	fd = transfer_begin(&c, CONTROL_IMPORT, 1);
	other = transfer_begin(&c, CONTROL_EXPORT, 2);
	ATF_REQUIRE_EQ(CONTROL_FAILED, transfer_wait(&c, 2));
	ATF_CHECK_STREQ("an export or import is under way; wait for its end",
	    c.proc.ended_tail);
	close(other);
	stop.id = 7;
	proc_send(&c.proc, MSG_CONTROL, &stop, NULL, 0, -1);
	(void)cache_status(&c);
	ATF_CHECK(!transfer_has_ended(&c, 1));
	stop.id = 1;
	proc_send(&c.proc, MSG_CONTROL, &stop, NULL, 0, -1);
	ATF_REQUIRE_EQ(CONTROL_FAILED, transfer_wait(&c, 1));
	ATF_CHECK_STREQ("it was stopped", c.proc.ended_tail);
	close(fd);
	put_all(&c);
	ATF_REQUIRE_EQ(0, kill(c.proc.pid, SIGSTOP));
	fd = transfer_begin(&c, CONTROL_EXPORT, 3);
	close(fd);
	ATF_REQUIRE_EQ(0, kill(c.proc.pid, SIGCONT));
	ATF_REQUIRE_EQ(CONTROL_FAILED, transfer_wait(&c, 3));
	ATF_CHECK_STREQ("nobody takes the rest of it",
	    c.proc.ended_tail);
	transfer_export(&c, &b);
	ATF_CHECK_EQ(4, transfer_count(&b, NULL));
}
