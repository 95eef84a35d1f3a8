/*
 * A job's files: what the walkers' listings say, whether that can be one
 * torrent, and what the cache is told of it.
 */
#include <stdlib.h>
#include <string.h>

#include "common/seal.h"
#include "common/torrent.h"
#include "pkgtorrentd/front/front.h"

void
job_drop_files(struct job *job)
{
	uint32_t i;

	for (i = 0; i < job->nfiles; i++)
		pieces_unref(job->files[i].pieces);
	free(job->files);
	job->files = NULL;
	job->nfiles = 0;
	job->bytes = job->to_hash = job->hashed = 0;
	job->pending = 0;
	job->changed = false;
	if (job->work != NULL)
		work_abandon(job->front, job->work, job->id);
	job->work = NULL;
}

/* Several walkers' records in the order of the specs. */
static int
job_merge_listings(struct job *job)
{
	struct listing_reader *r, *first;
	size_t i, n = 0;
	int rc = -1;

	job->merged.len = 0;
	r = calloc(job->nshares, sizeof(*r));
	if (r == NULL)
		return -1;
	for (i = 0; i < job->nshares; i++) {
		if (!job->shares[i].used)
			continue;
		listing_open(&r[n], job->shares[i].listing.data,
		    job->shares[i].listing.len);
		if (listing_next_spec(&r[n]) == 1)
			n++;
	}
	while (n > 0) {
		first = &r[0];
		for (i = 1; i < n; i++)
			if (r[i].spec.index < first->spec.index)
				first = &r[i];
		if (listing_add_spec(&job->merged, first->spec.index,
		    first->spec.status, first->spec_bytes, first->spec.len,
		    first->spec.files) == -1)
			goto out;
		while (listing_next_file(first) == 1)
			if (listing_add_file(&job->merged,
			    &first->file.identity, first->path,
			    first->file.len) == -1)
				goto out;
		if (listing_next_spec(first) != 1)
			*first = r[--n];
	}
	rc = 0;
out:
	free(r);
	return rc;
}

/* All shares as one listing. 0, or -1: the job has failed. */
static int
job_set_listing(struct job *job)
{
	size_t i, used = 0;
	uint64_t len = 0;

	for (i = 0; i < job->nshares; i++) {
		if (!job->shares[i].used)
			continue;
		used++;
		len += job->shares[i].listing.len;
		job->listing = &job->shares[i].listing;
	}
	/* The cache takes no more, and nobody reads as many names. */
	if (len > LISTING_MAX) {
		job_fail(job, 413, "the files' names alone are too long for "
		    "one torrent; ask for fewer", 0);
		return -1;
	}
	if (used == 1)
		return 0;
	job->listing = &job->merged;
	if (job_merge_listings(job) == 0)
		return 0;
	job_fail(job, 500, "out of memory; try again later", 1);
	return -1;
}

/* Why there is not one file, for single mode. */
static void
job_fail_without_files(struct job *job, enum path_status status)
{
	if (job->key.multi || status == PATH_MISSING || status == PATH_OK)
		job_fail(job, 404, "no such file on this mirror; check the "
		    "path", 0);
	else if (status == PATH_NOT_FILE)
		job_fail(job, 403, "that is not a regular file; ask for a "
		    "file or for a pattern such as DIRECTORY/*", 0);
	else if (status == PATH_LINK)
		job_fail(job, 403, "that is a link which leaves the mirror's "
		    "tree; ask for the file itself", 0);
	else
		job_fail(job, 403, "that file may not be read here; ask for "
		    "another", 0);
}

/* Files of the listing into job->files; the status of the last spec. */
static int
job_read_files(struct job *job, enum path_status *status)
{
	struct listing_reader r;
	struct job_file *file;
	uint32_t n = 0;

	listing_open(&r, job->listing->data, job->listing->len);
	while (listing_next_spec(&r) == 1)
		while (listing_next_file(&r) == 1)
			n++;
	job->files = calloc(n > 0 ? n : 1, sizeof(*job->files));
	if (job->files == NULL)
		return -1;
	listing_open(&r, job->listing->data, job->listing->len);
	while (listing_next_spec(&r) == 1) {
		*status = r.spec.status;
		while (listing_next_file(&r) == 1) {
			file = &job->files[job->nfiles++];
			file->path = (const char *)r.path;
			file->path_len = r.file.len;
			file->identity = r.file.identity;
			job->bytes += file->identity.size;
			/* The cache has nothing of such a file. */
			if (file->identity.mount != 0)
				job->by_mount = file->answered = true;
		}
	}
	return 0;
}

size_t
path_first_len(const char *path, size_t len)
{
	const char *slash = memchr(path + 1, '/', len - 1);

	return slash == NULL ? 0 : (size_t)(slash - path);
}

