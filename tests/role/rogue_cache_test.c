/* SPDX-License-Identifier: ISC */
/*
 * A front that was broken into, as the cache meets it: wrong messages
 * are refused and reported, and every stored entry was true.
 */
#include "common/listing.h"
#include "tests/lib/cache_rig.h"
#include "tests/lib/lies.h"
#include "tests/lib/test.h"
#include "tests/lib/truth.h"

#define RANDOM		10000
#define CRAFTED		200

/*
 * A cache with a broken-in front: the messages about a few files that an honest
 * one would send, with their seals, to be spoilt.
 */

#define PIECE		16384U

static struct rogue		 front;
static struct cache_under_test	 c;	/* the same, for its helpers */

static const struct mirror_file files[] = {
	{ "/y/a", { 11, 3 * PIECE + 5, 1000, 2000, 0 } },
	{ "/y/a", { 11, 3 * PIECE + 5, 1001, 3000, 0 } },
	{ "/y/a", { 15, 4 * PIECE, 1002, 4000, 0 } },
	{ "/y/b", { 12, PIECE, 1000, 2000, 0 } },
	{ "/y/c", { 13, 20 * PIECE + 1, 1000, 2000, 0 } },
	{ "/y/empty", { 14, 0, 1000, 2000, 0 } },
};

#define FILES	(sizeof(files) / sizeof(files[0]))

static struct cache_under_test *
honest(void)
{
	c.front = front.ch;
	return &c;
}

static void
start_cache(void)
{
	ATF_REQUIRE_EQ(0, mkdir("cache", 0700));
	rogue_open_fds();
	rogue_start(&c.proc, ROLE_CACHE, "");
	front.honest = rogue_cache_answers;
	rogue_connect(&front, &c.proc, ROLE_FRONT, 3);
	ATF_REQUIRE(rogue_cache_answers(&front));
	c.buf = malloc(MSG_MAX);
	ATF_REQUIRE(c.buf != NULL);
}

/* As an honest front would say it, to be spoilt. */
struct said {
	enum msg_type	type;
	union {
		struct msg_put_pieces	pieces;
		struct msg_put_info	info;
	}		body;
	struct buf	tail;
};

static void
say(const struct said *said)
{
	rogue_say(&front, said->type, &said->body, msg_body_len(said->type),
	    said->tail.data, said->tail.len, NULL, 0);
}

static void
refused(const struct said *said, enum msg_fault fault, const char *what)
{
	say(said);
	rogue_refused(&front, said->type, fault, what);
}

static void
add_slice(struct said *said, const struct mirror_file *f, uint32_t first,
    uint32_t count)
{
	uint8_t *digests = make_digests(f, PIECE);
	struct msg_digests_item item = {
		.status = DIGESTS_OK, .first = first, .count = count,
		.identity = f->identity,
	};

	proc_seal_digests(f->path, strlen(f->path), &f->identity, PIECE, first,
	    count, digests + first * SHA1_LEN, item.seal);
	ATF_REQUIRE_EQ(0, buf_add(&said->tail, &item, sizeof(item)));
	ATF_REQUIRE_EQ(0, buf_add(&said->tail, digests + first * SHA1_LEN,
	    count * SHA1_LEN));
	said->body.pieces.slices++;
	free(digests);
}

/* Without slices so far. */
static void
begin_pieces(struct said *said, const struct mirror_file *f)
{
	size_t len = strlen(f->path);

	memset(&said->body, 0, sizeof(said->body));
	said->type = MSG_PUT_PIECES;
	said->body.pieces.piece_len = PIECE;
	said->body.pieces.path_len = (uint32_t)len;
	said->body.pieces.identity = f->identity;
	proc_seal_file(SEAL_WALKER_CACHE, f->path, len, &f->identity,
	    said->body.pieces.seal);
	said->tail.len = 0;
	ATF_REQUIRE_EQ(0, buf_add(&said->tail, f->path, len));
}

static void
say_pieces(struct said *said, const struct mirror_file *f)
{
	uint32_t n = (uint32_t)digests_of(f, PIECE);

	begin_pieces(said, f);
	if (n > 4)
		add_slice(said, f, 0, 2);
	add_slice(said, f, n > 4 ? 2 : 0, n > 4 ? n - 2 : n);
}

