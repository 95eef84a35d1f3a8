/* SPDX-License-Identifier: ISC */
#include <sys/param.h>

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "pkgtorrentd/front/worker/worker.h"

#define FULL_BYTES	(32U << 20)
#define TURN_MESSAGES	16	/* then the clients get their turn */
/* Units of common/channel.h that a worker may have in a second: more than an
   honest one ever has, and at most a quarter of the front's time. */
#define WORKER_WORK_MAX	100000

void
workers_init(struct workers *all, struct event_base *base,
    struct child *child, const struct worker_ops *ops, void *arg)
{
	size_t i;

	memset(all, 0, sizeof(*all));
	all->ops = ops;
	all->arg = arg;
	all->base = base;
	all->child = child;
	all->cache.ch.fd = -1;
	all->cache.lost_ms = clock_coarse_ms();
	asks_init(&all->cache.asks);
	for (i = 0; i < HASHERS_MAX; i++) {
		all->hashers[i].ch.fd = -1;
		asks_init(&all->hashers[i].asks);
	}
}

static void
worker_close(struct worker *w)
{
	channel_event_stop(&w->event);
	/* Before its first channel it has no role. */
	if (w->ch.fd != -1)
		counts_lose(w->ch.peer, w->all->child->counts, &w->gauges);
	channel_close(&w->ch);
	w->lost_ms = clock_coarse_ms();
}

int
workers_set_walkers(struct workers *all, size_t n)
{
	struct worker *new;
	size_t i;

	for (i = 0; i < all->nwalkers; i++) {
		worker_close(&all->walkers[i]);
		asks_forget(&all->walkers[i]);
	}
	new = calloc(n, sizeof(*new));
	if (new == NULL)
		return -1;
	for (i = 0; i < n; i++) {
		new[i].ch.fd = -1;
		asks_init(&new[i].asks);
	}
	free(all->walkers);
	all->walkers = new;
	all->nwalkers = n;
	return 0;
}

void
workers_set_hashers(struct workers *all, size_t n)
{
	size_t i;

	for (i = n; i < all->nhashers; i++)
		worker_close(&all->hashers[i]);
	all->nhashers = n;
}

/* ended: by itself, or for what it did or did not. */
static void
worker_end(struct worker *w, bool ended)
{
	worker_close(w);
	asks_lost(w, ended);
	w->all->ops->lost(w);
}

void
worker_lose(struct worker *w)
{
	worker_end(w, false);
}

bool
worker_is_full(const struct worker *w)
{
	return w->ch.queued_bytes + w->asks.len > FULL_BYTES;
}

bool
worker_may_be_told(const struct worker *w)
{
	const struct ask *first = TAILQ_FIRST(&w->asks.out);

	return !worker_is_full(w) && (first == NULL || !first->suspect);
}

/* The parent is told that the worker did not answer this message; it ends the
   worker and starts another. */
static void
worker_give_up(struct worker *w, enum msg_type type)
{
	struct msg_wrong wrong = { .role = w->ch.peer, .index = w->ch.index,
	    .type = type, .fault = FAULT_SILENT };

	child_report(w->all->child, &wrong);
	worker_end(w, true);
}

void
worker_watch_answer(struct worker *w, uint64_t asked_ms, uint64_t limit_ms,
    enum msg_type type)
{
	if (w->ch.fd != -1 &&
	    clock_coarse_ms() > MAX(asked_ms, w->heard_ms) + limit_ms)
		worker_give_up(w, type);
}

void
worker_watch_queue(struct worker *w, uint64_t limit_ms)
{
	if (w->ch.fd != -1 && w->ch.queued > 0 &&
	    clock_coarse_ms() > w->ch.taken_ms + limit_ms)
		worker_give_up(w, channel_first_kept(&w->ch));
}

static enum msg_fault
worker_on_message(void *owner, struct msg *m)
{
	struct worker *w = owner;

	/* Numbers do not answer anything. */
	if (m->type != MSG_COUNTS)
		w->heard_ms = clock_coarse_ms();
	return w->all->ops->message(w, m);
}

static void
worker_on_wrong(void *owner, const struct msg_wrong *wrong)
{
	struct worker *w = owner;

	child_report(w->all->child, wrong);
	worker_end(w, true);
}

static void
worker_on_closed(void *owner)
{
	worker_end(owner, true);
}

static const struct channel_ops worker_channel_ops = {
	.message = worker_on_message,
	.wrong = worker_on_wrong,
	.closed = worker_on_closed,
};

static struct worker *
workers_find(struct workers *all, enum role role, uint32_t index)
{
	if (role == ROLE_CACHE)
		return &all->cache;
	if (role == ROLE_WALKER && index < all->nwalkers)
		return &all->walkers[index];
	if (role == ROLE_HASHER && index < all->nhashers)
		return &all->hashers[index];
	return NULL;
}

int
workers_attach(struct workers *all, enum role role, uint32_t index, int fd)
{
	struct worker *w = workers_find(all, role, index);

	if (w == NULL)
		return -1;
	if (w->ch.fd != -1)
		worker_lose(w);
	w->all = all;
	channel_open(&w->ch, fd, ROLE_FRONT, role, index);
	w->ch.work_max = WORKER_WORK_MAX;
	w->heard_ms = clock_coarse_ms();
	if (channel_event_start(&w->event, all->base, &w->ch,
	    &worker_channel_ops, w, TURN_MESSAGES) == -1)
		fatal("out of memory");
	asks_run(w);
	return 0;
}

int
worker_send(struct worker *w, enum msg_type type, const void *body,
    const void *tail, size_t tail_len, const int *fds, int nfds)
{
	if (w->ch.fd == -1)
		return -1;
	return channel_event_send(&w->event, type, body, tail, tail_len, fds,
	    nfds);
}

enum msg_fault
worker_on_counts(struct worker *w, const struct msg *m)
{
	return counts_take(w->ch.peer, w->all->child->counts, &w->gauges,
	    m->tail, m->tail_len) == -1 ? FAULT_CONTENT : FAULT_NONE;
}
