/* SPDX-License-Identifier: ISC */
/*
 * A part of the walk, as a walker sends it, becomes a struct warm_part; the
 * cache is asked for its files; those that it does not have are hashed, and
 * their pieces stored by hashq.c as any others.  A part is dropped once it is
 * the oldest and all its files are done.
 */
#include <sys/param.h>

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/torrent.h"
#include "common/tree_path.h"
#include "pkgtorrentd/front/job/warm.h"

/* Files with the hashers, so that their batches are full; and the pieces of
   these, or one file. */
#define WANTED_MAX	512
#define WANTED_PIECES	((8U << 20) / SHA1_LEN)
#define FAILURE_LOG_MS	60000

enum warm_file_state {
	WARM_ASKED,		/* the cache will answer, … */
	WARM_UNKNOWN,		/* … and does not have it */
	WARM_WANTED,		/* of the hashers */
	WARM_COUNTED		/* done */
};

struct warm_file {
	struct hash_waiter	 waiter;
	enum warm_file_state	 state;
	uint32_t		 got;		/* digests, from the cache */
	uint64_t		*count;		/* that it is counted in */
	struct identity		 identity;
	struct str		 path;		/* in the part's tail */
};

struct warm_part {
	TAILQ_ENTRY(warm_part)	 entry;
	bool			 known;		/* the cache has answered */
	uint32_t		 n;
	uint32_t		 first;		/* not done, if below n */
	uint32_t		 next;		/* to be hashed, if below n */
	uint32_t		 unanswered;	/* by the cache */
	uint32_t		 left_out;	/* by the walker */
	struct str		 position;	/* in the tail, or empty */
	struct buf		 tail;		/* of the walker's message */
	struct warm_file	 files[];
};

static bool
warm_is_running(const struct warm *w)
{
	return w->report.state == WARM_RUNNING;
}

static const struct conf *
warm_conf(const struct warm *w)
{
	return w->workers->child->conf;
}

static struct str
warm_tree(const struct warm *w)
{
	return (struct str){ w->tree, w->tree_len };
}

static void
warm_go_on(struct warm *w)
{
	event_active(w->ev, EV_TIMEOUT, 1);
}

/*
 * Parts and their files.
 */

static void
part_free(struct warm *w, struct warm_part *part)
{
	uint32_t i;

	for (i = 0; i < part->n; i++)
		hash_waiter_leave(&part->files[i].waiter);
	TAILQ_REMOVE(&w->parts, part, entry);
	w->files -= MAX(part->n, 1);
	w->bytes -= part->tail.len;
	buf_free(&part->tail);
	free(part);
}

/* Count a file that is done in one of the numbers of the report. */
static void
file_end(struct warm_file *file, uint64_t *count)
{
	file->state = WARM_COUNTED;
	file->count = count;
	(*count)++;
}

/* Can its pieces be remembered at all?  A torrent may not have more than
   max-bytes. */
static bool
file_is_storable(const struct warm_file *file, const struct conf *conf)
{
	return file->identity.mount == 0 &&
	    file->identity.size <= conf->max_bytes;
}

/* Add a part to the end.  Some of its files need no look into the cache. */
static void
part_add(struct warm *w, struct warm_part *part)
{
	struct warm_file *file, *end = part->files + part->n;

	for (file = part->files; file < end; file++) {
		w->report.files++;
		w->report.bytes += file->identity.size;
		if (file->identity.size == 0)
			file_end(file, &w->report.found);
		else if (!file_is_storable(file, warm_conf(w)))
			file_end(file, &w->report.skipped);
		else
			part->unanswered++;
	}
	part->known = part->unanswered == 0;
	w->files += MAX(part->n, 1);
	w->bytes += part->tail.len;
	TAILQ_INSERT_TAIL(&w->parts, part, entry);
}

/* Take back what was counted of its files after the position. */
static void
part_uncount(struct warm *w, const struct warm_part *part)
{
	const struct warm_file *file = part->files + part->first;

	for (; file < part->files + part->n; file++) {
		w->report.files--;
		w->report.bytes -= file->identity.size;
		if (file->count != NULL)
			(*file->count)--;
		if (file->count == &w->report.hashed)
			w->report.hashed_bytes -= file->identity.size;
	}
}

/* All its files that are not done yet count as failed ones. */
static void
part_fail(struct warm *w, struct warm_part *part)
{
	struct warm_file *file, *end = part->files + part->n;

	for (file = part->files; file < end; file++)
		if (file->state == WARM_ASKED)
			file_end(file, &w->report.failed);
	part->unanswered = 0;
	part->known = true;
}

/*
 * The walk: which root is next, and what is asked of its walker.
 */

