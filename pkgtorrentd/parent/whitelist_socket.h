/* SPDX-License-Identifier: ISC */
/*
 * The connection to the socket of whitelist-socket.  The front can open none,
 * so the parent connects, with the rights and under the name of the front's
 * user, and hands the connection over.  It keeps no descriptor of it.
 */
#ifndef WHITELIST_SOCKET_H
#define WHITELIST_SOCKET_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "common/msg.h"

struct event;
struct parent;
struct process;

/* Begins as zeros. */
struct whitelist_socket {
	struct event	*timer;		/* NULL: not needed yet */
	uint32_t	 id;		/* of the last connection; 0: none */
	uint32_t	 lost;		/* the last one that was reported */
	uint64_t	 since_ms;	/* of the connection; 0: none */
	uint32_t	 delay_ms;	/* before the last try */
	bool		 said;		/* in the log: it does not work */
	uid_t		 uid;		/* of the front; 0: not looked up */
	gid_t		 gid;
};

/* Connect for a front that has just been started, or by another configuration;
   a connection to the same socket is kept in the second case. */
void	whitelist_socket_start(struct parent *);
void	whitelist_socket_reload(struct parent *, const struct conf *old);
/* The front has lost its connection. */
enum msg_fault whitelist_socket_on_lost(struct process *, const struct msg *);
void	whitelist_socket_free(struct parent *);

#endif
