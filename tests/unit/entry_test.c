/* SPDX-License-Identifier: ISC */
/*
 * Entries of info/ as bytes: a damaged one is either the stored entry
 * still, or it is nothing.
 */
#include "pkgtorrentd/cache/entry.h"
#include "common/seal.h"
#include "tests/lib/test.h"

#define PIECE_LEN	(1U << 20)

static const uint8_t digest[SHA1_LEN] = { 0xab, 1, 2, 3, 0xff };

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

static struct buf b;
static struct entry_info info;

static enum entry_fault
read_info(const void *data, size_t len)
{
	return entry_read_info(data, len, digest, PIECE_LENGTH, &info);
}

TEST(info__is_read_back)
{
	build_info(&b);
	ATF_REQUIRE_EQ(ENTRY_GOOD, read_info(b.data, b.len));
	ATF_CHECK_EQ(PIECE_LEN, info.piece_len);
	ATF_CHECK(info.padding_attr);
	ATF_CHECK_EQ(15, info.service_len);
	ATF_CHECK(memcmp(info.service, "torrent_service", 15) == 0);
	ATF_CHECK_EQ(7, info.listing_len);
	ATF_CHECK(memcmp(info.listing, "listing", 7) == 0);
	ATF_CHECK_EQ(8, info.info_len);
	ATF_CHECK(memcmp(info.info, "d4:infoe", 8) == 0);
	ATF_CHECK(info.info == info.listing + info.listing_len);
}

TEST(info__with_any_bit_flipped_is_nothing)
{
	size_t i;

	build_info(&b);
	for (i = 0; i < b.len * 8; i++) {
		b.data[i / 8] ^= (uint8_t)(1 << i % 8);
		ATF_REQUIRE_MSG(read_info(b.data, b.len) != ENTRY_GOOD,
		    "bit %zu of byte %zu", i % 8, i / 8);
		b.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	ATF_REQUIRE_EQ(ENTRY_GOOD, read_info(b.data, b.len));
}

/* In memory of exactly that length, so that a read past it is found. */
TEST(info__cut_anywhere_is_nothing)
{
	uint8_t *cut;
	size_t i;

	build_info(&b);
	for (i = 0; i < b.len; i++) {
		cut = malloc(i + 1);
		ATF_REQUIRE(cut != NULL);
		memcpy(cut + 1, b.data, i);
		ATF_REQUIRE_MSG(read_info(cut + 1, i) != ENTRY_GOOD,
		    "%zu bytes", i);
		free(cut);
	}
	ATF_REQUIRE_EQ(0, buf_add(&b, "", 1));
	ATF_CHECK_EQ(ENTRY_DAMAGED, read_info(b.data, b.len));
}

/* Bytes 12 to 15 are the kind: 2 was that of the piece lists of version
   0.1.0. */
TEST(info__in_another_place_is_nothing)
{
	uint8_t other[SHA1_LEN] = { 0 };

	build_info(&b);
	ATF_CHECK_EQ(ENTRY_MISPLACED, entry_read_info(b.data, b.len, other,
	    PIECE_LENGTH, &info));
	ATF_CHECK_EQ(ENTRY_MISPLACED, entry_read_info(b.data, b.len, digest,
	    PIECE_AUTO, &info));
	b.data[12] = 2;
	sha256(b.data, b.len - SEAL_LEN, b.data + b.len - SEAL_LEN);
	ATF_CHECK_EQ(ENTRY_MISPLACED, read_info(b.data, b.len));
}

/* Whole, but written by a later release: its fields may mean anything. */
TEST(info__of_another_format_is_nothing)
{
	build_info(&b);
	b.data[8]++;
	sha256(b.data, b.len - SEAL_LEN, b.data + b.len - SEAL_LEN);
	ATF_CHECK_EQ(ENTRY_FORMAT, read_info(b.data, b.len));
}

TEST(info__is_of_one_kind)
{
	struct entry_info e = { .piece_len = PIECE_LEN, .service = "s",
	    .service_len = 1 };
	enum piece_kind other;

	memcpy(e.digest, digest, sizeof(digest));
	for (e.piece = 0; e.piece < PIECE_KINDS; e.piece++) {
		b.len = 0;
		ATF_REQUIRE_EQ(0, entry_build_info(&b, &e));
		for (other = 0; other < PIECE_KINDS; other++)
			ATF_CHECK_EQ(other == e.piece ? ENTRY_GOOD :
			    ENTRY_MISPLACED, entry_read_info(b.data, b.len,
			    digest, other, &info));
	}
}

#define HEX32	"0123456789abcdef0123456789abcdef"
#define HEX64	HEX32 HEX32

TEST(name__has_the_piece_length_of_a_pack)
{
	ATF_CHECK_EQ(16384, entry_pack_len(HEX64 ".16384"));
	ATF_CHECK_EQ(16777216, entry_pack_len("pieces/01/" HEX64 ".16777216"));
	ATF_CHECK_EQ(0, entry_pack_len(HEX64));
	ATF_CHECK_EQ(0, entry_pack_len(HEX64 "."));
	ATF_CHECK_EQ(0, entry_pack_len(HEX64 ".16385"));
	ATF_CHECK_EQ(0, entry_pack_len(HEX64 ".16384x"));
	ATF_CHECK_EQ(0, entry_pack_len("0" HEX64 ".16384"));
	ATF_CHECK_EQ(0, entry_pack_len("16384"));
	ATF_CHECK_EQ(0, entry_pack_len(""));
}

TEST(name__lies_where_the_manual_says)
{
	char name[ENTRY_PATH_LEN];

	entry_name_info(name, digest, PIECE_LENGTH);
	ATF_CHECK_STREQ("info/ab010203ff000000000000000000000000000000", name);
	entry_name_info(name, digest, PIECE_AUTO);
	ATF_CHECK_STREQ("info/ab010203ff000000000000000000000000000000.auto",
	    name);
	entry_name_info(name, digest, PIECE_SIMPLE);
	ATF_CHECK_STREQ("info/ab010203ff000000000000000000000000000000.simple",
	    name);
}

#define HEX39	"123456789abcdef0123456789abcdef01234567"
#define HEX40	"0" HEX39

TEST(name__says_whose_a_file_is)
{
	ATF_CHECK_EQ(ENTRY_NAME_INFO, entry_name_kind(HEX40));
	ATF_CHECK_EQ(ENTRY_NAME_INFO, entry_name_kind(HEX40 ".auto"));
	ATF_CHECK_EQ(ENTRY_NAME_INFO, entry_name_kind(HEX40 ".simple"));
	ATF_CHECK(entry_name_kind(HEX40 ".") != ENTRY_NAME_INFO);
	ATF_CHECK(entry_name_kind(HEX40 ".auto2") != ENTRY_NAME_INFO);
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
