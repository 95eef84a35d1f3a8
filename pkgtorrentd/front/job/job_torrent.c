/*
 * From a job's files, or from what the cache has stored, to a torrent.
 */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/seal.h"
#include "common/spec.h"
#include "common/torrent.h"
#include "pkgtorrentd/front/front.h"

int
spec_root(const struct conf *conf, struct str spec)
{
	char plain[SPEC_MAX];

	return spec.len > sizeof(plain) ? -1 : conf_root_of(conf, plain,
	    spec_plain(spec.p, spec.len, plain));
}

/* Names that an answer needs besides the dictionary. */
static int
torrent_set_names(struct torrent *t, const char *path, size_t len,
    bool only)
{
	const char *slash = memrchr(path, '/', len);

	if (t->multi && path_first_len(path, len) == 0)
		return -1;
	if (t->multi)
		t->name = strndup(path + 1, path_first_len(path, len) - 1);
	else
		t->name = strndup(slash + 1, (size_t)(path + len - slash) -
		    1);
	if (only)
		t->path = strndup(path, len);
	return t->name == NULL || (only && t->path == NULL) ? -1 : 0;
}

static int
torrent_set_info(struct torrent *t, struct buf *info)
{
	static const char hex[] = "0123456789abcdef";
	size_t i;

	sha1(info->data, info->len, t->info_hash);
	for (i = 0; i < SHA1_LEN; i++) {
		t->info_hash_hex[2 * i] = hex[t->info_hash[i] >> 4];
		t->info_hash_hex[2 * i + 1] = hex[t->info_hash[i] & 15];
	}
	t->info = blob_take(info);
	if (t->info == NULL)
		return -1;
	t->size = sizeof(*t) + t->info->len + t->specs.text.len +
	    strlen(t->name) + t->nshas * sizeof(*t->shas);
	return 0;
}

static int
torrent_set_shares(struct torrent *t, const struct job *job)
{
	size_t i;

	t->shas = calloc(job->nshares, sizeof(*t->shas));
	if (t->shas == NULL)
		return -1;
	for (i = 0; i < job->nshares; i++) {
		if (!job->shares[i].used)
			continue;
		t->shas[t->nshas].walker = (uint32_t)i;
		memcpy(t->shas[t->nshas++].sha256, job->shares[i].sha256,
		    SEAL_LEN);
	}
	return 0;
}

struct torrent *
job_make_torrent(struct job *job)
{
	struct torrent_layout layout = job_layout(job);
	struct torrent_file *tf = NULL;
	struct buf info = { 0 };
	struct torrent *t;

	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	t->refs = 1;
	t->multi = job->multi;
	t->settled = job->settled;
	t->by_mount = job->by_mount;
	t->layout = job->front->layout;
	t->bytes = job->bytes;
	t->checked_ms = job->asked_walkers_ms;
	t->touched_ms = clock_coarse_ms();
	if (job->hash_start_ms != 0)
		t->hash_ms = (uint32_t)(clock_coarse_ms() - job->hash_start_ms);
	tf = job_torrent_files(job);
	if (tf == NULL || buf_add(&t->specs.text, job->specs.text.data,
	    job->specs.text.len) == -1 ||
	    torrent_set_shares(t, job) == -1 ||
	    torrent_set_names(t, job->files[0].path, job->files[0].path_len,
	    job->nfiles == 1) == -1 ||
	    torrent_info(&info, &layout, tf, job->nfiles, job->multi,
	    job->front->child.conf->max_torrent) == -1 ||
	    torrent_set_info(t, &info) == -1) {
		buf_free(&info);
		torrent_unref(t);
		t = NULL;
	} else
		t->specs.n = job->specs.n;
	free(tf);
	return t;
}

/* Specs, names and what each walker would say, from a stored listing. */
static int
torrent_read_listing(struct torrent *t, struct job *job,
    const struct buf *listing)
{
	const struct conf *conf = job->front->child.conf;
	struct listing_reader r;
	struct buf *part;
	const uint8_t *start;
	uint8_t digest[SHA1_LEN];
	uint32_t files = 0;
	size_t i, n = job->front->nwalkers;
	const char *why;
	int root, rc = -1, more;

	part = calloc(n, sizeof(*part));
	t->shas = calloc(n, sizeof(*t->shas));
	if (part == NULL || t->shas == NULL)
		goto out;
	listing_open(&r, listing->data, listing->len);
	for (start = r.at; (more = listing_next_spec(&r)) == 1;
	    start = r.at) {
		if (request_check_path((const char *)r.spec_bytes,
		    r.spec.len, &why) != 0 || specs_add(&t->specs,
		    (const char *)r.spec_bytes, r.spec.len) == -1)
			goto out;
		while ((more = listing_next_file(&r)) == 1) {
			t->bytes += r.file.identity.size;
			if (files++ == 0 && torrent_set_names(t,
			    (const char *)r.path, r.file.len, true) == -1)
				goto out;
		}
		root = spec_root(conf, (struct str){
		    (const char *)r.spec_bytes, r.spec.len });
		if (more == -1 || root < 0 || (size_t)root >= n ||
		    buf_add(&part[root], start, (size_t)(r.at - start)) == -1)
			goto out;
	}
	sha1(t->specs.text.data, t->specs.text.len, digest);
	if (more == -1 || files == 0 ||
	    memcmp(digest, job->key.digest, SHA1_LEN) != 0)
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

/*
 * What the cache had for a digest.  The specs are the job's now, also when
 * the rest was made for another layout; NULL then, or if it makes no sense.
 */
struct torrent *
job_load_torrent(struct job *job, const struct msg_info *body)
{
	const struct buf *parts = &job->info_parts;
	struct buf listing, info = { 0 };
	struct torrent *t;

	if (body->listing_len > parts->len ||
	    body->info_len != parts->len - body->listing_len)
		return NULL;
	listing = (struct buf){ .data = parts->data,
	    .len = body->listing_len };
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	t->refs = 1;
	t->multi = t->settled = true;
	t->layout = job->front->layout;
	t->touched_ms = clock_coarse_ms();
	if (torrent_read_listing(t, job, &listing) == -1) {
		torrent_unref(t);
		return NULL;
	}
	if (job->specs.n == 0 && buf_add(&job->specs.text,
	    t->specs.text.data, t->specs.text.len) == 0)
		job->specs.n = t->specs.n;
	if (body->info_len == 0 || buf_add(&info, parts->data +
	    body->listing_len, body->info_len) == -1 ||
	    torrent_set_info(t, &info) == -1) {
		buf_free(&info);
		torrent_unref(t);
		return NULL;
	}
	return t;
}
