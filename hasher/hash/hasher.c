/* SPDX-License-Identifier: ISC */
/*
 * The hasher: SHA-1 of the pieces of files.  It runs as its user in an empty
 * directory and may only map the files that it is handed; it has no path and no
 * descriptor that can be written.  The front sends it open files and ranges of
 * them, each with the statement that a walker sealed for hashers: of another
 * file no digest is made.  It holds those files until it has answered, the keys
 * by which walkers seal for hashers, and those for its seals to the cache, one
 * per root, so that a walker cannot have files hashed as another's.  A break-in
 * here wins the contents of the files, which are public, and the power to seal
 * wrong digests, but no listing and no file for the cache; and it is hard to
 * break in, because the hasher never interprets the bytes that it reads.
 *
 * It accepts two batches: while it hashes one, the disk fetches the other.
 * Files are mapped, because hashing is so fast that a copy would cost half as
 * much again; only small ones are copied.
 */
#include <sys/mman.h>
#include <sys/param.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/child.h"
#include "common/clock.h"
#include "common/listing.h"
#include "common/log.h"
#include "common/mounts.h"
#include "common/platform.h"
#include "common/sandbox/selftest.h"
#include "common/torrent.h"
#include "hasher/hash/sha1_lanes.h"

#define BATCHES	2

#define READ_MAX	SLICE_MAX	/* bytes in a range */
#define READ_UNIT	(512ULL << 10)	/* bytes: in memory as one, or not */
/* The kernel cuts a longer request to the size that the disk takes at once,
   which is hardly ever less than this. */
#define AHEAD_STEP	(128ULL << 10)
/* Shorter ranges are copied: to map them takes longer. */
#define COPY_MAX	8192	/* bytes */
#define TRY_LEN		4096	/* bytes */
#define LOOK_LEN	32	/* bytes: so many zeros are hardly ever data */

/* The exit status that a shell shows for this signal. */
#define EXIT_SIGBUS	(128 + SIGBUS)

/* Digests of a batch: of whole pieces, of partial ones, and of those padded. */
#define BATCH_DIGESTS	(SLICE_MIN / PIECE_LEN_MIN + 2 * HASH_RANGES)

/* A file system such as squashfs does not tell: then all or nothing may be in
   memory. */
enum heat { HEAT_WARM, HEAT_COLD, HEAT_UNKNOWN };

/* A range to read; fd is open for reading. */
struct read_range {
	int		fd;
	uint64_t	offset;
	uint64_t	len;		/* bytes, up to READ_MAX */
	bool		holes;		/* in the file */
	/* A bit per unit: it was not in memory. */
	uint64_t	cold[READ_MAX / READ_UNIT / 64];
};

struct read_map {
	LIST_ENTRY(read_map)	 entry;
	const uint8_t		*data;	/* the range's bytes */
	uint8_t			*pages;	/* the start of the mapping */
	size_t			 len;	/* bytes from pages */
	volatile bool		 lost;	/* a page could not be read */
};

struct slice {
	struct read_range	read;
	const struct fstype	*type;	/* where the file lies */
	struct identity		sealed;	/* by the walker */
	uint8_t			path_sum[SEAL_LEN];	/* the same */
	uint32_t		walker;
	struct identity		identity;	/* before the first byte was
						   read */
	bool			settled;
	struct read_map		map;
	bool			mapped;
	const uint8_t		*data;		/* NULL: not there yet */
	enum digests_status	status;
	size_t			first_digest;	/* in batch.digests */
	uint32_t		count;		/* digests */
};

struct batch {
	uint64_t	id;
	uint32_t	piece_len;
	uint32_t	count;
	uint64_t	len;			/* bytes, all slices */
	struct slice	slices[HASH_RANGES];
	uint8_t		copies[HASH_RANGES][COPY_MAX];
};

/* The memory for hashing a batch and for its answer, shared by all batches. */
struct hash_scratch {
	struct sha1_lanes	*lanes;
	const struct seal_keys	*keys;
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
	struct hash_scratch	 scratch;
	const char		*sha1;		/* name of the code in use */
	int			 own;		/* for the self-test */
};

_Static_assert(HASH_RANGES * sizeof(struct msg_digests_item) +
    BATCH_DIGESTS * SHA1_LEN <= MSG_TAIL_MAX, "an answer is one message");

static LIST_HEAD(, read_map)	maps = LIST_HEAD_INITIALIZER(maps);
static size_t			page_size;

