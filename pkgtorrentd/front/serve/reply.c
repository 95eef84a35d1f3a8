#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/msg.h"
#include "pkgtorrentd/front/http/head.h"
#include "pkgtorrentd/front/job/hot.h"
#include "pkgtorrentd/front/serve/forwarded.h"
#include "pkgtorrentd/front/serve/reply.h"
#include "pkgtorrentd/front/serve/wrap.h"

#define DAY_S		86400

/* snprintf(3) would take as long as everything else about a hot torrent. */
static void
head_add_number(struct head *h, unsigned n)
{
	char text[16], *p = text + sizeof(text);

	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	head_add_text(h, p, (size_t)(text + sizeof(text) - p));
}

/* Does the client or the service want the connection to end? */
static enum conn_after
reply_after(const struct exchange *x, enum conn_after after)
{
	if (after == CONN_KEEP &&
	    (!x->req->keep_alive || x->service->conns->stopping))
		return CONN_CLOSE;
	return after;
}

/* A 412 is no error: it makes a client post its paths. */
static void
reply_count(struct counters *n, int status)
{
	n->requests++;
	n->forbidden += status == 403;
	n->client_errors += status >= 400 && status < 500 && status != 403 &&
	    status != 412;
	n->server_errors += status >= 500;
}

/* Count and log an answer. */
static void
reply_log(struct service *s, const struct conn *c,
    const struct http_request *req, const struct access_line *line)
{
	struct conn_peer client;

	reply_count(&s->counters, line->status);
	if (s->conf->access_log == ACCESS_LOG_NO)
		return;
	forwarded_client(s->conf, conn_peer(c), req, &client);
	access_add(&s->access, &client, s->conns->date, req, line);
}

static void
reply_send(const struct exchange *x, const struct out *out,
    const struct access_line *line, enum conn_after after)
{
	reply_log(x->service, x->conn, x->req, line);
	conn_send(x->conn, out, after);
}

void
reply_on_refused(void *service, const struct conn *c,
    const struct http_request *req, int status, size_t body_len)
{
	struct access_line line = { .status = status, .body_len = body_len,
	    .state = "-", .info_hash = "-" };

	reply_log(service, c, req, &line);
}

void
reply_text(const struct exchange *x, int status, const char *why,
    const char *field, enum conn_after after)
{
	struct access_line line = { .status = status, .state = "-",
	    .info_hash = "-" };
	struct out out = OUT_EMPTY;
	char body[HEAD_TEXT_MAX];
	struct head h;
	size_t len;

	after = reply_after(x, after);
	len = head_make_text(&h, body, status, why, field,
	    x->service->conns->date, x->req, after != CONN_KEEP);
	out_add(&out, h.text, h.len, NULL);
	if (x->req->method != HTTP_HEAD) {
		out_add(&out, body, len, NULL);
		line.body_len = len;
	}
	reply_send(x, &out, &line, after);
}

void
reply_empty(const struct exchange *x, int status, const char *fields,
    const char *state, enum conn_after after)
{
	struct access_line line = { .status = status, .state = state,
	    .info_hash = "-" };
	struct out out = OUT_EMPTY;
	struct head h;

	after = reply_after(x, after);
	head_start(&h, status);
	head_add_text(&h, fields, strlen(fields));
	head_end(&h, x->service->conns->date, x->req, after != CONN_KEEP);
	out_add(&out, h.text, h.len, NULL);
	reply_send(x, &out, &line, after);
}

/* Whole seconds until the entry is due for a check. */
static unsigned
reply_max_age(const struct conf *conf, const struct torrent *t)
{
	uint64_t due = t->checked_ms + conf->revalidate_ms;
	uint64_t now = clock_coarse_ms();

	return !t->settled || due <= now ? 0 : (unsigned)((due - now) / 1000);
}

