/* SPDX-License-Identifier: ISC */
/*
 * One job, for job.c, which has its states, for job_cache.c and job_walkers.c,
 * which have its questions, and for jobs.c, which has the messages and events
 * that concern all jobs.
 */
#ifndef JOB_STATE_H
#define JOB_STATE_H

#include "pkgtorrentd/front/job/charge.h"
#include "pkgtorrentd/front/job/job.h"
#include "pkgtorrentd/front/job/layout.h"

/* In the order of job.c. */
enum job_state {
	JOB_NEW,
	JOB_LOOKUP,
	JOB_LOAD,
	JOB_RESOLVE,
	JOB_PIECES,
	JOB_HASH,
	JOB_CHECK,
	JOB_LAYOUT,
	JOB_DONE
};

struct job {
	RB_ENTRY(job)		 by_key;
	RB_ENTRY(job)		 by_id;
	struct turn		 turn;		/* in jobs.due */
	struct jobs		*all;
	struct torrent_key	 key;
	bool			 findable;	/* in by_key */
	bool			 due;		/* for its next step */
	uint64_t		 id;		/* another at each restart */
	enum job_state		 state;
	struct waiter_queue	 waiters;
	uint64_t		 asked_ms;	/* when a request last waited */
	struct charge		 charge;

	struct specs		 specs;
	struct torrent		*old;		/* remembered, to be checked */
	struct ask		 ask;		/* of the cache */
	struct buf		 listing;	/* of the cache's answer */
	struct buf		 info;		/* of it too */
	uint64_t		 asked_cache_ms;

	struct job_files	 files;
	uint32_t		 pending;	/* shares, or files */
	uint64_t		 asked_walkers_ms;
	uint32_t		 mounts;	/* jobs.mounts at that time */
	unsigned		 changes;	/* restarts for changed files */

	bool			 changed;	/* a file, while hashed */
	struct hash_group	*group;
	uint64_t		 to_hash;	/* bytes */
	uint64_t		 hashed;
	uint64_t		 hash_start_ms;

	struct layout		 layout;
	struct job_result	 result;
};

RB_PROTOTYPE(job_key_tree, job, by_key, )
RB_PROTOTYPE(job_id_tree, job, by_id, )

/* The job with this number, or NULL. */
struct job *job_find(struct jobs *, uint64_t id);
/* The number under which the job has its turns. */
uint32_t job_client(const struct job *);
/* It is to take its next step. */
void	job_set_due(struct job *);
/* Take the next step of a job that is due. */
void	job_step(struct job *);
/* Somebody has worked on the job for so long.  It may fail for that. */
void	job_spend(struct job *, uint64_t us);
/* End the job with a status other than 200; why is a constant, and retry_s the
   seconds after which trying again may help, or 0. */
void	job_fail(struct job *, int status, const char *why, uint32_t retry_s);
/* Go back to RESOLVE, for the files as they are now. */
void	job_restart(struct job *);
/* The same if the specs are known; if not, ask the cache for them again. */
void	job_begin_again(struct job *);
void	job_fail_memory(struct job *);
/* The job's torrent takes so many bytes from now on. */
void	job_count(struct job *, uint64_t bytes);
/*
 * Count so many bytes for a torrent whose dictionary has info_len bytes.  A
 * large one needs a slot, as if it were hashed, and memory that others do not
 * take.  0, or -1: it has none, and the job has failed.
 */
int	job_take_memory(struct job *, uint64_t bytes, uint64_t info_len);
/* A slot of its client; a slot of the queue as well.  0, or -1: there is none,
   and the job has failed. */
int	job_take_client_slot(struct job *);
int	job_take_queue_slot(struct job *);

/* Ask a worker, by send, which is called when it is the job's turn; len: about
   the bytes of the request. */
void	job_ask_start(struct job *, struct ask *, struct worker *, size_t len,
	    void (*send)(struct ask *));
/* The worker has answered, and so has not ended over it. */
void	job_ask_answered(struct job *, struct ask *);
/* It is not wanted any more. */
void	job_ask_end(struct job *, struct ask *);
/* Nor by anybody else: the job has ended. */
void	job_ask_drop(struct job *, struct ask *);
/* Is a worker still busy with the job? */
bool	job_ask_is_out(const struct job *);

/* Ask the question of this state, JOB_LOOKUP or JOB_PIECES. */
void	job_cache_ask(struct job *, enum job_state);
bool	job_cache_is_awaited(const struct job *);
/* Go on as if the cache knew nothing. */
void	job_cache_do_without(struct job *);
/* Send all walkers their specs: for RESOLVE, and again for CHECK. */
void	job_walkers_ask(struct job *, enum job_state);
/* Send the walker of this number its specs. */
void	job_walkers_ask_one(struct job *, uint32_t walker);
bool	job_walkers_are_awaited(const struct job *);
/* Tell the walkers that their answers are not needed. */
void	job_walkers_cancel(struct job *);

/* Messages of walkers and the cache; each returns the fault in its content. */
enum msg_fault job_on_listing(struct worker *, struct msg *);
enum msg_fault job_on_slow(struct worker *, struct msg *);
enum msg_fault job_on_resolved(struct worker *, struct msg *);
enum msg_fault job_on_info(struct worker *, struct msg *);
enum msg_fault job_on_pieces(struct worker *, struct msg *);

#endif
