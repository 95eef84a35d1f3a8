/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "pkgtorrentd/tracker/table.h"

#define BUCKETS_MIN	64U

static uint32_t *
table_link(const struct table *t, uint32_t item)
{
	return (uint32_t *)(void *)((uint8_t *)pool_at(t->pool, item) +
	    t->link);
}

int
table_init(struct table *t, const struct pool *pool, size_t link,
    table_hash *hash, const void *owner)
{
	memset(t, 0, sizeof(*t));
	t->pool = pool;
	t->link = link;
	t->hash = hash;
	t->owner = owner;
	t->nbuckets = t->low = t->room = BUCKETS_MIN;
	t->bucket = reallocarray(NULL, t->room, sizeof(*t->bucket));
	if (t->bucket == NULL)
		return -1;
	/* POOL_NONE */
	memset(t->bucket, 0xff, t->room * sizeof(*t->bucket));
	return 0;
}

void
table_free(struct table *t)
{
	free(t->bucket);
	t->bucket = NULL;
}

/* Buckets from low on were split off from those below it. */
static uint32_t
table_bucket(const struct table *t, uint32_t hash)
{
	uint32_t bucket = hash & (2 * t->low - 1);

	return bucket < t->nbuckets ? bucket : hash & (t->low - 1);
}

uint32_t
table_first(const struct table *t, uint32_t hash)
{
	return t->bucket[table_bucket(t, hash)];
}

uint32_t
table_next(const struct table *t, uint32_t item)
{
	return *table_link(t, item);
}

/* Split the next bucket in its turn. */
static void
table_grow(struct table *t)
{
	uint32_t *bucket, *from, item, new = t->nbuckets;

	if (new == t->room) {
		bucket = reallocarray(t->bucket, t->room,
		    2 * sizeof(*bucket));
		if (bucket == NULL)
			return;
		t->bucket = bucket;
		t->room *= 2;
	}
	from = &t->bucket[new - t->low];
	t->bucket[new] = POOL_NONE;
	t->nbuckets++;
	while ((item = *from) != POOL_NONE) {
		if (table_bucket(t, t->hash(t->owner, item)) != new) {
			from = table_link(t, item);
			continue;
		}
		*from = *table_link(t, item);
		*table_link(t, item) = t->bucket[new];
		t->bucket[new] = item;
	}
	if (t->nbuckets == 2 * t->low)
		t->low *= 2;
}

void
table_add(struct table *t, uint32_t item)
{
	uint32_t *first;

	if (t->n >= t->nbuckets)
		table_grow(t);
	first = &t->bucket[table_bucket(t, t->hash(t->owner, item))];
	*table_link(t, item) = *first;
	*first = item;
	t->n++;
}

void
table_remove(struct table *t, uint32_t item)
{
	uint32_t *from = &t->bucket[table_bucket(t,
	    t->hash(t->owner, item))];

	while (*from != item)
		from = table_link(t, *from);
	*from = *table_link(t, item);
	t->n--;
}
