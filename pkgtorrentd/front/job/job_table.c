/*
 * Which jobs there are, who waits for them and whom they are charged to.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "pkgtorrentd/front/front.h"

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

int
jobs_init(struct front *f)
{
	RB_INIT(&f->jobs.by_key);
	RB_INIT(&f->jobs.by_id);
	TAILQ_INIT(&f->jobs.due);
	f->jobs.ev = event_new(f->base, -1, 0, jobs_run, f);
	return f->jobs.ev == NULL ? -1 : 0;
}

/*
 * Jobs go on from the loop and not from where something was heard, so that
 * nothing ends under the feet of whoever reports it.
 */
void
job_set_due(struct job *job)
{
	if (job->due)
		return;
	job->due = true;
	TAILQ_INSERT_TAIL(&job->front->jobs.due, job, due_entry);
	event_active(job->front->jobs.ev, EV_TIMEOUT, 1);
}

/* Answers to what was asked under the old number are no longer ours. */
void
job_renumber(struct job *job)
{
	struct front *f = job->front;

	if (job->id != 0)
		RB_REMOVE(job_id_tree, &f->jobs.by_id, job);
	job->id = ++f->last_id;
	RB_INSERT(job_id_tree, &f->jobs.by_id, job);
}

struct job *
job_find(struct front *f, uint64_t id, enum job_state state)
{
	struct job look, *job;

	look.id = id;
	job = RB_FIND(job_id_tree, &f->jobs.by_id, &look);
	return job != NULL && job->state == state ? job : NULL;
}

bool
job_is_under_way(struct front *f, uint64_t id)
{
	struct job look;

	look.id = id;
	return RB_FIND(job_id_tree, &f->jobs.by_id, &look) != NULL;
}

struct job *
job_get(struct front *f, const struct torrent_key *key, struct specs *specs,
    struct torrent *old)
{
	struct job look, *job;

	look.key = *key;
	job = RB_FIND(job_key_tree, &f->jobs.by_key, &look);
	/* One that was asked for by its digest alone learns the specs. */
	if (job != NULL && (job->specs.n > 0 || specs == NULL ||
	    specs->n == 0))
		return job;
	if (job == NULL) {
		job = calloc(1, sizeof(*job));
		if (job == NULL)
			return NULL;
		job->front = f;
		job->key = *key;
		TAILQ_INIT(&job->waiters);
		job->asked_ms = clock_coarse_ms();
		job->findable = true;
		RB_INSERT(job_key_tree, &f->jobs.by_key, job);
		job_renumber(job);
		f->jobs.n++;
		if (old != NULL)
			job->old = torrent_ref(old);
		job_set_due(job);
	}
	if (specs != NULL) {
		job->specs = *specs;
		memset(specs, 0, sizeof(*specs));
	}
	return job;
}

void
job_join(struct job *job, struct waiter *w)
{
	w->job = job;
	TAILQ_INSERT_TAIL(&job->waiters, w, entry);
	job->asked_ms = clock_coarse_ms();
	if (job->addr == NULL && !job->counted)
		job->addr = addr_ref(w->addr);
}

void
job_leave(struct waiter *w)
{
	TAILQ_REMOVE(&w->job->waiters, w, entry);
	/* Who was told to come again is given the time. */
	w->job->asked_ms = clock_coarse_ms();
	w->job = NULL;
}

const struct job_result *
job_result(const struct job *job)
{
	return &job->result;
}

int
job_count(struct job *job)
{
	if (job->counted)
		return 0;
	if (job->addr != NULL && job->addr->jobs >=
	    job->front->child.conf->max_jobs_per_client) {
		job_fail(job, 429, "too many of your requests are being "
		    "worked on; wait for one of them", 5);
		return -1;
	}
	job->counted = true;
	if (job->addr != NULL)
		job->addr->jobs++;
	return 0;
}

int
job_charge(struct job *job)
{
	struct front *f = job->front;

	if (job->charged)
		return 0;
	if (f->jobs.charged >= f->child.conf->max_queue) {
		job_fail(job, 503, "too much is being hashed at the moment; "
		    "try again later", hashings_estimate(f,
		    f->hashings.left));
		return -1;
	}
	if (job_count(job) == -1)
		return -1;
	job->charged = true;
	f->jobs.charged++;
	return 0;
}

void
job_uncharge(struct job *job)
{
	if (job->charged)
		job->front->jobs.charged--;
	if (job->counted && job->addr != NULL)
		job->addr->jobs--;
	job->charged = job->counted = false;
	addr_put(job->addr);
	job->addr = NULL;
}

/* Who asks from now on is not to be told how this one ended. */
void
job_unfind(struct job *job)
{
	if (job->findable)
		RB_REMOVE(job_key_tree, &job->front->jobs.by_key, job);
	job->findable = false;
}

void
job_free(struct job *job)
{
	struct front *f = job->front;
	size_t i;

	job_unfind(job);
	if (job->due)
		TAILQ_REMOVE(&f->jobs.due, job, due_entry);
	job_drop_files(job);
	RB_REMOVE(job_id_tree, &f->jobs.by_id, job);
	f->jobs.n--;
	job_uncharge(job);
	for (i = 0; i < job->nshares; i++) {
		buf_free(&job->shares[i].listing);
		buf_free(&job->shares[i].next);
	}
	free(job->shares);
	buf_free(&job->info_parts);
	buf_free(&job->merged);
	specs_free(&job->specs);
	torrent_unref(job->old);
	torrent_unref(job->result.torrent);
	free(job);
}

static void
job_format_gib(char *out, size_t len, uint64_t bytes)
{
	if (bytes >= 1ULL << 30)
		snprintf(out, len, "%.1f GiB", (double)bytes / (1ULL << 30));
	else
		snprintf(out, len, "%.1f MiB", (double)bytes / (1ULL << 20));
}

void
job_progress(struct job *job, char *text, size_t len, uint32_t *retry_s)
{
	struct front *f = job->front;
	uint64_t done = job->hashed, left;
	char part[32], whole[32];

	if (job->state != JOB_HASH || job->to_hash == 0) {
		*retry_s = 2;
		snprintf(text, len, "still looking for the files, try again "
		    "in %u s", *retry_s);
		return;
	}
	/* One long file: how far it is counts, not that it is not done. */
	done += job->work->partial;
	if (done > job->to_hash)
		done = job->to_hash;
	left = job->to_hash - done;
	*retry_s = hashings_estimate(f, left * (f->jobs.charged > 0 ?
	    f->jobs.charged : 1) < f->hashings.left ?
	    left * (f->jobs.charged > 0 ? f->jobs.charged : 1) :
	    f->hashings.left);
	job_format_gib(part, sizeof(part), done);
	job_format_gib(whole, sizeof(whole), job->to_hash);
	snprintf(text, len, "hashing %u%% (%s of %s), try again in %u s",
	    (unsigned)((double)done * 100 / (double)job->to_hash), part,
	    whole, *retry_s);
}
