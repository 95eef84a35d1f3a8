/* SPDX-License-Identifier: ISC */
/*
 * The layer that serves, and one request with its answer.
 */
#ifndef SERVICE_H
#define SERVICE_H

#include "pkgtorrentd/front/conn/conn.h"
#include "pkgtorrentd/front/http/request.h"
#include "pkgtorrentd/front/serve/announces.h"

struct jobs;
struct whitelist;

/*
 * The access log: combined format, then cache state, milliseconds of hashing
 * and info hash.  Lines are collected and written in blocks.
 */
struct access {
	struct channel	*parent;	/* gets the lines if there is no fd */
	int		 fd;		/* -1: none */
	bool		 cut;		/* the file ends in half a line */
	uint32_t	 lost;		/* lines that found no room */
	struct buf	 lines;		/* not yet written */
	struct event	*ev;
};

/* The steps taken because answer-memory was full, up to the last line about it
   in the log. */
struct answer_memory {
	uint64_t	closed;		/* connections */
	uint64_t	refused;	/* torrents */
	uint64_t	log_ms;
};

/* The owner sets jobs, conf, conns, counts, whitelist, started_ns, and parent
   and fd of access. */
struct service {
	struct jobs		*jobs;
	const struct conf	*conf;
	struct conns		*conns;
	struct whitelist	*whitelist;
	uint64_t		 listing;	/* bytes of large torrents that
						   wait for the whitelist */
	struct access		 access;
	uint64_t		*counts;	/* COUNT_ROWS of them */
	struct answer_memory	 memory;
	struct announces	 announces;
	struct buf		 trackers;	/* announce URLs, in lines, and
						   a NUL; or nothing */
	uint32_t		 generation;	/* of trackers and conf: older
						   wraps are stale */
	int64_t			 started_ns;	/* time of day */
};

struct exchange {
	struct service			*service;
	struct conn			*conn;
	const struct http_request	*req;
	uint64_t			 since_us; /* it waits; 0: it does
						      not */
};

/* Serve connections; arg is the struct service. */
extern const struct conn_ops service_ops;

/*
 * Answer a request for a torrent, from memory or once a job has ended: for one
 * path or pattern, or for a digest, with the paths in query or body, or
 * without.  The request's head is at bytes.
 */
void	torrents_answer(const struct exchange *, const char *bytes,
	    const char *body, const struct request *);
/*
 * Answer a request for a file of the mirror, where it is its own web seed, or
 * for a null file, which stands for padding.  The request's head is at bytes.
 */
void	files_answer(const struct exchange *, const char *bytes,
	    const struct request *);

#endif
