/* SPDX-License-Identifier: ISC */
/*
 * Announces on their way to the tracker and back.  Those of one turn of the
 * loop go together.  An announce that is not answered in time is given back to
 * its owner; this module knows neither clients nor torrents.
 */
#ifndef ANNOUNCEQ_H
#define ANNOUNCEQ_H

#include "common/channel_event.h"
#include "common/child.h"

/* An announce or a scrape, embedded in its owner's struct. */
struct announce_ask {
	TAILQ_ENTRY(announce_ask) entry;
	struct announceq	*q;		/* NULL: it is not asked */
	uint64_t		 id;
	uint64_t		 asked_ms;
	/* It is not asked any more: here is the answer, with its compact
	   peers; or NULL, there is none. */
	void			(*done)(struct announce_ask *,
				    const struct msg_peers_item *,
				    const uint8_t *peers);
};
TAILQ_HEAD(announce_asks, announce_ask);

struct announceq {
	struct event_base	*base;
	struct child		*child;		/* to report to the parent */
	struct channel		 ch;		/* fd -1: not connected */
	struct channel_event	 event;
	struct event		*flush_ev;
	struct announce_asks	 asks;		/* unanswered, oldest first */
	uint64_t		 last_id;	/* of an announce */
	uint64_t		 sent;		/* messages, so their numbers */
	uint64_t		 heard;		/* the last one answered */
	uint64_t		 due_ms;	/* asked, and heard nothing
						   since then; 0: not so */
	uint32_t		 count;		/* in batch */
	struct buf		 batch;		/* of this turn */
	struct counts_gauges	 gauges;	/* among the child's counts */
};

/* Not connected yet.  0, or -1 without memory. */
int	announceq_init(struct announceq *, struct event_base *,
	    struct child *);
/* Take a channel to the tracker that the parent sent. */
void	announceq_attach(struct announceq *, int fd);
/*
 * Ask for this announce; its id is set here.  0, or -1: the tracker is away, or
 * has not taken the messages before.
 */
int	announceq_ask(struct announceq *, struct announce_ask *,
	    struct msg_announce_item *);
/* The answer is not wanted any more; it may be there already. */
void	announce_leave(struct announce_ask *);
/* A few times a second: give back the announces that were not answered in
   time. */
void	announceq_tick(struct announceq *);

#endif
