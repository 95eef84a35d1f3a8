/* SPDX-License-Identifier: ISC */
/*
 * The records of all packs, one pack after another, as parts of a stream.
 * Records that were imported and not rechecked are left out: nobody here knows
 * whether they are right.
 */
#ifndef EXPORTING_H
#define EXPORTING_H

#include "common/piece_stream.h"
#include "pkgtorrentd/cache/packs.h"

#define EXPORTING_DENTS_LEN	8192

/* Begins as zeros. */
struct exporting {
	unsigned	 dirs;		/* of pieces/, begun so far */
	int		 dirfd;		/* of the last one; 0: none */
	char		 dir[3];	/* its name */
	uint8_t		 dents[EXPORTING_DENTS_LEN]
			    __attribute__((__aligned__(8)));
	size_t		 at;		/* in dents */
	size_t		 len;
	bool		 open;		/* a pack is being read */
	bool		 indexed;	/* all its records are known */
	struct packfile	 file;
	uint64_t	 offset;	/* in the pack */
	uint64_t	 need;		/* bytes of the record there */
	struct buf	 in;
	uint64_t	 content;	/* bytes of the files of all records */
	uint64_t	 imported;	/* records that are left out */
	uint64_t	 others;	/* of other roots, or too long */
	uint64_t	 damaged;
};

/* Append the next records to the stream, about PACKFILE_STEP bytes.  1: there
   are no more, 0: it goes on, -1: out of memory. */
int	exporting_step(struct exporting *, const struct store *,
	    const struct packs *, struct piece_stream *, struct buf *out);
/* It may have ended, or not begun. */
void	exporting_end(struct exporting *);

#endif
