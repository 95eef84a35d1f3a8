/*
 * The front's end of a channel to a walker, a hasher or the cache.  Sending
 * never waits: what the channel does not take is kept in order.
 */
#ifndef PEER_H
#define PEER_H

#include "common/channel_event.h"

struct front;

struct peer {
	struct front		*front;
	struct channel		 ch;		/* fd -1: not there now */
	struct channel_event	 event;
	uint64_t		 heard_ms;	/* its last message */
	uint64_t		 lost_ms;
};

/* Take a channel that the parent sent; an older one is closed first. */
int	peer_attach(struct front *, struct peer *, enum role, uint32_t index,
	    int fd);
void	peer_close(struct peer *);
/* Asked at that time, and nothing heard from it for so long? */
bool	peer_is_silent(const struct peer *, uint64_t asked_ms,
	    uint64_t limit_ms);
/* Give it up if it has taken nothing of what is kept for so long. */
void	peer_watch(struct peer *, uint64_t limit_ms);
/* No answer to this for too long: the parent ends it and starts another. */
void	peer_give_up(struct peer *, enum msg_type);
/* It does not read, and more is waiting for it than anybody should begin to
   ask.  What has been begun may be finished. */
bool	peer_is_full(const struct peer *);
/*
 * Send or keep for later; descriptors are duplicated when kept.  -1: nobody
 * there.  What is unfinished when a peer is lost is sent again by those who
 * asked, when the parent sends the next channel.
 */
int	peer_send(struct peer *, enum msg_type, const void *body,
	    const void *tail, size_t tail_len, const int *fds, int nfds);

#endif
