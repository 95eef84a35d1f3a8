/*
 * What walkers, hashers and caches that were broken into could say instead of
 * the truth about two files, /y/a and /y/b; and what the front is to make of
 * it.
 */
#ifndef ROGUE_UNTRUE_H
#define ROGUE_UNTRUE_H

#include "tests/lib/rogue_front.h"

#define A_SIZE		(2 * PIECE + 100)
#define B_SIZE		5

/* How a true message is made a lie. */
enum spoil {
	PUT,		/* value in a word of the body and tail */
	PUT_LONG,	/* the same, 64 bits */
	CUT,		/* so many bytes of the tail are left out */
	JUNK,		/* so many are added */
	DROP_FD,
	MORE_FD,
	OTHER_FD,	/* of another kind, the value's */
	TWICE,		/* nothing is wrong with it but that */
	MADE,		/* the value's function puts another in its place; … */
	MADE_ALONE	/* … when only the digest is asked for */
};

enum outcome {
	WRONG,		/* the sender is told on, and what takes its place
			   gives the right answer */
	TAKEN,		/* it means nothing; the true one then does */
	ANY		/* some answer comes */
};

static void
made_listing(struct copy *copy, const char *spec, const char *path,
    uint32_t files, uint32_t claimed)
{
	struct identity id = { 1, 1, 1, 1, 0 };
	struct buf b = { 0 };

	ATF_REQUIRE_EQ(0, listing_add_spec(&b, 0, PATH_OK, spec,
	    strlen(spec), claimed));
	for (; files > 0; files--)
		ATF_REQUIRE_EQ(0, listing_add_file(&b, &id, path,
		    strlen(path)));
	memcpy(copy->tail, b.data, b.len);
	copy->tail_len = b.len;
	buf_free(&b);
}

static void
made_info(struct copy *copy, const char *spec, const char *path)
{
	struct msg_info body;

	memcpy(&body, copy->body, sizeof(body));
	made_listing(copy, spec, path, 1, 1);
	body.flags = INFO_FOUND;
	body.listing_len = (uint32_t)copy->tail_len;
	body.info_len = 2;
	memcpy(copy->tail + copy->tail_len, "de", 2);
	copy->tail_len += 2;
	memcpy(copy->body, &body, sizeof(body));
}

/* Lengths whose sum is right again, past the end of 64 bits. */
static void
made_wrap(struct copy *copy)
{
	struct msg_info body;

	made_info(copy, "/y/a", "/y/a");
	made_listing(copy, "/y/a", "/y/a", 1, UINT32_MAX);
	memcpy(&body, copy->body, sizeof(body));
	body.listing_len = UINT32_MAX;
	body.info_len = copy->tail_len - (uint64_t)UINT32_MAX;
	memcpy(copy->body, &body, sizeof(body));
}

static void
made_up(struct copy *copy)
{
	made_info(copy, "/y/../../secret", "/y/a");
}

static void
made_two_of_one(struct copy *copy)
{
	made_info(copy, "/y/a\n/../b", "/y/a");
}

static void
made_top(struct copy *copy)
{
	made_info(copy, "/top", "/top");
}

static void
made_path_up(struct copy *copy)
{
	made_info(copy, "/y/a", "/y/../a");
}

/* With the two that are there the count of files is one, in 32 bits. */
static void
made_many(struct copy *copy)
{
	static struct copy first;

	made_listing(&first, "/y/a", "/y/a", 2, 2);
	made_listing(copy, "/y/b", "/y/b", 1, UINT32_MAX);
	memmove(copy->tail + first.tail_len, copy->tail, copy->tail_len);
	memcpy(copy->tail, first.tail, first.tail_len);
	copy->tail_len += first.tail_len;
	copy->tail[first.tail_len] = 1;
}

