/* SPDX-License-Identifier: ISC */
/*
 * What "pkgtorrentctl status" is told: lines of printable ASCII, each a word
 * and what follows it.
 *
 *	version TEXT
 *	pid N
 *	state STATE			of the service
 *	up SECONDS
 *	conf FILE
 *	layers NAMES			of the parent
 *	listening N			sockets
 *	trackers N			in the file of that name
 *	process ROLE INDEX PID STATE SECONDS RESTARTS LAYERS TITLE
 *	trouble TIME PRIORITY LINE	of the log, the oldest first
 *	hashing DONE SIZE PATH		bytes of a file, if one is being hashed
 *	count NAME VALUE NUMBER		of common/counts.h, for counts_set()
 *
 * SECONDS are those since the process was ready, INDEX is its number among its
 * role, and LAYERS are "-" before that.  A reader skips words that it does not
 * know.
 */
#ifndef STATUS_H
#define STATUS_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct parent;

/* Lines of warnings and errors that are kept, and the bytes of each. */
#define TROUBLES_MAX	16
#define TROUBLE_LEN	512

/* Begins as zeros. */
struct troubles {
	size_t		 n;		/* so far */
	struct trouble {
		int64_t	 time_s;	/* since 1970 */
		int	 priority;
		char	 text[TROUBLE_LEN];
	} last[TROUBLES_MAX];
};

/* Append those lines. */
void	 status_write(const struct parent *, struct buf *);
/* Count and keep a line of the log, a warning or an error. */
void	 status_keep_line(struct parent *, int priority, const char *line,
	    size_t len);

#endif
