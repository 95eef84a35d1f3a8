/*
 * From open files to hashers and back.  Each hasher has two batches, so that
 * it never waits for the next; a batch is at most a slice of one work.  Works
 * take turns of about a slice, so that many share the hashers evenly, and the
 * first batch of a short one goes before all of them.
 */
#include <sys/param.h>

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/torrent.h"
#include "pkgtorrentd/front/front.h"

#define BATCHES_QUEUED	2
/* For a batch, of up to 64 MiB: what a slower disk has read by then stays in
   memory, and the next one goes on from there. */
#define SILENT_MS	20000
#define RATE_MS		500	/* between two measurements */
#define LOSSES_MAX	5	/* then the range is what ends hashers */
#define TURN_BATCHES	8	/* of small files take as long as a slice */

static struct hasher *
hasher_state(struct front *f, const struct worker *p)
{
	return &f->hashings.hashers[p->ch.index];
}

/*
 * A hasher has two small messages at most, which its channel always takes: none
 * is kept, with copies of its descriptors.  A send that fails shows as a lost
 * hasher, which puts the ranges back.
 */
static void
batch_send(struct front *f, size_t n, struct batch *b, uint32_t piece_len)
{
	struct hasher *hasher = &f->hashings.hashers[n];
	struct msg_range ranges[HASH_RANGES];
	struct msg_hash body = { 0 };
	int fds[HASH_RANGES];
	uint32_t i;

	b->id = body.id = ++f->workers.last_id;
	body.piece_len = piece_len;
	body.count = b->count;
	for (i = 0; i < b->count; i++) {
		ranges[i].offset = b->items[i].offset;
		ranges[i].len = b->items[i].len;
		ranges[i].size = b->items[i].hashing->identity.size;
		fds[i] = b->items[i].hashing->fd;
	}
	if (TAILQ_EMPTY(&hasher->batches))
		hasher->since_ms = clock_coarse_ms();
	TAILQ_INSERT_TAIL(&hasher->batches, b, entry);
	hasher->nbatches++;
	worker_send(&f->workers.hashers[n], MSG_HASH, &body, ranges,
	    b->count * sizeof(ranges[0]), fds, (int)b->count);
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

/* It was handed out. */
static void
hashing_take_range(struct front *f, struct hashing *h, uint64_t len)
{
	struct range *r = TAILQ_FIRST(&h->redo);

	if (r != NULL) {
		TAILQ_REMOVE(&h->redo, r, entry);
		free(r);
	} else
		h->next += len;
	h->out++;
	if (h->next == h->identity.size && TAILQ_EMPTY(&h->redo))
		hashing_set_out(f, h);
}

/* What a batch is worth; after about a slice it is the turn of others. */
static void
work_count_batch(struct work *w, const struct batch *b, uint64_t slice_len)
{
	w->turn += MAX(b->bytes, slice_len / TURN_BATCHES);
	if (w->turn >= slice_len)
		w->turn = 0;
}

/* A batch of one work's files for a hasher. 0: nothing could be sent. */
static int
dispatch_batch(struct front *f, size_t n, struct work *w)
{
	struct batch_item *item;
	uint32_t piece_len = 0;
	struct range r = { 0 };
	struct hashing *h;
	struct batch *b;

	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return 0;
	/* Over one of these a hasher has ended: no other shall be blamed for
	   it again, so what was lost goes alone. */
	while (b->count < HASH_RANGES && r.losses == 0 &&
	    (h = TAILQ_FIRST(&w->ready)) != NULL) {
		r = hashing_peek_range(h);
		if (b->count > 0 && (h->piece_len != piece_len ||
		    b->bytes + r.len > h->slice_len || r.losses > 0))
			break;
		piece_len = h->piece_len;
		item = &b->items[b->count++];
		item->hashing = h;
		item->offset = r.offset;
		item->len = r.len;
		item->losses = r.losses;
		b->bytes += r.len;
		hashing_take_range(f, h, r.len);
	}
	if (b->count == 0) {
		free(b);
		return 0;
	}
	work_count_batch(w, b, SLICE_LEN(piece_len));
	batch_send(f, n, b, piece_len);
	return 1;
}

static void
work_end_turn(struct front *f, struct work *w)
{
	w->turn = 0;
	/* Before its first turn it is in another list. */
	if (!w->listed || !w->started)
		return;
	TAILQ_REMOVE(&f->hashings.running, w, entry);
	TAILQ_INSERT_TAIL(&f->hashings.running, w, entry);
}

void
hashings_run(struct front *f)
{
	struct hashings *all = &f->hashings;
	struct work *w;
	bool fresh, sent;
	size_t n, best;

	openings_run(f);
	for (;;) {
		best = f->workers.nhashers;
		for (n = 0; n < f->workers.nhashers; n++) {
			if (f->workers.hashers[n].ch.fd == -1 ||
			    all->hashers[n].nbatches >= BATCHES_QUEUED)
				continue;
			if (best == f->workers.nhashers ||
			    all->hashers[n].nbatches <
			    all->hashers[best].nbatches)
				best = n;
		}
		if (best == f->workers.nhashers)
			break;
		fresh = !TAILQ_EMPTY(&all->fresh);
		w = TAILQ_FIRST(fresh ? &all->fresh : &all->running);
		if (w == NULL)
			break;
		if (fresh) {
			TAILQ_REMOVE(&all->fresh, w, entry);
			TAILQ_INSERT_TAIL(&all->running, w, entry);
			w->started = true;
		}
		sent = dispatch_batch(f, best, w);
		/* The first batch is a turn, whatever it was worth. */
		if (fresh || !sent || w->turn == 0)
			work_end_turn(f, w);
		if (!sent)
			break;
	}
	openings_run(f);
}

/* 0: counted, 1: the slice is bad, -1: the hasher's message is. */
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
		h->result = HASHING_FAILED;
	else if (item->status != DIGESTS_OK ||
	    !identity_same_open(&item->identity, &h->identity))
		h->result = HASHING_CHANGED;
	if (h->result != 0)
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

/* One range of a batch has come back. */
static int
digests_on_item(struct front *f, const struct batch_item *bi,
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
		h->work->partial += bi->len;
		f->hashings.left -= bi->len;
		f->counters.hashed += bi->len;
	}
	/* What is wrong is wrong for all of it: no further range. */
	if (h->result != 0 && h->state == HASHING_READY)
		hashing_set_out(f, h);
	if (h->out == 0 && (h->result != 0 || h->slices_done == h->nslices))
		hashing_finish(f, h);
	return 0;
}

