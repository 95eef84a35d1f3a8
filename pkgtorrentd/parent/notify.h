/* SPDX-License-Identifier: ISC */
/*
 * The service manager's readiness protocol, sd_notify(3), by plain datagrams.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <sys/socket.h>
#include <sys/un.h>

#include "common/conf/conf.h"

struct notify {
	int			fd;		/* -1: nothing is sent */
	struct sockaddr_un	addr;
	socklen_t		addr_len;
	char			status[512];	/* sent last */
};

/*
 * path as in $NOTIFY_SOCKET: a path, "@" and an abstract name, or NULL.  With
 * NULL or an unusable path nothing is sent.
 */
void	notify_open(struct notify *, const char *path);

/*
 * Send assignments, one per line.  Never waits; serving goes on if the manager
 * does not listen.
 */
void	notify_send(const struct notify *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));
/* Send a status, a text without newlines, if it is another than the last. */
void	notify_status(struct notify *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));
/* Tell the manager that a start or a reload has ended. */
void	notify_ready(struct notify *, const struct conf *, bool refused);

#endif
