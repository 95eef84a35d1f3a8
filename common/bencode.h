/*
 * Writing bencode (BEP 3).  Keys are written by the caller, in the order of
 * their raw bytes.
 */
#ifndef BENCODE_H
#define BENCODE_H

#include <stdbool.h>

#include "common/buf.h"

/* Without a buffer it only counts, so that a limit can be checked first. */
struct bencode {
	struct buf	*out;		/* NULL: only count */
	uint64_t	 len;		/* written so far; stays at the largest
					   number when that is passed */
	bool		 failed;	/* no memory: what follows is not
					   written */
};

void	bencode_dict(struct bencode *);
void	bencode_list(struct bencode *);
void	bencode_end(struct bencode *);		/* of either */
void	bencode_uint(struct bencode *, uint64_t);
void	bencode_bytes(struct bencode *, const void *, size_t);
void	bencode_str(struct bencode *, const char *);

/* A string in parts: its length, then that many bytes in any number of calls.
   While only counting the bytes are not looked at. */
void	bencode_bytes_begin(struct bencode *, uint64_t len);
void	bencode_raw(struct bencode *, const void *, uint64_t);

#endif
