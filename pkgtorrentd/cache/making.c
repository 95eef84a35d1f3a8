/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/listing.h"
#include "common/log.h"
#include "common/seal.h"
#include "common/torrent.h"
#include "common/tree_path.h"
#include "pkgtorrentd/cache/making.h"

/* Bytes between two looks at the clock. */
#define STEP_LEN	(256U << 10)
/* An entry that is longer is written in parts.  It needs more memory than it
   has bytes, so that it is the only one (request.c). */
#define WHOLE_MAX	(2U << 20)
/* Bytes of a listing that are looked through without a turn. */
#define LOOK_MAX	(1U << 20)

/* The records of one spec, at any place in the listings. */
struct record {
	const uint8_t	*at;		/* NULL: not seen yet */
	size_t		 len;
	const uint8_t	*spec;
	size_t		 spec_len;
};

struct records {
	struct record	*v;
	size_t		 n;
	size_t		 nfiles;	/* in all of them */
};

struct making {
	struct store		*store;
	struct packs		*packs;
	struct torrent_params	 params;	/* piece_len 0: auto */
	enum piece_kind		 piece;
	char			*service;	/* of params */
	uint64_t		 max;		/* bytes: max-torrent */
	uint8_t			 digest[SHA1_LEN];
	struct buf		 listing;	/* by index */
	struct torrent_file	*files;
	struct identity		*identities;	/* of the files */
	uint32_t		*first;		/* the same file before, or
						   itself */
	size_t			 nfiles;
	struct listing_reader	 reader;	/* of the next to be listed */
	size_t			 listed;	/* files, from the listing */
	size_t			 loaded;	/* files with their digests */
	uint64_t		 digests_len;	/* bytes, in the end */
	struct buf		 digests;
	struct torrent_build	*build;
	struct sum		*sum;		/* of the entry */
	struct buf		 entry;
	bool			 complete;	/* and to be written */
	struct store_writing	 writing;
};

/* The result of a step. */
enum result {
	GO_ON,
	NOT_STORED,		/* for a reason that was logged */
	WRONG
};

static enum result
not_stored(const struct making *mk, const char *reason)
{
	char name[ENTRY_PATH_LEN];

	entry_name_info(name, mk->digest, mk->piece);
	log_debug("%s: not stored: %s", name, reason);
	return NOT_STORED;
}

static enum result
out_of_memory(void)
{
	log_warn("out of memory: an entry was not stored");
	return NOT_STORED;
}

/*
 * A newline within a spec would make two specs of it.  A compromised front
 * could have "a\nb" resolved, which does not exist, and have the other specs
 * stored under the digest of all of them.
 */
static bool
spec_ok(const uint8_t *p, size_t len)
{
	for (; len > 0; p++, len--)
		if (*p < 0x20 || *p == 0x7f)
			return false;
	return true;
}

static enum result
read_record(struct records *rs, struct listing_reader *r, const uint8_t *at)
{
	struct record *rec;
	int more;

	if (r->spec.index >= rs->n ||
	    rs->v[r->spec.index].at != NULL ||
	    !spec_ok(r->spec_bytes, r->spec.len))
		return WRONG;
	rec = &rs->v[r->spec.index];
	rec->at = at;
	rec->spec = r->spec_bytes;
	rec->spec_len = r->spec.len;
	while ((more = listing_next_file(r)) == 1)
		rs->nfiles++;
	rec->len = (size_t)(r->at - at);
	return more == 0 ? GO_ON : WRONG;
}

/* Read the listings: each index from 0 to the last must occur exactly once. */
static enum result
read_records(struct records *rs, const struct buf *b)
{
	struct listing_reader r;
	enum result result = GO_ON;
	const uint8_t *at;
	int more;

	listing_open(&r, b->data, b->len);
	while ((more = listing_next_spec(&r)) == 1)
		rs->n++;
	if (more == -1 || rs->n == 0)
		return WRONG;
	rs->v = calloc(rs->n, sizeof(*rs->v));
	if (rs->v == NULL)
		return out_of_memory();
	listing_open(&r, b->data, b->len);
	for (at = r.at; result == GO_ON && listing_next_spec(&r) == 1;
	    at = r.at)
		result = read_record(rs, &r, at);
	return result;
}

