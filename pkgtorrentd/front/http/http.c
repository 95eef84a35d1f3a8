/* SPDX-License-Identifier: ISC */
/*
 * The request head: the first thing that reads a stranger's bytes.
 *
 * One pass with a table of byte classes, no allocation, no state between
 * calls.  Where RFC 9112 lets a recipient be lenient this one is not: a proxy
 * in front may have been lenient in another way, and a request that two
 * readers understand differently can smuggle another one.
 *
 * Field values are read strictly as well.  A Range or an entity tag that is
 * malformed counts as absent (RFC 9110 13, 14.2): the answer is then whole,
 * never wrong.
 */
#include <arpa/inet.h>

#include <string.h>
#include <strings.h>

#include "pkgtorrentd/front/http/http.h"

#define TOKEN	HTTP_TOKEN
#define TARGET	HTTP_TARGET
#define VALUE	HTTP_VALUE
#define ALL	(TOKEN | TARGET | VALUE)
#define U_V	(TARGET | VALUE)

#define LENGTH_DIGITS	18		/* always fit into 63 bits */
#define HOST_MAX	255		/* a DNS name and a port fit easily */

const uint8_t http_class_of[256] = {
	['\t'] = VALUE, [' '] = VALUE, ['!'] = ALL, ['"'] = U_V,
	['#'] = TOKEN | VALUE, ['$' ... '\''] = ALL, ['(' ... ')'] = U_V,
	['*' ... '+'] = ALL, [','] = U_V, ['-' ... '.'] = ALL, ['/'] = U_V,
	['0' ... '9'] = ALL, [':' ... '@'] = U_V, ['A' ... 'Z'] = ALL,
	['[' ... ']'] = U_V, ['^' ... 'z'] = ALL, ['{'] = U_V, ['|'] = ALL,
	['}'] = U_V, ['~'] = ALL, [0x80 ... 0xff] = VALUE,
};

/* Fields that the parser itself acts on follow the fields of the request. */
enum {
	NAME_HOST = FIELD_COUNT,
	NAME_CONNECTION,
	NAME_CONTENT_ENCODING,
	NAME_CONTENT_LENGTH,
	NAME_EXPECT,
	NAME_TRANSFER_ENCODING,
	NAME_X_FORWARDED_FOR,
	NAME_UNKNOWN
};

/* Sorted by length, so that a lookup compares one or two names at most. */
static const struct {
	uint8_t		 len;
	uint8_t		 name;
	const char	*text;
} known[] = {
	{  4, NAME_HOST, "host" },
	{  5, FIELD_RANGE, "range" },
	{  6, FIELD_ACCEPT, "accept" },
	{  6, NAME_EXPECT, "expect" },
	{  7, FIELD_REFERER, "referer" },
	{  8, FIELD_IF_RANGE, "if-range" },
	{ 10, NAME_CONNECTION, "connection" },
	{ 10, FIELD_USER_AGENT, "user-agent" },
	{ 12, FIELD_CONTENT_TYPE, "content-type" },
	{ 13, FIELD_IF_NONE_MATCH, "if-none-match" },
	{ 14, NAME_CONTENT_LENGTH, "content-length" },
	{ 15, NAME_X_FORWARDED_FOR, "x-forwarded-for" },
	{ 16, NAME_CONTENT_ENCODING, "content-encoding" },
	{ 17, NAME_TRANSFER_ENCODING, "transfer-encoding" },
	{ 17, FIELD_IF_MODIFIED_SINCE, "if-modified-since" },
	{ 17, FIELD_X_FORWARDED_PROTO, "x-forwarded-proto" },
};
#define KNOWN_COUNT	(sizeof(known) / sizeof(known[0]))

struct reader {
	struct http_request	 *req;
	const char		**why;
	const char		 *p;
	const char		 *end;	/* of the bytes here, at most */
	int			  over;	/* status past the limit; 0: not near */
	unsigned		  seen;	/* 1 << name */
	bool			  close;
	bool			  keep_alive;
	bool			  odd_expect;
	bool			  odd_coding;	/* one, but not chunked */
	struct str		  authority;	/* of an absolute target */
	unsigned		  default_port;	/* of its scheme */
};