static void
say_listing(struct said *said, const char *spec,
    const struct mirror_file *f, uint32_t n)
{
	memset(&said->body, 0, sizeof(said->body));
	said->type = MSG_PUT_INFO;
	said->body.info.flags = PUT_SEALED;
	digest_of(spec, said->body.info.digest);
	said->tail.len = 0;
	list_spec(&said->tail, 0, spec, f, n);
	proc_seal_listing(&said->tail, said->body.info.seal);
}

/* Every byte of a part of it, one after another; a part of the tail begins
   where the body ends. */
static unsigned
refuse_bytes(struct said *said, size_t at, size_t len, enum msg_fault fault,
    const char *what)
{
	size_t body = msg_body_len(said->type), i;
	uint8_t *p;

	for (i = at; i < at + len; i++) {
		p = i < body ? (uint8_t *)&said->body + i :
		    said->tail.data + i - body;
		*p ^= 1;
		refused(said, fault, what);
		*p ^= 1;
	}
	return (unsigned)len;
}

static unsigned
refuse_word(struct said *said, size_t at, uint32_t value,
    enum msg_fault fault, const char *what)
{
	size_t body = msg_body_len(said->type);
	uint8_t *p = at < body ? (uint8_t *)&said->body + at :
	    said->tail.data + at - body;
	uint32_t saved;

	memcpy(&saved, p, sizeof(saved));
	memcpy(p, &value, sizeof(value));
	refused(said, fault, what);
	memcpy(p, &saved, sizeof(saved));
	return 1;
}

#define IN(type, field)	offsetof(struct msg_put_##type, field)
#define TAIL		sizeof(struct msg_put_pieces)
/* "/y/a", then the first slice. */
#define ITEM(field)	(TAIL + 4 + offsetof(struct msg_digests_item, field))
#define DIGESTS		(TAIL + 4 + sizeof(struct msg_digests_item))

static unsigned
refuse_pieces(void)
{
	static const struct {
		size_t		at;
		uint32_t	value;
		enum msg_fault	fault;
	} words[] = {
		{ IN(pieces, piece_len), 0, FAULT_CONTENT },
		{ IN(pieces, piece_len), 1, FAULT_CONTENT },
		{ IN(pieces, piece_len), 8192, FAULT_CONTENT },
		{ IN(pieces, piece_len), PIECE + 1, FAULT_CONTENT },
		{ IN(pieces, piece_len), 1U << 30, FAULT_CONTENT },
		{ IN(pieces, piece_len), 2 * PIECE, FAULT_SEAL },
		{ IN(pieces, path_len), 0, FAULT_CONTENT },
		{ IN(pieces, path_len), 3, FAULT_SEAL },
		{ IN(pieces, path_len), 5, FAULT_SEAL },
		{ IN(pieces, path_len), SPEC_MAX + 1, FAULT_CONTENT },
		{ IN(pieces, path_len), 1U << 30, FAULT_CONTENT },
		{ IN(pieces, path_len), UINT32_MAX, FAULT_CONTENT },
		{ IN(pieces, slices), 0, FAULT_CONTENT },
		{ IN(pieces, slices), 1, FAULT_CONTENT },
		{ IN(pieces, slices), 3, FAULT_CONTENT },
		{ IN(pieces, slices), 1U << 30, FAULT_CONTENT },
		{ IN(pieces, slices), UINT32_MAX, FAULT_CONTENT },
		{ ITEM(first), 1, FAULT_SEAL },
		{ ITEM(first), 2, FAULT_SEAL },
		{ ITEM(first), UINT32_MAX, FAULT_SEAL },
		{ ITEM(count), 0, FAULT_SEAL },
		{ ITEM(count), 1, FAULT_SEAL },
		{ ITEM(count), 3, FAULT_SEAL },
		{ ITEM(count), 1U << 30, FAULT_CONTENT },
		{ ITEM(count), UINT32_MAX, FAULT_CONTENT },
	};
	struct said said = { 0 };
	unsigned n = 0;
	size_t i;

	say_pieces(&said, &files[0]);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		n += refuse_word(&said, words[i].at, words[i].value,
		    words[i].fault, "a word of the pieces");
	n += refuse_bytes(&said, IN(pieces, identity),
	    sizeof(struct identity), FAULT_SEAL, "identity");
	n += refuse_bytes(&said, IN(pieces, seal), SEAL_LEN, FAULT_SEAL,
	    "the walker's seal");
	n += refuse_bytes(&said, TAIL, 4, FAULT_SEAL, "path");
	n += refuse_bytes(&said, ITEM(seal), SEAL_LEN, FAULT_SEAL,
	    "the hasher's seal");
	n += refuse_bytes(&said, DIGESTS, 2 * SHA1_LEN, FAULT_SEAL,
	    "digests");
	buf_free(&said.tail);
	return n;
}

