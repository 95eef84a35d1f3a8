/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <limits.h>
#include <time.h>

#include "pkgtorrentd/front/http/http.h"
#include "tests/lib/text.h"
#include "tests/lib/malformed.h"
#include "common/seal.h"
#include "pkgtorrentd/front/http/chunked.h"
#include "pkgtorrentd/front/http/head.h"
#include "pkgtorrentd/front/http/request.h"
#include "tests/lib/test.h"

#define H	"Host: mirror.example\r\n"
#define P	"X-Forwarded-Proto: "
#define GETH	"GET / HTTP/1.1\r\n" H

static struct http_request req;
static const char *why;

static int
parse(const char *text)
{
	return http_parse(text, strlen(text), &req, &why);
}

/* The body, decoded where it lies if it is chunked. */
static int
judge_body(char *bytes, size_t len)
{
	struct chunked	ch;
	size_t		used, body;
	int		status;

	if (!req.chunked)
		return len < req.head_len + req.content_length ? -1 : 0;
	ch = CHUNKED_START(2 << 20);
	status = chunked_decode(&ch, bytes + req.head_len, len - req.head_len,
	    &used, &body, &why);
	req.content_length = body;
	return status;
}

/* The status a service of default configuration answers with; -1: none yet,
   0: the request is fine so far. */
static int
judge(char *bytes, size_t len)
{
	static struct request	 request;
	struct specs		 specs = { 0 };
	const char		*allow;
	uint8_t			 digest[SHA1_LEN];
	int			 status, body;

	status = http_parse(bytes, len, &req, &why);
	if (status != 0)
		return status;
	body = judge_body(bytes, len);
	if (body > 0)
		return body;
	status = request_route(req.target, req.method, "torrent_service",
	    &request, &why, &allow);
	ATF_CHECK_EQ(status == 405 || (status == 0 &&
	    req.method == HTTP_OPTIONS), allow != NULL);
	if (status != 0 || request.kind != REQUEST_DIGEST)
		return status;
	if (body == -1)
		return -1;
	if (req.method == HTTP_POST)
		status = request_form(bytes + req.head_len,
		    req.content_length, 10, &specs, &why);
	else
		status = request_form(request.query.p, request.query.len, 10,
		    &specs, &why);
	if (status == 0 && req.content_length > 0 && !specs.named) {
		why = "there is no field named p";
		status = 400;
	}
	sha1(specs.text.data, specs.text.len, digest);
	if (specs.n > 0 && memcmp(digest, request.digest, SHA1_LEN) != 0) {
		why = "the digest is not that of the paths";
		status = 400;
	}
	specs_free(&specs);
	return status;
}

static const struct str absent;

/* The reason says more than that something is wrong. */
TEST(http__why)
{
	static const struct {
		const char	*text;
		const char	*part;
	} rows[] = {
		{ "\x16\x03\x01", "without TLS" },
		{ "GET /\r\n", "no version" },
		{ "GET  /", "more than one blank" }, { "GET /#", "fragment" },
		{ "GET /\xc3", "percent-encoded" },
		{ "GET / HTTP/1.1\n", "LF alone" },
		{ "GET / HTTP/1.1 x", "follows the version" },
		{ GETH "A: b\n", "LF alone" },
		{ GETH "A: b\rc", "CR without LF" },
		{ GETH "A: b\x01", "control byte" }, { GETH "\n", "LF alone" },
		{ GETH " b", "begins with a blank" },
		{ GETH "\tb", "begins with a blank" },
		{ GETH "A : b", "before its colon" },
		{ GETH "A\t: b", "before its colon" },
		{ GETH "A\r\n", "no colon" }, { GETH ": b", "name is empty" },
		{ GETH H, "two Host fields" },
		{ "GET / HTTP/1.1\r\n\r\n", "no Host field" },
	};

	EACH(row, rows) {
		ATF_CHECK_EQ(parse(row->text), 400);
		ATF_CHECK_MSG(strstr(why, row->part) != NULL, "%s: %s",
		    row->text, why);
	}
}

/* One line for a person, with no bytes of the client's. */
static int
is_helpful(const char *line)
{
	size_t	i;

	if (line == NULL || strlen(line) < 20 || strlen(line) > 200)
		return 0;
	for (i = 0; line[i] != '\0'; i++)
		if (line[i] < 0x20 || line[i] > 0x7e)
			return 0;
	return line[i - 1] != '.';
}

static size_t
read_malformed(const atf_tc_t *tc, const struct malformed **requests)
{
	return malformed_read(fmt("%s/../data/malformed.txt",
	    atf_tc_get_config_var(tc, "srcdir")), requests);
}

