#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/listing.h"
#include "common/log.h"
#include "common/torrent.h"
#include "pkgtorrentd/cache/put.h"

/* The records of one spec, at any place in the listings. */
struct record {
	const uint8_t	*at;		/* NULL: not seen yet */
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
	struct buf		 pieces;	/* the entry loaded last */
	struct buf		 digests;	/* of all files */
	struct buf		 info;
	struct buf		 entry;
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

	entry_name_info(name, mk->digest);
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
read_record(struct making *mk, struct listing_reader *r, const uint8_t *at)
{
	struct record *rec;
	int more;

	if (r->spec.index >= mk->nrecords ||
	    mk->records[r->spec.index].at != NULL ||
	    !spec_ok(r->spec_bytes, r->spec.len))
		return WRONG;
	rec = &mk->records[r->spec.index];
	rec->at = at;
	rec->spec = r->spec_bytes;
	rec->spec_len = r->spec.len;
	while ((more = listing_next_file(r)) == 1)
		mk->nfiles++;
	rec->len = (size_t)(r->at - at);
	return more == 0 ? GO_ON : WRONG;
}

/* Read the listings: each index from 0 to the last must occur exactly once. */
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
		return WRONG;
	mk->records = calloc(mk->nrecords, sizeof(*mk->records));
	if (mk->records == NULL)
		return out_of_memory();
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
			return out_of_memory();
	}
	sha1(mk->specs.data, mk->specs.len, digest);
	return memcmp(digest, mk->digest, SHA1_LEN) == 0 ? GO_ON : WRONG;
}

static enum result
forget(struct making *mk)
{
	char name[ENTRY_PATH_LEN];

	entry_name_info(name, mk->digest);
	store_remove(mk->store, name);
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

/* List the files of all specs in the order of the request, with repeats. */
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
		return out_of_memory();
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
	    out_of_memory();
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

	/* This also shows that the piece lists fit in memory. */
	if (torrent_info_len(&layout, mk->files, mk->nfiles, true) >
	    mk->conf->max_torrent)
		return not_stored(mk, "longer than max-torrent");
	for (i = 0; i < mk->nfiles; i++)
		need += torrent_digests(mk->files[i].size,
		    layout.piece_len) * SHA1_LEN;
	/* Reserve it all: files point into this buffer, so it must not move. */
	if (buf_reserve(&mk->digests, need + 1) == NULL)
		return out_of_memory();
	for (i = 0; i < mk->nfiles; i++)
		if (load_pieces(mk, &mk->files[i],
		    &mk->identities[i]) != GO_ON)
			return NOT_STORED;
	if (torrent_info(&mk->info, &layout, mk->files, mk->nfiles, true,
	    mk->conf->max_torrent) == -1)
		return out_of_memory();
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
		return out_of_memory();
	entry_name_info(name, mk->digest);
	return store_save(mk->store, name, mk->entry.data,
	    mk->entry.len) == 0 ? GO_ON : NOT_STORED;
}

/*
 * Store an entry of info/.  listing holds the listings of all walkers, one
 * after another; their seals have been checked.  They must be complete: every
 * spec once, and of this digest.  The info dictionary is built from the stored
 * pieces of the files; if pieces are missing or of another version, nothing is
 * stored.  If no file is left, the entry is removed.  0, or -1: the listings
 * are wrong or not of this digest.
 */
static int
put_info_store(struct store *st, const struct conf *conf,
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
	return result == WRONG ? -1 : 0;
}

static void
forget_pieces(struct put *put)
{
	buf_free(&put->pieces.digests);
	put->pieces.open = false;
}

static void
forget_info(struct put *put)
{
	buf_free(&put->info.listing);
	put->info.open = false;
}

void
put_reset(struct put *put)
{
	forget_pieces(put);
	forget_info(put);
}

static bool
seal_is(const uint8_t expected[SEAL_LEN], const uint8_t got[SEAL_LEN])
{
	return seal_equal(expected, got) == 1;
}

/*
 * The first part names the file.  Check a list that is too long for any torrent
 * like any other, but do not store it; nor the list of a file that its mount
 * identifies, which the sealed identity tells.
 */
static enum msg_fault
begin_pieces(struct put *put, const struct msg_put_pieces *body,
    const uint8_t *tail, size_t tail_len)
{
	struct put_pieces *p = &put->pieces;
	uint8_t seal[SEAL_LEN];
	uint64_t count;

	if (body->path_len == 0 || body->path_len > SPEC_MAX ||
	    body->path_len > tail_len || !entry_piece_len_ok(body->piece_len))
		return FAULT_CONTENT;
	seal_file(put->seal, tail, body->path_len, &body->identity, seal);
	if (!seal_is(seal, body->seal))
		return FAULT_SEAL;
	memcpy(p->path, tail, body->path_len);
	p->path_len = body->path_len;
	p->piece_len = body->piece_len;
	p->identity = body->identity;
	p->pieces = torrent_pieces(p->identity.size, p->piece_len);
	p->next = 0;
	count = torrent_digests(p->identity.size, p->piece_len);
	p->keep = p->identity.mount == 0 && count > 0 && count <= UINT32_MAX &&
	    count <= put->conf->max_torrent / SHA1_LEN;
	p->open = true;
	return FAULT_NONE;
}

/* Slices must follow each other without a gap from the first piece to the last.
   The digest of a partial last piece comes with its padded digest. */
