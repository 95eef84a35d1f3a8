/*
 * A torrent in the making: what is asked of the cache, the walkers and the
 * hashers, in which order, and who waits for it.  Equal requests share one.
 *
 *	LOOKUP	the cache: what does this digest stand for?
 *	RESOLVE	the walkers: which files are that now?
 *	PIECES	the cache: are their pieces known?
 *	HASH	the hashers: those that are not
 *	CHECK	the walkers once more, if that took long
 */
#ifndef JOB_H
#define JOB_H

#include <sys/queue.h>
#include <sys/tree.h>

#include <event2/event.h>

#include "common/addr.h"
#include "common/listing.h"
#include "common/torrent.h"
#include "pkgtorrentd/front/job/hashing.h"
#include "pkgtorrentd/front/job/hot.h"

enum job_state {
	JOB_NEW,
	JOB_LOOKUP,
	JOB_RESOLVE,
	JOB_PIECES,
	JOB_HASH,
	JOB_CHECK,
	JOB_DONE
};

/* One walker's share of the specs. */
struct share {
	bool		 used;
	bool		 pending;
	bool		 known;		/* sha256 is what we hold */
	bool		 same;		/* the walker says: no change */
	bool		 young;		/* … and: an empty file is new */
	uint8_t		 sha256[SEAL_LEN];
	uint8_t		 seal[SEAL_LEN];
	struct buf	 listing;	/* records as they came */
	struct buf	 next;		/* … of the answer coming in */
};

struct conf;

struct job_file {
	const char	*path;		/* in *listing */
	uint32_t	 path_len;
	struct identity	 identity;
	struct pieces	*pieces;	/* NULL: not there yet */
	uint32_t	 got;		/* digests so far, from the cache */
	bool		 answered;	/* by the cache */
};

/*
 * A request that waits for a job.  Its owner sets addr (the client that is
 * charged with the job, or NULL) and done.  done is called when the job has
 * ended, unless the waiter left before; it must call job_leave() once it has
 * taken the result.
 */
struct waiter {
	TAILQ_ENTRY(waiter)	 entry;
	struct job		*job;		/* NULL: it waits for none */
	struct addr		*addr;
	void			(*done)(struct waiter *);
};
TAILQ_HEAD(waiter_queue, waiter);

/* How a job ended; status is 0 until then. */
struct job_result {
	int		 status;	/* 200: there is a torrent */
	const char	*why;		/* for the client; "" with 412 */
	uint32_t	 retry_s;	/* 0: no use to come again */
	struct torrent	*torrent;	/* or NULL */
	bool		 checked;	/* it was there, and still holds */
};

struct job {
	RB_ENTRY(job)		 by_key;
	RB_ENTRY(job)		 by_id;
	TAILQ_ENTRY(job)	 due_entry;
	struct front		*front;
	struct torrent_key	 key;
	bool			 findable;	/* in by_key */
	bool			 due;
	uint64_t		 id;		/* another at each restart */
	enum job_state		 state;
	struct waiter_queue	 waiters;
	uint64_t		 asked_ms;	/* somebody still wanted it */
	struct addr		*addr;		/* whom it is charged to */
	bool			 charged;	/* to all clients together, … */
	bool			 counted;	/* … and to that one */

	struct specs		 specs;
	struct torrent		*old;		/* remembered, to be checked */
	struct buf		 info_parts;	/* of the cache */
	uint32_t		 piece_len;
	uint64_t		 asked_cache_ms;

	struct share		*shares;	/* one per walker */
	size_t			 nshares;
	uint32_t		 pending;	/* shares, or files */
	uint64_t		 asked_walkers_ms;
	uint32_t		 mounts;	/* the front's then */
	unsigned		 changes;	/* files that moved under us */

	struct buf		 merged;	/* listing of several shares */
	const struct buf	*listing;	/* of all shares, in order */
	struct job_file		*files;
	uint32_t		 nfiles;
	uint64_t		 bytes;
	bool			 multi;
	bool			 settled;	/* may be remembered */
	bool			 by_mount;	/* … while its mounts stay */
	bool			 changed;	/* a file is not what it was */
	struct work		*work;
	uint64_t		 to_hash;	/* bytes */
	uint64_t		 hashed;
	uint64_t		 hash_start_ms;

