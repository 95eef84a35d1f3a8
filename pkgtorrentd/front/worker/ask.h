/* SPDX-License-Identifier: ISC */
/*
 * Requests to a worker that the next one is asked again if this one ends.  Any
 * that was unanswered then may be the reason, so it is asked again alone, when
 * the worker has no other.  If that worker ends too, the request is the reason:
 * it is convicted, and not asked a third time.
 */
#ifndef ASK_H
#define ASK_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker;

/* Bytes that each request counts beside its own. */
#define ASK_LEN		1024

/* A request.  The first members are this module's; the owner sets the others
   while it is not asked. */
struct ask {
	TAILQ_ENTRY(ask)	 entry;
	struct worker		*worker;	/* NULL: it is not asked */
	bool			 out;		/* the worker has it */
	bool			 suspect;	/* a worker has ended over it
						   or over another one */
	size_t			 len;		/* bytes to be sent, about */
	void			*owner;
	/* Send it now to the worker, which is connected. */
	void			(*send)(struct ask *);
	/* It is not asked any more.  The owner may free it, or start it again
	   with what is left of it, which is asked alone at once. */
	void			(*convict)(struct ask *);
};
TAILQ_HEAD(ask_list, ask);

/* The requests to one worker, each list in the order of asking. */
struct asks {
	struct ask_list	 out;		/* unanswered */
	struct ask_list	 held;		/* to be sent */
	struct ask_list	 suspects;	/* each to be sent alone */
	uint64_t	 len;		/* bytes of the held ones and of the
					   suspects */
	bool		 others;	/* the held ones have their turn */
	bool		 running;
};

void	asks_init(struct asks *);
/* Send whatever may be sent now: after a change of the lists, or once the
   worker is connected. */
void	asks_run(struct worker *);
/*
 * The worker's channel was closed.  ended: by the worker, or because it sent
 * something wrong or nothing; otherwise it is being replaced, and nothing that
 * it was asked is suspected.
 */
void	asks_lost(struct worker *, bool ended);
/* The worker is no more: nothing is asked any longer.  The owners are not
   called. */
void	asks_forget(struct worker *);

/* Ask a worker, now or once it is connected. */
void	ask_start(struct ask *, struct worker *);
/* It was answered, or the answer is not wanted any more; it may be asked no
   longer already. */
void	ask_end(struct ask *);

#endif
