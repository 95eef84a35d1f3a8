/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/tree_path.h"
#include "pkgtorrentd/front/job/job_state.h"
#include "pkgtorrentd/front/job/purge.h"

static struct str
purge_tree(const struct purge *p)
{
	return (struct str){ p->tree, p->tree_len };
}

static void
purges_go_on(struct purges *all)
{
	event_active(all->ev, EV_TIMEOUT, 1);
}

/*
 * The first visit.
 */

/* The cache takes messages in their order: once it has answered, it has taken
   the pieces that were sent before.  No pieces are known of a file on a
   mount. */
static void
purge_send(struct ask *ask)
{
	struct purge *p = ask->owner;
	struct msg_get_pieces body = { .id = p->ask_id, .count = 1,
	    .piece_len = p->all->jobs->conf->piece_len,
	    .client = (uint32_t)p->ask_id };
	struct {
		struct msg_file	 file;
		char		 path[2];
	} __attribute__((__packed__)) item = {
		{ .len = sizeof(item.path), .identity.mount = 1 },
		{ '/', 'a' }
	};

	worker_send(ask->worker, MSG_GET_PIECES, &body, &item, sizeof(item),
	    NULL, 0);
}

static void
purge_on_answer(struct purge *p)
{
	ask_end(&p->ask);
	p->ask.suspect = false;
	p->state = PURGE_TELL;
	purges_go_on(p->all);
}

/* With each cache that has ended, messages to it are gone. */
static void
purge_convict(struct ask *ask)
{
	purge_on_answer(ask->owner);
}

static void
purge_ask(struct purge *p)
{
	struct workers *workers = &p->all->jobs->workers;

	if (worker_is_full(&workers->cache))
		return;
	p->ask_id = ++workers->last_id;
	p->ask_ms = clock_coarse_ms();
	p->state = PURGE_CACHE;
	ask_start(&p->ask, &workers->cache);
}

bool
purges_await_pieces(const struct purges *all, uint64_t id)
{
	const struct purge *p;

	for (p = all->v; all->n > 0 && p < all->v + PURGES_MAX; p++)
		if (p->state == PURGE_CACHE && p->ask.out && p->ask_id == id)
			return true;
	return false;
}

void
purges_on_pieces(struct purges *all, uint64_t id)
{
	struct purge *p;

	for (p = all->v; p < all->v + PURGES_MAX; p++)
		if (p->state == PURGE_CACHE && p->ask_id == id)
			purge_on_answer(p);
}

/*
 * The last visit.
 */

static bool
files_touch(const struct job_files *files, struct str tree)
{
	uint32_t i;

	for (i = 0; i < files->n; i++)
		if (tree_path_is_in((struct str){ files->v[i].path,
		    files->v[i].path_len }, tree))
			return true;
	return false;
}

/* The cache may have answered the job, or be about to answer it, from entries
   that are purged by now. */
static void
purge_job(struct job *job, struct str tree)
{
	bool old = job->old != NULL && torrent_touches(job->old, tree);

	switch (job->state) {
	case JOB_NEW:
		if (old) {
			torrent_unref(job->old);
			job->old = NULL;
		}
		break;
	case JOB_LOOKUP:
	case JOB_LOAD:
		job_begin_again(job);
		break;
	case JOB_DONE:
		break;
	default:
		if (old || files_touch(&job->files, tree))
			job_restart(job);
	}
}

/* true: all have been passed. */
static bool
purge_jobs(struct purge *p, uint64_t ends_us)
{
	struct jobs *all = p->all->jobs;
	struct job look, *job;

	look.id = p->last_job + 1;
	while ((job = RB_NFIND(job_id_tree, &all->by_id, &look)) != NULL &&
	    job->id <= p->end_job) {
		p->last_job = job->id;
		look.id = job->id + 1;
		purge_job(job, purge_tree(p));
		if (clock_us() >= ends_us)
			return false;
	}
	return true;
}

/*
 * Turns.
 */

/* The parent may be busy: then the next tick tells it. */
static void
purge_tell(struct purge *p)
{
	p->report.state = CONTROL_DONE;
	if (msg_send(&p->all->jobs->workers.child->parent, MSG_CONTROLLED,
	    &p->report, NULL, 0, NULL, 0) == -1)
		return;
	p->state = PURGE_NONE;
	p->all->n--;
}

