/* SPDX-License-Identifier: ISC */
/*
 * HTTP/1.1 requests (RFC 9110, RFC 9112), strictly: a request that two readers
 * could understand differently is refused.  Pure: functions over a buffer.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

#define HTTP_LINE_MAX	8192		/* request line, with its CRLF */
#define HTTP_HEAD_MAX	16384		/* header block after it, with the
					   empty line that ends it */
#define HTTP_FIELDS_MAX	64

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_OPTIONS,
	HTTP_OTHER
};

/* Fields with a use here; all others are checked and skipped. */
enum http_field {
	FIELD_CONTENT_TYPE,
	FIELD_RANGE,
	FIELD_ACCEPT,			/* of several, see http_parse() */
	FIELD_IF_RANGE,
	FIELD_IF_NONE_MATCH,
	FIELD_IF_MODIFIED_SINCE,
	FIELD_REFERER,
	FIELD_USER_AGENT,
	FIELD_X_FORWARDED_PROTO,
	FIELD_COUNT
};
#define FORWARDED_MAX	8		/* X-Forwarded-For lines kept */

struct http_request {
	enum http_method	method;
	struct str		line;		/* whole, without CRLF */
	struct str		target;		/* "/path", "/path?query", or
						   "?query" for "/?query";
						   of OPTIONS also "*" */
	int			minor;		/* HTTP/1.minor */
	struct str		host;		/* its name; p NULL if a
						   request of HTTP/1.0 has
						   none */
	struct str		port;		/* its digits; p NULL: none */
	struct str		field[FIELD_COUNT];
	struct str		forwarded[FORWARDED_MAX]; /* last ones */
	unsigned		nforwarded;
	bool			proto_disagrees; /* the values of
						    X-Forwarded-Proto differ */
	bool			keep_alive;
	bool			expect_continue; /* and a body is to come */
	bool			encoded;	/* there is Content-Encoding */
	bool			chunked;	/* the body is, see chunked.h */
	uint64_t		content_length;	/* 0 when absent */
	size_t			head_len;	/* bytes up to the body */
};

/*
 * Parse the bytes that have arrived, from their beginning each time; nothing is
 * kept between calls.  0: complete, *req is filled with pointers into buf.  -1:
 * the head is incomplete and within the limits.  Else a status (400, 414, 417,
 * 431, 501, 505) with *why one line for the client, without newline and without
 * any of the client's bytes; the connection is then to be closed.  A status is
 * final: no further bytes would change it.  req->line and method are filled as
 * far as they were read, for the log.
 *
 * A repeated field that may stand only once is refused with 400; of Referer and
 * User-Agent the first counts, X-Forwarded-Proto if all its values agree, of
 * Accept the first that names text/html, or the last.
 */
int	http_parse(const char *buf, size_t len, struct http_request *req,
	    const char **why);

/* Does a body follow the head? */
static inline bool
http_has_body(const struct http_request *req)
{
	return req->chunked || req->content_length > 0;
}

/* Classes of bytes. */
#define HTTP_TOKEN	0x1	/* tchar, RFC 9110 5.6.2 */
#define HTTP_TARGET	0x2	/* visible ASCII but '#' */
#define HTTP_VALUE	0x4	/* field-content, with obs-text, 5.5 */
extern const uint8_t http_class_of[256];

static inline bool
http_is_token(char c)
{
	return (http_class_of[(uint8_t)c] & HTTP_TOKEN) != 0;
}

static inline bool
http_is_value(char c)
{
	return (http_class_of[(uint8_t)c] & HTTP_VALUE) != 0;
}

/* The value of a hexadecimal digit of either case; -1: no digit. */
int	http_hex_digit(char);

/*
 * Is this a well-formed Host: a name of letters, digits and "._~-", which may
 * end in a dot, an IPv4 address or an IPv6 one in brackets, and perhaps a
 * colon and a port from 1 to 65535 or none?  The name is then without that
 * dot, and an empty port is none (p NULL).
 */
bool	http_is_host(struct str, struct str *name, struct str *port);

/*
 * A Range field against a resource of size bytes (RFC 9110 14): 206 with
 * first and last (inclusive) set, cut to the size; 416 when it cannot be
 * honoured; 200 when there is none, or it is not one single bytes range.
 */
int	http_range(struct str range, uint64_t size, uint64_t *first,
	    uint64_t *last);

/* If-None-Match (weak comparison): 1 if it has this entity tag (given with
   its quotes) or is "*"; 0 also when it is absent. */
int	http_etag_matches(struct str field, const char *etag);

/* Does Accept (RFC 9110 12.5.1) name this type, and not with q=0?  A range,
   as text with a star, names none. */
bool	http_accepts(struct str field, const char *type);

#endif
