/* SPDX-License-Identifier: ISC */
/* How much memory a process may have. */
#include <sys/resource.h>

#include "common/sandbox/limits.h"
#include "common/sandbox/sandbox.h"
#include "tests/lib/test.h"

#define M	(1ULL << 20)

static uint64_t
data(enum role role, const char *text)
{
	static const struct strings none;
	struct buf errors = { 0 };
	struct conf *conf;
	uint64_t n;

	conf = conf_parse("test", text, strlen(text), &none, &errors);
	ATF_REQUIRE_MSG(conf != NULL, "%.*s", (int)errors.len, errors.data);
	n = limits_data(role, conf);
	conf_free(conf);
	return n;
}

#define ROOT	"root / /srv\n"

TEST(limits__follow_the_configuration)
{
	const uint64_t front = data(ROLE_FRONT, ROOT);
	const uint64_t cache = data(ROLE_CACHE, ROOT);

	/* The sum in pkgtorrentd.service. */
	ATF_CHECK_EQ(3840 * M, front);
	ATF_CHECK_EQ(1088 * M, data(ROLE_WALKER, ROOT));
	ATF_CHECK_EQ(64 * M, data(ROLE_HASHER, ROOT));
	ATF_CHECK_EQ(608 * M, cache);
	ATF_CHECK_EQ(320 * M, data(ROLE_TRACKER, ROOT));
	ATF_CHECK_EQ(65 * M, data(ROLE_TRACKER, ROOT "tracker-peers 4K\n"));
	ATF_CHECK_EQ(0, data(ROLE_PARENT, ROOT));
	ATF_CHECK_EQ(front + 7 * M, data(ROLE_FRONT, ROOT "hot-size 71M\n"));
	ATF_CHECK_EQ(front + 7 * M, data(ROLE_FRONT,
	    ROOT "answer-memory 263M\n"));
	ATF_CHECK_EQ(front + 17 * M, data(ROLE_FRONT,
	    ROOT "max-connections 1040\n"));
	ATF_CHECK_EQ(front + 8 * M, data(ROLE_FRONT, ROOT "max-queue 257\n"));
	ATF_CHECK_EQ(front + 6 * M, data(ROLE_FRONT, ROOT "max-body 35M\n"));
	ATF_CHECK_EQ(front + 64 * M, data(ROLE_FRONT,
	    ROOT "root /more /srv\n"));
	ATF_CHECK_EQ(cache + 4 * M, data(ROLE_CACHE,
	    ROOT "max-torrent 65M\n"));
	ATF_CHECK_EQ(front + 2 * M, data(ROLE_FRONT,
	    ROOT "max-torrent 65M\n"));
	ATF_CHECK_EQ(64 * M + 20480 * 96 / 1024 * M, data(ROLE_WALKER,
	    ROOT "max-files 20480\n"));
	/* The largest configuration does not wrap. */
	ATF_CHECK(data(ROLE_FRONT, ROOT "hot-size 1T\nanswer-memory 1T\n"
	    "max-connections 65536\nmax-queue 65536\n") > 1ULL << 41);
}

/* A process that has reached it gets no more, and goes on. */
TEST(limits__hold)
{
	/* Volatile: clang leaves out memory that nothing is written to. */
	void *volatile p, *volatile more;
	struct rlimit rl;
	pid_t pid;
	int status;

#ifdef SANDBOX_SANITIZED
	atf_tc_skip("a sanitizer has terabytes");
#endif
	rl.rlim_cur = rl.rlim_max = data(ROLE_HASHER, ROOT);
	pid = fork();
	ATF_REQUIRE(pid != -1);
	if (pid == 0) {
		if (setrlimit(RLIMIT_DATA, &rl) == -1)
			_exit(1);
		p = malloc(32 * M);
		if (p == NULL)
			_exit(2);
		more = malloc(32 * M);
		if (more != NULL || errno != ENOMEM)
			_exit(3);
		free(p);
		more = malloc(32 * M);
		_exit(more != NULL ? 0 : 4);
	}
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_CHECK_EQ(0, status);
}
