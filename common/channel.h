/* SPDX-License-Identifier: ISC */
/*
 * A channel: receiving messages, dispatching them to handlers, and queueing
 * messages while the other end is busy.
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include "common/msg.h"

/*
 * A handler of messages.  Returns FAULT_NONE, or FAULT_CONTENT or FAULT_SEAL if
 * the message breaks rules that only its receiver can check.  A handler that
 * keeps the descriptors sets nfds to 0; others are closed after it returns.
 */
typedef enum msg_fault channel_handler(void *owner, struct msg *);

/*
 * Defines name(), a channel_handler that calls the handler of each message.
 * HANDLERS(X) has a row X(MESSAGE, function) for each message that the message
 * table lets one of the senders (such as PARENT | FRONT) send to the receiver:
 * a missing, surplus or second row fails the build.  The functions take an
 * owner_type * or a void *.
 */
#define CHANNEL_DISPATCH(name, owner_type, HANDLERS, senders, receiver)	\
static enum msg_fault							\
name(void *owner, struct msg *msg)					\
{									\
	enum { CHANNEL_SENDERS = (senders), CHANNEL_RECEIVER = (receiver) };\
	owner_type *to = owner;						\
									\
	_Static_assert((0 HANDLERS(CHANNEL_HANDLED)) ==			\
	    (0 MSG_TABLE(CHANNEL_MAY_COME)), "the rows of " #HANDLERS	\
	    " are not the messages that may come");			\
	switch (msg->type) {						\
	HANDLERS(CHANNEL_CASE)						\
	default:							\
		return FAULT_TYPE;					\
	}								\
}									\
_Static_assert(MSG_COUNT <= 64, "a bit for each message")

#define CHANNEL_HANDLED(name, handler)	| 1ULL << MSG_##name
#define CHANNEL_MAY_COME(name, from, to, body, tail, fdmin, fdmax, bound) \
	| (unsigned long long)(((from) & CHANNEL_SENDERS) != 0 &&	\
	    ((to) & CHANNEL_RECEIVER) != 0) << MSG_##name
#define CHANNEL_CASE(name, handler)					\
	case MSG_##name:						\
		return handler(to, msg);

/* The events of a channel that its owner handles. */
struct channel_ops {
	/* A message that has passed the table's checks. */
	channel_handler	*message;
	/* Can the owner take another message?  NULL: always. */
	bool		(*has_room)(void *owner);
	/* A message that the table or its handler refuses. */
	void		(*wrong)(void *owner, const struct msg_wrong *);
	/* The other end was closed. */
	void		(*closed)(void *owner);
};

/* Take over fd.  The channel must not be open. */
void	channel_open(struct channel *, int fd, enum role self, enum role peer,
	    uint32_t index);
/* Close it and drop its queue.  It may be closed already. */
void	channel_close(struct channel *);

/*
 * The work that a receiver does for one channel.  A unit is a message, or each
 * CHANNEL_UNIT bytes of its tail, or something that its handler charges.
 */
#define CHANNEL_UNIT	8192

/* Charge a channel for work, in units. */
void	channel_charge(struct channel *, uint32_t units);
/* The milliseconds until messages are received again; 0: they are now.  A
   channel that has had ch->work_max units waits for the next second. */
unsigned channel_pause_ms(struct channel *);

/*
 * Receive messages, at most this many, until there are none, or the channel has
 * had its work of this second, or the owner has closed it or has no room.
 * Returns the number of messages handled.
 */
unsigned channel_receive(struct channel *, const struct channel_ops *,
	    void *owner, unsigned most);

/*
 * Send as msg_send() does, or while the other end is busy queue the message,
 * with duplicates of the descriptors, for channel_flush().  0, or -1 with
 * errno (EPIPE: closed).  Without memory for the queue the process exits,
 * because the sender would wait for an answer for ever.
 */
int	channel_send(struct channel *, enum msg_type, const void *body,
	    const void *tail, size_t tail_len, const int *fds, int nfds);
/* Replace the body of a queued message of this type.  False: there is none. */
bool	channel_replace(struct channel *, enum msg_type, const void *body);
/* Send queued messages until the other end is busy.  0, or -1 with errno, and
   the queue is dropped. */
int	channel_flush(struct channel *);
/* The type of the oldest queued message; MSG_NONE: there is none. */
enum msg_type channel_first_kept(const struct channel *);

#endif
