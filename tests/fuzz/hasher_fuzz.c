/* SPDX-License-Identifier: ISC */
/*
 * The hasher and a front that does as it likes: ranges of real files, right
 * ones and others, with the seals of two walkers, right ones and others,
 * descriptors of all kinds, too many and too few, and any bytes as a message.
 *
 * All digests in answers are those of the bytes by OpenSSL, under the seal of
 * just that, and of a path and file that a walker has sealed.
 */
#include <sys/mman.h>

#include "common/listing.h"
#include "common/msg.h"

static int	fuzz_answer(struct channel *, enum msg_type, const void *,
		    const void *, size_t, const int *, int);

#define msg_send_wait	fuzz_answer
#include "hasher/hash/hasher.c"
#undef msg_send_wait

#include "common/torrent.h"
#include "tests/lib/fuzz.h"

#define NFILES		4
#define WALKERS		2
#define LEN_MAX		(200U << 10)
#define DESCRIPTORS	128

static struct hasher	 h;
static uint8_t		 contents[NFILES][LEN_MAX + 16384];
static const uint64_t	 sizes[NFILES] = { 0, 100, 3 * 16384 + 5, LEN_MAX };
static struct identity	 ids[NFILES];
static int		 files[NFILES];	/* read-only */
static uint8_t		 path_sums[NFILES][SEAL_LEN];
static int		 others[3];	/* writable, a pipe, a directory */

/* The digests of one item are those of the range that it is of. */
static void
check_item(const struct msg_digests_item *item, const uint8_t *digests,
    const struct slice *slice, uint32_t piece_len)
{
	uint64_t at = slice->read.offset, end = at + slice->read.len, len;
	uint8_t digest[SHA1_LEN], seal[SEAL_LEN];
	uint32_t n = 0;
	int i;

	if (item->status != DIGESTS_OK) {
		require(item->count == 0 && item->flags == 0);
		return;
	}
	for (i = 0; i < NFILES; i++)
		if (ids[i].ino == item->identity.ino)
			break;
	require(i < NFILES && identity_same(&ids[i], &item->identity));
	require(memcmp(slice->path_sum, path_sums[i], SEAL_LEN) == 0);
	require(slice->walker == (uint32_t)i % WALKERS);
	require(item->first == at / piece_len && end <= sizes[i]);
	for (; at < end; at += len) {
		len = end - at < piece_len ? end - at : piece_len;
		sha1(contents[i] + at, len, digest);
		require(n < item->count && memcmp(digest, digests +
		    n++ * SHA1_LEN, SHA1_LEN) == 0);
		if (len == piece_len)
			continue;
		/* Past the end the contents are zeros. */
		if (at + piece_len <= sizeof(contents[i])) {
			sha1(contents[i] + at, piece_len, digest);
			require(memcmp(digest, digests + n * SHA1_LEN,
			    SHA1_LEN) == 0);
		}
		n++;
	}
	require(n == item->count);
	memset(seal, 0, sizeof(seal));
	if (item->flags & DIGESTS_SETTLED)
		seal_digests(h.child.keys.v[SEAL_HASHER_CACHE][i % WALKERS],
		    path_sums[i], &item->identity, piece_len, item->first,
		    item->count, digests, seal);
	require(memcmp(seal, item->seal, SEAL_LEN) == 0);
}

static int
fuzz_answer(struct channel *ch, enum msg_type type, const void *body,
    const void *tail, size_t len, const int *fds, int nfds)
{
	/* It has been taken off the queue already. */
	const struct batch *b = &h.batches[(h.first + BATCHES - 1) % BATCHES];
	const struct msg_digests *answer = body;
	const uint8_t *at = tail;
	struct msg_digests_item item;
	uint32_t i;

	(void)fds;
	require(ch == &h.child.front && type == MSG_DIGESTS);
	require(msg_check(type, ROLE_HASHER, ROLE_FRONT,
	    msg_body_len(type) + len, nfds) == 0);
	require(answer->id == b->id && answer->count == b->count);
	for (i = 0; i < answer->count; i++) {
		require(len >= sizeof(item));
		memcpy(&item, at, sizeof(item));
		at += sizeof(item);
		len -= sizeof(item);
		require(len / SHA1_LEN >= item.count);
		check_item(&item, at, &b->slices[i], b->piece_len);
		at += (size_t)item.count * SHA1_LEN;
		len -= (size_t)item.count * SHA1_LEN;
	}
	require(len == 0);
	return 0;
}

static void
new_front(void)
{
	struct msg_channel body = { .role = ROLE_FRONT };
	struct msg msg = { .type = MSG_CHANNEL, .body = &body, .nfds = 1 };

	msg.fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	require(hasher_on_message(&h, &msg) == FAULT_NONE);
}

/* As child_wait() does it. */
static void
give(const struct msg_hash *body, const struct buf *tail, const int *fds,
    int nfds)
{
	struct msg msg = { .type = MSG_HASH, .body = body };
	enum msg_fault fault;
	int i;

	if (msg_check(MSG_HASH, ROLE_FRONT, ROLE_HASHER, sizeof(*body) +
	    tail->len, nfds) != 0)
		return;
	if (h.queued == BATCHES)
		hasher_answer(&h);
	msg.tail = tail->data;
	msg.tail_len = tail->len;
	for (i = 0; i < nfds; i++)
		msg.fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
	msg.nfds = nfds;
	fault = hasher_on_message(&h, &msg);
	msg_close_fds(&msg);
	require(fault == FAULT_NONE || fault == FAULT_CONTENT ||
	    fault == FAULT_FDS || fault == FAULT_SEAL);
	if (fault != FAULT_NONE)
		new_front();
}