static const char bare_lf[] =
    "a line ends in LF alone; end every line with CR LF";
static const char bare_cr[] =
    "there is a CR without LF; end every line with CR LF";

static int
refuse(struct reader *r, int status, const char *why)
{
	*r->why = why;
	return status;
}

static int
need_more(struct reader *r)
{
	switch (r->over) {
	case 0:
		return -1;
	case 414:
		return refuse(r, 414, "the request line is longer than 8192 "
		    "bytes; ask for fewer or shorter paths, or use POST");
	default:
		return refuse(r, 431, "the header is longer than 16384 "
		    "bytes; send fewer or shorter fields");
	}
}

/* At most max bytes may be read from here; past them the status is over. */
static void
limit(struct reader *r, const char *arrived, size_t max, int over)
{
	if ((size_t)(arrived - r->p) < max) {
		r->end = arrived;
		r->over = 0;
	} else {
		r->end = r->p + max;
		r->over = over;
	}
}

static inline const char *
skip(const char *p, const char *end, uint8_t class)
{
	while (p < end && (http_class_of[(uint8_t)*p] & class) != 0)
		p++;
	return p;
}

static inline const char *
skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p;
}

int
http_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* 0: it is no port. */
static unsigned
port_number(struct str port)
{
	unsigned	n = 0;
	size_t		i;

	for (i = 0; i < port.len && i < 5 && is_digit(port.p[i]); i++)
		n = n * 10 + (unsigned)(port.p[i] - '0');
	return i == port.len && n <= 65535 ? n : 0;
}

static bool
is_ipv6(const char *p, size_t len)
{
	struct in6_addr	addr;
	char		text[INET6_ADDRSTRLEN];

	if (len >= sizeof(text) || memchr(p, '\0', len) != NULL)
		return false;
	memcpy(text, p, len);
	text[len] = '\0';
	return inet_pton(AF_INET6, text, &addr) == 1;
}

static bool
is_name_byte(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_' ||
	    c == '~';
}

/* Stricter than RFC 3986: the host becomes part of a URL in torrents, so
   escapes, user names and anything ambiguous are refused. */
bool
http_is_host(struct str host, struct str *name, struct str *port)
{
	size_t		 len = 0;
	const char	*bracket;

	if (host.len == 0 || host.len > HOST_MAX)
		return false;
	if (host.p[0] == '[') {
		bracket = memchr(host.p, ']', host.len);
		if (bracket == NULL)
			return false;
		len = (size_t)(bracket - host.p) + 1;
		if (!is_ipv6(host.p + 1, len - 2))
			return false;
	} else {
		while (len < host.len && is_name_byte(host.p[len]))
			len++;
		if (len == 0 || host.p[0] == '.' ||
		    memmem(host.p, len, "..", 2) != NULL)
			return false;
	}
	*name = (struct str){ host.p, len };
	if (host.p[len - 1] == '.')
		name->len--;
	*port = (struct str){ NULL, 0 };
	if (len == host.len)
		return true;
	if (host.p[len] != ':')
		return false;
	if (len + 1 == host.len)
		return true;
	*port = (struct str){ host.p + len + 1, host.len - len - 1 };
	return port_number(*port) != 0;
}

/* Read the end of a line; other is the error text for any other byte. */
static int
read_line_end(struct reader *r, const char *other)
{
	if (r->p == r->end)
		return need_more(r);
	if (*r->p == '\n')
		return refuse(r, 400, bare_lf);
	if (*r->p != '\r')
		return refuse(r, 400, other);
	if (r->end - r->p < 2)
		return need_more(r);
	if (r->p[1] != '\n')
		return refuse(r, 400, bare_cr);
	r->p += 2;
	return 0;
}

static enum http_method
method_of(const char *p, size_t len)
{
	if (len == 3 && memcmp(p, "GET", 3) == 0)
		return HTTP_GET;
	if (len == 4 && memcmp(p, "HEAD", 4) == 0)
		return HTTP_HEAD;
	if (len == 4 && memcmp(p, "POST", 4) == 0)
		return HTTP_POST;
	if (len == 7 && memcmp(p, "OPTIONS", 7) == 0)
		return HTTP_OPTIONS;
	return HTTP_OTHER;
}