TEST(http__malformed)
{
	const struct malformed	*m;
	char			*copy;
	size_t			 n = read_malformed(tc, &m);
	int			 status;

	ATF_CHECK(n >= 150);
	for (; n > 0; n--, m++) {
		/* Nothing after it that a reader past the end would find. */
		copy = malloc(m->len);
		ATF_REQUIRE(copy != NULL);
		memcpy(copy, m->bytes, m->len);
		status = judge(copy, m->len);
		ATF_CHECK_MSG(status == m->status, "%s: %d, not %d",
		    m->name, status, m->status);
		ATF_CHECK_MSG(is_helpful(why), "%s: %s", m->name, why);
		free(copy);
	}
}

/* However a request is cut into packets, it gets the same answer. */
TEST(http__malformed_byte_by_byte)
{
	const struct malformed	*m;
	size_t			 n = read_malformed(tc, &m), len, step;
	int			 status;

	for (; n > 0; n--, m++) {
		step = m->len > 600 ? 61 : 1;
		for (len = 0; len < m->len; len += step) {
			status = http_parse(m->bytes, len, &req, &why);
			if (status == 0 && len >= req.head_len)
				break;
			ATF_CHECK_MSG(status == -1 || status == m->status,
			    "%s: %d after %zu bytes, not %d", m->name,
			    status, len, m->status);
		}
	}
}

TEST(http__first_byte_decides)
{
	static const char	bad[] = "\x16\x80\n\t (){}[]/:\"\x7f";
	size_t			i;

	for (i = 0; i < sizeof(bad); i++)	/* with its NUL */
		ATF_CHECK_EQ(http_parse(bad + i, 1, &req, &why), 400);
	ATF_CHECK_EQ(parse("G"), -1);
	ATF_CHECK_EQ(parse("\r"), -1);
	ATF_CHECK_EQ(parse(""), -1);
	ATF_CHECK_EQ(http_parse(NULL, 0, &req, &why), -1);
}

TEST(http__curl)
{
	static const char	text[] =
	    "GET /yum/torrent_service/single/a%20b?x=y HTTP/1.1\r\n"
	    "Host: localhost:8080\r\n"
	    "User-Agent: curl/7.88.1\r\n"
	    "Accept: */*\r\n"
	    "\r\n";

	ATF_REQUIRE_EQ(parse(text), 0);
	ATF_CHECK_EQ(req.method, HTTP_GET);
	check_str(req.line,
	    "GET /yum/torrent_service/single/a%20b?x=y HTTP/1.1");
	check_str(req.target, "/yum/torrent_service/single/a%20b?x=y");
	ATF_CHECK_EQ(req.minor, 1);
	check_str(req.host, "localhost");
	check_str(req.port, "8080");
	check_str(req.field[FIELD_USER_AGENT], "curl/7.88.1");
	ATF_CHECK(req.field[FIELD_RANGE].p == NULL);
	ATF_CHECK_EQ(req.nforwarded, 0);
	ATF_CHECK(req.keep_alive);
	ATF_CHECK(!req.expect_continue);
	ATF_CHECK_EQ(req.content_length, 0);
	ATF_CHECK_EQ(req.head_len, sizeof(text) - 1);
}

TEST(http__post_pipelined)
{
	static const char	text[] =
	    "POST /yum/torrent_service/digest/x HTTP/1.1\r\n"
	    "hOsT: mirror.example\r\n"
	    "content-TYPE: application/x-www-form-urlencoded\r\n"
	    "CONTENT-length: 6\r\n"
	    "Expect: 100-Continue\r\n"
	    "\r\n"
	    "p=%2Fa"
	    "GET / HTTP/1.1\r\n";

	ATF_REQUIRE_EQ(parse(text), 0);
	ATF_CHECK_EQ(req.method, HTTP_POST);
	ATF_CHECK_EQ(req.content_length, 6);
	ATF_CHECK(req.expect_continue);
	check_str(req.field[FIELD_CONTENT_TYPE],
	    "application/x-www-form-urlencoded");
	ATF_CHECK_EQ(memcmp(text + req.head_len, "p=%2FaGET", 9), 0);
}

TEST(http__needs_every_byte)
{
	static const char	text[] = "\r\n"
	    "HEAD /a HTTP/1.0\r\nHost: [::1]:80\r\nAccept:\r\n\r\n";
	size_t			len;

	for (len = 0; len < sizeof(text) - 1; len++)
		ATF_CHECK_EQ_MSG(http_parse(text, len, &req, &why), -1,
		    "%zu", len);
	ATF_REQUIRE_EQ(parse(text), 0);
	ATF_CHECK_EQ(req.method, HTTP_HEAD);
	ATF_CHECK_EQ(req.minor, 0);
	check_str(req.host, "[::1]");
	check_str(req.port, "80");
	ATF_CHECK_EQ(req.head_len, sizeof(text) - 1);
}

