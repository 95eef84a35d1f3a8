/* SPDX-License-Identifier: ISC */
#include "common/piece_stream.h"
#include "common/torrent.h"
#include "tests/lib/test.h"

#define PIECE	16384U
#define N	4
#define PART	(PIECE_STREAM_FIXED_LEN + PIECE_STREAM_SUM_LEN)

static char		long_path[SPEC_MAX + 1];
static uint8_t		digests[16 * SHA1_LEN];
static struct buf	b;
static size_t		starts[N + 2];	/* of the parts after the head */

static struct piece_record
record_of(unsigned i)
{
	static const struct {
		const char	*path;
		uint64_t	 size;
		int64_t		 mtime_ns;
	} files[N] = {
		{ "/a", 1, 0 }, { long_path, 3 * PIECE, -5 },
		{ "/fedora/\xff b.rpm", PIECE + 1, 1760000000123456789 },
		{ "/c/d", 7 * PIECE, INT64_MIN },
	};

	return (struct piece_record){
		.path = files[i].path, .path_len = strlen(files[i].path),
		.piece_len = PIECE, .size = files[i].size,
		.mtime_ns = files[i].mtime_ns, .digests = digests + i,
		.count = torrent_digests(files[i].size, PIECE),
	};
}

static void
build(void)
{
	struct piece_stream s = { 0 };
	struct piece_record r;
	unsigned i;

	for (i = 0; i < sizeof(digests); i++)
		digests[i] = (uint8_t)(i * 7);
	for (i = 0; i < SPEC_MAX; i++)
		long_path[i] = i % 200 == 0 ? '/' : 'l';
	b.len = 0;
	ATF_REQUIRE_EQ(0, piece_stream_begin(&s, &b));
	for (i = 0; i < N; i++) {
		starts[i] = b.len;
		r = record_of(i);
		ATF_REQUIRE(piece_stream_takes(&r));
		ATF_REQUIRE_EQ(0, piece_stream_add(&s, &b, &r));
	}
	starts[N] = b.len;
	ATF_REQUIRE_EQ(0, piece_stream_end(&s, &b));
	starts[N + 1] = b.len;
}

static void
check_record(unsigned i, const struct piece_record *got)
{
	struct piece_record r = record_of(i);

	ATF_REQUIRE_EQ(r.path_len, got->path_len);
	ATF_REQUIRE(memcmp(r.path, got->path, r.path_len) == 0);
	ATF_REQUIRE_EQ(r.piece_len, got->piece_len);
	ATF_REQUIRE_EQ(r.size, got->size);
	ATF_REQUIRE_EQ(r.mtime_ns, got->mtime_ns);
	ATF_REQUIRE_EQ(r.count, got->count);
	ATF_REQUIRE(memcmp(r.digests, got->digests, got->count * SHA1_LEN) ==
	    0);
}

/* Reads as the cache does, but in memory of exactly the bytes that there are.
   Returns the last result; *n: records before that. */
static enum piece_stream_found
walk(const uint8_t *data, size_t len, unsigned *n, const char **fault)
{
	struct piece_stream s = { 0 };
	enum piece_stream_found found;
	struct piece_record r;
	size_t at = 0, part;
	uint8_t *copy;

	for (*n = 0;; at += part) {
		part = len - at;
		copy = malloc(part + 1);
		ATF_REQUIRE(copy != NULL);
		memcpy(copy + 1, data + at, part);
		found = piece_stream_read(&s, copy + 1, &part, &r);
		*fault = s.fault;
		if (found == PIECE_STREAM_RECORD)
			check_record((*n)++, &r);
		ATF_REQUIRE(found == PIECE_STREAM_SHORT ?
		    part > len - at && part <= PIECE_STREAM_RECORD_MAX :
		    part <= len - at || found == PIECE_STREAM_WRONG);
		free(copy);
		if (found != PIECE_STREAM_HEAD && found != PIECE_STREAM_RECORD)
			return found;
	}
}

