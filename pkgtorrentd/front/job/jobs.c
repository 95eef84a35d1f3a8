/* SPDX-License-Identifier: ISC */
/*
 * All jobs: their turns, the messages of workers, another configuration, and
 * workers and jobs that are given up.
 */
#include <stddef.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "pkgtorrentd/front/job/job_state.h"

#define FORGOTTEN_MS	(10 * 60 * 1000)
#define FORGOTTEN_EARLY_MS 30000	/* before anything is hashed */
/* A slow disk may have to seek for each entry, and specs may be many. */
#define CACHE_SILENT_MS	60000
#define WALKER_SILENT_MS 120000
#define CACHE_AWAY_MS	2000	/* usually a new one is up sooner */

/* One turn, which several clients share if they need less. */
static void
jobs_run(evutil_socket_t fd, short events, void *arg)
{
	static const struct timeval now = { 0, 0 };
	struct jobs *all = arg;
	struct turn *turn;
	struct turns_line *line;

	(void)fd;
	(void)events;
	all->turn_ends_us = clock_us() + TURN_US;
	while ((turn = turns_first(&all->due)) != NULL) {
		line = turn->line;
		job_step((struct job *)(void *)((char *)turn -
		    offsetof(struct job, turn)));
		if (clock_us() < all->turn_ends_us)
			continue;
		turns_rotate(&all->due, line);
		all->turns++;
		/* Not before connections and workers were looked at. */
		if (turns_first(&all->due) != NULL)
			event_add(all->ev, &now);
		break;
	}
}

static enum msg_fault
jobs_on_opened(struct worker *w, struct msg *m)
{
	struct jobs *all = w->all->arg;

	return openq_on_opened(&all->openq, w, m);
}

static enum msg_fault
jobs_on_digests(struct worker *w, struct msg *m)
{
	struct jobs *all = w->all->arg;

	return hashq_on_digests(&all->hashq, w, m);
}

static enum msg_fault
jobs_on_walked(struct worker *w, struct msg *m)
{
	struct jobs *all = w->all->arg;

	return warm_on_walked(&all->warm, w, m);
}

static enum msg_fault
jobs_on_pieces(struct worker *w, struct msg *m)
{
	const struct msg_pieces *body = m->body;
	struct jobs *all = w->all->arg;

	if (purges_await_pieces(&all->purges, body->id)) {
		purges_on_pieces(&all->purges, body->id);
		return FAULT_NONE;
	}
	return warm_awaits_pieces(&all->warm, body->id) ?
	    warm_on_pieces(&all->warm, m) : job_on_pieces(w, m);
}

static enum msg_fault
jobs_on_tracker_key(struct worker *w, struct msg *m)
{
	const struct msg_tracker_key *body = m->body;
	struct jobs *all = w->all->arg;

	if (all->take_key != NULL)
		all->take_key(all->take_key_arg, body->key);
	return FAULT_NONE;
}

/* Imported pieces are wrong, perhaps those of this or that torrent: make all of
   them anew. */
static void
jobs_on_difference(void *arg)
{
	struct jobs *all = arg;
	struct job *job, *next;
	uint64_t last = all->workers.last_id;

	all->import_epoch++;
	hot_forget_imported(&all->hot);
	for (job = RB_MIN(job_id_tree, &all->by_id);
	    job != NULL && job->id <= last; job = next) {
		next = RB_NEXT(job_id_tree, &all->by_id, job);
		if (job->state != JOB_DONE && job->files.imported)
			job_restart(job);
	}
}

/* The messages of walkers, hashers and the cache. */
#define WORKER_HANDLERS(X)						\
	X(LISTING, job_on_listing)					\
	X(RESOLVED, job_on_resolved)					\
	X(SLOW, job_on_slow)						\
	X(WALKED, jobs_on_walked)					\
	X(OPENED, jobs_on_opened)					\
	X(DIGESTS, jobs_on_digests)					\
	X(TRACKER_KEY, jobs_on_tracker_key)				\
	X(INFO, job_on_info)						\
	X(PIECES, jobs_on_pieces)					\
	X(COUNTS, worker_on_counts)

