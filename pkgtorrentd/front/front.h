/*
 * The front's parts.  One process, one loop, one struct.
 */
#ifndef FRONT_H
#define FRONT_H

#include "common/child.h"
#include "pkgtorrentd/front/conn/conn.h"
#include "pkgtorrentd/front/job/hashq.h"
#include "pkgtorrentd/front/job/job.h"
#include "pkgtorrentd/front/job/openq.h"
#include "pkgtorrentd/front/serve/service.h"
#include "pkgtorrentd/front/worker/worker.h"

struct front {
	struct child		 child;		/* parent's channel, conf */
	struct event_base	*base;
	struct event		*parent_ev;
	struct event		*tick_ev;
	uint32_t		 fds;		/* descriptors, at most */
	struct front_trial	*trial;		/* for front_selftest() */
	bool			 stopping;
	uint64_t		 stop_ms;

	struct conns		 conns;
	struct service		 service;

	struct workers		 workers;
	struct jobs		 jobs;
	struct openq		 openq;
	struct hashq		 hashq;

	struct buf		 trackers_next;	/* parts so far */
};

#endif
