/* SPDX-License-Identifier: ISC */
/*
 * The cache as its front meets it: entries come back the same, and nothing
 * without a seal is ever remembered.
 */
#include <signal.h>

#include "common/listing.h"
#include "common/torrent.h"
#include "pkgtorrentd/cache/entry.h"
#include "tests/lib/cache_rig.h"
#include "tests/lib/pack_rig.h"
#include "tests/lib/test.h"

static struct cache_under_test c;

static const struct mirror_file a = {
	"/fedora/a.rpm", { 11, 3 * PIECE_LEN + 5, 1000, 2000, 0 },
};
static const struct mirror_file b = {
	"/fedora/dir/b.iso", { 12, 20 * PIECE_LEN, 1000, 2000, 0 },
};
static const struct mirror_file empty = {
	"/fedora/empty", { 13, 0, 1000, 2000, 0 },
};

TEST(pieces__come_back)
{
	cache_start(&c, "");
	ATF_CHECK_EQ(0, get_pieces(&c, &a, PIECE_LEN));
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	put_pieces(&c, &b, PIECE_LEN, 3, NULL);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK_EQ(20, get_pieces(&c, &b, PIECE_LEN));
	ATF_CHECK_EQ(1, count_packed(a.path, PIECE_LEN));
	ATF_CHECK_EQ(1, count_packed(b.path, PIECE_LEN));
	ATF_CHECK_EQ(0, get_pieces(&c, &a, PIECE_LEN / 2));
	put_pieces(&c, &a, PIECE_LEN / 2, 16, NULL);
	ATF_CHECK_EQ(8, get_pieces(&c, &a, PIECE_LEN / 2));
	cache_stop(&c);
	cache_start(&c, "");
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
}

TEST(pieces__of_another_version_are_a_miss)
{
	struct mirror_file other;
	int i;

	cache_start(&c, "");
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	for (i = 0; i < 4; i++) {
		other = a;
		other.identity.ino += i == 0;
		other.identity.size += i == 1;
		other.identity.mtime_ns += i == 2;
		other.identity.ctime_ns += i == 3;
		ATF_CHECK_EQ(0, get_pieces(&c, &other, PIECE_LEN));
	}
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
}

/* 262144 pieces: 5 MiB of digests in both directions. */
TEST(pieces__of_a_long_file_come_in_parts)
{
	struct mirror_file f = { "/x/long", { 1, (4ULL << 30) + 1, 1, 1, 0 } };

	cache_start(&c, "");
	put_pieces(&c, &f, 16384, 1024, NULL);
	ATF_CHECK_EQ(262146, get_pieces(&c, &f, 16384));
}

/* Hits and misses of many files share messages, each in one piece or
   continued in the next. */
TEST(pieces__of_many_files_are_packed)
{
	enum { N = 400 };
	static uint32_t got[N];
	struct msg_get_pieces body = {
		.id = 99, .piece_len = 16384, .count = N,
	};
	struct mirror_file f = { .identity = { 1, 300 * 16384, 1, 1, 0 } };
	struct msg_pieces_item item;
	struct buf tail = { 0 };
	unsigned done = 0, messages = 0;
	const uint8_t *at;
	struct msg msg;
	uint32_t i;

	cache_start(&c, "");
	for (i = 0; i < N; i++) {
		f.path = fmt("/x/%u", i);
		f.identity.ino = i;
		if (i % 4 != 0)
			put_pieces(&c, &f, 16384, 1000, NULL);
		ask_file(&tail, i, &f);
	}
	ATF_REQUIRE_EQ(0, msg_send_wait(&c.front, MSG_GET_PIECES, &body,
	    tail.data, tail.len, NULL, 0));
	while (done < N) {
		ATF_REQUIRE(next_answer(&c, &msg));
		messages++;
		at = msg.tail;
		for (i = 0; i < ((const struct msg_pieces *)msg.body)->count;
		    i++) {
			memcpy(&item, at, sizeof(item));
			at += sizeof(item) + (size_t)item.count * SHA1_LEN;
			ATF_REQUIRE(item.index < N);
			ATF_REQUIRE_EQ(got[item.index], item.first);
			got[item.index] += item.count;
			ATF_REQUIRE_EQ(item.index % 4 != 0 ? 300 : 0,
			    item.total);
			done += got[item.index] == item.total;
		}
		ATF_REQUIRE_EQ(msg.tail + msg.tail_len, at);
	}
	/* 300 files of 6 KB, ten to a message. */
	ATF_CHECK(messages < 40);
	buf_free(&tail);
}

