/* SPDX-License-Identifier: ISC */
/*
 * The questions of a job to the cache: which specs have this digest, and which
 * torrent (LOOKUP), and which pieces of its files are known (PIECES).
 */
#include <sys/param.h>

#include <string.h>

#include "common/clock.h"
#include "pkgtorrentd/front/job/job_state.h"

bool
job_cache_is_awaited(const struct job *job)
{
	return !job->due &&
	    (job->state == JOB_LOOKUP || job->state == JOB_PIECES);
}

/* A cache may have ended in the middle of its answer; that of the next one may
   be of another length. */
static void
job_cache_drop_answer(struct job *job)
{
	buf_free(&job->listing);
	buf_free(&job->info);
	job_count(job, 0);
}

/* Torrents can be made without the cache; it only saves time. */
void
job_cache_do_without(struct job *job)
{
	struct job_file *file;
	size_t i;

	job_ask_end(job, &job->ask);
	if (job->state == JOB_LOOKUP) {
		/* "Unknown" would make the client send all its paths. */
		if (job->specs.n == 0)
			job_fail(job, 503, "the cache cannot be read at the "
			    "moment; try again", 5);
		else
			job_set_due(job);
		job_cache_drop_answer(job);
		return;
	}
	for (i = 0; i < job->files.n; i++) {
		file = &job->files.v[i];
		if (file->answered)
			continue;
		file->answered = true;
		pieces_unref(file->pieces);
		file->pieces = NULL;
	}
	job->pending = 0;
	job_set_due(job);
}

static void
job_cache_send(struct ask *ask)
{
	struct job *job = ask->owner;
	struct msg_get_info body = { .id = job->id,
	    .client = job_client(job) };

	if (job->state == JOB_DONE)
		job_ask_drop(job, ask);
	else if (!job_cache_is_awaited(job))
		job_ask_end(job, ask);
	else if (worker_is_full(ask->worker))
		job_cache_do_without(job);
	else if (job->state == JOB_LOOKUP) {
		job_cache_drop_answer(job);
		memcpy(body.digest, job->key.digest, SHA1_LEN);
		body.piece = job->key.piece;
		worker_send(ask->worker, MSG_GET_INFO, &body, NULL, 0, NULL,
		    0);
	} else if (job_files_ask_pieces(&job->files, ask->worker, job->id,
	    job_client(job), &job->pending) == -1) {
		ask_end(ask);
		job_fail_memory(job);
	} else if (job->pending == 0) {
		/* It was not asked for anything. */
		ask_end(ask);
		job_set_due(job);
	}
}

void
job_cache_ask(struct job *job, enum job_state state)
{
	struct worker *cache = &job->all->workers.cache;

	job->state = state;
	job->asked_cache_ms = clock_coarse_ms();
	if (worker_is_full(cache))
		job_cache_do_without(job);
	else
		job_ask_start(job, &job->ask, cache, state == JOB_PIECES ?
		    job->files.listing->len : 0, job_cache_send);
}

/* A part of the cache's answer: the listing, then the info dictionary.  0, or
   -1 without memory. */
static int
job_cache_add_info(struct job *job, const struct msg_info *body,
    const struct msg *m)
{
	size_t n = job->listing.len < body->listing_len ?
	    body->listing_len - job->listing.len : 0;

	n = MIN(n, m->tail_len);
	if (buf_add(&job->listing, m->tail, n) == -1)
		return -1;
	/* At once, since a buffer of this length is costly to move. */
	if (n < m->tail_len && job->info.len == 0 && buf_reserve(&job->info,
	    MIN(body->info_len, job->all->conf->max_torrent)) == NULL)
		return -1;
	return buf_add(&job->info, m->tail + n, m->tail_len - n);
}

/* The cache has answered completely. */
static void
job_cache_load(struct job *job, const struct msg_info *body)
{
	struct jobs *all = job->all;

	job_ask_answered(job, &job->ask);
	if ((body->flags & INFO_FOUND) &&
	    job->listing.len == body->listing_len &&
	    job->info.len == body->info_len &&
	    layout_begin_stored(&job->layout, &job->listing, &job->info,
	    all->conf, job->key.digest, &job->specs) == 0) {
		job->state = JOB_LOAD;
		job->layout.torrent->layout_epoch = all->layout_epoch;
		job->layout.torrent->touched_ms = clock_coarse_ms();
	}
	buf_free(&job->listing);
	buf_free(&job->info);
	job_count(job, job->layout.info.len);
	job_set_due(job);
}

/* A part of the answer that a job waits for.  Returns the fault in it. */
static enum msg_fault
job_cache_take_info(struct job *job, const struct msg_info *body,
    const struct msg *m)
{
	struct jobs *all = job->all;
	uint64_t held, announced;

	held = job->listing.len + job->info.len + m->tail_len;
	if (held > 2 * (uint64_t)LISTING_MAX + all->conf->max_torrent ||
	    (held > body->info_len &&
	    held - body->info_len > body->listing_len))
		return FAULT_CONTENT;
	/* An entry may be longer than a max-torrent that has been lowered, and
	   a broken-into cache may announce less at first. */
	announced = body->listing_len +
	    MIN(body->info_len, all->conf->max_torrent);
	held = MAX(held, announced);
	if (job_take_memory(job, held, body->info_len) == -1)
		return FAULT_NONE;
	if (job_cache_add_info(job, body, m) == -1)
		job_fail_memory(job);
	else if (!(body->flags & PART_MORE))
		job_cache_load(job, body);
	return FAULT_NONE;
}

enum msg_fault
job_on_info(struct worker *w, struct msg *m)
{
	const struct msg_info *body = m->body;
	struct job *job = job_find(w->all->arg, body->id);
	enum msg_fault fault = FAULT_NONE;

	if (job == NULL || !job->ask.out)
		return FAULT_NONE;
	if (job->state == JOB_LOOKUP)
		fault = job_cache_take_info(job, body, m);
	if (fault == FAULT_NONE && job->state == JOB_DONE &&
	    !(body->flags & PART_MORE))
		job_ask_answered(job, &job->ask);
	return fault;
}

/* The cache answers a job that has ended. */
static void
job_cache_skip_pieces(struct job *job, const struct msg_pieces *body,
    const struct msg *m)
{
	uint32_t n = job_files_skip_pieces(body->count, m->tail, m->tail_len);

	job->pending -= MIN(n, job->pending);
	if (job->pending == 0)
		job_ask_answered(job, &job->ask);
}

enum msg_fault
job_on_pieces(struct worker *w, struct msg *m)
{
	const struct msg_pieces *body = m->body;
	struct job *job = job_find(w->all->arg, body->id);
	int answered;

	if (job == NULL || !job->ask.out)
		return FAULT_NONE;
	if (job->state == JOB_DONE) {
		job_cache_skip_pieces(job, body, m);
		return FAULT_NONE;
	}
	if (job->state != JOB_PIECES)
		return FAULT_NONE;
	answered = job_files_take_pieces(&job->files, body->count, m->tail,
	    m->tail_len);
	if (answered == -1)
		return FAULT_CONTENT;
	job->pending -= (uint32_t)answered;
	if (job->pending > 0)
		return FAULT_NONE;
	job_ask_answered(job, &job->ask);
	job_set_due(job);
	return FAULT_NONE;
}
