/* SPDX-License-Identifier: ISC */
#include "pkgtorrentd/front/http/page.h"
#include "pkgtorrentd/front/http/typed.h"
#include "pkgtorrentd/front/serve/fields.h"
#include "pkgtorrentd/front/serve/pages.h"

#define MAX_AGE_S	300

/* The path of the form, with its length; 0, or a status with *why. */
static int
pages_read_path(const struct exchange *x, const struct request *r,
    const char *base, char path[SPEC_MAX + 1], size_t *len, const char **why)
{
	const struct conf *conf = x->service->conf;
	const struct typed_mirror mirror = { .base = base,
	    .seeds = &conf->web_seeds, .host = x->req->host,
	    .hosts = &conf->hosts, .service = conf->service };
	char typed[HTTP_LINE_MAX];
	int status;

	status = request_typed(r->query, typed, len, why);
	if (status != 0)
		return status;
	return typed_path((struct str){ typed, *len }, &mirror, path, len,
	    why);
}

static void
pages_add_fields(struct head *h, const struct exchange *x, bool html,
    bool query, size_t len)
{
	char policy[PAGE_POLICY_MAX];

	page_policy(policy);
	head_add(h, "Content-Type: text/%s; charset=utf-8\r\n"
	    "Content-Length: %zu\r\nVary: Accept%s\r\n"
	    "Content-Security-Policy: %s\r\n"
	    "X-Content-Type-Options: nosniff\r\n", html ? "html" : "plain",
	    len, fields_vary_by_proto(x) ? ", X-Forwarded-Proto" : "", policy);
	/* A path is nobody else's business. */
	if (query)
		head_add(h, "Cache-Control: no-store\r\n");
	else
		head_add(h, "Cache-Control: public, max-age=%d\r\n", MAX_AGE_S);
}

static void
pages_give(const struct exchange *x, const struct page *page, bool query,
    const struct buf *body)
{
	struct access_line line = { .status = 200, .state = "page",
	    .info_hash = "-" };
	struct out out = OUT_EMPTY;
	enum conn_after after;
	struct head h;

	head_start(&h, 200);
	pages_add_fields(&h, x, page->html, query, body->len);
	after = reply_add_head(x, &h, &out, CONN_KEEP);
	if (x->req->method != HTTP_HEAD) {
		out_add(&out, body->data, body->len, NULL);
		line.body_len = body->len;
	}
	reply_send(x, &out, &line, after);
}

void
pages_answer(const struct exchange *x, const struct request *r)
{
	const struct service *s = x->service;
	char base[FIELDS_BASE_MAX], path[SPEC_MAX + 1];
	struct page page = { .base = fields_base(x, base),
	    .name = { r->path + 1, r->path_len - 1 },
	    .service = s->conf->service,
	    .path = { path, 0 },
	    .tracked = announces_are_named(s) || s->trackers.len > 1,
	    .html = http_accepts(x->req->field[FIELD_ACCEPT], "text/html") };
	struct buf body = { 0 };
	const char *why;
	int status;

	if (page.base == NULL) {
		reply_text(x, 400, "this page contains the host name of the "
		    "mirror; send a Host field, or have base-url set", "",
		    CONN_KEEP);
		return;
	}
	status = pages_read_path(x, r, page.base, path, &page.path.len, &why);
	if (status == 0)
		status = page_make(&body, &page, &why);
	if (status == 0)
		pages_give(x, &page, r->query.p != NULL, &body);
	else
		reply_text(x, status, why, "", CONN_KEEP);
	buf_free(&body);
}
