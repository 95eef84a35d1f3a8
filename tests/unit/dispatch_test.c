/* SPDX-License-Identifier: ISC */
/* Files shared out among hashers, for jobs that want them hashed, and hashers
   that are lost: the test plays the walker, the hasher and the jobs. */
#include "common/listing.h"
#include "common/torrent.h"
#include "pkgtorrentd/front/job/hashq.h"
#include "tests/lib/conf_text.h"
#include "tests/lib/test.h"

#define MIB		(1U << 20)
#define HASHER_ENDS	6	/* before a file is given up */

/* The queue without a loop, and the other ends of its only workers. */
struct rig {
	struct child		 child;
	struct workers		 workers;
	struct openq		 openq;
	struct hashq		 hashq;
	struct channel		 walker;
	struct channel		 hasher;
	uint8_t			 buf[MSG_MAX];
	struct msg		 msg;		/* MSG_HASH */
	struct msg_range	 ranges[HASH_RANGES];
	uint32_t		 count;
	unsigned		 asked;		/* for batches */
	unsigned		 waiting;	/* waiters not told yet */
	unsigned		 failed;	/* files */
	unsigned		 walkers_ended;
};

/* A file that is wanted. */
struct want {
	struct hash_waiter	 waiter;	/* first */
	struct rig		*rig;
};

static void
want_done(struct hash_waiter *w, const struct hash_result *result)
{
	struct rig	*rig = ((struct want *)w)->rig;

	rig->waiting--;
	rig->failed += result->status != HASH_OK;
	free(w);
}

static void
rig_connect(struct rig *rig, enum role role, struct channel *other)
{
	int	pair[2];

	ATF_REQUIRE_EQ(0, msg_pair(pair));
	ATF_REQUIRE_EQ(0, workers_attach(&rig->workers, role, 0, pair[0]));
	*other = (struct channel){ .fd = pair[1], .self = role,
	    .peer = ROLE_FRONT };
}

static void
rig_on_lost(struct worker *w)
{
	struct rig	*rig = w->all->arg;

	hashq_hasher_lost(&rig->hashq, w->ch.index, true);
}

static void
rig_lose_hasher(struct rig *rig)
{
	close(rig->hasher.fd);
	worker_lose(&rig->workers.hashers[0]);
	rig_connect(rig, ROLE_HASHER, &rig->hasher);
}

static void
rig_start(struct rig *rig)
{
	static const struct worker_ops ops = { NULL, rig_on_lost };

	memset(rig, 0, sizeof(*rig));
	rig->child.conf = good("root /srv\nhashers 1\n", NULL);
	workers_init(&rig->workers, event_base_new(), &rig->child, &ops, rig);
	ATF_REQUIRE_EQ(0, workers_set_walkers(&rig->workers, 1));
	workers_set_hashers(&rig->workers, 1);
	openq_init(&rig->openq, &rig->workers);
	hashq_init(&rig->hashq, &rig->workers, &rig->openq);
	rig->hashq.open_max = 1000;
	close(open("file", O_WRONLY | O_CREAT, 0644));
	rig_connect(rig, ROLE_WALKER, &rig->walker);
	rig_connect(rig, ROLE_HASHER, &rig->hasher);
}

static void
rig_stop(struct rig *rig)
{
	ATF_CHECK(RB_EMPTY(&rig->hashq.tree));
	ATF_CHECK_EQ(0, rig->hashq.left);
	ATF_CHECK_EQ(0, rig->hashq.left_background);
	ATF_CHECK_EQ(0, rig->waiting);
	ATF_CHECK(TAILQ_EMPTY(&rig->openq.list));
	ATF_REQUIRE_EQ(0, workers_set_walkers(&rig->workers, 0));
	workers_set_hashers(&rig->workers, 0);
	close(rig->walker.fd);
	close(rig->hasher.fd);
	free(rig->workers.walkers);
	event_base_free(rig->workers.base);
	conf_free(rig->child.conf);
}

/* The last component of a path is the file's size. */
static struct identity
identity_of_path(const char *path)
{
	return (struct identity){
		.size = strtoull(strrchr(path, '/') + 1, NULL, 10),
	};
}

