/* Bytes that several answers refer to; the last one frees them. */
#ifndef BLOB_H
#define BLOB_H

#include "common/buf.h"

struct blob {
	uint32_t	 refs;
	size_t		 len;
	uint8_t		*data;
};

/* Takes the buffer's memory, also when it fails (NULL). */
struct blob	*blob_take(struct buf *);
struct blob	*blob_ref(struct blob *);
void		 blob_unref(struct blob *);	/* NULL is fine */

#endif
