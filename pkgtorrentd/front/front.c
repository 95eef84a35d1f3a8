/*
 * The front: the process that strangers talk to.  Runs as the daemon's user
 * in an empty root directory, without a directory descriptor, behind a filter
 * that lets it accept, read, write and pass messages.  It may ask walkers to
 * resolve and open paths, hashers to hash what was opened, and the cache for
 * what it has; it is sent configuration, listening sockets and trackers by
 * the parent.  It holds clients' connections and the torrents in use.
 *
 * A break-in here wins wrong answers for as long as the process lives, and
 * what any client may read anyway.  It wins nothing that lasts: walkers and
 * hashers seal what they say under a key that is not here, and the cache
 * stores nothing without those seals.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/seal.h"
#include "common/timer.h"
#include "pkgtorrentd/front/front.h"
#include "pkgtorrentd/front/front_msg.h"
#include "pkgtorrentd/front/serve/access.h"
#include "pkgtorrentd/front/serve/forwarded.h"
#include "pkgtorrentd/front/serve/reply.h"

#define TICK_MS		250
#define TOUCH_MS	(24ULL * 60 * 60 * 1000)

/* Use is recorded once a day; the cache goes by that when it is full. */
static void
front_touch(struct front *f, struct torrent *t, const struct torrent_key *key)
{
	struct msg_touch body = { 0 };
	const char *path = NULL;

	t->touched_ms = clock_coarse_ms();
	if (t->multi)
		memcpy(body.digest, key->digest, SHA1_LEN);
	else {
		body.piece_len = f->child.conf->piece_len;
		path = t->path;
	}
	peer_send(&f->cache, MSG_TOUCH, &body, path,
	    path != NULL ? strlen(path) : 0, NULL, 0);
}

/*
 * A torrent in memory that is good enough: answered.  false: it is to be
 * made, or looked at first.
 */
static bool
front_answer_hot(struct client *c, const struct http_request *req,
    const struct torrent_key *key, bool simple, struct torrent **old)
{
	struct front *f = c->front;
	uint64_t now = clock_coarse_ms(), age;
	uint64_t limit = f->child.conf->revalidate_ms;
	struct hot_entry *e = hot_find(&f->hot, key);
	char base[BASE_MAX];
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
	f->counters.hits++;
	if (t == NULL) {
		reply_unknown(c, req);
		return true;
	}
	/* Looked at again while it is good, so that nobody has to wait. */
	if (age > limit / 2)
		job_get(f, key, NULL, t);
	if (now - t->touched_ms > TOUCH_MS && !t->by_mount)
		front_touch(f, t, key);
	size = t->size;
	torrent_ref(t);
	reply_torrent(c, req, t, origin_base(c, req, base), simple, "hit");
	if (t->size != size && (e = hot_find(&f->hot, key)) != NULL)
		hot_account(&f->hot, e);
	torrent_unref(t);
	return true;
}

/*
 * A request that has to wait.  false: it was answered.  When places become
 * scarce, one person behind a proxy may not have more of them than connections
 * without it.
 */
static bool
front_hold(struct client *c, const struct http_request *req,
    const char *bytes)
{
	const struct conf *conf = c->front->child.conf;
	struct addr *asker = origin_addr(c, req);

	if (asker != NULL && c->front->nclients > c->front->places / 2 &&
	    asker->waiting >= conf->max_connections_per_client) {
		addr_put(asker);
		reply_error_with(c, req, 429, "too many of your requests are "
		    "waiting; wait for one of them", "Retry-After: 5\r\n");
		return false;
	}
	if (client_hold(c, req, bytes, asker) == 0)
		return true;
	reply_error(c, req, 500, "out of memory; try again later");
	return false;
}

static void
front_on_job_done(struct waiter *w)
{
	front_on_job((struct client *)((char *)w - offsetof(struct client,
	    waiter)));
}