static void
rig_want_file(struct rig *rig, struct hash_group *g, const char *path)
{
	struct identity	 id = identity_of_path(path);
	struct want	*want = calloc(1, sizeof(*want));

	ATF_REQUIRE(want != NULL);
	want->rig = rig;
	want->waiter.done = want_done;
	ATF_REQUIRE_EQ(0, hashq_want(&rig->hashq, g, &want->waiter, path,
	    strlen(path), &id, MIB));
	rig->waiting++;
}

static struct hash_group *
rig_want_in(struct rig *rig, struct hash_group *g, const char *dir, int n,
    uint64_t size)
{
	char			 path[64];
	int			 i;

	ATF_REQUIRE(g != NULL);
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/%s/%d/%ju", dir, i,
		    (uintmax_t)size);
		rig_want_file(rig, g, path);
	}
	return g;
}

/* A job that wants files of one size. */
static struct hash_group *
rig_want(struct rig *rig, const char *dir, int n, uint64_t size)
{
	return rig_want_in(rig, hash_group_new((uint64_t)n * size), dir, n,
	    size);
}

/* The same in the background. */
static struct hash_group *
rig_want_background(struct rig *rig, const char *dir, int n, uint64_t size)
{
	return rig_want_in(rig, hash_group_new(HASH_BACKGROUND), dir, n, size);
}

/* The walker's part: every file is there, and as it was. */
static void
walker_answer(struct rig *rig, const struct msg *asked)
{
	const struct msg_open	*open_body = asked->body;
	struct msg_opened	 body = { open_body->id, open_body->count, 0 };
	struct msg_opened_item	 items[MSG_FDS_MAX];
	struct msg		 msg = { .type = MSG_OPENED, .body = &body };
	const uint8_t		*at = asked->tail;
	struct msg_path		 path;
	char			 name[64];
	uint32_t		 i;

	memset(items, 0, sizeof(items));
	for (i = 0; i < body.count; i++, at += path.len) {
		memcpy(&path, at, sizeof(path));
		at += sizeof(path);
		snprintf(name, sizeof(name), "%.*s", (int)path.len,
		    (const char *)at);
		items[i].status = PATH_OK;
		items[i].identity = identity_of_path(name);
		msg.fds[msg.nfds++] = open("file", O_RDONLY);
	}
	msg.tail = (const uint8_t *)items;
	msg.tail_len = body.count * sizeof(items[0]);
	ATF_REQUIRE_EQ(FAULT_NONE, openq_on_opened(&rig->openq,
	    &rig->workers.walkers[0], &msg));
}

static void
rig_end_walker(struct rig *rig)
{
	rig->walkers_ended++;
	close(rig->walker.fd);
	ATF_REQUIRE(event_base_loop(rig->workers.base, EVLOOP_NONBLOCK) != -1);
	ATF_REQUIRE_EQ(-1, rig->workers.walkers[0].ch.fd);
	rig_connect(rig, ROLE_WALKER, &rig->walker);
}

static void
rig_open_files(struct rig *rig)
{
	static uint8_t		buf[MSG_MAX];
	struct msg_wrong	wrong;
	struct msg		msg;

	hashq_run(&rig->hashq);
	while (msg_recv(&rig->walker, buf, &msg, &wrong) == MSG_GOT)
		if (memmem(msg.tail, msg.tail_len, "/poison/", 8) != NULL)
			rig_end_walker(rig);
		else
			walker_answer(rig, &msg);
}

