/* SPDX-License-Identifier: ISC */
/*
 * A part of the walk, as a walker sends it, becomes a struct warm_part; the
 * cache is asked for its files; those that it does not have are hashed, and
 * their pieces stored by hashq.c as any others.  A part is dropped once it is
 * the oldest and all its files are done.
 *
 * WARM_CHECK hashes those that the cache has, and compares; a part has a round
 * for each piece length.  One that differs waits until it is purged, so that
 * nobody has to note it meanwhile.
 */
#include <sys/param.h>

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/seal.h"
#include "common/torrent.h"
#include "common/tree_path.h"
#include "pkgtorrentd/front/job/warm_part.h"

/* Files with the hashers, so that their batches are full; and the pieces of
   these, or one file. */
#define WANTED_MAX	512
#define WANTED_PIECES	((8U << 20) / SHA1_LEN)
#define FAILURE_LOG_MS	60000

static bool
warm_is_running(const struct warm *w)
{
	return w->report.state == WARM_RUNNING;
}

static void
warm_go_on(struct warm *w)
{
	event_active(w->ev, EV_TIMEOUT, 1);
}

/*
 * The walk: which root is next, and what is asked of its walker.
 */

/* Go to the first root in the tree whose prefix comes after this path.  False:
   there is none. */
static bool
warm_next_root(struct warm *w, struct str path)
{
	const struct conf *conf = warm_conf(w);
	struct str prefix, best = { 0 };
	size_t i;

	for (i = 0; i < conf->nroots; i++) {
		prefix = warm_root_prefix(conf, i);
		if (!tree_path_is_in(prefix, warm_tree(w)) ||
		    tree_path_compare(prefix, path) <= 0 || (best.p != NULL &&
		    tree_path_compare(prefix, best) > 0))
			continue;
		best = prefix;
		w->root = (uint32_t)i;
	}
	w->after_len = 0;
	return best.p != NULL;
}

/* Begin to walk after the position. */
static void
warm_begin_walk(struct warm *w)
{
	struct str at = { w->position, w->position_len };
	int root;

	if (at.len == 0)
		at = warm_tree(w);
	root = conf_root_of(warm_conf(w), at.p, at.len);
	w->walked = root == -1 && !warm_next_root(w, at);
	if (root == -1)
		return;
	w->root = (uint32_t)root;
	memcpy(w->after, w->position, w->position_len);
	w->after_len = w->position_len;
}

static void
warm_send_walk(struct ask *ask)
{
	struct warm *w = ask->owner;
	struct msg_walk body = { .id = w->walk_id,
	    .after_len = (uint32_t)w->after_len };
	struct str tree = warm_root_tree(w);
	char tail[2 * SPEC_MAX], *end;

	body.tree_len = (uint32_t)tree.len;
	end = mempcpy(mempcpy(tail, tree.p, tree.len), w->after,
	    w->after_len);
	worker_send(ask->worker, MSG_WALK, &body, tail, (size_t)(end - tail),
	    NULL, 0);
}

static void
warm_ask_walker(struct warm *w)
{
	if (w->walked || w->walk.worker != NULL ||
	    w->files + WALK_FILES_MAX > WARM_FILES_MAX ||
	    w->bytes + MSG_TAIL_MAX > WARM_BYTES_MAX)
		return;
	w->walk_id = ++w->workers->last_id;
	w->walk_ms = clock_coarse_ms();
	ask_start(&w->walk, &w->workers->walkers[w->root]);
}

/*
 * How it begins and ends.
 */

/* Drop all files.  A walker may still owe an answer. */
static void
warm_drop(struct warm *w)
{
	struct warm_part *part;

	while ((part = TAILQ_FIRST(&w->parts)) != NULL)
		warm_part_free(w, part);
	w->looked_up = NULL;
	w->wanted = w->different = 0;
	w->wanted_pieces = 0;
	ask_end(&w->lookup);
	sum_end(w->sum, NULL);
	w->sum = NULL;
	if (w->group != NULL)
		hash_group_release(w->hashq, w->group);
	w->group = NULL;
	w->stale = w->walk.worker != NULL;
}

