/* SPDX-License-Identifier: ISC */
#include <sys/param.h>

#include <stdlib.h>
#include <string.h>

#include "common/seal.h"
#include "common/spec.h"
#include "common/str.h"
#include "common/torrent.h"
#include "pkgtorrentd/front/job/job_files.h"

static const char no_memory[] = "out of memory; try again later";

/* The spec after this one (p NULL: the first) and the number of the root that
   holds it, or -1.  false at the end. */
static bool
next_spec(const struct specs *specs, const struct conf *conf,
    struct str *spec, int *root)
{
	const char *text = (const char *)specs->text.data;
	const char *end = text + specs->text.len, *nl;
	const char *at = spec->p == NULL ? text : spec->p + spec->len + 1;

	if (specs->n == 0 || at >= end)
		return false;
	nl = memchr(at, '\n', (size_t)(end - at));
	spec->p = at;
	spec->len = (size_t)((nl != NULL ? nl : end) - at);
	*root = conf_root_of_spec(conf, spec->p, spec->len);
	return true;
}

int
job_files_start(struct job_files *files, const struct specs *specs,
    const struct conf *conf, const struct torrent *old)
{
	struct str spec = { 0 };
	struct share *share;
	size_t i;
	int root;

	job_files_free(files);
	files->shares = calloc(conf->nroots, sizeof(*files->shares));
	if (files->shares == NULL)
		return -1;
	files->nshares = conf->nroots;
	while (next_spec(specs, conf, &spec, &root))
		if (root >= 0)
			files->shares[root].used = true;
	for (i = 0; old != NULL && i < old->nshas; i++) {
		if (old->shas[i].walker >= conf->nroots)
			continue;
		share = &files->shares[old->shas[i].walker];
		share->known = true;
		memcpy(share->sha256, old->shas[i].sha256, SEAL_LEN);
	}
	return 0;
}

void
job_files_trim(struct job_files *files)
{
	size_t i;

	for (i = 0; i < files->nshares; i++) {
		buf_free(&files->shares[i].listing);
		buf_free(&files->shares[i].next);
	}
	for (i = 0; i < files->n; i++) {
		hash_waiter_leave(&files->v[i].waiter);
		pieces_unref(files->v[i].pieces);
	}
	free(files->v);
	files->v = NULL;
	files->n = 0;
	files->listing = NULL;
	buf_free(&files->merged);
}

void
job_files_free(struct job_files *files)
{
	size_t i;

	for (i = 0; i < files->nshares; i++)
		ask_end(&files->shares[i].ask);
	job_files_trim(files);
	free(files->shares);
	memset(files, 0, sizeof(*files));
}

/* 0, or -1 without memory. */
static int
tail_add(struct buf *tail, const void *item, size_t item_len,
    const void *bytes, size_t len)
{
	return buf_add(tail, item, item_len) == -1 ||
	    buf_add(tail, bytes, len) == -1 ? -1 : 0;
}

uint32_t
job_files_count_share(const struct specs *specs, const struct conf *conf,
    int walker, struct str *first)
{
	struct str spec = { 0 };
	uint32_t n = 0;
	int root;

	while (specs->n > 0 && next_spec(specs, conf, &spec, &root))
		if ((walker == -1 || root == walker) && n++ == 0)
			*first = spec;
	return n;
}

int
job_files_ask_walker(struct job_files *files, const struct specs *specs,
    const struct conf *conf, struct worker *w, uint32_t walker, uint64_t id,
    uint32_t client)
{
	struct share *share = &files->shares[walker];
	struct msg_resolve body = { .id = id, .flags = PART_MORE,
	    .client = client };
	struct msg_spec item = { 0 };
	struct str spec = { 0 };
	struct buf tail = { 0 };
	int root;

	share->pending = true;
	share->next.len = 0;
	for (; next_spec(specs, conf, &spec, &root); item.index++) {
		if (root != (int)walker)
			continue;
		item.len = (uint32_t)spec.len;
		if (tail.len + sizeof(item) + spec.len > MSG_TAIL_MAX) {
			worker_send(w, MSG_RESOLVE, &body, tail.data,
			    tail.len, NULL, 0);
			tail.len = 0;
		}
		if (tail_add(&tail, &item, sizeof(item), spec.p,
		    spec.len) == -1) {
			buf_free(&tail);
			return -1;
		}
	}
	body.flags = share->known ? RESOLVE_EXPECT : 0;
	if (share->known)
		memcpy(body.expect, share->sha256, SEAL_LEN);
	worker_send(w, MSG_RESOLVE, &body, tail.data, tail.len, NULL, 0);
	buf_free(&tail);
	return 0;
}

