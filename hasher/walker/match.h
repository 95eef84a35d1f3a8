/*
 * Globs over bytes.  Pure.
 *
 * All of it takes time of at most (bytes of pattern) times (bytes of name),
 * whatever a stranger puts into the pattern.
 */
#ifndef MATCH_H
#define MATCH_H

#include <stdbool.h>
#include <stddef.h>

#define MATCH_WILDCARDS_MAX	16	/* in a pattern: * ? […] and ** */

/* 1 if it contains * ? or [. */
int	match_is_pattern(const char *, size_t);

/* 0, or -1: too many wildcards, or more than one **. */
int	match_check(const char *pattern, size_t);

/* How many wildcards are in this component; ** is one. */
unsigned match_wildcards(const char *component, size_t);

/* 1 if this component is **. */
int	match_is_any_depth(const char *component, size_t);

/*
 * One component against one component of a pattern: * ? […] [!…], never a
 * leading dot unless the pattern has it literally; backslash is an ordinary
 * byte; a [ without its ] is one too, and so is a ] that comes first within
 * brackets.
 */
int	match_component(const char *pattern, size_t, const char *name, size_t);

/*
 * Does the pattern match the path or a directory above it?  ** stands for
 * zero or more components; as the last component it means at least one.
 * Unlike in match_component() a wildcard also matches a leading dot: an
 * administrator who denies a directory's files means all of them.
 */
int	match_covers(const char *pattern, size_t, const char *path, size_t);

#endif
