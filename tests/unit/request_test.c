/* SPDX-License-Identifier: ISC */
#include "pkgtorrentd/front/http/request.h"
#include "tests/lib/test.h"
#include "tests/lib/text.h"

#define S		"/yum/torrent_service/"
#define HEX		"da39a3ee5e6b4b0d3255bfef95601890afd80709"

static struct request req;
static const char *why, *allow;

static int
route(const char *target, enum http_method method)
{
	return request_route(str_of(target), method, "torrent_service", &req,
	    &why, &allow);
}

static int
get(const char *target)
{
	return route(target, HTTP_GET);
}

/* The path must be found through every way of escaping. */
static const struct {
	const char		*target;
	enum request_kind	 kind;
	const char		*path;
} paths[] = {
	{ S "single/yum/a.rpm", REQUEST_SINGLE, "/yum/a.rpm" },
	{ S "simple/yum/a.rpm", REQUEST_SIMPLE, "/yum/a.rpm" },
	{ S "meta4/yum/a.rpm", REQUEST_META4, "/yum/a.rpm" },
	{ S "meta4/yum/a.rpm?piece=x", REQUEST_META4, "/yum/a.rpm" },
	{ S "single/a", REQUEST_SINGLE, "/a" },
	{ S "single/yum/**/*.rpm", REQUEST_SINGLE, "/yum/**/*.rpm" },
	{ S "single/a?p=/b", REQUEST_SINGLE, "/a" },
	{ S "single/a%3Fb", REQUEST_SINGLE, "/a?b" },
	{ S "single/a+b%20c%2bd", REQUEST_SINGLE, "/a+b c+d" },
	{ S "single/a%252e", REQUEST_SINGLE, "/a%2e" },
	{ S "single/%c3%A4\\", REQUEST_SINGLE, "/\xc3\xa4\\" },
	{ S "single/%5B!a%5d", REQUEST_SINGLE, "/[!a]" },
	{ S "single/.hidden/...", REQUEST_SINGLE, "/.hidden/..." },
	{ S "single/..a/b..", REQUEST_SINGLE, "/..a/b.." },
	{ S "single//yum///a", REQUEST_SINGLE, "/yum/a" },
	{ S "single/%2fyum%2Fa", REQUEST_SINGLE, "/yum/a" },
	{ S "single" S "single/a", REQUEST_SINGLE, S "single/a" },
	{ "//yum/torrent_service/single/a", REQUEST_SINGLE, "/a" },
	{ "/yum//torrent_service//single//a", REQUEST_SINGLE, "/a" },
	{ "/yum/torrent%5Fservice/single/a", REQUEST_SINGLE, "/a" },
	{ "/yum/torrent%5fservice/%73ingle/a", REQUEST_SINGLE, "/a" },
	{ "/%C3%A4/torrent_service/simple/a", REQUEST_SIMPLE, "/a" },
	{ "/yum%2ftorrent_service/simple/a", REQUEST_SIMPLE, "/a" },
	{ "/torrent_service/torrent_service/single/a", REQUEST_SINGLE, "/a" },
	/* A target that is not the service's may be a mirror file. */
	{ "/", REQUEST_OTHER, "/" }, { "//", REQUEST_OTHER, "/" },
	{ "/?x", REQUEST_OTHER, "/" },
	{ "?x/y", REQUEST_OTHER, "/" },		/* of http://host?x/y */
	{ "/yum", REQUEST_OTHER, "/yum" }, { "/yum/", REQUEST_OTHER, "/yum/" },
	{ "/yum//a//", REQUEST_OTHER, "/yum/a/" },
	{ "/yum%2f", REQUEST_OTHER, "/yum/" },
	{ "/yum/a%20b", REQUEST_OTHER, "/yum/a b" },
	{ "/torrent_service/single/a", REQUEST_OTHER,
	    "/torrent_service/single/a" },
	{ "/a/b/torrent_service/single/a", REQUEST_OTHER,
	    "/a/b/torrent_service/single/a" },
	{ "/yum/torrent_services/single/a", REQUEST_OTHER,
	    "/yum/torrent_services/single/a" },
	{ "/yum/torrent_servic", REQUEST_OTHER, "/yum/torrent_servic" },
	{ "/yum/TORRENT_SERVICE/single/a", REQUEST_OTHER,
	    "/yum/TORRENT_SERVICE/single/a" },
	{ "/yum/torrent%255Fservice/single/a", REQUEST_OTHER,
	    "/yum/torrent%5Fservice/single/a" },
	{ "/yum?/torrent_service/single/a", REQUEST_OTHER, "/yum" },
	{ "/...", REQUEST_OTHER, "/..." },
	/* A component that counts as nothing. */
	{ "/.", REQUEST_OTHER, "/" }, { "/./", REQUEST_OTHER, "/" },
	{ "/%2e", REQUEST_OTHER, "/" }, { "/./a", REQUEST_OTHER, "/a" },
	{ "/././/a", REQUEST_OTHER, "/a" },
	{ "/a/./b", REQUEST_OTHER, "/a/b" },
	{ "/a%2f.%2Fb", REQUEST_OTHER, "/a/b" },
	{ "/a/.", REQUEST_OTHER, "/a/" }, { "/a/%2E/", REQUEST_OTHER, "/a/" },
	{ "/a./.b", REQUEST_OTHER, "/a./.b" },
	{ "/./yum/./torrent_service/./single/./a/./b", REQUEST_SINGLE,
	    "/a/b" },
	/* The page has the component above the service. */
	{ S, REQUEST_PAGE, "/yum" },
	{ S "?path=/../%zz", REQUEST_PAGE, "/yum" },
	{ "/yum/torrent_service", REQUEST_PAGE, "/yum" },
	{ "//y%20';/./torrent%5Fservice//./", REQUEST_PAGE, "/y ';" },
	{ "/torrent_service/torrent_service/", REQUEST_PAGE,
	    "/torrent_service" },
	{ "/torrent_service/", REQUEST_OTHER, "/torrent_service/" },
	{ "/yum/torrent_service.", REQUEST_OTHER, "/yum/torrent_service." },
};