/* Slices of files[0] by their first piece; those of its other versions. */
static unsigned
refuse_slices(void)
{
	static const struct {
		const char	*what;
		struct {
			int		file;
			uint32_t	first;
			uint32_t	count;
		}		 slices[3];
		enum msg_fault	 fault;
	} rows[] = {
		{ "a gap", { { 0, 0, 1 }, { 0, 2, 3 } }, FAULT_CONTENT },
		{ "no beginning", { { 0, 1, 4 } }, FAULT_CONTENT },
		{ "no end", { { 0, 0, 2 } }, FAULT_CONTENT },
		{ "no padded end", { { 0, 0, 4 } }, FAULT_CONTENT },
		{ "turned round", { { 0, 2, 3 }, { 0, 0, 2 } },
		    FAULT_CONTENT },
		{ "one twice", { { 0, 0, 2 }, { 0, 0, 2 }, { 0, 2, 3 } },
		    FAULT_CONTENT },
		{ "the end twice", { { 0, 0, 2 }, { 0, 2, 3 }, { 0, 2, 3 } },
		    FAULT_CONTENT },
		{ "another version", { { 0, 0, 2 }, { 1, 2, 3 } },
		    FAULT_SEAL },
		{ "all of another version", { { 1, 0, 5 } }, FAULT_SEAL },
		{ "another size", { { 2, 0, 4 } }, FAULT_SEAL },
		{ "another file", { { 3, 0, 1 }, { 0, 1, 4 } }, FAULT_SEAL },
	};
	struct said said = { 0 };
	size_t i, k;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin_pieces(&said, &files[0]);
		for (k = 0; k < 3 && rows[i].slices[k].count > 0; k++)
			add_slice(&said, &files[rows[i].slices[k].file],
			    rows[i].slices[k].first, rows[i].slices[k].count);
		refused(&said, rows[i].fault, rows[i].what);
	}
	/* A file in the middle of another. */
	say_pieces(&said, &files[0]);
	said.body.pieces.flags = PART_MORE;
	say(&said);
	say_pieces(&said, &files[3]);
	refused(&said, FAULT_CONTENT, "interleaved");
	/* A seal of one kind for another. */
	say_listing(&said, "/y/a", &files[0], 1);
	begin_pieces(&said, &files[0]);
	proc_seal_listing(&said.tail, said.body.pieces.seal);
	refused(&said, FAULT_SEAL, "a listing's seal");
	buf_free(&said.tail);
	return (unsigned)i + 2;
}

static unsigned
refuse_listings(void)
{
	struct said said = { 0 };
	unsigned n = 0;

	say_listing(&said, "/y/a", &files[0], 1);
	n += refuse_word(&said, IN(info, flags), 0, FAULT_SEAL, "no seal");
	n += refuse_word(&said, IN(info, piece), PIECE_KINDS, FAULT_CONTENT,
	    "another piece length");
	n += refuse_word(&said, IN(info, piece), UINT32_MAX, FAULT_CONTENT,
	    "another piece length");
	n += refuse_bytes(&said, IN(info, digest), SHA1_LEN, FAULT_CONTENT,
	    "digest");
	n += refuse_bytes(&said, IN(info, seal), SEAL_LEN, FAULT_SEAL,
	    "seal of a listing");
	n += refuse_bytes(&said, sizeof(struct msg_put_info), said.tail.len,
	    FAULT_SEAL, "listing");
	said.body.info.flags |= PART_MORE;
	say(&said);
	say_listing(&said, "/y/b", &files[3], 1);
	refused(&said, FAULT_CONTENT, "interleaved");
	say_listing(&said, "/y/b", NULL, 0);
	said.tail.len = 0;
	n += refuse_word(&said, IN(info, flags), PUT_SEALED, FAULT_CONTENT,
	    "nothing sealed");
	buf_free(&said.tail);
	return n + 1;
}

