/* SPDX-License-Identifier: ISC */
/*
 * Jobs: torrents in the making.  A job asks the cache, the walkers and the
 * hashers, in the order of the states in job.c; equal requests share one.
 * This layer knows no connections, and of HTTP only the status and text of an
 * error: a request waits for a job with a struct waiter.
 */
#ifndef JOB_H
#define JOB_H

#include <sys/queue.h>
#include <sys/tree.h>

#include <event2/event.h>

#include "common/addr.h"
#include "common/turns.h"
#include "pkgtorrentd/front/job/hashq.h"
#include "pkgtorrentd/front/job/hot.h"
#include "pkgtorrentd/front/job/job_files.h"
#include "pkgtorrentd/front/job/openq.h"
#include "pkgtorrentd/front/job/purge.h"
#include "pkgtorrentd/front/job/recheck.h"
#include "pkgtorrentd/front/job/warm.h"
#include "pkgtorrentd/front/worker/worker.h"

/*
 * A request that waits for a job.  Its owner sets addr (the client that is
 * charged with the job, or NULL) and done.  done is called when the job has
 * ended, unless the waiter left before; it waits no longer then.  The result
 * is valid during the call.  refuses may be set: it is called once the files
 * are known, and returns 0, or the status and *why with which the request will
 * be refused although there is a torrent of them.
 */
struct job_result;
struct waiter {
	TAILQ_ENTRY(waiter)	 entry;
	struct job		*job;		/* or NULL */
	struct addr		*addr;
	void			(*done)(struct waiter *,
				    const struct job_result *);
	int			(*refuses)(const struct waiter *,
				    const struct job_files *,
				    const char **why);
};
TAILQ_HEAD(waiter_queue, waiter);

/* How a job ended; status is 0 until then. */
struct job_result {
	int		 status;	/* 200: there is a torrent */
	const char	*why;		/* for the client; "" with 412 */
	uint32_t	 retry_s;	/* 0: trying again does not help */
	struct torrent	*torrent;	/* or NULL */
	bool		 checked;	/* remembered, and still correct */
};

/* How far a job has come. */
struct job_progress {
	uint64_t	 hashed;	/* bytes */
	uint64_t	 to_hash;	/* bytes; 0: the files are not known */
	uint32_t	 retry_s;	/* estimate of when it has ended */
};

RB_HEAD(job_key_tree, job);
RB_HEAD(job_id_tree, job);

/* The job layer, with the workers and the torrents in memory. */
struct jobs {
	struct workers		 workers;
	struct openq		 openq;
	struct hashq		 hashq;
	struct warm		 warm;
	struct recheck		 recheck;
	struct purges		 purges;
	const struct conf	*conf;
	struct hot		 hot;
	struct job_key_tree	 by_key;
	struct job_id_tree	 by_id;
	struct turns		 due;
	struct event		*ev;
	uint64_t		 turn_ends_us;	/* of clock_us() */
	uint64_t		 turns;		/* that took all their time */
	uint32_t		 n;
	uint32_t		 queued;	/* counted against max-queue */
	uint64_t		 made;		/* bytes of torrents that jobs
						   make, and of their pieces */
	/* May this client's job take so many bytes for a large torrent?  NULL:
	   always. */
	bool			(*admit)(void *arg, const struct addr *,
				    uint64_t bytes);
	void			*admit_arg;
	/* The cache says the tracker's key.  NULL: nobody wants it. */
	void			(*take_key)(void *arg,
				    const uint8_t key[SEAL_LEN]);
	void			*take_key_arg;
	uint32_t		 layout_epoch;	/* number of configurations that
						   changed info hashes */
	uint32_t		 import_epoch;	/* number of times that imported
						   pieces were wrong, and 1 */
	uint32_t		 mounts;	/* changes of the mount table */
	bool			 mounts_watched; /* the parent notices them */
	uint64_t		 failure_log_ms;
};

/*
 * Start without jobs, and with no worker connected.  The child must outlive
 * the layer.  0, or -1 without memory.
 */
int	jobs_init(struct jobs *, struct event_base *, struct child *);
/*
 * Apply another configuration.  It sets the number of walkers and hashers;
 * jobs under way start again if roots or piece parameters differ.
 */
void	jobs_set_conf(struct jobs *, const struct conf *);
/* The mount table has changed this many times since the start. */
void	jobs_set_mounts(struct jobs *, uint32_t changes, bool watched);
/*
 * Take a worker's channel from the parent and repeat the requests that the
 * worker before it left unanswered.  0, or -1: there is no such worker.
 */
int	jobs_attach(struct jobs *, enum role, uint32_t index, int fd);
/* Give up silent workers, and jobs that no request waits for.  To be called
   a few times a second. */
void	jobs_tick(struct jobs *);

/*
 * Want the torrent of this key: from the job under way, or from a new one.
 * specs, NULL or empty for a digest alone, are taken over (and emptied) by a
 * job that has none.  old is the torrent that is remembered for the key, or
 * NULL.  The client of the first waiter is charged with the job; waiter NULL:
 * no request waits.  0, or -1 without memory.
 */
int	job_want(struct jobs *, const struct torrent_key *, struct specs *,
	    struct torrent *old, struct waiter *);
/* Wait no longer; the job goes on. */
void	job_leave(struct waiter *);
/* 0, or the status and *why with which this waiter refuses the files of its
   job, if these are known. */
int	job_is_refused(const struct waiter *, const char **why);
/* How far a job has come, for the client that asks too early.  Returns the
   result if the job has ended and only its waiters are not told yet, which is
   valid until the caller returns to the event loop; else NULL. */
const struct job_result *job_progress(const struct job *,
	    struct job_progress *);

#endif