/* Known, then not, with no digest in between. */
static void
made_empty(struct copy *copy)
{
	const struct msg_pieces_item items[] = {
		{ 0, 4, 0, 0 }, { 0, 0, 0, 0 }, { 1, 0, 0, 0 },
	};
	struct msg_pieces body;

	memcpy(&body, copy->body, sizeof(body));
	body.count = 3;
	memcpy(copy->body, &body, sizeof(body));
	memcpy(copy->tail, items, sizeof(items));
	copy->tail_len = sizeof(items);
}

static void (*const made[])(struct copy *) = {
	made_wrap, made_up, made_two_of_one, made_top, made_path_up,
	made_many, made_empty,
};

/* One lie for each of the values, up to a zero; but the first counts. */
static const struct {
	enum msg_type	type;
	enum spoil	spoil;
	size_t		at;
	uint64_t	values[8];
	enum outcome	outcome;
} lies[] = {
#define BODY(message, field)	offsetof(struct msg_##message, field)
#define TAIL(message, bytes)	(sizeof(struct msg_##message) + (bytes))
#define ITEM(message, field)	\
	TAIL(message, offsetof(struct msg_##message##_item, field))
#define G			(1U << 30)
#define FAR			UINT32_MAX
	/* Nothing is known; these say that something is. */
	{ MSG_INFO, PUT_LONG, BODY(info, id), { 0, 1, G, UINT64_MAX }, TAKEN },
	{ MSG_INFO, PUT, BODY(info, flags), { 1, 2, 4, FAR - 1 }, TAKEN },
	{ MSG_INFO, PUT, BODY(info, listing_len), { 1, G, FAR }, TAKEN },
	{ MSG_INFO, PUT_LONG, BODY(info, info_len), { 1, G, UINT64_MAX },
	    TAKEN },
	{ MSG_INFO, JUNK, 0, { 1, 100, 60000 }, TAKEN },
	{ MSG_INFO, MADE, 0, { 0, 1, 2, 3, 4 }, ANY },
	{ MSG_INFO, MADE_ALONE, 0, { 0, 1, 2, 3, 4 }, ANY },

	/* Two records: struct listing_spec, "/y/a", struct listing_file,
	   "/y/a"; the other from byte 64 on. */
	{ MSG_LISTING, PUT_LONG, BODY(id, id), { 0, 1, G, UINT64_MAX }, TAKEN },
	{ MSG_LISTING, PUT, TAIL(id, 0), { 1, 2, G, FAR }, WRONG },
	{ MSG_LISTING, PUT, TAIL(id, 4), { 0, 2, 6, G, FAR }, WRONG },
	{ MSG_LISTING, PUT, TAIL(id, 8), { 0, 3, 5, 4096, G, FAR }, WRONG },
	{ MSG_LISTING, PUT, TAIL(id, 12), { 0, 2, 3, G, FAR }, WRONG },
	{ MSG_LISTING, PUT, TAIL(id, 64 + 12), { 0, 2, 3, G, FAR }, WRONG },
	{ MSG_LISTING, PUT, TAIL(id, 52), { 0, 3, 5, 4096, G, FAR }, WRONG },
	{ MSG_LISTING, PUT, TAIL(id, 56), { 1, G, FAR }, WRONG },
	/* "/..a", "/../", "\0y/a", "//..". */
	{ MSG_LISTING, PUT, TAIL(id, 16), { 0x612e2e2f, 0x2f2e2e2f,
	    0x612f7900, 0x2e2e2f2f }, WRONG },
	{ MSG_LISTING, PUT, TAIL(id, 60), { 0x2f2e2e2f, 0x612f7900,
	    0x2e2e2f2f, 0x2f612f2f, 0x612f2e2f }, WRONG },
	{ MSG_LISTING, PUT_LONG, TAIL(id, 28), { A_SIZE + 1, G, INT64_MAX,
	    UINT64_MAX }, ANY },
	{ MSG_LISTING, CUT, 0, { 1, 4, 44, 63, 64, 100, 127 }, WRONG },
	{ MSG_LISTING, JUNK, 0, { 1, 8, 64, 1000 }, WRONG },
	{ MSG_LISTING, TWICE, 0, { 0 }, WRONG },
	{ MSG_LISTING, MADE, 0, { 5 }, WRONG },

	{ MSG_RESOLVED, PUT_LONG, BODY(resolved, id), { 0, 1, UINT64_MAX },
	    TAKEN },
	{ MSG_RESOLVED, PUT, BODY(resolved, flags), { 1, 2, FAR }, TAKEN },
	{ MSG_RESOLVED, PUT, BODY(resolved, result), { RESOLVE_SAME }, WRONG },
	{ MSG_RESOLVED, PUT, BODY(resolved, result), { 0, 3, 4, 5, 6, 7, 8,
	    FAR }, ANY },

	{ MSG_OPENED, PUT_LONG, BODY(opened, id), { 0, 1, UINT64_MAX }, WRONG },
	{ MSG_OPENED, PUT, BODY(opened, count), { 0, 1, 3, 32, 33, G, FAR },
	    WRONG },
	{ MSG_OPENED, PUT, ITEM(opened, status), { 0, PATH_MISSING,
	    PATH_LINK, 99, FAR }, WRONG },
	{ MSG_OPENED, CUT, 0, { 1, 72, 143, 144 }, WRONG },
	{ MSG_OPENED, JUNK, 0, { 1, 72, 1000 }, WRONG },
	{ MSG_OPENED, DROP_FD, 0, { 1, 2 }, WRONG },
	{ MSG_OPENED, MORE_FD, 0, { 1, 30 }, WRONG },
	{ MSG_OPENED, OTHER_FD, 0, { 0, 2, 3, 4, 5, 6, 7, 10 }, WRONG },
	{ MSG_OPENED, TWICE, 0, { 0 }, WRONG },
	{ MSG_OPENED, PUT_LONG, TAIL(opened, 16), { 0, G, UINT64_MAX }, ANY },

	/* /y/a has three pieces, of which one padded too; then /y/b. */
	{ MSG_DIGESTS, PUT_LONG, BODY(digests, id), { 0, 1, UINT64_MAX },
	    WRONG },
	{ MSG_DIGESTS, PUT, BODY(digests, count), { 0, 1, 3, 16, 17, G, FAR },
	    WRONG },
	{ MSG_DIGESTS, PUT, ITEM(digests, status), { 0, 2, 3, 99 }, ANY },
	{ MSG_DIGESTS, PUT, ITEM(digests, first), { 1, 2, G, FAR }, WRONG },
	{ MSG_DIGESTS, PUT, ITEM(digests, count), { 0, 3, 5, G, FAR }, WRONG },
	{ MSG_DIGESTS, PUT_LONG, TAIL(digests, 24), { 0, G, UINT64_MAX }, ANY },
	{ MSG_DIGESTS, CUT, 0, { 1, 20, 100, 120, 239 }, WRONG },
	{ MSG_DIGESTS, TWICE, 0, { 0 }, WRONG },

	/* Two that are not known. */
	{ MSG_PIECES, PUT_LONG, BODY(pieces, id), { 0, 1, UINT64_MAX }, TAKEN },
	{ MSG_PIECES, PUT, BODY(pieces, count), { 3, 4, G, FAR }, WRONG },
	{ MSG_PIECES, PUT, ITEM(pieces, index), { 1, 2, 3, G, FAR }, WRONG },
	{ MSG_PIECES, PUT, ITEM(pieces, total), { 1, 3, 4, 5, G, FAR }, WRONG },
	{ MSG_PIECES, PUT, ITEM(pieces, count), { 1, 2, G, FAR }, WRONG },
	{ MSG_PIECES, CUT, 0, { 1, 15, 16, 31, 32 }, WRONG },
	{ MSG_PIECES, TWICE, 0, { 0 }, ANY },
	{ MSG_PIECES, MADE, 0, { 6 }, WRONG },
#undef BODY
#undef TAIL
#undef ITEM
#undef G
#undef FAR
};

#define LIES	(sizeof(lies) / sizeof(lies[0]))

#endif
