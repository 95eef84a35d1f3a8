/* SPDX-License-Identifier: ISC */
/*
 * A part of a walk for warm.c: some files, as a walker sent them, and how far
 * each of them is.
 */
#ifndef WARM_PART_H
#define WARM_PART_H

#include "pkgtorrentd/front/job/warm.h"

enum warm_file_state {
	WARM_ASKED,		/* the cache will answer, … */
	WARM_TO_HASH,		/* … and has answered */
	WARM_WANTED,		/* of the hashers */
	WARM_SAME,		/* done in this round of WARM_CHECK */
	WARM_BAD,		/* it differs */
	WARM_COUNTED		/* done */
};

struct warm_file {
	struct hash_waiter	 waiter;
	enum warm_file_state	 state;
	bool			 checked;	/* in this round or another */
	uint8_t			 sum[SEAL_LEN];	/* of the cache's list */
	uint32_t		 got;		/* digests, from the cache */
	uint64_t		*count;		/* that it is counted in */
	struct identity		 identity;
	struct str		 path;		/* in the part's tail */
};

struct warm_part {
	TAILQ_ENTRY(warm_part)	 entry;
	bool			 known;		/* the cache has answered */
	uint32_t		 round;
	uint32_t		 piece_len;	/* of this round, bytes */
	uint32_t		 n;
	uint32_t		 first;		/* not done, if below n */
	uint32_t		 next;		/* to be hashed, if below n */
	uint32_t		 unanswered;	/* by the cache */
	uint32_t		 left_out;	/* by the walker */
	struct str		 position;	/* in the tail, or empty */
	struct buf		 tail;		/* of the walker's message */
	struct warm_file	 files[];
};

static inline const struct conf *
warm_conf(const struct warm *w)
{
	return w->workers->child->conf;
}

static inline struct str
warm_tree(const struct warm *w)
{
	return (struct str){ w->tree, w->tree_len };
}

/* The prefix of a root; the tree, or all of the root at hand that is in it. */
struct str warm_root_prefix(const struct conf *, size_t root);
struct str warm_root_tree(const struct warm *);

/* A part from the message of a walker, of at most WALK_FILES_MAX files.  NULL:
   the message is wrong. */
struct warm_part *warm_part_new(const struct warm *, const struct msg *);
/* Add it to the end of all parts.  Some of its files need no look into the
   cache. */
void	warm_part_add(struct warm *, struct warm_part *);
void	warm_part_free(struct warm *, struct warm_part *);
/* Take back what was counted of its files after the position. */
void	warm_part_uncount(struct warm *, const struct warm_part *);
/* All its files that are not done yet count as failed ones. */
void	warm_part_fail(struct warm *, struct warm_part *);
/* An item of the cache's answer for the part that is looked up, with its
   digests.  0, or -1: it is wrong. */
int	warm_part_take_item(struct warm *, const struct msg_pieces_item *,
	    const uint8_t *digests);
/* Count the files that are done, from its beginning.  Returns the last of them,
   or no path. */
struct str warm_part_settle(struct warm *, struct warm_part *);
/* Count a file that is done in one of the numbers of the report, or in none of
   them (NULL). */
void	warm_file_end(struct warm *, struct warm_file *, uint64_t *count);

#endif
