/* SPDX-License-Identifier: ISC */
/*
 * A body in the chunked transfer coding (RFC 9112 7.1), decoded strictly as
 * it arrives.  Pure: state, and a buffer that the caller owns.
 */
#ifndef CHUNKED_H
#define CHUNKED_H

#include <stddef.h>
#include <stdint.h>

#define CHUNK_DIGITS_MAX	8
#define CHUNK_LINE_MAX		256	/* size and extensions, with CRLF */

/* Begins as CHUNKED_START. */
struct chunked {
	int		step;		/* of the state machine in chunked.c */
	uint64_t	max;		/* bytes that the body may have */
	uint64_t	body;		/* bytes of the body so far */
	uint64_t	framing;	/* all bytes that are not body */
	uint64_t	left;		/* of this chunk; or its size so far */
	unsigned	digits;		/* of its size */
	size_t		line;		/* bytes of its first line so far */
	size_t		trailer;	/* bytes of the trailer section */
	unsigned	fields;		/* fields of the trailer section */
};
#define CHUNKED_START(bytes_max) ((struct chunked){ .max = (bytes_max) })

/*
 * Decode len bytes that have arrived, in place: *body bytes of the body are at
 * the beginning of bytes afterwards.  *used is the number of bytes read: all,
 * unless the body ended before.
 *
 * 0: the body is complete.  -1: more bytes are needed.  Else a status with
 * *why one line for the client, as of http_parse(): 400, 413 when the body or
 * its framing is longer than allowed, 431 for the trailer section.  The
 * connection is then to be closed.  The same bytes get the same status however
 * they are cut.
 */
int	chunked_decode(struct chunked *, char *bytes, size_t len,
	    size_t *used, size_t *body, const char **why);

#endif