static const char *
why_not_target(unsigned char c)
{
	switch (c) {
	case ' ':
		return "there is more than one blank after the method; put "
		    "exactly one between the parts of the request line";
	case '\r':
	case '\n':
		return "the request line has no version; write a method, a "
		    "target and HTTP/1.1, with one blank between them";
	case '#':
		return "the target has a fragment; leave out everything "
		    "from the # on, or write %23";
	default:
		return "the target has a byte that must be percent-encoded";
	}
}

static int
check_version(struct reader *r, const char *p, size_t len)
{
	if (len != 8 || memcmp(p, "HTTP/", 5) != 0 || !is_digit(p[5]) ||
	    p[6] != '.' || !is_digit(p[7]))
		return refuse(r, 400, "the request line does not end in an "
		    "HTTP version; end it with one blank and HTTP/1.1");
	if (p[5] != '1' || p[7] > '1')
		return refuse(r, 505, "this server supports only HTTP/1.0 and "
		    "HTTP/1.1");
	r->req->minor = p[7] - '0';
	return 0;
}

/*
 * RFC 9112 3.2: the path alone, or a whole URL, as clients ask a proxy, or "*"
 * for the server as such.  The scheme of a whole URL may be that of a proxy
 * before this server: it is not believed.
 */
static int
read_target(struct reader *r)
{
	static const char	 not[] = "the target does not begin with a "
	    "slash; send the path alone: this server is not a proxy";
	struct str		*target = &r->req->target;
	const char		*end = target->p + target->len, *p;
	size_t			 scheme;

	if (target->p[0] == '/')
		return 0;
	if (r->req->method == HTTP_OPTIONS && target->len == 1 &&
	    target->p[0] == '*')
		return 0;
	if (target->len > 7 && strncasecmp(target->p, "http://", 7) == 0) {
		scheme = 7;
		r->default_port = 80;
	} else if (target->len > 8 &&
	    strncasecmp(target->p, "https://", 8) == 0) {
		scheme = 8;
		r->default_port = 443;
	} else
		return refuse(r, 400, not);
	p = r->authority.p = target->p + scheme;
	while (p < end && *p != '/' && *p != '?')
		p++;
	r->authority.len = (size_t)(p - r->authority.p);
	target->p = p;
	target->len = (size_t)(end - p);
	/* An empty path means "/"; there is a slash before the host. */
	if (p == end)
		*target = (struct str){ r->authority.p - 1, 1 };
	return 0;
}

static int
read_request_line(struct reader *r)
{
	struct http_request	*req = r->req;
	const char		*method = r->p, *target, *version;
	size_t			 version_len;
	int			 status;

	r->p = skip(method, r->end, TOKEN);
	if (r->p == r->end)
		return need_more(r);
	if (*r->p != ' ' || r->p == method)
		return refuse(r, 400, "this is not an HTTP request; begin "
		    "with a method such as GET, one blank and the target "
		    "(and without TLS: this port speaks plain HTTP)");
	req->method = method_of(method, (size_t)(r->p - method));

	target = ++r->p;
	r->p = skip(target, r->end, TARGET);
	if (r->p == r->end)
		return need_more(r);
	if (*r->p != ' ' || r->p == target)
		return refuse(r, 400, why_not_target((uint8_t)*r->p));
	req->target.p = target;
	req->target.len = (size_t)(r->p - target);

	version = ++r->p;
	r->p = skip(version, r->end, TARGET);
	version_len = (size_t)(r->p - version);
	status = read_line_end(r, "something follows the version; end the "
	    "request line with HTTP/1.1 and CR LF");
	if (status != 0)
		return status;
	/* Check the version before the target, because the preface of HTTP/2
	   has the target "*". */
	status = check_version(r, version, version_len);
	if (status != 0)
		return status;
	return read_target(r);
}

