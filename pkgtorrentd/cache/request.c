/* SPDX-License-Identifier: ISC */
#include <sys/param.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/listing.h"
#include "common/log.h"
#include "common/torrent.h"
#include "pkgtorrentd/cache/request.h"

/* With more than this in the queue, no messages of the front are read. */
#define REQUESTS_MAX	1024
#define BYTES_MAX	(16U << 20)
/* Memory of requests that are begun. */
#define LARGE		(1U << 20)
#define HELD_MAX	(32U << 20)
#define READ_LEN	(256U << 10)	/* bytes between looks at the clock */
#define ENTRY_KEPT	(1U << 20)	/* bytes kept between turns */

/* What is done next for GET_INFO, and for TOUCH but for the last. */
enum stage {
	STAGE_OPEN,
	STAGE_READ,
	STAGE_TOUCH,		/* the pieces of its files */
	STAGE_SEND
};

struct request {
	struct turn		 turn;
	enum msg_type		 type;
	uint64_t		 id;
	size_t			 len;		/* counted in bytes */
	uint64_t		 held;		/* counted as held, or large */
	uint64_t		 need;		/* bytes it waits for, or 0 */
	uint64_t		 used_us;	/* not reported yet */
	uint8_t			 digest[SHA1_LEN];
	/* GET_INFO, TOUCH */
	enum piece_kind		 piece;
	unsigned		 others;	/* kinds tried in vain */
	enum stage		 stage;
	struct store_reading	 reading;
	struct entry_info	 info;
	struct listing_reader	 files;		/* still to be touched */
	bool			 touching;	/* the one that was read last */
	struct msg_info		 answer;
	/* GET_PIECES: struct msg_file items; TOUCH: a path */
	struct buf		 tail;
	uint32_t		 piece_len;
	uint32_t		 left;		/* items */
	size_t			 at;		/* in what is sent or read */
	/* PUT_INFO */
	struct making		*making;
};

/* The result of a turn of a request. */
enum step {
	STEP_WAIT,		/* for the memory of another */
	STEP_MORE,		/* the turn is over */
	STEP_DONE
};

void
requests_init(struct requests *q, struct child *child, struct store *store,
    struct packs *packs)
{
	memset(q, 0, sizeof(*q));
	q->child = child;
	q->store = store;
	q->packs = packs;
	turns_init(&q->turns);
}

bool
requests_have_room(const struct requests *q)
{
	return q->n < REQUESTS_MAX && q->bytes < BYTES_MAX;
}

static struct request *
requests_add(struct requests *q, enum msg_type type, uint32_t client,
    size_t len)
{
	struct request *r;

	r = calloc(1, sizeof(*r));
	if (r == NULL)
		fatal("no memory for a request");
	r->type = type;
	r->len = len;
	turns_add(&q->turns, &r->turn, client);
	q->n++;
	q->bytes += len;
	return r;
}

static struct request *
requests_first(const struct requests *q)
{
	struct turn *turn = turns_first(&q->turns);

	return turn == NULL ? NULL : (struct request *)(void *)((char *)turn -
	    offsetof(struct request, turn));
}

/* Let a request use so much memory.  false: it has to wait. */
static bool
requests_hold(struct requests *q, struct request *r, uint64_t bytes)
{
	bool large = bytes > LARGE;

	if (r->held > 0)
		return true;
	if (large ? q->large : q->held + bytes > HELD_MAX)
		return false;
	q->large |= large;
	q->held += large ? 0 : bytes;
	r->held = bytes;
	return true;
}

static void
requests_release(struct requests *q, struct request *r)
{
	if (r->held > LARGE)
		q->large = false;
	else
		q->held -= r->held;
	r->held = 0;
}

static void
requests_remove(struct requests *q, struct request *r)
{
	turns_remove(&q->turns, &r->turn);
	q->n--;
	q->bytes -= r->len;
	requests_release(q, r);
	store_stop_reading(&r->reading);
	buf_free(&r->tail);
	making_free(r->making);
	free(r);
}

void
requests_drop(struct requests *q)
{
	struct request *r;

	while ((r = requests_first(q)) != NULL)
		requests_remove(q, r);
}

/* The CPU time used for a request since it was reported last. */
static uint32_t
requests_used_us(struct requests *q, struct request *r)
{
	uint64_t used = r->used_us + clock_cpu_us() - q->mark_us;

	r->used_us = 0;
	return (uint32_t)MIN(used, UINT32_MAX);
}

