/* SPDX-License-Identifier: ISC */
/*
 * Patterns over bytes.  Pure.
 *
 * Every function takes time of at most (bytes of pattern) times (bytes of
 * name), for any pattern that a client may send.
 */
#ifndef MATCH_H
#define MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MATCH_WILDCARDS_MAX	16	/* in a pattern: * ? […] and ** */

/* One component of a pattern; p points into the pattern. */
struct match_part {
	const char	*p;
	uint32_t	 len;
	bool		 wild;		/* has a wildcard */
	bool		 any_depth;	/* is ** */
};

/* Do the bytes contain * ? or [? */
static inline bool
match_is_pattern(const char *s, size_t len)
{
	return memchr(s, '*', len) != NULL || memchr(s, '?', len) != NULL ||
	    memchr(s, '[', len) != NULL;
}

/*
 * Split a pattern at its slashes.  It begins with a slash; parts has room for
 * one part per slash.  Returns the number of parts, or -1 if there are too
 * many wildcards or more than one **.
 */
int	match_split(const char *pattern, size_t, struct match_part *parts);

/*
 * Does the name match this one component?  * ? […] [!…]; a wildcard never
 * matches a leading dot; backslash is an ordinary byte; so is a [ without its
 * ], and a ] that comes first within brackets.
 */
int	match_component(const char *pattern, size_t, const char *name, size_t);

/*
 * Does the pattern match the path or a directory above it?  ** stands for
 * zero or more components; as the last component it means at least one.
 * Unlike in match_component() a wildcard also matches a leading dot: a denied
 * pattern covers hidden files too.
 */
int	match_covers(const char *pattern, size_t, const char *path, size_t);

#endif