TEST(stream__is_read_back)
{
	const char *fault;
	unsigned n;

	build();
	ATF_CHECK_EQ(PIECE_STREAM_END, walk(b.data, b.len, &n, &fault));
	ATF_CHECK_EQ(N, n);
	ATF_CHECK_EQ(b.len - PART, starts[N]);
}

/* Also one of another machine: these are its bytes. */
TEST(stream__has_one_byte_order)
{
	static const uint8_t head[] = "pkglists\0\0\0\1";
	static const uint8_t record[] = "\0\0\0\1\0\0\0\2\0\0\x40\0\0\0\0\0"
	    "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0/a";

	build();
	ATF_CHECK_EQ(0, memcmp(b.data, head, sizeof(head) - 1));
	ATF_CHECK_EQ(0, memcmp(b.data + PART, record, sizeof(record) - 1));
	/* Two digests, of the piece and of the padded one. */
	ATF_CHECK_EQ(PART + 2 + 2 * SHA1_LEN, starts[1] - starts[0]);
}

TEST(stream__cut_anywhere_is_short)
{
	const char *fault;
	unsigned n, expected;
	size_t len;

	build();
	for (len = 0; len < b.len; len++) {
		for (expected = 0; expected < N &&
		    starts[expected + 1] <= len; expected++)
			continue;
		ATF_REQUIRE_EQ_MSG(PIECE_STREAM_SHORT, walk(b.data, len, &n,
		    &fault), "%zu bytes", len);
		ATF_REQUIRE_EQ(expected, n);
	}
}

/* It is noticed in the part in which it is. */
TEST(stream__with_any_bit_flipped_is_wrong)
{
	const char *fault;
	unsigned n, part;
	size_t at, bit;

	build();
	for (at = 0; at < b.len; at++)
		for (bit = 0; bit < 8; bit++) {
			b.data[at] ^= (uint8_t)(1U << bit);
			ATF_REQUIRE_MSG(walk(b.data, b.len, &n, &fault) !=
			    PIECE_STREAM_END, "bit %zu of byte %zu", bit, at);
			b.data[at] ^= (uint8_t)(1U << bit);
			for (part = 0; part < N && starts[part + 1] <= at;
			    part++)
				continue;
			ATF_REQUIRE_EQ_MSG(at < PART ? 0 : part, n,
			    "bit %zu of byte %zu", bit, at);
		}
}

/* Each checksum covers all parts before it. */
TEST(stream__without_a_record_or_with_two_in_exchange_is_wrong)
{
	struct buf c = { 0 };
	const char *fault;
	unsigned n, i;

	build();
	for (i = 0; i < N; i++) {
		c.len = 0;
		ATF_REQUIRE_EQ(0, buf_add(&c, b.data, starts[i]));
		ATF_REQUIRE_EQ(0, buf_add(&c, b.data + starts[i + 1],
		    b.len - starts[i + 1]));
		ATF_CHECK_EQ(PIECE_STREAM_WRONG, walk(c.data, c.len, &n,
		    &fault));
		ATF_CHECK_EQ(i, n);
	}
	c.len = 0;
	ATF_REQUIRE_EQ(0, buf_add(&c, b.data, starts[0]));
	ATF_REQUIRE_EQ(0, buf_add(&c, b.data + starts[1],
	    starts[2] - starts[1]));
	ATF_REQUIRE_EQ(0, buf_add(&c, b.data + starts[0],
	    starts[1] - starts[0]));
	ATF_CHECK_EQ(PIECE_STREAM_WRONG, walk(c.data, c.len, &n, &fault));
	ATF_CHECK_EQ(0, n);
}

/* The reason of a stream that somebody wrote with good checksums, which has
   this record and end. */
