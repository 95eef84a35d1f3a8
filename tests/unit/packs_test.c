/* SPDX-License-Identifier: ISC */
/*
 * Packs as files: appended to, written again without what is dead, and killed
 * at every system call of both.
 */
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/resource.h>

#include <malloc.h>
#include <time.h>

#include "common/log.h"
#include "pkgtorrentd/cache/packs.h"
#include "tests/lib/pack_rig.h"
#include "tests/lib/test.h"

#define PIECE	(1U << 20)
#define DAY	86400

static struct store	 st;
static struct packs	*ps;

/* As the service starts. */
static void
start(void)
{
	static const char text[] = "root /usr\n";
	static struct conf *conf;
	struct buf errors = { 0 };

	if (conf == NULL)
		conf = conf_parse("test", text, strlen(text), NULL, &errors);
	ATF_REQUIRE(conf != NULL);
	ATF_REQUIRE(mkdir("cache", 0700) == 0 || errno == EEXIST);
	if (st.lockfd > 0)
		close(st.lockfd);
	if (st.dirfd > 0)
		close(st.dirfd);
	memset(&st, 0, sizeof(st));
	st.dirfd = open("cache", O_RDONLY | O_DIRECTORY);
	ATF_REQUIRE(st.dirfd != -1);
	store_set_size(&st, 1ULL << 40);
	st.shares[STORE_PIECES].counted = true;
	st.entry_max = 64U << 20;
	st.age_s = 30 * DAY;
	snprintf(st.pack_temporary, sizeof(st.pack_temporary), ".new-1-pack");
	/* The one before is left behind. */
	ps = packs_new(&st);
	ATF_REQUIRE(ps != NULL);
	packs_configure(ps, conf);
}

static struct identity
version_of(unsigned version)
{
	return (struct identity){ 1 + version, 2 * PIECE, 1, 1, 0 };
}

static void
save(const char *path, unsigned version)
{
	uint8_t digests[2 * SHA1_LEN];
	struct pack_list list = { .identity = version_of(version),
	    .digests = digests, .count = 2 };

	memset(digests, (int)version + 1, sizeof(digests));
	packs_save(ps, path, strlen(path), PIECE, &list);
}

static bool
load(const char *path, unsigned version)
{
	struct identity identity = version_of(version);
	static struct buf b;
	enum packs_result result;
	struct pack_list list;

	do
		result = packs_load(ps, path, strlen(path), PIECE, &identity,
		    &b, &list);
	while (result == PACKS_GO_ON);
	if (result == PACKS_MISS)
		return false;
	ATF_REQUIRE_EQ(2, list.count);
	ATF_REQUIRE_EQ(version + 1, list.digests[0]);
	ATF_REQUIRE_EQ(version + 1, list.digests[2 * SHA1_LEN - 1]);
	return true;
}

static void
tidy(void)
{
	packs_flush(ps);
	while (packs_tidy(ps))
		continue;
}

static uint64_t
size_of(const char *path)
{
	struct stat sb;

	ATF_REQUIRE_EQ_MSG(0, stat(pack_path(path, PIECE), &sb), "%s", path);
	return (uint64_t)sb.st_size;
}

TEST(record__of_a_name_that_is_last_is_valid)
{
	unsigned i;

	start();
	for (i = 0; i < 3; i++) {
		save("/x/a", i);
		save("/x/b", 7);
	}
	ATF_CHECK(!load("/x/a", 1));
	ATF_CHECK(load("/x/a", 2));
	ATF_CHECK_EQ(6, count_packed("/x/a", PIECE));
	start();
	ATF_CHECK(!load("/x/a", 0));
	ATF_CHECK(!load("/x/a", 1));
	ATF_CHECK(load("/x/a", 2));
	ATF_CHECK(load("/x/b", 7));
	/* Another name, another directory, another piece length. */
	ATF_CHECK(!load("/x/", 2));
	ATF_CHECK(!load("/x/aa", 2));
	ATF_CHECK(!load("/a", 2));
}

