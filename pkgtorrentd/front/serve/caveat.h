/*
 * Torrents that some clients cannot use, for the log: one line a minute of
 * each kind, with an example.  The clients themselves are told nothing, since
 * others can use them.
 */
#ifndef CAVEAT_H
#define CAVEAT_H

#include <stdint.h>

struct front;
struct job;
struct torrent;

/* A torrent has been made of the job's files: have they names that clients
   rewrite, and so cannot fetch from web seeds? */
void	caveat_names(struct front *, const struct torrent *,
	    const struct job *);

/* It will be answered with len bytes: are these too many for libtorrent? */
void	caveat_size(struct front *, const struct torrent *, uint64_t len);

#endif