/* Some steps of one purge.  true: it has more to do now. */
static bool
purge_run(struct purge *p, uint64_t ends_us)
{
	struct jobs *jobs = p->all->jobs;

	switch (p->state) {
	case PURGE_HASHINGS:
		if (!hashq_forget(&jobs->hashq, purge_tree(p), &p->hashings,
		    ends_us))
			return true;
		p->state = PURGE_ASK;
		/* FALLTHROUGH */
	case PURGE_ASK:
		purge_ask(p);
		return false;
	case PURGE_JOBS:
		if (!purge_jobs(p, ends_us))
			return true;
		p->state = PURGE_HOT;
		/* FALLTHROUGH */
	case PURGE_HOT:
		if (!hot_purge(&jobs->hot, purge_tree(p), &p->hot, ends_us,
		    &p->report.skipped))
			return true;
		warm_on_purged(&jobs->warm, purge_tree(p));
		p->state = PURGE_TELL;
		/* FALLTHROUGH */
	case PURGE_TELL:
		purge_tell(p);
		return false;
	default:
		return false;
	}
}

static void
purges_run(evutil_socket_t fd, short events, void *arg)
{
	static const struct timeval now = { 0, 0 };
	struct purges *all = arg;
	uint64_t ends_us = clock_us() + TURN_US;
	struct purge *p;
	bool more = false;

	(void)fd;
	(void)events;
	for (p = all->v; p < all->v + PURGES_MAX; p++)
		more |= purge_run(p, ends_us);
	/* Not before connections and workers were looked at. */
	if (more)
		event_add(all->ev, &now);
}

void
purges_tick(struct purges *all, uint64_t cache_silent_ms)
{
	struct purge *p;

	if (all->n == 0)
		return;
	for (p = all->v; p < all->v + PURGES_MAX; p++)
		if (p->ask.out)
			worker_watch_answer(p->ask.worker, p->ask_ms,
			    cache_silent_ms, MSG_GET_PIECES);
	purges_go_on(all);
}

/*
 * Beginning.
 */

static struct purge *
purges_find_free(struct purges *all)
{
	struct purge *p;

	for (p = all->v; p < all->v + PURGES_MAX; p++)
		if (p->state == PURGE_NONE)
			return p;
	return NULL;
}

void
purges_on_control(struct purges *all, const struct msg *m)
{
	const struct msg_control *body = m->body;
	struct child *child = all->jobs->workers.child;
	struct str tree = { (const char *)m->tail, m->tail_len };
	struct purge *p = purges_find_free(all);

	if (tree.len == 1 && tree.p[0] == '/')
		tree.len = 0;
	if (m->tail_len == 0 || (tree.len > 0 && !tree_path_is_plain(tree))) {
		child_refuse_control(child, body, "not a path of the mirror: "
		    "it has no final slash, and no empty, . or .. component");
		return;
	}
	if (p == NULL) {
		child_refuse_control(child, body, "too much is being purged "
		    "already");
		return;
	}
	memset(&p->report, 0, sizeof(p->report));
	memset(&p->hot, 0, sizeof(p->hot));
	memset(&p->hashings, 0, sizeof(p->hashings));
	p->report.id = body->id;
	memcpy(p->tree, tree.p, tree.len);
	p->tree_len = tree.len;
	p->last_job = 0;
	p->end_job = all->jobs->workers.last_id;
	p->state = body->flags & CONTROL_PURGE_LAST ? PURGE_JOBS :
	    PURGE_HASHINGS;
	all->n++;
	purges_go_on(all);
}

int
purges_init(struct purges *all, struct jobs *jobs, struct event_base *base)
{
	struct purge *p;

	all->jobs = jobs;
	for (p = all->v; p < all->v + PURGES_MAX; p++) {
		p->all = all;
		p->ask = (struct ask){ .owner = p, .send = purge_send,
		    .convict = purge_convict };
	}
	all->ev = event_new(base, -1, 0, purges_run, all);
	return all->ev == NULL ? -1 : 0;
}
