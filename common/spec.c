#include <string.h>

#include "common/spec.h"

size_t
spec_plain(const char *spec, size_t len, char *out)
{
	const char *p = spec, *end = spec + len, *next;
	char *to = out;

	while (p < end) {
		/* A component includes the slash before it. */
		next = memchr(p + 1, '/', (size_t)(end - p - 1));
		if (next == NULL)
			next = end;
		if (next - p != 2 || memcmp(p, "/.", 2) != 0)
			to = mempcpy(to, p, (size_t)(next - p));
		p = next;
	}
	return (size_t)(to - out);
}
