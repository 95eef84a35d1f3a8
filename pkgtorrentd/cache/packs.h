/* SPDX-License-Identifier: ISC */
/*
 * The packs in use: piece lists are found and stored by the mirror path of
 * their file.  The packs used last stay open, so that no pack is read twice
 * within seconds; their memory is bounded.
 */
#ifndef PACKS_H
#define PACKS_H

#include "common/conf/conf.h"
#include "pkgtorrentd/cache/packfile.h"

#define PACKS_OPEN_MAX	64	/* files */
#define PACKS_WAIT_MS	100	/* a crash loses the records of so long */
#define PACKS_MEMORY	(16U << 20)	/* bytes for what is known of them */

struct packs;

/* Never freed.  NULL without memory. */
struct packs	*packs_new(struct store *);
/* The roots are those of this configuration, which must stay. */
void	packs_configure(struct packs *, const struct conf *);

enum packs_result {
	PACKS_MISS,
	PACKS_HIT,
	PACKS_GO_ON		/* call again: the pack is not read yet */
};

/*
 * Load the pieces of a file, and mark them as used.  PACKS_HIT: *out points
 * into b, which is overwritten.  PACKS_MISS: there are none, or not of this
 * identity; or, of imported ones, not of its size and mtime.
 */
enum packs_result packs_load(struct packs *, const void *path, size_t len,
	    uint32_t piece_len, const struct identity *, struct buf *b,
	    struct pack_list *out);
/* Mark the pieces of a file as used. */
enum packs_result packs_touch(struct packs *, const void *path, size_t len,
	    uint32_t piece_len);
/* Store the pieces of a file; name and name_len of the list are set here.  What
   cannot be stored is logged. */
void	packs_save(struct packs *, const void *path, size_t len,
	    uint32_t piece_len, struct pack_list *);

enum packs_import {
	PACKS_IMPORT_GO_ON,	/* call again: the pack is not read yet */
	PACKS_IMPORTED,
	PACKS_KNOWN,		/* hashed here, or imported before */
	PACKS_REFUSED,		/* it has no place */
	PACKS_FULL		/* it would cause a sweep */
};

/*
 * Store a list that another host has made, of which identity has the size and
 * mtime alone; the rest of identity, name and mark are set here.  A list that
 * was hashed here stays: a stream cannot know better.  b is overwritten.
 */
enum packs_import packs_import(struct packs *, const void *path, size_t len,
	    uint32_t piece_len, struct pack_list *, struct buf *b);
/* Open a pack for the caller alone, to be read as it was after the last
   packs_flush(), and to be closed. */
void	packs_open_alone(const struct packs *, struct packfile *,
	    const struct pack_id *);
/* Is this the pack of the path with these roots? */
bool	packs_is_pack_of(const struct packs *, const struct pack_id *,
	    const void *path, size_t len);
/* Does this path have a place in the cache? */
bool	packs_has_place(const struct packs *, const void *path, size_t len);

/* Write what was stored.  Records that come within PACKS_WAIT_MS are written
   together. */
void	packs_flush(struct packs *);
/* Do so if it is time.  Returns the milliseconds until then, or -1: there is
   nothing to write. */
int	packs_flush_due(struct packs *);
/* Shorten packs of which more than half is dead, one step.  true: there is more
   to do. */
bool	packs_tidy(struct packs *);
/*
 * For the sweep: write a pack again without what the cut tells, one step.
 * true: done, or failed; *cut_out is the number of records that went.
 */
bool	packs_rewrite(struct packs *, const struct pack_id *,
	    struct packfile_cut, uint64_t *cut_out);

/* The records of a pack that are to go.  The other members begin as zeros. */
struct packs_purge {
	struct pack_id	 id;
	const char	*name;		/* of a file; NULL: all go */
	size_t		 name_len;
	unsigned	 tries;
	uint64_t	 removed;	/* records so far */
};
/* Remove them, one step.  1: they are gone, 0: it goes on, -1: they cannot be
   removed, which was logged. */
int	packs_purge(struct packs *, struct packs_purge *);
/* Give that up. */
void	packs_stop_purge(struct packs *);
/* Believe no longer that names are the files that are open, as is done for a
   second: somebody may have removed one. */
void	packs_look_again(struct packs *);

#endif
