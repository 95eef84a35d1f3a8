/* SPDX-License-Identifier: ISC */
/*
 * The progress of a walk: a bar on a terminal, a line now and then elsewhere.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Begins as zeros, but for the first two members. */
struct progress {
	const char	*what;		/* before each line */
	uint64_t	 bytes;		/* in all */
	uint64_t	 done;		/* bytes, when the rate was measured */
	uint64_t	 measured_ms;	/* 0: not yet */
	double		 rate;		/* bytes per second */
	uint64_t	 shown_ms;	/* the last line elsewhere */
	bool		 bar;		/* is on the terminal */
};

/* So many bytes are done; file: printable, the one at hand, or "". */
void	 progress_show(struct progress *, uint64_t done, const char *file);
/* Take the bar away: something else is printed next. */
void	 progress_hide(struct progress *);

#endif
