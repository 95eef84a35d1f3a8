/* SPDX-License-Identifier: ISC */
/*
 * Packs as bytes: what is damaged costs its own record at most.
 */
#include "common/listing.h"
#include "common/seal.h"
#include "common/torrent.h"
#include "pkgtorrentd/cache/pack.h"
#include "tests/lib/test.h"

#define PIECE	16384U
#define DIR	"/fedora/x86_64"
#define N	5
#define DAYS	20000

static const struct pack_id id = { { 0xab, 1, 2, 3 }, PIECE };
static char long_name[PACK_FILE_MAX + 1];

/* Names of one byte, of the most bytes, and of bytes of any kind. */
static const struct {
	const char	*name;
	uint64_t	 size;
} files[N] = {
	{ "a", 1 }, { long_name, 3 * PIECE + 5 }, { "b\n\xa1\xff", PIECE },
	{ "primary.xml.gz", 7 * PIECE + 1 }, { "cc", 100 },
};

static struct buf	b;
static uint64_t		starts[N + 1];	/* of records; the end */
static uint8_t		digests[N][16 * SHA1_LEN];

static struct pack_list
list_of(unsigned i)
{
	struct pack_list list = {
		.name = files[i].name,
		.name_len = strlen(files[i].name),
		.identity = { i + 1, files[i].size, 1000000000LL * i,
		    -5 + (int64_t)i, 0 },
		.digests = digests[i],
		.count = torrent_digests(files[i].size, PIECE),
	};
	size_t k;

	ATF_REQUIRE(list.count <= 16);
	for (k = 0; k < sizeof(digests[i]); k++)
		digests[i][k] = (uint8_t)(k * 7 + i * 31);
	return list;
}

static void
build(void)
{
	struct pack_list list;
	unsigned i;

	memset(long_name, 'n', PACK_FILE_MAX);
	b.len = 0;
	ATF_REQUIRE_EQ(0, pack_add_head(&b, &id, DIR, strlen(DIR)));
	for (i = 0; i < N; i++) {
		starts[i] = b.len;
		list = list_of(i);
		ATF_REQUIRE_EQ(0, pack_add(&b, &id, &list,
		    (uint16_t)(DAYS + i)));
	}
	starts[N] = b.len;
}

/* The number of the file whose list this is, of all its bytes. */
static unsigned
number_of(const struct pack_list *list)
{
	unsigned i;

	for (i = 0; i < N; i++)
		if (list->name_len == strlen(files[i].name) &&
		    memcmp(list->name, files[i].name, list->name_len) == 0)
			break;
	ATF_REQUIRE(i < N);
	ATF_REQUIRE(identity_same(&list->identity,
	    &(struct identity){ i + 1, files[i].size, 1000000000LL * i,
	    -5 + (int64_t)i, 0 }));
	ATF_REQUIRE_EQ(torrent_digests(files[i].size, PIECE), list->count);
	ATF_REQUIRE(memcmp(list->digests, digests[i],
	    (size_t)list->count * SHA1_LEN) == 0);
	return i;
}

/* Reads a pack as the cache does, in memory of exactly that length, so that a
   read past it is found.  Returns the files whose lists are whole: bits. */
static unsigned
walk(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len + 1), *p = copy + 1;
	struct pack_record r;
	struct pack_head head;
	struct pack_list list;
	enum pack_found found;
	unsigned whole = 0;
	size_t at;

	ATF_REQUIRE(copy != NULL);
	memcpy(p, data, len);
	at = pack_check_head(p, len, &id, &head) == PACK_GOOD ? head.len :
	    PACK_ALIGN;
	while (at < len) {
		found = pack_find(p + at, len - at, &id, &r);
		if (found != PACK_RECORD || r.len > len - at) {
			at += PACK_ALIGN;
			continue;
		}
		if (pack_read(p + at, &r, &id, &list))
			whole |= 1U << number_of(&list);
		at += (size_t)r.len;
	}
	free(copy);
	return whole;
}

#define ALL	((1U << N) - 1)

