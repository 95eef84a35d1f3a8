/* SPDX-License-Identifier: ISC */
/*
 * Purging: all that this process knows of a path, and of paths below it, is
 * forgotten.  The parent sends CONTROL_PURGE to the front, then to the cache,
 * then to the front again:
 *
 *	first	files that are being hashed are not remembered in the end, and
 *		the cache has all that was sent to it before;
 *	last	torrents in memory go, jobs that hold a piece list begin again,
 *		and those that wait for the cache ask it again.
 *
 * So no list that was made before can come back after it.  All of it goes in
 * turns.
 */
#ifndef PURGE_H
#define PURGE_H

#include <event2/event.h>

#include "common/str.h"
#include "pkgtorrentd/front/job/hashq.h"
#include "pkgtorrentd/front/job/hot.h"
#include "pkgtorrentd/front/worker/worker.h"

#define PURGES_MAX	8	/* at once */

struct jobs;

enum purge_state {
	PURGE_NONE,
	PURGE_HASHINGS,		/* are passed */
	PURGE_ASK,		/* the cache, soon */
	PURGE_CACHE,		/* is awaited */
	PURGE_JOBS,		/* are passed */
	PURGE_HOT,		/* is passed */
	PURGE_TELL		/* the parent, soon */
};

struct purge {
	struct purges		*all;
	enum purge_state	 state;
	struct msg_controlled	 report;
	size_t			 tree_len;	/* 0: everything */
	char			 tree[SPEC_MAX];
	struct hashq_place	 hashings;	/* up to here they are passed */
	uint64_t		 last_job;	/* the same, by their numbers */
	uint64_t		 end_job;	/* no newer ones */
	struct hot_place	 hot;
	struct ask		 ask;		/* of the cache */
	uint64_t		 ask_id;
	uint64_t		 ask_ms;
};

struct purges {
	struct jobs	*jobs;
	struct event	*ev;		/* go on */
	unsigned	 n;		/* under way */
	struct purge	 v[PURGES_MAX];
};

/* 0, or -1 without memory. */
int	purges_init(struct purges *, struct jobs *, struct event_base *);
/* For MSG_CONTROL with CONTROL_PURGE. */
void	purges_on_control(struct purges *, const struct msg *);
/* Give up a cache that is silent, and tell a parent that was busy.  To be
   called a few times a second. */
void	purges_tick(struct purges *, uint64_t cache_silent_ms);
/* Is this the number of a question to the cache? */
bool	purges_await_pieces(const struct purges *, uint64_t id);
/* For MSG_PIECES with such a number. */
void	purges_on_pieces(struct purges *, uint64_t id);

#endif
