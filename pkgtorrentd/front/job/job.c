/*
 * A job from its start to its end, one step after another, in the order in
 * which job.h lists the states.
 */
#include "common/clock.h"
#include "common/log.h"
#include "pkgtorrentd/front/front.h"
#include "pkgtorrentd/front/job/caveat.h"

#define CHANGES_MAX	3
#define FORGOTTEN_MS	(10 * 60 * 1000)
#define FORGOTTEN_EARLY_MS 30000	/* when nothing has been hashed */
/* Seeking all over a slow disk; a path set may be long. */
#define CACHE_SILENT_MS	60000
#define WALKER_SILENT_MS 120000
#define CACHE_AWAY_MS	2000	/* a new one is there in a few */

void
job_fail(struct job *job, int status, const char *why, uint32_t retry_s)
{
	job_cancel(job);
	job_unfind(job);
	job->state = JOB_DONE;
	job->result.status = status;
	job->result.why = why;
	job->result.retry_s = retry_s;
	job_set_due(job);
}

/* Everybody is answered; the job is gone afterwards. */
static void
job_end(struct job *job)
{
	struct waiter *w;

	job_uncharge(job);
	while ((w = TAILQ_FIRST(&job->waiters)) != NULL)
		w->done(w);
	job_free(job);
}

/* What is to be remembered is: in memory, and by the cache. */
static void
job_succeed(struct job *job, struct torrent *t)
{
	struct front *f = job->front;
	struct torrent_key key = job->key;

	job_unfind(job);
	job->state = JOB_DONE;
	job->result.status = 200;
	job->result.torrent = t;
	job->result.checked = t == job->old;
	if (t->settled && t->layout == f->layout &&
	    (!t->by_mount || f->mounts_watched)) {
		hot_put(&f->hot, &key, t, clock_coarse_ms());
		/* A digest always means the multi form. */
		key.multi = 1;
		if (!job->key.multi && t->multi)
			hot_put(&f->hot, &key, t, clock_coarse_ms());
	} else
		hot_remove(&f->hot, &key);
	job_set_due(job);
}

/* From the walkers on, for what the files are now. */
static void
job_restart(struct job *job)
{
	job_drop_files(job);
	torrent_unref(job->old);
	job->old = NULL;
	if (job->due)
		TAILQ_REMOVE(&job->front->jobs.due, job, due_entry);
	job->due = false;
	job_renumber(job);
	job->state = JOB_RESOLVE;
	if (job_ask_walkers(job) == -1)
		job_fail(job, 500, "out of memory; try again later", 1);
}

/* A file was not what the walker had seen, or the walker sees it changed. */
static void
job_moved(struct job *job)
{
	if (++job->changes >= CHANGES_MAX) {
		job_fail(job, 503, "the files change while they are being "
		    "hashed; try again when the mirror has settled", 10);
		return;
	}
	job_restart(job);
}

/* Something was mounted or unmounted since the walkers were asked, and files
   are known by their mounts: what they said is not sure any more. */
static bool
job_lost_mounts(const struct job *job)
{
	return job->mounts != job->front->mounts &&
	    (job->by_mount || (job->old != NULL && job->old->by_mount));
}

/* The walkers look once more whether all is as it was. */
static void
job_check(struct job *job)
{
	job->state = JOB_CHECK;
	if (job_ask_walkers(job) == -1)
		job_fail(job, 500, "out of memory; try again later", 1);
}

static void
job_complete(struct job *job)
{
	struct torrent *t;
	uint32_t i;

	t = job_make_torrent(job);
	if (t == NULL) {
		job_fail(job, 500, "out of memory; try again later", 1);
		return;
	}
	/* With one file clients take the whole URL from the torrent. */
	for (i = 0; job->nfiles > 1 && i < job->nfiles; i++)
		if (caveat_name(t, job->files[i].path,
		    job->files[i].path_len))
			break;
	if (t->multi && t->settled && !t->by_mount)
		job_put_info(job);
	job_succeed(job, t);
}

