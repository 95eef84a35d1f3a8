/*
 * The cache: the only process that writes entries.  It runs as the cache's
 * user, in a chroot to the cache directory, with Landlock (read and write
 * there, nothing elsewhere) and seccomp.  The front asks it for entries and
 * sends it new ones (put.h says which it accepts); the parent configures it.
 * It holds the directory's descriptor and the key of the seals, and sees
 * neither clients nor the mirror: it reads only messages and its own files.  A
 * break-in here can spoil the entries, so that torrents are wrong until the
 * cache is deleted; it wins no way out of the directory and no secret.
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
#include "pkgtorrentd/cache/put.h"
#include "pkgtorrentd/cache/sweep.h"

#define MESSAGES_AT_ONCE 32
#define BUF_KEPT	(1U << 20)	/* bytes kept between messages */

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

/* The front has gone: discard its incomplete entries. */
static void
cache_on_front_closed(void *owner)
{
	struct cache *c = owner;

	put_reset(&c->put);
}

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
	c->store.limit = conf->cache_size;
	c->store.entry_max = conf->max_torrent + LISTING_MAX +
	    ENTRY_OVERHEAD_MAX;
	sweep_configure(c->sweep, conf->cache_age_s);
}

static enum msg_fault
cache_on_conf(struct cache *c, const struct msg *msg)
{
	if (!child_on_conf(&c->child, msg))
		return FAULT_NONE;
	cache_configure(c);
	/* The front may still use the old configuration.  It closes its end as
	   well, and the parent gives both a new channel. */
	if (!conf_same_layout(c->child.previous, c->child.conf))
		child_close_front(&c->child);
	return FAULT_NONE;
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

	(void)msg;
	log_info("%" PRIu64 " entries on disk, %" PRIu64 " of %" PRIu64
	    " KiB used; %" PRIu64 " lookups found an entry, %" PRIu64 " found "
	    "none; %" PRIu64 " entries stored, %" PRIu64 " errors of reading "
	    "or storing; %" PRIu64 " sweeps, %" PRIu64 " entries removed for "
	    "cache-age, %" PRIu64 " for cache-size%s", st->entries,
	    st->used / 1024, st->limit / 1024, c->hits, c->misses, st->saves,
	    st->errors, st->sweeps, st->expired, st->evicted,
	    st->counted ? "" : ", still counting");
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

	if (!entry_piece_len_ok(body->piece_len))
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

static enum msg_fault
cache_on_put_pieces(struct cache *c, const struct msg *msg)
{
	return put_add_pieces(&c->put, msg);
}

static enum msg_fault
cache_on_put_info(struct cache *c, const struct msg *msg)
{
	return put_add_info(&c->put, msg);
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
	if (msg->tail_len == 0 || !entry_piece_len_ok(body->piece_len))
		return FAULT_CONTENT;
	if (entry_name_pieces(name, msg->tail, msg->tail_len,
	    body->piece_len) == 0)
		store_touch(&c->store, name);
	return FAULT_NONE;
}

/* Messages to the cache. */
#define CACHE_HANDLERS(X)						\
	X(CONF, cache_on_conf)						\
	X(KEY, child_on_key)						\
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

static const struct child_ops cache_ops = {
	.message = cache_on_message,
	.front_closed = cache_on_front_closed,
	.at_once = MESSAGES_AT_ONCE,
};

static void __attribute__((__noreturn__))
cache_loop(struct cache *c)
{
	unsigned n;

	for (;;) {
		n = child_wait(&c->child, sweep_wait_ms(c->sweep));
		sweep_turn(c->sweep, n == 0);
	}
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
	store_init(&c.store);
	c.sweep = sweep_new(&c.store);
	c.put.store = &c.store;
	c.put.seal = seal_new(c.child.key);
	if (c.sweep == NULL || c.put.seal == NULL)
		fatal("out of memory");
	cache_configure(&c);
	explicit_bzero(c.child.key, sizeof(c.child.key));
	child_confine(&c.child, c.child.conf->cache, 0, cache_selftest);
	cache_loop(&c);
}
