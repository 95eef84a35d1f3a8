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

typedef enum msg_fault (*front_handler)(struct peer *, struct msg *);

/* One for each row of the message table that comes from a peer. */
static const front_handler handlers[MSG_COUNT] = {
	[MSG_LISTING] = job_on_listing,
	[MSG_RESOLVED] = job_on_resolved,
	[MSG_SLOW] = job_on_slow,
	[MSG_OPENED] = openings_on_opened,
	[MSG_DIGESTS] = hashings_on_digests,
	[MSG_INFO] = job_on_info,
	[MSG_PIECES] = job_on_pieces,
};

enum msg_fault
front_on_message(struct peer *p, struct msg *m)
{
	return handlers[m->type](p, m);
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

static int
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
		return -1;
	if (p->ch.fd != -1)
		front_on_lost(p);
	if (peer_attach(f, p, body->role, body->index, m->fds[0]) == -1)
		fatal("out of memory");
	m->fds[0] = -1;
	/* What the one before left unfinished. */
	if (body->role == ROLE_CACHE)
		jobs_cache_up(f);
	else if (body->role == ROLE_HASHER)
		hashings_run(f);
	else {
		openings_walker_up(f, body->index);
		jobs_walker_up(f, body->index);
	}
	return 0;
}

static int
front_on_trackers(struct front *f, struct msg *m)
{
	const struct msg_part *body = m->body;

	if (buf_add(&f->trackers_next, m->tail, m->tail_len) == -1)
		fatal("out of memory");
	if (body->flags & PART_MORE)
		return 0;
	/* Kept as a string. */
	if (buf_add(&f->trackers_next, "", 1) == -1)
		fatal("out of memory");
	buf_free(&f->trackers);
	f->trackers = f->trackers_next;
	memset(&f->trackers_next, 0, sizeof(f->trackers_next));
	f->generation++;
	return 0;
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
front_on_new_conf(struct front *f, const struct conf *old)
{
	const struct conf *conf = f->child.conf;
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
static void
front_on_mounts(struct front *f, const struct msg *m)
{
	const struct msg_mounts *body = m->body;

	f->mounts_watched = body->flags & MOUNTS_WATCHED;
	if (f->mounts == body->changes)
		return;
	f->mounts = body->changes;
	hot_forget_mounts(&f->hot);
}

static void
front_stop(struct front *f)
{
	f->stopping = true;
	f->stop_ms = clock_coarse_ms() + STOP_MS;
	f->stop_first_ms = clock_coarse_ms() + STOP_FIRST_MS;
	front_accept_last(f);
	front_close_listeners(f);
	client_close_idle(f, false);
}

static void
front_log_status(struct front *f)
{
	const struct counters *n = &f->counters;

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
}

static int
front_on_parent(struct front *f, struct msg *m)
{
	switch (m->type) {
	case MSG_CHANNEL:
		return front_on_channel(f, m);
	case MSG_LISTENER:
		return front_on_listener(f, m);
	case MSG_ACCESS_LOG:
		access_set_fd(f, m->nfds > 0 ? m->fds[0] : -1);
		m->nfds = 0;
		return 0;
	case MSG_TRACKERS:
		return front_on_trackers(f, m);
	case MSG_STATUS:
		front_log_status(f);
		return 0;
	case MSG_MOUNTS:
		front_on_mounts(f, m);
		return 0;
	case MSG_STOP:
		front_stop(f);
		return 0;
	default:
		return 0;
	}
}

static void
front_on_parent_readable(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;
	struct msg_wrong wrong;
	struct msg m;

	(void)fd;
	(void)what;
	for (;;) {
		switch (msg_recv(&f->child.parent, f->child.buf, &m,
		    &wrong)) {
		case MSG_GOT:
			break;
		case MSG_AGAIN:
			return;
		default:
			_exit(0);
		}
		if (child_on_message(&f->child, &m))
			front_on_new_conf(f, f->child.previous);
		else if (front_on_parent(f, &m) == -1)
			fatal("the parent sent a wrong %s", msg_name(m.type));
		msg_close_fds(&m);
	}
}

int
front_open_parent(struct front *f)
{
	f->parent_ev = event_new(f->base, f->child.parent.fd,
	    EV_READ | EV_PERSIST, front_on_parent_readable, f);
	return f->parent_ev == NULL ? -1 : event_add(f->parent_ev, NULL);
}
