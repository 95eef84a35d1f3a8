/* SPDX-License-Identifier: ISC */
/* A hasher as the front and the parent see it, with real files. */
#include <sys/mman.h>
#include <sys/uio.h>

#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "hasher/hash/hasher.c"
#include "tests/lib/hash_rig.h"
#include "tests/lib/place.h"
#include "tests/lib/test.h"

static const uint8_t	unsealed[SEAL_LEN];
static struct rig	h;

static void
rig_expect_log(struct rig *rig, const char *text)
{
	while (rig->proc.lines == 0 || strstr(rig->proc.line, text) == NULL)
		proc_wait(&rig->proc, -1, 0);
}

static void
check_files(const char *digest)
{
	rig_start(&h, digest);
	check_file(&h, "empty", 0, PIECE);
	check_file(&h, "byte", 1, PIECE);
	check_file(&h, "longest copy", COPY_MAX, PIECE);
	check_file(&h, "too long for a copy", COPY_MAX + 1, PIECE);
	check_file(&h, "piece", PIECE, PIECE);
	check_file(&h, "odd", 3 * PIECE + 100, PIECE);
	check_file(&h, "slice", SLICE_MIN, 1U << 20);
	check_file(&h, "small pieces", SLICE_MIN - 5, 16U << 10);
	check_file(&h, "one large piece", 16 * MIB, 16U << 20);
	check_file(&h, "many large pieces", SLICE_MAX, 4U << 20);
	check_file(&h, "part of a large piece", 5 * MIB + 1, 16U << 20);
}

TEST(file__digests_are_right)
{
	check_files("auto");
}

TEST(file__digests_are_right_by_avx2)
{
	check_files("avx2");
}

TEST(file__digests_are_right_by_openssl)
{
	check_files("openssl");
}

TEST(file__in_slices)
{
	const size_t		 len = 3 * SLICE_MIN + 100;
	struct msg_range	 range = whole(len);
	struct msg_digests_item	 item;
	uint8_t			*data;
	uint64_t		 at, i;
	int			 fd = hash_file("file", len, &data);

	rig_start(&h, "auto");
	for (at = 0; at < len; at += SLICE_MIN) {
		range.offset = at;
		range.len = len - at < SLICE_MIN ? len - at : SLICE_MIN;
		rig_send(&h, MIB, &range, 1, &fd, 1);
	}
	/* All of them were sent at once, and are answered in order. */
	for (i = 0, at = 0; at < len; at += SLICE_MIN, i++) {
		rig_expect_digests(&h, i, 1);
		rig_check_item(&h, &item, data + at,
		    len - at < SLICE_MIN ? len - at : SLICE_MIN, MIB);
		ATF_CHECK_EQ(at / MIB, item.first);
	}
	free(data);
}

TEST(batch__of_many_files)
{
	struct msg_range	 ranges[16];
	struct msg_digests_item	 item;
	uint8_t			*data[16];
	int			 fds[16], i, round;
	char			 name[16];

	rig_start(&h, "auto");
	for (i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ranges[i] = whole((uint64_t)i * i * 4099);
		fds[i] = hash_file(name, ranges[i].len, &data[i]);
	}
	/* Together more descriptors than the hasher may have open. */
	for (round = 0; round < 5; round++)
		rig_send(&h, PIECE, ranges, 16, fds, 16);
	for (round = 0; round < 5; round++) {
		rig_expect_digests(&h, (uint64_t)round, 16);
		for (i = 0; i < 16; i++)
			rig_check_item(&h, &item, data[i], ranges[i].len,
			    PIECE);
	}
}

TEST(file__sparse)
{
	const size_t		 len = 5 * MIB;
	struct msg_range	 range = whole(len);
	struct msg_digests_item	 item;
	uint8_t			*data = calloc(1, len);
	int			 fd;

	ATF_REQUIRE(data != NULL);
	data[3 * MIB] = 'x';
	fd = open("sparse", O_RDWR | O_CREAT, 0644);
	ATF_REQUIRE_EQ(0, ftruncate(fd, (off_t)len));
	ATF_REQUIRE_EQ(1, pwrite(fd, "x", 1, 3 * MIB));
	close(fd);
	fd = open("sparse", O_RDONLY);
	rig_start(&h, "auto");
	rig_send(&h, MIB, &range, 1, &fd, 1);
	rig_expect_digests(&h, 0, 1);
	rig_check_item(&h, &item, data, len, MIB);
	free(data);
}

