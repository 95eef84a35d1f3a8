/* SPDX-License-Identifier: ISC */
#include <stdint.h>
#include <string.h>

#include "common/info_paths.h"
#include "common/msg.h"
#include "common/str.h"
#include "common/tree_path.h"

/* Bencode that has been read up to here; at is NULL after a fault. */
struct reader {
	const char	*at;
	const char	*end;
};

static bool
reader_fail(struct reader *r)
{
	r->at = r->end = NULL;
	return false;
}

/* Take this byte if it is the next one. */
static bool
take(struct reader *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static bool
take_string(struct reader *r, struct str *out)
{
	uint64_t len = 0;

	if (r->at == r->end || *r->at < '0' || *r->at > '9')
		return reader_fail(r);
	for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++)
		if ((len = len * 10 + (uint64_t)(*r->at - '0')) > SIZE_MAX / 16)
			return reader_fail(r);
	if (!take(r, ':') || len > (size_t)(r->end - r->at))
		return reader_fail(r);
	*out = (struct str){ r->at, (size_t)len };
	r->at += len;
	return true;
}

/* Pass over a value, however deep it is. */
static bool
skip(struct reader *r)
{
	size_t depth = 0;
	struct str s;

	do {
		if (take(r, 'd') || take(r, 'l'))
			depth++;
		else if (depth > 0 && take(r, 'e'))
			depth--;
		else if (take(r, 'i')) {
			s.p = memchr(r->at, 'e', (size_t)(r->end - r->at));
			if (s.p == NULL)
				return reader_fail(r);
			r->at = s.p + 1;
		} else if (!take_string(r, &s))
			return false;
	} while (depth > 0);
	return true;
}

static bool
str_equal(struct str s, const char *word)
{
	return s.len == strlen(word) && memcmp(s.p, word, s.len) == 0;
}

/* Go to the value of this key in a dictionary, or to its end. */
static bool
find(struct reader *r, const char *key)
{
	struct str s;

	if (!take(r, 'd'))
		return reader_fail(r);
	while (!take(r, 'e')) {
		if (!take_string(r, &s))
			return false;
		if (str_equal(s, key))
			return true;
		if (!skip(r))
			return false;
	}
	return false;
}

/* A component of a path.  false: the path is longer than any. */
static bool
add(char path[SPEC_MAX], size_t *len, struct str s)
{
	if (s.len + 1 > SPEC_MAX - *len)
		return false;
	path[(*len)++] = '/';
	memcpy(path + *len, s.p, s.len);
	*len += s.len;
	return true;
}

/* The list of a file's path is next: is that in the tree? */
static bool
file_touches(struct reader *r, struct str name, struct str tree)
{
	char path[SPEC_MAX];
	size_t len = 0;
	struct str s;
	bool fits = add(path, &len, name);

	if (!take(r, 'l'))
		return !reader_fail(r);
	while (!take(r, 'e')) {
		if (!take_string(r, &s))
			return true;
		fits = fits && add(path, &len, s);
	}
	return fits && tree_path_is_in((struct str){ path, len }, tree);
}

bool
info_paths_touch(const void *info, size_t len, struct str tree)
{
	struct reader all = { info, (const char *)info + len }, files = all;
	struct reader file;
	struct str name;

	if (!find(&all, "name") || !take_string(&all, &name) ||
	    !find(&files, "files") || !take(&files, 'l'))
		return true;
	while (!take(&files, 'e')) {
		file = files;
		if (!skip(&files) || !find(&file, "path") ||
		    file_touches(&file, name, tree))
			return true;
	}
	return false;
}