/* Put the records into the order of the request, whose digest they must
   have. */
static enum result
join_records(struct making *mk, const struct records *rs)
{
	const struct record *rec;
	struct buf specs = { 0 };
	uint8_t digest[SHA1_LEN];
	enum result result = GO_ON;
	size_t i;

	for (i = 0; i < rs->n && result == GO_ON; i++) {
		rec = &rs->v[i];
		if ((i > 0 && buf_add(&specs, "\n", 1) == -1) ||
		    buf_add(&specs, rec->spec, rec->spec_len) == -1 ||
		    buf_add(&mk->listing, rec->at, rec->len) == -1)
			result = out_of_memory();
	}
	if (result == GO_ON) {
		sha1(specs.data, specs.len, digest);
		if (memcmp(digest, mk->digest, SHA1_LEN) != 0)
			result = WRONG;
	}
	buf_free(&specs);
	return result;
}

/* There is no file: the digest stands for nothing at any piece length. */
static enum result
forget(struct making *mk)
{
	char name[ENTRY_PATH_LEN];
	enum piece_kind piece;

	for (piece = 0; piece < PIECE_KINDS; piece++) {
		entry_name_info(name, mk->digest, piece);
		store_remove(mk->store, name);
	}
	return NOT_STORED;
}

/* The first component of all paths is the name of the torrent. */
static size_t
first_component(const struct torrent_file *f)
{
	const char *slash = memchr(f->path + 1, '/', f->path_len - 1);

	return slash != NULL ? (size_t)(slash - f->path) : 0;
}

static enum result
check_path(const struct making *mk, const struct torrent_file *f)
{
	size_t len = first_component(f);

	if (!packs_has_place(mk->packs, f->path, f->path_len))
		return not_stored(mk, "a path has no place in the cache");
	if (len == 0)
		return not_stored(mk, "a file is at the top of the tree");
	if (len != first_component(&mk->files[0]) ||
	    memcmp(f->path, mk->files[0].path, len) != 0)
		return not_stored(mk, "files have no directory in common");
	return GO_ON;
}

static enum result
begin_files(struct making *mk)
{
	if (mk->nfiles == 0)
		return forget(mk);
	mk->files = calloc(mk->nfiles, sizeof(*mk->files));
	mk->identities = calloc(mk->nfiles, sizeof(*mk->identities));
	if (mk->files == NULL || mk->identities == NULL)
		return out_of_memory();
	listing_open(&mk->reader, mk->listing.data, mk->listing.len);
	return GO_ON;
}

/* List the next file of all specs in the order of the request, with
   repeats. */
static enum result
list_file(struct making *mk)
{
	struct listing_reader *r = &mk->reader;
	struct torrent_file *f = &mk->files[mk->listed];

	while (listing_next_file(r) != 1)
		(void)listing_next_spec(r);
	f->path = (const char *)r->path;
	f->path_len = r->file.len;
	f->size = r->file.identity.size;
	mk->identities[mk->listed++] = r->file.identity;
	if (r->file.identity.mount != 0)
		return not_stored(mk, "a file is known by its mount, which "
		    "does not last");
	return check_path(mk, f);
}

/* A file that is named again has its digests already. */
static enum result
find_repeats(struct making *mk)
{
	size_t i;

	if (mk->params.piece_len == 0)
		mk->params.piece_len = torrent_auto_piece_len(mk->files,
		    mk->nfiles);
	mk->first = reallocarray(NULL, mk->nfiles, sizeof(*mk->first));
	if (mk->first == NULL ||
	    torrent_find_repeats(mk->files, mk->nfiles, mk->first) == -1)
		return out_of_memory();
	for (i = 0; i < mk->nfiles; i++) {
		if (!identity_same(&mk->identities[mk->first[i]],
		    &mk->identities[i]))
			mk->first[i] = (uint32_t)i;
		if (mk->first[i] == i)
			mk->digests_len += torrent_digests(mk->files[i].size,
			    mk->params.piece_len) * SHA1_LEN;
	}
	return GO_ON;
}