TEST(pack__is_read_back)
{
	struct pack_record r;
	struct pack_head head;
	unsigned i;

	build();
	ATF_REQUIRE_EQ(PACK_GOOD, pack_check_head(b.data, b.len, &id, &head));
	ATF_CHECK_EQ(strlen(DIR), head.dir_len);
	ATF_CHECK(memcmp(DIR, head.dir, head.dir_len) == 0);
	ATF_CHECK_EQ(starts[0], head.len);
	ATF_CHECK(head.len <= PACK_HEAD_MAX);
	for (i = 0; i < N; i++) {
		ATF_REQUIRE_EQ(PACK_RECORD, pack_find(b.data + starts[i],
		    b.len - starts[i], &id, &r));
		ATF_CHECK_EQ(DAYS + i, r.day);
		ATF_CHECK_EQ(starts[i + 1] - starts[i], r.len);
		ATF_CHECK_EQ(0, starts[i] % PACK_ALIGN);
	}
	ATF_CHECK_EQ(ALL, walk(b.data, b.len));
}

/* The beginning is enough to find a record: PACK_PEEK bytes at most. */
TEST(pack__tells_how_much_it_needs)
{
	struct pack_record r;
	size_t need, n;
	unsigned i;

	build();
	for (i = 0; i < N; i++) {
		need = PACK_RECORD_MIN + strlen(files[i].name);
		ATF_CHECK(need <= PACK_PEEK);
		for (n = 0; n <= need; n++)
			ATF_REQUIRE_EQ(n < need ? PACK_SHORT : PACK_RECORD,
			    pack_find(b.data + starts[i], n, &id, &r));
	}
	/* What is no record needs no more. */
	ATF_CHECK_EQ(PACK_JUNK, pack_find((const uint8_t *)"", 1, &id, &r));
}

/* Of which record is this byte?  N: of none. */
static unsigned
owner_of(size_t at)
{
	unsigned i;

	for (i = 0; i < N; i++)
		if (at >= starts[i] && at < starts[i + 1])
			return i;
	return N;
}

static size_t
padding_of(unsigned i)
{
	size_t len = PACK_RECORD_MIN + strlen(files[i].name) +
	    (size_t)torrent_digests(files[i].size, PIECE) * SHA1_LEN + 8;

	return (size_t)(starts[i + 1] - starts[i]) - len;
}

TEST(pack__with_any_bit_flipped_loses_that_record_only)
{
	size_t at, bit, in;
	unsigned i, whole, free_of_charge;

	build();
	for (at = 0; at < b.len; at++)
		for (bit = 0; bit < 8; bit++) {
			b.data[at] ^= (uint8_t)(1U << bit);
			whole = walk(b.data, b.len);
			b.data[at] ^= (uint8_t)(1U << bit);
			i = owner_of(at);
			in = i == N ? 0 : at - (size_t)starts[i];
			/* The head, the day and the padding. */
			free_of_charge = i == N || in == PACK_DAY_AT ||
			    in == PACK_DAY_AT + 1 ||
			    starts[i + 1] - at <= padding_of(i);
			ATF_REQUIRE_EQ_MSG(free_of_charge ? ALL :
			    ALL & ~(1U << i), whole, "bit %zu of byte %zu, "
			    "%zu of record %u", bit, at, in, i);
		}
}

/* Several bytes, of one record. */
TEST(pack__with_bytes_lost_loses_that_record_only)
{
	static const uint8_t fills[] = { 0, 0xff, 0xa1, 'x' };
	uint8_t saved[64];
	size_t at, n;
	unsigned i, k, whole;

	build();
	for (i = 0; i < N; i++)
		for (at = starts[i] + PACK_DAY_AT + 2; at < starts[i + 1];
		    at += 3) {
			n = starts[i + 1] - at < 64 ? starts[i + 1] - at : 64;
			k = (unsigned)at % 4;
			memcpy(saved, b.data + at, n);
			memset(b.data + at, fills[k], n);
			whole = walk(b.data, b.len);
			memcpy(b.data + at, saved, n);
			ATF_REQUIRE_EQ_MSG(ALL, whole | 1U << i,
			    "%zu bytes at %zu", n, at);
		}
}

TEST(pack__cut_anywhere_keeps_what_is_before)
{
	unsigned i, expected;
	size_t n;

	build();
	for (n = 0; n <= b.len; n++) {
		expected = 0;
		for (i = 0; i < N; i++)
			expected |= (unsigned)(starts[i + 1] <= n) << i;
		ATF_REQUIRE_EQ_MSG(expected, walk(b.data, n), "%zu bytes", n);
	}
}

