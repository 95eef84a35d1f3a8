/*
 * Messages: what the parent tells the front, and which module hears what
 * peers answer.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "pkgtorrentd/front/front.h"
#include "pkgtorrentd/front/front_msg.h"
#include "pkgtorrentd/front/serve/access.h"

#define STOP_MS		5000
#define STOP_FIRST_MS	2000	/* for a new connection's first request */

/* The messages of walkers, hashers and the cache. */
#define PEER_HANDLERS(X)						\
	X(LISTING, job_on_listing)					\
	X(RESOLVED, job_on_resolved)					\
	X(SLOW, job_on_slow)						\
	X(OPENED, openings_on_opened)					\
	X(DIGESTS, hashings_on_digests)					\
	X(INFO, job_on_info)						\
	X(PIECES, job_on_pieces)

CHANNEL_DISPATCH(peer_on_message, struct peer, PEER_HANDLERS, SEALERS, FRONT);

enum msg_fault
front_on_message(struct peer *p, struct msg *m)
{
	return peer_on_message(p, m);
}

void
front_on_lost(struct peer *p)
{
	struct front *f = p->front;
	enum role role = p->ch.peer;
	uint32_t index = p->ch.index;

	peer_close(p);
	if (role == ROLE_HASHER)
		hashings_hasher_lost(f, index, true);
	else if (role == ROLE_WALKER)
		openings_walker_lost(f, index);
}

/*
 * Those whose roots stay have other numbers, or other paths that are theirs:
 * the parent links all of them anew.
 */
int
front_set_walkers(struct front *f)
{
	struct peer *new;
	size_t i, n = f->child.conf->nroots;

	/* All of them first: what one leaves is not for the next to lose. */
	for (i = 0; i < f->nwalkers; i++)
		peer_close(&f->walkers[i]);
	new = calloc(n, sizeof(*new));
	if (new == NULL)
		return -1;
	for (i = 0; i < n; i++)
		new[i].ch.fd = -1;
	free(f->walkers);
	f->walkers = new;
	f->nwalkers = n;
	return 0;
}

/* Those that stay go on with what they have. */
void
front_set_hashers(struct front *f)
{
	size_t i, n = f->nhashers, want = f->child.conf->hashers;

	/* Before anything ends over it: nobody holds a file any longer. */
	for (i = want; i < n; i++) {
		hashings_forget_slots(f, i);
		peer_close(&f->hashers[i]);
	}
	for (i = n; i < want; i++)
		f->hashers[i].ch.fd = -1;
	f->nhashers = want;
	for (i = want; i < n; i++)
		hashings_hasher_lost(f, i, false);
}

static enum msg_fault
front_on_channel(struct front *f, struct msg *m)
{
	const struct msg_channel *body = m->body;
	struct peer *p = NULL;

	if (body->role == ROLE_CACHE)
		p = &f->cache;
	else if (body->role == ROLE_WALKER && body->index < f->nwalkers)
		p = &f->walkers[body->index];
	else if (body->role == ROLE_HASHER && body->index < f->nhashers)
		p = &f->hashers[body->index];
	if (p == NULL)
		return FAULT_CONTENT;
	if (p->ch.fd != -1)
		front_on_lost(p);
	if (peer_attach(f, p, body->role, body->index, m->fds[0]) == -1)
		fatal("out of memory");
	m->nfds = 0;
	/* What the one before left unfinished. */
	if (body->role == ROLE_CACHE)
		jobs_cache_up(f);
	else if (body->role == ROLE_HASHER)
		hashings_run(f);
	else {
		openings_walker_up(f, body->index);
		jobs_walker_up(f, body->index);
	}
	return FAULT_NONE;
}

static enum msg_fault
front_on_trackers(struct front *f, struct msg *m)
{
	const struct msg_part *body = m->body;

	if (buf_add(&f->trackers_next, m->tail, m->tail_len) == -1)
		fatal("out of memory");
	if (body->flags & PART_MORE)
		return FAULT_NONE;
	/* Kept as a string. */
	if (buf_add(&f->trackers_next, "", 1) == -1)
		fatal("out of memory");
	buf_free(&f->trackers);
	f->trackers = f->trackers_next;
	memset(&f->trackers_next, 0, sizeof(f->trackers_next));
	f->generation++;
	return FAULT_NONE;
}

/* What is remembered of walkers is told by their numbers. */
static void
front_renumber_hot(struct front *f, const struct conf *old)
{
	const struct conf *conf = f->child.conf;
	int *new_number;
	size_t i;

	new_number = calloc(old->nroots, sizeof(*new_number));
	if (new_number == NULL)
		fatal("out of memory");
	for (i = 0; i < old->nroots; i++)
		new_number[i] = conf_find_root(conf, &old->roots[i]);
	hot_renumber(&f->hot, new_number, old->nroots, f->layout);
	free(new_number);
}