CHANNEL_DISPATCH(jobs_dispatch, struct worker, WORKER_HANDLERS, SEALERS,
    FRONT);

/* The time that a worker says it needed for its answer. */
static uint64_t
jobs_reported_us(const struct msg *m)
{
	const struct msg_resolved *resolved = m->body;
	const struct msg_info *info = m->body;
	const struct msg_pieces *pieces = m->body;

	switch (m->type) {
	case MSG_RESOLVED:
		return resolved->used_us;
	case MSG_INFO:
		return info->used_us;
	case MSG_PIECES:
		return pieces->used_us;
	default:
		return 0;
	}
}

/* Charge a job for the work of a worker and of the front on its message. */
static enum msg_fault
jobs_on_message(void *owner, struct msg *m)
{
	struct worker *w = owner;
	uint64_t start_us = clock_cpu_us(), id;
	enum msg_fault fault = jobs_dispatch(owner, m);
	struct job *job;

	/* Every message of a worker begins with a number. */
	memcpy(&id, m->body, sizeof(id));
	job = job_find(w->all->arg, id);
	if (job != NULL)
		job_spend(job, clock_cpu_us() - start_us +
		    jobs_reported_us(m));
	return fault;
}

static void
jobs_on_lost(struct worker *w)
{
	struct jobs *all = w->all->arg;

	if (w->ch.peer == ROLE_HASHER)
		hashq_hasher_lost(&all->hashq, w->ch.index, true);
}

int
jobs_init(struct jobs *all, struct event_base *base, struct child *child)
{
	static const struct worker_ops ops = { jobs_on_message, jobs_on_lost };

	memset(all, 0, sizeof(*all));
	all->conf = child->conf;
	workers_init(&all->workers, base, child, &ops, all);
	openq_init(&all->openq, &all->workers);
	hashq_init(&all->hashq, &all->workers, &all->openq);
	RB_INIT(&all->hot.tree);
	TAILQ_INIT(&all->hot.lru);
	all->hot.max = all->conf->hot_size;
	all->import_epoch = 1;
	RB_INIT(&all->by_key);
	RB_INIT(&all->by_id);
	turns_init(&all->due);
	all->ev = event_new(base, -1, 0, jobs_run, all);
	workers_set_hashers(&all->workers, all->conf->hashers);
	return all->ev == NULL || recheck_init(&all->recheck, base,
	    &all->workers, &all->hashq, jobs_on_difference, all) == -1 ||
	    warm_init(&all->warm, base, &all->workers, &all->hashq,
	    &all->recheck) == -1 ||
	    purges_init(&all->purges, all, base) == -1 ? -1 :
	    workers_set_walkers(&all->workers, all->conf->nroots);
}

int
jobs_attach(struct jobs *all, enum role role, uint32_t index, int fd)
{
	if (workers_attach(&all->workers, role, index, fd) == -1)
		return -1;
	if (role == ROLE_HASHER)
		hashq_run(&all->hashq);
	return 0;
}

/* Jobs that rely on walkers start again. */
static void
jobs_restart(struct jobs *all)
{
	struct job *job, *next;
	uint64_t last = all->workers.last_id;

	for (job = RB_MIN(job_id_tree, &all->by_id);
	    job != NULL && job->id <= last; job = next) {
		next = RB_NEXT(job_id_tree, &all->by_id, job);
		if (job->state == JOB_DONE)
			job_set_due(job);
		else if (job->state != JOB_NEW && job->state != JOB_LOOKUP &&
		    job->state != JOB_LOAD)
			job_restart(job);
	}
}

/*
 * A worker that was asked under the old configuration might answer under the
 * new one.  Both ends therefore close these channels, and the parent sends new
 * ones.
 */
