/* SPDX-License-Identifier: ISC */
/*
 * From files to open files, to batches, to pieces.  Each hasher has two
 * batches, so that it never waits for the next; a batch is at most a slice of
 * the files of one group.  Groups take turns of about a slice, so that many
 * jobs share the hashers evenly, and the first batch of a short one goes
 * before all of them.  Groups in the background get what no other group wants:
 * a hasher has at most one batch of theirs, behind which the next one goes.
 */
#include <sys/param.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/conf/conf.h"
#include "common/listing.h"
#include "common/torrent.h"
#include "common/tree_path.h"
#include "pkgtorrentd/front/job/hashq.h"

#define OPEN_AHEAD	64	/* files of a group, open and not handed out */
#define BATCHES_QUEUED	2
#define BATCHES_BACKGROUND 1
/* For a batch, of up to 64 MiB: the part that a slow disk has read by then
   stays in memory, and the next attempt goes on from there. */
#define SILENT_MS	20000
#define LOSSES_MAX	5	/* deaths of hashers; then the file fails */
#define TURN_BATCHES	4	/* of small files take as long as a slice */

enum hashing_state {
	HASHING_QUEUED,		/* to be opened */
	HASHING_OPENING,	/* the walker has been asked */
	HASHING_READY,		/* open, with ranges left to hand out */
	HASHING_OUT		/* all ranges are with hashers, or done */
};

/* A range that a lost hasher leaves behind. */
struct range {
	TAILQ_ENTRY(range)	entry;
	uint64_t		offset;
	uint64_t		len;
	unsigned		losses;		/* hashers that ended over it */
};
TAILQ_HEAD(range_list, range);

struct hashing {
	RB_ENTRY(hashing)	 tree;
	TAILQ_ENTRY(hashing)	 entry;		/* in its group's list */
	struct hash_group	*group;
	enum hashing_state	 state;
	enum hash_status	 status;	/* 0: no error so far */
	LIST_HEAD(, hash_waiter) waiters;
	char			*path;		/* behind seals */
	struct identity		 identity;
	uint32_t		 piece_len;
	uint64_t		 slice_len;	/* bytes in a whole slice */
	uint32_t		 nslices;
	uint32_t		 slices_done;
	uint32_t		 out;		/* ranges with hashers */
	uint64_t		 next;		/* first byte not handed out */
	struct range_list	 redo;
	bool			 settled;
	bool			 remember;	/* somebody wants that */
	int			 fd;
	uint8_t			 path_sum[SEAL_LEN];	/* of the walker, … */
	uint8_t			 for_cache[SEAL_LEN];	/* with its seals */
	uint8_t			 for_hasher[SEAL_LEN];
	struct pieces		*pieces;
	uint64_t		 done;		/* bytes */
	uint8_t			 seals[][SEAL_LEN];	/* by slice */
};

struct batch_item {
	struct hashing		*hashing;	/* NULL: answered */
	uint64_t		 offset;
	uint64_t		 len;
	unsigned		 losses;	/* hashers that died on it */
};

struct hash_batch {
	TAILQ_ENTRY(hash_batch)	 entry;
	uint64_t		 id;
	uint64_t		 bytes;
	uint32_t		 count;
	struct batch_item	 items[HASH_RANGES];
};

/* The files of one request to a walker. */
struct hash_opening {
	struct hashq		*q;
	uint32_t		 n;
	struct hashing		*files[MSG_FDS_MAX];
};

static int
hashing_cmp(const struct hashing *a, const struct hashing *b)
{
	int r;

	if (a->piece_len != b->piece_len)
		return a->piece_len < b->piece_len ? -1 : 1;
	r = memcmp(&a->identity, &b->identity, sizeof(a->identity));
	return r != 0 ? r : strcmp(a->path, b->path);
}

RB_GENERATE_INTERNAL(hashing_tree, hashing, tree, hashing_cmp,
    static __attribute__((__unused__)))

