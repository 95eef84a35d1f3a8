/* SPDX-License-Identifier: ISC */
/*
 * Files with pieces that another host has made: torrents are made of these, and
 * the files are hashed here all the same, behind every client's work.  The new
 * pieces take the place of the imported ones in the cache, as always.  If they
 * differ, an error is logged, and all torrents of imported pieces are
 * forgotten.  At most RECHECK_FILES_MAX files, or RECHECK_BYTES_MAX of names
 * and pieces, wait in this process; others come again when they are used.
 */
#ifndef RECHECK_H
#define RECHECK_H

#include <event2/event.h>

#include "pkgtorrentd/front/job/hashq.h"
#include "pkgtorrentd/front/worker/worker.h"

#define RECHECK_FILES_MAX	10000
#define RECHECK_BYTES_MAX	(8U << 20)

struct recheck_file;
RB_HEAD(recheck_tree, recheck_file);
TAILQ_HEAD(recheck_list, recheck_file);

struct recheck {
	struct workers		*workers;
	struct hashq		*hashq;
	struct event		*ev;		/* go on */
	void			(*differ)(void *arg);
	void			*arg;		/* of differ */
	struct recheck_tree	 tree;		/* all files */
	struct recheck_list	 queued;	/* the next first */
	uint32_t		 n;
	size_t			 bytes;
	struct hash_group	*group;
	uint32_t		 wanted;	/* files given to the hashers */
	uint64_t		 wanted_pieces;	/* of those */
	bool			 told;		/* false: some differed */
	uint64_t		 failure_log_ms;
};

/* Nothing is to be rechecked yet.  differ is called from the event loop when
   pieces have turned out wrong.  0, or -1 without memory. */
int	recheck_init(struct recheck *, struct event_base *, struct workers *,
	    struct hashq *, void (*differ)(void *), void *arg);
/* Have these pieces of this version of a file rechecked, if there is room.
   path and identity are copied, the pieces referenced. */
void	recheck_want(struct recheck *, const char *path, size_t len,
	    const struct identity *, uint32_t piece_len, struct pieces *);
/* Is there no room for the files of another part of a walk? */
bool	recheck_is_full(const struct recheck *);
/* The configuration or the cache is another one: forget all files. */
void	recheck_restart(struct recheck *);
/* To be called a few times a second, since the cache may come back. */
void	recheck_tick(struct recheck *);

/* Does no file wait? */
static inline bool
recheck_is_idle(const struct recheck *r)
{
	return r->n == 0;
}

#endif
