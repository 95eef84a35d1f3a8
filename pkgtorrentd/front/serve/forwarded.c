#include <sys/socket.h>
#include <arpa/inet.h>

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "pkgtorrentd/front/front.h"
#include "pkgtorrentd/front/serve/forwarded.h"

/*
 * Who asks: the peer, or through proxies the rightmost address that is not
 * one of them.  0: nobody to hold to account (a proxy that does not say).
 */
static int
origin_find(const struct client *c, const struct http_request *req,
    int *family, uint8_t ip[16])
{
	const struct conf *conf = c->front->child.conf;
	unsigned i;

	*family = c->family;
	memcpy(ip, c->ip, 16);
	if (!c->proxy)
		return 1;
	for (i = req->nforwarded; i > 0; i--) {
		struct str list = req->forwarded[i - 1];

		while (list.len > 0) {
			const char *comma = memrchr(list.p, ',', list.len);
			const char *from = comma == NULL ? list.p : comma + 1;
			struct str one = str_trim((struct str){ from,
			    (size_t)(list.p + list.len - from) });

			list.len = comma == NULL ? 0 :
			    (size_t)(comma - list.p);
			/* What cannot be read says nothing about what lies
			   beyond it. */
			if (addr_parse(one, family, ip) == -1) {
				*family = c->family;
				memcpy(ip, c->ip, 16);
				return 0;
			}
			if (!conf_is_proxy(conf, *family, ip))
				return 1;
		}
	}
	return req->nforwarded > 0;
}

void
origin_ip(const struct client *c, const struct http_request *req,
    char *text)
{
	uint8_t ip[16];
	int family;

	origin_find(c, req, &family, ip);
	if (family == AF_UNIX ||
	    inet_ntop(family, ip, text, INET6_ADDRSTRLEN) == NULL)
		strlcpy(text, "unix", INET6_ADDRSTRLEN);
}

struct addr *
origin_addr(struct client *c, const struct http_request *req)
{
	uint8_t ip[16];
	int family;

	if (!origin_find(c, req, &family, ip) || family == AF_UNIX)
		return NULL;
	return addr_get(&c->front->addrs, family, ip);
}

static void
origin_log_proto(struct front *f)
{
	if (log_once(&f->proto_log_ms, 60000, clock_coarse_ms()))
		log_warn("X-Forwarded-Proto has several values that differ, "
		    "as of two proxies of which one ends TLS: it is ignored, "
		    "and torrents name http://; set base-url");
}

/* scheme://host of the request, or what the configuration says. */
const char *
origin_base(const struct client *c, const struct http_request *req,
    char base[BASE_MAX])
{
	const struct conf *conf = c->front->child.conf;
	const char *scheme = "http";
	size_t i, n;

	if (conf->base_url != NULL)
		return conf->base_url;
	if (req->host.p == NULL)
		return NULL;
	if (c->proxy && req->proto_disagrees)
		origin_log_proto(c->front);
	else if (c->proxy &&
	    str_is(req->field[FIELD_X_FORWARDED_PROTO], "https"))
		scheme = "https";
	/* The length of the host was checked. */
	n = strlcpy(base, scheme, BASE_MAX);
	n += strlcpy(base + n, "://", BASE_MAX - n);
	for (i = 0; i < req->host.len; i++, n++) {
		base[n] = req->host.p[i];
		if (base[n] >= 'A' && base[n] <= 'Z')
			base[n] += 'a' - 'A';
	}
	if (req->port.p != NULL) {
		base[n++] = ':';
		memcpy(base + n, req->port.p, req->port.len);
		n += req->port.len;
	}
	base[n] = '\0';
	return base;
}

bool
origin_has_host(const struct conf *conf, const struct http_request *req)
{
	size_t i;

	if (conf->hosts.n == 0)
		return true;
	/* A load balancer asks whether anybody is there. */
	if (req->host.p == NULL)
		return req->method == HTTP_OPTIONS;
	for (i = 0; i < conf->hosts.n; i++)
		if (str_is(req->host, conf->hosts.v[i]))
			return true;
	return false;
}
