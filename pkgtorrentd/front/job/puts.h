/* SPDX-License-Identifier: ISC */
/*
 * Pieces on their way to the cache: those of the files that a hasher has
 * answered for at once share messages.
 */
#ifndef PUTS_H
#define PUTS_H

#include "common/buf.h"
#include "pkgtorrentd/front/worker/worker.h"

/* A hashed file with its seals: the walker's word that this path has this
   identity, and for each slice the hasher's word on the bytes that it read. */
struct put_file {
	const char		*path;
	const struct identity	*identity;
	const uint8_t		*seal;		/* of the walker */
	uint32_t		 piece_len;	/* bytes */
	uint32_t		 per_slice;	/* pieces in a whole slice */
	uint32_t		 nslices;
	const uint8_t		(*seals)[SEAL_LEN];	/* by slice */
	const uint8_t		*digests;
	uint32_t		 count;		/* of them */
};

struct puts {
	struct worker		*cache;
	struct buf		 buf;		/* heads and their files */
	size_t			 last;		/* of the last head in it */
	uint32_t		 files;
};

/* Add a file, and send those before it if the message is full.  If the cache
   cannot be told now, or without memory, the file is not remembered. */
void	puts_add(struct puts *, const struct put_file *);
/* Send the rest. */
void	puts_send(struct puts *);

#endif