static struct specs specs;

TEST(request__paths)
{
	int	status;

	EACH(row, paths) {
		memset(&req, 0xff, sizeof(req));
		status = get(row->target);
		ATF_CHECK_MSG(status == 0, "%s: %d %s", row->target,
		    status, why);
		ATF_CHECK_MSG(req.kind == row->kind, "%s: kind %d",
		    row->target, req.kind);
		ATF_CHECK_STREQ(req.path, row->path);
		ATF_CHECK_EQ(req.path_len, strlen(row->path));
		ATF_CHECK(why == NULL && allow == NULL);
	}
}

TEST(request__service_is_configured)
{
	ATF_REQUIRE_EQ(request_route(str_of("/a/b.c/single/d"), HTTP_GET,
	    "b.c", &req, &why, &allow), 0);
	ATF_CHECK_EQ(req.kind, REQUEST_SINGLE);
	ATF_REQUIRE_EQ(request_route(str_of(S "single/d"), HTTP_GET, "b.c",
	    &req, &why, &allow), 0);
	ATF_CHECK_EQ(req.kind, REQUEST_OTHER);
}

TEST(request__query)
{
	ATF_REQUIRE_EQ(get(S "digest/" HEX "?p=/a%zz?b&c"), 0);
	ATF_CHECK_EQ(req.query.len, 11);
	ATF_CHECK_EQ(memcmp(req.query.p, "p=/a%zz?b&c", 11), 0);
	ATF_REQUIRE_EQ(get("/yum?"), 0);
	ATF_CHECK(req.query.p != NULL);
	ATF_CHECK_EQ(req.query.len, 0);
	ATF_REQUIRE_EQ(get("/yum%3F"), 0);
	ATF_CHECK(req.query.p == NULL);
}

