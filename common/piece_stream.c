/* SPDX-License-Identifier: ISC */
#include <endian.h>
#include <string.h>

#include "common/piece_stream.h"
#include "common/seal.h"
#include "common/str.h"
#include "common/torrent.h"
#include "common/tree_path.h"

#define STREAM_VERSION	1

enum part {
	PART_RECORD = 1,
	PART_END
};

/* As they are in the stream, with the most significant byte first. */
struct head {
	uint8_t		magic[8];
	uint32_t	version;
	uint8_t		zero[20];
};

struct record {
	uint32_t	part;			/* enum part */
	uint32_t	path_len;
	uint32_t	piece_len;
	uint32_t	zero;
	uint64_t	size;
	uint64_t	mtime_ns;
};

struct end {
	uint32_t	part;
	uint32_t	zero[3];
	uint64_t	count;
	uint64_t	zeros;
};

_Static_assert(sizeof(struct head) == PIECE_STREAM_FIXED_LEN &&
    sizeof(struct record) == PIECE_STREAM_FIXED_LEN &&
    sizeof(struct end) == PIECE_STREAM_FIXED_LEN, "named padding only");

/* Not a string, which would have a NUL at the end. */
static const struct head right_head = {
	.magic = { 'p', 'k', 'g', 'l', 'i', 's', 't', 's' },
};

/* No URL can name a path with a control byte. */
static bool
path_ok(const char *path, size_t len)
{
	struct str name = { path, len };
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
			return false;
	return len > 0 && tree_path_is_plain(name);
}

/* Are there as many digests as a record may have? */
static bool
size_ok(uint64_t size, uint32_t piece_len)
{
	return size > 0 && size <= INT64_MAX &&
	    torrent_piece_len_ok(piece_len) &&
	    torrent_digests(size, piece_len) <= PIECE_STREAM_DIGESTS_MAX;
}

bool
piece_stream_takes(const struct piece_record *r)
{
	return path_ok(r->path, r->path_len) && size_ok(r->size, r->piece_len);
}

/* Sum a part of the stream.  The next one's sum covers this one. */
static void
stream_sum(struct piece_stream *s, const void *part, size_t len)
{
	uint8_t sum[SEAL_LEN];

	sha256_both(s->sum, sizeof(s->sum), part, len, sum);
	memcpy(s->sum, sum, sizeof(s->sum));
}

/* Append the checksum of the part that begins there. */
static int
stream_add_sum(struct piece_stream *s, struct buf *b, size_t begin)
{
	stream_sum(s, b->data + begin, b->len - begin);
	return buf_add(b, s->sum, PIECE_STREAM_SUM_LEN);
}

int
piece_stream_begin(struct piece_stream *s, struct buf *b)
{
	struct head head = right_head;
	size_t begin = b->len;

	head.version = htobe32(STREAM_VERSION);
	s->begun = true;
	return buf_add(b, &head, sizeof(head)) == -1 ? -1 :
	    stream_add_sum(s, b, begin);
}

int
piece_stream_add(struct piece_stream *s, struct buf *b,
    const struct piece_record *r)
{
	size_t begin = b->len, len = (size_t)r->count * SHA1_LEN;
	struct record record = {
		.part = htobe32(PART_RECORD),
		.path_len = htobe32((uint32_t)r->path_len),
		.piece_len = htobe32(r->piece_len),
		.size = htobe64(r->size),
		.mtime_ns = htobe64((uint64_t)r->mtime_ns),
	};

	if (buf_reserve(b, sizeof(record) + r->path_len + len +
	    PIECE_STREAM_SUM_LEN) == NULL ||
	    buf_add(b, &record, sizeof(record)) == -1 ||
	    buf_add(b, r->path, r->path_len) == -1 ||
	    buf_add(b, r->digests, len) == -1)
		return -1;
	s->count++;
	return stream_add_sum(s, b, begin);
}

