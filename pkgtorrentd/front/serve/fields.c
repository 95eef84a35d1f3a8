/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/torrent.h"
#include "pkgtorrentd/front/serve/fields.h"

#define LOG_INTERVAL_MS	60000

int
fields_add_disposition(struct buf *b, const struct torrent *t,
    const char *extension)
{
	const char *p;
	bool plain = true;

	if (buf_addf(b, "Content-Disposition: attachment; filename=\"") == -1)
		return -1;
	for (p = t->name; *p != '\0'; p++) {
		bool odd = *p < 0x20 || *p > 0x7e || *p == '"' || *p == '\\' ||
		    *p == '%';

		plain = plain && !odd;
		if (buf_add(b, odd ? "_" : p, 1) == -1)
			return -1;
	}
	if (buf_addf(b, "%s\"", extension) == -1)
		return -1;
	if (!plain && (buf_addf(b, "; filename*=UTF-8''") == -1 ||
	    torrent_encode_path(b, t->name, strlen(t->name)) == -1 ||
	    buf_addf(b, "%s", extension) == -1))
		return -1;
	return buf_addf(b, "\r\n");
}

bool
fields_vary_by_proto(const struct exchange *x)
{
	return x->service->conf->base_url == NULL && conn_peer(x->conn)->proxy;
}

/* snprintf(3) would take as long as the rest of answering from memory. */
static void
fields_add_number(struct head *h, unsigned n)
{
	char text[16], *p = text + sizeof(text);

	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	head_add_text(h, p, (size_t)(text + sizeof(text) - p));
}

/* Whole seconds until the entry is due for a check. */
static unsigned
fields_max_age(const struct conf *conf, const struct torrent *t)
{
	uint64_t due = t->checked_ms + conf->revalidate_ms;
	uint64_t now = clock_coarse_ms();

	return !t->settled || due <= now ? 0 : (unsigned)((due - now) / 1000);
}

void
fields_add_freshness(struct head *h, const struct exchange *x,
    const struct torrent *t)
{
	static const char max_age[] = "Cache-Control: public, max-age=";
	const struct conf *conf = x->service->conf;

	head_add_text(h, max_age, sizeof(max_age) - 1);
	fields_add_number(h, fields_max_age(conf, t));
	head_add_text(h, "\r\n", 2);
	if (fields_vary_by_proto(x))
		head_add(h, "Vary: X-Forwarded-Proto\r\n");
}

static void
fields_log_proto(void)
{
	static uint64_t log_ms;

	if (log_once(&log_ms, LOG_INTERVAL_MS, clock_coarse_ms()))
		log_warn("X-Forwarded-Proto has several values that differ, "
		    "as of two proxies of which one ends TLS: it is ignored, "
		    "and torrents name http://; set base-url");
}

const char *
fields_base(const struct exchange *x, char base[FIELDS_BASE_MAX])
{
	const struct http_request *req = x->req;
	const bool proxy = conn_peer(x->conn)->proxy;
	const char *scheme = "http";
	size_t i, n;

	if (x->service->conf->base_url != NULL)
		return x->service->conf->base_url;
	if (req->host.p == NULL)
		return NULL;
	if (proxy && req->proto_disagrees)
		fields_log_proto();
	else if (proxy &&
	    str_is(req->field[FIELD_X_FORWARDED_PROTO], "https"))
		scheme = "https";
	/* The length of the host was checked. */
	n = strlcpy(base, scheme, FIELDS_BASE_MAX);
	n += strlcpy(base + n, "://", FIELDS_BASE_MAX - n);
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

const char **
fields_bases(const struct conf *conf, const char *base, size_t *n)
{
	const char **bases;
	size_t i;

	*n = conf->web_seeds.n + 1;
	bases = calloc(*n, sizeof(*bases));
	if (bases == NULL)
		return NULL;
	bases[0] = base;
	for (i = 0; i < conf->web_seeds.n; i++)
		bases[i + 1] = conf->web_seeds.v[i];
	return bases;
}
