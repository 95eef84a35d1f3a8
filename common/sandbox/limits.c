/* SPDX-License-Identifier: ISC */
#include "common/held.h"
#include "common/listing.h"
#include "common/sandbox/limits.h"

#define M		(1ULL << 20)

/* Each process: its own, libraries, and the messages at hand. */
#define OWN		(64 * M)

/* The front: for each connection a torrent that is always given, and for the
   twice as many that may be open a request.  One torrent is always made,
   however long: its pieces, and the dictionary that they are copied to. */
#define REQUEST		(32ULL << 10)
#define BODIES		(64 * M)	/* or twice max-body */
/* Names and pieces of a torrent that is being hashed: 400 GiB in pieces of
   1 MiB. */
#define HASHED		(8 * M)
/* Messages that wait for a walker or the cache. */
#define WAITING		(64 * M)

/* The walker: the listings of the requests that it works on, each with as many
   files as one may have. */
#define WALKS		16
#define MATCH		(6ULL << 10)

/* The cache: an entry as it is read, made, stored and sent, and what it knows
   of packs, one of which may grow meanwhile. */
#define ENTRIES		4
#define PACKS		(2 * 16 * M)

/* The tracker: a peer that is the only one of its address and of its swarm
   takes less than 200 bytes with its share of tables that have just grown. */
#define PEER		256

static uint64_t
limits_front(const struct conf *conf)
{
	uint64_t bodies = 2 * conf->max_body;

	if (bodies < BODIES)
		bodies = BODIES;
	return OWN + conf->hot_size + conf->answer_memory +
	    conf->max_connections * (HELD_SMALL + 2 * REQUEST) + bodies +
	    conf->max_queue * HASHED + (conf->nroots + 1) * WAITING +
	    2 * conf->max_torrent;
}

static uint64_t
limits_walker(const struct conf *conf)
{
	uint64_t listing = conf->max_files * MATCH;

	if (listing < LISTING_MAX)
		listing = LISTING_MAX;
	return OWN + WALKS * listing;
}

uint64_t
limits_data(enum role role, const struct conf *conf)
{
	switch (role) {
	case ROLE_FRONT:
		return limits_front(conf);
	case ROLE_WALKER:
		return limits_walker(conf);
	case ROLE_HASHER:
		return OWN;
	case ROLE_TRACKER:
		return OWN + conf->tracker_peers * PEER;
	case ROLE_CACHE:
		return OWN + PACKS +
		    ENTRIES * (conf->max_torrent + LISTING_MAX);
	default:
		return 0;
	}
}
