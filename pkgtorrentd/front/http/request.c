/* SPDX-License-Identifier: ISC */
/*
 * The target is decoded exactly once, before anything is compared, so that a
 * name has one meaning however it was escaped: Transmission asks for
 * torrent%5Fservice, aria2 doubles slashes.
 */
#include <string.h>

#include "pkgtorrentd/front/http/request.h"

static const char why_escape[] =
    "there is a % without two hexadecimal digits; write %25 for a percent "
    "sign";

static int
refuse(const char **why, int status, const char *text)
{
	*why = text;
	return status;
}

/*
 * The byte at *p, percent-decoded; *p is moved past it.  -1: a malformed
 * escape.
 */
static inline int
decode_byte(const char **p, const char *end)
{
	const char	*at = *p;
	int		 high, low;

	if (*at != '%') {
		*p = at + 1;
		return (uint8_t)*at;
	}
	if (end - at < 3 || (high = http_hex_digit(at[1])) == -1 ||
	    (low = http_hex_digit(at[2])) == -1)
		return -1;
	*p = at + 3;
	return high << 4 | low;
}

static inline bool
is_control(int c)
{
	return c < 0x20 || c == 0x7f;
}

/* A component ends at *out: drop it if it is ".". */
static int
end_component(char **out, char *component, const char **why)
{
	if (*out - component == 1 && *component == '.')
		*out = component;
	if (*out - component == 2 && memcmp(component, "..", 2) == 0)
		return refuse(why, 400, spec_why_dots);
	return 0;
}

/*
 * Decode into path, which has room for all of it.  Runs of slashes become one
 * slash and "." components are dropped: "/a/." is "/a/".  An escaped slash
 * counts as a slash, so it cannot hide a component.
 */
static int
decode_path(const char *p, const char *end, struct request *req,
    const char **why)
{
	char	*out = req->path, *component = out + 1;
	int	 c;

	while (p < end) {
		c = decode_byte(&p, end);
		if (c == -1)
			return refuse(why, 400, why_escape);
		if (is_control(c))
			return refuse(why, 400, spec_why_control);
		if (c == '/') {
			if (end_component(&out, component, why) != 0)
				return 400;
			if (out == component)
				continue;
			component = out + 1;
		}
		*out++ = (char)c;
	}
	if (end_component(&out, component, why) != 0)
		return 400;
	*out = '\0';
	req->path_len = (size_t)(out - req->path);
	return 0;
}

/* The rest after the word, if below is "/<word>" or "/<word>/..."; or NULL. */
static char *
after_word(char *below, const char *word)
{
	size_t	len = strlen(word);

	if (*below != '/' || strncmp(below + 1, word, len) != 0)
		return NULL;
	below += 1 + len;
	return *below == '/' || *below == '\0' ? below : NULL;
}

static int
check_method(enum http_method method, enum request_kind kind,
    const char **why, const char **allow)
{
	if (method == HTTP_GET || method == HTTP_HEAD ||
	    (method == HTTP_POST && kind == REQUEST_DIGEST))
		return 0;
	*allow = kind == REQUEST_DIGEST ? "GET, HEAD, POST, OPTIONS" :
	    "GET, HEAD, OPTIONS";
	if (method == HTTP_OPTIONS)
		return 0;
	if (kind == REQUEST_DIGEST)
		return refuse(why, 405, "method not allowed for a digest; use "
		    "GET, HEAD or POST");
	return refuse(why, 405, "this URL allows only GET and HEAD; post paths "
	    "to digest/<SHA-1>");
}

/* rest is the path with its slash, or nothing. */
static int
take_path(struct request *req, const char *rest, const char **why)
{
	size_t	len = strlen(rest);

	if (len <= 1)
		return refuse(why, 404, "there is no path after single/, "
		    "simple/ or meta4/; append one, relative to the document "
		    "root");
	if (len > SPEC_MAX)
		return refuse(why, 414, spec_why_long);
	memmove(req->path, rest, len + 1);
	req->path_len = len;
	return spec_check(req->path, len, why);
}

static int
take_digest(struct request *req, const char *rest, const char **why)
{
	static const char	not[] = "a path digest is 40 lower-case "
	    "hexadecimal digits: the SHA-1 of the paths, joined by newlines";
	const char		*hex = rest + 1;
	size_t			 i;

	if (*rest != '/' || strspn(hex, "0123456789abcdef") != 2 * SHA1_LEN ||
	    hex[2 * SHA1_LEN] != '\0')
		return refuse(why, 400, not);
	for (i = 0; i < SHA1_LEN; i++)
		req->digest[i] = (uint8_t)(http_hex_digit(hex[2 * i]) << 4 |
		    http_hex_digit(hex[2 * i + 1]));
	return 0;
}