/*
 * Is this a listing of the specs that this walker was asked for?  Only then
 * may its counts and paths be relied on.
 */
static bool
check_listing(const struct specs *specs, const struct conf *conf,
    uint32_t walker, const struct buf *listing)
{
	struct listing_reader r;
	struct str spec = { 0 };
	uint32_t index = 0;
	int more, root;

	listing_open(&r, listing->data, listing->len);
	for (; next_spec(specs, conf, &spec, &root); index++) {
		if (root != (int)walker)
			continue;
		if (listing_next_spec(&r) != 1 || r.spec.index != index ||
		    r.spec.len != spec.len ||
		    memcmp(r.spec_bytes, spec.p, spec.len) != 0)
			return false;
		while ((more = listing_next_file(&r)) == 1)
			if (conf_root_of_spec(conf, r.path, r.file.len) !=
			    (int)walker)
				return false;
		if (more == -1)
			return false;
	}
	return listing_next_spec(&r) == 0;
}

/* The refusal if a walker could not make a listing, or NULL. */
static const struct job_refusal *
find_refusal(uint32_t result)
{
	static const struct job_refusal refusals[] = {
		[RESOLVE_TOO_MANY_FILES] = { 413, 0,
		    "more files than one torrent may have; ask for fewer" },
		[RESOLVE_TOO_MANY_ENTRIES] = { 413, 0,
		    "the pattern reads more directory entries than allowed; "
		    "make it narrower" },
		[RESOLVE_TOO_DEEP] = { 413, 0,
		    "the pattern leads more than 32 directories deep; make "
		    "it narrower" },
		[RESOLVE_TOO_LONG] = { 413, 0,
		    "the pattern takes longer than allowed; make it "
		    "narrower" },
		[RESOLVE_BAD_PATTERN] = { 400, 0,
		    "the pattern has more than 16 wildcards or more than one "
		    "**; make it simpler" },
		[RESOLVE_FAILED] = { 503, 5,
		    "the mirror's disk cannot be read at the moment; try "
		    "again later" },
		[RESOLVE_CANCELLED] = { 503, 1,
		    "the files could not be looked at; try again" },
	};

	if (result == RESOLVE_OK || result == RESOLVE_SAME)
		return NULL;
	if (result > RESOLVE_CANCELLED || refusals[result].status == 0)
		result = RESOLVE_CANCELLED;
	return &refusals[result];
}

bool
job_files_take_resolved(struct job_files *files, const struct specs *specs,
    const struct conf *conf, uint32_t walker, const struct msg_resolved *body,
    const struct job_refusal **refusal)
{
	struct share *share = &files->shares[walker];

	*refusal = find_refusal(body->result);
	share->same = body->result == RESOLVE_SAME;
	if (share->same && !share->known)
		return false;
	if (body->result == RESOLVE_OK) {
		if (!check_listing(specs, conf, walker, &share->next))
			return false;
		share->young = body->flags & RESOLVED_YOUNG;
		buf_free(&share->listing);
		share->listing = share->next;
		memset(&share->next, 0, sizeof(share->next));
		memcpy(share->sha256, body->listing_sha256, SEAL_LEN);
		memcpy(share->seal, body->seal, SEAL_LEN);
	}
	share->pending = false;
	return true;
}

/* Merge the walkers' records in the order of the specs. */
static int
merge_listings(struct buf *merged, const struct share *shares, size_t nshares)
{
	struct listing_reader *r, *first;
	size_t i, n = 0;
	int rc = -1;

	r = calloc(nshares, sizeof(*r));
	if (r == NULL)
		return -1;
	for (i = 0; i < nshares; i++) {
		if (!shares[i].used)
			continue;
		listing_open(&r[n], shares[i].listing.data,
		    shares[i].listing.len);
		if (listing_next_spec(&r[n]) == 1)
			n++;
	}
	while (n > 0) {
		first = &r[0];
		for (i = 1; i < n; i++)
			if (r[i].spec.index < first->spec.index)
				first = &r[i];
		if (listing_add_spec(merged, first->spec.index,
		    first->spec.status, first->spec_bytes, first->spec.len,
		    first->spec.files) == -1)
			goto out;
		while (listing_next_file(first) == 1)
			if (listing_add_file(merged, &first->file.identity,
			    first->path, first->file.len) == -1)
				goto out;
		if (listing_next_spec(first) != 1)
			*first = r[--n];
	}
	rc = 0;
out:
	free(r);
	return rc;
}