/* By the walker of a root, or not: by a key that the hasher has for another
   end, or by nobody's. */
static void
seal_range(struct msg_range *range, uint8_t file, uint8_t how)
{
	static const uint8_t nobodys[SEAL_LEN] = "the front's";
	uint8_t *bytes = (uint8_t *)range;

	range->walker = file % WALKERS;
	range->identity.ino = ids[file].ino;
	range->identity.mtime_ns = ids[file].mtime_ns;
	range->identity.ctime_ns = ids[file].ctime_ns;
	memcpy(range->path_sum, path_sums[file], SEAL_LEN);
	if (how % 8 == 1)
		range->walker++;
	seal_file(how % 8 == 2 ? nobodys : how % 8 == 3 ?
	    h.child.keys.v[SEAL_HASHER_CACHE][file % WALKERS] :
	    h.child.keys.v[SEAL_WALKER_HASHER][file % WALKERS],
	    range->path_sum, &range->identity, range->seal);
	if (how % 8 == 4)
		bytes[next() % sizeof(*range)] ^= (uint8_t)(1 + next() % 255);
}

static void
hash(uint8_t arg)
{
	struct msg_hash body = { .id = arg, .piece_len = 16384U << arg % 3 };
	int fds[MSG_FDS_MAX], nfds = 0;
	struct buf tail = { 0 };
	struct msg_range range;
	uint8_t what, file;

	for (body.count = 0; body.count <= arg / 16U; body.count++) {
		memset(&range, 0, sizeof(range));
		what = next();
		file = what % NFILES;
		range.identity.size = sizes[file];
		range.offset = (uint64_t)(next() % 8) * body.piece_len;
		range.len = range.offset < sizes[file] ? sizes[file] -
		    range.offset : 0;
		if (what & 4)
			range.len = body.piece_len * (uint64_t)(next() % 4);
		if (what & 8)
			range.len = next_number();
		if ((what & 16) && next() % 4 == 0)
			range.offset = next_number();
		if ((what & 32) && next() % 4 == 0)
			range.identity.size = next_number();
		seal_range(&range, file, what & 64 ? next() : 0);
		fds[nfds++] = next() % 16 == 0 ? others[next() % 3] :
		    files[file];
		require(buf_add(&tail, &range, sizeof(range)) == 0);
	}
	if (next() % 32 == 0 && nfds > 0)
		nfds--;
	if (next() % 32 == 0)
		fds[nfds++] = files[1];
	give(&body, &tail, fds, nfds);
	buf_free(&tail);
}

static void
babble(void)
{
	struct msg_hash body = { .id = next(), .piece_len = next_number(),
	    .count = next() };
	struct buf tail = { 0 };

	next_bytes(&tail, next());
	give(&body, &tail, files, next() % NFILES);
	buf_free(&tail);
}

static void
step(void)
{
	uint8_t what = next(), arg = next();

	switch (what % 8) {
	default:
		hash(arg);
		break;
	case 5:
		babble();
		break;
	case 6:
		if (h.queued > 0)
			hasher_answer(&h);
		break;
	case 7:
		if (arg % 8 == 0)
			new_front();
		break;
	}
}

static void
start(void)
{
	struct statx stx;
	char name[64];
	uint64_t j;
	int i, fd, pair[2];

	log_set_level(-1);
	read_init();
	for (i = 0; i < NFILES; i++) {
		for (j = 0; j < sizes[i]; j++)
			contents[i][j] = (uint8_t)((uint32_t)(j + 1) *
			    2654435761U >> 24 ^ (uint32_t)i);
		fd = memfd_create("file", MFD_CLOEXEC);
		require(fd != -1 && write(fd, contents[i], sizes[i]) ==
		    (ssize_t)sizes[i]);
		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		files[i] = open(name, O_RDONLY | O_CLOEXEC);
		require(files[i] != -1);
		require(mounts_stat(fd, "", AT_EMPTY_PATH, &stx) == 0);
		identity_of(&ids[i], &stx);
		path_sums[i][0] = (uint8_t)(1 + i);
		others[0] = fd;
	}
	require(pipe(pair) == 0);
	others[1] = pair[0];
	others[2] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	h.child.conf = fuzz_conf("root /srv\nroot /d /srv2\nhashers 1\n");
	h.child.keys.n[SEAL_WALKER_HASHER] = WALKERS;
	h.child.keys.n[SEAL_HASHER_CACHE] = WALKERS;
	for (i = 0; i < WALKERS; i++) {
		h.child.keys.v[SEAL_WALKER_HASHER][i][0] = (uint8_t)(1 + i);
		h.child.keys.v[SEAL_HASHER_CACHE][i][0] = (uint8_t)(99 + i);
	}
	h.child.new_keys = h.child.keys;
	h.scratch.keys = &h.child.keys;
	hasher_use_kernel(&h);
	h.child.front.fd = -1;
	h.child.ops = &hasher_ops;
	h.child.owner = &h;
	h.child.parent.self = ROLE_HASHER;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int before;

	if (h.child.conf == NULL)
		start();
	in = data;
	in_len = len;
	before = count_descriptors(DESCRIPTORS);
	new_front();
	while (in_len > 0)
		step();
	while (h.queued > 0)
		hasher_answer(&h);
	child_close_front(&h.child);
	require(count_descriptors(DESCRIPTORS) == before);
	return 0;
}
