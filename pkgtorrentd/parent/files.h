/*
 * Files that the parent opens or reads for its children: the trackers, the
 * access log, the cache directory.
 */
#ifndef FILES_H
#define FILES_H

#include "pkgtorrentd/parent/process.h"

/* The group of socket files; (gid_t)-1 if it stays as it is. */
gid_t	 files_socket_group(const struct parent *, const struct conf *);
/* Make the cache directory, if only it is missing. 0, or -1 and complaints. */
int	 files_make_cache(const struct conf *, bool privileged,
	    struct buf *errors);
/* A descriptor, -1 when it is no file, -2 with a complaint. */
int	 files_open_access_log(const struct conf *, struct buf *errors);
/* Read the trackers file if it is another one than last time, or forced.
   1: there is news for the front. */
int	 files_read_trackers(struct parent *, bool forced);
/* From time to time: if there is news, the front is told. */
void	 files_renew_trackers(struct parent *);
/* Trackers, access log, listening sockets. */
void	 files_send_front(struct parent *, struct process *front);

#endif
