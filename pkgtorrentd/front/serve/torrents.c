/* SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/seal.h"
#include "common/torrent.h"
#include "pkgtorrentd/front/job/caveat.h"
#include "pkgtorrentd/front/job/job.h"
#include "pkgtorrentd/front/serve/fields.h"
#include "pkgtorrentd/front/serve/metalinks.h"
#include "pkgtorrentd/front/serve/reply.h"
#include "pkgtorrentd/front/serve/whitelist.h"

#define TOUCH_MS	(24ULL * 60 * 60 * 1000)
#define WRAPS_MAX	8

/*
 * The rest of the file after a torrent's info dictionary, and the head of the
 * answer.  Depends on the configuration and the base URL that a request is
 * answered with.
 */
struct wrap {
	char		*base;		/* scheme://host, or the base-url */
	bool		 simple;
	struct blob	*head;		/* status line and fields, but Date,
					   Cache-Control, Vary, Connection */
	struct blob	*before;	/* the info dictionary: the trackers,
					   in the torrent's own order; others
					   may have the same */
	struct blob	*after;
	uint64_t	 len;		/* of the whole torrent file */
	char		 etag[2 * SHA1_LEN + 3];
};

struct wraps {
	uint32_t	 generation;	/* the service's */
	unsigned	 n;
	struct wrap	 wrap[WRAPS_MAX];	/* oldest first */
};

static void
wrap_free(struct wrap *w)
{
	free(w->base);
	blob_unref(w->head);
	blob_unref(w->before);
	blob_unref(w->after);
}

static void
wraps_clear(struct wraps *all)
{
	while (all->n > 0)
		wrap_free(&all->wrap[--all->n]);
}

static void
wraps_free(struct wraps *all)
{
	wraps_clear(all);
	free(all);
}

static size_t
blob_size(const struct blob *blob)
{
	return blob == NULL ? 0 :
	    HOT_ALLOCATED(sizeof(*blob)) + HOT_ALLOCATED(blob->len);
}

/* The bytes that they have in memory. */
static size_t
wraps_size(const struct wraps *all)
{
	size_t size = HOT_ALLOCATED(sizeof(*all));
	const struct wrap *w, *other;

	for (w = all->wrap; w < all->wrap + all->n; w++) {
		size += HOT_ALLOCATED(strlen(w->base) + 1) +
		    blob_size(w->head) + blob_size(w->after);
		for (other = all->wrap; other->before != w->before; other++)
			continue;
		if (other == w)
			size += blob_size(w->before);
	}
	return size;
}

/* The entity tag stands for the whole body: info dictionary by its hash. */
static int
wrap_set_etag(struct wrap *w, const struct torrent *t)
{
	const struct blob *before = w->before;
	struct buf all = { 0 };
	uint8_t digest[SHA1_LEN];
	size_t i;
	int r = -1;

	if (buf_add(&all, before->data, before->len) == 0 &&
	    buf_add(&all, t->info_hash, SHA1_LEN) == 0 &&
	    buf_add(&all, w->after->data, w->after->len) == 0) {
		sha1(all.data, all.len, digest);
		w->etag[0] = '"';
		for (i = 0; i < SHA1_LEN; i++)
			snprintf(w->etag + 1 + 2 * i, 3, "%02x", digest[i]);
		strlcat(w->etag, "\"", sizeof(w->etag));
		r = 0;
	}
	buf_free(&all);
	return r;
}

static struct blob *
wrap_make_head(const struct torrent *t, const struct wrap *w)
{
	struct buf b = { 0 };

	if (buf_addf(&b, "HTTP/1.1 200 OK\r\n"
	    "Content-Type: application/x-bittorrent\r\n"
	    "Content-Transfer-Encoding: binary\r\n") == -1 ||
	    (w->simple ? fields_add_disposition(&b, t, ".torrent") :
	    /* Old clients compare it: the info hash, unquoted. */
	    buf_addf(&b, "Content-Disposition: attachment; "
	    "filename=%s.torrent\r\n", t->info_hash_hex)) == -1 ||
	    buf_addf(&b, "Content-Length: %llu\r\nETag: %s\r\n",
	    (unsigned long long)w->len, w->etag) == -1) {
		buf_free(&b);
		return NULL;
	}
	return blob_take(&b);
}