/* The next batch that there is for the hasher; false: there is none. */
static bool
rig_next_batch(struct rig *rig)
{
	struct msg_wrong	wrong;
	enum msg_verdict	verdict;

	/* Files are opened a little late. */
	if (rig->asked++ % 2 == 0)
		rig_open_files(rig);
	verdict = msg_recv(&rig->hasher, rig->buf, &rig->msg, &wrong);
	if (verdict == MSG_AGAIN) {
		rig_open_files(rig);
		verdict = msg_recv(&rig->hasher, rig->buf, &rig->msg, &wrong);
	}
	if (verdict == MSG_AGAIN)
		return false;
	ATF_REQUIRE_EQ(MSG_GOT, verdict);
	ATF_REQUIRE_EQ(MSG_HASH, rig->msg.type);
	rig->count = ((const struct msg_hash *)rig->msg.body)->count;
	ATF_REQUIRE(rig->count <= HASH_RANGES);
	ATF_REQUIRE_EQ(rig->count, (uint32_t)rig->msg.nfds);
	msg_close_fds(&rig->msg);
	memcpy(rig->ranges, rig->msg.tail, rig->count *
	    sizeof(rig->ranges[0]));
	return true;
}

/* Of a file of zeros, with digests of zeros. */
static void
rig_answer(struct rig *rig)
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
		item.identity.size = r->identity.size;
		item.first = (uint32_t)(r->offset / MIB);
		item.count = (uint32_t)torrent_digests(r->len, MIB);
		ATF_REQUIRE(item.count <= 64);
		ATF_REQUIRE_EQ(0, buf_add(&tail, &item, sizeof(item)));
		ATF_REQUIRE_EQ(0, buf_add(&tail, zeros, item.count *
		    SHA1_LEN));
	}
	msg.tail = tail.data;
	msg.tail_len = tail.len;
	ATF_REQUIRE_EQ(FAULT_NONE, hashq_on_digests(&rig->hashq,
	    &rig->workers.hashers[0], &msg));
	buf_free(&tail);
}

static bool
rig_batch_has(const struct rig *rig, uint64_t size)
{
	uint32_t	i;

	for (i = 0; i < rig->count; i++)
		if (rig->ranges[i].identity.size == size)
			return true;
	return false;
}

static struct rig rig;

TEST(file__that_ends_hashers)
{
	struct hash_group	*w[2];
	int			 ended = 0;

	rig_start(&rig);
	/* They share batches. */
	w[0] = rig_want(&rig, "good", 30, 100);
	rig_want_file(&rig, w[0], "/bad/7");
	w[1] = rig_want(&rig, "others", 10, 100);
	while (rig_next_batch(&rig)) {
		if (!rig_batch_has(&rig, 7)) {
			rig_answer(&rig);
			continue;
		}
		ended++;
		rig_lose_hasher(&rig);
	}
	ATF_CHECK_EQ(HASHER_ENDS, ended);
	/* No other file failed with it. */
	ATF_CHECK_EQ(40 * 100, rig.hashq.hashed);
	ATF_CHECK_EQ(1, rig.failed);
	hash_group_release(&rig.hashq, w[0]);
	hash_group_release(&rig.hashq, w[1]);
	rig_stop(&rig);
}

/* It is found among the others of its message, and not asked for again. */
TEST(file__that_ends_walkers)
{
	struct hash_group	*w[2];

	rig_start(&rig);
	w[0] = rig_want(&rig, "good", 15, 100);
	rig_want_file(&rig, w[0], "/poison/7");
	rig_want_file(&rig, w[0], "/good/15/100");
	w[1] = rig_want(&rig, "others", 10, 100);
	while (rig_next_batch(&rig))
		rig_answer(&rig);
	ATF_CHECK_EQ(2, rig.walkers_ended);
	ATF_CHECK_EQ(26 * 100, rig.hashq.hashed);
	ATF_CHECK_EQ(1, rig.failed);
	rig_want_file(&rig, w[1], "/poison/7");
	rig_open_files(&rig);
	ATF_CHECK_EQ(2, rig.failed);
	ATF_CHECK_EQ(2, rig.walkers_ended);
	hash_group_release(&rig.hashq, w[0]);
	hash_group_release(&rig.hashq, w[1]);
	rig_stop(&rig);
}