/* Join all shares to one listing. */
static int
files_set_listing(struct job_files *files, const char **why)
{
	const struct share *shares = files->shares;
	size_t i, used = 0;
	uint64_t len = 0;

	for (i = 0; i < files->nshares; i++) {
		if (!shares[i].used)
			continue;
		used++;
		len += shares[i].listing.len;
		files->listing = &shares[i].listing;
	}
	/* The cache stores no longer listing. */
	if (len > LISTING_MAX) {
		*why = "the files' names alone are too long for one torrent; "
		    "ask for fewer";
		return 413;
	}
	if (used == 1)
		return 0;
	files->listing = &files->merged;
	if (merge_listings(&files->merged, shares, files->nshares) == 0)
		return 0;
	*why = no_memory;
	return 500;
}

/* The files of the listing, and the status of the last spec. */
static int
files_read(struct job_files *files, uint32_t nspecs, enum path_status *status)
{
	struct listing_reader r;
	struct job_file *file;
	uint32_t n = 0, listed = 0;

	listing_open(&r, files->listing->data, files->listing->len);
	while (listing_next_spec(&r) == 1) {
		listed++;
		while (listing_next_file(&r) == 1)
			n++;
	}
	files->complete = listed == nspecs;
	files->v = calloc(n > 0 ? n : 1, sizeof(*files->v));
	if (files->v == NULL)
		return -1;
	listing_open(&r, files->listing->data, files->listing->len);
	while (listing_next_spec(&r) == 1) {
		*status = r.spec.status;
		while (listing_next_file(&r) == 1) {
			file = &files->v[files->n++];
			file->path = (const char *)r.path;
			file->path_len = r.file.len;
			file->identity = r.file.identity;
			files->bytes += file->identity.size;
			/* The cache stores no pieces of such a file. */
			if (file->identity.mount != 0)
				files->by_mount = file->answered = true;
		}
	}
	return 0;
}

/* There is no file; the status of the spec says why, for single mode. */
static int
refuse_no_files(bool multi, enum path_status status, const char **why)
{
	if (multi || status == PATH_MISSING || status == PATH_OK) {
		*why = "no such file on this mirror; check the path";
		return 404;
	}
	if (status == PATH_NOT_FILE)
		*why = "that is not a regular file; ask for a file or for a "
		    "pattern such as DIRECTORY/*";
	else if (status == PATH_LINK)
		*why = "that is a link which leaves the mirror's tree; ask "
		    "for the file itself";
	else
		*why = "that file may not be read here; ask for another";
	return 403;
}

size_t
job_files_first_len(const char *path, size_t len)
{
	const char *slash = memchr(path + 1, '/', len - 1);

	return slash == NULL ? 0 : (size_t)(slash - path);
}

/* Check that these files may be one torrent. */
static int
files_check(const struct job_files *files, const struct conf *conf,
    const char **why)
{
	const struct job_file *file, *first = &files->v[0];
	size_t len = job_files_first_len(first->path, first->path_len);
	uint64_t bytes = 0;
	uint32_t i;

	for (i = 0; i < files->n; i++) {
		file = &files->v[i];
		if (files->multi && job_files_first_len(file->path,
		    file->path_len) == 0) {
			*why = "a file at the top of the mirror has no "
			    "directory to name a torrent after; ask for it "
			    "in single mode";
			return 400;
		}
		if (files->multi && (job_files_first_len(file->path,
		    file->path_len) != len ||
		    memcmp(file->path, first->path, len) != 0)) {
			*why = "the files of one torrent must share the first "
			    "directory; ask for one torrent for each";
			return 400;
		}
		if (file->identity.size > conf->max_bytes - bytes) {
			*why = "more content than one torrent may have here; "
			    "ask for fewer files";
			return 413;
		}
		bytes += file->identity.size;
	}
	if (files->n > conf->max_files) {
		*why = "more files than one torrent may have; ask for fewer";
		return 413;
	}
	return 0;
}

struct torrent_file *
job_files_describe(const struct job_files *files)
{
	struct torrent_file *tf;
	uint32_t i;

	tf = calloc(files->n, sizeof(*tf));
	for (i = 0; tf != NULL && i < files->n; i++) {
		tf[i].path = files->v[i].path;
		tf[i].path_len = files->v[i].path_len;
		tf[i].size = files->v[i].identity.size;
		if (files->v[i].pieces != NULL)
			tf[i].digests = files->v[i].pieces->digests;
	}
	return tf;
}