enum msg_fault
hashings_on_digests(struct worker *p, struct msg *m)
{
	const struct msg_digests *body = m->body;
	struct front *f = p->all->arg;
	struct hasher *hasher = hasher_state(f, p);
	struct msg_digests_item item;
	struct batch *b = TAILQ_FIRST(&hasher->batches);
	const uint8_t *at = m->tail, *end = m->tail + m->tail_len;
	uint32_t i;

	if (b == NULL || b->id != body->id || b->count != body->count)
		return FAULT_CONTENT;
	for (i = 0; i < b->count; i++) {
		if ((size_t)(end - at) < sizeof(item))
			return FAULT_CONTENT;
		memcpy(&item, at, sizeof(item));
		at += sizeof(item);
		if ((size_t)(end - at) / SHA1_LEN < item.count)
			return FAULT_CONTENT;
		if (digests_on_item(f, &b->items[i], &item, at) == -1)
			return FAULT_CONTENT;
		/* A message that turns out wrong later ends the hasher; what
		   was counted is not counted again. */
		b->items[i].hashing = NULL;
		at += (size_t)item.count * SHA1_LEN;
	}
	hasher->since_ms = clock_coarse_ms();
	TAILQ_REMOVE(&hasher->batches, b, entry);
	hasher->nbatches--;
	free(b);
	hashings_run(f);
	return FAULT_NONE;
}

static void
hashing_redo(struct front *f, const struct batch_item *bi, bool blame)
{
	struct hashing *h = bi->hashing;
	struct range *r;

	h->out--;
	r = calloc(1, sizeof(*r));
	if (h->result == 0 && (r == NULL ||
	    (blame && bi->losses == LOSSES_MAX)))
		h->result = HASHING_FAILED;
	if (h->result != 0) {
		free(r);
		if (h->state == HASHING_READY)
			hashing_set_out(f, h);
		if (h->out == 0)
			hashing_finish(f, h);
		return;
	}
	r->offset = bi->offset;
	r->len = bi->len;
	r->losses = bi->losses + blame;
	if (blame)
		work_end_turn(f, h->work);
	TAILQ_INSERT_TAIL(&h->redo, r, entry);
	if (h->state == HASHING_OUT)
		hashing_set_ready(f, h);
}

void
hashings_hasher_lost(struct front *f, size_t n, bool ended)
{
	struct hasher *hasher = &f->hashings.hashers[n];
	struct batch *b, *first = TAILQ_FIRST(&hasher->batches);
	uint32_t i;

	hasher->nbatches = 0;
	/* It was at work on the first, which shall not hold up the others
	   again. */
	if (first != NULL) {
		TAILQ_REMOVE(&hasher->batches, first, entry);
		TAILQ_INSERT_TAIL(&hasher->batches, first, entry);
	}
	while ((b = TAILQ_FIRST(&hasher->batches)) != NULL) {
		TAILQ_REMOVE(&hasher->batches, b, entry);
		for (i = 0; i < b->count; i++)
			if (b->items[i].hashing != NULL)
				hashing_redo(f, &b->items[i],
				    ended && b == first);
		free(b);
	}
	hashings_run(f);
}

/*
 * What all hashers together get done, reading and waiting for the disk
 * included: smoothed over a few seconds of work.
 */
static void
hashings_set_rate(struct front *f)
{
	struct hashings *all = &f->hashings;
	uint64_t now = clock_coarse_ms(), ms = now - all->rate_ms;
	uint64_t bytes = f->counters.hashed - all->rate_hashed;
	double rate;

	if (ms < RATE_MS)
		return;
	all->rate_ms = now;
	all->rate_hashed = f->counters.hashed;
	/* Work that began or ended meanwhile says nothing. */
	if (all->rate_busy && all->left > 0 && bytes > 0) {
		rate = (double)bytes * 1000 / (double)ms;
		all->rate = all->rate < 1 ? rate :
		    all->rate * 0.8 + rate * 0.2;
	}
	all->rate_busy = all->left > 0;
}

void
hashings_tick(struct front *f)
{
	struct hasher *hasher;
	size_t n;

	hashings_set_rate(f);
	for (n = 0; n < f->workers.nhashers; n++) {
		hasher = &f->hashings.hashers[n];
		if (TAILQ_EMPTY(&hasher->batches) ||
		    f->workers.hashers[n].ch.fd == -1 ||
		    clock_coarse_ms() - hasher->since_ms < SILENT_MS)
			continue;
		worker_give_up(&f->workers.hashers[n], MSG_HASH);
	}
}
