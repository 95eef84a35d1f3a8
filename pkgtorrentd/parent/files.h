/* SPDX-License-Identifier: ISC */
/*
 * The files that the parent reads, checks, opens or makes: the configuration,
 * the trackers, the access log, the pid file, the cache directory.
 */
#ifndef FILES_H
#define FILES_H

#include <sys/stat.h>

#include "common/conf/conf.h"

struct parent;
struct process;

/* Read the configuration; NULL with complaints.  Only at the start it may be a
   pipe, whose end is waited for. */
struct conf	*files_read_conf(const char *file,
		    const struct strings *overrides, bool starting,
		    struct buf *errors);
/*
 * Check a configuration against the system.  With old, neither its unchanged
 * values are checked again, nor roots, nor a cache on a file server: their
 * processes do that.  For -n this takes a bounded time.  0, or -1 with
 * complaints.
 */
int	 files_check_conf(const struct parent *, const struct conf *,
	    const struct conf *old, struct buf *errors);
/* The group of socket files; (gid_t)-1 if it stays as it is. */
gid_t	 files_socket_group(const struct parent *, const struct conf *);
/* Make the cache directory if it is missing, and if with old (may be NULL) it
   is another, local one.  0, or -1 with complaints. */
int	 files_make_cache(const struct parent *, const struct conf *,
	    const struct conf *old, struct buf *errors);
/* A descriptor; -1 if the access log is not a file, -2 with a complaint. */
int	 files_open_access_log(const struct conf *, struct buf *errors);
/* The same for log-file; -1 too with -d, which logs to standard error. */
int	 files_open_log(const struct parent *, const struct conf *,
	    struct buf *errors);
/*
 * Read the file of tracker-key, if there is one that is not in the cache.  0,
 * or -1 with a complaint.
 */
int	 files_read_tracker_key(const struct conf *, uint8_t key[SEAL_LEN],
	    struct buf *errors);
/* Can the parent, as it is now, write the pid file later?  Nothing is made.  0,
   or -1 with a complaint. */
int	 files_check_pid(const struct conf *, struct buf *errors);
/* Write the number of this process to pid-file, if there is one.  0, or -1 with
   a reason, a constant or a text of strerror(3). */
int	 files_write_pid(struct parent *, const char **reason);
/*
 * Remove a file if it is still this one.  The directory is opened first: a user
 * to whom another one on the way belongs could otherwise lead the removal to a
 * file that was not looked at.  0, or -1 with errno.
 */
int	 files_unlink(const char *path, const struct stat *expected);
/* Read the trackers if the file has changed, and send the front new ones; if
   forced, read them always and send none. */
void	 files_read_trackers(struct parent *, bool forced);
/* Send the tracker's key, the trackers, the access log and the listening
   sockets. */
void	 files_send_front(struct parent *, struct process *front);

#endif
