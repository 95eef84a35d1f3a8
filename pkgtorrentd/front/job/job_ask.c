/*
 * What jobs ask of walkers and the cache, and what these answer.  Answers to
 * a job that has ended or started over carry a number that nobody has any
 * longer, and are dropped.
 */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/torrent.h"
#include "pkgtorrentd/front/front.h"

/* To look at more takes the walker longer than a turn. */
#define MANY_PATHS	1000

/* The spec after this one (p NULL: the first); false at the end. */
static bool
spec_next(const struct specs *specs, struct str *spec)
{
	const char *text = (const char *)specs->text.data;
	const char *end = text + specs->text.len, *nl;
	const char *at = spec->p == NULL ? text : spec->p + spec->len + 1;

	if (specs->n == 0 || at >= end)
		return false;
	nl = memchr(at, '\n', (size_t)(end - at));
	spec->p = at;
	spec->len = (size_t)((nl != NULL ? nl : end) - at);
	return true;
}

static int
job_root_of(const struct job *job, struct str spec)
{
	int root = spec_root(job->front->child.conf, spec);

	return root >= 0 && (size_t)root < job->nshares ? root : -1;
}

void
job_ask_info(struct job *job)
{
	struct msg_get_info body = { 0 };

	buf_free(&job->info_parts);
	if (peer_is_full(&job->front->cache)) {
		job_do_without_cache(job);
		return;
	}
	job->asked_cache_ms = clock_coarse_ms();
	body.id = job->id;
	memcpy(body.digest, job->key.digest, SHA1_LEN);
	peer_send(&job->front->cache, MSG_GET_INFO, &body, NULL, 0, NULL, 0);
}

enum msg_fault
job_on_info(struct peer *p, struct msg *m)
{
	const struct msg_info *body = m->body;
	struct job *job = job_find(p->front, body->id, JOB_LOOKUP);

	if (job == NULL || job->due)
		return FAULT_NONE;
	if (job->info_parts.len + m->tail_len > 2 * (uint64_t)LISTING_MAX +
	    job->front->child.conf->max_torrent)
		return FAULT_CONTENT;
	if (buf_add(&job->info_parts, m->tail, m->tail_len) == -1) {
		job_fail(job, 500, "out of memory; try again later", 1);
		return FAULT_NONE;
	}
	if (body->flags & PART_MORE)
		return FAULT_NONE;
	if (body->flags & INFO_FOUND)
		job->old = job_load_torrent(job, body);
	buf_free(&job->info_parts);
	job_set_due(job);
	return FAULT_NONE;
}

/* The specs that are this walker's, in parts. */
void
job_ask_walker(struct job *job, size_t walker)
{
	struct share *share = &job->shares[walker];
	struct str spec = { 0 };
	struct msg_resolve body = { 0 };
	struct msg_spec item = { 0 };
	struct peer *peer = &job->front->walkers[walker];
	struct buf tail = { 0 };

	body.id = job->id;
	body.flags = PART_MORE;
	share->pending = true;
	job->pending++;
	share->next.len = 0;
	for (; spec_next(&job->specs, &spec); item.index++) {
		item.len = (uint32_t)spec.len;
		if (job_root_of(job, spec) != (int)walker)
			continue;
		if (tail.len + sizeof(item) + item.len > MSG_TAIL_MAX) {
			peer_send(peer, MSG_RESOLVE, &body, tail.data,
			    tail.len, NULL, 0);
			tail.len = 0;
		}
		if (buf_add(&tail, &item, sizeof(item)) == -1 ||
		    buf_add(&tail, spec.p, spec.len) == -1) {
			buf_free(&tail);
			job_fail(job, 500, "out of memory; try again later",
			    1);
			return;
		}
	}
	body.flags = 0;
	if (share->known) {
		body.flags = RESOLVE_EXPECT;
		memcpy(body.expect, share->sha256, SEAL_LEN);
	}
	peer_send(peer, MSG_RESOLVE, &body, tail.data, tail.len, NULL, 0);
	buf_free(&tail);
}

