/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bencode.h"
#include "common/metalink.h"
#include "common/utf8.h"

#ifndef VERSION
#define VERSION	"unknown"
#endif

#define BEGIN	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"		      \
    "<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\n"		      \
    "<generator>pkgtorrentd/" VERSION "</generator>\n"
#define END	"</metalink>\n"
#define HASH_BEGIN	"<hash>"
#define HASH_END	"</hash>\n"
#define HASH_LEN	(sizeof(HASH_BEGIN HASH_END) - 1 + 2 * SHA1_LEN)
#define URL_BEGIN	"<url>"
#define URL_END		"</url>\n"
#define METAURL_BEGIN	"<metaurl mediatype=\"torrent\">"
#define METAURL_PATH	"/single"
#define METAURL_END	"</metaurl>\n"

enum metalink_stage {
	METALINK_BEGIN,
	METALINK_FILE,
	METALINK_PIECES,
	METALINK_URLS,
	METALINK_END,
	METALINK_DONE
};

struct metalink {
	struct metalink_parts	 of;
	struct bencode		 out;		/* for its raw bytes */
	enum metalink_stage	 stage;		/* the next to be written */
	struct buf		 urls;		/* <url> and each base, as XML,
						   with a NUL each */
	struct buf		 metaurl;	/* or nothing */
	const uint8_t		*at;		/* of the list of files */
	const uint8_t		*end;		/* of the dictionary */
	const uint8_t		*digest;	/* the next */
	size_t			 padless;	/* the next, in of.ends */
	uint64_t		 size;		/* bytes of the file */
	bool			 last;		/* no file follows */
	uint64_t		 left;		/* pieces of it */
	struct buf		 path;		/* of it */
	struct buf		 encoded;	/* the same in a URL */
};

static void
add_text(struct bencode *b, const char *s)
{
	bencode_raw(b, s, strlen(s));
}

static void
add_number(struct bencode *b, uint64_t v)
{
	char text[32];

	add_text(b, bencode_digits(text, v, '\0'));
}

/* Text of an attribute or element. */
static void
add_escaped(struct bencode *b, const char *p, size_t len)
{
	const char *end = p + len, *from = p;

	for (; p < end; p++) {
		const char *as = *p == '&' ? "&amp;" : *p == '<' ? "&lt;" :
		    *p == '>' ? "&gt;" : *p == '"' ? "&quot;" : NULL;

		if (as == NULL)
			continue;
		bencode_raw(b, from, (uint64_t)(p - from));
		add_text(b, as);
		from = p + 1;
	}
	bencode_raw(b, from, (uint64_t)(end - from));
}

/* Is it a byte of URLs, or a slash? */
static bool
is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '-' && c <= '9') ||
	    (c >= 'A' && c <= 'Z') || c == '_' || c == '~';
}

/* The bytes that torrent_encode_path() makes of it. */
static uint64_t
encoded_len(const char *path, size_t len)
{
	uint64_t n = len;

	for (; len > 0; path++, len--)
		n += is_plain(*path) ? 0 : 2;
	return n;
}

bool
metalink_name_ok(const char *name, size_t len)
{
	const uint8_t *p = (const uint8_t *)name, *end = p + len;
	uint32_t code;

	while (p < end) {
		code = utf8_next(&p, end);
		if (code < 0x20 || code == 0x7f || code == '\\' ||
		    code == 0xfffe || code == 0xffff || code == UTF8_NOT)
			return false;
	}
	return len > 0;
}

/* The name of a file within its path. */
static const char *
file_name(const char *path, size_t len, bool multi, size_t *name_len)
{
	const char *name = multi ? path + 1 :
	    (const char *)memrchr(path, '/', len) + 1;

	*name_len = (size_t)(path + len - name);
	return name;
}

static void
add_file_begin(struct bencode *b, const char *name, size_t len,
    uint64_t size, uint32_t piece_len)
{
	add_text(b, "<file name=\"");
	add_escaped(b, name, len);
	add_text(b, "\">\n<size>");
	add_number(b, size);
	add_text(b, "</size>\n");
	if (size == 0)
		return;
	add_text(b, "<pieces length=\"");
	add_number(b, piece_len);
	add_text(b, "\" type=\"sha-1\">\n");
}

