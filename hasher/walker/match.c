/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "hasher/walker/match.h"

/* Reads the components of a path or pattern, one at a time. */
struct component {
	const char	*p;		/* NULL behind the last one */
	size_t		 len;
	const char	*end;		/* of the path or pattern */
};

static bool
is_any_depth(const char *s, size_t len)
{
	return len == 2 && s[0] == '*' && s[1] == '*';
}

/* The length of the class that begins with this '[', or 0 if no ']' ends it. */
static size_t
class_len(const char *p, const char *end)
{
	const char	*q = p + 1;

	if (q < end && *q == '!')
		q++;
	if (q == end)
		return 0;
	q = memchr(q + 1, ']', (size_t)(end - q - 1));
	return q == NULL ? 0 : (size_t)(q + 1 - p);
}

static int
class_has(const char *p, size_t len, unsigned char byte)
{
	const unsigned char	*q = (const unsigned char *)p + 1;
	const unsigned char	*last = (const unsigned char *)p + len - 1;
	int			 negated = 0;

	if (*q == '!') {
		negated = 1;
		q++;
	}
	while (q < last) {
		if (q + 2 < last && q[1] == '-') {
			if (q[0] <= byte && byte <= q[2])
				return !negated;
			q += 3;
		} else if (*q++ == byte)
			return !negated;
	}
	return negated;
}

/*
 * Does the element at p (anything but '*') match this byte?  *len is the
 * element's length in bytes of the pattern.
 */
static int
element_matches(const char *p, const char *end, char byte, size_t *len)
{
	*len = 1;
	if (*p == '?')
		return 1;
	if (*p == '[') {
		size_t	 n = class_len(p, end);

		if (n != 0) {
			*len = n;
			return class_has(p, n, (unsigned char)byte);
		}
	}
	return *p == byte;
}

/*
 * Every name that matches ends with the bytes behind the last wildcard.  This
 * test rejects most names of a directory quickly.
 */
static int
tail_differs(const char *pattern, size_t len, const char *name,
    size_t name_len)
{
	size_t	 n = 0;

	while (n < len && strchr("*?[]", pattern[len - 1 - n]) == NULL)
		n++;
	return n > name_len ||
	    memcmp(pattern + len - n, name + name_len - n, n) != 0;
}

/*
 * Only the last '*' is ever extended: a later '*' can match every byte that an
 * earlier one could match instead.
 */
static int
match_bytes(const char *p, size_t len, const char *name, size_t name_len)
{
	const char	*end = p + len, *name_end = name + name_len;
	const char	*star = NULL, *star_name = NULL;
	size_t		 n;

	if (tail_differs(p, len, name, name_len))
		return 0;
	while (name < name_end) {
		if (p < end && *p == '*') {
			if (++p == end)
				return 1;
			star = p;
			star_name = name;
		} else if (p < end && element_matches(p, end, *name, &n)) {
			p += n;
			name++;
		} else if (star != NULL) {
			p = star;
			name = ++star_name;
		} else
			return 0;
	}
	while (p < end && *p == '*')
		p++;
	return p == end;
}

int
match_component(const char *pattern, size_t len, const char *name,
    size_t name_len)
{
	if (name_len == 0)
		return len == 0;
	if (name[0] == '.' && (len == 0 || pattern[0] != '.'))
		return 0;
	return match_bytes(pattern, len, name, name_len);
}

static unsigned
count_wildcards(const char *p, size_t len)
{
	const char	*end = p + len;
	unsigned	 count = 0;
	size_t		 n;

	if (is_any_depth(p, len))
		return 1;
	while (p < end) {
		n = *p == '[' ? class_len(p, end) : 0;
		if (n != 0 || *p == '*' || *p == '?')
			count++;
		p += n != 0 ? n : 1;
	}
	return count;
}

static void
component_first(struct component *c, const char *s, size_t len)
{
	const char	*slash;

	/* Paths and patterns begin with a slash. */
	if (len > 0 && *s == '/') {
		s++;
		len--;
	}
	slash = memchr(s, '/', len);
	c->p = s;
	c->end = s + len;
	c->len = slash == NULL ? len : (size_t)(slash - s);
}

static void
component_next(struct component *c)
{
	const char	*s = c->p + c->len;

	if (s == c->end)
		c->p = NULL;
	else
		component_first(c, s, (size_t)(c->end - s));
}

int
match_split(const char *pattern, size_t len, struct match_part *parts)
{
	struct component	 c;
	unsigned		 n, wildcards = 0, any_depth = 0;
	int			 count = 0;

	component_first(&c, pattern, len);
	for (; c.p != NULL; component_next(&c)) {
		n = count_wildcards(c.p, c.len);
		parts[count++] = (struct match_part){
			.p = c.p,
			.len = (uint32_t)c.len,
			.wild = n > 0,
			.any_depth = is_any_depth(c.p, c.len),
		};
		wildcards += n;
		any_depth += is_any_depth(c.p, c.len);
	}
	return wildcards > MATCH_WILDCARDS_MAX || any_depth > 1 ? -1 : count;
}

/*
 * The algorithm of match_bytes(), with components for bytes and "**" for '*'.
 * The pattern may end early, at a directory above the path.
 */
int
match_covers(const char *pattern, size_t len, const char *path,
    size_t path_len)
{
	struct component	 p, s, star_p, star_s;

	component_first(&p, pattern, len);
	component_first(&s, path, path_len);
	star_p = p;
	star_s = s;
	star_s.p = NULL;
	while (p.p != NULL && s.p != NULL) {
		if (is_any_depth(p.p, p.len)) {
			component_next(&p);
			star_p = p;
			star_s = s;
		} else if (match_bytes(p.p, p.len, s.p, s.len)) {
			component_next(&p);
			component_next(&s);
		} else {
			if (star_s.p == NULL)
				return 0;
			component_next(&star_s);
			s = star_s;
			p = star_p;
		}
	}
	return p.p == NULL;
}
