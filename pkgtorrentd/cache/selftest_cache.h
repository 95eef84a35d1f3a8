/* SPDX-License-Identifier: ISC */
#ifndef SELFTEST_CACHE_H
#define SELFTEST_CACHE_H

#include "pkgtorrentd/cache/store.h"

/* After the calls themselves (store_selftests): make, use and remove an entry.
   If that fails, warn that nothing can be stored. */
void	selftest_cache_disk(struct store *);

#endif
