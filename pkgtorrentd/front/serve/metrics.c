/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "common/counts.h"
#include "pkgtorrentd/front/serve/metrics.h"

#define TARGET		"/metrics"

static void
metrics_answer_text(const struct metrics *m, struct conn *c,
    const struct http_request *req, int status, const char *why,
    enum conn_after after)
{
	struct head_ending last = { m->conns.date, req, after != CONN_KEEP,
	    false };
	char body[HEAD_TEXT_MAX];
	struct out out = OUT_EMPTY;
	struct head h;
	size_t len;

	len = head_make_text(&h, body, status, why, status == 405 ?
	    "Allow: GET, HEAD\r\n" : "", &last);
	out_add(&out, h.text, h.len, NULL);
	if (req->method != HTTP_HEAD)
		out_add(&out, body, len, NULL);
	conn_send(c, &out, after);
}

static void
metrics_answer(const struct metrics *m, struct conn *c,
    const struct http_request *req, enum conn_after after)
{
	struct head_ending last = { m->conns.date, req, after != CONN_KEEP,
	    false };
	struct out out = OUT_EMPTY;
	struct buf text = { 0 };
	struct blob *blob = NULL;
	struct head h;

	m->refresh(m->arg);
	if (counts_print_metrics(&text, m->counts) == -1 ||
	    (blob = blob_take(&text)) == NULL) {
		buf_free(&text);
		metrics_answer_text(m, c, req, 500, "out of memory; try again "
		    "later", after);
		return;
	}
	head_start(&h, 200);
	head_add(&h, "Content-Type: text/plain; version=0.0.4; "
	    "charset=utf-8\r\nCache-Control: no-store\r\n"
	    "Content-Length: %zu\r\n", blob->len);
	head_end(&h, &last);
	out_add(&out, h.text, h.len, NULL);
	if (req->method != HTTP_HEAD)
		out_add(&out, blob->data, blob->len, blob);
	conn_send(c, &out, after);
	blob_unref(blob);
}

static int
metrics_on_request(void *arg, struct conn *c, const struct http_request *req,
    const char *bytes, const char *body)
{
	const struct metrics *m = arg;
	enum conn_after after = body == NULL ? CONN_DRAIN :
	    req->keep_alive && !m->conns.stopping ? CONN_KEEP : CONN_CLOSE;

	(void)bytes;
	if (req->target.len != sizeof(TARGET) - 1 ||
	    memcmp(req->target.p, TARGET, sizeof(TARGET) - 1) != 0)
		metrics_answer_text(m, c, req, 404, "only " TARGET " is here",
		    after);
	else if (req->method != HTTP_GET && req->method != HTTP_HEAD)
		metrics_answer_text(m, c, req, 405, "only GET and HEAD are "
		    "known here", after);
	else
		metrics_answer(m, c, req, after);
	return 0;
}

static void
metrics_on_refused(void *arg, const struct conn *c,
    const struct http_request *req, int status, size_t body_len)
{
	(void)arg;
	(void)c;
	(void)req;
	(void)status;
	(void)body_len;
}

int
metrics_init(struct metrics *m, struct event_base *base,
    const struct conf *conf)
{
	static const struct conn_ops ops = {
		.request = metrics_on_request,
		.refused = metrics_on_refused,
	};

	m->conns.base = base;
	m->conns.conf = conf;
	m->conns.slots = METRICS_SLOTS;
	m->conns.max = METRICS_CONNS;
	m->conns.ops = &ops;
	m->conns.arg = m;
	return conns_init(&m->conns);
}
