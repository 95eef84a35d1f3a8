/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pkgtorrentd/cache/offsets.h"

#define SLOTS_MIN	64

/* A hash of 0 and a removed offset must not look like a free slot. */
#define TAKEN		(1ULL << 63)
#define HASH(slot)	((uint32_t)((slot) >> 32) & 0x7fffffff)

static uint64_t
slot_of(uint32_t hash, uint64_t offset)
{
	return TAKEN | (uint64_t)(hash & 0x7fffffff) << 32 |
	    offset / OFFSETS_ALIGN;
}

void
offsets_free(struct offsets *o)
{
	free(o->slots);
	memset(o, 0, sizeof(*o));
}

static void
put(struct offsets *o, uint64_t slot)
{
	size_t i = HASH(slot) & (o->cap - 1);

	while (o->slots[i] != 0)
		i = (i + 1) & (o->cap - 1);
	o->slots[i] = slot;
	o->used++;
}

/* Removed ones are left behind. */
static int
grow(struct offsets *o)
{
	struct offsets old = *o;
	size_t i;

	o->cap = SLOTS_MIN;
	while (o->cap / 2 < old.n)
		o->cap *= 2;
	o->slots = calloc(o->cap, sizeof(*o->slots));
	if (o->slots == NULL) {
		*o = old;
		return -1;
	}
	o->used = 0;
	for (i = 0; i < old.cap; i++)
		if (old.slots[i] != 0 && offsets_get(old.slots[i]) != 0)
			put(o, old.slots[i]);
	free(old.slots);
	return 0;
}

int
offsets_add(struct offsets *o, uint32_t hash, uint64_t offset)
{
	if (o->used >= o->cap / 4 * 3 && grow(o) == -1)
		return -1;
	put(o, slot_of(hash, offset));
	o->n++;
	return 0;
}

uint64_t *
offsets_next(struct offsets *o, uint32_t hash, size_t *at)
{
	size_t i;

	if (o->cap == 0)
		return NULL;
	for (;;) {
		i = ((hash & 0x7fffffff) + *at) & (o->cap - 1);
		if (o->slots[i] == 0)
			return NULL;
		(*at)++;
		if (HASH(o->slots[i]) == (hash & 0x7fffffff) &&
		    offsets_get(o->slots[i]) != 0)
			return &o->slots[i];
	}
}

uint64_t
offsets_get(uint64_t slot)
{
	return (uint64_t)(uint32_t)slot * OFFSETS_ALIGN;
}

void
offsets_set(uint64_t *slot, uint64_t offset)
{
	*slot = (*slot & ~(uint64_t)UINT32_MAX) | offset / OFFSETS_ALIGN;
}

void
offsets_remove(struct offsets *o, uint64_t *slot)
{
	offsets_set(slot, 0);
	o->n--;
}
