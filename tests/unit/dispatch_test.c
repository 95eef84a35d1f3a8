/* A front that shares hashers out among those who want files hashed, and that
   loses hashers. */
#include <atf-c.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pkgtorrentd/front/front.h"
#include "common/torrent.h"

#define MIB		(1U << 20)
#define HASHER_ENDS	6	/* before a file is given up */

/* A front without a loop, and the other end of its only hasher. */
struct front_rig {
	struct front		 front;
	struct channel		 hasher;
	uint8_t			 buf[MSG_MAX];
	struct msg		 msg;		/* MSG_HASH */
	struct msg_range	 ranges[HASH_RANGES];
	uint32_t		 count;
	unsigned		 asked;		/* for batches */
};

static void
front_connect(struct front_rig *rig)
{
	int	pair[2];

	ATF_REQUIRE_EQ(0, msg_pair(pair));
	ATF_REQUIRE_EQ(0, workers_attach(&rig->front.workers, ROLE_HASHER, 0,
	    pair[0]));
	rig->hasher = (struct channel){ .fd = pair[1], .self = ROLE_HASHER,
	    .peer = ROLE_FRONT };
}

static enum msg_fault
front_on_message(void *worker, struct msg *m)
{
	return hashings_on_digests(worker, m);
}

static void
front_on_lost(struct worker *w)
{
	hashings_hasher_lost(w->all->arg, w->ch.index, true);
}

static void
front_start(struct front_rig *rig)
{
	static const char	text[] = "root /srv\nhashers 1\n";
	static const struct worker_ops ops = { front_on_message,
	    front_on_lost };
	struct front		*f = &rig->front;
	struct strings		 none = { 0 };
	struct buf		 errors = { 0 };

	memset(rig, 0, sizeof(*rig));
	f->child.conf = conf_parse("test", text, sizeof(text) - 1, &none,
	    &errors);
	f->base = event_base_new();
	ATF_REQUIRE(f->child.conf != NULL && f->base != NULL);
	workers_init(&f->workers, f->base, &f->child, &ops, f);
	ATF_REQUIRE_EQ(0, workers_set_walkers(&f->workers, 1));
	workers_set_hashers(&f->workers, 1);
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
	workers_set_hashers(&rig->front.workers, 0);
	close(rig->hasher.fd);
	free(rig->front.workers.walkers);
	event_base_free(rig->front.base);
	conf_free(rig->front.child.conf);
}

/* A job that wants files of one size. */
static struct work *
front_want(struct front_rig *rig, const char *dir, int n, uint64_t size)
{
	struct identity	 id = { .size = size };
	struct work	*w = work_new((uint64_t)n * size);
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
	ATF_REQUIRE(rig->count <= HASH_RANGES);
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
	    &rig->front.workers.hashers[0], &msg));
	buf_free(&tail);
}

