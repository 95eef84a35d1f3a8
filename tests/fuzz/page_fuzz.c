/* SPDX-License-Identifier: ISC */
/*
 * Any text in the form of the page, and any component above the service: the
 * page has the tags of an innocent one, its commands have the words of an
 * innocent one, and their URL means the path.
 */
#include "common/utf8.h"
#include "pkgtorrentd/front/http/page.h"
#include "pkgtorrentd/front/http/request.h"
#include "pkgtorrentd/front/http/typed.h"
#include "tests/lib/fuzz.h"

#define SERVICE		"torrent service"

static char			*seed = (char[]){ "http://s/c" };
static char			*other = (char[]){ "o.example" };
static const struct strings	 seeds = { &seed, 1 }, hosts = { &other, 1 };

static size_t
count(const struct buf *b, char c)
{
	size_t	i, n = 0;

	for (i = 0; i < b->len; i++)
		n += b->data[i] == (uint8_t)c;
	return n;
}

/* As many of each byte that a parser looks for. */
static void
check_like(const struct buf *b, const struct page *page, const char *bytes)
{
	struct page	 innocent = *page;
	struct buf	 like = { 0 };
	const char	*why;

	innocent.name = (struct str){ "n", 1 };
	if (page->path.len > 0)
		innocent.path = (struct str){ "/a", 2 };
	require(page_make(&like, &innocent, &why) == 0);
	for (; *bytes != '\0'; bytes++)
		require(count(b, *bytes) == count(&like, *bytes));
	buf_free(&like);
}

/* Text that a browser reads as we do, with no commands for a terminal. */
static void
check_text(const struct buf *b)
{
	const uint8_t	*p = b->data, *end = p + b->len;
	uint32_t	 c;

	while (p < end) {
		c = utf8_next(&p, end);
		require(c != UTF8_NOT && c != 0x7f && (c >= 0xa0 || c < 0x80));
		require(c >= 0x20 || c == '\n');
	}
}

/* Each & of the page begins an entity. */
static void
check_entities(const struct buf *b)
{
	static const char *const entities[] = { "amp;", "lt;", "gt;", "quot;",
		"#39;" };
	const char	*p = (char *)b->data, *end = p + b->len;
	size_t		 i;

	while ((p = memchr(p, '&', (size_t)(end - p))) != NULL) {
		p++;
		for (i = 0; i < 5; i++)
			if ((size_t)(end - p) > strlen(entities[i]) &&
			    memcmp(p, entities[i], strlen(entities[i])) == 0)
				break;
		require(i < 5);
	}
}

/* The URL of a command, up to the quote, means this path to the service. */
static void
check_url(const char *url, size_t len, const struct page *page)
{
	static struct request	 req;
	const char		*why, *allow;
	size_t			 i, base = strlen(page->base);

	require(len > base && memcmp(url, page->base, base) == 0);
	url += base;
	len -= base;
	for (i = 0; i < len; i++)
		require(url[i] == '%' || strchr("abcdefghijklmnopqrstuvwxyz"
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/", url[i]));
	require(request_route((struct str){ url, len }, HTTP_GET, SERVICE,
	    &req, &why, &allow) == 0);
	if (req.kind == REQUEST_PAGE)
		return;
	require(req.kind == REQUEST_SIMPLE || req.kind == REQUEST_META4);
	if (page->path.len > 0)
		require(req.path_len == page->path.len &&
		    memcmp(req.path, page->path.p, req.path_len) == 0);
	else
		require(strcmp(req.path, "/PATH") == 0);
}

static void
check_commands(const struct buf *b, const struct page *page)
{
	const char	*p = (char *)b->data, *end = p + b->len, *last;
	unsigned	 n = 0;

	while ((p = memmem(p, (size_t)(end - p), "'http", 5)) != NULL) {
		p++;
		last = memchr(p, '\'', (size_t)(end - p));
		require(last != NULL);
		check_url(p, (size_t)(last - p), page);
		p = last + 1;
		n++;
	}
	require(n >= 3);
}

static void
check_page(struct page *page)
{
	struct buf	 b = { 0 };
	const char	*why;
	int		 status = page_make(&b, page, &why);

	require(status == 0 || status == 414);
	require(b.len <= PAGE_MAX);
	if (status == 0) {
		check_text(&b);
		check_commands(&b, page);
		check_like(&b, page, page->html ? "<>\"'" : "'\n");
		if (page->html)
			check_entities(&b);
	}
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct typed_mirror	 mirror = { .seeds = &seeds,
	    .host = { "asked", 5 }, .hosts = &hosts, .service = SERVICE };
	char			 path[SPEC_MAX + 1], target[600];
	static struct request	 req;
	struct page		 page = { .service = SERVICE };
	struct buf		 name = { 0 };
	struct str		 text;
	const char		*why, *allow;
	uint8_t			 how;

	in = data;
	in_len = size;
	how = next();
	page.html = how & 1;
	page.tracked = how & 2;
	mirror.base = page.base = how & 4 ? "https://m.example/p%20q" :
	    "http://[::1]:80";
	/* A component that a request can have. */
	next_bytes(&name, next() % 100);
	snprintf(target, sizeof(target), "/%.*s/torrent%%20service",
	    (int)name.len, (char *)name.data);
	buf_free(&name);
	if (request_route((struct str){ target, strlen(target) }, HTTP_GET,
	    SERVICE, &req, &why, &allow) != 0 || req.kind != REQUEST_PAGE)
		return 0;
	page.name = (struct str){ req.path + 1, req.path_len - 1 };
	text.p = copy_of(in, in_len);
	text.len = in_len;
	page.path.p = path;
	how = (uint8_t)(typed_path(text, &mirror, path, &page.path.len,
	    &why) == 0);
	free((char *)text.p);
	require((how != 0) == (why == NULL));
	if (how == 0)
		return 0;
	require(page.path.len == 0 ||
	    spec_check(path, page.path.len, &why) == 0);
	check_page(&page);
	return 0;
}