static const char *
why_wrong(const struct piece_record *r, uint64_t count)
{
	struct piece_stream s = { 0 };
	const char *fault;
	unsigned n;

	b.len = 0;
	ATF_REQUIRE_EQ(0, piece_stream_begin(&s, &b));
	if (r != NULL)
		ATF_REQUIRE_EQ(0, piece_stream_add(&s, &b, r));
	s.count = count;
	ATF_REQUIRE_EQ(0, piece_stream_end(&s, &b));
	ATF_REQUIRE_EQ(PIECE_STREAM_WRONG, walk(b.data, b.len, &n, &fault));
	ATF_CHECK_EQ(0, n);
	return fault;
}

TEST(stream__that_is_forged_is_told)
{
	static const char *const paths[] = {
		"a", "/", "//a", "/a/", "/a//b", "/.", "/a/../b", "/a/.",
		"/a\nb", "/a\x7f", "/\x01",
	};
	struct piece_record r;

	build();
	EACH(path, paths) {
		r = record_of(0);
		r.path = *path;
		r.path_len = strlen(*path);
		ATF_CHECK_MSG(!piece_stream_takes(&r), "%s", *path);
		ATF_CHECK_STREQ("a path in it is not canonical",
		    why_wrong(&r, 1));
	}
	r.path = "/a\0b";
	r.path_len = 4;
	ATF_CHECK_STREQ("a path in it is not canonical", why_wrong(&r, 1));
	ATF_CHECK_STREQ("its end does not count its records",
	    why_wrong(NULL, 1));
}

/* A record says how long it is; that must be no reason to wait for more bytes
   than any has. */
TEST(record__of_too_much_is_damaged)
{
	static const struct {
		uint64_t	size;
		uint32_t	piece_len;
		uint32_t	path_len;
	} rows[] = {
		{ 0, PIECE, 2 }, { 1, 0, 2 }, { 1, PIECE + 1, 2 },
		{ 1, PIECE / 2, 2 }, { 1, 1U << 25, 2 }, { 1, PIECE, 0 },
		{ 1, PIECE, SPEC_MAX + 1 }, { UINT64_MAX, PIECE, 2 },
		{ (uint64_t)PIECE * PIECE_STREAM_DIGESTS_MAX + 1, PIECE, 2 },
		{ 1ULL << 63, 1U << 24, 2 },
	};
	struct piece_record r = { .path = "/a", .digests = digests }, out;
	struct piece_stream s;
	size_t len;

	EACH(row, rows) {
		r.size = row->size;
		r.piece_len = row->piece_len;
		r.path_len = 2;
		s = (struct piece_stream){ 0 };
		b.len = 0;
		ATF_REQUIRE_EQ(0, piece_stream_begin(&s, &b));
		ATF_REQUIRE_EQ(0, piece_stream_add(&s, &b, &r));
		b.data[PART + 6] = (uint8_t)(row->path_len >> 8);
		b.data[PART + 7] = (uint8_t)row->path_len;
		s = (struct piece_stream){ 0 };
		len = b.len;
		ATF_REQUIRE_EQ(PIECE_STREAM_HEAD, piece_stream_read(&s,
		    b.data, &len, &out));
		len = b.len - PART;
		ATF_CHECK_EQ(PIECE_STREAM_WRONG, piece_stream_read(&s,
		    b.data + PART, &len, &out));
	}
	r.size = (uint64_t)PIECE * PIECE_STREAM_DIGESTS_MAX;
	r.piece_len = PIECE;
	r.path_len = 2;
	ATF_CHECK(piece_stream_takes(&r));
	r.size++;
	ATF_CHECK(!piece_stream_takes(&r));
}

TEST(stream__of_something_else_is_told)
{
	static uint8_t other[PART] = "#!/bin/sh";
	const char *fault;
	unsigned n;

	ATF_CHECK_EQ(PIECE_STREAM_WRONG, walk(other, sizeof(other), &n,
	    &fault));
	ATF_CHECK_STREQ("it is no export of pkgtorrentctl", fault);
	build();
	b.data[11]++;
	ATF_CHECK_EQ(PIECE_STREAM_WRONG, walk(b.data, b.len, &n, &fault));
	ATF_CHECK_STREQ("it is of another version of the format", fault);
}
