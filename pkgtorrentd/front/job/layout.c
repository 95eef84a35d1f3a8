/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/seal.h"
#include "pkgtorrentd/front/job/layout.h"

/* Bytes between two looks at the clock: some tenths of a millisecond. */
#define STEP_LEN	(256U << 10)

/* The names that an answer needs besides the dictionary. */
static int
torrent_set_names(struct torrent *t, const char *path, size_t len,
    bool only)
{
	const char *slash = memrchr(path, '/', len);

	if (t->multi && job_files_first_len(path, len) == 0)
		return -1;
	if (t->multi)
		t->name = strndup(path + 1, job_files_first_len(path, len) - 1);
	else
		t->name = strndup(slash + 1, (size_t)(path + len - slash) -
		    1);
	if (only)
		t->path = strndup(path, len);
	return t->name == NULL || (only && t->path == NULL) ? -1 : 0;
}

static int
torrent_set_shas(struct torrent *t, const struct job_files *files)
{
	size_t i;

	t->shas = calloc(files->nshares, sizeof(*t->shas));
	if (t->shas == NULL)
		return -1;
	for (i = 0; i < files->nshares; i++) {
		if (!files->shares[i].used)
			continue;
		t->shas[t->nshas].walker = (uint32_t)i;
		memcpy(t->shas[t->nshas++].sha256, files->shares[i].sha256,
		    SEAL_LEN);
	}
	return 0;
}

int
layout_begin(struct layout *l, const struct job_files *files,
    const struct conf *conf, const struct specs *specs)
{
	struct torrent_params params = job_files_params(files, conf);
	struct torrent *t = l->torrent = torrent_new();

	if (t == NULL)
		return -1;
	t->multi = files->multi;
	t->settled = files->settled;
	t->by_mount = files->by_mount;
	t->bytes = files->bytes;
	t->piece_len = files->piece_len;
	t->meta = files->meta;
	l->files = job_files_describe(files);
	if (l->files == NULL || specs_copy(&t->specs, specs) == -1 ||
	    torrent_set_shas(t, files) == -1 ||
	    (t->meta.files > 0 && metalink_add_ends(&t->ends, l->files,
	    files->n, files->piece_len) == -1) ||
	    torrent_set_names(t, files->v[0].path, files->v[0].path_len,
	    files->n == 1) == -1)
		goto fail;
	l->build = torrent_build_new(&params, l->files, files->n,
	    files->multi);
	l->sum = sum_new(true);
	if (l->build == NULL || l->sum == NULL ||
	    torrent_build_len(l->build) > conf->max_torrent ||
	    buf_reserve(&l->info, torrent_build_len(l->build)) == NULL)
		goto fail;
	return 0;
fail:
	layout_free(l);
	return -1;
}

/* Specs, names and the digest of each walker's part of a stored listing. */
static int
torrent_read_listing(struct torrent *t, const struct conf *conf,
    const uint8_t wanted[SHA1_LEN], const struct buf *listing)
{
	struct listing_reader r;
	struct buf *part;
	const uint8_t *start;
	uint8_t digest[SHA1_LEN];
	uint32_t files = 0;
	size_t i, n = conf->nroots;
	const char *why;
	int root, rc = -1, more;

	part = calloc(n, sizeof(*part));
	t->shas = calloc(n, sizeof(*t->shas));
	if (part == NULL || t->shas == NULL)
		goto out;
	listing_open(&r, listing->data, listing->len);
	for (start = r.at; (more = listing_next_spec(&r)) == 1;
	    start = r.at) {
		if (spec_check((const char *)r.spec_bytes,
		    r.spec.len, &why) != 0 || specs_add(&t->specs,
		    (const char *)r.spec_bytes, r.spec.len) == -1)
			goto out;
		while ((more = listing_next_file(&r)) == 1) {
			t->bytes += r.file.identity.size;
			if (files++ == 0 && torrent_set_names(t,
			    (const char *)r.path, r.file.len, true) == -1)
				goto out;
		}
		root = conf_root_of_spec(conf, r.spec_bytes, r.spec.len);
		if (more == -1 || root < 0 ||
		    buf_add(&part[root], start, (size_t)(r.at - start)) == -1)
			goto out;
	}
	sha1(t->specs.text.data, t->specs.text.len, digest);
	if (more == -1 || files == 0 || memcmp(digest, wanted, SHA1_LEN) != 0)
		goto out;
	if (files > 1) {
		free(t->path);
		t->path = NULL;
	}
	for (i = 0; i < n; i++) {
		if (part[i].len == 0)
			continue;
		t->shas[t->nshas].walker = (uint32_t)i;
		sha256(part[i].data, part[i].len,
		    t->shas[t->nshas++].sha256);
	}
	rc = 0;
out:
	for (i = 0; part != NULL && i < n; i++)
		buf_free(&part[i]);
	free(part);
	return rc;
}

