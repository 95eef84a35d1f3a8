/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "common/seal.h"
#include "pkgtorrentd/front/serve/fields.h"
#include "pkgtorrentd/front/serve/metalinks.h"

#define STEP_LEN	(32U << 10)	/* bytes made at once */
#define ETAG_LEN	(2 * SHA1_LEN + 2)

static const char no_memory[] = "out of memory; try again later";

/* A Metalink on its way to a client; the answer holds its torrent. */
struct metalink_source {
	struct out_source	 source;	/* first, to be found by it */
	struct metalink		*metalink;
	struct buf		 made;
};

static void
metalink_source_free(struct out_source *source)
{
	struct metalink_source *m = (struct metalink_source *)source;

	metalink_free(m->metalink);
	buf_free(&m->made);
	free(m);
}

static int
metalink_source_next(struct out_source *source, const uint8_t **p,
    size_t *len)
{
	struct metalink_source *m = (struct metalink_source *)source;

	m->made.len = 0;
	if (metalink_step(m->metalink, &m->made, STEP_LEN) == -1 ||
	    m->made.len == 0)
		return -1;
	source->size = m->made.cap;
	*p = m->made.data;
	*len = m->made.len;
	return 0;
}

static struct out_source *
metalink_source_new(const struct metalink_parts *parts)
{
	struct metalink_source *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->metalink = metalink_new(parts);
	if (m->metalink == NULL) {
		free(m);
		return NULL;
	}
	m->source.next = metalink_source_next;
	m->source.free = metalink_source_free;
	m->source.size = STEP_LEN;
	return &m->source;
}

static int
metalinks_refuse_parts(const struct service *s,
    const struct metalink_parts *parts, const char **why)
{
	if (parts->size->nameless) {
		*why = "the name of a file is not UTF-8 or has a character "
		    "that a Metalink cannot have; ask for the torrent";
		return 403;
	}
	if (metalink_len(parts) > s->conf->max_torrent) {
		*why = "the Metalink is larger than this service allows; ask "
		    "for fewer files, or for the torrent";
		return 413;
	}
	return 0;
}

int
metalinks_refuse(const struct service *s, const char *base,
    const struct metalink_size *size, const char *path, size_t path_len,
    const char **why)
{
	struct metalink_parts parts = { .size = size, .path = path,
	    .path_len = path_len, .service = s->conf->service };
	const char **bases;
	int status;

	if (base == NULL)
		return 0;
	bases = fields_bases(s->conf, base, &parts.nbases);
	if (bases == NULL) {
		*why = no_memory;
		return 500;
	}
	parts.bases = bases;
	status = metalinks_refuse_parts(s, &parts, why);
	free(bases);
	return status;
}

/* The entity tag stands for the whole body: all that it is made of. */
static int
metalinks_make_etag(const struct torrent *t,
    const struct metalink_parts *parts, char etag[ETAG_LEN + 1])
{
	struct buf all = { 0 };
	uint8_t digest[SHA1_LEN];
	size_t i;
	int r;

	r = buf_addf(&all, "meta4 %s %s %s", VERSION, parts->service,
	    t->path != NULL ? t->path : "");
	for (i = 0; r == 0 && i < parts->nbases; i++)
		r = buf_addf(&all, "\n%s", parts->bases[i]);
	if (r == 0)
		r = buf_add(&all, t->info_hash, SHA1_LEN);
	if (r == 0) {
		sha1(all.data, all.len, digest);
		etag[0] = etag[ETAG_LEN - 1] = '"';
		etag[ETAG_LEN] = '\0';
		for (i = 0; i < SHA1_LEN; i++) {
			etag[1 + 2 * i] = "0123456789abcdef"[digest[i] >> 4];
			etag[2 + 2 * i] = "0123456789abcdef"[digest[i] & 15];
		}
	}
	buf_free(&all);
	return r;
}

/* The head but the fields of every answer, of 200 or 304. */
static int
metalinks_add_head(struct buf *b, const struct torrent *t, int status,
    uint64_t len, const char *etag)
{
	if (status == 304)
		return buf_addf(b, "HTTP/1.1 304 Not Modified\r\n"
		    "ETag: %s\r\n", etag);
	if (buf_addf(b, "HTTP/1.1 200 OK\r\n"
	    "Content-Type: application/metalink4+xml\r\n") == -1 ||
	    fields_add_disposition(b, t, ".meta4") == -1)
		return -1;
	return buf_addf(b, "Content-Length: %llu\r\nETag: %s\r\n",
	    (unsigned long long)len, etag);
}

/* 0, or -1 if there was no memory to answer. */
static int
metalinks_send(const struct exchange *x, struct torrent *t,
    const struct metalink_parts *parts, struct access_line *line)
{
	char etag[ETAG_LEN + 1];
	uint64_t len = metalink_len(parts);
	struct out_source *source = NULL;
	struct out out = OUT_EMPTY;
	struct buf b = { 0 };
	enum conn_after after;
	struct head h;

	if (metalinks_make_etag(t, parts, etag) == -1)
		return -1;
	if (http_etag_matches(x->req->field[FIELD_IF_NONE_MATCH], etag))
		line->status = 304;
	if (metalinks_add_head(&b, t, line->status, len, etag) == -1 ||
	    (line->status == 200 && x->req->method != HTTP_HEAD &&
	    (source = metalink_source_new(parts)) == NULL)) {
		buf_free(&b);
		return -1;
	}
	out_add(&out, b.data, b.len, NULL);
	h.len = 0;
	fields_add_freshness(&h, x, t);
	after = reply_add_head(x, &h, &out, CONN_KEEP);
	if (source != NULL) {
		out_set_source(&out, source, len);
		line->body_len = len;
		out.held = &t->held;
		if (t->held.size > HELD_SMALL)
			out.addr = reply_addr(x);
	}
	reply_send(x, &out, line, after);
	buf_free(&b);
	return 0;
}

void
metalinks_give(const struct exchange *x, struct torrent *t, const char *base,
    const char *state)
{
	const struct service *s = x->service;
	struct access_line line = { .status = 200, .state = state,
	    .hash_ms = t->hash_ms, .info_hash = t->info_hash_hex };
	struct metalink_parts parts = { .size = &t->meta,
	    .service = s->conf->service, .path = t->path,
	    .path_len = t->path != NULL ? strlen(t->path) : 0,
	    .first = t->name, .info = t->info->data, .info_len = t->info->len,
	    .ends = t->ends.data, .ends_len = t->ends.len };
	const char *why = no_memory;
	const char **bases = fields_bases(s->conf, base, &parts.nbases);
	int status = 500;

	parts.bases = bases;
	if (bases != NULL)
		status = metalinks_refuse_parts(s, &parts, &why);
	if (status == 0 && metalinks_send(x, t, &parts, &line) == -1) {
		status = 500;
		why = no_memory;
	}
	if (status != 0)
		reply_text(x, status, why, "", CONN_KEEP);
	free(bases);
}
