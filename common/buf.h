/* SPDX-License-Identifier: ISC */
/*
 * A buffer that grows.
 */
#ifndef BUF_H
#define BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t	*data;			/* NULL while empty */
	size_t	 len;
	size_t	 cap;
};

/*
 * Append; the memory is doubled as needed.  0, or -1 with ENOMEM and the buffer
 * unchanged.  buf_reserve() makes room for n more bytes and returns their
 * address; the caller adds the bytes that it wrote to len.
 */
int	 buf_add(struct buf *, const void *, size_t);
int	 buf_addf(struct buf *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));
uint8_t	*buf_reserve(struct buf *, size_t n);
void	 buf_drop(struct buf *, size_t n);	/* drop the first n bytes */
void	 buf_free(struct buf *);

#endif
