/*
 * The other end of a TCP or Unix connection: reading requests, writing
 * answers, deadlines.  What a request means is front.c's matter.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <sys/queue.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/blob.h"
#include "pkgtorrentd/front/http/chunked.h"
#include "pkgtorrentd/front/http/http.h"
#include "pkgtorrentd/front/job/job.h"

struct front;
struct addr;

enum client_state {
	CLIENT_READ,	/* a request, or idle between two */
	CLIENT_BODY,	/* the head is complete, the body is not */
	CLIENT_WAIT,	/* for a job, or for a file to be opened */
	CLIENT_WRITE,
	CLIENT_END,	/* nothing more to say: to be closed when it is safe */
	CLIENT_DRAIN	/* reads what is still sent, then closes */
};

/* Each kind of deadline has one length, so its queue is filled in order. */
enum client_deadline {
	DEADLINE_NONE,
	DEADLINE_HEADER,
	DEADLINE_BODY,
	DEADLINE_IDLE,
	DEADLINE_WRITE,
	DEADLINE_DRAIN,
	DEADLINE_WAIT,
	DEADLINE_COUNT
};

/*
 * A stretch of an answer.  With a blob the bytes live as long as needed; with
 * none they are the caller's and are copied if they cannot go out at once;
 * without p they are zeros.
 */
struct part {
	const uint8_t	*p;
	uint64_t	 len;
	struct blob	*blob;
};
#define PARTS_MAX	5

TAILQ_HEAD(client_queue, client);

struct client {
	TAILQ_ENTRY(client)	 timed;		/* in the deadline's queue */
	struct front		*front;
	struct event		 ev;
	short			 watched;	/* EV_READ, EV_WRITE or 0 */
	int			 fd;
	enum client_state	 state;
	enum client_deadline	 deadline;
	uint64_t		 deadline_ms;

	int			 family;	/* of the peer */
	uint8_t			 ip[16];
	bool			 proxy;		/* its forwarded fields count */
	struct addr		*addr;		/* charged with connections */

	struct buf		 in;		/* read, not yet understood */
	size_t			 charged;	/* bytes of a body among it */
	size_t			 want;		/* bytes: a request with body;
						   SIZE_MAX: not known yet */
	struct chunked		 chunked;	/* its body, when that is */
	uint32_t		 requests;	/* answered here */
	bool			 said_continue;

	/* A request that waits: its bytes and what they say. */
	struct buf		 held;
	struct http_request	*req;
	struct addr		*asker;		/* charged with it, or NULL */
	struct waiter		 waiter;	/* for a job */
	uint64_t		 opening;	/* a file's id, or 0 */
	uint64_t		 since_ms;

	/* An answer that did not go out at once. */
	struct part		 parts[PARTS_MAX];
	unsigned		 nparts;
	unsigned		 part;
	struct blob		*copied;
	int			 file_fd;	/* sendfile after the parts */
	uint64_t		 file_at;
	uint64_t		 file_left;
	uint64_t		 progress;	/* bytes of an answer written,
						   or read when refused */
	uint64_t		 taken;		/* what the client had got … */
	uint64_t		 taken_ms;	/* … when it last took enough */
	bool			 closing;	/* once it is written */
	bool			 refused;	/* drain before closing */
	bool			 broken;	/* close at once */
};

/* The answer to a request, as reply.c makes it. */
struct answer {
	struct part	 parts[PARTS_MAX];
	unsigned	 nparts;
	int		 file_fd;		/* -1, or taken over */
	uint64_t	 file_at;
	uint64_t	 file_left;
	bool		 closing;
	bool		 refused;
};

/* A connection that was accepted; the descriptor is taken over. */
void	client_new(struct front *, int fd, const struct sockaddr *,
	    socklen_t);
/* Keep a request for later: the head that it was parsed from is copied, its
   body is not.  The address of who asks is taken over. */
int	client_hold(struct client *, const struct http_request *,
	    const char *bytes, struct addr *);
/*
 * Write an answer, at once as far as the socket takes it.  The client stays
 * valid; who answers from outside client.c calls client_resume() in the end.
 */
void	client_send(struct client *, const struct answer *);
/* Go on with what came after the answered request; may free the client. */
void	client_resume(struct client *);
/* Between client.c and client_write.c. */
void	client_set_deadline(struct client *, enum client_deadline);
void	client_watch(struct client *, short what);
void	client_forget_answer(struct client *);
void	client_forget_request(struct client *);
void	client_free(struct client *);
void	client_write(struct client *);	/* there is room; may free it */
bool	client_is_taking(struct client *);	/* or to be cut? */
/*
 * In client_body.c: a request whose head is complete, at the beginning of
 * *len bytes, and then its body, in which content_length is set.  How many
 * bytes it takes; 0: some are still to come, and what has come ends at *len
 * now; -1: it was refused, or answered.
 */
ssize_t	client_take_body(struct client *, struct http_request *, char *bytes,
	    size_t *len);
/* In client_body.c: more of what was read, 0 or -1; the same if it may be of a
   body, which is decoded, or refused; what was understood, or is of no use;
   who sends for too long when there is too much of all.  The last may free any
   client. */
int	client_keep_bytes(struct client *, const void *, size_t);
int	client_keep_body(struct client *, char *, size_t);
void	client_drop_bytes(struct client *, size_t);
void	clients_make_room(struct front *);

/* Deadlines that have passed. Called a few times a second. */
void	client_tick(struct front *);
/* Close connections on which nothing has been asked. */
void	client_close_idle(struct front *, bool first);

#endif