static void
add_pieces_end(struct bencode *b, uint64_t size)
{
	if (size > 0)
		add_text(b, "</pieces>\n");
}

static void
add_file_end(struct bencode *b)
{
	add_text(b, "</file>\n");
}

void
metalink_measure(struct metalink_size *m, const struct torrent_file *files,
    size_t n, bool multi, uint32_t piece_len)
{
	struct bencode count = { 0 };
	const char *name;
	uint64_t pieces;
	size_t i, len;

	*m = (struct metalink_size){ .piece_len = piece_len, .files = n };
	for (i = 0; i < n; i++) {
		name = file_name(files[i].path, files[i].path_len, multi,
		    &len);
		m->nameless = m->nameless || !metalink_name_ok(name, len);
		add_file_begin(&count, name, len, files[i].size, piece_len);
		add_pieces_end(&count, files[i].size);
		add_file_end(&count);
		m->paths += encoded_len(files[i].path, files[i].path_len);
		pieces = torrent_pieces(files[i].size, piece_len);
		if (__builtin_add_overflow(m->pieces, pieces, &m->pieces))
			m->pieces = UINT64_MAX;
	}
	if (__builtin_mul_overflow(m->pieces, HASH_LEN, &pieces))
		pieces = UINT64_MAX;
	bencode_raw(&count, NULL, pieces);
	m->text = count.len;
}

int
metalink_add_ends(struct buf *ends, const struct torrent_file *files, size_t n,
    uint32_t piece_len)
{
	uint64_t pieces;
	size_t i, padded = 0;

	for (i = 0; i + 1 < n; i++)
		padded += files[i].size % piece_len != 0;
	if (padded > 0 && buf_reserve(ends, padded * SHA1_LEN) == NULL)
		return -1;
	for (i = 0; i + 1 < n; i++) {
		if (files[i].size % piece_len == 0)
			continue;
		pieces = torrent_pieces(files[i].size, piece_len);
		if (buf_add(ends, files[i].digests + (pieces - 1) * SHA1_LEN,
		    SHA1_LEN) == -1)
			return -1;
	}
	return 0;
}

/* The length of "/first" in the path of the only file. */
static size_t
first_len(const struct metalink_parts *of)
{
	const char *slash = memchr(of->path + 1, '/', of->path_len - 1);

	return slash == NULL ? of->path_len : (size_t)(slash - of->path);
}

/* The torrent of the only file, whose own first component is as good a name
   as any before the service's. */
static int
make_metaurl(struct buf *out, const struct metalink_parts *of)
{
	struct bencode b = { .out = out };

	add_text(&b, METAURL_BEGIN);
	add_escaped(&b, of->bases[0], strlen(of->bases[0]));
	if (b.failed || torrent_encode_path(out, of->path,
	    first_len(of)) == -1)
		return -1;
	add_text(&b, "/");
	if (b.failed || torrent_encode_path(out, of->service,
	    strlen(of->service)) == -1)
		return -1;
	add_text(&b, METAURL_PATH);
	if (b.failed || torrent_encode_path(out, of->path,
	    of->path_len) == -1)
		return -1;
	add_text(&b, METAURL_END);
	return b.failed ? -1 : 0;
}

/* The bytes of all elements url, and of metaurl. */
static uint64_t
urls_len(const struct metalink_parts *of)
{
	const struct metalink_size *size = of->size;
	struct bencode count = { 0 };
	uint64_t bases, paths;
	size_t i;

	for (i = 0; i < of->nbases; i++) {
		add_text(&count, URL_BEGIN URL_END);
		add_escaped(&count, of->bases[i], strlen(of->bases[i]));
	}
	if (__builtin_mul_overflow(count.len, size->files, &bases) ||
	    __builtin_mul_overflow(size->paths, of->nbases, &paths) ||
	    __builtin_add_overflow(bases, paths, &count.len))
		count.len = UINT64_MAX;
	if (of->path == NULL)
		return count.len;
	add_text(&count, METAURL_BEGIN "/" METAURL_PATH METAURL_END);
	add_escaped(&count, of->bases[0], strlen(of->bases[0]));
	bencode_raw(&count, NULL, encoded_len(of->path, first_len(of)) +
	    encoded_len(of->service, strlen(of->service)) + size->paths);
	return count.len;
}