/* Begins at any byte. */
TEST(pack__begun_anywhere_keeps_what_is_behind)
{
	unsigned i, expected;
	size_t n;

	build();
	for (n = PACK_ALIGN; n < b.len; n += PACK_ALIGN) {
		expected = 0;
		/* A record in the place of the head is not looked for. */
		for (i = 0; i < N; i++)
			expected |= (unsigned)(starts[i] > n) << i;
		ATF_REQUIRE_EQ_MSG(expected, walk(b.data + n, b.len - n),
		    "from %zu on", n);
	}
}

static void
junk(uint8_t *p, size_t n, unsigned kind)
{
	struct pack_record r;
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = kind == 0 ? 0 : kind == 1 ? 0xa1 : kind == 2 ? 0xff :
		    (uint8_t)(i * 73 + n);
	/* The beginning of a record that has been. */
	if (kind == 4)
		memcpy(p, b.data + starts[1], n);
	(void)pack_find(p, n, &id, &r);
}

/* At the end it may be any number of bytes, between records one that keeps the
   others where records can be. */
TEST(pack__with_foreign_bytes_loses_nothing)
{
	static uint8_t data[4096];
	unsigned i, kind;
	size_t n, at;

	build();
	ATF_REQUIRE(b.len + 64 <= sizeof(data));
	for (i = 0; i <= N; i++)
		for (n = 1; n <= 64; n++)
			for (kind = 0; kind < 5; kind++) {
				if (i < N && n % PACK_ALIGN != 0)
					continue;
				at = (size_t)starts[i];
				memcpy(data, b.data, at);
				junk(data + at, n, kind);
				memcpy(data + at + n, b.data + at,
				    b.len - at);
				ATF_REQUIRE_EQ_MSG(ALL,
				    walk(data, b.len + n), "%zu bytes of kind "
				    "%u at %zu", n, kind, at);
			}
}

TEST(record__in_another_pack_is_nothing)
{
	struct pack_id other_dir = id, other_len = id;
	struct pack_head head;
	struct pack_record r;
	size_t at;

	build();
	other_dir.key[31] ^= 1;
	other_len.piece_len *= 2;
	ATF_CHECK_EQ(PACK_DAMAGED, pack_check_head(b.data, b.len, &other_dir,
	    &head));
	ATF_CHECK_EQ(PACK_DAMAGED, pack_check_head(b.data, b.len, &other_len,
	    &head));
	for (at = 0; at < b.len; at += PACK_ALIGN) {
		ATF_CHECK(pack_find(b.data + at, b.len - at, &other_dir,
		    &r) != PACK_RECORD);
		ATF_CHECK(pack_find(b.data + at, b.len - at, &other_len,
		    &r) != PACK_RECORD);
	}
}

/* The checksum has the identifier, too. */
TEST(record__of_another_pack_is_damaged)
{
	struct pack_id other = id;
	struct pack_record r;
	struct pack_list list;

	build();
	ATF_REQUIRE_EQ(PACK_RECORD, pack_find(b.data + starts[1],
	    b.len - starts[1], &id, &r));
	ATF_CHECK(pack_read(b.data + starts[1], &r, &id, &list));
	other.key[0] ^= 1;
	ATF_CHECK(!pack_read(b.data + starts[1], &r, &other, &list));
}

TEST(head__that_is_wrong_is_told)
{
	static const struct {
		size_t		at;
		enum pack_fault	fault;
	} rows[] = {
		{ 0, PACK_ALIEN }, { 7, PACK_ALIEN }, { 8, PACK_FORMAT },
		{ 12, PACK_DAMAGED }, { 16, PACK_DAMAGED },
		{ 19, PACK_DAMAGED }, { 20, PACK_DAMAGED },
		{ 35, PACK_DAMAGED }, { 40, PACK_DAMAGED },
		{ 40 + sizeof(DIR) - 2, PACK_DAMAGED },
	};
	struct pack_head head;

	build();
	EACH(row, rows) {
		b.data[row->at] ^= 1;
		ATF_CHECK_EQ_MSG(row->fault, pack_check_head(b.data, b.len,
		    &id, &head), "byte %zu", row->at);
		b.data[row->at] ^= 1;
	}
	ATF_CHECK_EQ(PACK_GOOD, pack_check_head(b.data, (size_t)starts[0],
	    &id, &head));
	ATF_CHECK_EQ(PACK_DAMAGED, pack_check_head(b.data,
	    (size_t)starts[0] - 1, &id, &head));
	ATF_CHECK_EQ(PACK_ALIEN, pack_check_head(b.data, 39, &id, &head));
	ATF_CHECK_EQ(PACK_ALIEN, pack_check_head(b.data, 0, &id, &head));
}

