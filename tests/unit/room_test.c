/* SPDX-License-Identifier: ISC */
/* The room of an entry that is written in parts. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pkgtorrentd/cache/store.h"
#include "tests/lib/test.h"

#define ENTRY	(64U << 10)		/* bytes */
#define PART	(16U << 10)
/* A quarter is for info/, of which an entry has a sixteenth; with blocks and
   directories not quite sixteen have room. */
#define SIZE	(4ULL * 16 * (ENTRY + 8192))

static struct store	st;
static uint8_t		data[ENTRY];

static void
start(void)
{
	st.dirfd = open(".", O_RDONLY | O_DIRECTORY);
	ATF_REQUIRE(st.dirfd != -1);
	store_set_size(&st, SIZE);
	st.shares[STORE_INFO].counted = true;
	st.shares[STORE_PIECES].counted = true;
	snprintf(st.temporary, sizeof(st.temporary), ".new-1");
	snprintf(st.long_temporary, sizeof(st.long_temporary), ".new-1-long");
}

static int
save(unsigned i)
{
	char name[64];

	snprintf(name, sizeof(name), "info/%040x", i);
	return store_save(&st, name, data, sizeof(data));
}

static int
save_part(struct store_writing *w, unsigned i)
{
	char name[64];

	snprintf(name, sizeof(name), "info/%040x", i);
	return store_save_part(&st, w, name, data, sizeof(data), PART);
}

/* As many as there is room for. */
static unsigned
fill(unsigned i)
{
	unsigned n = 0;

	while (save(i + n) == 0)
		n++;
	return n;
}

TEST(room__of_a_long_write_is_kept)
{
	struct store_writing w = { 0 };
	const struct store_share *sh = &st.shares[STORE_INFO];
	unsigned n;

	start();
	ATF_REQUIRE_EQ(0, save_part(&w, 100));
	n = fill(0);
	ATF_CHECK(n > 10);
	/* All of the others' parts find room. */
	while (save_part(&w, 100) == 0)
		continue;
	ATF_CHECK_EQ(0, access("info/0000000000000000000000000000000000000064",
	    F_OK));
	ATF_CHECK_EQ(0, sh->pending);
	ATF_CHECK_MSG(sh->used <= sh->limit, "%ju of %ju", (uintmax_t)sh->used,
	    (uintmax_t)sh->limit);
	ATF_CHECK_EQ(0, fill(50));
}

TEST(room__of_a_write_that_ends_is_free)
{
	struct store_writing w = { 0 };
	unsigned n;

	start();
	ATF_REQUIRE_EQ(0, save_part(&w, 100));
	n = fill(0);
	ATF_CHECK_EQ(-1, save(n));
	store_stop_saving(&w);
	ATF_CHECK_EQ(0, st.shares[STORE_INFO].pending);
	ATF_CHECK_EQ(0, save(n));
	/* So does one that fails: there is no room for it. */
	ATF_CHECK_EQ(-1, save_part(&w, 101));
	ATF_CHECK_EQ(0, st.shares[STORE_INFO].pending);
}
