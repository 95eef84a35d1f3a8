/*
 * Entries that the front sends, and the conditions for storing them.  Pieces
 * and listings are stored only with the seals of the hashers and walkers that
 * made them, and the info dictionary is built here, from pieces that are stored
 * already.  A compromised front can prevent storing, and can store pieces that
 * were true once of the identity stored with them; nothing else.
 */
#ifndef PUT_H
#define PUT_H

#include "common/conf/conf.h"
#include "common/seal.h"
#include "pkgtorrentd/cache/store.h"

/* The pieces of a file, which arrive in parts. */
struct put_pieces {
	bool		open;		/* more parts follow */
	uint8_t		path[SPEC_MAX];
	size_t		path_len;
	uint32_t	piece_len;
	struct identity	identity;
	uint64_t	pieces;		/* of the file */
	uint64_t	next;		/* the next piece expected */
	bool		keep;		/* store them at the end */
	struct buf	digests;
};

/* The listings of a digest, which arrive in parts. */
struct put_info {
	bool		open;
	uint8_t		digest[SHA1_LEN];
	struct buf	listing;
	size_t		sealed;		/* bytes of it that a seal covers */
};

struct put {
	struct store		*store;
	struct seal		*seal;
	const struct conf	*conf;
	struct put_pieces	 pieces;
	struct put_info	 info;
};

/*
 * Take one part.  Returns FAULT_NONE, or the fault of the message; earlier
 * parts are then discarded.  It is no fault if the entry cannot be stored
 * although the front is honest.
 */
enum msg_fault	put_add_pieces(struct put *, const struct msg *);
enum msg_fault	put_add_info(struct put *, const struct msg *);

/* The front has gone: discard incomplete transfers. */
void		put_reset(struct put *);

#endif
