/* A hasher that is sent what an honest front does not send, and what it lets
   go of; and a front that has to share hashers out, or loses them. */
#include "hasher_rig.h"

#include <sys/file.h>
#include <sys/mman.h>

#include "pkgtorrentd/front.h"
#include "pkgtorrentd/front_msg.h"
#include "torrent.h"

#define HASHER_ENDS	6	/* before a file is given up */

/* Nothing more will come from there. */
static void
rig_expect_end(struct rig *rig, struct channel *channel)
{
	struct pollfd		 pfd = { channel->fd, POLLIN, 0 };
	struct msg_wrong	 wrong;

	ATF_REQUIRE_EQ(1, poll(&pfd, 1, WAIT_MS));
	ATF_REQUIRE_EQ(MSG_CLOSED, msg_recv(channel, rig->buf, &rig->msg,
	    &wrong));
	close(channel->fd);
	channel->fd = -1;
}

/* The hasher says that we broke a rule, and will not hear us any more. */
static void
check_refused(struct rig *rig, enum msg_fault fault)
{
	const struct msg_wrong	*wrong;

	rig_expect(rig, &rig->parent, MSG_WRONG);
	wrong = rig->msg.body;
	ATF_CHECK_EQ(ROLE_FRONT, wrong->role);
	ATF_CHECK_EQ(HASH_INDEX, wrong->index);
	ATF_CHECK_EQ(MSG_HASH, wrong->type);
	ATF_CHECK_EQ(fault, wrong->fault);
	rig_expect_end(rig, &rig->front);
	rig_connect(rig);
}

