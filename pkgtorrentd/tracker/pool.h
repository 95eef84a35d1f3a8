/* SPDX-License-Identifier: ISC */
/*
 * Items of one size in one block of memory, known by their numbers.  The block
 * grows as it is needed and moves then; the numbers stay.
 */
#ifndef POOL_H
#define POOL_H

#include <stddef.h>
#include <stdint.h>

#define POOL_NONE	UINT32_MAX	/* the number of no item */

struct pool {
	uint8_t		*v;
	size_t		 size;		/* of an item, at least 4 bytes */
	uint32_t	 n;		/* items taken */
	uint32_t	 used;		/* all of them have lower numbers */
	uint32_t	 room;
	uint32_t	 given;		/* the first item given back */
};

void	 pool_init(struct pool *, size_t size);
void	 pool_free(struct pool *);
/* Take an item, of zeros; room is made for at most this many.  Its number, or
   POOL_NONE: there are as many, or there is no memory. */
uint32_t pool_take(struct pool *, uint32_t most);
/* Give an item back.  Its first 4 bytes are the pool's until it is taken
   again; the others stay. */
void	 pool_give(struct pool *, uint32_t item);

static inline void *
pool_at(const struct pool *pool, uint32_t item)
{
	return pool->v + (size_t)item * pool->size;
}

#endif
