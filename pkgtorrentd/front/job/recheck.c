/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "pkgtorrentd/front/job/recheck.h"

/* With the hashers at a time: files, and pieces of more than one. */
#define WANTED_MAX	64
#define WANTED_PIECES	((1U << 20) / SHA1_LEN)
#define FAILURE_LOG_MS	60000

struct recheck_file {
	struct hash_waiter	 waiter;
	RB_ENTRY(recheck_file)	 tree;
	TAILQ_ENTRY(recheck_file) entry;	/* in queued */
	bool			 wanted;	/* of the hashers */
	struct identity		 identity;
	uint32_t		 piece_len;
	struct pieces		*pieces;	/* imported */
	size_t			 len;
	char			 path[];
};

static int
recheck_cmp(const struct recheck_file *a, const struct recheck_file *b)
{
	if (a->piece_len != b->piece_len)
		return a->piece_len < b->piece_len ? -1 : 1;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->path, b->path, a->len);
}

RB_GENERATE_INTERNAL(recheck_tree, recheck_file, tree, recheck_cmp,
    static __attribute__((__unused__)))

static size_t
file_bytes(const struct recheck_file *f)
{
	return sizeof(*f) + f->len + (size_t)f->pieces->count * SHA1_LEN;
}

static void
recheck_go_on(struct recheck *r)
{
	event_active(r->ev, EV_TIMEOUT, 1);
}

/* No hasher knows its waiter any more. */
static void
file_free(struct recheck *r, struct recheck_file *f)
{
	if (f->wanted) {
		r->wanted--;
		r->wanted_pieces -= f->pieces->count;
	} else
		TAILQ_REMOVE(&r->queued, f, entry);
	RB_REMOVE(recheck_tree, &r->tree, f);
	r->n--;
	r->bytes -= file_bytes(f);
	pieces_unref(f->pieces);
	free(f);
}

bool
recheck_is_full(const struct recheck *r)
{
	return r->n + WALK_FILES_MAX > RECHECK_FILES_MAX ||
	    r->bytes > RECHECK_BYTES_MAX;
}

void
recheck_want(struct recheck *r, const char *path, size_t len,
    const struct identity *id, uint32_t piece_len, struct pieces *pieces)
{
	struct recheck_file *f;

	if (r->n >= RECHECK_FILES_MAX || r->bytes > RECHECK_BYTES_MAX)
		return;
	f = calloc(1, sizeof(*f) + len);
	if (f == NULL)
		return;
	memcpy(f->path, path, len);
	f->len = len;
	f->identity = *id;
	f->piece_len = piece_len;
	if (RB_INSERT(recheck_tree, &r->tree, f) != NULL) {
		free(f);
		return;
	}
	f->pieces = pieces;
	pieces->refs++;
	TAILQ_INSERT_TAIL(&r->queued, f, entry);
	r->n++;
	r->bytes += file_bytes(f);
	recheck_go_on(r);
}

/* They are those of a file that has the size and mtime that go with them. */
static void
log_difference(const struct recheck_file *f)
{
	char path[512];

	log_error("\"%s\" is not what its imported pieces say: these are "
	    "wrong, and are replaced; torrents of it were wrong until now",
	    log_escape(path, sizeof(path), f->path, f->len));
}

/* The mirror's administrator should learn of a file that cannot be read. */
static void
log_failure(struct recheck *r, const struct recheck_file *f)
{
	char path[512];

	if (log_once(&r->failure_log_ms, FAILURE_LOG_MS, clock_coarse_ms()))
		log_warn("\"%s\" cannot be hashed: it fails to be read; look "
		    "at the disk", log_escape(path, sizeof(path), f->path,
		    f->len));
}

/* The new pieces are on their way to the cache, unless the file is so new that
   it may change again: then its next use brings it here. */
static void
recheck_on_hashed(struct hash_waiter *waiter, const struct hash_result *result)
{
	struct recheck_file *f = (struct recheck_file *)(void *)waiter;
	const struct pieces *is = result->pieces;
	struct recheck *r = waiter->owner;

	if (result->status == HASH_FAILED)
		log_failure(r, f);
	else if (result->status == HASH_OK &&
	    (is->count != f->pieces->count || memcmp(is->digests,
	    f->pieces->digests, (size_t)is->count * SHA1_LEN) != 0)) {
		log_difference(f);
		r->told = false;
	}
	file_free(r, f);
	recheck_go_on(r);
}

/* false: the hashers have enough, or there is no memory now. */
static bool
recheck_want_file(struct recheck *r, struct recheck_file *f)
{
	if (r->wanted == WANTED_MAX || (r->wanted > 0 &&
	    r->wanted_pieces + f->pieces->count > WANTED_PIECES))
		return false;
	if (r->group == NULL)
		r->group = hash_group_new(HASH_BACKGROUND);
	f->waiter.owner = r;
	f->waiter.done = recheck_on_hashed;
	if (r->group == NULL || hashq_want(r->hashq, r->group, &f->waiter,
	    f->path, f->len, &f->identity, f->piece_len) == -1)
		return false;
	TAILQ_REMOVE(&r->queued, f, entry);
	f->wanted = true;
	r->wanted++;
	r->wanted_pieces += f->pieces->count;
	return true;
}

static void
recheck_run(evutil_socket_t fd, short events, void *arg)
{
	struct recheck *r = arg;
	const struct worker *cache = &r->workers->cache;
	struct recheck_file *f;

	(void)fd;
	(void)events;
	if (!r->told) {
		r->told = true;
		r->differ(r->arg);
	}
	/* Hashing for a cache that takes nothing would be in vain. */
	if (cache->ch.fd == -1 || !worker_may_be_told(cache))
		return;
	while ((f = TAILQ_FIRST(&r->queued)) != NULL)
		if (!recheck_want_file(r, f))
			break;
	hashq_run(r->hashq);
}

void
recheck_tick(struct recheck *r)
{
	if (r->n > 0)
		recheck_go_on(r);
}

void
recheck_restart(struct recheck *r)
{
	struct recheck_file *f;

	while ((f = RB_MIN(recheck_tree, &r->tree)) != NULL) {
		hash_waiter_leave(&f->waiter);
		file_free(r, f);
	}
	if (r->group != NULL)
		hash_group_release(r->hashq, r->group);
	r->group = NULL;
}

int
recheck_init(struct recheck *r, struct event_base *base,
    struct workers *workers, struct hashq *hashq, void (*differ)(void *),
    void *arg)
{
	memset(r, 0, sizeof(*r));
	r->workers = workers;
	r->hashq = hashq;
	r->differ = differ;
	r->arg = arg;
	r->told = true;
	RB_INIT(&r->tree);
	TAILQ_INIT(&r->queued);
	r->ev = event_new(base, -1, 0, recheck_run, r);
	return r->ev == NULL ? -1 : 0;
}
