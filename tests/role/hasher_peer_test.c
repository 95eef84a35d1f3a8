/* A hasher that is sent what an honest front does not send, and what it lets
   go of. */
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <atf-c.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "tests/lib/hash_rig.h"

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

ATF_TC_WITHOUT_HEAD(descriptor__of_a_wrong_kind);
ATF_TC_BODY(descriptor__of_a_wrong_kind, tc)
{
	struct msg_range	range = whole(PIECE);
	struct rig		rig;
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
	rig_start(&rig, "auto");
	for (i = 0; i < n; i++) {
		ATF_REQUIRE(fds[i] != -1);
		rig_send(&rig, PIECE, &range, 1, &fds[i], 1);
		check_refused(&rig, FAULT_FDS);
	}
	check_file(&rig, "good", PIECE, PIECE);
	rig_stop(&rig);
}

ATF_TC_WITHOUT_HEAD(descriptor__one_too_many);
ATF_TC_BODY(descriptor__one_too_many, tc)
{
	struct msg_range	ranges[2] = { whole(PIECE), whole(PIECE) };
	struct rig		rig;
	int			fds[2];

	fds[0] = fds[1] = hash_file("file", PIECE, NULL);
	ranges[1].slot = 1;
	rig_start(&rig, "auto");
	rig_send(&rig, PIECE, ranges, 1, fds, 2);
	check_refused(&rig, FAULT_FDS);
	rig_send(&rig, PIECE, ranges, 2, fds, 1);
	check_refused(&rig, FAULT_FDS);
	check_file(&rig, "good", PIECE, PIECE);
	rig_stop(&rig);
}

ATF_TC_WITHOUT_HEAD(range__that_lies);
ATF_TC_BODY(range__that_lies, tc)
{
	static const uint32_t	N = RANGE_NEW;
	const struct {
		uint32_t		piece_len;
		struct msg_range	range;
	} rows[] = {
		/* slot, flags, offset, len, size */
		{ PIECE, { 32, N, 0, PIECE, PIECE } },
		{ PIECE, { UINT32_MAX, N, 0, PIECE, PIECE } },
		{ PIECE, { 0, 0, 0, PIECE, PIECE } },		/* no such */
		{ PIECE, { 0, N | 4, 0, PIECE, PIECE } },
		{ PIECE, { 0, N, 1, PIECE, 4 * PIECE } },
		{ PIECE, { 0, N, 0, PIECE + 1, 4 * PIECE } },
		{ PIECE, { 0, N, 0, PIECE, PIECE - 1 } },
		{ PIECE, { 0, N, 2 * PIECE, 1, PIECE } },
		{ PIECE, { 0, N, PIECE, UINT64_MAX, PIECE } },
		{ PIECE, { 0, N, UINT64_MAX - PIECE + 1, PIECE, PIECE } },
		{ PIECE, { 0, N, 0, 0, PIECE } },
		{ PIECE, { 0, N, 0, PIECE, UINT64_MAX } },
		{ PIECE, { 0, N, 0, SLICE_MIN + PIECE, 1ULL << 40 } },
		{ 2 * MIB, { 0, N, 0, 34 * MIB, 1ULL << 40 } },
		{ 16 * MIB, { 0, N, 0, SLICE_MAX + 16 * MIB, 1ULL << 40 } },
		{ 16U << 10, { 0, N, (1ULL << 62), 16U << 10, 1ULL << 63 } },
		{ 0, { 0, N, 0, PIECE, PIECE } },
		{ 8U << 10, { 0, N, 0, PIECE, PIECE } },
		{ 32U << 20, { 0, N, 0, PIECE, PIECE } },
		{ 3U << 14, { 0, N, 0, 3U << 14, 3U << 14 } },
	};
	struct rig	rig;
	size_t		i;
	int		fd = hash_file("file", PIECE, NULL);

	rig_start(&rig, "auto");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rig_send(&rig, rows[i].piece_len, &rows[i].range, 1, &fd,
		    rows[i].range.flags & N ? 1 : 0);
		check_refused(&rig, FAULT_CONTENT);
	}
	check_file(&rig, "good", PIECE, PIECE);
	rig_stop(&rig);
}