TEST(request__digest)
{
	static const uint8_t	bytes[SHA1_LEN] = {
		0xda, 0x39, 0xa3, 0xee, 0x5e, 0x6b, 0x4b, 0x0d, 0x32, 0x55,
		0xbf, 0xef, 0x95, 0x60, 0x18, 0x90, 0xaf, 0xd8, 0x07, 0x09 };
	static const char *const bad[] = { "digest", "digest/", "digest/1",
		"digest/" HEX "0", "digest/" HEX "/", "digest/" HEX "/a",
		"digest/DA39A3EE5E6B4B0D3255BFEF95601890AFD80709",
		"digest/ga39a3ee5e6b4b0d3255bfef95601890afd80709",
		"digest/%20a39a3ee5e6b4b0d3255bfef95601890afd80709" };
	char			 target[128];

	ATF_REQUIRE_EQ(get(S "digest/" HEX), 0);
	ATF_CHECK_EQ(req.kind, REQUEST_DIGEST);
	ATF_CHECK_EQ(memcmp(req.digest, bytes, SHA1_LEN), 0);
	ATF_CHECK_EQ(req.path_len, 0);
	ATF_CHECK_STREQ(req.path, "");
	ATF_CHECK_EQ(get("//yum/torrent%5Fservice//digest//%64a39a3ee5e6b4b0d"
	    "3255bfef95601890afd80709?p="), 0);
	ATF_CHECK_EQ(memcmp(req.digest, bytes, SHA1_LEN), 0);
	EACH(each, bad) {
		snprintf(target, sizeof(target), S "%s", *each);
		ATF_CHECK_EQ_MSG(get(target), 400, "%s", target);
	}
}

static const struct {
	const char	*name;
	int		 status;
	uint64_t	 len;
} nullfiles[] = {
	{ "/0", 0, 0 }, { "/0_0", 0, 0 }, { "/1_0", 0, 1 },
	{ "/1048576", 0, 1048576 }, { "/1048576_7", 0, 1048576 },
	{ "/16777216_0", 0, 16777216 },
	{ "/16777217", 403, 0 }, { "/16777217_7", 403, 0 },
	{ "/4294967296_0", 403, 0 }, { "/18446744073709551616_0", 403, 0 },
	{ "/18446744073709551617_0", 403, 0 },
	{ "/99999999999999999999999999999999999999_0", 403, 0 },
	{ "/0000000000000000000000000000000000000007_0", 0, 7 },
	{ "/7_18446744073709551616184467440737095516", 0, 7 },
	{ "/%37_%30", 0, 7 }, { "//7", 0, 7 }, { "/7?p=x", 0, 7 },
	{ "", 400, 0 }, { "/", 400, 0 }, { "/_", 400, 0 }, { "/_1", 400, 0 },
	{ "/1_", 400, 0 }, { "/1_x", 400, 0 }, { "/1_-1", 400, 0 },
	{ "/1_1_1", 400, 0 }, { "/-1", 400, 0 }, { "/+1", 400, 0 },
	{ "/%2b1", 400, 0 }, { "/%201", 400, 0 }, { "/1%20", 400, 0 },
	{ "/0x1", 400, 0 }, { "/1e1", 400, 0 }, { "/1.0", 400, 0 },
	{ "/a", 400, 0 }, { "/1/", 400, 0 }, { "/1/2", 400, 0 },
	{ "/99999999999999999999x", 400, 0 },
};

TEST(request__nullfile)
{
	char	target[128];

	EACH(row, nullfiles) {
		snprintf(target, sizeof(target), S "nullfile%s", row->name);
		ATF_CHECK_EQ_MSG(get(target), row->status, "%s", target);
		if (row->status != 0)
			continue;
		ATF_CHECK_EQ(req.kind, REQUEST_NULLFILE);
		ATF_CHECK_EQ_MSG(req.null_len, row->len, "%s", target);
	}
}

#define SINGLE	S "single/a"
#define SIMPLE	S "simple/a"
#define DIGEST	S "digest/" HEX

