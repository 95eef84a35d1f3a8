/*
 * The hasher: SHA-1 of the pieces of files.  Runs as its user in an empty
 * directory, may map the files that it is handed and nothing else; no
 * descriptor that can be written, no path.  Is sent by the front: open files
 * and ranges of them.  Holds those files until their last range, and the key
 * of the seals.  A break-in here wins the files' contents, which are public,
 * and the power to seal wrong digests of them; but there is hardly a way in,
 * since nothing of what is read is looked at.
 *
 * Two batches are taken at a time: while one is hashed the disk fetches the
 * other.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/role.h"
#include "common/sandbox/sandbox.h"
#include "hasher/hash/batch.h"

#define BATCHES	2

struct hasher {
	struct child		 child;
	struct channel		 front;
	struct slots		 slots;
	struct mounts		 mounts;
	struct batch		 batches[BATCHES];
	unsigned		 first;		/* the oldest */
	unsigned		 queued;
	struct batch_work	 work;
	uint64_t		 hashed;	/* bytes */
	uint64_t		 busy_us;
	uint64_t		 answered;	/* batches */
};

/* The front has gone, or has to: all that it gave us goes too. */
static void
hasher_close_front(struct hasher *h)
{
	if (h->front.fd == -1)
		return;
	close(h->front.fd);
	h->front.fd = -1;
	for (; h->queued > 0; h->queued--) {
		batch_close(&h->batches[h->first]);
		h->first = (h->first + 1) % BATCHES;
	}
	slots_close(&h->slots);
}

static void
hasher_refuse(struct hasher *h, uint32_t type, enum msg_fault fault)
{
	struct msg_wrong	wrong = {
		.role = h->front.peer, .index = h->front.index,
		.type = type, .fault = fault
	};

	child_report(&h->child, &wrong);
	hasher_close_front(h);
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

static void
hasher_on_conf(struct hasher *h, struct msg *msg)
{
	child_on_message(&h->child, msg);
}

static void
hasher_on_channel(struct hasher *h, struct msg *msg)
{
	const struct msg_channel	*body = msg->body;

	hasher_close_front(h);
	memset(&h->front, 0, sizeof(h->front));
	h->front.fd = msg->fds[0];
	h->front.self = ROLE_HASHER;
	h->front.peer = ROLE_FRONT;
	h->front.index = body->index;
	msg->nfds = 0;
}

static void
hasher_on_status(struct hasher *h, struct msg *msg)
{
	double	gib = (double)h->hashed / (1 << 30);
	double	busy_s = (double)h->busy_us / 1e6;

	(void)msg;
	log_info("%.2f GiB hashed in %.2f s (%.2f GiB/s) and %ju batches by "
	    "%s, %u batches waiting", gib, busy_s,
	    busy_s > 0 ? gib / busy_s : 0, (uintmax_t)h->answered,
	    sha1_lanes_name(h->work.lanes), h->queued);
}

static void
hasher_on_hash(struct hasher *h, struct msg *msg)
{
	struct batch	*batch;
	enum msg_fault	 fault;

	batch = &h->batches[(h->first + h->queued) % BATCHES];
	fault = batch_take(batch, &h->slots, msg);
	if (fault != 0) {
		batch_close(batch);
		hasher_refuse(h, MSG_HASH, fault);
		return;
	}
	batch_read_ahead(batch);
	h->queued++;
}

/* What the table of messages lets the parent and the front send us. */
static void (*const handlers[MSG_COUNT])(struct hasher *, struct msg *) = {
	[MSG_CONF] = hasher_on_conf,
	[MSG_CHANNEL] = hasher_on_channel,
	[MSG_STATUS] = hasher_on_status,
	[MSG_HASH] = hasher_on_hash,
};

static void
hasher_receive(struct hasher *h, struct channel *channel)
{
	struct msg		 msg;
	struct msg_wrong	 wrong;

	switch (msg_recv(channel, h->child.buf, &msg, &wrong)) {
	case MSG_GOT:
		/* A second key is not used: what is sealed stays so. */
		if (handlers[msg.type] != NULL)
			handlers[msg.type](h, &msg);
		msg_close_fds(&msg);
		break;
	case MSG_AGAIN:
		break;
	case MSG_CLOSED:
		if (channel == &h->child.parent)
			_exit(0);
		hasher_close_front(h);
		break;
	case MSG_WRONG_ONE:
		if (channel == &h->child.parent)
			fatal("wrong message %s of the parent",
			    msg_name(wrong.type));
		hasher_refuse(h, wrong.type, wrong.fault);
		break;
	}
}

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
	if (msg_send_wait(&h->front, MSG_DIGESTS, &body, h->work.tail,
	    h->work.tail_len, NULL, 0) == -1)
		hasher_close_front(h);
	batch_close(batch);
}

/* One turn: everything that has come, then the oldest batch. */
static void
hasher_turn(struct hasher *h)
{
	struct pollfd	pfd[2] = {
		{ .fd = h->child.parent.fd, .events = POLLIN },
		{ .fd = h->front.fd, .events = POLLIN },
	};

	if (h->queued == BATCHES)
		pfd[1].fd = -1;
	if (poll(pfd, 2, h->queued > 0 ? 0 : -1) == -1) {
		if (errno != EINTR)
			fatal("poll: %s", strerror(errno));
		return;
	}
	if (pfd[0].revents != 0)
		hasher_receive(h, &h->child.parent);
	else if (pfd[1].revents != 0 && h->front.fd != -1)
		hasher_receive(h, &h->front);
	else if (h->queued > 0)
		hasher_answer(h);
}

void
hasher_main(void)
{
	static struct hasher	h;
	struct sandbox		sandbox;
	char			layers[256];
	int			dirfd, own;

	h.front.fd = -1;
	slots_init(&h.slots, &h.mounts);
	h.work.mounts = &h.mounts;
	child_start(&h.child, ROLE_HASHER);
	h.work.seal = seal_new(h.child.key);
	if (h.work.seal == NULL)
		fatal("no memory for seals");
	hasher_use_kernel(&h);
	read_init();
	memset(&sandbox, 0, sizeof(sandbox));
	sandbox.role = ROLE_HASHER;
	sandbox.root = (h.child.flags & CONF_ROOT) != 0;
	sandbox.strict = h.child.conf->strict;
	sandbox.user = h.child.conf->user[ROLE_HASHER];
	sandbox.channel_fd = h.child.parent.fd;
	own = read_open_own();
	sandbox_enter(&sandbox, &dirfd, layers, sizeof(layers));
	read_selftest(own);
	child_ready(&h.child, layers);
	for (;;)
		hasher_turn(&h);
}
