#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/torrent.h"
#include "pkgtorrentd/front/front.h"

static int
hashing_cmp(const struct hashing *a, const struct hashing *b)
{
	int r;

	if (a->piece_len != b->piece_len)
		return a->piece_len < b->piece_len ? -1 : 1;
	r = memcmp(&a->identity, &b->identity, sizeof(a->identity));
	return r != 0 ? r : strcmp(a->path, b->path);
}

RB_PROTOTYPE(hashing_tree, hashing, tree, hashing_cmp)
RB_GENERATE(hashing_tree, hashing, tree, hashing_cmp)

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

struct pieces *
pieces_ref(struct pieces *p)
{
	p->refs++;
	return p;
}

void
pieces_unref(struct pieces *p)
{
	if (p != NULL && --p->refs == 0)
		free(p);
}

void
hashings_init(struct hashings *all)
{
	size_t i;

	RB_INIT(&all->tree);
	TAILQ_INIT(&all->fresh);
	TAILQ_INIT(&all->running);
	TAILQ_INIT(&all->to_open);
	for (i = 0; i < HASHERS_MAX; i++)
		TAILQ_INIT(&all->hashers[i].batches);
}

struct work *
work_new(uint64_t size)
{
	struct work *w;

	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return NULL;
	TAILQ_INIT(&w->queued);
	TAILQ_INIT(&w->ready);
	w->size = size;
	/* The first slices of many long ones would hold up a short one. */
	w->started = size > SLICE_MIN;
	return w;
}

static void
work_set_to_open(struct front *f, struct work *w)
{
	bool to_open = !TAILQ_EMPTY(&w->queued);

	if (to_open && !w->to_open)
		TAILQ_INSERT_TAIL(&f->hashings.to_open, w, open_entry);
	else if (!to_open && w->to_open)
		TAILQ_REMOVE(&f->hashings.to_open, w, open_entry);
	w->to_open = to_open;
}

static void
work_set_listed(struct front *f, struct work *w)
{
	struct work_list *list = w->started ? &f->hashings.running :
	    &f->hashings.fresh;
	bool listed = !TAILQ_EMPTY(&w->ready);

	/* In the middle of its turn it had to wait for files to be opened. */
	if (listed && !w->listed && w->turn > 0)
		TAILQ_INSERT_HEAD(list, w, entry);
	else if (listed && !w->listed)
		TAILQ_INSERT_TAIL(list, w, entry);
	else if (!listed && w->listed)
		TAILQ_REMOVE(list, w, entry);
	w->listed = listed;
}

static void
work_free_if_done(struct front *f, struct work *w)
{
	if (!w->abandoned || w->files > 0)
		return;
	work_set_listed(f, w);
	work_set_to_open(f, w);
	free(w);
}

/* Takes the file out of every list; who should know has been told. */
static void
hashing_free(struct front *f, struct hashing *h)
{
	struct work *w = h->work;
	struct hashing_waiter *waiter;
	uint64_t done = h->done;
	struct range *r;

	if (h->state == HASHING_QUEUED)
		TAILQ_REMOVE(&w->queued, h, entry);
	else if (h->state == HASHING_READY)
		TAILQ_REMOVE(&w->ready, h, entry);
	if (h->state == HASHING_OPENING || h->state == HASHING_READY)
		w->nopen--;
	if (h->state != HASHING_QUEUED)
		f->hashings.nopen--;
	while ((waiter = LIST_FIRST(&h->waiters)) != NULL) {
		LIST_REMOVE(waiter, entry);
		free(waiter);
	}
	while ((r = TAILQ_FIRST(&h->redo)) != NULL) {
		TAILQ_REMOVE(&h->redo, r, entry);
		free(r);
	}
	if (h->fd != -1)
		close(h->fd);
	f->hashings.left -= h->identity.size - h->done;
	RB_REMOVE(hashing_tree, &f->hashings.tree, h);
	pieces_unref(h->pieces);
	free(h->seals);
	free(h->path);
	free(h);
	w->files--;
	w->partial -= done;
	work_set_listed(f, w);
	work_set_to_open(f, w);
	work_free_if_done(f, w);
}