struct pieces *
pieces_new(uint64_t count)
{
	struct pieces *p;

	if (count > UINT32_MAX || count > (SIZE_MAX - sizeof(*p)) / SHA1_LEN)
		return NULL;
	p = malloc(sizeof(*p) + count * SHA1_LEN);
	if (p == NULL)
		return NULL;
	p->refs = 1;
	p->count = (uint32_t)count;
	return p;
}

void
hashq_init(struct hashq *q, struct workers *workers, struct openq *openq)
{
	size_t i;

	q->workers = workers;
	q->openq = openq;
	q->puts.cache = &workers->cache;
	RB_INIT(&q->tree);
	TAILQ_INIT(&q->fresh);
	TAILQ_INIT(&q->running);
	TAILQ_INIT(&q->background);
	TAILQ_INIT(&q->to_open);
	for (i = 0; i < HASHERS_MAX; i++)
		TAILQ_INIT(&q->hashers[i].batches);
}

struct hash_group *
hash_group_new(uint64_t size)
{
	struct hash_group *g;

	g = calloc(1, sizeof(*g));
	if (g == NULL)
		return NULL;
	TAILQ_INIT(&g->queued);
	TAILQ_INIT(&g->ready);
	g->size = size;
	/* The first slices of many long ones would hold up a short one. */
	g->started = size > SLICE_MIN;
	return g;
}

static bool
group_is_background(const struct hash_group *g)
{
	return g->size == HASH_BACKGROUND;
}

/* The list of groups with files to hash that this one belongs to. */
static struct hash_group_list *
group_list(struct hashq *q, const struct hash_group *g)
{
	return group_is_background(g) ? &q->background :
	    g->started ? &q->running : &q->fresh;
}

/* The bytes to be hashed that its files count in. */
static uint64_t *
group_left(struct hashq *q, const struct hash_group *g)
{
	return group_is_background(g) ? &q->left_background : &q->left;
}

/* Put the group into the lists of groups with files to open and with files to
   hash, or take it out of them, after its files have changed. */
static void
group_relist(struct hashq *q, struct hash_group *g)
{
	struct hash_group_list *list = group_list(q, g);
	bool listed = !TAILQ_EMPTY(&g->ready);
	bool to_open = !TAILQ_EMPTY(&g->queued);

	/* The group had to wait for its files in the middle of its turn. */
	if (listed && !g->listed && g->turn > 0)
		TAILQ_INSERT_HEAD(list, g, entry);
	else if (listed && !g->listed)
		TAILQ_INSERT_TAIL(list, g, entry);
	else if (!listed && g->listed)
		TAILQ_REMOVE(list, g, entry);
	if (to_open && !g->to_open)
		TAILQ_INSERT_TAIL(&q->to_open, g, open_entry);
	else if (!to_open && g->to_open)
		TAILQ_REMOVE(&q->to_open, g, open_entry);
	g->listed = listed;
	g->to_open = to_open;
}

/* After the last file the group would be freed: so it is held as by another
   file while its lists are walked. */
static void
group_hold(struct hash_group *g)
{
	g->files++;
}

static void
group_drop(struct hashq *q, struct hash_group *g)
{
	g->files--;
	group_relist(q, g);
	if (g->released && g->files == 0)
		free(g);
}

static void
group_end_turn(struct hashq *q, struct hash_group *g)
{
	g->turn = 0;
	/* Before its first turn the group is in another list. */
	if (!g->listed || !g->started)
		return;
	TAILQ_REMOVE(group_list(q, g), g, entry);
	TAILQ_INSERT_TAIL(group_list(q, g), g, entry);
}

/* Take the file out of all lists; no waiter is left. */
static void
hashing_free(struct hashq *q, struct hashing *h)
{
	struct hash_group *g = h->group;
	struct range *r;

	if (h->state == HASHING_QUEUED)
		TAILQ_REMOVE(&g->queued, h, entry);
	else if (h->state == HASHING_READY)
		TAILQ_REMOVE(&g->ready, h, entry);
	if (h->state == HASHING_OPENING || h->state == HASHING_READY)
		g->nopen--;
	if (h->state != HASHING_QUEUED)
		q->nopen--;
	while ((r = TAILQ_FIRST(&h->redo)) != NULL) {
		TAILQ_REMOVE(&h->redo, r, entry);
		free(r);
	}
	if (h->fd != -1)
		close(h->fd);
	*group_left(q, g) -= h->identity.size - h->done;
	g->partial -= h->done;
	RB_REMOVE(hashing_tree, &q->tree, h);
	pieces_unref(h->pieces);
	free(h);
	group_drop(q, g);
}

