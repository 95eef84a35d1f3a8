#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/seal.h"
#include "pkgtorrentd/front/front.h"
#include "pkgtorrentd/front/http/request.h"
#include "pkgtorrentd/front/job/hot.h"
#include "pkgtorrentd/front/job/job.h"
#include "pkgtorrentd/front/job/opening.h"
#include "pkgtorrentd/front/serve/forwarded.h"
#include "pkgtorrentd/front/serve/reply.h"
#include "pkgtorrentd/front/serve/service.h"

#define TOUCH_MS	(24ULL * 60 * 60 * 1000)

static const char no_memory[] = "out of memory; try again later";

/* A request that waits for a job or for a file to be opened. */
struct parked {
	struct exchange		 x;
	struct http_request	 req;		/* points into head */
	bool			 simple;
	struct addr		*addr;		/* charged with it, or NULL */
	struct waiter		 waiter;	/* for a job */
	uint64_t		 opening;	/* a file's id, or 0 */
	char			 head[];
};

static void
service_fail(const struct exchange *x, int status, const char *why)
{
	reply_text(x, status, why, "", CONN_KEEP);
}

/* The digest is not known: the client is to post its paths. */
static void
service_fail_unknown(const struct exchange *x)
{
	reply_empty(x, 412, "Content-Length: 0\r\n"
	    "Cache-Control: no-cache, no-store, must-revalidate\r\n"
	    "Pragma: no-cache\r\nExpires: 0\r\n", "unknown", CONN_KEEP);
}

static void
service_fail_host(const struct exchange *x)
{
	service_fail(x, 400, "a torrent names the host that it was asked "
	    "from; send a Host field, or have base-url set here");
}

static void
service_give(const struct exchange *x, struct torrent *t, const char *base,
    bool simple, const char *state)
{
	if (base != NULL)
		reply_torrent(x, t, base, simple, state);
	else
		service_fail_host(x);
}

static const char *
service_base(const struct exchange *x, char base[BASE_MAX])
{
	return forwarded_base(x->service->conf, conn_peer(x->conn), x->req,
	    base);
}

/* Use is recorded once a day; the cache goes by that when it is full. */
static void
service_touch(struct service *s, struct torrent *t,
    const struct torrent_key *key)
{
	struct msg_touch body = { 0 };
	const char *path = NULL;

	t->touched_ms = clock_coarse_ms();
	if (t->multi)
		memcpy(body.digest, key->digest, SHA1_LEN);
	else {
		body.piece_len = s->conf->piece_len;
		path = t->path;
	}
	peer_send(&s->front->cache, MSG_TOUCH, &body, path,
	    path != NULL ? strlen(path) : 0, NULL, 0);
}

/*
 * Answer from memory, if the torrent there has been checked lately.  false: it
 * is to be made, or *old is to be checked first.
 */
static bool
service_answer_hot(const struct exchange *x, const struct torrent_key *key,
    const char *base, bool simple, struct torrent **old)
{
	struct service *s = x->service;
	struct hot *hot = &s->front->hot;
	uint64_t now = clock_coarse_ms(), age;
	uint64_t limit = s->conf->revalidate_ms;
	struct hot_entry *e = hot_find(hot, key);
	struct torrent *t;
	size_t size;

	if (e == NULL)
		return false;
	t = e->torrent;
	age = now - (t != NULL ? t->checked_ms : e->since_ms);
	if (age > limit || limit == 0 || (t != NULL && t->recheck)) {
		*old = t;
		return false;
	}
	s->counters.hits++;
	if (t == NULL) {
		service_fail_unknown(x);
		return true;
	}
	/* Check it again while it is good, so that nobody has to wait. */
	if (age > limit / 2)
		job_get(s->front, key, NULL, t);
	if (now - t->touched_ms > TOUCH_MS && !t->by_mount)
		service_touch(s, t, key);
	size = t->size;
	torrent_ref(t);
	service_give(x, t, base, simple, "hit");
	if (t->size != size && (e = hot_find(hot, key)) != NULL)
		hot_account(hot, e);
	torrent_unref(t);
	return true;
}

static void
parked_free(struct parked *p)
{
	if (p->waiter.job != NULL)
		job_leave(&p->waiter);
	if (p->opening != 0)
		openings_forget(p->x.service->front, p->opening);
	if (p->addr != NULL)
		p->addr->waiting--;
	addr_put(p->addr);
	free(p);
}

/* The address that is charged with the request; NULL: nobody. */
static struct addr *
service_addr(const struct exchange *x)
{
	struct conns *conns = x->service->conns;
	struct conn_peer client;

	forwarded_client(conns->conf, conn_peer(x->conn), x->req, &client);
	if (client.proxy || client.family == AF_UNIX)
		return NULL;
	return addr_get(&conns->addrs, client.family, client.ip);
}

/*
 * Keep the request, whose head is at bytes, for later; its owner parks the
 * connection with it.  NULL: it was answered.  When slots become scarce, a
 * client behind a proxy may not have more requests waiting than it could have
 * connections without the proxy.
 */
