/* SPDX-License-Identifier: ISC */
/* A hasher that gets messages of no honest front, and the descriptors that it
   closes. */
#include <sys/file.h>
#include <sys/mman.h>

#include "tests/lib/hash_rig.h"
#include "tests/lib/test.h"

static struct rig	h;

/* The hasher has reported a broken rule, and closed the channel. */
static void
check_refused(struct rig *rig, enum msg_fault fault)
{
	struct msg_wrong	wrong;

	proc_await_blame(&rig->proc, ROLE_FRONT, HASH_INDEX, MSG_HASH, fault,
	    "the front");
	while (msg_recv(&rig->front, rig->buf, &rig->msg, &wrong) !=
	    MSG_CLOSED)
		proc_wait(&rig->proc, rig->front.fd, POLLIN);
	close(rig->front.fd);
	rig_connect(rig);
}

TEST(descriptor__of_a_wrong_kind)
{
	struct msg_range	range = whole(PIECE);
	int			fds[8], i, n = 0;

	close(hash_file("file", PIECE, NULL));
	ATF_REQUIRE_EQ(0, mkfifo("fifo", 0644));
	fds[n++] = open(".", O_RDONLY);
	fds[n++] = open("fifo", O_RDONLY | O_NONBLOCK);
	fds[n++] = open("file", O_WRONLY);
	fds[n++] = open("file", O_RDWR);
	fds[n++] = open("file", O_PATH);
	fds[n++] = open("/dev/zero", O_RDONLY);
	fds[n++] = socket(AF_UNIX, SOCK_STREAM, 0);
	fds[n++] = memfd_create("memory", 0);
	rig_start(&h, "auto");
	for (i = 0; i < n; i++) {
		ATF_REQUIRE(fds[i] != -1);
		rig_send(&h, PIECE, &range, 1, &fds[i], 1);
		check_refused(&h, FAULT_FDS);
	}
	check_file(&h, "good", PIECE, PIECE);
}

TEST(descriptor__one_too_many)
{
	struct msg_range	ranges[HASH_RANGES];
	int			fds[HASH_RANGES], i;

	fds[0] = hash_file("file", PIECE, NULL);
	for (i = 0; i < HASH_RANGES; i++) {
		fds[i] = fds[0];
		ranges[i] = whole(PIECE);
	}
	rig_start(&h, "auto");
	for (i = 1; i < HASH_RANGES; i++) {
		rig_send(&h, PIECE, ranges, (uint32_t)i, fds, i + 1);
		check_refused(&h, FAULT_FDS);
		/* The files of the batch before are not at hand any more. */
		rig_send(&h, PIECE, ranges, (uint32_t)i, fds, i);
		rig_expect_digests(&h, h.next_id - 1, (uint32_t)i);
		rig_send(&h, PIECE, ranges, (uint32_t)i + 1, fds, i);
		check_refused(&h, FAULT_FDS);
	}
	check_file(&h, "good", PIECE, PIECE);
}

TEST(range__that_lies)
{
	const struct {
		uint32_t	piece_len;
		uint64_t	offset;
		uint64_t	len;
		uint64_t	size;
	} rows[] = {
		{ PIECE, 1, PIECE, 4 * PIECE },
		{ PIECE, 0, PIECE + 1, 4 * PIECE },
		{ PIECE, 0, PIECE, PIECE - 1 },
		{ PIECE, 2 * PIECE, 1, PIECE },
		{ PIECE, PIECE, UINT64_MAX, PIECE },
		{ PIECE, UINT64_MAX - PIECE + 1, PIECE, PIECE },
		{ PIECE, 0, 0, PIECE },
		{ PIECE, 0, PIECE, UINT64_MAX },
		{ PIECE, 0, SLICE_MIN + PIECE, 1ULL << 40 },
		{ 2 * MIB, 0, 34 * MIB, 1ULL << 40 },
		{ 16 * MIB, 0, SLICE_MAX + 16 * MIB, 1ULL << 40 },
		{ 16U << 10, (1ULL << 62), 16U << 10, 1ULL << 63 },
		{ 0, 0, PIECE, PIECE },
		{ 8U << 10, 0, PIECE, PIECE },
		{ 32U << 20, 0, PIECE, PIECE },
		{ 3U << 14, 0, 3U << 14, 3U << 14 },
	};
	struct msg_range	range;
	int			fd = hash_file("file", PIECE, NULL);

	rig_start(&h, "auto");
	EACH(row, rows) {
		range = range_of(row->offset, row->len, row->size);
		rig_send(&h, row->piece_len, &range, 1, &fd, 1);
		check_refused(&h, FAULT_CONTENT);
	}
	check_file(&h, "good", PIECE, PIECE);
}

