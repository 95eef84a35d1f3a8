/*
 * A channel at work: one loop that receives, one queue for the messages that
 * the other end does not take yet, one way from a message to its handler.
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include "common/msg.h"

/*
 * A handler of messages.  FAULT_NONE, or the message breaks the rules that
 * only its receiver can check: FAULT_CONTENT, FAULT_SEAL.  Descriptors that
 * the handler keeps are taken out of the message (nfds = 0); others are
 * closed after it returns.
 */
typedef enum msg_fault channel_handler(void *owner, struct msg *);

/*
 * Defines name(), a channel_handler that calls the handler of each message.
 * HANDLERS(X) has a row X(MESSAGE, function) for each message that the message
 * table lets one of the senders (PARENT | FRONT, say) send to the receiver
 * (CACHE, say): a row too few or too many fails the build, and so does a
 * second row for a message.  The functions take an owner_type * or a void *.
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
#define CHANNEL_MAY_COME(name, from, to, body, tail, fdmin, fdmax)	\
	| (unsigned long long)(((from) & CHANNEL_SENDERS) != 0 &&	\
	    ((to) & CHANNEL_RECEIVER) != 0) << MSG_##name
#define CHANNEL_CASE(name, handler)					\
	case MSG_##name:						\
		return handler(to, msg);

/* The owner of a channel is called for: */
struct channel_ops {
	/* A message that has passed the table's checks. */
	channel_handler	*message;
	/* Is there room for another one?  NULL: always. */
	bool		(*has_room)(void *owner);
	/* A message that the table or its handler refuses. */
	void		(*wrong)(void *owner, const struct msg_wrong *);
	/* The end of the channel: the other end is closed. */
	void		(*closed)(void *owner);
};

/* Take over fd.  The channel must not be open. */
void	channel_open(struct channel *, int fd, enum role self, enum role peer,
	    uint32_t index);
/* Close it, with all that it still has to send.  May be closed already. */
void	channel_close(struct channel *);

/*
 * Receive messages, one after the other, until there are none, or most of
 * them were received, or the owner closed the channel or has no room.  Returns
 * how many were handled.
 */
unsigned channel_receive(struct channel *, const struct channel_ops *,
	    void *owner, unsigned most);

/*
 * Send, or keep for channel_flush() while the other end is busy; a kept
 * message has duplicates of the descriptors, which stay the caller's.  Takes
 * the arguments of msg_send().  0, or -1 with errno: closed or EPIPE.  Ends
 * the process if there is no memory to keep it: a request that is lost would
 * be waited for.
 */
int	channel_send(struct channel *, enum msg_type, const void *body,
	    const void *tail, size_t tail_len, const int *fds, int nfds);
/* Put body in place of that of a kept message of this type, if there is one:
   true. */
bool	channel_replace(struct channel *, enum msg_type, const void *body);
/* Send kept messages as long as they are taken.  0, or -1 with errno: they
   are dropped. */
int	channel_flush(struct channel *);
/* The type of the message that is kept for the longest; MSG_NONE: none. */
enum msg_type channel_first_kept(const struct channel *);

#endif
