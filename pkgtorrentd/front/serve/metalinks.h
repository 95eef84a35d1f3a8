/* SPDX-License-Identifier: ISC */
/*
 * Answers with the Metalink of a torrent.  It is written while the client reads
 * it, so it is never in memory as a whole.
 */
#ifndef METALINKS_H
#define METALINKS_H

#include "common/metalink.h"
#include "pkgtorrentd/front/job/hot.h"
#include "pkgtorrentd/front/serve/service.h"

/*
 * Is a Metalink of these files refused?  base: of the request, or NULL; path:
 * of the only file, or NULL.  0, or the status and *why for the client: 403 for
 * a name that it cannot have, 413 past max-torrent, 500 without memory.
 */
int	metalinks_refuse(const struct service *, const char *base,
	    const struct metalink_size *, const char *path, size_t path_len,
	    const char **why);
/* Answer with the Metalink of this torrent; state is for the log. */
void	metalinks_give(const struct exchange *, struct torrent *,
	    const char *base, const char *state);

#endif
