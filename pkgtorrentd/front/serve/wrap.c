#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/seal.h"
#include "common/torrent.h"
#include "pkgtorrentd/front/job/caveat.h"
#include "pkgtorrentd/front/serve/wrap.h"

#define WRAPS_MAX	8

struct wraps {
	unsigned	 n;
	struct wrap	 wrap[WRAPS_MAX];	/* oldest first */
};

static void
wrap_free(struct wrap *w)
{
	free(w->base);
	blob_unref(w->head);
	blob_unref(w->before);
	blob_unref(w->after);
}

static void
wraps_free(struct wraps *all)
{
	while (all->n > 0)
		wrap_free(&all->wrap[--all->n]);
	free(all);
}

/* The entity tag stands for the whole body: info dictionary by its hash. */
static int
wrap_set_etag(struct wrap *w, const struct torrent *t)
{
	struct buf all = { 0 };
	uint8_t digest[SHA1_LEN];
	size_t i;
	int r = -1;

	if (buf_add(&all, w->before->data, w->before->len) == 0 &&
	    buf_add(&all, t->info_hash, SHA1_LEN) == 0 &&
	    buf_add(&all, w->after->data, w->after->len) == 0) {
		sha1(all.data, all.len, digest);
		w->etag[0] = '"';
		for (i = 0; i < SHA1_LEN; i++)
			snprintf(w->etag + 1 + 2 * i, 3, "%02x", digest[i]);
		strlcat(w->etag, "\"", sizeof(w->etag));
		r = 0;
	}
	buf_free(&all);
	return r;
}

/*
 * RFC 6266: a plain name quoted, and for one that is not plain ASCII its
 * bytes as UTF-8 besides.  single mode has the info hash, unquoted, since old
 * clients compare that.
 */
static int
wrap_add_disposition(struct buf *b, const struct torrent *t, bool simple)
{
	const char *p;
	bool plain = true;

	if (!simple)
		return buf_addf(b, "Content-Disposition: attachment; "
		    "filename=%s.torrent\r\n", t->info_hash_hex);
	if (buf_addf(b, "Content-Disposition: attachment; filename=\"") == -1)
		return -1;
	for (p = t->name; *p != '\0'; p++) {
		bool odd = *p < 0x20 || *p > 0x7e || *p == '"' || *p == '\\' ||
		    *p == '%';

		plain = plain && !odd;
		if (buf_add(b, odd ? "_" : p, 1) == -1)
			return -1;
	}
	if (buf_addf(b, ".torrent\"") == -1)
		return -1;
	if (!plain && (buf_addf(b, "; filename*=UTF-8''") == -1 ||
	    torrent_encode_path(b, t->name, strlen(t->name)) == -1 ||
	    buf_addf(b, ".torrent") == -1))
		return -1;
	return buf_addf(b, "\r\n");
}

static struct blob *
wrap_make_head(const struct torrent *t, const struct wrap *w)
{
	struct buf b = { 0 };

	if (buf_addf(&b, "HTTP/1.1 200 OK\r\n"
	    "Content-Type: application/x-bittorrent\r\n"
	    "Content-Transfer-Encoding: binary\r\n") == -1 ||
	    wrap_add_disposition(&b, t, w->simple) == -1 ||
	    buf_addf(&b, "Content-Length: %llu\r\nETag: %s\r\n",
	    (unsigned long long)w->len, w->etag) == -1) {
		buf_free(&b);
		return NULL;
	}
	return blob_take(&b);
}

/* The bytes before and after the info dictionary. */
static int
wrap_fill(const struct service *s, const struct torrent *t, struct wrap *w)
{
	const struct conf *conf = s->conf;
	struct buf before = { 0 }, after = { 0 };
	struct torrent_outside out;
	const char **bases;
	size_t i;
	int r;

	bases = calloc(conf->web_seeds.n + 1, sizeof(*bases));
	if (bases == NULL)
		return -1;
	bases[0] = w->base;
	for (i = 0; i < conf->web_seeds.n; i++)
		bases[i + 1] = conf->web_seeds.v[i];
	out = (struct torrent_outside){
		.trackers = s->trackers.len > 0 ?
		    (char *)s->trackers.data : "",
		.bases = bases,
		.nbases = conf->web_seeds.n + 1,
		.path = t->path,
		.path_len = t->path != NULL ? strlen(t->path) : 0,
		.multi = t->multi,
	};
	r = torrent_wrap(&out, t->info_hash, &before, &after);
	free(bases);
	w->before = blob_take(&before);
	w->after = blob_take(&after);
	return r == -1 || w->before == NULL || w->after == NULL ? -1 : 0;
}

static int
wrap_make(const struct service *s, const struct torrent *t, const char *base,
    bool simple, struct wrap *w)
{
	*w = (struct wrap){ .simple = simple, .generation = s->generation };
	w->base = strdup(base);
	if (w->base == NULL || wrap_fill(s, t, w) == -1)
		return -1;
	w->len = w->before->len + t->info->len + w->after->len;
	if (wrap_set_etag(w, t) == -1 ||
	    (w->head = wrap_make_head(t, w)) == NULL)
		return -1;
	w->size = w->before->len + w->after->len + w->head->len +
	    strlen(base) + 1;
	return 0;
}

static struct wraps *
wraps_of(struct torrent *t)
{
	if (t->wraps == NULL && (t->wraps = calloc(1,
	    sizeof(*t->wraps))) != NULL) {
		t->wraps_free = wraps_free;
		t->size += sizeof(*t->wraps);
	}
	return t->wraps;
}

const struct wrap *
wrap_get(const struct service *s, struct torrent *t, const char *base,
    bool simple)
{
	struct wraps *all = wraps_of(t);
	struct wrap *w, new;
	unsigned i;

	for (i = 0; all != NULL && i < all->n; i++) {
		w = &all->wrap[i];
		if (w->simple == simple && w->generation == s->generation &&
		    strcmp(w->base, base) == 0)
			return w;
	}
	if (all == NULL || wrap_make(s, t, base, simple, &new) == -1) {
		if (all != NULL)
			wrap_free(&new);
		return NULL;
	}
	if (new.len <= s->conf->max_torrent)
		caveat_size(t, new.len);
	if (all->n == WRAPS_MAX) {
		t->size -= all->wrap[0].size;
		wrap_free(&all->wrap[0]);
		memmove(&all->wrap[0], &all->wrap[1],
		    (WRAPS_MAX - 1) * sizeof(*w));
		all->n--;
	}
	t->size += new.size;
	w = &all->wrap[all->n++];
	*w = new;
	return w;
}
