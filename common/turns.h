/* SPDX-License-Identifier: ISC */
/*
 * A queue of work in which clients take turns: the work of one client is done
 * in its order, and after a turn the client comes behind all others.  Clients
 * are told apart by a number that their work is added under.
 */
#ifndef TURNS_H
#define TURNS_H

#include <sys/queue.h>

#include <stdint.h>

#define TURN_US		5000	/* the length of a turn, microseconds */
#define TURNS_LINES	1024	/* clients whose numbers are equal modulo this
				   share their turns */

struct turns_line;

/* A piece of work, to be embedded; it begins as zeros. */
struct turn {
	TAILQ_ENTRY(turn)	 entry;
	struct turns_line	*line;		/* NULL: it is not queued */
};

struct turns_line {
	TAILQ_ENTRY(turns_line)	 entry;		/* if it has work */
	TAILQ_HEAD(, turn)	 work;
};

struct turns {
	TAILQ_HEAD(, turns_line) ring;
	struct turns_line	 line[TURNS_LINES];
};

void	turns_init(struct turns *);
/* Queue work behind that of the same client; it must not be queued. */
void	turns_add(struct turns *, struct turn *, uint32_t client);
/* Take work out of the queue; it may not be queued. */
void	turns_remove(struct turns *, struct turn *);
/* The first work of the client whose turn it is, which stays queued; NULL:
   there is no work. */
struct turn *turns_first(const struct turns *);
/* The turn of that client has ended: it comes behind all others, unless its
   work is done.  line: that of the work at the time of turns_first(). */
void	turns_rotate(struct turns *, struct turns_line *line);

#endif
