/* SPDX-License-Identifier: ISC */
/*
 * The environment of a child at its start.  The test program is executed as the
 * child: under a child's name it reports its environment and exits.
 */
#include "common/child.h"
#include "pkgtorrentd/parent/process.h"
#include "pkgtorrentd/parent/state.h"
#include "tests/lib/conf_text.h"
#include "tests/lib/test.h"

#define BOUND_MS	20000		/* far more than it ever takes */

/* Another place than /dev/null, such as stderr in sanitizer builds: '?'. */
static char
kind_of_fd(int fd)
{
	struct stat	 st, null;

	if (fstat(fd, &st) == -1)
		return '-';
	if (S_ISSOCK(st.st_mode))
		return 's';
	if (stat("/dev/null", &null) == 0 && st.st_rdev == null.st_rdev &&
	    S_ISCHR(st.st_mode))
		return 'n';
	return '?';
}

static int
count_signals(void)
{
	struct sigaction	 sa;
	sigset_t		 mask;
	int			 sig, n = 0;

	(void)sigprocmask(SIG_BLOCK, NULL, &mask);
	for (sig = 1; sig < 32; sig++) {
		if (sigaction(sig, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN)
			n++;
		if (sigismember(&mask, sig) == 1)
			n++;
	}
	return n;
}

/* glibc hands constructors the arguments of main(); this one is a child's
   main. */
static void __attribute__((__constructor__))
child(int argc, char **argv, char **envp)
{
	struct msg_log	 body = { .priority = 6 };
	struct channel	 parent;
	char		 text[256], name[64] = "";
	int		 fd, above = 0, n;

	if (argc < 1 || strncmp(argv[0], "pkgtorrentd: ", 13) != 0)
		return;
	memset(&parent, 0, sizeof(parent));
	parent.fd = PARENT_FD;
	parent.self = ROLE_CACHE;
	parent.peer = ROLE_PARENT;
	for (fd = PARENT_FD + 1; fd < 1024; fd++)
		above += fcntl(fd, F_GETFD) != -1;
	(void)snprintf(name, sizeof(name), "%s", argv[0]);
	n = snprintf(text, sizeof(text), "%s argc=%d env=%s fds=%c%c%c%c+%d "
	    "signals=%d session=%s", name, argc,
	    envp[0] == NULL ? "none" : envp[0],
	    kind_of_fd(0), kind_of_fd(1),
	    kind_of_fd(2) == 'n' ? 'n' : '*', kind_of_fd(3), above,
	    count_signals(), getsid(0) == getpid() ? "own" : "shared");
	(void)msg_send(&parent, MSG_LOG, &body, text, (size_t)n, NULL, 0);
	_exit(7);
}

/* The only line that the child sends, and how it ended. */
static int
talk(int fd, pid_t pid, char *line, size_t len)
{
	static uint8_t		 buf[MSG_MAX];
	struct pollfd		 pfd = { .fd = fd, .events = POLLIN };
	struct channel		 ch;
	struct msg_wrong	 wrong;
	struct msg		 msg;
	int			 status;

	memset(&ch, 0, sizeof(ch));
	ch.fd = fd;
	ch.self = ROLE_PARENT;
	ch.peer = ROLE_CACHE;
	ATF_REQUIRE_EQ(poll(&pfd, 1, BOUND_MS), 1);
	ATF_REQUIRE_EQ(msg_recv(&ch, buf, &msg, &wrong), MSG_GOT);
	ATF_REQUIRE_EQ(msg.type, MSG_LOG);
	snprintf(line, len, "%.*s", (int)msg.tail_len, (const char *)msg.tail);
	ATF_REQUIRE_EQ(waitpid(pid, &status, 0), pid);
	close(fd);
	return status;
}

static struct programs programs;
static struct buf errors;

TEST(spawn__clean_child)
{
	sigset_t	 set;
	char		 line[512], how[64];
	int		 fd, leaked, status;
	pid_t		 pid;

	ATF_REQUIRE_EQ(process_open_programs(&programs, "/proc/self/exe",
	    &errors), 0);
	/* A careless parent would pass these on. */
	leaked = dup(STDIN_FILENO);
	ATF_REQUIRE(leaked != -1 && dup2(leaked, 200) == 200);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR2);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)unsetenv("ASAN_OPTIONS");
	(void)unsetenv("UBSAN_OPTIONS");
	(void)setenv("SECRET", "x", 1);

	pid = process_spawn(&programs, ROLE_CACHE, "pkgtorrentd: cache", &fd);
	ATF_REQUIRE(pid > 0);
	ATF_CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	status = talk(fd, pid, line, sizeof(line));
	if (strstr(line, "fds=nn*s") != NULL)	/* a sanitizer's stderr */
		line[strcspn(line, "*")] = 'n';
	ATF_CHECK_STREQ(line, "pkgtorrentd: cache argc=1 env=none "
	    "fds=nnns+0 signals=0 session=own");
	process_describe_end(how, sizeof(how), status);
	ATF_CHECK_STREQ(how, "exit status 7");
	/* And the parent is as it was. */
	(void)sigprocmask(SIG_BLOCK, NULL, &set);
	ATF_CHECK_EQ(sigismember(&set, SIGUSR2), 1);
	ATF_CHECK_EQ(sigismember(&set, SIGTERM), 0);
}