/* Without a tracker of our own they are the same for every base URL. */
static struct blob *
wraps_find_before(const struct wraps *all, const char *base, bool house)
{
	unsigned i;

	for (i = 0; i < all->n; i++)
		if (!house || strcmp(all->wrap[i].base, base) == 0)
			return blob_ref(all->wrap[i].before);
	return NULL;
}

/* The bytes after the info dictionary, and before it unless another wrap has
   these. */
static int
wrap_fill(const struct service *s, const struct torrent *t, struct wrap *w)
{
	struct buf before = { 0 }, after = { 0 }, url = { 0 };
	bool house = announces_are_named(s), first;
	struct torrent_outside out;
	const char **bases;
	size_t nbases;
	int r;

	w->before = wraps_find_before(t->wraps, w->base, house);
	first = w->before == NULL;
	bases = fields_bases(s->conf, w->base, &nbases);
	if (bases == NULL)
		return -1;
	r = first && house ? announces_add_url(&url, s, t, w->base) : 0;
	out = (struct torrent_outside){
		.trackers = s->trackers.len > 0 ?
		    (char *)s->trackers.data : "",
		.first = (char *)url.data,
		.bases = bases,
		.nbases = nbases,
		.path = t->path,
		.path_len = t->path != NULL ? strlen(t->path) : 0,
		.multi = t->multi,
	};
	if (r == 0)
		r = torrent_wrap(&out, t->info_hash, first ? &before : NULL,
		    &after);
	free(bases);
	if (r == 0 && first)
		w->before = blob_take(&before);
	if (r == 0)
		w->after = blob_take(&after);
	buf_free(&before);
	buf_free(&after);
	buf_free(&url);
	return w->before == NULL || w->after == NULL ? -1 : 0;
}

static int
wrap_make(const struct service *s, const struct torrent *t, const char *base,
    bool simple, struct wrap *w)
{
	*w = (struct wrap){ .simple = simple };
	w->base = strdup(base);
	if (w->base == NULL || wrap_fill(s, t, w) == -1)
		return -1;
	w->len = w->before->len + t->info->len + w->after->len;
	if (wrap_set_etag(w, t) == -1 ||
	    (w->head = wrap_make_head(t, w)) == NULL)
		return -1;
	return 0;
}

/* The torrent's wraps that are not stale, perhaps none yet; NULL without
   memory. */
static struct wraps *
wraps_of(const struct service *s, struct torrent *t)
{
	struct wraps *all = t->wraps;

	if (all == NULL) {
		all = t->wraps = calloc(1, sizeof(*all));
		t->wraps_free = wraps_free;
	} else if (all->generation != s->generation)
		wraps_clear(all);
	if (all != NULL)
		all->generation = s->generation;
	return all;
}

/*
 * The wrap of a torrent for this base URL; simple names the file after the
 * torrent instead of its info hash.  Made if need be, which adds to the
 * torrent's size; the torrent keeps a few and drops the oldest.  NULL without
 * memory.
 */
static const struct wrap *
wrap_get(const struct service *s, struct torrent *t, const char *base,
    bool simple)
{
	struct wraps *all = wraps_of(s, t);
	struct wrap *w = NULL, new;
	unsigned i;

	if (all == NULL)
		return NULL;
	for (i = 0; i < all->n; i++) {
		w = &all->wrap[i];
		if (w->simple == simple && strcmp(w->base, base) == 0)
			return w;
	}
	if (wrap_make(s, t, base, simple, &new) == -1) {
		wrap_free(&new);
		w = NULL;
	} else {
		if (new.len <= s->conf->max_torrent)
			caveat_size(t, new.len);
		if (all->n == WRAPS_MAX) {
			wrap_free(&all->wrap[0]);
			memmove(&all->wrap[0], &all->wrap[1],
			    (WRAPS_MAX - 1) * sizeof(*w));
			all->n--;
		}
		w = &all->wrap[all->n++];
		*w = new;
	}
	hot_set_wraps(&s->jobs->hot, t, wraps_size(all));
	return w;
}