TEST(pieces__with_a_wrong_seal_are_refused)
{
	static const struct put_lies lies[] = {
		{ .path = "/fedora/b.rpm" },
		{ .size = 3 * PIECE_LEN + 6 },
		{ .ino = 12 },
		{ .unsealed = true },
	};
	const struct mirror_file other = { "/fedora/b.rpm", a.identity };

	cache_start(&c, "");
	EACH(row, lies) {
		put_pieces(&c, &a, PIECE_LEN, 16, row);
		expect_fault(&c, FAULT_SEAL);
		ATF_CHECK_EQ(0, get_pieces(&c, &a, PIECE_LEN));
		ATF_CHECK_EQ(0, get_pieces(&c, &other, PIECE_LEN));
	}
	ATF_CHECK_EQ(0, cache_status(&c).stored);
}

TEST(pieces__with_gaps_are_refused)
{
	static const struct put_lies lies[] = {
		{ .skip = 1 }, { .skip = 2 }, { .skip = 4 }, { .again = 2 },
		{ .again = 4 }, { .beyond = true }, { .swapped = true },
		{ .no_padded = true }, { .junk = 1 },
	};
	size_t i;

	cache_start(&c, "");
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		put_pieces(&c, &a, PIECE_LEN, 1, &lies[i]);
		expect_fault(&c, FAULT_CONTENT);
		ATF_CHECK_EQ_MSG(0, get_pieces(&c, &a, PIECE_LEN), "%zu", i);
	}
	ATF_CHECK_EQ(0, cache_status(&c).stored);
	put_pieces(&c, &a, PIECE_LEN, 1, NULL);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
}

/* The walker's true statement about a, with a hasher's about something else. */
static void
refused_digests(const struct identity *id, uint32_t piece_len, uint32_t first)
{
	struct msg_digests_item item = { .status = DIGESTS_OK, .count = 5 };
	struct put put = { .c = &c, .body = { .piece_len = PIECE_LEN } };
	uint8_t *digests = make_digests(&a, PIECE_LEN);

	proc_seal_digests(a.path, strlen(a.path), id, piece_len, first, 5,
	    digests, item.seal);
	put.body.identity = a.identity;
	put.body.path_len = (uint32_t)strlen(a.path);
	proc_seal_file(SEAL_WALKER_CACHE, a.path, strlen(a.path), &a.identity,
	    put.body.seal);
	ATF_REQUIRE_EQ(0, buf_add(&put.tail, a.path, strlen(a.path)));
	put_slice(&put, &item, digests);
	put_part(&put, false);
	expect_fault(&c, FAULT_SEAL);
	ATF_CHECK_EQ(0, get_pieces(&c, &a, PIECE_LEN));
	free(digests);
	buf_free(&put.tail);
}

/* A hasher's statement about another version of the file, or other pieces. */
TEST(pieces__with_a_seal_replayed_are_refused)
{
	struct mirror_file other = a;

	cache_start(&c, "");
	other.identity.mtime_ns++;
	refused_digests(&other.identity, PIECE_LEN, 0);
	refused_digests(&a.identity, PIECE_LEN / 2, 0);
	refused_digests(&a.identity, PIECE_LEN, 1);
}

/* The i-th of many small files, in three directories. */
static struct mirror_file
small(uint32_t i)
{
	static char paths[PUT_FILES_MAX + 1][32];

	snprintf(paths[i], sizeof(paths[i]), "/fedora/%u/%02u", i % 3, i);
	return (struct mirror_file){ paths[i], { 100 + i, 1 + i, 1, 2, 0 } };
}

/* A message with n of them, of which the one of this number has a wrong
   seal. */
static void
put_small(uint32_t n, uint32_t wrong)
{
	struct put put = { .c = &c };
	struct mirror_file f;
	uint32_t i;

	for (i = 0; i < n; i++) {
		f = small(i);
		put_file(&put, &f, PIECE_LEN, i != wrong);
	}
	put_part(&put, false);
	buf_free(&put.tail);
}

static uint32_t
count_small(void)
{
	struct mirror_file f;
	uint32_t i, n = 0;

	for (i = 0; i <= PUT_FILES_MAX; i++) {
		f = small(i);
		n += get_pieces(&c, &f, PIECE_LEN) == 2;
	}
	return n;
}

