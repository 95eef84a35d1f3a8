/*
 * From a request to its answer: the meaning of URLs, and requests that wait
 * for a job or for a file.
 */
#ifndef SERVICE_H
#define SERVICE_H

#include "pkgtorrentd/front/serve/exchange.h"

/* Once, with front, conf and conns set: serve the connections.  0, or -1
   without memory. */
int	service_init(struct service *, struct event_base *,
	    struct channel *parent);

#endif
