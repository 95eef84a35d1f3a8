/* SPDX-License-Identifier: ISC */
#ifndef UTF8_H
#define UTF8_H

#include <stdint.h>

#define UTF8_NOT	UINT32_MAX

/* Returns the code point at *p, of which there is a byte at least, and moves *p
   past it, or UTF8_NOT (RFC 3629: no overlong forms, no surrogates, nothing
   past U+10FFFF). */
static inline uint32_t
utf8_next(const uint8_t **p, const uint8_t *end)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	uint8_t first = *(*p)++;
	uint32_t code;
	int i, more;

	if (first < 0x80)
		return first;
	if (first < 0xc2 || first > 0xf4)
		return UTF8_NOT;
	more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
	code = first & (0x3f >> more);
	for (i = 0; i < more; i++) {
		if (*p == end || (**p & 0xc0) != 0x80)
			return UTF8_NOT;
		code = code << 6 | (*(*p)++ & 0x3f);
	}
	if (code < least[more] || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return UTF8_NOT;
	return code;
}

#endif