static const char no_memory[] = "out of memory; try again later";

/* A request that waits for a job, and then, or instead, until the whitelist has
   its torrent. */
struct torrent_wait {
	struct parked		 parked;	/* first, to be found by it */
	struct waiter		 waiter;
	struct torrent_key	 key;
	enum request_kind	 kind;
	struct whitelist_wait	 listed;
	bool			 was_listed;	/* it waits for no other line */
	struct torrent		*torrent;	/* NULL: made by the job */
	const char		*state;		/* for the log */
	uint64_t		 listing;	/* its share of the service's */
};

static void
torrents_fail(const struct exchange *x, int status, const char *why)
{
	reply_text(x, status, why, "", CONN_KEEP);
}

/* The digest is unknown: 412 makes the client post its paths. */
static void
torrents_fail_unknown(const struct exchange *x)
{
	reply_empty(x, 412, "Content-Length: 0\r\n"
	    "Cache-Control: no-cache, no-store, must-revalidate\r\n"
	    "Pragma: no-cache\r\nExpires: 0\r\n", "unknown", CONN_KEEP);
}

static void
torrents_fail_host(const struct exchange *x)
{
	torrents_fail(x, 400, "a torrent contains the host name of this "
	    "mirror; send a Host field, or have base-url set");
}

/* Answer with a torrent; line->status is 200 or 304. */
static void
torrents_give_wrapped(const struct exchange *x, struct torrent *t,
    const struct wrap *w, struct access_line *line)
{
	struct out out = OUT_EMPTY;
	enum conn_after after;
	struct head h;

	h.len = 0;
	if (line->status == 304) {
		head_start(&h, 304);
		head_add(&h, "ETag: %s\r\n", w->etag);
	} else
		out_add(&out, w->head->data, w->head->len, w->head);
	fields_add_freshness(&h, x, t);
	after = reply_add_head(x, &h, &out, CONN_KEEP);
	if (line->status == 200 && x->req->method != HTTP_HEAD) {
		out_add(&out, w->before->data, w->before->len, w->before);
		out_add(&out, t->info->data, t->info->len, t->info);
		out_add(&out, w->after->data, w->after->len, w->after);
		line->body_len = w->len;
		out.held = &t->held;
		if (t->held.size > HELD_SMALL)
			out.addr = reply_addr(x);
	}
	reply_send(x, &out, line, after);
}

/* state is for the log: hit, checked, made. */
static void
torrents_give(const struct exchange *x, struct torrent *t, const char *base,
    enum request_kind kind, const char *state)
{
	struct access_line line = { .status = 200, .state = state,
	    .hash_ms = t->hash_ms, .info_hash = t->info_hash_hex };
	const struct wrap *w;

	if (base == NULL) {
		torrents_fail_host(x);
		return;
	}
	if (kind == REQUEST_META4) {
		metalinks_give(x, t, base, state);
		return;
	}
	w = wrap_get(x->service, t, base, kind == REQUEST_SIMPLE);
	if (w == NULL) {
		torrents_fail(x, 500, no_memory);
		return;
	}
	if (w->len > x->service->conf->max_torrent) {
		torrents_fail(x, 413, "the torrent is larger than this service "
		    "allows; request fewer files");
		return;
	}
	/* A POST is answered with the torrent: RFC 9110 has no 304 for it, and
	   its 412 means here that a digest is not known. */
	if (x->req->method != HTTP_POST &&
	    http_etag_matches(x->req->field[FIELD_IF_NONE_MATCH], w->etag))
		line.status = 304;
	torrents_give_wrapped(x, t, w, &line);
}

