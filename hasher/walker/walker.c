/* SPDX-License-Identifier: ISC */
/*
 * Walker: finds and opens the files of one document root.
 *
 * It runs as its own user in a chroot to the root; Landlock lets it read there,
 * and nothing else.  It may open files and directories there for reading.  The
 * front, which it does not trust, sends it specs and paths: it checks every
 * request and seals every answer.  It holds the root's descriptor, its two keys
 * of the seals, and a few walks through directories.  A break-in here wins all
 * files below the root that its user can read, also those that deny names, and
 * the power to seal untrue statements about paths of this root, and no other;
 * it cannot seal digests, write, connect or fork.
 */
#include <sys/param.h>
#include <sys/queue.h>

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/child.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/spec.h"
#include "common/turns.h"
#include "hasher/walker/glob.h"
#include "hasher/walker/match.h"
#include "hasher/walker/tree.h"

/* With more than this in the queue, no messages of the front are read. */
#define REQUESTS_MAX	1024
#define SPEC_BYTES_MAX	(16U << 20)
/* Messages of the front in a row, before the parent and the queue have one. */
#define BURST		64

#define RESOLUTION_US_MAX	2000000		/* own time, with globs */
#define PLAIN_US_MAX		(3 * TURN_US)
/* Active requests of each kind: bounds descriptors and memory.  In more than so
   many places each client has one. */
#define QUEUE_ACTIVE_MAX	8
#define QUEUE_ACTIVE_SHARED	4

/*
 * One request to resolve specs: collected from its parts, then resolved in
 * turns into a listing (common/listing.h).
 */
struct resolution {
	TAILQ_ENTRY(resolution)	 entry;
	uint64_t		 id;
	uint32_t		 client;	/* of its turns */
	uint32_t		 flags;		/* RESOLVE_EXPECT */
	uint8_t			 expect[SEAL_LEN];
	struct buf		 specs;		/* struct msg_spec items */
	bool			 globs;		/* has a spec with wildcards */
	/* State in the queue. */
	struct turn		 turn;
	bool			 active;
	bool			 waits;		/* to be active */
	bool			 slow;		/* MSG_SLOW was sent */
	/* Results so far. */
	struct buf		 listing;
	enum resolve_result	 result;	/* 0: not yet done */
	size_t			 at;		/* in specs */
	struct walk		 walk;
	bool			 in_glob;	/* of the spec at at */
	uint64_t		 used_us;
};
TAILQ_HEAD(resolutions, resolution);

/*
 * The queue of turns.  Requests without globs come first, unless they have had
 * three quarters of the time; those of one kind take turns, which go round by
 * client, and round the requests of a client.  A request that finds no place
 * among the active ones still gets one turn at once, because most requests need
 * only one, and starts again once it is active.
 */
struct line {
	struct turns		 ready;		/* active, or had no turn */
	struct turns		 waiting;	/* for a place */
	const struct resolution	*active[QUEUE_ACTIVE_MAX];
	unsigned		 nactive;
};

struct queue {
	struct line		 plain;
	struct line		 globs;
	uint64_t		 plain_us;	/* since the last turn of a
						   glob */
	struct resolutions	 all;
	unsigned		 count;
	size_t			 spec_bytes;	/* of all requests */
};

struct walker {
	struct child		 child;
	struct root		 root;
	struct queue		 queue;
	struct resolution	*partial;	/* parts are still to come */
	bool			 skipping;	/* parts of one request */
	uint64_t		 skipped_id;	/* that was cancelled */
	struct tree		 tree;
};

static struct resolution *
resolution_new(uint64_t id, uint32_t client)
{
	struct resolution	*r = calloc(1, sizeof(*r));

	if (r == NULL)
		fatal("no memory for a request");
	r->id = id;
	r->client = client;
	return r;
}

static void
resolution_free(struct resolution *r)
{
	if (r == NULL)
		return;
	glob_free(&r->walk);
	buf_free(&r->specs);
	buf_free(&r->listing);
	free(r);
}

