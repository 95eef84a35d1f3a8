/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as a target and as a form.  The first two choose the method and
 * how many paths there may be.  Accepted paths must be paths that a walker may
 * be asked for.
 */
#include "pkgtorrentd/front/http/request.h"
#include "tests/lib/fuzz.h"

static void
check_path(const char *path, size_t len, bool dot_allowed)
{
	size_t	i, component = 1;

	require(len > 0 && path[0] == '/');
	for (i = 0; i < len; i++)
		require((uint8_t)path[i] >= 0x20 && path[i] != 0x7f);
	for (i = 1; i <= len; i++) {
		if (i < len && path[i] != '/')
			continue;
		require(i != component || i == len);
		require(i != component + 2 ||
		    memcmp(path + component, "..", 2) != 0);
		require(i != component + 1 || path[component] != '.' ||
		    (dot_allowed && i < len));
		component = i + 1;
	}
}

static void
check_typed(struct str query)
{
	char		 out[HTTP_LINE_MAX];
	const char	*why;
	size_t		 len;
	int		 status = request_typed(query, out, &len, &why);

	require((status == 0) == (why == NULL));
	require(status != 0 || len <= query.len);
}

static void
route(struct str target, enum http_method method)
{
	static struct request	 req;
	const char		*why, *allow;
	int			 status;

	status = request_route(target, method, "torrent_service", &req,
	    &why, &allow);
	require((status == 0) == (why == NULL));
	require((allow != NULL) == (status == 405 || (status == 0 &&
	    method == HTTP_OPTIONS)));
	require(status == 0 || (status >= 400 && status <= 499));
	if (status == 0 && method == HTTP_OPTIONS)
		return;
	require(req.query.p == NULL || (req.query.p > target.p &&
	    req.query.p[-1] == '?' &&
	    req.query.p + req.query.len == target.p + target.len));
	require(!req.piece_auto || req.query.p != NULL);
	if (status != 0)
		return;
	require(req.path[req.path_len] == '\0' &&
	    strlen(req.path) == req.path_len);
	switch (req.kind) {
	case REQUEST_SINGLE:
	case REQUEST_SIMPLE:
	case REQUEST_META4:
		require(spec_check(req.path, req.path_len, &why) == 0);
		/* FALLTHROUGH */
	case REQUEST_OTHER:
		check_path(req.path, req.path_len, false);
		break;
	case REQUEST_DIGEST:
		require(req.path_len == 0);
		break;
	case REQUEST_ANNOUNCE:
	case REQUEST_SCRAPE:
		require(req.path_len == 0);
		break;
	case REQUEST_PAGE:
		check_path(req.path, req.path_len, false);
		require(strchr(req.path + 1, '/') == NULL);
		check_typed(req.query);
		break;
	case REQUEST_NULLFILE:
		require(req.null_len <= PIECE_LEN_MAX);
		break;
	}
}

static void
read_form(struct str form, uint32_t max)
{
	struct specs	 specs = { 0 };
	const char	*why, *p, *end, *line;
	uint32_t	 lines = 0;
	int		 status;

	status = request_form(form.p, form.len, max, &specs, &why);
	require((status == 0) == (why == NULL));
	require(status == 0 || status == 400 || status == 413);
	require(specs.n <= max && (status == 0 || specs.n == 0));
	p = (char *)specs.text.data;
	end = specs.n > 0 ? p + specs.text.len : p;
	while (p < end) {
		line = memchr(p, '\n', (size_t)(end - p));
		if (line == NULL)
			line = end;
		check_path(p, (size_t)(line - p), true);
		require(spec_check(p, (size_t)(line - p), &why) == 0);
		lines++;
		p = line + (line < end);
	}
	require(lines == specs.n);
	specs_free(&specs);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str	s;
	char		*copy;

	if (size < 2)
		return 0;
	s.len = size - 2;
	s.p = copy = copy_of(data + 2, s.len);
	route(s, (enum http_method)(data[0] % 5));
	read_form(s, data[1]);
	free(copy);
	return 0;
}
