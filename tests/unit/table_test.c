/* SPDX-License-Identifier: ISC */
/* The hash tables of the tracker, the pools of their items, and the hash. */
#include "pkgtorrentd/tracker/siphash.h"
#include "pkgtorrentd/tracker/table.h"
#include "tests/lib/test.h"

struct item {
	uint32_t	name;
	uint32_t	link;
};

static struct pool	pool;
static struct table	table;
static uint32_t		mask = UINT32_MAX;

static uint32_t
name_of(uint32_t i)
{
	const struct item *item = pool_at(&pool, i);

	return item->name;
}

/* All bits of a name count, and none with mask 0. */
static uint32_t
hash_of_name(uint32_t name)
{
	return name * 2654435761U & mask;
}

static uint32_t
item_hash(const void *owner, uint32_t i)
{
	ATF_REQUIRE(owner == &pool);
	return hash_of_name(name_of(i));
}

static uint32_t
find(uint32_t name)
{
	uint32_t i;

	for (i = table_first(&table, hash_of_name(name)); i != POOL_NONE;
	    i = table_next(&table, i))
		if (name_of(i) == name)
			break;
	return i;
}

static void
start(void)
{
	pool_init(&pool, sizeof(struct item));
	ATF_REQUIRE_EQ(0, table_init(&table, &pool,
	    offsetof(struct item, link), item_hash, &pool));
}

static void
add(uint32_t name)
{
	uint32_t i = pool_take(&pool, 100000);
	struct item *item;

	ATF_REQUIRE(i != POOL_NONE);
	item = pool_at(&pool, i);
	ATF_REQUIRE_EQ(0, item->name);
	ATF_REQUIRE_EQ(0, item->link);
	item->name = name;
	table_add(&table, i);
}

static void
remove_name(uint32_t name)
{
	uint32_t i = find(name);

	ATF_REQUIRE(i != POOL_NONE);
	table_remove(&table, i);
	pool_give(&pool, i);
}

static void
stop(void)
{
	table_free(&table);
	pool_free(&pool);
}

TEST(table__finds_what_it_has)
{
	uint32_t name;

	start();
	for (name = 1; name <= 50000; name++)
		add(name);
	ATF_CHECK_EQ(50000, table.n);
	for (name = 1; name <= 50000; name += 2)
		remove_name(name);
	for (name = 1; name <= 50000; name++)
		ATF_REQUIRE_EQ_MSG(name % 2 == 0, find(name) != POOL_NONE,
		    "%u", name);
	ATF_CHECK_EQ(25000, table.n);
	ATF_CHECK_EQ(25000, pool.n);
	/* The places of those that have gone are used again. */
	for (name = 60001; name <= 85000; name++)
		add(name);
	ATF_CHECK_EQ(50000, pool.used);
	for (name = 60001; name <= 85000; name++)
		ATF_REQUIRE(find(name) != POOL_NONE);
	stop();
}

/* It has a bucket for each item, and no chain is long. */
TEST(table__grows_with_its_items)
{
	uint32_t name, i, n, longest = 0;

	start();
	for (name = 1; name <= 50000; name++)
		add(name);
	ATF_CHECK_EQ(50000, table.nbuckets);
	for (name = 1; name <= 50000; name++) {
		n = 0;
		for (i = table_first(&table, hash_of_name(name));
		    i != POOL_NONE; i = table_next(&table, i))
			n++;
		if (n > longest)
			longest = n;
	}
	ATF_CHECK_MSG(longest <= 12, "%u in a chain", longest);
	stop();
}

/* Also if all of them collide. */
TEST(table__one_hash_for_all)
{
	uint32_t name;

	start();
	mask = 0;
	for (name = 1; name <= 500; name++)
		add(name);
	for (name = 500; name > 0; name -= 5)
		remove_name(name);
	for (name = 1; name <= 500; name++)
		ATF_REQUIRE_EQ(name % 5 != 0, find(name) != POOL_NONE);
	stop();
}

TEST(pool__has_a_limit)
{
	uint32_t i;

	pool_init(&pool, sizeof(struct item));
	for (i = 0; i < 1000; i++)
		ATF_REQUIRE_EQ(i, pool_take(&pool, 1000));
	ATF_CHECK_EQ(POOL_NONE, pool_take(&pool, 1000));
	ATF_CHECK_EQ(1000, pool.room);
	pool_give(&pool, 7);
	pool_give(&pool, 900);
	ATF_CHECK_EQ(998, pool.n);
	ATF_CHECK_EQ(900, pool_take(&pool, 1000));
	ATF_CHECK_EQ(7, pool_take(&pool, 1000));
	ATF_CHECK_EQ(POOL_NONE, pool_take(&pool, 1000));
	/* A higher one holds at once. */
	ATF_CHECK_EQ(1000, pool_take(&pool, 1001));
	ATF_CHECK_EQ(POOL_NONE, pool_take(&pool, 1001));
	pool_free(&pool);
}

/* Those of the reference implementation; key and text are 0, 1, 2 …. */
TEST(siphash__known_values)
{
	static const uint8_t bytes[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
	    11, 12, 13, 14, 15 };
	uint64_t words[2];
	size_t i, k;

	memset(words, 0, sizeof(words));
	for (i = 0; i < 2; i++)
		for (k = 8; k-- > 0;)
			words[i] = words[i] << 8 | bytes[8 * i + k];
	ATF_CHECK(siphash(words, words, 0) == 0x726fdb47dd0e0e31U);
	ATF_CHECK(siphash(words, words, 1) == 0x93f5f5799a932462U);
	ATF_CHECK(siphash(words, words, 2) == 0x3f2acc7f57c29bdbU);
}
