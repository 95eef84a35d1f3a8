#include "hasher/walker/queue.h"

/* Three turns. */
#define PLAIN_US_MAX	15000

static void
line_init(struct line *line)
{
	TAILQ_INIT(&line->active);
	TAILQ_INIT(&line->fresh);
	TAILQ_INIT(&line->waiting);
	line->nactive = 0;
	line->fresh_is_next = false;
}

void
queue_init(struct queue *q)
{
	line_init(&q->plain);
	line_init(&q->globs);
	q->plain_us = 0;
	q->count = 0;
	q->spec_bytes = 0;
}

static struct line *
line_of(struct queue *q, const struct resolution *r)
{
	return r->globs ? &q->globs : &q->plain;
}

static struct resolutions *
line_list(struct line *line, const struct resolution *r)
{
	return r->active ? &line->active : r->tried ? &line->waiting :
	    &line->fresh;
}

static void
line_fill(struct line *line)
{
	struct resolution	*r;

	while (line->nactive < QUEUE_ACTIVE_MAX) {
		r = TAILQ_FIRST(&line->waiting);
		if (r == NULL)
			r = TAILQ_FIRST(&line->fresh);
		if (r == NULL)
			break;
		TAILQ_REMOVE(line_list(line, r), r, entry);
		TAILQ_INSERT_TAIL(&line->active, r, entry);
		r->active = true;
		line->nactive++;
	}
}

void
queue_add(struct queue *q, struct resolution *r)
{
	struct line	*line = line_of(q, r);

	TAILQ_INSERT_TAIL(&line->fresh, r, entry);
	q->count++;
	q->spec_bytes += r->specs.len;
	line_fill(line);
}

static struct resolution *
list_find(const struct resolutions *list, uint64_t id)
{
	struct resolution	*r;

	TAILQ_FOREACH(r, list, entry)
		if (r->id == id)
			break;
	return r;
}

struct resolution *
queue_find(const struct queue *q, uint64_t id)
{
	const struct resolutions *const	 lists[] = {
		&q->plain.active, &q->plain.fresh, &q->plain.waiting,
		&q->globs.active, &q->globs.fresh, &q->globs.waiting
	};
	struct resolution		*r = NULL;
	unsigned			 i;

	for (i = 0; i < 6 && r == NULL; i++)
		r = list_find(lists[i], id);
	return r;
}

static struct resolution *
line_next(const struct line *line)
{
	struct resolution	*active = TAILQ_FIRST(&line->active);
	struct resolution	*fresh = TAILQ_FIRST(&line->fresh);

	return fresh != NULL && active->tried && line->fresh_is_next ?
	    fresh : active;
}

struct resolution *
queue_next(const struct queue *q)
{
	struct resolution	*plain = line_next(&q->plain);
	struct resolution	*glob = line_next(&q->globs);

	return plain == NULL || (glob != NULL &&
	    q->plain_us >= PLAIN_US_MAX) ? glob : plain;
}

void
queue_rotate(struct queue *q, struct resolution *r, uint64_t us)
{
	struct line	*line = line_of(q, r);

	if (r->globs || q->globs.nactive == 0)
		q->plain_us = 0;
	else
		q->plain_us += us;
	line->fresh_is_next = r->active;
	TAILQ_REMOVE(line_list(line, r), r, entry);
	/* What it holds is only for those with a place. */
	if (!r->active && r->result == 0)
		resolution_rewind(r);
	r->tried = true;
	TAILQ_INSERT_TAIL(line_list(line, r), r, entry);
}

void
queue_remove(struct queue *q, struct resolution *r)
{
	struct line	*line = line_of(q, r);

	TAILQ_REMOVE(line_list(line, r), r, entry);
	line->nactive -= r->active;
	q->count--;
	q->spec_bytes -= r->specs.len;
	resolution_free(r);
	line_fill(line);
}

void
queue_clear(struct queue *q)
{
	struct resolution	*r;

	while ((r = queue_next(q)) != NULL)
		queue_remove(q, r);
}
