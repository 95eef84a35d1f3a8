/* SPDX-License-Identifier: ISC */
/*
 * The records of all packs, one pack after another, as parts of a stream.
 * Records that were imported and not rechecked are left out: nobody here knows
 * whether they are right.
 */
#ifndef EXPORTING_H
#define EXPORTING_H

#include "common/piece_stream.h"
#include "pkgtorrentd/cache/dir.h"
#include "pkgtorrentd/cache/packs.h"

/* Begins as zeros. */
struct exporting {
	unsigned	 dirs;		/* of pieces/, begun so far */
	struct dir	 dir;		/* the last one, if dirs is not 0 */
	char		 dir_name[3];
	bool		 open;		/* a pack is being read */
	bool		 indexed;	/* all its records are known */
	struct packfile	 file;
	uint64_t	 offset;	/* in the pack */
	uint64_t	 need;		/* bytes of the record there */
	struct buf	 in;
	uint64_t	 content;	/* bytes of the files of all records */
	uint64_t	 imported;	/* records that are left out */
	uint64_t	 others;	/* of other roots, or too long */
	uint64_t	 damaged;	/* or in a directory that cannot be
					   read, which counts once */
};

/* Append the next records to the stream, about PACKFILE_STEP bytes.  1: there
   are no more, 0: it goes on, -1: out of memory. */
int	exporting_step(struct exporting *, const struct store *,
	    const struct packs *, struct piece_stream *, struct buf *out);
/* It may have ended, or not begun. */
void	exporting_end(struct exporting *);

#endif