/* Wait while the front is busy, for which no client is charged. */
static void
requests_answer(struct requests *q, enum msg_type type, const void *body,
    const void *tail, size_t len)
{
	struct channel *front = &q->child->front;

	if (front->fd != -1 && !q->lost && msg_send_wait(front, type, body,
	    tail, len, NULL, 0) == -1)
		q->lost = true;
	q->mark_us = clock_cpu_us();
}

/*
 * GET_INFO, and TOUCH of a digest.
 */

enum msg_fault
requests_get_info(struct requests *q, const struct msg *msg)
{
	const struct msg_get_info *body = msg->body;
	struct request *r;

	if (body->piece >= PIECE_KINDS)
		return FAULT_CONTENT;
	r = requests_add(q, MSG_GET_INFO, body->client, 0);
	r->id = body->id;
	r->piece = body->piece;
	memcpy(r->digest, body->digest, SHA1_LEN);
	return FAULT_NONE;
}

void
requests_touch(struct requests *q, const uint8_t digest[SHA1_LEN],
    enum piece_kind piece)
{
	struct request *r = requests_add(q, MSG_TOUCH, 0, 0);

	r->piece = piece;
	memcpy(r->digest, digest, SHA1_LEN);
}

/* The entry cannot be read.  One of another piece length has the same listing;
   if there is none either, that is the answer. */
static void
miss_info(struct requests *q, struct request *r)
{
	store_stop_reading(&r->reading);
	requests_release(q, r);
	r->need = 0;
	if (r->type == MSG_GET_INFO && ++r->others < PIECE_KINDS)
		r->stage = STAGE_OPEN;
	else
		r->stage = STAGE_SEND;
}

static enum step
open_info(struct requests *q, struct request *r)
{
	if (r->need > 0 && !requests_hold(q, r, r->need))
		return STEP_WAIT;
	if (!store_begin_reading(q->store, r->digest,
	    (r->piece + r->others) % PIECE_KINDS, &r->reading)) {
		miss_info(q, r);
		return STEP_MORE;
	}
	r->need = (uint64_t)r->reading.sb.st_size;
	if (!requests_hold(q, r, r->need)) {
		store_stop_reading(&r->reading);
		return STEP_WAIT;
	}
	r->stage = STAGE_READ;
	return STEP_MORE;
}

/* Is the entry's dictionary the one that was asked for? */
static bool
layout_is(const struct entry_info *e, enum piece_kind piece,
    const struct conf *conf)
{
	uint32_t piece_len = conf_piece_len(conf, piece);

	return e->piece == piece &&
	    (piece_len == 0 || e->piece_len == piece_len) &&
	    e->padding_attr == conf->padding_attr &&
	    e->service_len == strlen(conf->service) &&
	    memcmp(e->service, conf->service, e->service_len) == 0;
}

static void
read_info(struct requests *q, struct request *r)
{
	bool daily = false;
	int done = store_read(q->store, &r->reading, READ_LEN);

	if (done == 0)
		return;
	if (done == -1 || !store_end_reading(q->store, &r->reading, &r->info,
	    &daily)) {
		miss_info(q, r);
		return;
	}
	r->stage = STAGE_SEND;
	r->answer.flags = INFO_FOUND;
	r->answer.listing_len = (uint32_t)r->info.listing_len;
	if (layout_is(&r->info, r->piece, q->child->conf))
		r->answer.info_len = r->info.info_len;
	listing_open(&r->files, r->info.listing, r->info.listing_len);
	if (daily)
		r->stage = STAGE_TOUCH;
}

/* Using an entry also marks the pieces that it was built from as used: they are
   needed again when one of its files changes.  One file of them. */
static void
touch_info(struct requests *q, struct request *r)
{
	struct listing_reader *files = &r->files;

	while (!r->touching) {
		if (listing_next_file(files) == 1)
			r->touching = files->file.identity.size > 0;
		else if (listing_next_spec(files) != 1) {
			r->stage = STAGE_SEND;
			return;
		}
	}
	r->touching = packs_touch(q->packs, files->path, files->file.len,
	    r->info.piece_len) == PACKS_GO_ON;
}

