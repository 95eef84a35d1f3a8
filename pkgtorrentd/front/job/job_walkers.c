/* SPDX-License-Identifier: ISC */
/*
 * The questions of a job to the walkers: which files these specs are now
 * (RESOLVE), and whether they still are (CHECK).
 */
#include "common/clock.h"
#include "pkgtorrentd/front/job/job_state.h"

/* A walker needs more than one turn for more paths. */
#define MANY_PATHS	1000

bool
job_walkers_are_awaited(const struct job *job)
{
	return job->state == JOB_RESOLVE || job->state == JOB_CHECK;
}

void
job_walkers_cancel(struct job *job)
{
	struct msg_id body = { .id = job->id };
	struct workers *workers = &job->all->workers;
	size_t i;

	for (i = 0; i < job->files.nshares && i < workers->nwalkers; i++)
		if (job->files.shares[i].pending &&
		    !worker_is_full(&workers->walkers[i]))
			worker_send(&workers->walkers[i], MSG_CANCEL, &body,
			    NULL, 0, NULL, 0);
}

static void
job_walkers_send(struct ask *ask)
{
	struct job *job = ask->owner;
	struct jobs *all = job->all;

	if (job->state == JOB_DONE)
		job_ask_drop(job, ask);
	else if (!job_walkers_are_awaited(job))
		job_ask_end(job, ask);
	else if (job_files_ask_walker(&job->files, &job->specs, all->conf,
	    ask->worker, (uint32_t)(ask->worker - all->workers.walkers),
	    job->id, job_client(job)) == -1) {
		ask_end(ask);
		job_fail_memory(job);
	}
}

void
job_walkers_ask_one(struct job *job, uint32_t walker)
{
	struct share *share = &job->files.shares[walker];

	job->pending++;
	job_ask_start(job, &share->ask, &job->all->workers.walkers[walker],
	    job->specs.text.len, job_walkers_send);
}

static bool
job_walkers_are_full(const struct job *job)
{
	const struct workers *workers = &job->all->workers;
	size_t i;

	for (i = 0; i < job->files.nshares && i < workers->nwalkers; i++)
		if (job->files.shares[i].used &&
		    worker_is_full(&workers->walkers[i]))
			return true;
	return false;
}

/* Send all walkers their specs: for RESOLVE, and again for CHECK. */
void
job_walkers_ask(struct job *job, enum job_state state)
{
	size_t i;

	job->state = state;
	if ((job->specs.n == 0 && (job->old == NULL ||
	    specs_copy(&job->specs, &job->old->specs) == -1)) ||
	    (state == JOB_RESOLVE && job_files_start(&job->files,
	    &job->specs, job->all->conf, job->old) == -1)) {
		job_fail_memory(job);
		return;
	}
	if (job->specs.n > MANY_PATHS && job_take_client_slot(job) == -1)
		return;
	if (job_walkers_are_full(job)) {
		job_fail(job, 503, "the mirror's disk does not keep up with "
		    "the requests; try again later", 10);
		return;
	}
	job->asked_walkers_ms = clock_coarse_ms();
	job->mounts = job->all->mounts;
	job->pending = 0;
	for (i = 0; i < job->files.nshares; i++) {
		if (!job->files.shares[i].used)
			continue;
		/* The second listing must be the same as the first. */
		if (state == JOB_CHECK)
			job->files.shares[i].known = true;
		job_walkers_ask_one(job, (uint32_t)i);
	}
	if (job->pending == 0)
		job_fail(job, 404, "no root of the configuration holds that "
		    "path", 0);
}

/* The job that waits for this walker, or NULL if it does not any more. */
static struct job *
job_walkers_find(const struct worker *w, uint64_t id, struct share **share)
{
	struct job *job = job_find(w->all->arg, id);

	*share = NULL;
	if (job == NULL || w->ch.index >= job->files.nshares)
		return NULL;
	*share = &job->files.shares[w->ch.index];
	return job_walkers_are_awaited(job) && (*share)->pending ? job : NULL;
}

enum msg_fault
job_on_listing(struct worker *w, struct msg *m)
{
	const struct msg_id *body = m->body;
	struct share *share;
	struct job *job = job_walkers_find(w, body->id, &share);

	if (job == NULL)
		return FAULT_NONE;
	if (share->next.len + m->tail_len > LISTING_MAX)
		job_fail(job, 413, "the files' names alone are too long for "
		    "one torrent; ask for fewer", 0);
	else if (buf_add(&share->next, m->tail, m->tail_len) == -1)
		job_fail_memory(job);
	return FAULT_NONE;
}

/* A pattern takes more than one turn of the walker. */
enum msg_fault
job_on_slow(struct worker *w, struct msg *m)
{
	const struct msg_id *body = m->body;
	struct share *share;
	struct job *job = job_walkers_find(w, body->id, &share);

	if (job != NULL)
		job_take_queue_slot(job);
	return FAULT_NONE;
}

enum msg_fault
job_on_resolved(struct worker *w, struct msg *m)
{
	const struct msg_resolved *body = m->body;
	struct share *share;
	struct job *job = job_walkers_find(w, body->id, &share);
	const struct job_refusal *refusal;

	if (job == NULL && share != NULL && share->ask.out)
		job_ask_answered(share->ask.owner, &share->ask);
	if (job == NULL)
		return FAULT_NONE;
	if (!job_files_take_resolved(&job->files, &job->specs, job->all->conf,
	    w->ch.index, body, &refusal))
		return FAULT_CONTENT;
	job_ask_answered(job, &share->ask);
	job->pending--;
	if (refusal != NULL)
		job_fail(job, refusal->status, refusal->why, refusal->retry_s);
	else if (job->pending == 0)
		job_set_due(job);
	return FAULT_NONE;
}