/* Record the use of a torrent once a day: the cache removes the least
   recently used entries when it is full. */
static void
torrents_touch(struct service *s, struct torrent *t,
    const struct torrent_key *key)
{
	struct msg_touch body = { 0 };
	const char *path = NULL;

	/* Otherwise the next answer does it. */
	if (!worker_may_be_told(&s->jobs->workers.cache))
		return;
	t->touched_ms = clock_coarse_ms();
	if (t->multi)
		memcpy(body.digest, key->digest, SHA1_LEN);
	else {
		body.piece_len = t->piece_len;
		path = t->path;
	}
	body.piece = key->piece;
	worker_send(&s->jobs->workers.cache, MSG_TOUCH, &body, path,
	    path != NULL ? strlen(path) : 0, NULL, 0);
}

static void
torrent_wait_drop(struct torrent_wait *w)
{
	w->parked.x.service->listing -= w->listing;
	w->listing = 0;
	torrent_unref(w->torrent);
	w->torrent = NULL;
}

static void
torrent_wait_free(struct conn_parked *on)
{
	struct torrent_wait *w = (struct torrent_wait *)on;

	if (w->waiter.job != NULL)
		job_leave(&w->waiter);
	whitelist_leave(&w->listed);
	torrent_wait_drop(w);
	reply_unpark(&w->parked);
	free(w);
}

/* Answer with the torrent that the whitelist has, or is to have. */
static void
torrent_wait_give(struct torrent_wait *w)
{
	const struct exchange *x = &w->parked.x;
	char base[FIELDS_BASE_MAX];

	reply_uncharge(&w->parked);
	torrents_give(x, w->torrent, fields_base(x, base), w->kind,
	    w->state);
	torrent_wait_free(&w->parked.on);
}

static void	torrent_wait_on_done(struct waiter *,
		    const struct job_result *);

/* Files, or the configuration, may have changed too long ago: have the torrent
   checked.  false: there is no need. */
static bool
torrent_wait_check(struct torrent_wait *w)
{
	struct service *s = w->parked.x.service;
	struct torrent *t = w->torrent;
	struct specs specs = { 0 };
	const struct hot_entry *e;
	int r;

	if (clock_coarse_ms() - t->checked_ms <= s->conf->revalidate_ms &&
	    t->layout_epoch == s->jobs->layout_epoch)
		return false;
	w->was_listed = true;
	w->waiter.addr = w->parked.addr;
	w->waiter.done = torrent_wait_on_done;
	/* Its own torrent may be one that must not be remembered. */
	e = hot_find(&s->jobs->hot, &w->key);
	r = specs_copy(&specs, &t->specs);
	if (r == 0)
		r = job_want(s->jobs, &w->key, &specs,
		    e != NULL ? e->torrent : NULL, &w->waiter);
	specs_free(&specs);
	if (r == 0) {
		torrent_wait_drop(w);
	} else {
		reply_uncharge(&w->parked);
		torrents_fail(&w->parked.x, 500, no_memory);
		torrent_wait_free(&w->parked.on);
	}
	return true;
}

static void
torrent_wait_on_listed(struct whitelist_wait *listed)
{
	struct torrent_wait *w = (struct torrent_wait *)((char *)listed -
	    offsetof(struct torrent_wait, listed));

	if (!torrent_wait_check(w))
		torrent_wait_give(w);
}

/*
 * The line of the whitelist for which the answer with a torrent has to wait, or
 * NULL.  Large torrents that wait have the part of answer-memory that one
 * client may have.
 */
static struct whitelist_line *
torrents_line(const struct exchange *x, struct torrent *t,
    enum request_kind kind)
{
	struct service *s = x->service;
	uint32_t mark = whitelist_mark(s->whitelist);
	struct whitelist_line *line;
	struct addr *addr;

