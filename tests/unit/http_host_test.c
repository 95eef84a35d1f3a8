/* SPDX-License-Identifier: ISC */
/*
 * The host of a request: Host, and targets that name a host as well, or none.
 */
#include "pkgtorrentd/front/http/http.h"
#include "tests/lib/test.h"
#include "tests/lib/text.h"

#define H	"Host: mirror.example\r\n"

static struct http_request req;
static const char *why;

static int
parse(const char *text)
{
	return http_parse(text, strlen(text), &req, &why);
}

TEST(http_host__form)
{
	static const char *const good[] = { "a", "mirror.example",
		"MIRROR.example", "mirror.example.", "my_host", "x-y.z~",
		"127.0.0.1", "127.0.0.1:80", "a:1", "a:65535", "a:080",
		"[::1]", "[::1]:8080", "[2001:db8::A]",
		"a:", "[::1]:", "a.:1", "[::ffff:192.0.2.1]:1", "[fe80::1]",
		"0", "xn--mirr-5qa", "AZaz09" };
	static const char *const bad[] = { "", ":", "[]:", "a:0", "a:65536",
		"a:99999", "a:000001", "a:1x", "a:+1", "a: 1", ":1", ".",
		"..", ".a", "a..b", "a%2e", "a@b", "a,b", "a b", "a/b",
		"[", "[]", "]", "[::1", "[::1]1", "[::1]::", "[::1]:0",
		"[1]", "[:::]", "[::1%lo]", "[127.0.0.1]", "[v1.a]",
		"[[::1]]", "[::1:2:3:4:5:6:7:8]", "a(b)", "a!", "\xe4",
		"[0000:0000:0000:0000:0000:0000:255.255.255.255.255]" };
	char	 text[257];
	struct str s = { text, 255 }, name, port;

	EACH(each, good)
		ATF_CHECK_MSG(http_is_host(str_of(*each), &name, &port),
		    "%s", *each);
	EACH(each, bad)
		ATF_CHECK_MSG(!http_is_host(str_of(*each), &name, &port),
		    "%s", *each);
	memset(text, 'a', sizeof(text));
	ATF_CHECK(http_is_host(s, &name, &port));
	s.len++;
	ATF_CHECK(!http_is_host(s, &name, &port));
}

/* However it is written, it is one host. */
TEST(http_host__parts)
{
	static const struct {
		const char	*host;
		const char	*name;
		const char	*port;		/* NULL: none */
	} rows[] = {
		{ "a.example", "a.example", NULL },
		{ "a.example.", "a.example", NULL },
		{ "a.example:", "a.example", NULL },
		{ "a.example.:", "a.example", NULL },
		{ "a.example:81", "a.example", "81" },
		{ "a.example.:081", "a.example", "081" }, { "A.", "A", NULL },
		{ "127.0.0.1.:80", "127.0.0.1", "80" },
		{ "[::1]", "[::1]", NULL }, { "[::1]:", "[::1]", NULL },
		{ "[::1]:8080", "[::1]", "8080" },
	};
	struct str	name, port;

	EACH(row, rows) {
		ATF_REQUIRE_MSG(http_is_host(str_of(row->host), &name,
		    &port), "%s", row->host);
		check_str(name, row->name);
		if (row->port != NULL)
			check_str(port, row->port);
		else
			ATF_CHECK(port.p == NULL && port.len == 0);
	}
}

/* As to a proxy: it must be the host that Host names. */
TEST(http_host__absolute_form)
{
	static const struct {
		const char	*url;
		const char	*host;
		const char	*target;	/* NULL: refused */
	} rows[] = {
		{ "http://a/b", "a", "/b" }, { "https://a/b?c", "a", "/b?c" },
		{ "HTTP://A/b//c", "a", "/b//c" }, { "http://a", "a", "/" },
		{ "http://a?b/c", "a", "?b/c" }, { "http://a/", "a.", "/" },
		{ "http://a.:/", "a", "/" }, { "http://a:80/", "a", "/" },
		{ "http://a/", "a:080", "/" }, { "https://a:443/", "a", "/" },
		{ "https://a/", "a:443", "/" },
		{ "http://a:81/", "a:81", "/" },
		{ "http://[::1]:81/x", "[::1]:81", "/x" },
		{ "http://a/http://b/", "a", "/http://b/" },
		{ "http://a/@b", "a", "/@b" }, { "http://b/", "a", NULL },
		{ "http://a.b/", "a", NULL }, { "http://a:81/", "a", NULL },
		{ "http://a/", "a:81", NULL }, { "http://a:443/", "a", NULL },
		{ "https://a:80/", "a", NULL }, { "http://u@a/", "a", NULL },
		{ "http://u:p@a/", "a", NULL }, { "http://@a/", "a", NULL },
		{ "http://a@/", "a", NULL }, { "http://", "a", NULL },
		{ "http:///a", "a", NULL }, { "http://?a", "a", NULL },
		{ "http://:80/", "a", NULL }, { "http://a:0/", "a:0", NULL },
		{ "http://a:x/", "a", NULL }, { "http://a%2e/", "a", NULL },
		{ "http://a\\b/", "a", NULL }, { "http:/a/", "a", NULL },
		{ "http:a", "a", NULL }, { "ftp://a/", "a", NULL },
		{ "ws://a/", "a", NULL }, { "httpss://a/", "a", NULL },
		{ "//a/b", "a", "//a/b" },
	};

	EACH(row, rows) {
		const char *text = fmt("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n",
		    row->url, row->host);

		ATF_CHECK_EQ_MSG(parse(text), row->target == NULL ? 400 :
		    0, "%s", text);
		if (row->target != NULL)
			check_str(req.target, row->target);
	}
	/* In HTTP/1.0 it may be the only one to name the host. */
	ATF_REQUIRE_EQ(parse("GET http://a.b.:81/c HTTP/1.0\r\n\r\n"), 0);
	check_str(req.host, "a.b");
	check_str(req.port, "81");
	check_str(req.target, "/c");
	ATF_CHECK_EQ(parse("GET http://a@b/c HTTP/1.0\r\n\r\n"), 400);
	ATF_CHECK_EQ(parse("GET http://a/ HTTP/1.1\r\n\r\n"), 400);
}

TEST(http_host__options)
{
	ATF_REQUIRE_EQ(parse("OPTIONS * HTTP/1.1\r\n" H "\r\n"), 0);
	ATF_CHECK_EQ(req.method, HTTP_OPTIONS);
	check_str(req.target, "*");
	ATF_CHECK_EQ(parse("GET * HTTP/1.1\r\n" H "\r\n"), 400);
	ATF_CHECK_EQ(parse("OPTIONS ** HTTP/1.1\r\n" H "\r\n"), 400);
	ATF_CHECK_EQ(parse("OPTIONS * HTTP/1.1\r\n\r\n"), 400);
	/* As HAProxy asks whether anybody is there. */
	ATF_REQUIRE_EQ(parse("OPTIONS / HTTP/1.0\r\n\r\n"), 0);
	ATF_CHECK(req.host.p == NULL && req.port.p == NULL);
	ATF_CHECK_EQ(req.minor, 0);
}