static void
front_want_torrent(struct client *c, const struct http_request *req,
    const char *bytes, const struct torrent_key *key, struct specs *specs,
    bool simple)
{
	struct torrent *old = NULL;
	struct job *job;

	/* The cache's "unknown" says nothing about specs that came along. */
	if (front_answer_hot(c, req, key, simple, &old))
		return;
	if (!front_hold(c, req, bytes))
		return;
	job = job_get(c->front, key, specs, old);
	c->waiter.addr = c->asker;
	c->waiter.done = front_on_job_done;
	if (job != NULL)
		job_join(job, &c->waiter);
	else
		reply_error(c, req, 500, "out of memory; try again later");
}

/* Who asks for a torrent that cannot be given is told before it is made. */
static bool
front_can_name_host(struct client *c, const struct http_request *req)
{
	char base[BASE_MAX];

	if (origin_base(c, req, base) != NULL)
		return true;
	reply_no_host(c, req);
	return false;
}

/* single and simple mode: one path or pattern. */
static void
front_on_path(struct client *c, const struct http_request *req,
    const char *bytes, struct request *r)
{
	struct torrent_key key = { 0 };
	struct specs specs = { 0 };

	if (!front_can_name_host(c, req))
		return;
	sha1(r->path, r->path_len, key.digest);
	if (specs_add(&specs, r->path, r->path_len) == -1)
		reply_error(c, req, 500, "out of memory; try again later");
	else
		front_want_torrent(c, req, bytes, &key, &specs,
		    r->kind == REQUEST_SIMPLE);
	specs_free(&specs);
}

static void
front_on_digest(struct client *c, const struct http_request *req,
    const char *bytes, const char *body, struct request *r)
{
	const struct conf *conf = c->front->child.conf;
	struct torrent_key key = { .multi = 1 };
	struct specs specs = { 0 };
	const char *why;
	uint8_t digest[SHA1_LEN];
	int status = 0;

	if (req->method == HTTP_POST)
		status = request_form(body, req->content_length,
		    conf->max_paths, &specs, &why);
	else if (r->query.p != NULL)
		status = request_form(r->query.p, r->query.len,
		    conf->max_paths, &specs, &why);
	if (status != 0) {
		reply_error(c, req, status, why);
		return;
	}
	/* Not the plain question for a digest: somebody sent paths, but under
	   another name or in another form. */
	if (req->content_length > 0 && !specs.named) {
		reply_error(c, req, 400, "the body has no field named p; send "
		    "each path as one, as in p=/dir/file&p=/dir/other");
		return;
	}
	/* More than a walker takes at once, whatever max-body says. */
	if (specs.text.len + specs.n * sizeof(struct msg_spec) > RESOLVE_MAX) {
		specs_free(&specs);
		reply_error(c, req, 413, "the paths are longer than 4 MiB "
		    "together; ask for fewer");
		return;
	}
	memcpy(key.digest, r->digest, SHA1_LEN);
	if (specs.n > 0) {
		sha1(specs.text.data, specs.text.len, digest);
		if (memcmp(digest, key.digest, SHA1_LEN) != 0) {
			reply_error(c, req, 400, "the digest is not the SHA-1 "
			    "of the paths joined by newlines; compute it over "
			    "the decoded p values in the order sent");
			specs_free(&specs);
			return;
		}
		if (!front_can_name_host(c, req)) {
			specs_free(&specs);
			return;
		}
		/* Known to be unknown is not an answer to one who tells. */
		hot_forget_unknown(&c->front->hot, &key);
	}
	front_want_torrent(c, req, bytes, &key, &specs, false);
	specs_free(&specs);
}

static void
front_on_file(struct client *c, const struct http_request *req,
    const char *bytes, struct request *r)
{
	struct front *f = c->front;
	const char *why;

	if (!f->child.conf->serve_files ||
	    request_check_path(r->path, r->path_len, &why) != 0) {
		reply_error(c, req, 404, "nothing here; torrents are at "
		    "/NAME/SERVICE/single/PATH");
		return;
	}
	r->path[r->path_len] = '\0';
	if (front_hold(c, req, bytes) &&
	    openings_for_client(f, c, r->path) == -1)
		reply_error(c, req, 404, "no root of the configuration holds "
		    "that path");
}

