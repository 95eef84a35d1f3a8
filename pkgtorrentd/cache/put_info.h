/*
 * From what walkers said that specs resolve to, to an entry of info/.
 */
#ifndef REMEMBER_H
#define REMEMBER_H

#include "common/conf/conf.h"
#include "pkgtorrentd/cache/store.h"

/*
 * listing is the listings of all walkers, one after another, each sealed.
 * They must be whole: every spec once, and their digest the one given.  The
 * info dictionary is built from the stored pieces of the files; when those
 * are missing or of another version, nothing is stored.  A listing without
 * files makes the digest forgotten.  0, or -1: the listings lie, or they are
 * not of this digest.
 */
int	remember_listing(struct store *, const struct conf *,
	    const uint8_t digest[SHA1_LEN], const struct buf *listing);

#endif