TEST(pieces__of_many_files_share_a_message)
{
	cache_start(&c, "");
	put_small(PUT_FILES_MAX, UINT32_MAX);
	ATF_CHECK_EQ(PUT_FILES_MAX, count_small());
	ATF_CHECK_EQ(PUT_FILES_MAX, cache_status(&c).stored);
	put_small(PUT_FILES_MAX + 1, UINT32_MAX);
	expect_fault(&c, FAULT_CONTENT);
}

/* Each file is believed by its own seals. */
TEST(pieces__in_a_message_with_a_wrong_seal)
{
	cache_start(&c, "");
	put_small(5, 3);
	expect_fault(&c, FAULT_SEAL);
	ATF_CHECK_EQ(3, count_small());
	put_small(5, 0);
	expect_fault(&c, FAULT_SEAL);
	ATF_CHECK_EQ(3, cache_status(&c).stored);
}

/* No other file than the last goes on in the next message, and in that it is
   the first. */
TEST(pieces__of_the_last_file_go_on)
{
	static const struct put_lies cut = { .cut = true };
	struct mirror_file f = small(0);
	struct put put = { .c = &c };
	struct msg_put_pieces head = { 0 };

	cache_start(&c, "");
	put_file(&put, &f, PIECE_LEN, true);
	head = put.body;
	head.flags = PART_MORE;
	head.slices = 0;
	ATF_REQUIRE_EQ(0, buf_add(&put.tail, &head, sizeof(head)));
	ATF_REQUIRE_EQ(0, buf_add(&put.tail, f.path, head.path_len));
	put_part(&put, false);
	/* The rest of it, and another. */
	put_file(&put, &f, PIECE_LEN, true);
	put.body.path_len = 0;
	memmove(put.tail.data, put.tail.data + head.path_len, put.tail.len -=
	    head.path_len);
	f = small(1);
	put_file(&put, &f, PIECE_LEN, true);
	put_part(&put, false);
	ATF_CHECK_EQ(2, count_small());
	/* Nothing comes behind a file that goes on. */
	put_file(&put, &f, PIECE_LEN, true);
	put_file(&put, &f, PIECE_LEN, true);
	put_part(&put, true);
	expect_fault(&c, FAULT_CONTENT);
	/* Nor does another begin before the end of it. */
	put_pieces(&c, &a, PIECE_LEN, 16, &cut);
	put_file(&put, &f, PIECE_LEN, true);
	put_part(&put, false);
	expect_fault(&c, FAULT_CONTENT);
	buf_free(&put.tail);
}

/* A front that dies in the middle takes its unfinished messages with it. */
TEST(pieces__of_a_lost_front_are_forgotten)
{
	static const struct put_lies cut = { .cut = true };

	cache_start(&c, "");
	put_pieces(&c, &a, PIECE_LEN, 16, &cut);
	ATF_CHECK_EQ(0, get_pieces(&c, &a, PIECE_LEN));
	new_front(&c);
	ATF_CHECK_EQ(0, get_pieces(&c, &a, PIECE_LEN));
	put_pieces(&c, &b, PIECE_LEN, 16, NULL);
	ATF_CHECK_EQ(20, get_pieces(&c, &b, PIECE_LEN));
	put_pieces(&c, &a, PIECE_LEN, 16, &cut);
	put_pieces(&c, &b, PIECE_LEN, 16, NULL);
	expect_fault(&c, FAULT_CONTENT);
}

/*
 * A file that is known by its mount: nothing is stored of it, and nothing that
 * is stored is taken for it, be it of an older version or of a file system that
 * was in the same place.
 */
TEST(mounts__leave_nothing_behind)
{
	struct mirror_file on_image = a, nothing_on_image = empty;
	struct buf listing = { 0 };
	uint8_t digest[SHA1_LEN];

	cache_start(&c, "");
	on_image.identity.mount = 77;
	nothing_on_image.identity.mount = 77;
	put_pieces(&c, &on_image, PIECE_LEN, 2, NULL);
	ATF_CHECK_EQ(0, get_pieces(&c, &on_image, PIECE_LEN));
	ATF_CHECK_EQ(0, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK_EQ(0, cache_status(&c).stored);
	ATF_CHECK(!there(pack_path(a.path, PIECE_LEN)));

	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	ATF_CHECK_EQ(0, get_pieces(&c, &on_image, PIECE_LEN));
	put_pieces(&c, &on_image, PIECE_LEN, 16, NULL);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));

	/* All that it would be made of is there, or needs nothing. */
	digest_of("/fedora/a.rpm\n/fedora/empty", digest);
	list_spec(&listing, 0, "/fedora/a.rpm", &on_image, 1);
	list_spec(&listing, 1, "/fedora/empty", &empty, 1);
	put_listing(&c, digest, &listing, false);
	ATF_CHECK(!knows_info(&c, digest));
	listing.len = 0;
	list_spec(&listing, 0, "/fedora/a.rpm", &a, 1);
	list_spec(&listing, 1, "/fedora/empty", &nothing_on_image, 1);
	put_listing(&c, digest, &listing, false);
	ATF_CHECK(!knows_info(&c, digest));
	ATF_CHECK_EQ(1, cache_status(&c).stored);
	/* It is no lie either. */
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
	buf_free(&listing);
}