/* A program that was replaced since still starts in its old version. */
TEST(spawn__program_replaced)
{
	char		 line[512];
	int		 fd;
	pid_t		 pid;

	ATF_REQUIRE_EQ(system("cp /proc/$PPID/exe program"), 0);
	ATF_REQUIRE_EQ(process_open_programs(&programs, "program", &errors),
	    0);
	ATF_REQUIRE_EQ(unlink("program"), 0);
	fd = open("program", O_CREAT | O_WRONLY, 0755);
	close(fd);
	pid = process_spawn(&programs, ROLE_HASHER, "pkgtorrentd: hasher 1",
	    &fd);
	ATF_REQUIRE(pid > 0);
	(void)talk(fd, pid, line, sizeof(line));
	ATF_CHECK(strncmp(line, "pkgtorrentd: hasher 1 ", 22) == 0);
}

/* A child that cannot be executed says so over its channel. */
TEST(spawn__not_a_program)
{
	char		 line[512];
	int		 fd, status;
	pid_t		 pid;

	fd = open("program", O_CREAT | O_WRONLY, 0755);
	ATF_REQUIRE_EQ(write(fd, "\177garbage", 8), 8);
	close(fd);
	ATF_REQUIRE_EQ(process_open_programs(&programs, "program", &errors),
	    0);
	pid = process_spawn(&programs, ROLE_HASHER, "pkgtorrentd: hasher 1",
	    &fd);
	ATF_REQUIRE(pid > 0);
	status = talk(fd, pid, line, sizeof(line));
	ATF_CHECK_STREQ(line, "cannot be executed: Exec format error");
	ATF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

TEST(spawn__no_program)
{
	ATF_CHECK_EQ(process_open_programs(&programs, "/nonexistent/hasher",
	    &errors), -1);
	ATF_REQUIRE_EQ(buf_add(&errors, "", 1), 0);
	ATF_CHECK_STREQ((char *)errors.data,
	    "/nonexistent/hasher: No such file or directory\n");
}

static void
check_title(const struct conf *conf, enum role role, uint32_t index,
    const char *want)
{
	struct parent	 parent = { .conf = (struct conf *)(uintptr_t)conf };
	struct process	 p = { .parent = &parent, .role = role,
			    .index = index };
	char		 title[PROCESS_TITLE_LEN];

	process_title(&p, title);
	ATF_CHECK_STREQ(title, want);
}

TEST(spawn__titles)
{
	struct conf	*conf = good("root /tmp\nroot /second/disk /tmp\n",
	    NULL);

	check_title(conf, ROLE_FRONT, 0, "pkgtorrentd: front");
	check_title(conf, ROLE_CACHE, 0, "pkgtorrentd: cache");
	check_title(conf, ROLE_TRACKER, 0, "pkgtorrentd: tracker");
	check_title(conf, ROLE_HASHER, 0, "pkgtorrentd: hasher 1");
	check_title(conf, ROLE_HASHER, 9, "pkgtorrentd: hasher 10");
	check_title(conf, ROLE_WALKER, 0, "pkgtorrentd: walker");
	check_title(conf, ROLE_WALKER, 1, "pkgtorrentd: walker /second/disk");
	conf_free(conf);
}

TEST(spawn__back_off)
{
	uint32_t	 ms = 0, last;
	int		 i;

	/* Worked, then died: at once. */
	ATF_CHECK_EQ(process_delay_ms(0, 1000, 2000), 0);
	ATF_CHECK_EQ(process_delay_ms(30000, 1000, 2000), 0);
	/* Died within a second of being ready, or never was. */
	ATF_CHECK_EQ(process_delay_ms(0, 1000, 1999), 100);
	ATF_CHECK_EQ(process_delay_ms(0, 0, 1999), 100);
	ATF_CHECK_EQ(process_delay_ms(100, 0, 1999), 200);
	for (i = 0; i < 20; i++) {
		last = ms;
		ms = process_delay_ms(ms, 0, 1);
		ATF_CHECK(ms == 30000 || ms >= 2 * last);
		ATF_CHECK(ms <= 30000);
	}
	ATF_CHECK_EQ(ms, 30000);
}

TEST(spawn__how_it_ended)
{
	char	 how[64];

	process_describe_end(how, sizeof(how), SIGKILL);
	ATF_CHECK_STREQ(how, "signal 9 (Killed)");
	process_describe_end(how, sizeof(how), 3 << 8);
	ATF_CHECK_STREQ(how, "exit status 3");
}