TEST(http__one_empty_line_before)
{
	ATF_CHECK_EQ(parse("\r\n" GETH "\r\n"), 0);
	check_str(req.line, "GET / HTTP/1.1");
	ATF_CHECK_EQ(parse("\r\n\r\n" GETH "\r\n"), 400);
}

TEST(http__all_fields)
{
	ATF_REQUIRE_EQ(parse(GETH
	    "Content-Type:a\r\n"
	    "range: \t b\r\n"
	    "IF-RANGE: c \t \r\n"
	    "If-None-Match: d\te\r\n"
	    "If-Modified-Since: f g\r\n"
	    "Referer:\r\n"
	    "User-Agent: \r\n"
	    "X-Forwarded-Proto: https\r\n"
	    "X-Forwarded-For: 192.0.2.1\r\n"
	    "x-forwarded-for: 192.0.2.2, 192.0.2.3\r\n"
	    "X-Forwarded-Fox: 192.0.2.4\r\n"
	    "Content_Length: 7\r\n"
	    "Content-Lengti: 7\r\n"
	    "X-Text: \xe4\xff\x80\r\n"
	    "!#$%&'*+-.^_`|~: x\r\n"
	    "\r\n"), 0);
	check_str(req.field[FIELD_CONTENT_TYPE], "a");
	check_str(req.field[FIELD_RANGE], "b");
	check_str(req.field[FIELD_IF_RANGE], "c");
	check_str(req.field[FIELD_IF_NONE_MATCH], "d\te");
	check_str(req.field[FIELD_IF_MODIFIED_SINCE], "f g");
	check_str(req.field[FIELD_REFERER], "");
	check_str(req.field[FIELD_USER_AGENT], "");
	check_str(req.field[FIELD_X_FORWARDED_PROTO], "https");
	ATF_REQUIRE_EQ(req.nforwarded, 2);
	check_str(req.forwarded[0], "192.0.2.1");
	check_str(req.forwarded[1], "192.0.2.2, 192.0.2.3");
	ATF_CHECK_EQ(req.content_length, 0);
}

TEST(http__forwarded_keeps_last)
{
	char	text[1024];
	int	i, n;

	n = snprintf(text, sizeof(text), "%s", GETH);
	for (i = 0; i < FORWARDED_MAX + 3; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
		    "X-Forwarded-For: 192.0.2.%d\r\n", i);
	snprintf(text + n, sizeof(text) - (size_t)n, "\r\n");
	ATF_REQUIRE_EQ(parse(text), 0);
	ATF_REQUIRE_EQ(req.nforwarded, FORWARDED_MAX);
	for (i = 0; i < FORWARDED_MAX; i++)
		check_str(req.forwarded[i], fmt("192.0.2.%d", i + 3));
}

TEST(http__repeats_that_are_harmless)
{
	ATF_REQUIRE_EQ(parse(GETH "User-Agent: a\r\nUser-Agent: b\r\n"
	    "Referer: c\r\nReferer: d\r\nAccept: x\r\nAccept: y\r\n"
	    "\r\n"), 0);
	check_str(req.field[FIELD_USER_AGENT], "a");
	check_str(req.field[FIELD_REFERER], "c");
}

/* Of several values it is known whether they are one. */
TEST(http__forwarded_proto)
{
	static const struct {
		const char	*fields;
		const char	*value;		/* NULL: they differ */
	} rows[] = {
		{ P "https\r\n" P "https\r\n", "https" },
		{ P "https\r\n" P "HTTPS\r\n" P "https\r\n", "https" },
		{ P "https, https\r\n", "https" },
		{ P " https ,\thttps\r\n" P "https\r\n", "https" },
		{ P ",https,,\r\n" P "\r\n", "https" },
		{ P "http,http\r\n", "http" }, { P "gopher\r\n", "gopher" },
		{ P "https\r\n" P "http\r\n", NULL },
		{ P "https, http\r\n", NULL }, { P "http, https\r\n", NULL },
		{ P "https, https, http\r\n", NULL },
		{ P "https, https\r\n" P "https, http\r\n", NULL },
		{ P "https, wss\r\n", NULL }, { P "https, httpss\r\n", NULL },
		{ P "https https, https\r\n", NULL },
	};

	EACH(row, rows) {
		const char *text = fmt(GETH "%s\r\n", row->fields);

		ATF_REQUIRE_EQ(parse(text), 0);
		ATF_CHECK_EQ_MSG(req.proto_disagrees, row->value == NULL,
		    "%s", text);
		if (row->value != NULL)
			check_str(req.field[FIELD_X_FORWARDED_PROTO],
			    row->value);
	}
	ATF_REQUIRE_EQ(parse(GETH P ",\r\n\r\n"), 0);
	ATF_CHECK(req.field[FIELD_X_FORWARDED_PROTO].p == NULL);
	ATF_CHECK(!req.proto_disagrees);
}