void
hash_group_release(struct hashq *q, struct hash_group *g)
{
	struct hashing *h, *next;

	group_hold(g);
	TAILQ_FOREACH_SAFE(h, &g->queued, entry, next)
		if (LIST_EMPTY(&h->waiters))
			hashing_free(q, h);
	TAILQ_FOREACH_SAFE(h, &g->ready, entry, next)
		if (h->next == 0 && h->out == 0 && LIST_EMPTY(&h->waiters))
			hashing_free(q, h);
	g->released = true;
	group_drop(q, g);
}

static struct hashing *
hashing_new(struct hashq *q, struct hash_group *g, const char *path,
    const struct identity *id, uint32_t piece_len)
{
	struct pieces *pieces = pieces_new(torrent_digests(id->size,
	    piece_len));
	uint64_t slice_len = SLICE_LEN(piece_len);
	size_t path_len = strlen(path);
	struct hashing *h;
	uint32_t nslices;

	if (pieces == NULL)
		return NULL;
	/* Fewer than pieces. */
	nslices = (uint32_t)((id->size + slice_len - 1) / slice_len);
	h = calloc(1, sizeof(*h) + (size_t)nslices * SEAL_LEN + path_len + 1);
	if (h == NULL) {
		pieces_unref(pieces);
		return NULL;
	}
	h->pieces = pieces;
	h->slice_len = slice_len;
	h->nslices = nslices;
	h->path = (char *)h->seals[nslices];
	memcpy(h->path, path, path_len + 1);
	h->identity = *id;
	h->piece_len = piece_len;
	h->settled = true;
	h->fd = -1;
	h->group = g;
	LIST_INIT(&h->waiters);
	TAILQ_INIT(&h->redo);
	RB_INSERT(hashing_tree, &q->tree, h);
	TAILQ_INSERT_TAIL(&g->queued, h, entry);
	group_hold(g);
	*group_left(q, g) += id->size;
	group_relist(q, g);
	return h;
}

/* Move a file to a smaller group: its turn comes sooner. */
static void
hashing_move(struct hashq *q, struct hashing *h, struct hash_group *to)
{
	struct hash_group *from = h->group;

	if (h->state == HASHING_QUEUED) {
		TAILQ_REMOVE(&from->queued, h, entry);
		TAILQ_INSERT_TAIL(&to->queued, h, entry);
	} else if (h->state == HASHING_READY) {
		TAILQ_REMOVE(&from->ready, h, entry);
		TAILQ_INSERT_TAIL(&to->ready, h, entry);
	}
	if (h->state == HASHING_OPENING || h->state == HASHING_READY) {
		from->nopen--;
		to->nopen++;
	}
	group_hold(to);
	*group_left(q, from) -= h->identity.size - h->done;
	*group_left(q, to) += h->identity.size - h->done;
	from->partial -= h->done;
	to->partial += h->done;
	h->group = to;
	group_relist(q, to);
	group_drop(q, from);
}

int
hashq_want(struct hashq *q, struct hash_group *g, struct hash_waiter *w,
    const char *path, size_t len, const struct identity *id,
    uint32_t piece_len)
{
	struct hashing look, *h;
	char name[SPEC_MAX + 1];

	memcpy(name, path, len);
	name[len] = '\0';
	look.path = name;
	look.identity = *id;
	look.piece_len = piece_len;
	h = RB_FIND(hashing_tree, &q->tree, &look);
	if (h == NULL && (h = hashing_new(q, g, name, id, piece_len)) == NULL)
		return -1;
	if (h->group != g && h->group->size > g->size)
		hashing_move(q, h, g);
	h->remember |= !g->compares;
	LIST_INSERT_HEAD(&h->waiters, w, entry);
	return 0;
}

