/*
 * The access log: combined format, then cache state, milliseconds of hashing
 * and info hash.  Lines are collected and written in blocks.
 */
#ifndef ACCESS_H
#define ACCESS_H

#include "pkgtorrentd/front/conn/client.h"

struct access_line {
	int		 status;
	uint64_t	 body_len;
	const char	*state;		/* "-": no torrent */
	uint64_t	 hash_ms;
	const char	*info_hash;	/* in hex, or "-" */
};

int	access_open(struct front *);
void	access_set_fd(struct front *, int fd);
/* req may be NULL: nothing could be read. */
void	access_add(struct client *, const struct http_request *,
	    const struct access_line *);
void	access_flush(struct front *);

#endif