/* "/<n>" or "/<n>_<k>"; k only makes the names in a torrent differ. */
static int
take_nullfile(struct request *req, const char *rest, const char **why)
{
	const char	*p = rest + 1, *k;
	uint64_t	 n = 0;
	size_t		 digits;

	digits = *rest == '/' ? strspn(p, "0123456789") : 0;
	k = p + digits;
	if (digits > 0 && *k == '_' && k[1] != '\0')
		k += 1 + strspn(k + 1, "0123456789");
	if (digits == 0 || *k != '\0')
		return refuse(why, 400, "a nullfile is named by its length "
		    "in bytes, or by that, _ and a number; write digits "
		    "only");
	for (; digits > 0; digits--, p++) {
		n = n * 10 + (uint64_t)(*p - '0');
		if (n > PIECE_LEN_MAX)
			return refuse(why, 403, "a nullfile has at most 16 "
			    "MiB, the longest piece; request a shorter one");
	}
	req->null_len = n;
	return 0;
}

/*
 * A name or value of a form.  As much as fits into out is kept; the length
 * is that of all of it.  -1: a malformed escape.
 */
static int
decode_value(const char *p, const char *end, char *out, size_t outlen,
    size_t *len)
{
	bool	plus;
	int	c;

	for (*len = 0; p < end; (*len)++) {
		plus = *p == '+';
		c = decode_byte(&p, end);
		if (c == -1)
			return -1;
		if (plus)
			c = ' ';
		if (*len < outlen)
			out[*len] = (char)c;
	}
	return 0;
}

/* Is this text of a form that word? */
static bool
value_is(const char *p, const char *end, const char *word)
{
	char	value[16];
	size_t	len;

	return decode_value(p, end, value, sizeof(value), &len) == 0 &&
	    len == strlen(word) && memcmp(value, word, len) == 0;
}

/* The field piece of a query, of those that know it.  Other fields may be
   malformed. */
static int
take_piece(struct request *req, const char **why)
{
	const char	*p = req->query.p, *end, *next, *equals;

	if (p == NULL || (req->kind != REQUEST_SINGLE &&
	    req->kind != REQUEST_SIMPLE && req->kind != REQUEST_DIGEST))
		return 0;
	for (end = p + req->query.len; p < end; p = next + (next < end)) {
		next = memchr(p, '&', (size_t)(end - p));
		if (next == NULL)
			next = end;
		equals = memchr(p, '=', (size_t)(next - p));
		if (!value_is(p, equals == NULL ? next : equals, "piece"))
			continue;
		if (equals == NULL || !value_is(equals + 1, next, "auto"))
			return refuse(why, 400, "piece may only be auto; leave "
			    "it out for the mirror's usual piece length");
		if (req->piece_auto)
			return refuse(why, 400, "piece is given twice; give it "
			    "once");
		req->piece_auto = true;
	}
	return 0;
}

/* "/<token>/announce" or "/<token>/scrape"; the token in lower-case hex. */
static int
take_announce(struct request *req, const char *rest, const char **why)
{
	static const char	not[] = "that is no URL of the tracker; use "
	    "the one that the torrent names";
	const char		*hex = rest + 1;
	const char		*word = hex + 2 * SEAL_TOKEN_LEN;
	size_t			 i;

	if (*rest != '/' ||
	    strspn(hex, "0123456789abcdef") != 2 * SEAL_TOKEN_LEN)
		return refuse(why, 404, not);
	if (strcmp(word, "/announce") == 0)
		req->kind = REQUEST_ANNOUNCE;
	else if (strcmp(word, "/scrape") == 0)
		req->kind = REQUEST_SCRAPE;
	else
		return refuse(why, 404, not);
	for (i = 0; i < SEAL_TOKEN_LEN; i++)
		req->token[i] = (uint8_t)(http_hex_digit(hex[2 * i]) << 4 |
		    http_hex_digit(hex[2 * i + 1]));
	return 0;
}

static int
route_service(struct request *req, char *below, enum http_method method,
    const char **why, const char **allow)
{
	static const struct {
		const char		*word;
		enum request_kind	 kind;
	} words[] = {
		{ "single", REQUEST_SINGLE },
		{ "simple", REQUEST_SIMPLE },
		{ "meta4", REQUEST_META4 },
		{ "digest", REQUEST_DIGEST },
		{ "nullfile", REQUEST_NULLFILE },
		{ "t", REQUEST_ANNOUNCE },
	};
	char	*rest = NULL;
	size_t	 i;
	int	 status;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		rest = after_word(below, words[i].word);
		if (rest != NULL)
			break;
	}
	if (rest == NULL)
		return refuse(why, 404, "the service has no URL of that name; "
		    "use single/, simple/, meta4/, digest/ or nullfile/");
	req->kind = words[i].kind;
	status = check_method(method, req->kind, why, allow);
	if (status != 0 || method == HTTP_OPTIONS)
		return status;

	switch (req->kind) {
	case REQUEST_DIGEST:
		status = take_digest(req, rest, why);
		break;
	case REQUEST_NULLFILE:
		status = take_nullfile(req, rest, why);
		break;
	case REQUEST_ANNOUNCE:
		status = take_announce(req, rest, why);
		break;
	default:
		status = take_path(req, rest, why);
		return status != 0 ? status : take_piece(req, why);
	}
	if (status == 0)
		status = take_piece(req, why);
	req->path[0] = '\0';
	req->path_len = 0;
	return status;
}

