/*
 * Everything around a torrent's info dictionary: the file before and after
 * it, and the head of the answer.  Depends on the trackers, the configuration
 * and the base URL that a request is answered with.
 */
#ifndef WRAP_H
#define WRAP_H

#include "pkgtorrentd/front/job/hot.h"
#include "pkgtorrentd/front/serve/exchange.h"

struct wrap {
	char		*base;		/* scheme://host, or the base-url */
	uint32_t	 generation;	/* the service's */
	bool		 simple;
	struct blob	*head;		/* status line and fields, but Date,
					   Cache-Control, Vary, Connection */
	struct blob	*before;
	struct blob	*after;
	uint64_t	 len;		/* of the whole torrent file */
	char		 etag[2 * SHA1_LEN + 3];
	size_t		 size;		/* in memory */
};

/*
 * The wrap of a torrent for this base URL; simple names the file after the
 * torrent instead of its info hash.  Made if need be, which adds to the
 * torrent's size; the torrent keeps a few and drops the oldest.  NULL without
 * memory.
 */
const struct wrap *wrap_get(const struct service *, struct torrent *,
	    const char *base, bool simple);

#endif