uint64_t
metalink_len(const struct metalink_parts *of)
{
	struct bencode count = { 0 };

	add_text(&count, BEGIN END);
	bencode_raw(&count, NULL, of->size->text);
	bencode_raw(&count, NULL, urls_len(of));
	return count.len;
}

/* Each base after its tag. */
static int
make_urls(struct buf *out, const struct metalink_parts *of)
{
	struct bencode b = { .out = out };
	size_t i;

	for (i = 0; i < of->nbases; i++) {
		add_text(&b, URL_BEGIN);
		add_escaped(&b, of->bases[i], strlen(of->bases[i]));
		bencode_raw(&b, "", 1);
	}
	return b.failed ? -1 : 0;
}

struct metalink *
metalink_new(const struct metalink_parts *of)
{
	struct metalink *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->of = *of;
	m->at = of->info;
	m->end = of->info + of->info_len;
	/* The pieces are the last string of the dictionary. */
	if (of->size->files > 0 && of->info_len > 0 &&
	    of->size->pieces <= (of->info_len - 1) / SHA1_LEN)
		m->digest = m->end - 1 - of->size->pieces * SHA1_LEN;
	if (make_urls(&m->urls, of) == -1 ||
	    (of->path != NULL && make_metaurl(&m->metaurl, of) == -1)) {
		metalink_free(m);
		errno = ENOMEM;
		return NULL;
	}
	return m;
}

void
metalink_free(struct metalink *m)
{
	if (m == NULL)
		return;
	buf_free(&m->urls);
	buf_free(&m->metaurl);
	buf_free(&m->path);
	buf_free(&m->encoded);
	free(m);
}

/*
 * Reading the dictionary, which this service has built (common/torrent.c).
 */

/* This text follows, and is passed. */
static bool
pass(struct metalink *m, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(m->end - m->at) < len || memcmp(m->at, text, len) != 0)
		return false;
	m->at += len;
	return true;
}

static bool
pass_number(struct metalink *m, uint64_t *v, char last)
{
	const uint8_t *from = m->at;

	for (*v = 0; m->at < m->end && *m->at >= '0' && *m->at <= '9'; m->at++)
		if (__builtin_mul_overflow(*v, 10, v) ||
		    __builtin_add_overflow(*v, *m->at - '0', v))
			return false;
	return m->at > from && m->at < m->end && *m->at++ == (uint8_t)last;
}

/* An entry of the list of files, after its "d": sets size and path. */
static bool
pass_entry(struct metalink *m)
{
	uint64_t len;

	if (!pass(m, "6:lengthi") || !pass_number(m, &m->size, 'e') ||
	    !pass(m, "4:pathl"))
		return false;
	m->path.len = 0;
	if (buf_addf(&m->path, "/%s", m->of.first) == -1)
		return false;
	while (!pass(m, "ee")) {
		if (!pass_number(m, &len, ':') ||
		    len > (uint64_t)(m->end - m->at) ||
		    buf_add(&m->path, "/", 1) == -1 ||
		    buf_add(&m->path, m->at, len) == -1)
			return false;
		m->at += len;
	}
	return true;
}

/* Padding, which follows each file that needs it but the last. */
static bool
pass_padding(struct metalink *m)
{
	uint64_t len;

	if (!pass(m, "d"))
		return false;
	(void)pass(m, "4:attr1:p");
	if (!pass(m, "6:lengthi") || !pass_number(m, &len, 'e') ||
	    !pass(m, "4:pathl"))
		return false;
	while (!pass(m, "ee")) {
		if (!pass_number(m, &len, ':') ||
		    len > (uint64_t)(m->end - m->at))
			return false;
		m->at += len;
	}
	return true;
}

