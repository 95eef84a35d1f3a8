/* SPDX-License-Identifier: ISC */
#include "tests/lib/test.h"
#include "tests/lib/text.h"

struct str
str_of(const char *text)
{
	struct str s = { text, strlen(text) };

	return s;
}

void
check_str(struct str s, const char *expect)
{
	ATF_REQUIRE_MSG(s.p != NULL, "absent, not \"%s\"", expect);
	ATF_CHECK_MSG(s.len == strlen(expect) &&
	    memcmp(s.p, expect, s.len) == 0, "\"%.*s\" is not \"%s\"",
	    (int)s.len, s.p, expect);
}

const char *
hex(const uint8_t *bytes, size_t n)
{
	static char text[2 * 32 + 1];
	size_t i;

	for (i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return text;
}

char *
as_string(struct buf *b)
{
	char *s = strndup(b->len > 0 ? (char *)b->data : "", b->len);

	ATF_REQUIRE(s != NULL);
	buf_free(b);
	return s;
}