TEST(turns__small_files_beside_a_huge_one)
{
	const uint64_t		 huge_len = 16ULL << 30;
	struct hash_group	*huge, *small;
	int			 huge_batches = 0, small_batches = 0;

	rig_start(&rig);
	huge = rig_want(&rig, "huge", 1, huge_len);
	ATF_REQUIRE(rig_next_batch(&rig));
	rig_answer(&rig);
	small = rig_want(&rig, "small", 1600, 100);
	while (rig_next_batch(&rig)) {
		small_batches += rig_batch_has(&rig, 100);
		if (small->files > 0)
			huge_batches += rig_batch_has(&rig, huge_len);
		rig_answer(&rig);
	}
	/* A batch of small files is little work; neither waits for all of the
	   other. */
	ATF_CHECK_EQ(50, small_batches);
	ATF_CHECK_MSG(huge_batches >= 8 && huge_batches <= 20,
	    "%d huge batches", huge_batches);
	hash_group_release(&rig.hashq, huge);
	hash_group_release(&rig.hashq, small);
	rig_stop(&rig);
}

/* It does not wait for the first slice of each of those before it. */
TEST(turns__small_file_behind_many_huge)
{
	const uint64_t		 huge_len = 64ULL << 20;
	struct hash_group	*huge[40], *small;
	int			 huge_batches = 0;
	char			 dir[32];
	size_t			 i;

	rig_start(&rig);
	for (i = 0; i < 40; i++) {
		snprintf(dir, sizeof(dir), "huge/%zu", i);
		huge[i] = rig_want(&rig, dir, 1, huge_len);
	}
	rig_open_files(&rig);
	small = rig_want(&rig, "small", 1, 100);
	while (small->files > 0 && rig_next_batch(&rig)) {
		huge_batches += rig_batch_has(&rig, huge_len);
		rig_answer(&rig);
	}
	ATF_CHECK_MSG(huge_batches <= 4, "%d huge batches", huge_batches);
	while (rig_next_batch(&rig))
		rig_answer(&rig);
	hash_group_release(&rig.hashq, small);
	for (i = 0; i < 40; i++)
		hash_group_release(&rig.hashq, huge[i]);
	rig_stop(&rig);
}

/* Many huge files and a small one, which somebody else wants, too: it does
   not come after all of them. */
TEST(turns__small_file_that_two_want)
{
	const uint64_t		 huge_len = 1ULL << 30;
	struct hash_group	*huge, *small, *larger;
	int			 huge_batches = 0, i;

	rig_start(&rig);
	huge = rig_want(&rig, "huge", 10, huge_len);
	rig_want_file(&rig, huge, "/small/0/100");
	for (i = 0; i < 3; i++) {
		ATF_REQUIRE(rig_next_batch(&rig));
		rig_answer(&rig);
	}
	small = rig_want(&rig, "small", 1, 100);
	ATF_CHECK_EQ(10, huge->files);
	ATF_CHECK_EQ(1, small->files);
	while (small->files > 0 && rig_next_batch(&rig)) {
		huge_batches += rig_batch_has(&rig, huge_len);
		rig_answer(&rig);
	}
	ATF_CHECK_MSG(huge_batches <= 3, "%d huge batches", huge_batches);
	/* Not the other way round. */
	i = (int)huge->files;
	larger = rig_want(&rig, "huge", 20, huge_len);
	ATF_CHECK_EQ(i, (int)huge->files);
	ATF_CHECK_EQ(20 - i, (int)larger->files);
	while (rig_next_batch(&rig))
		rig_answer(&rig);
	hash_group_release(&rig.hashq, huge);
	hash_group_release(&rig.hashq, small);
	hash_group_release(&rig.hashq, larger);
	rig_stop(&rig);
}

