/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/info_paths.h"
#include "common/seal.h"
#include "common/torrent.h"
#include "common/tree_path.h"
#include "pkgtorrentd/front/job/hot.h"

static int
hot_cmp(const struct hot_entry *a, const struct hot_entry *b)
{
	return memcmp(&a->key, &b->key, sizeof(a->key));
}

RB_GENERATE_INTERNAL(hot_tree, hot_entry, tree, hot_cmp,
    static __attribute__((__unused__)))

static void
hot_free_entry(struct hot *hot, struct hot_entry *e)
{
	struct torrent *t = e->torrent;

	RB_REMOVE(hot_tree, &hot->tree, e);
	TAILQ_REMOVE(&hot->lru, e, lru);
	hot->size -= HOT_ALLOCATED(sizeof(*e));
	if (t != NULL && --t->held.hot == 0)
		hot->size -= t->held.size;
	hot->n--;
	torrent_unref(t);
	free(e);
}

static void
hot_shrink(struct hot *hot)
{
	while (hot->size > hot->max && !TAILQ_EMPTY(&hot->lru))
		hot_free_entry(hot, TAILQ_FIRST(&hot->lru));
}

/* The entry of the key's digest and form, but of this kind, or NULL. */
static struct hot_entry *
hot_look(struct hot *hot, const struct torrent_key *key, uint8_t piece)
{
	struct hot_entry look;

	look.key = *key;
	look.key.piece = piece;
	return RB_FIND(hot_tree, &hot->tree, &look);
}

struct hot_entry *
hot_find(struct hot *hot, const struct torrent_key *key)
{
	struct hot_entry *e = hot_look(hot, key, key->piece);

	if (e == NULL && key->multi)
		e = hot_look(hot, key, PIECE_KINDS);
	if (e != NULL && TAILQ_NEXT(e, lru) != NULL) {
		TAILQ_REMOVE(&hot->lru, e, lru);
		TAILQ_INSERT_TAIL(&hot->lru, e, lru);
	}
	return e;
}

const struct specs *
hot_find_specs(struct hot *hot, const struct torrent_key *key)
{
	struct hot_entry *e;
	uint8_t piece;

	for (piece = 0; piece < PIECE_KINDS; piece++)
		if ((e = hot_look(hot, key, piece)) != NULL)
			return &e->torrent->specs;
	return NULL;
}

void
hot_set_wraps(struct hot *hot, struct torrent *t, size_t size)
{
	if (t->held.hot > 0)
		hot->size = hot->size - t->wraps_size + size;
	t->held.size = t->held.size - t->wraps_size + size;
	t->wraps_size = size;
	/* The entry that was just used is dropped last, but may be dropped:
	   its users hold a reference to the torrent. */
	hot_shrink(hot);
}

void
hot_put(struct hot *hot, const struct torrent_key *key, struct torrent *t,
    uint64_t now)
{
	struct hot_entry *e;

	hot_remove(hot, key);
	hot_remove_unknown(hot, key);
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return;
	e->key = *key;
	if (t == NULL)
		e->key.piece = PIECE_KINDS;
	e->torrent = t != NULL ? torrent_ref(t) : NULL;
	e->since_ms = now;
	RB_INSERT(hot_tree, &hot->tree, e);
	TAILQ_INSERT_TAIL(&hot->lru, e, lru);
	hot->n++;
	hot->size += HOT_ALLOCATED(sizeof(*e));
	if (t != NULL && t->held.hot++ == 0)
		hot->size += t->held.size;
	hot_shrink(hot);
}

void
hot_remove(struct hot *hot, const struct torrent_key *key)
{
	struct hot_entry *e = hot_look(hot, key, key->piece);

	if (e != NULL)
		hot_free_entry(hot, e);
}

void
hot_remove_all(struct hot *hot, const struct torrent_key *key)
{
	struct torrent_key each = *key;

	for (each.piece = 0; each.piece <= PIECE_KINDS; each.piece++)
		hot_remove(hot, &each);
}

void
hot_remove_unknown(struct hot *hot, const struct torrent_key *key)
{
	struct torrent_key unknown = *key;

	unknown.piece = PIECE_KINDS;
	hot_remove(hot, &unknown);
}