/* The top of a root has no path, and a path may have SPEC_MAX bytes. */
TEST(head__has_any_directory)
{
	static const size_t lens[] = { 0, 1, 255, SPEC_MAX };
	static char dir[SPEC_MAX];
	struct pack_head head;

	memset(dir, 'd', sizeof(dir));
	EACH(len, lens) {
		b.len = 0;
		ATF_REQUIRE_EQ(0, pack_add_head(&b, &id, dir, *len));
		ATF_CHECK(b.len <= PACK_HEAD_MAX);
		ATF_REQUIRE_EQ(PACK_GOOD, pack_check_head(b.data, b.len, &id,
		    &head));
		ATF_CHECK_EQ(*len, head.dir_len);
		ATF_CHECK_EQ(b.len, head.len);
	}
}

/* Written by another version: its fields may mean anything. */
TEST(record__of_another_format_is_nothing)
{
	struct pack_record r;

	build();
	b.data[starts[0]]++;
	ATF_CHECK_EQ(PACK_JUNK, pack_find(b.data + starts[0],
	    b.len - starts[0], &id, &r));
	ATF_CHECK_EQ(ALL & ~1U, walk(b.data, b.len));
}

/* A list of another length than the file's would make a wrong torrent; and no
   size makes a length that is less than it was. */
TEST(record__of_another_length_is_nothing)
{
	static const uint64_t sizes[] = {
		0, 1, PIECE, 8 * PIECE, 1ULL << 40, 1ULL << 46, 1ULL << 47,
		1ULL << 62, UINT64_MAX - 1, UINT64_MAX,
	};
	struct pack_list list, got;
	struct pack_record r;
	enum pack_found found;

	build();
	EACH(size, sizes) {
		list = list_of(1);
		list.identity.size = *size;
		b.len = 0;
		ATF_REQUIRE_EQ(0, pack_add(&b, &id, &list, DAYS));
		found = pack_find(b.data, b.len, &id, &r);
		ATF_CHECK_MSG(found != PACK_RECORD || r.len != b.len ||
		    !pack_read(b.data, &r, &id, &got), "size %ju",
		    (uintmax_t)*size);
		ATF_CHECK(found != PACK_RECORD || r.len / SHA1_LEN >=
		    *size / PIECE);
	}
}

/* A file without digests is not stored, but would do no harm. */
TEST(record__may_have_no_digests)
{
	struct pack_list list = { .name = "n", .name_len = 1 }, got;
	struct pack_record r;

	b.len = 0;
	ATF_REQUIRE_EQ(0, pack_add(&b, &id, &list, 0));
	ATF_REQUIRE_EQ(PACK_RECORD, pack_find(b.data, b.len, &id, &r));
	ATF_CHECK_EQ(b.len, r.len);
	ATF_CHECK(pack_read(b.data, &r, &id, &got));
	ATF_CHECK_EQ(0, got.count);
}

/* An imported record of a file, behind one that was hashed here. */
static struct pack_record
build_imported(struct pack_list *list)
{
	struct pack_record r;

	build();
	*list = list_of(3);
	list->imported = true;
	list->identity.ino = 0x1122334455667788;
	list->identity.ctime_ns = 0x0123456789abcdef;
	ATF_REQUIRE_EQ(0, pack_add(&b, &id, list, DAYS));
	ATF_REQUIRE_EQ(PACK_RECORD, pack_find(b.data + starts[N],
	    b.len - starts[N], &id, &r));
	return r;
}