static enum result
begin_build(struct making *mk)
{
	mk->build = torrent_build_new(&mk->params, mk->files, mk->nfiles,
	    true);
	if (mk->build == NULL)
		return out_of_memory();
	/* This also shows that the piece lists fit in memory. */
	return torrent_build_len(mk->build) <= mk->max ? GO_ON :
	    not_stored(mk, "longer than max-torrent");
}

/* The next step of counting the bytes that are needed. */
static enum result
plan_step(struct making *mk)
{
	if (mk->files == NULL)
		return begin_files(mk);
	if (mk->listed < mk->nfiles)
		return list_file(mk);
	return mk->first == NULL ? find_repeats(mk) : begin_build(mk);
}

static struct making *
making_alloc(struct store *st, struct packs *ps, const struct conf *conf,
    const uint8_t digest[SHA1_LEN], enum piece_kind piece)
{
	struct making *mk;

	mk = calloc(1, sizeof(*mk));
	if (mk == NULL)
		return NULL;
	mk->store = st;
	mk->packs = ps;
	mk->service = strdup(conf->service);
	mk->params = (struct torrent_params){
		.piece_len = conf_piece_len(conf, piece),
		.padding_attr = conf->padding_attr,
		.service = mk->service,
	};
	mk->piece = piece;
	mk->max = conf->max_torrent;
	memcpy(mk->digest, digest, SHA1_LEN);
	if (mk->service != NULL)
		return mk;
	free(mk);
	return NULL;
}

int
making_new(struct store *st, struct packs *ps, const struct conf *conf,
    const uint8_t digest[SHA1_LEN], enum piece_kind piece,
    const struct buf *listing, struct making **out)
{
	struct making *mk = *out = making_alloc(st, ps, conf, digest, piece);
	struct records rs = { 0 };
	enum result result;

	result = mk == NULL ? out_of_memory() : read_records(&rs, listing);
	if (result == GO_ON)
		result = join_records(mk, &rs);
	if (result == GO_ON)
		mk->nfiles = rs.nfiles;
	free(rs.v);
	if (result != GO_ON) {
		making_free(mk);
		*out = NULL;
	}
	return result == WRONG ? -1 : 0;
}

void
making_free(struct making *mk)
{
	if (mk == NULL)
		return;
	free(mk->service);
	buf_free(&mk->listing);
	free(mk->files);
	free(mk->identities);
	free(mk->first);
	buf_free(&mk->digests);
	torrent_build_free(mk->build);
	sum_end(mk->sum, NULL);
	store_stop_saving(&mk->writing);
	buf_free(&mk->entry);
	free(mk);
}

bool
making_touches(const struct making *mk, struct str tree)
{
	struct listing_reader r;

	if (mk->listing.len > LOOK_MAX)
		return true;
	listing_open(&r, mk->listing.data, mk->listing.len);
	while (listing_next_spec(&r) == 1)
		while (listing_next_file(&r) == 1)
			if (tree_path_is_in((struct str){
			    (const char *)r.path, r.file.len }, tree))
				return true;
	return false;
}

uint64_t
making_need(const struct making *mk)
{
	return mk->build == NULL ? 0 : mk->digests_len +
	    torrent_build_len(mk->build) + mk->listing.len;
}