/* A request line of exactly len bytes with its CRLF. */
static char *
line_of(size_t len)
{
	static char	 text[HTTP_LINE_MAX + 64];
	size_t		 end = len - strlen(" HTTP/1.1\r\n");

	memset(text, 'a', end);
	memcpy(text, "GET /", 5);
	strcpy(text + end, " HTTP/1.1\r\n" H "\r\n");
	return text;
}

TEST(http__line_limit)
{
	static char	text[2 + HTTP_LINE_MAX + 64] = "\r\n";

	ATF_CHECK_EQ(parse(line_of(HTTP_LINE_MAX)), 0);
	ATF_CHECK_EQ(req.line.len, HTTP_LINE_MAX - 2);
	ATF_CHECK_EQ(parse(line_of(HTTP_LINE_MAX + 1)), 414);
	ATF_CHECK_EQ(parse(line_of(HTTP_LINE_MAX + 2)), 414);
	/* The empty line before it does not count. */
	strcpy(text + 2, line_of(HTTP_LINE_MAX));
	ATF_CHECK_EQ(parse(text), 0);
	/* Decided when it is exceeded, not when it ends. */
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET /", 5);
	ATF_CHECK_EQ(http_parse(text, HTTP_LINE_MAX - 1, &req, &why), -1);
	ATF_CHECK_EQ(http_parse(text, HTTP_LINE_MAX, &req, &why), 414);
	ATF_CHECK_EQ(req.method, HTTP_GET);
	ATF_CHECK_EQ(req.line.len, HTTP_LINE_MAX);
	/* A request that is wrong anyway is not refused for its length. */
	text[100] = '\001';
	ATF_CHECK_EQ(http_parse(text, sizeof(text), &req, &why), 400);
}

/* A header block of exactly len bytes with the empty line. */
static char *
header_of(size_t len)
{
	static char	 text[HTTP_HEAD_MAX + 64];
	size_t		 line = strlen("GET / HTTP/1.1\r\n");

	memset(text, 'a', sizeof(text));
	memcpy(text, GETH "A: ", strlen(GETH "A: "));
	memcpy(text + line + len - 4, "\r\n\r\n", 5);
	return text;
}

TEST(http__header_limit)
{
	size_t	line = strlen("GET / HTTP/1.1\r\n");
	char	*text;

	ATF_CHECK_EQ(parse(header_of(HTTP_HEAD_MAX)), 0);
	ATF_CHECK_EQ(req.head_len, line + HTTP_HEAD_MAX);
	ATF_CHECK_EQ(parse(header_of(HTTP_HEAD_MAX + 1)), 431);
	ATF_CHECK_EQ(parse(header_of(HTTP_HEAD_MAX + 2)), 431);
	text = header_of(HTTP_HEAD_MAX + 1);
	ATF_CHECK_EQ(http_parse(text, line + HTTP_HEAD_MAX - 1, &req, &why),
	    -1);
	ATF_CHECK_EQ(http_parse(text, line + HTTP_HEAD_MAX, &req, &why), 431);
	check_str(req.line, "GET / HTTP/1.1");
	/* Both limits at once: they do not borrow from each other. */
	text = malloc(HTTP_LINE_MAX + HTTP_HEAD_MAX + 1);
	ATF_REQUIRE(text != NULL);
	memcpy(text, line_of(HTTP_LINE_MAX), HTTP_LINE_MAX);
	strcpy(text + HTTP_LINE_MAX, header_of(HTTP_HEAD_MAX) + line);
	ATF_CHECK_EQ(parse(text), 0);
	ATF_CHECK_EQ(req.head_len, HTTP_LINE_MAX + HTTP_HEAD_MAX);
	free(text);
}