/* May these be one torrent? 0, or -1: the job has failed. */
static int
job_check_files(struct job *job)
{
	const struct conf *conf = job->front->child.conf;
	struct job_file *file, *first = &job->files[0];
	size_t len = path_first_len(first->path, first->path_len);
	uint64_t bytes = 0;
	uint32_t i;

	for (i = 0; i < job->nfiles; i++) {
		file = &job->files[i];
		if (job->multi && path_first_len(file->path,
		    file->path_len) == 0) {
			job_fail(job, 400, "a file at the top of the mirror "
			    "has no directory to name a torrent after; ask "
			    "for it in single mode", 0);
			return -1;
		}
		if (job->multi && (path_first_len(file->path,
		    file->path_len) != len ||
		    memcmp(file->path, first->path, len) != 0)) {
			job_fail(job, 400, "the files of one torrent must "
			    "share the first directory; ask for one torrent "
			    "for each", 0);
			return -1;
		}
		if (file->identity.size > conf->max_bytes - bytes) {
			job_fail(job, 413, "more content than one torrent may "
			    "have here; ask for fewer files", 0);
			return -1;
		}
		bytes += file->identity.size;
	}
	if (job->nfiles > conf->max_files) {
		job_fail(job, 413, "more files than one torrent may have; ask "
		    "for fewer", 0);
		return -1;
	}
	return 0;
}

struct torrent_file *
job_torrent_files(const struct job *job)
{
	struct torrent_file *tf;
	uint32_t i;

	tf = calloc(job->nfiles, sizeof(*tf));
	for (i = 0; tf != NULL && i < job->nfiles; i++) {
		tf[i].path = job->files[i].path;
		tf[i].path_len = job->files[i].path_len;
		tf[i].size = job->files[i].identity.size;
		if (job->files[i].pieces != NULL)
			tf[i].digests = job->files[i].pieces->digests;
	}
	return tf;
}

struct torrent_layout
job_layout(const struct job *job)
{
	const struct conf *conf = job->front->child.conf;

	return (struct torrent_layout){ .piece_len = job->piece_len,
	    .padding_attr = conf->padding_attr, .service = conf->service };
}

/* Nothing to ask or to hash for files of no bytes; but they may be new. */
static int
job_take_empty_files(struct job *job)
{
	struct job_file *file;
	uint32_t i;

	for (i = 0; i < job->nfiles; i++) {
		file = &job->files[i];
		if (file->identity.size > 0)
			continue;
		file->answered = true;
		file->pieces = pieces_new(0);
		if (file->pieces == NULL)
			return -1;
	}
	for (i = 0; i < job->nshares; i++)
		if (job->shares[i].used && job->shares[i].young)
			job->settled = false;
	return 0;
}

int
job_take_listing(struct job *job)
{
	const struct conf *conf = job->front->child.conf;
	enum path_status status = PATH_MISSING;
	struct torrent_layout layout;
	struct torrent_file *tf;
	uint64_t len;

	job_drop_files(job);
	job->piece_len = conf->piece_len;
	job->settled = true;
	job->by_mount = false;
	if (job_set_listing(job) == -1)
		return -1;
	if (job_read_files(job, &status) == -1)
		goto no_memory;
	if (job->nfiles == 0) {
		/* What is in the cache under this digest is forgotten. */
		job_put_info(job);
		hot_remove(&job->front->hot, &job->key);
		job_fail_without_files(job, status);
		return -1;
	}
	job->multi = job->key.multi || job->nfiles > 1;
	if (job_check_files(job) == -1)
		return -1;
	layout = job_layout(job);
	tf = job_torrent_files(job);
	if (tf == NULL)
		goto no_memory;
	len = torrent_info_len(&layout, tf, job->nfiles, job->multi);
	free(tf);
	if (len > conf->max_torrent) {
		job_fail(job, 413, "the torrent would be too large; ask for "
		    "fewer files", 0);
		return -1;
	}
	if (job_take_empty_files(job) == 0)
		return 0;
no_memory:
	job_fail(job, 500, "out of memory; try again later", 1);
	return -1;
}

/* That a path which no root holds is missing, no walker has sealed. */
static bool
job_lists_all(const struct job *job)
{
	struct listing_reader r;
	uint32_t n = 0;

	listing_open(&r, job->listing->data, job->listing->len);
	while (listing_next_spec(&r) == 1)
		n++;
	return n == job->specs.n;
}

/*
 * Each walker's sealed listing, for the cache to make its entry from.  With a
 * gap it would be a lie.
 */
void
job_put_info(struct job *job)
{
	struct msg_put_info body = { 0 };
	struct front *f = job->front;
	struct share *share;
	size_t i, at, n, last = job->nshares;

	if (peer_is_full(&f->cache) || !job_lists_all(job))
		return;
	for (i = 0; i < job->nshares; i++)
		if (job->shares[i].used)
			last = i;
	sha1(job->specs.text.data, job->specs.text.len, body.digest);
	for (i = 0; i < job->nshares; i++) {
		share = &job->shares[i];
		if (!share->used)
			continue;
		for (at = 0; at < share->listing.len; at += n) {
			n = share->listing.len - at;
			body.flags = 0;
			if (n > MSG_TAIL_MAX) {
				n = MSG_TAIL_MAX;
				body.flags = PART_MORE;
			} else {
				body.flags = PUT_SEALED |
				    (i == last ? 0 : PART_MORE);
				memcpy(body.seal, share->seal, SEAL_LEN);
			}
			if (peer_send(&f->cache, MSG_PUT_INFO, &body,
			    share->listing.data + at, n, NULL, 0) == -1)
				return;
		}
	}
}
