#include "common/bencode.h"

void
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
static char *
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

void
bencode_uint(struct bencode *b, uint64_t v)
{
	char text[32];
	char *p;

	p = bencode_digits(text, v, 'e');
	*--p = 'i';
	bencode_raw(b, p, (uint64_t)(text + sizeof(text) - p));
}

void
bencode_bytes_begin(struct bencode *b, uint64_t len)
{
	char text[32];
	char *p;

	p = bencode_digits(text, len, ':');
	bencode_raw(b, p, (uint64_t)(text + sizeof(text) - p));
}
