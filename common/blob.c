/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "common/blob.h"

struct blob *
blob_take(struct buf *buf)
{
	struct blob *blob;
	uint8_t *data;

	/* A buffer may have twice the memory that it needs, and a blob may
	   stay for long. */
	if (buf->len > 0 && buf->len < buf->cap &&
	    (data = realloc(buf->data, buf->len)) != NULL)
		buf->data = data;
	blob = malloc(sizeof(*blob));
	if (blob == NULL) {
		buf_free(buf);
		return NULL;
	}
	blob->refs = 1;
	blob->data = buf->data;
	blob->len = buf->len;
	buf->data = NULL;
	buf->len = buf->cap = 0;
	return blob;
}

void
blob_unref(struct blob *blob)
{
	if (blob == NULL || --blob->refs > 0)
		return;
	free(blob->data);
	free(blob);
}
