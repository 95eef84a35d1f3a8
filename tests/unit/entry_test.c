/* SPDX-License-Identifier: ISC */
/*
 * Entries of the cache as bytes: a damaged one is either the stored entry
 * still, or it is nothing.
 */
#include "pkgtorrentd/cache/entry.h"
#include "common/seal.h"
#include "tests/lib/test.h"

#define PIECE_LEN	(1U << 20)
#define PATH		"/fedora/a.rpm"

static const uint8_t digest[SHA1_LEN] = { 0xab, 1, 2, 3, 0xff };

/* Two pieces and a bit: four digests. */
static void
build_pieces(struct buf *b)
{
	uint8_t digests[4 * SHA1_LEN];
	struct entry_pieces e = {
		.path = PATH,
		.path_len = strlen(PATH),
		.piece_len = PIECE_LEN,
		.identity = { 12, 2 * PIECE_LEN + 1, 1000000001, 1000000002,
		    0 },
		.digests = digests,
		.count = 4,
	};
	size_t i;

	for (i = 0; i < sizeof(digests); i++)
		digests[i] = (uint8_t)(i * 7);
	ATF_REQUIRE_EQ(0, entry_build_pieces(b, &e));
}

static void
build_info(struct buf *b)
{
	struct entry_info e = {
		.piece_len = PIECE_LEN,
		.padding_attr = true,
		.service = "torrent_service",
		.service_len = strlen("torrent_service"),
		.listing = (const uint8_t *)"listing",
		.listing_len = 7,
		.info = (const uint8_t *)"d4:infoe",
		.info_len = 8,
	};

	memcpy(e.digest, digest, sizeof(digest));
	ATF_REQUIRE_EQ(0, entry_build_info(b, &e));
}

static enum entry_fault
read_pieces(const struct buf *b, size_t len, struct entry_pieces *e)
{
	return entry_read_pieces(b->data, len, PATH, strlen(PATH), PIECE_LEN,
	    e);
}

static struct buf b, p, q;
static struct entry_pieces pieces;
static struct entry_info info;

TEST(pieces__are_read_back)
{
	build_pieces(&b);
	ATF_REQUIRE_EQ(ENTRY_GOOD, read_pieces(&b, b.len, &pieces));
	ATF_CHECK_EQ(4, pieces.count);
	ATF_CHECK_EQ(12, pieces.identity.ino);
	ATF_CHECK_EQ(2 * PIECE_LEN + 1, pieces.identity.size);
	ATF_CHECK_EQ(1000000001, pieces.identity.mtime_ns);
	ATF_CHECK_EQ(1000000002, pieces.identity.ctime_ns);
	ATF_CHECK_EQ(7, pieces.digests[1]);
	ATF_CHECK_EQ((uint8_t)(79 * 7), pieces.digests[79]);
}

TEST(info__is_read_back)
{
	struct entry_info e;

	build_info(&b);
	ATF_REQUIRE_EQ(ENTRY_GOOD, entry_read_info(b.data, b.len, digest, &e));
	ATF_CHECK_EQ(PIECE_LEN, e.piece_len);
	ATF_CHECK(e.padding_attr);
	ATF_CHECK_EQ(15, e.service_len);
	ATF_CHECK(memcmp(e.service, "torrent_service", 15) == 0);
	ATF_CHECK_EQ(7, e.listing_len);
	ATF_CHECK(memcmp(e.listing, "listing", 7) == 0);
	ATF_CHECK_EQ(8, e.info_len);
	ATF_CHECK(memcmp(e.info, "d4:infoe", 8) == 0);
	ATF_CHECK(e.info == e.listing + e.listing_len);
}