TEST(batch__that_lies)
{
	struct msg_range	ranges[HASH_RANGES + 1];
	struct msg_hash		body = { 0, PIECE, 2 };
	uint64_t		size = SLICE_MIN + MIB;
	uint32_t		i;
	int			fds[HASH_RANGES];

	fds[0] = hash_file("file", size, NULL);
	for (i = 0; i < HASH_RANGES; i++)
		fds[i] = fds[0];
	rig_start(&h, "auto");
	/* Says two, holds one; and none. */
	ranges[0] = whole(size);
	ranges[0].len = PIECE;
	ATF_REQUIRE_EQ(0, msg_send(&h.front, MSG_HASH, &body, ranges,
	    sizeof(ranges[0]), fds, 2));
	check_refused(&h, FAULT_CONTENT);
	rig_send(&h, PIECE, ranges, 0, fds, 1);
	check_refused(&h, FAULT_CONTENT);
	/* More than a slice together. */
	ranges[0] = range_of(0, SLICE_MIN, size);
	ranges[1] = range_of(SLICE_MIN, MIB, size);
	rig_send(&h, MIB, ranges, 2, fds, 2);
	check_refused(&h, FAULT_CONTENT);
	/* More ranges than a batch may have. */
	for (i = 0; i <= HASH_RANGES; i++)
		ranges[i] = range_of(0, PIECE, size);
	rig_send(&h, PIECE, ranges, HASH_RANGES + 1, fds, HASH_RANGES);
	check_refused(&h, FAULT_CONTENT);
	check_file(&h, "good", PIECE, PIECE);
}

/*
 * A lock belongs to the open file, and is gone when the last descriptor of it
 * is closed: here, the hasher's.
 */
static int
locked_file(const char *name)
{
	int	fd = hash_file(name, PIECE, NULL);

	ATF_REQUIRE_EQ(0, flock(fd, LOCK_EX));
	return fd;
}

static void
check_released(const char *name)
{
	int	fd = open(name, O_RDONLY);

	/* ATF ends us if this takes too long. */
	ATF_REQUIRE_EQ(0, flock(fd, LOCK_EX));
	close(fd);
}

TEST(descriptor__is_closed_once_answered)
{
	struct msg_range	range = whole(PIECE);
	int			fd, i;

	rig_start(&h, "auto");
	/* After a part of the file as after all of it, … */
	fd = locked_file("file");
	rig_send(&h, PIECE / 2, &range, 1, &fd, 1);
	close(fd);
	rig_expect_digests(&h, 0, 1);
	check_released("file");
	fd = locked_file("file");
	range.len = PIECE / 2;
	rig_send(&h, PIECE / 2, &range, 1, &fd, 1);
	close(fd);
	rig_expect_digests(&h, 1, 1);
	check_released("file");
	/* … when it is not hashed at all, … */
	fd = locked_file("file");
	range.offset = 1;
	rig_send(&h, PIECE, &range, 1, &fd, 1);
	close(fd);
	check_refused(&h, FAULT_CONTENT);
	check_released("file");
	/* … and, of all that is queued, when we are gone. */
	fd = locked_file("file");
	range = whole(PIECE);
	for (i = 0; i < 5; i++)
		rig_send(&h, PIECE, &range, 1, &fd, 1);
	close(fd);
	close(h.front.fd);
	check_released("file");
	rig_connect(&h);
	check_file(&h, "good", PIECE, PIECE);
}