/* 0, or -1: the specs are longer than a request may be. */
static int
resolution_add(struct resolution *r, const struct msg_resolve *body,
    const void *tail, size_t len)
{
	if (r->specs.len + len > RESOLVE_MAX)
		return -1;
	if (body->flags & RESOLVE_EXPECT) {
		r->flags |= RESOLVE_EXPECT;
		memcpy(r->expect, body->expect, SEAL_LEN);
	}
	if (buf_add(&r->specs, tail, len) == -1)
		fatal("no memory for a request");
	return 0;
}

/* Read the spec at r->at, which is unaligned.  1; 0 at the end; -1 if it is
   cut short. */
static int
next_spec(const struct resolution *r, struct msg_spec *spec,
    const char **bytes)
{
	size_t	 left = r->specs.len - r->at;

	if (left == 0)
		return 0;
	if (left < sizeof(*spec))
		return -1;
	memcpy(spec, r->specs.data + r->at, sizeof(*spec));
	if (spec->len == 0 || spec->len > left - sizeof(*spec))
		return -1;
	*bytes = (const char *)r->specs.data + r->at + sizeof(*spec);
	return 1;
}

static void
skip_spec(struct resolution *r, const struct msg_spec *spec)
{
	r->at += sizeof(*spec) + spec->len;
}

/*
 * 0, or -1: an honest front does not send such a path.  It begins with a
 * slash and has no NUL, no ".." and no "." component; a spec may have "."
 * components (spec) except as the last one.
 */
static int
check_path(const char *path, size_t len, bool spec)
{
	const char	*at = path, *end = path + len, *next;
	size_t		 n;

	if (len == 0 || len > SPEC_MAX || *at != '/' ||
	    memchr(path, '\0', len) != NULL)
		return -1;
	while (at < end) {
		at++;
		next = memchr(at, '/', (size_t)(end - at));
		n = (size_t)((next == NULL ? end : next) - at);
		if (n == 2 && memcmp(at, "..", 2) == 0)
			return -1;
		if (n == 1 && *at == '.' && (!spec || next == NULL))
			return -1;
		at += n;
	}
	return 0;
}

/* After the last part: 0, or -1: an honest front does not send such specs. */
static int
resolution_check(struct resolution *r)
{
	struct msg_spec	 spec;
	const char	*bytes;
	int64_t		 last = -1;
	int		 more;

	while ((more = next_spec(r, &spec, &bytes)) == 1) {
		if (check_path(bytes, spec.len, true) == -1 ||
		    spec.index <= last)
			return -1;
		last = spec.index;
		if (match_is_pattern(bytes, spec.len))
			r->globs = true;
		skip_spec(r, &spec);
	}
	r->at = 0;
	return more == -1 || last == -1 ? -1 : 0;
}

static void
add_spec(struct resolution *r, const struct msg_spec *spec,
    const char *bytes, enum path_status status, uint32_t files)
{
	if (listing_add_spec(&r->listing, spec->index, status, bytes,
	    spec->len, files) == -1)
		fatal("no memory for a listing");
	skip_spec(r, spec);
}

static void
add_file(struct resolution *r, const struct identity *id, const char *path,
    size_t len)
{
	if (listing_add_file(&r->listing, id, path, len) == -1)
		fatal("no memory for a listing");
}

/* Add a spec that is no glob: it names one file, or none. */
static void
add_single(struct resolution *r, const struct msg_spec *spec,
    const char *bytes, const char *path, size_t len, enum path_status status,
    const struct seen *seen)
{
	if (status != PATH_OK) {
		add_spec(r, spec, bytes, status, 0);
		return;
	}
	if (r->walk.files >= r->walk.root->conf->max_files) {
		r->result = RESOLVE_TOO_MANY_FILES;
		return;
	}
	r->walk.files++;
	r->walk.young |= seen->young;
	add_spec(r, spec, bytes, PATH_OK, 1);
	add_file(r, &seen->identity, path, len);
}

static void
add_glob(struct resolution *r, const struct msg_spec *spec, const char *bytes,
    struct glob_match *const *matches, uint32_t n)
{
	uint32_t	 i;

