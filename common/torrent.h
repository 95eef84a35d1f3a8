/* SPDX-License-Identifier: ISC */
/*
 * Builds torrents from piece lists (BEP 3, 12, 19, 47).  Pure.
 *
 * In the concatenation of all files, each file starts at a piece boundary: if a
 * file does not end at one, a padding file of zeros follows, except after the
 * last file.  So the pieces of a torrent are the pieces of its files, one file
 * after another.
 */
#ifndef TORRENT_H
#define TORRENT_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/msg.h"

#define PIECE_LEN_MIN	(16U << 10)
#define PIECE_LEN_MAX	(16U << 20)
#define PIECE_LEN_AUTO_MIN (64U << 10)
#define PIECES_AUTO_MAX	16384U	/* with torrent_auto_piece_len(), or: */
#define PIECES_AUTO_PER_FILE 16U

/* Is this a value that piece-length may have? */
static inline bool
torrent_piece_len_ok(uint32_t n)
{
	return n >= PIECE_LEN_MIN && n <= PIECE_LEN_MAX && (n & (n - 1)) == 0;
}

struct torrent_params {
	uint32_t	 piece_len;	/* bytes, a power of two */
	bool		 padding_attr;	/* BEP 47 attr on padding files */
	const char	*service;	/* the first component of padding
					   files */
};

struct torrent_file {
	const char	*path;		/* from the document root, with / */
	size_t		 path_len;
	uint64_t	 size;		/* bytes */
	const uint8_t	*digests;	/* one per piece, and one more for a
					   partial last piece with its
					   padding */
};

/* The number of pieces of a file, and of digests kept for it (with the digest
   of a padded last piece). */
uint64_t	torrent_pieces(uint64_t size, uint32_t piece_len);
uint64_t	torrent_digests(uint64_t size, uint32_t piece_len);

/*
 * The piece length that fits these files: the smallest power of two from 64K to
 * 16M with which they have at most 16,384 pieces, or 16 for each file if that
 * is more; 16M if there is none.  Each file counts as often as it is listed,
 * in whole pieces.
 */
uint32_t	torrent_auto_piece_len(const struct torrent_file *, size_t n);

/*
 * Append the bencoded info dictionary to the buffer; n is at least 1.  multi
 * false: the single form, of one file.  The caller has checked that all paths
 * have the same first component and, for multi, at least two components.  0, or
 * -1 with ENOMEM, or with EFBIG if it would be longer than max bytes (then
 * nothing is built).
 */
int	torrent_info(struct buf *, const struct torrent_params *,
	    const struct torrent_file *, size_t n, bool multi, uint64_t max);

/*
 * The same in parts.  The files must stay while it is built; digests are needed
 * from the first step on.  NULL without memory.
 */
struct torrent_build;
struct torrent_build *torrent_build_new(const struct torrent_params *,
	    const struct torrent_file *, size_t n, bool multi);
void	torrent_build_free(struct torrent_build *);	/* NULL is fine */
/* The bytes of the whole dictionary; UINT64_MAX on overflow. */
uint64_t torrent_build_len(const struct torrent_build *);
/* Append the next bytes, about this many at most (one file of the list, or its
   padding, more).  1: it is complete, 0: it goes on, -1: ENOMEM. */
int	torrent_build_step(struct torrent_build *, struct buf *,
	    uint64_t most);

/* The number of bytes that torrent_info() will append; it needs no digests.
   UINT64_MAX on overflow or without memory. */
uint64_t torrent_info_len(const struct torrent_params *,
	    const struct torrent_file *, size_t n, bool multi);

/* Before the sandbox is entered: choose at random where torrent_find_repeats()
   looks for a path, so that no client can name paths that collide. */
void	torrent_init(void);
/* Set first[i] to the number of the first file with the path of file i, which
   may be i.  0, or -1 without memory. */
int	torrent_find_repeats(const struct torrent_file *, size_t n,
	    uint32_t *first);

/*
 * The parts of a .torrent before and after the info dictionary.  trackers:
 * newline-separated announce URLs, or ""; each becomes a tier, sorted by
 * SHA-1(tracker || lower-case hex info hash).  first: an announce URL that
 * becomes the tier before them, or NULL.  bases: base URLs without a final
 * slash, the request's first, then those of web-seed.  path: of the only file,
 * from the document root; NULL if there are several.  multi: the multi form;
 * its url-list has base/, and for one file the URL of the file as well.
 * before, which depends on first, trackers and info hash alone, may be NULL: it
 * is left out then.  0, or -1 with ENOMEM.
 */
struct torrent_outside {
	const char		*trackers;
	const char *const	*bases;
	size_t			 nbases;
	const char		*path;
	size_t			 path_len;
	bool			 multi;
	const char		*first;
};

int	torrent_wrap(const struct torrent_outside *,
	    const uint8_t info_hash[SHA1_LEN], struct buf *before,
	    struct buf *after);

/* Append a percent-encoded path (RFC 3986; / is kept).  0, or -1 with
   ENOMEM. */
int	torrent_encode_path(struct buf *, const char *, size_t);

#endif
