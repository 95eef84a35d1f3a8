#include <sys/stat.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "pkgtorrentd/front/front.h"

#define OPEN_AHEAD	32	/* files of one work, open and not handed out */

static int
opening_send(struct front *f, struct opening *o)
{
	struct msg_open body = { 0 };
	struct msg_path item;
	struct buf tail = { 0 };
	const char *path;
	uint32_t i;
	int r = 0;

	for (i = 0; i < o->count && r == 0; i++) {
		path = o->path != NULL ? o->path : o->hashing[i]->path;
		item.len = (uint32_t)strlen(path);
		r = buf_add(&tail, &item, sizeof(item)) |
		    buf_add(&tail, path, item.len);
	}
	body.id = o->id;
	body.count = o->count;
	/* With the walker away it stays in the list and is sent later. */
	if (r == 0)
		worker_send(&f->workers.walkers[o->walker], MSG_OPEN, &body,
		    tail.data, tail.len, NULL, 0);
	buf_free(&tail);
	return r;
}

static struct opening *
opening_new(struct front *f, size_t walker)
{
	struct opening *o;

	o = calloc(1, sizeof(*o));
	if (o == NULL)
		return NULL;
	o->id = ++f->workers.last_id;
	o->walker = walker;
	o->asked_ms = clock_coarse_ms();
	TAILQ_INSERT_TAIL(&f->openings.list, o, entry);
	return o;
}

/* A walker answers in order: what it is to answer next, or NULL. */
static struct opening *
opening_first(struct front *f, size_t walker)
{
	struct opening *o;

	TAILQ_FOREACH(o, &f->openings.list, entry)
		if (o->walker == walker)
			break;
	return o;
}

static void
opening_free(struct front *f, struct opening *o)
{
	TAILQ_REMOVE(&f->openings.list, o, entry);
	free(o->path);
	free(o);
}

/* Half of the descriptors are for works' first files, so that none of these
   waits for others' long lists. */
static bool
openings_may(const struct front *f, const struct work *w)
{
	return f->hashings.nopen < (w->nopen == 0 ? f->hashings.open_max :
	    f->hashings.open_max / 2);
}

/* Of one work: as many as fit a message, as long as one walker has them. */
static void
openings_for_work(struct front *f, struct work *w)
{
	struct hashing *h;
	struct opening *o = NULL;
	size_t bytes = 0;
	bool last;
	int root;

	while ((h = TAILQ_FIRST(&w->queued)) != NULL &&
	    w->nopen < OPEN_AHEAD && openings_may(f, w)) {
		root = conf_root_of(f->child.conf, h->path, h->path_len);
		if (root == -1 || (size_t)root >= f->workers.nwalkers) {
			/* Its root was taken out of the configuration; the
			   work may go with its last file. */
			last = w->files == 1;
			h->result = HASHING_GONE;
			hashing_finish(f, h);
			if (last)
				return;
			continue;
		}
		bytes += sizeof(struct msg_path) + h->path_len;
		if (o != NULL && (o->walker != (size_t)root ||
		    bytes > MSG_TAIL_MAX || o->count == MSG_FDS_MAX))
			break;
		if (o == NULL && (o = opening_new(f, (size_t)root)) == NULL)
			return;
		TAILQ_REMOVE(&w->queued, h, entry);
		h->state = HASHING_OPENING;
		w->nopen++;
		f->hashings.nopen++;
		o->hashing[o->count++] = h;
	}
	if (o != NULL)
		opening_send(f, o);
}

void
openings_run(struct front *f)
{
	struct work *w, *next;

	TAILQ_FOREACH_SAFE(w, &f->hashings.to_open, open_entry, next)
		openings_for_work(f, w);
}

int
openings_for_client(struct front *f, struct parked *parked, const char *path,
    uint64_t *id)
{
	struct opening *o;
	int root;

	root = conf_root_of(f->child.conf, path, strlen(path));
	if (root == -1 || (size_t)root >= f->workers.nwalkers)
		return -1;
	/* It waits, and is told in time that this has been in vain. */
	if (worker_is_full(&f->workers.walkers[root]))
		return 0;
	o = opening_new(f, (size_t)root);
	if (o == NULL)
		return -1;
	o->path = strdup(path);
	o->parked = parked;
	o->count = 1;
	if (o->path == NULL || opening_send(f, o) == -1) {
		opening_free(f, o);
		return -1;
	}
	*id = o->id;
	return 0;
}