/* The piece length of a query, in which other fields may be anything. */
static const struct {
	const char	*target;
	int		 status;
	bool		 piece_auto;
} pieces[] = {
	{ SINGLE, 0, false }, { SINGLE "?", 0, false },
	{ SINGLE "?piece=auto", 0, true }, { SIMPLE "?piece=auto", 0, true },
	{ DIGEST "?piece=auto", 0, true },
	{ DIGEST "?p=/a&piece=auto&p=/b", 0, true },
	{ SINGLE "?%70iec%65=%61uto", 0, true },
	{ SINGLE "?&&piece=auto&", 0, true },
	{ SINGLE "?a=%zz&%=1&=&piece=auto", 0, true },
	{ SINGLE "?pieces=auto&piec=1&Piece=1&piece%00=1", 0, false },
	{ SINGLE "?x?piece=1", 0, false },
	{ SINGLE "?piece", 400, false }, { SINGLE "?piece=", 400, false },
	{ SINGLE "?piece=Auto", 400, false },
	{ SINGLE "?piece=auto%00", 400, false },
	{ SINGLE "?piece=auto+", 400, false },
	{ SINGLE "?piece=1048576", 400, false },
	{ SINGLE "?piece=%zz", 400, false },
	{ SINGLE "?piece=auto=", 400, false },
	{ SINGLE "?piece=autoautoautoautoautoauto", 400, false },
	{ SINGLE "?piece=auto&piece=auto", 400, false },
	{ SINGLE "?piece=auto&x&p%69ece=1", 400, false },
	{ DIGEST "?piece=1", 400, false }, { SIMPLE "?piece=1", 400, false },
	/* Not there. */
	{ S "nullfile/1?piece=1", 0, false }, { "/yum/a?piece=1", 0, false },
};

TEST(request__piece)
{
	EACH(row, pieces) {
		ATF_CHECK_EQ_MSG(get(row->target), row->status, "%s",
		    row->target);
		if (row->status == 0)
			ATF_CHECK_EQ_MSG(req.piece_auto, row->piece_auto, "%s",
			    row->target);
	}
	/* In the target of a POST, not in its body. */
	ATF_CHECK_EQ(route(DIGEST "?piece=auto", HTTP_POST), 0);
	ATF_CHECK(req.piece_auto);
	ATF_CHECK_EQ(route(DIGEST "?piece=1", HTTP_POST), 400);
	ATF_CHECK_EQ(route(SINGLE "?piece=auto", HTTP_HEAD), 0);
	ATF_CHECK(req.piece_auto);
	ATF_CHECK_EQ(get(SINGLE), 0);
	ATF_CHECK(!req.piece_auto);
}

TEST(request__tracker)
{
	static const uint8_t	token[] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
		0xcd, 0xef };
	static const char	*const bad[] = { "t", "t/", "t/announce",
		"t/0123456789abcdef", "t/0123456789abcdef/",
		"t/0123456789abcdef/announces", "t/0123456789abcdef/stats",
		"t/0123456789abcdef/announce/", "t/0123456789abcde/announce",
		"t/0123456789abcdef0/announce", "t/0123456789ABCDEF/announce",
		"t/0123456789abcdeg/announce", "t0123456789abcdef/announce" };
	char			 target[128];

	ATF_REQUIRE_EQ(get(S "t/0123456789abcdef/announce?info_hash=%zz"), 0);
	ATF_CHECK_EQ(req.kind, REQUEST_ANNOUNCE);
	ATF_CHECK_EQ(0, memcmp(req.token, token, sizeof(token)));
	ATF_CHECK_EQ(req.query.len, 13);
	ATF_CHECK_EQ(req.path_len, 0);
	ATF_REQUIRE_EQ(get("//yum//torrent%5Fservice/t/0123456789abcdef/"
	    "scrape"), 0);
	ATF_CHECK_EQ(req.kind, REQUEST_SCRAPE);
	ATF_CHECK_EQ(0, memcmp(req.token, token, sizeof(token)));
	EACH(each, bad) {
		snprintf(target, sizeof(target), S "%s", *each);
		ATF_CHECK_EQ_MSG(get(target), 404, "%s", target);
	}
	ATF_CHECK_EQ(route(S "t/0123456789abcdef/announce", HTTP_POST), 405);
	ATF_CHECK_STREQ(allow, "GET, HEAD, OPTIONS");
	ATF_CHECK_EQ(route(S "t/0123456789abcdef/announce", HTTP_OPTIONS), 0);
}

