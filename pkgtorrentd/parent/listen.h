/* SPDX-License-Identifier: ISC */
/*
 * Listening sockets, which the parent binds for the front.
 */
#ifndef LISTEN_H
#define LISTEN_H

#include <sys/stat.h>

#include "common/conf/conf.h"

struct listener {
	char			*text;		/* for the log */
	int			 fd;
	struct sockaddr_storage	 name;		/* getsockname(2) at first */
	socklen_t		 name_len;
	struct sockaddr_storage	 addr;
	socklen_t		 addr_len;
	char			*path;		/* our socket file, or NULL */
	struct stat		 st;		/* its identity */
};

struct listeners {
	struct listener	*v;
	size_t		 n;
	bool		 activated;	/* handed over by the service manager */
};

#define LISTEN_FIRST_FD	3		/* SD_LISTEN_FDS_START */

/*
 * Take the sockets of $LISTEN_FDS (sd_listen_fds(3)), if they are for this
 * process, and remove the variables from the environment.  1: taken instead of
 * the configured ones; 0: there are none; -1 with complaints: they are not
 * listening stream sockets.
 */
int	listen_take(struct listeners *, struct buf *errors);

/*
 * Open the sockets of the configuration.  Those with an address of kept (NULL
 * at start) are shared with it, so that no connection in their queues is lost.
 * gid: the group of socket files, or (gid_t)-1.  0, or -1 with complaints and
 * nothing opened.
 */
int	listen_open(struct listeners *, const struct conf *,
	    const struct listeners *kept, gid_t gid, struct buf *errors);

/* The same for the socket of the keyword metrics, if there is to be one. */
int	listen_open_metrics(struct listeners *, const struct conf *,
	    const struct listeners *kept, gid_t gid, struct buf *errors);

/*
 * Open the control socket at this path instead, mode 0600; the one of kept
 * (may be NULL) is shared if it has that path.  0, or -1 with errno and nothing
 * opened.
 */
int	listen_open_control(struct listeners *, const char *path,
	    const struct listeners *kept);

/*
 * The front has the same sockets: broken into, it could have shut one down or
 * connected it.  Such a socket is made to listen again, with the same address
 * and for all processes that have it.  If that cannot be done, another one
 * takes its descriptor, unless the service manager opened it.  Returns the
 * number of sockets that did not listen, or -1 with the complaint about the
 * first that cannot listen again.  gid is that of listen_open().
 */
int	listen_revive(struct listeners *, gid_t gid, struct buf *errors);

/* Close the set and remove its socket files, except sockets that kept (may be
   NULL) has too. */
void	listen_close(struct listeners *, const struct listeners *kept);

#endif
