/*
 * A cache with a broken-in front: what an honest one would have it remember
 * of a few files, with the seals, to be spoilt.
 */
#ifndef ROGUE_SAID_H
#define ROGUE_SAID_H

#include "tests/lib/cache_help.h"
#include "tests/lib/rogue_lies.h"

#define PIECE		16384U

static struct victim		 v;
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

/* Any question will do. */
static inline bool
cache_answers(struct rogue *r)
{
	struct msg_get_info body = { .id = 1ULL << 63 | ++r->pings };
	struct msg msg;

	rogue_say(r, MSG_GET_INFO, &body, sizeof(body), NULL, 0, NULL, 0);
	return rogue_await(r, MSG_INFO, body.id, &msg);
}

static inline struct cache_under_test *
honest(void)
{
	c.parent = v.parent;
	c.front = front.ch;
	return &c;
}

static inline void
start_cache(void)
{
	ATF_REQUIRE_EQ(0, mkdir("cache", 0700));
	rogue_open_fds();
	victim_start(&v, ROLE_CACHE, "");
	front.honest = cache_answers;
	rogue_connect(&front, &v, ROLE_FRONT, 3);
	ATF_REQUIRE(cache_answers(&front));
	c.seal = seal_new(rogue_key);
	c.buf = malloc(MSG_MAX);
	ATF_REQUIRE(c.seal != NULL && c.buf != NULL);
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

static inline void
say(const struct said *said)
{
	rogue_say(&front, said->type, &said->body, msg_body_len(said->type),
	    said->tail.data, said->tail.len, NULL, 0);
}

static inline void
add_slice(struct said *said, const struct mirror_file *f, uint32_t first,
    uint32_t count)
{
	uint8_t *digests = make_digests(f, PIECE);
	struct msg_digests_item item = {
		.status = DIGESTS_OK, .first = first, .count = count,
		.identity = f->identity,
	};

	seal_digests(c.seal, &f->identity, PIECE, first, count,
	    digests + first * SHA1_LEN, item.seal);
	ATF_REQUIRE_EQ(0, buf_add(&said->tail, &item, sizeof(item)));
	ATF_REQUIRE_EQ(0, buf_add(&said->tail, digests + first * SHA1_LEN,
	    count * SHA1_LEN));
	said->body.pieces.slices++;
	free(digests);
}

/* Without slices so far. */
static inline void
begin_pieces(struct said *said, const struct mirror_file *f)
{
	size_t len = strlen(f->path);

	memset(&said->body, 0, sizeof(said->body));
	said->type = MSG_PUT_PIECES;
	said->body.pieces.piece_len = PIECE;
	said->body.pieces.path_len = (uint32_t)len;
	said->body.pieces.identity = f->identity;
	seal_file(c.seal, f->path, len, &f->identity,
	    said->body.pieces.seal);
	said->tail.len = 0;
	ATF_REQUIRE_EQ(0, buf_add(&said->tail, f->path, len));
}

static inline void
say_pieces(struct said *said, const struct mirror_file *f)
{
	uint32_t n = (uint32_t)digests_of(f, PIECE);

	begin_pieces(said, f);
	if (n > 4)
		add_slice(said, f, 0, 2);
	add_slice(said, f, n > 4 ? 2 : 0, n > 4 ? n - 2 : n);
}

static inline void
say_listing(struct said *said, const char *spec,
    const struct mirror_file *f, uint32_t n)
{
	uint8_t sum[SEAL_LEN];

	memset(&said->body, 0, sizeof(said->body));
	said->type = MSG_PUT_INFO;
	said->body.info.flags = PUT_SEALED;
	digest_of(spec, said->body.info.digest);
	said->tail.len = 0;
	list_spec(&said->tail, 0, spec, f, n);
	sha256(said->tail.data, said->tail.len, sum);
	seal_listing(c.seal, sum, said->body.info.seal);
}

/* Every byte of a part of it, one after another; a part of the tail begins
   where the body ends. */
static inline unsigned
refuse_bytes(struct said *said, size_t at, size_t len, enum msg_fault fault,
    const char *what)
{
	size_t body = msg_body_len(said->type), i;
	uint8_t *p;

	for (i = at; i < at + len; i++) {
		p = i < body ? (uint8_t *)&said->body + i :
		    said->tail.data + i - body;
		*p ^= 1;
		say(said);
		rogue_refused(&front, said->type, fault, what);
		*p ^= 1;
	}
	return (unsigned)len;
}

static inline unsigned
refuse_word(struct said *said, size_t at, uint32_t value,
    enum msg_fault fault, const char *what)
{
	size_t body = msg_body_len(said->type);
	uint8_t *p = at < body ? (uint8_t *)&said->body + at :
	    said->tail.data + at - body;
	uint32_t saved;

	memcpy(&saved, p, sizeof(saved));
	memcpy(p, &value, sizeof(value));
	say(said);
	rogue_refused(&front, said->type, fault, what);
	memcpy(p, &saved, sizeof(saved));
	return 1;
}

#endif