/* The part of a refused or incomplete line that the log may show. */
static struct str
first_line(const char *p, const char *end)
{
	struct str	s = { p, 0 };

	while (p + s.len < end && p[s.len] != '\r' && p[s.len] != '\n')
		s.len++;
	return s;
}

static const char *
why_not_name(char c, bool empty)
{
	if (c == '\n')
		return bare_lf;
	if (c == ' ' || c == '\t')
		return empty ? "a header line begins with a blank; write "
		    "each field on one line of its own" : "there is a blank "
		    "in a field name or before its colon; remove it";
	if (c == '\r')
		return "a header line has no colon; write fields as "
		    "\"Name: value\"";
	return "a field name is empty or has a byte that is not allowed "
	    "there; write fields as \"Name: value\"";
}

static int
take_length(struct reader *r, struct str value)
{
	uint64_t	n = 0;
	size_t		i;

	for (i = 0; i < value.len; i++) {
		if (!is_digit(value.p[i]) || i == LENGTH_DIGITS)
			break;
		n = n * 10 + (uint64_t)(value.p[i] - '0');
	}
	if (i == 0 || i < value.len)
		return refuse(r, 400, "Content-Length is not a number of at "
		    "most 18 digits; send the body's length in bytes");
	r->req->content_length = n;
	return 0;
}

/* Fields of several lines are one list (RFC 9110 5.3). */
static int
take_connection(struct reader *r, struct str value)
{
	const char	*p = value.p, *end = value.p + value.len;
	struct str	 word;

	while (p < end) {
		word.p = p;
		p = skip(p, end, TOKEN);
		word.len = (size_t)(p - word.p);
		p = skip_blanks(p, end);
		if (p < end && *p != ',')
			return refuse(r, 400, "Connection is not a list of "
			    "words; send \"close\" or \"keep-alive\"");
		if (str_is(word, "close"))
			r->close = true;
		else if (str_is(word, "keep-alive"))
			r->keep_alive = true;
		while (p < end && (*p == ',' || *p == ' ' || *p == '\t'))
			p++;
	}
	return 0;
}

/* Only chunked, alone, is allowed.  A body in two codings, or in a coding
   that is not named clearly, may end elsewhere for a proxy than for us. */
static int
take_coding(struct reader *r, struct str value)
{
	const char	*end = value.p + value.len;
	const char	*p = skip(value.p, end, TOKEN);
	struct str	 word = { value.p, (size_t)(p - value.p) };
	bool		 chunked = str_is(word, "chunked");

	p = skip_blanks(p, end);
	if (word.len == 0 || memchr(p, ',', (size_t)(end - p)) != NULL ||
	    (p < end && (*p != ';' || chunked)))
		return refuse(r, 400, "Transfer-Encoding is not one coding; "
		    "send \"chunked\" alone, or Content-Length instead");
	r->req->chunked = chunked;
	r->odd_coding = !chunked;
	return 0;
}

static void
take_forwarded(struct http_request *req, struct str value)
{
	if (req->nforwarded == FORWARDED_MAX) {
		memmove(req->forwarded, req->forwarded + 1,
		    (FORWARDED_MAX - 1) * sizeof(req->forwarded[0]));
		req->nforwarded--;
	}
	req->forwarded[req->nforwarded++] = value;
}

static bool
same_word(struct str a, struct str b)
{
	return a.len == b.len && strncasecmp(a.p, b.p, a.len) == 0;
}

/* Each proxy on the way adds a value, in a field of its own or to a list. */
static void
take_proto(struct http_request *req, struct str value)
{
	struct str	*first = &req->field[FIELD_X_FORWARDED_PROTO], one;
	const char	*end = value.p + value.len, *comma, *p;

	for (p = value.p; p < end; p = comma + 1) {
		comma = memchr(p, ',', (size_t)(end - p));
		if (comma == NULL)
			comma = end;
		one = str_trim((struct str){ p, (size_t)(comma - p) });
		if (one.len == 0)
			continue;
		if (first->p == NULL)
			*first = one;
		else if (!same_word(one, *first))
			req->proto_disagrees = true;
	}
}

