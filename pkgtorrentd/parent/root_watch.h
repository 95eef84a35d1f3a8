/*
 * A walker stays in the directory that it entered.  When its root's path leads
 * to another one (mounted again, a link to the next snapshot), another is
 * started there, which takes over once it is ready; while the path leads
 * nowhere, or to where no walker can be, the old one stays.
 */
#ifndef ROOT_WATCH_H
#define ROOT_WATCH_H

#include "pkgtorrentd/parent/process.h"

/* What a walker says when it is ready. */
void	 root_watch_note(struct process *, const struct msg_ready *);
/* From time to time: all that can be looked at without waiting for others. */
void	 root_watch_check(struct parent *);
/* At SIGHUP: those that cannot. */
void	 root_watch_renew(struct parent *);

#endif
