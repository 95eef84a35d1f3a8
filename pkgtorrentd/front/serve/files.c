/* SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/msg.h"
#include "pkgtorrentd/front/job/job.h"
#include "pkgtorrentd/front/job/openq.h"
#include "pkgtorrentd/front/serve/reply.h"

#define DAY_S		86400

/* A request that waits for a file to be opened. */
struct file_wait {
	struct parked		 parked;	/* first, to be found by it */
	struct openq_request	*opening;	/* or NULL */
	char			 path[];
};

/* 416, with the size that a range may have. */
static void
files_fail_range(const struct exchange *x, uint64_t size)
{
	char field[64];

	snprintf(field, sizeof(field), "Content-Range: bytes */%llu\r\n",
	    (unsigned long long)size);
	reply_text(x, 416, "the range lies outside the file; request one "
	    "inside it", field, CONN_KEEP);
}

/* Length and place of an answer with 200 or 206. */
static void
files_add_range(struct head *h, int status, uint64_t first, uint64_t last,
    uint64_t size)
{
	head_add(h, "Accept-Ranges: bytes\r\nContent-Length: %llu\r\n",
	    (unsigned long long)(status == 206 ? last - first + 1 : size));
	if (status == 206)
		head_add(h, "Content-Range: bytes %llu-%llu/%llu\r\n",
		    (unsigned long long)first, (unsigned long long)last,
		    (unsigned long long)size);
}

