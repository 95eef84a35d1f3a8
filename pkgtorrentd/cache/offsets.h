/* SPDX-License-Identifier: ISC */
/*
 * The offsets of a pack's records, by a hash of their names.  Pure.  It takes
 * 8 bytes a slot, of which at most three quarters are in use.
 */
#ifndef OFFSETS_H
#define OFFSETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OFFSETS_ALIGN	4	/* offsets are multiples of it */

struct offsets {
	uint64_t	*slots;		/* 0: free.  The hash, then the offset
					   in units of OFFSETS_ALIGN, 0 if
					   removed */
	size_t		 cap;		/* slots, a power of two, or 0 */
	size_t		 used;		/* slots that are not free */
	size_t		 n;		/* offsets */
};

void	offsets_free(struct offsets *);		/* empty again */
/* Add an offset, which is not 0 and below 16 GiB, of a name that is not there.
   0, or -1 with ENOMEM. */
int	offsets_add(struct offsets *, uint32_t hash, uint64_t offset);
/* Iterate over the slots of this hash: *at is 0 first.  NULL: no more. */
uint64_t *offsets_next(struct offsets *, uint32_t hash, size_t *at);
/* The offset in a slot, which is replaced or removed in place. */
uint64_t offsets_get(uint64_t slot);
void	offsets_set(uint64_t *slot, uint64_t offset);
void	offsets_remove(struct offsets *, uint64_t *slot);

#endif