/* The file on disk has real bytes, the front believes in more or less. */
static void
check_changed(uint64_t real, uint64_t believed)
{
	struct msg_range	 range = whole(believed);
	struct msg_digests_item	 item;
	int			 fd = hash_file("file", real, NULL);

	rig_start(&h, "auto");
	rig_send(&h, PIECE, &range, 1, &fd, 1);
	rig_expect_digests(&h, 0, 1);
	rig_next_item(&h, &item);
	ATF_CHECK_EQ(DIGESTS_CHANGED, item.status);
	ATF_CHECK_EQ(0, item.count);
	ATF_CHECK_EQ(0, item.flags);
	ATF_CHECK(memcmp(unsealed, item.seal, SEAL_LEN) == 0);
}

TEST(file__has_grown)
{
	check_changed(2 * PIECE + 1, 2 * PIECE);
}

TEST(file__has_shrunk)
{
	check_changed(PIECE, 2 * PIECE);
}

TEST(file__is_empty_now)
{
	check_changed(0, PIECE);
}

TEST(file__is_not_empty_now)
{
	check_changed(1, 0);
}

/* Whether the statement about a file is sealed as settled. */
static bool
is_settled(struct rig *rig, int fd, uint64_t len)
{
	struct msg_range	 range = whole(len);
	struct msg_digests_item	 item;
	const uint8_t		*digests;
	uint8_t			 expected[SEAL_LEN];

	rig_send(rig, PIECE, &range, 1, &fd, 1);
	rig_expect_digests(rig, rig->next_id - 1, 1);
	digests = rig_next_item(rig, &item);
	ATF_REQUIRE_EQ(DIGESTS_OK, item.status);
	proc_seal_digests(HASH_PATH, strlen(HASH_PATH), &item.identity, PIECE,
	    item.first, item.count, digests, expected);
	if (item.flags == DIGESTS_SETTLED) {
		ATF_CHECK(seal_equal(expected, item.seal));
		return true;
	}
	ATF_CHECK_EQ(0, item.flags);
	ATF_CHECK(memcmp(unsealed, item.seal, SEAL_LEN) == 0);
	return false;
}

TEST(seal__only_after_two_seconds)
{
	struct timespec	tick = { 0, 10000000 };
	struct stat	st;
	int64_t		ctime_ns;
	int		fd = hash_file("file", 2 * PIECE + 7, NULL);
	bool		settled;

	rig_start(&h, "auto");
	ATF_REQUIRE_EQ(0, fstat(fd, &st));
	ctime_ns = (int64_t)st.st_ctim.tv_sec * 1000000000 +
	    st.st_ctim.tv_nsec;
	/* Asked all the time, so that an early seal is seen. */
	do {
		settled = is_settled(&h, fd, 2 * PIECE + 7);
		if (settled)
			ATF_CHECK(clock_real_ns() >= ctime_ns + 2000000000);
		else
			nanosleep(&tick, NULL);
	} while (!settled && clock_real_ns() < ctime_ns + 10000000000);
	ATF_CHECK(settled);
	/* An old mtime, as rsync sets it, does not make it any older. */
	ATF_REQUIRE_EQ(0, futimens(fd, (struct timespec[2]){ { 1, 0 },
	    { 1, 0 } }));
	ATF_CHECK(!is_settled(&h, fd, 2 * PIECE + 7));
}

/* One byte in each MiB that is not zero, in the file and in data. */
static void
put_marks(int fd, uint8_t *data, size_t len)
{
	size_t	at;

	for (at = MIB / 2; at < len; at += MIB) {
		data[at] = 'x';
		ATF_REQUIRE_EQ(1, pwrite(fd, "x", 1, (off_t)at));
	}
}

/*
 * The owner truncates the file while it is read: two hundred times, at all
 * kinds of moments.  Digests, if there are any, are those of the whole file,
 * and the hasher lives.
 */
