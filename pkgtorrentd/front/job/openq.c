/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/listing.h"
#include "pkgtorrentd/front/job/openq.h"

struct openq_request {
	TAILQ_ENTRY(openq_request) entry;
	uint64_t		 id;
	size_t			 walker;
	uint32_t		 count;		/* paths */
	struct buf		 tail;		/* of MSG_OPEN */
	openq_done		*done;		/* NULL: forgotten */
	void			*arg;
	uint64_t		 asked_ms;
};

void
openq_init(struct openq *q, struct workers *workers)
{
	q->workers = workers;
	TAILQ_INIT(&q->list);
}

/* With the walker away the request stays in the list, and is sent later. */
static void
openq_send(struct openq *q, struct openq_request *r)
{
	struct msg_open body = { .id = r->id, .count = r->count };

	worker_send(&q->workers->walkers[r->walker], MSG_OPEN, &body,
	    r->tail.data, r->tail.len, NULL, 0);
}

static void
openq_free(struct openq *q, struct openq_request *r)
{
	TAILQ_REMOVE(&q->list, r, entry);
	buf_free(&r->tail);
	free(r);
}

struct openq_request *
openq_ask(struct openq *q, size_t walker, const char *const *paths, uint32_t n,
    openq_done *done, void *arg)
{
	struct openq_request *r;
	struct msg_path item;

	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	r->id = ++q->workers->last_id;
	r->walker = walker;
	r->done = done;
	r->arg = arg;
	r->asked_ms = clock_coarse_ms();
	TAILQ_INSERT_TAIL(&q->list, r, entry);
	for (; r->count < n; r->count++) {
		item.len = (uint32_t)strlen(paths[r->count]);
		if (buf_add(&r->tail, &item, sizeof(item)) == -1 ||
		    buf_add(&r->tail, paths[r->count], item.len) == -1) {
			openq_free(q, r);
			return NULL;
		}
	}
	openq_send(q, r);
	return r;
}

void
openq_forget(struct openq *q, struct openq_request *r)
{
	r->done = NULL;
	/* An answer is still to come, unless the walker is away. */
	if (r->walker >= q->workers->nwalkers ||
	    q->workers->walkers[r->walker].ch.fd == -1)
		openq_free(q, r);
}

void
openq_end_all(struct openq *q)
{
	uint64_t last = q->workers->last_id;
	struct openq_request *r;
	openq_done *done;
	void *arg;

	/* Their callbacks may append requests to the list. */
	while ((r = TAILQ_FIRST(&q->list)) != NULL && r->id <= last) {
		done = r->done;
		arg = r->arg;
		openq_free(q, r);
		if (done != NULL)
			done(arg, NULL, NULL, 0);
	}
}

void
openq_walker_up(struct openq *q, size_t walker)
{
	struct openq_request *r, *next;

	TAILQ_FOREACH_SAFE(r, &q->list, entry, next) {
		if (r->walker != walker)
			continue;
		if (r->done == NULL)
			openq_free(q, r);
		else
			openq_send(q, r);
	}
}

/* The request that the walker is to answer next, or NULL. */
static struct openq_request *
openq_first(struct openq *q, size_t walker)
{
	struct openq_request *r;

	TAILQ_FOREACH(r, &q->list, entry)
		if (r->walker == walker)
			break;
	return r;
}

void
openq_watch(struct openq *q, size_t walker, uint64_t limit_ms)
{
	struct openq_request *r = openq_first(q, walker);

	if (r != NULL)
		worker_watch_answer(&q->workers->walkers[walker], r->asked_ms,
		    limit_ms, MSG_OPEN);
}

/*
 * Check an answer before anything of it is handed on, so that no other process
 * is blamed for a walker's fault: there is to be a descriptor for each path
 * that was opened, of a regular file, for reading only.
 */
static enum msg_fault
openq_check(const struct msg *m, const struct msg_opened_item *items,
    uint32_t count)
{
	struct stat st;
	uint32_t i;
	int files = 0;

	for (i = 0; i < count; i++) {
		if (items[i].status < PATH_OK || items[i].status > PATH_FAILED)
			return FAULT_CONTENT;
		files += items[i].status == PATH_OK;
	}
	if (files != m->nfds)
		return FAULT_FDS;
	for (i = 0; i < (uint32_t)m->nfds; i++)
		if (fstat(m->fds[i], &st) == -1 || !S_ISREG(st.st_mode) ||
		    (fcntl(m->fds[i], F_GETFL) & (O_ACCMODE | O_PATH)) !=
		    O_RDONLY)
			return FAULT_FDS;
	return FAULT_NONE;
}

enum msg_fault
openq_on_opened(struct openq *q, struct worker *w, struct msg *m)
{
	const struct msg_opened *body = m->body;
	struct openq_request *r = openq_first(q, w->ch.index);
	struct msg_opened_item items[MSG_FDS_MAX];
	int fds[MSG_FDS_MAX], used = 0;
	openq_done *done;
	enum msg_fault fault;
	uint32_t i, n = body->count;
	void *arg;

	if (r == NULL || r->id != body->id || r->count != n ||
	    m->tail_len != n * sizeof(items[0]))
		return FAULT_CONTENT;
	memcpy(items, m->tail, m->tail_len);
	fault = openq_check(m, items, n);
	if (fault != FAULT_NONE)
		return fault;
	done = r->done;
	arg = r->arg;
	openq_free(q, r);
	if (done == NULL) {
		msg_close_fds(m);
		return FAULT_NONE;
	}
	for (i = 0; i < n; i++)
		fds[i] = items[i].status == PATH_OK ? m->fds[used++] : -1;
	m->nfds = 0;
	done(arg, items, fds, n);
	return FAULT_NONE;
}
