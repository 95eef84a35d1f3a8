/* SPDX-License-Identifier: ISC */
/* The cache-size that a tree needs, beside the room that its lists take. */
#include "common/conf/conf.h"
#include "common/need.h"
#include "common/torrent.h"
#include "pkgtorrentd/cache/packs.h"
#include "tests/lib/test.h"

#define PIECE_LEN	(1U << 20)

static struct need	 need;
static struct store	 st;
static struct packs	*ps;

static void
start(void)
{
	static const char text[] = "root /usr\n";
	struct buf errors = { 0 };
	struct conf *conf = conf_parse("test", text, strlen(text), NULL,
	    &errors);

	ATF_REQUIRE(conf != NULL);
	ATF_REQUIRE_EQ(0, mkdir("cache", 0700));
	st.dirfd = open("cache", O_RDONLY | O_DIRECTORY);
	ATF_REQUIRE(st.dirfd != -1);
	store_set_size(&st, 1ULL << 40);
	st.shares[STORE_PIECES].counted = true;
	st.entry_max = 64U << 20;
	ps = packs_new(&st);
	ATF_REQUIRE(ps != NULL);
	packs_configure(ps, conf);
}

/* The next file of the walk. */
static void
add(const char *path, uint64_t size)
{
	static uint8_t digests[1 << 20];
	struct pack_list list = {
		.identity = { 1, size, 1, 1, 0 }, .digests = digests,
		.count = torrent_digests(size, PIECE_LEN),
	};

	need_add(&need, (struct str){ path, strlen(path) }, size, PIECE_LEN);
	packs_save(ps, path, strlen(path), PIECE_LEN, &list);
}

/* The cache-size that is needed is enough for the stored lists, and not much
   larger. */
static void
check(void)
{
	uint64_t size = need_cache_size(&need), used;
	const struct store_share *sh = &st.shares[STORE_PIECES];
	FILE *du;

	packs_flush(ps);
	du = popen("du -s --block-size=1 cache/pieces", "r");
	ATF_REQUIRE(du != NULL && fscanf(du, "%ju", &used) == 1);
	pclose(du);
	store_set_size(&st, size);
	ATF_CHECK_MSG(store_high_water(sh) >= used, "%ju for %ju",
	    (uintmax_t)size, (uintmax_t)used);
	/* Its directories take a MiB when they are all there. */
	ATF_CHECK_MSG(size <= used + used / 2 + used / 4 + (2 << 20),
	    "%ju for %ju", (uintmax_t)size, (uintmax_t)used);
}

TEST(need__of_nothing)
{
	ATF_CHECK_EQ(0, need_cache_size(&need));
}

/* A directory goes on behind those in it. */
TEST(need__small_tree)
{
	start();
	add("/a", 1);
	add("/d/a", 5 << 20);
	add("/d/b/c/d/x", 1);
	add("/d/b/c/y", 1 << 20);
	add("/d/b/z", 1);
	add("/d/c", 3000ULL << 20);
	add("/d.x/a", 1);
	add("/e", 1);
	check();
}

TEST(need__many_directories)
{
	unsigned d, f;

	start();
	for (d = 0; d < 2000; d++)
		for (f = 0; f < 3; f++)
			add(fmt("/pool/%04u/package-%u.rpm", d, f), 300 << 20);
	check();
}

TEST(need__large_directory)
{
	unsigned f;

	start();
	for (f = 0; f < 20000; f++)
		add(fmt("/pool/package-%05u.rpm", f), 10000);
	check();
}

/* As deep as a path may be. */
TEST(need__deep)
{
	char path[SPEC_MAX];
	size_t i;

	for (i = 0; i < sizeof(path) - 1; i++)
		path[i] = i % 2 ? 'a' : '/';
	path[i] = 'a';
	need_add(&need, (struct str){ path, sizeof(path) }, 1, PIECE_LEN);
	ATF_CHECK(need_cache_size(&need) > 0);
	need_add(&need, (struct str){ "/b", 2 }, 1, PIECE_LEN);
	ATF_CHECK_EQ(1, need.packs);
	ATF_CHECK_EQ(8192, need.bytes);
}
