/* SPDX-License-Identifier: ISC */
/*
 * Entries of info/ as bytes, and the names of files in the cache.  Pure.
 *
 * An entry is a fixed head (magic, version of the format, kind, lengths, the
 * request it is for), a payload, and the SHA-256 of all of that.
 * Integers are in the byte order of the machine; on a machine with the other
 * order the version does not match.
 */
#ifndef ENTRY_H
#define ENTRY_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/listing.h"
#include "common/msg.h"

#define ENTRY_PATH_LEN		4096	/* PATH_MAX, with the NUL */
#define ENTRY_PEEK		8	/* bytes that show the owner of a
					   file */
#define ENTRY_OVERHEAD_MAX	8192	/* all except listing and digests */

/* The listing that a path digest stands for, and its info dictionary. */
struct entry_info {
	uint8_t		 digest[SHA1_LEN];
	enum piece_kind	 piece;		/* of piece_len */
	uint32_t	 piece_len;	/* with the next two: its parameters */
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
	ENTRY_ALIEN,		/* not an entry */
	ENTRY_FORMAT,		/* of another format version */
	ENTRY_DAMAGED,		/* wrong lengths or checksum */
	ENTRY_MISPLACED		/* complete, but of another request */
};

/* Append an entry to an empty buffer.  0, or -1 with ENOMEM. */
int	entry_build_info(struct buf *, const struct entry_info *);
/* The same up to the info dictionary, with room for the rest: its info_len
   bytes, and the SHA-256 of all that, for the caller to append. */
int	entry_begin_info(struct buf *, const struct entry_info *);

/* Read the contents of a file with the name of the entry of this digest and
   kind.  On ENTRY_GOOD, *out points into data.  The caller compares the
   parameters. */
enum entry_fault	entry_read_info(const void *data, size_t len,
			    const uint8_t digest[SHA1_LEN], enum piece_kind,
			    struct entry_info *out);
/* The same if the SHA-256 of data but its last SEAL_LEN bytes is known. */
enum entry_fault	entry_read_summed_info(const void *data, size_t len,
			    const uint8_t *sum,
			    const uint8_t digest[SHA1_LEN], enum piece_kind,
			    struct entry_info *out);
extern const char *const	entry_fault_names[];
/* Find the listing of an entry by its first bytes, without checking the rest:
   *at and *listing_len in the file.  false: it is not an entry. */
#define ENTRY_HEAD_LEN	72
bool	entry_find_listing(const void *data, size_t len, uint64_t *at,
	    uint64_t *listing_len);

/* Build "info/<40 hex digits>", with ".auto" or ".simple" for these kinds. */
void	entry_name_info(char out[ENTRY_PATH_LEN],
	    const uint8_t digest[SHA1_LEN], enum piece_kind);

/* The piece length in a file name that ends with <64 hex digits>.<length>, as
   that of a pack does; 0: it is another name. */
uint32_t entry_pack_len(const char *name);

/*
 * Kinds of names in the cache's directories, by the last component.  The
 * original, pkgtorrent-service(8) of yum-utils, kept pickles in the same
 * directories: info/<d> (empty while it worked) and info/<d>_s, both first with
 * .tmp appended, and pieces/<path>/1048576.  Version 0.1.0 kept entries with
 * our magic in pieces/<path>/<piece length>.
 */
enum entry_name {
	ENTRY_NAME_OTHER,
	ENTRY_NAME_INFO,		/* 40 hex digits, .auto, .simple */
	ENTRY_NAME_PIECES,		/* a piece length */
	ENTRY_NAME_ORIGINAL,		/* the original alone wrote these */
	ENTRY_NAME_TEMPORARY,		/* an entry that is being written */
	ENTRY_NAME_ASIDE		/* a directory moved out of the way */
};

#define ENTRY_TEMPORARY		".new-"
#define ENTRY_ASIDE		".old-"

enum entry_name	entry_name_kind(const char *);

/* The owner of a file, by its beginning.  A complete pickle (protocols 0 to 5)
   ends with ENTRY_PICKLE_END. */
enum entry_owner { ENTRY_OURS, ENTRY_ORIGINAL, ENTRY_OTHER };

#define ENTRY_PICKLE_END	'.'

enum entry_owner entry_owner(const uint8_t *head, size_t);

#endif
