/* SPDX-License-Identifier: ISC */
/*
 * The cache: the only process that writes entries.  It runs as the cache's
 * user, in a chroot to the cache directory, with Landlock (read and write
 * there, nothing elsewhere) and seccomp.  The front asks it for entries and
 * sends it new ones; the parent configures it.
 * It holds the directory's descriptor and the keys by which walkers and hashers
 * seal for it, and sees neither clients nor the mirror: it reads only messages
 * and its own files.  A break-in here can spoil the entries, so that torrents
 * are wrong until the cache is deleted; it wins no way out of the directory,
 * and no key by which another process would believe it.
 *
 * Pieces and listings are stored only with the seals of the hashers and walkers
 * that made them, and the info dictionary is built here, from pieces that are
 * stored already.  A walker is believed about paths of its own root alone, a
 * hasher about digests alone.  A compromised front can prevent storing, and can
 * store pieces that were true once of the identity stored with them; nothing
 * else.
 */
#include <sys/param.h>

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/child.h"
#include "common/listing.h"
#include "common/log.h"
#include "common/spec.h"
#include "common/torrent.h"
#include "pkgtorrentd/cache/sweep.h"

#define MESSAGES_AT_ONCE 32
#define BUF_KEPT	(1U << 20)	/* bytes kept between messages */

/* The pieces of a file, which arrive in parts. */
struct put_pieces {
	bool		open;		/* more parts follow */
	uint8_t		path[SPEC_MAX];
	size_t		path_len;
	int		root;		/* of the path, a number */
	uint8_t		path_sum[SEAL_LEN];	/* seal_path() */
	uint32_t	piece_len;
	struct identity	identity;
	uint64_t	pieces;		/* of the file */
	uint64_t	next;		/* the next piece expected */
	bool		keep;		/* store them at the end */
	struct buf	digests;
};

/* The listings of a digest, which arrive in parts. */
struct put_info {
	bool		open;
	uint8_t		digest[SHA1_LEN];
	struct buf	listing;
	size_t		sealed;		/* bytes of it that a seal covers */
};

struct put {
	struct store		*store;
	const struct seal_keys	*keys;
	const struct conf	*conf;
	struct put_pieces	 pieces;
	struct put_info	 info;
};

struct cache {
	struct child	 child;
	struct store	 store;
	struct sweep	*sweep;
	struct put	 put;
	struct buf	 entry;		/* the entry loaded last */
	uint64_t	 hits;
	uint64_t	 misses;
	/* The MSG_PIECES that is being built. */
	struct msg_pieces out;
	size_t		 out_len;
	uint8_t		 out_tail[MSG_TAIL_MAX];
};

/* Waits while the front is busy: the cache has nothing better to do. */
static void
cache_answer(struct cache *c, enum msg_type type, const void *body,
    const void *tail, size_t tail_len)
{
	struct channel *front = &c->child.front;

	if (front->fd != -1 && msg_send_wait(front, type, body, tail, tail_len,
	    NULL, 0) == -1)
		child_close_front(&c->child);
}

static void
cache_configure(struct cache *c)
{
	const struct conf *conf = c->child.conf;

	c->put.conf = conf;
	store_set_size(&c->store, conf->cache_size);
	c->store.entry_max = conf->max_torrent + LISTING_MAX +
	    ENTRY_OVERHEAD_MAX;
	c->store.age_s = conf->cache_age_s;
	c->store.limits_changed = true;
}

static enum msg_fault
cache_on_conf(struct cache *c, const struct msg *msg)
{
	if (!child_on_conf(&c->child, msg))
		return FAULT_NONE;
	cache_configure(c);
	/* The front may still use the old configuration.  It closes its end as
	   well, and the parent gives both a new channel. */
	if (!conf_same_params(c->child.previous, c->child.conf) ||
	    !conf_same_roots(c->child.previous, c->child.conf))
		child_close_front(&c->child);
	return FAULT_NONE;
}

static enum msg_fault
cache_on_key(struct cache *c, const struct msg *msg)
{
	return child_on_key(&c->child, msg);
}

static enum msg_fault
cache_on_channel(struct cache *c, struct msg *msg)
{
	return child_on_channel(&c->child, msg);
}

