/* SPDX-License-Identifier: ISC */
/* The making of an entry: the work for many files is done in turns. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/listing.h"
#include "common/seal.h"
#include "common/torrent.h"
#include "pkgtorrentd/cache/making.h"
#include "tests/lib/test.h"

#define FILES	100
#define SPEC	"/pub/d/"

static struct store	store;
static struct packs	*packs;
static struct buf	listing;
static uint8_t		digest[SHA1_LEN];
static char		service[] = "service";
static char		prefix[] = "";
static struct conf_root	root = { .prefix = prefix };
static struct conf	conf = { .service = service, .piece_len = 1U << 20,
    .max_torrent = 1U << 20, .roots = &root, .nroots = 1 };

static struct making *
begin(uint32_t files)
{
	struct identity id = { .size = 1U << 20 };
	struct making *mk;
	char path[32];
	uint32_t i;

	torrent_init();
	store.dirfd = open(".", O_RDONLY | O_DIRECTORY);
	store.entry_max = 1U << 20;
	packs = packs_new(&store);
	ATF_REQUIRE(packs != NULL);
	packs_configure(packs, &conf);
	ATF_REQUIRE_EQ(0, listing_add_spec(&listing, 0, files > 0 ? PATH_OK :
	    PATH_MISSING, SPEC, strlen(SPEC), files));
	for (i = 0; i < files; i++) {
		snprintf(path, sizeof(path), SPEC "%u", (unsigned)i);
		ATF_REQUIRE_EQ(0, listing_add_file(&listing, &id, path,
		    strlen(path)));
	}
	sha1(SPEC, strlen(SPEC), digest);
	ATF_REQUIRE_EQ(0, making_new(&store, packs, &conf, digest,
	    PIECE_LENGTH, &listing, &mk));
	ATF_REQUIRE(mk != NULL);
	ATF_CHECK_EQ(0, making_need(mk));
	return mk;
}

/* The turns of one step each until it is done or needs memory. */
static unsigned
turns_of(struct making *mk)
{
	unsigned n = 1;

	for (; !making_run(mk, 0); n++)
		if (making_need(mk) != 0)
			return n;
	return n;
}

TEST(making__is_planned_in_turns)
{
	struct making *mk = begin(FILES);

	ATF_CHECK(turns_of(mk) > FILES);
	ATF_CHECK(making_need(mk) > FILES * SHA1_LEN);
	/* No pieces are stored. */
	ATF_CHECK(making_run(mk, 0));
	making_free(mk);
}

TEST(making__tells_its_need_first)
{
	struct making *mk = begin(FILES);

	ATF_CHECK(!making_run(mk, UINT64_MAX));
	ATF_CHECK(making_need(mk) > FILES * SHA1_LEN);
	ATF_CHECK(making_run(mk, UINT64_MAX));
	making_free(mk);
}

TEST(making__ends_above_max_torrent)
{
	struct making *mk;

	conf.max_torrent = FILES * SHA1_LEN;
	mk = begin(FILES);
	ATF_CHECK(making_run(mk, UINT64_MAX));
	making_free(mk);
}

TEST(making__ends_without_files)
{
	struct making *mk = begin(0);

	ATF_CHECK(making_run(mk, UINT64_MAX));
	making_free(mk);
}

TEST(making__wants_the_right_digest)
{
	struct making *mk = begin(1);

	making_free(mk);
	digest[0] ^= 1;
	ATF_CHECK_EQ(-1, making_new(&store, packs, &conf, digest,
	    PIECE_LENGTH, &listing, &mk));
	ATF_CHECK(mk == NULL);
}

TEST(making__touches)
{
	static const char *const in[] = { "", "/pub", "/pub/d", "/pub/d/7" };
	static const char *const out[] = { "/pu", "/pub/e", "/pub/d/7/x" };
	struct making *mk = begin(FILES);

	EACH(tree, in)
		ATF_CHECK_MSG(making_touches(mk, (struct str){ *tree,
		    strlen(*tree) }), "%s", *tree);
	EACH(tree, out)
		ATF_CHECK_MSG(!making_touches(mk, (struct str){ *tree,
		    strlen(*tree) }), "%s", *tree);
	making_free(mk);
}