/* Head and body of a torrent that may be given out; line.status is set. */
static void
reply_wrapped(const struct exchange *x, const struct torrent *t,
    const struct wrap *w, struct access_line *line)
{
	static const char max_age[] = "Cache-Control: public, max-age=";
	enum conn_after after = reply_after(x, CONN_KEEP);
	const struct conf *conf = x->service->conf;
	struct out out = OUT_EMPTY;
	struct head h;

	h.len = 0;
	if (line->status == 304) {
		head_start(&h, 304);
		head_add(&h, "ETag: %s\r\n", w->etag);
	} else
		out_add(&out, w->head->data, w->head->len, w->head);
	head_add_text(&h, max_age, sizeof(max_age) - 1);
	head_add_number(&h, reply_max_age(conf, t));
	head_add_text(&h, "\r\n", 2);
	if (conf->base_url == NULL && conn_peer(x->conn)->proxy)
		head_add(&h, "Vary: X-Forwarded-Proto\r\n");
	head_end(&h, x->service->conns->date, x->req, after != CONN_KEEP);
	out_add(&out, h.text, h.len, NULL);
	if (line->status == 200 && x->req->method != HTTP_HEAD) {
		out_add(&out, w->before->data, w->before->len, w->before);
		out_add(&out, t->info->data, t->info->len, t->info);
		out_add(&out, w->after->data, w->after->len, w->after);
		line->body_len = w->len;
	}
	reply_send(x, &out, line, after);
}

void
reply_torrent(const struct exchange *x, struct torrent *t, const char *base,
    bool simple, const char *state)
{
	struct access_line line = { .status = 200, .state = state,
	    .hash_ms = t->hash_ms, .info_hash = t->info_hash_hex };
	const struct wrap *w = wrap_get(x->service, t, base, simple);

	if (w == NULL) {
		reply_text(x, 500, "out of memory; try again later", "",
		    CONN_KEEP);
		return;
	}
	if (w->len > x->service->conf->max_torrent) {
		reply_text(x, 413, "the torrent is larger than this service "
		    "gives out; ask for fewer files", "", CONN_KEEP);
		return;
	}
	/* A POST is answered with the torrent: RFC 9110 has no 304 for it, and
	   its 412 means here that a digest is not known. */
	if (x->req->method != HTTP_POST &&
	    http_etag_matches(x->req->field[FIELD_IF_NONE_MATCH], w->etag))
		line.status = 304;
	reply_wrapped(x, t, w, &line);
}

/* 416, with the size that a range may have. */
static void
reply_bad_range(const struct exchange *x, uint64_t size)
{
	char field[64];

	snprintf(field, sizeof(field), "Content-Range: bytes */%llu\r\n",
	    (unsigned long long)size);
	reply_text(x, 416, "the range lies outside the file; ask for one "
	    "inside it", field, CONN_KEEP);
}

/* Length and place of an answer with 200 or 206. */
static void
head_add_range(struct head *h, int status, uint64_t first, uint64_t last,
    uint64_t size)
{
	head_add(h, "Accept-Ranges: bytes\r\nContent-Length: %llu\r\n",
	    (unsigned long long)(status == 206 ? last - first + 1 : size));
	if (status == 206)
		head_add(h, "Content-Range: bytes %llu-%llu/%llu\r\n",
		    (unsigned long long)first, (unsigned long long)last,
		    (unsigned long long)size);
}

void
reply_nullfile(const struct exchange *x, uint64_t len)
{
	struct access_line line = { .state = "-", .info_hash = "-" };
	const struct conns *conns = x->service->conns;
	struct str range = x->req->field[FIELD_RANGE];
	struct out out = OUT_EMPTY;
	uint64_t first = 0, last = 0;
	char expires[HEAD_DATE_LEN];
	enum conn_after after;
	struct head h;

	line.status = http_range(range, len, &first, &last);
	if (line.status == 416) {
		reply_bad_range(x, len);
		return;
	}
	/* aria2 1.36 asks for some one-byte paddings without a Range and then
	   sits on a connection that is kept. */
	after = range.p == NULL ? CONN_CLOSE : reply_after(x, CONN_KEEP);
	head_start(&h, line.status);
	head_format_date(expires, conns->date_s + DAY_S);
	head_add(&h, "Content-Type: application/octet-stream\r\n"
	    "Content-Transfer-Encoding: binary\r\n"
	    "Content-Disposition: attachment;\r\nExpires: %s\r\n", expires);
	head_add_range(&h, line.status, first, last, len);
	head_end(&h, conns->date, x->req, after != CONN_KEEP);
	out_add(&out, h.text, h.len, NULL);
	if (x->req->method != HTTP_HEAD) {
		line.body_len = line.status == 206 ? last - first + 1 : len;
		out_add(&out, NULL, line.body_len, NULL);
	}
	reply_send(x, &out, &line, after);
}

