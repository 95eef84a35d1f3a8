/* SPDX-License-Identifier: ISC */
/*
 * The requests of a job to workers.  One that a worker may have ended over is
 * asked alone, also if another job of this key asked it.
 */
#include <stddef.h>

#include "common/clock.h"
#include "pkgtorrentd/front/job/job_state.h"

static enum role
job_ask_role(const struct job *job, const struct ask *ask)
{
	return ask == &job->ask ? ROLE_CACHE : ROLE_WALKER;
}

/* Two workers in a row have ended over this request. */
static void
job_ask_convict(struct ask *ask)
{
	const struct share *share = (const struct share *)(const void *)
	    ((char *)ask - offsetof(struct share, ask));
	struct job *job = ask->owner;
	struct jobs *all = job->all;
	enum role role = job_ask_role(job, ask);
	struct str spec = { 0 };
	uint32_t n;

	n = job_files_count_share(&job->specs, all->conf,
	    role == ROLE_CACHE ? -1 : (int)(share - job->files.shares), &spec);
	quarantine_add(&all->workers.quarantine, role, job->key.digest, spec,
	    n, clock_coarse_ms());
	if (job->state == JOB_DONE)
		job_set_due(job);
	else
		job_fail(job, 500, QUARANTINE_WHY, 0);
}

void
job_ask_start(struct job *job, struct ask *ask, struct worker *w, size_t len,
    void (*send)(struct ask *))
{
	enum role role = job_ask_role(job, ask);

	*ask = (struct ask){ .len = len, .owner = job, .send = send,
	    .convict = job_ask_convict };
	ask->suspect = quarantine_has(&job->all->workers.suspects, 1U << role,
	    job->key.digest, clock_coarse_ms());
	ask_start(ask, w);
}

/* The worker has not ended over it. */
void
job_ask_answered(struct job *job, struct ask *ask)
{
	if (ask->suspect)
		quarantine_remove(&job->all->workers.suspects,
		    job_ask_role(job, ask), job->key.digest);
	ask_end(ask);
	if (job->state == JOB_DONE)
		job_set_due(job);
}

/* It is not wanted any more.  If a worker may have ended over it, the next
   request of this key is asked alone. */
void
job_ask_end(struct job *job, struct ask *ask)
{
	if (ask->worker != NULL && ask->suspect)
		quarantine_put(&job->all->workers.suspects,
		    job_ask_role(job, ask), job->key.digest,
		    clock_coarse_ms());
	ask_end(ask);
}

/* It is not asked again for nobody. */
void
job_ask_drop(struct job *job, struct ask *ask)
{
	job_ask_end(job, ask);
	job_set_due(job);
}

/* Is a worker still busy with the job? */
bool
job_ask_is_out(const struct job *job)
{
	bool asked = job->ask.out;
	size_t i;

	for (i = 0; i < job->files.nshares; i++)
		asked |= job->files.shares[i].ask.out;
	return asked;
}