/* The file that is written next; false: the dictionary is not as expected. */
static bool
next_file(struct metalink *m)
{
	if (m->of.path != NULL) {
		m->path.len = 0;
		m->last = true;
		return pass(m, "d6:lengthi") &&
		    pass_number(m, &m->size, 'e') &&
		    buf_add(&m->path, m->of.path, m->of.path_len) == 0;
	}
	if (m->at == m->of.info && !pass(m, "d5:filesl"))
		return false;
	if (!pass(m, "d") || !pass_entry(m))
		return false;
	m->last = m->at < m->end && *m->at == 'e';
	return m->last || m->size % m->of.size->piece_len == 0 ||
	    pass_padding(m);
}

static int
write_file(struct metalink *m)
{
	const char *path, *name;
	size_t len;

	if (m->digest == NULL || !next_file(m))
		return -1;
	path = (char *)m->path.data;
	m->encoded.len = 0;
	if (torrent_encode_path(&m->encoded, path, m->path.len) == -1)
		return -1;
	name = file_name(path, m->path.len, m->of.path == NULL, &len);
	add_file_begin(&m->out, name, len, m->size, m->of.size->piece_len);
	m->left = torrent_pieces(m->size, m->of.size->piece_len);
	m->stage = METALINK_PIECES;
	return 0;
}

static void
write_hash(struct metalink *m, const uint8_t digest[SHA1_LEN])
{
	static const char hex[] = "0123456789abcdef";
	char text[HASH_LEN + 1] = HASH_BEGIN, *p = text + strlen(HASH_BEGIN);
	size_t i;

	for (i = 0; i < SHA1_LEN; i++) {
		*p++ = hex[digest[i] >> 4];
		*p++ = hex[digest[i] & 15];
	}
	memcpy(p, HASH_END, sizeof(HASH_END) - 1);
	bencode_raw(&m->out, text, HASH_LEN);
}

/* The next pieces of the file, up to this length of the whole. */
static int
write_pieces(struct metalink *m, uint64_t until)
{
	const uint8_t *end = m->end - 1, *digest;
	bool padded = !m->last && m->size % m->of.size->piece_len != 0;

	for (; m->left > 0 && m->out.len < until; m->left--) {
		digest = m->digest;
		if (end - digest < SHA1_LEN)
			return -1;
		m->digest += SHA1_LEN;
		if (padded && m->left == 1) {
			if (m->of.ends_len - m->padless < SHA1_LEN)
				return -1;
			digest = m->of.ends + m->padless;
			m->padless += SHA1_LEN;
		}
		write_hash(m, digest);
	}
	if (m->left == 0)
		m->stage = METALINK_URLS;
	return 0;
}

static void
write_urls(struct metalink *m)
{
	const char *url = (char *)m->urls.data;
	const char *end = url + m->urls.len;

	add_pieces_end(&m->out, m->size);
	bencode_raw(&m->out, m->metaurl.data, m->metaurl.len);
	for (; url < end; url += strlen(url) + 1) {
		add_text(&m->out, url);
		bencode_raw(&m->out, m->encoded.data, m->encoded.len);
		add_text(&m->out, URL_END);
	}
	add_file_end(&m->out);
	m->stage = m->last ? METALINK_END : METALINK_FILE;
}

int
metalink_step(struct metalink *m, struct buf *buf, size_t most)
{
	uint64_t until = m->out.len + most;
	int rc = 0;

	m->out.out = buf;
	while (m->stage != METALINK_DONE && m->out.len < until && rc == 0 &&
	    !m->out.failed)
		switch (m->stage) {
		case METALINK_BEGIN:
			add_text(&m->out, BEGIN);
			m->stage = METALINK_FILE;
			break;
		case METALINK_FILE:
			rc = write_file(m);
			break;
		case METALINK_PIECES:
			rc = write_pieces(m, until);
			break;
		case METALINK_URLS:
			write_urls(m);
			break;
		default:
			add_text(&m->out, END);
			m->stage = METALINK_DONE;
		}
	if (rc == -1 || m->out.failed)
		return -1;
	return m->stage == METALINK_DONE;
}