/* The first file of this state.  NULL: there is none. */
static const struct warm_file *
warm_find(const struct warm *w, enum warm_file_state state)
{
	const struct warm_part *part;
	uint32_t i;

	TAILQ_FOREACH(part, &w->parts, entry)
		for (i = part->first; i < part->n; i++)
			if (part->files[i].state == state)
				return &part->files[i];
	return NULL;
}

/* The first file that differs, or that the hashers have, or will have. */
static struct str
warm_at_hand(const struct warm *w)
{
	const struct warm_part *part = TAILQ_FIRST(&w->parts);
	const struct warm_file *file = NULL;

	if (w->different > 0)
		file = warm_find(w, WARM_BAD);
	else if (w->wanted > 0)
		file = warm_find(w, WARM_WANTED);
	else if (part != NULL && part->first < part->n)
		file = &part->files[part->first];
	return file != NULL ? file->path : (struct str){ 0 };
}

/* The parent may be busy: then the next tick tells it. */
static void
warm_tell(struct warm *w)
{
	struct msg_warmed report = w->report;
	char tail[2 * SPEC_MAX], *end;
	struct str at_hand;

	if (w->told)
		return;
	at_hand = warm_at_hand(w);
	report.position_len = (uint32_t)w->position_len;
	report.at_hand_len = (uint32_t)at_hand.len;
	report.cache_size = warm_conf(w)->cache_size;
	if (w->different > 0)
		report.state = WARM_DIFFERS;
	if (w->mode == WARM_COUNT)
		report.need = need_cache_size(&w->need);
	if (w->group != NULL)
		report.done_bytes += w->group->partial;
	end = mempcpy(tail, w->position, w->position_len);
	if (at_hand.len > 0)
		end = mempcpy(end, at_hand.p, at_hand.len);
	w->told = msg_send(&w->workers->child->parent, MSG_WARMED, &report,
	    tail, (size_t)(end - tail), NULL, 0) == 0;
}

static void
warm_log_end(const struct warm *w)
{
	const struct msg_warmed *r = &w->report;
	const char *part = r->state == WARM_DONE ? "" : " in part";
	char tree[512];

	(void)log_escape(tree, sizeof(tree), w->tree_len == 0 ? "/" : w->tree,
	    MAX(w->tree_len, 1));
	if (w->mode == WARM_HASH)
		log_info("warmed \"%s\"%s: %ju files of %ju bytes, of these "
		    "%ju in the cache, %ju hashed, %ju skipped; %ju could not "
		    "be read", tree, part, (uintmax_t)r->files,
		    (uintmax_t)r->bytes, (uintmax_t)r->found,
		    (uintmax_t)r->hashed, (uintmax_t)r->skipped,
		    (uintmax_t)r->failed);
	else if (w->mode == WARM_CHECK)
		log_info("checked \"%s\"%s: %ju files of %ju bytes, of these "
		    "%ju as remembered, %ju wrong, %ju skipped; %ju could not "
		    "be read", tree, part, (uintmax_t)r->files,
		    (uintmax_t)r->bytes, (uintmax_t)(r->hashed + r->found),
		    (uintmax_t)r->bad, (uintmax_t)r->skipped,
		    (uintmax_t)r->failed);
}

static void
warm_end(struct warm *w, enum warm_state state)
{
	warm_drop(w);
	w->report.state = state;
	w->told = false;
	warm_log_end(w);
	warm_tell(w);
}

/* Take the paths of MSG_WARM.  0, or -1: there can be no such tree. */
static int
warm_set_tree(struct warm *w, struct str tree, struct str after)
{
	if (tree.len == 1 && tree.p[0] == '/')
		tree.len = 0;
	else if (!tree_path_is_plain(tree))
		return -1;
	if (after.len > 0 && (!tree_path_is_plain(after) ||
	    !tree_path_is_in(after, tree)))
		return -1;
	memcpy(w->tree, tree.p, tree.len);
	w->tree_len = tree.len;
	memcpy(w->position, after.p, after.len);
	w->position_len = after.len;
	return 0;
}

