/* SPDX-License-Identifier: ISC */
/* Metalinks, written from info dictionaries. */
#include "common/metalink.h"
#include "tests/lib/test.h"

#define PIECE	16384U

static const char *const bases[] = { "http://h", "http://o/a&b'c" };

#define DIGITS(a, b) a b a b a b a b a b a b a b a b a b a b a b a b a b a b  \
    a b a b a b a b a b a b
#define HASH(file, piece)						      \
    "<hash>" DIGITS(file, piece) "</hash>\n"

static const char multi[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\n"
    "<generator>pkgtorrentd/" VERSION "</generator>\n"
    "<file name=\"d/a\">\n<size>20000</size>\n"
    "<pieces length=\"16384\" type=\"sha-1\">\n"
    HASH("0", "0") HASH("0", "1")
    "</pieces>\n<url>http://h/d/a</url>\n"
    "<url>http://o/a&amp;b'c/d/a</url>\n</file>\n"
    "<file name=\"d/e/&lt;&amp;&quot;&gt;'\">\n<size>0</size>\n"
    "<url>http://h/d/e/%3C%26%22%3E%27</url>\n"
    "<url>http://o/a&amp;b'c/d/e/%3C%26%22%3E%27</url>\n</file>\n"
    "<file name=\"d/f\">\n<size>32768</size>\n"
    "<pieces length=\"16384\" type=\"sha-1\">\n"
    HASH("2", "0") HASH("2", "1")
    "</pieces>\n<url>http://h/d/f</url>\n"
    "<url>http://o/a&amp;b'c/d/f</url>\n</file>\n"
    "<file name=\"d/g\">\n<size>5</size>\n"
    "<pieces length=\"16384\" type=\"sha-1\">\n"
    HASH("3", "0")
    "</pieces>\n<url>http://h/d/g</url>\n"
    "<url>http://o/a&amp;b'c/d/g</url>\n</file>\n"
    "<file name=\"d/\xc3\xa4\">\n<size>16385</size>\n"
    "<pieces length=\"16384\" type=\"sha-1\">\n"
    HASH("4", "0") HASH("4", "1")
    "</pieces>\n<url>http://h/d/%C3%A4</url>\n"
    "<url>http://o/a&amp;b'c/d/%C3%A4</url>\n</file>\n"
    "</metalink>\n";

static const char single[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\n"
    "<generator>pkgtorrentd/" VERSION "</generator>\n"
    "<file name=\"a b\">\n<size>20000</size>\n"
    "<pieces length=\"16384\" type=\"sha-1\">\n"
    HASH("0", "0") HASH("0", "1")
    "</pieces>\n<metaurl mediatype=\"torrent\">"
    "http://h/d%20d/t_s/single/d%20d/a%20b</metaurl>\n"
    "<url>http://h/d%20d/a%20b</url>\n"
    "<url>http://o/a&amp;b'c/d%20d/a%20b</url>\n</file>\n"
    "</metalink>\n";

/* Files with digests, and the Metalink made of them. */
struct rig {
	struct torrent_file	 files[5];
	uint8_t			 digests[5][3][SHA1_LEN];
	size_t			 n;
	struct metalink_size	 size;
	struct buf		 info;
	struct buf		 ends;
	struct metalink_parts	 parts;
};

static void
rig_add(struct rig *rig, const char *path, uint64_t size)
{
	size_t i = rig->n++, j;

	/* The digest with padding, after the others, is in no Metalink. */
	for (j = 0; j < 3; j++)
		memset(rig->digests[i][j], (int)(i << 4 |
		    (j < torrent_pieces(size, PIECE) ? j : 15)), SHA1_LEN);
	rig->files[i] = (struct torrent_file){ .path = path,
	    .path_len = strlen(path), .size = size,
	    .digests = rig->digests[i][0] };
}

/* The Metalink of the files, as a torrent remembers it; first NULL: of the only
   one. */
static void
rig_make(struct rig *rig, const char *first, bool attr)
{
	struct torrent_params params = { .piece_len = PIECE,
	    .padding_attr = attr, .service = "t_s" };

	metalink_measure(&rig->size, rig->files, rig->n, first != NULL, PIECE);
	ATF_REQUIRE_EQ(0, metalink_add_ends(&rig->ends, rig->files, rig->n,
	    PIECE));
	ATF_REQUIRE_EQ(0, torrent_info(&rig->info, &params, rig->files,
	    rig->n, first != NULL, UINT64_MAX));
	rig->parts = (struct metalink_parts){ .size = &rig->size,
	    .bases = bases, .nbases = 2, .service = "t_s", .first = first,
	    .info = rig->info.data, .info_len = rig->info.len,
	    .ends = rig->ends.data, .ends_len = rig->ends.len };
	if (first == NULL) {
		rig->parts.path = rig->files[0].path;
		rig->parts.path_len = rig->files[0].path_len;
	}
}

static void
rig_make_multi(struct rig *rig, bool attr)
{
	rig_add(rig, "/d/a", 20000);
	rig_add(rig, "/d/e/<&\">'", 0);
	rig_add(rig, "/d/f", 2 * PIECE);
	rig_add(rig, "/d/g", 5);
	rig_add(rig, "/d/\xc3\xa4", PIECE + 1);
	rig_make(rig, "d", attr);
}

/* Written in steps of this length, it is this. */
static void
rig_check(const struct rig *rig, size_t step, const char *text)
{
	struct metalink *m = metalink_new(&rig->parts);
	struct buf out = { 0 };
	int r;

	ATF_REQUIRE(m != NULL);
	ATF_CHECK_EQ(strlen(text), metalink_len(&rig->parts));
	while ((r = metalink_step(m, &out, step)) == 0)
		continue;
	ATF_CHECK_EQ(1, r);
	ATF_CHECK_MSG(out.len == strlen(text) &&
	    memcmp(out.data, text, out.len) == 0, "%.*s", (int)out.len,
	    out.data);
	metalink_free(m);
	buf_free(&out);
}

TEST(metalink__of_several)
{
	struct rig plain = { 0 }, attr = { 0 };

	rig_make_multi(&plain, false);
	rig_make_multi(&attr, true);
	ATF_CHECK(!plain.size.nameless);
	rig_check(&plain, SIZE_MAX / 2, multi);
	rig_check(&plain, 1, multi);
	rig_check(&plain, 100, multi);
	rig_check(&attr, 100, multi);
}

TEST(metalink__of_one)
{
	struct rig rig = { 0 };

	rig_add(&rig, "/d d/a b", 20000);
	rig_make(&rig, NULL, false);
	rig_check(&rig, 1, single);
	rig_check(&rig, SIZE_MAX / 2, single);
}

/* A part of a file is written where its pieces are many. */
TEST(metalink__in_steps)
{
	struct rig rig = { 0 };
	struct buf out = { 0 };
	struct metalink *m;
	uint8_t *digests = calloc(100001, SHA1_LEN);
	size_t steps = 0, before;

	rig_add(&rig, "/d/a", 0);
	rig.files[0].size = 100000ULL * PIECE;
	rig.files[0].digests = digests;
	rig_make(&rig, NULL, false);
	m = metalink_new(&rig.parts);
	ATF_REQUIRE(digests != NULL && m != NULL);
	do {
		before = out.len;
		steps++;
	} while (metalink_step(m, &out, 10000) == 0 &&
	    out.len - before < 11000);
	ATF_CHECK_EQ(metalink_len(&rig.parts), out.len);
	ATF_CHECK(steps > 500);
	metalink_free(m);
	buf_free(&out);
	free(digests);
}

TEST(metalink__names)
{
	static const char *const good[] = { "a", "a/b c", "\xc3\xa4",
		"\xef\xbf\xbd", "\xf4\x8f\xbf\xbf", "\xc2\x80", "&<>\"'" };
	static const char *const bad[] = { "", "\xff", "a\xc3", "\xed\xa0\x80",
		"\xc0\xaf", "a\x01", "a\x7f", "a\nb", "\xef\xbf\xbe",
		"\xef\xbf\xbf", "..\\a", "\xf4\x90\x80\x80" };
	struct rig rig = { 0 };

	EACH(name, good)
		ATF_CHECK_MSG(metalink_name_ok(*name, strlen(*name)), "%s",
		    *name);
	EACH(name, bad)
		ATF_CHECK_MSG(!metalink_name_ok(*name, strlen(*name)), "%s",
		    *name);
	/* A single file's directory is not in its name. */
	rig_add(&rig, "/\xff/a", 1);
	metalink_measure(&rig.size, rig.files, 1, false, PIECE);
	ATF_CHECK(!rig.size.nameless);
	metalink_measure(&rig.size, rig.files, 1, true, PIECE);
	ATF_CHECK(rig.size.nameless);
}

/* No length is less than the truth. */
TEST(metalink__overflow)
{
	struct rig rig = { 0 };
	size_t i;

	for (i = 0; i < 5; i++)
		rig_add(&rig, "/d/a", UINT64_MAX - i);
	metalink_measure(&rig.size, rig.files, 5, true, PIECE);
	rig.parts = (struct metalink_parts){ .size = &rig.size,
	    .bases = bases, .nbases = 2, .service = "s" };
	ATF_CHECK(metalink_len(&rig.parts) > UINT64_MAX / PIECE * 5 * 50);
	rig.size.pieces = rig.size.text = UINT64_MAX;
	ATF_CHECK_EQ(UINT64_MAX, metalink_len(&rig.parts));
}

/* A dictionary that ends within its list of files is an error. */
TEST(metalink__cut)
{
	struct rig rig = { 0 };
	struct buf out = { 0 };
	struct metalink *m;
	const uint8_t *list_end;
	size_t len;
	int r;

	rig_make_multi(&rig, false);
	list_end = memmem(rig.info.data, rig.info.len, "4:name1:d", 9);
	ATF_REQUIRE(list_end != NULL);
	for (len = 0; len < rig.info.len - 1; len++) {
		uint8_t *cut = malloc(len > 0 ? len : 1);

		ATF_REQUIRE(cut != NULL);
		memcpy(cut, rig.info.data, len);
		rig.parts.info = cut;
		rig.parts.info_len = len;
		m = metalink_new(&rig.parts);
		ATF_REQUIRE(m != NULL);
		while ((r = metalink_step(m, &out, 100)) == 0)
			continue;
		ATF_CHECK_EQ(rig.info.data + len < list_end ? -1 : 1, r);
		metalink_free(m);
		free(cut);
	}
	buf_free(&out);
}
