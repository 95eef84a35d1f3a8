/* SPDX-License-Identifier: ISC */
/*
 * For tests in which one end of a channel has been broken into: the other end
 * is a real role, the test is its peer and sends anything.
 */
#ifndef ROGUE_H
#define ROGUE_H

#include "tests/lib/proc.h"

#define ROGUE_FDS_MAX	100

/* A peer of the victim: the test. */
struct rogue {
	struct proc	*victim;
	struct channel	 ch;		/* fd -1: the victim closed it */
	uint64_t	 pings;
	/* Asks a question that any honest peer may ask.  true: the victim has
	   answered, and seen all that came before; false: it has closed the
	   channel. */
	bool		(*honest)(struct rogue *);
	/* Instead of rogue_refused(), where the victim is no child. */
	void		(*refused)(struct rogue *, uint32_t type,
			    enum msg_fault, const char *what);
	/* Puts an honest peer's message, to be spoilt, into a buffer of
	   MSG_MAX; returns its length.  MSG_HASH has one range.  NULL: there
	   is none. */
	size_t		(*honestly)(uint8_t *);
	/* Other answers on the way, for tests that look at them. */
	void		(*on_answer)(struct rogue *, struct msg *);
};

/* Starts a role on "www" as its mirror and "cache" as its cache; more: further
   lines of the configuration. */
void	rogue_start(struct proc *, enum role, const char *more);

/* A new channel, as after a restart of that peer. */
void	rogue_connect(struct rogue *, struct proc *, enum role self,
	    uint32_t index);

/* The next answer, if one is there: false when there is not.  A channel that
   the victim has closed is closed here as well. */
bool	rogue_take(struct rogue *, struct msg *);

/* Takes all answers that are there. */
void	rogue_drain(struct rogue *);

/* Waits for the answer of this type with this number, which is then the
   caller's; false: the victim has closed the channel. */
bool	rogue_await(struct rogue *, enum msg_type, uint64_t id, struct msg *);

/* The victim is a cache; does it answer?  Any question will do. */
bool	rogue_cache_answers(struct rogue *);

/*
 * Sends bytes around every check of msg_send().  The answers of a busy victim
 * are taken meanwhile; one that has closed the channel misses the rest.
 */
void	rogue_send(struct rogue *, const void *bytes, size_t len,
	    const int *fds, int nfds);

/* The same with the header that msg_send() would write. */
void	rogue_say(struct rogue *, uint32_t type, const void *body,
	    size_t body_len, const void *tail, size_t tail_len,
	    const int *fds, int nfds);

/*
 * After a wrong message: the victim has closed the channel and reported the
 * sender, the message and the fault, once; and a new channel is as good as the
 * first.
 */
void	rogue_refused(struct rogue *, uint32_t type, enum msg_fault,
	    const char *what);

#endif
