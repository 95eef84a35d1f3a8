/* SPDX-License-Identifier: ISC */
/*
 * Warming: the pieces of all files of a tree are made and remembered before a
 * client asks for them.  The walkers walk, the cache says what it has, and
 * hashers hash the rest behind every client's work.  The same walk can count
 * files, and the cache-size that they need; and it can check the remembered
 * pieces: files are hashed again, and compared.  There is one tree at a
 * time, and of it at most WARM_FILES_MAX files, or WARM_BYTES_MAX of names and
 * identities, are in this process.
 */
#ifndef WARM_H
#define WARM_H

#include <sys/queue.h>

#include <event2/event.h>

#include "common/need.h"
#include "common/str.h"
#include "pkgtorrentd/front/job/hashq.h"
#include "pkgtorrentd/front/job/recheck.h"
#include "pkgtorrentd/front/worker/worker.h"

#define WARM_FILES_MAX	10000
#define WARM_BYTES_MAX	(8U << 20)

struct sum;
struct warm_part;
TAILQ_HEAD(warm_parts, warm_part);

struct warm {
	struct workers		*workers;
	struct hashq		*hashq;
	struct recheck		*recheck;
	struct event		*ev;		/* go on */
	struct msg_warmed	 report;	/* state 0: of none yet */
	bool			 told;		/* the parent has it */
	enum warm_mode		 mode;
	size_t			 tree_len;
	char			 tree[SPEC_MAX];
	size_t			 position_len;
	char			 position[SPEC_MAX];

	/* The walk of one root after another. */
	uint32_t		 root;		/* in the configuration */
	bool			 walked;	/* all of them */
	bool			 anything;	/* a root has the tree */
	size_t			 after_len;	/* 0: the root's beginning */
	char			 after[SPEC_MAX];
	struct ask		 walk;		/* of a walker */
	uint64_t		 walk_id;
	uint64_t		 walk_ms;	/* when it was asked */
	bool			 stale;		/* its answer is not wanted */

	/* The files between the position and the walk, oldest first. */
	struct warm_parts	 parts;
	uint32_t		 files;		/* of the parts, or 1 each */
	size_t			 bytes;		/* of the parts */
	struct warm_part	*looked_up;	/* the cache is being asked */
	struct ask		 lookup;	/* of the cache */
	uint64_t		 lookup_id;
	uint64_t		 lookup_ms;	/* when it was asked */
	struct pieces		*imported;	/* of the file that the cache
						   tells of, or NULL */
	struct sum		*sum;		/* of a list that has come in
						   part; or NULL */
	uint32_t		 summed;	/* the file of that list */
	struct hash_group	*group;
	uint32_t		 wanted;	/* files given to the hashers */
	uint64_t		 wanted_pieces;	/* of those */
	uint32_t		 different;	/* files that wait to be
						   purged */
	struct need		 need;		/* of the files up to the
						   position */
	uint64_t		 failure_log_ms;
};

/* There is no tree yet.  0, or -1 without memory. */
int	warm_init(struct warm *, struct event_base *, struct workers *,
	    struct hashq *, struct recheck *);
/*
 * For MSG_WARM: begin with a tree, after a position, instead of the one at
 * hand; or stop.  Returns the fault in its content.
 */
enum msg_fault warm_on_warm(struct warm *, const struct msg *);
/* All of a path, and of paths below it, is forgotten: files there that differed
   are done. */
void	warm_on_purged(struct warm *, struct str path);
/* Roots or the layout have changed, and all walkers' channels are closed: walk
   again from the position. */
void	warm_restart(struct warm *);
/* Tell the parent of the progress, and give up workers that are silent.  To be
   called a few times a second. */
void	warm_tick(struct warm *, uint64_t cache_silent_ms,
	    uint64_t walker_silent_ms);

/* For MSG_WALKED.  Returns the fault in its content. */
enum msg_fault warm_on_walked(struct warm *, struct worker *,
	    const struct msg *);
/* Is this the number of a question to the cache? */
bool	warm_awaits_pieces(const struct warm *, uint64_t id);
/* For MSG_PIECES with such a number.  Returns the fault in its content. */
enum msg_fault warm_on_pieces(struct warm *, const struct msg *);

#endif