ATF_TC_WITHOUT_HEAD(descriptor__of_a_wrong_kind);
ATF_TC_BODY(descriptor__of_a_wrong_kind, tc)
{
	struct msg_range	range = whole(PIECE);
	struct rig		rig;
	int			fds[8], i, n = 0;

	close(make_file("file", PIECE, NULL));
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

	fds[0] = fds[1] = make_file("file", PIECE, NULL);
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
	int		fd = make_file("file", PIECE, NULL);

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
	int			fd = make_file("file", size, NULL);
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
	int	fd = make_file(name, PIECE, NULL);

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

/* A front without a loop, and the other end of its only hasher. */
struct front_rig {
	struct front		 front;
	struct channel		 hasher;
	uint8_t			 buf[MSG_MAX];
	struct msg		 msg;		/* MSG_HASH */
	struct msg_range	 ranges[BATCH_MAX];
	uint32_t		 count;
	unsigned		 asked;		/* for batches */
};

static void
front_connect(struct front_rig *rig)
{
	struct peer	*p = &rig->front.hashers[0];
	int		 pair[2];

	ATF_REQUIRE_EQ(0, msg_pair(pair));
	p->front = &rig->front;
	p->ch = (struct channel){ .fd = pair[0], .self = ROLE_FRONT,
	    .peer = ROLE_HASHER };
	rig->hasher = (struct channel){ .fd = pair[1], .self = ROLE_HASHER,
	    .peer = ROLE_FRONT };
}

static void
front_start(struct front_rig *rig)
{
	static const char	text[] = "root /srv\nhashers 1\n";
	struct front		*f = &rig->front;
	struct strings		 none = { 0 };
	struct buf		 errors = { 0 };

	memset(rig, 0, sizeof(*rig));
	f->child.conf = conf_parse("test", text, sizeof(text) - 1, &none,
	    &errors);
	f->walkers = calloc(1, sizeof(*f->walkers));
	f->hashers = calloc(1, sizeof(*f->hashers));
	ATF_REQUIRE(f->child.conf != NULL && f->walkers != NULL &&
	    f->hashers != NULL);
	f->cache.ch.fd = f->walkers[0].ch.fd = -1;
	f->nwalkers = f->nhashers = 1;
	hashings_init(&f->hashings);
	f->hashings.open_max = 1000;
	TAILQ_INIT(&f->openings.list);
	front_connect(rig);
}

static void
front_stop(struct front_rig *rig)
{
	ATF_CHECK(RB_EMPTY(&rig->front.hashings.tree));
	ATF_CHECK_EQ(0, rig->front.hashings.left);
	peer_close(&rig->front.hashers[0]);
	close(rig->hasher.fd);
	free(rig->front.walkers);
	free(rig->front.hashers);
	conf_free(rig->front.child.conf);
}

/* A job that wants files of one size. */
static struct work *
front_want(struct front_rig *rig, const char *dir, int n, uint64_t size)
{
	struct identity	 id = { .size = size };
	struct work	*w = work_new();
	char		 path[64];
	int		 len, i;

	ATF_REQUIRE(w != NULL);
	for (i = 0; i < n; i++) {
		len = snprintf(path, sizeof(path), "/%s/%d", dir, i);
		ATF_REQUIRE_EQ(0, hashing_want(&rig->front, w, 1, 0, path,
		    (size_t)len, &id, MIB));
	}
	return w;
}

/* The walker's part: every file is there, and as it was. */
static void
front_open_files(struct front_rig *rig)
{
	struct msg_opened_item	 item = { .status = PATH_OK };
	struct opening		*o;
	uint32_t		 i;
	int			 fd;

	hashings_run(&rig->front);
	while ((o = TAILQ_FIRST(&rig->front.openings.list)) != NULL) {
		for (i = 0; i < o->count; i++) {
			fd = open("/dev/null", O_RDONLY);
			ATF_REQUIRE(fd != -1);
			item.identity = o->hashing[i]->identity;
			hashing_on_opened(&rig->front, o->hashing[i], fd,
			    &item);
		}
		TAILQ_REMOVE(&rig->front.openings.list, o, entry);
		free(o);
		hashings_run(&rig->front);
	}
}

/* The next batch that the front has for its hasher; false: there is none. */
static bool
front_next_batch(struct front_rig *rig)
{
	struct msg_wrong	wrong;
	enum msg_verdict	verdict;

	/* Files are opened a little late. */
	if (rig->asked++ % 2 == 0)
		front_open_files(rig);
	verdict = msg_recv(&rig->hasher, rig->buf, &rig->msg, &wrong);
	if (verdict == MSG_AGAIN) {
		front_open_files(rig);
		verdict = msg_recv(&rig->hasher, rig->buf, &rig->msg, &wrong);
	}
	if (verdict == MSG_AGAIN)
		return false;
	ATF_REQUIRE_EQ(MSG_GOT, verdict);
	ATF_REQUIRE_EQ(MSG_HASH, rig->msg.type);
	msg_close_fds(&rig->msg);
	rig->count = ((const struct msg_hash *)rig->msg.body)->count;
	ATF_REQUIRE(rig->count <= BATCH_MAX);
	memcpy(rig->ranges, rig->msg.tail, rig->count *
	    sizeof(rig->ranges[0]));
	return true;
}

/* Of a file whose every byte, and whose every digest, is zero. */
static void
front_answer(struct front_rig *rig)
{
	const struct msg_hash	*asked = rig->msg.body;
	const struct msg_range	*r;
	struct msg_digests	 body = { .id = asked->id,
	    .count = asked->count };
	struct msg_digests_item	 item = { .status = DIGESTS_OK };
	static const uint8_t	 zeros[64 * SHA1_LEN];
	struct msg		 msg = { .body = &body };
	struct buf		 tail = { 0 };
	uint32_t		 i;

	for (i = 0; i < rig->count; i++) {
		r = &rig->ranges[i];
		item.identity.size = r->size;
		item.first = (uint32_t)(r->offset / MIB);
		item.count = (uint32_t)torrent_digests(r->len, MIB);
		ATF_REQUIRE(item.count <= 64);
		ATF_REQUIRE_EQ(0, buf_add(&tail, &item, sizeof(item)));
		ATF_REQUIRE_EQ(0, buf_add(&tail, zeros, item.count *
		    SHA1_LEN));
	}
	msg.tail = tail.data;
	msg.tail_len = tail.len;
	ATF_REQUIRE_EQ(FAULT_NONE, hashings_on_digests(
	    &rig->front.hashers[0], &msg));
	buf_free(&tail);
}

static bool
front_batch_has(const struct front_rig *rig, uint64_t size)
{
	uint32_t	i;

	for (i = 0; i < rig->count; i++)
		if (rig->ranges[i].size == size && rig->ranges[i].len > 0)
			return true;
	return false;
}

ATF_TC_WITHOUT_HEAD(file__that_ends_hashers);
ATF_TC_BODY(file__that_ends_hashers, tc)
{
	static struct front_rig	 rig;
	struct work		*w[2];
	int			 ended = 0;

	front_start(&rig);
	/* They share batches. */
	w[0] = front_want(&rig, "good", 30, 100);
	ATF_REQUIRE_EQ(0, hashing_want(&rig.front, w[0], 1, 0, "/bad", 4,
	    &(struct identity){ .size = 7 }, MIB));
	w[1] = front_want(&rig, "others", 10, 100);
	while (front_next_batch(&rig)) {
		if (!front_batch_has(&rig, 7)) {
			front_answer(&rig);
			continue;
		}
		ended++;
		close(rig.hasher.fd);
		front_on_lost(&rig.front.hashers[0]);
		front_connect(&rig);
	}
	ATF_CHECK_EQ(HASHER_ENDS, ended);
	/* Nobody else failed with it. */
	ATF_CHECK_EQ(40 * 100, rig.front.counters.hashed);
	work_abandon(&rig.front, w[0], 1);
	work_abandon(&rig.front, w[1], 1);
	front_stop(&rig);
}

ATF_TC_WITHOUT_HEAD(turns__small_files_beside_a_huge_one);
ATF_TC_BODY(turns__small_files_beside_a_huge_one, tc)
{
	static struct front_rig	 rig;
	const uint64_t		 huge_len = 16ULL << 30;
	struct work		*huge, *small;
	int			 huge_batches = 0, small_batches = 0;

	front_start(&rig);
	huge = front_want(&rig, "huge", 1, huge_len);
	ATF_REQUIRE(front_next_batch(&rig));
	front_answer(&rig);
	small = front_want(&rig, "small", 1600, 100);
	while (front_next_batch(&rig)) {
		small_batches += front_batch_has(&rig, 100);
		if (small->files > 0)
			huge_batches += front_batch_has(&rig, huge_len);
		front_answer(&rig);
	}
	/* A batch of small files is little work; neither waits for all of the
	   other. */
	ATF_CHECK_EQ(100, small_batches);
	ATF_CHECK_MSG(huge_batches >= 8 && huge_batches <= 20,
	    "%d huge batches", huge_batches);
	work_abandon(&rig.front, huge, 1);
	work_abandon(&rig.front, small, 1);
	front_stop(&rig);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, descriptor__of_a_wrong_kind);
	ATF_TP_ADD_TC(tp, descriptor__one_too_many);
	ATF_TP_ADD_TC(tp, range__that_lies);
	ATF_TP_ADD_TC(tp, batch__that_lies);
	ATF_TP_ADD_TC(tp, descriptor__is_closed_when_told);
	ATF_TP_ADD_TC(tp, file__that_ends_hashers);
	ATF_TP_ADD_TC(tp, turns__small_files_beside_a_huge_one);
	return atf_no_error();
}