enum msg_fault
warm_on_warm(struct warm *w, const struct msg *m)
{
	const struct msg_warm *body = m->body;
	const char *at = (const char *)m->tail;
	struct str tree = { at, body->tree_len };
	struct str after = { at + body->tree_len, body->after_len };

	if (tree.len + after.len != m->tail_len)
		return FAULT_CONTENT;
	if (warm_is_running(w))
		warm_end(w, WARM_STOPPED);
	if (tree.len == 0)
		return FAULT_NONE;
	if (body->mode < WARM_HASH || body->mode > WARM_CHECK)
		return FAULT_CONTENT;
	memset(&w->report, 0, sizeof(w->report));
	memset(&w->need, 0, sizeof(w->need));
	w->mode = body->mode;
	w->report.id = body->id;
	w->report.state = WARM_RUNNING;
	w->told = w->anything = false;
	w->position_len = w->tree_len = 0;
	if (warm_set_tree(w, tree, after) == -1) {
		warm_end(w, WARM_MISSING);
		return FAULT_NONE;
	}
	warm_begin_walk(w);
	warm_go_on(w);
	return FAULT_NONE;
}

void
warm_restart(struct warm *w)
{
	struct warm_part *part;

	if (warm_is_running(w)) {
		TAILQ_FOREACH(part, &w->parts, entry)
			warm_part_uncount(w, part);
		warm_drop(w);
		warm_begin_walk(w);
		warm_go_on(w);
	}
	/* With its channel the walker's debt has gone. */
	w->stale = false;
}

/*
 * The walker's answers.
 */

/* Where the walk goes on. */
static void
warm_advance(struct warm *w, const struct warm_part *part,
    enum walk_result result)
{
	if (result != WALK_NOTHING)
		w->anything = true;
	if (result != WALK_MORE) {
		w->walked = !warm_next_root(w, warm_root_tree(w));
		return;
	}
	if (part->position.len > 0)
		memcpy(w->after, part->position.p, part->position.len);
	w->after_len = part->position.len;
}

enum msg_fault
warm_on_walked(struct warm *w, struct worker *from, const struct msg *m)
{
	const struct msg_walked *body = m->body;
	struct warm_part *part;

	if (from != w->walk.worker || !w->walk.out || body->id != w->walk_id ||
	    body->count > WALK_FILES_MAX || body->result < WALK_MORE ||
	    body->result > WALK_NOTHING)
		return FAULT_CONTENT;
	if (w->stale) {
		w->stale = false;
		ask_end(&w->walk);
		warm_go_on(w);
		return FAULT_NONE;
	}
	part = warm_part_new(w, m);
	if (part == NULL)
		return FAULT_CONTENT;
	ask_end(&w->walk);
	warm_part_add(w, part);
	warm_advance(w, part, body->result);
	warm_go_on(w);
	return FAULT_NONE;
}

/* Two walkers in a row have ended over this part. */
static void
warm_convict_walk(struct ask *ask)
{
	struct warm *w = ask->owner;
	char after[512];

	/* The next question is another one. */
	ask->suspect = false;
	if (w->stale) {
		w->stale = false;
		warm_go_on(w);
		return;
	}
	log_warn("a walker ended twice over the walk of a tree, after \"%s\"",
	    log_escape(after, sizeof(after), w->after, w->after_len));
	warm_end(w, WARM_FAILED);
}

/*
 * The cache.
 */

static void
warm_send_lookup(struct ask *ask)
{
	struct warm *w = ask->owner;
	struct msg_get_pieces body = { .id = w->lookup_id,
	    .piece_len = w->looked_up->piece_len,
	    .client = (uint32_t)w->lookup_id };
	struct warm_part *part = w->looked_up;
	struct msg_file item = { 0 };
	struct buf tail = { 0 };
	struct warm_file *file;

	sum_end(w->sum, NULL);
	w->sum = NULL;
	if (buf_reserve(&tail, part->tail.len) == NULL)
		fatal("out of memory");
	for (; item.index < part->n; item.index++) {
		file = &part->files[item.index];
		if (file->state != WARM_ASKED)
			continue;
		file->got = 0;
		item.len = (uint32_t)file->path.len;
		item.identity = file->identity;
		(void)buf_add(&tail, &item, sizeof(item));
		(void)buf_add(&tail, file->path.p, file->path.len);
		body.count++;
	}
	worker_send(ask->worker, MSG_GET_PIECES, &body, tail.data, tail.len,
	    NULL, 0);
	buf_free(&tail);
}

