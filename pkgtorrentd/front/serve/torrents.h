/*
 * Requests for torrents: answered from memory, or once a job has ended.
 */
#ifndef TORRENTS_H
#define TORRENTS_H

#include "pkgtorrentd/front/http/request.h"
#include "pkgtorrentd/front/serve/exchange.h"

/* Answer a request; its head is at bytes.  In single and simple mode, for one
   path or pattern; … */
void	torrents_answer_path(const struct exchange *, const char *bytes,
	    const struct request *);
/* … for a digest, with the paths in query or body, or without. */
void	torrents_answer_digest(const struct exchange *, const char *bytes,
	    const char *body, const struct request *);

#endif
