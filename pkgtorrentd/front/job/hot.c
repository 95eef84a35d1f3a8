#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/seal.h"
#include "common/torrent.h"
#include "pkgtorrentd/front/front.h"

static int
hot_cmp(const struct hot_entry *a, const struct hot_entry *b)
{
	return memcmp(&a->key, &b->key, sizeof(a->key));
}

RB_PROTOTYPE(hot_tree, hot_entry, tree, hot_cmp)
RB_GENERATE(hot_tree, hot_entry, tree, hot_cmp)

void
hot_init(struct hot *hot, uint64_t max)
{
	RB_INIT(&hot->tree);
	TAILQ_INIT(&hot->lru);
	hot->size = 0;
	hot->n = 0;
	hot->max = max;
}

static void
hot_free_entry(struct hot *hot, struct hot_entry *e)
{
	RB_REMOVE(hot_tree, &hot->tree, e);
	TAILQ_REMOVE(&hot->lru, e, lru);
	hot->size -= e->size;
	hot->n--;
	if (e->torrent != NULL)
		torrent_unref(e->torrent);
	free(e);
}

static void
hot_shrink(struct hot *hot)
{
	while (hot->size > hot->max && !TAILQ_EMPTY(&hot->lru))
		hot_free_entry(hot, TAILQ_FIRST(&hot->lru));
}

void
hot_set_max(struct hot *hot, uint64_t max)
{
	hot->max = max;
	hot_shrink(hot);
}

struct hot_entry *
hot_find(struct hot *hot, const struct torrent_key *key)
{
	struct hot_entry look, *e;

	look.key = *key;
	e = RB_FIND(hot_tree, &hot->tree, &look);
	if (e != NULL && TAILQ_NEXT(e, lru) != NULL) {
		TAILQ_REMOVE(&hot->lru, e, lru);
		TAILQ_INSERT_TAIL(&hot->lru, e, lru);
	}
	return e;
}

void
hot_account(struct hot *hot, struct hot_entry *e)
{
	hot->size -= e->size;
	e->size = sizeof(*e) + (e->torrent != NULL ? e->torrent->size : 0);
	hot->size += e->size;
	/* The one that was just used is the last to go, and may go: those who
	   still need the torrent hold a reference. */
	hot_shrink(hot);
}

void
hot_put(struct hot *hot, const struct torrent_key *key, struct torrent *t,
    uint64_t now)
{
	struct hot_entry *e;

	hot_remove(hot, key);
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return;
	e->key = *key;
	e->torrent = t != NULL ? torrent_ref(t) : NULL;
	e->since_ms = now;
	RB_INSERT(hot_tree, &hot->tree, e);
	TAILQ_INSERT_TAIL(&hot->lru, e, lru);
	hot->n++;
	hot_account(hot, e);
}

void
hot_remove(struct hot *hot, const struct torrent_key *key)
{
	struct hot_entry look, *e;

	look.key = *key;
	e = RB_FIND(hot_tree, &hot->tree, &look);
	if (e != NULL)
		hot_free_entry(hot, e);
}

void
hot_forget_unknown(struct hot *hot, const struct torrent_key *key)
{
	struct hot_entry *e = hot_find(hot, key);

	if (e != NULL && e->torrent == NULL)
		hot_free_entry(hot, e);
}

void
hot_clear(struct hot *hot)
{
	while (!TAILQ_EMPTY(&hot->lru))
		hot_free_entry(hot, TAILQ_FIRST(&hot->lru));
}

void
hot_forget_mounts(struct hot *hot)
{
	struct hot_entry *e, *next;

	TAILQ_FOREACH_SAFE(e, &hot->lru, lru, next)
		if (e->torrent != NULL && e->torrent->by_mount)
			hot_free_entry(hot, e);
}

/* true: every walker that it came from is still there. */
static bool
torrent_renumber(struct torrent *t, const int *new_number, size_t n)
{
	size_t i;

	for (i = 0; i < t->nshas; i++)
		if (t->shas[i].walker >= n ||
		    new_number[t->shas[i].walker] == -1)
			return false;
	for (i = 0; i < t->nshas; i++)
		t->shas[i].walker = (uint32_t)new_number[t->shas[i].walker];
	t->recheck = true;
	return true;
}

void
hot_renumber(struct hot *hot, const int *new_number, size_t n,
    uint32_t layout)
{
	struct hot_entry *e, *next;
	struct torrent *t;

	TAILQ_FOREACH_SAFE(e, &hot->lru, lru, next) {
		t = e->torrent;
		/* Two keys may stand for the same torrent. */
		if (t == NULL || t->layout == layout)
			continue;
		if (torrent_renumber(t, new_number, n))
			t->layout = layout;
		else
			hot_free_entry(hot, e);
	}
}

struct torrent *
torrent_ref(struct torrent *t)
{
	t->refs++;
	return t;
}

void
torrent_unref(struct torrent *t)
{
	if (t == NULL || --t->refs > 0)
		return;
	if (t->wraps != NULL)
		t->wraps_free(t->wraps);
	specs_free(&t->specs);
	blob_unref(t->info);
	free(t->name);
	free(t->path);
	free(t->shas);
	free(t);
}