TEST(request__methods)
{
	static const struct {
		const char	*target;
		const char	*allow;
	} rows[] = {
		{ S "single/a", "GET, HEAD, OPTIONS" },
		{ S "simple/a", "GET, HEAD, OPTIONS" },
		{ S "meta4/a", "GET, HEAD, OPTIONS" },
		{ S "nullfile/1_0", "GET, HEAD, OPTIONS" },
		{ S "digest/" HEX, "GET, HEAD, POST, OPTIONS" },
		{ "/yum/a", "GET, HEAD, OPTIONS" },
		{ S, "GET, HEAD, OPTIONS" },
	};
	bool	post;

	EACH(row, rows) {
		ATF_CHECK_EQ(route(row->target, HTTP_GET), 0);
		ATF_CHECK_EQ(route(row->target, HTTP_HEAD), 0);
		post = strstr(row->allow, "POST") != NULL;
		ATF_CHECK_EQ(route(row->target, HTTP_POST), post ? 0 : 405);
		ATF_CHECK_EQ(route(row->target, HTTP_OTHER), 405);
		ATF_REQUIRE(allow != NULL);
		ATF_CHECK_STREQ(allow, row->allow);
		ATF_CHECK(why != NULL);
		allow = NULL;
		ATF_CHECK_EQ(route(row->target, HTTP_OPTIONS), 0);
		ATF_REQUIRE(allow != NULL);
		ATF_CHECK_STREQ(allow, row->allow);
	}
	ATF_CHECK_EQ(route("*", HTTP_OPTIONS), 0);
	ATF_CHECK_STREQ(allow, "GET, HEAD, POST, OPTIONS");
	ATF_CHECK_EQ(route(S "other", HTTP_OPTIONS), 404);
	ATF_CHECK_EQ(route("/%zz", HTTP_OPTIONS), 400);
	ATF_CHECK_EQ(route("**", HTTP_OPTIONS), 400);
	/* A missing target is missing for every method. */
	ATF_CHECK_EQ(route(S "other", HTTP_POST), 404);
	ATF_CHECK(allow == NULL);
}

static const struct {
	const char	*target;
	int		 status;
} refused[] = {
	{ "", 400 }, { "a", 400 }, { "?", 0 }, { "*", 400 },
	{ "%2fa", 0 },		/* the parser asks for a raw slash */
	{ "/%", 400 }, { "/%2", 400 }, { "/%2g", 400 },
	{ "/%g2", 400 }, { "/%%20", 400 }, { "/% 20", 400 },
	{ "/a%00", 400 }, { "/a%01", 400 }, { "/a%1F", 400 },
	{ "/a%7f", 400 }, { "/a%0A", 400 }, { "/a%80", 0 },
	{ "/a%20", 0 }, { "/a%fF", 0 }, { "/a\nb", 400 },
	{ "/..", 400 }, { "/./..", 400 }, { "/.././a", 400 },
	{ "/../a", 400 }, { "/a/..", 400 }, { "/a/../b", 400 },
	{ "//..//", 400 }, { "/%2E%2e", 400 }, { "/a%2f..", 400 },
	{ "/..%2fa", 400 }, { "/a?/../%zz", 0 }, { "/%2e%2e%2e", 0 },
	{ "/%252e%252e", 0 }, { "/../torrent_service/single/a", 400 },
	{ S "../single/a", 400 }, { S "single/..", 400 },
	{ S "single/.", 404 }, { S "single/a/", 400 }, { S "single/a/.", 400 },
	{ S "single/a%2f", 400 }, { S "single", 404 },
	{ S "single/", 404 }, { S "single//", 404 },
	{ S "simple/", 404 }, { S "single?a", 404 }, { S "singleton/a", 404 },
	{ S "x", 404 }, { "/yum/torrent_service/x/", 404 },
	{ S "meta4/", 404 }, { S "meta4/a/", 400 }, { S "meta/a", 404 },
	{ S "Single/a", 404 }, { S "info/a", 404 },
};