int
piece_stream_end(struct piece_stream *s, struct buf *b)
{
	struct end end = {
		.part = htobe32(PART_END), .count = htobe64(s->count),
	};
	size_t begin = b->len;

	return buf_add(b, &end, sizeof(end)) == -1 ? -1 :
	    stream_add_sum(s, b, begin);
}

static enum piece_stream_found
stream_wrong(struct piece_stream *s, const char *fault)
{
	s->fault = fault;
	return PIECE_STREAM_WRONG;
}

/* Is the checksum behind these bytes theirs? */
static bool
stream_check(struct piece_stream *s, const uint8_t *data, size_t len)
{
	stream_sum(s, data, len);
	return memcmp(s->sum, data + len, PIECE_STREAM_SUM_LEN) == 0;
}

static const char damaged[] = "it is damaged";

static enum piece_stream_found
read_end(struct piece_stream *s, const uint8_t *data)
{
	struct end end, right = {
		.part = htobe32(PART_END), .count = htobe64(s->count),
	};

	if (!stream_check(s, data, sizeof(end)))
		return stream_wrong(s, damaged);
	memcpy(&end, data, sizeof(end));
	if (memcmp(&end, &right, sizeof(end)) != 0)
		return stream_wrong(s, "its end does not count its records");
	return PIECE_STREAM_END;
}

static enum piece_stream_found
read_record(struct piece_stream *s, const uint8_t *data, size_t *len,
    struct piece_record *out)
{
	struct record r;
	size_t need;

	memcpy(&r, data, sizeof(r));
	*out = (struct piece_record){
		.path = (const char *)data + sizeof(r),
		.path_len = be32toh(r.path_len),
		.piece_len = be32toh(r.piece_len),
		.size = be64toh(r.size),
		.mtime_ns = (int64_t)be64toh(r.mtime_ns),
	};
	if (r.zero != 0 || out->path_len == 0 || out->path_len > SPEC_MAX ||
	    !size_ok(out->size, out->piece_len))
		return stream_wrong(s, damaged);
	out->count = torrent_digests(out->size, out->piece_len);
	out->digests = data + sizeof(r) + out->path_len;
	need = sizeof(r) + out->path_len + (size_t)out->count * SHA1_LEN +
	    PIECE_STREAM_SUM_LEN;
	if (*len < need) {
		*len = need;
		return PIECE_STREAM_SHORT;
	}
	*len = need;
	if (!stream_check(s, data, need - PIECE_STREAM_SUM_LEN))
		return stream_wrong(s, damaged);
	if (!path_ok(out->path, out->path_len))
		return stream_wrong(s, "a path in it is not canonical");
	s->count++;
	return PIECE_STREAM_RECORD;
}

static enum piece_stream_found
read_head(struct piece_stream *s, const uint8_t *data)
{
	struct head head;

	memcpy(&head, data, sizeof(head));
	if (memcmp(head.magic, right_head.magic, sizeof(head.magic)) != 0)
		return stream_wrong(s, "it is no export of pkgtorrentctl");
	if (be32toh(head.version) != STREAM_VERSION)
		return stream_wrong(s,
		    "it is of another version of the format");
	if (!stream_check(s, data, sizeof(head)) ||
	    memcmp(head.zero, right_head.zero, sizeof(head.zero)) != 0)
		return stream_wrong(s, damaged);
	s->begun = true;
	return PIECE_STREAM_HEAD;
}

enum piece_stream_found
piece_stream_read(struct piece_stream *s, const uint8_t *data, size_t *len,
    struct piece_record *out)
{
	const size_t least = PIECE_STREAM_FIXED_LEN + PIECE_STREAM_SUM_LEN;
	uint32_t part;

	if (*len < least) {
		*len = least;
		return PIECE_STREAM_SHORT;
	}
	memcpy(&part, data, sizeof(part));
	if (s->begun && be32toh(part) == PART_RECORD)
		return read_record(s, data, len, out);
	*len = least;
	if (!s->begun)
		return read_head(s, data);
	return be32toh(part) == PART_END ? read_end(s, data) :
	    stream_wrong(s, damaged);
}
