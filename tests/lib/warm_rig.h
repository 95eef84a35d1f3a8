/* SPDX-License-Identifier: ISC */
/*
 * A service without a parent: the real front, walkers, hashers and cache, each
 * in a process of its own behind its sandbox.  The caller is their parent: it
 * says which tree to warm (MSG_WARM), and is told how far that is (MSG_WARMED).
 * A program that measures this is a TEST() in tests/bench/, which needs no
 * kyua:
 *
 *	static struct warm_rig rig;
 *
 *	TEST(warm__packages)
 *	{
 *		warm_rig_start(&rig, "root /mirror\ncache /var/tmp/cache\n"
 *		    "hashers 2\n");
 *		warm_begin(&rig, "/", NULL);
 *		warm_wait(&rig);
 *		printf("%ju files, front %ju us\n",
 *		    (uintmax_t)rig.report->files,
 *		    (uintmax_t)proc_cpu_us(&rig.front));
 *		warm_rig_stop(&rig);
 *	}
 *
 * and is run by "tests/bench/warm warm__packages".  The cache directory must
 * exist.
 */
#ifndef WARM_RIG_H
#define WARM_RIG_H

#include "tests/lib/proc.h"

#define RIG_WALKERS	8
#define RIG_HASHERS	8

struct warm_rig {
	struct proc	 front;
	struct proc	 cache;
	struct proc	 walkers[RIG_WALKERS];	/* one for each root */
	uint32_t	 nwalkers;
	struct proc	 hashers[RIG_HASHERS];
	uint32_t	 nhashers;
	char		 conf[16384];		/* of all */
	uint64_t	 id;			/* of the last MSG_WARM */
	const struct msg_warmed *report;	/* the last answer */
};

/*
 * Starts everything, connected.  conf: the text of a configuration, with root,
 * cache, hashers and whatever else is wanted, but for the sandbox's
 * strictness.  It is stopped at the end of the case, if not before.
 */
void	warm_rig_start(struct warm_rig *, const char *conf);
void	warm_rig_stop(struct warm_rig *);
/* Kills one of the rig's processes, and puts another in its place. */
void	warm_rig_replace(struct warm_rig *, struct proc *);
/* Another configuration with as many roots and hashers, as at SIGHUP. */
void	warm_rig_configure(struct warm_rig *, const char *conf);
/* A listening socket of this name, for clients. */
void	warm_rig_listen(struct warm_rig *, const char *path);

/* Sends MSG_WARM.  tree "" stops the one under way, for which warm_wait() waits
   then; after NULL: from the beginning. */
void	warm_begin(struct warm_rig *, const char *tree, const char *after);
/* The same to have the tree counted, or checked. */
void	warm_begin_mode(struct warm_rig *, enum warm_mode, const char *tree,
	    const char *after);
/* Has a path purged, as the parent does: by the front, by the cache, and by the
   front again.  Returns the sums of their answers. */
struct msg_controlled warm_purge(struct warm_rig *, const char *path);
/* Waits for the next report. */
void	warm_hear(struct warm_rig *);
/* Waits until the tree is done, or fails otherwise.  Returns its state. */
enum warm_state warm_wait(struct warm_rig *);
/* The position and the file at hand of the last report, until the next. */
const char *warm_position(struct warm_rig *);
const char *warm_at_hand(struct warm_rig *);

#endif
