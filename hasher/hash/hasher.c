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
#include <sys/param.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/child.h"
#include "common/clock.h"
#include "common/listing.h"
#include "common/log.h"
#include "common/mounts.h"
#include "common/msg.h"
#include "common/seal.h"
#include "hasher/hash/read.h"
#include "hasher/hash/sha1_lanes.h"

#define BATCHES	2

#define PIECE_LEN_MIN	(16U << 10)
#define PIECE_LEN_MAX	(16U << 20)

/* Digests of a batch: of whole pieces, of partial ones, and of those padded. */
#define BATCH_DIGESTS	(SLICE_MIN / PIECE_LEN_MIN + 2 * HASH_RANGES)

struct slice {
	struct read_range	read;
	const struct fstype	*type;	/* where the file lies */
	uint64_t		size;	/* of the file as the front knows it */
	struct read_map		map;
	bool			mapped;
	enum digests_status	status;
	bool			settled;
	struct identity		identity;
	size_t			first_digest;	/* in batch.digests */
	uint32_t		count;		/* digests */
};

struct batch {
	uint64_t	id;
	uint32_t	piece_len;
	uint32_t	count;
	uint64_t	len;			/* bytes, all slices */
	struct slice	slices[HASH_RANGES];
};

/* What hashing needs and what it leaves: one for all batches. */
struct batch_work {
	struct sha1_lanes	*lanes;
	struct seal		*seal;
	const struct mounts	*mounts;
	struct sha1_job		 jobs[BATCH_DIGESTS];
	uint8_t			 digests[BATCH_DIGESTS][SHA1_LEN];
	uint8_t			 tail[MSG_TAIL_MAX];
	size_t			 tail_len;
};

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

_Static_assert(HASH_RANGES * sizeof(struct msg_digests_item) +
    BATCH_DIGESTS * SHA1_LEN <= MSG_TAIL_MAX, "an answer is one message");

/*
 * The type of the file system, once for each descriptor, which keeps its mount
 * from going away.  Numbers that can be used again are asked for anew each
 * time: nobody tells us of changes.
 */
static const struct fstype *
find_type(struct mounts *mounts, const struct statx *stx, int fd)
{
	struct mount	*m;

	mounts_changed(mounts, 0);
	m = mounts_find(mounts, stx);
	if (m == NULL)
		m = mounts_learn(mounts, stx, fd);
	return m != NULL ? m->type : NULL;
}

/*
 * Only a regular file that was opened for reading: the walker is trusted to
 * send that, the front is not, and a FIFO would hold us up for ever.
 */
static enum msg_fault
slice_take_fd(struct slice *slice, struct mounts *mounts, int fd)
{
	struct statx	stx;
	int		flags;

	flags = fcntl(fd, F_GETFL);
	if (flags == -1 || (flags & (O_ACCMODE | O_PATH)) != O_RDONLY ||
	    mounts_stat(fd, "", AT_EMPTY_PATH, &stx) == -1 ||
	    !S_ISREG(stx.stx_mode))
		return FAULT_FDS;
	slice->read.fd = fd;
	slice->type = find_type(mounts, &stx, fd);
	return 0;
}

/* Pieces that the range has, all whole but the last one of the file. */
static bool
range_is_right(const struct msg_range *range, uint32_t piece_len)
{
	uint64_t	end;

	if (range->size > INT64_MAX || range->offset > range->size ||
	    range->len > range->size - range->offset ||
	    range->len > READ_MAX)
		return false;
	end = range->offset + range->len;
	if (range->offset % piece_len != 0 ||
	    (end % piece_len != 0 && end != range->size) ||
	    end / piece_len > UINT32_MAX)
		return false;
	/* There is nothing to hash in an empty file only. */
	return range->len > 0 || range->size == 0;
}

static enum msg_fault
batch_take(struct batch *batch, struct mounts *mounts, struct msg *msg)
{
	const struct msg_hash	*body = msg->body;
	struct msg_range	 range;
	struct slice		*slice;
	enum msg_fault		 fault;
	uint32_t		 i;

	batch->id = body->id;
	batch->piece_len = body->piece_len;
	batch->count = body->count;
	batch->len = 0;
	if (!powerof2(body->piece_len) || body->piece_len < PIECE_LEN_MIN ||
	    body->piece_len > PIECE_LEN_MAX || body->count == 0 ||
	    body->count > HASH_RANGES ||
	    msg->tail_len != body->count * sizeof(range))
		return FAULT_CONTENT;
	if ((uint32_t)msg->nfds != body->count)
		return FAULT_FDS;
	for (i = 0; i < body->count; i++) {
		memcpy(&range, msg->tail + i * sizeof(range), sizeof(range));
		if (!range_is_right(&range, body->piece_len))
			return FAULT_CONTENT;
		slice = &batch->slices[i];
		memset(slice, 0, sizeof(*slice));
		fault = slice_take_fd(slice, mounts, msg->fds[i]);
		if (fault != 0)
			return fault;
		slice->read.offset = range.offset;
		slice->read.len = range.len;
		slice->size = range.size;
		batch->len += range.len;
	}
	if (batch->len > SLICE_LEN(batch->piece_len))
		return FAULT_CONTENT;
	msg->nfds = 0;
	return 0;
}

