/* SPDX-License-Identifier: ISC */
/*
 * A fast hash for tables and for checks against damage.  With a random start
 * nobody outside can find bytes that collide; it is no protection against
 * somebody who knows the start.
 */
#ifndef MIX_H
#define MIX_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Mix len bytes into h, eight at a time, since there may be many strings. */
static inline uint64_t
mix(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t word;
	size_t n;

	for (; len > 0; p += n, len -= n) {
		n = len < sizeof(word) ? len : sizeof(word);
		word = 0;
		memcpy(&word, p, n);
		h = (h ^ word) * 0x9e3779b97f4a7c15U;
		h ^= h >> 29;
	}
	return h;
}

#endif
