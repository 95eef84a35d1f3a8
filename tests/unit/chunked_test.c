/* SPDX-License-Identifier: ISC */
#include "pkgtorrentd/front/http/chunked.h"
#include "pkgtorrentd/front/http/http.h"
#include "tests/lib/test.h"

#define MAX	1000		/* of a body here */
#define FRAMING	(65536 + MAX / 8)

static const char *why;
static size_t used, outlen;
static char out[MAX];

/* In pieces of step bytes, each a copy that nothing follows; the decoded
   body is in out. */
static int
decode(const char *bytes, size_t len, size_t step, uint64_t max)
{
	struct chunked	 ch;
	size_t		 at, n, part_used, body;
	char		*copy;
	int		 status = -1;

	ch = CHUNKED_START(max);
	outlen = used = 0;
	for (at = 0; at < len && status == -1; at += n) {
		n = len - at < step ? len - at : step;
		copy = malloc(n);
		ATF_REQUIRE(copy != NULL);
		memcpy(copy, bytes + at, n);
		status = chunked_decode(&ch, copy, n, &part_used, &body, &why);
		ATF_CHECK_EQ(why != NULL, status > 0);
		ATF_CHECK(status > 0 || body <= part_used);
		ATF_CHECK(status != -1 || part_used == n);
		memcpy(out + outlen, copy, body);
		outlen += body;
		used += part_used;
		free(copy);
	}
	return status;
}