/* Answer with so many zeros. */
static void
files_give_zeros(const struct exchange *x, uint64_t len)
{
	struct access_line line = { .state = "-", .info_hash = "-" };
	struct str range = x->req->field[FIELD_RANGE];
	enum conn_after after = CONN_KEEP;
	struct out out = OUT_EMPTY;
	uint64_t first = 0, last = 0;
	char expires[HEAD_DATE_LEN];
	struct head h;

	line.status = http_range(range, len, &first, &last);
	if (line.status == 416) {
		files_fail_range(x, len);
		return;
	}
	head_start(&h, line.status);
	head_format_date(expires, x->service->conns->date_s + DAY_S);
	head_add(&h, "Content-Type: application/octet-stream\r\n"
	    "Content-Transfer-Encoding: binary\r\n"
	    "Content-Disposition: attachment;\r\nExpires: %s\r\n", expires);
	files_add_range(&h, line.status, first, last, len);
	/* aria2 1.36 asks for some one-byte paddings without a Range and then
	   sits on a connection that is kept. */
	if (range.p == NULL)
		after = CONN_CLOSE;
	after = reply_add_head(x, &h, &out, after);
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
	/* On such a mount times prove nothing, and after a restart the mount
	   does not either. */
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

/* Answer with the file or the part of it that is asked for; the descriptor is
   taken over. */
static void
files_give(const struct exchange *x, int fd, const struct identity *id)
{
	struct access_line line = { .status = 200, .state = "-",
	    .info_hash = "-" };
	int64_t now_s = x->service->conns->date_s;
	int64_t mtime_s = id->mtime_ns / 1000000000;
	struct out out = OUT_EMPTY;
	uint64_t first = 0, last = 0;
	char modified[HEAD_DATE_LEN];
	enum conn_after after;
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
		files_fail_range(x, id->size);
		return;
	}
	head_start(&h, line.status);
	/* RFC 9110 8.8.2.1: not later than Date, even for a file from the
	   future. */
	head_format_date(modified, mtime_s < now_s ? mtime_s : now_s);
	head_add(&h, "ETag: %s\r\nLast-Modified: %s\r\n", v.etag, modified);
	if (line.status != 304) {
		head_add(&h, "Content-Type: application/octet-stream\r\n");
		files_add_range(&h, line.status, first, last, id->size);
	}
	after = reply_add_head(x, &h, &out, CONN_KEEP);
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

/* The client waits no longer, neither for the file nor for its answer. */
static void
file_wait_end(struct file_wait *w)
{
	if (w->opening != NULL)
		openq_forget(w->opening);
	w->opening = NULL;
	reply_uncharge(&w->parked);
}

static void
file_wait_free(struct conn_parked *on)
{
	struct file_wait *w = (struct file_wait *)on;

	file_wait_end(w);
	reply_unpark(&w->parked);
	free(w);
}

static void
file_wait_on_expired(struct conn_parked *on)
{
	struct file_wait *w = (struct file_wait *)on;

	file_wait_end(w);
	reply_text(&w->parked.x, 503, "the file could not be opened in time, "
	    "try again in 2 s", "Retry-After: 2\r\n", CONN_KEEP);
	file_wait_free(on);
}

static openq_done file_wait_on_opened;

/* Ask the path's walker for the file.  PATH_OK, or the reason why the client
   need not wait. */
static unsigned
file_wait_ask(struct file_wait *w)
{
	const struct service *s = w->parked.x.service;
	struct workers *workers = &s->jobs->workers;
	const char *path = w->path;
	int root = conf_root_of(s->conf, path, strlen(path));

	if (root == -1 || (size_t)root >= workers->nwalkers)
		return PATH_MISSING;
	if (openq_is_quarantined(&s->jobs->openq, path))
		return OPENQ_QUARANTINED;
	/* The client waits until the request expires. */
	if (worker_is_full(&workers->walkers[root]))
		return PATH_OK;
	w->opening = openq_ask(&s->jobs->openq, (size_t)root, &path, 1,
	    file_wait_on_opened, w);
	return w->opening == NULL ? PATH_FAILED : PATH_OK;
}

static void
file_wait_refuse(const struct exchange *x, unsigned status)
{
	if (status == PATH_MISSING)
		reply_text(x, 404, "no such file on this mirror", "",
		    CONN_KEEP);
	else if (status == PATH_FAILED)
		reply_text(x, 503, "the file could not be opened, try again in "
		    "5 s", "Retry-After: 5\r\n", CONN_KEEP);
	else if (status == OPENQ_QUARANTINED)
		reply_text(x, 500, QUARANTINE_WHY, "", CONN_KEEP);
	else
		reply_text(x, 403, "this service does not serve that "
		    "path", "", CONN_KEEP);
}

static void
file_wait_on_opened(void *arg, const struct msg_opened_item *items,
    const int *fds, uint32_t n)
{
	struct file_wait *w = arg;
	const struct exchange *x = &w->parked.x;
	unsigned status;

	w->opening = NULL;
	if (n > 0)
		status = items[0].status;
	else {
		/* The roots have changed. */
		status = file_wait_ask(w);
		if (status == PATH_OK)
			return;
	}
	file_wait_end(w);
	if (status == PATH_OK)
		files_give(x, fds[0], &items[0].identity);
	else
		file_wait_refuse(x, status);
	file_wait_free(&w->parked.on);
}

void
files_answer(const struct exchange *x, const char *bytes,
    const struct request *r)
{
	struct file_wait *w;
	char text[HEAD_TEXT_MAX];
	unsigned status;
	const char *why;

	if (r->kind == REQUEST_NULLFILE) {
		files_give_zeros(x, r->null_len);
		return;
	}
	if (!x->service->conf->serve_files ||
	    spec_check(r->path, r->path_len, &why) != 0) {
		snprintf(text, sizeof(text), "there is nothing at this URL; "
		    "the page /yum/%s/ says where torrents are",
		    x->service->conf->service);
		reply_text(x, 404, text, "", CONN_KEEP);
		return;
	}
	w = calloc(1, sizeof(*w) + r->path_len + 1);
	if (w == NULL) {
		reply_text(x, 500, "out of memory; try again later", "",
		    CONN_KEEP);
		return;
	}
	if (reply_park(&w->parked, x, bytes) == -1) {
		free(w);
		return;
	}
	w->parked.on.expired = file_wait_on_expired;
	w->parked.on.freed = file_wait_free;
	memcpy(w->path, r->path, r->path_len);
	status = file_wait_ask(w);
	if (status == PATH_OK) {
		conn_park(x->conn, &w->parked.on);
		return;
	}
	file_wait_free(&w->parked.on);
	file_wait_refuse(x, status);
}