	r->in_glob = false;
	add_spec(r, spec, bytes, n > 0 ? PATH_OK : PATH_MISSING, n);
	for (i = 0; i < n; i++)
		add_file(r, &matches[i]->identity, matches[i]->path,
		    matches[i]->len);
}

static void
run_glob(struct resolution *r, const struct msg_spec *spec,
    const char *bytes)
{
	struct glob_match *const	*matches;
	uint32_t			 n;
	enum resolve_result		 result;

	result = glob_run(&r->walk, &matches, &n);
	if (result == RESOLVE_OK)
		add_glob(r, spec, bytes, matches, n);
	else
		r->result = result;
}

static void
begin_spec(struct resolution *r, const struct msg_spec *spec,
    const char *bytes)
{
	struct root	*root = r->walk.root;
	char		 path[SPEC_MAX];
	size_t		 len = spec_plain(bytes, spec->len, path);
	bool		 pattern = match_is_pattern(path, len);
	enum path_status admitted = root_admits(root, path, len), status;
	struct seen	 seen;

	/* During a reload the front may have the new configuration before this
	   walker: the answer is for a walker of another root to give. */
	if (admitted == PATH_MISSING) {
		r->result = RESOLVE_CANCELLED;
		return;
	}
	status = root_look(root, path, len, &seen);
	if (status == PATH_FAILED) {
		r->result = RESOLVE_FAILED;
		return;
	}
	/* A file's name may look like a pattern. */
	if (pattern && (status == PATH_MISSING || status == PATH_NOT_FILE)) {
		if (glob_begin(&r->walk, path, len) == -1)
			r->result = RESOLVE_BAD_PATTERN;
		r->in_glob = r->result == 0;
		return;
	}
	add_single(r, spec, bytes, path, len,
	    admitted == PATH_OK ? status : admitted, &seen);
}

static void
resolution_step(struct resolution *r)
{
	struct msg_spec	 spec;
	const char	*bytes;

	if (next_spec(r, &spec, &bytes) != 1)
		r->result = RESOLVE_OK;
	else if (r->in_glob)
		run_glob(r, &spec, bytes);
	else
		begin_spec(r, &spec, bytes);
}

/* One turn: work for TURN_US, and one directory entry or look-up more.  1 if
   it is done, so that result and listing are there. */
static int
resolution_run(struct resolution *r, struct root *root)
{
	uint64_t	 began_us = clock_us();

	r->walk.root = root;
	r->walk.turn_ends_us = began_us + TURN_US;
	do
		resolution_step(r);
	while (r->result == 0 && clock_us() < r->walk.turn_ends_us);
	root_forget(root);
	r->used_us += clock_us() - began_us;
	/* Requests without globs are bounded by max-paths. */
	if (r->globs && r->result == 0 && r->used_us > RESOLUTION_US_MAX)
		r->result = RESOLVE_TOO_LONG;
	return r->result != 0;
}

/* Reset everything but the time used to the state before the first turn. */
static void
resolution_rewind(struct resolution *r)
{
	glob_free(&r->walk);
	r->in_glob = false;
	buf_free(&r->listing);
	r->at = 0;
}

static void
queue_init(struct queue *q)
{
	turns_init(&q->plain.ready);
	turns_init(&q->plain.waiting);
	turns_init(&q->globs.ready);
	turns_init(&q->globs.waiting);
	TAILQ_INIT(&q->all);
}

static struct line *
line_of(struct queue *q, const struct resolution *r)
{
	return r->globs ? &q->globs : &q->plain;
}

static struct turns *
line_turns(struct line *line, const struct resolution *r)
{
	return r->waits ? &line->waiting : &line->ready;
}

static struct resolution *
resolution_of(const struct turn *turn)
{
	return turn == NULL ? NULL : (struct resolution *)(void *)
	    ((char *)(uintptr_t)turn - offsetof(struct resolution, turn));
}

/* Is there a place for this request among the active ones? */
static bool
line_has_place(const struct line *line, const struct resolution *r)
{
	unsigned	 i;

	if (line->nactive < QUEUE_ACTIVE_SHARED)
		return true;
	for (i = 0; i < line->nactive; i++)
		if (line->active[i]->client == r->client)
			return false;
	return line->nactive < QUEUE_ACTIVE_MAX;
}