TEST(request__refused)
{
	int	status;

	EACH(row, refused) {
		status = get(row->target);
		ATF_CHECK_MSG(status == row->status, "%s: %d, not %d",
		    row->target, status, row->status);
		ATF_CHECK_EQ(why == NULL, status == 0);
	}
}

TEST(request__path_limit)
{
	static char	target[HTTP_LINE_MAX + 2];
	size_t		prefix = strlen(S "single");

	memset(target, 'a', sizeof(target) - 1);
	memcpy(target, S "single/", prefix + 1);
	target[prefix + SPEC_MAX] = '\0';
	ATF_REQUIRE_EQ(get(target), 0);
	ATF_CHECK_EQ(req.path_len, SPEC_MAX);
	target[prefix + SPEC_MAX] = 'a';
	target[prefix + SPEC_MAX + 1] = '\0';
	ATF_CHECK_EQ(get(target), 414);
	/* Escapes count as the bytes they stand for. */
	memcpy(target + prefix + 1, "%61", 3);
	ATF_CHECK_EQ(get(target), 0);

	/* Nothing longer comes from the parser, yet it must not overflow. */
	memset(target, 'a', sizeof(target) - 1);
	target[0] = '/';
	target[HTTP_LINE_MAX - 1] = '\0';
	ATF_REQUIRE_EQ(get(target), 0);
	ATF_CHECK_EQ(req.path_len, HTTP_LINE_MAX - 1);
	target[HTTP_LINE_MAX - 1] = 'a';
	ATF_CHECK_EQ(get(target), 414);
	target[HTTP_LINE_MAX - 1] = '?';
	ATF_CHECK_EQ(get(target), 0);
}

TEST(request__check_path)
{
	static const char *const good[] = { "/a", "/a/b", "/.hidden", "/...",
		"/..a", "/a..", "/ ", "/a b", "/*", "/**/a", "/\xff\x80",
		"/%2e%2e", "/\\", "/a:b?c#d", "/~", "/./a", "/a/./b",
		"/././a" };
	static const char *const bad[] = { "", "a", "a/b", "/", "//", "//a",
		"/a/", "/a//b", "/.", "/..", "/./..", "/../a", "/a/.",
		"/a/..", "/a/./.", "/./", "/a/../b", "/a\nb", "/\x01", "/\x7f",
		"/a\x1f", " /a", "\n/a" };
	static char	 path[SPEC_MAX + 1] = "/";

	EACH(each, good)
		ATF_CHECK_EQ_MSG(spec_check(*each, strlen(*each),
		    &why), 0, "%s", *each);
	EACH(each, bad) {
		why = NULL;
		ATF_CHECK_EQ_MSG(spec_check(*each, strlen(*each),
		    &why), 400, "%s", *each);
		ATF_CHECK(why != NULL);
	}
	ATF_CHECK_EQ(spec_check("/a\0b", 4, &why), 400);
	ATF_CHECK_EQ(spec_check("/a/..b", 5, &why), 400);
	memset(path + 1, 'a', sizeof(path) - 1);
	ATF_CHECK_EQ(spec_check(path, SPEC_MAX, &why), 0);
	ATF_CHECK_EQ(spec_check(path, SPEC_MAX + 1, &why), 400);
}

/* The specs of a form, joined by newlines; "400" and such if refused. */
static void
check_form(const char *form, uint32_t max, const char *expect)
{
	char		text[256] = "";
	uint32_t	lines = 0;
	size_t		i;
	int		status;

	status = request_form(form, strlen(form), max, &specs, &why);
	if (status != 0)
		snprintf(text, sizeof(text), "%d", status);
	else if (specs.n > 0)
		snprintf(text, sizeof(text), "%.*s", (int)specs.text.len,
		    (char *)specs.text.data);
	ATF_CHECK_EQ(why == NULL, status == 0);
	ATF_CHECK_MSG(strcmp(text, expect) == 0, "%s: %s, not %s", form, text,
	    expect);
	if (status != 0)
		ATF_CHECK(specs.n == 0 && specs.text.data == NULL);
	for (i = 0; i < specs.text.len; i++)
		lines += specs.text.data[i] == '\n';
	ATF_CHECK_EQ(specs.n, specs.text.len > 0 ? lines + 1 : 0);
	specs_free(&specs);
	ATF_CHECK(specs.n == 0 && specs.text.data == NULL);
}

