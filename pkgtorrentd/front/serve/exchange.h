/*
 * The layer that serves, and one request with its answer.
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "pkgtorrentd/front/conn/conn.h"
#include "pkgtorrentd/front/serve/access.h"

struct jobs;

struct counters {
	uint64_t	requests;
	uint64_t	hits;		/* answered from memory at once */
	uint64_t	forbidden;	/* answered with 403, … */
	uint64_t	client_errors;	/* … another 4xx but 412, … */
	uint64_t	server_errors;	/* … 5xx */
};

struct service {
	struct jobs		*jobs;
	const struct conf	*conf;
	struct conns		*conns;
	struct access		 access;
	struct counters		 counters;
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
};

#endif