int
layout_begin_stored(struct layout *l, const struct buf *listing,
    struct buf *info, const struct conf *conf,
    const uint8_t digest[SHA1_LEN], struct specs *specs)
{
	struct torrent *t = l->torrent = torrent_new();

	if (t == NULL)
		return -1;
	t->multi = t->settled = true;
	if (torrent_read_listing(t, conf, digest, listing) == -1)
		goto fail;
	if (specs->n == 0)
		(void)specs_copy(specs, &t->specs);
	l->sum = sum_new(true);
	if (info->len == 0 || l->sum == NULL)
		goto fail;
	l->info = *info;
	memset(info, 0, sizeof(*info));
	return 0;
fail:
	layout_free(l);
	return -1;
}

/* The bytes that it takes. */
static void
torrent_count(struct torrent *t)
{
	struct listing_sha *shas;

	/* There may be many roots, of which few have a file of it. */
	shas = reallocarray(t->shas, t->nshas, sizeof(*shas));
	if (shas != NULL)
		t->shas = shas;
	t->held.size = HOT_ALLOCATED(sizeof(*t)) +
	    HOT_ALLOCATED(sizeof(*t->info)) +
	    HOT_ALLOCATED(t->info->len) + HOT_ALLOCATED(t->specs.text.cap) +
	    HOT_ALLOCATED(t->ends.cap) +
	    HOT_ALLOCATED(strlen(t->name) + 1) +
	    HOT_ALLOCATED(t->path != NULL ? strlen(t->path) + 1 : 0) +
	    HOT_ALLOCATED(t->nshas * sizeof(*t->shas));
}

/* All bytes are there and summed. */
static int
layout_end(struct layout *l)
{
	static const char hex[] = "0123456789abcdef";
	struct torrent *t = l->torrent;
	size_t i;

	sum_end(l->sum, t->info_hash);
	l->sum = NULL;
	for (i = 0; i < SHA1_LEN; i++) {
		t->info_hash_hex[2 * i] = hex[t->info_hash[i] >> 4];
		t->info_hash_hex[2 * i + 1] = hex[t->info_hash[i] & 15];
	}
	t->info = blob_take(&l->info);
	if (t->info == NULL)
		return -1;
	torrent_count(t);
	return 1;
}

/* Build some bytes, if that is to be done, and sum them while they are in the
   processor's cache.  As layout_run(). */
static int
layout_step(struct layout *l)
{
	size_t n;
	int done = 1;

	if (l->build != NULL)
		done = torrent_build_step(l->build, &l->info, STEP_LEN);
	if (done == -1)
		return -1;
	n = l->info.len - l->summed;
	if (l->build == NULL && n > STEP_LEN)
		n = STEP_LEN;
	sum_add(l->sum, l->info.data + l->summed, n);
	l->summed += n;
	return done && l->summed == l->info.len ? layout_end(l) : 0;
}

int
layout_run(struct layout *l, uint64_t ends_us)
{
	int done;

	do
		done = layout_step(l);
	while (done == 0 && clock_us() < ends_us);
	return done;
}

struct torrent *
layout_take(struct layout *l)
{
	struct torrent *t = l->torrent;

	l->torrent = NULL;
	layout_free(l);
	return t;
}

void
layout_free(struct layout *l)
{
	torrent_unref(l->torrent);
	torrent_build_free(l->build);
	free(l->files);
	buf_free(&l->info);
	sum_end(l->sum, NULL);
	memset(l, 0, sizeof(*l));
}
