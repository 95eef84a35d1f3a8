/* SPDX-License-Identifier: ISC */
/*
 * Requests of the front that wait for their turns: reading entries and building
 * them takes as long as they are.  A turn has TURN_US, one file or step more.
 * Turns go round by the clients that the front names by numbers; the requests
 * of one client are handled in their order.  A front that was broken into can
 * spoil the fairness, and nothing else.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include "common/child.h"
#include "common/turns.h"
#include "pkgtorrentd/cache/making.h"
#include "pkgtorrentd/cache/packs.h"

struct requests {
	struct child	*child;		/* answers go to its front */
	struct store	*store;
	struct packs	*packs;
	struct turns	 turns;
	unsigned	 n;
	size_t		 bytes;		/* of all requests as they came */
	/* Memory of those that are begun: one may be large. */
	bool		 large;
	uint64_t	 held;		/* bytes of the others */
	struct buf	 entry;		/* the pieces loaded last */
	bool		 lost;		/* the front, in this turn */
	uint64_t	 mark_us;	/* CPU time up to here was charged */
	/* The MSG_PIECES that is being built. */
	struct msg_pieces out;
	size_t		 out_len;
	uint8_t		 out_tail[MSG_TAIL_MAX];
};

void	requests_init(struct requests *, struct child *, struct store *,
	    struct packs *);
/* May the front send more? */
bool	requests_have_room(const struct requests *);
/* Queue a question.  Returns the fault in its content. */
enum msg_fault requests_get_info(struct requests *, const struct msg *);
enum msg_fault requests_get_pieces(struct requests *, const struct msg *);
/* Queue the use of the entry of this digest and kind, or of the pieces of a
   file, of which the message has the path. */
void	requests_touch(struct requests *, const uint8_t digest[SHA1_LEN],
	    enum piece_kind);
enum msg_fault requests_touch_pieces(struct requests *, const struct msg *);
/* Queue the making of an entry, which is taken over, of a listing of so many
   bytes. */
void	requests_make(struct requests *, struct making *, uint32_t client,
	    size_t len);
/* Drop the makings of entries that name a file in this tree. */
void	requests_drop_makings(struct requests *, struct str tree);
/* Work for one turn.  false: there is no work. */
bool	requests_turn(struct requests *);
/* The front has gone: drop all requests. */
void	requests_drop(struct requests *);

#endif