ATF_TC_WITHOUT_HEAD(batch__that_lies);
ATF_TC_BODY(batch__that_lies, tc)
{
	struct msg_range	ranges[HASHER_SLOTS + 1];
	struct msg_hash		body = { 0, PIECE, 2 };
	struct rig		rig;
	uint64_t		size = SLICE_MIN + MIB;
	uint32_t		i;
	int			fd = hash_file("file", size, NULL);
	int			two[2] = { fd, fd };

	rig_start(&rig, "auto");
	/* Says two, holds one; and none. */
	ranges[0] = whole(size);
	ranges[0].len = PIECE;
	ATF_REQUIRE_EQ(0, msg_send(&rig.front, MSG_HASH, &body, ranges,
	    sizeof(ranges[0]), &fd, 1));
	check_refused(&rig, FAULT_CONTENT);
	rig_send(&rig, PIECE, ranges, 0, NULL, 0);
	check_refused(&rig, FAULT_CONTENT);
	/* More than a slice together. */
	ranges[0] = (struct msg_range){ 0, RANGE_NEW, 0, SLICE_MIN, size };
	ranges[1] = (struct msg_range){ 0, 0, SLICE_MIN, MIB, size };
	rig_send(&rig, MIB, ranges, 2, &fd, 1);
	check_refused(&rig, FAULT_CONTENT);
	/* A slot that is taken; one that was closed. */
	ranges[0].len = ranges[1].len = MIB;
	ranges[1].flags = RANGE_NEW;
	rig_send(&rig, MIB, ranges, 2, two, 2);
	check_refused(&rig, FAULT_CONTENT);
	ranges[0].flags = RANGE_NEW | RANGE_CLOSE;
	ranges[1].flags = 0;
	rig_send(&rig, MIB, ranges, 2, &fd, 1);
	check_refused(&rig, FAULT_CONTENT);
	/* More ranges than there are slots. */
	for (i = 0; i <= HASHER_SLOTS; i++)
		ranges[i] = (struct msg_range){ 0, 0, 0, PIECE, size };
	ranges[0].flags = RANGE_NEW;
	rig_send(&rig, PIECE, ranges, HASHER_SLOTS + 1, &fd, 1);
	check_refused(&rig, FAULT_CONTENT);
	check_file(&rig, "good", PIECE, PIECE);
	rig_stop(&rig);
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

ATF_TC_WITHOUT_HEAD(descriptor__is_closed_when_told);
ATF_TC_BODY(descriptor__is_closed_when_told, tc)
{
	struct msg_range	range = whole(PIECE);
	struct msg_digests_item	item;
	struct rig		rig;
	int			fd, other;

	rig_start(&rig, "auto");
	/* With its last range, … */
	fd = locked_file("file");
	rig_send(&rig, PIECE, &range, 1, &fd, 1);
	close(fd);
	check_released("file");
	rig_expect_digests(&rig, 0, 1);
	/* … not before, … */
	fd = locked_file("file");
	range.flags = RANGE_NEW;
	rig_send(&rig, PIECE, &range, 1, &fd, 1);
	close(fd);
	rig_expect_digests(&rig, 1, 1);
	other = open("file", O_RDONLY);
	ATF_CHECK_EQ(-1, flock(other, LOCK_EX | LOCK_NB));
	/* … by a range that is nothing else, … */
	range.flags = RANGE_CLOSE;
	range.len = 0;
	rig_send(&rig, PIECE, &range, 1, NULL, 0);
	check_released("file");
	rig_expect_digests(&rig, 2, 1);
	rig_next_item(&rig, &item);
	ATF_CHECK_EQ(0, item.count);
	ATF_CHECK_EQ(0, item.flags);
	/* … and when we are gone. */
	fd = locked_file("file");
	range = whole(PIECE);
	range.flags = RANGE_NEW;
	rig_send(&rig, PIECE, &range, 1, &fd, 1);
	close(fd);
	rig_expect_digests(&rig, 3, 1);
	close(rig.front.fd);
	check_released("file");
	rig_connect(&rig);
	check_file(&rig, "good", PIECE, PIECE);
	rig_stop(&rig);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, descriptor__of_a_wrong_kind);
	ATF_TP_ADD_TC(tp, descriptor__one_too_many);
	ATF_TP_ADD_TC(tp, range__that_lies);
	ATF_TP_ADD_TC(tp, batch__that_lies);
	ATF_TP_ADD_TC(tp, descriptor__is_closed_when_told);
	return atf_no_error();
}