/* Which walkers have a share, and what is known of it. */
static int
job_make_shares(struct job *job)
{
	struct front *f = job->front;
	struct torrent *old = job->old;
	struct str spec = { 0 };
	size_t i;
	int root;

	for (i = 0; i < job->nshares; i++) {
		buf_free(&job->shares[i].listing);
		buf_free(&job->shares[i].next);
	}
	free(job->shares);
	job->nshares = f->nwalkers;
	job->shares = calloc(f->nwalkers, sizeof(*job->shares));
	if (job->shares == NULL) {
		job->nshares = 0;
		return -1;
	}
	while (spec_next(&job->specs, &spec)) {
		root = job_root_of(job, spec);
		if (root != -1)
			job->shares[root].used = true;
	}
	for (i = 0; old != NULL && i < old->nshas; i++) {
		if (old->shas[i].walker >= job->nshares)
			continue;
		job->shares[old->shas[i].walker].known = true;
		memcpy(job->shares[old->shas[i].walker].sha256,
		    old->shas[i].sha256, SEAL_LEN);
	}
	return 0;
}

static bool
job_finds_walkers_full(const struct job *job)
{
	size_t i;

	for (i = 0; i < job->nshares && i < job->front->nwalkers; i++)
		if (job->shares[i].used &&
		    peer_is_full(&job->front->walkers[i]))
			return true;
	return false;
}

int
job_ask_walkers(struct job *job)
{
	size_t i;

	if (job->specs.n == 0 && job->old != NULL && buf_add(
	    &job->specs.text, job->old->specs.text.data,
	    job->old->specs.text.len) == 0)
		job->specs.n = job->old->specs.n;
	if (job->specs.n == 0 ||
	    (job->state != JOB_CHECK && job_make_shares(job) == -1))
		return -1;
	if (job->specs.n > MANY_PATHS && job_count(job) == -1)
		return 0;
	if (job_finds_walkers_full(job)) {
		job_fail(job, 503, "the mirror's disk does not keep up with "
		    "what is asked; try again later", 10);
		return 0;
	}
	job->asked_walkers_ms = clock_coarse_ms();
	job->mounts = job->front->mounts;
	job->pending = 0;
	for (i = 0; i < job->nshares; i++) {
		if (!job->shares[i].used)
			continue;
		/* A second look is to be the same as the first. */
		if (job->state == JOB_CHECK)
			job->shares[i].known = true;
		job_ask_walker(job, i);
	}
	if (job->pending == 0)
		job_fail(job, 404, "no root of the configuration holds that "
		    "path", 0);
	return 0;
}

void
job_cancel(struct job *job)
{
	struct msg_id body = { .id = job->id };
	size_t i;

	for (i = 0; i < job->nshares; i++)
		if (job->shares[i].pending && i < job->front->nwalkers &&
		    !peer_is_full(&job->front->walkers[i]))
			peer_send(&job->front->walkers[i], MSG_CANCEL, &body,
			    NULL, 0, NULL, 0);
}

/* The job that this walker was asked for; NULL: it has ended. */
static struct job *
job_of_walker(struct peer *p, uint64_t id, struct share **share)
{
	struct job *job = job_find(p->front, id, JOB_RESOLVE);

	if (job == NULL)
		job = job_find(p->front, id, JOB_CHECK);
	if (job == NULL || p->ch.index >= job->nshares)
		return NULL;
	*share = &job->shares[p->ch.index];
	return (*share)->pending ? job : NULL;
}

enum msg_fault
job_on_listing(struct peer *p, struct msg *m)
{
	const struct msg_id *body = m->body;
	struct share *share;
	struct job *job = job_of_walker(p, body->id, &share);

	if (job == NULL)
		return FAULT_NONE;
	if (share->next.len + m->tail_len > LISTING_MAX)
		job_fail(job, 413, "the files' names alone are too long for "
		    "one torrent; ask for fewer", 0);
	else if (buf_add(&share->next, m->tail, m->tail_len) == -1)
		job_fail(job, 500, "out of memory; try again later", 1);
	return FAULT_NONE;
}