static void
line_activate(struct line *line, struct resolution *r)
{
	line->active[line->nactive++] = r;
	r->active = true;
}

static void
line_deactivate(struct line *line, const struct resolution *r)
{
	unsigned	 i = 0;

	if (!r->active)
		return;
	while (line->active[i] != r)
		i++;
	line->active[i] = line->active[--line->nactive];
}

/* Give the places that are free to the clients that have waited longest. */
static void
line_fill(struct line *line)
{
	struct turns_line	*client, *next;
	struct resolution	*r;

	TAILQ_FOREACH_SAFE(client, &line->waiting.ring, entry, next) {
		r = resolution_of(TAILQ_FIRST(&client->work));
		if (!line_has_place(line, r))
			continue;
		turns_remove(&line->waiting, &r->turn);
		r->waits = false;
		line_activate(line, r);
		turns_add(&line->ready, &r->turn, r->client);
		turns_rotate(&line->waiting, client);
	}
}

static void
queue_add(struct queue *q, struct resolution *r)
{
	turns_add(&line_of(q, r)->ready, &r->turn, r->client);
	TAILQ_INSERT_TAIL(&q->all, r, entry);
	q->count++;
	q->spec_bytes += r->specs.len;
}

static struct resolution *
queue_find(const struct queue *q, uint64_t id)
{
	struct resolution	*r;

	TAILQ_FOREACH(r, &q->all, entry)
		if (r->id == id)
			break;
	return r;
}

/* The request that has the next turn, or NULL. */
static struct resolution *
queue_next(const struct queue *q)
{
	struct turn	*plain = turns_first(&q->plain.ready);
	struct turn	*glob = turns_first(&q->globs.ready);

	return resolution_of(plain == NULL || (glob != NULL &&
	    q->plain_us >= PLAIN_US_MAX) ? glob : plain);
}

/* After a turn of this many microseconds: other clients come first, and then
   the other requests of this one. */
static void
queue_rotate(struct queue *q, struct resolution *r, uint64_t us)
{
	struct line		*line = line_of(q, r);
	struct turns_line	*client = r->turn.line;

	if (r->globs || turns_first(&q->globs.ready) == NULL)
		q->plain_us = 0;
	else
		q->plain_us += us;
	turns_remove(&line->ready, &r->turn);
	if (r->result == 0 && !r->active) {
		if (line_has_place(line, r))
			line_activate(line, r);
		else {
			/* Only active requests keep memory and
			   descriptors. */
			resolution_rewind(r);
			r->waits = true;
		}
	}
	turns_add(line_turns(line, r), &r->turn, r->client);
	turns_rotate(&line->ready, client);
}

/* Frees the request. */
static void
queue_remove(struct queue *q, struct resolution *r)
{
	struct line	*line = line_of(q, r);

	turns_remove(line_turns(line, r), &r->turn);
	TAILQ_REMOVE(&q->all, r, entry);
	line_deactivate(line, r);
	q->count--;
	q->spec_bytes -= r->specs.len;
	resolution_free(r);
	line_fill(line);
}

static void
queue_clear(struct queue *q)
{
	struct resolution	*r;

	while ((r = TAILQ_FIRST(&q->all)) != NULL)
		queue_remove(q, r);
}

/* Drop all requests of the front. */
static void
walker_on_front_closed(void *owner)
{
	struct walker	*w = owner;

	queue_clear(&w->queue);
	resolution_free(w->partial);
	w->partial = NULL;
	w->skipping = false;
	tree_free(&w->tree);
}

static const uint8_t *
walker_key(const struct walker *w, enum seal_pair pair)
{
	return seal_key(&w->child.keys, pair, 0);
}

/* 0, or -1: the front has closed its channel. */
static int
walker_send_result(struct walker *w, const struct resolution *r,
    enum resolve_result result, const uint8_t *sha)
{
	struct msg_resolved	 body;

