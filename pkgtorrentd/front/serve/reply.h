/*
 * Answers, as the manual lists them, and their lines in the access log.
 */
#ifndef REPLY_H
#define REPLY_H

#include "pkgtorrentd/front/serve/exchange.h"

struct identity;
struct torrent;

/*
 * Each function answers the exchange's request with conn_send(): the exchange
 * must not be used afterwards if its request was parked.  after is CONN_KEEP,
 * which still closes the connection if the client or the service wants that,
 * or CONN_DRAIN if the request's body has not been read.
 *
 * Here a line of text: why without its newline, trusted; field is "" or one
 * more field with its CRLF.
 */
void	reply_text(const struct exchange *, int status, const char *why,
	    const char *field, enum conn_after after);
/* An answer without a body: the fields besides Date and Connection, and the
   cache state for the log. */
void	reply_empty(const struct exchange *, int status, const char *fields,
	    const char *state, enum conn_after after);
/* A torrent for this base URL.  state is for the log: hit, checked, made. */
void	reply_torrent(const struct exchange *, struct torrent *,
	    const char *base, bool simple, const char *state);
/* So many zeros. */
void	reply_nullfile(const struct exchange *, uint64_t len);
/* A file of the mirror; the descriptor is taken over. */
void	reply_file(const struct exchange *, int fd, const struct identity *);

/* For struct conn_ops: the connection has answered by itself. */
void	reply_on_refused(void *service, const struct conn *,
	    const struct http_request *, int status, size_t body_len);

#endif
