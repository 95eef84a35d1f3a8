/* SPDX-License-Identifier: ISC */
/*
 * A string without a NUL, within the memory of its caller.  Pure.
 */
#ifndef STR_H
#define STR_H

#include <stdbool.h>
#include <stddef.h>

/* p is NULL if there is no string. */
struct str {
	const char	*p;
	size_t		 len;
};

/* Compare with a word, ignoring ASCII case; false without a string. */
bool	str_is(struct str, const char *word);

/* Returns the string without blanks and tabs at both ends. */
struct str str_trim(struct str);

#endif
