/*
 * Answers, as the manual lists them, and their lines in the access log.
 */
#ifndef REPLY_H
#define REPLY_H

#include "pkgtorrentd/front/conn/client.h"
#include "pkgtorrentd/front/job/hot.h"

struct identity;

/*
 * An error with one line of text; why is trusted text without its newline.
 * The connection stays, unless the request's body has not been read.
 */
void	reply_error(struct client *, const struct http_request *, int status,
	    const char *why);
/* 405, 503: with one more field ("Allow: GET\r\n"). */
void	reply_error_with(struct client *, const struct http_request *,
	    int status, const char *why, const char *field);
/* The same, and the connection is drained and closed; req may be NULL or
   half filled. */
void	reply_refuse(struct client *, const struct http_request *, int status,
	    const char *why);
void	reply_refuse_with(struct client *, const struct http_request *,
	    int status, const char *why, const char *field);
/* 412: the digest is not known; what makes a client send its paths. */
void	reply_unknown(struct client *, const struct http_request *);
/* Answers to OPTIONS; a body that has not been read ends the connection. */
void	reply_options(struct client *, const struct http_request *,
	    const char *allow, bool body_read);
/* 400: a torrent would name the host, and the request does not. */
void	reply_no_host(struct client *, const struct http_request *);
/* state is for the access log: hit, checked, made; base NULL is no host. */
void	reply_torrent(struct client *, const struct http_request *,
	    struct torrent *, const char *base, bool simple,
	    const char *state);
void	reply_nullfile(struct client *, const struct http_request *,
	    uint64_t len);
/* Takes the descriptor. */
void	reply_file(struct client *, const struct http_request *, int fd,
	    const struct identity *);

/* Status line and fields of a torrent that do not change from answer to
   answer; NULL without memory. */
struct blob *reply_torrent_head(const struct torrent *, const struct wrap *);

#endif
