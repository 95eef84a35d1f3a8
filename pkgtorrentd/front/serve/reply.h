/*
 * Answers of any kind, with their lines in the access log, and requests that
 * are answered later.
 */
#ifndef REPLY_H
#define REPLY_H

#include "pkgtorrentd/front/serve/exchange.h"

/*
 * The functions that answer end in conn_send(): if the request was parked, the
 * connection may be gone afterwards.  after is CONN_KEEP, which still closes
 * the connection if the client or the service wants that, or CONN_DRAIN if the
 * request's body has not been read.
 *
 * A line of text: why without its newline, trusted; field is "" or one more
 * field with its CRLF.
 */
void	reply_text(const struct exchange *, int status, const char *why,
	    const char *field, enum conn_after after);
/* No body: the fields besides Date and Connection, and the cache state for the
   log. */
void	reply_empty(const struct exchange *, int status, const char *fields,
	    const char *state, enum conn_after after);
/*
 * Any other answer: the caller makes the head, has it ended and added, adds
 * the body, and sends both with the result of reply_add_head().
 */
enum conn_after reply_add_head(const struct exchange *, struct head *,
	    struct out *, enum conn_after after);
void	reply_send(const struct exchange *, const struct out *,
	    const struct access_line *, enum conn_after after);
/* Count and log an answer. */
void	reply_log(struct service *, const struct conn *,
	    const struct http_request *, const struct access_line *);

/* A request that waits.  It is embedded in a struct for its kind of wait. */
struct parked {
	struct exchange		 x;		/* with req … */
	struct http_request	 req;		/* … that points into … */
	char			*head;		/* … its copied head */
	struct addr		*addr;		/* charged with it, or NULL */
	/* It has waited for hash-wait: answer and free it. */
	void			(*expired)(struct parked *);
	/* Its connection is gone: free it. */
	void			(*freed)(struct parked *);
};

/*
 * Prepare a request, with its head at bytes, to be answered later; expired and
 * freed are the caller's to set, before conn_park().  0, or -1 if the request
 * was answered.
 */
int	reply_park(struct parked *, const struct exchange *,
	    const char *bytes);
/* Release all of it but the struct itself. */
void	reply_unpark(struct parked *);

#endif
