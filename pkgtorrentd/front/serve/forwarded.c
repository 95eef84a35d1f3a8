#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "pkgtorrentd/front/serve/forwarded.h"

#define LOG_INTERVAL_MS	60000

/* Cut the last element off a list with commas. */
static struct str
forwarded_pop(struct str *list)
{
	const char *comma = memrchr(list->p, ',', list->len);
	const char *from = comma == NULL ? list->p : comma + 1;
	struct str last = { from, (size_t)(list->p + list->len - from) };

	list->len = comma == NULL ? 0 : (size_t)(comma - list->p);
	return str_trim(last);
}

void
forwarded_client(const struct conf *conf, const struct conn_peer *peer,
    const struct http_request *req, struct conn_peer *client)
{
	struct str list;
	unsigned i;

	*client = *peer;
	if (!peer->proxy || req == NULL)
		return;
	for (i = req->nforwarded; i > 0; i--) {
		list = req->forwarded[i - 1];
		while (list.len > 0) {
			/* An address that cannot be read hides all that are
			   left of it. */
			if (addr_parse(forwarded_pop(&list), &client->family,
			    client->ip) == -1) {
				*client = *peer;
				return;
			}
			client->proxy = conf_is_proxy(conf, client->family,
			    client->ip);
			if (!client->proxy)
				return;
		}
	}
	/* All are proxies: the leftmost is the client. */
	client->proxy = req->nforwarded == 0;
}

static void
forwarded_log_proto(void)
{
	static uint64_t log_ms;

	if (log_once(&log_ms, LOG_INTERVAL_MS, clock_coarse_ms()))
		log_warn("X-Forwarded-Proto has several values that differ, "
		    "as of two proxies of which one ends TLS: it is ignored, "
		    "and torrents name http://; set base-url");
}

const char *
forwarded_base(const struct conf *conf, const struct conn_peer *peer,
    const struct http_request *req, char base[BASE_MAX])
{
	const char *scheme = "http";
	size_t i, n;

	if (conf->base_url != NULL)
		return conf->base_url;
	if (req->host.p == NULL)
		return NULL;
	if (peer->proxy && req->proto_disagrees)
		forwarded_log_proto();
	else if (peer->proxy &&
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
forwarded_has_host(const struct conf *conf, const struct http_request *req)
{
	size_t i;

	if (conf->hosts.n == 0)
		return true;
	/* A load balancer's health check names no host. */
	if (req->host.p == NULL)
		return req->method == HTTP_OPTIONS;
	for (i = 0; i < conf->hosts.n; i++)
		if (str_is(req->host, conf->hosts.v[i]))
			return true;
	return false;
}