static unsigned
name_of(struct str name)
{
	size_t	i;

	for (i = 0; i < KNOWN_COUNT && known[i].len <= name.len; i++)
		if (known[i].len == name.len &&
		    known[i].text[0] == (*name.p | 0x20) &&
		    strncasecmp(name.p, known[i].text, name.len) == 0)
			return known[i].name;
	return NAME_UNKNOWN;
}

/* A field that is there again. */
static int
take_again(struct reader *r, unsigned name)
{
	switch (name) {
	case NAME_HOST:
		return refuse(r, 400, "there are two Host fields; send "
		    "one");
	case NAME_CONTENT_LENGTH:
		return refuse(r, 400, "there are two Content-Length fields; "
		    "send one");
	case NAME_TRANSFER_ENCODING:
		return refuse(r, 400, "there are two Transfer-Encoding "
		    "fields; send one, with \"chunked\" alone");
	case FIELD_REFERER:
	case FIELD_USER_AGENT:
		return 0;
	default:
		return refuse(r, 400, "a field that may appear once appears "
		    "twice; send one Range, Content-Type and one of each If- "
		    "field");
	}
}

static int
take_field(struct reader *r, unsigned name, struct str value)
{
	switch (name) {
	case NAME_HOST:
		if (!http_is_host(value, &r->req->host, &r->req->port))
			return refuse(r, 400, "Host is empty or malformed; "
			    "send the name or address of this server and, if "
			    "need be, a port");
		return 0;
	case NAME_CONNECTION:
		return take_connection(r, value);
	case NAME_CONTENT_ENCODING:
		r->req->encoded = true;
		return 0;
	case NAME_CONTENT_LENGTH:
		return take_length(r, value);
	case NAME_EXPECT:
		if (!str_is(value, "100-continue"))
			r->odd_expect = true;
		return 0;
	case NAME_TRANSFER_ENCODING:
		return take_coding(r, value);
	case NAME_X_FORWARDED_FOR:
		take_forwarded(r->req, value);
		return 0;
	case FIELD_X_FORWARDED_PROTO:
		take_proto(r->req, value);
		return 0;
	case FIELD_ACCEPT:
		if (!http_accepts(r->req->field[name], "text/html"))
			r->req->field[name] = value;
		return 0;
	default:
		r->req->field[name] = value;
		return 0;
	}
}

static inline bool
is_list(unsigned name)
{
	return name == NAME_CONNECTION || name == NAME_CONTENT_ENCODING ||
	    name == NAME_EXPECT || name == NAME_X_FORWARDED_FOR ||
	    name == FIELD_ACCEPT || name == FIELD_X_FORWARDED_PROTO;
}

static int
read_field(struct reader *r)
{
	struct str	 name, value;
	const char	*p;
	unsigned	 which, bit;
	int		 status;

	name.p = r->p;
	p = skip(r->p, r->end, TOKEN);
	if (p == r->end)
		return need_more(r);
	if (*p != ':' || p == name.p)
		return refuse(r, 400, why_not_name(*p, p == name.p));
	name.len = (size_t)(p - name.p);

	p = skip_blanks(p + 1, r->end);
	value.p = p;
	r->p = p = skip(p, r->end, VALUE);
	status = read_line_end(r, "a field value has a control byte; remove "
	    "it");
	if (status != 0)
		return status;
	while (p > value.p && (p[-1] == ' ' || p[-1] == '\t'))
		p--;
	value.len = (size_t)(p - value.p);

	which = name_of(name);
	if (which == NAME_UNKNOWN)
		return 0;
	bit = 1U << which;
	if ((r->seen & bit) != 0 && !is_list(which))
		return take_again(r, which);
	r->seen |= bit;
	return take_field(r, which, value);
}

static int
read_fields(struct reader *r)
{
	int	n, status;

	for (n = 0;; n++) {
		if (r->p == r->end)
			return need_more(r);
		if (*r->p == '\r')
			return read_line_end(r, bare_cr);
		if (n == HTTP_FIELDS_MAX)
			return refuse(r, 431, "there are more than 64 "
			    "header fields; send fewer");
		status = read_field(r);
		if (status != 0)
			return status;
	}
}

