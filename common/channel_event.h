/*
 * A channel in a loop of libevent: it is read when there is something to
 * read, and its queue is sent when the other end has room.
 */
#ifndef CHANNEL_EVENT_H
#define CHANNEL_EVENT_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/channel.h"

struct channel_event {
	struct channel		*ch;		/* NULL: not in a loop */
	const struct channel_ops *ops;
	void			*owner;
	unsigned		 at_once;
	struct event		 readable;
	struct event		 writable;
};

/*
 * Watch an open channel.  at_once messages are received before other events
 * have their turn.  0, or -1: no memory.
 */
int	channel_event_start(struct channel_event *, struct event_base *,
	    struct channel *, const struct channel_ops *, void *owner,
	    unsigned at_once);
/* To be called before the channel is closed.  May be stopped already. */
void	channel_event_stop(struct channel_event *);
/* As channel_send(); a kept message is sent when there is room. */
int	channel_event_send(struct channel_event *, enum msg_type,
	    const void *body, const void *tail, size_t tail_len,
	    const int *fds, int nfds);

#endif