/* What is stored waits for a pause, but no longer than until it is asked for;
   and not without end. */
TEST(record__waits_for_a_pause)
{
	unsigned i;

	start();
	save("/x/a", 0);
	ATF_CHECK_EQ(0, count_packed("/x/a", PIECE));
	ATF_CHECK_EQ(0, st.saves);
	packs_flush(ps);
	ATF_CHECK_EQ(1, count_packed("/x/a", PIECE));
	ATF_CHECK_EQ(1, st.saves);
	save("/x/b", 0);
	ATF_CHECK(load("/x/b", 0));
	ATF_CHECK_EQ(2, count_packed("/x/a", PIECE));
	for (i = 0; i < 10000; i++)
		save(fmt("/x/%u", i), 0);
	ATF_CHECK(count_packed("/x/a", PIECE) > 5000);
	packs_flush(ps);
	ATF_CHECK_EQ(10002, count_packed("/x/a", PIECE));
	ATF_CHECK_EQ(10002, st.saves);
	ATF_CHECK_EQ(10002, st.shares[STORE_PIECES].entries);
}

/* A crash loses the records of PACKS_WAIT_MS at most. */
TEST(record__is_written_when_it_is_time)
{
	int due;

	start();
	ATF_CHECK_EQ(-1, packs_flush_due(ps));
	save("/x/a", 0);
	save("/y/a", 0);
	due = packs_flush_due(ps);
	ATF_REQUIRE(due <= PACKS_WAIT_MS);
	if (due > 0)
		(void)poll(NULL, 0, due + 1);
	ATF_CHECK_EQ(-1, packs_flush_due(ps));
	ATF_CHECK_EQ(1, count_packed("/x/a", PIECE));
	ATF_CHECK_EQ(1, count_packed("/y/a", PIECE));
	/* It waits for the next one. */
	save("/x/b", 0);
	ATF_CHECK(packs_flush_due(ps) != 0);
	packs_flush(ps);
	ATF_CHECK_EQ(-1, packs_flush_due(ps));
}

/* Records that wait have their room already, whatever their directory. */
TEST(record__that_waits_is_counted)
{
	enum { N = 40000, DIRS = 8, LIMIT = 1 << 20 };
	uint64_t bytes = 0;
	unsigned i;

	start();
	store_set_size(&st, LIMIT);
	for (i = 0; i < N; i++)
		save(fmt("/x%u/%u", i % DIRS, i), 0);
	packs_flush(ps);
	ATF_CHECK_EQ(0, st.shares[STORE_PIECES].pending);
	ATF_CHECK_EQ(0, st.shares[STORE_OTHERS].pending);
	for (i = 0; i < DIRS; i++)
		bytes += size_of(fmt("/x%u/%u", i, i));
	ATF_CHECK(bytes <= st.shares[STORE_PIECES].limit);
	ATF_CHECK(bytes >= st.shares[STORE_PIECES].limit / 4 * 3);
	ATF_CHECK(st.saves < N);
	ATF_CHECK(st.shares[STORE_PIECES].wanted > 0);
}

/* Many directories in one burst: those that are closed for others are written
   before. */
TEST(record__of_many_directories_is_kept)
{
	enum { N = 5 * PACKS_OPEN_MAX };
	unsigned i;

	start();
	for (i = 0; i < N; i++)
		save(fmt("/x/%u/a", i), i % 100);
	for (i = 0; i < N; i++)
		save(fmt("/x/%u/b", i), i % 50);
	packs_flush(ps);
	start();
	for (i = 0; i < N; i++) {
		ATF_CHECK(load(fmt("/x/%u/a", i), i % 100));
		ATF_CHECK(load(fmt("/x/%u/b", i), i % 50));
	}
}