struct torrent_params
job_files_params(const struct job_files *files, const struct conf *conf)
{
	return (struct torrent_params){ .piece_len = files->piece_len,
	    .padding_attr = conf->padding_attr, .service = conf->service };
}

/* Find files that are named again, in the same version: their pieces are asked
   for and hashed once.  0, or -1 without memory. */
static int
files_find_repeats(struct job_files *files, const struct torrent_file *tf)
{
	struct job_file *file;
	uint32_t *first, i;

	first = reallocarray(NULL, files->n, sizeof(*first));
	if (first == NULL ||
	    torrent_find_repeats(tf, files->n, first) == -1) {
		free(first);
		return -1;
	}
	for (i = 0; i < files->n; i++) {
		file = &files->v[i];
		file->first = identity_same(&file->identity,
		    &files->v[first[i]].identity) ? first[i] : i;
		if (file->first != i)
			file->answered = true;
	}
	free(first);
	return 0;
}

/* Find out the piece length and the size of the info dictionary, and check
   it. */
static int
files_check_size(struct job_files *files, const struct conf *conf,
    const struct torrent_key *key, const char **why)
{
	struct torrent_file *tf = job_files_describe(files);
	struct torrent_params params;
	uint32_t i;

	if (tf == NULL || files_find_repeats(files, tf) == -1) {
		free(tf);
		*why = no_memory;
		return 500;
	}
	files->piece_len = conf_piece_len(conf, key->piece);
	if (files->piece_len == 0)
		files->piece_len = torrent_auto_piece_len(tf, files->n);
	params = job_files_params(files, conf);
	files->info_len = torrent_info_len(&params, tf, files->n,
	    files->multi);
	if (!key->multi && key->piece == PIECE_LENGTH)
		metalink_measure(&files->meta, tf, files->n, files->multi,
		    files->piece_len);
	files->pieces_len = 0;
	for (i = 0; i < files->n; i++)
		files->pieces_len += SHA1_LEN * torrent_digests(tf[i].size,
		    files->piece_len);
	free(tf);
	if (files->info_len <= conf->max_torrent)
		return 0;
	*why = JOB_FILES_TOO_LONG;
	return 413;
}

uint64_t
job_files_size(const struct job_files *files)
{
	return files->pieces_len + files->info_len;
}

void
job_files_share(struct job_files *files)
{
	struct job_file *file, *end = files->v + files->n;

	for (file = files->v; file < end; file++) {
		if (file->pieces != NULL)
			continue;
		file->pieces = files->v[file->first].pieces;
		if (file->pieces != NULL)
			file->pieces->refs++;
	}
}

/* Empty files are neither looked up nor hashed, but they may be new. */
static int
files_take_empty(struct job_files *files)
{
	struct job_file *file;
	size_t i;

	for (i = 0; i < files->n; i++) {
		file = &files->v[i];
		if (file->identity.size > 0)
			continue;
		file->answered = true;
		file->pieces = pieces_new(0);
		if (file->pieces == NULL)
			return -1;
	}
	for (i = 0; i < files->nshares; i++)
		if (files->shares[i].used && files->shares[i].young)
			files->settled = false;
	return 0;
}

int
job_files_take(struct job_files *files, const struct conf *conf,
    const struct specs *specs, const struct torrent_key *key,
    const char **why)
{
	enum path_status path_status = PATH_MISSING;
	int status;

	files->settled = true;
	status = files_set_listing(files, why);
	if (status != 0)
		return status;
	*why = no_memory;
	if (files_read(files, specs->n, &path_status) == -1)
		return 500;
	if (files->n == 0)
		return refuse_no_files(key->multi, path_status, why);
	files->multi = key->multi || files->n > 1;
	status = files_check(files, conf, why);
	if (status == 0)
		status = files_check_size(files, conf, key, why);
	if (status != 0)
		return status;
	return files_take_empty(files) == -1 ? 500 : 0;
}

