/*
 * Where a request comes from and by which name it calls this mirror, with
 * what trusted proxies say of both.
 */
#ifndef ORIGIN_H
#define ORIGIN_H

#include "pkgtorrentd/front/conn/client.h"

struct conf;

#define BASE_MAX	300		/* scheme, host, port */

/* As the access log names the client: ip has room for INET6_ADDRSTRLEN. */
void	origin_ip(const struct client *, const struct http_request *,
	    char *ip);
/* Whom jobs and requests that wait are charged to, to be given back with
   addr_put(); NULL: nobody can be held to account. */
struct addr *origin_addr(struct client *, const struct http_request *);
/* The base URL for this request: base, or what is configured; NULL when there
   is none, as the request names no host. */
const char *origin_base(const struct client *, const struct http_request *,
	    char base[BASE_MAX]);
/* Does the request name this mirror as it wants to be named? */
bool	origin_has_host(const struct conf *, const struct http_request *);

#endif
