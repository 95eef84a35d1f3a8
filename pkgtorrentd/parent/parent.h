/*
 * The parent: binds, starts, restarts, reloads.
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
 * Do everything that can fail before the first child is started: check the
 * configuration, open programs, sockets and the access log, make the cache
 * directory.  The configuration is taken over.  NULL with complaints.
 */
struct parent	*parent_new(const struct options *, struct conf *,
		    struct buf *errors);
/*
 * Start the children and serve until told to stop.  When all are ready a NUL
 * is written to ready_fd (-1: none), else the reason why not.  Returns the exit
 * status.  The parent is freed.
 */
int	 parent_run(struct parent *, int ready_fd);
/* Try whether all roles could work here.  0, or -1 with complaints, in a
   bounded time.  The parent is freed. */
int	 parent_check(struct parent *, struct buf *errors);

#endif
