/* SPDX-License-Identifier: ISC */
/* A tree is warmed by the real processes, of which the test is the parent. */
#include <sys/un.h>

#include "common/seal.h"
#include "common/torrent.h"
#include "tests/lib/pack_rig.h"
#include "tests/lib/place.h"
#include "tests/lib/test.h"
#include "tests/lib/walker_rig.h"
#include "tests/lib/warm_rig.h"

static struct warm_rig	 rig;

/* On "www", and whatever else. */
static const char *
conf_with(const char *piece_len, const char *more)
{
	return fmt("root %s/www\ncache %s/cache\nhashers 2\n"
	    "piece-length %s\n%s", here(), here(), piece_len, more);
}

static const char *
conf_of(const char *more)
{
	return conf_with("16K", more);
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
	    &rig.cache, &rig.hashers[0] };
	enum { N = 16000 };
	size_t i;

	place_enter();
	make_many(N);
	warm_rig_start(&rig, conf_of(""));
	warm_begin(&rig, "/", NULL);
	/* Well before the first report. */
	for (i = 0; i < sizeof(victims) / sizeof(victims[0]); i++)
		warm_rig_replace(&rig, victims[i]);
	/* A second walker that ends before it has got any further would be
	   the last one. */
	do
		warm_hear(&rig);
	while (rig.report->files == 0);
	warm_rig_replace(&rig, &rig.walkers[0]);
	ATF_CHECK_EQ(WARM_DONE, rig.report->state == WARM_DONE ? WARM_DONE :
	    warm_wait(&rig));
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

