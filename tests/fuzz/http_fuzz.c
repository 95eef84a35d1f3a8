/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as a request head.  Besides memory errors: a verdict must not
 * depend on how the bytes are cut, and an accepted head must be as
 * http.h promises.
 */
#include "pkgtorrentd/front/http/http.h"
#include "tests/lib/fuzz.h"

static int
parse_copy(const uint8_t *data, size_t len, struct http_request *req)
{
	const char	*why;
	char		*copy = copy_of(data, len);
	int		 status = http_parse(copy, len, req, &why);

	require((status > 0) == (why != NULL));
	require(status == -1 || status == 0 || status >= 400);
	free(copy);
	return status;
}

static void
check_inside(struct str s, const char *head, size_t len)
{
	if (s.p == NULL) {
		require(s.len == 0);
		return;
	}
	require(s.p >= head && s.p + s.len <= head + len &&
	    memchr(s.p, '\r', s.len) == NULL &&
	    memchr(s.p, '\n', s.len) == NULL &&
	    memchr(s.p, '\0', s.len) == NULL);
}

static void
check_accepted(const uint8_t *data, size_t len)
{
	struct http_request	 req;
	const char		*text = (const char *)data, *why;
	struct str		 name, port;
	size_t			 i;

	require(http_parse(text, len, &req, &why) == 0);
	require(req.head_len <= len && req.head_len >= 4 &&
	    memcmp(text + req.head_len - 4, "\r\n\r\n", 4) == 0 &&
	    req.head_len <= 2 + HTTP_LINE_MAX + HTTP_HEAD_MAX);
	check_inside(req.line, text, req.head_len);
	check_inside(req.target, text, req.head_len);
	check_inside(req.host, text, req.head_len);
	for (i = 0; i < FIELD_COUNT; i++)
		check_inside(req.field[i], text, req.head_len);
	for (i = 0; i < req.nforwarded; i++)
		check_inside(req.forwarded[i], text, req.head_len);
	check_inside(req.port, text, req.head_len);
	require(req.target.len > 0 && (req.target.p[0] == '/' ||
	    (req.target.p[0] == '?' && req.target.p[-1] != ' ') ||
	    (req.target.p[0] == '*' && req.target.len == 1 &&
	    req.method == HTTP_OPTIONS)));
	require(req.host.p == NULL ? req.minor != 1 && req.port.p == NULL :
	    http_is_host(req.host, &name, &port));
	require(req.minor == 0 || req.minor == 1);
	require(req.nforwarded <= FORWARDED_MAX);
	require(!http_has_body(&req) ||
	    (req.method != HTTP_GET && req.method != HTTP_HEAD));
	require(!req.chunked || (req.content_length == 0 && req.minor == 1));
	/* One byte less is not a request yet; bytes behind it do not matter. */
	require(parse_copy(data, req.head_len - 1, &req) == -1 &&
	    parse_copy(data, len, &req) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_request	req;
	size_t			step = 1 + size / 64, len;
	int			whole, part;

	whole = parse_copy(data, size, &req);
	if (whole == 0)
		check_accepted(data, size);
	for (len = 0; len < size; len += step) {
		part = parse_copy(data, len, &req);
		require(part == -1 || part == whole);
	}
	return 0;
}
