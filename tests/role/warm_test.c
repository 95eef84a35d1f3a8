/* SPDX-License-Identifier: ISC */
/* A tree is warmed by the real processes, of which the test is the parent. */
#include "tests/lib/place.h"
#include "tests/lib/test.h"
#include "tests/lib/walker_rig.h"
#include "tests/lib/warm_rig.h"

static struct warm_rig	 rig;

/* On "www", and whatever else. */
static const char *
conf_of(const char *more)
{
	return fmt("root %s/www\ncache %s/cache\nhashers 2\n"
	    "piece-length 16K\n%s", here(), here(), more);
}

/* Files are remembered once they are two seconds old. */
static void
wait_until_old(void)
{
	sleep(3);
}

#define CHECK_REPORT(files_, found_, hashed_, skipped_, failed_) do {	\
	const struct msg_warmed *r_ = rig.report;			\
	ATF_CHECK_MSG(r_->files == (files_) && r_->found == (found_) &&	\
	    r_->hashed == (hashed_) && r_->skipped == (skipped_) &&	\
	    r_->failed == (failed_), "line %d: %ju files, %ju found, "	\
	    "%ju hashed, %ju skipped, %ju failed", __LINE__,		\
	    (uintmax_t)r_->files, (uintmax_t)r_->found,			\
	    (uintmax_t)r_->hashed, (uintmax_t)r_->skipped,		\
	    (uintmax_t)r_->failed);					\
} while (0)