bool
hashq_forget(struct hashq *q, struct str tree, struct hashq_place *place,
    uint64_t ends_us)
{
	struct hashing look, *h;

	look.piece_len = place->piece_len;
	look.identity = place->identity;
	look.path = place->path;
	h = RB_NFIND(hashing_tree, &q->tree, &look);
	for (; h != NULL; h = RB_NEXT(hashing_tree, &q->tree, h)) {
		if (clock_us() >= ends_us) {
			place->piece_len = h->piece_len;
			place->identity = h->identity;
			strlcpy(place->path, h->path, sizeof(place->path));
			return false;
		}
		if (tree_path_is_in((struct str){ h->path, strlen(h->path) },
		    tree))
			h->settled = false;
	}
	return true;
}

static void
hashing_set_ready(struct hashq *q, struct hashing *h)
{
	if (h->state == HASHING_OUT)
		h->group->nopen++;
	h->state = HASHING_READY;
	TAILQ_INSERT_TAIL(&h->group->ready, h, entry);
	group_relist(q, h->group);
}

/* All ranges are handed out. */
static void
hashing_all_out(struct hashq *q, struct hashing *h)
{
	TAILQ_REMOVE(&h->group->ready, h, entry);
	h->state = HASHING_OUT;
	h->group->nopen--;
	group_relist(q, h->group);
}

/* Have the pieces remembered. */
static void
hashing_put(struct hashq *q, const struct hashing *h)
{
	const struct put_file file = {
		.path = h->path,
		.identity = &h->identity,
		.seal = h->for_cache,
		.piece_len = h->piece_len,
		.per_slice = (uint32_t)(h->slice_len / h->piece_len),
		.nslices = h->nslices,
		.seals = h->seals,
		.digests = h->pieces->digests,
		.count = h->pieces->count,
	};

	puts_add(&q->puts, &file);
}

/* No hasher has a range of the file any more: tell the waiters. */
static void
hashing_finish(struct hashq *q, struct hashing *h)
{
	struct hash_result result = { 0 };
	struct hash_waiter *w;

	if (h->status == 0) {
		h->status = HASH_OK;
		q->workers->child->counts[COUNT_HASHED_FILES]++;
		result.pieces = h->pieces;
		if (h->settled && h->remember && h->identity.mount == 0)
			hashing_put(q, h);
	}
	result.status = h->status;
	result.settled = h->settled;
	while ((w = LIST_FIRST(&h->waiters)) != NULL) {
		hash_waiter_leave(w);
		w->done(w, &result);
	}
	hashing_free(q, h);
}

/* The walker has answered; item NULL: the request was dropped. */
static void
hashing_on_opened(struct hashq *q, struct hashing *h, int fd,
    const struct msg_opened_item *item)
{
	h->fd = fd;
	if (h->group->released && LIST_EMPTY(&h->waiters)) {
		hashing_free(q, h);
		return;
	}
	if (fd == -1)
		h->status = item != NULL &&
		    item->status == OPENQ_QUARANTINED ? HASH_FAILED :
		    HASH_GONE;
	else if (!identity_same(&item->identity, &h->identity))
		h->status = HASH_CHANGED;
	if (h->status != 0) {
		hashing_finish(q, h);
		return;
	}
	memcpy(h->path_sum, item->path_sum, SEAL_LEN);
	memcpy(h->for_cache, item->for_cache, SEAL_LEN);
	memcpy(h->for_hasher, item->for_hasher, SEAL_LEN);
	hashing_set_ready(q, h);
}

static void
hashq_on_opened(void *arg, const struct msg_opened_item *items,
    const int *fds, uint32_t n)
{
	struct hash_opening *o = arg;
	struct hashq *q = o->q;
	uint32_t i;

	/* With new roots the jobs start again with the walkers. */
	for (i = 0; i < o->n; i++)
		hashing_on_opened(q, o->files[i], n > 0 ? fds[i] : -1,
		    n > 0 ? &items[i] : NULL);
	free(o);
	if (n > 0)
		hashq_run(q);
}

