/* SPDX-License-Identifier: ISC */
/*
 * Lays a torrent out and reads it as a client would: byte by byte through the
 * file list, asking for each piece which file its bytes belong to.
 */
#include "common/torrent.h"
#include "tests/lib/fuzz.h"

#define FILES_MAX	40
#define PIECES_MAX	5		/* in a file */

static struct torrent_params	params;
static struct torrent_file	files[FILES_MAX];
static uint8_t			digests[FILES_MAX][PIECES_MAX + 2][SHA1_LEN];
static char			paths[FILES_MAX][64];
static uint8_t			expected[FILES_MAX * PIECES_MAX][SHA1_LEN];

static const uint8_t	*at, *end;

static void
expect(const void *p, size_t n)
{
	require((size_t)(end - at) >= n && memcmp(at, p, n) == 0);
	at += n;
}

static void
expect_text(const char *s)
{
	expect(s, strlen(s));
}

static uint64_t
read_number(char last)
{
	uint64_t	v = 0;

	require(at < end && *at >= '0' && *at <= '9');
	require(at[0] != '0' || at[1] == last);
	while (at < end && *at >= '0' && *at <= '9')
		v = v * 10 + (uint64_t)(*at++ - '0');
	require(at < end && *at++ == (uint8_t)last);
	return v;
}

static uint64_t
read_length(void)
{
	uint64_t	v;

	expect_text("6:lengthi");
	v = read_number('e');
	return v;
}

/* Two bytes of size and one of path for each file. */
static size_t
make_files(const uint8_t *data, size_t size)
{
	static const int	near[] = { 0, 1, -1, 2, -2, 100, -100, 7000 };
	size_t			n, i;
	uint64_t		pieces;

	for (n = 0; n < FILES_MAX && (n + 1) * 3 <= size; n++) {
		const uint8_t	*d = data + n * 3;
		int64_t		 len;

		len = (int64_t)params.piece_len * (d[0] % PIECES_MAX) +
		    near[d[1] % 8];
		files[n].size = len < 0 ? 0 : (uint64_t)len;
		files[n].path_len = (size_t)snprintf(paths[n],
		    sizeof(paths[n]), "/n%s/%c%.*s",
		    d[2] & 0x80 ? "/a/bc" : "", d[2] % 16 == 0 ? 0xff : 'f',
		    d[2] % 20, "ile-with:a b%20name.");
		files[n].path = paths[n];
		files[n].digests = digests[n][0];
		pieces = torrent_digests(files[n].size, params.piece_len);
		require(pieces <= PIECES_MAX + 2);
		for (i = 0; i < pieces; i++) {
			memset(digests[n][i], (int)i, SHA1_LEN);
			digests[n][i][0] = (uint8_t)n;
		}
	}
	return n;
}

/* One entry of the file list, the i-th of n, and its padding; its pieces
   become expected.  Returns the bytes of both. */
static uint64_t
check_file(size_t i, size_t n, uint64_t offset)
{
	const char	*p = strchr(files[i].path + 1, '/');
	char		 text[128], name[32];
	uint64_t	 len, pad, piece, first;
	size_t		 j, same = 0;

	expect_text("d");
	len = read_length();
	require(len == files[i].size);
	require(offset % params.piece_len == 0);
	expect_text("4:pathl");
	while (p != NULL) {
		snprintf(text, sizeof(text), "%zu:%.*s", strcspn(p + 1, "/"),
		    (int)strcspn(p + 1, "/"), p + 1);
		expect_text(text);
		p = strchr(p + 1, '/');
	}
	expect_text("ee");

	first = offset / params.piece_len;
	for (piece = 0; piece * params.piece_len < len; piece++)
		memcpy(expected[first + piece], digests[i][piece], SHA1_LEN);
	if (i == n - 1 || len % params.piece_len == 0)
		return len;
	memcpy(expected[first + piece - 1], digests[i][piece], SHA1_LEN);

	for (j = 0; j < i; j++)
		same += files[j].size % params.piece_len ==
		    len % params.piece_len;
	expect_text(params.padding_attr ? "d4:attr1:p" : "d");
	pad = read_length();
	snprintf(name, sizeof(name), "%llu_%zu", (unsigned long long)pad,
	    same);
	snprintf(text, sizeof(text), "4:pathl3:svc8:nullfile%zu:%see",
	    strlen(name), name);
	expect_text(text);
	return len + pad;
}

static void
check_multi(size_t n)
{
	uint64_t	total = 0, pieces;
	char		text[64];
	size_t		i;

	expect_text("d5:filesl");
	for (i = 0; i < n; i++)
		total += check_file(i, n, total);
	snprintf(text, sizeof(text), "e4:name1:n12:piece lengthi%ue6:pieces",
	    params.piece_len);
	expect_text(text);
	pieces = (total + params.piece_len - 1) / params.piece_len;
	require(read_number(':') == pieces * SHA1_LEN);
	expect(expected, pieces * SHA1_LEN);
	expect_text("e");
	require(at == end);
}

static void
check_single(void)
{
	const char	*name = strrchr(files[0].path, '/') + 1;
	char		 text[128];
	uint64_t	 bytes;

	expect_text("d");
	require(read_length() == files[0].size);
	snprintf(text, sizeof(text), "4:name%zu:%s12:piece lengthi%ue6:pieces",
	    strlen(name), name, params.piece_len);
	expect_text(text);
	bytes = read_number(':');
	require(bytes % SHA1_LEN == 0);
	require(bytes / SHA1_LEN * params.piece_len >= files[0].size);
	expect(digests[0], bytes);
	expect_text("e");
	require(at == end);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf	b = { 0 };
	uint64_t	len;
	size_t		n;
	bool		multi;

	if (size == 0)
		return 0;
	multi = data[0] & 1;
	params.padding_attr = data[0] & 2;
	params.piece_len = 16384U << (data[0] >> 4) % 11;
	params.service = "svc";
	n = make_files(data + 1, size - 1);
	if (n == 0)
		return 0;
	if (!multi)
		n = 1;
	len = torrent_info_len(&params, files, n, multi);
	require(torrent_info(&b, &params, files, n, multi, len - 1) == -1);
	require(torrent_info(&b, &params, files, n, multi, len) == 0);
	require(b.len == len);
	at = b.data;
	end = b.data + b.len;
	if (multi)
		check_multi(n);
	else
		check_single();
	buf_free(&b);
	return 0;
}
