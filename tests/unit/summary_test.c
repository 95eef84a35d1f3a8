/* SPDX-License-Identifier: ISC */
/* The size of the cache over a restart. */
#include "pkgtorrentd/cache/summary.h"
#include "tests/lib/pack_rig.h"
#include "tests/lib/test.h"

static struct store st;

static void
start(void)
{
	if (st.lockfd > 0)
		close(st.lockfd);
	memset(&st, 0, sizeof(st));
	ATF_REQUIRE(mkdir("cache", 0700) == 0 || errno == EEXIST);
	st.dirfd = open("cache", O_RDONLY | O_DIRECTORY);
	ATF_REQUIRE(st.dirfd != -1);
	store_set_size(&st, 1ULL << 30);
}

static void
save(uint64_t base)
{
	start();
	/* This makes the directory, which counts. */
	ATF_REQUIRE(store_may_write(&st));
	st.shares[STORE_INFO].used = base;
	st.shares[STORE_INFO].entries = base + 1;
	st.shares[STORE_PIECES].used = base + 2;
	st.shares[STORE_PIECES].entries = base + 3;
	st.shares[STORE_OTHERS].used = base + 1;
	st.piece_len = 1 << 20;
	summary_save(&st);
}

/* Is this what a service that starts now knows? */
static bool
knows(uint64_t base)
{
	start();
	st.piece_len = 1 << 20;
	summary_load(&st);
	if (!st.shares[STORE_INFO].counted || !st.shares[STORE_PIECES].counted)
		return false;
	ATF_CHECK_EQ(base, st.shares[STORE_INFO].used);
	ATF_CHECK_EQ(base + 1, st.shares[STORE_INFO].entries);
	ATF_CHECK_EQ(base + 2, st.shares[STORE_PIECES].used);
	ATF_CHECK_EQ(base + 3, st.shares[STORE_PIECES].entries);
	ATF_CHECK_EQ(base + 1, st.shares[STORE_OTHERS].used);
	return true;
}

TEST(summary__is_read_back)
{
	ATF_CHECK(!knows(0));
	save(1000);
	ATF_CHECK(knows(1000));
	save(1ULL << 40);
	ATF_CHECK(knows(1ULL << 40));
}

/* Of another piece-length, any list may be of another length. */
TEST(summary__is_of_one_piece_length)
{
	save(1000);
	start();
	st.piece_len = 64 << 10;
	summary_load(&st);
	ATF_CHECK_EQ(1002, st.shares[STORE_OTHERS].used);
}

/* Written when the size has changed, under another name first. */
TEST(summary__is_written_when_it_changes)
{
	save(1000);
	ATF_REQUIRE_EQ(0, unlink("cache/summary"));
	summary_save(&st);
	ATF_CHECK_EQ(-1, access("cache/summary", F_OK));
	st.shares[STORE_PIECES].used++;
	ATF_REQUIRE_EQ(0, symlink("../elsewhere", "cache/.new-summary"));
	ATF_REQUIRE_EQ(0, symlink("../elsewhere", "cache/summary"));
	summary_save(&st);
	ATF_CHECK_EQ(0, access("cache/summary", F_OK));
	ATF_CHECK_EQ(-1, access("elsewhere", F_OK));
	ATF_CHECK_EQ(-1, access("cache/.new-summary", F_OK));
}

TEST(summary__that_is_damaged_is_none)
{
	struct buf b = { 0 };
	size_t i, len;
	int fd;

	save(1000);
	read_file("cache/summary", &b);
	fd = open("cache/summary", O_WRONLY);
	ATF_REQUIRE(fd != -1 && b.len > 40);
	for (i = 0; i < b.len * 8; i++) {
		b.data[i / 8] ^= (uint8_t)(1U << i % 8);
		ATF_REQUIRE_EQ((ssize_t)b.len, pwrite(fd, b.data, b.len, 0));
		ATF_CHECK_MSG(!knows(1000), "bit %zu", i);
		close(st.dirfd);
		b.data[i / 8] ^= (uint8_t)(1U << i % 8);
	}
	for (len = 0; len < b.len; len++) {
		ATF_REQUIRE_EQ(0, ftruncate(fd, 0));
		ATF_REQUIRE_EQ((ssize_t)len, pwrite(fd, b.data, len, 0));
		ATF_CHECK_MSG(!knows(1000), "%zu bytes", len);
		close(st.dirfd);
	}
	ATF_REQUIRE_EQ((ssize_t)b.len, pwrite(fd, b.data, b.len, 0));
	ATF_CHECK(knows(1000));
	ATF_REQUIRE_EQ(1, pwrite(fd, "", 1, (off_t)b.len));
	ATF_CHECK(!knows(1000));
	close(fd);
	buf_free(&b);
}