/* Is it certain where the body ends, and may there be a body? */
static int
check_framing(struct reader *r)
{
	struct http_request	*req = r->req;

	if ((r->seen & 1U << NAME_TRANSFER_ENCODING) != 0) {
		if (req->minor == 0)
			return refuse(r, 400, "HTTP/1.0 has no "
			    "Transfer-Encoding; send Content-Length");
		if ((r->seen & 1U << NAME_CONTENT_LENGTH) != 0)
			return refuse(r, 400, "Transfer-Encoding and "
			    "Content-Length contradict each other; send one "
			    "of them");
		if (r->odd_coding)
			return refuse(r, 501, "the only transfer coding "
			    "supported is \"chunked\"; send that, or "
			    "Content-Length");
	}
	if (http_has_body(req) &&
	    (req->method == HTTP_GET || req->method == HTTP_HEAD))
		return refuse(r, 400, "a GET or HEAD has no body; put the "
		    "paths into the query, or use POST");
	return 0;
}

static bool
same_host(const struct reader *r, struct str name, struct str port)
{
	unsigned	a = port.p == NULL ? r->default_port :
			    port_number(port);
	unsigned	b = r->req->port.p == NULL ? r->default_port :
			    port_number(r->req->port);

	return same_word(name, r->req->host) && a == b;
}

/* Target and Host must name the same host if both name one. */
static int
check_host(struct reader *r)
{
	struct http_request	*req = r->req;
	struct str		 name, port;

	if (req->host.p == NULL && req->minor == 1)
		return refuse(r, 400, "there is no Host field; send the "
		    "name of this server in one");
	if (r->authority.p == NULL)
		return 0;
	if (!http_is_host(r->authority, &name, &port))
		return refuse(r, 400, "the host in the target is empty, "
		    "malformed or has a user name; send the path alone");
	if (req->host.p == NULL) {
		req->host = name;
		req->port = port;
	} else if (!same_host(r, name, port))
		return refuse(r, 400, "the target and the Host field name "
		    "different hosts; send the path alone");
	return 0;
}

/* Checks that need all fields. */
static int
check_head(struct reader *r)
{
	struct http_request	*req = r->req;
	int			 status;

	status = check_host(r);
	if (status == 0)
		status = check_framing(r);
	if (status != 0)
		return status;
	if (req->minor == 1 && r->odd_expect)
		return refuse(r, 417, "the only expectation supported is "
		    "100-continue; leave out the Expect field");
	req->expect_continue = req->minor == 1 && http_has_body(req) &&
	    (r->seen & 1U << NAME_EXPECT) != 0;
	req->keep_alive = !r->close && (req->minor == 1 || r->keep_alive);
	return 0;
}

int
http_parse(const char *buf, size_t len, struct http_request *req,
    const char **why)
{
	struct reader	 r = { .req = req, .why = why, .p = buf };
	const char	*arrived, *line;
	int		 status;

	memset(req, 0, sizeof(*req));
	req->method = HTTP_OTHER;
	*why = NULL;
	if (len == 0)
		return -1;
	arrived = buf + len;
	/* RFC 9112 2.2: old clients send one empty line after a POST. */
	if (buf[0] == '\r') {
		r.end = arrived;
		status = read_line_end(&r, bare_cr);
		if (status != 0)
			return status;
	}
	line = r.p;
	limit(&r, arrived, HTTP_LINE_MAX, 414);
	status = read_request_line(&r);
	if (status != 0) {
		req->line = first_line(line, r.end);
		return status;
	}
	req->line.p = line;
	req->line.len = (size_t)(r.p - line) - 2;
	limit(&r, arrived, HTTP_HEAD_MAX, 431);
	status = read_fields(&r);
	if (status == 0)
		status = check_head(&r);
	req->head_len = (size_t)(r.p - buf);
	return status;
}

/*
 * Read digits at *p, which is moved past them.  A number of 64 bits or nearly
 * so becomes the largest number.  Returns how many digits there were.
 */
