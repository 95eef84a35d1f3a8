/* SPDX-License-Identifier: ISC */
/* The files of a torrent by its info dictionary. */
#include "common/info_paths.h"
#include "common/torrent.h"
#include "tests/lib/test.h"

static bool
touches(const struct buf *info, const char *tree)
{
	return info_paths_touch(info->data, info->len,
	    (struct str){ tree, strlen(tree) });
}

/* Of real dictionaries, with padding and its attr. */
TEST(info_paths__of_torrents)
{
	static const uint8_t digests[2 * SHA1_LEN];
	static const struct torrent_file files[] = {
		{ "/pub/a/x", 8, 5, digests },
		{ "/pub/a/y z", 10, 5, digests },
		{ "/pub/b", 6, 0, digests },
		{ "/pub/path/files", 15, 5, digests },
	};
	static const char *const in[] = { "", "/pub", "/pub/a", "/pub/a/x",
	    "/pub/a/y z", "/pub/b", "/pub/path", "/pub/path/files" };
	static const char *const out[] = { "/pu", "/pub/a/y", "/pub/b/c",
	    "/pub/bb", "/x", "/pub/a/x/", "/files" };
	struct torrent_params params = { 1 << 20, false, "torrent_service" };
	struct buf info = { 0 };
	int attr;

	for (attr = 0; attr < 2; attr++) {
		params.padding_attr = attr;
		info.len = 0;
		ATF_REQUIRE_EQ(0, torrent_info(&info, &params, files, 4, true,
		    1 << 20));
		EACH(tree, in)
			ATF_CHECK_MSG(touches(&info, *tree), "%s", *tree);
		EACH(tree, out)
			ATF_CHECK_MSG(!touches(&info, *tree), "%s", *tree);
	}
	buf_free(&info);
}

/* All else than such a dictionary may have the file. */
TEST(info_paths__malformed)
{
	static const char *const texts[] = {
		"", "d", "de", "le", "i1e", "d4:name1:ae", "d5:filesle",
		"d5:filesl", "d5:files",
		"d5:filesldee4:name1:ae", "d5:filesld4:pathee4:name1:ae",
		"d5:filesld4:path1:aee4:name1:ae",
		"d5:filesld4:pathli1eeee4:name1:ae",
		"d5:filesll4:pathl1:aeee4:name1:ae",
		"d5:files1:a4:name1:ae", "d5:filesle4:namele",
		"d5:filesle4:name9:ae", "d5:filesle4:name-1:ae",
		"d5:filesle4:name99999999999999999999999:ae",
		"d1:ai1", "d1:ai1e", "d1:al", "d1:ad1:b", "d01:", "x",
	};
	struct str tree = { "/b", 2 };

	EACH(text, texts)
		ATF_CHECK_MSG(info_paths_touch(*text, strlen(*text), tree),
		    "%s", *text);
	ATF_CHECK(!info_paths_touch("d5:filesle4:name1:ae", 20, tree));
	/* No path is so long. */
	ATF_CHECK(!info_paths_touch("d5:filesld4:pathl1:ceee4:name1:ae", 33,
	    tree));
}