/* Ask for one part at a time. */
static void
warm_look_up(struct warm *w)
{
	struct warm_part *part;

	TAILQ_FOREACH(part, &w->parts, entry)
		if (!part->known)
			break;
	if (part == NULL || w->looked_up != NULL ||
	    recheck_is_full(w->recheck) || worker_is_full(&w->workers->cache))
		return;
	w->looked_up = part;
	w->lookup_id = ++w->workers->last_id;
	w->lookup_ms = clock_coarse_ms();
	ask_start(&w->lookup, &w->workers->cache);
}

static void
warm_end_lookup(struct warm *w)
{
	w->looked_up->known = true;
	w->looked_up = NULL;
	ask_end(&w->lookup);
	warm_go_on(w);
}

/* Two caches in a row have ended over these files. */
static void
warm_convict_lookup(struct ask *ask)
{
	struct warm *w = ask->owner;

	ask->suspect = false;
	warm_part_fail(w, w->looked_up);
	warm_end_lookup(w);
}

bool
warm_awaits_pieces(const struct warm *w, uint64_t id)
{
	return w->looked_up != NULL && w->lookup.out && w->lookup_id == id;
}

enum msg_fault
warm_on_pieces(struct warm *w, const struct msg *m)
{
	const struct msg_pieces *body = m->body;
	const uint8_t *at = m->tail, *end = at + m->tail_len;
	struct msg_pieces_item item;
	uint32_t n;

	for (n = body->count; n > 0; n--) {
		if ((size_t)(end - at) < sizeof(item))
			return FAULT_CONTENT;
		memcpy(&item, at, sizeof(item));
		at += sizeof(item);
		if ((size_t)(end - at) / SHA1_LEN < item.count ||
		    warm_part_take_item(w, &item, at) == -1)
			return FAULT_CONTENT;
		at += (size_t)item.count * SHA1_LEN;
	}
	if (w->looked_up->unanswered == 0)
		warm_end_lookup(w);
	return FAULT_NONE;
}

/*
 * The hashers.
 */

/* The mirror's administrator should learn of a file that cannot be read. */
static void
warm_log_failure(struct warm *w, struct str path)
{
	char text[512];

	if (log_once(&w->failure_log_ms, FAILURE_LOG_MS, clock_coarse_ms()))
		log_warn("\"%s\" cannot be hashed: it fails to be read; look "
		    "at the disk", log_escape(text, sizeof(text), path.p,
		    path.len));
}

/* The pieces of a file that the cache has, too: a round is over for it, or the
   remembered ones are wrong. */
static void
warm_compare(struct warm *w, struct warm_file *file,
    const struct pieces *pieces)
{
	uint8_t sum[SEAL_LEN];
	char path[512];

	sha256(pieces->digests, (size_t)pieces->count * SHA1_LEN, sum);
	file->checked = true;
	if (memcmp(sum, file->sum, sizeof(sum)) == 0) {
		file->state = WARM_SAME;
		return;
	}
	file->state = WARM_BAD;
	w->different++;
	w->told = false;
	log_error("the remembered pieces of \"%s\" are wrong, or a hasher has "
	    "hashed it wrongly now; they are purged",
	    log_escape(path, sizeof(path), file->path.p, file->path.len));
}

static void
warm_on_hashed(struct hash_waiter *waiter, const struct hash_result *result)
{
	struct warm_file *file = (struct warm_file *)(void *)waiter;
	struct warm *w = waiter->owner;

	w->wanted--;
	w->wanted_pieces -= file->got;
	if (result->status == HASH_FAILED) {
		warm_log_failure(w, file->path);
		warm_file_end(w, file, &w->report.failed);
	} else if (result->status != HASH_OK || !result->settled)
		warm_file_end(w, file, &w->report.skipped);
	else if (w->mode == WARM_CHECK)
		warm_compare(w, file, result->pieces);
	else {
		warm_file_end(w, file, &w->report.hashed);
		w->report.hashed_bytes += file->identity.size;
	}
	warm_go_on(w);
}