static size_t
read_number(const char **p, const char *end, uint64_t *n)
{
	const char	*begin = *p;

	for (*n = 0; *p < end && is_digit(**p); (*p)++) {
		if (*n > (UINT64_MAX - 9) / 10)
			*n = UINT64_MAX;
		else
			*n = *n * 10 + (uint64_t)(**p - '0');
	}
	return (size_t)(*p - begin);
}

int
http_range(struct str range, uint64_t size, uint64_t *first, uint64_t *last)
{
	struct str	 unit = { range.p, 6 };
	const char	*p, *end;
	uint64_t	 a, b;
	size_t		 na, nb;

	if (range.len < unit.len || !str_is(unit, "bytes="))
		return 200;
	p = range.p + unit.len;
	end = range.p + range.len;
	na = read_number(&p, end, &a);
	if (p == end || *p != '-')
		return 200;
	p++;
	nb = read_number(&p, end, &b);
	if (p != end || (na == 0 && nb == 0) || (na > 0 && nb > 0 && b < a))
		return 200;

	if (na == 0) {
		if (b == 0 || size == 0)
			return 416;
		*first = b < size ? size - b : 0;
		*last = size - 1;
		return 206;
	}
	if (a >= size)
		return 416;
	*first = a;
	*last = nb > 0 && b < size ? b : size - 1;
	return 206;
}

/* etagc, RFC 9110 8.8.3 */
static inline bool
is_etag_byte(char c)
{
	return c == 0x21 || (uint8_t)c >= 0x80 || (c >= 0x23 && c <= 0x7e);
}

int
http_etag_matches(struct str field, const char *etag)
{
	const char	*p, *end, *tag;
	size_t		 etag_len;

	if (field.p == NULL)
		return 0;
	if (str_is(field, "*"))
		return 1;
	if (strncmp(etag, "W/", 2) == 0)
		etag += 2;
	etag_len = strlen(etag);
	p = field.p;
	end = field.p + field.len;
	for (;;) {
		/* A tag may hold commas, so the list cannot be split first. */
		while (p < end && (*p == ' ' || *p == '\t' || *p == ','))
			p++;
		if (end - p >= 2 && p[0] == 'W' && p[1] == '/')
			p += 2;
		tag = p;
		if (p == end || *p++ != '"')
			return 0;
		while (p < end && is_etag_byte(*p))
			p++;
		if (p == end || *p++ != '"')
			return 0;
		if ((size_t)(p - tag) == etag_len &&
		    memcmp(tag, etag, etag_len) == 0)
			return 1;
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		if (p < end && *p != ',')
			return 0;
	}
}

/* The next part of a list, up to this byte or the end; quotes hide it.  *p is
   moved past it. */
static struct str
next_part(const char **p, const char *end, char until)
{
	struct str	 part = { *p, 0 };
	const char	*at;
	bool		 quoted = false;

	for (at = *p; at < end && (quoted || *at != until); at++) {
		if (quoted && *at == '\\' && end - at > 1)
			at++;
		else if (*at == '"')
			quoted = !quoted;
	}
	part.len = (size_t)(at - *p);
	*p = at + (at < end);
	return str_trim(part);
}

/* Is it "q=0", with as many zeros behind a point as one likes? */
static bool
is_weight_zero(struct str parameter)
{
	const char	*p = parameter.p, *end = p + parameter.len;

	if (parameter.len < 3 || (*p | 0x20) != 'q' || p[1] != '=')
		return false;
	for (p += 2; p < end && (*p == '0' || *p == '.'); p++)
		continue;
	return p == end;
}

bool
http_accepts(struct str field, const char *type)
{
	const char	*p = field.p, *end, *at, *last;
	struct str	 range;
	bool		 named, zero;

	if (p == NULL)
		return false;
	end = p + field.len;
	while (p < end) {
		range = next_part(&p, end, ',');
		at = range.p;
		last = at + range.len;
		named = str_is(next_part(&at, last, ';'), type);
		for (zero = false; at < last;)
			zero |= is_weight_zero(next_part(&at, last, ';'));
		if (named && !zero)
			return true;
	}
	return false;
}