static struct str
root_prefix_of(const struct conf *conf, size_t root)
{
	const char *prefix = conf->roots[root].prefix;

	return (struct str){ prefix, strlen(prefix) };
}

/* The tree, or all of a root that is in it. */
static struct str
warm_root_tree(const struct warm *w)
{
	struct str prefix = root_prefix_of(warm_conf(w), w->root);

	return tree_path_is_in(prefix, warm_tree(w)) ? prefix : warm_tree(w);
}

/* Go to the first root in the tree whose prefix comes after this path.  False:
   there is none. */
static bool
warm_next_root(struct warm *w, struct str path)
{
	const struct conf *conf = warm_conf(w);
	struct str prefix, best = { 0 };
	size_t i;

	for (i = 0; i < conf->nroots; i++) {
		prefix = root_prefix_of(conf, i);
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
		part_free(w, part);
	w->looked_up = NULL;
	w->wanted = 0;
	w->wanted_pieces = 0;
	ask_end(&w->lookup);
	if (w->group != NULL)
		hash_group_release(w->hashq, w->group);
	w->group = NULL;
	w->stale = w->walk.worker != NULL;
}

/* The first file that is not done: the hashers have it, or will have it. */
static struct str
warm_at_hand(const struct warm *w)
{
	const struct warm_part *part = TAILQ_FIRST(&w->parts);

	return part != NULL && part->first < part->n ?
	    part->files[part->first].path : (struct str){ 0 };
}

/* The parent may be busy: then the next tick tells it. */
static void
warm_tell(struct warm *w)
{
	struct str at_hand = warm_at_hand(w);
	char tail[2 * SPEC_MAX], *end;

	if (w->told)
		return;
	w->report.position_len = (uint32_t)w->position_len;
	w->report.at_hand_len = (uint32_t)at_hand.len;
	end = mempcpy(tail, w->position, w->position_len);
	if (at_hand.len > 0)
		end = mempcpy(end, at_hand.p, at_hand.len);
	w->told = msg_send(&w->workers->child->parent, MSG_WARMED, &w->report,
	    tail, (size_t)(end - tail), NULL, 0) == 0;
}

static void
warm_end(struct warm *w, enum warm_state state)
{
	const struct msg_warmed *r = &w->report;
	char tree[512];

	warm_drop(w);
	w->report.state = state;
	w->told = false;
	log_info("warmed \"%s\"%s: %ju files of %ju bytes, of these %ju in the "
	    "cache, %ju hashed, %ju skipped; %ju could not be read",
	    w->tree_len == 0 ? "/" : log_escape(tree, sizeof(tree), w->tree,
	    w->tree_len), state == WARM_DONE ? "" : " in part",
	    (uintmax_t)r->files, (uintmax_t)r->bytes, (uintmax_t)r->found,
	    (uintmax_t)r->hashed, (uintmax_t)r->skipped,
	    (uintmax_t)r->failed);
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
	memset(&w->report, 0, sizeof(w->report));
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
			part_uncount(w, part);
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

/* Read the next file of the part.  0, or -1: it is no file of this tree and
   root, or not in order. */
static int
part_take_file(struct warm_part *part, const struct warm *w, struct str *last,
    size_t *at)
{
	struct warm_file *file = &part->files[part->n];
	struct msg_file item;

	if (part->tail.len - *at < sizeof(item))
		return -1;
	memcpy(&item, part->tail.data + *at, sizeof(item));
	*at += sizeof(item);
	if (part->tail.len - *at < item.len || item.index != part->n)
		return -1;
	file->identity = item.identity;
	file->path.p = (const char *)part->tail.data + *at;
	file->path.len = item.len;
	*at += item.len;
	if (!tree_path_is_plain(file->path) ||
	    !tree_path_is_in(file->path, warm_root_tree(w)) ||
	    conf_root_of(warm_conf(w), file->path.p, file->path.len) !=
	    (int)w->root || tree_path_compare(file->path, *last) <= 0)
		return -1;
	*last = file->path;
	part->n++;
	return 0;
}

/* 0, or -1: the message is wrong. */
static int
part_parse(struct warm_part *part, const struct warm *w,
    const struct msg_walked *body)
{
	struct str last = { w->after, w->after_len };
	size_t at = 0;

	while (part->n < body->count)
		if (part_take_file(part, w, &last, &at) == -1)
			return -1;
	part->position = (struct str){ (const char *)part->tail.data + at,
	    part->tail.len - at };
	part->left_out = body->left_out;
	if (part->position.len != body->position_len)
		return -1;
	if (body->result != WALK_MORE)
		return body->position_len > 0 || (body->count > 0 &&
		    body->result != WALK_END) ? -1 : 0;
	/* It may be as before if a long directory is being read. */
	if (part->position.len == 0)
		return last.len > 0 ? -1 : 0;
	return tree_path_is_plain(part->position) &&
	    tree_path_is_in(part->position, warm_root_tree(w)) &&
	    tree_path_compare(part->position, last) >= 0 ? 0 : -1;
}

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
	part = calloc(1, sizeof(*part) + body->count *
	    sizeof(part->files[0]));
	if (part == NULL || buf_add(&part->tail, m->tail, m->tail_len) == -1)
		fatal("out of memory");
	if (part_parse(part, w, body) == -1) {
		buf_free(&part->tail);
		free(part);
		return FAULT_CONTENT;
	}
	ask_end(&w->walk);
	part_add(w, part);
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
	    .piece_len = warm_conf(w)->piece_len,
	    .client = (uint32_t)w->lookup_id };
	struct warm_part *part = w->looked_up;
	struct msg_file item = { 0 };
	struct buf tail = { 0 };
	struct warm_file *file;

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
	part_fail(w, w->looked_up);
	warm_end_lookup(w);
}