/* The walkers' listings are complete. */
static void
job_resolved(struct job *job)
{
	bool all_same = true;
	size_t i;

	for (i = 0; i < job->nshares; i++)
		if (job->shares[i].used && !job->shares[i].same)
			all_same = false;
	if (all_same && job_lost_mounts(job)) {
		if (job->state == JOB_CHECK)
			job_check(job);
		else
			job_restart(job);
		return;
	}
	if (all_same && job->state == JOB_CHECK) {
		job_complete(job);
		return;
	}
	/* A job that had just begun when the layout changed. */
	if (all_same && job->old != NULL &&
	    job->old->layout != job->front->layout) {
		job_restart(job);
		return;
	}
	/* The limit may have been lowered since it was made. */
	if (all_same && job->old != NULL &&
	    job->old->bytes > job->front->child.conf->max_bytes) {
		job_fail(job, 413, "more content than one torrent may have "
		    "here; ask for fewer files", 0);
		return;
	}
	if (all_same && job->old != NULL) {
		job->old->checked_ms = job->asked_walkers_ms;
		job->old->recheck = false;
		job_succeed(job, torrent_ref(job->old));
		return;
	}
	if (job->state == JOB_CHECK) {
		job_moved(job);
		return;
	}
	/* One walker's files have changed; the others' are needed too. */
	for (i = 0; i < job->nshares; i++) {
		if (job->shares[i].used && job->shares[i].same) {
			job->shares[i].known = false;
			job_ask_walker(job, i);
		}
	}
	if (job->pending > 0)
		return;
	if (job_take_listing(job) == -1)
		return;
	job->state = JOB_PIECES;
	job_ask_pieces(job);
}

/* The cache has said which pieces it has. */
static void
job_hash(struct job *job)
{
	struct front *f = job->front;
	struct job_file *file;
	uint32_t i;

	job->state = JOB_HASH;
	for (i = 0; i < job->nfiles; i++)
		if (job->files[i].pieces == NULL)
			job->to_hash += job->files[i].identity.size;
	for (i = 0; i < job->nfiles; i++) {
		file = &job->files[i];
		if (file->pieces != NULL)
			continue;
		if (job_charge(job) == -1)
			return;
		if (job->work == NULL) {
			job->hash_start_ms = clock_coarse_ms();
			job->work = work_new(job->to_hash);
		}
		if (job->work == NULL || hashing_want(f, job->work, job->id,
		    i, file->path, file->path_len, &file->identity,
		    job->piece_len) == -1) {
			job_fail(job, 500, "out of memory; try again later",
			    1);
			return;
		}
		job->pending++;
	}
	if (job->pending == 0)
		job_set_due(job);
	else
		hashings_run(f);
}

/* A file that cannot be read is the mirror's matter: somebody should know. */
static void
job_log_failure(struct front *f, const struct hashing *h)
{
	char path[512];

	if (log_once(&f->failure_log_ms, 60000, clock_coarse_ms()))
		log_warn("\"%s\" cannot be hashed: it fails to be read; look "
		    "at the disk", log_escape(path, sizeof(path), h->path,
		    h->path_len));
}

void
job_on_hashed(struct front *f, uint64_t id, uint32_t index, struct hashing *h)
{
	struct job *job = job_find(f, id, JOB_HASH);

	if (job == NULL)
		return;
	job->pending--;
	if (h->result == HASHING_FAILED) {
		job_log_failure(f, h);
		job_fail(job, 500, "a file cannot be read; ask the mirror's "
		    "administrator to look at its log", 0);
		return;
	}
	if (h->result != HASHING_OK) {
		job->changed = true;
		job_set_due(job);
		return;
	}
	job->files[index].pieces = pieces_ref(h->pieces);
	job->hashed += h->identity.size;
	if (!h->settled)
		job->settled = false;
	if (job->pending == 0)
		job_set_due(job);
}

/* All digests are there: are they still those of the files? */
static void
job_hashed(struct job *job)
{
	uint64_t age = clock_coarse_ms() - job->asked_walkers_ms;

	if (job->changed) {
		job_moved(job);
		return;
	}
	if (age <= job->front->child.conf->revalidate_ms &&
	    !job_lost_mounts(job))
		job_complete(job);
	else
		job_check(job);
}

static void
job_start(struct job *job)
{
	/* Only a digest may stand for something that the cache knows. */
	if (job->old == NULL && job->key.multi) {
		job->state = JOB_LOOKUP;
		job_ask_info(job);
		return;
	}
	job->state = JOB_RESOLVE;
	if (job_ask_walkers(job) == -1)
		job_fail(job, 500, "out of memory; try again later", 1);
}

