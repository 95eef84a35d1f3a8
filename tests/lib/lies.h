/* SPDX-License-Identifier: ISC */
/*
 * Messages that no honest peer sends: all that the table forbids, one after
 * another, and random ones that look as if they meant something.
 */
#ifndef LIES_H
#define LIES_H

#include "tests/lib/rogue.h"

#define BURST_MAX	8	/* lies at once */

struct lie {
	uint8_t	bytes[MSG_MAX + 64];
	size_t	len;
	int	fds[ROGUE_FDS_MAX];
	int	nfds;
};

/* Below that number; the same on every run and machine. */
uint32_t any(uint32_t below);
/* Small numbers, and numbers at the edges of types. */
uint32_t any_word(void);

#define ONE_OF(array)	(array)[any(sizeof(array) / sizeof((array)[0]))]

/* Descriptors of every kind; the last is the right one for a hasher. */
#define ROGUE_KINDS	13

extern int	rogue_fds[ROGUE_KINDS];

/* Opens them, in the working directory. */
void	rogue_open_fds(void);

/* Adds as much as there is room for. */
void	lie_add(struct lie *, const void *bytes, size_t len);
void	lie_add_words(struct lie *, size_t n);
/* Does nothing past its end. */
void	lie_set_word(struct lie *, size_t at, uint32_t word);

/* Makes a random message. */
void	lie_choose(struct lie *, const struct rogue *);

/* The fault of which the table alone accuses it; 0: none. */
enum msg_fault lie_fault(const struct lie *, const struct rogue *,
	    uint32_t *type);

/* Tells at least n lies at random: each is taken or refused as it should be,
   and some of each are. */
void	rogue_random(struct rogue *, uint32_t n);

/* Sends everything that the table forbids this peer; returns the number of
   messages. */
unsigned rogue_try_table(struct rogue *);

#endif