/* Not before more than half is dead; then at once. */
TEST(rewrite__comes_when_half_is_dead)
{
	enum { N = 300 };
	unsigned i, version = 0;
	uint64_t before;

	start();
	for (i = 0; i < N; i++)
		save(fmt("/x/%u", i), 0);
	ATF_REQUIRE(load("/x/0", 0));
	before = size_of("/x/0");
	while (!packs_tidy(ps)) {
		version++;
		save("/x/0", version % 200);
		ATF_REQUIRE(load("/x/0", version % 200));
		ATF_REQUIRE(size_of("/x/0") <= 2 * before + 200);
	}
	ATF_CHECK(version >= N - 1);
	tidy();
	ATF_CHECK(size_of("/x/0") <= before);
	ATF_CHECK_EQ(N, count_packed("/x/0", PIECE));
	ATF_CHECK_EQ(N, st.shares[STORE_PIECES].entries);
	ATF_CHECK_EQ(N + version, st.saves);
}

/* Nothing that lives is lost; its days and the time of the file stay. */
TEST(rewrite__keeps_what_lives)
{
	enum { N = 300 };
	struct stat sb;
	unsigned i;

	start();
	for (i = 0; i < N; i++)
		save(fmt("/x/%u", i), 0);
	for (i = 0; i < N + 5; i++)
		save("/x/0", i % 100);
	packs_flush(ps);
	for (i = 0; i < N; i++)
		set_days(fmt("/x/%u", i), PIECE, 2 + i % 20);
	/* It is read, and not used. */
	ATF_REQUIRE(!load("/x/0", 101));
	tidy();
	ATF_REQUIRE_EQ(N, count_packed("/x/0", PIECE));
	for (i = 0; i < N; i++)
		ATF_CHECK_EQ_MSG(2 + i % 20, days_of(fmt("/x/%u", i), PIECE),
		    "%u", i);
	ATF_REQUIRE_EQ(0, stat(pack_path("/x/0", PIECE), &sb));
	/* The end of the latest day. */
	ATF_CHECK_EQ((time(NULL) / DAY - 2) * DAY + DAY - 1,
	    sb.st_mtim.tv_sec);
	ATF_CHECK_EQ(0600, sb.st_mode & 07777);
	for (i = 0; i < N; i++)
		ATF_CHECK(load(fmt("/x/%u", i), i == 0 ? (N + 4) % 100 : 0));
	ATF_CHECK(!packs_tidy(ps));
}

/* A use in the middle stops it: the next one has the day. */
TEST(rewrite__loses_no_use)
{
	enum { N = 12000 };
	unsigned i, steps;

	for (steps = 1; steps < 6; steps++) {
		ATF_REQUIRE_EQ(0, system("rm -rf cache"));
		start();
		for (i = 0; i < N; i++)
			save(fmt("/x/%05u", i), 0);
		for (i = 100; i < N; i++)
			save(fmt("/x/%05u", i), 1);
		for (i = 100; i < N; i++)
			save(fmt("/x/%05u", i), 2);
		packs_flush(ps);
		set_days("/x/00050", PIECE, 9);
		set_days("/x/00051", PIECE, 9);
		ATF_REQUIRE(load("/x/00000", 0));
		for (i = 0; i < steps; i++)
			ATF_REQUIRE(packs_tidy(ps));
		ATF_CHECK(load("/x/00050", 0));
		tidy();
		ATF_CHECK_EQ(0, days_of("/x/00050", PIECE));
		ATF_CHECK_EQ(9, days_of("/x/00051", PIECE));
		ATF_CHECK_EQ(N, count_packed("/x/00000", PIECE));
	}
}

/* So does nothing that is stored meanwhile get lost. */
TEST(rewrite__keeps_what_comes_meanwhile)
{
	enum { N = 12000 };
	unsigned i, steps = 0;

	start();
	for (i = 0; i < N; i++)
		save(fmt("/x/%05u", i), 0);
	for (i = 0; i < N + 5; i++)
		save("/x/again", i % 100);
	packs_flush(ps);
	ATF_REQUIRE(load("/x/00000", 0));
	while (packs_tidy(ps)) {
		if (steps++ > 100)
			continue;
		save(fmt("/x/new%u", steps), steps);
		ATF_REQUIRE(load("/x/00001", 0));
	}
	ATF_CHECK(steps > 4);
	for (i = 1; i <= (steps < 100 ? steps : 100); i++)
		ATF_CHECK(load(fmt("/x/new%u", i), i));
	ATF_CHECK(load("/x/again", (N + 4) % 100));
	for (i = 0; i < N; i++)
		ATF_REQUIRE(load(fmt("/x/%05u", i), 0));
	ATF_CHECK(count_packed("/x/again", PIECE) < N + 200);
}