/* Send the next part. */
static enum step
send_info(struct requests *q, struct request *r)
{
	size_t len = r->answer.listing_len + r->answer.info_len;
	size_t at = r->at, n = MIN(len - at, MSG_TAIL_MAX);

	if (r->type == MSG_TOUCH)
		return STEP_DONE;
	if (at == 0)
		q->child->counts[r->answer.flags & INFO_FOUND ?
		    COUNT_INFO_HITS : COUNT_INFO_MISSES]++;
	r->answer.id = r->id;
	r->answer.flags &= ~(uint32_t)PART_MORE;
	r->answer.flags |= at + n < len ? PART_MORE : 0;
	r->answer.used_us = requests_used_us(q, r);
	r->at += n;
	requests_answer(q, MSG_INFO, &r->answer, n > 0 ?
	    r->info.listing + at : NULL, n);
	return r->at < len ? STEP_MORE : STEP_DONE;
}

static enum step
run_info(struct requests *q, struct request *r)
{
	switch (r->stage) {
	case STAGE_OPEN:
		return open_info(q, r);
	case STAGE_READ:
		read_info(q, r);
		return STEP_MORE;
	case STAGE_TOUCH:
		touch_info(q, r);
		return STEP_MORE;
	default:
		return send_info(q, r);
	}
}

/*
 * GET_PIECES.
 */

/* Read the item at r->at, which the message was checked for. */
static struct msg_file
next_file(const struct request *r, const uint8_t **path)
{
	struct msg_file file;

	memcpy(&file, r->tail.data + r->at, sizeof(file));
	*path = r->tail.data + r->at + sizeof(file);
	return file;
}

/* 0, or -1: the tail is not as many items as the body says. */
static int
check_files(const struct msg *msg)
{
	const struct msg_get_pieces *body = msg->body;
	const uint8_t *at = msg->tail;
	size_t left = msg->tail_len;
	struct msg_file file;
	uint32_t i;

	for (i = 0; i < body->count; i++) {
		if (left < sizeof(file))
			return -1;
		memcpy(&file, at, sizeof(file));
		at += sizeof(file);
		left -= sizeof(file);
		if (file.len == 0 || file.len > MIN(left, SPEC_MAX))
			return -1;
		at += file.len;
		left -= file.len;
	}
	return left == 0 ? 0 : -1;
}

enum msg_fault
requests_get_pieces(struct requests *q, const struct msg *msg)
{
	const struct msg_get_pieces *body = msg->body;
	struct request *r;

	if (!torrent_piece_len_ok(body->piece_len) || check_files(msg) == -1)
		return FAULT_CONTENT;
	r = requests_add(q, MSG_GET_PIECES, body->client, msg->tail_len);
	r->id = body->id;
	r->piece_len = body->piece_len;
	r->left = body->count;
	if (buf_add(&r->tail, msg->tail, msg->tail_len) == -1)
		fatal("no memory for a request");
	return FAULT_NONE;
}

static void
flush_pieces(struct requests *q, struct request *r)
{
	if (q->out.count > 0) {
		q->out.id = r->id;
		q->out.used_us = requests_used_us(q, r);
		requests_answer(q, MSG_PIECES, &q->out, q->out_tail,
		    q->out_len);
	}
	q->out.count = 0;
	q->out_len = 0;
}

static void
add_item(struct requests *q, const struct msg_pieces_item *item,
    const struct pack_list *list)
{
	size_t len = (size_t)item->count * SHA1_LEN;

	memcpy(q->out_tail + q->out_len, item, sizeof(*item));
	q->out_len += sizeof(*item);
	if (len > 0)
		memcpy(q->out_tail + q->out_len,
		    list->digests + (size_t)item->first * SHA1_LEN, len);
	q->out_len += len;
	q->out.count++;
}

/* Pack items into messages.  A list that does not fit into the rest of a
   message continues in the next one.  list is NULL for a miss. */
static void
add_pieces(struct requests *q, struct request *r, uint32_t index,
    const struct pack_list *list)
{
	struct msg_pieces_item item = {
		.index = index,
		.total = list != NULL ? (uint32_t)list->count : 0,
		.flags = list != NULL && list->imported ? PIECES_IMPORTED : 0,
	};
	size_t room;

	do {
		if (sizeof(q->out_tail) - q->out_len < sizeof(item) + SHA1_LEN)
			flush_pieces(q, r);
		room = sizeof(q->out_tail) - q->out_len - sizeof(item);
		item.count = (uint32_t)MIN(item.total - item.first,
		    room / SHA1_LEN);
		add_item(q, &item, list);
		item.first += item.count;
	} while (item.first < item.total);
}

