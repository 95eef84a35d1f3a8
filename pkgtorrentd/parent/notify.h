/*
 * The service manager's readiness protocol, sd_notify(3), by plain datagrams.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <sys/socket.h>
#include <sys/un.h>

struct notify {
	int			fd;		/* -1: nothing is sent */
	struct sockaddr_un	addr;
	socklen_t		addr_len;
};

/*
 * path as in $NOTIFY_SOCKET: a path, "@" and an abstract name, or NULL.  One
 * that cannot be used counts as NULL: nothing is sent.
 */
void	notify_open(struct notify *, const char *path);

/*
 * Assignments, one per line.  Never waits; a manager that does not listen is
 * no reason to stop serving.
 */
void	notify_send(const struct notify *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));

#endif