static const struct {
	const char	*bytes;
	const char	*body;		/* NULL: a refusal */
	int		 status;
	size_t		 left;		/* bytes that are not used */
} rows[] = {
	{ "0\r\n\r\n", "", 0, 0 }, { "3\r\nabc\r\n0\r\n\r\n", "abc", 0, 0 },
	{ "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc", 0, 0 },
	{ "3\r\na\r\n\r\n0\r\n\r\n", "a\r\n", 0, 0 },
	{ "5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n", 0, 0 },
	{ "A\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0, 0 },
	{ "a\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0, 0 },
	{ "00000003\r\nabc\r\n0000\r\n\r\n", "abc", 0, 0 },
	/* Extensions, RFC 9112 7.1.1. */
	{ "3;a\r\nabc\r\n0;b\r\n\r\n", "abc", 0, 0 },
	{ "3;a=b;c;d=e\r\nabc\r\n0\r\n\r\n", "abc", 0, 0 },
	{ "3;a=\"\"\r\nabc\r\n0\r\n\r\n", "abc", 0, 0 },
	{ "3;a=\"b;c \\\" \\\\ \t\xe4\";d\r\nabc\r\n0\r\n\r\n", "abc", 0, 0 },
	{ "3 ;\ta\t=  b  ; c=\"d\" ;e\r\nabc\r\n0\r\n\r\n", "abc", 0, 0 },
	/* Trailers. */
	{ "0\r\nA: b\r\n\r\n", "", 0, 0 },
	{ "0\r\nA:\r\nB: c\t\xe4 \r\nContent-Length: 7\r\n\r\n", "", 0, 0 },
	/* The bytes behind it are the next request's. */
	{ "0\r\n\r\nGET / HTTP/1.1\r\n", "", 0, 16 },
	{ "1\r\na\r\n0\r\n\r\n\r\n", "a", 0, 2 },
	{ "1\r\na\r\n0\r\n\r\n0\r\n\r\n", "a", 0, 5 },
	/* Not complete. */
	{ "0", "", -1, 0 }, { "0\r\n", "", -1, 0 }, { "0\r\n\r", "", -1, 0 },
	{ "3\r\nab", "ab", -1, 0 }, { "3\r\nabc", "abc", -1, 0 },
	{ "3\r\nabc\r\n", "abc", -1, 0 }, { "0\r\nA: b\r\n", "", -1, 0 },
	/* The size. */
	{ "\r\n", NULL, 400, 0 }, { ";a\r\n", NULL, 400, 0 },
	{ " 3\r\n", NULL, 400, 0 }, { "3 \r\n", NULL, 400, 0 },
	{ "3\t\r\n", NULL, 400, 0 }, { "+3\r\n", NULL, 400, 0 },
	{ "-3\r\n", NULL, 400, 0 }, { "0x3\r\n", NULL, 400, 0 },
	{ "3h\r\n", NULL, 400, 0 }, { "g\r\n", NULL, 400, 0 },
	{ "3.0\r\n", NULL, 400, 0 }, { "3,\r\n", NULL, 400, 0 },
	{ "\"3\"\r\n", NULL, 400, 0 }, { "\xd9\xa3\r\n", NULL, 400, 0 },
	{ "000000003\r\n", NULL, 400, 0 }, { "100000003\r\n", NULL, 400, 0 },
	{ "10000000000000003\r\n", NULL, 400, 0 },
	/* Line ends. */
	{ "3\n", NULL, 400, 0 }, { "3\rabc", NULL, 400, 0 },
	{ "3\r\r\n", NULL, 400, 0 }, { "3;a\n", NULL, 400, 0 },
	{ "3;a=b\n", NULL, 400, 0 }, { "3;a=\"b\n", NULL, 400, 0 },
	{ "3\r\nabc\n", NULL, 400, 0 }, { "3\r\nabc\r0", NULL, 400, 0 },
	{ "3\r\nabcd\r\n", NULL, 400, 0 }, { "3\r\nabc0\r\n", NULL, 400, 0 },
	{ "3\r\nab\r\n0\r\n", NULL, 400, 0 },
	{ "3\r\nabc\r\n\r\n", NULL, 400, 0 }, { "0\n", NULL, 400, 0 },
	{ "0\r\n\n", NULL, 400, 0 }, { "0\r\n\rx", NULL, 400, 0 },
	/* Extensions. */
	{ "3;\r\n", NULL, 400, 0 }, { "3; \r\n", NULL, 400, 0 },
	{ "3;;a\r\n", NULL, 400, 0 }, { "3 a\r\n", NULL, 400, 0 },
	{ "3;a=\r\n", NULL, 400, 0 }, { "3;a= \r\n", NULL, 400, 0 },
	{ "3;=b\r\n", NULL, 400, 0 }, { "3;a b\r\n", NULL, 400, 0 },
	{ "3;a \r\n", NULL, 400, 0 }, { "3;a=b c\r\n", NULL, 400, 0 },
	{ "3;a=b=c\r\n", NULL, 400, 0 }, { "3;a=\"b\"c\r\n", NULL, 400, 0 },
	{ "3;a=\"b\r\n", NULL, 400, 0 }, { "3;a=\"b\\\r\n", NULL, 400, 0 },
	{ "3;a=\"b\x01\"\r\n", NULL, 400, 0 },
	{ "3;a=\"\\\x7f\"\r\n", NULL, 400, 0 },
	{ "3;a\x01\r\n", NULL, 400, 0 }, { "3;a(\r\n", NULL, 400, 0 },
	{ "3;a=(\r\n", NULL, 400, 0 }, { "3;\xe4\r\n", NULL, 400, 0 },
	/* Trailers. */
	{ "0\r\nA\r\n", NULL, 400, 0 }, { "0\r\n: b\r\n", NULL, 400, 0 },
	{ "0\r\n A: b\r\n", NULL, 400, 0 }, { "0\r\nA : b\r\n", NULL, 400, 0 },
	{ "0\r\nA: b\r\n c\r\n", NULL, 400, 0 },
	{ "0\r\nA: b\n", NULL, 400, 0 }, { "0\r\nA: b\rc", NULL, 400, 0 },
	{ "0\r\nA: b\x01\r\n", NULL, 400, 0 },
	{ "0\r\nGET / HTTP/1.1\r\n", NULL, 400, 0 },
	/* The limit of the body, before any of it. */
	{ "3e9\r\n", NULL, 413, 0 }, { "3e9;a", NULL, -1, 0 },
	{ "3e9;a\r", NULL, 413, 0 }, { "ffffffff\r\n", NULL, 413, 0 },
	{ "1\r\na\r\n3e8\r\n", NULL, 413, 0 },
};

/* However the body is cut into packets. */
TEST(chunked__rows)
{
	size_t	step, len;
	int	status;

	EACH(row, rows) {
		len = strlen(row->bytes);
		for (step = 1; step <= len; step++) {
			status = decode(row->bytes, len, step, MAX);
			ATF_CHECK_EQ_MSG(status, row->status,
			    "%s by %zu: %d %s", row->bytes, step, status,
			    why == NULL ? "" : why);
			if (row->body == NULL || status > 0)
				continue;
			ATF_CHECK_MSG(outlen == strlen(row->body) &&
			    memcmp(out, row->body, outlen) == 0,
			    "%s by %zu: \"%.*s\"", row->bytes, step,
			    (int)outlen, out);
			ATF_CHECK_EQ_MSG(len - used, row->left, "%s by %zu",
			    row->bytes, step);
		}
	}
}

TEST(chunked__nul)
{
	ATF_CHECK_EQ(decode("2\r\n\0\0\r\n0\r\n\r\n", 12, 1, MAX), 0);
	ATF_CHECK_EQ(outlen, 2);
	ATF_CHECK_EQ(decode("\0", 1, 1, MAX), 400);
	ATF_CHECK_EQ(decode("3\0", 2, 1, MAX), 400);
	ATF_CHECK_EQ(decode("3;a\0", 4, 1, MAX), 400);
	ATF_CHECK_EQ(decode("0\r\nA:\0", 6, 1, MAX), 400);
}

/* The reason is one line, without any of the sent bytes. */
TEST(chunked__why)
{
	static const struct {
		const char	*bytes;
		const char	*part;
	} texts[] = {
		{ "x\r\n", "hexadecimal" }, { "123456789", "hexadecimal" },
		{ "3\n", "LF alone" }, { "3\rx", "CR without LF" },
		{ "3\r\nabcd", "not as long" }, { "3;;", "extension" },
		{ "0\r\n\x01", "header field" }, { "3e9\r", "larger than" },
	};
	size_t	k;

	EACH(row, texts) {
		ATF_REQUIRE(decode(row->bytes, strlen(row->bytes), 9,
		    MAX) >= 400);
		ATF_CHECK_MSG(strstr(why, row->part) != NULL, "%s: %s",
		    row->bytes, why);
		for (k = 0; why[k] != '\0'; k++)
			ATF_CHECK(why[k] >= 0x20 && why[k] < 0x7f);
	}
}

TEST(chunked__line_limit)
{
	char	text[CHUNK_LINE_MAX + 16];
	size_t	step;

	for (step = 1; step < sizeof(text); step += 100) {
		memset(text, 'a', sizeof(text));
		memcpy(text, "1;", 2);
		memcpy(text + CHUNK_LINE_MAX - 2, "\r\nb\r\n0\r\n\r\n", 11);
		ATF_CHECK_EQ(decode(text, strlen(text), step, MAX), 0);
		ATF_CHECK_EQ(outlen, 1);
		/* In the last chunk too, and each line has it anew. */
		memset(text, 'a', sizeof(text));
		memcpy(text, "1\r\nb\r\n0;", 8);
		memcpy(text + 6 + CHUNK_LINE_MAX - 2, "\r\n\r\n", 5);
		ATF_CHECK_EQ(decode(text, strlen(text), step, MAX), 0);
		memcpy(text + 6 + CHUNK_LINE_MAX - 2, "a\r\n\r", 5);
		ATF_CHECK_EQ(decode(text, strlen(text), step, MAX), 400);
		/* Decided when it is exceeded, not when it ends. */
		memset(text, ' ', sizeof(text));
		text[0] = '1';
		ATF_CHECK_EQ(decode(text, CHUNK_LINE_MAX, step, MAX), -1);
		ATF_CHECK_EQ(decode(text, CHUNK_LINE_MAX + 1, step, MAX), 400);
	}
}

TEST(chunked__trailer_limits)
{
	static char	text[HTTP_HEAD_MAX + 64];
	size_t		len, i;

	memset(text, 'a', sizeof(text));
	memcpy(text, "0\r\nA:", 5);
	memcpy(text + 3 + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
	ATF_CHECK_EQ(decode(text, 3 + HTTP_HEAD_MAX, 999, MAX), 0);
	memcpy(text + 3 + HTTP_HEAD_MAX - 4, "a\r\n\r\n", 5);
	ATF_CHECK_EQ(decode(text, 3 + HTTP_HEAD_MAX, 999, MAX), -1);
	ATF_CHECK_EQ(decode(text, 4 + HTTP_HEAD_MAX, 999, MAX), 431);

	len = 3;
	for (i = 0; i < HTTP_FIELDS_MAX; i++, len += 5)
		memcpy(text + len, "A: \r\n", 5);
	memcpy(text + len, "\r\n", 2);
	ATF_CHECK_EQ(decode(text, len + 2, 7, MAX), 0);
	text[len] = 'A';
	ATF_CHECK_EQ(decode(text, len + 1, 7, MAX), 431);
}

/* So many chunks of one byte, six bytes of framing in each, and n more. */
static int
decode_framing(size_t n)
{
	static char	text[2 * FRAMING];
	size_t		len = 0, framing = 0;

	while (framing + 5 + 4 + 5 + 255 <= n) {
		/* "1;xxx…" CR LF, a byte, CR LF */
		memset(text + len, 'x', 256);
		memcpy(text + len, "1;", 2);
		memcpy(text + len + 252, "\r\nb\r\n", 5);
		len += 257;
		framing += 256;
	}
	memset(text + len, 'x', 256);
	memcpy(text + len, "0;", 2);
	len += n - framing - 4;
	memcpy(text + len, "\r\n\r\n", 4);
	len += 4;
	return decode(text, len, 4096, MAX);
}

/* Chunks of one byte cost five, and nobody needs a body of mostly framing. */
TEST(chunked__framing_limit)
{
	ATF_CHECK_EQ(decode_framing(FRAMING), 0);
	ATF_CHECK_EQ(decode_framing(FRAMING + 1), 413);
}

TEST(chunked__body_limit)
{
	static char	text[2 * MAX + 64];
	size_t		n;

	n = (size_t)sprintf(text, "3e7\r\n");
	memset(text + n, 'b', 999);
	n += 999;
	n += (size_t)sprintf(text + n, "\r\n1\r\nc\r\n0\r\n\r\n");
	ATF_CHECK_EQ(decode(text, n, 100, MAX), 0);
	ATF_CHECK_EQ(outlen, MAX);
	ATF_CHECK_EQ(out[MAX - 1], 'c');
	ATF_CHECK_EQ(decode(text, n, 100, MAX - 1), 413);
	ATF_CHECK_EQ(decode("0\r\n\r\n", 5, 1, 0), 0);
	ATF_CHECK_EQ(decode("1\r\n", 3, 1, 0), 413);
}