/* Load the digests of the next file. */
static enum result
load_pieces(struct making *mk, struct buf *b)
{
	struct torrent_file *f = &mk->files[mk->loaded];
	const size_t first = mk->first[mk->loaded];
	enum packs_result found;
	struct pack_list list;
	char text[256];

	if (first != mk->loaded)
		f->digests = mk->files[first].digests;
	else if (f->size > 0) {
		found = packs_load(mk->packs, f->path, f->path_len,
		    mk->params.piece_len, &mk->identities[mk->loaded], b,
		    &list);
		if (found == PACKS_GO_ON)
			return GO_ON;
		if (found == PACKS_MISS) {
			log_debug("pieces of %s: missing, or of another "
			    "version", log_escape(text, sizeof(text), f->path,
			    f->path_len));
			return not_stored(mk, "pieces are missing");
		}
		/* The entry would last longer than a list that turns out to be
		   wrong. */
		if (list.imported)
			return not_stored(mk, "pieces are imported and not "
			    "rechecked yet");
		f->digests = mk->digests.data + mk->digests.len;
		if (buf_add(&mk->digests, list.digests, (size_t)list.count *
		    SHA1_LEN) == -1)
			return out_of_memory();
	}
	mk->loaded++;
	return GO_ON;
}

/* Start the entry, which the dictionary is built into. */
static enum result
begin_entry(struct making *mk)
{
	struct entry_info e = {
		.piece = mk->piece,
		.piece_len = mk->params.piece_len,
		.padding_attr = mk->params.padding_attr,
		.service = mk->service,
		.service_len = strlen(mk->service),
		.listing = mk->listing.data,
		.listing_len = mk->listing.len,
		.info_len = torrent_build_len(mk->build),
	};

	memcpy(e.digest, mk->digest, sizeof(e.digest));
	mk->sum = sum_new(false);
	if (mk->sum == NULL || entry_begin_info(&mk->entry, &e) == -1)
		return out_of_memory();
	sum_add(mk->sum, mk->entry.data, mk->entry.len);
	return GO_ON;
}

static enum result
end_entry(struct making *mk)
{
	uint8_t sum[SEAL_LEN];

	sum_end(mk->sum, sum);
	mk->sum = NULL;
	mk->complete = true;
	return buf_add(&mk->entry, sum, sizeof(sum)) == 0 ? GO_ON :
	    out_of_memory();
}

static enum result
write_entry(struct making *mk)
{
	const struct buf *e = &mk->entry;
	char name[ENTRY_PATH_LEN];

	entry_name_info(name, mk->digest, mk->piece);
	if (e->len > WHOLE_MAX)
		return store_save_part(mk->store, &mk->writing, name, e->data,
		    e->len, STEP_LEN) == 0 ? GO_ON : NOT_STORED;
	(void)store_save(mk->store, name, e->data, e->len);
	return NOT_STORED;
}

/* The next step.  NOT_STORED is the end in any case. */
static enum result
making_step(struct making *mk, struct buf *b)
{
	size_t len = mk->entry.len;
	int done;

	if (mk->build == NULL)
		return plan_step(mk);
	/* Files point into this buffer, so it must not move. */
	if (mk->digests.data == NULL &&
	    buf_reserve(&mk->digests, mk->digests_len + 1) == NULL)
		return out_of_memory();
	if (mk->loaded < mk->nfiles)
		return load_pieces(mk, b);
	if (mk->complete)
		return write_entry(mk);
	if (mk->sum == NULL)
		return begin_entry(mk);
	done = torrent_build_step(mk->build, &mk->entry, STEP_LEN);
	if (done == -1)
		return out_of_memory();
	sum_add(mk->sum, mk->entry.data + len, mk->entry.len - len);
	return done ? end_entry(mk) : GO_ON;
}

bool
making_run(struct making *mk, uint64_t ends_us)
{
	const bool planned = mk->build != NULL;
	struct buf b = { 0 };
	enum result result;

	do
		result = making_step(mk, &b);
	while (result == GO_ON && planned == (mk->build != NULL) &&
	    clock_us() < ends_us);
	buf_free(&b);
	return result != GO_ON;
}