static void
job_refuse_resolution(struct job *job, uint32_t result)
{
	switch (result) {
	case RESOLVE_TOO_MANY_FILES:
		job_fail(job, 413, "more files than one torrent may have; ask "
		    "for fewer", 0);
		break;
	case RESOLVE_TOO_MANY_ENTRIES:
		job_fail(job, 413, "the pattern reads more directory entries "
		    "than allowed; make it narrower", 0);
		break;
	case RESOLVE_TOO_DEEP:
		job_fail(job, 413, "the pattern leads more than 32 "
		    "directories deep; make it narrower", 0);
		break;
	case RESOLVE_TOO_LONG:
		job_fail(job, 413, "the pattern takes longer than allowed; "
		    "make it narrower", 0);
		break;
	case RESOLVE_BAD_PATTERN:
		job_fail(job, 400, "the pattern has more than 16 wildcards or "
		    "more than one **; make it simpler", 0);
		break;
	case RESOLVE_FAILED:
		job_fail(job, 503, "the mirror's disk cannot be read at the "
		    "moment; try again later", 5);
		break;
	default:
		job_fail(job, 503, "the files could not be looked at; try "
		    "again", 1);
		break;
	}
}

/*
 * Is this a listing of what the walker was asked for?  From here on its
 * counts and paths are relied on.
 */
static bool
job_listing_is_right(const struct job *job, uint32_t walker,
    const struct buf *listing)
{
	struct listing_reader r;
	struct str spec = { 0 };
	uint32_t index = 0;
	int more;

	listing_open(&r, listing->data, listing->len);
	for (; spec_next(&job->specs, &spec); index++) {
		if (job_root_of(job, spec) != (int)walker)
			continue;
		if (listing_next_spec(&r) != 1 || r.spec.index != index ||
		    r.spec.len != spec.len ||
		    memcmp(r.spec_bytes, spec.p, spec.len) != 0)
			return false;
		while ((more = listing_next_file(&r)) == 1)
			if (job_root_of(job, (struct str){
			    (const char *)r.path, r.file.len }) !=
			    (int)walker)
				return false;
		if (more == -1)
			return false;
	}
	return listing_next_spec(&r) == 0;
}

enum msg_fault
job_on_resolved(struct peer *p, struct msg *m)
{
	const struct msg_resolved *body = m->body;
	struct share *share;
	struct job *job = job_of_walker(p, body->id, &share);

	if (job == NULL)
		return FAULT_NONE;
	share->same = body->result == RESOLVE_SAME;
	if (body->result == RESOLVE_OK) {
		if (!job_listing_is_right(job, p->ch.index, &share->next))
			return FAULT_CONTENT;
		share->young = body->flags & RESOLVED_YOUNG;
		buf_free(&share->listing);
		share->listing = share->next;
		memset(&share->next, 0, sizeof(share->next));
		memcpy(share->sha256, body->listing_sha256, SEAL_LEN);
		memcpy(share->seal, body->seal, SEAL_LEN);
	} else if (share->same && !share->known)
		return FAULT_CONTENT;
	share->pending = false;
	job->pending--;
	if (body->result != RESOLVE_OK && !share->same)
		job_refuse_resolution(job, body->result);
	else if (job->pending == 0)
		job_set_due(job);
	return FAULT_NONE;
}

enum msg_fault
job_on_slow(struct peer *p, struct msg *m)
{
	const struct msg_id *body = m->body;
	struct share *share;
	struct job *job = job_of_walker(p, body->id, &share);

	if (job != NULL)
		job_charge(job);
	return FAULT_NONE;
}

