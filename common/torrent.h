/*
 * Torrents from piece lists (BEP 3, 12, 19, 47).  Pure.
 *
 * The pieces of every file but the last start at a piece boundary: a file
 * that does not end at one is followed by a padding file of zeros.  So the
 * list of pieces of a torrent is the lists of its files, one after another.
 */
#ifndef TORRENT_H
#define TORRENT_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/msg.h"

struct torrent_layout {
	uint32_t	 piece_len;	/* bytes, a power of two */
	bool		 padding_attr;	/* BEP 47 attr on padding files */
	const char	*service;	/* first component of padding files */
};

struct torrent_file {
	const char	*path;		/* from the document root, with / */
	size_t		 path_len;
	uint64_t	 size;		/* bytes */
	const uint8_t	*digests;	/* one per piece; one more, of a partial
					   last piece padded */
};

/* Pieces of a file, and digests kept for it (with the padded one). */
uint64_t	torrent_pieces(uint64_t size, uint32_t piece_len);
uint64_t	torrent_digests(uint64_t size, uint32_t piece_len);

/*
 * The info dictionary, bencoded and appended to the buffer; n is at least 1.
 * multi false: the single form, of one file.
 * The caller has checked that all paths share their first component and, for
 * multi, have at least two.  0, or -1 with ENOMEM, or EFBIG when it would be
 * longer than max bytes (nothing is built then).
 */
int	torrent_info(struct buf *, const struct torrent_layout *,
	    const struct torrent_file *, size_t n, bool multi, uint64_t max);

/* How many bytes torrent_info() will make; digests are not looked at.
   UINT64_MAX also without memory. */
uint64_t torrent_info_len(const struct torrent_layout *,
	    const struct torrent_file *, size_t n, bool multi);

/*
 * What surrounds the info dictionary in a .torrent, up to it and after it.
 * trackers: newline-separated announce URLs, each becomes a tier, sorted by
 * SHA-1(tracker || lower-case hex info hash); may be empty.  bases: base URLs
 * without a final slash, the request's first, then web-seed.  path: of the
 * only file, from the document root, when there is one (NULL otherwise).
 * multi says whether it is a multi form torrent: url-list then has base/,
 * and for one entry the file's URL as well.  0, or -1 with ENOMEM.
 */
struct torrent_outside {
	const char		*trackers;
	const char *const	*bases;
	size_t			 nbases;
	const char		*path;
	size_t			 path_len;
	bool			 multi;
};

int	torrent_wrap(const struct torrent_outside *,
	    const uint8_t info_hash[SHA1_LEN], struct buf *before,
	    struct buf *after);

/* Percent-encodes a path (RFC 3986; '/' stays). 0 or -1 with ENOMEM. */
int	torrent_encode_path(struct buf *, const char *, size_t);

#endif
