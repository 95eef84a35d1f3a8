/*
 * One request to resolve specs: collected from its parts, then worked off in
 * turns into a listing (common/listing.h).
 */
#ifndef RESOLUTION_H
#define RESOLUTION_H

#include <sys/queue.h>

#include "hasher/walker/glob.h"

#define RESOLUTION_US_MAX	2000000		/* own time, with globs */

struct resolution {
	TAILQ_ENTRY(resolution)	 entry;
	uint64_t		 id;
	uint32_t		 flags;		/* RESOLVE_EXPECT */
	uint8_t			 expect[SEAL_LEN];
	struct buf		 specs;		/* struct msg_spec items */
	bool			 globs;		/* has a spec with wildcards */
	/* Its place in the queue. */
	bool			 active;
	bool			 tried;		/* has had a turn */
	bool			 slow;		/* MSG_SLOW was sent */
	/* What has come of it. */
	struct buf		 listing;
	enum resolve_result	 result;	/* once it is done */
	size_t			 at;
	struct walk		 walk;
	struct glob		*glob;
	uint64_t		 used_us;
};
TAILQ_HEAD(resolutions, resolution);

struct resolution *resolution_new(uint64_t id);
void	 resolution_free(struct resolution *);

/* 0, or -1: more specs than a request may have. */
int	 resolution_add(struct resolution *, const struct msg_resolve *,
	    const void *tail, size_t);

/* After the last part: 0, or -1 when what came is not what an honest front
   sends. */
int	 resolution_check(struct resolution *);

/* Work for at most turn_us (by a directory entry or a look-up more).  1: done,
   result and listing are there; 0: not yet. */
int	 resolution_run(struct resolution *, struct root *, uint64_t turn_us);

/* As before the first run, but for the time that it took. */
void	 resolution_rewind(struct resolution *);

#endif
