#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/torrent.h"
#include "pkgtorrentd/front/front.h"
#include "pkgtorrentd/front/serve/access.h"
#include "pkgtorrentd/front/serve/reply.h"

#define HEAD_MAX	1024
#define DAY_S		86400

/* Fields that are made for each answer. */
struct head {
	char	text[HEAD_MAX];
	size_t	len;
};

static void head_add(struct head *, const char *, ...)
    __attribute__((__format__(printf, 2, 3)));

static void
head_add(struct head *h, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(h->text + h->len, sizeof(h->text) - h->len, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(h->text) - h->len)
		h->len += (size_t)n;
}

static void
head_add_text(struct head *h, const char *text, size_t len)
{
	if (len < sizeof(h->text) - h->len) {
		memcpy(h->text + h->len, text, len);
		h->len += len;
	}
}

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

static const char *
reply_reason(int status)
{
	static const struct {
		int		 status;
		const char	*reason;
	} reasons[] = {
		{ 200, "OK" }, { 204, "No Content" },
		{ 206, "Partial Content" }, { 304, "Not Modified" },
		{ 400, "Bad Request" }, { 403, "Forbidden" },
		{ 404, "Not Found" }, { 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 412, "Precondition failed" }, { 413, "Content Too Large" },
		{ 414, "URI Too Long" }, { 415, "Unsupported Media Type" },
		{ 416, "Range Not Satisfiable" },
		{ 417, "Expectation Failed" }, { 421, "Misdirected Request" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Error";
}

static void
head_start(struct head *h, int status)
{
	h->len = 0;
	head_add(h, "HTTP/1.1 %d %s\r\n", status, reply_reason(status));
}

/* The fields that every answer ends with. */
static void
head_end(struct head *h, const struct client *c,
    const struct http_request *req, bool close)
{
	static const char date[] = "Date: ", end[] = "\r\n";

	head_add_text(h, date, sizeof(date) - 1);
	head_add_text(h, c->front->date, 29);
	head_add_text(h, end, 2);
	if (close)
		head_add(h, "Connection: close\r\n");
	else if (req->minor == 0)
		head_add(h, "Connection: keep-alive\r\n");
	head_add_text(h, end, 2);
}

static bool
reply_wants_close(const struct client *c, const struct http_request *req)
{
	return !req->keep_alive || c->front->stopping;
}

static void
answer_add(struct answer *a, const void *p, uint64_t len, struct blob *blob)
{
	struct part *part;

	if (len == 0)
		return;
	part = &a->parts[a->nparts++];
	part->p = p;
	part->len = len;
	part->blob = blob;
}

/* A 412 is no error: it makes a client post its paths. */
static void
count_answer(struct counters *n, int status)
{
	n->requests++;
	n->forbidden += status == 403;
	n->client_errors += status >= 400 && status < 500 && status != 403 &&
	    status != 412;
	n->server_errors += status >= 500;
}

/* A head and what is in the answer already go out; one line is logged. */
static void
reply_send(struct client *c, const struct http_request *req, struct answer *a,
    const struct access_line *line)
{
	count_answer(&c->front->counters, line->status);
	access_add(c, req, line);
	client_send(c, a);
}

static void
reply_text(struct client *c, const struct http_request *req, int status,
    const char *why, const char *field, bool refused)
{
	struct access_line line = { .status = status, .state = "-",
	    .info_hash = "-" };
	struct answer a = { .file_fd = -1, .refused = refused };
	struct head h;
	char text[512];
	int n;

	n = snprintf(text, sizeof(text), "%s\n", why);
	if (n < 0 || (size_t)n >= sizeof(text))
		n = sizeof(text) - 1;
	a.closing = refused || reply_wants_close(c, req);
	head_start(&h, status);
	head_add(&h, "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Length: %d\r\nCache-Control: no-store\r\n%s", n, field);
	head_end(&h, c, req, a.closing);
	answer_add(&a, h.text, h.len, NULL);
	if (req == NULL || req->method != HTTP_HEAD) {
		answer_add(&a, text, (uint64_t)n, NULL);
		line.body_len = (uint64_t)n;
	}
	reply_send(c, req, &a, &line);
}

void
reply_error_with(struct client *c, const struct http_request *req, int status,
    const char *why, const char *field)
{
	reply_text(c, req, status, why, field, false);
}

void
reply_error(struct client *c, const struct http_request *req, int status,
    const char *why)
{
	reply_text(c, req, status, why, "", false);
}

void
reply_refuse_with(struct client *c, const struct http_request *req,
    int status, const char *why, const char *field)
{
	reply_text(c, req, status, why, field, true);
}

void
reply_refuse(struct client *c, const struct http_request *req, int status,
    const char *why)
{
	reply_text(c, req, status, why, status == 503 ?
	    "Retry-After: 1\r\n" : "", true);
}

void
reply_unknown(struct client *c, const struct http_request *req)
{
	struct access_line line = { .status = 412, .state = "unknown",
	    .info_hash = "-" };
	struct answer a = { .file_fd = -1 };
	struct head h;

	a.closing = reply_wants_close(c, req);
	head_start(&h, 412);
	head_add(&h, "Content-Length: 0\r\n"
	    "Cache-Control: no-cache, no-store, must-revalidate\r\n"
	    "Pragma: no-cache\r\nExpires: 0\r\n");
	head_end(&h, c, req, a.closing);
	answer_add(&a, h.text, h.len, NULL);
	reply_send(c, req, &a, &line);
}

void
reply_options(struct client *c, const struct http_request *req,
    const char *allow, bool body_read)
{
	struct access_line line = { .status = 204, .state = "-",
	    .info_hash = "-" };
	struct answer a = { .file_fd = -1, .refused = !body_read };
	struct head h;

	a.closing = a.refused || reply_wants_close(c, req);
	head_start(&h, 204);
	head_add(&h, "Allow: %s\r\n", allow);
	head_end(&h, c, req, a.closing);
	answer_add(&a, h.text, h.len, NULL);
	reply_send(c, req, &a, &line);
}

void
reply_no_host(struct client *c, const struct http_request *req)
{
	reply_error(c, req, 400, "a torrent names the host that it was asked "
	    "from; send a Host field, or have base-url set here");
}

/*
 * RFC 6266: a plain name quoted, and for one that is not plain ASCII its
 * bytes as UTF-8 besides.  single mode has the info hash, unquoted, since
 * that is what clients of old compare.
 */
static int
reply_add_disposition(struct buf *b, const struct torrent *t, bool simple)
{
	const char *p;
	bool plain = true;

	if (!simple)
		return buf_addf(b, "Content-Disposition: attachment; "
		    "filename=%s.torrent\r\n", t->info_hash_hex);
	if (buf_addf(b, "Content-Disposition: attachment; filename=\"") == -1)
		return -1;
	for (p = t->name; *p != '\0'; p++) {
		bool odd = *p < 0x20 || *p > 0x7e || *p == '"' || *p == '\\' ||
		    *p == '%';

		plain = plain && !odd;
		if (buf_add(b, odd ? "_" : p, 1) == -1)
			return -1;
	}
	if (buf_addf(b, ".torrent\"") == -1)
		return -1;
	if (!plain && (buf_addf(b, "; filename*=UTF-8''") == -1 ||
	    torrent_encode_path(b, t->name, strlen(t->name)) == -1 ||
	    buf_addf(b, ".torrent") == -1))
		return -1;
	return buf_addf(b, "\r\n");
}

struct blob *
reply_torrent_head(const struct torrent *t, const struct wrap *w)
{
	struct buf b = { 0 };

	if (buf_addf(&b, "HTTP/1.1 200 OK\r\n"
	    "Content-Type: application/x-bittorrent\r\n"
	    "Content-Transfer-Encoding: binary\r\n") == -1 ||
	    reply_add_disposition(&b, t, w->simple) == -1 ||
	    buf_addf(&b, "Content-Length: %zu\r\nETag: %s\r\n",
	    w->before->len + t->info->len + w->after->len, w->etag) == -1) {
		buf_free(&b);
		return NULL;
	}
	return blob_take(&b);
}

/* Whole seconds until the entry is due for a check. */
static unsigned
reply_max_age(const struct front *f, const struct torrent *t)
{
	uint64_t due = t->checked_ms + f->child.conf->revalidate_ms;
	uint64_t now = clock_coarse_ms();

	return !t->settled || due <= now ? 0 : (unsigned)((due - now) / 1000);
}

void
reply_torrent(struct client *c, const struct http_request *req,
    struct torrent *t, const char *base, bool simple, const char *state)
{
	static const char max_age[] = "Cache-Control: public, max-age=";
	struct access_line line = { .status = 200, .state = state,
	    .hash_ms = t->hash_ms, .info_hash = t->info_hash_hex };
	struct answer a = { .file_fd = -1 };
	struct front *f = c->front;
	struct wrap *w;
	struct head h;
	uint64_t len;

	if (base == NULL) {
		reply_no_host(c, req);
		return;
	}
	w = torrent_get_wrap(f, t, base, simple);
	if (w == NULL) {
		reply_error(c, req, 500, "out of memory; try again later");
		return;
	}
	len = w->before->len + t->info->len + w->after->len;
	if (len > f->child.conf->max_torrent) {
		reply_error(c, req, 413, "the torrent is larger than this "
		    "service gives out; ask for fewer files");
		return;
	}
	a.closing = reply_wants_close(c, req);
	h.len = 0;
	/* Who posts wants the torrent: RFC 9110 has no 304 for it, and its 412
	   means here that a digest is not known. */
	if (req->method != HTTP_POST &&
	    http_etag_matches(req->field[FIELD_IF_NONE_MATCH], w->etag)) {
		line.status = 304;
		head_start(&h, 304);
		head_add(&h, "ETag: %s\r\n", w->etag);
	} else
		answer_add(&a, w->head->data, w->head->len, w->head);
	head_add_text(&h, max_age, sizeof(max_age) - 1);
	head_add_number(&h, reply_max_age(f, t));
	head_add_text(&h, "\r\n", 2);
	if (c->proxy && f->child.conf->base_url == NULL)
		head_add(&h, "Vary: X-Forwarded-Proto\r\n");
	head_end(&h, c, req, a.closing);
	answer_add(&a, h.text, h.len, NULL);
	if (line.status == 200 && req->method != HTTP_HEAD) {
		answer_add(&a, w->before->data, w->before->len, w->before);
		answer_add(&a, t->info->data, t->info->len, t->info);
		answer_add(&a, w->after->data, w->after->len, w->after);
		line.body_len = len;
	}
	reply_send(c, req, &a, &line);
}

/* 416, with the size that a range may have. */
static void
reply_bad_range(struct client *c, const struct http_request *req,
    uint64_t size)
{
	char field[64];

	snprintf(field, sizeof(field), "Content-Range: bytes */%llu\r\n",
	    (unsigned long long)size);
	reply_error_with(c, req, 416, "the range lies outside the file; ask "
	    "for one inside it", field);
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
reply_nullfile(struct client *c, const struct http_request *req, uint64_t len)
{
	struct access_line line = { .state = "-", .info_hash = "-" };
	struct answer a = { .file_fd = -1 };
	uint64_t first = 0, last = 0;
	struct head h;
	char date[30];

	line.status = http_range(req->field[FIELD_RANGE], len, &first, &last);
	if (line.status == 416) {
		reply_bad_range(c, req, len);
		return;
	}
	/* aria2 1.36 asks for some one-byte paddings without a Range and then
	   sits on a connection that is kept. */
	a.closing = reply_wants_close(c, req) ||
	    req->field[FIELD_RANGE].p == NULL;
	head_start(&h, line.status);
	http_format_date(date, c->front->date_s + DAY_S);
	head_add(&h, "Content-Type: application/octet-stream\r\n"
	    "Content-Transfer-Encoding: binary\r\n"
	    "Content-Disposition: attachment;\r\nExpires: %s\r\n", date);
	head_add_range(&h, line.status, first, last, len);
	head_end(&h, c, req, a.closing);
	answer_add(&a, h.text, h.len, NULL);
	if (req->method != HTTP_HEAD) {
		line.body_len = line.status == 206 ? last - first + 1 : len;
		answer_add(&a, NULL, line.body_len, NULL);
	}
	reply_send(c, req, &a, &line);
}

/* Is the client's copy still good? */
static bool
reply_not_modified(const struct http_request *req, const char *etag,
    int64_t mtime_s)
{
	int64_t since;

	if (req->field[FIELD_IF_NONE_MATCH].p != NULL)
		return http_etag_matches(req->field[FIELD_IF_NONE_MATCH],
		    etag);
	since = http_date(req->field[FIELD_IF_MODIFIED_SINCE]);
	return since != -1 && mtime_s != -1 && mtime_s <= since;
}

/* May a part be sent, or has the file changed since the client's first? */
static bool
reply_range_is_current(const struct http_request *req, const char *etag,
    int64_t mtime_s)
{
	struct str field = req->field[FIELD_IF_RANGE];

	if (field.p == NULL)
		return true;
	/* RFC 9110 13.1.5: strong comparison, or the exact date. */
	if (field.len > 0 && field.p[0] == '"')
		return field.len == strlen(etag) &&
		    memcmp(field.p, etag, field.len) == 0;
	return mtime_s != -1 && http_date(field) == mtime_s;
}

void
reply_file(struct client *c, const struct http_request *req, int fd,
    const struct identity *id)
{
	struct access_line line = { .status = 200, .state = "-",
	    .info_hash = "-" };
	struct answer a = { .file_fd = -1 };
	int64_t mtime_s = id->mtime_ns / 1000000000;
	uint64_t first = 0, last = 0;
	int64_t known_s = id->mount == 0 ? mtime_s : -1;
	char etag[128], date[30];
	struct head h;

	snprintf(etag, sizeof(etag), "\"%llx-%llx-%llx\"",
	    (unsigned long long)id->size, (unsigned long long)id->mtime_ns,
	    (unsigned long long)id->ctime_ns);
	/* Times prove nothing there, nor does the mount when we start anew. */
	if (id->mount != 0)
		snprintf(etag, sizeof(etag), "\"%llx-%llx-%llx-%llx-%llx\"",
		    (unsigned long long)id->size,
		    (unsigned long long)id->mtime_ns,
		    (unsigned long long)id->ctime_ns,
		    (unsigned long long)id->mount,
		    (unsigned long long)c->front->started_ns);
	if (reply_not_modified(req, etag, known_s))
		line.status = 304;
	else if (reply_range_is_current(req, etag, known_s))
		line.status = http_range(req->field[FIELD_RANGE], id->size,
		    &first, &last);
	if (line.status == 416) {
		close(fd);
		reply_bad_range(c, req, id->size);
		return;
	}
	a.closing = reply_wants_close(c, req);
	head_start(&h, line.status);
	/* RFC 9110 8.8.2.1: not later than Date, whatever the file says. */
	http_format_date(date, mtime_s < c->front->date_s ? mtime_s :
	    c->front->date_s);
	head_add(&h, "ETag: %s\r\nLast-Modified: %s\r\n", etag, date);
	if (line.status != 304) {
		head_add(&h, "Content-Type: application/octet-stream\r\n");
		head_add_range(&h, line.status, first, last, id->size);
	}
	head_end(&h, c, req, a.closing);
	answer_add(&a, h.text, h.len, NULL);
	if (line.status != 304 && req->method != HTTP_HEAD) {
		line.body_len = line.status == 206 ? last - first + 1 :
		    id->size;
		a.file_fd = fd;
		a.file_at = first;
		a.file_left = line.body_len;
	} else
		close(fd);
	reply_send(c, req, &a, &line);
}