/* A pack that is removed meanwhile, and made anew, maybe with its inode. */
TEST(rewrite__replaces_no_other_file)
{
	enum { N = 12000 };
	unsigned i;

	start();
	for (i = 0; i < N; i++)
		save(fmt("/x/%05u", i), 0);
	for (i = 0; i < N + 5; i++)
		save("/x/again", i % 100);
	packs_flush(ps);
	ATF_REQUIRE(load("/x/00000", 0));
	for (i = 0; i < 3; i++)
		ATF_REQUIRE(packs_tidy(ps));
	ATF_REQUIRE_EQ(0, unlink(pack_path("/x/again", PIECE)));
	save("/x/new", 1);
	packs_flush(ps);
	tidy();
	ATF_CHECK(load("/x/new", 1));
	ATF_CHECK_EQ(1, count_packed("/x/new", PIECE));
}

/*
 * Killed at each system call.
 */

/* Runs it in a process that is killed at the stop of this number: before or
   after a system call.  false: it has come to its end. */
static bool
killed(void (*body)(void), unsigned at)
{
	pid_t pid;
	int status;

	pid = fork();
	ATF_REQUIRE(pid != -1);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
			_exit(77);
		(void)raise(SIGSTOP);
		body();
		_exit(0);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		atf_tc_skip("no process may be traced here");
	for (;; at--) {
		ATF_REQUIRE(WIFSTOPPED(status));
		if (at == 0)
			break;
		ATF_REQUIRE_EQ(0, ptrace(PTRACE_SYSCALL, pid, NULL, NULL));
		ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
		if (WIFEXITED(status)) {
			ATF_REQUIRE_EQ(0, WEXITSTATUS(status));
			return false;
		}
	}
	ATF_REQUIRE_EQ(0, kill(pid, SIGKILL));
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	return true;
}

#define KEPT	20		/* records that are whole */

static unsigned version_kept;	/* of the first of them */

static void
append(void)
{
	start();
	save("/x/new", 1);
	save("/x/newer", 2);
	packs_flush(ps);
	save("/y/z", 3);
	packs_flush(ps);
}

static void
rewrite(void)
{
	start();
	(void)load("/x/0", version_kept);
	tidy();
}

/* All records that were whole are; and it goes on from there. */
static void
check_after(unsigned kept, unsigned at)
{
	unsigned round, i;

	for (round = 0; round < 3; round++) {
		start();
		for (i = 0; i < kept; i++)
			ATF_REQUIRE_MSG(load(fmt("/x/%u", i), i == 0 ?
			    version_kept : 0), "%u, killed at %u, round %u",
			    i, at, round);
		if (round > 0) {
			ATF_REQUIRE_MSG(load("/x/after", 5), "%u", at);
			ATF_REQUIRE_MSG(load("/y/after", 6), "%u", at);
		}
		tidy();
		save("/x/after", 5);
		save("/y/after", 6);
		packs_flush(ps);
	}
}

static unsigned
kill_all(void (*body)(void), unsigned kept)
{
	unsigned at;

	ATF_REQUIRE_EQ(0, system("rm -rf saved; cp -a cache saved"));
	for (at = 1; killed(body, at); at++) {
		check_after(kept, at);
		ATF_REQUIRE_EQ(0, system("rm -rf cache; cp -a saved cache"));
	}
	check_after(kept, at);
	return at;
}

TEST(kill__in_a_write_loses_no_record)
{
	unsigned i;

	start();
	for (i = 0; i < KEPT; i++)
		save(fmt("/x/%u", i), 0);
	packs_flush(ps);
	ATF_CHECK(kill_all(append, KEPT) > 20);
	ATF_REQUIRE_EQ(0, system("rm -r cache; mkdir cache"));
	ATF_CHECK(kill_all(append, 0) > 20);
}