static unsigned
refuse_questions(void)
{
	static const uint32_t piece_lens[] = {
		0, 1, 8192, PIECE + 1, 1U << 30, UINT32_MAX,
	};
	static const uint32_t lens[] = {
		0, 3, 5, SPEC_MAX + 1, 1U << 30, UINT32_MAX,
	};
	static const uint32_t counts[] = { 0, 2, 33, 1U << 30, UINT32_MAX };
	struct msg_get_pieces body = { .id = 1, .piece_len = PIECE };
	struct msg_touch touch = { 0 };
	struct msg_get_info info = { 0 };
	struct {
		struct msg_file	file;
		char		path[4];
	} ask = { { 0, 4, files[0].identity }, { '/', 'y', '/', 'a' } };
	unsigned i, n = 0;

	for (i = 0; i < 17; i++, n++) {
		body.piece_len = i < 6 ? piece_lens[i] : PIECE;
		ask.file.len = i >= 6 && i < 12 ? lens[i - 6] : 4;
		body.count = i >= 12 ? counts[i - 12] : 1;
		rogue_say(&front, MSG_GET_PIECES, &body, sizeof(body), &ask,
		    sizeof(ask.file) + 4, NULL, 0);
		rogue_refused(&front, MSG_GET_PIECES, FAULT_CONTENT,
		    "a question");
	}
	for (i = 0; i < 6; i++, n++) {
		touch.piece_len = piece_lens[i];
		rogue_say(&front, MSG_TOUCH, &touch, sizeof(touch), "/y/a", 4,
		    NULL, 0);
		rogue_refused(&front, MSG_TOUCH, FAULT_CONTENT, "a touch");
	}
	touch.piece_len = PIECE;
	rogue_say(&front, MSG_TOUCH, &touch, sizeof(touch), NULL, 0, NULL, 0);
	rogue_refused(&front, MSG_TOUCH, FAULT_CONTENT, "a touch of nothing");
	touch.piece_len = 0;
	touch.piece = info.piece = PIECE_KINDS;
	rogue_say(&front, MSG_TOUCH, &touch, sizeof(touch), NULL, 0, NULL, 0);
	rogue_refused(&front, MSG_TOUCH, FAULT_CONTENT, "a touch of a kind");
	rogue_say(&front, MSG_GET_INFO, &info, sizeof(info), NULL, 0, NULL, 0);
	rogue_refused(&front, MSG_GET_INFO, FAULT_CONTENT, "info of a kind");
	return n + 3;
}

/* The digests that may be in the cache at the end. */
static const uint8_t *
true_digests(const char *path, size_t len, const struct identity *id,
    uint32_t piece_len)
{
	static uint8_t *digests[FILES];
	size_t i;

	for (i = 0; i < FILES; i++) {
		if (strlen(files[i].path) != len || piece_len != PIECE ||
		    memcmp(files[i].path, path, len) != 0 ||
		    !identity_same(id, &files[i].identity))
			continue;
		if (digests[i] == NULL)
			digests[i] = make_digests(&files[i], PIECE);
		return digests[i];
	}
	return NULL;
}

/* Which specs name which of the files. */
static const struct {
	const char	*spec;
	uint32_t	 first;
	uint32_t	 n;
} said_specs[] = {
	{ "/y/a", 0, 1 }, { "/y/a", 1, 1 }, { "/y/a", 2, 1 },
	{ "/y/*", 2, 4 }, { "/y/b", 3, 1 }, { "/y/[bc]", 3, 2 },
	{ "/y/none", 0, 0 },
};

#define SPECS	(sizeof(said_specs) / sizeof(said_specs[0]))

static bool
true_record(const void *record, size_t len)
{
	struct buf b = { 0 };
	bool same = false;
	size_t i;

	for (i = 0; i < SPECS && !same; i++) {
		b.len = 0;
		list_spec(&b, 0, said_specs[i].spec,
		    &files[said_specs[i].first], said_specs[i].n);
		same = b.len == len && memcmp(b.data, record, len) == 0;
	}
	buf_free(&b);
	return same;
}

static struct truth all_of_it = { true_digests, true_record, 0, 0 };