static struct parked *
parked_new(const struct exchange *x, const char *bytes)
{
	const struct conns *conns = x->service->conns;
	struct addr *addr = service_addr(x);
	struct parked *p;

	if (addr != NULL && conns->n > conns->slots / 2 &&
	    addr->waiting >= conns->conf->max_connections_per_client) {
		addr_put(addr);
		reply_text(x, 429, "too many of your requests are waiting; "
		    "wait for one of them", "Retry-After: 5\r\n", CONN_KEEP);
		return NULL;
	}
	p = calloc(1, sizeof(*p) + x->req->head_len);
	if (p == NULL) {
		addr_put(addr);
		service_fail(x, 500, no_memory);
		return NULL;
	}
	memcpy(p->head, bytes, x->req->head_len);
	p->req = *x->req;
	http_move(&p->req, bytes, p->head);
	p->x = *x;
	p->x.req = &p->req;
	p->addr = addr;
	if (addr != NULL)
		addr->waiting++;
	return p;
}

/* The job has not ended: how far it is, and when to ask again. */
static void
parked_answer_busy(const struct parked *p)
{
	char text[160], field[64];
	uint32_t retry_s;

	job_progress(p->waiter.job, text, sizeof(text), &retry_s);
	snprintf(field, sizeof(field), "Retry-After: %u\r\n", retry_s);
	reply_text(&p->x, 503, text, field, CONN_KEEP);
}

static void
parked_on_expired(void *arg)
{
	struct parked *p = arg;

	if (p->waiter.job != NULL)
		parked_answer_busy(p);
	else
		reply_text(&p->x, 503, "the file could not be opened in "
		    "time, try again in 2 s", "Retry-After: 2\r\n",
		    CONN_KEEP);
	parked_free(p);
}

static void
parked_on_freed(void *arg)
{
	parked_free(arg);
}

static void
parked_on_job(struct waiter *w)
{
	struct parked *p = (struct parked *)((char *)w -
	    offsetof(struct parked, waiter));
	const struct job_result *result = job_result(w->job);
	char base[BASE_MAX], field[64] = "";

	if (result->torrent != NULL) {
		service_give(&p->x, result->torrent,
		    service_base(&p->x, base), p->simple,
		    result->checked ? "checked" : "made");
	} else if (result->status == 412) {
		service_fail_unknown(&p->x);
	} else {
		if (result->retry_s > 0)
			snprintf(field, sizeof(field), "Retry-After: %u\r\n",
			    result->retry_s);
		reply_text(&p->x, result->status, result->why, field,
		    CONN_KEEP);
	}
	parked_free(p);
}

void
front_on_opened(struct parked *p, enum path_status status, int fd,
    const struct identity *id)
{
	p->opening = 0;
	if (status == PATH_OK)
		reply_file(&p->x, fd, id);
	else if (status == PATH_MISSING)
		service_fail(&p->x, 404, "no such file on this mirror");
	else if (status == PATH_FAILED)
		reply_text(&p->x, 503, "the file could not be looked at, try "
		    "again in 5 s", "Retry-After: 5\r\n", CONN_KEEP);
	else
		service_fail(&p->x, 403, "that is not a file which may be "
		    "read here");
	parked_free(p);
}

static void
service_want_torrent(const struct exchange *x, const char *bytes,
    const struct torrent_key *key, struct specs *specs, bool simple)
{
	struct torrent *old = NULL;
	char text[BASE_MAX];
	const char *base = service_base(x, text);
	struct parked *p;
	struct job *job;

	/* Do not make a torrent that cannot be given. */
	if (base == NULL && specs->n > 0) {
		service_fail_host(x);
		return;
	}
	/* A cached "unknown" no longer applies: this request carries the
	   paths. */
	if (specs->n > 0 && key->multi)
		hot_forget_unknown(&x->service->front->hot, key);
	if (service_answer_hot(x, key, base, simple, &old) ||
	    (p = parked_new(x, bytes)) == NULL)
		return;
	job = job_get(x->service->front, key, specs, old);
	if (job == NULL) {
		parked_free(p);
		service_fail(x, 500, no_memory);
		return;
	}
	p->simple = simple;
	p->waiter.addr = p->addr;
	p->waiter.done = parked_on_job;
	job_join(job, &p->waiter);
	conn_park(x->conn, p);
}

/* single and simple mode: one path or pattern. */
static void
service_on_path(const struct exchange *x, const char *bytes,
    const struct request *r)
{
	struct torrent_key key = { 0 };
	struct specs specs = { 0 };

	sha1(r->path, r->path_len, key.digest);
	if (specs_add(&specs, r->path, r->path_len) == -1)
		service_fail(x, 500, no_memory);
	else
		service_want_torrent(x, bytes, &key, &specs,
		    r->kind == REQUEST_SIMPLE);
	specs_free(&specs);
}

