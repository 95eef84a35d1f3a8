/* SPDX-License-Identifier: ISC */
#include <ftw.h>

#include "common/listing.h"
#include "common/seal.h"
#include "common/torrent.h"
#include "pkgtorrentd/cache/entry.h"
#include "tests/lib/pack_rig.h"
#include "tests/lib/proc.h"
#include "tests/lib/test.h"
#include "tests/lib/truth.h"

#define TRUTH_FILES_MAX	64

static struct truth	*truth;

/* Is a record of this name among those before? */
static bool
truth_knows(const struct buf *b, const struct pack_id *id, uint64_t end,
    const struct pack_list *list)
{
	uint64_t at = pack_first(b, id), junk = 0;
	struct packed p;

	while (at < end && pack_next(b, id, &at, &junk, &p) && p.offset < end)
		if (p.list.name_len == list->name_len &&
		    memcmp(p.list.name, list->name, list->name_len) == 0)
			return true;
	return false;
}

static void
truth_check_record(const char *name, const struct pack_head *head,
    uint32_t piece_len, const struct pack_list *list)
{
	struct buf path = { 0 };
	const uint8_t *digests;

	ATF_REQUIRE_EQ(0, buf_add(&path, head->dir, head->dir_len));
	ATF_REQUIRE_EQ(0, buf_add(&path, "/", 1));
	ATF_REQUIRE_EQ(0, buf_add(&path, list->name, list->name_len));
	digests = truth->digests((const char *)path.data, path.len,
	    &list->identity, piece_len);
	ATF_REQUIRE_MSG(digests != NULL, "%s: %.*s: of a file that never was",
	    name, (int)path.len, path.data);
	ATF_REQUIRE_MSG(memcmp(digests, list->digests,
	    list->count * SHA1_LEN) == 0,
	    "%s: %.*s: other digests than the file's", name, (int)path.len,
	    path.data);
	buf_free(&path);
}

/* name: "/ab/abcd....16384" */
static void
truth_check_pack(const char *name, const struct buf *b)
{
	struct pack_id id, other = { 0 };
	uint64_t at, junk = 0;
	struct pack_head head;
	struct packed p;
	char dir[3];

	snprintf(dir, sizeof(dir), "%s", name + 1);
	ATF_REQUIRE_MSG(strlen(name) > 4 && name[3] == '/' &&
	    pack_read_name(dir, name + 4, &id), "pieces%s: no pack", name);
	ATF_REQUIRE_EQ(PACK_GOOD, pack_check_head(b->data, b->len, &id,
	    &head));
	seal_path("", head.dir, head.dir_len, other.key);
	ATF_REQUIRE_MSG(memcmp(id.key, other.key, sizeof(id.key)) == 0,
	    "pieces%s: the pack of another directory", name);
	for (at = head.len; pack_next(b, &id, &at, &junk, &p); ) {
		truth_check_record(name, &head, id.piece_len, &p.list);
		truth->pieces += !truth_knows(b, &id, p.offset, &p.list);
	}
	ATF_REQUIRE_EQ_MSG(0, junk, "pieces%s: not only records", name);
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
	enum piece_kind piece = PIECE_LENGTH;
	char hex[3];
	size_t i, n;

	for (i = 0; i < SHA1_LEN; i++) {
		snprintf(hex, sizeof(hex), "%.2s", name + 1 + 2 * i);
		digest[i] = (uint8_t)strtoul(hex, NULL, 16);
	}
	if (name[1 + 2 * SHA1_LEN] == '.')
		piece = name[2 + 2 * SHA1_LEN] == 'a' ? PIECE_AUTO :
		    PIECE_SIMPLE;
	ATF_REQUIRE_EQ_MSG(ENTRY_GOOD, entry_read_info(b->data, b->len,
	    digest, piece, &e), "info%s", name);
	params.piece_len = e.piece_len;
	n = truth_list(&e, files, &specs);
	if (piece == PIECE_AUTO)
		ATF_REQUIRE_EQ(torrent_auto_piece_len(files, n), e.piece_len);
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

	if (type == FTW_D)
		return 0;
	/* The cache writes a pack again, or has just renamed it. */
	if (type == FTW_NS || strncmp(path + ftw->base, ENTRY_TEMPORARY,
	    strlen(ENTRY_TEMPORARY)) == 0)
		return 1;
	ATF_REQUIRE_MSG(S_ISREG(st->st_mode), "%s: not an entry", path);
	read_file(path, &b);
	ATF_REQUIRE_MSG(b.len > 0, "%s", path);
	if (strncmp(path, "cache/pieces/", 13) == 0)
		truth_check_pack(path + 12, &b);
	else if (strncmp(path, "cache/info/", 11) == 0)
		truth_check_info(path + 10, &b);
	else if (strcmp(path, "cache/summary") != 0)
		atf_tc_fail("%s is in the cache", path);
	buf_free(&b);
	return 0;
}

void
truth_check(struct truth *t)
{
	int i, unfinished = 1;

	truth = t;
	for (i = 0; unfinished == 1 && i < WAIT_MS / 10; i++) {
		if (i > 0)
			(void)poll(NULL, 0, 10);
		t->pieces = t->infos = 0;
		unfinished = nftw("cache", truth_visit, 32, FTW_PHYS);
	}
	ATF_REQUIRE_EQ_MSG(0, unfinished, "there is always a file that is "
	    "being written");
}
