/*
 * What the front wants remembered, and why it may be: pieces and listings
 * are stored only with the seals of the walker and the hashers that saw them,
 * and the info dictionary is built here, from pieces that are stored already.
 * A front that was broken into can keep us from storing, and can have stored
 * what was true once of the identity that is stored with it; nothing else.
 */
#ifndef PUT_H
#define PUT_H

#include "common/conf/conf.h"
#include "common/seal.h"
#include "pkgtorrentd/cache/store.h"

/* A file's pieces, arriving in parts. */
struct put_pieces {
	bool		open;		/* parts are to follow */
	uint8_t		path[SPEC_MAX];
	size_t		path_len;
	uint32_t	piece_len;
	struct identity	identity;
	uint64_t	pieces;		/* of the file */
	uint64_t	next;		/* piece expected next */
	bool		keep;		/* worth storing */
	struct buf	digests;
};

/* Listings, arriving in parts. */
struct put_info {
	bool		open;
	uint8_t		digest[SHA1_LEN];
	struct buf	listing;
	size_t		sealed;		/* bytes of it, from the beginning */
};

struct put {
	struct store		*store;
	struct seal		*seal;
	const struct conf	*conf;
	struct put_pieces	 pieces;
	struct put_info	 info;
};

/*
 * One part of what is to be remembered.  0, or what is wrong with it, and
 * then what came before it is forgotten.  What an honest front may send but
 * cannot be stored is no fault.
 */
enum msg_fault	put_pieces(struct put *, const struct msg *);
enum msg_fault	put_info(struct put *, const struct msg *);

/* The front has gone: forget what was not complete. */
void		put_reset(struct put *);

#endif