	struct job_result	 result;
};

RB_HEAD(job_key_tree, job);
RB_HEAD(job_id_tree, job);

struct jobs {
	struct job_key_tree	 by_key;
	struct job_id_tree	 by_id;
	TAILQ_HEAD(, job)	 due;
	struct event		*ev;
	uint32_t		 n;
	uint32_t		 charged;	/* against max-queue */
};

RB_PROTOTYPE(job_key_tree, job, by_key, )
RB_PROTOTYPE(job_id_tree, job, by_id, )

int	jobs_init(struct front *);
/* The loop's: every job that is due takes its next step. */
void	jobs_run(evutil_socket_t, short, void *);
/* An ended job's, or a fresh one's, next step is taken from the loop. */
void	job_set_due(struct job *);
/* The end, with a status other than 200; why is a constant. */
void	job_fail(struct job *, int status, const char *why, uint32_t retry_s);
/* May it take the walker's time, of its client's share? 0, or -1: it has
   failed. */
int	job_count(struct job *);
/* May it take the hashers' time, too? */
int	job_charge(struct job *);
struct job *job_find(struct front *, uint64_t id, enum job_state);
bool	job_is_under_way(struct front *, uint64_t id);

/* For job.c, in job_table.c: a new number; not to be found; not charged to
   anybody; and the end. */
void	job_renumber(struct job *);
void	job_unfind(struct job *);
void	job_uncharge(struct job *);
void	job_free(struct job *);
/* For job.c, in job_files.c: from listings to files, and to the cache. */
int	job_take_listing(struct job *);
void	job_put_info(struct job *);
void	job_drop_files(struct job *);
/* … for job_torrent.c: the files as torrent.h takes them (to be freed), the
   layout, and the length of "/first" in "/first/rest"; 0 without rest. */
struct torrent_file *job_torrent_files(const struct job *);
struct torrent_layout job_layout(const struct job *);
size_t	path_first_len(const char *path, size_t len);
/* For job_ask.c, in job_torrent.c: which root holds a spec; -1: none. */
int	spec_root(const struct conf *, struct str spec);
/* For job.c and job_ask.c, in job_torrent.c: of the files, with their pieces;
   of what the cache has sent (NULL: nothing of use). */
struct torrent *job_make_torrent(struct job *);
struct torrent *job_load_torrent(struct job *, const struct msg_info *);
/* For job.c, in job_ask.c: questions to peers. */
void	job_ask_info(struct job *);
int	job_ask_walkers(struct job *);
void	job_ask_walker(struct job *, size_t);
void	job_ask_pieces(struct job *);
/* It does not answer (any more). */
void	job_do_without_cache(struct job *);
void	job_cancel(struct job *);
/*
 * The job for this key: the one under way, or a new one.  specs are taken
 * over (emptied) by a new one and may be empty for a digest; old is what is
 * remembered of it.  NULL without memory.
 */
struct job *job_get(struct front *, const struct torrent_key *,
	    struct specs *, struct torrent *old);
/* The waiter waits; its client is charged if it is the first. */
void	job_join(struct job *, struct waiter *);
void	job_leave(struct waiter *);
const struct job_result *job_result(const struct job *);
/* Per cent and seconds, for a client that has waited long enough. */
void	job_progress(struct job *, char *text, size_t len, uint32_t *retry_s);

enum msg_fault job_on_listing(struct peer *, struct msg *);
enum msg_fault job_on_resolved(struct peer *, struct msg *);
enum msg_fault job_on_slow(struct peer *, struct msg *);
enum msg_fault job_on_info(struct peer *, struct msg *);
enum msg_fault job_on_pieces(struct peer *, struct msg *);
void	job_on_hashed(struct front *, uint64_t id, uint32_t index,
	    struct hashing *);

/* A peer was restarted: what it was asked is asked again. */
void	jobs_walker_up(struct front *, size_t);
void	jobs_cache_up(struct front *);
/* The layout or the roots have changed: what is under way is made anew. */
void	jobs_conf_changed(struct front *);
/* Jobs that nobody has asked for in a long time. */
void	jobs_tick(struct front *);

#endif