static void
batch_read_ahead(struct batch *batch)
{
	uint32_t	i;

	for (i = 0; i < batch->count; i++)
		read_ahead(&batch->slices[i].read);
}

/* The disk, not the file: nobody else will say so. */
static void
slice_fail(struct slice *slice, const char *what)
{
	log_warn("inode %ju, offset %ju: %s",
	    (uintmax_t)slice->identity.ino, (uintmax_t)slice->read.offset,
	    what);
	slice->status = DIGESTS_ERROR;
}

/* The identity of the file as it is now. 0, or -1 with errno. */
static int
slice_look(const struct slice *slice, const struct mounts *mounts,
    struct identity *id)
{
	struct statx	stx;

	if (mounts_stat(slice->read.fd, "", AT_EMPTY_PATH, &stx) == -1)
		return -1;
	identity_of(id, &stx);
	id->mount = mounts_identity(mounts, slice->type, &stx);
	return 0;
}

/*
 * The first look at the file, and its bytes.  The clock is read before the
 * file's times are: a change after that is in the identity that follows.
 */
static void
slice_open(struct slice *slice, const struct mounts *mounts)
{
	int64_t	now = clock_real_ns();

	slice->status = DIGESTS_OK;
	if (slice_look(slice, mounts, &slice->identity) == -1) {
		slice_fail(slice, strerror(errno));
		return;
	}
	if (slice->identity.size != slice->size) {
		slice->status = DIGESTS_CHANGED;
		return;
	}
	slice->settled = identity_settled(&slice->identity, now,
	    slice->type != NULL && slice->type->local);
	if (slice->read.len == 0)
		return;
	slice->mapped = read_map(&slice->map, &slice->read) == 0;
	if (!slice->mapped)
		slice_fail(slice, strerror(errno));
}

/* The second look, after the last byte was read. */
static void
slice_close(struct slice *slice, const struct mounts *mounts)
{
	struct identity	after;
	bool		lost = false;

	if (slice->mapped)
		lost = read_unmap(&slice->map) == -1;
	slice->mapped = false;
	if (slice->status == DIGESTS_OK) {
		if (slice_look(slice, mounts, &after) == -1)
			slice_fail(slice, strerror(errno));
		else if (!identity_same_open(&slice->identity, &after))
			slice->status = DIGESTS_CHANGED;
		else if (lost)
			slice_fail(slice, "cannot be read");
	}
	if (slice->status != DIGESTS_OK) {
		slice->settled = false;
		slice->count = 0;
	}
	/* Pages can be let go only when nobody has them mapped. */
	read_drop(&slice->read);
}

/* One job for each piece, one more digest where a partial one ends it. */
static size_t
slice_add_jobs(struct slice *slice, uint32_t piece_len,
    struct batch_work *work, size_t njobs)
{
	struct sha1_job	*job;
	uint64_t	 at, len;
	uint8_t		(*out)[SHA1_LEN];

	if (!slice->mapped)
		return njobs;
	out = &work->digests[slice->first_digest];
	for (at = 0; at < slice->read.len; at += len) {
		len = MIN(piece_len, slice->read.len - at);
		job = &work->jobs[njobs++];
		job->data = slice->map.data + at;
		job->len = len;
		job->digest = out[slice->count++];
		job->padded_len = 0;
		if (len < piece_len) {
			job->padded_len = piece_len;
			job->padded = out[slice->count++];
		}
	}
	return njobs;
}

static void
slice_add_answer(const struct slice *slice, uint32_t piece_len,
    struct batch_work *work)
{
	const uint8_t		*digests = work->digests[slice->first_digest];
	struct msg_digests_item	 item;

	memset(&item, 0, sizeof(item));
	item.status = slice->status;
	item.first = (uint32_t)(slice->read.offset / piece_len);
	item.count = slice->count;
	item.identity = slice->identity;
	if (slice->settled) {
		item.flags = DIGESTS_SETTLED;
		seal_digests(work->seal, &item.identity, piece_len,
		    item.first, item.count, digests, item.seal);
	}
	memcpy(work->tail + work->tail_len, &item, sizeof(item));
	work->tail_len += sizeof(item);
	memcpy(work->tail + work->tail_len, digests,
	    (size_t)slice->count * SHA1_LEN);
	work->tail_len += (size_t)slice->count * SHA1_LEN;
}

static void
batch_hash(struct batch *batch, struct batch_work *work)
{
	struct slice	*slice;
	size_t		 njobs = 0, ndigests = 0;
	uint32_t	 i;

	for (i = 0; i < batch->count; i++) {
		slice = &batch->slices[i];
		slice->first_digest = ndigests;
		slice_open(slice, work->mounts);
		njobs = slice_add_jobs(slice, batch->piece_len, work, njobs);
		ndigests += slice->count;
	}
	sha1_lanes_run(work->lanes, work->jobs, njobs);
	work->tail_len = 0;
	for (i = 0; i < batch->count; i++) {
		slice_close(&batch->slices[i], work->mounts);
		slice_add_answer(&batch->slices[i], batch->piece_len, work);
	}
}

static void
batch_close(struct batch *batch)
{
	uint32_t	i;

	for (i = 0; i < batch->count; i++)
		close(batch->slices[i].read.fd);
	batch->count = 0;
}

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
