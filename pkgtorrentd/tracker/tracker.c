/* SPDX-License-Identifier: ISC */
/*
 * The tracker: the process that knows which clients have a torrent in common.
 * Runs as its user in an empty root directory, without a directory descriptor,
 * behind a filter that lets it pass messages and nothing else: it opens, reads
 * and maps no file, and has no socket besides its two channels.  It is sent the
 * configuration by the parent, and by the front the announces of clients, whose
 * tokens and addresses the front has checked.  It holds the addresses of peers,
 * in memory alone.
 *
 * A break-in here wins wrong lists of peers for as long as the process lives.
 * Clients check what they get from peers by the torrent, which does not come
 * from here.
 */
#include <string.h>

#include "common/child.h"
#include "common/log.h"
#include "common/sandbox/selftest.h"

/* Messages in a row before one of the parent has its turn.  Each has at most
   ANNOUNCES_MAX announces, and is answered at once. */
#define ANNOUNCES_AT_ONCE	16

struct tracker {
	struct child	child;
	uint8_t		tail[MSG_TAIL_MAX]
			    __attribute__((__aligned__(8)));
};

static enum msg_fault
tracker_on_conf(struct tracker *t, const struct msg *m)
{
	(void)child_on_conf(&t->child, m);
	return FAULT_NONE;
}

static enum msg_fault
tracker_on_channel(struct tracker *t, struct msg *m)
{
	return child_on_channel(&t->child, m);
}

static enum msg_fault
tracker_on_status(struct tracker *t, const struct msg *m)
{
	(void)t;
	(void)m;
	log_info("no peers");
	return FAULT_NONE;
}

static bool
tracker_item_is_good(const struct msg_announce_item *item)
{
	return item->event >= ANNOUNCE_NONE && item->event <= ANNOUNCE_SCRAPE &&
	    (item->port != 0 || item->event == ANNOUNCE_SCRAPE) &&
	    (item->flags & ~ANNOUNCE_SEED) == 0 &&
	    item->numwant <= NUMWANT_MAX;
}

static enum msg_fault
tracker_on_announce(struct tracker *t, const struct msg *m)
{
	const struct msg_announce *body = m->body;
	struct msg_announce_item item;
	struct msg_peers answer = { .id = body->id, .count = body->count };
	struct msg_peers_item one;
	size_t len = 0;
	uint32_t i;

	if (body->count == 0 || body->count > ANNOUNCES_MAX ||
	    m->tail_len != body->count * sizeof(item))
		return FAULT_CONTENT;
	for (i = 0; i < body->count; i++) {
		memcpy(&item, m->tail + i * sizeof(item), sizeof(item));
		if (!tracker_item_is_good(&item))
			return FAULT_CONTENT;
	}
	for (i = 0; i < body->count; i++) {
		memcpy(&item, m->tail + i * sizeof(item), sizeof(item));
		memset(&one, 0, sizeof(one));
		one.id = item.id;
		one.interval_s = 1800;
		one.result = ANNOUNCED;
		memcpy(t->tail + len, &one, sizeof(one));
		len += sizeof(one);
	}
	if (msg_send_wait(&t->child.front, MSG_PEERS, &answer, t->tail, len,
	    NULL, 0) == -1)
		child_close_front(&t->child);
	return FAULT_NONE;
}

/* Messages to the tracker. */
#define TRACKER_HANDLERS(X)						\
	X(CONF, tracker_on_conf)					\
	X(CHANNEL, tracker_on_channel)					\
	X(STATUS, tracker_on_status)					\
	X(ANNOUNCE, tracker_on_announce)

CHANNEL_DISPATCH(tracker_on_message, struct tracker, TRACKER_HANDLERS,
    PARENT | FRONT, TRACKER);

/* Each announce was answered when it came, and the peers stay. */
static void
tracker_on_front_closed(void *owner)
{
	(void)owner;
}

static const struct child_ops tracker_ops = {
	.message = tracker_on_message,
	.front_closed = tracker_on_front_closed,
	.at_once = ANNOUNCES_AT_ONCE,
};

/* It makes no call of its own. */
static void
tracker_selftest(void *owner, int dirfd)
{
	(void)owner;
	(void)dirfd;
	selftest_run(NULL, 0, NULL);
}

void
tracker_main(void)
{
	static struct tracker t;

	child_start(&t.child, ROLE_TRACKER, &tracker_ops, &t);
	child_confine(&t.child, NULL, 0, tracker_selftest);
	for (;;)
		(void)child_wait(&t.child, -1);
}
