/* SPDX-License-Identifier: ISC */
/*
 * In the texts below $H is the host, $S the URL of the service, $P the path
 * behind it, and $V the path as the value of an attribute.
 */
#include <openssl/evp.h>

#include <stdio.h>
#include <string.h>

#include "common/seal.h"
#include "common/torrent.h"
#include "common/utf8.h"
#include "pkgtorrentd/front/http/page.h"

#define BASE64_LEN	44		/* of 32 bytes */

/* One accent colour, with contrasts of at least 4.5 to 1 (WCAG 2.2, 1.4.3). */
static const char style[] =
    ":root{color-scheme:light dark;--page:#fcfcfb;--text:#23282c;"
    "--soft:#5a646c;--line:#d9dee2;--box:#f1f3f4;--accent:#0a5c9c;"
    "--on:#fff}\n"
    "@media(prefers-color-scheme:dark){:root{--page:#15191c;--text:#e2e6e9;"
    "--soft:#9ba6ae;--line:#363e44;--box:#1e2428;--accent:#82bdf0;"
    "--on:#10151a}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--page);color:var(--text);"
    "font:1.0625rem/1.6 system-ui,sans-serif}\n"
    "main{max-width:42rem;margin:0 auto;padding:4rem 1.25rem 5rem}\n"
    "h1{font-size:1.9rem;line-height:1.25;margin:0 0 1rem;"
    "overflow-wrap:anywhere}\n"
    "h2{font-size:1.2rem;line-height:1.3;margin:3rem 0 .75rem}\n"
    "h3{font-size:1rem;margin:1.75rem 0 .4rem}\n"
    "p{margin:0 0 .75rem}\n"
    ".soft{color:var(--soft);font-size:.94rem}\n"
    "form{margin:2.25rem 0 0}\n"
    "label{display:block;font-weight:600;margin-bottom:.5rem}\n"
    ".row{display:flex;flex-wrap:wrap;gap:.6rem;margin-bottom:.6rem}\n"
    "input,button,.links a{font:inherit;padding:.6rem .9rem;"
    "border-radius:.5rem}\n"
    "input{flex:1 1 15rem;min-width:0;background:var(--page);"
    "color:inherit;border:1px solid var(--soft)}\n"
    "::placeholder{color:var(--soft);opacity:1}\n"
    "button,.links a{background:var(--accent);color:var(--on);"
    "border:1px solid var(--accent);font-weight:600;text-decoration:none;"
    "cursor:pointer}\n"
    ".links a+a{background:none;color:var(--accent)}\n"
    ".links{display:flex;flex-wrap:wrap;gap:.6rem;margin:1rem 0}\n"
    ":focus-visible{outline:3px solid var(--accent);outline-offset:2px}\n"
    "code{font:.9em/1.5 ui-monospace,monospace;overflow-wrap:anywhere}\n"
    "pre{margin:0 0 .6rem;padding:.8rem 1rem;background:var(--box);"
    "border:1px solid var(--line);border-radius:.5rem;"
    "white-space:pre-wrap}\n"
    "pre code{user-select:all}\n"
    "dt{margin-top:1rem}\n"
    "dd{margin:.1rem 0 0}\n";