/*
 * Whoever was asked under the old configuration might answer by the new one:
 * those channels end here as they do at the other end, and new ones follow.
 */
static void
front_on_new_conf(struct front *f)
{
	const struct conf *conf = f->child.conf, *old = f->child.previous;
	bool roots = !conf_same_roots(old, conf);
	bool layout = !conf_same_layout(old, conf);

	f->generation++;
	front_share_descriptors(f);
	hot_set_max(&f->hot, conf->hot_size);
	if (roots || layout) {
		f->layout++;
		if (front_set_walkers(f) == -1)
			fatal("out of memory");
		openings_reroute(f);
	}
	if (roots)
		front_renumber_hot(f, old);
	front_set_hashers(f);
	if (layout || strcmp(old->cache, conf->cache) != 0) {
		if (f->cache.ch.fd != -1)
			front_on_lost(&f->cache);
		hot_clear(&f->hot);
	}
	/* What is remembered may be past a limit now: it is looked at again. */
	if (conf->max_bytes < old->max_bytes ||
	    conf->max_files < old->max_files)
		hot_clear(&f->hot);
	if (roots || layout)
		jobs_conf_changed(f);
}

/* Torrents of files that are known by their mounts hold for these only. */
static enum msg_fault
front_on_mounts(struct front *f, const struct msg *m)
{
	const struct msg_mounts *body = m->body;

	f->mounts_watched = body->flags & MOUNTS_WATCHED;
	if (f->mounts == body->changes)
		return FAULT_NONE;
	f->mounts = body->changes;
	hot_forget_mounts(&f->hot);
	return FAULT_NONE;
}

static enum msg_fault
front_on_stop(struct front *f, const struct msg *m)
{
	(void)m;
	f->stopping = true;
	f->stop_ms = clock_coarse_ms() + STOP_MS;
	f->stop_first_ms = clock_coarse_ms() + STOP_FIRST_MS;
	front_accept_last(f);
	front_close_listeners(f);
	client_close_idle(f, false);
	return FAULT_NONE;
}

static enum msg_fault
front_on_status(struct front *f, const struct msg *m)
{
	const struct counters *n = &f->counters;

	(void)m;
	log_info("%u connections open, %" PRIu64 " accepted, %" PRIu64
	    " refused over max-connections or max-connections-per-client; %"
	    PRIu64 " requests answered, of these %" PRIu64 " from memory, %"
	    PRIu64 " with 403, %" PRIu64 " with another 4xx (412 aside), %"
	    PRIu64 " with 5xx; %u torrents in memory (%zu bytes), %u jobs (%u "
	    "hashing), %" PRIu64 " bytes hashed, %" PRIu64 " to go",
	    f->nclients, n->connections, n->refused, n->requests, n->hits,
	    n->forbidden, n->client_errors, n->server_errors, f->hot.n,
	    f->hot.size, f->jobs.n, f->jobs.charged, n->hashed,
	    f->hashings.left);
	return FAULT_NONE;
}

static enum msg_fault
front_on_conf(struct front *f, const struct msg *m)
{
	if (child_on_conf(&f->child, m))
		front_on_new_conf(f);
	return FAULT_NONE;
}

static enum msg_fault
front_on_access_log(struct front *f, struct msg *m)
{
	access_set_fd(f, m->nfds > 0 ? m->fds[0] : -1);
	m->nfds = 0;
	return FAULT_NONE;
}

/* The messages of the parent. */
#define FRONT_HANDLERS(X)						\
	X(CONF, front_on_conf)						\
	X(CHANNEL, front_on_channel)					\
	X(LISTENER, front_on_listener)					\
	X(ACCESS_LOG, front_on_access_log)				\
	X(TRACKERS, front_on_trackers)					\
	X(STATUS, front_on_status)					\
	X(MOUNTS, front_on_mounts)					\
	X(STOP, front_on_stop)

CHANNEL_DISPATCH(front_on_parent, struct front, FRONT_HANDLERS, PARENT,
    FRONT);

static const struct child_ops front_ops = {
	.message = front_on_parent,
};

static void
front_on_parent_readable(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;

	(void)fd;
	(void)what;
	(void)child_receive_parent(&f->child);
}

int
front_open_parent(struct front *f)
{
	f->child.ops = &front_ops;
	f->child.owner = f;
	f->parent_ev = event_new(f->base, f->child.parent.fd,
	    EV_READ | EV_PERSIST, front_on_parent_readable, f);
	return f->parent_ev == NULL ? -1 : event_add(f->parent_ev, NULL);
}