/* The front cannot say that the mount does not matter. */
TEST(mounts__are_sealed)
{
	static const struct put_lies lie = { .no_mount = true };
	struct mirror_file on_image = a;

	cache_start(&c, "");
	on_image.identity.mount = 77;
	put_pieces(&c, &on_image, PIECE_LEN, 16, &lie);
	expect_fault(&c, FAULT_SEAL);
	/* A file of the same times elsewhere, with the image's digests. */
	refused_digests(&on_image.identity, PIECE_LEN, 0);
	ATF_CHECK_EQ(0, cache_status(&c).stored);
}

TEST(paths__without_a_place_are_a_miss)
{
	struct mirror_file f = { .identity = { 1, 5, 1, 1, 0 } };
	char long_name[PACK_FILE_MAX + 3], longest[SPEC_MAX + 1];
	const char *paths[] = { long_name, "/a/../b", "/a//b", "/a/", "/." };
	size_t i;

	memset(long_name, 'n', sizeof(long_name) - 1);
	long_name[0] = '/';
	long_name[sizeof(long_name) - 1] = '\0';
	cache_start(&c, "");
	EACH(each, paths) {
		f.path = *each;
		put_pieces(&c, &f, PIECE_LEN, 16, NULL);
		ATF_CHECK_EQ(0, get_pieces(&c, &f, PIECE_LEN));
	}
	/* This one belongs to no root. */
	f.path = "a/b";
	put_pieces(&c, &f, PIECE_LEN, 16, NULL);
	expect_fault(&c, FAULT_SEAL);
	ATF_CHECK_EQ(0, get_pieces(&c, &f, PIECE_LEN));
	put_pieces(&c, &empty, PIECE_LEN, 16, NULL);
	ATF_CHECK_EQ(0, get_pieces(&c, &empty, PIECE_LEN));
	long_name[sizeof(long_name) - 2] = '\0';
	for (i = 0; i < SPEC_MAX; i++)
		longest[i] = i % 2 == 0 ? '/' : 'd';
	/* Their number is odd. */
	longest[SPEC_MAX - 1] = 'd';
	longest[SPEC_MAX] = '\0';
	f.path = long_name;
	put_pieces(&c, &f, PIECE_LEN, 16, NULL);
	ATF_CHECK_EQ(2, get_pieces(&c, &f, PIECE_LEN));
	f.path = longest;
	put_pieces(&c, &f, PIECE_LEN, 16, NULL);
	ATF_CHECK_EQ(2, get_pieces(&c, &f, PIECE_LEN));
	ATF_CHECK(there(pack_path(long_name, PIECE_LEN)));
	ATF_CHECK(there(pack_path(longest, PIECE_LEN)));
	ATF_CHECK_EQ(2, cache_status(&c).stored);
}

/* The info dictionary that the files ought to give. */
static void
expect_info(const struct buf *info, const struct mirror_file *const *files,
    size_t n)
{
	struct torrent_params params = { PIECE_LEN, false, "torrent_service" };
	struct torrent_file tf[8];
	struct buf expected = { 0 };
	size_t i;

	for (i = 0; i < n; i++)
		tf[i] = (struct torrent_file){
			.path = files[i]->path,
			.path_len = strlen(files[i]->path),
			.size = files[i]->identity.size,
			.digests = make_digests(files[i], PIECE_LEN),
		};
	ATF_REQUIRE_EQ(0, torrent_info(&expected, &params, tf, n, true,
	    UINT64_MAX));
	ATF_REQUIRE_EQ(expected.len, info->len);
	ATF_CHECK(memcmp(expected.data, info->data, info->len) == 0);
	for (i = 0; i < n; i++)
		free((void *)(uintptr_t)tf[i].digests);
	buf_free(&expected);
}

