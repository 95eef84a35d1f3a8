/* SPDX-License-Identifier: ISC */
/*
 * Transfers with nobody at the other end.  For the code under test time passes
 * thirty times as fast.
 */
#include "common/clock.h"
#include "tests/lib/test.h"
#include "tests/lib/transfer_rig.h"

#define SPEED	30

static uint64_t
clock_fast_ms(void)
{
	return clock_ms() * SPEED;
}

#define clock_ms clock_fast_ms
#define transfer_begin cache_transfer_begin
#define transfer_wait cache_transfer_wait
#include "pkgtorrentd/cache/transfer.c"
#undef transfer_begin
#undef transfer_wait
#undef clock_ms

static struct cache_under_test c;
static struct buf b;

static void
check_stall(enum control_command command, const char *why)
{
	uint64_t begin = clock_ms();
	int fd;

	fd = transfer_begin(&c, command, 1);
	ATF_REQUIRE_EQ(CONTROL_FAILED, transfer_wait(&c, 1));
	ATF_CHECK_STREQ(why, c.proc.ended_tail);
	ATF_CHECK(clock_ms() - begin >= TRANSFER_STALL_MS / SPEED);
	close(fd);
}

TEST(import__of_nothing_is_given_up)
{
	cache_start(&c, "");
	check_stall(CONTROL_IMPORT, "nothing came for a minute");
}

/* More than the socket holds. */
TEST(export__to_nobody_is_given_up)
{
	struct mirror_file f = { "/long", { 5, (uint64_t)PIECE_LEN * 400000, 1,
	    1, 0 } };

	cache_start(&c, "");
	put_pieces(&c, &f, PIECE_LEN, 2000, NULL);
	ATF_REQUIRE_EQ(400000, get_pieces(&c, &f, PIECE_LEN));
	check_stall(CONTROL_EXPORT, "nothing was taken for a minute");
	/* It is ready for another one. */
	transfer_export(&c, &b);
	ATF_CHECK_EQ(1, transfer_count(&b, f.path));
}

/* One that goes on is not given up, however slow it is. */
TEST(import__that_is_slow_goes_on)
{
	struct mirror_file f = { "/slow", { 5, 500, 1, 1, 0 } };
	uint64_t begin = clock_ms();
	size_t at;
	int fd;

	cache_start(&c, "");
	transfer_make(&b, &f, 1, PIECE_LEN);
	fd = transfer_begin(&c, CONTROL_IMPORT, 1);
	for (at = 0; at < b.len; at++) {
		ATF_REQUIRE_EQ(1, write(fd, b.data + at, 1));
		while (clock_ms() - begin < at * 20)
			(void)poll(NULL, 0, 5);
	}
	ATF_CHECK(clock_ms() - begin > TRANSFER_STALL_MS / SPEED);
	close(fd);
	ATF_REQUIRE_EQ(CONTROL_DONE, transfer_wait(&c, 1));
	ATF_CHECK_EQ(1, c.proc.ended.done);
}
