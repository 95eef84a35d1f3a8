/* SPDX-License-Identifier: ISC */
/*
 * Writes Metalinks (RFC 5854) from torrents: for each file its name, its size,
 * the SHA-1 of its pieces, and its URLs.  Nearly all of that is in the info
 * dictionary, padded pieces aside, and so a Metalink is written from there, in
 * parts.  Pure.
 */
#ifndef METALINK_H
#define METALINK_H

#include "common/torrent.h"

/* The measures of a Metalink, known once its files are; begins as zeros. */
struct metalink_size {
	uint32_t	piece_len;	/* bytes */
	bool		nameless;	/* a file has a name that no Metalink
					   can have */
	uint64_t	files;
	uint64_t	pieces;		/* of all files */
	uint64_t	text;		/* bytes of all elements but url */
	uint64_t	paths;		/* bytes of all paths, as in URLs */
};

/*
 * A name must be UTF-8 of characters that XML 1.0 has, and without backslashes,
 * since those are slashes elsewhere and lead out of the directory.
 */
bool	metalink_name_ok(const char *, size_t);

/*
 * Measure the Metalink of these files; no digests are needed.  Names are paths
 * without the first slash, and with multi false, for the only file, the last
 * component of the path.
 */
void	metalink_measure(struct metalink_size *, const struct torrent_file *,
	    size_t n, bool multi, uint32_t piece_len);
/* Append the digest of the last piece without padding, for each file that has
   padding in a torrent, in their order.  0, or -1 with ENOMEM. */
int	metalink_add_ends(struct buf *, const struct torrent_file *, size_t n,
	    uint32_t piece_len);

/*
 * The parts of a Metalink, to stay while it is written.  bases: as in
 * struct torrent_outside.  path: of the only file, from the document root; NULL
 * if there are several, which then have the first component first.  info, ends:
 * the info dictionary, and the digests of metalink_add_ends(); these and first
 * are not needed for metalink_len().
 */
struct metalink_parts {
	const struct metalink_size	*size;
	const char *const		*bases;
	size_t				 nbases;
	const char			*service;
	const char			*path;
	size_t				 path_len;
	const char			*first;
	const uint8_t			*info;
	size_t				 info_len;
	const uint8_t			*ends;
	size_t				 ends_len;
};

/* The bytes of the whole; UINT64_MAX on overflow. */
uint64_t metalink_len(const struct metalink_parts *);

/* To be freed; bases and service are copied.  NULL without memory. */
struct metalink;
struct metalink	*metalink_new(const struct metalink_parts *);
void	metalink_free(struct metalink *);	/* NULL is fine */
/* Append the next bytes, about this many at most (the elements of one file but
   its pieces more).  1: it is complete, 0: it goes on, -1: ENOMEM, or the
   dictionary is none of these files. */
int	metalink_step(struct metalink *, struct buf *, size_t most);

#endif
