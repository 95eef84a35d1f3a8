/* SPDX-License-Identifier: ISC */
/*
 * The listening sockets, for conn.c: connections are accepted, and handed to
 * conn_new().
 */
#ifndef LISTENERS_H
#define LISTENERS_H

#include <sys/socket.h>

#include "pkgtorrentd/front/conn/conn.h"

/* Take over the descriptor of an accepted connection, with its address. */
void	conn_new(struct conns *, int fd, const struct sockaddr_storage *,
	    socklen_t len);

/* Accept again after a lack of descriptors. */
void	listeners_resume(struct conns *);
/* Accept all connections that wait, and close the sockets. */
void	listeners_stop(struct conns *);

#endif
