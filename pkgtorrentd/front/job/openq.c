/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/seal.h"
#include "pkgtorrentd/front/job/openq.h"

/* The answer for one path. */
struct openq_file {
	struct msg_opened_item	 item;
	int			 fd;		/* -1: not open */
};

struct openq_request {
	TAILQ_ENTRY(openq_request) entry;
	struct ask		 ask;
	struct openq		*q;
	uint64_t		 id;
	size_t			 walker;
	uint32_t		 count;		/* paths */
	struct buf		 tail;		/* of MSG_OPEN, for all paths */
	uint32_t		 answered;	/* paths */
	size_t			 tail_at;	/* of the next path */
	openq_done		*done;		/* NULL: forgotten */
	void			*arg;
	uint64_t		 asked_ms;
	struct openq_file	 files[];
};

void
openq_init(struct openq *q, struct workers *workers)
{
	q->workers = workers;
	TAILQ_INIT(&q->list);
}

bool
openq_is_quarantined(const struct openq *q, const char *path)
{
	return quarantine_has_path(&q->workers->quarantine, WALKER, path,
	    strlen(path), clock_coarse_ms());
}

/* The first path that is not answered. */
static struct str
openq_next_path(const struct openq_request *r)
{
	struct msg_path item;

	memcpy(&item, r->tail.data + r->tail_at, sizeof(item));
	return (struct str){ (const char *)r->tail.data + r->tail_at +
	    sizeof(item), item.len };
}

/* All paths, or one at a time once a walker has ended over them. */
static void
openq_send(struct ask *ask)
{
	const struct openq_request *r = ask->owner;
	struct msg_open body = { .id = r->id, .count = r->count };
	size_t len = r->tail.len;

	if (ask->suspect) {
		body.count = 1;
		len = sizeof(struct msg_path) + openq_next_path(r).len;
	}
	worker_send(ask->worker, MSG_OPEN, &body, r->tail.data + r->tail_at,
	    len, NULL, 0);
}

/* The answer for the next path. */
static void
openq_take(struct openq_request *r, const struct msg_opened_item *item,
    int fd)
{
	r->files[r->answered].item = *item;
	r->files[r->answered++].fd = fd;
	r->tail_at += sizeof(struct msg_path) + openq_next_path(r).len;
}

static void
openq_free(struct openq_request *r)
{
	ask_end(&r->ask);
	TAILQ_REMOVE(&r->q->list, r, entry);
	while (r->answered > 0)
		if (r->files[--r->answered].fd != -1)
			close(r->files[r->answered].fd);
	buf_free(&r->tail);
	free(r);
}

/* All paths are answered. */
static void
openq_finish(struct openq_request *r)
{
	struct msg_opened_item items[MSG_FDS_MAX];
	int fds[MSG_FDS_MAX];
	openq_done *done = r->done;
	uint32_t i, n = r->count;
	void *arg = r->arg;

	for (i = 0; done != NULL && i < n; i++) {
		items[i] = r->files[i].item;
		fds[i] = r->files[i].fd;
	}
	if (done != NULL)
		r->answered = 0;
	openq_free(r);
	if (done != NULL)
		done(arg, items, fds, n);
}

/* Two walkers have ended over the next path, and the rest is still to be
   asked. */
static void
openq_convict(struct ask *ask)
{
	struct openq_request *r = ask->owner;
	struct msg_opened_item item = { .status = OPENQ_QUARANTINED };
	struct workers *workers = r->q->workers;
	struct str path = openq_next_path(r);
	uint8_t digest[SHA1_LEN];

	sha1(path.p, path.len, digest);
	quarantine_add(&workers->quarantine, ROLE_WALKER, digest, path, 1,
	    clock_coarse_ms());
	openq_take(r, &item, -1);
	if (r->answered == r->count)
		openq_finish(r);
	else
		ask_start(ask, &workers->walkers[r->walker]);
}

struct openq_request *
openq_ask(struct openq *q, size_t walker, const char *const *paths, uint32_t n,
    openq_done *done, void *arg)
{
	struct openq_request *r;
	struct msg_path item;

	r = calloc(1, sizeof(*r) + n * sizeof(r->files[0]));
	if (r == NULL)
		return NULL;
	r->q = q;
	r->id = ++q->workers->last_id;
	r->walker = walker;
	r->done = done;
	r->arg = arg;
	r->asked_ms = clock_coarse_ms();
	r->ask = (struct ask){ .owner = r, .send = openq_send,
	    .convict = openq_convict };
	TAILQ_INSERT_TAIL(&q->list, r, entry);
	for (; r->count < n; r->count++) {
		item.len = (uint32_t)strlen(paths[r->count]);
		if (buf_add(&r->tail, &item, sizeof(item)) == -1 ||
		    buf_add(&r->tail, paths[r->count], item.len) == -1) {
			openq_free(r);
			return NULL;
		}
	}
	r->ask.len = r->tail.len;
	ask_start(&r->ask, &q->workers->walkers[walker]);
	return r;
}

void
openq_forget(struct openq_request *r)
{
	r->done = NULL;
	/* Otherwise an answer is still to come; a walker that ended over it may
	   do so again. */
	if (!r->ask.out && !r->ask.suspect)
		openq_free(r);
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
		openq_free(r);
		if (done != NULL)
			done(arg, NULL, NULL, 0);
	}
}

/* The request that the walker is to answer next, or NULL. */
static struct openq_request *
openq_first(struct openq *q, size_t walker)
{
	struct openq_request *r;

	TAILQ_FOREACH(r, &q->list, entry)
		if (r->walker == walker && r->ask.out)
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
	enum msg_fault fault;
	uint32_t i, n = body->count;
	int used = 0;

	if (r == NULL || r->id != body->id ||
	    n != (r->ask.suspect ? 1 : r->count) ||
	    m->tail_len != n * sizeof(items[0]))
		return FAULT_CONTENT;
	memcpy(items, m->tail, m->tail_len);
	fault = openq_check(m, items, n);
	if (fault != FAULT_NONE)
		return fault;
	for (i = 0; i < n; i++)
		openq_take(r, &items[i], items[i].status == PATH_OK ?
		    m->fds[used++] : -1);
	m->nfds = 0;
	if (r->answered == r->count)
		openq_finish(r);
	else
		openq_send(&r->ask);
	return FAULT_NONE;
}