	/* A Metalink names the torrent, which has to be asked for first. */
	if (mark == 0 || t->whitelisted == mark || kind == REQUEST_META4)
		return NULL;
	addr = reply_addr(x);
	line = whitelist_want(s->whitelist, t->info_hash, &t->whitelisted,
	    addr);
	addr_put(addr);
	if (t->held.size > HELD_SMALL &&
	    s->listing + t->held.size > s->conf->answer_memory / 4)
		return NULL;
	return line;
}

/* The torrent of this request is complete: it waits for the line now. */
static void
torrent_wait_for_line(struct torrent_wait *w, struct whitelist_line *line,
    struct torrent *t, const char *state)
{
	w->torrent = torrent_ref(t);
	w->state = state;
	if (t->held.size > HELD_SMALL)
		w->listing = t->held.size;
	w->parked.x.service->listing += w->listing;
	w->listed.done = torrent_wait_on_listed;
	whitelist_wait(line, &w->listed);
}

static void	torrent_wait_on_expired(struct conn_parked *);

/* NULL: the request was answered. */
static struct torrent_wait *
torrent_wait_new(const struct exchange *x, const char *bytes,
    const struct torrent_key *key, enum request_kind kind)
{
	struct torrent_wait *w;

	w = calloc(1, sizeof(*w));
	if (w == NULL) {
		torrents_fail(x, 500, no_memory);
		return NULL;
	}
	if (reply_park(&w->parked, x, bytes) == -1) {
		free(w);
		return NULL;
	}
	w->key = *key;
	w->kind = kind;
	w->parked.on.expired = torrent_wait_on_expired;
	w->parked.on.freed = torrent_wait_free;
	return w;
}

/* Answer with a torrent of hot memory, or once the whitelist has it. */
static void
torrents_give_hot(const struct exchange *x, const char *bytes,
    const struct torrent_key *key, struct torrent *t, const char *base,
    enum request_kind kind)
{
	struct whitelist_line *line = torrents_line(x, t, kind);
	struct torrent_wait *w;

	if (line == NULL) {
		torrents_give(x, t, base, kind, "hit");
		return;
	}
	w = torrent_wait_new(x, bytes, key, kind);
	if (w == NULL)
		return;
	torrent_wait_for_line(w, line, t, "hit");
	conn_park(x->conn, &w->parked.on);
}

/*
 * Answer from memory, if the torrent there has been checked lately.  false: it
 * is to be made, or *old is to be checked first.
 */
static bool
torrents_answer_hot(const struct exchange *x, const char *bytes,
    const struct torrent_key *key, const char *base, enum request_kind kind,
    struct torrent **old)
{
	struct service *s = x->service;
	struct hot *hot = &s->jobs->hot;
	uint64_t now = clock_coarse_ms(), age;
	uint64_t limit = s->conf->revalidate_ms;
	const struct hot_entry *e = hot_find(hot, key);
	struct torrent *t;

	if (e == NULL) {
		s->counts[COUNT_HOT_MISSES]++;
		return false;
	}
	t = e->torrent;
	age = now - (t != NULL ? t->checked_ms : e->since_ms);
	if (age > limit || limit == 0 || (t != NULL && t->recheck)) {
		*old = t;
		s->counts[COUNT_HOT_MISSES]++;
		return false;
	}
	s->counts[COUNT_HOT_HITS]++;
	if (t == NULL) {
		torrents_fail_unknown(x);
		return true;
	}
	/* Check the torrent again before it expires, so that no client has to
	   wait. */
	if (age > limit / 2)
		job_want(s->jobs, key, NULL, t, NULL);
	if (now - t->touched_ms > TOUCH_MS && !t->by_mount)
		torrents_touch(s, t, key);
	/* Its wrap may need the memory of this very torrent. */
	torrent_ref(t);
	torrents_give_hot(x, bytes, key, t, base, kind);
	torrent_unref(t);
	return true;
}

static void
torrents_format_bytes(char *out, size_t len, uint64_t bytes)
{
	if (bytes >= 1ULL << 30)
		snprintf(out, len, "%.1f GiB", (double)bytes / (1ULL << 30));
	else
		snprintf(out, len, "%.1f MiB", (double)bytes / (1ULL << 20));
}