static const struct {
	const char	*form;
	const char	*specs;
} forms[] = {
	{ "", "" }, { "p=/a", "/a" }, { "p=%2Fa%2fb", "/a/b" },
	{ "p=/b&p=/a&p=/b", "/b\n/a\n/b" }, { "p=/a+b%2Bc", "/a b+c" },
	{ "p=/a%252e", "/a%2e" }, { "p=/a=b=", "/a=b=" },
	{ "p=/a;p=/b", "/a;p=/b" }, { "p=/%c3%a4", "/\xc3\xa4" },
	{ "p=/\xc3\xa4", "/\xc3\xa4" }, { "p=/a?b#c", "/a?b#c" },
	{ "p=/*/[a-z]?", "/*/[a-z]?" },
	{ "p=/.hidden/...", "/.hidden/..." }, { "%70=/a", "/a" },
	/* As it was sent, for the digest's sake. */
	{ "p=/a/./b&p=/%2e/a", "/a/./b\n/./a" },
	/* Blank fields and others do not count. */
	{ "p=", "" }, { "p", "" }, { "&", "" }, { "&&p=/a&&", "/a" },
	{ "p=&p=/a&p=", "/a" }, { "=/a", "" }, { "P=/a", "" }, { "pp=/a", "" },
	{ "+p=/a&p+=/b", "" }, { "q=../..&q=%00%0a&p=/a", "/a" },
	{ "a%3dp=/a", "" }, { "q=%xx", "" }, { "q=%xx&p=/a", "/a" },
	{ "p=/a&%=", "/a" }, { "p=/a&%4=", "/a" }, { "p=/a&%zz", "/a" },
	{ "p%=/a", "" }, { "%p=/a&%7=/b&%7&p=/c", "/c" },
	/* Refused. */
	{ "p=a", "400" }, { "p=+", "400" }, { "p=+/a", "400" },
	{ "p=/", "400" }, { "p=/a/", "400" }, { "p=//a", "400" },
	{ "p=/a/.", "400" }, { "p=/a/%2e", "400" }, { "p=/./..", "400" },
	{ "p=/a/%2e%2e/b", "400" }, { "p=/a&p=/..", "400" },
	{ "p=/a%00", "400" }, { "p=/a%0a/b", "400" }, { "p=/a%0d%0a", "400" },
	{ "p=/a\r\n", "400" }, { "p=/a\tb", "400" }, { "p=/a%7F", "400" },
	{ "p=/a%", "400" }, { "p=/a%2", "400" }, { "p=/a%2&p=/b", "400" },
	{ "p=%", "400" }, { "%70=%zz", "400" }, { "p=/a%2x", "400" },
};

TEST(request__form)
{
	EACH(row, forms)
		check_form(row->form, 10, row->specs);
}

TEST(request__form_limits)
{
	static char	form[2 + SPEC_MAX + 8];

	check_form("p=/a&p=/b&p=/c", 3, "/a\n/b\n/c");
	check_form("p=/a&p=/b&p=/c&p=/d", 3, "413");
	check_form("p=/a&q=/b&p=&p=/c&", 2, "/a\n/c");

	memset(form, 'a', sizeof(form));
	memcpy(form, "p=/", 3);
	ATF_CHECK_EQ(request_form(form, 2 + SPEC_MAX, 1, &specs, &why), 0);
	ATF_CHECK_EQ(specs.text.len, SPEC_MAX);
	specs_free(&specs);
	ATF_CHECK_EQ(request_form(form, 2 + SPEC_MAX + 1, 1, &specs, &why),
	    400);
	memcpy(form + 3, "%61", 3);
	ATF_CHECK_EQ(request_form(form, 2 + SPEC_MAX + 2, 1, &specs, &why), 0);
	specs_free(&specs);
	/* A long field that is not ours is no matter. */
	form[0] = 'q';
	ATF_CHECK_EQ(request_form(form, sizeof(form), 1, &specs, &why), 0);
	ATF_CHECK_EQ(specs.n, 0);
}

