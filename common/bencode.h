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

/* The integer v. */
void	bencode_uint(struct bencode *, uint64_t v);

/* A string in parts: its length, then that many bytes in any number of calls
   of bencode_raw().  Bytes may be NULL while only counting. */
void	bencode_bytes_begin(struct bencode *, uint64_t len);
void	bencode_raw(struct bencode *, const void *bytes, uint64_t len);

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