static const char *
torrents_state(const struct job_result *result)
{
	return result->checked ? "checked" : "made";
}

/* Answer with the end of a job, which the waiter has left. */
static void
torrent_wait_answer(struct torrent_wait *w, const struct job_result *result)
{
	const struct exchange *x = &w->parked.x;
	char base[FIELDS_BASE_MAX], field[64] = "";

	if (result->torrent != NULL) {
		torrents_give(x, result->torrent, fields_base(x, base),
		    w->kind, torrents_state(result));
	} else if (result->status == 412) {
		torrents_fail_unknown(x);
	} else {
		if (result->retry_s > 0)
			snprintf(field, sizeof(field), "Retry-After: %u\r\n",
			    result->retry_s);
		reply_text(x, result->status, result->why, field,
		    CONN_KEEP);
	}
}

/* The job has not ended: answer with its progress and Retry-After. */
static void
torrent_wait_answer_busy(struct torrent_wait *w,
    const struct job_progress *progress)
{
	char text[160], field[64], part[32], whole[32];

	torrents_format_bytes(part, sizeof(part), progress->hashed);
	torrents_format_bytes(whole, sizeof(whole), progress->to_hash);
	if (progress->to_hash == 0)
		snprintf(text, sizeof(text), "still looking for the files, "
		    "try again in %u s", progress->retry_s);
	else
		snprintf(text, sizeof(text), "hashing %u%% (%s of %s), try "
		    "again in %u s", (unsigned)((double)progress->hashed *
		    100 / (double)progress->to_hash), part, whole,
		    progress->retry_s);
	snprintf(field, sizeof(field), "Retry-After: %u\r\n",
	    progress->retry_s);
	reply_text(&w->parked.x, 503, text, field, CONN_KEEP);
}

/* The tracker would still refuse the client.  Nobody waits for a line longer
   than WHITELIST_WAIT_MS, so that the next request or the one after it gets the
   torrent. */
static void
torrent_wait_answer_unlisted(struct torrent_wait *w)
{
	reply_text(&w->parked.x, 503, "the tracker does not know this torrent "
	    "yet, try again in 2 s", "Retry-After: 2\r\n", CONN_KEEP);
}

/* Has the time of the request ended before its torrent was on the list? */
static bool
torrent_wait_is_unlisted(const struct torrent_wait *w,
    const struct job_result *result)
{
	if (w->torrent != NULL)
		return true;
	return result != NULL && result->torrent != NULL &&
	    torrents_line(&w->parked.x, result->torrent, w->kind) != NULL &&
	    !w->was_listed;
}

/* The client no longer waits before it is answered: the answer may begin its
   next request. */
static void
torrent_wait_on_expired(struct conn_parked *on)
{
	struct torrent_wait *w = (struct torrent_wait *)on;
	const struct job_result *result = NULL;
	struct job_progress progress;
	bool unlisted;

	if (w->waiter.job != NULL) {
		result = job_progress(w->waiter.job, &progress);
		job_leave(&w->waiter);
	}
	unlisted = torrent_wait_is_unlisted(w, result);
	whitelist_leave(&w->listed);
	reply_uncharge(&w->parked);
	if (unlisted)
		torrent_wait_answer_unlisted(w);
	else if (result != NULL)
		torrent_wait_answer(w, result);
	else
		torrent_wait_answer_busy(w, &progress);
	torrent_wait_free(on);
}

static void
torrent_wait_on_done(struct waiter *waiter, const struct job_result *result)
{
	struct torrent_wait *w = (struct torrent_wait *)((char *)waiter -
	    offsetof(struct torrent_wait, waiter));
	struct whitelist_line *line;

	if (result->torrent != NULL &&
	    (line = torrents_line(&w->parked.x, result->torrent,
	    w->kind)) != NULL && !w->was_listed) {
		torrent_wait_for_line(w, line, result->torrent,
		    torrents_state(result));
		return;
	}
	reply_uncharge(&w->parked);
	torrent_wait_answer(w, result);
	torrent_wait_free(&w->parked.on);
}

