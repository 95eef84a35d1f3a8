/* SPDX-License-Identifier: ISC */
#include <ftw.h>

#include "common/listing.h"
#include "common/seal.h"
#include "common/torrent.h"
#include "pkgtorrentd/cache/entry.h"
#include "tests/lib/test.h"
#include "tests/lib/truth.h"

#define TRUTH_FILES_MAX	64

static struct truth	*truth;

static void
truth_read(const char *path, struct buf *b)
{
	FILE *f = fopen(path, "r");
	uint8_t *room;
	size_t n;

	ATF_REQUIRE_MSG(f != NULL, "%s", path);
	do {
		room = buf_reserve(b, 65536);
		ATF_REQUIRE(room != NULL);
		n = fread(room, 1, 65536, f);
		b->len += n;
	} while (n > 0);
	fclose(f);
}

/* name: "/y/a/16384" */
static void
truth_check_pieces(const char *name, const struct buf *b)
{
	const char *last = strrchr(name, '/');
	size_t len = (size_t)(last - name);
	uint32_t piece_len = (uint32_t)strtoul(last + 1, NULL, 10);
	struct entry_pieces e;
	const uint8_t *digests;

	ATF_REQUIRE_EQ_MSG(ENTRY_GOOD, entry_read_pieces(b->data, b->len,
	    name, len, piece_len, &e), "pieces%s", name);
	digests = truth->digests(name, len, &e.identity, piece_len);
	ATF_REQUIRE_MSG(digests != NULL, "pieces%s: of a file that never was",
	    name);
	ATF_REQUIRE_MSG(memcmp(digests, e.digests, e.count * SHA1_LEN) == 0,
	    "pieces%s: other digests than the file's", name);
	truth->pieces++;
}

/* Its files, in order; specs: the specs they were resolved from, joined. */
static size_t
truth_list(const struct entry_info *e, struct torrent_file *files,
    struct buf *specs)
{
	struct listing_reader r;
	const uint8_t *start;
	size_t n = 0;
	int more;

	listing_open(&r, e->listing, e->listing_len);
	for (start = r.at; (more = listing_next_spec(&r)) == 1;
	    start = r.at) {
		if (specs->len > 0)
			ATF_REQUIRE_EQ(0, buf_add(specs, "\n", 1));
		ATF_REQUIRE_EQ(0, buf_add(specs, r.spec_bytes, r.spec.len));
		while (listing_next_file(&r) == 1) {
			ATF_REQUIRE(n < TRUTH_FILES_MAX);
			files[n] = (struct torrent_file){
				.path = (const char *)r.path,
				.path_len = r.file.len,
				.size = r.file.identity.size,
				.digests = truth->digests(
				    (const char *)r.path, r.file.len,
				    &r.file.identity, e->piece_len),
			};
			ATF_REQUIRE_MSG(files[n].digests != NULL ||
			    files[n].size == 0, "a file that never was");
			n++;
		}
		ATF_REQUIRE_MSG(truth->resolved(start,
		    (size_t)(r.at - start)), "a listing that never was");
	}
	ATF_REQUIRE_EQ(0, more);
	return n;
}

static void
truth_check_info(const char *name, const struct buf *b)
{
	struct torrent_file files[TRUTH_FILES_MAX];
	struct torrent_params params = { .service = "torrent_service" };
	struct buf specs = { 0 }, info = { 0 };
	uint8_t digest[SHA1_LEN];
	struct entry_info e;
	char hex[3];
	size_t i, n;

	for (i = 0; i < SHA1_LEN; i++) {
		snprintf(hex, sizeof(hex), "%.2s", name + 1 + 2 * i);
		digest[i] = (uint8_t)strtoul(hex, NULL, 16);
	}
	ATF_REQUIRE_EQ_MSG(ENTRY_GOOD, entry_read_info(b->data, b->len,
	    digest, &e), "info%s", name);
	params.piece_len = e.piece_len;
	n = truth_list(&e, files, &specs);
	sha1(specs.data, specs.len, digest);
	ATF_REQUIRE_MSG(memcmp(digest, e.digest, SHA1_LEN) == 0,
	    "info%s: stands for other paths", name);
	ATF_REQUIRE_EQ(0, torrent_info(&info, &params, files, n, true,
	    UINT64_MAX));
	ATF_REQUIRE_MSG(info.len == e.info_len &&
	    memcmp(info.data, e.info, info.len) == 0,
	    "info%s: not the dictionary of its files", name);
	buf_free(&specs);
	buf_free(&info);
	truth->infos++;
}

static int
truth_visit(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	struct buf b = { 0 };

	(void)ftw;
	if (type == FTW_D)
		return 0;
	ATF_REQUIRE_MSG(S_ISREG(st->st_mode), "%s: not an entry", path);
	truth_read(path, &b);
	if (strncmp(path, "cache/pieces/", 13) == 0)
		truth_check_pieces(path + 12, &b);
	else if (strncmp(path, "cache/info/", 11) == 0)
		truth_check_info(path + 10, &b);
	else
		atf_tc_fail("%s is in the cache", path);
	buf_free(&b);
	return 0;
}

void
truth_check(struct truth *t)
{
	truth = t;
	t->pieces = t->infos = 0;
	ATF_REQUIRE_EQ(0, nftw("cache", truth_visit, 32, FTW_PHYS));
}