	memset(&body, 0, sizeof(body));
	body.id = r->id;
	body.result = result;
	body.flags = sha != NULL && r->walk.young ? RESOLVED_YOUNG : 0;
	body.used_us = (uint32_t)MIN(r->used_us, UINT32_MAX);
	if (sha != NULL) {
		memcpy(body.listing_sha256, sha, SEAL_LEN);
		seal_listing(walker_key(w, SEAL_WALKER_CACHE), sha, body.seal);
	}
	return msg_send_wait(&w->child.front, MSG_RESOLVED, &body, NULL, 0,
	    NULL, 0);
}

static int
walker_send_listing(struct walker *w, const struct resolution *r)
{
	struct msg_id	 body;
	size_t		 at, n;

	memset(&body, 0, sizeof(body));
	body.id = r->id;
	for (at = 0; at < r->listing.len; at += n) {
		n = r->listing.len - at;
		if (n > MSG_TAIL_MAX)
			n = MSG_TAIL_MAX;
		if (msg_send_wait(&w->child.front, MSG_LISTING, &body,
		    r->listing.data + at, n, NULL, 0) == -1)
			return -1;
	}
	return 0;
}

static int
walker_answer(struct walker *w, const struct resolution *r)
{
	uint8_t	 sha[SEAL_LEN];

	w->child.counts[COUNT_RESOLVED]++;
	if (r->result != RESOLVE_OK)
		return walker_send_result(w, r, r->result, NULL);
	sha256(r->listing.data, r->listing.len, sha);
	if ((r->flags & RESOLVE_EXPECT) &&
	    memcmp(sha, r->expect, SEAL_LEN) == 0)
		return walker_send_result(w, r, RESOLVE_SAME, sha);
	if (walker_send_listing(w, r) == -1)
		return -1;
	return walker_send_result(w, r, RESOLVE_OK, sha);
}

static int
walker_send_slow(struct walker *w, struct resolution *r)
{
	struct msg_id	 body;

	if (!r->globs || r->slow)
		return 0;
	r->slow = true;
	memset(&body, 0, sizeof(body));
	body.id = r->id;
	return msg_send_wait(&w->child.front, MSG_SLOW, &body, NULL, 0, NULL,
	    0);
}

/* A turn of the tree. */
static void
walker_walk(struct walker *w)
{
	struct tree	*t = &w->tree;

	if (tree_run(t, &w->root, TURN_US) == 1 &&
	    msg_send_wait(&w->child.front, MSG_WALKED, &t->answer,
	    t->tail.data, t->tail.len, NULL, 0) == -1)
		child_close_front(&w->child);
}

static void
walker_work(struct walker *w)
{
	struct resolution	*r = queue_next(&w->queue);
	uint64_t		 used_us;
	int			 sent;
	bool			 done;

	/* Clients do not wait for a tree, but for the rest of its turn. */
	if (r == NULL && w->tree.asked)
		walker_walk(w);
	if (r == NULL)
		return;
	used_us = r->used_us;
	done = resolution_run(r, &w->root);
	queue_rotate(&w->queue, r, r->used_us - used_us);
	if (done) {
		sent = walker_answer(w, r);
		queue_remove(&w->queue, r);
	} else
		sent = walker_send_slow(w, r);
	if (sent == -1)
		child_close_front(&w->child);
}

static enum msg_fault
walker_on_resolve(struct walker *w, const struct msg *msg)
{
	const struct msg_resolve	*body = msg->body;
	struct resolution		*r = w->partial;
	bool				 more = body->flags & PART_MORE;

	if (w->skipping && body->id == w->skipped_id) {
		w->skipping = more;
		return FAULT_NONE;
	}
	if (r == NULL) {
		if (queue_find(&w->queue, body->id) != NULL)
			return FAULT_CONTENT;
		r = w->partial = resolution_new(body->id, body->client);
	}
	if (r->id != body->id ||
	    resolution_add(r, body, msg->tail, msg->tail_len) == -1)
		return FAULT_CONTENT;
	if (more)
		return FAULT_NONE;
	w->partial = NULL;
	if (resolution_check(r) == -1) {
		resolution_free(r);
		return FAULT_CONTENT;
	}
	queue_add(&w->queue, r);
	return FAULT_NONE;
}

