/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "common/blob.h"

struct blob *
blob_take(struct buf *buf)
{
	struct blob *blob;

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
