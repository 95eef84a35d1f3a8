/* SPDX-License-Identifier: ISC */
/*
 * A torrent in the making: its info dictionary is laid out from the pieces of
 * its files, or comes from the cache, and gets its info hash.  That takes as
 * long as the dictionary, so it is done in turns.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#include "common/torrent.h"
#include "pkgtorrentd/front/job/job_files.h"

/* Begins as zeros. */
struct layout {
	struct torrent		*torrent;	/* all but its info; or NULL */
	struct torrent_file	*files;
	struct torrent_build	*build;		/* NULL: info is complete */
	struct buf		 info;
	struct sum		*sum;		/* of its first bytes */
	size_t			 summed;
};

/*
 * Begin the torrent of these files, with all their pieces known; they must stay
 * meanwhile.  0, or -1 without memory.
 */
int	layout_begin(struct layout *, const struct job_files *,
	    const struct conf *, const struct specs *);
/*
 * Begin the torrent that the cache has stored under this digest: its listing
 * and the info dictionary, which is taken over.  Specs that were empty become
 * those of the listing.  0, or -1 if the listing makes no sense, or if info is
 * empty because it was made with other parameters; in the second case the specs
 * are set.
 */
int	layout_begin_stored(struct layout *, const struct buf *listing,
	    struct buf *info, const struct conf *,
	    const uint8_t digest[SHA1_LEN], struct specs *);
/* Work until this time of clock_us(), and a little more.  1: it is complete, 0:
   it goes on, -1: no memory. */
int	layout_run(struct layout *, uint64_t ends_us);
/* Take the complete torrent, with a reference.  The layout is empty then. */
struct torrent *layout_take(struct layout *);
void	layout_free(struct layout *);

#endif
