/* SPDX-License-Identifier: ISC */
/*
 * The cache: the only process that writes entries.  It runs as the cache's
 * user, in a chroot to the cache directory, with Landlock (read and write
 * there, nothing elsewhere) and seccomp.  The front asks it for entries and
 * sends it new ones; the parent configures it.
 * It holds the directory's descriptor, the keys by which walkers and hashers
 * seal for it and the tracker's key, and sees neither clients nor the mirror:
 * it reads only messages and its own files.  A break-in here can spoil the
 * entries, so that torrents are wrong until the cache is deleted; it wins no
 * way out of the directory, and no key by which another process would believe
 * it about files.
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
#include "common/clock.h"
#include "common/listing.h"
#include "common/log.h"
#include "common/torrent.h"
#include "pkgtorrentd/cache/making.h"
#include "pkgtorrentd/cache/purging.h"
#include "pkgtorrentd/cache/request.h"
#include "pkgtorrentd/cache/summary.h"
#include "pkgtorrentd/cache/sweep.h"
#include "pkgtorrentd/cache/tracker_key.h"
#include "pkgtorrentd/cache/transfer.h"

#define MESSAGES_AT_ONCE 32
/* Files that are stored before requests have their turn; the message that has
   the last one may have more. */
#define FILES_AT_ONCE	32
#define DIGESTS_KEPT	4096	/* bytes kept from one file to the next */
#define KEY_RETRY_MS	1000	/* between two looks for the tracker's key */

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
	uint32_t	piece;		/* enum piece_kind */
	struct buf	listing;
	size_t		sealed;		/* bytes of it that a seal covers */
};

struct put {
	struct store		*store;
	struct packs		*packs;
	struct requests		*requests;
	const struct seal_keys	*keys;
	const struct conf	*conf;
	struct put_pieces	 pieces;
	struct put_info	 info;
	unsigned		 files;		/* taken in this turn */
};

struct cache {
	struct child	 child;
	struct store	 store;
	struct packs	*packs;
	struct sweep	*sweep;
	struct transfer	*transfer;
	struct purging	*purging;
	struct put	 put;
	struct requests	 requests;
	struct tracker_key key;
	uint64_t	 key_ms;	/* when it was looked for last */
};

static void
cache_configure(struct cache *c)
{
	const struct conf *conf = c->child.conf;

	c->put.conf = conf;
	/* Records that wait were counted by the old piece-length. */
	packs_flush(c->packs);
	packs_configure(c->packs, conf);
	store_set_size(&c->store, conf->cache_size);
	store_set_piece_len(&c->store, conf->piece_len);
	c->store.entry_max = conf->max_torrent + LISTING_MAX +
	    ENTRY_OVERHEAD_MAX;
	c->store.age_s = conf->cache_age_s;
	c->store.limits_changed = true;
}

static void
cache_send_key(struct cache *c)
{
	struct msg_tracker_key body = { 0 };

	if (c->child.front.fd == -1 || !c->key.known ||
	    !conf_key_in_cache(c->child.conf))
		return;
	memcpy(body.key, c->key.bytes, SEAL_LEN);
	(void)msg_send_wait(&c->child.front, MSG_TRACKER_KEY, &body, NULL, 0,
	    NULL, 0);
	explicit_bzero(&body, sizeof(body));
}

/* Look for the key; the front is sent another one than before. */
static void
cache_look_for_key(struct cache *c)
{
	c->key_ms = clock_ms();
	if (conf_key_in_cache(c->child.conf) &&
	    tracker_key_read(&c->store, &c->key))
		cache_send_key(c);
}

/* Another service that shares the cache makes the key, or ends without one; or
   the disk was full.  Who mends a file that is wrong says so by a reload: half
   of it could be there.  Returns the milliseconds until the next look, or
   -1. */
static int
cache_key_turn(struct cache *c)
{
	uint64_t passed = clock_ms() - c->key_ms;

	if (c->key.known || !conf_key_in_cache(c->child.conf) ||
	    (c->key.wrong && c->store.may_write))
		return -1;
	if (passed < KEY_RETRY_MS)
		return (int)(KEY_RETRY_MS - passed);
	cache_look_for_key(c);
	return KEY_RETRY_MS;
}

