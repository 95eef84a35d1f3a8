/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "pkgtorrentd/tracker/pool.h"

#define ROOM_MIN	64U

void
pool_init(struct pool *pool, size_t size)
{
	memset(pool, 0, sizeof(*pool));
	pool->size = size;
	pool->given = POOL_NONE;
}

void
pool_free(struct pool *pool)
{
	free(pool->v);
	pool_init(pool, pool->size);
}

/* realloc(3) moves a large block without a copy. */
static int
pool_grow(struct pool *pool, uint32_t most)
{
	uint32_t room = pool->room < ROOM_MIN / 2 ? ROOM_MIN :
	    pool->room > most / 2 ? most : 2 * pool->room;
	uint8_t *v;

	if (room > most)
		room = most;
	if (room <= pool->room)
		return -1;
	v = reallocarray(pool->v, room, pool->size);
	if (v == NULL)
		return -1;
	pool->v = v;
	pool->room = room;
	return 0;
}

uint32_t
pool_take(struct pool *pool, uint32_t most)
{
	uint32_t item = pool->given;

	if (item != POOL_NONE)
		memcpy(&pool->given, pool_at(pool, item),
		    sizeof(pool->given));
	else if (pool->used < pool->room || pool_grow(pool, most) == 0)
		item = pool->used++;
	else
		return POOL_NONE;
	memset(pool_at(pool, item), 0, pool->size);
	pool->n++;
	return item;
}

void
pool_give(struct pool *pool, uint32_t item)
{
	memcpy(pool_at(pool, item), &pool->given, sizeof(pool->given));
	pool->given = item;
	pool->n--;
}