/* The cache has answered, completely. */
static void
job_looked_up(struct job *job)
{
	if (job->old == NULL && job->specs.n == 0) {
		hot_put(&job->front->hot, &job->key, NULL, clock_coarse_ms());
		job_fail(job, 412, "", 0);
		return;
	}
	job->state = JOB_RESOLVE;
	if (job_ask_walkers(job) == -1)
		job_fail(job, 500, "out of memory; try again later", 1);
}

void
jobs_run(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;
	struct job *job;

	(void)fd;
	(void)what;
	while ((job = TAILQ_FIRST(&f->jobs.due)) != NULL) {
		TAILQ_REMOVE(&f->jobs.due, job, due_entry);
		job->due = false;
		switch (job->state) {
		case JOB_NEW:
			job_start(job);
			break;
		case JOB_LOOKUP:
			job_looked_up(job);
			break;
		case JOB_RESOLVE:
		case JOB_CHECK:
			job_resolved(job);
			break;
		case JOB_PIECES:
			job_hash(job);
			break;
		case JOB_HASH:
			job_hashed(job);
			break;
		case JOB_DONE:
			job_end(job);
			break;
		}
	}
}

void
jobs_walker_up(struct front *f, size_t walker)
{
	struct job *job;

	RB_FOREACH(job, job_id_tree, &f->jobs.by_id)
		if ((job->state == JOB_RESOLVE || job->state == JOB_CHECK) &&
		    walker < job->nshares && job->shares[walker].pending) {
			job->pending--;
			job_ask_walker(job, walker);
		}
}

void
jobs_cache_up(struct front *f)
{
	struct job *job;

	RB_FOREACH(job, job_id_tree, &f->jobs.by_id) {
		if (job->state == JOB_LOOKUP && !job->due)
			job_ask_info(job);
		else if (job->state == JOB_PIECES && !job->due)
			job_ask_pieces(job);
	}
}

void
jobs_conf_changed(struct front *f)
{
	struct job *job, *next;
	uint64_t last = f->last_id;

	for (job = RB_MIN(job_id_tree, &f->jobs.by_id);
	    job != NULL && job->id <= last; job = next) {
		next = RB_NEXT(job_id_tree, &f->jobs.by_id, job);
		if (job->state != JOB_NEW && job->state != JOB_LOOKUP &&
		    job->state != JOB_DONE)
			job_restart(job);
	}
}

/* The cache saves time; without it torrents can still be made. */
static void
job_watch_cache(struct job *job, uint64_t now)
{
	struct peer *cache = &job->front->cache;

	if (peer_is_silent(cache, job->asked_cache_ms, CACHE_SILENT_MS))
		peer_give_up(cache, job->state == JOB_LOOKUP ? MSG_GET_INFO :
		    MSG_GET_PIECES);
	if (cache->ch.fd == -1 && now > cache->lost_ms + CACHE_AWAY_MS)
		job_do_without_cache(job);
}

static void
job_watch_walkers(struct job *job)
{
	struct peer *walker;
	size_t i;

	for (i = 0; i < job->nshares && i < job->front->nwalkers; i++) {
		walker = &job->front->walkers[i];
		if (job->shares[i].pending && peer_is_silent(walker,
		    job->asked_walkers_ms, WALKER_SILENT_MS))
			peer_give_up(walker, MSG_RESOLVE);
	}
}

void
jobs_tick(struct front *f)
{
	uint64_t now = clock_coarse_ms(), limit;
	struct job *job;
	size_t i;

	RB_FOREACH(job, job_id_tree, &f->jobs.by_id) {
		if (!job->due &&
		    (job->state == JOB_LOOKUP || job->state == JOB_PIECES))
			job_watch_cache(job, now);
		if (job->state == JOB_RESOLVE || job->state == JOB_CHECK)
			job_watch_walkers(job);
		limit = job->to_hash > 0 ? FORGOTTEN_MS : FORGOTTEN_EARLY_MS;
		if (TAILQ_EMPTY(&job->waiters) && job->state != JOB_DONE &&
		    now - job->asked_ms > limit)
			job_fail(job, 503, "", 0);
	}
	/* Nobody begins to ask those that are full. */
	peer_watch(&f->cache, CACHE_SILENT_MS);
	for (i = 0; i < f->nwalkers; i++) {
		peer_watch(&f->walkers[i], WALKER_SILENT_MS);
		openings_watch(f, i, WALKER_SILENT_MS);
	}
}