TEST(cache__crafted)
{
	unsigned n;

	start_cache();
	n = rogue_try_table(&front);
	n += refuse_pieces();
	n += refuse_slices();
	n += refuse_listings();
	n += refuse_questions();
	ATF_CHECK_MSG(n >= CRAFTED, "%u messages", n);
	ATF_CHECK_EQ(n, c.proc.reports);
	truth_check(&all_of_it);
	ATF_CHECK_EQ(0, all_of_it.pieces + all_of_it.infos);
	put_pieces(honest(), &files[0], PIECE, 16, NULL);
	ATF_CHECK_EQ(5, get_pieces(honest(), &files[0], PIECE));
	proc_stop(&c.proc);
}

static size_t
tell(uint8_t *bytes)
{
	static struct said said;
	struct msg_header head;
	size_t i, body;

	if (any(2) == 0) {
		say_pieces(&said, &files[any(FILES - 1)]);
	} else {
		i = any(SPECS);
		say_listing(&said, said_specs[i].spec,
		    &files[said_specs[i].first], said_specs[i].n);
	}
	body = msg_body_len(said.type);
	head.type = said.type;
	head.len = (uint32_t)(body + said.tail.len);
	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), &said.body, body);
	memcpy(bytes + sizeof(head) + body, said.tail.data, said.tail.len);
	return sizeof(head) + head.len;
}

TEST(cache__random)
{
	start_cache();
	front.honestly = tell;
	rogue_random(&front, RANDOM);
	truth_check(&all_of_it);
	/* /y/a, b and c; by their names, and the two patterns. */
	ATF_CHECK_EQ(3, all_of_it.pieces);
	ATF_CHECK(all_of_it.infos > 1);
	proc_stop(&c.proc);
}

/* An old truth may be told again; it is never taken for the new one. */
TEST(cache__replay)
{
	struct buf listing = { 0 }, info = { 0 };
	struct listing_reader r;
	struct said said = { 0 };
	uint8_t digest[SHA1_LEN];
	uint32_t i, k;

	start_cache();
	digest_of("/y/a", digest);
	for (i = 0; i < 300; i++) {
		k = any(3);
		say_pieces(&said, &files[k]);
		say(&said);
		say_listing(&said, "/y/a", &files[any(3)], 1);
		say(&said);
		/* Their digests are compared there. */
		ATF_REQUIRE_EQ(digests_of(&files[k], PIECE),
		    get_pieces(honest(), &files[k], PIECE));
		ATF_REQUIRE_EQ(0, get_pieces(honest(), &files[(k + 1) % 3],
		    PIECE));
		if (get_info(honest(), digest, &listing, &info) == 0)
			continue;
		/* It was true of the version that it names. */
		listing_open(&r, listing.data, listing.len);
		ATF_REQUIRE_EQ(1, listing_next_spec(&r));
		ATF_REQUIRE(true_record(listing.data, listing.len));
	}
	truth_check(&all_of_it);
	ATF_CHECK_EQ(1, all_of_it.pieces);
	ATF_CHECK_EQ(1, all_of_it.infos);
	buf_free(&said.tail);
	proc_stop(&c.proc);
}

/* Names that a walker never gives, with seals that are good. */
TEST(cache__names)
{
	static const char *const paths[] = {
		"/../x", "/../../x", "/y/../../../x", "..", "/..", "x", "/",
		"//x", "/./x", "/y/\nx/..", "/../info/x", "/../cache/info/x",
	};
	struct mirror_file f = { .identity = files[3].identity };
	struct said said = { 0 };
	size_t i;

	start_cache();
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		f.path = paths[i];
		say_pieces(&said, &f);
		/* Without a slash it belongs to no root. */
		if (paths[i][0] != '/') {
			refused(&said, FAULT_SEAL, paths[i]);
			continue;
		}
		say(&said);
		ATF_CHECK(rogue_cache_answers(&front));
		say_listing(&said, paths[i], &f, 1);
		say(&said);
		(void)rogue_cache_answers(&front);
		proc_hear(&c.proc);
		if (front.ch.fd == -1)
			rogue_connect(&front, &c.proc, ROLE_FRONT, 3);
		c.proc.settled = c.proc.reports;
	}
	truth_check(&all_of_it);
	ATF_CHECK_EQ(0, all_of_it.pieces + all_of_it.infos);
	ATF_CHECK_EQ(-1, access("x", F_OK));
	ATF_CHECK_EQ(-1, access("cache/x", F_OK));
	/* Packs that had no file are not there, and nothing else is. */
	ATF_CHECK_EQ(0, system("test -z \"$(find cache/pieces -type f)\""));
	buf_free(&said.tail);
	proc_stop(&c.proc);
}