/* Does a job wait for it that is still there, but for this one? */
static bool
hashing_is_wanted(struct front *f, const struct hashing *h, uint64_t but)
{
	const struct hashing_waiter *w;

	LIST_FOREACH(w, &h->waiters, entry)
		if (w->job != but && job_is_under_way(&f->jobs, w->job))
			return true;
	return false;
}

void
work_abandon(struct front *f, struct work *w, uint64_t job)
{
	struct hashing *h, *next;

	w->files++;	/* so that it outlives the loops */
	TAILQ_FOREACH_SAFE(h, &w->queued, entry, next)
		if (!hashing_is_wanted(f, h, job))
			hashing_free(f, h);
	TAILQ_FOREACH_SAFE(h, &w->ready, entry, next)
		if (h->next == 0 && h->out == 0 &&
		    !hashing_is_wanted(f, h, job))
			hashing_free(f, h);
	w->abandoned = true;
	w->files--;
	work_free_if_done(f, w);
}

static struct hashing *
hashing_new(struct front *f, struct work *w, const char *path, size_t len,
    const struct identity *id, uint32_t piece_len)
{
	struct hashing *h;

	h = calloc(1, sizeof(*h));
	if (h == NULL)
		return NULL;
	h->path = strndup(path, len);
	h->pieces = pieces_new(torrent_digests(id->size, piece_len));
	h->slice_len = SLICE_LEN(piece_len);
	h->nslices = (uint32_t)((id->size + h->slice_len - 1) / h->slice_len);
	h->seals = calloc(h->nslices, sizeof(*h->seals));
	if (h->path == NULL || h->pieces == NULL || h->seals == NULL) {
		free(h->path);
		pieces_unref(h->pieces);
		free(h->seals);
		free(h);
		return NULL;
	}
	h->path_len = len;
	h->identity = *id;
	h->piece_len = piece_len;
	h->settled = true;
	h->fd = -1;
	h->work = w;
	LIST_INIT(&h->waiters);
	TAILQ_INIT(&h->redo);
	RB_INSERT(hashing_tree, &f->hashings.tree, h);
	TAILQ_INSERT_TAIL(&w->queued, h, entry);
	w->files++;
	f->hashings.left += id->size;
	work_set_to_open(f, w);
	return h;
}

/* From its work to one that has less to do, whose turn for it comes sooner. */
static void
hashing_move(struct front *f, struct hashing *h, struct work *to)
{
	struct work *from = h->work;

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
	from->files--;
	to->files++;
	from->partial -= h->done;
	to->partial += h->done;
	h->work = to;
	work_set_listed(f, from);
	work_set_listed(f, to);
	work_set_to_open(f, from);
	work_set_to_open(f, to);
	work_free_if_done(f, from);
}

int
hashing_want(struct front *f, struct work *w, uint64_t job, uint32_t index,
    const char *path, size_t len, const struct identity *id,
    uint32_t piece_len)
{
	struct hashing_waiter *waiter;
	struct hashing look, *h;
	char name[SPEC_MAX + 1];

	memcpy(name, path, len);
	name[len] = '\0';
	look.path = name;
	look.identity = *id;
	look.piece_len = piece_len;
	h = RB_FIND(hashing_tree, &f->hashings.tree, &look);
	waiter = calloc(1, sizeof(*waiter));
	if (waiter == NULL || (h == NULL && (h = hashing_new(f, w, path, len,
	    id, piece_len)) == NULL)) {
		free(waiter);
		return -1;
	}
	if (h->work != w && h->work->size > w->size)
		hashing_move(f, h, w);
	waiter->job = job;
	waiter->index = index;
	LIST_INSERT_HEAD(&h->waiters, waiter, entry);
	return 0;
}