/* Did somebody mean to send paths, though there are none? */
TEST(request__form_named)
{
	static const struct {
		const char	*form;
		bool		 named;
	} rows[] = {
		{ "p=/a", true }, { "p=", true }, { "p", true },
		{ "q=1&p", true }, { "%70", true }, { "p=&q=%zz", true },
		{ "", false }, { "&", false }, { "q=1", false },
		{ "=", false }, { "P=/a", false }, { "pp=/a", false },
		{ "%p=/a", false }, { "/yum/a", false },
		{ "{\"p\": [\"/yum/a\"]}", false },
	};

	EACH(row, rows) {
		ATF_CHECK_EQ(request_form(row->form, strlen(row->form),
		    9, &specs, &why), 0);
		ATF_CHECK_EQ_MSG(specs.named, row->named, "%s", row->form);
		specs_free(&specs);
		ATF_CHECK(!specs.named);
	}
}

TEST(request__form_absent)
{
	ATF_CHECK_EQ(request_form(NULL, 0, 1, &specs, &why), 0);
	ATF_CHECK_EQ(specs.n, 0);
}

/* Digests are made over this text: not a byte more, not one less. */
TEST(request__specs)
{
	size_t		i, len = 0;

	ATF_REQUIRE_EQ(specs_add(&specs, "/ab", 2), 0);
	ATF_CHECK_EQ(specs.text.len, 2);
	ATF_REQUIRE_EQ(specs_add(&specs, "/b", 2), 0);
	ATF_CHECK_EQ(specs.text.len, 5);
	ATF_CHECK_EQ(memcmp(specs.text.data, "/a\n/b", 5), 0);
	for (i = 0, len = 5; i < 1000; i++, len += 3)
		ATF_REQUIRE_EQ(specs_add(&specs, "/c", 2), 0);
	ATF_CHECK_EQ(specs.n, 1002);
	ATF_CHECK_EQ(specs.text.len, len);
	specs_free(&specs);
}

/* The field path of a page's query. */
static const struct {
	const char	*query;
	const char	*text;		/* NULL: refused */
} typed[] = {
	{ "", "" }, { "path=", "" }, { "path", "" }, { "x=/a&paths=/b", "" },
	{ "path=/a", "/a" }, { "%70ath=%2fa+b%2B", "/a b+" },
	{ "a=%zz&path=%27;%00", "\'" }, { "&&path=/a=b&", "/a=b" },
	{ "path=%zz", NULL }, { "path=%2", NULL },
	{ "path=/a&path=/b", NULL }, { "path&path=/b", NULL },
};

TEST(request__typed)
{
	static char	out[HTTP_LINE_MAX], query[3 * HTTP_LINE_MAX];
	size_t		len;
	int		status;

	EACH(row, typed) {
		status = request_typed(str_of(row->query), out, &len, &why);
		ATF_CHECK_EQ_MSG(status, row->text == NULL ? 400 : 0, "%s",
		    row->query);
		ATF_CHECK_EQ(why == NULL, status == 0);
		if (status == 0)
			check_str((struct str){ out, strlen(row->text) },
			    row->text);
	}
	ATF_CHECK_EQ(request_typed((struct str){ NULL, 0 }, out, &len, &why),
	    0);
	ATF_CHECK_EQ(len, 0);
	/* Nothing longer comes from the parser, yet it must not overflow. */
	memset(query, 'a', sizeof(query) - 1);
	memcpy(query, "path=", 5);
	query[5 + HTTP_LINE_MAX] = '\0';
	ATF_CHECK_EQ(request_typed(str_of(query), out, &len, &why), 0);
	ATF_CHECK_EQ(len, HTTP_LINE_MAX);
	query[5 + HTTP_LINE_MAX] = 'a';
	ATF_CHECK_EQ(request_typed(str_of(query), out, &len, &why), 414);
}
