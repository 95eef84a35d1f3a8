/* SPDX-License-Identifier: ISC */
/*
 * Exports and imports of a cache under test, with the test in place of
 * pkgtorrentctl.
 */
#ifndef TRANSFER_RIG_H
#define TRANSFER_RIG_H

#include "common/piece_stream.h"
#include "tests/lib/cache_rig.h"

/* Begin an export or import.  Returns the test's end of its socket. */
int	transfer_begin(struct cache_under_test *, enum control_command,
	    uint64_t id);
/* Has it ended? */
bool	transfer_has_ended(const struct cache_under_test *, uint64_t id);
/* Wait for its end.  Returns CONTROL_DONE or CONTROL_FAILED; the last report is
   in proc.ended, its text in proc.ended_tail. */
enum control_state transfer_wait(struct cache_under_test *, uint64_t id);

/* All of an export, into the buffer. */
void	transfer_export(struct cache_under_test *, struct buf *);
/* Import bytes; the end of the stream follows them. */
enum control_state transfer_import(struct cache_under_test *, const void *,
	    size_t len);

/* Add a file's list, as make_digests() has it, to a stream. */
void	transfer_add(struct piece_stream *, struct buf *,
	    const struct mirror_file *, uint32_t piece_len);
/* A whole stream of these files. */
void	transfer_make(struct buf *, const struct mirror_file *, unsigned n,
	    uint32_t piece_len);
/* The number of records in a stream that is right; with a path the number of
   its records. */
unsigned transfer_count(const struct buf *, const char *path);

/* The number of digests that the cache has of a file, and the PIECES_ flags. */
uint64_t transfer_ask(struct cache_under_test *, const struct mirror_file *,
	    uint32_t *flags);

#endif
