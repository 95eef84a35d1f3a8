/*
 * Requests are routed by their URLs, refused, or handed to torrents.c and
 * files.c.
 */
#ifndef SERVICE_H
#define SERVICE_H

#include "pkgtorrentd/front/serve/exchange.h"

/* Once, with jobs, conf and conns set: serve the connections.  0, or -1
   without memory. */
int	service_init(struct service *, struct event_base *,
	    struct channel *parent);

#endif
