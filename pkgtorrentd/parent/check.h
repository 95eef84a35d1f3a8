/*
 * For -n each role is started once, as it is to work, and says that it could,
 * or why not.  Nothing that a running service has is touched.
 */
#ifndef CHECK_H
#define CHECK_H

struct buf;
struct parent;

/* conffile_check() by a process of its own, so that it has an end when a file
   server does not answer.  0, or -1 with complaints. */
int	 check_system(struct parent *, struct buf *errors);
/* 0, or -1 with complaints, in a bounded time. */
int	 check_run(struct parent *, struct buf *errors);

#endif
