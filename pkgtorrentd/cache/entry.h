/*
 * Entries of the cache as bytes, and the names under which they lie.  Pure.
 *
 * An entry is a fixed head (magic, version of the format, kind, lengths, what
 * it was made from), a payload, and the SHA-256 of all that.  Integers have
 * the byte order of the machine; on another one the version does not fit.
 */
#ifndef ENTRY_H
#define ENTRY_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/listing.h"
#include "common/msg.h"

#define ENTRY_PATH_LEN		4096	/* PATH_MAX, with the NUL */
#define ENTRY_DEPTH_MAX		60	/* components in a mirror path */
#define ENTRY_PEEK		8	/* bytes that tell whose a file is */
#define ENTRY_OVERHEAD_MAX	8192	/* all but listing and digests */

/* The SHA-1 list of one version of one file. */
struct entry_pieces {
	const void	*path;		/* from the document root: /a/b */
	size_t		 path_len;
	uint32_t	 piece_len;	/* bytes */
	struct identity	 identity;
	const uint8_t	*digests;	/* torrent_digests() of them */
	uint64_t	 count;
};

/* What a path digest stands for, and its info dictionary. */
struct entry_info {
	uint8_t		 digest[SHA1_LEN];
	uint32_t	 piece_len;	/* these three: its layout */
	bool		 padding_attr;
	const void	*service;
	size_t		 service_len;
	const uint8_t	*listing;	/* common/listing.h, by index */
	size_t		 listing_len;
	const uint8_t	*info;		/* follows the listing immediately */
	size_t		 info_len;
};

enum entry_fault {
	ENTRY_GOOD,
	ENTRY_ALIEN,		/* not one of ours */
	ENTRY_FORMAT,		/* of another version */
	ENTRY_DAMAGED,		/* lengths, checksum */
	ENTRY_MISPLACED		/* whole, but of something else */
};

/* Appends an entry to an empty buffer.  0, or -1 with ENOMEM. */
int	entry_build_pieces(struct buf *, const struct entry_pieces *);
int	entry_build_info(struct buf *, const struct entry_info *);

/*
 * Read what was found where the entry of this path and piece length, or of
 * this digest, belongs.  On ENTRY_GOOD *out points into data.  Whether the
 * identity or the layout is the one wanted is the caller's question.
 */
enum entry_fault	entry_read_pieces(const void *data, size_t len,
			    const void *path, size_t path_len,
			    uint32_t piece_len, struct entry_pieces *out);
enum entry_fault	entry_read_info(const void *data, size_t len,
			    const uint8_t digest[SHA1_LEN],
			    struct entry_info *out);
extern const char *const	entry_fault_names[];

/* A power of two that piece-length may be. */
bool	entry_piece_len_ok(uint32_t);

/*
 * "info/<40 hex digits>" and "pieces/<path>/<piece length>".  -1: a path that
 * has no place there (an empty, . or .. component, a NUL, one of more than
 * 255 bytes, too many of them, too long): never stored, always a miss.
 */
void	entry_name_info(char out[ENTRY_PATH_LEN],
	    const uint8_t digest[SHA1_LEN]);
int	entry_name_pieces(char out[ENTRY_PATH_LEN], const void *path,
	    size_t len, uint32_t piece_len);

/*
 * Kinds of names in the cache's directories, by their last component.  The
 * original, pkgtorrent-service(8) of yum-utils, kept pickles in the same
 * directories: info/<d> (empty while it worked), info/<d>_s, both with .tmp
 * appended at first, and pieces/<path>/1048576.
 */
enum entry_name {
	ENTRY_NAME_OTHER,
	ENTRY_NAME_INFO,		/* 40 hex digits */
	ENTRY_NAME_PIECES,		/* a piece length */
	ENTRY_NAME_ORIGINAL,		/* only the original gave such names */
	ENTRY_NAME_TEMPORARY,		/* an entry that is being written */
	ENTRY_NAME_ASIDE		/* a directory moved out of the way */
};

#define ENTRY_TEMPORARY		".new-"
#define ENTRY_ASIDE		".old-"

enum entry_name	entry_name_kind(const char *);

/*
 * Whose a file is that begins so.  A whole pickle (protocols 0 to 5) ends
 * with ENTRY_PICKLE_END.
 */
enum entry_owner { ENTRY_OURS, ENTRY_ORIGINAL, ENTRY_OTHER };

#define ENTRY_PICKLE_END	'.'

enum entry_owner entry_owner(const uint8_t *head, size_t);

#endif