static bool
front_batch_has(const struct front_rig *rig, uint64_t size)
{
	uint32_t	i;

	for (i = 0; i < rig->count; i++)
		if (rig->ranges[i].size == size)
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
		worker_lose(&rig.front.workers.hashers[0]);
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

/* It does not wait for the first slice of each of those before it. */
ATF_TC_WITHOUT_HEAD(turns__small_file_behind_many_huge);
ATF_TC_BODY(turns__small_file_behind_many_huge, tc)
{
	static struct front_rig	 rig;
	const uint64_t		 huge_len = 64ULL << 20;
	struct work		*huge[40], *small;
	int			 huge_batches = 0;
	char			 dir[32];
	size_t			 i;

	front_start(&rig);
	for (i = 0; i < 40; i++) {
		snprintf(dir, sizeof(dir), "huge/%zu", i);
		huge[i] = front_want(&rig, dir, 1, huge_len);
	}
	front_open_files(&rig);
	small = front_want(&rig, "small", 1, 100);
	while (small->files > 0 && front_next_batch(&rig)) {
		huge_batches += front_batch_has(&rig, huge_len);
		front_answer(&rig);
	}
	ATF_CHECK_MSG(huge_batches <= 4, "%d huge batches", huge_batches);
	while (front_next_batch(&rig))
		front_answer(&rig);
	work_abandon(&rig.front, small, 1);
	for (i = 0; i < 40; i++)
		work_abandon(&rig.front, huge[i], 1);
	front_stop(&rig);
}

/* Many huge files and a small one, which somebody else wants, too: it does
   not come after all of them. */
ATF_TC_WITHOUT_HEAD(turns__small_file_that_two_want);
ATF_TC_BODY(turns__small_file_that_two_want, tc)
{
	static const char	 path[] = "/small/0";
	static struct front_rig	 rig;
	const uint64_t		 huge_len = 1ULL << 30;
	struct identity		 id = { .size = 100 };
	struct work		*huge, *small, *larger;
	int			 huge_batches = 0, i;

	front_start(&rig);
	huge = front_want(&rig, "huge", 10, huge_len);
	ATF_REQUIRE_EQ(0, hashing_want(&rig.front, huge, 1, 0, path,
	    strlen(path), &id, MIB));
	for (i = 0; i < 3; i++) {
		ATF_REQUIRE(front_next_batch(&rig));
		front_answer(&rig);
	}
	small = front_want(&rig, "small", 1, id.size);
	ATF_CHECK_EQ(10, huge->files);
	ATF_CHECK_EQ(1, small->files);
	while (small->files > 0 && front_next_batch(&rig)) {
		huge_batches += front_batch_has(&rig, huge_len);
		front_answer(&rig);
	}
	ATF_CHECK_MSG(huge_batches <= 3, "%d huge batches", huge_batches);
	/* Not the other way round. */
	i = (int)huge->files;
	larger = front_want(&rig, "huge", 20, huge_len);
	ATF_CHECK_EQ(i, (int)huge->files);
	ATF_CHECK_EQ(20 - i, (int)larger->files);
	while (front_next_batch(&rig))
		front_answer(&rig);
	work_abandon(&rig.front, huge, 1);
	work_abandon(&rig.front, small, 1);
	work_abandon(&rig.front, larger, 1);
	front_stop(&rig);
}

/* A hasher ends over a file that somebody has come to want who is still
   waiting for his first turn. */
ATF_TC_WITHOUT_HEAD(turns__lost_file_of_a_newcomer);
ATF_TC_BODY(turns__lost_file_of_a_newcomer, tc)
{
	static struct front_rig	 rig;
	struct identity		 id = { .size = 100 };
	struct work		*first, *newcomer;

	front_start(&rig);
	first = front_want(&rig, "a", 1, id.size);
	first->size = 1ULL << 30;
	ATF_REQUIRE(front_next_batch(&rig));
	/* All of the hasher's time is taken. */
	ATF_REQUIRE_EQ(0, hashing_want(&rig.front, first, 1, 0, "/big", 4,
	    &(struct identity){ .size = 1ULL << 30 }, MIB));
	front_open_files(&rig);
	newcomer = front_want(&rig, "b", 1, id.size);
	ATF_REQUIRE_EQ(0, hashing_want(&rig.front, newcomer, 1, 0, "/a/0", 4,
	    &id, MIB));
	ATF_CHECK_EQ(2, newcomer->files);
	front_open_files(&rig);
	ATF_REQUIRE(newcomer->listed && !newcomer->started);
	close(rig.hasher.fd);
	worker_lose(&rig.front.workers.hashers[0]);
	front_connect(&rig);
	while (front_next_batch(&rig))
		front_answer(&rig);
	ATF_CHECK_EQ((1ULL << 30) + 200, rig.front.counters.hashed);
	work_abandon(&rig.front, first, 1);
	work_abandon(&rig.front, newcomer, 1);
	front_stop(&rig);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, file__that_ends_hashers);
	ATF_TP_ADD_TC(tp, turns__small_files_beside_a_huge_one);
	ATF_TP_ADD_TC(tp, turns__small_file_behind_many_huge);
	ATF_TP_ADD_TC(tp, turns__small_file_that_two_want);
	ATF_TP_ADD_TC(tp, turns__lost_file_of_a_newcomer);
	return atf_no_error();
}
