/*
 * What specs resolved to: the format in which a walker answers, the front
 * compares and the cache stores.  Pure.
 *
 * A listing is a sequence of records, one per spec and in the order of their
 * indices:
 *
 *	struct listing_spec, the spec's bytes, then for each file
 *	inode, size, mtime and ctime (64 bits each), length of the path and
 *	LISTING_ flags (32 bits each), with LISTING_MOUNT the mount (64 bits),
 *	the path's bytes
 *
 * all unaligned, in the byte order of the machine.  Paths are those that the
 * client sees (they begin with '/', and have no empty, "." or ".." component),
 * whichever root holds them.  The order of files in a record is strcmp order.
 */
#ifndef LISTING_H
#define LISTING_H

#include <sys/stat.h>

#include <stdbool.h>

#include "common/buf.h"
#include "common/msg.h"

#define LISTING_MAX	(64ULL << 20)	/* bytes that may be one torrent */

enum path_status {
	PATH_OK = 1,
	PATH_MISSING,		/* nothing there: 404 */
	PATH_REFUSED,		/* unreadable, denied: 403 */
	PATH_NOT_FILE,		/* directory, FIFO, socket, device: 403 */
	PATH_LINK,		/* absolute, or leaves the root: 403 */
	PATH_FAILED		/* nobody knows: 503; in no listing */
};

struct listing_spec {
	uint32_t	index;
	uint32_t	status;		/* enum path_status; OK with a file */
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

/* Reads a listing from its beginning; all checked against the end. */
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
/*
 * Next record; files of the current one that were not read are skipped.
 * 1: one more, 0: the end, -1: not a listing.
 */
int	listing_next_spec(struct listing_reader *);
/* Next file of the current record: 1, 0 or -1 in the same way. */
int	listing_next_file(struct listing_reader *);

/* What statx(2) says of a file, as its identity, of which mount is left 0. */
void	identity_of(struct identity *, const struct statx *);
/* 1 if both are the same version of the same file. */
int	identity_same(const struct identity *, const struct identity *);
/*
 * The same for a file that was opened, and what a hasher saw of the descriptor
 * from then on.  It keeps its mount, whatever changes in the mount table.
 */
int	identity_same_open(const struct identity *, const struct identity *);
/*
 * 1 if the next change of the file will change its identity.  Clocks of file
 * systems tick slowly: a ctime that is less than two seconds away from now_ns,
 * which was read before it, may be set once more.  One that lies further in
 * the future is as good as an old one, but where it is another machine's clock
 * (not local), which may be fast.
 */
#define IDENTITY_SETTLED_NS	2000000000LL
int	identity_settled(const struct identity *, int64_t now_ns, bool local);

#endif
