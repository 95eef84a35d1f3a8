/* SPDX-License-Identifier: ISC */
/*
 * A pattern, a NUL, a path.  The matcher that gives up early and never tries
 * twice must agree with one that tries everything.
 */
#include "hasher/walker/match.h"
#include "tests/lib/fuzz.h"

#define SLOW_MAX	24

/* The class at p: its length, 0 if it is none, and whether it has a byte. */
static size_t
slow_class(const uint8_t *p, size_t len, uint8_t byte, int *has)
{
	size_t	 i = 1, begin;
	int	 negated = len > 1 && p[1] == '!';

	begin = i += (size_t)negated;
	*has = 0;
	for (; i < len; i++) {
		if (p[i] == ']' && i > begin) {
			*has ^= negated;
			return i + 1;
		}
		if (i + 2 < len && p[i + 1] == '-' && p[i + 2] != ']') {
			*has |= p[i] <= byte && byte <= p[i + 2];
			i += 2;
		} else
			*has |= p[i] == byte;
	}
	return 0;
}

static int
slow_match(const uint8_t *p, size_t len, const uint8_t *s, size_t slen)
{
	size_t	 n;
	int	 has;

	if (len == 0)
		return slen == 0;
	if (*p == '*')
		return slow_match(p + 1, len - 1, s, slen) ||
		    (slen > 0 && slow_match(p, len, s + 1, slen - 1));
	if (slen == 0)
		return 0;
	n = *p == '[' ? slow_class(p, len, *s, &has) : 0;
	if (n == 0) {
		n = 1;
		has = *p == '?' || *p == *s;
	}
	return has && slow_match(p + n, len - n, s + 1, slen - 1);
}

static void
check_component(const uint8_t *p, size_t len, const uint8_t *s, size_t slen)
{
	int	 expect;

	size_t	 i, wildcards = 0;

	for (i = 0; i < len; i++)
		wildcards += memchr("*?[", p[i], 3) != NULL;
	if (len > SLOW_MAX || slen > SLOW_MAX || slen == 0 || len == 0 ||
	    wildcards > 8)
		return;
	expect = (s[0] != '.' || p[0] == '.') && slow_match(p, len, s, slen);
	require(match_component((const char *)p, len, (const char *)s,
	    slen) == expect);
}

/* The bytes of the component that begins behind this slash. */
static size_t
slow_component(const uint8_t *s, size_t len)
{
	const uint8_t	*slash = memchr(s + 1, '/', len - 1);

	return slash == NULL ? len - 1 : (size_t)(slash - s - 1);
}

static int
slow_covers(const uint8_t *p, size_t len, const uint8_t *s, size_t slen)
{
	size_t	 n, m;

	if (len == 0 || slen == 0)
		return len == 0;
	n = slow_component(p, len);
	m = slow_component(s, slen);
	if (n == 2 && memcmp(p + 1, "**", 2) == 0)
		return len == 3 ||
		    slow_covers(p + 3, len - 3, s, slen) ||
		    slow_covers(p, len, s + 1 + m, slen - 1 - m);
	return slow_match(p + 1, n, s + 1, m) &&
	    slow_covers(p + 1 + n, len - 1 - n, s + 1 + m, slen - 1 - m);
}

static void
check_covers(const uint8_t *p, size_t len, const uint8_t *s, size_t slen)
{
	size_t	 i, stars = 0;

	for (i = 0; i < len; i++)
		stars += p[i] == '*';
	if (len <= SLOW_MAX && slen <= SLOW_MAX && stars <= 8)
		require(match_covers((const char *)p, len, (const char *)s,
		    slen) == slow_covers(p, len, s, slen));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t	*nul = memchr(data, '\0', size);
	const char	*p = (const char *)data, *s;
	struct match_part *parts;
	char		*below;
	size_t		 len, slen;

	if (nul == NULL || size > 4096)
		return 0;
	len = (size_t)(nul - data);
	s = (const char *)nul + 1;
	slen = size - len - 1;
	check_component(data, len, nul + 1, slen);
	if (len == 0 || slen == 0 || *p != '/' || *s != '/')
		return 0;
	parts = calloc(len, sizeof(*parts));
	require(parts != NULL);
	(void)match_split(p, len, parts);
	free(parts);
	check_covers(data, len, nul + 1, slen);
	if (!match_is_pattern(p, len))
		require(match_covers(p, len, p, len));
	below = malloc(slen + 2);
	require(below != NULL);
	memcpy(below, s, slen);
	memcpy(below + slen, "/x", 2);
	if (match_covers(p, len, s, slen))
		require(match_covers(p, len, below, slen + 2));
	free(below);
	return 0;
}
