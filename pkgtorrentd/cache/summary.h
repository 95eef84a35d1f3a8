/* SPDX-License-Identifier: ISC */
/*
 * The size of the cache, kept in the file "summary" of its directory, so that
 * it is known at start without a walk over all entries.  The next sweep
 * corrects it.
 */
#ifndef SUMMARY_H
#define SUMMARY_H

#include "pkgtorrentd/cache/store.h"

/* Take the size of each tree from the file.  Without one that is whole, the
   trees are not counted yet. */
void	summary_load(struct store *);
/* Write it, if the size has changed since. */
void	summary_save(struct store *);

#endif