TEST(kill__in_a_rewrite_loses_no_record)
{
	unsigned i;

	start();
	for (i = 0; i < KEPT; i++)
		save(fmt("/x/%u", i), 0);
	version_kept = 2 * KEPT;
	for (i = 0; i <= version_kept; i++)
		save("/x/0", i);
	packs_flush(ps);
	ATF_REQUIRE_EQ(3 * KEPT + 1, count_packed("/x/0", PIECE));
	ATF_CHECK(kill_all(rewrite, KEPT) > 20);
	rewrite();
	ATF_CHECK(count_packed("/x/0", PIECE) < 2 * KEPT);
}

/*
 * Large packs.
 */

/* Makes a pack of n files of one piece. */
static void
make_large(const char *dir, unsigned n)
{
	uint8_t digests[2 * SHA1_LEN];

	memset(digests, 1, sizeof(digests));
	make_pack(dir, PIECE, n, (struct pack_list){ .count = 2,
	    .identity = version_of(0), .digests = digests });
}

TEST(pack__of_100000_records_is_read_in_steps)
{
	enum { N = 100000 };
	struct identity identity = version_of(0);
	struct pack_list list;
	struct buf b = { 0 };
	unsigned i, steps = 0;

	start();
	make_large("/x", N);
	while (packs_load(ps, "/x/99999", 8, PIECE, &identity, &b, &list) ==
	    PACKS_GO_ON)
		steps++;
	/* Each of PACKFILE_STEP bytes. */
	ATF_CHECK(steps >= size_of("/x/0") / PACKFILE_STEP - 1);
	ATF_CHECK(steps <= size_of("/x/0") / PACKFILE_STEP + 1);
	for (i = 0; i < N; i += 7)
		ATF_REQUIRE(load(fmt("/x/%u", i), 0));
	ATF_CHECK(!load("/x/100000", 0));
	ATF_CHECK(!load("/x/5", 1));
	save("/x/5", 1);
	save("/x/100000", 0);
	ATF_CHECK(load("/x/5", 1));
	ATF_CHECK(load("/x/100000", 0));
	/* In turns with another. */
	ATF_REQUIRE_EQ(0, packs_tidy(ps));
	buf_free(&b);
}

/* The calls of packs_load() until it knows. */
static unsigned
count_steps(const char *path)
{
	struct identity identity = version_of(0);
	struct pack_list list;
	struct buf b = { 0 };
	unsigned steps = 1;

	while (packs_load(ps, path, strlen(path), PIECE, &identity, &b,
	    &list) == PACKS_GO_ON)
		steps++;
	buf_free(&b);
	return steps;
}

/* While others are open in turns, as many as may be. */
TEST(rewrite__for_the_sweep_ends)
{
	const struct packfile_cut none = { 0 };
	struct pack_id id = pack_id_of("/x/0", PIECE);
	unsigned i, calls = 1;
	uint64_t cut;

	start();
	make_large("/x", 10000);
	for (i = 0; i <= PACKS_OPEN_MAX; i++)
		save(fmt("/y%u/a", i), 0);
	packs_flush(ps);
	for (; !packs_rewrite(ps, &id, none, &cut); calls++) {
		ATF_REQUIRE_MSG(calls < 20, "it begins anew");
		for (i = 0; i <= PACKS_OPEN_MAX; i++)
			ATF_REQUIRE(load(fmt("/y%u/a", i), 0));
	}
	ATF_CHECK(calls > 2);
	ATF_CHECK(load("/x/9999", 0));
}

TEST(pack__of_others_is_read_once)
{
	if (geteuid() == 0)
		atf_tc_skip("root may write to all files");
	start();
	make_large("/x", 10000);
	ATF_REQUIRE_EQ(0, chmod(pack_path("/x/0", PIECE), 0400));
	ATF_CHECK(count_steps("/x/0") > 2);
	/* So that the file is looked at again. */
	(void)poll(NULL, 0, 1100);
	ATF_CHECK_EQ(1, count_steps("/x/1"));
	ATF_CHECK(load("/x/9999", 0));
}

