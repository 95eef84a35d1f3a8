#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/listing.h"
#include "common/log.h"
#include "common/seal.h"
#include "common/torrent.h"
#include "pkgtorrentd/cache/put_info.h"

/* One spec's part of a listing, wherever it came. */
struct record {
	const uint8_t	*at;		/* NULL: not seen */
	size_t		 len;
	const uint8_t	*spec;
	size_t		 spec_len;
};

struct making {
	struct store		*store;
	const struct conf	*conf;
	const uint8_t		*digest;
	struct record		*records;
	size_t			 nrecords;
	struct torrent_file	*files;
	struct identity		*identities;	/* of the files */
	size_t			 nfiles;
	struct buf		 specs;		/* joined by newlines */
	struct buf		 listing;	/* by index */
	struct buf		 pieces;	/* an entry as loaded */
	struct buf		 digests;	/* of all files */
	struct buf		 info;
	struct buf		 entry;
};

/* How far a step came. */
enum result {
	GO_ON,
	NOT_STORED,		/* and why was logged */
	LIE
};

static enum result
not_stored(const struct making *mk, const char *why)
{
	char name[ENTRY_PATH_LEN];

	entry_name_info(name, mk->digest);
	log_debug("%s: not stored: %s", name, why);
	return NOT_STORED;
}

static enum result
no_memory(void)
{
	log_warn("no memory to remember a digest");
	return NOT_STORED;
}

/*
 * A newline within a spec would make two of one: a front that was broken into
 * could have "a\nb" resolved, which is nowhere, and have the rest of the specs
 * stored under the digest of them all.
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
read_record(struct making *mk, struct listing_reader *r, const uint8_t *at)
{
	struct record *rec;
	int more;

	if (r->spec.index >= mk->nrecords ||
	    mk->records[r->spec.index].at != NULL ||
	    !spec_ok(r->spec_bytes, r->spec.len))
		return LIE;
	rec = &mk->records[r->spec.index];
	rec->at = at;
	rec->spec = r->spec_bytes;
	rec->spec_len = r->spec.len;
	while ((more = listing_next_file(r)) == 1)
		mk->nfiles++;
	rec->len = (size_t)(r->at - at);
	return more == 0 ? GO_ON : LIE;
}

/* Each index up to the last exactly once. */
static enum result
read_records(struct making *mk, const struct buf *b)
{
	struct listing_reader r;
	enum result result = GO_ON;
	const uint8_t *at;
	int more;

	listing_open(&r, b->data, b->len);
	while ((more = listing_next_spec(&r)) == 1)
		mk->nrecords++;
	if (more == -1 || mk->nrecords == 0)
		return LIE;
	mk->records = calloc(mk->nrecords, sizeof(*mk->records));
	if (mk->records == NULL)
		return no_memory();
	listing_open(&r, b->data, b->len);
	for (at = r.at; result == GO_ON && listing_next_spec(&r) == 1;
	    at = r.at)
		result = read_record(mk, &r, at);
	return result;
}

static enum result
join_records(struct making *mk)
{
	const struct record *rec;
	uint8_t digest[SHA1_LEN];
	size_t i;

	for (i = 0; i < mk->nrecords; i++) {
		rec = &mk->records[i];
		if ((i > 0 && buf_add(&mk->specs, "\n", 1) == -1) ||
		    buf_add(&mk->specs, rec->spec, rec->spec_len) == -1 ||
		    buf_add(&mk->listing, rec->at, rec->len) == -1)
			return no_memory();
	}
	sha1(mk->specs.data, mk->specs.len, digest);
	return memcmp(digest, mk->digest, SHA1_LEN) == 0 ? GO_ON : LIE;
}

static enum result
forget(struct making *mk)
{
	char name[ENTRY_PATH_LEN];

	entry_name_info(name, mk->digest);
	store_remove(mk->store, name);
	return NOT_STORED;
}

/* The name of a torrent is the first component of all its paths. */
static size_t
first_component(const struct torrent_file *f)
{
	const char *slash = memchr(f->path + 1, '/', f->path_len - 1);

	return slash != NULL ? (size_t)(slash - f->path) : 0;
}

static enum result
check_path(const struct making *mk, const struct torrent_file *f)
{
	char name[ENTRY_PATH_LEN];
	size_t len = first_component(f);

	if (entry_name_pieces(name, f->path, f->path_len,
	    mk->conf->piece_len) == -1)
		return not_stored(mk, "a path has no place in the cache");
	if (len == 0)
		return not_stored(mk, "a file is at the top of the tree");
	if (len != first_component(&mk->files[0]) ||
	    memcmp(f->path, mk->files[0].path, len) != 0)
		return not_stored(mk, "files have no directory in common");
	return GO_ON;
}

