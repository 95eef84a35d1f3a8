/* SPDX-License-Identifier: ISC */
/*
 * A stream of piece lists, read in parts as the cache reads it.  As it is, the
 * first checksum ends the matter; so the same bytes are tried once more with
 * all checksums put right, as anybody can write them.  A part that is read
 * must be written as the same bytes.
 */
#include "common/piece_stream.c"
#include "tests/lib/fuzz.h"

static volatile uint8_t	sink;

static void
touch(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len-- > 0)
		sink ^= p[len];
}

/* Put the checksum of the part right that is read next, if all of it is
   there. */
static void
put_right(const struct piece_stream *s, uint8_t *data, size_t len)
{
	struct piece_stream look = *s;
	struct piece_record r;
	size_t part = len;

	if (piece_stream_read(&look, data, &part, &r) == PIECE_STREAM_SHORT ||
	    part > len || part < PIECE_STREAM_SUM_LEN)
		return;
	look = *s;
	stream_sum(&look, data, part - PIECE_STREAM_SUM_LEN);
	memcpy(data + part - PIECE_STREAM_SUM_LEN, look.sum,
	    PIECE_STREAM_SUM_LEN);
}

static void
write_part(struct piece_stream *s, struct buf *b,
    enum piece_stream_found found, const struct piece_record *r)
{
	if (found == PIECE_STREAM_HEAD)
		require(piece_stream_begin(s, b) == 0);
	else if (found == PIECE_STREAM_END)
		require(piece_stream_end(s, b) == 0);
	else if (found == PIECE_STREAM_RECORD)
		require(piece_stream_add(s, b, r) == 0);
}

static void
try_stream(const uint8_t *data, size_t len, bool forge)
{
	struct piece_stream s = { 0 }, out = { 0 };
	enum piece_stream_found found;
	struct piece_record r;
	struct buf b = { 0 };
	size_t part;
	uint8_t *copy;

	do {
		copy = copy_of(data, len);
		part = len;
		if (forge)
			put_right(&s, copy, len);
		found = piece_stream_read(&s, copy, &part, &r);
		require(found != PIECE_STREAM_SHORT || (part > len &&
		    part <= PIECE_STREAM_RECORD_MAX));
		require((found == PIECE_STREAM_WRONG) == (s.fault != NULL));
		if (found == PIECE_STREAM_RECORD) {
			touch(r.path, r.path_len);
			touch(r.digests, (size_t)r.count * SHA1_LEN);
			require(piece_stream_takes(&r));
		}
		b.len = 0;
		write_part(&out, &b, found, &r);
		if (b.len > 0) {
			require(b.len == part && part <= len);
			require(memcmp(b.data, copy, part) == 0);
			require(s.count == out.count);
			data += part;
			len -= part;
		}
		free(copy);
	} while (found == PIECE_STREAM_HEAD || found == PIECE_STREAM_RECORD);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	try_stream(data, len, false);
	try_stream(data, len, true);
	return 0;
}