void
hot_forget_mounts(struct hot *hot)
{
	struct hot_entry *e, *next;

	TAILQ_FOREACH_SAFE(e, &hot->lru, lru, next)
		if (e->torrent != NULL && e->torrent->by_mount)
			hot_free_entry(hot, e);
}

void
hot_forget_imported(struct hot *hot)
{
	struct hot_entry *e, *next;

	TAILQ_FOREACH_SAFE(e, &hot->lru, lru, next)
		if (e->torrent != NULL && e->torrent->import_epoch != 0)
			hot_free_entry(hot, e);
}

bool
torrent_touches(const struct torrent *t, struct str tree)
{
	if (t->path != NULL)
		return tree_path_is_in((struct str){ t->path,
		    strlen(t->path) }, tree);
	return t->info == NULL ||
	    info_paths_touch(t->info->data, t->info->len, tree);
}

bool
hot_purge(struct hot *hot, struct str tree, struct hot_place *place,
    uint64_t ends_us, uint64_t *n)
{
	struct hot_entry look, *e, *next;

	look.key = place->key;
	e = place->begun ? RB_NFIND(hot_tree, &hot->tree, &look) :
	    RB_MIN(hot_tree, &hot->tree);
	for (; e != NULL; e = next) {
		next = RB_NEXT(hot_tree, &hot->tree, e);
		if (e->torrent != NULL && torrent_touches(e->torrent, tree)) {
			/* It may have another key. */
			*n += e->torrent->held.hot == 1;
			hot_free_entry(hot, e);
		}
		if (next != NULL && clock_us() >= ends_us) {
			place->begun = true;
			place->key = next->key;
			return false;
		}
	}
	return true;
}

/*
 * Give the torrent's walkers their new numbers; they may list other files
 * now.  false: one of them is gone.
 */
static bool
torrent_renumber(struct torrent *t, const struct conf *old,
    const struct conf *conf)
{
	size_t i;
	int n;

	for (i = 0; i < t->nshas; i++)
		if (t->shas[i].walker >= old->nroots || conf_find_root(conf,
		    &old->roots[t->shas[i].walker]) == -1)
			return false;
	for (i = 0; i < t->nshas; i++) {
		n = conf_find_root(conf, &old->roots[t->shas[i].walker]);
		t->shas[i].walker = (uint32_t)n;
	}
	t->recheck = true;
	return true;
}

void
hot_set_conf(struct hot *hot, const struct conf *old, const struct conf *conf,
    uint32_t layout_epoch)
{
	bool roots = !conf_same_roots(old, conf);
	/* Another cache may know other torrents, and torrents in memory may
	   be over a limit that was lowered. */
	bool all = !conf_same_params(old, conf) ||
	    strcmp(old->cache, conf->cache) != 0 ||
	    conf->max_bytes < old->max_bytes ||
	    conf->max_files < old->max_files;
	struct hot_entry *e, *next;
	struct torrent *t;

	hot->max = conf->hot_size;
	TAILQ_FOREACH_SAFE(e, &hot->lru, lru, next) {
		t = e->torrent;
		if (all)
			hot_free_entry(hot, e);
		/* Two keys may stand for the same torrent. */
		else if (roots && t != NULL &&
		    t->layout_epoch != layout_epoch) {
			if (torrent_renumber(t, old, conf))
				t->layout_epoch = layout_epoch;
			else
				hot_free_entry(hot, e);
		}
	}
	hot_shrink(hot);
}

static void
torrent_free(struct held *held)
{
	struct torrent *t = (struct torrent *)held;

	if (t->wraps != NULL)
		t->wraps_free(t->wraps);
	specs_free(&t->specs);
	blob_unref(t->info);
	buf_free(&t->ends);
	free(t->name);
	free(t->path);
	free(t->shas);
	free(t);
}

struct torrent *
torrent_new(void)
{
	struct torrent *t;

	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	t->held.refs = 1;
	t->held.free = torrent_free;
	return t;
}

struct torrent *
torrent_ref(struct torrent *t)
{
	held_ref(&t->held);
	return t;
}

void
torrent_unref(struct torrent *t)
{
	if (t != NULL)
		held_unref(&t->held);
}
