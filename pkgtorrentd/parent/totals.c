/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "pkgtorrentd/parent/state.h"
#include "pkgtorrentd/parent/totals.h"

#define PATH_SHOWN 256 /* bytes, escaped, for the service manager */

void
totals_start(struct parent *parent)
{
	uint64_t *n = parent->totals.counts;

	n[COUNT_BUILD] = 1;
	n[COUNT_START] = (uint64_t)(clock_real_ns() / 1000000000);
	n[COUNT_RELOADED] = 1;
}

void
totals_forget(struct parent *parent)
{
	memset(parent->totals.sent, 0, sizeof(parent->totals.sent));
}

void
totals_count_restart(struct parent *parent, enum role role)
{
	parent->totals.counts[COUNT_RESTARTS_FRONT + (role - ROLE_FRONT)]++;
}

uint64_t
totals_restarts(const struct parent *parent)
{
	uint64_t sum = 0;
	int role;

	for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
		sum += parent->totals
			   .counts[COUNT_RESTARTS_FRONT + (role - ROLE_FRONT)];
	return sum;
}

/* The sum of the answers of all statuses. */
static uint64_t
totals_answers(const struct totals *t)
{
	uint64_t sum = 0;
	size_t i;

	for (i = COUNT_CODE_200; i <= COUNT_CODE_OTHER; i++)
		sum += t->counts[i];
	return sum;
}

/* A front that was broken into may say anything. */
static unsigned
totals_percent(const struct totals *t)
{
	if (t->size == 0 || t->done >= t->size)
		return 100;
	return (unsigned)((double)t->done * 100 / (double)t->size);
}

static void
totals_notify(struct parent *parent)
{
	const struct totals *t = &parent->totals;
	char path[PATH_SHOWN], file[PATH_SHOWN + 32] = "";

	if (parent->state != PARENT_SERVING || parent->reload != NULL)
		return;
	if (t->path[0] != '\0')
		(void)snprintf(file, sizeof(file), ", hashing %s, %u%%",
		    log_escape(path, sizeof(path), t->path, strlen(t->path)),
		    totals_percent(t));
	notify_status(&parent->notify,
	    "%" PRIu64 " answers, %" PRIu64 " from memory; %" PRIu64
	    " torrents in the making%s%s",
	    totals_answers(t), t->counts[COUNT_HOT_HITS], t->counts[COUNT_JOBS],
	    file,
	    parent->reload_refused ? "; a reload was refused, see the log" :
				     "");
}

static void
totals_send(struct parent *parent)
{
	static const struct msg_counts body;
	struct totals *t = &parent->totals;
	struct process *front = processes_front(parent);
	uint8_t tail[COUNTS_LEN_MAX];
	size_t len;

	if (front == NULL || front->ready_ms == 0)
		return;
	len = counts_pack(ROLE_PARENT, t->counts, t->sent, tail);
	if (len == 0)
		return;
	process_send(front, MSG_COUNTS, &body, tail, len, -1);
	counts_sent(ROLE_PARENT, t->counts, t->sent);
}

void
totals_tick(struct parent *parent)
{
	uint64_t *n = parent->totals.counts;

	n[COUNT_RELOADED] = !parent->reload_refused;
	totals_send(parent);
	totals_notify(parent);
}

enum msg_fault
totals_on_totals(struct process *p, const struct msg *msg)
{
	const struct msg_totals *body = msg->body;
	struct totals *t = &p->parent->totals;
	size_t own, first;

	if (body->path_len > SPEC_MAX ||
	    msg->tail_len != sizeof(t->counts) + body->path_len)
		return FAULT_CONTENT;
	/* Not the parent's own rows, which are the first. */
	first = counts_of(ROLE_PARENT, &own) + own;
	memcpy(&t->counts[first], msg->tail + first * sizeof(t->counts[0]),
	    sizeof(t->counts) - first * sizeof(t->counts[0]));
	t->done = body->done;
	t->size = body->size;
	memcpy(t->path, msg->tail + sizeof(t->counts), body->path_len);
	t->path[body->path_len] = '\0';
	return FAULT_NONE;
}

int
totals_write(const struct parent *parent, struct buf *out)
{
	const struct totals *t = &parent->totals;
	char path[4 * SPEC_MAX + 1];

	if (t->path[0] != '\0' &&
	    buf_addf(out, "hashing %" PRIu64 " %" PRIu64 " %s\n", t->done,
		t->size,
		log_escape(path, sizeof(path), t->path, strlen(t->path))) == -1)
		return -1;
	return counts_write(out, t->counts);
}
