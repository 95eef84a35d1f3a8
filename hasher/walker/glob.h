/* SPDX-License-Identifier: ISC */
/*
 * Globs: finds the files that a pattern matches by reading directories.  A
 * walk can stop at any directory entry and continue there later.  A whole tree
 * is walked as the pattern ** matches it, but in order and without limits.
 */
#ifndef GLOB_H
#define GLOB_H

#include "common/buf.h"
#include "common/str.h"
#include "hasher/walker/root.h"

#define GLOB_DEPTH_MAX		32	/* components below the ** */
#define GLOB_ENTRIES_MAX	200000	/* read from directories, per request */
#define TREE_NAMES_MAX		(32U << 20)	/* bytes of open directories */

struct glob;

/* The names of a small directory, kept because the globs of one request often
   begin in the same directory. */
struct dir_cache {
	char		*path;
	struct buf	 names;		/* as from getdents64(2) */
	bool		 whole;
};

/*
 * The walk of a tree.  Its files are not kept, but found.  What ends a glob is
 * left out here: an unreadable directory, one that is too deep, and one by
 * which the names would take more than TREE_NAMES_MAX.
 */
struct glob_tree {
	/* Files come in the order of common/tree_path.h.  To end the turn,
	   set walk->turn_ends_us to 0. */
	void		(*found)(struct glob_tree *, struct str path,
			    const struct identity *);
	size_t		 after_len;	/* 0: from the beginning */
	char		 after[SPEC_MAX + 1];
	size_t		 names;		/* bytes of open directories */
	uint32_t	 left_out;	/* files and directories */
};

/* The state that the globs of one request share; begins zeroed. */
struct walk {
	struct root	*root;
	struct glob	*glob;		/* under way, or NULL */
	uint64_t	 turn_ends_us;	/* by clock_us() */
	uint32_t	 files;		/* found so far */
	uint32_t	 entries;	/* directory entries read so far */
	bool		 young;		/* seen.young of any file */
	struct dir_cache cache;		/* of the last glob's first directory */
	struct glob_tree *tree;		/* NULL: a pattern */
};

struct glob_match {
	struct identity	 identity;
	size_t		 len;
	char		 path[];
};

/* Begin with a pattern, which is copied; ends the glob before.  0, or -1: it
   has too many wildcards or more than one **. */
int	 glob_begin(struct walk *, const char *pattern, size_t);

/* Begin with a tree: all files in this directory, but for those up to after. */
void	 glob_begin_tree(struct walk *, struct glob_tree *, struct str path);
/* The place to which the walk of a tree has come: it goes on after that. */
struct str glob_position(const struct walk *);

/*
 * Walk on until the end of the turn.  0: not done yet; else the result, which
 * ends the glob.  With RESOLVE_OK the n matches are there, in strcmp order,
 * until the next glob_begin() or glob_free().  Unreadable files and names with
 * a control byte are left out and only logged, because a pattern must not tell
 * clients which names exist.  A tree has no other result and no matches.
 */
enum resolve_result glob_run(struct walk *, struct glob_match *const **,
	    uint32_t *n);

/* Free the memory of a walk and zero it. */
void	 glob_free(struct walk *);

#endif