/*
 * May the group have one more than its n files open?  Half of the descriptors
 * are for groups' first files, so that none of these waits for others' long
 * lists; three quarters are not for the background.
 */
static bool
group_may_open(const struct hashq *q, const struct hash_group *g, uint32_t n)
{
	uint32_t max = group_is_background(g) ? q->open_max / 4 :
	    g->nopen + n == 0 ? q->open_max : q->open_max / 2;

	return g->nopen + n < OPEN_AHEAD && q->nopen + n < max;
}

/* Choose files for a message: as many as fit it, as long as one walker has
   them.  Returns that walker's number. */
static size_t
group_choose_files(struct hashq *q, struct hash_group *g,
    struct hash_opening *o)
{
	const struct conf *conf = q->workers->child->conf;
	struct hashing *h, *next;
	size_t bytes = 0, len, walker = 0;
	int root;

	TAILQ_FOREACH_SAFE(h, &g->queued, entry, next) {
		if (o->n == MSG_FDS_MAX || !group_may_open(q, g, o->n))
			break;
		len = strlen(h->path);
		root = conf_root_of(conf, h->path, len);
		if (root == -1 || (size_t)root >= q->workers->nwalkers)
			/* The root was taken out of the configuration. */
			h->status = HASH_GONE;
		else if (openq_is_quarantined(q->openq, h->path))
			h->status = HASH_FAILED;
		if (h->status != 0) {
			hashing_finish(q, h);
			continue;
		}
		bytes += sizeof(struct msg_path) + len;
		if (o->n > 0 && (walker != (size_t)root ||
		    bytes > MSG_TAIL_MAX))
			break;
		walker = (size_t)root;
		o->files[o->n++] = h;
	}
	return walker;
}

static void
group_open_files(struct hashq *q, struct hash_group *g)
{
	const char *paths[MSG_FDS_MAX];
	struct hash_opening *o;
	struct hashing *h;
	size_t walker;
	uint32_t i;

	o = calloc(1, sizeof(*o));
	if (o == NULL)
		return;
	o->q = q;
	group_hold(g);
	walker = group_choose_files(q, g, o);
	for (i = 0; i < o->n; i++)
		paths[i] = o->files[i]->path;
	if (o->n == 0 || openq_ask(q->openq, walker, paths, o->n,
	    hashq_on_opened, o) == NULL) {
		free(o);
		group_drop(q, g);
		return;
	}
	for (i = 0; i < o->n; i++) {
		h = o->files[i];
		TAILQ_REMOVE(&g->queued, h, entry);
		h->state = HASHING_OPENING;
		g->nopen++;
		q->nopen++;
	}
	group_drop(q, g);
}

/* Ask for the files to be hashed, as far as descriptors allow. */
static void
hashq_open_files(struct hashq *q)
{
	struct hash_group *g, *next;

	TAILQ_FOREACH_SAFE(g, &q->to_open, open_entry, next)
		if (group_may_open(q, g, 0))
			group_open_files(q, g);
}

/* The next range of a file to hand out. */
static struct range
hashing_peek_range(const struct hashing *h)
{
	const struct range *redo = TAILQ_FIRST(&h->redo);
	struct range r = { .offset = h->next,
	    .len = h->identity.size - h->next };

	if (redo != NULL)
		return *redo;
	if (r.len > h->slice_len)
		r.len = h->slice_len;
	return r;
}

/* Hand a range out. */
static void
hashing_take_range(struct hashq *q, struct hashing *h, uint64_t len)
{
	struct range *r = TAILQ_FIRST(&h->redo);

	if (r != NULL) {
		TAILQ_REMOVE(&h->redo, r, entry);
		free(r);
	} else
		h->next += len;
	h->out++;
	if (h->next == h->identity.size && TAILQ_EMPTY(&h->redo))
		hashing_all_out(q, h);
}