/* An answer is still to come, unless the walker is away. */
static void
opening_leave(struct front *f, struct opening *o)
{
	o->parked = NULL;
	if (f->workers.walkers[o->walker].ch.fd == -1)
		opening_free(f, o);
}

void
openings_forget(struct front *f, uint64_t id)
{
	struct opening *o;

	TAILQ_FOREACH(o, &f->openings.list, entry)
		if (o->id == id) {
			opening_leave(f, o);
			return;
		}
}

void
openings_walker_lost(struct front *f, size_t walker)
{
	struct opening *o, *next;

	TAILQ_FOREACH_SAFE(o, &f->openings.list, entry, next)
		if (o->walker == walker && o->path != NULL &&
		    o->parked == NULL)
			opening_free(f, o);
}

void
openings_watch(struct front *f, size_t walker, uint64_t limit_ms)
{
	struct opening *o = opening_first(f, walker);

	if (o != NULL && worker_is_silent(&f->workers.walkers[walker],
	    o->asked_ms, limit_ms))
		worker_give_up(&f->workers.walkers[walker], MSG_OPEN);
}

void
openings_walker_up(struct front *f, size_t walker)
{
	struct opening *o;

	TAILQ_FOREACH(o, &f->openings.list, entry)
		if (o->walker == walker)
			opening_send(f, o);
}

/* The client's file, or why it has none. */
static void
opening_answer_client(struct opening *o, int fd,
    const struct msg_opened_item *item)
{
	if (o->parked == NULL) {
		if (fd != -1)
			close(fd);
		return;
	}
	files_on_opened(o->parked, item->status, fd, &item->identity);
}

void
openings_reroute(struct front *f)
{
	static const struct msg_opened_item none = { .status = PATH_MISSING };
	struct opening *o, *next;
	uint32_t i;
	int root;

	TAILQ_FOREACH_SAFE(o, &f->openings.list, entry, next) {
		if (o->path == NULL) {
			/* Their jobs start again from the walkers on. */
			for (i = 0; i < o->count; i++)
				hashing_on_opened(f, o->hashing[i], -1, &none);
			opening_free(f, o);
			continue;
		}
		root = conf_root_of(f->child.conf, o->path, strlen(o->path));
		if (root != -1) {
			o->walker = (size_t)root;
			continue;
		}
		opening_answer_client(o, -1, &none);
		opening_free(f, o);
	}
}

/* What a walker hands over is checked before it is handed on, so that nobody
   else is blamed for it: a file for each that worked, regular, read-only. */
static enum msg_fault
opened_check(const struct msg *m, uint32_t count)
{
	struct msg_opened_item item;
	struct stat st;
	uint32_t i;
	int files = 0;

	if (m->tail_len != count * sizeof(item))
		return FAULT_CONTENT;
	for (i = 0; i < count; i++) {
		memcpy(&item, m->tail + i * sizeof(item), sizeof(item));
		if (item.status < PATH_OK || item.status > PATH_FAILED)
			return FAULT_CONTENT;
		files += item.status == PATH_OK;
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
openings_on_opened(struct worker *p, struct msg *m)
{
	const struct msg_opened *body = m->body;
	struct front *f = p->all->arg;
	struct msg_opened_item item;
	enum msg_fault fault;
	struct opening *o = opening_first(f, p->ch.index);
	int used = 0, fd;
	uint32_t i;

	if (o == NULL || o->id != body->id || o->count != body->count)
		return FAULT_CONTENT;
	fault = opened_check(m, o->count);
	if (fault != FAULT_NONE)
		return fault;
	for (i = 0; i < o->count; i++) {
		memcpy(&item, m->tail + i * sizeof(item), sizeof(item));
		fd = item.status == PATH_OK ? m->fds[used] : -1;
		if (fd != -1)
			m->fds[used++] = -1;
		if (o->path != NULL)
			opening_answer_client(o, fd, &item);
		else
			hashing_on_opened(f, o->hashing[i], fd, &item);
		o->hashing[i] = NULL;
	}
	opening_free(f, o);
	hashings_run(f);
	return FAULT_NONE;
}
