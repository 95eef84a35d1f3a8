/*
 * Listening sockets: bound by the parent, used by the front.
 */
#ifndef LISTEN_H
#define LISTEN_H

#include <sys/stat.h>

#include "common/conf/conf.h"

struct listener {
	char			*text;		/* for the log */
	int			 fd;
	struct sockaddr_storage	 addr;
	socklen_t		 addr_len;
	char			*path;		/* socket file made by us, */
	struct stat		 st;		/* and which one it is */
};

struct listeners {
	struct listener	*v;
	size_t		 n;
	bool		 activated;	/* handed over by the service manager */
};

#define LISTEN_FIRST_FD	3		/* SD_LISTEN_FDS_START */

/*
 * Sockets handed over through $LISTEN_FDS (sd_listen_fds(3)), when they are
 * meant for this process; the variables are removed from the environment in
 * any case.  1: taken, listen is not looked at; 0: there are none; -1 with
 * complaints: they are not listening stream sockets.
 */
int	listen_take(struct listeners *, struct buf *errors);

/*
 * Open the sockets of the configuration.  Sockets of the same address are
 * taken over from kept (NULL at start), so that no connection in their queues
 * is lost; they are then in both sets.  gid: the group of socket files,
 * or (gid_t)-1.  0, or -1 with complaints and nothing opened.
 */
int	listen_open(struct listeners *, const struct conf *,
	    const struct listeners *kept, gid_t gid, struct buf *errors);

/* Close the set and remove its socket files, except those that are also in
   kept (may be NULL). */
void	listen_close(struct listeners *, const struct listeners *kept);

#endif