TEST(imported__is_read_back)
{
	struct pack_list list, got;
	struct pack_record r = build_imported(&list);

	ATF_CHECK(r.imported);
	ATF_CHECK_EQ(b.len - starts[N], r.len);
	ATF_REQUIRE(pack_read(b.data + starts[N], &r, &id, &got));
	ATF_CHECK(got.imported);
	ATF_CHECK_EQ(list.identity.size, got.identity.size);
	ATF_CHECK_EQ(list.identity.mtime_ns, got.identity.mtime_ns);
	ATF_CHECK(memcmp(digests[3], got.digests, 16) != 0);
	pack_unmask(b.data + starts[N], &got);
	ATF_CHECK(memcmp(digests[3], got.digests, (size_t)got.count *
	    SHA1_LEN) == 0);
	/* The others are as they were, without a mark. */
	b.len = (size_t)starts[N];
	ATF_CHECK_EQ(ALL, walk(b.data, b.len));
}

/* Neither mark becomes the other one by a change of its byte. */
TEST(imported__keeps_its_mark)
{
	struct pack_list list;
	struct pack_record r = build_imported(&list);

	ATF_CHECK(r.imported);
	b.data[starts[N]] = b.data[starts[0]];
	ATF_CHECK_EQ(PACK_JUNK, pack_find(b.data + starts[N],
	    b.len - starts[N], &id, &r));
}

/* Their writer can have made them a record of this pack, and in the bytes after
   a damaged record the next one is looked for. */
TEST(imported__has_no_record_in_its_digests)
{
	struct pack_list list, inner = list_of(0);
	struct buf forged = { 0 };
	unsigned whole;

	build_imported(&list);
	b.len = (size_t)starts[N];
	ATF_REQUIRE_EQ(0, pack_add(&forged, &id, &inner, DAYS));
	ATF_REQUIRE(forged.len <= list.count * SHA1_LEN);
	list.digests = calloc(list.count, SHA1_LEN);
	ATF_REQUIRE(list.digests != NULL);
	/* With a name that lets the digests begin where records do. */
	list.name_len = 12;
	memcpy((uint8_t *)(uintptr_t)list.digests, forged.data, forged.len);
	ATF_REQUIRE_EQ(0, pack_add(&b, &id, &list, DAYS));
	whole = walk(b.data + starts[N] + PACK_ALIGN, b.len - starts[N] -
	    PACK_ALIGN);
	ATF_CHECK_EQ(0, whole);
	/* It is the mask that keeps it from being found. */
	list.imported = false;
	b.len = (size_t)starts[N];
	ATF_REQUIRE_EQ(0, pack_add(&b, &id, &list, DAYS));
	whole = walk(b.data + starts[N] + PACK_ALIGN, b.len - starts[N] -
	    PACK_ALIGN);
	ATF_CHECK_EQ(1, whole);
}

static int
split(const char *path, size_t len)
{
	size_t dir_len;

	return pack_split(path, len, &dir_len);
}

TEST(path__is_split)
{
	static const struct {
		const char	*path;
		size_t		 dir_len;
	} rows[] = {
		{ "/a", 0 }, { "/a/b", 2 }, { "/a/.b", 2 }, { "/...", 0 },
		{ "/fedora/x/a.rpm", 9 }, { "/a\n/.b", 3 }, { "/..a/b..", 4 },
	};
	size_t dir_len;

	EACH(row, rows) {
		ATF_REQUIRE_EQ_MSG(0, pack_split(row->path,
		    strlen(row->path), &dir_len), "%s", row->path);
		ATF_CHECK_EQ_MSG(row->dir_len, dir_len, "%s", row->path);
	}
}

TEST(path__without_a_place_is_refused)
{
	static const char *const bad[] = {
		"", "/", "a", "a/b", "//a", "/a/", "/a//b", "/.", "/..",
		"/a/./b", "/a/../b", "/a/..", "..", "../a", "/./a", "/../a",
	};
	char path[SPEC_MAX + 1];
	size_t i;

	EACH(each, bad)
		ATF_CHECK_MSG(split(*each, strlen(*each)) == -1, "%s", *each);
	ATF_CHECK_EQ(-1, split("/a\0b", 4));
	ATF_CHECK_EQ(-1, split("/a\0/b", 5));
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	ATF_CHECK_EQ(0, split(path, PACK_FILE_MAX + 1));
	ATF_CHECK_EQ(-1, split(path, PACK_FILE_MAX + 2));
	path[PACK_FILE_MAX + 1] = '/';
	ATF_CHECK_EQ(0, split(path, PACK_FILE_MAX + 3));
	path[PACK_FILE_MAX + 1] = 'a';
	path[PACK_FILE_MAX + 2] = '/';
	ATF_CHECK_EQ(-1, split(path, PACK_FILE_MAX + 4));
	memset(path, 'a', sizeof(path));
	for (i = 0; i < sizeof(path); i += 2)
		path[i] = '/';
	ATF_CHECK_EQ(0, split(path, SPEC_MAX - 1));
	memset(path, 'a', sizeof(path));
	for (i = 0; i < sizeof(path); i += 100)
		path[i] = '/';
	ATF_CHECK_EQ(0, split(path, SPEC_MAX));
	ATF_CHECK_EQ(-1, split(path, SPEC_MAX + 1));
}