TEST(http__fields_limit)
{
	char	text[1024] = GETH;
	size_t	len;
	int	i;

	for (i = 1; i < HTTP_FIELDS_MAX; i++)
		strcat(text, "A: b\r\n");
	len = strlen(text);
	strcat(text, "\r\n");
	ATF_CHECK_EQ(parse(text), 0);
	strcpy(text + len, "A");
	ATF_CHECK_EQ(parse(text), 431);
	strcpy(text + len, "A: b\r\n\r\n");
	ATF_CHECK_EQ(parse(text), 431);
}

TEST(http__length_limit)
{
	ATF_REQUIRE_EQ(parse("POST / HTTP/1.1\r\n" H
	    "Content-Length: 999999999999999999\r\n\r\n"), 0);
	ATF_CHECK_EQ(req.content_length, 999999999999999999);
	ATF_CHECK_EQ(parse("POST / HTTP/1.1\r\n" H
	    "Content-Length: 1000000000000000000\r\n\r\n"), 400);
	ATF_REQUIRE_EQ(parse("GET / HTTP/1.1\r\n" H
	    "Content-Length: 00\r\n\r\n"), 0);
	ATF_CHECK_EQ(req.content_length, 0);
}

TEST(http__keep_alive)
{
	static const struct {
		const char	*fields;
		bool		 http_1_0;
		bool		 http_1_1;
	} rows[] = {
		{ "", false, true }, { "Connection:\r\n", false, true },
		{ "Connection: close\r\n", false, false },
		{ "Connection: CLOSE\r\n", false, false },
		{ "Connection: keep-alive\r\n", true, true },
		{ "Connection: Keep-Alive\r\n", true, true },
		{ "Connection: ,, keep-alive ,\t, te,\r\n", true, true },
		{ "Connection: keep-alive, close\r\n", false, false },
		{ "Connection: close\r\nConnection: keep-alive\r\n", false,
		    false },
		{ "Connection: TE\r\nConnection: close\r\n", false, false },
		{ "Connection: closed, keep-alive-x\r\n", false, true },
		{ "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n",
		    false, true },
		{ "Proxy-Connection: keep-alive\r\n", false, true },
		{ "Keep-Alive: timeout=5\r\n", false, true },
	};
	char	text[256];

	EACH(row, rows) {
		snprintf(text, sizeof(text), "GET / HTTP/1.0\r\n" H "%s\r\n",
		    row->fields);
		ATF_REQUIRE_EQ(parse(text), 0);
		ATF_CHECK_EQ_MSG(req.keep_alive, row->http_1_0, "%s", text);
		text[strlen("GET / HTTP/1.")] = '1';
		ATF_REQUIRE_EQ(parse(text), 0);
		ATF_CHECK_EQ_MSG(req.keep_alive, row->http_1_1, "%s", text);
	}
}

TEST(http__expect)
{
	ATF_REQUIRE_EQ(parse("POST / HTTP/1.1\r\n" H "Content-Length: 1\r\n"
	    "Expect: 100-CONTINUE\r\nExpect: 100-continue\r\n\r\n"), 0);
	ATF_CHECK(req.expect_continue);
	/* Without a body there is nothing to go on with. */
	ATF_REQUIRE_EQ(parse(GETH "Expect: 100-continue\r\n\r\n"), 0);
	ATF_CHECK(!req.expect_continue);
	/* HTTP/1.0 does not know it (RFC 9110 10.1.1). */
	ATF_REQUIRE_EQ(parse("POST / HTTP/1.0\r\n" H "Content-Length: 1\r\n"
	    "Expect: 100-continue\r\n\r\n"), 0);
	ATF_CHECK(!req.expect_continue);
	ATF_CHECK_EQ(parse("POST / HTTP/1.0\r\n" H "Expect: x\r\n\r\n"), 0);
}

/* The log's line of a request that was refused. */
TEST(http__line_of_refused)
{
	ATF_CHECK_EQ(parse("GET /a b HTTP/1.1\r\n" H "\r\n"), 400);
	check_str(req.line, "GET /a b HTTP/1.1");
	ATF_CHECK_EQ(req.method, HTTP_GET);
	ATF_CHECK_EQ(parse("GET / HTTP/2.0\r\n\r\n"), 505);
	check_str(req.line, "GET / HTTP/2.0");
	ATF_CHECK_EQ(parse("POST / HTTP/1.1\r\n\r\n"), 400);
	check_str(req.line, "POST / HTTP/1.1");
	ATF_CHECK_EQ(req.method, HTTP_POST);
	ATF_CHECK_EQ(parse("\026\003\001"), 400);
	check_str(req.line, "\026\003\001");
	ATF_CHECK_EQ(req.method, HTTP_OTHER);
	ATF_CHECK_EQ(parse("\r\n\r\n"), 400);
	check_str(req.line, "");
}