/* A range for a hasher, with the walker's statement about the file. */
static void
range_set(struct msg_range *r, const struct hashing *h,
    const struct batch_item *item, const struct conf *conf)
{
	memset(r, 0, sizeof(*r));
	r->offset = item->offset;
	r->len = item->len;
	r->walker = (uint32_t)conf_root_of(conf, h->path, strlen(h->path));
	r->identity = h->identity;
	memcpy(r->path_sum, h->path_sum, SEAL_LEN);
	memcpy(r->seal, h->for_hasher, SEAL_LEN);
}

/*
 * A hasher has two small messages at most, which its channel always takes:
 * none is queued, with copies of its descriptors.  A send that fails shows as
 * a lost hasher, which puts the ranges back.
 */
static void
batch_send(struct hashq *q, size_t n, struct hash_batch *b,
    uint32_t piece_len)
{
	struct hashq_hasher *hasher = &q->hashers[n];
	struct msg_range ranges[HASH_RANGES];
	struct msg_hash body = { 0 };
	const struct hashing *h;
	int fds[HASH_RANGES];
	uint32_t i;

	b->id = body.id = ++q->workers->last_id;
	body.piece_len = piece_len;
	body.count = b->count;
	for (i = 0; i < b->count; i++) {
		h = b->items[i].hashing;
		range_set(&ranges[i], h, &b->items[i], q->workers->child->conf);
		fds[i] = h->fd;
	}
	if (TAILQ_EMPTY(&hasher->batches))
		hasher->since_ms = clock_coarse_ms();
	TAILQ_INSERT_TAIL(&hasher->batches, b, entry);
	hasher->nbatches++;
	worker_send(&q->workers->hashers[n], MSG_HASH, &body, ranges,
	    b->count * sizeof(ranges[0]), fds, (int)b->count);
}

/* Send a batch of the group's files to a hasher.  false: nothing was sent. */
static bool
group_send_batch(struct hashq *q, size_t n, struct hash_group *g)
{
	struct batch_item *item;
	uint64_t slice_len = 0;
	uint32_t piece_len = 0;
	struct range r = { 0 };
	struct hash_batch *b;
	struct hashing *h;

	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return false;
	/* A range that a hasher died on is sent in a batch of its own, so that
	   if it kills another hasher no other range is blamed. */
	while (b->count < HASH_RANGES && r.losses == 0 &&
	    (h = TAILQ_FIRST(&g->ready)) != NULL) {
		r = hashing_peek_range(h);
		if (b->count > 0 && (h->piece_len != piece_len ||
		    b->bytes + r.len > slice_len || r.losses > 0))
			break;
		piece_len = h->piece_len;
		slice_len = h->slice_len;
		item = &b->items[b->count++];
		item->hashing = h;
		item->offset = r.offset;
		item->len = r.len;
		item->losses = r.losses;
		b->bytes += r.len;
		hashing_take_range(q, h, r.len);
	}
	if (b->count == 0) {
		free(b);
		return false;
	}
	/* After about a slice another group has its turn. */
	g->turn += MAX(b->bytes, slice_len / TURN_BATCHES);
	if (g->turn >= slice_len)
		g->turn = 0;
	batch_send(q, n, b, piece_len);
	return true;
}

/* The connected hasher that has the fewest batches, and fewer than that many;
   -1: there is none. */
static int
hashq_find_hasher(const struct hashq *q, uint32_t fewest)
{
	int best = -1;
	size_t n;

	for (n = 0; n < q->workers->nhashers; n++) {
		if (q->workers->hashers[n].ch.fd == -1 ||
		    q->hashers[n].nbatches >= fewest)
			continue;
		fewest = q->hashers[n].nbatches;
		best = (int)n;
	}
	return best;
}

/* Jobs have had all places that they can fill. */
static void
hashq_run_background(struct hashq *q)
{
	struct hash_group *g;
	int n;

	while ((g = TAILQ_FIRST(&q->background)) != NULL &&
	    (n = hashq_find_hasher(q, BATCHES_BACKGROUND)) != -1 &&
	    group_send_batch(q, (size_t)n, g))
		if (g->turn == 0)
			group_end_turn(q, g);
}

