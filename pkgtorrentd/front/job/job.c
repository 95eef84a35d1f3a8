/* SPDX-License-Identifier: ISC */
/*
 * The story of a job, one state after another, each with its question to the
 * workers and their answer:
 *
 *	LOOKUP	the cache: which specs have this digest, and which torrent?
 *	LOAD	the info hash of that torrent
 *	RESOLVE	the walkers: which files are these specs now?
 *	PIECES	the cache: which of their pieces are known?
 *	HASH	the hashers: the pieces of the other files
 *	CHECK	the walkers again, if that took long: has a file changed?
 *	LAYOUT	the info dictionary of these pieces, and its info hash
 *
 * A job takes its next step from the event loop, never from a message handler,
 * so that it cannot be freed while its caller still uses it.  The steps of one
 * client's jobs have turns of TURN_US, and between two turns the event loop
 * serves connections; LOAD and LAYOUT have as many steps as they need.
 */
#include <sys/param.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/seal.h"
#include "pkgtorrentd/front/job/caveat.h"
#include "pkgtorrentd/front/job/job_state.h"

#define CHANGES_MAX	3

static int
job_cmp_key(const struct job *a, const struct job *b)
{
	return memcmp(&a->key, &b->key, sizeof(a->key));
}

static int
job_cmp_id(const struct job *a, const struct job *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

RB_GENERATE(job_key_tree, job, by_key, job_cmp_key)
RB_GENERATE(job_id_tree, job, by_id, job_cmp_id)

/* Answers to requests with the old id are dropped from now on. */
static void
job_renumber(struct job *job)
{
	struct jobs *all = job->all;

	if (job->id != 0)
		RB_REMOVE(job_id_tree, &all->by_id, job);
	job->id = ++all->workers.last_id;
	RB_INSERT(job_id_tree, &all->by_id, job);
}

struct job *
job_find(struct jobs *all, uint64_t id)
{
	struct job look;

	look.id = id;
	return RB_FIND(job_id_tree, &all->by_id, &look);
}

/* The number under which the job has its turns.  A client without a name does
   not delay the jobs of others without one. */
uint32_t
job_client(const struct job *job)
{
	const struct addr *addr = job->charge.addr;

	return addr != NULL ? addr->number : (uint32_t)job->id;
}

void
job_set_due(struct job *job)
{
	struct jobs *all = job->all;

	job->due = true;
	if (job->turn.line != NULL)
		return;
	turns_add(&all->due, &job->turn, job_client(job));
	event_active(all->ev, EV_TIMEOUT, 1);
}

/*
 * How a job ends.
 */

/* Requests from now on do not share this job's result. */
static void
job_unfind(struct job *job)
{
	if (job->findable)
		RB_REMOVE(job_key_tree, &job->all->by_key, job);
	job->findable = false;
}

/* End the job with a status other than 200; why is a constant. */
void
job_fail(struct job *job, int status, const char *why, uint32_t retry_s)
{
	job_walkers_cancel(job);
	job_unfind(job);
	job->state = JOB_DONE;
	job->result.status = status;
	job->result.why = why;
	job->result.retry_s = retry_s;
	job_set_due(job);
}

void
job_fail_memory(struct job *job)
{
	job_fail(job, 500, "out of memory; try again later", 1);
}

/* Take over a reference to the torrent, and remember it if allowed. */
static void
job_succeed(struct job *job, struct torrent *t)
{
	struct jobs *all = job->all;
	struct torrent_key key = job->key;

	job_unfind(job);
	job->state = JOB_DONE;
	job->result.status = 200;
	job->result.torrent = t;
	job->result.checked = t == job->old;
	if (t->settled && t->layout_epoch == all->layout_epoch &&
	    (!t->by_mount || all->mounts_watched)) {
		hot_put(&all->hot, &key, t, clock_coarse_ms());
		/* A digest always means the multi form. */
		key.multi = 1;
		if (!job->key.multi && t->multi)
			hot_put(&all->hot, &key, t, clock_coarse_ms());
	} else
		hot_remove(&all->hot, &key);
	job_set_due(job);
}

/* The job's torrent takes so many bytes from now on. */
void
job_count(struct job *job, uint64_t bytes)
{
	charge_memory(&job->charge, &job->all->made, bytes);
}

/* The bytes of the torrent that is to be checked, unless they count in hot
   memory. */
static uint64_t
job_old_size(const struct job *job)
{
	return job->old == NULL || job->old->held.hot > 0 ? 0 :
	    job->old->held.size;
}

static void
job_drop_files(struct job *job)
{
	size_t i;

	job_ask_end(job, &job->ask);
	for (i = 0; i < job->files.nshares; i++)
		job_ask_end(job, &job->files.shares[i].ask);
	job_count(job, 0);
	layout_free(&job->layout);
	job_files_free(&job->files);
	job->to_hash = job->hashed = 0;
	job->pending = 0;
	job->changed = false;
	if (job->group != NULL)
		hash_group_release(&job->all->hashq, job->group);
	job->group = NULL;
}

/* A worker may still end over the job: keep its name. */
static void
job_wind_up(struct job *job)
{
	buf_free(&job->listing);
	buf_free(&job->info);
	layout_free(&job->layout);
	job_files_trim(&job->files);
	torrent_unref(job->old);
	job->old = NULL;
	turns_remove(&job->all->due, &job->turn);
	job->asked_ms = clock_coarse_ms();
}

/* Tell all waiters, and free the job once no worker can end over it. */
static void
job_end(struct job *job)
{
	struct waiter *w;

	job_count(job, 0);
	charge_release(&job->charge, &job->all->queued);
	while ((w = TAILQ_FIRST(&job->waiters)) != NULL) {
		job_leave(w);
		w->done(w, &job->result);
	}
	if (job_ask_is_out(job)) {
		job_wind_up(job);
		return;
	}
	job_drop_files(job);
	RB_REMOVE(job_id_tree, &job->all->by_id, job);
	turns_remove(&job->all->due, &job->turn);
	job->all->n--;
	buf_free(&job->listing);
	buf_free(&job->info);
	specs_free(&job->specs);
	torrent_unref(job->old);
	torrent_unref(job->result.torrent);
	free(job);
}

/* Go back to RESOLVE, for the files as they are now. */
void
job_restart(struct job *job)
{
	job_drop_files(job);
	torrent_unref(job->old);
	job->old = NULL;
	turns_remove(&job->all->due, &job->turn);
	job->due = false;
	job_renumber(job);
	job_walkers_ask(job, JOB_RESOLVE);
}

void
job_begin_again(struct job *job)
{
	if (job->specs.n > 0) {
		job_restart(job);
		return;
	}
	job_drop_files(job);
	buf_free(&job->listing);
	buf_free(&job->info);
	turns_remove(&job->all->due, &job->turn);
	job->due = false;
	job_renumber(job);
	job_cache_ask(job, JOB_LOOKUP);
}

/* A walker or a hasher found that a file has changed since the walker listed
   it. */
static void
job_restart_changed(struct job *job)
{
	if (++job->changes >= CHANGES_MAX)
		job_fail(job, 503, "the files change while they are being "
		    "hashed; try again when the mirror has settled", 10);
	else
		job_restart(job);
}

/*
 * How a job begins: with a waiter's request.
 */

static struct job *
job_new(struct jobs *all, const struct torrent_key *key, struct torrent *old,
    struct addr *addr)
{
	struct job *job;

	job = calloc(1, sizeof(*job));
	if (job == NULL)
		return NULL;
	job->all = all;
	job->key = *key;
	TAILQ_INIT(&job->waiters);
	job->asked_ms = clock_coarse_ms();
	job->findable = true;
	RB_INSERT(job_key_tree, &all->by_key, job);
	job_renumber(job);
	all->n++;
	if (old != NULL)
		job->old = torrent_ref(old);
	job->charge.addr = addr_ref(addr);
	job_set_due(job);
	return job;
}

int
job_want(struct jobs *all, const struct torrent_key *key, struct specs *specs,
    struct torrent *old, struct waiter *w)
{
	struct job look, *job;

	look.key = *key;
	job = RB_FIND(job_key_tree, &all->by_key, &look);
	if (job == NULL && (job = job_new(all, key, old, w != NULL ?
	    w->addr : NULL)) == NULL)
		return -1;
	/* A job that was started by its digest alone learns the specs. */
	if (job->specs.n == 0 && specs != NULL && specs->n > 0) {
		job->specs = *specs;
		memset(specs, 0, sizeof(*specs));
	}
	if (w == NULL)
		return 0;
	w->job = job;
	TAILQ_INSERT_TAIL(&job->waiters, w, entry);
	job->asked_ms = clock_coarse_ms();
	if (job->charge.addr == NULL && !job->charge.client_slot &&
	    job->charge.made == 0)
		job->charge.addr = addr_ref(w->addr);
	return 0;
}

void
job_leave(struct waiter *w)
{
	TAILQ_REMOVE(&w->job->waiters, w, entry);
	/* A client that was told to try again has time to do so. */
	w->job->asked_ms = clock_coarse_ms();
	w->job = NULL;
}

static const char busy_client[] = "too many of your requests are being worked "
    "on; wait for one of them";
static const char busy_queue[] = "too much is being hashed at the moment; try "
    "again later";

/* Charge the job to a waiting client that has a slot, so that it does not fail
   for all because of one.  false: there is none. */
static bool
job_pass_charge(struct job *job)
{
	const struct waiter *w;

	TAILQ_FOREACH(w, &job->waiters, entry)
		if (w->addr == NULL ||
		    w->addr->jobs < job->all->conf->max_jobs_per_client)
			break;
	if (w == NULL)
		return false;
	charge_pass(&job->charge, w->addr);
	return true;
}

/* Over a limit on jobs. */
static void
job_turn_away(struct job *job, int status, const char *why, uint32_t retry_s)
{
	job->all->workers.child->counts[status == 429 ? COUNT_JOBS_429 :
	    COUNT_JOBS_503]++;
	job_fail(job, status, why, retry_s);
}

/* 0, or -1: the client has no more slots, and the job has failed. */
int
job_take_client_slot(struct job *job)
{
	if (charge_client(&job->charge, job->all->conf) == 0 ||
	    (job_pass_charge(job) &&
	    charge_client(&job->charge, job->all->conf) == 0))
		return 0;
	job_turn_away(job, 429, busy_client, 5);
	return -1;
}

/* 0, or -1: the client or the queue has no more slots, and the job has
   failed. */
int
job_take_queue_slot(struct job *job)
{
	struct jobs *all = job->all;
	int status = charge_queue(&job->charge, all->conf, &all->queued);

	if (status == 429 && job_pass_charge(job))
		status = charge_queue(&job->charge, all->conf, &all->queued);
	if (status == 429)
		job_turn_away(job, 429, busy_client, 5);
	else if (status != 0)
		job_turn_away(job, 503, busy_queue, hashq_estimate(&all->hashq,
		    all->hashq.left));
	return status == 0 ? 0 : -1;
}

/*
 * Count so many bytes for a torrent whose dictionary has info_len bytes.  A
 * large one needs a slot, as if it were hashed, and memory that others do not
 * take, unless it had as much.  0, or -1: it has none, and the job has failed.
 */
int
job_take_memory(struct job *job, uint64_t bytes, uint64_t info_len)
{
	struct jobs *all = job->all;
	bool more = bytes > job->charge.made;

	job_count(job, 0);
	if (info_len > CHARGE_FREE_LEN && more) {
		if (job_take_queue_slot(job) == -1)
			return -1;
		if (all->admit != NULL && !all->admit(all->admit_arg,
		    job->charge.addr, bytes)) {
			job_fail(job, 503, "the memory for large torrents is "
			    "taken by those that are being sent; try again "
			    "later", 10);
			return -1;
		}
	}
	job_count(job, bytes);
	return 0;
}

/* Somebody has worked on the job.  One that is complete is answered. */
void
job_spend(struct job *job, uint64_t us)
{
	if (charge_spend(&job->charge, us) && job->state != JOB_DONE)
		(void)job_take_queue_slot(job);
}

/*
 * LOOKUP: which specs have this digest?
 */

/* The specs of a digest that is known at another piece length, or that a job
   knows at one; NULL: the cache may know it. */
static const struct specs *
job_find_specs(struct job *job)
{
	struct jobs *all = job->all;
	struct job look, *other;

	look.key = job->key;
	for (look.key.piece = 0; look.key.piece < PIECE_KINDS;
	    look.key.piece++) {
		other = RB_FIND(job_key_tree, &all->by_key, &look);
		if (other != NULL && other->specs.n > 0)
			return &other->specs;
	}
	return hot_find_specs(&all->hot, &job->key);
}

/* Learn the specs of a digest if they are known here.  0, or -1: the job has
   failed. */
static int
job_learn_specs(struct job *job)
{
	const struct specs *specs;

	if (job->specs.n == 0 && (specs = job_find_specs(job)) != NULL &&
	    specs_copy(&job->specs, specs) == -1) {
		job_fail_memory(job);
		return -1;
	}
	return 0;
}

static void
job_start(struct job *job)
{
	struct jobs *all = job->all;

	if (job->old == NULL && job->key.multi && job_learn_specs(job) == -1)
		return;
	if (quarantine_has(&all->workers.quarantine, WALKER | CACHE,
	    job->key.digest, clock_coarse_ms()))
		job_fail(job, 500, QUARANTINE_WHY, 0);
	/* Only a digest is a question to the cache. */
	else if (job->old == NULL && job->key.multi)
		job_cache_ask(job, JOB_LOOKUP);
	else
		job_walkers_ask(job, JOB_RESOLVE);
}

/* Go on to work on the layout.  true: it is complete. */
static bool
job_lay_out(struct job *job)
{
	int done = layout_run(&job->layout, job->all->turn_ends_us);

	if (done == -1)
		job_fail_memory(job);
	else if (done == 0)
		job_set_due(job);
	return done == 1;
}

/* The torrent of the cache has its info hash, or will be given more time. */
static void
job_load_on(struct job *job)
{
	if (!job_lay_out(job))
		return;
	job->old = layout_take(&job->layout);
	job_count(job, job_old_size(job));
	job_walkers_ask(job, JOB_RESOLVE);
}

/* The cache has answered, and has no torrent.  Meanwhile another request may
   have brought the paths, for another piece length. */
static void
job_looked_up(struct job *job)
{
	if (job_learn_specs(job) == -1)
		return;
	if (job->specs.n == 0) {
		hot_put(&job->all->hot, &job->key, NULL, clock_coarse_ms());
		job_fail(job, 412, "", 0);
		return;
	}
	job_walkers_ask(job, JOB_RESOLVE);
}

/*
 * RESOLVE: which files are these specs now?
 */

int
job_is_refused(const struct waiter *w, const char **why)
{
	const struct job_files *files = &w->job->files;

	return w->refuses == NULL || files->n == 0 ? 0 :
	    w->refuses(w, files, why);
}

/* true: no waiter has a use for these files, and the job has failed. */
static bool
job_refuse(struct job *job)
{
	const struct waiter *w;
	const char *why;
	int status = 0;

	TAILQ_FOREACH(w, &job->waiters, entry)
		if ((status = job_is_refused(w, &why)) == 0)
			return false;
	if (status != 0)
		job_fail(job, status, why, 0);
	return status != 0;
}

/* All listings have arrived, and at least one of them is new. */
static void
job_take_listings(struct job *job)
{
	struct jobs *all = job->all;
	const char *why;
	int status;

	status = job_files_take(&job->files, all->conf, &job->specs,
	    &job->key, &why);
	if (status == 403 || status == 404) {
		/* No file: the cache's entry under this digest is replaced. */
		job_files_put(&job->files, &job->specs, job->key.piece,
		    &all->workers.cache, job_client(job));
		hot_remove_all(&all->hot, &job->key);
	}
	if (status != 0) {
		job_fail(job, status, why, status == 500 ? 1 : 0);
		return;
	}
	if (!job_refuse(job) && job_take_memory(job,
	    job_files_size(&job->files) + job_old_size(job),
	    job->files.info_len) == 0)
		job_cache_ask(job, JOB_PIECES);
}

/*
 * Something was mounted or unmounted since the walkers were asked.  If files
 * are known by their mounts, the walkers' answer may no longer hold.
 */
static bool
job_has_lost_mounts(const struct job *job)
{
	return job->mounts != job->all->mounts &&
	    (job->files.by_mount || (job->old != NULL && job->old->by_mount));
}

/* The files of the remembered torrent are as they were. */
static void
job_keep_old(struct job *job)
{
	struct torrent *old = job->old;

	/* The job had just begun when the parameters changed, or when imported
	   pieces turned out to be wrong. */
	if (old->layout_epoch != job->all->layout_epoch ||
	    (old->import_epoch != 0 &&
	    old->import_epoch != job->all->import_epoch)) {
		job_restart(job);
		return;
	}
	/* The limit may have been lowered since the torrent was made. */
	if (old->bytes > job->all->conf->max_bytes) {
		job_fail(job, 413, "more content than one torrent may have "
		    "here; ask for fewer files", 0);
		return;
	}
	old->checked_ms = job->asked_walkers_ms;
	old->recheck = false;
	job_succeed(job, torrent_ref(old));
}

/* The walkers have answered that no file has changed. */
static bool
job_is_unchanged(const struct job *job)
{
	size_t i;

	for (i = 0; i < job->files.nshares; i++)
		if (job->files.shares[i].used && !job->files.shares[i].same)
			return false;
	return true;
}

/* All walkers have answered. */
static void
job_resolved(struct job *job)
{
	bool all_same = job_is_unchanged(job);
	size_t i;

	if (all_same && job_has_lost_mounts(job)) {
		job_restart(job);
		return;
	}
	/* Its pieces are rechecked by now: it is made anew, to be stored. */
	if (all_same && job->old != NULL && !(job->old->import_epoch != 0 &&
	    recheck_is_idle(&job->all->recheck))) {
		job_keep_old(job);
		return;
	}
	/* Some walkers' files have changed; the other listings are needed
	   too. */
	for (i = 0; i < job->files.nshares; i++) {
		if (job->files.shares[i].used && job->files.shares[i].same) {
			job->files.shares[i].known = false;
			job_walkers_ask_one(job, (uint32_t)i);
		}
	}
	if (job->pending == 0)
		job_take_listings(job);
}

/*
 * HASH: the files that the cache has no pieces of.
 */

/* The mirror's administrator should learn of a file that cannot be read. */
static void
job_log_failure(struct jobs *all, const struct job_file *file)
{
	char path[512];

	if (log_once(&all->failure_log_ms, 60000, clock_coarse_ms()))
		log_warn("\"%s\" cannot be hashed: it fails to be read; look "
		    "at the disk", log_escape(path, sizeof(path), file->path,
		    file->path_len));
}

static void
job_on_hashed(struct hash_waiter *w, const struct hash_result *result)
{
	struct job_file *file = (struct job_file *)((char *)w -
	    offsetof(struct job_file, waiter));
	struct job *job = w->owner;

	/* The job may have failed because of another file. */
	if (job->state != JOB_HASH)
		return;
	job->pending--;
	if (result->status == HASH_FAILED) {
		job_log_failure(job->all, file);
		job_fail(job, 500, "a file cannot be read; ask the mirror's "
		    "administrator to look at its log", 0);
		return;
	}
	if (result->status != HASH_OK) {
		job->changed = true;
		job_set_due(job);
		return;
	}
	file->pieces = result->pieces;
	file->pieces->refs++;
	job->hashed += file->identity.size;
	if (!result->settled)
		job->files.settled = false;
	if (job->pending == 0)
		job_set_due(job);
}

/* Request the pieces of a file.  0, or -1 without memory. */
static int
job_want_file(struct job *job, struct job_file *file)
{
	file->waiter.done = job_on_hashed;
	file->waiter.owner = job;
	job->pending++;
	return hashq_want(&job->all->hashq, job->group, &file->waiter,
	    file->path, file->path_len, &file->identity,
	    job->files.piece_len);
}

/* Is a file to be hashed?  One that is named again is not. */
static bool
job_wants_file(const struct job *job, const struct job_file *file)
{
	return file->pieces == NULL &&
	    file == &job->files.v[file->first];
}

/*
 * Have imported pieces rechecked.  Those of a file that may have changed after
 * the walkers looked at it, in the same tick of its clock, are not used, since
 * their torrent could not be remembered.
 */
static void
job_recheck(struct job *job)
{
	struct job_file *file, *end = job->files.v + job->files.n;
	uint64_t age_ms = clock_coarse_ms() - job->asked_walkers_ms;
	int64_t asked_ns = clock_real_ns() - (int64_t)age_ms * 1000000;

	for (file = job->files.v; file < end; file++) {
		if (!file->imported || file->pieces == NULL)
			continue;
		if (!identity_settled(&file->identity, asked_ns, false)) {
			pieces_unref(file->pieces);
			file->pieces = NULL;
			continue;
		}
		recheck_want(&job->all->recheck, file->path, file->path_len,
		    &file->identity, job->files.piece_len, file->pieces);
		job->files.imported = true;
	}
}

static void
job_hash(struct job *job)
{
	struct job_file *file, *end = job->files.v + job->files.n;

	job->state = JOB_HASH;
	job_recheck(job);
	for (file = job->files.v; file < end; file++)
		if (job_wants_file(job, file))
			job->to_hash += file->identity.size;
	if (job->to_hash == 0) {
		job_set_due(job);
		return;
	}
	if (job_take_queue_slot(job) == -1)
		return;
	/* Hashing may take hours, and max-queue bounds it. */
	job_count(job, 0);
	job->hash_start_ms = clock_coarse_ms();
	job->group = hash_group_new(job->to_hash);
	for (file = job->files.v; file < end; file++)
		if (job_wants_file(job, file) && (job->group == NULL ||
		    job_want_file(job, file) == -1)) {
			job_fail_memory(job);
			return;
		}
	hashq_run(&job->all->hashq);
}

const struct job_result *
job_progress(const struct job *job, struct job_progress *p)
{
	struct jobs *all = job->all;
	uint64_t left;

	*p = (struct job_progress){ .retry_s = 2 };
	if (job->state == JOB_DONE)
		return &job->result;
	if (job->state != JOB_HASH || job->to_hash == 0)
		return NULL;
	/* The bytes of one long file count before it is finished. */
	p->hashed = job->hashed + job->group->partial;
	p->to_hash = job->to_hash;
	if (p->hashed > p->to_hash)
		p->hashed = p->to_hash;
	left = (p->to_hash - p->hashed) * (all->queued > 0 ? all->queued : 1);
	if (left > all->hashq.left)
		left = all->hashq.left;
	p->retry_s = hashq_estimate(&all->hashq, left);
	return NULL;
}

/*
 * CHECK: are the files still those that were hashed?
 */

/* The files are those whose pieces are known. */
static void
job_complete(struct job *job)
{
	/* The limit may have been lowered since the walkers answered. */
	if (job->files.info_len > job->all->conf->max_torrent) {
		job_fail(job, 413, JOB_FILES_TOO_LONG, 0);
		return;
	}
	job_files_share(&job->files);
	/* What was hashed for it did not count, and is remembered. */
	if (job_take_memory(job, job_files_size(&job->files) +
	    job_old_size(job), job->files.info_len) == -1)
		return;
	job->state = JOB_LAYOUT;
	if (layout_begin(&job->layout, &job->files, job->all->conf,
	    &job->specs) == -1)
		job_fail_memory(job);
	else
		job_set_due(job);
}

/* All pieces are known. */
static void
job_hashed(struct job *job)
{
	uint64_t age = clock_coarse_ms() - job->asked_walkers_ms;

	if (job->changed)
		job_restart_changed(job);
	else if (age <= job->all->conf->revalidate_ms &&
	    !job_has_lost_mounts(job))
		job_complete(job);
	else
		job_walkers_ask(job, JOB_CHECK);
}

/* All walkers have answered again. */
static void
job_checked(struct job *job)
{
	if (!job_is_unchanged(job))
		job_restart_changed(job);
	else if (job_has_lost_mounts(job))
		job_walkers_ask(job, JOB_CHECK);
	else
		job_complete(job);
}

/*
 * LAYOUT: the torrent of these files.
 */

static void
job_laid_out(struct job *job)
{
	struct jobs *all = job->all;
	struct torrent *t;
	uint32_t i;

	if (!job_lay_out(job))
		return;
	t = layout_take(&job->layout);
	t->layout_epoch = all->layout_epoch;
	t->import_epoch = job->files.imported ? all->import_epoch : 0;
	t->checked_ms = job->asked_walkers_ms;
	t->touched_ms = clock_coarse_ms();
	if (job->hash_start_ms != 0)
		t->hash_ms = (uint32_t)(clock_coarse_ms() -
		    job->hash_start_ms);
	/* With one file clients take the whole URL from the torrent. */
	for (i = 0; job->files.n > 1 && i < job->files.n; i++)
		if (caveat_name(t, job->files.v[i].path,
		    job->files.v[i].path_len))
			break;
	if (t->multi && t->settled && !t->by_mount &&
	    t->import_epoch == 0)
		job_files_put(&job->files, &job->specs, job->key.piece,
		    &all->workers.cache, job_client(job));
	job_succeed(job, t);
}

/*
 * The steps.
 */

void
job_step(struct job *job)
{
	static void (*const steps[])(struct job *) = {
		[JOB_NEW] = job_start,
		[JOB_LOOKUP] = job_looked_up,
		[JOB_LOAD] = job_load_on,
		[JOB_RESOLVE] = job_resolved,
		[JOB_PIECES] = job_hash,
		[JOB_HASH] = job_hashed,
		[JOB_CHECK] = job_checked,
		[JOB_LAYOUT] = job_laid_out,
		[JOB_DONE] = job_end,
	};
	uint64_t start_us = clock_cpu_us();
	bool ends = job->state == JOB_DONE;

	job->due = false;
	steps[job->state](job);
	if (ends)
		return;
	job_spend(job, clock_cpu_us() - start_us);
	/* Meanwhile it kept its place before other jobs of its client. */
	if (!job->due)
		turns_remove(&job->all->due, &job->turn);
}
