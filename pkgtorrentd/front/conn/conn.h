/* SPDX-License-Identifier: ISC */
/*
 * Connections of TCP and Unix sockets: accepting them, reading requests,
 * writing answers, deadlines and limits.  The layer above gives requests a
 * meaning; it is called by struct conn_ops.
 */
#ifndef CONN_H
#define CONN_H

#include <sys/queue.h>

#include <event2/event.h>

#include "common/addr.h"
#include "common/conf/conf.h"
#include "common/msg.h"
#include "pkgtorrentd/front/conn/out.h"
#include "pkgtorrentd/front/http/head.h"
#include "pkgtorrentd/front/http/http.h"

struct conn;
struct listener;

/* The other end of a connection. */
struct conn_peer {
	int	family;		/* AF_UNIX, AF_INET or AF_INET6 */
	uint8_t	ip[16];
	bool	proxy;		/* its X-Forwarded- fields are believed */
};

struct conn_ops {
	/*
	 * A complete request: bytes begin with its head, body follows, and
	 * content_length is its length.  Answer it by conn_send(), or keep it
	 * by conn_park(), before returning.  With body NULL the head of a
	 * request that is to have a body has arrived: return 1 to have the
	 * body read, or answer and return 0.  The result is ignored if body is
	 * not NULL.
	 */
	int	(*request)(void *arg, struct conn *,
		    const struct http_request *, const char *bytes,
		    const char *body);
	/* The connection itself has answered, with this status and so many
	   bytes of body.  The request may be filled in part, or NULL. */
	void	(*refused)(void *arg, const struct conn *,
		    const struct http_request *, int status,
		    size_t body_len);
};

/* A parked request, embedded in the owner's struct. */
struct conn_parked {
	/* It has waited for hash-wait: answer and free it. */
	void	(*expired)(struct conn_parked *);
	/* Its connection is gone: free it. */
	void	(*freed)(struct conn_parked *);
};

/* How a connection goes on after an answer. */
enum conn_after {
	CONN_KEEP,
	CONN_CLOSE,
	CONN_DRAIN	/* close, and discard the bytes still to come */
};

/* Each kind of deadline has one length, so its queue is filled in order. */
enum conn_deadline {
	DEADLINE_NONE,
	DEADLINE_HEADER,
	DEADLINE_BODY,
	DEADLINE_IDLE,
	DEADLINE_WRITE,
	DEADLINE_DRAIN,
	DEADLINE_WAIT,
	DEADLINE_COUNT
};

TAILQ_HEAD(conn_queue, conn);

struct listeners {
	struct listener	*v;
	size_t		 n;
};

/* All connections.  The fields up to arg are set by the owner. */
struct conns {
	struct event_base	*base;
	const struct conf	*conf;
	uint32_t		 slots;		/* connections past this number
						   are answered with 503 */
	uint32_t		 max;		/* connections past this number
						   are closed */
	const struct conn_ops	*ops;
	void			*arg;		/* of the callbacks */

	uint32_t		 n;		/* connections open */
	uint64_t		 accepted;
	uint64_t		 refused;	/* connections over a limit */
	uint64_t		 sent;		/* bytes */
	struct addrs		 addrs;
	bool			 stopping;
	char			 date[HEAD_DATE_LEN];	/* now, for Date */
	int64_t			 date_s;

	/* For conn.c alone. */
	struct conn_queue	 deadlines[DEADLINE_COUNT];
	struct event		*tick_ev;
	uint64_t		 bodies;	/* bytes being received */
	char			*scratch;	/* bytes just read */
	uint64_t		 stop_first_ms;
	struct listeners	 listeners;
	struct listeners	 next;		/* the set that MSG_LISTENER is
						   sending */
	bool			 paused;	/* no descriptors left */
	uint64_t		 paused_log_ms;
};

/* Once, with base set. 0, or -1 without memory. */
int	conns_init(struct conns *);
/* A listening socket of MSG_LISTENER; a complete set, or none, replaces the one
   before. */
enum msg_fault conns_on_listener(struct conns *, struct msg *);
/* Accept nothing any more; close each connection once it has no request. */
void	conns_stop(struct conns *);

/*
 * Connections that write torrents which hot memory does not hold: close the
 * slowest of these until all of them, with so many bytes of others, take at
 * most max, and until each client, with what is made for it, takes at most
 * max_client.  One that is alone with its torrent is left, and one whose rate
 * is not known yet.  Adds the number of those closed to *closed.  Returns the
 * bytes that the connections take now; written of each addr is set.
 */
uint64_t conns_fit(struct conns *, uint64_t others, uint64_t max,
	    uint64_t max_client, uint64_t *closed);

const struct conn_peer *conn_peer(const struct conn *);
/*
 * Answer the request at hand, or the parked one, which this leaves to its
 * owner again.  The answer's file is taken over.  As many bytes as the socket
 * has room for are written at once.  After an answer to a parked request the
 * connection reads on, and may be gone on return.
 */
void	conn_send(struct conn *, const struct out *, enum conn_after);
/* Answer the request at hand later. */
void	conn_park(struct conn *, struct conn_parked *);

#endif