bool
warm_awaits_pieces(const struct warm *w, uint64_t id)
{
	return w->looked_up != NULL && w->lookup.out && w->lookup_id == id;
}

/* The cache has imported digests of a file: these are to be rechecked. */
static void
part_take_imported(struct warm *w, const struct warm_file *file,
    const struct msg_pieces_item *item, const uint8_t *digests)
{
	if (item->first == 0) {
		pieces_unref(w->imported);
		w->imported = pieces_new(item->total);
	}
	if (w->imported == NULL || w->imported->count != item->total)
		return;
	memcpy(w->imported->digests + (size_t)item->first * SHA1_LEN, digests,
	    (size_t)item->count * SHA1_LEN);
	if (item->first + item->count < item->total)
		return;
	recheck_want(w->recheck, file->path.p, file->path.len,
	    &file->identity, warm_conf(w)->piece_len, w->imported);
	pieces_unref(w->imported);
	w->imported = NULL;
}

/* The cache has digests of a file, which are not needed here, or none.  0, or
   -1: the item is wrong. */
static int
part_take_item(struct warm *w, const struct msg_pieces_item *item,
    const uint8_t *digests)
{
	struct warm_part *part = w->looked_up;
	struct warm_file *file;

	if (item->index >= part->n ||
	    part->files[item->index].state != WARM_ASKED ||
	    (item->flags & ~(uint32_t)PIECES_IMPORTED))
		return -1;
	file = &part->files[item->index];
	if (item->total == 0) {
		if (file->got > 0 || item->count > 0 || item->flags != 0)
			return -1;
		file->state = WARM_UNKNOWN;
		part->unanswered--;
		return 0;
	}
	if (item->count == 0 || item->first != file->got ||
	    item->total != torrent_digests(file->identity.size,
	    warm_conf(w)->piece_len) || item->count > item->total - file->got)
		return -1;
	if (item->flags & PIECES_IMPORTED)
		part_take_imported(w, file, item, digests);
	file->got += item->count;
	if (file->got == item->total) {
		file_end(file, &w->report.found);
		part->unanswered--;
	}
	return 0;
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
		    part_take_item(w, &item, at) == -1)
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

static uint64_t
file_pieces(const struct warm *w, const struct warm_file *file)
{
	return torrent_digests(file->identity.size, warm_conf(w)->piece_len);
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
		file_end(file, &w->report.failed);
	} else if (result->status != HASH_OK || !result->settled)
		file_end(file, &w->report.skipped);
	else {
		file_end(file, &w->report.hashed);
		w->report.hashed_bytes += file->identity.size;
	}
	warm_go_on(w);
}

/* false: the hashers have enough of them. */
static bool
warm_want_file(struct warm *w, struct warm_file *file)
{
	uint64_t pieces = file_pieces(w, file);

	if (w->wanted == WANTED_MAX || (w->wanted > 0 &&
	    w->wanted_pieces + pieces > WANTED_PIECES))
		return false;
	if (w->group == NULL)
		w->group = hash_group_new(HASH_BACKGROUND);
	file->waiter.owner = w;
	file->waiter.done = warm_on_hashed;
	if (w->group == NULL || hashq_want(w->hashq, w->group, &file->waiter,
	    file->path.p, file->path.len, &file->identity,
	    warm_conf(w)->piece_len) == -1) {
		file_end(file, &w->report.failed);
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
			if (part->files[part->next].state == WARM_UNKNOWN &&
			    !warm_want_file(w, &part->files[part->next]))
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
		at = (struct str){ 0 };
		while (part->first < part->n &&
		    part->files[part->first].state == WARM_COUNTED)
			at = part->files[part->first++].path;
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
		part_free(w, part);
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