void
hashing_set_ready(struct front *f, struct hashing *h)
{
	if (h->state == HASHING_OUT)
		h->work->nopen++;
	h->state = HASHING_READY;
	TAILQ_INSERT_TAIL(&h->work->ready, h, entry);
	work_set_listed(f, h->work);
}

void
hashing_set_out(struct front *f, struct hashing *h)
{
	TAILQ_REMOVE(&h->work->ready, h, entry);
	h->state = HASHING_OUT;
	h->work->nopen--;
	work_set_listed(f, h->work);
}

void
hashing_on_opened(struct front *f, struct hashing *h, int fd,
    const struct msg_opened_item *item)
{
	h->fd = fd;
	if (h->work->abandoned && !hashing_is_wanted(f, h, 0)) {
		hashing_free(f, h);
		return;
	}
	if (fd == -1)
		h->result = HASHING_GONE;
	else if (!identity_same(&item->identity, &h->identity))
		h->result = HASHING_CHANGED;
	if (h->result != 0) {
		hashing_finish(f, h);
		return;
	}
	memcpy(h->seal, item->seal, SEAL_LEN);
	hashing_set_ready(f, h);
}

/*
 * Sealed pieces for the cache: the walker's word that this path has this
 * identity, and for each slice the hasher's word on what it read.
 */
static void
hashing_put_pieces(struct front *f, struct hashing *h)
{
	struct msg_put_pieces body = { 0 };
	struct msg_digests_item item = { 0 };
	struct buf tail = { 0 };
	uint32_t per = (uint32_t)(h->slice_len / h->piece_len), i;
	uint8_t *p;

	if (worker_is_full(&f->workers.cache))
		return;
	body.piece_len = h->piece_len;
	body.identity = h->identity;
	body.path_len = (uint32_t)h->path_len;
	memcpy(body.seal, h->seal, SEAL_LEN);
	p = buf_reserve(&tail, MSG_TAIL_MAX);
	if (p == NULL || buf_add(&tail, h->path, h->path_len) == -1)
		goto out;
	item.status = DIGESTS_OK;
	item.flags = DIGESTS_SETTLED;
	item.identity = h->identity;
	for (i = 0; i < h->nslices; i++) {
		item.first = i * per;
		item.count = i + 1 < h->nslices ? per :
		    h->pieces->count - item.first;
		memcpy(item.seal, h->seals[i], SEAL_LEN);
		if (tail.len + sizeof(item) + item.count * SHA1_LEN >
		    MSG_TAIL_MAX) {
			body.flags = PART_MORE;
			if (worker_send(&f->workers.cache, MSG_PUT_PIECES,
			    &body, tail.data, tail.len, NULL, 0) == -1)
				goto out;
			body.flags = body.path_len = body.slices = 0;
			tail.len = 0;
		}
		if (buf_add(&tail, &item, sizeof(item)) == -1 ||
		    buf_add(&tail, h->pieces->digests + (size_t)item.first *
		    SHA1_LEN, (size_t)item.count * SHA1_LEN) == -1)
			goto out;
		body.slices++;
	}
	worker_send(&f->workers.cache, MSG_PUT_PIECES, &body, tail.data,
	    tail.len, NULL, 0);
out:
	buf_free(&tail);
}

void
hashing_finish(struct front *f, struct hashing *h)
{
	struct hashing_waiter *w;

	if (h->result == 0) {
		h->result = HASHING_OK;
		if (h->settled && h->identity.mount == 0)
			hashing_put_pieces(f, h);
	}
	while ((w = LIST_FIRST(&h->waiters)) != NULL) {
		LIST_REMOVE(w, entry);
		job_on_hashed(&f->jobs, w->job, w->index, h);
		free(w);
	}
	hashing_free(f, h);
}

uint32_t
hashings_estimate(struct front *f, uint64_t bytes)
{
	double rate = f->hashings.rate, s;

	/* Nothing measured yet: what a slow disk gives. */
	if (rate < 1)
		rate = 100 << 20;
	s = (double)bytes / rate;
	return s < 1 ? 1 : s > 3600 ? 3600 : (uint32_t)s + 1;
}
