/*
 * A walker stays in the directory that it entered.  When its root's path leads
 * to another one (mounted again, a link to the next snapshot), another is
 * started there, which takes over once it is ready; while the path leads
 * nowhere, or to where no walker can be, the old one stays.
 */
#ifndef ROOT_WATCH_H
#define ROOT_WATCH_H

#include "pkgtorrentd/parent/process.h"

/*
 * Start walkers where paths lead to other directories.  From time to time:
 * where that can be seen without waiting for a file server.  told, at SIGHUP:
 * where it cannot.
 */
void	 root_watch_check(struct parent *, bool told);

#endif