/* A Metalink may be impossible, or too large, where the torrent is not. */
static int
torrent_wait_refuses(const struct waiter *waiter,
    const struct job_files *files, const char **why)
{
	const struct torrent_wait *w = (const struct torrent_wait *)
	    (const void *)((const char *)waiter -
	    offsetof(struct torrent_wait, waiter));
	const struct job_file *only = files->n == 1 ? &files->v[0] : NULL;
	const struct exchange *x = &w->parked.x;
	char base[FIELDS_BASE_MAX];

	return metalinks_refuse(x->service, fields_base(x, base),
	    &files->meta, only != NULL ? only->path : NULL,
	    only != NULL ? only->path_len : 0, why);
}

static void
torrents_want(const struct exchange *x, const char *bytes,
    const struct torrent_key *key, struct specs *specs,
    enum request_kind kind)
{
	struct torrent *old = NULL;
	char text[FIELDS_BASE_MAX];
	const char *base = fields_base(x, text), *why;
	struct torrent_wait *w;
	int status;

	/* Do not make a torrent that cannot be given. */
	if (base == NULL && specs->n > 0) {
		torrents_fail_host(x);
		return;
	}
	/* A cached "unknown" no longer applies: this request carries the
	   paths. */
	if (specs->n > 0 && key->multi)
		hot_remove_unknown(&x->service->jobs->hot, key);
	if (torrents_answer_hot(x, bytes, key, base, kind, &old))
		return;
	w = torrent_wait_new(x, bytes, key, kind);
	if (w == NULL)
		return;
	w->waiter.addr = w->parked.addr;
	w->waiter.done = torrent_wait_on_done;
	w->waiter.refuses = kind == REQUEST_META4 ? torrent_wait_refuses :
	    NULL;
	if (job_want(x->service->jobs, key, specs, old, &w->waiter) == -1) {
		torrent_wait_free(&w->parked.on);
		torrents_fail(x, 500, no_memory);
		return;
	}
	status = job_is_refused(&w->waiter, &why);
	if (status != 0) {
		torrent_wait_free(&w->parked.on);
		torrents_fail(x, status, why);
		return;
	}
	conn_park(x->conn, &w->parked.on);
}

/* Read the paths of a form or query.  -1: the request was answered. */
static int
torrents_read_specs(const struct exchange *x, const char *body,
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
	/* The client sent paths, but under another name or in another form. */
	if (status == 0 && x->req->content_length > 0 && !specs->named) {
		status = 400;
		why = "the body has no field named p; send each path as one, "
		    "as in p=/dir/file&p=/dir/other";
	/* A walker accepts no more at once, even if max-body allows more. */
	} else if (status == 0 && specs->text.len +
	    specs->n * sizeof(struct msg_spec) > RESOLVE_MAX) {
		status = 413;
		why = "the paths are longer than 4 MiB together; send fewer";
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
	torrents_fail(x, status, why);
	return -1;
}

void
torrents_answer(const struct exchange *x, const char *bytes, const char *body,
    const struct request *r)
{
	struct torrent_key key = { .multi = r->kind == REQUEST_DIGEST };
	struct specs specs = { 0 };
	int status = 0;

	if (r->piece_auto)
		key.piece = PIECE_AUTO;
	else if (r->kind == REQUEST_SIMPLE)
		key.piece = (uint8_t)conf_simple_kind(x->service->conf);
	if (key.multi) {
		memcpy(key.digest, r->digest, SHA1_LEN);
		status = torrents_read_specs(x, body, r, &specs);
	} else {
		sha1(r->path, r->path_len, key.digest);
		status = specs_add(&specs, r->path, r->path_len);
		if (status == -1)
			torrents_fail(x, 500, no_memory);
	}
	if (status == 0)
		torrents_want(x, bytes, &key, &specs, r->kind);
	specs_free(&specs);
}
