/* Bytes that grow. */
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
 * Append; the memory is doubled as needed.  0, or -1 with ENOMEM and the
 * buffer as it was.  buf_reserve() makes room for n more bytes and returns
 * where they go; the caller adds what it used to len.
 */
int	 buf_add(struct buf *, const void *, size_t);
int	 buf_addf(struct buf *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));
uint8_t	*buf_reserve(struct buf *, size_t n);
void	 buf_drop(struct buf *, size_t n);	/* from the front */
void	 buf_free(struct buf *);

#endif