/* Two walkers know a part each; the order is that of the request. */
TEST(info__is_built_from_all_listings)
{
	static const struct mirror_file *const files[] = {
		&a, &b, &empty, &a,
	};
	struct buf one = { 0 }, two = { 0 }, listing = { 0 }, info = { 0 };
	struct buf expected = { 0 };
	uint8_t digest[SHA1_LEN];

	cache_start(&c, "");
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	put_pieces(&c, &b, PIECE_LEN, 16, NULL);
	digest_of("/fedora/a.rpm\n/fedora/dir/*\n/fedora/none\n/fedora/[ea]*",
	    digest);
	list_spec(&one, 3, "/fedora/[ea]*",
	    (struct mirror_file[]){ empty, a }, 2);
	list_spec(&one, 0, "/fedora/a.rpm", &a, 1);
	list_spec(&two, 1, "/fedora/dir/*", &b, 1);
	list_spec(&two, 2, "/fedora/none", NULL, 0);
	put_listing(&c, digest, &one, true);
	put_listing(&c, digest, &two, false);
	ATF_REQUIRE_EQ(1, get_info(&c, digest, &listing, &info));
	list_spec(&expected, 0, "/fedora/a.rpm", &a, 1);
	list_spec(&expected, 1, "/fedora/dir/*", &b, 1);
	list_spec(&expected, 2, "/fedora/none", NULL, 0);
	list_spec(&expected, 3, "/fedora/[ea]*",
	    (struct mirror_file[]){ empty, a }, 2);
	ATF_REQUIRE_EQ(expected.len, listing.len);
	ATF_CHECK(memcmp(expected.data, listing.data, listing.len) == 0);
	expect_info(&info, files, 4);
}

TEST(info__of_long_listings_comes_in_parts)
{
	enum { N = 5000 };
	struct buf l = { 0 }, listing = { 0 }, info = { 0 };
	struct mirror_file f = { .identity = { 1, 0, 1, 1, 0 } };
	uint8_t digest[SHA1_LEN];
	int i;

	cache_start(&c, "");
	ATF_REQUIRE_EQ(0, listing_add_spec(&l, 0, PATH_OK, "/x/*", 4, N));
	for (i = 0; i < N; i++) {
		f.path = fmt("/x/%030d", i);
		ATF_REQUIRE_EQ(0, listing_add_file(&l, &f.identity, f.path,
		    strlen(f.path)));
	}
	digest_of("/x/*", digest);
	put_listing(&c, digest, &l, false);
	ATF_REQUIRE_EQ(1, get_info(&c, digest, &listing, &info));
	ATF_CHECK_EQ(l.len, listing.len);
	ATF_CHECK(memcmp(l.data, listing.data, l.len) == 0);
	ATF_CHECK(info.len > 5000 * 40);
}

static void
ask_info(uint32_t client, uint64_t id, const uint8_t digest[SHA1_LEN])
{
	struct msg_get_info body = { .id = id, .client = client };

	memcpy(body.digest, digest, SHA1_LEN);
	ATF_REQUIRE_EQ(0, msg_send_wait(&c.front, MSG_GET_INFO, &body, NULL,
	    0, NULL, 0));
}

/* Ask for the same pieces many times: of a file of thousands of pieces that
   takes longer than a turn. */
static void
ask_pieces(uint32_t client, uint64_t id, const struct mirror_file *f)
{
	struct msg_get_pieces body = { .id = id, .piece_len = PIECE_LEN,
	    .client = client };
	struct buf tail = { 0 };

	for (; body.count < 100; body.count++)
		ask_file(&tail, body.count, f);
	ATF_REQUIRE_EQ(0, msg_send_wait(&c.front, MSG_GET_PIECES, &body,
	    tail.data, tail.len, NULL, 0));
	buf_free(&tail);
}

/* Take the next message; the number of its question if that is answered. */
static uint64_t
take_answer(struct buf info[], uint64_t *used_us)
{
	const struct msg_info *body;
	struct msg msg;
	uint64_t id;

	ATF_REQUIRE(next_answer(&c, &msg));
	memcpy(&id, msg.body, sizeof(id));
	if (msg.type != MSG_INFO)
		return id;
	body = msg.body;
	*used_us += body->used_us;
	ATF_REQUIRE_EQ(0, buf_add(&info[id], msg.tail, msg.tail_len));
	return body->flags & PART_MORE ? 0 : id;
}