/* For all files that no answer has come for yet. */
void
job_ask_pieces(struct job *job)
{
	struct msg_get_pieces body = { 0 };
	struct msg_file item = { 0 };
	struct front *f = job->front;
	struct buf tail = { 0 };
	struct job_file *file;
	uint32_t i;

	if (peer_is_full(&f->cache)) {
		job_do_without_cache(job);
		return;
	}
	body.id = job->id;
	body.piece_len = job->piece_len;
	job->asked_cache_ms = clock_coarse_ms();
	job->pending = 0;
	for (i = 0; i < job->nfiles; i++) {
		file = &job->files[i];
		if (file->answered)
			continue;
		pieces_unref(file->pieces);
		file->pieces = NULL;
		file->got = 0;
		job->pending++;
		item.index = i;
		item.len = file->path_len;
		item.identity = file->identity;
		if (tail.len + sizeof(item) + item.len > MSG_TAIL_MAX) {
			peer_send(&f->cache, MSG_GET_PIECES, &body, tail.data,
			    tail.len, NULL, 0);
			body.count = 0;
			tail.len = 0;
		}
		if (buf_add(&tail, &item, sizeof(item)) == -1 ||
		    buf_add(&tail, file->path, item.len) == -1) {
			buf_free(&tail);
			job_fail(job, 500, "out of memory; try again later",
			    1);
			return;
		}
		body.count++;
	}
	if (body.count > 0)
		peer_send(&f->cache, MSG_GET_PIECES, &body, tail.data,
		    tail.len, NULL, 0);
	buf_free(&tail);
	if (job->pending == 0)
		job_set_due(job);
}

/* One file's digests, or some of them; -1: not what was asked for. */
static int
job_take_pieces(struct job *job, const struct msg_pieces_item *item,
    const uint8_t *digests)
{
	struct job_file *file;

	if (item->index >= job->nfiles || job->files[item->index].answered)
		return -1;
	file = &job->files[item->index];
	if (item->total == 0) {
		if (file->got > 0)
			return -1;
	} else {
		if (item->count == 0 || item->total !=
		    torrent_digests(file->identity.size, job->piece_len) ||
		    item->first != file->got ||
		    item->count > item->total - file->got)
			return -1;
		if (file->pieces == NULL &&
		    (file->pieces = pieces_new(item->total)) == NULL) {
			job_fail(job, 500, "out of memory; try again later",
			    1);
			return 0;
		}
		memcpy(file->pieces->digests + (size_t)file->got * SHA1_LEN,
		    digests, (size_t)item->count * SHA1_LEN);
		file->got += item->count;
	}
	if (file->got == item->total) {
		file->answered = true;
		job->pending--;
	}
	return 0;
}

enum msg_fault
job_on_pieces(struct peer *p, struct msg *m)
{
	const struct msg_pieces *body = m->body;
	struct job *job = job_find(p->front, body->id, JOB_PIECES);
	const uint8_t *at = m->tail, *end = m->tail + m->tail_len;
	struct msg_pieces_item item;
	uint32_t i;

	for (i = 0; job != NULL && i < body->count; i++) {
		if ((size_t)(end - at) < sizeof(item))
			return FAULT_CONTENT;
		memcpy(&item, at, sizeof(item));
		at += sizeof(item);
		if ((size_t)(end - at) / SHA1_LEN < item.count ||
		    job_take_pieces(job, &item, at) == -1)
			return FAULT_CONTENT;
		at += (size_t)item.count * SHA1_LEN;
		if (job->state == JOB_DONE)
			return FAULT_NONE;
	}
	if (job != NULL && job->pending == 0)
		job_set_due(job);
	return FAULT_NONE;
}

void
job_do_without_cache(struct job *job)
{
	struct job_file *file;

	if (job->state == JOB_LOOKUP) {
		/* "Unknown" would make the client send all its paths. */
		if (job->specs.n == 0)
			job_fail(job, 503, "what is remembered cannot be read "
			    "at the moment; try again", 5);
		else
			job_set_due(job);
		return;
	}
	for (file = job->files; file < job->files + job->nfiles; file++) {
		if (file->answered)
			continue;
		file->answered = true;
		pieces_unref(file->pieces);
		file->pieces = NULL;
	}
	job->pending = 0;
	job_set_due(job);
}