/* Read the paths of a form or query.  -1: the request was answered. */
static int
service_read_specs(const struct exchange *x, const char *body,
    const struct request *r, struct specs *specs)
{
	const struct conf *conf = x->service->conf;
	uint8_t digest[SHA1_LEN];
	const char *why;
	int status = 0;

	if (x->req->method == HTTP_POST)
		status = request_form(body, x->req->content_length,
		    conf->max_paths, specs, &why);
	else if (r->query.p != NULL)
		status = request_form(r->query.p, r->query.len,
		    conf->max_paths, specs, &why);
	/* This is not the plain question for a digest: the client sent paths,
	   but under another name or in another form. */
	if (status == 0 && x->req->content_length > 0 && !specs->named) {
		status = 400;
		why = "the body has no field named p; send each path as one, "
		    "as in p=/dir/file&p=/dir/other";
	/* A walker takes no more at once, whatever max-body says. */
	} else if (status == 0 && specs->text.len +
	    specs->n * sizeof(struct msg_spec) > RESOLVE_MAX) {
		status = 413;
		why = "the paths are longer than 4 MiB together; ask for "
		    "fewer";
	} else if (status == 0 && specs->n > 0) {
		sha1(specs->text.data, specs->text.len, digest);
		if (memcmp(digest, r->digest, SHA1_LEN) != 0) {
			status = 400;
			why = "the digest is not the SHA-1 of the paths "
			    "joined by newlines; compute it over the decoded "
			    "p values in the order sent";
		}
	}
	if (status == 0)
		return 0;
	service_fail(x, status, why);
	return -1;
}

static void
service_on_digest(const struct exchange *x, const char *bytes,
    const char *body, const struct request *r)
{
	struct torrent_key key = { .multi = 1 };
	struct specs specs = { 0 };

	memcpy(key.digest, r->digest, SHA1_LEN);
	if (service_read_specs(x, body, r, &specs) == 0)
		service_want_torrent(x, bytes, &key, &specs, false);
	specs_free(&specs);
}

static void
service_on_file(const struct exchange *x, const char *bytes,
    struct request *r)
{
	struct parked *p;
	const char *why;

	if (!x->service->conf->serve_files ||
	    request_check_path(r->path, r->path_len, &why) != 0) {
		service_fail(x, 404, "nothing here; torrents are at "
		    "/NAME/SERVICE/single/PATH");
		return;
	}
	r->path[r->path_len] = '\0';
	if ((p = parked_new(x, bytes)) == NULL)
		return;
	if (openings_for_client(x->service->front, p, r->path,
	    &p->opening) == 0) {
		conn_park(x->conn, p);
		return;
	}
	parked_free(p);
	service_fail(x, 404, "no root of the configuration holds that path");
}

/* Refuse with a body that is not going to be read, if there is one. */
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
		reply_text(x, 415, "a body with Content-Encoding is not "
		    "decoded here; send it as it is",
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
		    "takes; ask for fewer paths", "", CONN_DRAIN);
		return true;
	}
	return false;
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

	status = request_route(x->req->target, x->req->method, conf->service,
	    conf->piece_len, r, &why, &allow);
	if (allow != NULL)
		snprintf(field, sizeof(field), "Allow: %s\r\n", allow);
	if (status != 0) {
		service_refuse(x, body, status, why, field);
		return true;
	}
	if (!forwarded_has_host(conf, x->req)) {
		service_refuse(x, body, 421, "this mirror does not go by that "
		    "host name; use one of its own", "");
		return true;
	}
	if (x->req->method == HTTP_OPTIONS) {
		reply_empty(x, 204, field, "-", body == NULL ? CONN_DRAIN :
		    CONN_KEEP);
		return true;
	}
	return service_refuse_body(x, body);
}

static int
service_on_request(void *arg, struct conn *c, const struct http_request *req,
    const char *bytes, const char *body)
{
	/* Not on the stack, and not cleared: only the fields that were set are
	   read. */
	static struct request r;
	struct exchange x = { arg, c, req };

	if (service_route(&x, body, &r))
		return 0;
	if (body == NULL)
		return 1;
	switch (r.kind) {
	case REQUEST_SINGLE:
	case REQUEST_SIMPLE:
		service_on_path(&x, bytes, &r);
		break;
	case REQUEST_DIGEST:
		service_on_digest(&x, bytes, body, &r);
		break;
	case REQUEST_NULLFILE:
		reply_nullfile(&x, r.null_len);
		break;
	case REQUEST_OTHER:
		service_on_file(&x, bytes, &r);
		break;
	}
	return 0;
}

int
service_init(struct service *s, struct event_base *base,
    struct channel *parent)
{
	static const struct conn_ops ops = {
		.request = service_on_request,
		.refused = reply_on_refused,
		.expired = parked_on_expired,
		.freed = parked_on_freed,
	};

	s->conns->ops = &ops;
	s->conns->arg = s;
	s->started_ns = clock_real_ns();
	return access_open(&s->access, base, parent);
}