/*
 * One client has a long entry made, which is the same file again and again, and
 * asks for it and for many pieces, and so does another.  The small question of
 * a third one comes last, and is answered first.
 */
TEST(turns__go_round_by_client)
{
	static const struct mirror_file f = {
		"/x/long", { 1, 60000ULL * PIECE_LEN, 1, 1, 0 },
	};
	static const struct mirror_file many = {
		"/x/many", { 2, 3000ULL * PIECE_LEN, 1, 1, 0 },
	};
	static const struct mirror_file *const files[8] = {
		&f, &f, &f, &f, &f, &f, &f, &f,
	};
	const char *const specs = "/x/long\n/x/long\n/x/long\n/x/long\n"
	    "/x/long\n/x/long\n/x/long\n/x/long";
	struct buf l = { 0 }, info[5] = { { 0 } };
	uint8_t small[SHA1_LEN], large[SHA1_LEN];
	uint64_t id = 0, used_us = 0;
	uint32_t i;

	cache_start(&c, "");
	remember(&c, &a, small);
	put_pieces(&c, &f, PIECE_LEN, 3000, NULL);
	put_pieces(&c, &many, PIECE_LEN, 3000, NULL);
	ATF_REQUIRE(knows_info(&c, small));
	digest_of(specs, large);
	for (i = 0; i < 8; i++)
		list_spec(&l, i, f.path, &f, 1);
	ATF_REQUIRE_EQ(0, kill(c.proc.pid, SIGSTOP));
	put_listing(&c, large, &l, false);
	ask_info(0, 1, large);
	for (i = 0; i < 4; i++)
		ask_pieces(1, 2, &many);
	ask_info(1, 3, large);
	ask_info(2, 4, small);
	ATF_REQUIRE_EQ(0, kill(c.proc.pid, SIGCONT));
	while (id == 0 || id == 2)
		id = take_answer(info, &used_us);
	ATF_CHECK_EQ(4, id);
	for (i = 0; i < 2; i += id == 1 || id == 3)
		id = take_answer(info, &used_us);
	ATF_CHECK(used_us > 0);
	buf_drop(&info[1], l.len);
	expect_info(&info[1], files, 8);
	/* The other may have asked before it was there. */
	if (info[3].len > 0) {
		buf_drop(&info[3], l.len);
		expect_info(&info[3], files, 8);
	}
}

/* Another piece length, padding or service: the paths of the digest are
   still known, the torrent is to be made again. */
TEST(info__of_another_layout_is_only_a_listing)
{
	static const char *const confs[] = {
		"piece-length 2M\n", "padding attr\n", "service other\n",
	};
	struct buf listing = { 0 }, info = { 0 };
	uint8_t digest[SHA1_LEN];
	char byte;
	size_t i;

	cache_start(&c, "");
	remember(&c, &a, digest);
	send_conf(&c, "cache-age 20d\n");
	cache_status(&c);
	ATF_REQUIRE(knows_info(&c, digest));
	for (i = 0; i < 3; i++) {
		send_conf(&c, confs[i]);
		cache_status(&c);
		/* The front is to ask again once it knows as well. */
		ATF_CHECK_EQ(0, recv(c.front.fd, &byte, 1, MSG_DONTWAIT));
		new_front(&c);
		ATF_REQUIRE_EQ(1, get_info(&c, digest, &listing, &info));
		ATF_CHECK(listing.len > 0);
		ATF_CHECK_EQ(0, info.len);
	}
	send_conf(&c, "");
	cache_status(&c);
	new_front(&c);
	ATF_REQUIRE_EQ(1, get_info(&c, digest, &listing, &info));
	ATF_CHECK(info.len > 0);
}

/* The piece length of an info dictionary that is there, or 0. */
static unsigned long
piece_len_of(enum piece_kind piece, const uint8_t digest[SHA1_LEN])
{
	static const char key[] = "12:piece lengthi";
	struct buf listing = { 0 }, info = { 0 };
	const char *at;

	c.piece = piece;
	ATF_REQUIRE_EQ(1, get_info(&c, digest, &listing, &info));
	ATF_REQUIRE(listing.len > 0);
	if (info.len == 0)
		return 0;
	at = memmem(info.data, info.len, key, sizeof(key) - 1);
	ATF_REQUIRE(at != NULL);
	return strtoul(at + sizeof(key) - 1, NULL, 10);
}

