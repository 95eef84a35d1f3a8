/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "pkgtorrentd/front/serve/pages.h"
#include "pkgtorrentd/front/serve/reply.h"

/* Refuse a request.  If it has a body that was not read, discard it. */
static void
service_refuse(const struct exchange *x, const char *body, int status,
    const char *why, const char *field)
{
	reply_text(x, status, why, field,
	    body == NULL && http_has_body(x->req) ? CONN_DRAIN : CONN_KEEP);
}

/* Refuse a body by its head, or (body not NULL) once it is here. */
static bool
service_refuse_body(const struct exchange *x, const char *body)
{
	static const char form[] = "application/x-www-form-urlencoded";
	const struct http_request *req = x->req;
	struct str type = req->field[FIELD_CONTENT_TYPE];
	const char *semicolon;

	if (req->method == HTTP_POST && req->encoded) {
		reply_text(x, 415, "Content-Encoding is not supported; send "
		    "the body unencoded",
		    "Accept-Encoding: identity\r\n", CONN_DRAIN);
		return true;
	}
	if (body != NULL ? req->content_length == 0 : !http_has_body(req))
		return false;
	/* A chunked body may turn out to be empty, and then needs no type. */
	if (body == NULL && req->chunked && type.p == NULL)
		return false;
	if (type.p != NULL &&
	    (semicolon = memchr(type.p, ';', type.len)) != NULL)
		type.len = (size_t)(semicolon - type.p);
	if (!str_is(str_trim(type), form)) {
		reply_text(x, 415, "send the paths as "
		    "application/x-www-form-urlencoded p fields", "",
		    CONN_DRAIN);
		return true;
	}
	if (req->content_length > x->service->conf->max_body) {
		reply_text(x, 413, "the body is larger than this service "
		    "accepts; send fewer paths", "", CONN_DRAIN);
		return true;
	}
	return false;
}

/* Does the request name one of the configured hosts? */
static bool
service_has_host(const struct conf *conf, const struct http_request *req)
{
	size_t i;

	if (conf->hosts.n == 0)
		return true;
	/* A load balancer's health check names no host. */
	if (req->host.p == NULL)
		return req->method == HTTP_OPTIONS;
	for (i = 0; i < conf->hosts.n; i++)
		if (str_is(req->host, conf->hosts.v[i]))
			return true;
	return false;
}

/*
 * Tell the methods.  A browser asks so before it lets a page of another origin
 * send a POST or these fields (Fetch, "CORS-preflight request").
 */
static void
service_answer_options(const struct exchange *x, const char *body,
    const char *allow)
{
	static const char cors[] =
	    "Access-Control-Allow-Methods: GET, HEAD, POST\r\n"
	    "Access-Control-Allow-Headers: Range, Cache-Control, User-Agent\r\n"
	    "Access-Control-Max-Age: 86400\r\n";
	char fields[sizeof(cors) + 64];

	strlcpy(fields, allow, sizeof(fields));
	if (x->service->conf->cors)
		strlcat(fields, cors, sizeof(fields));
	reply_empty(x, 204, fields, "-", body == NULL ? CONN_DRAIN : CONN_KEEP);
}

/* Route a request and refuse it for its target, its host or its body; answer
   OPTIONS.  true: it was answered. */
static bool
service_route(const struct exchange *x, const char *body, struct request *r)
{
	const struct conf *conf = x->service->conf;
	const char *why, *allow = NULL;
	char field[64] = "";
	int status;

	status = request_route(x->req->target, x->req->method, conf->service, r,
	    &why, &allow);
	if (allow != NULL)
		snprintf(field, sizeof(field), "Allow: %s\r\n", allow);
	if (status != 0) {
		service_refuse(x, body, status, why, field);
		return true;
	}
	if (!service_has_host(conf, x->req)) {
		service_refuse(x, body, 421, "this mirror does not have that "
		    "host name; use one of its own names", "");
		return true;
	}
	if (x->req->method == HTTP_OPTIONS) {
		service_answer_options(x, body, field);
		return true;
	}
	return service_refuse_body(x, body);
}

/* Count a request that was routed; each once, with its body. */
static void
service_count(struct service *s, enum request_kind kind)
{
	static const uint8_t rows[] = {
		[REQUEST_SINGLE] = COUNT_KIND_SINGLE,
		[REQUEST_SIMPLE] = COUNT_KIND_SIMPLE,
		[REQUEST_META4] = COUNT_KIND_META4,
		[REQUEST_DIGEST] = COUNT_KIND_DIGEST,
		[REQUEST_NULLFILE] = COUNT_KIND_NULLFILE,
		[REQUEST_ANNOUNCE] = COUNT_KIND_ANNOUNCE,
		[REQUEST_SCRAPE] = COUNT_KIND_SCRAPE,
		[REQUEST_PAGE] = COUNT_KIND_PAGE,
		[REQUEST_OTHER] = COUNT_KIND_OTHER,
	};

	_Static_assert(COUNT_ROWS <= UINT8_MAX, "rows fit");
	_Static_assert(REQUEST_OTHER == 8, "each kind has a row");
	if (kind == REQUEST_OTHER && s->conf->serve_files)
		s->counts[COUNT_KIND_FILE]++;
	else
		s->counts[rows[kind]]++;
}

static int
service_on_request(void *arg, struct conn *c, const struct http_request *req,
    const char *bytes, const char *body)
{
	/* Static and not cleared, to save time: only fields that were set are
	   read. */
	static struct request r;
	struct exchange x = { .service = arg, .conn = c, .req = req };

	if (service_route(&x, body, &r)) {
		x.service->counts[COUNT_KIND_OTHER]++;
		return 0;
	}
	if (body == NULL)
		return 1;
	service_count(arg, r.kind);
	if (r.kind == REQUEST_NULLFILE || r.kind == REQUEST_OTHER)
		files_answer(&x, bytes, &r);
	else if (r.kind == REQUEST_ANNOUNCE || r.kind == REQUEST_SCRAPE)
		announces_answer(&x, bytes, &r);
	else if (r.kind == REQUEST_PAGE)
		pages_answer(&x, &r);
	else
		torrents_answer(&x, bytes, body, &r);
	return 0;
}

/* The connection has answered by itself. */
static void
service_on_refused(void *arg, const struct conn *c,
    const struct http_request *req, int status, size_t body_len)
{
	struct access_line line = { .status = status, .body_len = body_len,
	    .state = "-", .info_hash = "-" };

	((struct service *)arg)->counts[COUNT_KIND_OTHER]++;
	reply_log(arg, c, req, &line);
}

const struct conn_ops service_ops = {
	.request = service_on_request,
	.refused = service_on_refused,
};