/* All files of all specs, in the order asked for, with repeats. */
static enum result
list_files(struct making *mk)
{
	struct listing_reader r;
	struct torrent_file *f;
	size_t n = 0;

	if (mk->nfiles == 0)
		return forget(mk);
	mk->files = calloc(mk->nfiles, sizeof(*mk->files));
	mk->identities = calloc(mk->nfiles, sizeof(*mk->identities));
	if (mk->files == NULL || mk->identities == NULL)
		return no_memory();
	listing_open(&r, mk->listing.data, mk->listing.len);
	while (listing_next_spec(&r) == 1) {
		while (listing_next_file(&r) == 1) {
			f = &mk->files[n];
			f->path = (const char *)r.path;
			f->path_len = r.file.len;
			f->size = r.file.identity.size;
			mk->identities[n++] = r.file.identity;
			if (r.file.identity.mount != 0)
				return not_stored(mk, "a file is known by "
				    "its mount, which does not last");
			if (check_path(mk, f) != GO_ON)
				return NOT_STORED;
		}
	}
	return GO_ON;
}

static enum result
load_pieces(struct making *mk, struct torrent_file *f,
    const struct identity *identity)
{
	struct entry_pieces e;
	char text[256];
	size_t len;

	if (f->size == 0)
		return GO_ON;
	if (store_load_pieces(mk->store, f->path, f->path_len,
	    mk->conf->piece_len, identity, &mk->pieces, &e) != 1) {
		log_debug("pieces of %s: missing, or of another version",
		    log_escape(text, sizeof(text), f->path, f->path_len));
		return not_stored(mk, "pieces are missing");
	}
	len = (size_t)e.count * SHA1_LEN;
	f->digests = mk->digests.data + mk->digests.len;
	return buf_add(&mk->digests, e.digests, len) == 0 ? GO_ON :
	    no_memory();
}

static enum result
build_info(struct making *mk)
{
	const struct torrent_layout layout = {
		.piece_len = mk->conf->piece_len,
		.padding_attr = mk->conf->padding_attr,
		.service = mk->conf->service,
	};
	uint64_t need = 0;
	size_t i;

	/* With this the piece lists are known to fit in memory too. */
	if (torrent_info_len(&layout, mk->files, mk->nfiles, true) >
	    mk->conf->max_torrent)
		return not_stored(mk, "longer than max-torrent");
	for (i = 0; i < mk->nfiles; i++)
		need += torrent_digests(mk->files[i].size,
		    layout.piece_len) * SHA1_LEN;
	/* Files point into it, so it must not move. */
	if (buf_reserve(&mk->digests, need + 1) == NULL)
		return no_memory();
	for (i = 0; i < mk->nfiles; i++)
		if (load_pieces(mk, &mk->files[i],
		    &mk->identities[i]) != GO_ON)
			return NOT_STORED;
	if (torrent_info(&mk->info, &layout, mk->files, mk->nfiles, true,
	    mk->conf->max_torrent) == -1)
		return no_memory();
	return GO_ON;
}

static enum result
save_info(struct making *mk)
{
	struct entry_info e = {
		.piece_len = mk->conf->piece_len,
		.padding_attr = mk->conf->padding_attr,
		.service = mk->conf->service,
		.service_len = strlen(mk->conf->service),
		.listing = mk->listing.data,
		.listing_len = mk->listing.len,
		.info = mk->info.data,
		.info_len = mk->info.len,
	};
	char name[ENTRY_PATH_LEN];

	memcpy(e.digest, mk->digest, sizeof(e.digest));
	if (entry_build_info(&mk->entry, &e) == -1)
		return no_memory();
	entry_name_info(name, mk->digest);
	return store_save(mk->store, name, mk->entry.data,
	    mk->entry.len) == 0 ? GO_ON : NOT_STORED;
}

int
remember_listing(struct store *st, const struct conf *conf,
    const uint8_t digest[SHA1_LEN], const struct buf *listing)
{
	struct making mk = { .store = st, .conf = conf, .digest = digest };
	enum result result;

	result = read_records(&mk, listing);
	if (result == GO_ON)
		result = join_records(&mk);
	if (result == GO_ON)
		result = list_files(&mk);
	if (result == GO_ON)
		result = build_info(&mk);
	if (result == GO_ON)
		result = save_info(&mk);
	free(mk.records);
	free(mk.files);
	free(mk.identities);
	buf_free(&mk.specs);
	buf_free(&mk.listing);
	buf_free(&mk.pieces);
	buf_free(&mk.digests);
	buf_free(&mk.info);
	buf_free(&mk.entry);
	return result == LIE ? -1 : 0;
}