/* One batch of it is with a hasher, and none as long as jobs have files. */
TEST(background__comes_behind_all_jobs)
{
	const uint64_t		 len = 64ULL << 20;
	struct hash_group	*background, *job;
	int			 batches = 0;

	rig_start(&rig);
	background = rig_want_background(&rig, "background", 40, len);
	ATF_CHECK_EQ(40 * len, rig.hashq.left_background);
	ATF_CHECK_EQ(0, rig.hashq.left);
	ATF_REQUIRE(rig_next_batch(&rig));
	rig_open_files(&rig);
	ATF_CHECK_EQ(1, rig.hashq.hashers[0].nbatches);
	/* The next one behind it is of a job that comes later. */
	job = rig_want(&rig, "job", 20, len + 1);
	rig_open_files(&rig);
	ATF_CHECK_EQ(2, rig.hashq.hashers[0].nbatches);
	rig_answer(&rig);
	while (job->files > 0) {
		ATF_REQUIRE(rig_next_batch(&rig));
		ATF_CHECK(rig_batch_has(&rig, len + 1));
		batches++;
		rig_answer(&rig);
	}
	ATF_CHECK(batches >= 80);
	while (rig_next_batch(&rig))
		rig_answer(&rig);
	ATF_CHECK_EQ(0, background->files);
	ATF_CHECK_EQ(60 * len + 20, rig.hashq.hashed);
	hash_group_release(&rig.hashq, job);
	hash_group_release(&rig.hashq, background);
	rig_stop(&rig);
}

/* It leaves descriptors to jobs. */
TEST(background__few_descriptors)
{
	struct hash_group	*background, *job;

	rig_start(&rig);
	rig.hashq.open_max = 16;
	background = rig_want_background(&rig, "background", 40, 100);
	rig_open_files(&rig);
	ATF_CHECK_EQ(4, rig.hashq.nopen);
	job = rig_want(&rig, "job", 40, 100);
	rig_open_files(&rig);
	ATF_CHECK(rig.hashq.nopen >= 8);
	while (rig_next_batch(&rig))
		rig_answer(&rig);
	ATF_CHECK_EQ(80 * 100, rig.hashq.hashed);
	hash_group_release(&rig.hashq, job);
	hash_group_release(&rig.hashq, background);
	rig_stop(&rig);
}

/* A job takes over a file of the background, and never the other way round. */
TEST(background__file_that_a_job_wants)
{
	const uint64_t		 len = 64ULL << 20;
	struct hash_group	*background, *job;

	rig_start(&rig);
	background = rig_want_background(&rig, "x", 10, len);
	ATF_REQUIRE(rig_next_batch(&rig));
	rig_answer(&rig);
	job = hash_group_new(1ULL << 40);
	rig_want_file(&rig, job, "/x/0/67108864");
	rig_want_file(&rig, job, "/x/9/67108864");
	ATF_CHECK_EQ(2, job->files);
	ATF_CHECK_EQ(8, background->files);
	ATF_CHECK_EQ(8 * len, rig.hashq.left_background);
	ATF_CHECK_EQ(2 * len - rig.hashq.hashed, rig.hashq.left);
	rig_want_file(&rig, background, "/x/9/67108864");
	ATF_CHECK_EQ(2, job->files);
	while (job->files > 0) {
		ATF_REQUIRE(rig_next_batch(&rig));
		rig_answer(&rig);
	}
	ATF_CHECK(background->files >= 7);
	while (rig_next_batch(&rig))
		rig_answer(&rig);
	ATF_CHECK_EQ(10 * len, rig.hashq.hashed);
	hash_group_release(&rig.hashq, background);
	hash_group_release(&rig.hashq, job);
	rig_stop(&rig);
}

/* A hasher ends over a file that a job wants which is still waiting for its
   first turn. */
TEST(turns__lost_file_of_a_newcomer)
{
	struct hash_group	*first, *newcomer;

	rig_start(&rig);
	first = rig_want(&rig, "a", 1, 100);
	first->size = 1ULL << 30;
	ATF_REQUIRE(rig_next_batch(&rig));
	/* All of the hasher's time is taken. */
	rig_want_file(&rig, first, "/big/1073741824");
	rig_open_files(&rig);
	newcomer = rig_want(&rig, "b", 1, 100);
	rig_want_file(&rig, newcomer, "/a/0/100");
	ATF_CHECK_EQ(2, newcomer->files);
	rig_open_files(&rig);
	ATF_REQUIRE(newcomer->listed && !newcomer->started);
	rig_lose_hasher(&rig);
	while (rig_next_batch(&rig))
		rig_answer(&rig);
	ATF_CHECK_EQ((1ULL << 30) + 200, rig.hashq.hashed);
	hash_group_release(&rig.hashq, first);
	hash_group_release(&rig.hashq, newcomer);
	rig_stop(&rig);
}