int
job_files_ask_pieces(struct job_files *files, struct worker *cache,
    uint64_t id, uint32_t client, uint32_t *asked)
{
	struct msg_get_pieces body = { .id = id,
	    .piece_len = files->piece_len, .client = client };
	struct msg_file item = { 0 };
	struct buf tail = { 0 };
	struct job_file *file;

	for (*asked = 0; item.index < files->n; item.index++) {
		file = &files->v[item.index];
		if (file->answered)
			continue;
		item.len = file->path_len;
		item.identity = file->identity;
		if (tail.len + sizeof(item) + item.len > MSG_TAIL_MAX) {
			worker_send(cache, MSG_GET_PIECES, &body, tail.data,
			    tail.len, NULL, 0);
			tail.len = body.count = 0;
		}
		if (tail_add(&tail, &item, sizeof(item), file->path,
		    item.len) == -1) {
			buf_free(&tail);
			return -1;
		}
		pieces_unref(file->pieces);
		file->pieces = NULL;
		file->got = 0;
		body.count++;
		++*asked;
	}
	if (body.count > 0)
		worker_send(cache, MSG_GET_PIECES, &body, tail.data, tail.len,
		    NULL, 0);
	buf_free(&tail);
	return 0;
}

/* One file's digests, or some of them.  1: the cache has answered for the
   file, 0: not yet, -1: the item is wrong. */
static int
file_take_pieces(struct job_files *files, const struct msg_pieces_item *item,
    const uint8_t *digests)
{
	struct job_file *file;

	if (item->index >= files->n || files->v[item->index].answered)
		return -1;
	file = &files->v[item->index];
	if (item->flags & ~(uint32_t)PIECES_IMPORTED)
		return -1;
	file->imported = item->flags & PIECES_IMPORTED;
	if (item->total == 0) {
		if (file->got > 0 || file->imported)
			return -1;
	} else {
		if (item->count == 0 || item->total !=
		    torrent_digests(file->identity.size, files->piece_len) ||
		    item->first != file->got ||
		    item->count > item->total - file->got)
			return -1;
		/* Without memory the file is hashed. */
		if (file->got == 0)
			file->pieces = pieces_new(item->total);
		if (file->pieces != NULL)
			memcpy(file->pieces->digests + (size_t)file->got *
			    SHA1_LEN, digests, (size_t)item->count *
			    SHA1_LEN);
		file->got += item->count;
	}
	file->answered = file->got == item->total;
	return file->answered;
}

int
job_files_take_pieces(struct job_files *files, uint32_t count,
    const uint8_t *tail, size_t len)
{
	const uint8_t *at = tail, *end = tail + len;
	struct msg_pieces_item item;
	int r, answered = 0;

	for (; count > 0; count--) {
		if ((size_t)(end - at) < sizeof(item))
			return -1;
		memcpy(&item, at, sizeof(item));
		at += sizeof(item);
		if ((size_t)(end - at) / SHA1_LEN < item.count ||
		    (r = file_take_pieces(files, &item, at)) == -1)
			return -1;
		at += (size_t)item.count * SHA1_LEN;
		answered += r;
	}
	return answered;
}

uint32_t
job_files_skip_pieces(uint32_t count, const uint8_t *tail, size_t len)
{
	struct msg_pieces_item item;
	uint32_t answered = 0;
	size_t n;

	for (; count > 0 && len >= sizeof(item); count--) {
		memcpy(&item, tail, sizeof(item));
		answered += item.count >= item.total - item.first;
		n = MIN((size_t)item.count * SHA1_LEN, len - sizeof(item));
		tail += sizeof(item) + n;
		len -= sizeof(item) + n;
	}
	return answered;
}

void
job_files_put(const struct job_files *files, const struct specs *specs,
    enum piece_kind piece, struct worker *cache, uint32_t client)
{
	struct msg_put_info body = { .client = client, .piece = piece };
	const struct share *share, *last = NULL;
	size_t i, at, n;

	if (!worker_may_be_told(cache) || !files->complete)
		return;
	for (i = 0; i < files->nshares; i++)
		if (files->shares[i].used)
			last = &files->shares[i];
	sha1(specs->text.data, specs->text.len, body.digest);
	for (share = files->shares; share <= last; share++) {
		for (at = 0; at < share->listing.len; at += n) {
			n = MIN(share->listing.len - at, MSG_TAIL_MAX);
			body.flags = PART_MORE;
			if (at + n == share->listing.len) {
				body.flags = PUT_SEALED |
				    (share == last ? 0 : PART_MORE);
				memcpy(body.seal, share->seal, SEAL_LEN);
			}
			if (worker_send(cache, MSG_PUT_INFO, &body,
			    share->listing.data + at, n, NULL, 0) == -1)
				return;
		}
	}
}