/* A write that finds no space leaves the pack as it is known. */
TEST(pack__that_cannot_grow_is_read_once)
{
	struct rlimit all, limit;

	(void)signal(SIGXFSZ, SIG_IGN);
	start();
	make_large("/x", 10000);
	ATF_CHECK(count_steps("/x/0") > 2);
	ATF_REQUIRE_EQ(0, getrlimit(RLIMIT_FSIZE, &all));
	limit = all;
	limit.rlim_cur = size_of("/x/0");
	ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_FSIZE, &limit));
	save("/x/new", 1);
	packs_flush(ps);
	ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_FSIZE, &all));
	ATF_CHECK_EQ(1, st.errors);
	ATF_CHECK_EQ(0, st.shares[STORE_PIECES].pending);
	ATF_CHECK_EQ(1, count_steps("/x/1"));
	ATF_CHECK(!load("/x/new", 1));
	/* Then there is space. */
	save("/x/new", 1);
	ATF_CHECK(load("/x/new", 1));
	ATF_CHECK(load("/x/9999", 0));
}

/* A service that only reads may see a part of what another one writes. */
TEST(pack__that_grows_is_read_on)
{
	struct buf whole = { 0 };
	unsigned left;
	int lock, fd;

	for (left = 1; left < 90; left += 40) {
		ATF_REQUIRE_EQ(0, system("rm -rf cache"));
		start();
		make_large("/x", 3);
		lock = open("cache/pieces", O_RDONLY | O_DIRECTORY);
		ATF_REQUIRE(lock != -1);
		ATF_REQUIRE_EQ(0, flock(lock, LOCK_EX | LOCK_NB));
		read_file(pack_path("/x/0", PIECE), &whole);
		fd = open(pack_path("/x/0", PIECE), O_WRONLY);
		ATF_REQUIRE(fd != -1);
		ATF_REQUIRE_EQ(0, ftruncate(fd, (off_t)(whole.len - left)));
		ATF_CHECK(load("/x/1", 0));
		ATF_CHECK(!load("/x/2", 0));
		ATF_REQUIRE_EQ((ssize_t)left, pwrite(fd, whole.data +
		    whole.len - left, left, (off_t)(whole.len - left)));
		(void)poll(NULL, 0, 1100);
		ATF_CHECK_MSG(load("/x/2", 0), "%u bytes came later", left);
		ATF_CHECK(load("/x/1", 0));
		ATF_CHECK_EQ(0, st.errors);
		close(fd);
		close(lock);
	}
	buf_free(&whole);
}

/* It is cut at each place behind the first step of its reading. */
TEST(pack__that_is_cut_while_it_is_read_has_an_end)
{
	unsigned cut, steps;

	for (cut = 0; cut < 120; cut += 4) {
		ATF_REQUIRE_EQ(0, system("rm -rf cache"));
		start();
		make_large("/x", 10000);
		ATF_REQUIRE_EQ(PACKS_GO_ON, packs_touch(ps, "/x/0", 4, PIECE));
		ATF_REQUIRE_EQ(0, truncate(pack_path("/x/0", PIECE),
		    PACKFILE_STEP + cut));
		steps = count_steps("/x/0");
		ATF_REQUIRE_MSG(steps < 10, "%u steps, cut at %u", steps, cut);
		ATF_CHECK(load("/x/0", 0));
	}
}