static enum msg_fault
take_slice(struct put *put, const struct msg_digests_item *item,
    const uint8_t *digests)
{
	struct put_pieces *p = &put->pieces;
	uint32_t partial = p->identity.size % p->piece_len != 0;
	uint64_t left = p->pieces - p->next;
	uint8_t seal[SEAL_LEN];

	seal_digests(put->seal, &p->identity, p->piece_len, item->first,
	    item->count, digests, seal);
	if (!seal_is(seal, item->seal))
		return FAULT_SEAL;
	if (item->first != p->next || item->count == 0 || left == 0)
		return FAULT_CONTENT;
	if (item->count == left + partial)
		p->next = p->pieces;
	else if (item->count < left)
		p->next += item->count;
	else
		return FAULT_CONTENT;
	if (p->keep && buf_add(&p->digests, digests,
	    (size_t)item->count * SHA1_LEN) == -1) {
		log_warn("out of memory: an entry was not stored");
		p->keep = false;
	}
	return FAULT_NONE;
}

static enum msg_fault
take_slices(struct put *put, uint32_t slices, const uint8_t *at,
    size_t left)
{
	struct msg_digests_item item;
	enum msg_fault fault;
	size_t len;

	for (; slices > 0; slices--) {
		if (left < sizeof(item))
			return FAULT_CONTENT;
		memcpy(&item, at, sizeof(item));
		at += sizeof(item);
		left -= sizeof(item);
		if (item.count > left / SHA1_LEN)
			return FAULT_CONTENT;
		fault = take_slice(put, &item, at);
		if (fault != FAULT_NONE)
			return fault;
		len = (size_t)item.count * SHA1_LEN;
		at += len;
		left -= len;
	}
	return left == 0 ? FAULT_NONE : FAULT_CONTENT;
}

static void
save_pieces(struct put *put)
{
	struct put_pieces *p = &put->pieces;
	struct entry_pieces e = {
		.path = p->path,
		.path_len = p->path_len,
		.piece_len = p->piece_len,
		.identity = p->identity,
		.digests = p->digests.data,
		.count = p->digests.len / SHA1_LEN,
	};
	char name[ENTRY_PATH_LEN];
	struct buf b = { 0 };

	if (!p->keep || entry_name_pieces(name, p->path, p->path_len,
	    p->piece_len) == -1)
		return;
	if (entry_build_pieces(&b, &e) == 0)
		(void)store_save(put->store, name, b.data, b.len);
	else
		log_warn("out of memory: an entry was not stored");
	buf_free(&b);
}

static enum msg_fault
put_pieces_part(struct put *put, const struct msg *msg)
{
	const struct msg_put_pieces *body = msg->body;
	enum msg_fault fault;

	if (put->pieces.open) {
		if (body->path_len != 0)
			return FAULT_CONTENT;
	} else {
		fault = begin_pieces(put, body, msg->tail, msg->tail_len);
		if (fault != FAULT_NONE)
			return fault;
	}
	fault = take_slices(put, body->slices, msg->tail + body->path_len,
	    msg->tail_len - body->path_len);
	if (fault != FAULT_NONE || (body->flags & PART_MORE))
		return fault;
	if (put->pieces.next != put->pieces.pieces)
		return FAULT_CONTENT;
	save_pieces(put);
	forget_pieces(put);
	return FAULT_NONE;
}

enum msg_fault
put_add_pieces(struct put *put, const struct msg *msg)
{
	enum msg_fault fault = put_pieces_part(put, msg);

	if (fault != FAULT_NONE)
		forget_pieces(put);
	return fault;
}

/* Collect parts until the seal of their walker arrives. */
static enum msg_fault
put_info_part(struct put *put, const struct msg *msg)
{
	const struct msg_put_info *body = msg->body;
	struct put_info *info = &put->info;
	uint8_t sum[SEAL_LEN], seal[SEAL_LEN];

	if (!info->open) {
		memcpy(info->digest, body->digest, SHA1_LEN);
		info->sealed = 0;
		info->open = true;
	}
	if (memcmp(info->digest, body->digest, SHA1_LEN) != 0 ||
	    msg->tail_len > LISTING_MAX - info->listing.len)
		return FAULT_CONTENT;
	if (buf_add(&info->listing, msg->tail, msg->tail_len) == -1)
		fatal("out of memory");
	if (body->flags & PUT_SEALED) {
		if (info->listing.len == info->sealed)
			return FAULT_CONTENT;
		sha256(info->listing.data + info->sealed,
		    info->listing.len - info->sealed, sum);
		seal_listing(put->seal, sum, seal);
		if (!seal_is(seal, body->seal))
			return FAULT_SEAL;
		info->sealed = info->listing.len;
	}
	if (body->flags & PART_MORE)
		return FAULT_NONE;
	if (info->listing.len == 0)
		return FAULT_CONTENT;
	if (info->sealed != info->listing.len)
		return FAULT_SEAL;
	if (put_info_store(put->store, put->conf, info->digest,
	    &info->listing) == -1)
		return FAULT_CONTENT;
	forget_info(put);
	return FAULT_NONE;
}

enum msg_fault
put_add_info(struct put *put, const struct msg *msg)
{
	enum msg_fault fault = put_info_part(put, msg);

	if (fault != FAULT_NONE)
		forget_info(put);
	return fault;
}