static enum msg_fault
walker_on_cancel(struct walker *w, const struct msg *msg)
{
	const struct msg_id	*body = msg->body;
	struct resolution	*r = queue_find(&w->queue, body->id);
	int			 sent;

	if (w->partial != NULL && w->partial->id == body->id) {
		r = w->partial;
		w->skipping = true;
		w->skipped_id = r->id;
	}
	if (r == NULL)
		return FAULT_NONE;	/* its answer is on the way */
	sent = walker_send_result(w, r, RESOLVE_CANCELLED, NULL);
	if (r == w->partial) {
		resolution_free(r);
		w->partial = NULL;
	} else
		queue_remove(&w->queue, r);
	if (sent == -1)
		child_close_front(&w->child);
	return FAULT_NONE;
}

/* The paths in the tail of MSG_OPEN. */
struct paths {
	const char	*p[MSG_FDS_MAX];
	uint32_t	 len[MSG_FDS_MAX];
	uint32_t	 n;
};

static int
paths_parse(struct paths *paths, const struct msg *msg)
{
	const struct msg_open	*body = msg->body;
	const uint8_t		*at = msg->tail, *end = at + msg->tail_len;
	struct msg_path		 path;

	if (body->count == 0 || body->count > MSG_FDS_MAX)
		return -1;
	for (paths->n = 0; paths->n < body->count; paths->n++) {
		if ((size_t)(end - at) < sizeof(path))
			return -1;
		memcpy(&path, at, sizeof(path));
		at += sizeof(path);
		if ((size_t)(end - at) < path.len ||
		    check_path((const char *)at, path.len, false) == -1)
			return -1;
		paths->p[paths->n] = (const char *)at;
		paths->len[paths->n] = path.len;
		at += path.len;
	}
	return at == end ? 0 : -1;
}

/* 1 if the file was opened as *fd. */
static int
walker_open(struct walker *w, const char *path, uint32_t len,
    struct msg_opened_item *item, int *fd)
{
	struct seen	 seen;

	memset(item, 0, sizeof(*item));
	item->status = root_admits(&w->root, path, len);
	if (item->status == PATH_OK)
		item->status = root_open(&w->root, path, len, 0, &seen, fd);
	if (item->status != PATH_OK) {
		w->child.counts[COUNT_NOT_OPENED]++;
		return 0;
	}
	w->child.counts[COUNT_OPENED]++;
	item->identity = seen.identity;
	seal_path(root_prefix(&w->root), path, len, item->path_sum);
	seal_file(walker_key(w, SEAL_WALKER_CACHE), item->path_sum,
	    &item->identity, item->for_cache);
	seal_file(walker_key(w, SEAL_WALKER_HASHER), item->path_sum,
	    &item->identity, item->for_hasher);
	return 1;
}

static enum msg_fault
walker_on_open(struct walker *w, const struct msg *msg)
{
	const struct msg_open	*body = msg->body;
	struct msg_opened_item	 items[MSG_FDS_MAX];
	struct msg_opened	 opened;
	struct paths		 paths;
	int			 fds[MSG_FDS_MAX], nfds = 0, sent;
	uint32_t		 i;

	if (paths_parse(&paths, msg) == -1)
		return FAULT_CONTENT;
	memset(&opened, 0, sizeof(opened));
	opened.id = body->id;
	opened.count = paths.n;
	for (i = 0; i < paths.n; i++)
		nfds += walker_open(w, paths.p[i], paths.len[i], &items[i],
		    &fds[nfds]);
	root_forget(&w->root);
	sent = msg_send_wait(&w->child.front, MSG_OPENED, &opened, items,
	    paths.n * sizeof(items[0]), fds, nfds);
	while (nfds > 0)
		close(fds[--nfds]);
	if (sent == -1)
		child_close_front(&w->child);
	return FAULT_NONE;
}

static enum msg_fault
walker_on_walk(struct walker *w, const struct msg *msg)
{
	return tree_ask(&w->tree, msg);
}

