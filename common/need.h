/* SPDX-License-Identifier: ISC */
/*
 * The cache-size that the piece lists of a tree need: from the names and sizes
 * of its files, in the order of a walk (common/tree_path.h), and the format of
 * packs (pkgtorrentd/cache/pack.h).  Pure.
 */
#ifndef NEED_H
#define NEED_H

#include <stdint.h>

#include "common/msg.h"
#include "common/str.h"

/* Begins as zeros. */
struct need {
	uint64_t	bytes;		/* of blocks of packs */
	uint64_t	packs;
	/* Of the directories from the top to that of the last file, by depth:
	   bytes of their packs so far, which are not in the sums. */
	uint64_t	open[SPEC_MAX / 2 + 1];
	size_t		dir_len;
	char		dir[SPEC_MAX];	/* of the last file */
};

/* Add a file that is not empty; piece_len in bytes. */
void	 need_add(struct need *, struct str path, uint64_t size,
	    uint32_t piece_len);
/* The cache-size, in bytes, with which none of the lists has to go; 0 if there
   are none. */
uint64_t need_cache_size(const struct need *);

#endif
