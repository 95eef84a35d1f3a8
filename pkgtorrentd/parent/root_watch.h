/* SPDX-License-Identifier: ISC */
/*
 * A walker stays in the directory that it entered.  When its root's path leads
 * to another directory (a new mount, a link to the next snapshot), a new walker
 * is started there, and replaces the old one when it is ready.  The old one
 * stays while the path leads nowhere, or no walker can work there.
 */
#ifndef ROOT_WATCH_H
#define ROOT_WATCH_H

#include "pkgtorrentd/parent/process.h"

/*
 * Start walkers in the directories to which paths lead now.  Without told:
 * those of paths that can be checked without asking a file server.  With told,
 * at SIGHUP: those of the other paths.
 */
void	 root_watch_check(struct parent *, bool told);

#endif