/*
 * Map zeros from the page that cannot be read to the end of its mapping, and
 * continue: hashing is not interrupted, and its digests are discarded.  The
 * signal comes between two instructions of a kernel, never within libc.
 */
static void
on_sigbus(int sig, siginfo_t *info, void *context)
{
	uint8_t		*at = info->si_addr;
	struct read_map	*map;
	int		 saved_errno = errno;

	(void)sig;
	(void)context;
	LIST_FOREACH(map, &maps, entry)
		if (at >= map->pages && at < map->pages + map->len)
			break;
	if (map == NULL)
		_exit(EXIT_SIGBUS);
	map->lost = true;
	at -= (uintptr_t)at % page_size;
	if (mmap(at, (size_t)(map->pages + map->len - at), PROT_READ,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		_exit(EXIT_SIGBUS);
	errno = saved_errno;
}

/*
 * Confine the damage of a page that cannot be read (the file was truncated, or
 * the disk is broken) to the mapping that it belongs to.  Before the sandbox.
 */
static void
read_init(void)
{
	struct sigaction	sa = {
		.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO
	};
	sigset_t		set;

	page_size = (size_t)sysconf(_SC_PAGESIZE);
	sigemptyset(&set);
	sigaddset(&set, SIGBUS);
	if (sigaction(SIGBUS, &sa, NULL) == -1 ||
	    sigprocmask(SIG_UNBLOCK, &set, NULL) == -1)
		fatal("SIGBUS: %s", strerror(errno));
}

/*
 * mincore(2) answers only the owner of a file, RWF_NOWAIT every reader.  The
 * first such read fills a hole, which then seems to have been in memory: in a
 * file with holes zeros prove nothing.
 */
static enum heat
read_heat(int fd, uint64_t offset, uint64_t len, bool holes)
{
	static const uint8_t	zeros[LOOK_LEN];
	uint8_t			bytes[LOOK_LEN];
	struct iovec		iov = { bytes, MIN(len, sizeof(bytes)) };
	ssize_t			n;

	n = preadv2(fd, &iov, 1, (off_t)offset, RWF_NOWAIT);
	if (n == -1)
		return errno == EAGAIN ? HEAT_COLD : HEAT_UNKNOWN;
	return holes && memcmp(bytes, zeros, (size_t)n) == 0 ? HEAT_COLD :
	    HEAT_WARM;
}

static void
fetch(int fd, uint64_t offset, uint64_t len)
{
	uint64_t	at;

	for (at = 0; at < len; at += AHEAD_STEP)
		posix_fadvise(fd, (off_t)(offset + at),
		    (off_t)MIN(AHEAD_STEP, len - at), POSIX_FADV_WILLNEED);
}

/* Find the units of the range that are not in memory, and have them fetched
   while the hasher works on something else. */
static void
read_ahead(struct read_range *range)
{
	uint64_t	at, len;
	enum heat	heat;
	unsigned	unit;

	memset(range->cold, 0, sizeof(range->cold));
	for (at = 0, unit = 0; at < range->len; at += len, unit++) {
		len = MIN(READ_UNIT, range->len - at);
		/* In the middle: reading the unit before, the kernel may have
		   read ahead into this one. */
		heat = read_heat(range->fd, range->offset + at + len / 2,
		    len - len / 2, range->holes);
		if (heat == HEAT_WARM)
			continue;
		fetch(range->fd, range->offset + at, len);
		if (heat == HEAT_COLD)
			range->cold[unit / 64] |= 1ULL << unit % 64;
	}
}

/* Copy a short range if all of it is in memory. */
static bool
read_copy(const struct read_range *range, uint8_t copy[COPY_MAX])
{
	struct iovec	iov = { copy, range->len };

	return range->len <= COPY_MAX && range->len > 0 && !range->holes &&
	    preadv2(range->fd, &iov, 1, (off_t)range->offset, RWF_NOWAIT) ==
	    (ssize_t)range->len;
}

/* Map a range that is not empty.  0, or -1 with errno.  The struct must not
   move until read_unmap(). */
static int
read_map(struct read_map *map, const struct read_range *range)
{
	/* A piece may be smaller than a page. */
	size_t	 skip = range->offset % page_size;
	void	*pages;

	pages = mmap(NULL, skip + range->len, PROT_READ, MAP_PRIVATE,
	    range->fd, (off_t)(range->offset - skip));
	if (pages == MAP_FAILED)
		return -1;
	/* This is cheaper than a fault for every few pages, which remains if
	   it fails.  MAP_POPULATE would retry a bad page for ever. */
	(void)madvise(pages, skip + range->len, MADV_POPULATE_READ);
	map->pages = pages;
	map->len = skip + range->len;
	map->data = map->pages + skip;
	map->lost = false;
	LIST_INSERT_HEAD(&maps, map, entry);
	return 0;
}

/* 0, or -1 if some page could not be read, so that the memory did not hold the
   bytes of the file. */
static int
read_unmap(struct read_map *map)
{
	LIST_REMOVE(map, entry);
	munmap(map->pages, map->len);
	return map->lost ? -1 : 0;
}

/* Release the units that read_ahead() found missing: a tree larger than memory
   would displace the files that clients download. */
static void
read_drop(const struct read_range *range)
{
	uint64_t	at, len;
	unsigned	unit;

	for (at = 0, unit = 0; at < range->len; at += len, unit++) {
		len = MIN(READ_UNIT, range->len - at);
		if (range->cold[unit / 64] & 1ULL << unit % 64)
			posix_fadvise(range->fd, (off_t)(range->offset + at),
			    (off_t)len, POSIX_FADV_DONTNEED);
	}
}

/*
 * Find the type of the file system.  An open descriptor keeps its mount from
 * going away.  If the kernel reuses mount numbers, ask it each time: nobody
 * tells the hasher of changes.
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

static void
slice_identify(const struct slice *slice, const struct mounts *mounts,
    const struct statx *stx, struct identity *id)
{
	identity_of(id, stx);
	id->mount = mounts_identity(mounts, slice->type, stx);
}

/*
 * Accept only a regular file that was opened for reading.  The front is not
 * trusted to pass on only the walker's files, and a FIFO would block the hasher
 * for ever.  The clock is read before the file's times: the identity after
 * hashing shows any later change.
 */
static enum msg_fault
slice_take_fd(struct slice *slice, struct mounts *mounts, int fd)
{
	int64_t		now = clock_real_ns();
	struct statx	stx;
	int		flags;

	flags = fcntl(fd, F_GETFL);
	if (flags == -1 || (flags & (O_ACCMODE | O_PATH)) != O_RDONLY ||
	    mounts_stat(fd, "", AT_EMPTY_PATH, &stx) == -1 ||
	    !S_ISREG(stx.stx_mode))
		return FAULT_FDS;
	slice->read.fd = fd;
	slice->read.holes = stx.stx_blocks < stx.stx_size / 512;
	slice->type = find_type(mounts, &stx, fd);
	slice_identify(slice, mounts, &stx, &slice->identity);
	slice->settled = identity_settled(&slice->identity, now,
	    slice->type != NULL && slice->type->local);
	return 0;
}

/* A range consists of whole pieces, except for the last one of the file. */
static bool
range_is_right(const struct msg_range *range, uint32_t piece_len)
{
	uint64_t	size = range->identity.size, end;

	if (size > INT64_MAX || range->offset > size ||
	    range->len > size - range->offset || range->len > READ_MAX)
		return false;
	end = range->offset + range->len;
	if (range->offset % piece_len != 0 ||
	    (end % piece_len != 0 && end != size) ||
	    end / piece_len > UINT32_MAX)
		return false;
	/* Only an empty file has an empty range. */
	return range->len > 0 || size == 0;
}

/* Did the walker of this root open that version of that path? */
static bool
range_is_sealed(const struct msg_range *range, const struct seal_keys *keys)
{
	const uint8_t	*key;
	uint8_t		 seal[SEAL_LEN];

	key = seal_key(keys, SEAL_WALKER_HASHER, range->walker);
	if (key == NULL)
		return false;
	seal_file(key, range->path_sum, &range->identity, seal);
	return seal_equal(seal, range->seal);
}

static enum msg_fault
slice_take(struct slice *slice, const struct msg_range *range,
    uint32_t piece_len, const struct seal_keys *keys, struct mounts *mounts,
    int fd)
{
	enum msg_fault	fault;

	if (!range_is_right(range, piece_len))
		return FAULT_CONTENT;
	memset(slice, 0, sizeof(*slice));
	fault = slice_take_fd(slice, mounts, fd);
	if (fault != FAULT_NONE)
		return fault;
	if (!range_is_sealed(range, keys))
		return FAULT_SEAL;
	slice->read.offset = range->offset;
	slice->read.len = range->len;
	slice->sealed = range->identity;
	memcpy(slice->path_sum, range->path_sum, SEAL_LEN);
	slice->walker = range->walker;
	return FAULT_NONE;
}

static enum msg_fault
batch_take(struct batch *batch, const struct seal_keys *keys,
    struct mounts *mounts, struct msg *msg)
{
	const struct msg_hash	*body = msg->body;
	struct msg_range	 range;
	enum msg_fault		 fault;
	uint32_t		 i;

	batch->id = body->id;
	batch->piece_len = body->piece_len;
	batch->count = body->count;
	batch->len = 0;
	if (!torrent_piece_len_ok(body->piece_len) || body->count == 0 ||
	    body->count > HASH_RANGES ||
	    msg->tail_len != body->count * sizeof(range))
		return FAULT_CONTENT;
	if ((uint32_t)msg->nfds != body->count)
		return FAULT_FDS;
	for (i = 0; i < body->count; i++) {
		memcpy(&range, msg->tail + i * sizeof(range), sizeof(range));
		fault = slice_take(&batch->slices[i], &range, body->piece_len,
		    keys, mounts, msg->fds[i]);
		if (fault != FAULT_NONE)
			return fault;
		batch->len += range.len;
	}
	if (batch->len > SLICE_LEN(batch->piece_len))
		return FAULT_CONTENT;
	msg->nfds = 0;
	return 0;
}

/* Only this line reports an error of the disk: the front gets just a status. */
static void
slice_fail(struct slice *slice, const char *error)
{
	log_warn("inode %ju, offset %ju: %s",
	    (uintmax_t)slice->identity.ino, (uintmax_t)slice->read.offset,
	    error);
	slice->status = DIGESTS_ERROR;
}

/* Get the identity of the file as it is now.  0, or -1 with errno. */
static int
slice_look(const struct slice *slice, const struct mounts *mounts,
    struct identity *id)
{
	struct statx	stx;

	if (mounts_stat(slice->read.fd, "", AT_EMPTY_PATH, &stx) == -1)
		return -1;
	slice_identify(slice, mounts, &stx, id);
	return 0;
}

/* Map the bytes, unless they have been copied. */
static void
slice_open(struct slice *slice)
{
	slice->status = DIGESTS_OK;
	/* The front may have passed on another file than the walker's. */
	if (!identity_same_open(&slice->identity, &slice->sealed)) {
		slice->status = DIGESTS_CHANGED;
		slice->data = NULL;
		return;
	}
	if (slice->read.len == 0 || slice->data != NULL)
		return;
	slice->mapped = read_map(&slice->map, &slice->read) == 0;
	if (slice->mapped)
		slice->data = slice->map.data;
	else
		slice_fail(slice, strerror(errno));
}

/* Get the identity again, after the last byte was read. */
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
	/* The kernel releases only pages that are not mapped. */
	read_drop(&slice->read);
}

/* Add a job for each piece; a partial last piece has a second digest. */
static size_t
slice_add_jobs(struct slice *slice, uint32_t piece_len,
    struct hash_scratch *scratch, size_t njobs)
{
	struct sha1_job	*job;
	uint64_t	 at, len;
	uint8_t		(*out)[SHA1_LEN];

	if (slice->data == NULL)
		return njobs;
	out = &scratch->digests[slice->first_digest];
	for (at = 0; at < slice->read.len; at += len) {
		len = MIN(piece_len, slice->read.len - at);
		job = &scratch->jobs[njobs++];
		job->data = slice->data + at;
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
    struct hash_scratch *scratch)
{
	const uint8_t		*digests;
	struct msg_digests_item	 item;

	digests = scratch->digests[slice->first_digest];
	memset(&item, 0, sizeof(item));
	item.status = slice->status;
	item.first = (uint32_t)(slice->read.offset / piece_len);
	item.count = slice->count;
	item.identity = slice->identity;
	if (slice->settled) {
		item.flags = DIGESTS_SETTLED;
		seal_digests(seal_key(scratch->keys, SEAL_HASHER_CACHE,
		    slice->walker), slice->path_sum, &item.identity, piece_len,
		    item.first, item.count, digests, item.seal);
	}
	memcpy(scratch->tail + scratch->tail_len, &item, sizeof(item));
	scratch->tail_len += sizeof(item);
	memcpy(scratch->tail + scratch->tail_len, digests,
	    (size_t)slice->count * SHA1_LEN);
	scratch->tail_len += (size_t)slice->count * SHA1_LEN;
}

static void
batch_hash(struct batch *batch, struct hash_scratch *scratch)
{
	struct slice	*slice;
	size_t		 njobs = 0, ndigests = 0;
	uint32_t	 i;

	for (i = 0; i < batch->count; i++) {
		slice = &batch->slices[i];
		slice->first_digest = ndigests;
		slice_open(slice);
		njobs = slice_add_jobs(slice, batch->piece_len, scratch, njobs);
		ndigests += slice->count;
	}
	sha1_lanes_run(scratch->lanes, scratch->jobs, njobs);
	scratch->tail_len = 0;
	for (i = 0; i < batch->count; i++) {
		slice_close(&batch->slices[i], scratch->mounts);
		slice_add_answer(&batch->slices[i], batch->piece_len, scratch);
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

/* The front has gone: discard its batches, and close their files. */
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

/* Called once: if the configuration asks for other code, the parent starts new
   hashers. */
static void
hasher_use_kernel(struct hasher *h)
{
	h->scratch.lanes = sha1_lanes_new(h->child.conf->sha1_impl, &h->sha1);
	if (h->scratch.lanes == NULL)
		fatal("no memory for digests");
	log_info("digests by %s", h->sha1);
}

static enum msg_fault
hasher_on_conf(struct hasher *h, const struct msg *msg)
{
	(void)child_on_conf(&h->child, msg);
	return FAULT_NONE;
}

static enum msg_fault
hasher_on_key(struct hasher *h, const struct msg *msg)
{
	return child_on_key(&h->child, msg);
}

static enum msg_fault
hasher_on_channel(struct hasher *h, struct msg *msg)
{
	return child_on_channel(&h->child, msg);
}

static enum msg_fault
hasher_on_status(struct hasher *h, const struct msg *msg)
{
	const uint64_t	*n = h->child.counts;
	double	gib = (double)n[COUNT_HASH_READ] / (1 << 30);
	double	busy_s = (double)n[COUNT_HASH_SUM] / 1e6;

	(void)msg;
	log_info("%.2f GiB hashed in %.2f s (%.2f GiB/s) and %ju batches by "
	    "%s, %u batches waiting", gib, busy_s,
	    busy_s > 0 ? gib / busy_s : 0,
	    (uintmax_t)counts_observed(n, COUNT_HASH), h->sha1, h->queued);
	return FAULT_NONE;
}

static enum msg_fault
hasher_on_hash(struct hasher *h, struct msg *msg)
{
	struct batch	*batch;
	struct slice	*slice;
	enum msg_fault	 fault;
	uint32_t	 i;

	batch = &h->batches[(h->first + h->queued) % BATCHES];
	fault = batch_take(batch, &h->child.keys, &h->mounts, msg);
	if (fault != 0)
		return fault;
	for (i = 0; i < batch->count; i++) {
		slice = &batch->slices[i];
		if (read_copy(&slice->read, batch->copies[i]))
			slice->data = batch->copies[i];
		else
			read_ahead(&slice->read);
	}
	h->queued++;
	return FAULT_NONE;
}

/* Messages to a hasher. */
#define HASHER_HANDLERS(X)						\
	X(CONF, hasher_on_conf)						\
	X(KEY, hasher_on_key)						\
	X(CHANNEL, hasher_on_channel)					\
	X(STATUS, hasher_on_status)					\
	X(HASH, hasher_on_hash)

CHANNEL_DISPATCH(hasher_on_message, struct hasher, HASHER_HANDLERS,
    PARENT | FRONT, HASHER);

static void
hasher_count(void *owner)
{
	struct hasher	*h = owner;

	h->child.counts[COUNT_HASH_BATCHES] = h->queued;
}

static const struct child_ops hasher_ops = {
	.message = hasher_on_message,
	.has_room = hasher_has_room,
	.front_closed = hasher_on_front_closed,
	.at_once = BATCHES,
	.count = hasher_count,
};

static void
hasher_answer(struct hasher *h)
{
	struct batch		*batch = &h->batches[h->first];
	struct msg_digests	 body = { .id = batch->id };
	uint64_t		 begun_us = clock_us();

	body.count = batch->count;
	batch_hash(batch, &h->scratch);
	counts_observe(h->child.counts, COUNT_HASH, clock_us() - begun_us);
	h->child.counts[COUNT_HASH_READ] += batch->len;
	h->first = (h->first + 1) % BATCHES;
	h->queued--;
	if (msg_send_wait(&h->child.front, MSG_DIGESTS, &body, h->scratch.tail,
	    h->scratch.tail_len, NULL, 0) == -1)
		child_close_front(&h->child);
	batch_close(batch);
}

/*
 * The self-test: try the hasher's system calls in the sandbox, on the only file
 * that it has: its own program, which it opened before.
 */

static int
try_fcntl(void *arg)
{
	return fcntl(*(int *)arg, F_GETFL);
}

/* Not statx(3): libc imitates it after ENOSYS, without the mount's number. */
static int
try_statx(void *arg)
{
	struct statx	stx;

	return (int)syscall(SYS_statx, *(int *)arg, "", AT_EMPTY_PATH |
	    AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &stx);
}

static int
try_fstatfs(void *arg)
{
	struct statfs	sfs;

	return fstatfs(*(int *)arg, &sfs);
}

/* Not preadv2(3): libc turns ENOSYS into EOPNOTSUPP, the answer of a file
   system without RWF_NOWAIT. */
static int
try_preadv2(void *arg)
{
	uint8_t		byte;
	struct iovec	iov = { &byte, 1 };

	return (int)syscall(SYS_preadv2, *(int *)arg, &iov, 1L, 0L, 0L,
	    RWF_NOWAIT);
}

static int
try_fadvise(void *arg)
{
	int	error = posix_fadvise(*(int *)arg, 0, TRY_LEN,
		    POSIX_FADV_WILLNEED);

	if (error == 0)
		return 0;
	errno = error;
	return -1;
}

static int
try_mmap(void *arg)
{
	void	*pages = mmap(NULL, TRY_LEN, PROT_READ, MAP_PRIVATE,
		    *(int *)arg, 0);

	if (pages == MAP_FAILED)
		return -1;
	return munmap(pages, TRY_LEN);
}

/* Linux before 5.14 answers EINVAL, which read_map() ignores. */
static int
try_madvise(void *arg)
{
	void	*pages = mmap(NULL, TRY_LEN, PROT_READ, MAP_PRIVATE,
		    *(int *)arg, 0);
	int	 rv, error;

	if (pages == MAP_FAILED)
		return 0;
	rv = madvise(pages, TRY_LEN, MADV_POPULATE_READ);
	error = errno;
	(void)munmap(pages, TRY_LEN);
	errno = error;
	return rv;
}

/* Read past the end of the file, to run the handler and return from it. */
static int
try_sigbus(void *arg)
{
	struct read_range	range = { .fd = *(int *)arg };
	struct read_map		map;
	struct stat		st;

	if (fstat(range.fd, &st) == -1)
		return 0;
	range.offset = ((uint64_t)st.st_size / TRY_LEN + 64) * TRY_LEN;
	range.len = TRY_LEN;
	if (read_map(&map, &range) == -1)
		return 0;
	(void)*(const volatile uint8_t *)map.data;
	(void)read_unmap(&map);
	return 0;
}

const struct selftest read_selftests[] = {
	{ "fcntl/fcntl64", try_fcntl, false },
	{ "statx", try_statx, false },
	{ "fstatfs/fstatfs64", try_fstatfs, false },
	{ "preadv2", try_preadv2, true },
	{ "fadvise64/fadvise64_64/arm_fadvise64_64", try_fadvise, true },
	{ "mmap/mmap2", try_mmap, false },
	{ "madvise", try_madvise, true },
	{ "rt_sigreturn", try_sigbus, false },
};
const size_t read_nselftests =
    sizeof(read_selftests) / sizeof(read_selftests[0]);

static void
hasher_selftest(void *owner, int dirfd)
{
	struct hasher	*h = owner;

	(void)dirfd;
	selftest_run(read_selftests, read_nselftests, &h->own);
	if (h->own != -1)
		close(h->own);
}

void
hasher_main(void)
{
	static struct hasher	h;

	child_start(&h.child, ROLE_HASHER, &hasher_ops, &h);
	h.scratch.mounts = &h.mounts;
	h.scratch.keys = &h.child.keys;
	hasher_use_kernel(&h);
	read_init();
	h.own = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	child_confine(&h.child, NULL, 0, hasher_selftest);
	for (;;) {
		(void)child_wait(&h.child, h.queued > 0 ? 0 : -1);
		if (h.queued > 0)
			hasher_answer(&h);
	}
}