static enum msg_fault
cache_on_status(struct cache *c, const struct msg *msg)
{
	const struct store *st = &c->store;
	const struct store_share *info = &st->shares[STORE_INFO];
	struct store_share total = store_total(st);

	(void)msg;
	log_info("%" PRIu64 " entries on disk, %" PRIu64 " of %" PRIu64
	    " KiB used, %" PRIu64 " of %" PRIu64 " by info/; %" PRIu64
	    " lookups found an entry, %" PRIu64 " found none; %" PRIu64
	    " entries stored, %" PRIu64 " errors of reading or storing; %"
	    PRIu64 " sweeps, %" PRIu64 " entries removed for cache-age, %"
	    PRIu64 " for cache-size%s", total.entries, total.used / 1024,
	    total.limit / 1024, info->used / 1024, info->limit / 1024,
	    c->hits, c->misses, st->saves, st->errors, st->sweeps,
	    st->expired, st->evicted, total.counted ? "" : ", still counting");
	return FAULT_NONE;
}

/* Using an entry also marks the pieces that it was built from as used: they are
   needed again when one of its files changes. */
static void
cache_touch_files(struct cache *c, const struct entry_info *e)
{
	char name[ENTRY_PATH_LEN];
	struct listing_reader r;

	listing_open(&r, e->listing, e->listing_len);
	while (listing_next_spec(&r) == 1)
		while (listing_next_file(&r) == 1)
			if (r.file.identity.size > 0 && entry_name_pieces(name,
			    r.path, r.file.len, e->piece_len) == 0)
				store_touch(&c->store, name);
}

static int
cache_load_info(struct cache *c, const uint8_t digest[SHA1_LEN],
    struct entry_info *e)
{
	bool daily;

	if (store_load_info(&c->store, digest, &c->entry, e, &daily) != 1)
		return 0;
	if (daily)
		cache_touch_files(c, e);
	return 1;
}

static bool
layout_is(const struct entry_info *e, const struct conf *conf)
{
	return e->piece_len == conf->piece_len &&
	    e->padding_attr == conf->padding_attr &&
	    e->service_len == strlen(conf->service) &&
	    memcmp(e->service, conf->service, e->service_len) == 0;
}

static enum msg_fault
cache_on_get_info(struct cache *c, const struct msg *msg)
{
	const struct msg_get_info *body = msg->body;
	struct msg_info answer = { .id = body->id };
	struct entry_info e = { 0 };
	size_t at = 0, len = 0, n;

	if (cache_load_info(c, body->digest, &e)) {
		c->hits++;
		answer.flags = INFO_FOUND;
		answer.listing_len = (uint32_t)e.listing_len;
		if (layout_is(&e, c->child.conf))
			answer.info_len = e.info_len;
		len = e.listing_len + answer.info_len;
	} else
		c->misses++;
	do {
		n = MIN(len - at, MSG_TAIL_MAX);
		answer.flags &= ~(uint32_t)PART_MORE;
		answer.flags |= at + n < len ? PART_MORE : 0;
		cache_answer(c, MSG_INFO, &answer,
		    n > 0 ? e.listing + at : NULL, n);
		at += n;
	} while (at < len);
	return FAULT_NONE;
}

static void
cache_flush_pieces(struct cache *c)
{
	if (c->out.count > 0)
		cache_answer(c, MSG_PIECES, &c->out, c->out_tail, c->out_len);
	c->out.count = 0;
	c->out_len = 0;
}

static void
cache_add_item(struct cache *c, const struct msg_pieces_item *item,
    const struct entry_pieces *e)
{
	size_t len = (size_t)item->count * SHA1_LEN;

	memcpy(c->out_tail + c->out_len, item, sizeof(*item));
	c->out_len += sizeof(*item);
	if (len > 0)
		memcpy(c->out_tail + c->out_len,
		    e->digests + (size_t)item->first * SHA1_LEN, len);
	c->out_len += len;
	c->out.count++;
}

/* Pack items into messages.  A list that does not fit into the rest of a
   message continues in the next one.  e is NULL for a miss. */
static void
cache_add_pieces(struct cache *c, uint32_t index,
    const struct entry_pieces *e)
{
	struct msg_pieces_item item = {
		.index = index, .total = e != NULL ? (uint32_t)e->count : 0,
	};
	size_t room;

	do {
		if (sizeof(c->out_tail) - c->out_len < sizeof(item) + SHA1_LEN)
			cache_flush_pieces(c);
		room = sizeof(c->out_tail) - c->out_len - sizeof(item);
		item.count = (uint32_t)MIN(item.total - item.first,
		    room / SHA1_LEN);
		cache_add_item(c, &item, e);
		item.first += item.count;
	} while (item.first < item.total);
}

static void
cache_get_file(struct cache *c, uint32_t piece_len,
    const struct msg_file *file, const uint8_t *path)
{
	struct entry_pieces e;
	int hit;

	hit = store_load_pieces(&c->store, path, file->len, piece_len,
	    &file->identity, &c->entry, &e);
	c->hits += hit == 1;
	c->misses += hit != 1;
	cache_add_pieces(c, file->index, hit == 1 ? &e : NULL);
}