void
front_on_opened(struct client *c, enum path_status status, int fd,
    const struct identity *id)
{
	if (status == PATH_OK)
		reply_file(c, c->req, fd, id);
	else if (status == PATH_MISSING)
		reply_error(c, c->req, 404, "no such file on this mirror");
	else if (status == PATH_FAILED)
		reply_error_with(c, c->req, 503, "the file could not be "
		    "looked at, try again in 5 s", "Retry-After: 5\r\n");
	else
		reply_error(c, c->req, 403, "that is not a file which may be "
		    "read here");
	client_resume(c);
}

/* What can be refused before a body has been read; body is NULL until then. */
static bool
front_refuse_body(struct client *c, const struct http_request *req,
    const char *body)
{
	static const char form[] = "application/x-www-form-urlencoded";
	struct str type = req->field[FIELD_CONTENT_TYPE];
	const char *semicolon;

	if (req->method == HTTP_POST && req->encoded) {
		reply_refuse_with(c, req, 415, "a body with Content-Encoding "
		    "is not decoded here; send it as it is",
		    "Accept-Encoding: identity\r\n");
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
		reply_refuse(c, req, 415, "send the paths as "
		    "application/x-www-form-urlencoded p fields");
		return true;
	}
	if (req->content_length > c->front->child.conf->max_body) {
		reply_refuse(c, req, 413, "the body is larger than this "
		    "service takes; ask for fewer paths");
		return true;
	}
	return false;
}

/* An error; a body that is not going to be read ends the connection. */
static void
front_refuse(struct client *c, const struct http_request *req,
    const char *body, int status, const char *why, const char *allow)
{
	char field[64] = "";

	if (allow != NULL)
		snprintf(field, sizeof(field), "Allow: %s\r\n", allow);
	if (body == NULL && http_has_body(req))
		reply_refuse_with(c, req, status, why, field);
	else
		reply_error_with(c, req, status, why, field);
}

int
front_on_request(struct client *c, const struct http_request *req,
    const char *bytes, const char *body)
{
	/* Not on the stack, and not cleared: only what was set is read. */
	static struct request r;
	const struct conf *conf = c->front->child.conf;
	const char *why, *allow = NULL;
	int status;

	status = request_route(req->target, req->method, conf->service,
	    conf->piece_len, &r, &why, &allow);
	if (status != 0) {
		front_refuse(c, req, body, status, why, allow);
		return 0;
	}
	if (!origin_has_host(conf, req)) {
		front_refuse(c, req, body, 421, "this mirror does not go by "
		    "that host name; use one of its own", NULL);
		return 0;
	}
	if (req->method == HTTP_OPTIONS) {
		reply_options(c, req, allow, body != NULL);
		return 0;
	}
	if (front_refuse_body(c, req, body))
		return 0;
	if (body == NULL)
		return 1;
	switch (r.kind) {
	case REQUEST_SINGLE:
	case REQUEST_SIMPLE:
		front_on_path(c, req, bytes, &r);
		break;
	case REQUEST_DIGEST:
		front_on_digest(c, req, bytes, body, &r);
		break;
	case REQUEST_NULLFILE:
		reply_nullfile(c, req, r.null_len);
		break;
	case REQUEST_OTHER:
		front_on_file(c, req, bytes, &r);
		break;
	}
	return 0;
}

/* The job has not ended: what the client is told instead. */
static void
front_answer_busy(struct client *c)
{
	char text[160], field[64];
	uint32_t retry_s;

	job_progress(c->waiter.job, text, sizeof(text), &retry_s);
	snprintf(field, sizeof(field), "Retry-After: %u\r\n", retry_s);
	reply_error_with(c, c->req, 503, text, field);
}