static enum msg_fault
cache_on_conf(struct cache *c, const struct msg *msg)
{
	if (!child_on_conf(&c->child, msg))
		return FAULT_NONE;
	cache_configure(c);
	cache_look_for_key(c);
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
	enum msg_fault fault = child_on_channel(&c->child, msg);

	if (fault == FAULT_NONE)
		cache_send_key(c);
	return fault;
}

static void
cache_count(void *owner)
{
	static const struct {
		enum count	used, limit;
	} rows[STORE_SHARES] = {
		[STORE_INFO] = { COUNT_CACHE_INFO, COUNT_CACHE_LIMIT_INFO },
		[STORE_PIECES] = { COUNT_CACHE_PIECES,
		    COUNT_CACHE_LIMIT_PIECES },
		[STORE_OTHERS] = { COUNT_CACHE_OTHERS,
		    COUNT_CACHE_LIMIT_OTHERS },
	};
	struct cache *c = owner;
	const struct store *st = &c->store;
	struct store_share total = store_total(st);
	uint64_t *n = c->child.counts;
	size_t i;

	for (i = 0; i < STORE_SHARES; i++) {
		n[rows[i].used] = st->shares[i].used;
		n[rows[i].limit] = st->shares[i].limit;
	}
	n[COUNT_CACHE_ENTRIES] = total.entries;
	n[COUNT_CACHE_COUNTING] = !total.counted;
	n[COUNT_SAVES] = st->saves;
	n[COUNT_CACHE_ERRORS] = st->errors;
	n[COUNT_WRITE_ERRORS] = st->write_errors;
	n[COUNT_SWEEPS] = st->sweeps;
	n[COUNT_EVICTED_AGE] = st->expired;
	n[COUNT_EVICTED_SIZE] = st->evicted;
}

static enum msg_fault
cache_on_status(struct cache *c, const struct msg *msg)
{
	struct store_share total = store_total(&c->store);
	const uint64_t *n = c->child.counts;

	(void)msg;
	cache_count(c);
	log_info("%" PRIu64 " entries on disk, %" PRIu64 " of %" PRIu64
	    " KiB used, %" PRIu64 " of %" PRIu64 " by info/; %" PRIu64
	    " lookups found an entry, %" PRIu64 " found none; %" PRIu64
	    " entries stored, %" PRIu64 " errors of reading or storing; %"
	    PRIu64 " sweeps, %" PRIu64 " entries removed for cache-age, %"
	    PRIu64 " for cache-size%s", n[COUNT_CACHE_ENTRIES],
	    total.used / 1024, total.limit / 1024, n[COUNT_CACHE_INFO] / 1024,
	    n[COUNT_CACHE_LIMIT_INFO] / 1024,
	    n[COUNT_INFO_HITS] + n[COUNT_PIECES_HITS],
	    n[COUNT_INFO_MISSES] + n[COUNT_PIECES_MISSES], n[COUNT_SAVES],
	    n[COUNT_CACHE_ERRORS], n[COUNT_SWEEPS], n[COUNT_EVICTED_AGE],
	    n[COUNT_EVICTED_SIZE],
	    n[COUNT_CACHE_COUNTING] ? ", still counting" : "");
	return FAULT_NONE;
}

static enum msg_fault
cache_on_get_info(struct cache *c, const struct msg *msg)
{
	return requests_get_info(&c->requests, msg);
}

static enum msg_fault
cache_on_get_pieces(struct cache *c, const struct msg *msg)
{
	return requests_get_pieces(&c->requests, msg);
}

