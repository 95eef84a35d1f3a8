/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "common/msg.h"
#include "common/tree_path.h"

/* A slash ends a name, and comes before every byte of a longer one. */
static int
byte_rank(char c)
{
	return c == '/' ? 0 : (unsigned char)c;
}

int
tree_path_compare(struct str a, struct str b)
{
	size_t i, n = a.len < b.len ? a.len : b.len;

	for (i = 0; i < n; i++)
		if (a.p[i] != b.p[i])
			return byte_rank(a.p[i]) - byte_rank(b.p[i]);
	return a.len < b.len ? -1 : a.len > b.len;
}

bool
tree_path_is_in(struct str path, struct str tree)
{
	return path.len >= tree.len &&
	    memcmp(path.p, tree.p, tree.len) == 0 &&
	    (path.len == tree.len || path.p[tree.len] == '/');
}

bool
tree_path_is_plain(struct str path)
{
	const char *at = path.p, *end = path.p + path.len, *next;
	size_t n;

	if (path.len == 0 || path.len > SPEC_MAX || *at != '/' ||
	    memchr(at, '\0', path.len) != NULL)
		return false;
	for (; at < end; at = next) {
		at++;
		next = memchr(at, '/', (size_t)(end - at));
		if (next == NULL)
			next = end;
		n = (size_t)(next - at);
		if (n == 0 || (n <= 2 && memcmp(at, "..", n) == 0))
			return false;
	}
	return true;
}