static bool
walker_has_room(void *owner)
{
	const struct walker	*w = owner;

	return w->queue.count < REQUESTS_MAX &&
	    w->queue.spec_bytes < SPEC_BYTES_MAX;
}

static void
walker_count(void *owner)
{
	struct walker	*w = owner;

	w->child.counts[COUNT_RESOLVING] = w->queue.count;
}

static void
walker_configure(struct walker *w)
{
	const struct conf	*old = w->child.previous;

	/* A working parent never sends this: a retired walker gets no CONF. */
	if (w->child.index >= w->child.conf->nroots)
		_exit(0);
	w->root.conf = w->child.conf;
	w->root.index = w->child.index;
	/* Requests of the old configuration must not be answered by the new
	   one: the front closes its end too, and gets a new channel. */
	if (old != NULL && (!conf_same_roots(old, w->child.conf) ||
	    !conf_same_params(old, w->child.conf)))
		child_close_front(&w->child);
}

static enum msg_fault
walker_on_conf(struct walker *w, const struct msg *msg)
{
	if (child_on_conf(&w->child, msg))
		walker_configure(w);
	return FAULT_NONE;
}

static enum msg_fault
walker_on_key(struct walker *w, const struct msg *msg)
{
	return child_on_key(&w->child, msg);
}

static enum msg_fault
walker_on_channel(struct walker *w, struct msg *msg)
{
	return child_on_channel(&w->child, msg);
}

static enum msg_fault
walker_on_status(const struct walker *w, const struct msg *msg)
{
	const uint64_t	*n = w->child.counts;

	(void)msg;
	log_info("%s: %" PRIu64 " requests resolved, %u under way, %" PRIu64
	    " files opened, %" PRIu64 " not opened (missing or refused)",
	    w->root.conf->roots[w->root.index].dir, n[COUNT_RESOLVED],
	    w->queue.count, n[COUNT_OPENED], n[COUNT_NOT_OPENED]);
	return FAULT_NONE;
}

static enum msg_fault
walker_on_mounts(struct walker *w, const struct msg *msg)
{
	const struct msg_mounts	*body = msg->body;

	mounts_changed(&w->root.mounts, body->changes);
	return FAULT_NONE;
}

/* The messages that a walker is sent. */
#define WALKER_HANDLERS(X)						\
	X(CONF, walker_on_conf)						\
	X(KEY, walker_on_key)						\
	X(CHANNEL, walker_on_channel)					\
	X(STATUS, walker_on_status)					\
	X(MOUNTS, walker_on_mounts)					\
	X(RESOLVE, walker_on_resolve)					\
	X(CANCEL, walker_on_cancel)					\
	X(OPEN, walker_on_open)						\
	X(WALK, walker_on_walk)

CHANNEL_DISPATCH(walker_on_message, struct walker, WALKER_HANDLERS,
    PARENT | FRONT, WALKER);

static const struct child_ops walker_ops = {
	.message = walker_on_message,
	.has_room = walker_has_room,
	.front_closed = walker_on_front_closed,
	.at_once = BURST,
	.count = walker_count,
};

static void
walker_wait(struct walker *w)
{
	unsigned	 n;

	n = child_wait(&w->child, w->queue.count > 0 || w->tree.asked ? 0 :
	    -1);
	/* The front may have sent its request because of a change of mounts:
	   read MSG_MOUNTS first where their numbers are used again. */
	if (n > 0 && w->root.mounts.reused)
		(void)child_receive_parent(&w->child);
}

static void
walker_selftest(void *owner, int dirfd)
{
	struct walker	*w = owner;

	w->root.fd = dirfd;
	root_start(&w->root, &w->child.ready);
}

void
walker_main(void)
{
	static struct walker	 w;

	child_start(&w.child, ROLE_WALKER, &walker_ops, &w);
	queue_init(&w.queue);
	w.root.fd = w.root.parent_fd = -1;
	walker_configure(&w);
	child_confine(&w.child, w.child.conf->roots[w.child.index].dir, 0,
	    walker_selftest);
	for (;;) {
		walker_wait(&w);
		walker_work(&w);
	}
}