TEST(pack__with_too_many_records_takes_no_more)
{
	start();
	make_large("/x", PACKFILE_RECORDS_MAX);
	ATF_CHECK(load(fmt("/x/%u", PACKFILE_RECORDS_MAX - 1), 0));
	save("/x/more", 0);
	ATF_CHECK(!load("/x/more", 0));
	ATF_CHECK(load("/x/0", 0));
	/* It does no harm if there are some. */
	ATF_REQUIRE_EQ(0, system("rm -rf cache"));
	start();
	make_large("/x", PACKFILE_RECORDS_MAX + 1);
	ATF_CHECK(load("/x/0", 0));
	ATF_CHECK(load(fmt("/x/%u", PACKFILE_RECORDS_MAX - 1), 0));
	ATF_CHECK(!load(fmt("/x/%u", PACKFILE_RECORDS_MAX), 0));
}

/* A longer one would be removed when it is opened next. */
TEST(pack__that_is_too_long_takes_no_more)
{
	const char *path = pack_path("/x/a", PIECE);
	struct pack_id id = pack_id_of("/x/a", PIECE);
	uint8_t digests[2 * SHA1_LEN] = { 0 };
	struct pack_list list = { .name = "b", .name_len = 1,
	    .identity = version_of(0), .digests = digests, .count = 2 };
	struct packfile pf;
	struct stat sb;

	start();
	save("/x/a", 0);
	packs_flush(ps);
	ATF_REQUIRE_EQ(0, truncate(path, (off_t)PACKFILE_LEN_MAX - 64));
	packfile_init(&pf, &st, &id);
	(void)packfile_ready(&pf);
	/* To read all these zeros takes too long. */
	pf.at = pf.size;
	ATF_REQUIRE_EQ(0, packfile_append(&pf, &list));
	packfile_flush(&pf);
	ATF_CHECK_EQ(1, st.lost);
	ATF_CHECK_EQ(EFBIG, st.lost_error);
	ATF_REQUIRE_EQ(0, stat(path, &sb));
	ATF_CHECK_EQ((off_t)PACKFILE_LEN_MAX - 64, sb.st_size);
	packfile_close(&pf);
}

/* Whether another service writes cannot be found out, so nothing is written;
   when it can be again, it is. */
TEST(lock__needs_a_descriptor)
{
	struct rlimit all, none;

	start();
	save("/x/a", 0);
	packs_flush(ps);
	start();
	ATF_REQUIRE_EQ(0, getrlimit(RLIMIT_NOFILE, &all));
	none = (struct rlimit){ 0, all.rlim_max };
	ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	ATF_CHECK(!store_may_write(&st));
	ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_NOFILE, &all));
	ATF_CHECK(!store_may_write(&st));
	st.locked_ms = 1;
	ATF_CHECK(store_may_write(&st));
	save("/x/b", 0);
	ATF_CHECK(load("/x/b", 0));
}

/* Two megabytes are known of each, and there are twenty. */
TEST(memory__is_bounded)
{
	enum { N = 20, RECORDS = 100000 };
	struct mallinfo2 before, now;
	size_t used = 0, most = 0;
	unsigned i, round;

	start();
	for (i = 0; i < N; i++)
		make_large(fmt("/x%u", i), RECORDS);
	before = mallinfo2();
	for (round = 0; round < 2; round++)
		for (i = 0; i < N; i++) {
			ATF_REQUIRE(load(fmt("/x%u/99999", i), 0));
			now = mallinfo2();
			used = now.uordblks + now.hblkhd - before.uordblks -
			    before.hblkhd;
			most = used > most ? used : most;
		}
	ATF_CHECK_MSG(most <= PACKS_MEMORY + (4U << 20), "%zu", most);
	/* The malloc of a sanitizer tells nothing. */
	ATF_CHECK_MSG(most >= PACKS_MEMORY / 2 || now.uordblks == 0, "%zu",
	    most);
	/* So many files are open at most, and the other things. */
	for (i = 0; i < 2 * PACKS_OPEN_MAX; i++)
		save(fmt("/y%u/a", i), 0);
	packs_flush(ps);
	for (i = 0; i < 2 * PACKS_OPEN_MAX; i++)
		ATF_REQUIRE(load(fmt("/y%u/a", i), 0));
	i = (unsigned)dup(0);
	ATF_CHECK_MSG(i < PACKS_OPEN_MAX + 20, "%u", i);
	close((int)i);
}
