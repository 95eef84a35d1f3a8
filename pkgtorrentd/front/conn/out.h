/* SPDX-License-Identifier: ISC */
/*
 * An answer on its way to a descriptor: parts in memory, then perhaps bytes
 * that are made meanwhile, or a stretch of a file.  The descriptor takes as
 * many bytes as it has room for, and the rest is kept until it has room again.
 */
#ifndef OUT_H
#define OUT_H

#include <stdbool.h>

#include "common/addr.h"
#include "common/blob.h"
#include "common/held.h"

#define OUT_PARTS_MAX	5

/*
 * Bytes of a blob live as long as they are needed.  Bytes without a blob
 * belong to the caller and are copied if they cannot be written at once.  With
 * p NULL the part is zeros.
 */
struct out_part {
	const uint8_t	*p;
	uint64_t	 len;
	struct blob	*blob;
};

/* Bytes of an answer that are made while it is written, so that they take
   little memory. */
struct out_source {
	/* The next bytes, at least one, which stay until the next call.  0, or
	   -1 if they cannot be made. */
	int		(*next)(struct out_source *, const uint8_t **,
			    size_t *);
	void		(*free)(struct out_source *);
	uint64_t	 size;		/* bytes of memory that it takes */
};

/* Begins as OUT_EMPTY. */
struct out {
	struct out_part	 parts[OUT_PARTS_MAX];
	unsigned	 nparts;
	unsigned	 part;		/* the first that is not yet written */
	bool		 last;		/* the descriptor is closed after it */
	bool		 kept;		/* parts own their bytes */
	struct blob	*copied;
	struct held	*held;		/* the torrent that it is of, or NULL;
					   referenced once it is kept */
	struct addr	*addr;		/* charged with it, or NULL; given
					   back by out_clear() */
	uint64_t	 len;		/* bytes of all parts and the source */
	struct out_source *source;	/* or NULL; freed by out_clear() */
	uint64_t	 source_left;	/* bytes still to be written of it */
	const uint8_t	*made;		/* the next of them */
	size_t		 made_left;
	int		 file_fd;	/* -1, or closed by out_clear() */
	uint64_t	 file_at;
	uint64_t	 file_left;	/* bytes to send from there */
	uint64_t	 written;	/* bytes in all */
	uint64_t	 taken;		/* bytes acknowledged when the rate
					   was last sufficient */
	uint64_t	 taken_ms;	/* when the rate was last sufficient */
	uint64_t	 rate;		/* bytes a second, measured last */
	uint64_t	 rate_taken;	/* bytes acknowledged then */
	uint64_t	 rate_ms;
};
#define OUT_UNRATED	UINT64_MAX
#define OUT_EMPTY	((struct out){ .file_fd = -1, .rate = OUT_UNRATED })

/* Add a part, at most OUT_PARTS_MAX.  A part without bytes is left out. */
void	out_add(struct out *, const void *, uint64_t len, struct blob *);
/* Let so many bytes of a source follow the parts; it is taken over. */
void	out_set_source(struct out *, struct out_source *, uint64_t len);
/* The bytes of memory, besides small parts and hot memory, that the answer has
   to answer for. */
uint64_t out_share(const struct out *);
/*
 * Write as much as the descriptor has room for.  1: everything is written.
 * 0: call again when there is room; the caller's bytes are no longer needed.
 * -1: the descriptor is broken, the file has become shorter, the source has
 * failed, or there was no memory; the answer cannot be completed.
 */
int	out_write(struct out *, int fd);
/*
 * After out_write() returned 0: has the other end of this TCP or Unix socket
 * acknowledged at least 1 KiB a second within the last limit_ms?  A torrent
 * that is not in hot memory needs the rate besides at which it would take an
 * hour.  Measures the rate every few seconds.
 */
bool	out_is_taken(struct out *, int fd, uint64_t limit_ms);
/* Release blobs, source and file; the answer is OUT_EMPTY afterwards. */
void	out_clear(struct out *);

#endif
