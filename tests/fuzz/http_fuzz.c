/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as a request head.  Besides memory errors: a verdict must not
 * depend on how the bytes are cut, and an accepted head must be as
 * http.h promises.
 */
#include <stdlib.h>
#include <string.h>

#include "pkgtorrentd/front/http/http.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* A copy of exactly these bytes, so that reading past them is seen. */
static int
parse_copy(const uint8_t *data, size_t len, struct http_request *req)
{
	const char	*why;
	char		*copy = malloc(len > 0 ? len : 1);
	int		 status;

	if (copy == NULL)
		abort();
	memcpy(copy, data, len);
	status = http_parse(copy, len, req, &why);
	if ((status > 0) != (why != NULL))
		abort();
	if (status < -1 || (status > 0 && status < 400))
		abort();
	free(copy);
	return status;
}

static void
check_inside(struct str s, const char *head, size_t len)
{
	if (s.p == NULL) {
		if (s.len != 0)
			abort();
		return;
	}
	if (s.p < head || s.p + s.len > head + len ||
	    memchr(s.p, '\r', s.len) != NULL ||
	    memchr(s.p, '\n', s.len) != NULL ||
	    memchr(s.p, '\0', s.len) != NULL)
		abort();
}

static void
check_accepted(const uint8_t *data, size_t len)
{
	struct http_request	 req;
	const char		*text = (const char *)data, *why;
	struct str		 name, port;
	size_t			 i;

	if (http_parse(text, len, &req, &why) != 0)
		abort();
	if (req.head_len > len || req.head_len < 4 ||
	    memcmp(text + req.head_len - 4, "\r\n\r\n", 4) != 0 ||
	    req.head_len > 2 + HTTP_LINE_MAX + HTTP_HEAD_MAX)
		abort();
	check_inside(req.line, text, req.head_len);
	check_inside(req.target, text, req.head_len);
	check_inside(req.host, text, req.head_len);
	for (i = 0; i < FIELD_COUNT; i++)
		check_inside(req.field[i], text, req.head_len);
	for (i = 0; i < req.nforwarded; i++)
		check_inside(req.forwarded[i], text, req.head_len);
	check_inside(req.port, text, req.head_len);
	if (req.target.len == 0 || (req.target.p[0] != '/' &&
	    (req.target.p[0] != '?' || req.target.p[-1] == ' ') &&
	    (req.target.p[0] != '*' || req.target.len != 1 ||
	    req.method != HTTP_OPTIONS)))
		abort();
	if ((req.host.p == NULL && (req.minor == 1 || req.port.p != NULL)) ||
	    (req.host.p != NULL && !http_is_host(req.host, &name, &port)) ||
	    req.minor < 0 || req.minor > 1 || req.nforwarded > FORWARDED_MAX)
		abort();
	if (http_has_body(&req) &&
	    (req.method == HTTP_GET || req.method == HTTP_HEAD))
		abort();
	if (req.chunked && (req.content_length > 0 || req.minor == 0))
		abort();
	/* One byte less is not a request yet; bytes behind it do not matter. */
	if (parse_copy(data, req.head_len - 1, &req) != -1 ||
	    parse_copy(data, len, &req) != 0)
		abort();
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
		if (part != -1 && part != whole)
			abort();
	}
	return 0;
}
