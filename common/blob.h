/* SPDX-License-Identifier: ISC */
/* Bytes with several owners; the last reference frees them. */
#ifndef BLOB_H
#define BLOB_H

#include "common/buf.h"

struct blob {
	uint32_t	 refs;
	size_t		 len;
	uint8_t		*data;
};

/* Turn a buffer into a blob with one reference.  The blob takes over the
   memory that the bytes need, which is freed on failure.  Returns NULL without
   memory. */
struct blob	*blob_take(struct buf *);
void		 blob_unref(struct blob *);	/* NULL is fine */

static inline struct blob *
blob_ref(struct blob *blob)
{
	blob->refs++;
	return blob;
}

#endif
