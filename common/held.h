/* SPDX-License-Identifier: ISC */
/*
 * Memory of a torrent, which several may hold: jobs that make it, connections
 * that write it, and hot memory, which has a bound of its own.
 */
#ifndef HELD_H
#define HELD_H

#include <stddef.h>
#include <stdint.h>

/* Torrents up to this size are always given, whatever others take. */
#define HELD_SMALL	(1U << 20)	/* bytes */

struct held {
	uint32_t	 refs;
	uint32_t	 hot;		/* how many of them are hot memory's */
	uint64_t	 size;		/* bytes, all of it */
	void		(*free)(struct held *);
};

static inline struct held *
held_ref(struct held *h)
{
	h->refs++;
	return h;
}

/* The last reference frees it; NULL is fine. */
static inline void
held_unref(struct held *h)
{
	if (h != NULL && --h->refs == 0)
		h->free(h);
}

/* The bytes that one reference has to answer for. */
static inline uint64_t
held_share(const struct held *h)
{
	return h == NULL || h->hot > 0 ? 0 : h->size / h->refs;
}

#endif
