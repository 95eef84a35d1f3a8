/* SPDX-License-Identifier: ISC */
/*
 * Answers of any kind, with their lines in the access log, and requests that
 * are answered later.
 */
#ifndef REPLY_H
#define REPLY_H

#include "pkgtorrentd/front/serve/service.h"

struct access_line {
	int		 status;
	uint64_t	 body_len;
	const char	*state;		/* "-": no torrent */
	uint64_t	 hash_ms;
	const char	*info_hash;	/* in hex, or "-" */
};

/*
 * The functions that answer end in conn_send(): if the request was parked, the
 * connection may be gone afterwards.  after is CONN_KEEP, which still closes
 * the connection if the client or the service wants that, CONN_CLOSE to close
 * in any case, or CONN_DRAIN if the request's body has not been read.
 *
 * Answer with one line of text, why, without its newline and with no byte of a
 * client.  field is "" or one more field with its CRLF.
 */
void	reply_text(const struct exchange *, int status, const char *why,
	    const char *field, enum conn_after after);
/* Answer without a body; fields are all fields but Date and Connection, state
   is the cache state for the log. */
void	reply_empty(const struct exchange *, int status, const char *fields,
	    const char *state, enum conn_after after);
/*
 * Any other answer: the caller makes the head, has it ended and added, adds
 * the body, and sends both with the result of reply_add_head().
 */
enum conn_after reply_add_head(const struct exchange *, struct head *,
	    struct out *, enum conn_after after);
/* Count and log an answer.  Some fields of the request may be unset; NULL:
   nothing could be read. */
void	reply_log(struct service *, const struct conn *,
	    const struct http_request *, const struct access_line *);
/* Write the collected lines of the access log, and go on with this descriptor,
   which is taken over; -1: with the parent. */
void	reply_set_log(struct access *, int fd);

/* Count and log an answer to this request, and send it; its file is taken
   over. */
void	reply_send(const struct exchange *, const struct out *,
	    const struct access_line *, enum conn_after after);

/*
 * The client of a request: the other end of the connection or, if that is a
 * proxy, the address that it forwards.  proxy is set if the proxies name no
 * client.
 */
void	reply_client(const struct conf *, const struct conn_peer *,
	    const struct http_request *, struct conn_peer *client);
/* The client that is charged with the request, as a reference; NULL if there is
   none, or no memory. */
struct addr	*reply_addr(const struct exchange *);

/* A parked request.  It is embedded in a struct for its kind of wait. */
struct parked {
	struct conn_parked	 on;		/* first, to be found by it */
	struct exchange		 x;		/* x.req points to req */
	struct http_request	 req;		/* points into head */
	char			*head;		/* a copy of the request's
						   head */
	struct addr		*addr;		/* charged with it, or NULL */
};

/*
 * Prepare a request, with its head at bytes, to be answered later; the fields
 * of on are the caller's to set, before conn_park().  0, or -1 if the request
 * was answered.
 */
int	reply_park(struct parked *, const struct exchange *,
	    const char *bytes);
/* Its client waits no longer.  To be called before the answer, which may begin
   the next request of the connection. */
void	reply_uncharge(struct parked *);
/* Release all of it but the struct itself. */
void	reply_unpark(struct parked *);

#endif
