/* SPDX-License-Identifier: ISC */
/*
 * A channel in a loop of libevent, which receives its messages and sends its
 * queue when the other end has room.
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
	struct event		 pause;		/* until it is read again */
};

/* Watch an open channel.  At most at_once messages are received before other
   events have their turn, and none for the rest of a second in which the
   channel had its work_max units.  0, or -1: out of memory. */
int	channel_event_start(struct channel_event *, struct event_base *,
	    struct channel *, const struct channel_ops *, void *owner,
	    unsigned at_once);
/* Call this before the channel is closed.  It may be stopped already. */
void	channel_event_stop(struct channel_event *);
/* As channel_send(); the loop sends a queued message, and logs an error other
   than EPIPE. */
int	channel_event_send(struct channel_event *, enum msg_type,
	    const void *body, const void *tail, size_t tail_len,
	    const int *fds, int nfds);

#endif
