/* SPDX-License-Identifier: ISC */
/*
 * Torrents that some clients cannot use: one line a minute of each kind goes
 * to the log, with an example.  The torrents are answered all the same, since
 * other clients can use them.
 */
#ifndef CAVEAT_H
#define CAVEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct torrent;

/* Log a file of a new torrent if some clients rewrite its name, and so cannot
   fetch it from web seeds.  true: it was such a file. */
bool	caveat_name(const struct torrent *, const char *path, size_t len);
/* Log a new torrent of len bytes if it is too large for libtorrent. */
void	caveat_size(const struct torrent *, uint64_t len);

#endif
