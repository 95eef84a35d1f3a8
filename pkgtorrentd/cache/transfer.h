/* SPDX-License-Identifier: ISC */
/*
 * Export and import: the piece lists of the packs as one stream of
 * common/piece_stream.h, to or from a socket of pkgtorrentctl(8).  That
 * copies between it and a file, so that this process gets no file of the
 * administrator's, and never waits for one.  There is one transfer at a time,
 * in turns beside the work for clients.  A socket over which nothing moves for
 * TRANSFER_STALL_MS is given up.
 */
#ifndef TRANSFER_H
#define TRANSFER_H

#include "common/child.h"
#include "pkgtorrentd/cache/packs.h"

#define TRANSFER_STALL_MS	60000

struct transfer;

/* There is none yet, and it is never freed.  NULL without memory. */
struct transfer	*transfer_new(struct child *, struct store *, struct packs *);
/* For MSG_CONTROL: begin, and keep its descriptor; or stop.  Returns the fault
   in its content. */
enum msg_fault	transfer_on_control(struct transfer *, struct msg *);
/*
 * Work for one turn; if not idle, only now and then.  Returns the milliseconds
 * until the next one, or -1: there is no transfer.  While it waits for the
 * socket, child.also does.
 */
int		transfer_turn(struct transfer *, bool idle);

#endif
