/* SPDX-License-Identifier: ISC */
#include "pkgtorrentd/front/http/http.h"
#include "tests/lib/test.h"
#include "tests/lib/text.h"

static const struct {
	const char	*field;
	bool		 html;
} rows[] = {
	{ "text/html", true }, { "TEXT/HTML", true },
	{ "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,"
	    "image/webp,*/*;q=0.8", true },		/* a browser */
	{ "text/html, text/*;q=0.5, image/*, application/*", true }, /* w3m */
	{ "text/plain, text/html;q=0.1", true },
	{ " text/html ;level=1 ; q=0.001", true },
	{ "text/html;q=1.0", true }, { "text/html;q=.", false },
	{ "text/html;q=0", false }, { "text/html;Q=0.000", false },
	{ "text/html; q=0., */*", false }, { "text/html;level=0", true },
	{ "text/html;level=1;q=0", false },
	{ "text/html;q=0, text/html;level=1", true },
	{ "text/html;q=", true }, { "text/html;q=00", false },
	{ "*/*", false }, { "text/*", false }, { "", false }, { ",;,", false },
	{ "text/plain", false }, { "application/xhtml+xml", false },
	{ "text/html5", false }, { "xtext/html", false },
	{ "text/ html", false }, { "a;text/html", false },
	{ "a/b;c=\"x,text/html,y\"", false },
	{ "a/b;c=\"x\\\",text/html,y\"", false },
	{ "a/b;c=\"x\",text/html", true },
	{ "text/html;c=\";q=0\"", true }, { "a/b;c=\",text/html", false },
};

TEST(accept__names)
{
	EACH(row, rows)
		ATF_CHECK_EQ_MSG(http_accepts(str_of(row->field), "text/html"),
		    row->html, "%s", row->field);
	ATF_CHECK(!http_accepts((struct str){ NULL, 0 }, "text/html"));
	ATF_CHECK(http_accepts(str_of("a/b"), "a/b"));
}

/* RFC 9110 5.3: several lines are one list. */
TEST(accept__lines)
{
	static const struct {
		const char	*lines;
		bool		 html;
	} heads[] = {
		{ "", false }, { "Accept: text/html\r\n", true },
		{ "accept:a/b\r\nACCEPT: text/html\r\n", true },
		{ "Accept: text/html\r\nAccept: a/b\r\nAccept: c/d\r\n", true },
		{ "Accept: a/b\r\nAccept: text/html;q=0\r\n", false },
		{ "Accept-Language: text/html\r\n", false },
	};
	struct http_request	 req;
	const char		*head, *why;

	EACH(row, heads) {
		head = fmt("GET / HTTP/1.1\r\nHost: h\r\n%s\r\n", row->lines);
		ATF_REQUIRE_EQ_MSG(http_parse(head, strlen(head), &req, &why),
		    0, "%s", why);
		ATF_CHECK_EQ_MSG(http_accepts(req.field[FIELD_ACCEPT],
		    "text/html"), row->html, "%s", row->lines);
	}
}