TEST(warm__tree)
{
	place_enter();
	make_files("cache/", "www/a/x", "www/a/y", "www/a.b", "www/a/b/c",
	    "www/d/.hidden", "www/z");
	close(open("www/empty", O_WRONLY | O_CREAT, 0644));
	wait_until_old();
	warm_rig_start(&rig, conf_of(""));
	warm_begin(&rig, "/", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(6, 1, 5, 0, 0);
	ATF_CHECK_STREQ("/z", warm_position(&rig));
	warm_begin(&rig, "/", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(6, 6, 0, 0, 0);
}

/* Many small files in a few directories. */
static void
make_many(uint32_t n)
{
	uint32_t i;

	make_files("cache/", "www/");
	for (i = 0; i < n; i++) {
		if (i % 100 == 0)
			make_dir(fmt("www/%03u", i / 100));
		make_file(fmt("www/%03u/%u", i / 100, i));
	}
	wait_until_old();
}

/* Stops a process, so that what it is asked for waits. */
static void
hold(const struct proc *p)
{
	ATF_REQUIRE_EQ(0, kill(p->pid, SIGSTOP));
	ATF_REQUIRE_EQ(p->pid, waitpid(p->pid, NULL, WUNTRACED));
}

static void
let_go(const struct proc *p)
{
	ATF_REQUIRE_EQ(0, kill(p->pid, SIGCONT));
}

static void
hold_hashers(void)
{
	uint32_t i;

	for (i = 0; i < rig.nhashers; i++)
		hold(&rig.hashers[i]);
}

static void
let_hashers_go(void)
{
	uint32_t i;

	for (i = 0; i < rig.nhashers; i++)
		let_go(&rig.hashers[i]);
}

/* A root within another has its turn after it. */
TEST(warm__roots)
{
	place_enter();
	make_files("cache/", "www/a/x", "www/b/hidden", "www/z", "b/c/y",
	    "b/d", "no/n");
	wait_until_old();
	warm_rig_start(&rig, conf_of(fmt("root /b %s/b\nroot /bb/c %s/no\n",
	    here(), here())));
	warm_begin(&rig, "/", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(5, 0, 5, 0, 0);
	ATF_CHECK_STREQ("/bb/c/n", warm_position(&rig));
	/* Nobody looked at what is not served. */
	warm_begin(&rig, "/b", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(2, 2, 0, 0, 0);
	warm_begin(&rig, "/bb", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(1, 1, 0, 0, 0);
	/* From a position in each of them, all that comes after it. */
	warm_begin(&rig, "/", "/a/x");
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(4, 4, 0, 0, 0);
	warm_begin(&rig, "/", "/b/c/y");
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(2, 2, 0, 0, 0);
	warm_begin(&rig, "/", "/bb/c/n");
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(0, 0, 0, 0, 0);
}

TEST(warm__no_such_tree)
{
	static const char *const trees[] = { "/none", "/a/none", "none",
	    "/a/", "//a", "/a/../a", "/.", "/no" };
	size_t i;

	place_enter();
	make_files("cache/", "www/a/x", "www/no/x");
	warm_rig_start(&rig, conf_of("deny /no\n"));
	for (i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
		warm_begin(&rig, trees[i], NULL);
		ATF_CHECK_EQ_MSG(WARM_MISSING, warm_wait(&rig), "%s",
		    trees[i]);
	}
	warm_begin(&rig, "/a", "/b");
	ATF_CHECK_EQ(WARM_MISSING, warm_wait(&rig));
}

/* Each kind of process ends in the middle, and nothing is lost or counted
   twice. */
TEST(warm__processes_that_end)
{
	struct proc *const victims[] = { &rig.walkers[0], &rig.hashers[1],
	    &rig.cache, &rig.walkers[0], &rig.hashers[0] };
	enum { N = 16000 };
	size_t i;

	place_enter();
	make_many(N);
	warm_rig_start(&rig, conf_of(""));
	warm_begin(&rig, "/", NULL);
	/* Well before the first report. */
	for (i = 0; i < sizeof(victims) / sizeof(victims[0]); i++)
		warm_rig_replace(&rig, victims[i]);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	ATF_CHECK_EQ(N, rig.report->files);
	ATF_CHECK_EQ(N, rig.report->found + rig.report->hashed +
	    rig.report->skipped);
	/* What a cache had not stored when it ended is not there. */
	warm_begin(&rig, "/", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	ATF_CHECK_EQ(N, rig.report->found + rig.report->hashed);
	ATF_CHECK(rig.report->found > N / 2);
	warm_begin(&rig, "/", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(N, N, 0, 0, 0);
}

/* It is stopped, and goes on from its position: each file is hashed once. */
TEST(warm__position)
{
	uint64_t hashed;
	char position[256];

	place_enter();
	make_many(3000);
	warm_rig_start(&rig, conf_of(""));
	hold(&rig.hashers[1]);
	warm_begin(&rig, "/", NULL);
	do
		warm_hear(&rig);
	while (rig.report->position_len == 0);
	ATF_CHECK_EQ(WARM_RUNNING, rig.report->state);
	ATF_CHECK(strcmp(warm_at_hand(&rig), warm_position(&rig)) > 0);
	warm_begin(&rig, "", NULL);
	ATF_CHECK_EQ(WARM_STOPPED, warm_wait(&rig));
	hashed = rig.report->hashed;
	ATF_CHECK_MSG(hashed > 0 && hashed < 3000, "%ju", (uintmax_t)hashed);
	snprintf(position, sizeof(position), "%s", warm_position(&rig));
	let_go(&rig.hashers[1]);
	warm_begin(&rig, "/", position);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	ATF_CHECK(rig.report->files < 3000 &&
	    rig.report->files >= 3000 - hashed);
	/* The hashers ended the batches that they had. */
	ATF_CHECK(rig.report->found <= hashed + 2 * HASH_RANGES);
	warm_begin(&rig, "/", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(3000, 3000, 0, 0, 0);
}

/* Files change between the walk and the hashing: the first hashes of them are
   not remembered, and the next walk finds the new ones. */
TEST(warm__files_that_change)
{
	int fd;

	place_enter();
	make_files("cache/", "www/a", "www/b", "www/c", "www/d");
	wait_until_old();
	warm_rig_start(&rig, conf_of(""));
	hold_hashers();
	warm_begin(&rig, "/", NULL);
	do
		warm_hear(&rig);
	while (rig.report->files < 4);
	fd = open("www/a", O_WRONLY | O_APPEND);
	ATF_REQUIRE_EQ(3, write(fd, "new", 3));
	close(fd);
	ATF_REQUIRE_EQ(0, truncate("www/b", 1));
	let_hashers_go();
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(4, 0, 2, 2, 0);
	wait_until_old();
	make_files("www/new");
	warm_begin(&rig, "/", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	/* One that is so new may change unnoticed. */
	CHECK_REPORT(5, 2, 2, 1, 0);
}

/* Other roots, another layout: it goes on, and counts no file twice. */
TEST(warm__reload)
{
	place_enter();
	make_many(3000);
	warm_rig_start(&rig, conf_of(""));
	hold_hashers();
	warm_begin(&rig, "/", NULL);
	do
		warm_hear(&rig);
	while (rig.report->files < 3000);
	let_hashers_go();
	warm_rig_configure(&rig, conf_of("deny /003\n"));
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	ATF_CHECK_MSG(rig.report->files == 2900 ||
	    rig.report->files == 3000, "%ju files",
	    (uintmax_t)rig.report->files);
	ATF_CHECK_EQ(rig.report->files, rig.report->found +
	    rig.report->hashed + rig.report->skipped);
	/* The cache has closed its channel: what was in it is lost. */
	warm_begin(&rig, "/", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	ATF_CHECK_EQ(2900, rig.report->files);
	ATF_CHECK_EQ(2900, rig.report->found + rig.report->hashed);
	ATF_CHECK(rig.report->found > 2000);
	warm_begin(&rig, "/", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(2900, 2900, 0, 0, 0);
}

/* A file that no torrent may have is not hashed. */
TEST(warm__too_large)
{
	place_enter();
	make_files("cache/", "www/a", "www/b");
	ATF_REQUIRE_EQ(0, truncate("www/a", 1 << 20));
	wait_until_old();
	warm_rig_start(&rig, conf_of("max-bytes 64K\n"));
	warm_begin(&rig, "/", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(2, 0, 1, 1, 0);
	ATF_CHECK_EQ((1 << 20) + strlen("www/b"), rig.report->bytes);
	ATF_CHECK_EQ(strlen("www/b"), rig.report->hashed_bytes);
}