/* A digest that is known at one piece length is known at the others, and has
   an info dictionary for each. */
TEST(info__is_there_for_each_piece_length)
{
	struct buf l = { 0 };
	uint8_t digest[SHA1_LEN];
	enum piece_kind piece;

	cache_start(&c, "simple-piece-length 256K\n");
	remember(&c, &a, digest);
	list_spec(&l, 0, a.path, &a, 1);
	ATF_CHECK_EQ(PIECE_LEN, piece_len_of(PIECE_LENGTH, digest));
	for (piece = PIECE_AUTO; piece < PIECE_KINDS; piece++) {
		ATF_CHECK_EQ(0, piece_len_of(piece, digest));
		/* Its pieces are missing. */
		put_listing(&c, digest, &l, false);
		ATF_CHECK_EQ(0, piece_len_of(piece, digest));
		put_pieces(&c, &a, piece == PIECE_AUTO ? 64U << 10 : 256U <<
		    10, 16, NULL);
		put_listing(&c, digest, &l, false);
	}
	ATF_CHECK_EQ(PIECE_LEN, piece_len_of(PIECE_LENGTH, digest));
	ATF_CHECK_EQ(64U << 10, piece_len_of(PIECE_AUTO, digest));
	ATF_CHECK_EQ(256U << 10, piece_len_of(PIECE_SIMPLE, digest));
	/* The listing of any of them tells the paths. */
	ATF_REQUIRE_EQ(0, unlink(info_path(digest)));
	ATF_CHECK_EQ(0, piece_len_of(PIECE_LENGTH, digest));
	ATF_REQUIRE_EQ(0, unlink(fmt("%s.auto", info_path(digest))));
	ATF_CHECK_EQ(0, piece_len_of(PIECE_LENGTH, digest));
	ATF_CHECK_EQ(256U << 10, piece_len_of(PIECE_SIMPLE, digest));
	/* Without files nothing is left of it. */
	c.piece = PIECE_AUTO;
	put_listing(&c, digest, &l, false);
	ATF_CHECK(knows_info(&c, digest));
	l.len = 0;
	list_spec(&l, 0, a.path, NULL, 0);
	put_listing(&c, digest, &l, false);
	ATF_CHECK(!knows_info(&c, digest));
	ATF_CHECK(!there(fmt("%s.simple", info_path(digest))));
	buf_free(&l);
}

/* Sends a listing of one spec: is the digest known afterwards? */
static bool
learns(const uint8_t digest[SHA1_LEN], const char *spec,
    const struct mirror_file *files, uint32_t n)
{
	struct buf l = { 0 };

	list_spec(&l, 0, spec, files, n);
	put_listing(&c, digest, &l, false);
	buf_free(&l);
	return knows_info(&c, digest);
}

TEST(info__that_cannot_be_built_is_not_stored)
{
	const struct mirror_file top = { "/top", { 5, 5, 5, 5, 0 } };
	const struct mirror_file other = { "/centos/c", { 6, 6, 6, 6, 0 } };
	struct mirror_file changed = a;
	uint8_t digest[SHA1_LEN];

	cache_start(&c, "");
	digest_of("/*", digest);
	ATF_CHECK(!learns(digest, "/*", &a, 1));
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	put_pieces(&c, &top, PIECE_LEN, 16, NULL);
	put_pieces(&c, &other, PIECE_LEN, 16, NULL);
	changed.identity.ctime_ns++;
	ATF_CHECK(!learns(digest, "/*", &changed, 1));
	ATF_CHECK(!learns(digest, "/*", &top, 1));
	ATF_CHECK(!learns(digest, "/*",
	    (struct mirror_file[]){ other, a }, 2));
	ATF_CHECK(learns(digest, "/*", &a, 1));
}

TEST(info__without_files_is_forgotten)
{
	uint8_t digest[SHA1_LEN];

	cache_start(&c, "");
	remember(&c, &a, digest);
	ATF_REQUIRE(knows_info(&c, digest));
	ATF_CHECK(!learns(digest, a.path, NULL, 0));
	ATF_CHECK(!there(info_path(digest)));
}

static void
refused_info(const char *specs, const struct buf *l, enum msg_fault fault)
{
	uint8_t digest[SHA1_LEN];

	digest_of(specs, digest);
	put_listing(&c, digest, l, false);
	expect_fault(&c, fault);
	ATF_CHECK(!knows_info(&c, digest));
}

