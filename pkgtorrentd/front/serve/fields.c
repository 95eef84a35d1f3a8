/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "common/clock.h"
#include "common/torrent.h"
#include "pkgtorrentd/front/serve/fields.h"

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
	if (conf->base_url == NULL && conn_peer(x->conn)->proxy)
		head_add(h, "Vary: X-Forwarded-Proto\r\n");
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
