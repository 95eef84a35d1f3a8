/* SPDX-License-Identifier: ISC */
/*
 * The numbers of all processes, as the front sent them last, with those of the
 * parent itself.  They are there at once: nothing waits for another process.
 */
#ifndef TOTALS_H
#define TOTALS_H

#include "common/counts.h"

struct parent;
struct process;

struct totals {
	uint64_t	counts[COUNT_ROWS];
	uint64_t	sent[COUNT_ROWS];	/* to the front at work */
	uint64_t	done;			/* bytes of a file that is
						   being hashed */
	uint64_t	size;
	char		path[SPEC_MAX + 1];	/* of that file, or "": no byte
						   of it is checked */
};

/* Begin with the time of the start. */
void	totals_start(struct parent *);
/* A new front knows no number. */
void	totals_forget(struct parent *);
/* Count the end of a process that gets a successor. */
void	totals_count_restart(struct parent *, enum role);
/* The restarts of all roles. */
uint64_t totals_restarts(const struct parent *);
/* Each second: send the numbers of the parent to the front, and a line with the
   most important ones to the service manager, as far as they have changed. */
void	totals_tick(struct parent *);
/* The handler of MSG_TOTALS. */
enum msg_fault totals_on_totals(struct process *, const struct msg *);

/*
 * For pkgtorrentctl(8), as lines: "hashing DONE SIZE PATH" if a file is being
 * hashed, in bytes and with the path escaped as in the log, and those of
 * counts_write().  Appended; 0, or -1 with ENOMEM.
 */
int	totals_write(const struct parent *, struct buf *);

#endif
