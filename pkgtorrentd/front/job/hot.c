#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/seal.h"
#include "common/torrent.h"
#include "pkgtorrentd/front/front.h"
#include "pkgtorrentd/front/serve/caveat.h"
#include "pkgtorrentd/front/serve/reply.h"

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

static void
wrap_free(struct torrent *t, struct wrap *w)
{
	t->size -= w->size;
	free(w->base);
	blob_unref(w->head);
	blob_unref(w->before);
	blob_unref(w->after);
	memset(w, 0, sizeof(*w));
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
	while (t->nwraps > 0)
		wrap_free(t, &t->wraps[--t->nwraps]);
	specs_free(&t->specs);
	blob_unref(t->info);
	free(t->name);
	free(t->path);
	free(t->shas);
	free(t);
}

/* The entity tag stands for the whole body: info dictionary by its hash. */
static void
wrap_set_etag(struct wrap *w, const struct torrent *t)
{
	struct buf all = { 0 };
	uint8_t digest[SHA1_LEN];
	size_t i;

	w->etag[0] = '\0';
	if (buf_add(&all, w->before->data, w->before->len) == 0 &&
	    buf_add(&all, t->info_hash, SHA1_LEN) == 0 &&
	    buf_add(&all, w->after->data, w->after->len) == 0) {
		sha1(all.data, all.len, digest);
		w->etag[0] = '"';
		for (i = 0; i < SHA1_LEN; i++)
			snprintf(w->etag + 1 + 2 * i, 3, "%02x", digest[i]);
		strlcat(w->etag, "\"", sizeof(w->etag));
	}
	buf_free(&all);
}

static int
wrap_make(struct front *f, struct torrent *t, const char *base, bool simple,
    struct wrap *w)
{
	const struct conf *conf = f->child.conf;
	struct buf before = { 0 }, after = { 0 };
	struct torrent_outside out;
	const char **bases;
	size_t i;
	int r;

	memset(w, 0, sizeof(*w));
	bases = calloc(conf->web_seeds.n + 1, sizeof(*bases));
	if (bases == NULL)
		return -1;
	bases[0] = base;
	for (i = 0; i < conf->web_seeds.n; i++)
		bases[i + 1] = conf->web_seeds.v[i];
	out = (struct torrent_outside){
		.trackers = f->trackers.len > 0 ?
		    (char *)f->trackers.data : "",
		.bases = bases,
		.nbases = conf->web_seeds.n + 1,
		.path = t->path,
		.path_len = t->path != NULL ? strlen(t->path) : 0,
		.multi = t->multi,
	};
	r = torrent_wrap(&out, t->info_hash, &before, &after);
	free(bases);
	w->before = blob_take(&before);
	w->after = blob_take(&after);
	w->base = strdup(base);
	w->simple = simple;
	w->generation = f->generation;
	if (r == -1 || w->before == NULL || w->after == NULL ||
	    w->base == NULL)
		return -1;
	wrap_set_etag(w, t);
	w->head = reply_torrent_head(t, w);
	if (w->head == NULL)
		return -1;
	/* Last, so that a failed wrap has no size. */
	w->size = w->before->len + w->after->len + w->head->len +
	    strlen(base) + 1;
	return 0;
}

struct wrap *
torrent_get_wrap(struct front *f, struct torrent *t, const char *base,
    bool simple)
{
	struct wrap *w, new;
	unsigned i;

	for (i = 0; i < t->nwraps; i++) {
		w = &t->wraps[i];
		if (w->simple == simple && w->generation == f->generation &&
		    strcmp(w->base, base) == 0)
			return w;
	}
	if (wrap_make(f, t, base, simple, &new) == -1) {
		wrap_free(t, &new);
		return NULL;
	}
	caveat_size(f, t, new.before->len + t->info->len + new.after->len);
	t->size += new.size;
	if (t->nwraps == WRAPS_MAX) {
		wrap_free(t, &t->wraps[0]);
		memmove(&t->wraps[0], &t->wraps[1],
		    (WRAPS_MAX - 1) * sizeof(*w));
		t->nwraps--;
	}
	w = &t->wraps[t->nwraps++];
	*w = new;
	return w;
}
