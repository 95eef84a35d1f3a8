/*
 * The hasher: SHA-1 of the pieces of files.  Runs as its user in an empty
 * directory, may map the files that it is handed and nothing else; no
 * descriptor that can be written, no path.  Is sent by the front: open files
 * and ranges of them.  Holds those files until it has answered, and the key
 * of the seals.  A break-in here wins the files' contents, which are public,
 * and the power to seal wrong digests of them; but there is hardly a way in,
 * since nothing of what is read is looked at.
 *
 * Two batches are taken at a time: while one is hashed the disk fetches the
 * other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/child.h"
#include "hasher/hash/batch.h"

#define BATCHES	2

struct hasher {
	struct child		 child;
	struct mounts		 mounts;
	struct batch		 batches[BATCHES];
	unsigned		 first;		/* the oldest */
	unsigned		 queued;
	struct batch_work	 work;
	uint64_t		 hashed;	/* bytes */
	uint64_t		 busy_us;
	uint64_t		 answered;	/* batches */
	int			 own;		/* for the selftest */
};

/* The front has gone, and its batches and files with it. */
static void
hasher_on_front_closed(void *owner)
{
	struct hasher	*h = owner;

	for (; h->queued > 0; h->queued--) {
		batch_close(&h->batches[h->first]);
		h->first = (h->first + 1) % BATCHES;
	}
}

static bool
hasher_has_room(void *owner)
{
	const struct hasher	*h = owner;

	return h->queued < BATCHES;
}

/* Once: for another one the parent starts other hashers. */
static void
hasher_use_kernel(struct hasher *h)
{
	h->work.lanes = sha1_lanes_new(h->child.conf->digest);
	if (h->work.lanes == NULL)
		fatal("no memory for digests");
	log_info("digests by %s", sha1_lanes_name(h->work.lanes));
}

static enum msg_fault
hasher_on_conf(struct hasher *h, const struct msg *msg)
{
	(void)child_on_conf(&h->child, msg);
	return FAULT_NONE;
}

static enum msg_fault
hasher_on_channel(struct hasher *h, struct msg *msg)
{
	return child_on_channel(&h->child, msg);
}

static enum msg_fault
hasher_on_status(struct hasher *h, const struct msg *msg)
{
	double	gib = (double)h->hashed / (1 << 30);
	double	busy_s = (double)h->busy_us / 1e6;

	(void)msg;
	log_info("%.2f GiB hashed in %.2f s (%.2f GiB/s) and %ju batches by "
	    "%s, %u batches waiting", gib, busy_s,
	    busy_s > 0 ? gib / busy_s : 0, (uintmax_t)h->answered,
	    sha1_lanes_name(h->work.lanes), h->queued);
	return FAULT_NONE;
}

static enum msg_fault
hasher_on_hash(struct hasher *h, struct msg *msg)
{
	struct batch	*batch;
	enum msg_fault	 fault;

	batch = &h->batches[(h->first + h->queued) % BATCHES];
	fault = batch_take(batch, &h->mounts, msg);
	if (fault != 0)
		return fault;
	batch_read_ahead(batch);
	h->queued++;
	return FAULT_NONE;
}

/* The messages that a hasher is sent. */
#define HASHER_HANDLERS(X)						\
	X(CONF, hasher_on_conf)						\
	X(KEY, child_on_key)						\
	X(CHANNEL, hasher_on_channel)					\
	X(STATUS, hasher_on_status)					\
	X(HASH, hasher_on_hash)

CHANNEL_DISPATCH(hasher_on_message, struct hasher, HASHER_HANDLERS,
    PARENT | FRONT, HASHER);

static const struct child_ops hasher_ops = {
	.message = hasher_on_message,
	.has_room = hasher_has_room,
	.front_closed = hasher_on_front_closed,
	.at_once = BATCHES,
};

static void
hasher_answer(struct hasher *h)
{
	struct batch		*batch = &h->batches[h->first];
	struct msg_digests	 body = { .id = batch->id };
	uint64_t		 begun_us = clock_us(), us;

	body.count = batch->count;
	batch_hash(batch, &h->work);
	us = clock_us() - begun_us;
	h->hashed += batch->len;
	h->busy_us += us;
	h->answered++;
	h->first = (h->first + 1) % BATCHES;
	h->queued--;
	if (msg_send_wait(&h->child.front, MSG_DIGESTS, &body, h->work.tail,
	    h->work.tail_len, NULL, 0) == -1)
		child_close_front(&h->child);
	batch_close(batch);
}

static void
hasher_selftest(void *owner, int dirfd)
{
	struct hasher	*h = owner;

	(void)dirfd;
	read_selftest(h->own);
}

void
hasher_main(void)
{
	static struct hasher	h;

	child_start(&h.child, ROLE_HASHER, &hasher_ops, &h);
	h.work.mounts = &h.mounts;
	h.work.seal = seal_new(h.child.key);
	if (h.work.seal == NULL)
		fatal("no memory for seals");
	hasher_use_kernel(&h);
	read_init();
	h.own = read_open_own();
	child_confine(&h.child, NULL, 0, hasher_selftest);
	for (;;) {
		(void)child_wait(&h.child, h.queued > 0 ? 0 : -1);
		if (h.queued > 0)
			hasher_answer(&h);
	}
}
