/* SPDX-License-Identifier: ISC */
/*
 * The queries of BitTorrent clients to a tracker over HTTP, and its answers
 * (BEP 3, 7, 23, 31, 48).  Pure.
 */
#ifndef ANNOUNCE_H
#define ANNOUNCE_H

#include "common/msg.h"
#include "pkgtorrentd/front/http/http.h"

/* Room for an answer with NUMWANT_MAX peers as dictionaries. */
#define ANNOUNCE_ANSWER_MAX	4096

struct announce_query {
	uint8_t			info_hash[SHA1_LEN];
	uint16_t		port;		/* 1..65535 */
	enum announce_event	event;
	bool			seed;		/* nothing is left */
	uint8_t			numwant;	/* at most the most */
	bool			dicts;		/* compact=0 */
};

/*
 * Read the query of an announce.  It has one info_hash of 20 bytes, port and
 * left, and may have event, numwant and compact; other fields, such as ip, key
 * and peer_id, are not looked at.  NULL, or a fragment of a sentence for the
 * client that says why it is refused.
 */
const char *announce_read(struct str query, struct announce_query *);
/* The same of a scrape, which has one info_hash: the token in its URL is of one
   torrent. */
const char *announce_read_scrape(struct str query,
	    uint8_t info_hash[SHA1_LEN]);

struct announce_answer {
	uint32_t	 complete;	/* seeds */
	uint32_t	 incomplete;
	uint32_t	 downloaded;	/* event=completed so far */
	uint32_t	 interval_s;
	const uint8_t	*peers4;	/* PEER4_LEN each */
	const uint8_t	*peers6;	/* PEER6_LEN each */
	unsigned	 n4;
	unsigned	 n6;		/* n4 + n6 <= NUMWANT_MAX */
	const char	*warning;	/* for its user, or NULL */
};

/* Build an answer, with peers as dictionaries or compact.  Returns its
   length. */
size_t	announce_build(char out[ANNOUNCE_ANSWER_MAX],
	    const struct announce_answer *, bool dicts);
/* The same to a scrape; it names no peers. */
size_t	announce_build_scrape(char out[ANNOUNCE_ANSWER_MAX],
	    const uint8_t info_hash[SHA1_LEN], const struct announce_answer *);
/*
 * The same for a refusal: why is a line of text.  retry_min: minutes until the
 * client may ask again (BEP 31), 0: it never need.
 */
size_t	announce_build_failure(char out[ANNOUNCE_ANSWER_MAX], const char *why,
	    unsigned retry_min);

#endif