TEST(http__str_is)
{
	ATF_CHECK(str_is(str_of("Keep-ALIVE"), "keep-alive"));
	ATF_CHECK(str_is(str_of("AZ"), "az"));
	ATF_CHECK(str_is(str_of(""), ""));
	ATF_CHECK(!str_is(str_of("keep-aliv"), "keep-alive"));
	ATF_CHECK(!str_is(str_of("keep-alivee"), "keep-alive"));
	/* Case is a matter of letters: @ and ` differ by the same bit. */
	ATF_CHECK(!str_is(str_of("@"), "`"));
	ATF_CHECK(!str_is(str_of("["), "{"));
	ATF_CHECK(!str_is(absent, ""));
}

/* The only coding that is known, and only if it is clearly that. */
TEST(http__chunked)
{
	static const char *const good[] = { "chunked", "Chunked", "CHUNKED",
		"  chunked\t" };

	EACH(each, good) {
		const char *text = fmt("POST / HTTP/1.1\r\n" H
		    "Transfer-Encoding:%s\r\nExpect: 100-continue\r\n\r\n"
		    "0\r\n\r\n", *each);

		ATF_REQUIRE_EQ_MSG(parse(text), 0, "%s", text);
		ATF_CHECK(req.chunked && http_has_body(&req));
		ATF_CHECK(req.expect_continue);
		ATF_CHECK_EQ(req.content_length, 0);
		ATF_CHECK_EQ(req.head_len, strlen(text) - 5);
	}
	ATF_REQUIRE_EQ(parse(GETH "\r\n"), 0);
	ATF_CHECK(!req.chunked && !http_has_body(&req));
	/* An impossible request is wrong for its first reason. */
	ATF_CHECK_EQ(parse("POST / HTTP/1.0\r\n" H
	    "Transfer-Encoding: gzip\r\n\r\n"), 400);
	ATF_CHECK_EQ(parse("POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n"
	    "Transfer-Encoding: gzip\r\n\r\n"), 400);
}

static const struct {
	const char	*field;
	uint64_t	 size;
	int		 status;
	uint64_t	 first;
	uint64_t	 last;
} ranges[] = {
	{ "bytes=0-0", 10, 206, 0, 0 }, { "bytes=0-9", 10, 206, 0, 9 },
	{ "bytes=9-9", 10, 206, 9, 9 }, { "bytes=2-", 10, 206, 2, 9 },
	{ "bytes=0-", 10, 206, 0, 9 }, { "bytes=-1", 10, 206, 9, 9 },
	{ "bytes=-10", 10, 206, 0, 9 }, { "Bytes=1-2", 10, 206, 1, 2 },
	{ "bytes=007-008", 10, 206, 7, 8 },
	/* cut to the size: WebTorrent asks past the end */
	{ "bytes=0-10", 10, 206, 0, 9 }, { "bytes=5-16383", 10, 206, 5, 9 },
	{ "bytes=-11", 10, 206, 0, 9 },
	{ "bytes=3-18446744073709551615", 10, 206, 3, 9 },
	{ "bytes=3-18446744073709551616", 10, 206, 3, 9 },
	{ "bytes=-18446744073709551616", 10, 206, 0, 9 },
	{ "bytes=3-99999999999999999999999999999999", 10, 206, 3, 9 },
	{ "bytes=9223372036854775807-", UINT64_MAX, 206,
	    9223372036854775807ULL, UINT64_MAX - 1 },
	{ "bytes=18446744073709551606-", UINT64_MAX, 206,
	    UINT64_MAX - 9, UINT64_MAX - 1 },
	{ "bytes=-1", UINT64_MAX, 206, UINT64_MAX - 1, UINT64_MAX - 1 },
	{ "bytes=10-", 10, 416, 0, 0 }, { "bytes=10-10", 10, 416, 0, 0 },
	{ "bytes=18446744073709551615-", 10, 416, 0, 0 },
	{ "bytes=18446744073709551616-", 10, 416, 0, 0 },
	{ "bytes=18446744073709551618-18446744073709551619", 10, 416, 0, 0 },
	{ "bytes=-0", 10, 416, 0, 0 }, { "bytes=-00", 10, 416, 0, 0 },
	{ "bytes=0-", 0, 416, 0, 0 }, { "bytes=0-0", 0, 416, 0, 0 },
	{ "bytes=-1", 0, 416, 0, 0 }, { "bytes=-0", 0, 416, 0, 0 },
	/* not one range of bytes: the whole */
	{ "bytes=2-1", 10, 200, 0, 0 }, { "bytes=12-11", 10, 200, 0, 0 },
	{ "bytes=0-1,3-4", 10, 200, 0, 0 },
	{ "bytes=0-1, 3-4", 10, 200, 0, 0 }, { "bytes=0-1,", 10, 200, 0, 0 },
	{ "bytes=,0-1", 10, 200, 0, 0 }, { "bytes= 0-1", 10, 200, 0, 0 },
	{ "bytes=0 -1", 10, 200, 0, 0 }, { "bytes=0- 1", 10, 200, 0, 0 },
	{ "bytes =0-1", 10, 200, 0, 0 }, { "bytes=", 10, 200, 0, 0 },
	{ "bytes", 10, 200, 0, 0 }, { "bytes=-", 10, 200, 0, 0 },
	{ "bytes=--1", 10, 200, 0, 0 }, { "bytes=1", 10, 200, 0, 0 },
	{ "bytes=+1-2", 10, 200, 0, 0 }, { "bytes=0x1-2", 10, 200, 0, 0 },
	{ "bytes=1-2x", 10, 200, 0, 0 }, { "bytes=1-2-3", 10, 200, 0, 0 },
	{ "bytes=a-b", 10, 200, 0, 0 }, { "bytes:0-1", 10, 200, 0, 0 },
	{ "byte=0-1", 10, 200, 0, 0 }, { "items=0-1", 10, 200, 0, 0 },
	{ "0-1", 10, 200, 0, 0 }, { "", 10, 200, 0, 0 },
};