void
jobs_set_conf(struct jobs *all, const struct conf *conf)
{
	const struct conf *old = all->conf;
	bool anew = !conf_same_roots(old, conf) ||
	    !conf_same_params(old, conf);
	size_t i, nhashers = all->workers.nhashers;

	all->conf = conf;
	quarantine_clear(&all->workers.quarantine);
	quarantine_clear(&all->workers.suspects);
	if (anew)
		all->layout_epoch++;
	/* Before a request goes on, which may be answered from memory. */
	hot_set_conf(&all->hot, old, conf, all->layout_epoch);
	/* Otherwise the hashers that stay go on with their batches. */
	workers_set_hashers(&all->workers, anew ? 0 : conf->hashers);
	if (anew) {
		if (workers_set_walkers(&all->workers, conf->nroots) == -1)
			fatal("out of memory");
		openq_end_all(&all->openq);
	}
	for (i = all->workers.nhashers; i < nhashers; i++)
		hashq_hasher_lost(&all->hashq, i, false);
	workers_set_hashers(&all->workers, conf->hashers);
	if (anew)
		hashq_set_roots(&all->hashq, old, conf);
	if (anew || strcmp(old->cache, conf->cache) != 0) {
		recheck_restart(&all->recheck);
		if (all->workers.cache.ch.fd != -1)
			worker_lose(&all->workers.cache);
	}
	if (anew) {
		jobs_restart(all);
		warm_restart(&all->warm);
	}
}

void
jobs_set_mounts(struct jobs *all, uint32_t changes, bool watched)
{
	all->mounts_watched = watched;
	if (all->mounts == changes)
		return;
	all->mounts = changes;
	hot_forget_mounts(&all->hot);
}

/* The cache saves time; torrents can be made without it. */
static void
job_watch_cache(struct job *job, uint64_t now)
{
	struct worker *cache = &job->all->workers.cache;

	worker_watch_answer(cache, job->asked_cache_ms, CACHE_SILENT_MS,
	    job->state == JOB_LOOKUP ? MSG_GET_INFO : MSG_GET_PIECES);
	/* A cache that says other things all the time is not silent. */
	if ((cache->ch.fd == -1 && now > cache->lost_ms + CACHE_AWAY_MS) ||
	    now > job->asked_cache_ms + CACHE_SILENT_MS)
		job_cache_do_without(job);
}

static void
job_watch_walkers(struct job *job)
{
	struct workers *workers = &job->all->workers;
	size_t i;

	for (i = 0; i < job->files.nshares && i < workers->nwalkers; i++)
		if (job->files.shares[i].pending)
			worker_watch_answer(&workers->walkers[i],
			    job->asked_walkers_ms, WALKER_SILENT_MS,
			    MSG_RESOLVE);
}

/* The workers do not answer a job that has ended: give it up. */
static void
job_forget_asks(struct job *job)
{
	size_t i;

	ask_end(&job->ask);
	for (i = 0; i < job->files.nshares; i++)
		ask_end(&job->files.shares[i].ask);
	job_set_due(job);
}

void
jobs_tick(struct jobs *all)
{
	uint64_t now = clock_coarse_ms(), limit;
	struct job *job;
	size_t i;

	RB_FOREACH(job, job_id_tree, &all->by_id) {
		if (job_cache_is_awaited(job))
			job_watch_cache(job, now);
		if (job_walkers_are_awaited(job))
			job_watch_walkers(job);
		limit = job->to_hash > 0 ? FORGOTTEN_MS : FORGOTTEN_EARLY_MS;
		if (TAILQ_EMPTY(&job->waiters) && job->state != JOB_DONE &&
		    now - job->asked_ms > limit)
			job_fail(job, 503, "", 0);
		else if (job->state == JOB_DONE && !job->due &&
		    now - job->asked_ms > FORGOTTEN_EARLY_MS)
			job_forget_asks(job);
	}
	/* No request is started that would wait behind a full queue, so only
	   this notices a worker that reads nothing. */
	worker_watch_queue(&all->workers.cache, CACHE_SILENT_MS);
	for (i = 0; i < all->workers.nwalkers; i++) {
		worker_watch_queue(&all->workers.walkers[i],
		    WALKER_SILENT_MS);
		openq_watch(&all->openq, i, WALKER_SILENT_MS);
	}
	hashq_tick(&all->hashq);
	recheck_tick(&all->recheck);
	warm_tick(&all->warm, CACHE_SILENT_MS, WALKER_SILENT_MS);
	purges_tick(&all->purges, CACHE_SILENT_MS);
}