static void
forget_pieces(struct put *put)
{
	struct buf *digests = &put->pieces.digests;

	digests->len = 0;
	if (digests->cap > DIGESTS_KEPT)
		buf_free(digests);
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
    const uint8_t *tail, size_t left)
{
	struct put_pieces *p = &put->pieces;
	uint64_t count;

	if (body->path_len == 0 || body->path_len > SPEC_MAX ||
	    body->path_len > left || !torrent_piece_len_ok(body->piece_len))
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

/* Take so many slices from the first of *left bytes at *at. */
static enum msg_fault
take_slices(struct put *put, uint32_t slices, const uint8_t **at,
    size_t *left)
{
	struct msg_digests_item item;
	enum msg_fault fault;
	size_t len;

	for (; slices > 0; slices--) {
		if (*left < sizeof(item))
			return FAULT_CONTENT;
		memcpy(&item, *at, sizeof(item));
		*at += sizeof(item);
		*left -= sizeof(item);
		if (item.count > *left / SHA1_LEN)
			return FAULT_CONTENT;
		fault = take_slice(put, &item, *at);
		if (fault != FAULT_NONE)
			return fault;
		len = (size_t)item.count * SHA1_LEN;
		*at += len;
		*left -= len;
	}
	return FAULT_NONE;
}

static void
save_pieces(struct put *put)
{
	struct put_pieces *p = &put->pieces;
	struct pack_list list = {
		.identity = p->identity,
		.digests = p->digests.data,
		.count = p->digests.len / SHA1_LEN,
	};

	if (p->keep)
		packs_save(put->packs, p->path, p->path_len, p->piece_len,
		    &list);
}

/* Take a file, or a part of one, from the first of *left bytes at *at. */
static enum msg_fault
put_pieces_file(struct put *put, const struct msg_put_pieces *head,
    const uint8_t **at, size_t *left)
{
	enum msg_fault fault;

	if (put->pieces.open) {
		if (head->path_len != 0)
			return FAULT_CONTENT;
	} else {
		fault = begin_pieces(put, head, *at, *left);
		if (fault != FAULT_NONE)
			return fault;
		*at += head->path_len;
		*left -= head->path_len;
	}
	fault = take_slices(put, head->slices, at, left);
	if (fault != FAULT_NONE)
		return fault;
	/* Only the last file of a message goes on in the next one. */
	if (head->flags & PART_MORE)
		return *left == 0 ? FAULT_NONE : FAULT_CONTENT;
	if (put->pieces.next != put->pieces.pieces ||
	    (*left > 0 && *left < sizeof(*head)))
		return FAULT_CONTENT;
	save_pieces(put);
	forget_pieces(put);
	put->files++;
	return FAULT_NONE;
}

/* All files of a message. */
static enum msg_fault
put_pieces_files(struct put *put, const struct msg *msg)
{
	struct msg_put_pieces head;
	const uint8_t *at = msg->tail;
	size_t left = msg->tail_len;
	enum msg_fault fault;
	unsigned n;

	memcpy(&head, msg->body, sizeof(head));
	for (n = 1;; n++) {
		fault = put_pieces_file(put, &head, &at, &left);
		if (fault != FAULT_NONE || left == 0)
			return fault;
		if (n == PUT_FILES_MAX)
			return FAULT_CONTENT;
		memcpy(&head, at, sizeof(head));
		at += sizeof(head);
		left -= sizeof(head);
	}
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
		other = conf_root_of_spec(conf, r.spec_bytes, r.spec.len);
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
	struct making *making;

	if (!info->open) {
		memcpy(info->digest, body->digest, SHA1_LEN);
		info->piece = body->piece;
		info->sealed = 0;
		info->open = true;
	}
	if (memcmp(info->digest, body->digest, SHA1_LEN) != 0 ||
	    info->piece != body->piece || body->piece >= PIECE_KINDS ||
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
	if (making_new(put->store, put->packs, put->conf, info->digest,
	    info->piece, &info->listing, &making) == -1)
		return FAULT_CONTENT;
	if (making != NULL)
		requests_make(put->requests, making, body->client,
		    info->listing.len);
	forget_info(put);
	return FAULT_NONE;
}

/*
 * After a fault the parts of a file that is not complete are discarded.  It is
 * no fault if an entry cannot be stored although the front is honest.
 */
static enum msg_fault
cache_on_put_pieces(struct cache *c, const struct msg *msg)
{
	enum msg_fault fault = put_pieces_files(&c->put, msg);

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

	if (body->piece_len != 0)
		return requests_touch_pieces(&c->requests, msg);
	if (msg->tail_len != 0 || body->piece >= PIECE_KINDS)
		return FAULT_CONTENT;
	requests_touch(&c->requests, body->digest, body->piece);
	return FAULT_NONE;
}

/* The parent waits for the end of each command. */
static enum msg_fault
cache_on_control(struct cache *c, struct msg *msg)
{
	const struct msg_control *body = msg->body;

	switch (body->command) {
	case CONTROL_PURGE:
		purging_on_control(c->purging, msg);
		return FAULT_NONE;
	case CONTROL_STOP:
		purging_on_control(c->purging, msg);
		return transfer_on_control(c->transfer, msg);
	case CONTROL_EXPORT:
	case CONTROL_IMPORT:
		return transfer_on_control(c->transfer, msg);
	default:
		child_refuse_control(&c->child, body, "not known here");
		return FAULT_NONE;
	}
}

/* Messages to the cache. */
#define CACHE_HANDLERS(X)						\
	X(CONF, cache_on_conf)						\
	X(KEY, cache_on_key)						\
	X(CHANNEL, cache_on_channel)					\
	X(STATUS, cache_on_status)					\
	X(CONTROL, cache_on_control)					\
	X(GET_INFO, cache_on_get_info)					\
	X(GET_PIECES, cache_on_get_pieces)				\
	X(PUT_PIECES, cache_on_put_pieces)				\
	X(PUT_INFO, cache_on_put_info)					\
	X(TOUCH, cache_on_touch)

CHANNEL_DISPATCH(cache_on_message, struct cache, CACHE_HANDLERS,
    PARENT | FRONT, CACHE);

static bool
cache_has_room(void *owner)
{
	const struct cache *c = owner;

	return requests_have_room(&c->requests) &&
	    c->put.files < FILES_AT_ONCE;
}

/* The front has gone: discard its requests and incomplete entries, and write
   the complete ones. */
static void
cache_on_front_closed(void *owner)
{
	struct cache *c = owner;

	forget_pieces(&c->put);
	forget_info(&c->put);
	requests_drop(&c->requests);
	packs_flush(c->packs);
}

static const struct child_ops cache_ops = {
	.message = cache_on_message,
	.has_room = cache_has_room,
	.front_closed = cache_on_front_closed,
	.at_once = MESSAGES_AT_ONCE,
	.count = cache_count,
};

static void __attribute__((__noreturn__))
cache_loop(struct cache *c)
{
	int wait_ms = 0, due_ms[3], i;
	bool busy = true;

	for (;;) {
		c->put.files = 0;
		busy = child_wait(&c->child, busy ? 0 : wait_ms) > 0;
		busy |= requests_turn(&c->requests);
		busy |= purging_turn(c->purging);
		if (!busy)
			busy = packs_tidy(c->packs);
		wait_ms = sweep_turn(c->sweep, !busy);
		due_ms[0] = transfer_turn(c->transfer, !busy);
		due_ms[1] = packs_flush_due(c->packs);
		due_ms[2] = cache_key_turn(c);
		for (i = 0; i < 3; i++)
			if (due_ms[i] != -1 && due_ms[i] < wait_ms)
				wait_ms = due_ms[i];
	}
}

static void
cache_selftest(void *owner, int dirfd)
{
	struct cache *c = owner;

	c->store.dirfd = dirfd;
	store_start(&c->store, c->child.flags & CONF_CHECK);
	if (c->child.flags & CONF_CHECK)
		return;
	summary_load(&c->store);
	cache_look_for_key(c);
}

void
cache_main(void)
{
	static struct cache c;

	/* Make a limit on file sizes an error like any other, not a signal. */
	(void)signal(SIGXFSZ, SIG_IGN);
	torrent_init();
	tracker_key_init(&c.key);
	child_start(&c.child, ROLE_CACHE, &cache_ops, &c);
	c.packs = packs_new(&c.store);
	if (c.packs == NULL)
		fatal("out of memory");
	c.sweep = sweep_new(&c.store, c.packs);
	requests_init(&c.requests, &c.child, &c.store, c.packs);
	c.purging = purging_new(&c.child, &c.store, c.packs, &c.requests);
	c.put.store = &c.store;
	c.put.packs = c.packs;
	c.put.requests = &c.requests;
	c.put.keys = &c.child.keys;
	c.transfer = transfer_new(&c.child, &c.store, c.packs);
	if (c.sweep == NULL || c.purging == NULL || c.transfer == NULL)
		fatal("out of memory");
	cache_configure(&c);
	child_confine(&c.child, c.child.conf->cache, 0, cache_selftest);
	cache_loop(&c);
}
