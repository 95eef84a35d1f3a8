/* SPDX-License-Identifier: ISC */
#include "pkgtorrentd/front/http/typed.h"
#include "tests/lib/test.h"
#include "tests/lib/text.h"

static char	*seed = (char[]){ "http://seed.example/copy" };
static char	*other = (char[]){ "other.example" };
static const struct strings	seeds = { &seed, 1 }, hosts = { &other, 1 };

static char		 path[SPEC_MAX + 1];
static size_t		 len;
static const char	*why;

static int
typed(const char *text, const char *base)
{
	const struct typed_mirror mirror = { .base = base, .seeds = &seeds,
	    .host = str_of("Asked.example"), .hosts = &hosts,
	    .service = "torrent_service" };

	return typed_path(str_of(text), &mirror, path, &len, &why);
}

#define PLAIN	"http://m.example:8080"
#define BELOW	"https://m.example/pub/linux"

struct row {
	const char	*text;
	const char	*path;		/* NULL: refused */
};

static const struct row	 plain[] = {
	{ "/yum/a.rpm", "/yum/a.rpm" }, { "yum/a.rpm", "/yum/a.rpm" },
	{ "  yum/a.rpm\t", "/yum/a.rpm" }, { "a", "/a" },
	{ "/yum/a b.rpm", "/yum/a b.rpm" }, { "//yum///a", "/yum/a" },
	{ "./yum/./a", "/yum/a" }, { "/yum/*.rpm", "/yum/*.rpm" },
	{ "**/[ab]?.rpm", "/**/[ab]?.rpm" }, { "/a#b?c=d", "/a#b?c=d" },
	{ "/a%20b", "/a%20b" }, { "/a+b", "/a+b" },
	{ "/\xc3\xa4", "/\xc3\xa4" },
	{ "/\xff\\;'\"<&", "/\xff\\;'\"<&" }, { "-rf", "/-rf" },
	/* A directory. */
	{ "/yum/", "/yum/**" }, { "yum/sub//", "/yum/sub/**" },
	{ "yum/.", "/yum/**" }, { "yum/*/", "/yum/*/**" },
	{ "/yum/**/", "/yum/**" }, { "/yum/**/x/", "/yum/**/x/*" },
	/* URLs. */
	{ "http://m.example/yum/a.rpm", "/yum/a.rpm" },
	{ "HTTPS://M.Example:8080//yum/a%20b+c.rpm", "/yum/a b+c.rpm" },
	{ "http://m.example./yum/", "/yum/**" },
	{ "http://m.example/yum/?C=M;O=D", "/yum/**" },
	{ "http://m.example/yum/a#top", "/yum/a" },
	{ "http://m.example/yum/*.rpm", "/yum/*.rpm" },
	{ "http://asked.example/a", "/a" }, { "http://OTHER.example/a", "/a" },
	{ "http://seed.example/copy/yum/a", "/yum/a" },
	{ "http://seed.example/copyright", "/copyright" },
	{ "m.example/yum/a%2a", "/yum/a*" }, { "m.example:8080/a", "/a" },
	{ "m.example", "/m.example" }, { "n.example/a", "/n.example/a" },
	{ "/m.example/a", "/m.example/a" },
	{ "http://m.example/x/torrent_service/simple/yum/*", "/yum/*" },
	{ "http://m.example/x/torrent_service/meta4/yum/a", "/yum/a" },
	/* Refused. */
	{ "/", NULL }, { "http://m.example", NULL }, { "m.example/", NULL },
	{ "http://m.example/?", NULL }, { "/yum/../a", NULL },
	{ "..", NULL }, { "/a\nb", NULL }, { "/a\x7f", NULL },
	{ "http://m.example/%zz", NULL }, { "http://m.example/%00", NULL },
	{ "http://n.example/a", NULL }, { "http://", NULL },
	{ "http://m.example@n.example/a", NULL }, { "http:///a", NULL },
	{ "ftp://m.example/a", NULL },
	{ "javascript://m.example/%0aalert(1)", NULL },
	{ "http://m.example/x/torrent_service/", NULL },
	{ "http://m.example/x/torrent_service/digest/0", NULL },
	{ "http://m.example/x/torrent_service/nullfile/1", NULL },
	{ "http://m.example/x/torrent_service/simple/a/", NULL },
};

static const struct row	 below[] = {
	{ "http://m.example/pub/linux/yum/a", "/yum/a" },
	{ "http://asked.example/pub/linux/yum/a", "/yum/a" },
	{ "http://m.example/pub/linuxes/a", "/pub/linuxes/a" },
	{ "http://seed.example/copy/yum/a", "/yum/a" },
	{ "http://seed.example/pub/linux/a", "/a" },
	{ "http://m.example/pub/linux/", NULL },
	{ "http://m.example/pub/linux", NULL },
	{ "/pub/linux/a", "/pub/linux/a" },
};

static void
check(const char *text, const char *base, const char *expect)
{
	int	status = typed(text, base);

	if (expect == NULL) {
		ATF_CHECK_EQ_MSG(status, 400, "%s: %d %s", text, status, path);
		ATF_CHECK(why != NULL);
		return;
	}
	ATF_CHECK_EQ_MSG(status, 0, "%s: %d %s", text, status, why);
	if (status != 0)
		return;
	ATF_CHECK_STREQ(path, expect);
	ATF_CHECK_EQ(len, strlen(expect));
	ATF_CHECK(why == NULL);
}

TEST(typed__meaning)
{
	EACH(row, plain)
		check(row->text, PLAIN, row->path);
	EACH(row, below)
		check(row->text, BELOW, row->path);
}

TEST(typed__ipv6)
{
	check("http://[::1]:8080/a", "http://[::1]:8080", "/a");
	check("[::1]/a", "http://[::1]:8080", "/a");
	check("[!a]/a", "http://[::1]:8080", "/[!a]/a");
}

TEST(typed__blank)
{
	static const char *const	blank[] = { "", " ", " \t " };

	EACH(each, blank) {
		ATF_CHECK_EQ(typed(*each, PLAIN), 0);
		ATF_CHECK_EQ(len, 0);
		ATF_CHECK(why == NULL);
	}
}

TEST(typed__limit)
{
	static char	text[2 * SPEC_MAX];

	memset(text, 'a', SPEC_MAX);
	text[0] = '/';
	check(text, PLAIN, text);
	text[SPEC_MAX] = 'a';
	ATF_CHECK_EQ(typed(text, PLAIN), 414);
	ATF_CHECK(why != NULL);
	/* That of a directory is longer by its pattern. */
	text[SPEC_MAX] = '\0';
	text[SPEC_MAX - 1] = '/';
	ATF_CHECK_EQ(typed(text, PLAIN), 414);
	text[SPEC_MAX - 2] = '\0';
	text[SPEC_MAX - 3] = '/';
	ATF_CHECK_EQ(typed(text, PLAIN), 0);
	ATF_CHECK_EQ(len, SPEC_MAX);
}
