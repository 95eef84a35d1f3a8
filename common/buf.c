/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

#define BUF_FIRST	256		/* bytes of the first allocation */

uint8_t *
buf_reserve(struct buf *b, size_t n)
{
	uint8_t *data;
	size_t cap;

	if (b->data != NULL && n <= b->cap - b->len)
		return b->data + b->len;
	/* Past PTRDIFF_MAX the difference of two pointers is undefined. */
	if (n > (size_t)PTRDIFF_MAX - b->len) {
		errno = ENOMEM;
		return NULL;
	}
	cap = b->cap < BUF_FIRST / 2 ? BUF_FIRST : b->cap * 2;
	if (cap < b->len + n)
		cap = b->len + n;
	data = realloc(b->data, cap);
	if (data == NULL)
		return NULL;
	b->data = data;
	b->cap = cap;
	return data + b->len;
}

int
buf_add(struct buf *b, const void *p, size_t n)
{
	uint8_t *to;

	to = buf_reserve(b, n);
	if (to == NULL)
		return -1;
	if (n != 0)
		memcpy(to, p, n);
	b->len += n;
	return 0;
}

int
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	uint8_t *to;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || (to = buf_reserve(b, (size_t)n + 1)) == NULL) {
		errno = ENOMEM;
		return -1;
	}
	/* The NUL is written after the bytes and not counted. */
	va_start(ap, fmt);
	vsnprintf((char *)to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

void
buf_free(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = 0;
	b->cap = 0;
}
