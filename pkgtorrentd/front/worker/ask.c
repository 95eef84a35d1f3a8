/* SPDX-License-Identifier: ISC */
#include "pkgtorrentd/front/worker/worker.h"

void
asks_init(struct asks *q)
{
	TAILQ_INIT(&q->out);
	TAILQ_INIT(&q->held);
	TAILQ_INIT(&q->suspects);
	q->len = 0;
	q->others = q->running = false;
}

static struct ask_list *
ask_list_of(const struct ask *a)
{
	struct asks *q = &a->worker->asks;

	return a->out ? &q->out : a->suspect ? &q->suspects : &q->held;
}

static void
ask_insert(struct ask *a, bool first)
{
	if (!a->out)
		a->worker->asks.len += a->len + ASK_LEN;
	if (first)
		TAILQ_INSERT_HEAD(ask_list_of(a), a, entry);
	else
		TAILQ_INSERT_TAIL(ask_list_of(a), a, entry);
}

/* Take it out of its list. */
static void
ask_remove(struct ask *a)
{
	if (!a->out)
		a->worker->asks.len -= a->len + ASK_LEN;
	TAILQ_REMOVE(ask_list_of(a), a, entry);
	a->out = false;
}

/*
 * The request to send next; NULL: the worker has to answer first.  A suspect is
 * sent when there is no other, and between two of them those that are held have
 * their turn.
 */
static struct ask *
asks_next(struct asks *q)
{
	const struct ask *first = TAILQ_FIRST(&q->out);

	if (first != NULL && first->suspect)
		return NULL;
	if (TAILQ_EMPTY(&q->suspects))
		return TAILQ_FIRST(&q->held);
	q->others = q->others && !TAILQ_EMPTY(&q->held);
	if (q->others)
		return TAILQ_FIRST(&q->held);
	if (first != NULL)
		return NULL;
	q->others = true;
	return TAILQ_FIRST(&q->suspects);
}

void
asks_run(struct worker *w)
{
	struct asks *q = &w->asks;
	struct ask *a;

	if (w->ch.fd == -1 || q->running)
		return;
	q->running = true;
	while ((a = asks_next(q)) != NULL) {
		ask_remove(a);
		a->out = true;
		ask_insert(a, false);
		a->send(a);
	}
	q->running = false;
}

void
ask_start(struct ask *a, struct worker *w)
{
	a->worker = w;
	ask_insert(a, false);
	asks_run(w);
}

/* It is not asked any more. */
static void
ask_drop(struct ask *a)
{
	ask_remove(a);
	a->worker = NULL;
}

void
ask_end(struct ask *a)
{
	struct worker *w = a->worker;

	if (w == NULL)
		return;
	ask_drop(a);
	a->suspect = false;
	asks_run(w);
}

/* The worker has ended over one of these. */
static void
asks_suspect(struct worker *w)
{
	struct ask *a;

	while ((a = TAILQ_FIRST(&w->asks.out)) != NULL) {
		ask_drop(a);
		if (a->suspect) {
			a->convict(a);
			continue;
		}
		a->suspect = true;
		ask_start(a, w);
	}
}

void
asks_lost(struct worker *w, bool ended)
{
	struct asks *q = &w->asks;
	struct ask *a;

	/* The next worker first gets what nobody suspects. */
	q->others = true;
	if (ended)
		asks_suspect(w);
	while ((a = TAILQ_LAST(&q->out, ask_list)) != NULL) {
		ask_remove(a);
		ask_insert(a, true);
	}
}

static void
list_forget(struct ask_list *list)
{
	struct ask *a;

	while ((a = TAILQ_FIRST(list)) != NULL) {
		ask_drop(a);
		a->suspect = false;
	}
}

void
asks_forget(struct worker *w)
{
	list_forget(&w->asks.out);
	list_forget(&w->asks.held);
	list_forget(&w->asks.suspects);
}
