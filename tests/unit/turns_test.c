/* SPDX-License-Identifier: ISC */
/* The queue in which clients take turns. */
#include "common/turns.h"
#include "tests/lib/test.h"

static struct turns	turns;
static struct turn	work[6];

static void
add(unsigned n, uint32_t client)
{
	turns_add(&turns, &work[n], client);
}

static void
expect_first(unsigned n)
{
	ATF_CHECK_EQ(&work[n], turns_first(&turns));
}

static void
end_turn(void)
{
	turns_rotate(&turns, turns_first(&turns)->line);
}

/* One client's work in its order; a client that comes later waits for one
   turn, however much there is. */
TEST(turns__go_round_by_client)
{
	turns_init(&turns);
	ATF_CHECK_EQ(NULL, turns_first(&turns));
	add(0, 7);
	add(1, 7);
	add(2, 7);
	add(3, 8);
	expect_first(0);
	end_turn();
	expect_first(3);
	end_turn();
	/* Unfinished work of a client goes on before its other work. */
	expect_first(0);
	turns_remove(&turns, &work[0]);
	expect_first(1);
	end_turn();
	expect_first(3);
	turns_remove(&turns, &work[3]);
	expect_first(1);
	/* A client that comes back is behind the others. */
	add(4, 9);
	add(3, 8);
	end_turn();
	expect_first(4);
	end_turn();
	expect_first(3);
}

/* A client whose work is done at the end of its turn does not cost the next one
   its own. */
TEST(turns__work_that_is_done)
{
	struct turns_line *line;

	turns_init(&turns);
	add(0, 1);
	add(1, 2);
	add(2, 3);
	line = work[0].line;
	turns_remove(&turns, &work[0]);
	turns_rotate(&turns, line);
	expect_first(1);
	line = work[1].line;
	turns_remove(&turns, &work[1]);
	turns_remove(&turns, &work[2]);
	turns_rotate(&turns, line);
	ATF_CHECK_EQ(NULL, turns_first(&turns));
}

TEST(turns__remove)
{
	turns_init(&turns);
	turns_remove(&turns, &work[0]);
	add(0, 1);
	add(1, 1);
	add(2, 2);
	turns_remove(&turns, &work[1]);
	turns_remove(&turns, &work[1]);
	ATF_CHECK_EQ(NULL, work[1].line);
	turns_remove(&turns, &work[0]);
	expect_first(2);
	turns_remove(&turns, &work[2]);
	ATF_CHECK_EQ(NULL, turns_first(&turns));
}

/* The number of clients has no bound: some share their turns. */
TEST(turns__numbers_wrap)
{
	turns_init(&turns);
	add(0, 5);
	add(1, UINT32_MAX);
	add(2, 5 + TURNS_LINES);
	end_turn();
	expect_first(1);
	end_turn();
	expect_first(0);
	turns_remove(&turns, &work[0]);
	expect_first(2);
}
