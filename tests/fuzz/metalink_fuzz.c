/* SPDX-License-Identifier: ISC */
/*
 * Writes the Metalink of files that the input names, from their info
 * dictionary, and reads it as a client would; or writes one from a dictionary
 * that the input has damaged.
 */
#include "common/metalink.h"
#include "tests/lib/fuzz.h"

#define FILES_MAX	20
#define PIECES_MAX	3		/* in a file */
#define NAME_MAX_LEN	40
#define PIECE		16384U

static struct torrent_file	 files[FILES_MAX];
static uint8_t			 digests[FILES_MAX][PIECES_MAX + 1][SHA1_LEN];
static char			 paths[FILES_MAX][NAME_MAX_LEN + 4];
static const char *const	 bases[] = { "http://h", "https://o/<a&b>" };
static const char *const	 escaped[] = { "http://h",
	"https://o/&lt;a&amp;b&gt;" };

static struct buf		 out;
static const uint8_t		*at;

static void
expect(const char *text)
{
	size_t	len = strlen(text);

	require((size_t)(out.data + out.len - at) >= len);
	require(memcmp(at, text, len) == 0);
	at += len;
}

static void
expect_number(uint64_t n)
{
	char	text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	expect(text);
}

/* The text up to this, unescaped as by an XML parser, is the name. */
static void
expect_name(const char *name, size_t len)
{
	static const struct {
		const char	*as;
		char		 c;
	} entities[] = { { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' },
		{ "&quot;", '"' } };
	size_t	i, j;

	for (i = 0; i < len; i++) {
		for (j = 0; j < 4 && entities[j].c != name[i]; j++)
			continue;
		if (j < 4) {
			expect(entities[j].as);
			continue;
		}
		require(at < out.data + out.len && *at == (uint8_t)name[i]);
		require((uint8_t)name[i] >= 0x20 && name[i] != 0x7f);
		at++;
	}
}

static void
expect_encoded(const char *path, size_t len)
{
	struct buf	b = { 0 };

	require(torrent_encode_path(&b, path, len) == 0);
	require(buf_add(&b, "", 1) == 0);
	expect((char *)b.data);
	buf_free(&b);
}

static void
expect_hash(const uint8_t *digest)
{
	char	text[3];
	size_t	i;

	expect("<hash>");
	for (i = 0; i < SHA1_LEN; i++) {
		snprintf(text, sizeof(text), "%02x", digest[i]);
		expect(text);
	}
	expect("</hash>\n");
}

static void
expect_file(const struct torrent_file *f, bool multi)
{
	const char	*name = multi ? f->path + 1 :
	    strrchr(f->path, '/') + 1;
	uint64_t	 piece;
	size_t		 i;

	expect("<file name=\"");
	expect_name(name, (size_t)(f->path + f->path_len - name));
	expect("\">\n<size>");
	expect_number(f->size);
	expect("</size>\n");
	if (f->size > 0)
		expect("<pieces length=\"16384\" type=\"sha-1\">\n");
	for (piece = 0; piece * PIECE < f->size; piece++)
		expect_hash(f->digests + piece * SHA1_LEN);
	if (f->size > 0)
		expect("</pieces>\n");
	if (!multi) {
		expect("<metaurl mediatype=\"torrent\">http://h/n/svc/single");
		expect_encoded(f->path, f->path_len);
		expect("</metaurl>\n");
	}
	for (i = 0; i < 2; i++) {
		expect("<url>");
		expect(escaped[i]);
		expect_encoded(f->path, f->path_len);
		expect("</url>\n");
	}
	expect("</file>\n");
}

/* A byte of size, one of length, and the name of each file. */
static size_t
make_files(void)
{
	static const int	near[] = { 0, 1, -1, 100 };
	struct torrent_file	*f;
	struct buf		 name = { 0 };
	size_t			 n, i, len;
	int64_t			 size;
	uint8_t			 how;

	for (n = 0; n < FILES_MAX && in_len > 0; n++) {
		f = &files[n];
		how = next();
		size = (int64_t)PIECE * (how % PIECES_MAX) + near[how / 64];
		f->size = size < 0 ? 0 : (uint64_t)size;
		len = 1 + next() % NAME_MAX_LEN;
		name.len = 0;
		next_bytes(&name, len);
		/* Slashes make components, and none of them is empty. */
		for (i = 0; i < len; i++)
			if (name.data[i] == 0 || (name.data[i] == '/' &&
			    (i == 0 || i + 1 == len ||
			    name.data[i - 1] == '/')))
				name.data[i] = 'x';
		f->path_len = (size_t)snprintf(paths[n], sizeof(paths[n]),
		    "/n/%.*s", (int)len, name.data);
		f->path = paths[n];
		f->digests = digests[n][0];
		for (i = 0; i <= PIECES_MAX; i++)
			memset(digests[n][i], (int)(n * 4 + i), SHA1_LEN);
	}
	buf_free(&name);
	return n;
}

/* All of it, in steps; -1: it cannot be written. */
static int
write_all(const struct metalink_parts *parts, size_t step)
{
	struct metalink	*m = metalink_new(parts);
	int		 r;

	require(m != NULL);
	out.len = 0;
	while ((r = metalink_step(m, &out, step)) == 0)
		require(out.len < 1U << 20);
	metalink_free(m);
	return r;
}

static void
check(const struct metalink_parts *parts, size_t n, bool multi, size_t step)
{
	size_t	i;

	require(write_all(parts, step) == 1);
	require(out.len == metalink_len(parts));
	at = out.data;
	expect("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\n"
	    "<generator>pkgtorrentd/" VERSION "</generator>\n");
	for (i = 0; i < n; i++)
		expect_file(&files[i], multi);
	expect("</metalink>\n");
	require(at == out.data + out.len);
}

/* The dictionary with a byte changed, or cut, and exactly so long. */
static void
damage(struct metalink_parts *parts, const struct buf *info)
{
	uint32_t	 where = next_number() % (uint32_t)info->len;
	uint8_t		 with = next(), *copy;

	parts->info_len = with == 0 ? where : info->len;
	copy = copy_of(info->data, parts->info_len);
	if (with != 0)
		copy[where] ^= with;
	parts->info = copy;
	(void)write_all(parts, 1000);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct torrent_params	 params = { .piece_len = PIECE,
	    .service = "svc" };
	struct metalink_size	 known;
	struct metalink_parts	 parts = { .size = &known, .bases = bases,
	    .nbases = 2, .service = "svc", .first = "n" };
	struct buf		 info = { 0 }, ends = { 0 };
	size_t			 n, step;
	uint8_t			 how;
	bool			 multi;

	in = data;
	in_len = size;
	how = next();
	multi = how & 1;
	params.padding_attr = how & 2;
	step = 1 + how * 16U;
	n = make_files();
	if (n == 0)
		return 0;
	if (!multi) {
		n = 1;
		parts.path = files[0].path;
		parts.path_len = files[0].path_len;
	}
	metalink_measure(&known, files, n, multi, PIECE);
	require(torrent_info(&info, &params, files, n, multi, UINT64_MAX) ==
	    0);
	require(metalink_add_ends(&ends, files, n, PIECE) == 0);
	parts.info = info.data;
	parts.info_len = info.len;
	parts.ends = ends.data;
	parts.ends_len = ends.len;
	if (!known.nameless)
		check(&parts, n, multi, step);
	if (how & 4)
		damage(&parts, &info);
	buf_free(&info);
	buf_free(&ends);
	return 0;
}