void
hashq_run(struct hashq *q)
{
	struct hash_group *g;
	bool fresh, sent;
	int n;

	hashq_open_files(q);
	while ((n = hashq_find_hasher(q, BATCHES_QUEUED)) != -1) {
		fresh = !TAILQ_EMPTY(&q->fresh);
		g = TAILQ_FIRST(fresh ? &q->fresh : &q->running);
		if (g == NULL)
			break;
		if (fresh) {
			TAILQ_REMOVE(&q->fresh, g, entry);
			TAILQ_INSERT_TAIL(&q->running, g, entry);
			g->started = true;
		}
		sent = group_send_batch(q, (size_t)n, g);
		/* The first batch is a turn, however small it was. */
		if (fresh || !sent || g->turn == 0)
			group_end_turn(q, g);
		if (!sent)
			break;
	}
	hashq_run_background(q);
	hashq_open_files(q);
}

/* 0: the digests are stored, 1: the file fails, -1: the message is wrong. */
static int
digests_take(struct hashing *h, const struct batch_item *bi,
    const struct msg_digests_item *item, const uint8_t *digests)
{
	uint32_t first = (uint32_t)(bi->offset / h->piece_len);
	uint64_t count = torrent_pieces(bi->len, h->piece_len);

	if (bi->offset + bi->len == h->identity.size)
		count = torrent_digests(h->identity.size, h->piece_len) -
		    first;
	if (item->status == DIGESTS_ERROR)
		h->status = HASH_FAILED;
	else if (item->status != DIGESTS_OK ||
	    !identity_same_open(&item->identity, &h->identity))
		h->status = HASH_CHANGED;
	if (h->status != 0)
		return 1;
	if (item->first != first || item->count != count)
		return -1;
	memcpy(h->pieces->digests + (size_t)first * SHA1_LEN, digests,
	    (size_t)count * SHA1_LEN);
	if (item->flags & DIGESTS_SETTLED)
		memcpy(h->seals[bi->offset / h->slice_len], item->seal,
		    SEAL_LEN);
	else
		h->settled = false;
	return 0;
}

/* A hasher has answered for one range of a batch. */
static int
digests_on_item(struct hashq *q, const struct batch_item *bi,
    const struct msg_digests_item *item, const uint8_t *digests)
{
	struct hashing *h = bi->hashing;
	int r;

	if (h == NULL)
		return 0;
	r = digests_take(h, bi, item, digests);
	if (r == -1)
		return -1;
	h->out--;
	if (r == 0) {
		h->slices_done++;
		h->done += bi->len;
		h->group->partial += bi->len;
		*group_left(q, h->group) -= bi->len;
		q->hashed += bi->len;
	}
	/* An error in one range is an error of the file. */
	if (h->status != 0 && h->state == HASHING_READY)
		hashing_all_out(q, h);
	if (h->out == 0 && (h->status != 0 || h->slices_done == h->nslices))
		hashing_finish(q, h);
	return 0;
}

/* The oldest batch of a hasher is answered, item by item. */
static enum msg_fault
digests_on_batch(struct hashq *q, struct hash_batch *b, const struct msg *m)
{
	const uint8_t *at = m->tail, *end = m->tail + m->tail_len;
	struct msg_digests_item item;
	uint32_t i;

	for (i = 0; i < b->count; i++) {
		if ((size_t)(end - at) < sizeof(item))
			return FAULT_CONTENT;
		memcpy(&item, at, sizeof(item));
		at += sizeof(item);
		if ((size_t)(end - at) / SHA1_LEN < item.count)
			return FAULT_CONTENT;
		if (digests_on_item(q, &b->items[i], &item, at) == -1)
			return FAULT_CONTENT;
		/* A message that turns out wrong later ends the hasher, but
		   this range has been counted. */
		b->items[i].hashing = NULL;
		at += (size_t)item.count * SHA1_LEN;
	}
	return FAULT_NONE;
}