TEST(http__range)
{
	uint64_t	first, last;
	int		status;

	EACH(row, ranges) {
		first = last = 0;
		status = http_range(str_of(row->field), row->size,
		    &first, &last);
		ATF_CHECK_MSG(status == row->status && (status != 206 ||
		    (first == row->first && last == row->last)),
		    "%s of %" PRIu64 ": %d %" PRIu64 "-%" PRIu64, row->field,
		    row->size, status, first, last);
	}
	ATF_CHECK_EQ(http_range(absent, 10, &first, &last), 200);
}

TEST(http__etag)
{
	static const char *const yes[] = { "\"a,b\"", "*", "W/\"a,b\"",
		"\"x\", \"a,b\"", "\"x\",\"a,b\",\"y\"", "\"\" , W/\"a,b\" ",
		",, \"x\" ,\t,\"a,b\",", "\"a,b\", \"cut" };
	static const char *const no[] = { "", "\"a\"", "a,b", "\"a,b",
		"a,b\"", "\"A,B\"", "w/\"a,b\"", "W/ \"a,b\"", "\"a,b \"",
		"\"x\" \"a,b\"", "\"x, \"a,b\"", "**", "*, \"x\"", "W/",
		"W/*", "\"", ",", "\"a,bc\"", "\"\"", "\"x y\", \"a,b\"" };

	EACH(each, yes)
		ATF_CHECK_MSG(http_etag_matches(str_of(*each),
		    "\"a,b\"") == 1, "%s", *each);
	EACH(each, no)
		ATF_CHECK_MSG(http_etag_matches(str_of(*each),
		    "\"a,b\"") == 0, "%s", *each);
	ATF_CHECK_EQ(http_etag_matches(str_of("\"a\""), "W/\"a\""), 1);
	/* Every byte that a tag may have, and the edges around them. */
	ATF_CHECK_EQ(http_etag_matches(str_of("\"!#~\x80\xff\", \"a\""),
	    "\"a\""), 1);
	ATF_CHECK_EQ(http_etag_matches(str_of("\" \", \"a\""), "\"a\""), 0);
	ATF_CHECK_EQ(http_etag_matches(str_of("\"\x7f\", \"a\""), "\"a\""), 0);
	ATF_CHECK_EQ(http_etag_matches(absent, "\"a\""), 0);
}

