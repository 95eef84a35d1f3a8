/* SPDX-License-Identifier: ISC */
/*
 * Listings: the files to which specs resolved.  The walker answers in this
 * format, the front compares it and the cache stores it.  Pure.
 *
 * A listing is a sequence of records, one per spec and in the order of their
 * indices:
 *
 * 	struct listing_spec, the bytes of the spec, then for each file
 * 	inode, size, mtime and ctime (64 bits each), length of the path and
 * 	LISTING_ flags (32 bits each), with LISTING_MOUNT the mount (64 bits),
 * 	and the bytes of the path
 *
 * all unaligned and in the byte order of the machine.  Paths are as clients see
 * them: they begin with '/' and have no empty, "." or ".." component, for any
 * root.  The files of a record are in strcmp order.
 */
#ifndef LISTING_H
#define LISTING_H

#include <sys/stat.h>

#include <stdbool.h>

#include "common/buf.h"
#include "common/msg.h"

#define LISTING_MAX	(64ULL << 20)	/* bytes, of one request */

enum path_status {
	PATH_OK = 1,
	PATH_MISSING,		/* does not exist: 404 */
	PATH_REFUSED,		/* unreadable, denied: 403 */
	PATH_NOT_FILE,		/* directory, FIFO, socket, device: 403 */
	PATH_LINK,		/* absolute, or leaves the root: 403 */
	PATH_FAILED		/* cannot be read now: 503; never in a
				   listing */
};

struct listing_spec {
	uint32_t	index;
	uint32_t	status;		/* enum path_status; PATH_OK: has
					   files */
	uint32_t	len;		/* bytes of spec */
	uint32_t	files;
};

#define LISTING_MOUNT	0x1	/* identity.mount is not 0 */

struct listing_file {
	struct identity	identity;
	uint32_t	len;		/* bytes of path */
};

int	listing_add_spec(struct buf *, uint32_t index, enum path_status,
	    const void *spec, size_t len, uint32_t files);
int	listing_add_file(struct buf *, const struct identity *,
	    const void *path, size_t len);

/* A reader of a listing; all lengths are checked against its end. */
struct listing_reader {
	const uint8_t		*at;
	const uint8_t		*end;
	uint32_t		 files_left;	/* of the current record */
	struct listing_spec	 spec;
	const uint8_t		*spec_bytes;
	struct listing_file	 file;
	const uint8_t		*path;
};

void	listing_open(struct listing_reader *, const void *, size_t);
/* Go to the next record, skipping unread files of the current one.  1: there is
   one, 0: the end, -1: not a listing. */
int	listing_next_spec(struct listing_reader *);
/* Go to the next file of the current record: 1, 0 or -1 in the same way. */
int	listing_next_file(struct listing_reader *);

/* Make an identity from the answer of statx(2); mount is set to 0. */
void	identity_of(struct identity *, const struct statx *);
/* Returns 1 if both are the same version of the same file. */
int	identity_same(const struct identity *, const struct identity *);
/*
 * The same for a file that was opened and the identity that a hasher read from
 * the descriptor later.  An open file keeps its mount when the mount table
 * changes.
 */
int	identity_same_open(const struct identity *, const struct identity *);
/*
 * Returns 1 if the next change of the file will change its identity.  Clocks of
 * file systems tick slowly: a ctime within two seconds of now_ns, which was
 * read before it, may be set once more.  A ctime further in the future is as
 * good as an old one, unless it is from the clock of another machine (not
 * local), which may be fast.
 */
#define IDENTITY_SETTLED_NS	2000000000LL
int	identity_settled(const struct identity *, int64_t now_ns, bool local);

#endif