enum msg_fault
hashq_on_digests(struct hashq *q, struct worker *w, struct msg *m)
{
	const struct msg_digests *body = m->body;
	struct hashq_hasher *hasher = &q->hashers[w->ch.index];
	struct hash_batch *b = TAILQ_FIRST(&hasher->batches);
	enum msg_fault fault;

	if (b == NULL || b->id != body->id || b->count != body->count)
		return FAULT_CONTENT;
	fault = digests_on_batch(q, b, m);
	puts_send(&q->puts);
	if (fault != FAULT_NONE)
		return fault;
	hasher->since_ms = clock_coarse_ms();
	TAILQ_REMOVE(&hasher->batches, b, entry);
	hasher->nbatches--;
	free(b);
	hashq_run(q);
	return FAULT_NONE;
}

static void
hashing_redo(struct hashq *q, const struct batch_item *bi, bool blame)
{
	struct hashing *h = bi->hashing;
	struct range *r;

	h->out--;
	r = calloc(1, sizeof(*r));
	if (h->status == 0 && (r == NULL ||
	    (blame && bi->losses == LOSSES_MAX)))
		h->status = HASH_FAILED;
	if (h->status != 0) {
		free(r);
		if (h->state == HASHING_READY)
			hashing_all_out(q, h);
		if (h->out == 0)
			hashing_finish(q, h);
		return;
	}
	r->offset = bi->offset;
	r->len = bi->len;
	r->losses = bi->losses + blame;
	if (blame)
		group_end_turn(q, h->group);
	TAILQ_INSERT_TAIL(&h->redo, r, entry);
	if (h->state == HASHING_OUT)
		hashing_set_ready(q, h);
}

void
hashq_hasher_lost(struct hashq *q, size_t n, bool ended)
{
	struct hashq_hasher *hasher = &q->hashers[n];
	struct hash_batch *b, *first = TAILQ_FIRST(&hasher->batches);
	uint32_t i;

	hasher->nbatches = 0;
	/* The hasher was at work on the first batch, which must not hold up
	   the others again. */
	if (first != NULL) {
		TAILQ_REMOVE(&hasher->batches, first, entry);
		TAILQ_INSERT_TAIL(&hasher->batches, first, entry);
	}
	while ((b = TAILQ_FIRST(&hasher->batches)) != NULL) {
		TAILQ_REMOVE(&hasher->batches, b, entry);
		for (i = 0; i < b->count; i++)
			if (b->items[i].hashing != NULL)
				hashing_redo(q, &b->items[i],
				    ended && b == first);
		free(b);
	}
	hashq_run(q);
}

/* Do both configurations have the path below the same root? */
static bool
same_root(const struct conf *old, const struct conf *new, const char *path)
{
	int was = conf_root_of(old, path, strlen(path));
	int is = conf_root_of(new, path, strlen(path));

	return was != -1 && is != -1 &&
	    conf_find_root(new, &old->roots[was]) == is;
}

void
hashq_set_roots(struct hashq *q, const struct conf *old,
    const struct conf *new)
{
	struct hashing *h, *next;

	RB_FOREACH_SAFE(h, hashing_tree, &q->tree, next) {
		if (h->state != HASHING_READY || same_root(old, new, h->path))
			continue;
		h->status = HASH_GONE;
		hashing_all_out(q, h);
		hashing_finish(q, h);
	}
}

void
hashq_tick(struct hashq *q)
{
	size_t n;

	hashq_measure(q);
	for (n = 0; n < q->workers->nhashers; n++)
		if (!TAILQ_EMPTY(&q->hashers[n].batches))
			worker_watch_answer(&q->workers->hashers[n],
			    q->hashers[n].since_ms, SILENT_MS, MSG_HASH);
}

bool
hashq_at_hand(const struct hashq *q, struct hash_at_hand *out)
{
	const struct hash_batch *b;
	const struct hashing *h;
	uint32_t i;
	size_t n;

	for (n = 0; n < q->workers->nhashers; n++) {
		b = TAILQ_FIRST(&q->hashers[n].batches);
		for (i = 0; b != NULL && i < b->count; i++) {
			h = b->items[i].hashing;
			if (h == NULL)
				continue;
			*out = (struct hash_at_hand){ h->path, h->done,
			    h->identity.size };
			return true;
		}
	}
	return false;
}