static const char html_head[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, "
    "initial-scale=1\">\n"
    "<title>Torrents of $H</title>\n"
    "<style>";

static const char html_form[] =
    "</style>\n"
    "</head>\n"
    "<body>\n"
    "<main>\n"
    "<h1>Torrents of $H</h1>\n"
    "<p>Every file of this mirror is also available as a torrent, made when "
    "you ask for it. The mirror itself is one of its sources, so a download "
    "never waits for other people. Those who download at the same time share "
    "parts with each other, and the mirror has less to send.</p>\n"
    "<form>\n"
    "<label for=\"path\">File, pattern or directory</label>\n"
    "<div class=\"row\">\n"
    "<input id=\"path\" name=\"path\" value=\"$V\" "
    "placeholder=\"/pub/some.iso\" size=\"40\" autocapitalize=\"off\" "
    "autocomplete=\"off\" spellcheck=\"false\" aria-describedby=\"hint\">\n"
    "<button>Get links</button>\n"
    "</div>\n"
    "<p id=\"hint\" class=\"soft\">A path, or the address (URL) of a file on "
    "this mirror. <code>*</code> stands for any part of a name, "
    "<code>**</code> for any directories. End a directory with a slash to get "
    "all files below it.</p>\n"
    "</form>\n";

static const char html_links[] =
    "<h2>Links</h2>\n"
    "<p class=\"links\"><a href=\"$Ssimple$P\">Torrent</a>\n"
    "<a href=\"$Smeta4$P\">Metalink</a></p>\n"
    "<p class=\"soft\">A pattern gives one torrent of all files that match. "
    "Whether there are any shows when you open the link.</p>\n"
    "<h2>Commands to copy</h2>\n";

static const char html_no_links[] =
    "<h2>Commands to copy</h2>\n"
    "<p>Put a path in place of <code>/PATH</code>, or let the form write "
    "them.</p>\n";

static const char html_commands[] =
    "<h3>Download by BitTorrent</h3>\n"
    "<pre><code>aria2c --stream-piece-selector=random --split=1 "
    "--seed-time=5 '$Ssimple$P'</code></pre>\n"
    "<p class=\"soft\">With these options clients have more to give each "
    "other: pieces in random order, and five minutes of seeding at the end. "
    "With another client, keep seeding for a few minutes.</p>\n"
    "<h3>Get the torrent alone, for another client</h3>\n"
    "<pre><code>curl -OJ '$Ssimple$P'</code></pre>\n"
    "<h3>Download over HTTP, checked piece by piece</h3>\n"
    "<pre><code>aria2c --seed-time=0 '$Smeta4$P'</code></pre>\n"
    "<p class=\"soft\">With the Metalink the mirror is enough. Of a single "
    "file it names the torrent too, for programs that know both.</p>\n";

static const char html_urls[] =
    "<h2>URLs</h2>\n"
    "<p>All of them are below <code>$S</code></p>\n"
    "<dl>\n"
    "<dt><code>simple/PATH</code></dt>\n"
    "<dd>a torrent for people: it has the file's name, and pieces that fit "
    "it</dd>\n"
    "<dt><code>single/PATH</code></dt>\n"
    "<dd>a torrent for older programs, named by its info hash</dd>\n"
    "<dt><code>digest/SHA1</code></dt>\n"
    "<dd>a torrent of many paths, which are posted: for package managers"
    "</dd>\n"
    "<dt><code>meta4/PATH</code></dt>\n"
    "<dd>a Metalink</dd>\n"
    "</dl>\n";

static const char html_tracked[] =
    "<h2>Finding others</h2>\n"
    "<p>The torrents name a tracker, so there is nothing to set up. Clients "
    "of the same torrent learn each other's addresses.</p>\n";

static const char html_untracked[] =
    "<h2>Finding others</h2>\n"
    "<p>The torrents name no tracker: clients have to find each other by "
    "themselves (DHT), or get everything from the mirror.</p>\n";

static const char html_end[] =
    "</main>\n"
    "</body>\n"
    "</html>\n";

static const char text_head[] =
    "Torrents of $H\n"
    "\n"
    "Every file of this mirror is also available as a torrent, made when you "
    "ask for\nit. The mirror itself is one of its sources, so a download "
    "never waits for other\npeople. Those who download at the same time share "
    "parts with each other, and the\nmirror has less to send.\n"
    "\n";

static const char text_no_links[] =
    "PATH below is that of a file, or a pattern: * stands for any part of a "
    "name,\n** for any directories. Or let the service write the commands:\n"
    "\n"
    "  curl -G --data-urlencode 'path=/PATH' '$S'\n"
    "\n";

static const char text_commands[] =
    "Download by BitTorrent. With these options clients have more to give "
    "each other:\npieces in random order, and five minutes of seeding at the "
    "end.\n"
    "\n"
    "  aria2c --stream-piece-selector=random --split=1 --seed-time=5 "
    "'$Ssimple$P'\n"
    "\n"
    "Get the torrent alone, for another client; keep seeding for a few "
    "minutes there:\n"
    "\n"
    "  curl -OJ '$Ssimple$P'\n"
    "\n"
    "Download over HTTP, checked piece by piece, with the Metalink. Of a "
    "single\nfile it names the torrent too, for programs that know both:\n"
    "\n"
    "  aria2c --seed-time=0 '$Smeta4$P'\n"
    "\n";

static const char text_urls[] =
    "URLs below $S\n"
    "\n"
    "  simple/PATH   a torrent for people: it has the file's name, and "
    "pieces that\n                fit it\n"
    "  single/PATH   a torrent for older programs, named by its info hash\n"
    "  digest/SHA1   a torrent of many paths, which are posted: for package\n"
    "                managers\n"
    "  meta4/PATH    a Metalink\n"
    "\n";

static const char text_tracked[] =
    "The torrents name a tracker, so there is nothing to set up. Clients of "
    "the same\ntorrent learn each other's addresses.\n";

static const char text_untracked[] =
    "The torrents name no tracker: clients have to find each other by "
    "themselves\n(DHT), or get everything from the mirror.\n";

struct writer {
	struct buf		*out;
	const struct page	*page;
	int			 failed;	/* or a status */
};

static void
add(struct writer *w, const void *p, size_t len)
{
	if (w->failed == 0 && len > PAGE_MAX - w->out->len)
		w->failed = 414;
	if (w->failed == 0 && buf_add(w->out, p, len) == -1)
		w->failed = 500;
}

static void
add_encoded(struct writer *w, struct str text)
{
	struct buf	b = { 0 };

	if (torrent_encode_path(&b, text.p, text.len) == -1)
		w->failed = 500;
	add(w, b.data, b.len);
	buf_free(&b);
}

/* The host may have a port, or be an IPv6 address; the path of a base-url has
   its own escapes. */
static void
add_base(struct writer *w)
{
	const char	*p = w->page->base;
	size_t		 len;

	for (; *p != '\0'; p += len) {
		len = strcspn(p, ":[]%");
		add_encoded(w, (struct str){ p, len });
		if (len == 0)
			add(w, p, len = 1);
	}
}

static void
add_host(struct writer *w)
{
	const char	*host = strstr(w->page->base, "://") + 3;

	add(w, host, strcspn(host, "/"));
}

/* As a value in double quotes.  Bytes that are no text, or that a terminal
   could take for commands, become U+FFFD. */
static void
add_value(struct writer *w)
{
	static const struct {
		char		 byte;
		const char	*as;
	} entities[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" },
		{ '"', "&quot;" }, { '\'', "&#39;" } };
	const uint8_t	*p = (const uint8_t *)w->page->path.p, *from;
	const uint8_t	*end = p + w->page->path.len;
	uint32_t	 c;
	size_t		 i;

	while (p < end) {
		from = p;
		c = utf8_next(&p, end);
		for (i = 0; i < 5 && (uint8_t)entities[i].byte != c; i++)
			continue;
		if (i < 5)
			add(w, entities[i].as, strlen(entities[i].as));
		else if (c == UTF8_NOT || c < 0x20 || (c >= 0x7f && c < 0xa0))
			add(w, "\xef\xbf\xbd", 3);
		else
			add(w, from, (size_t)(p - from));
	}
}

/* The URL of the service, with its slash. */
static void
add_service(struct writer *w)
{
	const struct page	*page = w->page;

	add_base(w);
	add(w, "/", 1);
	add_encoded(w, page->name);
	add(w, "/", 1);
	add_encoded(w, (struct str){ page->service, strlen(page->service) });
	add(w, "/", 1);
}

static void
add_path(struct writer *w)
{
	if (w->page->path.len > 0)
		add_encoded(w, w->page->path);
	else
		add(w, "/PATH", 5);
}

static void
add_text(struct writer *w, const char *text)
{
	const char	*mark;

	for (; (mark = strchr(text, '$')) != NULL; text = mark + 2) {
		add(w, text, (size_t)(mark - text));
		switch (mark[1]) {
		case 'H':
			add_host(w);
			break;
		case 'S':
			add_service(w);
			break;
		case 'P':
			add_path(w);
			break;
		case 'V':
			add_value(w);
			break;
		}
	}
	add(w, text, strlen(text));
}

static void
add_html(struct writer *w)
{
	add_text(w, html_head);
	add(w, style, sizeof(style) - 1);
	add_text(w, html_form);
	add_text(w, w->page->path.len > 0 ? html_links : html_no_links);
	add_text(w, html_commands);
	add_text(w, w->page->tracked ? html_tracked : html_untracked);
	add_text(w, html_urls);
	add_text(w, html_end);
}

static void
add_plain(struct writer *w)
{
	add_text(w, text_head);
	if (w->page->path.len == 0)
		add_text(w, text_no_links);
	add_text(w, text_commands);
	add_text(w, text_urls);
	add_text(w, w->page->tracked ? text_tracked : text_untracked);
}

int
page_make(struct buf *out, const struct page *page, const char **why)
{
	struct buf	made = { 0 };
	struct writer	w = { &made, page, 0 };

	if (page->html)
		add_html(&w);
	else
		add_plain(&w);
	if (w.failed == 0 && buf_add(out, made.data, made.len) == -1)
		w.failed = 500;
	if (w.failed == 414)
		*why = "the page would be longer than 16 KiB; ask for a "
		    "shorter path, or put it behind simple/ yourself";
	else if (w.failed != 0)
		*why = "out of memory; try again later";
	buf_free(&made);
	return w.failed;
}

void
page_policy(char out[PAGE_POLICY_MAX])
{
	uint8_t	digest[SEAL_LEN];
	char	text[BASE64_LEN + 1];

	sha256(style, sizeof(style) - 1, digest);
	EVP_EncodeBlock((uint8_t *)text, digest, sizeof(digest));
	snprintf(out, PAGE_POLICY_MAX, "default-src 'none'; "
	    "style-src 'sha256-%s'; form-action 'self'; "
	    "frame-ancestors 'none'; base-uri 'none'", text);
}
