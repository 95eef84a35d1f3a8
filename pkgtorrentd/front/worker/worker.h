/* SPDX-License-Identifier: ISC */
/*
 * The front's ends of the channels to its workers: the walkers, the hashers
 * and the cache.  Sending never waits: a message that the channel does not
 * take is queued in order.  The layers above are called for messages and for
 * lost channels; this one knows neither clients nor jobs.
 */
#ifndef WORKER_H
#define WORKER_H

#include "common/channel_event.h"
#include "common/child.h"
#include "pkgtorrentd/front/worker/ask.h"
#include "pkgtorrentd/front/worker/quarantine.h"

#define HASHERS_MAX	64

struct worker;

/* Calls to the layers above. */
struct worker_ops {
	/* Of the struct worker; see CHANNEL_DISPATCH.  A worker that sends a
	   wrong message is reported and lost. */
	channel_handler	*message;
	/* The channel has been closed. */
	void		(*lost)(struct worker *);
};

struct worker {
	struct workers		*all;
	struct channel		 ch;		/* fd -1: not connected */
	struct channel_event	 event;
	struct asks		 asks;		/* not of hashers */
	uint64_t		 heard_ms;	/* its last message, but for
						   MSG_COUNTS */
	uint64_t		 lost_ms;
	struct counts_gauges	 gauges;	/* among the child's counts */
};

struct workers {
	const struct worker_ops	*ops;
	void			*arg;		/* for the functions of ops */
	struct event_base	*base;
	struct child		*child;		/* to report to the parent */
	struct worker		 cache;
	struct worker		*walkers;	/* one per root of conf */
	size_t			 nwalkers;
	struct worker		 hashers[HASHERS_MAX];
	size_t			 nhashers;	/* configured */
	uint64_t		 last_id;	/* of a request to a worker */
	struct quarantine	 quarantine;
	struct quarantine	 suspects;	/* to be asked alone: over
						   these one may have ended */
};

/* No worker is connected yet.  The pointers must outlive the workers. */
void	workers_init(struct workers *, struct event_base *, struct child *,
	    const struct worker_ops *, void *arg);
/*
 * As many walkers as there are roots, none of them connected: the parent
 * sends channels to all of them anew.  Nothing is asked of them any more.  0,
 * or -1 without memory.
 */
int	workers_set_walkers(struct workers *, size_t n);
/* The first n hashers keep their channels; the others are closed, without a
   call of lost(). */
void	workers_set_hashers(struct workers *, size_t n);
/*
 * Take a channel (fd) that the parent sent for this role and index; the one
 * before it is lost first.  0, or -1: there is no such worker.
 */
int	workers_attach(struct workers *, enum role, uint32_t index, int fd);

/* Close the channel of a worker that is being replaced, and call lost(). */
void	worker_lose(struct worker *);
/*
 * Give the worker up if it was asked at asked_ms (with a message of this type)
 * and has sent nothing for limit_ms since: the parent is told, ends it and
 * starts another.
 */
void	worker_watch_answer(struct worker *, uint64_t asked_ms,
	    uint64_t limit_ms, enum msg_type);
/* The same if it has taken none of the queued messages for limit_ms. */
void	worker_watch_queue(struct worker *, uint64_t limit_ms);
/*
 * Is so much queued for the worker, or held until it has answered others, that
 * no new request should be started?  Requests under way may be finished.
 */
bool	worker_is_full(const struct worker *);
/*
 * May it be told something that it does not answer?  Not if it is full, nor
 * while a request is asked alone (ask.h): if the worker ended over what it was
 * told, that request would be convicted.
 */
bool	worker_may_be_told(const struct worker *);
/*
 * Send a message now, or queue it with duplicates of its descriptors.  0, or
 * -1: it is not connected.  A request that the next worker is to be sent as
 * well, should this one end before it answers, is a struct ask.
 */
int	worker_send(struct worker *, enum msg_type, const void *body,
	    const void *tail, size_t tail_len, const int *fds, int nfds);
/* The handler of MSG_COUNTS. */
enum msg_fault worker_on_counts(struct worker *, const struct msg *);

#endif