#define HEX	"0102030000000000000000000000000000000000000000000000000000" \
		"0000"

TEST(name__lies_where_the_manual_says)
{
	char name[PACK_NAME_LEN];

	pack_name(name, &id);
	ATF_CHECK_STREQ("pieces/ab/ab" HEX ".16384", name);
	pack_name(name, &(struct pack_id){ { 0 }, 1U << 24 });
	ATF_CHECK(strlen(name) < PACK_NAME_LEN);
}

TEST(name__is_read_in_one_spelling)
{
	static const struct {
		const char	*dir;
		const char	*last;
	} bad[] = {
		{ "ac", "ab" HEX ".16384" }, { "a", "ab" HEX ".16384" },
		{ "", "ab" HEX ".16384" }, { "abc", "ab" HEX ".16384" },
		{ "ab", "" }, { "ab", "a" }, { "ab", "ab" },
		{ "ab", "ab" HEX }, { "ab", "ab" HEX "." },
		{ "ab", "aB" HEX ".16384" }, { "aB", "aB" HEX ".16384" },
		{ "ab", "ab" HEX "16384" }, { "ab", "ab" HEX "0.16384" },
		{ "ab", "ab" HEX ".016384" }, { "ab", "ab" HEX ".+16384" },
		{ "ab", "ab" HEX ". 16384" }, { "ab", "ab" HEX ".16384 " },
		{ "ab", "ab" HEX ".16384x" }, { "ab", "ab" HEX ".16385" },
		{ "ab", "ab" HEX ".0" }, { "ab", "ab" HEX ".-16384" },
		{ "ab", "ab" HEX ".33554432" },
		{ "ab", "ab" HEX ".4294983680" },
		{ "ab", "ag" HEX ".16384" },
	};
	struct pack_id got;

	ATF_REQUIRE(pack_read_name("ab", "ab" HEX ".16384", &got));
	ATF_CHECK(memcmp(&got, &id, sizeof(id)) == 0);
	ATF_CHECK(pack_read_name("ab", "ab" HEX ".16777216", &got));
	EACH(row, bad)
		ATF_CHECK_MSG(!pack_read_name(row->dir, row->last, &got),
		    "%s/%s", row->dir, row->last);
}

TEST(day__is_since_1970)
{
	const int64_t day_ns = 86400LL * 1000000000;

	ATF_CHECK_EQ(0, pack_day(0));
	ATF_CHECK_EQ(0, pack_day(day_ns - 1));
	ATF_CHECK_EQ(1, pack_day(day_ns));
	ATF_CHECK_EQ(0, pack_day(-day_ns * 5));
	ATF_CHECK_EQ(0, pack_day(INT64_MIN));
	ATF_CHECK_EQ(20000, pack_day(20000 * day_ns + 7));
	ATF_CHECK(pack_day(INT64_MAX) > 60000);
}

/* The same with one salt, another with another, and of every byte and the
   length. */
TEST(hash__is_of_salt_and_name)
{
	char name[2][40];
	size_t i;

	ATF_CHECK_EQ(pack_hash(1, "abc", 3), pack_hash(1, "abc", 3));
	ATF_CHECK(pack_hash(1, "abc", 3) != pack_hash(2, "abc", 3));
	ATF_CHECK(pack_hash(1, "a", 1) != pack_hash(1, "a\0", 2));
	memset(name, 'n', sizeof(name));
	for (i = 0; i < sizeof(name[1]); i++) {
		name[1][i]++;
		ATF_CHECK(pack_hash(7, name[0], sizeof(name[0])) !=
		    pack_hash(7, name[1], sizeof(name[1])));
		name[1][i]--;
	}
}