int
request_route(struct str target, enum http_method method,
    const char *service, struct request *req, const char **why,
    const char **allow)
{
	const char	*path = target.p, *end = path + target.len, *mark;
	char		*slash, *below = NULL;
	int		 status;

	/* Do not clear all of the path: that is 8 KiB for each request. */
	req->kind = REQUEST_OTHER;
	req->path[0] = '\0';
	req->path_len = 0;
	memset(req->digest, 0, sizeof(req->digest));
	req->null_len = 0;
	req->piece_auto = false;
	req->query = (struct str){ NULL, 0 };
	*why = *allow = NULL;

	if (method == HTTP_OPTIONS && target.len == 1 && *target.p == '*') {
		*allow = "GET, HEAD, POST, OPTIONS";
		return 0;
	}
	mark = memchr(path, '?', target.len);
	if (mark != NULL) {
		req->query.p = mark + 1;
		req->query.len = (size_t)(end - mark - 1);
		end = mark;
	}
	if ((size_t)(end - path) >= sizeof(req->path))
		return refuse(why, 414, spec_why_long);
	/* Of an absolute target: "http://host?query". */
	if (mark == path) {
		path = "/";
		end = path + 1;
	}
	status = decode_path(path, end, req, why);
	if (status != 0)
		return status;
	if (req->path[0] != '/')
		return refuse(why, 400, "the target does not begin with a "
		    "slash; ask for a path");

	/* The service is below any one component. */
	slash = strchr(req->path + 1, '/');
	if (slash != NULL)
		below = after_word(slash, service);
	if (below != NULL && (*below == '\0' || below[1] == '\0')) {
		req->kind = REQUEST_PAGE;
		*slash = '\0';
		req->path_len = (size_t)(slash - req->path);
		return check_method(method, REQUEST_PAGE, why, allow);
	}
	if (below != NULL)
		return route_service(req, below, method, why, allow);
	return check_method(method, REQUEST_OTHER, why, allow);
}

/* One field, "name=value"; without = it is blank. */
static int
take_form_field(const char *p, const char *end, uint32_t max,
    struct specs *specs, const char **why)
{
	char		 name, value[SPEC_MAX];
	const char	*equals = memchr(p, '=', (size_t)(end - p));
	size_t		 name_len, len = 0;
	int		 status;

	if (equals == NULL)
		equals = end;
	/* Skip other fields, which a program on the way may have added. */
	if (decode_value(p, equals, &name, 1, &name_len) == -1 ||
	    name_len != 1 || name != 'p')
		return 0;
	specs->named = true;
	if (equals < end && decode_value(equals + 1, end, value,
	    sizeof(value), &len) == -1)
		return refuse(why, 400, why_escape);
	if (len == 0)
		return 0;
	if (len > sizeof(value))
		return refuse(why, 400, spec_why_long);
	status = spec_check(value, len, why);
	if (status != 0)
		return status;
	if (specs->n >= max)
		return refuse(why, 413, "there are more paths than this "
		    "service accepts at once; request several torrents");
	if (specs_add(specs, value, len) == -1)
		return refuse(why, 500, "out of memory; try again later");
	return 0;
}

int
request_form(const char *form, size_t len, uint32_t max,
    struct specs *specs, const char **why)
{
	const char	*end, *next, *p;
	int		 status;

	*why = NULL;
	if (len == 0)
		return 0;
	end = form + len;
	for (p = form; p < end; p = next + (next < end)) {
		next = memchr(p, '&', (size_t)(end - p));
		if (next == NULL)
			next = end;
		status = take_form_field(p, next, max, specs, why);
		if (status != 0) {
			specs_free(specs);
			return status;
		}
	}
	return 0;
}

int
request_typed(struct str query, char out[HTTP_LINE_MAX], size_t *len,
    const char **why)
{
	const char	*p = query.p, *end, *next, *equals;
	bool		 named = false;

	*why = NULL;
	*len = 0;
	if (p == NULL)
		return 0;
	for (end = p + query.len; p < end; p = next + (next < end)) {
		next = memchr(p, '&', (size_t)(end - p));
		if (next == NULL)
			next = end;
		equals = memchr(p, '=', (size_t)(next - p));
		if (!value_is(p, equals == NULL ? next : equals, "path"))
			continue;
		if (named)
			return refuse(why, 400, "path is given twice; give it "
			    "once");
		named = true;
		if (equals == NULL)
			continue;
		if (decode_value(equals + 1, next, out, HTTP_LINE_MAX,
		    len) == -1)
			return refuse(why, 400, why_escape);
		if (*len > HTTP_LINE_MAX)
			return refuse(why, 414, spec_why_long);
	}
	return 0;
}