/* All of these are sealed: a walker said so, but of other questions. */
TEST(info__of_another_digest_is_refused)
{
	struct buf l = { 0 };

	cache_start(&c, "");
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	list_spec(&l, 0, a.path, &a, 1);
	refused_info("/fedora/b.rpm", &l, FAULT_CONTENT);
	/* A newline in a spec would hide that one of them is missing. */
	l.len = 0;
	list_spec(&l, 0, "/x\n/y", NULL, 0);
	list_spec(&l, 1, a.path, &a, 1);
	refused_info("/x\n/y\n/fedora/a.rpm", &l, FAULT_CONTENT);
	l.len = 0;
	list_spec(&l, 0, a.path, &a, 1);
	list_spec(&l, 0, a.path, &a, 1);
	refused_info("/fedora/a.rpm\n/fedora/a.rpm", &l, FAULT_CONTENT);
	refused_info("/fedora/a.rpm\n", &l, FAULT_CONTENT);
	l.len = 0;
	list_spec(&l, 1, a.path, &a, 1);
	refused_info("/fedora/a.rpm", &l, FAULT_CONTENT);
	l.len = 0;
	list_spec(&l, 0, a.path, &a, 1);
	l.len--;
	refused_info("/fedora/a.rpm", &l, FAULT_CONTENT);
}

static void
refused_body(const struct msg_put_info *body, const struct buf *l)
{
	ATF_REQUIRE_EQ(0, msg_send_wait(&c.front, MSG_PUT_INFO, body, l->data,
	    l->len, NULL, 0));
	expect_fault(&c, FAULT_SEAL);
}

TEST(info__with_a_wrong_seal_is_refused)
{
	struct msg_put_info body = { .flags = PUT_SEALED };
	struct buf l = { 0 };

	cache_start(&c, "");
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	digest_of(a.path, body.digest);
	list_spec(&l, 0, a.path, &a, 1);
	/* None. */
	refused_body(&body, &l);
	/* Not said to be one. */
	proc_seal_listing(&l, body.seal);
	body.flags = 0;
	refused_body(&body, &l);
	/* Of something shorter. */
	body.flags = PUT_SEALED;
	list_spec(&l, 1, "/fedora/more", &b, 1);
	refused_body(&body, &l);
	ATF_CHECK(!knows_info(&c, body.digest));
}

/* The cache survives everything that a front sends. */
TEST(messages__that_lie_end_the_channel_only)
{
	static const uint8_t junk[600];
	uint64_t body[16];
	uint32_t type, refused = 0;
	size_t tail;

	cache_start(&c, "");
	for (type = 1; type < MSG_COUNT; type++) {
		for (tail = 0; tail <= sizeof(junk); tail += 300) {
			if (msg_check(type, ROLE_FRONT, ROLE_CACHE,
			    msg_body_len(type) + tail, 0) != 0)
				continue;
			memset(body, 0xff, sizeof(body));
			if (type == MSG_GET_INFO)
				memset((char *)body + offsetof(struct
				    msg_get_info, piece), 0, 4);
			else if (type == MSG_PUT_INFO)
				memset((char *)body + offsetof(struct
				    msg_put_info, piece), 0, 4);
			ATF_REQUIRE_EQ(0, msg_send_wait(&c.front, type, body,
			    junk, tail, NULL, 0));
			if (type == MSG_GET_INFO) {
				struct msg msg;

				ATF_CHECK(next_answer(&c, &msg));
				continue;
			}
			/* A first part with junk is no end yet. */
			if (type == MSG_PUT_INFO)
				expect_fault(&c, tail == 0 ? FAULT_CONTENT :
				    FAULT_SEAL);
			else
				expect_fault(&c, FAULT_CONTENT);
			refused++;
		}
	}
	ATF_CHECK(refused >= 8);
	put_pieces(&c, &a, PIECE_LEN, 16, NULL);
	ATF_CHECK_EQ(5, get_pieces(&c, &a, PIECE_LEN));
}

/* More than 64 MiB of listings is no honest question. */
TEST(info__without_end_is_refused)
{
	static const uint8_t junk[60000];
	struct msg_put_info body = { .flags = PART_MORE };
	size_t sent;

	cache_start(&c, "");
	for (sent = 0; sent <= LISTING_MAX; sent += sizeof(junk))
		ATF_REQUIRE_EQ(0, msg_send_wait(&c.front, MSG_PUT_INFO, &body,
		    junk, sizeof(junk), NULL, 0));
	expect_fault(&c, FAULT_CONTENT);
}