TEST(file__is_truncated_meanwhile)
{
	const size_t		 len = 8 * MIB;
	struct msg_range	 range = whole(len);
	struct msg_digests_item	 item;
	struct timespec		 delay = { 0, 0 };
	uint8_t			*data = calloc(1, len);
	int			 fd, rw, i, changed = 0;

	ATF_REQUIRE(data != NULL);
	rw = open("file", O_RDWR | O_CREAT, 0644);
	fd = open("file", O_RDONLY);
	ATF_REQUIRE(rw != -1 && fd != -1);
	rig_start(&h, "auto");
	for (i = 0; i < 200; i++) {
		ATF_REQUIRE_EQ(0, ftruncate(rw, (off_t)len));
		put_marks(rw, data, len);
		rig_send(&h, MIB, &range, 1, &fd, 1);
		delay.tv_nsec = i * 20000;
		nanosleep(&delay, NULL);
		ATF_REQUIRE_EQ(0, ftruncate(rw, i % 2 ? 0 : 5 * MIB + 1));
		rig_expect_digests(&h, (uint64_t)i, 1);
		memcpy(&item, h.msg.tail, sizeof(item));
		ATF_CHECK_EQ(0, item.flags);
		if (item.status == DIGESTS_OK) {
			rig_check_item(&h, &item, data, len, MIB);
			continue;
		}
		ATF_CHECK_EQ(DIGESTS_CHANGED, item.status);
		ATF_CHECK_EQ(0, item.count);
		changed++;
	}
	ATF_CHECK(changed > 0);
	free(data);
}

/* Pages of a file's bytes that are in memory; its owner may know. */
static size_t
resident_pages(int fd, size_t at, size_t len)
{
	const size_t	 page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char	*in = malloc(len / page + 1);
	void		*map = mmap(NULL, len, PROT_READ, MAP_SHARED, fd,
	    (off_t)at);
	size_t		 i, n = 0;

	ATF_REQUIRE(in != NULL && map != MAP_FAILED);
	ATF_REQUIRE_EQ(0, mincore(map, len, in));
	for (i = 0; i < len / page; i++)
		n += in[i] & 1;
	munmap(map, len);
	free(in);
	return n;
}

