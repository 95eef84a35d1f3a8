/* SPDX-License-Identifier: ISC */
/*
 * The key of the tracker, a file in the cache's directory: random bytes, which
 * are made once.  Torrents name the tracker by tokens made with it, so it is
 * the one file here that cannot be made again.
 */
#ifndef TRACKER_KEY_H
#define TRACKER_KEY_H

#include "pkgtorrentd/cache/store.h"

struct tracker_key {
	bool		known;
	bool		wrong;		/* the file, when it was looked at */
	/* Until it is known: a random one, to be written if there is none. */
	uint8_t		bytes[SEAL_LEN];
	uint64_t	log_ms;
};

/* Before the sandbox is entered, which allows no request for random bytes. */
void	tracker_key_init(struct tracker_key *);

/*
 * Read the key.  If there is no file, or an empty one, write the key that is
 * known, or a new one.  A file of any other size is left as it is, and the log
 * says so, once a minute.  true: the key is another than before.
 */
bool	tracker_key_read(struct store *, struct tracker_key *);

#endif