TEST(entry__with_any_bit_flipped_is_nothing)
{
	size_t i;

	build_pieces(&p);
	for (i = 0; i < p.len * 8; i++) {
		p.data[i / 8] ^= (uint8_t)(1 << i % 8);
		ATF_REQUIRE_MSG(read_pieces(&p, p.len, &pieces) != ENTRY_GOOD,
		    "bit %zu of byte %zu", i % 8, i / 8);
		p.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	ATF_REQUIRE_EQ(ENTRY_GOOD, read_pieces(&p, p.len, &pieces));
	build_info(&q);
	for (i = 0; i < q.len * 8; i++) {
		q.data[i / 8] ^= (uint8_t)(1 << i % 8);
		ATF_REQUIRE_MSG(entry_read_info(q.data, q.len, digest,
		    &info) != ENTRY_GOOD, "bit %zu of byte %zu", i % 8, i / 8);
		q.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	ATF_REQUIRE_EQ(ENTRY_GOOD, entry_read_info(q.data, q.len, digest,
	    &info));
}

/* In memory of exactly that length, so that a read past it is found. */
TEST(entry__cut_anywhere_is_nothing)
{
	uint8_t *cut;
	size_t i;

	build_pieces(&p);
	build_info(&q);
	for (i = 0; i < p.len; i++) {
		cut = malloc(i + 1);
		ATF_REQUIRE(cut != NULL);
		memcpy(cut + 1, p.data, i);
		ATF_REQUIRE_MSG(entry_read_pieces(cut + 1, i, PATH,
		    strlen(PATH), PIECE_LEN, &pieces) != ENTRY_GOOD,
		    "%zu bytes", i);
		free(cut);
	}
	for (i = 0; i < q.len; i++) {
		cut = malloc(i + 1);
		ATF_REQUIRE(cut != NULL);
		memcpy(cut + 1, q.data, i);
		ATF_REQUIRE_MSG(entry_read_info(cut + 1, i, digest,
		    &info) != ENTRY_GOOD, "%zu bytes", i);
		free(cut);
	}
	ATF_REQUIRE_EQ(0, buf_add(&p, "", 1));
	ATF_CHECK_EQ(ENTRY_DAMAGED, read_pieces(&p, p.len, &pieces));
}

TEST(entry__in_another_place_is_nothing)
{
	uint8_t other[SHA1_LEN] = { 0 };

	build_pieces(&p);
	build_info(&q);
	ATF_CHECK_EQ(ENTRY_MISPLACED, entry_read_pieces(p.data, p.len,
	    "/fedora/b.rpm", 13, PIECE_LEN, &pieces));
	ATF_CHECK_EQ(ENTRY_MISPLACED, entry_read_pieces(p.data, p.len,
	    "/fedora/a.rp", 12, PIECE_LEN, &pieces));
	ATF_CHECK_EQ(ENTRY_MISPLACED, entry_read_pieces(p.data, p.len, PATH,
	    strlen(PATH), PIECE_LEN / 2, &pieces));
	ATF_CHECK_EQ(ENTRY_MISPLACED, entry_read_info(q.data, q.len, other,
	    &info));
	ATF_CHECK_EQ(ENTRY_MISPLACED, entry_read_info(p.data, p.len, digest,
	    &info));
	ATF_CHECK_EQ(ENTRY_MISPLACED, read_pieces(&q, q.len, &pieces));
}

/* Whole, but written by a later release: its fields may mean anything. */
TEST(entry__of_another_format_is_nothing)
{
	build_pieces(&b);
	b.data[8]++;
	sha256(b.data, b.len - SEAL_LEN, b.data + b.len - SEAL_LEN);
	ATF_CHECK_EQ(ENTRY_FORMAT, read_pieces(&b, b.len, &pieces));
}

/* A list that is not of its file's length would make a wrong torrent. */
TEST(pieces__of_another_length_are_damaged)
{
	uint8_t digests[4 * SHA1_LEN] = { 0 };
	struct entry_pieces e, got;

	e = (struct entry_pieces){
		.path = PATH,
		.path_len = strlen(PATH),
		.piece_len = PIECE_LEN,
		.identity = { 12, 4 * PIECE_LEN + 1, 1, 1, 0 },
		.digests = digests,
		.count = 4,
	};
	ATF_REQUIRE_EQ(0, entry_build_pieces(&b, &e));
	ATF_CHECK_EQ(ENTRY_DAMAGED, read_pieces(&b, b.len, &got));
	buf_free(&b);
	e.identity.size--;
	ATF_REQUIRE_EQ(0, entry_build_pieces(&b, &e));
	ATF_CHECK_EQ(ENTRY_GOOD, read_pieces(&b, b.len, &got));
}

static int
name_of(const char *path, size_t len)
{
	char name[ENTRY_PATH_LEN];

	return entry_name_pieces(name, path, len, PIECE_LEN);
}

TEST(name__lies_where_the_manual_says)
{
	char name[ENTRY_PATH_LEN];

	entry_name_info(name, digest);
	ATF_CHECK_STREQ("info/ab010203ff000000000000000000000000000000", name);
	ATF_REQUIRE_EQ(0, entry_name_pieces(name, PATH, strlen(PATH),
	    PIECE_LEN));
	ATF_CHECK_STREQ("pieces/fedora/a.rpm/1048576", name);
	ATF_REQUIRE_EQ(0, entry_name_pieces(name, "/a\n/.b", 6, 16384));
	ATF_CHECK_STREQ("pieces/a\n/.b/16384", name);
}

TEST(name__cannot_leave_the_cache)
{
	static const char *const bad[] = {
		"", "/", "a", "a/b", "//a", "/a/", "/a//b", "/.", "/..",
		"/a/./b", "/a/../b", "/a/..", "..", "../a",
	};
	char path[ENTRY_PATH_LEN + 10], name[ENTRY_PATH_LEN];
	size_t i;

	EACH(each, bad)
		ATF_CHECK_MSG(name_of(*each, strlen(*each)) == -1, "%s",
		    *each);
	ATF_CHECK_EQ(-1, name_of("/a\0b", 4));
	ATF_CHECK_EQ(0, name_of("/...", 4));
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	ATF_CHECK_EQ(0, name_of(path, 256));
	ATF_CHECK_EQ(-1, name_of(path, 257));
	for (i = 0; i < sizeof(path); i += 2)
		path[i] = '/';
	ATF_CHECK_EQ(0, name_of(path, 2 * ENTRY_DEPTH_MAX));
	ATF_CHECK_EQ(-1, name_of(path, 2 * ENTRY_DEPTH_MAX + 2));
	memset(path, 'a', sizeof(path));
	for (i = 0; i < sizeof(path); i += 100)
		path[i] = '/';
	ATF_CHECK_EQ(0, name_of(path, ENTRY_PATH_LEN -
	    sizeof("pieces/1048576")));
	ATF_CHECK_EQ(-1, name_of(path, ENTRY_PATH_LEN -
	    sizeof("pieces/1048576") + 1));
	ATF_CHECK_EQ(-1, name_of(path, sizeof(path)));
	ATF_CHECK_EQ(-1, entry_name_pieces(name, "/a", 2, PIECE_LEN - 1));
	ATF_CHECK_EQ(-1, entry_name_pieces(name, "/a", 2, 0));
	ATF_CHECK_EQ(-1, entry_name_pieces(name, "/a", 2, 8192));
	ATF_CHECK_EQ(-1, entry_name_pieces(name, "/a", 2, 1U << 25));
}

#define HEX39	"123456789abcdef0123456789abcdef01234567"
#define HEX40	"0" HEX39

TEST(name__says_whose_a_file_is)
{
	ATF_CHECK_EQ(ENTRY_NAME_INFO, entry_name_kind(HEX40));
	ATF_CHECK(entry_name_kind(HEX40 "0") != ENTRY_NAME_INFO);
	ATF_CHECK(entry_name_kind(HEX40 "_s") != ENTRY_NAME_INFO);
	ATF_CHECK(entry_name_kind("A" HEX39) != ENTRY_NAME_INFO);
	ATF_CHECK(entry_name_kind("") != ENTRY_NAME_INFO);
	ATF_CHECK_EQ(ENTRY_NAME_PIECES, entry_name_kind("16384"));
	ATF_CHECK_EQ(ENTRY_NAME_PIECES, entry_name_kind("1048576"));
	ATF_CHECK_EQ(ENTRY_NAME_PIECES, entry_name_kind("16777216"));
	ATF_CHECK(entry_name_kind("33554432") != ENTRY_NAME_PIECES);
	ATF_CHECK(entry_name_kind("01048576") != ENTRY_NAME_PIECES);
	ATF_CHECK(entry_name_kind("1048577") != ENTRY_NAME_PIECES);
	ATF_CHECK(entry_name_kind(" 1048576") != ENTRY_NAME_PIECES);
	ATF_CHECK(entry_name_kind("1048576x") != ENTRY_NAME_PIECES);
	ATF_CHECK(entry_name_kind("") != ENTRY_NAME_PIECES);
	ATF_CHECK_EQ(ENTRY_NAME_ORIGINAL, entry_name_kind(HEX40 "_s"));
	ATF_CHECK_EQ(ENTRY_NAME_ORIGINAL, entry_name_kind(HEX40 ".tmp"));
	ATF_CHECK_EQ(ENTRY_NAME_ORIGINAL, entry_name_kind(HEX40 "_s.tmp"));
	ATF_CHECK(entry_name_kind(HEX40) != ENTRY_NAME_ORIGINAL);
	ATF_CHECK(entry_name_kind("README") != ENTRY_NAME_ORIGINAL);
	ATF_CHECK(entry_name_kind(".tmp") != ENTRY_NAME_ORIGINAL);
}

static bool
pickle(const char *head)
{
	return entry_owner((const uint8_t *)head, strlen(head)) ==
	    ENTRY_ORIGINAL;
}

TEST(pickle__is_told_from_other_files)
{
	ATF_CHECK(pickle("\x80\x02(K\x04"));
	ATF_CHECK(pickle("\x80\x04\x95"));
	ATF_CHECK(pickle("(I4\nI10\n"));
	ATF_CHECK(pickle("(lp0\n."));
	ATF_CHECK(pickle("(K\x04J"));
	ATF_CHECK(pickle("]q"));
	ATF_CHECK(pickle("ccopy_reg\n"));
	ATF_CHECK(!pickle("\x80"));
	ATF_CHECK(!pickle("\x80\x7f"));
	ATF_CHECK(!pickle("(see the manual)."));
	ATF_CHECK(!pickle("cache of pieces."));
	ATF_CHECK(!pickle("pkgtorr\n"));
	ATF_CHECK(!pickle(""));
}