/* On disk and nowhere else: pages that are not, nobody could let go of. */
static void
chill(int fd, size_t len)
{
	ATF_REQUIRE_EQ(0, fsync(fd));
	ATF_REQUIRE_EQ(0, posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	if (resident_pages(fd, 0, len) > 0)
		atf_tc_skip("this file system keeps files in memory");
}

/* All of it is in memory, and need not be. */
static void
warm_up(int fd, size_t len)
{
	uint8_t	*data = malloc(len);

	ATF_REQUIRE(data != NULL);
	chill(fd, len);
	ATF_REQUIRE_EQ((ssize_t)len, pread(fd, data, len, 0));
	free(data);
}

TEST(memory__cold_files_leave_it_again)
{
	const size_t		 len = 6 * MIB;
	struct msg_range	 range = whole(len);
	struct msg_digests_item	 item;
	uint8_t			*data;
	int			 cold, warm;

	place_enter();
	warm = hash_file("warm", len, NULL);
	cold = hash_file("cold", len, &data);
	warm_up(warm, len);
	chill(cold, len);
	rig_start(&h, "auto");
	rig_send(&h, MIB, &range, 1, &cold, 1);
	rig_send(&h, MIB, &range, 1, &warm, 1);
	rig_expect_digests(&h, 0, 1);
	rig_check_item(&h, &item, data, len, MIB);
	rig_expect_digests(&h, 1, 1);
	rig_check_item(&h, &item, data, len, MIB);
	ATF_CHECK_EQ(0, resident_pages(cold, 0, len));
	ATF_CHECK_EQ(len / (size_t)sysconf(_SC_PAGESIZE),
	    resident_pages(warm, 0, len));
	free(data);
}

TEST(memory__what_surrounds_a_hole_stays)
{
	const size_t		 len = 12 * MIB, hole = 4 * MIB;
	const size_t		 pages = hole / (size_t)sysconf(_SC_PAGESIZE);
	struct msg_range	 range = whole(len);
	struct msg_digests_item	 item;
	uint8_t			*data;
	int			 fd, rw, tries;

	place_enter();
	fd = hash_file("file", len, &data);
	rw = open("file", O_RDWR);
	if (fallocate(rw, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    (off_t)hole, (off_t)hole) == -1)
		atf_tc_skip("this file system has no holes");
	close(rw);
	memset(data + hole, 0, hole);
	chill(fd, len);
	/* As if clients downloaded it, but for the hole; somebody else may drop
	   the first part at once. */
	for (tries = 0; resident_pages(fd, 0, hole) < pages ||
	    resident_pages(fd, 2 * hole, hole) < pages; tries++) {
		ATF_REQUIRE(tries < 10);
		ATF_REQUIRE_EQ((ssize_t)hole, pread(fd, data, hole, 0));
		ATF_REQUIRE_EQ((ssize_t)hole, pread(fd, data + 2 * hole, hole,
		    (off_t)(2 * hole)));
	}
	rig_start(&h, "auto");
	rig_send(&h, MIB, &range, 1, &fd, 1);
	rig_expect_digests(&h, 0, 1);
	rig_check_item(&h, &item, data, len, MIB);
	ATF_CHECK_EQ(pages, resident_pages(fd, 0, hole));
	ATF_CHECK_EQ(0, resident_pages(fd, hole, hole));
	ATF_CHECK_EQ(pages, resident_pages(fd, 2 * hole, hole));
	free(data);
}

/* Whether a short range is read at once, or has to be fetched and mapped. */
TEST(memory__short_ranges_are_copied)
{
	static uint8_t		 copy[COPY_MAX];
	struct read_range	 range = { .len = COPY_MAX };
	uint8_t			*data;

	range.fd = hash_file("file", 2 * COPY_MAX, &data);
	range.offset = COPY_MAX / 2;
	ATF_CHECK(read_copy(&range, copy));
	ATF_CHECK(memcmp(data + COPY_MAX / 2, copy, COPY_MAX) == 0);
	range.holes = true;
	ATF_CHECK(!read_copy(&range, copy));
	range.holes = false;
	range.len = COPY_MAX + 1;
	ATF_CHECK(!read_copy(&range, copy));
	range.len = 0;
	ATF_CHECK(!read_copy(&range, copy));
	/* A part is not enough. */
	range.len = COPY_MAX;
	range.offset = 2 * COPY_MAX - 1;
	ATF_CHECK(!read_copy(&range, copy));
	free(data);
}

TEST(memory__where_nobody_knows)
{
	const uint64_t		 none[READ_MAX / READ_UNIT / 64] = { 0 };
	struct read_range	 range = { .len = 4 * MIB };
	uint8_t			 byte;
	struct iovec		 iov = { &byte, 1 };

	/* As squashfs, this one does not tell; perhaps all of it is hot. */
	range.fd = memfd_create("file", 0);
	ATF_REQUIRE_EQ(0, ftruncate(range.fd, (off_t)range.len));
	ATF_REQUIRE_EQ(1, pwrite(range.fd, "x", 1, 0));
	if (preadv2(range.fd, &iov, 1, 0, RWF_NOWAIT) == 1)
		atf_tc_skip("here memory tells what is in memory");
	read_ahead(&range);
	ATF_CHECK(memcmp(none, range.cold, sizeof(none)) == 0);
}

/*
 * A disk that does not give all its bytes looks like this range, which is
 * longer than its file: the file is as it was, some pages are not there.
 */
TEST(file__cannot_be_read)
{
	static struct hash_scratch	 scratch;
	static struct batch		 batch;
	static struct mounts		 mounts;
	const char			*name;
	struct msg_digests_item		 item;

	log_set_level(-1);
	read_init();
	scratch.lanes = sha1_lanes_new(SHA1_AUTO, &name);
	scratch.mounts = &mounts;
	ATF_REQUIRE(scratch.lanes != NULL);
	batch.piece_len = PIECE;
	batch.count = 1;
	batch.slices[0].read.fd = hash_file("file", PIECE, NULL);
	batch.slices[0].read.len = 4 * PIECE;
	ATF_REQUIRE_EQ(0, slice_look(&batch.slices[0], &mounts,
	    &batch.slices[0].sealed));
	batch.slices[0].identity = batch.slices[0].sealed;
	batch_hash(&batch, &scratch);
	memcpy(&item, scratch.tail, sizeof(item));
	ATF_CHECK_EQ(sizeof(item), scratch.tail_len);
	ATF_CHECK_EQ(DIGESTS_ERROR, item.status);
	ATF_CHECK_EQ(0, item.count);
	ATF_CHECK_EQ(0, item.flags);
	free(scratch.lanes);
}

TEST(status__is_logged)
{
	rig_start(&h, "openssl");
	check_file(&h, "slice", SLICE_MIN, MIB);
	proc_send(&h.proc, MSG_STATUS, NULL, NULL, 0, -1);
	rig_expect_log(&h, "1 batches");
	ATF_CHECK_EQ(h.proc.line, strstr(h.proc.line,
	    "0.02 GiB hashed in "));
	ATF_CHECK(strstr(h.proc.line, "by openssl") != NULL);
}
