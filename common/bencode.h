/* SPDX-License-Identifier: ISC */
/*
 * A writer of bencode (BEP 3).  The caller writes the keys of a dictionary, in
 * the order of their raw bytes.
 */
#ifndef BENCODE_H
#define BENCODE_H

#include <stdbool.h>
#include <string.h>

#include "common/buf.h"

/* Without a buffer it only counts, so that a limit can be checked first. */
struct bencode {
	struct buf	*out;		/* NULL: only count */
	uint64_t	 len;		/* bytes so far; stays at UINT64_MAX
					   on overflow */
	bool		 failed;	/* out of memory: nothing more is
					   written */
};

/* Bytes as they are; they may be NULL while only counting. */
static inline void
bencode_raw(struct bencode *b, const void *p, uint64_t n)
{
	if (b->failed)
		return;
	if (b->out != NULL && buf_add(b->out, p, n) == -1) {
		b->failed = true;
		return;
	}
	if (__builtin_add_overflow(b->len, n, &b->len))
		b->len = UINT64_MAX;
}

/*
 * Write digits and a final byte backwards from the end of text; returns their
 * beginning.  A torrent of many files is mostly numbers: printf(3) would more
 * than double the time to build it.
 */
static inline char *
bencode_digits(char text[32], uint64_t v, char last)
{
	char *p = text + 31;

	*p = last;
	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	return p;
}

/* The integer v. */
static inline void
bencode_uint(struct bencode *b, uint64_t v)
{
	char text[32];
	char *p;

	p = bencode_digits(text, v, 'e');
	*--p = 'i';
	bencode_raw(b, p, (uint64_t)(text + sizeof(text) - p));
}

/* A string in parts: its length, then that many bytes in any number of calls
   of bencode_raw(). */
static inline void
bencode_bytes_begin(struct bencode *b, uint64_t len)
{
	char text[32];
	char *p;

	p = bencode_digits(text, len, ':');
	bencode_raw(b, p, (uint64_t)(text + sizeof(text) - p));
}

static inline void
bencode_bytes(struct bencode *b, const void *bytes, size_t len)
{
	bencode_bytes_begin(b, len);
	bencode_raw(b, bytes, len);
}

static inline void
bencode_str(struct bencode *b, const char *s)
{
	bencode_bytes(b, s, strlen(s));
}

static inline void
bencode_dict(struct bencode *b)
{
	bencode_raw(b, "d", 1);
}

static inline void
bencode_list(struct bencode *b)
{
	bencode_raw(b, "l", 1);
}

/* The end of a dictionary or list. */
static inline void
bencode_end(struct bencode *b)
{
	bencode_raw(b, "e", 1);
}

#endif
