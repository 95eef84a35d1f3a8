/*
 * The client behind proxies and the name by which it calls this mirror, from
 * the X-Forwarded- fields of trusted proxies.
 */
#ifndef FORWARDED_H
#define FORWARDED_H

#include "pkgtorrentd/front/conn/conn.h"

#define BASE_MAX	300		/* scheme, host, port */

/*
 * The client of a request: the connection's other end, or, if that is a
 * proxy, the rightmost forwarded address that is none.  It is a proxy (with
 * proxy set) if the proxies do not tell: then nobody can be charged with the
 * request.  The request may be NULL.
 */
void	forwarded_client(const struct conf *, const struct conn_peer *,
	    const struct http_request *, struct conn_peer *client);
/* The base URL for torrents, in base or as configured; NULL if the request
   names no host. */
const char *forwarded_base(const struct conf *, const struct conn_peer *,
	    const struct http_request *, char base[BASE_MAX]);
/* Does the request name one of the configured hosts? */
bool	forwarded_has_host(const struct conf *, const struct http_request *);

#endif
