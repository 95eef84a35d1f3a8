/* SPDX-License-Identifier: ISC */
/*
 * Info hashes for somebody else's tracker that refuses unknown ones.  A helper
 * behind whitelist-socket gets each new one as a line, and answers each line in
 * turn; pkgtorrentd.conf(5) has the protocol.  The first answer with a torrent
 * waits for that, so that the client's announce is not refused: some clients
 * announce once and then go without peers.
 *
 * A hash is new until the helper has answered ok, and again after a restart or
 * for another socket: the helper keeps the list, and this module only remembers
 * the answers.
 */
#ifndef WHITELIST_H
#define WHITELIST_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/conf/conf.h"
#include "common/msg.h"

/* How long an answer waits, and how many times in a row in vain before no
   answer waits for a time. */
#define WHITELIST_WAIT_MS	2000
#define WHITELIST_FAILURES_MAX	3
#define WHITELIST_PAUSE_MS	60000
/* Lines without an answer. */
#define WHITELIST_LINES_MAX	1024
/* Lines in an hour, of all clients and of one: each order of the same paths is
   another torrent, so clients could fill the tracker's list. */
#define WHITELIST_HOUR_MAX	36000
#define WHITELIST_CLIENT_MAX	3600
/* Info hashes that are remembered as acknowledged, in sets; and bytes of an
   answer, with its newline. */
#define WHITELIST_SETS		16384
#define WHITELIST_WAYS		4
#define WHITELIST_ANSWER_MAX	256

struct channel;
struct event_base;
struct whitelist;
struct whitelist_line;

/* A request that waits.  done is called once, unless it leaves before. */
struct whitelist_wait {
	TAILQ_ENTRY(whitelist_wait) entry;
	struct whitelist_line	*line;		/* NULL: it does not wait */
	void			(*done)(struct whitelist_wait *);
};

/* Off until a configuration has a socket.  NULL without memory. */
struct whitelist *whitelist_new(struct event_base *, struct channel *parent);
void	whitelist_free(struct whitelist *);
/* After each change; MSG_WHITELIST follows if the socket is another one. */
void	whitelist_set_conf(struct whitelist *, const struct conf *);
enum msg_fault whitelist_on_whitelist(struct whitelist *, struct msg *);

/* Torrents are marked with this when their info hash is acknowledged; 0:
   off. */
uint32_t whitelist_mark(const struct whitelist *);
/*
 * A torrent with this info hash is about to be answered with, and its mark is
 * another one.  Has the hash written unless it was, sets *mark if it is known
 * to be acknowledged, and returns the line to wait for, until the next event;
 * NULL: there is nothing to wait for.  addr, or NULL, is the client.
 */
struct whitelist_line *whitelist_want(struct whitelist *, const uint8_t *hash,
	    uint32_t *mark, const struct addr *addr);
void	whitelist_wait(struct whitelist_line *, struct whitelist_wait *);
void	whitelist_leave(struct whitelist_wait *);

#endif