/* Dates as they are written, and their seconds. */
static const struct {
	const char	*text;
	int64_t		 seconds;
} dates[] = {
	{ "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
	{ "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
	{ "Tue, 29 Feb 2000 12:00:00 GMT", 951825600 },
	{ "Mon, 29 Feb 2016 23:59:59 GMT", 1456790399 },
	{ "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 },
};
/* Not so, though other readers take some of them for a date. */
static const char *const not_dates[] = {
	"Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
	"Wed Nov 16 08:49:37 1994", "Thursday, 01-Jan-70 00:00:00 GMT",
	"Sat, 31 Dec 2016 23:59:60 GMT", "Tuesday, 29-Feb-00 12:00:00 GMT",
	"Wednesday, 01-Jan-70 00:00:00 GMT",
	"Saturday, 01-Jan-00 00:00:00 GMT", "Friday, 31-Dec-99 23:59:59 GMT",
	"Wednesday, 01-Jan-25 00:00:00 GMT", "Tuesday, 01-Jan-69 00:00:00 GMT",
	"Monday, 06-Nov-94 08:49:37 GMT", "Mon, 06 Nov 1994 08:49:37 GMT",
	"Mon Nov  6 08:49:37 1994", "Wed, 31 Dec 1969 23:59:59 GMT",
	"Mon, 29 Feb 2100 00:00:00 GMT", "Wed, 29 Feb 2023 00:00:00 GMT",
	"Thu, 30 Feb 2023 00:00:00 GMT", "Mon, 31 Apr 2023 00:00:00 GMT",
	"Mon, 00 May 2023 00:00:00 GMT", "Thu, 32 Jan 1970 00:00:00 GMT",
	"Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT",
	"Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994 08:49:37 UTC",
	"Sun, 06 Nov 1994 08:49:37 +0000", "Sun, 06 Nov 1994 08:49:37",
	"Sun, 06 Nov 1994 08:49:37 GMT ", " Sun, 06 Nov 1994 08:49:37 GMT",
	"Sun,  6 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
	"Sun 06 Nov 1994 08:49:37 GMT", "Sunday, 06 Nov 1994 08:49:37 GMT",
	"Sun, 06-Nov-94 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT",
	"Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
	"SUN, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nox 1994 08:49:37 GMT",
	"Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 1994 GMT",
	"Sun Nov 06 08:49:37 1994", "Sun, 06 Nov 1994 8:49:37 GMT",
	"Sun, -6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 :49:37 GMT",
	"Sun, 06 Nov 1994 08:49: GMT", "Sun,  Nov 1994 08:49:37 GMT",
	"Sun, 06 Nov  08:49:37 GMT", "Sunday, 06-Nov- 08:49:37 GMT",
	"Sun Nov  6 08:49:37 ", "Sun Nov  6 08:49:37 199",
	"1994-11-06T08:49:37Z", "784111777", "0", "",
};

TEST(http__date)
{
	EACH(row, dates) {
		ATF_CHECK_MSG(head_is_date(str_of(row->text),
		    row->seconds), "%s", row->text);
		ATF_CHECK_MSG(!head_is_date(str_of(row->text),
		    row->seconds - 1), "%s", row->text);
		EACH(each, not_dates)
			ATF_CHECK_MSG(!head_is_date(str_of(*each),
			    row->seconds), "%s", *each);
		ATF_CHECK(!head_is_date(absent, row->seconds));
	}
	/* Before 1970 there is no date, not even the nearest. */
	ATF_CHECK(!head_is_date(str_of("Thu, 01 Jan 1970 00:00:00 GMT"), -1));
}

TEST(http__format_date)
{
	static const int64_t	edges[] = { 0, 1, 59, 86399, 86400, 951782399,
		951782400, 951868800, 4107542399, 4107542400, 253402300799 };
	char			out[30];
	int64_t			t;

	head_format_date(out, 784111777);
	ATF_CHECK_STREQ(out, "Sun, 06 Nov 1994 08:49:37 GMT");
	head_format_date(out, -1);
	ATF_CHECK_STREQ(out, "Thu, 01 Jan 1970 00:00:00 GMT");
	head_format_date(out, INT64_MIN);
	ATF_CHECK_STREQ(out, "Thu, 01 Jan 1970 00:00:00 GMT");
	head_format_date(out, INT64_MAX);
	ATF_CHECK_STREQ(out, "Fri, 31 Dec 9999 23:59:59 GMT");
	EACH(each, edges) {
		head_format_date(out, *each);
		ATF_CHECK_MSG(head_is_date(str_of(out), *each), "%s", out);
	}
	/* A step that is no multiple of a day or a week, over 8000 years. */
	for (t = 0; t <= 253402300799; t += 8640017) {
		head_format_date(out, t);
		ATF_REQUIRE_MSG(head_is_date(str_of(out), t), "%s", out);
	}
}

/* The C library's calendar is the judge, not our own inverse. */
TEST(http__format_date_as_strftime)
{
	char		out[30], expect[30];
	struct tm	tm;
	time_t		t;

	for (t = 0; t < 253402300800; t += 86400 * 17 + 3671) {
		ATF_REQUIRE(gmtime_r(&t, &tm) != NULL);
		strftime(expect, sizeof(expect), "%a, %d %b %Y %T GMT", &tm);
		head_format_date(out, t);
		ATF_REQUIRE_STREQ(out, expect);
	}
}
