/* SPDX-License-Identifier: ISC */
/*
 * A hash table of items of a pool.  It has a bucket for each item and grows by
 * one bucket with each (linear hashing), so that no item has to wait until all
 * others have moved.  Items of a bucket are chained by a member of theirs.
 */
#ifndef TABLE_H
#define TABLE_H

#include "pkgtorrentd/tracker/pool.h"

/* The hash of an item; owner is that of the table. */
typedef uint32_t table_hash(const void *owner, uint32_t item);

struct table {
	const struct pool	*pool;
	size_t			 link;	/* offset of the uint32_t in an item */
	table_hash		*hash;
	const void		*owner;
	uint32_t		*bucket; /* the first item of each */
	uint32_t		 n;
	uint32_t		 nbuckets;
	uint32_t		 low;	/* the largest power of two that is
					   no more than that */
	uint32_t		 room;
};

/* Make an empty table.  0, or -1 without memory. */
int	 table_init(struct table *, const struct pool *, size_t link,
	    table_hash *, const void *owner);
void	 table_free(struct table *);
/* The first item that may have this hash, and the next one after an item;
   POOL_NONE: there is no more. */
uint32_t table_first(const struct table *, uint32_t hash);
uint32_t table_next(const struct table *, uint32_t item);
/* Add an item.  Without memory for another bucket the chains get longer. */
void	 table_add(struct table *, uint32_t item);
/* Remove an item that is in the table. */
void	 table_remove(struct table *, uint32_t item);

#endif
