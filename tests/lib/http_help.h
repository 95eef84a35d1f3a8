/*
 * For tests of the HTTP parser: a request in a string, and what came of it.
 */
#ifndef HTTP_HELP_H
#define HTTP_HELP_H

#include <atf-c.h>
#include <string.h>

#include "pkgtorrentd/front/http/http.h"

static struct http_request req;
static const char *why;

static int
parse(const char *text)
{
	return http_parse(text, strlen(text), &req, &why);
}

static struct str
str_of(const char *text)
{
	struct str s = { text, strlen(text) };

	return s;
}

static void
check_str(struct str s, const char *expect)
{
	ATF_REQUIRE_MSG(s.p != NULL, "absent, not \"%s\"", expect);
	ATF_CHECK_MSG(s.len == strlen(expect) &&
	    memcmp(s.p, expect, s.len) == 0, "\"%.*s\" is not \"%s\"",
	    (int)s.len, s.p, expect);
}

#endif