/* Of two jobs that want a file one ends: the file is hashed for the other, and
   the files that no other wants are dropped. */
TEST(waiter__that_leaves)
{
	static struct want	 wants[2];
	struct identity		 id = { .size = 100 };
	struct hash_group	*leaving, *staying;
	size_t			 i;

	rig_start(&rig);
	leaving = hash_group_new(2 * id.size);
	ATF_REQUIRE(leaving != NULL);
	for (i = 0; i < 2; i++)
		ATF_REQUIRE_EQ(0, hashq_want(&rig.hashq, leaving,
		    &wants[i].waiter, i == 0 ? "/a/0/100" : "/b/0/100", 8,
		    &id, MIB));
	staying = rig_want(&rig, "a", 1, id.size);
	for (i = 0; i < 2; i++)
		hash_waiter_leave(&wants[i].waiter);
	hash_group_release(&rig.hashq, leaving);
	ATF_CHECK_EQ(id.size, rig.hashq.left);
	while (rig_next_batch(&rig))
		rig_answer(&rig);
	ATF_CHECK_EQ(0, rig.waiting);
	ATF_CHECK_EQ(0, rig.failed);
	hash_group_release(&rig.hashq, staying);
	rig_stop(&rig);
}

/* The root of open files has gone, and no other has them: none is hashed. */
TEST(roots__that_go)
{
	struct conf		*old, *new = good("root /x /srv\nhashers 1\n",
				    NULL);
	struct hash_group	*w;

	rig_start(&rig);
	w = rig_want(&rig, "b", 10, 100);
	rig_open_files(&rig);
	old = rig.child.conf;
	rig.child.conf = new;
	workers_set_hashers(&rig.workers, 0);
	hashq_hasher_lost(&rig.hashq, 0, false);
	workers_set_hashers(&rig.workers, 1);
	hashq_set_roots(&rig.hashq, old, new);
	conf_free(old);
	ATF_CHECK_EQ(10, rig.failed);
	close(rig.hasher.fd);
	rig_connect(&rig, ROLE_HASHER, &rig.hasher);
	ATF_CHECK(!rig_next_batch(&rig));
	hash_group_release(&rig.hashq, w);
	rig_stop(&rig);
}

/* Of the files that are open, those whose root is another now are given up;
   the others go on, as files of the walker's new number. */
TEST(roots__that_change)
{
	struct conf		*old, *new = good("root /x /other\n"
				    "root /b /other\nroot /srv\nhashers 1\n",
				    NULL);
	struct hash_group	*w[2];
	uint32_t		 i;

	rig_start(&rig);
	w[0] = rig_want(&rig, "a", 10, 100);
	w[1] = rig_want(&rig, "b", 10, 100);
	ATF_REQUIRE(rig_next_batch(&rig));
	ATF_CHECK_EQ(0, rig.ranges[0].walker);
	/* As for a new configuration. */
	old = rig.child.conf;
	rig.child.conf = new;
	workers_set_hashers(&rig.workers, 0);
	hashq_hasher_lost(&rig.hashq, 0, false);
	workers_set_hashers(&rig.workers, 1);
	hashq_set_roots(&rig.hashq, old, new);
	conf_free(old);
	ATF_CHECK_EQ(10, rig.failed);
	ATF_CHECK_EQ(10, rig.waiting);
	close(rig.hasher.fd);
	rig_connect(&rig, ROLE_HASHER, &rig.hasher);
	while (rig_next_batch(&rig)) {
		for (i = 0; i < rig.count; i++)
			ATF_CHECK_EQ(2, rig.ranges[i].walker);
		rig_answer(&rig);
	}
	ATF_CHECK_EQ(10, rig.failed);
	ATF_CHECK_EQ(10 * 100, rig.hashq.hashed);
	hash_group_release(&rig.hashq, w[0]);
	hash_group_release(&rig.hashq, w[1]);
	rig_stop(&rig);
}
