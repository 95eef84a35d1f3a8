/* SPDX-License-Identifier: ISC */
/*
 * Files being hashed: which are to be opened, which range goes to which
 * hasher, and how that ended.  A file is hashed once however many jobs want
 * it; jobs take turns at the hashers.  Work in the background comes behind all
 * jobs.
 */
#ifndef HASHQ_H
#define HASHQ_H

#include <sys/queue.h>
#include <sys/tree.h>

#include <stdbool.h>
#include <stdlib.h>

#include "common/str.h"
#include "pkgtorrentd/front/job/openq.h"
#include "pkgtorrentd/front/job/puts.h"
#include "pkgtorrentd/front/worker/worker.h"

/* The digests of one file, shared by all jobs that need them. */
struct pieces {
	uint32_t	refs;
	uint32_t	count;
	uint8_t		digests[];	/* SHA1_LEN each */
};

struct pieces	*pieces_new(uint64_t count);	/* NULL without memory */

static inline void
pieces_unref(struct pieces *p)
{
	if (p != NULL && --p->refs == 0)
		free(p);
}

enum hash_status {
	HASH_OK = 1,
	HASH_CHANGED,		/* not the version that was asked for */
	HASH_GONE,		/* cannot be opened any longer */
	HASH_FAILED		/* read error, no memory */
};

struct hash_result {
	enum hash_status status;
	struct pieces	*pieces;	/* with HASH_OK; to be referenced */
	bool		 settled;	/* the pieces may be remembered */
};

/* A job's wait for a file, embedded in the job's struct for the file. */
struct hash_waiter {
	LIST_ENTRY(hash_waiter)	 entry;
	void			*owner;
	/* Called once, unless the waiter leaves before; it waits no longer.
	   No function of this module is to be called from here. */
	void			(*done)(struct hash_waiter *,
				    const struct hash_result *);
};

/* The waiter does not wait any longer, or did not. */
static inline void
hash_waiter_leave(struct hash_waiter *w)
{
	if (w->entry.le_prev != NULL)
		LIST_REMOVE(w, entry);
	w->entry.le_prev = NULL;
}

struct hashing;
struct hash_batch;
struct hash_group;
RB_HEAD(hashing_tree, hashing);
TAILQ_HEAD(hashing_list, hashing);
TAILQ_HEAD(hash_group_list, hash_group);

/* The files that one job wants; groups take turns. */
struct hash_group {
	TAILQ_ENTRY(hash_group)	 entry;		/* in fresh or running */
	TAILQ_ENTRY(hash_group)	 open_entry;	/* in to_open */
	struct hashing_list	 queued;
	struct hashing_list	 ready;
	uint32_t		 nopen;		/* opening or ready */
	uint32_t		 files;		/* not done */
	uint64_t		 partial;	/* bytes done of those */
	uint64_t		 size;		/* bytes of all its files */
	bool			 compares;	/* they are remembered already,
						   and stay as they are */
	uint64_t		 turn;		/* bytes, 0: not begun */
	bool			 listed;	/* has ready files */
	bool			 to_open;	/* has queued files */
	bool			 started;	/* not in fresh any more */
	bool			 released;	/* the job has ended */
};

/* The size of a group that no client waits for. */
#define HASH_BACKGROUND	UINT64_MAX

/* The batches that a hasher has. */
struct hashq_hasher {
	TAILQ_HEAD(, hash_batch) batches;
	uint32_t		 nbatches;
	uint64_t		 since_ms;	/* start of the first */
};

struct hashq {
	struct workers		*workers;
	struct openq		*openq;
	struct puts		 puts;
	struct hashing_tree	 tree;
	struct hash_group_list	 fresh;		/* short, no batch yet */
	struct hash_group_list	 running;
	struct hash_group_list	 background;
	struct hash_group_list	 to_open;
	struct hashq_hasher	 hashers[HASHERS_MAX];
	uint32_t		 nopen;		/* descriptors, or asked for */
	uint32_t		 open_max;	/* how many there may be */
	uint64_t		 left;		/* bytes to be hashed, but for
						   those in the background */
	uint64_t		 left_background;
	uint64_t		 hashed;	/* bytes so far */
	double			 rate;		/* bytes per second, smoothed */
	uint64_t		 rate_ms;	/* when it was last measured */
	uint64_t		 rate_hashed;	/* hashed then */
	bool			 rate_busy;	/* there were files then */
};

/* Of a file that is being hashed; the path is valid until the next event. */
struct hash_at_hand {
	const char	*path;
	uint64_t	 done;		/* bytes */
	uint64_t	 size;
};

void	hashq_init(struct hashq *, struct workers *, struct openq *);

/* For a job that wants so many bytes hashed, or HASH_BACKGROUND.  NULL without
   memory. */
struct hash_group *hash_group_new(uint64_t size);
/*
 * The job has ended, and its waiters have left.  Files that no other job wants
 * are dropped if they are not begun; the group frees itself after its last
 * file.
 */
void	hash_group_release(struct hashq *, struct hash_group *);

/*
 * Request a file's piece hashes.  If several jobs want it, it is scheduled
 * with the smallest.  path (len bytes, at most SPEC_MAX) and identity are
 * copied; the waiter, with its done set, stays the caller's.  0, or -1 without
 * memory.
 */
int	hashq_want(struct hashq *, struct hash_group *, struct hash_waiter *,
	    const char *path, size_t len, const struct identity *,
	    uint32_t piece_len);
/* A place among the files that are being hashed; zeros: before the first. */
struct hashq_place {
	uint32_t	 piece_len;
	struct identity	 identity;
	char		 path[SPEC_MAX + 1];
};
/*
 * Let nothing be remembered of files in a tree that are being hashed now: of
 * those behind the place, which moves, until this time of clock_us().  true:
 * that was the last.
 */
bool	hashq_forget(struct hashq *, struct str tree, struct hashq_place *,
	    uint64_t ends_us);
/* Send all batches that can be sent. */
void	hashq_run(struct hashq *);

/*
 * The roots have changed, and all hashers are lost: give up the open files that
 * the walker of another root would have to open now, since its seals would not
 * be believed of them.
 */
void	hashq_set_roots(struct hashq *, const struct conf *old,
	    const struct conf *new);
/* Give the batches of a lost hasher to others; ended: the process died, perhaps
   on one of its ranges. */
void	hashq_hasher_lost(struct hashq *, size_t, bool ended);
/* Measure the rate, and give up hashers that do not answer.  To be called a few
   times a second. */
void	hashq_tick(struct hashq *);
/* A file that a hasher has now; false: there is none. */
bool	hashq_at_hand(const struct hashq *, struct hash_at_hand *);
/* The part of hashq_tick() that measures the rate. */
void	hashq_measure(struct hashq *);
/* Seconds until so many bytes more are hashed, at the rate so far. */
uint32_t hashq_estimate(const struct hashq *, uint64_t bytes);

/* For MSG_DIGESTS.  Returns the fault in its content. */
enum msg_fault hashq_on_digests(struct hashq *, struct worker *,
	    struct msg *);

#endif
