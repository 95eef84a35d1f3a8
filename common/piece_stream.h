/* SPDX-License-Identifier: ISC */
/*
 * Piece lists as one stream of bytes, which takes them from one host to
 * another.  Pure.
 *
 *	head	magic "pkglists", version, 20 zeros
 *	record	1, length of the path, piece length, zeros (4 bytes each);
 *		size, mtime in nanoseconds since 1970 (8 each); the path, the
 *		digests (20 each)
 *	end	2, zeros (4 each, 12 in all), number of records, zeros (8 each)
 *
 * Each of these is followed by 16 bytes of a checksum: the first ones of
 * SHA-256 over the whole SHA-256 of the part before, and the part itself.  So a
 * byte that is missing, changed or at another place is noticed with the part in
 * which it is; and a stream that was cut has no end.  Integers have their most
 * significant byte first.  The number of digests follows from size and piece
 * length.
 *
 * A checksum is no signature: anybody can write a stream that says anything.
 */
#ifndef PIECE_STREAM_H
#define PIECE_STREAM_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/msg.h"

/* Digests in a record: 8 MiB, of a file of 400 GiB at 1 MiB a piece. */
#define PIECE_STREAM_DIGESTS_MAX	((8U << 20) / SHA1_LEN)
#define PIECE_STREAM_FIXED_LEN		32	/* bytes of a part at least */
#define PIECE_STREAM_SUM_LEN		16
/* The longest record, in bytes. */
#define PIECE_STREAM_RECORD_MAX		(PIECE_STREAM_FIXED_LEN + SPEC_MAX + \
    PIECE_STREAM_DIGESTS_MAX * SHA1_LEN + PIECE_STREAM_SUM_LEN)

/* A file's piece list. */
struct piece_record {
	const char	*path;		/* of the mirror, canonical */
	size_t		 path_len;	/* 1..SPEC_MAX */
	uint32_t	 piece_len;	/* bytes */
	uint64_t	 size;		/* bytes, not 0 */
	int64_t		 mtime_ns;	/* since 1970 */
	const uint8_t	*digests;
	uint64_t	 count;		/* torrent_digests() */
};

/* How far a stream is written or read.  Begins as zeros. */
struct piece_stream {
	bool		 begun;		/* the head is behind us */
	uint64_t	 count;		/* records so far */
	uint8_t		 sum[SEAL_LEN];	/* of the part before */
	const char	*fault;		/* of a stream that is wrong */
};

/* Can there be a record of this?  count is not looked at. */
bool	piece_stream_takes(const struct piece_record *);

/* Append the head, a record that piece_stream_takes(), or the end.  0, or -1
   with ENOMEM. */
int	piece_stream_begin(struct piece_stream *, struct buf *);
int	piece_stream_add(struct piece_stream *, struct buf *,
	    const struct piece_record *);
int	piece_stream_end(struct piece_stream *, struct buf *);

enum piece_stream_found {
	PIECE_STREAM_SHORT,	/* more bytes are needed: *len in all */
	PIECE_STREAM_HEAD,
	PIECE_STREAM_RECORD,	/* *out points into the bytes */
	PIECE_STREAM_END,
	PIECE_STREAM_WRONG	/* fault says why; read no further */
};

/* Read the next part, of the first *len bytes at data; *len becomes how many it
   has. */
enum piece_stream_found piece_stream_read(struct piece_stream *,
	    const uint8_t *data, size_t *len, struct piece_record *out);

#endif
