/* SPDX-License-Identifier: ISC */
/*
 * Parts that answers with a torrent, with its Metalink and with the page have
 * in common.
 */
#ifndef FIELDS_H
#define FIELDS_H

#include "pkgtorrentd/front/job/hot.h"
#include "pkgtorrentd/front/serve/reply.h"

/*
 * Content-Disposition with the name of the torrent, and this after it.  RFC
 * 6266: a plain name quoted, and for one that is not plain ASCII its bytes as
 * UTF-8 besides.  0, or -1 without memory.
 */
int	fields_add_disposition(struct buf *, const struct torrent *,
	    const char *extension);
/* Cache-Control: caches may keep it until the torrent's next check.  Vary, if
   the answer depends on a field of a proxy. */
void	fields_add_freshness(struct head *, const struct exchange *,
	    const struct torrent *);
/* Does the base URL depend on X-Forwarded-Proto? */
bool	fields_vary_by_proto(const struct exchange *);
/* The base URL of the request, in base or as configured; NULL if it names no
   host. */
#define FIELDS_BASE_MAX	300		/* scheme, host, port */
const char *fields_base(const struct exchange *, char base[FIELDS_BASE_MAX]);
/* The base URL of the request, and those of web-seed; *n of them, to be freed.
   NULL without memory. */
const char **fields_bases(const struct conf *, const char *base, size_t *n);

#endif