void
front_on_job(struct client *c)
{
	const struct job *job = c->waiter.job;
	const struct job_result *result;
	struct request r;
	char base[BASE_MAX], field[64] = "";
	const char *why, *allow;

	if (job == NULL) {
		/* A walker that is away: the client waited for a file. */
		reply_error_with(c, c->req, 503, "the file could not be "
		    "opened in time, try again in 2 s",
		    "Retry-After: 2\r\n");
	} else if ((result = job_result(job))->status == 0) {
		front_answer_busy(c);
	} else if (result->torrent != NULL) {
		request_route(c->req->target, c->req->method,
		    c->front->child.conf->service,
		    c->front->child.conf->piece_len, &r, &why, &allow);
		reply_torrent(c, c->req, result->torrent, origin_base(c,
		    c->req, base), r.kind == REQUEST_SIMPLE,
		    result->checked ? "checked" : "made");
	} else if (result->status == 412) {
		reply_unknown(c, c->req);
	} else {
		if (result->retry_s > 0)
			snprintf(field, sizeof(field), "Retry-After: %u\r\n",
			    result->retry_s);
		reply_error_with(c, c->req, result->status, result->why,
		    field);
	}
	client_resume(c);
}

static void
front_set_date(struct front *f)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	if (ts.tv_sec == f->date_s)
		return;
	f->date_s = ts.tv_sec;
	http_format_date(f->date, ts.tv_sec);
}

static void
front_on_tick(evutil_socket_t fd, short what, void *arg)
{
	static const struct msg_none none;
	struct front *f = arg;

	(void)fd;
	(void)what;
	(void)msg_send(&f->child.parent, MSG_ALIVE, &none, NULL, 0, NULL, 0);
	front_set_date(f);
	client_tick(f);
	jobs_tick(f);
	hashings_tick(f);
	if (f->paused)
		front_resume(f);
	if (f->stopping && clock_coarse_ms() > f->stop_first_ms)
		client_close_idle(f, true);
	if (f->stopping && (f->nclients == 0 || clock_coarse_ms() > f->stop_ms))
		event_base_loopexit(f->base, NULL);
}

static void
front_init(struct front *f)
{
	struct event_config *cfg;
	size_t i;

	for (i = 0; i < DEADLINE_COUNT; i++)
		TAILQ_INIT(&f->deadlines[i]);
	addr_init(&f->addrs);
	hashings_init(&f->hashings);
	TAILQ_INIT(&f->openings.list);
	hot_init(&f->hot, f->child.conf->hot_size);
	f->cache.ch.fd = -1;
	f->cache.lost_ms = clock_coarse_ms();
	f->scratch = malloc(SCRATCH_LEN);
	f->hashers = calloc(HASHERS_MAX, sizeof(*f->hashers));
	cfg = event_config_new();
	if (cfg == NULL || f->scratch == NULL || f->hashers == NULL ||
	    (f->base = event_base_new_with_config(cfg)) == NULL ||
	    access_open(f) == -1 || jobs_init(f) == -1 ||
	    (f->tick_ev = event_new(f->base, -1, EV_PERSIST, front_on_tick,
	    f)) == NULL || timer_add(f->tick_ev, TICK_MS) == -1 ||
	    front_open_parent(f) == -1 || front_set_walkers(f) == -1)
		fatal("the event loop cannot be set up");
	front_set_hashers(f);
	event_config_free(cfg);
	f->started_ns = clock_real_ns();
	front_set_date(f);
}

static void
front_try(void *owner, int dirfd)
{
	struct front *f = owner;

	(void)dirfd;
	front_selftest(f->trial);
}

void
front_main(void)
{
	struct front *f;

	f = calloc(1, sizeof(*f));
	if (f == NULL)
		_exit(1);
	child_start(&f->child, ROLE_FRONT, NULL, f);
	/* A client that has gone shows as an error of the call. */
	signal(SIGPIPE, SIG_IGN);
	/* So does an access log that is as long as it may be. */
	signal(SIGXFSZ, SIG_IGN);
	front_init(f);
	/* It cannot be raised later, but max-connections can. */
	front_limit_descriptors(f);
	front_share_descriptors(f);
	f->trial = front_prepare_selftest();
	child_confine(&f->child, NULL, f->fds, front_try);
	event_base_dispatch(f->base);
	access_flush(f);
	_exit(0);
}