/* false: the hashers have enough of them. */
static bool
warm_want_file(struct warm *w, struct warm_file *file, uint32_t piece_len)
{
	uint64_t pieces = torrent_digests(file->identity.size, piece_len);

	if (w->wanted == WANTED_MAX || (w->wanted > 0 &&
	    w->wanted_pieces + pieces > WANTED_PIECES))
		return false;
	if (w->group == NULL &&
	    (w->group = hash_group_new(HASH_BACKGROUND)) != NULL)
		w->group->compares = w->mode == WARM_CHECK;
	file->waiter.owner = w;
	file->waiter.done = warm_on_hashed;
	if (w->group == NULL || hashq_want(w->hashq, w->group, &file->waiter,
	    file->path.p, file->path.len, &file->identity,
	    piece_len) == -1) {
		warm_file_end(w, file, &w->report.failed);
		return true;
	}
	file->state = WARM_WANTED;
	file->got = (uint32_t)pieces;
	w->wanted++;
	w->wanted_pieces += pieces;
	return true;
}

static void
warm_hash(struct warm *w)
{
	const struct worker *cache = &w->workers->cache;
	struct warm_part *part;

	/* Hashing for a cache that takes nothing would be in vain. */
	if (cache->ch.fd == -1 || !worker_may_be_told(cache))
		return;
	TAILQ_FOREACH(part, &w->parts, entry) {
		if (!part->known)
			break;
		for (; part->next < part->n; part->next++)
			if (part->files[part->next].state == WARM_TO_HASH &&
			    !warm_want_file(w, &part->files[part->next],
			    part->piece_len))
				goto out;
	}
out:
	hashq_run(w->hashq);
}

/* Move the position behind all files that are done. */
static void
warm_settle(struct warm *w)
{
	struct warm_part *part;
	struct str at;

	while ((part = TAILQ_FIRST(&w->parts)) != NULL) {
		at = warm_part_settle(w, part);
		if (part->first == part->n && part->known &&
		    part->position.len > 0)
			at = part->position;
		if (at.len > 0)
			memcpy(w->position, at.p, at.len);
		if (at.len > 0)
			w->position_len = at.len;
		if (part->first < part->n || !part->known)
			break;
		w->report.failed += part->left_out;
		warm_part_free(w, part);
	}
}

static void
warm_run(evutil_socket_t fd, short events, void *arg)
{
	struct warm *w = arg;

	(void)fd;
	(void)events;
	if (!warm_is_running(w))
		return;
	warm_settle(w);
	if (w->walked && TAILQ_EMPTY(&w->parts)) {
		warm_end(w, w->anything ? WARM_DONE : WARM_MISSING);
		return;
	}
	warm_ask_walker(w);
	warm_look_up(w);
	warm_hash(w);
}

void
warm_on_purged(struct warm *w, struct str path)
{
	struct warm_part *part;
	uint32_t i;

	TAILQ_FOREACH(part, &w->parts, entry)
		for (i = part->first; w->different > 0 && i < part->n; i++)
			if (part->files[i].state == WARM_BAD &&
			    tree_path_is_in(part->files[i].path, path))
				warm_file_end(w, &part->files[i],
				    &w->report.bad);
	if (warm_is_running(w))
		warm_go_on(w);
}

void
warm_tick(struct warm *w, uint64_t cache_silent_ms, uint64_t walker_silent_ms)
{
	if (warm_is_running(w)) {
		w->told = false;
		warm_go_on(w);
	}
	if (w->looked_up != NULL)
		worker_watch_answer(&w->workers->cache, w->lookup_ms,
		    cache_silent_ms, MSG_GET_PIECES);
	if (w->walk.out)
		worker_watch_answer(w->walk.worker, w->walk_ms,
		    walker_silent_ms, MSG_WALK);
	warm_tell(w);
}

int
warm_init(struct warm *w, struct event_base *base, struct workers *workers,
    struct hashq *hashq, struct recheck *recheck)
{
	memset(w, 0, sizeof(*w));
	w->workers = workers;
	w->hashq = hashq;
	w->recheck = recheck;
	w->told = true;
	w->walk = (struct ask){ .owner = w, .send = warm_send_walk,
	    .convict = warm_convict_walk };
	w->lookup = (struct ask){ .owner = w, .send = warm_send_lookup,
	    .convict = warm_convict_lookup };
	TAILQ_INIT(&w->parts);
	w->ev = event_new(base, -1, 0, warm_run, w);
	return w->ev == NULL ? -1 : 0;
}
