/* SPDX-License-Identifier: ISC */
/*
 * The listener of the keyword metrics: all numbers for Prometheus, in its text
 * format 0.0.4.  It knows GET and HEAD of /metrics, and nothing else; its
 * connections are apart from those of clients, and have a limit of their own.
 */
#ifndef METRICS_H
#define METRICS_H

#include "pkgtorrentd/front/conn/conn.h"

#define METRICS_SLOTS	4	/* connections; further ones get 503, … */
#define METRICS_CONNS	8	/* … or are closed */

struct metrics {
	struct conns	 conns;
	const uint64_t	*counts;	/* COUNT_ROWS of them */
	void		(*refresh)(void *arg);	/* brings these up to date */
	void		*arg;
};

/* Once, with counts, refresh and arg set.  0, or -1 without memory. */
int	metrics_init(struct metrics *, struct event_base *,
	    const struct conf *);

#endif
