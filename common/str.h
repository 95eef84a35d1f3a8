/* A stretch of somebody else's bytes, which outlive it.  Pure. */
#ifndef STR_H
#define STR_H

#include <stdbool.h>
#include <stddef.h>

/* p is NULL when it is absent. */
struct str {
	const char	*p;
	size_t		 len;
};

/* Compare with a lower-case word, ASCII case ignored; an absent one is no
   word. */
bool	str_is(struct str, const char *lower);

/* Without blanks and tabs at both ends. */
struct str str_trim(struct str);

#endif