/* The pieces of the next file. */
static enum step
run_pieces(struct requests *q, struct request *r)
{
	enum packs_result result;
	struct pack_list list;
	struct msg_file file;
	const uint8_t *path;

	if (r->left == 0)
		return STEP_DONE;
	file = next_file(r, &path);
	result = packs_load(q->packs, path, file.len, r->piece_len,
	    &file.identity, &q->entry, &list);
	if (result == PACKS_GO_ON)
		return STEP_MORE;
	q->child->counts[COUNT_PIECES_HITS] += result == PACKS_HIT;
	q->child->counts[COUNT_PIECES_MISSES] += result == PACKS_MISS;
	add_pieces(q, r, file.index, result == PACKS_HIT ? &list : NULL);
	r->at += sizeof(file) + file.len;
	return --r->left > 0 ? STEP_MORE : STEP_DONE;
}

/*
 * TOUCH of a path.
 */

enum msg_fault
requests_touch_pieces(struct requests *q, const struct msg *msg)
{
	const struct msg_touch *body = msg->body;
	struct request *r;

	if (msg->tail_len == 0 || !torrent_piece_len_ok(body->piece_len))
		return FAULT_CONTENT;
	r = requests_add(q, MSG_TOUCH, 0, msg->tail_len);
	r->piece_len = body->piece_len;
	if (buf_add(&r->tail, msg->tail, msg->tail_len) == -1)
		fatal("no memory for a request");
	return FAULT_NONE;
}

static enum step
run_touch(struct requests *q, const struct request *r)
{
	return packs_touch(q->packs, r->tail.data, r->tail.len,
	    r->piece_len) == PACKS_GO_ON ? STEP_MORE : STEP_DONE;
}

/*
 * PUT_INFO.
 */

void
requests_make(struct requests *q, struct making *making, uint32_t client,
    size_t len)
{
	struct request *r = requests_add(q, MSG_PUT_INFO, client, len);

	r->making = making;
}

void
requests_drop_makings(struct requests *q, struct str tree)
{
	struct turns_line *line, *next_line;
	struct turn *turn, *next;
	struct request *r;

	TAILQ_FOREACH_SAFE(line, &q->turns.ring, entry, next_line)
		TAILQ_FOREACH_SAFE(turn, &line->work, entry, next) {
			r = (struct request *)(void *)((char *)turn -
			    offsetof(struct request, turn));
			if (r->making != NULL &&
			    making_touches(r->making, tree))
				requests_remove(q, r);
		}
}

/*
 * Turns.
 */

/* One request's part of a turn. */
static enum step
run(struct requests *q, struct request *r, uint64_t ends_us)
{
	enum step step;

	q->mark_us = clock_cpu_us();
	if (r->type == MSG_PUT_INFO) {
		if (!requests_hold(q, r, making_need(r->making)))
			return STEP_WAIT;
		return making_run(r->making, ends_us) ? STEP_DONE : STEP_MORE;
	}
	do
		step = r->type == MSG_GET_PIECES ? run_pieces(q, r) :
		    r->tail.len > 0 ? run_touch(q, r) : run_info(q, r);
	while (step == STEP_MORE && clock_us() < ends_us);
	/* The buffer is for all. */
	if (r->type == MSG_GET_PIECES)
		flush_pieces(q, r);
	r->used_us += clock_cpu_us() - q->mark_us;
	return step;
}

bool
requests_turn(struct requests *q)
{
	uint64_t ends_us = clock_us() + TURN_US;
	struct request *r = requests_first(q);
	struct turns_line *line;
	enum step step;

	if (r == NULL)
		return false;
	do {
		line = r->turn.line;
		step = run(q, r, ends_us);
		if (q->lost) {
			q->lost = false;
			child_close_front(q->child);
			break;
		}
		if (step == STEP_DONE)
			requests_remove(q, r);
		/* The one that has the memory is the first of its client. */
		if (step == STEP_WAIT || clock_us() >= ends_us)
			turns_rotate(&q->turns, line);
		r = requests_first(q);
	} while (r != NULL && (step == STEP_WAIT || clock_us() < ends_us));
	if (q->entry.cap > ENTRY_KEPT)
		buf_free(&q->entry);
	return true;
}
