/*
 * Whose turn it is.  Requests without globs come first, unless they have had
 * three quarters of the time; within each kind they take turns.  One that
 * finds all places taken has one turn at once, since most need no more, and
 * begins again when there is a place.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include "hasher/walker/resolution.h"

/* Of each kind under way at a time: bounds descriptors and memory. */
#define QUEUE_ACTIVE_MAX	8

struct line {
	struct resolutions	 active;	/* the first one is next */
	struct resolutions	 fresh;		/* have had no turn */
	struct resolutions	 waiting;
	unsigned		 nactive;
	bool			 fresh_is_next;
};

struct queue {
	struct line	 plain;
	struct line	 globs;
	uint64_t	 plain_us;	/* since globs had a turn, or none */
	unsigned	 count;
	size_t		 spec_bytes;	/* of all of them */
};

void	 queue_init(struct queue *);
/* Takes a request that passed resolution_check(). */
void	 queue_add(struct queue *, struct resolution *);
struct resolution *queue_find(const struct queue *, uint64_t id);
/* Whose turn it is, or NULL. */
struct resolution *queue_next(const struct queue *);
/* It had its turn, of so many microseconds, and may be done: the others of its
   kind come first. */
void	 queue_rotate(struct queue *, struct resolution *, uint64_t us);
/* Frees it. */
void	 queue_remove(struct queue *, struct resolution *);
void	 queue_clear(struct queue *);

#endif
