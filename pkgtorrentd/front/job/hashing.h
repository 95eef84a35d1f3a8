/*
 * Files being hashed: which are to be opened, which range goes to which
 * hasher, what became of it.  A file is hashed once however many jobs want
 * it; jobs take turns at the hashers.
 */
#ifndef HASHING_H
#define HASHING_H

#include <sys/queue.h>
#include <sys/tree.h>

#include <stdbool.h>

#include "common/listing.h"
#include "pkgtorrentd/front/worker/worker.h"

struct front;
struct worker;

/* The digests of one file, shared by those who need them. */
struct pieces {
	uint32_t	refs;
	uint32_t	count;
	uint8_t		digests[];	/* SHA1_LEN each */
};

struct pieces	*pieces_new(uint64_t count);	/* NULL without memory */
struct pieces	*pieces_ref(struct pieces *);
void		 pieces_unref(struct pieces *);

enum hashing_state {
	HASHING_QUEUED,		/* to be opened */
	HASHING_OPENING,	/* the walker has been asked */
	HASHING_READY,		/* open, with ranges left to hand out */
	HASHING_OUT		/* all ranges are with hashers, or done */
};

enum hashing_result {
	HASHING_OK = 1,
	HASHING_CHANGED,	/* not the version that was asked for */
	HASHING_GONE,		/* cannot be opened any longer */
	HASHING_FAILED		/* read error, no memory */
};

/* A range that a lost hasher leaves behind. */
struct range {
	TAILQ_ENTRY(range)	entry;
	uint64_t		offset;
	uint64_t		len;
	unsigned		losses;
};
TAILQ_HEAD(range_list, range);

/* Who is told: a job, which may have ended by then, and its number for the
   file. */
struct hashing_waiter {
	LIST_ENTRY(hashing_waiter) entry;
	uint64_t		 job;
	uint32_t		 index;
};

struct hashing {
	RB_ENTRY(hashing)	 tree;
	TAILQ_ENTRY(hashing)	 entry;		/* in its work's list */
	struct work		*work;
	enum hashing_state	 state;
	enum hashing_result	 result;	/* 0 while nothing is wrong */
	LIST_HEAD(, hashing_waiter) waiters;
	char			*path;
	size_t			 path_len;
	struct identity		 identity;
	uint32_t		 piece_len;
	uint64_t		 slice_len;	/* bytes in a whole slice */
	uint32_t		 nslices;
	uint32_t		 slices_done;
	uint32_t		 out;		/* ranges with hashers */
	uint64_t		 next;		/* first byte not handed out */
	struct range_list	 redo;
	bool			 settled;
	int			 fd;
	uint8_t			 seal[SEAL_LEN];	/* of the walker */
	struct pieces		*pieces;
	uint8_t			(*seals)[SEAL_LEN];	/* by slice */
	uint64_t		 done;		/* bytes */
};

RB_HEAD(hashing_tree, hashing);
TAILQ_HEAD(hashing_list, hashing);

/* What one job wants hashed; works take turns. */
struct work {
	TAILQ_ENTRY(work)	 entry;		/* in fresh or running */
	TAILQ_ENTRY(work)	 open_entry;	/* in to_open */
	struct hashing_list	 queued;
	struct hashing_list	 ready;
	uint32_t		 nopen;		/* opening or ready */
	uint32_t		 files;		/* not done */
	uint64_t		 partial;	/* bytes done of those */
	uint64_t		 size;		/* bytes that it began with */
	uint64_t		 turn;		/* bytes, 0: it has not begun */
	bool			 listed;	/* has ready files */
	bool			 to_open;	/* has queued files */
	bool			 started;	/* does not go first */
	bool			 abandoned;	/* the job has gone */
};
TAILQ_HEAD(work_list, work);

struct batch_item {
	struct hashing		*hashing;	/* NULL: answered */
	uint64_t		 offset;
	uint64_t		 len;
	unsigned		 losses;	/* hashers that ended over it */
};

struct batch {
	TAILQ_ENTRY(batch)	 entry;
	uint64_t		 id;
	uint64_t		 bytes;
	uint32_t		 count;
	struct batch_item	 items[HASH_RANGES];
};

/* What a hasher has in hand. */
struct hasher {
	TAILQ_HEAD(, batch)	 batches;
	uint32_t		 nbatches;
	uint64_t		 since_ms;	/* it has the first of them */
};

struct hashings {
	struct hashing_tree	 tree;
	struct work_list	 fresh;		/* short, no batch yet */
	struct work_list	 running;
	struct work_list	 to_open;
	struct hasher		 hashers[HASHERS_MAX];
	uint32_t		 nopen;		/* descriptors, or asked for */
	uint32_t		 open_max;	/* how many there may be */
	uint64_t		 left;		/* bytes to be hashed, in all */
	double			 rate;		/* bytes per second, smoothed */
	uint64_t		 rate_ms;	/* when it was last measured */
	uint64_t		 rate_hashed;	/* counters.hashed then */
	bool			 rate_busy;	/* there was work then */
};

void	hashings_init(struct hashings *);

/* For a job that wants so many bytes hashed. */
struct work	*work_new(uint64_t size);
/* The job has ended: what nobody else wants and is not begun is dropped; the
   work frees itself after its last file. */
void	work_abandon(struct front *, struct work *, uint64_t job);

/*
 * Want a file's pieces; of the works that want it the smallest has it.
 * job_on_hashed() is called once, later, unless the work is abandoned.  0, or
 * -1 with ENOMEM.
 */
int	hashing_want(struct front *, struct work *, uint64_t job,
	    uint32_t index, const char *path, size_t len,
	    const struct identity *, uint32_t piece_len);
/* Hand out what can be handed out. */
void	hashings_run(struct front *);

/* What it had goes to others; ended: by itself, perhaps over a range. */
void	hashings_hasher_lost(struct front *, size_t, bool ended);
/* A hasher that does not answer is given up: its work goes to others. */
void	hashings_tick(struct front *);
/* Seconds until bytes more will be hashed, at the rate seen. */
uint32_t hashings_estimate(struct front *, uint64_t bytes);

enum msg_fault hashings_on_digests(struct worker *, struct msg *);

/* For opening.c: the walker has answered; fd -1 without a file. */
void	hashing_on_opened(struct front *, struct hashing *, int fd,
	    const struct msg_opened_item *);

/* For dispatch.c: nothing of the file is in anyone's hands any more. */
void	hashing_finish(struct front *, struct hashing *);
void	hashing_set_ready(struct front *, struct hashing *);
void	hashing_set_out(struct front *, struct hashing *);

#endif