/* The need of the tree is said, and neither the cache nor a hasher asked. */
TEST(warm__count)
{
	uint64_t need;

	place_enter();
	make_files("cache/", "www/a/x", "www/a/y", "www/b");
	close(open("www/empty", O_WRONLY | O_CREAT, 0644));
	ATF_REQUIRE_EQ(0, truncate("www/b", 100 << 20));
	warm_rig_start(&rig, conf_of("cache-size 1M\n"));
	hold_hashers();
	hold(&rig.cache);
	warm_begin_mode(&rig, WARM_COUNT, "/", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(4, 1, 0, 0, 0);
	ATF_CHECK_EQ((100 << 20) + 2 * strlen("www/a/x"), rig.report->bytes);
	ATF_CHECK_EQ(rig.report->bytes, rig.report->done_bytes);
	ATF_CHECK_EQ(1 << 20, rig.report->cache_size);
	/* 6,400 pieces, 256 directories. */
	need = rig.report->need;
	ATF_CHECK_MSG(need > 6400 * 20 + (256 << 12) && need < 2 << 20, "%ju",
	    (uintmax_t)need);
	warm_begin_mode(&rig, WARM_COUNT, "/a", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(2, 0, 0, 0, 0);
	ATF_CHECK(rig.report->need < need);
	let_hashers_go();
	let_go(&rig.cache);
}

/* As a hasher that lied would have left it: the digests of another file. */
static void
lie(const char *path, uint32_t piece_len)
{
	struct pack_id id = pack_id_of(path, piece_len);
	struct packed p;
	struct buf b = { 0 };
	uint64_t at, junk = 0;
	uint8_t *digests;
	int fd;

	read_file(pack_path(path, piece_len), &b);
	at = pack_first(&b, &id);
	do
		ATF_REQUIRE_MSG(pack_next(&b, &id, &at, &junk, &p), "%s", path);
	while (p.list.name_len != strlen(strrchr(path, '/') + 1) ||
	    memcmp(p.list.name, strrchr(path, '/') + 1, p.list.name_len) != 0);
	digests = malloc(p.list.count * SHA1_LEN);
	ATF_REQUIRE(digests != NULL);
	memcpy(digests, p.list.digests, p.list.count * SHA1_LEN);
	digests[p.list.count * SHA1_LEN - 1] ^= 1;
	p.list.digests = digests;
	ATF_REQUIRE_EQ(0, pack_add(&b, &id, &p.list, p.day));
	fd = open(pack_path(path, piece_len), O_WRONLY);
	ATF_REQUIRE_EQ((ssize_t)b.len, write(fd, b.data, b.len));
	close(fd);
	free(digests);
	buf_free(&b);
}

static void
check_all(void)
{
	warm_begin_mode(&rig, WARM_CHECK, "/", NULL);
	while (warm_wait(&rig) == WARM_DIFFERS)
		(void)warm_purge(&rig, warm_at_hand(&rig));
	ATF_CHECK_EQ(WARM_DONE, rig.report->state);
}

/* The wrong lists are found and purged, at any piece length; the others
   stay. */
TEST(warm__check)
{
	struct stat before, after;

	place_enter();
	make_files("cache/", "www/a/x", "www/a/y", "www/b", "www/unknown");
	ATF_REQUIRE_EQ(0, truncate("www/b", 5 << 20));
	ATF_REQUIRE_EQ(0, mkdir("later", 0755));
	ATF_REQUIRE_EQ(0, rename("www/unknown", "later/unknown"));
	wait_until_old();
	warm_rig_start(&rig, conf_with("64K", ""));
	warm_begin(&rig, "/", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	(void)await_packed("/b", 1 << 16);
	(void)await_packed("/a/x", 1 << 16);
	warm_rig_stop(&rig);
	warm_rig_start(&rig, conf_of(""));
	warm_begin(&rig, "/", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	(void)await_packed("/b", 1 << 14);
	(void)await_packed("/a/x", 1 << 14);
	ATF_REQUIRE_EQ(0, rename("later/unknown", "www/unknown"));
	ATF_REQUIRE_EQ(0, stat(pack_path("/b", 1 << 14), &before));
	check_all();
	CHECK_REPORT(4, 0, 3, 1, 0);
	ATF_CHECK_EQ(0, rig.report->bad);
	ATF_CHECK_EQ(rig.report->bytes, rig.report->done_bytes);
	warm_rig_stop(&rig);
	/* Right lists are not stored again. */
	ATF_REQUIRE_EQ(0, stat(pack_path("/b", 1 << 14), &after));
	ATF_CHECK(after.st_ino == before.st_ino &&
	    after.st_size == before.st_size);
	lie("/b", 1 << 16);
	lie("/a/x", 1 << 14);
	warm_rig_start(&rig, conf_of(""));
	check_all();
	CHECK_REPORT(4, 0, 1, 1, 0);
	ATF_CHECK_EQ(2, rig.report->bad);
	ATF_CHECK(strstr((char *)rig.front.log.data,
	    "the remembered pieces of \"/a/x\" are wrong") != NULL);
	ATF_CHECK(strstr((char *)rig.front.log.data,
	    "the remembered pieces of \"/b\" are wrong") != NULL);
	check_all();
	CHECK_REPORT(4, 0, 1, 3, 0);
	/* The one that was renamed, too. */
	wait_until_old();
	warm_begin(&rig, "/", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(4, 1, 3, 0, 0);
	check_all();
	CHECK_REPORT(4, 0, 4, 0, 0);
}

/* A client's request, which is sent. */
static int
request(const char *target)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX,
	    .sun_path = "socket" };
	const char *text = fmt("GET /m/torrent_service/%s HTTP/1.1\r\n"
	    "Host: mirror\r\nConnection: close\r\n\r\n", target);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE_EQ(0, connect(fd, (struct sockaddr *)&sun, sizeof(sun)));
	ATF_REQUIRE_EQ((ssize_t)strlen(text), write(fd, text, strlen(text)));
	return fd;
}

/* Its answer has these bytes. */
static bool
answer_has(int fd, const void *bytes, size_t len)
{
	struct buf b = { 0 };
	uint8_t more[4096];
	ssize_t n = -1;
	bool has;

	while (n != 0) {
		proc_wait(&rig.front, fd, POLLIN);
		n = recv(fd, more, sizeof(more), MSG_DONTWAIT);
		if (n > 0)
			ATF_REQUIRE_EQ(0, buf_add(&b, more, (size_t)n));
		ATF_REQUIRE(n >= 0 || errno == EAGAIN);
	}
	close(fd);
	ATF_CHECK(b.len > 12 && memcmp(b.data, "HTTP/1.1 200", 12) == 0);
	has = memmem(b.data, b.len, bytes, len) != NULL;
	buf_free(&b);
	return has;
}

/* The digest of the only piece of such a file, in a torrent of which it is not
   the last. */
static void
digest_of_first(const char *text, uint8_t digest[SHA1_LEN])
{
	static uint8_t piece[1 << 14];

	memset(piece, 0, sizeof(piece));
	memcpy(piece, text, strlen(text));
	sha1(piece, sizeof(piece), digest);
}

/* A job that had the old list when it was purged takes it no further; nor does
   the torrent in memory. */
TEST(warm__purge_under_way)
{
	uint8_t right[SHA1_LEN];
	int fd;

	place_enter();
	make_files("cache/", "www/d/a", "www/d/b", "www/e/c");
	wait_until_old();
	warm_rig_start(&rig, conf_of("revalidate 1s\n"));
	warm_begin(&rig, "/d/a", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	(void)await_packed("/d/a", 1 << 14);
	warm_rig_stop(&rig);
	digest_of_first("www/d/a", right);
	lie("/d/a", 1 << 14);
	/* The lie is in the last digest, of the piece with its padding. */
	warm_rig_start(&rig, conf_of(""));
	warm_rig_listen(&rig, fmt("%s/socket", here()));
	hold_hashers();
	fd = request("single/d/*");
	/* It has the list of one file, and waits for that of the other. */
	do
		proc_ask_status(&rig.front);
	while (strstr(rig.front.line, "1 jobs (1 hashing)") == NULL);
	ATF_CHECK_EQ(1, warm_purge(&rig, "/d").files);
	let_hashers_go();
	ATF_CHECK(answer_has(fd, right, sizeof(right)));
	/* Digests of meanwhile are remembered, or not: but not the lie. */
	ATF_CHECK(answer_has(request("single/d/*"), right, sizeof(right)));
}

/* A file that was being hashed at the time is not remembered. */
TEST(warm__purge_while_hashed)
{
	place_enter();
	make_files("cache/", "www/d/a", "www/d/b");
	wait_until_old();
	warm_rig_start(&rig, conf_of(""));
	hold_hashers();
	warm_begin(&rig, "/", NULL);
	do
		warm_hear(&rig);
	while (strcmp(warm_at_hand(&rig), "/d/a") != 0);
	(void)warm_purge(&rig, "/d/a");
	let_hashers_go();
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(2, 0, 1, 1, 0);
	warm_begin(&rig, "/", NULL);
	ATF_CHECK_EQ(WARM_DONE, warm_wait(&rig));
	CHECK_REPORT(2, 1, 1, 0, 0);
}

/* The front has not purged anything before the cache has all that was sent to
   it. */
TEST(warm__purge_waits_for_the_cache)
{
	struct msg_control body = { .id = 7, .command = CONTROL_PURGE };

	place_enter();
	make_files("cache/", "www/a");
	warm_rig_start(&rig, conf_of(""));
	hold(&rig.cache);
	proc_send(&rig.front, MSG_CONTROL, &body, "/a", 2, -1);
	/* Several turns of its loop. */
	proc_ask_status(&rig.front);
	(void)poll(NULL, 0, 600);
	proc_ask_status(&rig.front);
	ATF_CHECK_EQ(0, rig.front.controlled.id);
	let_go(&rig.cache);
	while (rig.front.controlled.id != 7)
		proc_wait(&rig.front, -1, 0);
	ATF_CHECK_EQ(CONTROL_DONE, rig.front.controlled.state);
}

/* Paths that there cannot be, and more than there may be at once. */
TEST(warm__purge_refused)
{
	static const char *const paths[] = { "a", "/a/", "//a", "/../a", "/." };
	struct msg_control body = { .command = CONTROL_PURGE };
	const char *tail = rig.front.controlled_tail;
	uint32_t i;

	place_enter();
	make_files("cache/", "www/a");
	warm_rig_start(&rig, conf_of(""));
	EACH(path, paths) {
		body.id++;
		proc_send(&rig.front, MSG_CONTROL, &body, *path, strlen(*path),
		    -1);
		while (rig.front.controlled.id != body.id)
			proc_wait(&rig.front, -1, 0);
		ATF_CHECK_EQ(CONTROL_FAILED, rig.front.controlled.state);
		ATF_CHECK_MSG(strstr(tail, "not a path") != NULL, "%s", tail);
	}
	hold(&rig.cache);
	for (i = 0; i < 9; i++) {
		body.id++;
		proc_send(&rig.front, MSG_CONTROL, &body, "/a", 2, -1);
	}
	while (rig.front.controlled.id != body.id)
		proc_wait(&rig.front, -1, 0);
	ATF_CHECK_EQ(CONTROL_FAILED, rig.front.controlled.state);
	ATF_CHECK_MSG(strstr(tail, "too much") != NULL, "%s", tail);
	let_go(&rig.cache);
	for (i = 1; i < 9; i++)
		while (rig.front.controlled.id != body.id - i &&
		    rig.front.controlled.id >= body.id)
			proc_wait(&rig.front, -1, 0);
	ATF_CHECK_EQ(CONTROL_DONE, rig.front.controlled.state);
}

/* A torrent in memory goes, and others stay. */
TEST(warm__purge_memory)
{
	uint8_t right[SHA1_LEN];
	struct msg_controlled sum;

	place_enter();
	make_files("cache/", "www/d/a", "www/d/b", "www/e/c");
	wait_until_old();
	warm_rig_start(&rig, conf_of(""));
	warm_rig_listen(&rig, fmt("%s/socket", here()));
	digest_of_first("www/d/a", right);
	ATF_CHECK(answer_has(request("single/d/*"), right, sizeof(right)));
	ATF_CHECK(!answer_has(request("single/e/c"), right, sizeof(right)));
	ATF_CHECK(!answer_has(request("single/e/*"), right, sizeof(right)));
	sum = warm_purge(&rig, "/d/b");
	ATF_CHECK_EQ(1, sum.files);
	ATF_CHECK_EQ(1, sum.skipped);
	sum = warm_purge(&rig, "/e");
	ATF_CHECK_EQ(1, sum.files);
	ATF_CHECK_EQ(2, sum.skipped);
	sum = warm_purge(&rig, "/");
	ATF_CHECK_EQ(1, sum.files);
	ATF_CHECK_EQ(0, sum.skipped);
}
