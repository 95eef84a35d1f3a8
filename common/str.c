/* SPDX-License-Identifier: ISC */
#include <string.h>
#include <strings.h>

#include "common/str.h"

bool
str_is(struct str s, const char *word)
{
	return s.p != NULL && s.len == strlen(word) &&
	    strncasecmp(s.p, word, s.len) == 0;
}

struct str
str_trim(struct str s)
{
	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && (s.p[s.len - 1] == ' ' ||
	    s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}
