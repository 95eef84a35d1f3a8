/* SPDX-License-Identifier: ISC */
/*
 * The parent: it binds sockets, starts and restarts children, and reloads.
 */
#ifndef PARENT_H
#define PARENT_H

#include "common/conf/conf.h"

struct parent;

/* The command line. */
struct options {
	char		*file;		/* absolute */
	const char	*hasher;	/* the other program */
	struct strings	 overrides;	/* of -o */
	bool		 foreground;	/* -d */
	bool		 check;		/* -n: only see whether it could work */
	bool		 verbose;
};

/*
 * Do everything that can fail before the first start of a child: check the
 * configuration, open programs, sockets and the access log, make the cache
 * directory.  The parent owns the configuration.  NULL with complaints.
 */
struct parent	*parent_new(const struct options *, struct conf *,
		    struct buf *errors);
/*
 * Start the children and serve until a signal.  ready_fd (-1: none) gets a NUL
 * when all children are ready, or the reason for a failure.  Returns the exit
 * status and frees the parent.
 */
int	 parent_run(struct parent *, int ready_fd);
/* For -n: start each role once as it is to work, touching nothing that a
   running service has.  0, or -1 with complaints, in a bounded time.  Frees
   the parent. */
int	 parent_check(struct parent *, struct buf *errors);

#endif
