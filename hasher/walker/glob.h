/*
 * The files that a pattern stands for, found by reading directories: a walk
 * that can be left at any entry and taken up again there.
 */
#ifndef GLOB_H
#define GLOB_H

#include "hasher/walker/root.h"

#define GLOB_DEPTH_MAX		32	/* components below the ** */
#define GLOB_ENTRIES_MAX	200000	/* read from directories, per request */

/*
 * The directory that was last read with it, if it was small: lists of globs
 * for one directory need not read it each time.
 */
struct dir_cache {
	char		*path;
	struct buf	 names;
	bool		 whole;
};

/* What the globs of one request share. */
struct walk {
	struct root	*root;
	uint64_t	 turn_ends_us;	/* by clock_us() */
	uint32_t	 files;		/* found so far, … */
	uint32_t	 entries;	/* directory entries read so far */
	bool		 young;		/* an empty one may be written to
					   without a trace */
	struct dir_cache cache;		/* where the last glob began */
};

struct glob_match {
	struct identity	 identity;
	size_t		 len;
	char		 path[];
};

enum glob_state {
	GLOB_MORE,			/* the turn is over, the walk is not */
	GLOB_DONE,
	GLOB_TOO_MANY_FILES,		/* more than max-files */
	GLOB_TOO_MANY_ENTRIES,		/* more than GLOB_ENTRIES_MAX */
	GLOB_TOO_DEEP,			/* more than GLOB_DEPTH_MAX */
	GLOB_FAILED			/* the file system has a fault */
};

struct glob;

/* Has the turn ended? */
int	 walk_is_due(const struct walk *);
/* One file more. */
void	 walk_add(struct walk *, const struct seen *);

/* The pattern is copied, and has passed match_check(). */
struct glob	*glob_new(const struct root *, const char *pattern, size_t);
void		 glob_free(struct glob *);

/* Walk on until the end of the turn.  Not to be called again after anything
   but GLOB_MORE. */
enum glob_state	 glob_run(struct glob *, struct walk *);

/*
 * After GLOB_DONE: the matches in strcmp order, which stay the glob's.  Files
 * that may not be read, and names with a control byte, are left out and only
 * logged: a pattern must not tell clients which names there are.
 */
struct glob_match *const *glob_matches(const struct glob *, uint32_t *n);

/* Free the memory of a walk. */
void	 dir_cache_free(struct dir_cache *);

#endif
