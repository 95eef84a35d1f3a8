/* SPDX-License-Identifier: ISC */
/*
 * The tracker of the house: the URLs that torrents name it by, and the requests
 * to these.  The tracker itself is another process, which sees only requests
 * that were found right here.
 */
#ifndef ANNOUNCES_H
#define ANNOUNCES_H

#include "common/seal.h"
#include "pkgtorrentd/front/worker/announceq.h"

struct exchange;
struct request;
struct service;
struct torrent;

/* Where the file with the key is. */
enum key_source { KEY_OF_CACHE, KEY_OF_FILE, KEY_SOURCES };

struct announces_key {
	bool		known;
	uint8_t		bytes[SEAL_LEN];
};

struct announces {
	struct announceq	q;
	struct announces_key	keys[KEY_SOURCES];
	uint64_t		answered;
	uint64_t		refused;	/* of these, with a failure */
	uint64_t		log_ms;
};

/* The key as the process says that has read it. */
void	announces_set_key(struct service *, enum key_source,
	    const uint8_t key[SEAL_LEN]);
/* Do torrents name the tracker?  Not without a key. */
bool	announces_are_named(const struct service *);
/* Append the announce URL of a torrent below a base URL, and a NUL.  0, or -1
   with ENOMEM. */
int	announces_add_url(struct buf *, const struct service *,
	    const struct torrent *, const char *base);
/* Answer an announce or a scrape, at once or once the tracker has answered.
   The request's head is at bytes. */
void	announces_answer(const struct exchange *, const char *bytes,
	    const struct request *);

#endif