/* A file's version as a client is told it. */
struct version {
	char	etag[128];
	int64_t	mtime_s;	/* -1: proves nothing */
};

static void
version_set(struct version *v, const struct identity *id, int64_t started_ns)
{
	v->mtime_s = id->mtime_ns / 1000000000;
	snprintf(v->etag, sizeof(v->etag), "\"%llx-%llx-%llx\"",
	    (unsigned long long)id->size, (unsigned long long)id->mtime_ns,
	    (unsigned long long)id->ctime_ns);
	if (id->mount == 0)
		return;
	/* Times prove nothing there, nor does the mount after a restart. */
	v->mtime_s = -1;
	snprintf(v->etag, sizeof(v->etag), "\"%llx-%llx-%llx-%llx-%llx\"",
	    (unsigned long long)id->size, (unsigned long long)id->mtime_ns,
	    (unsigned long long)id->ctime_ns, (unsigned long long)id->mount,
	    (unsigned long long)started_ns);
}

/* Is the client's copy of this version? */
static bool
version_is_had(const struct version *v, const struct http_request *req)
{
	if (req->field[FIELD_IF_NONE_MATCH].p != NULL)
		return http_etag_matches(req->field[FIELD_IF_NONE_MATCH],
		    v->etag);
	return head_is_date(req->field[FIELD_IF_MODIFIED_SINCE], v->mtime_s);
}

/* May a part be sent, or has the file changed since the client's first? */
static bool
version_is_continued(const struct version *v, const struct http_request *req)
{
	struct str field = req->field[FIELD_IF_RANGE];

	if (field.p == NULL)
		return true;
	/* RFC 9110 13.1.5: strong comparison, or the exact date. */
	if (field.len > 0 && field.p[0] == '"')
		return field.len == strlen(v->etag) &&
		    memcmp(field.p, v->etag, field.len) == 0;
	return head_is_date(field, v->mtime_s);
}

void
reply_file(const struct exchange *x, int fd, const struct identity *id)
{
	struct access_line line = { .status = 200, .state = "-",
	    .info_hash = "-" };
	enum conn_after after = reply_after(x, CONN_KEEP);
	const struct conns *conns = x->service->conns;
	int64_t mtime_s = id->mtime_ns / 1000000000;
	struct out out = OUT_EMPTY;
	uint64_t first = 0, last = 0;
	char modified[HEAD_DATE_LEN];
	struct version v;
	struct head h;

	version_set(&v, id, x->service->started_ns);
	if (version_is_had(&v, x->req))
		line.status = 304;
	else if (version_is_continued(&v, x->req))
		line.status = http_range(x->req->field[FIELD_RANGE], id->size,
		    &first, &last);
	if (line.status == 416) {
		close(fd);
		reply_bad_range(x, id->size);
		return;
	}
	head_start(&h, line.status);
	/* RFC 9110 8.8.2.1: not later than Date, whatever the file says. */
	head_format_date(modified, mtime_s < conns->date_s ? mtime_s :
	    conns->date_s);
	head_add(&h, "ETag: %s\r\nLast-Modified: %s\r\n", v.etag, modified);
	if (line.status != 304) {
		head_add(&h, "Content-Type: application/octet-stream\r\n");
		head_add_range(&h, line.status, first, last, id->size);
	}
	head_end(&h, conns->date, x->req, after != CONN_KEEP);
	out_add(&out, h.text, h.len, NULL);
	if (line.status != 304 && x->req->method != HTTP_HEAD) {
		line.body_len = line.status == 206 ? last - first + 1 :
		    id->size;
		out.file_fd = fd;
		out.file_at = first;
		out.file_left = line.body_len;
	} else
		close(fd);
	reply_send(x, &out, &line, after);
}
