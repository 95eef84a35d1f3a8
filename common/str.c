#include <string.h>

#include "common/str.h"

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool
str_is(struct str s, const char *word)
{
	size_t i;

	if (s.p == NULL || s.len != strlen(word))
		return false;
	for (i = 0; i < s.len; i++)
		if (lower(s.p[i]) != word[i])
			return false;
	return true;
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