static enum msg_fault
cache_on_get_pieces(struct cache *c, const struct msg *msg)
{
	const struct msg_get_pieces *body = msg->body;
	const uint8_t *at = msg->tail;
	size_t left = msg->tail_len;
	struct msg_file file;
	uint32_t i;

	if (!torrent_piece_len_ok(body->piece_len))
		return FAULT_CONTENT;
	c->out = (struct msg_pieces){ .id = body->id };
	c->out_len = 0;
	for (i = 0; i < body->count; i++) {
		if (left < sizeof(file))
			return FAULT_CONTENT;
		memcpy(&file, at, sizeof(file));
		at += sizeof(file);
		left -= sizeof(file);
		if (file.len == 0 || file.len > MIN(left, SPEC_MAX))
			return FAULT_CONTENT;
		cache_get_file(c, body->piece_len, &file, at);
		at += file.len;
		left -= file.len;
	}
	cache_flush_pieces(c);
	return left == 0 ? FAULT_NONE : FAULT_CONTENT;
}

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
	const struct torrent_params params = {
		.piece_len = mk->conf->piece_len,
		.padding_attr = mk->conf->padding_attr,
		.service = mk->conf->service,
	};
	uint64_t need = 0;
	size_t i;

	/* This also shows that the piece lists fit in memory. */
	if (torrent_info_len(&params, mk->files, mk->nfiles, true) >
	    mk->conf->max_torrent)
		return not_stored(mk, "longer than max-torrent");
	for (i = 0; i < mk->nfiles; i++)
		need += torrent_digests(mk->files[i].size,
		    params.piece_len) * SHA1_LEN;
	/* Reserve it all: files point into this buffer, so it must not move. */
	if (buf_reserve(&mk->digests, need + 1) == NULL)
		return out_of_memory();
	for (i = 0; i < mk->nfiles; i++)
		if (load_pieces(mk, &mk->files[i],
		    &mk->identities[i]) != GO_ON)
			return NOT_STORED;
	if (torrent_info(&mk->info, &params, mk->files, mk->nfiles, true,
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

/* NULL for the root -1, of which there is no key. */
static const uint8_t *
put_key(const struct put *put, enum seal_pair pair, int root)
{
	return root == -1 ? NULL : seal_key(put->keys, pair, (size_t)root);
}

/* Did the walker of the path's root seal this path and identity? */
static bool
file_is_sealed(struct put *put, const uint8_t *path, size_t len,
    const struct msg_put_pieces *body)
{
	struct put_pieces *p = &put->pieces;
	const uint8_t *key;
	uint8_t seal[SEAL_LEN];

	p->root = conf_root_of(put->conf, (const char *)path, len);
	key = put_key(put, SEAL_WALKER_CACHE, p->root);
	if (key == NULL)
		return false;
	seal_path(put->conf->roots[p->root].prefix, path, len, p->path_sum);
	seal_file(key, p->path_sum, &body->identity, seal);
	return seal_equal(seal, body->seal);
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
	uint64_t count;

	if (body->path_len == 0 || body->path_len > SPEC_MAX ||
	    body->path_len > tail_len || !torrent_piece_len_ok(body->piece_len))
		return FAULT_CONTENT;
	if (!file_is_sealed(put, tail, body->path_len, body))
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

	seal_digests(put_key(put, SEAL_HASHER_CACHE, p->root), p->path_sum,
	    &p->identity, p->piece_len, item->first, item->count, digests,
	    seal);
	if (!seal_equal(seal, item->seal))
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

static int
spec_root(const struct conf *conf, const uint8_t *spec, size_t len)
{
	char plain[SPEC_MAX];

	return len > sizeof(plain) ? -1 : conf_root_of(conf, plain,
	    spec_plain((const char *)spec, len, plain));
}

/*
 * The number of the only root to which all specs and paths of a listing belong,
 * or -1.  Whether the rest of it is a listing read_records() will tell.
 */
static int
listing_root(const struct conf *conf, const uint8_t *data, size_t len)
{
	struct listing_reader r;
	int root = -1, other;

	listing_open(&r, data, len);
	while (listing_next_spec(&r) == 1) {
		other = spec_root(conf, r.spec_bytes, r.spec.len);
		if (other == -1 || (root != -1 && other != root))
			return -1;
		root = other;
		while (listing_next_file(&r) == 1)
			if (conf_root_of(conf, (const char *)r.path,
			    r.file.len) != root)
				return -1;
	}
	return root;
}

/* Did the walker of the root to which all of it belongs seal this listing? */
static bool
listing_is_sealed(const struct put *put, const uint8_t *data, size_t len,
    const uint8_t seal[SEAL_LEN])
{
	const uint8_t *key = put_key(put, SEAL_WALKER_CACHE,
	    listing_root(put->conf, data, len));
	uint8_t sum[SEAL_LEN], right[SEAL_LEN];

	if (key == NULL)
		return false;
	sha256(data, len, sum);
	seal_listing(key, sum, right);
	return seal_equal(right, seal);
}

/* Collect parts until the seal of their walker arrives. */
static enum msg_fault
put_info_part(struct put *put, const struct msg *msg)
{
	const struct msg_put_info *body = msg->body;
	struct put_info *info = &put->info;

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
		if (!listing_is_sealed(put, info->listing.data + info->sealed,
		    info->listing.len - info->sealed, body->seal))
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

/*
 * Take one part.  After a fault the earlier parts are discarded.  It is no
 * fault if the entry cannot be stored although the front is honest.
 */
static enum msg_fault
cache_on_put_pieces(struct cache *c, const struct msg *msg)
{
	enum msg_fault fault = put_pieces_part(&c->put, msg);

	if (fault != FAULT_NONE)
		forget_pieces(&c->put);
	return fault;
}

static enum msg_fault
cache_on_put_info(struct cache *c, const struct msg *msg)
{
	enum msg_fault fault = put_info_part(&c->put, msg);

	if (fault != FAULT_NONE)
		forget_info(&c->put);
	return fault;
}

static enum msg_fault
cache_on_touch(struct cache *c, const struct msg *msg)
{
	const struct msg_touch *body = msg->body;
	char name[ENTRY_PATH_LEN];
	struct entry_info e;

	if (body->piece_len == 0) {
		if (msg->tail_len != 0)
			return FAULT_CONTENT;
		(void)cache_load_info(c, body->digest, &e);
		return FAULT_NONE;
	}
	if (msg->tail_len == 0 || !torrent_piece_len_ok(body->piece_len))
		return FAULT_CONTENT;
	if (entry_name_pieces(name, msg->tail, msg->tail_len,
	    body->piece_len) == 0)
		store_touch(&c->store, name);
	return FAULT_NONE;
}

/* Messages to the cache. */
#define CACHE_HANDLERS(X)						\
	X(CONF, cache_on_conf)						\
	X(KEY, cache_on_key)						\
	X(CHANNEL, cache_on_channel)					\
	X(STATUS, cache_on_status)					\
	X(GET_INFO, cache_on_get_info)					\
	X(GET_PIECES, cache_on_get_pieces)				\
	X(PUT_PIECES, cache_on_put_pieces)				\
	X(PUT_INFO, cache_on_put_info)					\
	X(TOUCH, cache_on_touch)

CHANNEL_DISPATCH(cache_dispatch, struct cache, CACHE_HANDLERS,
    PARENT | FRONT, CACHE);

static enum msg_fault
cache_on_message(void *owner, struct msg *msg)
{
	struct cache *c = owner;
	enum msg_fault fault = cache_dispatch(c, msg);

	if (c->entry.cap > BUF_KEPT)
		buf_free(&c->entry);
	return fault;
}

/* The front has gone: discard its incomplete entries. */
static void
cache_on_front_closed(void *owner)
{
	struct cache *c = owner;

	forget_pieces(&c->put);
	forget_info(&c->put);
}

static const struct child_ops cache_ops = {
	.message = cache_on_message,
	.front_closed = cache_on_front_closed,
	.at_once = MESSAGES_AT_ONCE,
};

static void __attribute__((__noreturn__))
cache_loop(struct cache *c)
{
	int wait_ms = 0;

	for (;;)
		wait_ms = sweep_turn(c->sweep,
		    child_wait(&c->child, wait_ms) == 0);
}

static void
cache_selftest(void *owner, int dirfd)
{
	struct cache *c = owner;

	c->store.dirfd = dirfd;
	store_start(&c->store, c->child.flags & CONF_CHECK);
}

void
cache_main(void)
{
	static struct cache c;

	/* Make a limit on file sizes an error like any other, not a signal. */
	(void)signal(SIGXFSZ, SIG_IGN);
	child_start(&c.child, ROLE_CACHE, &cache_ops, &c);
	c.sweep = sweep_new(&c.store);
	c.put.store = &c.store;
	c.put.keys = &c.child.keys;
	if (c.sweep == NULL)
		fatal("out of memory");
	cache_configure(&c);
	child_confine(&c.child, c.child.conf->cache, 0, cache_selftest);
	cache_loop(&c);
}
