/*
 * The access log: combined format, then cache state, milliseconds of hashing
 * and info hash.  Lines are collected and written in blocks.
 */
#ifndef ACCESS_H
#define ACCESS_H

#include <event2/event.h>

#include "common/buf.h"
#include "common/msg.h"
#include "pkgtorrentd/front/conn/conn.h"

struct access {
	struct channel	*parent;	/* gets the lines if there is no fd */
	int		 fd;		/* -1: none */
	bool		 cut;		/* the file ends in half a line */
	struct buf	 lines;		/* not yet written */
	struct event	*ev;
};

struct access_line {
	int		 status;
	uint64_t	 body_len;
	const char	*state;		/* "-": no torrent */
	uint64_t	 hash_ms;
	const char	*info_hash;	/* in hex, or "-" */
};

/* 0, or -1 without memory. */
int	access_open(struct access *, struct event_base *,
	    struct channel *parent);
/* Write the collected lines, and go on with this descriptor, which is taken
   over; -1: with the parent. */
void	access_set_fd(struct access *, int fd);
/* Add a line: the client's address, the value of Date, and the request, of
   which some fields may be unset; NULL: nothing could be read. */
void	access_add(struct access *, const struct conn_peer *client,
	    const char *date, const struct http_request *,
	    const struct access_line *);

#endif
