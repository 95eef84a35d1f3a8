/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "pkgtorrentd/front/worker/announceq.h"

#define ANSWER_MS	2000	/* then a client is told to come again */
#define SILENT_MS	20000	/* then the tracker is given up */
#define QUEUED_MAX	(1U << 20)	/* bytes that it has not taken */
#define TURN_MESSAGES	16	/* then the clients get their turn */
/* Units of common/channel.h in a second: more than there are announces. */
#define TRACKER_WORK_MAX 100000

static void
announceq_flush(struct announceq *q)
{
	struct msg_announce body = { .count = q->count };

	if (q->count == 0)
		return;
	body.id = ++q->sent;
	/* If that fails the channel is closed soon, and all are given back. */
	(void)channel_event_send(&q->event, MSG_ANNOUNCE, &body,
	    q->batch.data, q->batch.len, NULL, 0);
	q->batch.len = 0;
	q->count = 0;
}

static void
announceq_on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	announceq_flush(arg);
}

int
announceq_init(struct announceq *q, struct event_base *base,
    struct child *child)
{
	memset(q, 0, sizeof(*q));
	q->base = base;
	q->child = child;
	q->ch.fd = -1;
	TAILQ_INIT(&q->asks);
	q->flush_ev = event_new(base, -1, 0, announceq_on_flush, q);
	return q->flush_ev == NULL || buf_reserve(&q->batch,
	    ANNOUNCES_MAX * sizeof(struct msg_announce_item)) == NULL ? -1 : 0;
}

void
announce_leave(struct announce_ask *a)
{
	if (a->q == NULL)
		return;
	TAILQ_REMOVE(&a->q->asks, a, entry);
	a->q = NULL;
}

static void
announce_end(struct announce_ask *a, const struct msg_peers_item *item,
    const uint8_t *peers)
{
	announce_leave(a);
	a->done(a, item, peers);
}

static void
announceq_close(struct announceq *q)
{
	struct announce_ask *a;

	channel_event_stop(&q->event);
	counts_lose(ROLE_TRACKER, q->child->counts, &q->gauges);
	channel_close(&q->ch);
	q->due_ms = 0;
	q->batch.len = 0;
	q->count = 0;
	while ((a = TAILQ_FIRST(&q->asks)) != NULL)
		announce_end(a, NULL, NULL);
}

/* Answers come in the order of the announces.  Some were left meanwhile; one
   that the tracker passes over gets no answer. */
static void
announceq_answer(struct announceq *q, const struct msg_peers_item *item,
    const uint8_t *peers)
{
	struct announce_ask *a;

	while ((a = TAILQ_FIRST(&q->asks)) != NULL && a->id < item->id)
		announce_end(a, NULL, NULL);
	if (a != NULL && a->id == item->id)
		announce_end(a, item, peers);
}

static bool
announceq_item_is_good(const struct announceq *q,
    const struct msg_peers_item *item)
{
	return item->n4 + item->n6 <= NUMWANT_MAX && item->id <= q->last_id &&
	    item->result >= ANNOUNCED && item->result <= ANNOUNCED_SWARM &&
	    item->interval_s >= INTERVAL_MIN_S &&
	    item->interval_s <= INTERVAL_MAX_S;
}

static enum msg_fault
announceq_on_peers(struct announceq *q, const struct msg *m)
{
	const struct msg_peers *body = m->body;
	struct msg_peers_item item;
	const uint8_t *at = m->tail, *end = at + m->tail_len;
	uint32_t i;
	size_t len;

	if (body->id != q->heard + 1 || body->id > q->sent)
		return FAULT_CONTENT;
	q->heard++;
	for (i = 0; i < body->count; i++) {
		if ((size_t)(end - at) < sizeof(item))
			return FAULT_CONTENT;
		memcpy(&item, at, sizeof(item));
		at += sizeof(item);
		len = (size_t)item.n4 * PEER4_LEN + (size_t)item.n6 * PEER6_LEN;
		if (!announceq_item_is_good(q, &item) ||
		    len > (size_t)(end - at))
			return FAULT_CONTENT;
		announceq_answer(q, &item, at);
		at += len;
	}
	return at == end ? FAULT_NONE : FAULT_CONTENT;
}

static enum msg_fault
announceq_on_counts(struct announceq *q, const struct msg *m)
{
	return counts_take(ROLE_TRACKER, q->child->counts, &q->gauges,
	    m->tail, m->tail_len) == -1 ? FAULT_CONTENT : FAULT_NONE;
}

#define TRACKER_HANDLERS(X)						\
	X(PEERS, announceq_on_peers)					\
	X(COUNTS, announceq_on_counts)

CHANNEL_DISPATCH(announceq_dispatch, struct announceq, TRACKER_HANDLERS,
    TRACKER, FRONT);

static enum msg_fault
announceq_on_message(void *owner, struct msg *m)
{
	struct announceq *q = owner;

	/* Numbers do not answer anything. */
	if (m->type != MSG_COUNTS)
		q->due_ms = 0;
	return announceq_dispatch(owner, m);
}

static void
announceq_on_wrong(void *owner, const struct msg_wrong *wrong)
{
	struct announceq *q = owner;

	child_report(q->child, wrong);
	announceq_close(q);
}

static void
announceq_on_closed(void *owner)
{
	announceq_close(owner);
}

static const struct channel_ops announceq_ops = {
	.message = announceq_on_message,
	.wrong = announceq_on_wrong,
	.closed = announceq_on_closed,
};

void
announceq_attach(struct announceq *q, int fd)
{
	if (q->ch.fd != -1)
		announceq_close(q);
	channel_open(&q->ch, fd, ROLE_FRONT, ROLE_TRACKER, 0);
	q->heard = q->sent;
	q->ch.work_max = TRACKER_WORK_MAX;
	if (channel_event_start(&q->event, q->base, &q->ch, &announceq_ops, q,
	    TURN_MESSAGES) == -1)
		fatal("out of memory");
}

int
announceq_ask(struct announceq *q, struct announce_ask *a,
    struct msg_announce_item *item)
{
	if (q->ch.fd == -1 || q->ch.queued_bytes > QUEUED_MAX)
		return -1;
	item->id = ++q->last_id;
	if (buf_add(&q->batch, item, sizeof(*item)) == -1)
		return -1;
	/* After the events at hand, which may bring further ones. */
	if (q->count++ == 0)
		event_active(q->flush_ev, EV_TIMEOUT, 0);
	if (q->count == ANNOUNCES_MAX)
		announceq_flush(q);
	a->q = q;
	a->id = item->id;
	a->asked_ms = clock_coarse_ms();
	if (q->due_ms == 0)
		q->due_ms = a->asked_ms;
	TAILQ_INSERT_TAIL(&q->asks, a, entry);
	return 0;
}

void
announceq_tick(struct announceq *q)
{
	uint64_t now = clock_coarse_ms();
	struct announce_ask *a;
	struct msg_wrong wrong = { .role = ROLE_TRACKER, .type = MSG_ANNOUNCE,
	    .fault = FAULT_SILENT };

	/* The end of one may begin another, which is asked after now. */
	while ((a = TAILQ_FIRST(&q->asks)) != NULL &&
	    a->asked_ms + ANSWER_MS <= now)
		announce_end(a, NULL, NULL);
	if (q->due_ms == 0 || q->due_ms + SILENT_MS > now)
		return;
	child_report(q->child, &wrong);
	announceq_close(q);
}
