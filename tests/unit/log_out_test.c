/* SPDX-License-Identifier: ISC */
/*
 * A log that nobody reads: its writer goes on, its lines come later and in
 * order, and losses are reported.
 */
#include <sys/resource.h>
#include <sys/un.h>

#include <pty.h>
#include <regex.h>
#include <termios.h>

#include "common/log.h"
#include "tests/lib/test.h"

#define LOST	" lines were lost because nobody read the log\n"
#define MANY	20000		/* lines of about 100 bytes: more than kept */

static int	real_stderr;

/* Our standard error is this; a test that waits is ended by its timeout. */
static void
take_stderr(int fd)
{
	real_stderr = dup(STDERR_FILENO);
	ATF_REQUIRE(dup2(fd, STDERR_FILENO) != -1);
	unsetenv("JOURNAL_STREAM");
	log_open_parent(NULL, false);
}

static void
give_stderr_back(void)
{
	ATF_REQUIRE(dup2(real_stderr, STDERR_FILENO) != -1);
	close(real_stderr);
}

static void
log_many(unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		log_info("line %u %080u", i, i);
}

/* Reads until a line ends so; the log goes on while it is read. */
static char *
read_until(int fd, const char *end)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char *text = calloc(1, 4U << 20), *line;
	size_t len = 0;
	ssize_t n;

	do {
		log_flush();
		ATF_REQUIRE_MSG(poll(&pfd, 1, 10000) == 1, "no %s", end);
		n = read(fd, text + len, (4U << 20) - 1 - len);
		ATF_REQUIRE(n > 0);
		len += (size_t)n;
		line = text + len - strlen(end);
	} while (len < strlen(end) || strcmp(line, end) != 0);
	return text;
}

/*
 * Whole lines from 0 on, each one more than that before; then how many were
 * lost; then those after that.  The number of lines before it.
 */
static unsigned
check_lines(char *lines, unsigned many, const char *after)
{
	char *line, *at, *next = lines;
	unsigned n = 0, number, lost = 0;

	while ((line = strsep(&next, "\n")) != NULL && *line != '\0') {
		ATF_REQUIRE_MSG((at = strstr(line, "]: ")) != NULL, "%s",
		    line);
		if (sscanf(at, "]: line %u ", &number) == 1) {
			ATF_REQUIRE_EQ_MSG(n, number, "%s", line);
			ATF_REQUIRE_EQ(0U, lost);
			n++;
		} else if (sscanf(at, "]: %u lines were lost because nobody "
		    "read the log", &lost) == 1)
			ATF_CHECK_EQ(many, n + lost);
		else
			ATF_CHECK_STREQ(after, at + 3);
	}
	ATF_CHECK_MSG(lost > 0, "nothing is said of what was lost");
	ATF_CHECK_MSG(n > LOG_KEPT_MAX / 128, "%u lines", n);
	return n;
}

static char *text;
static int fds[2], ours, theirs;

TEST(pipe__full)
{
	char *more;

	ATF_REQUIRE_EQ(0, pipe(fds));
	take_stderr(fds[1]);
	log_many(MANY);
	/* That of others still waits, as they think it does. */
	ATF_CHECK_EQ(0, fcntl(fds[1], F_GETFL) & O_NONBLOCK);
	text = read_until(fds[0], LOST);
	log_info("again");
	more = read_until(fds[0], "again\n");
	strlcat(text, more, 4U << 20);
	free(more);
	give_stderr_back();
	check_lines(text, MANY, "again");
}

/* Without /proc, or with a pipe of another user's. */
TEST(pipe__that_cannot_be_opened_again, "require.user", "root")
{
	ATF_REQUIRE_EQ(0, pipe(fds));
	ATF_REQUIRE_EQ(0, setegid(65534));
	ATF_REQUIRE_EQ(0, seteuid(65534));
	take_stderr(fds[1]);
	ATF_REQUIRE_EQ(0, fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK);
	log_many(MANY);
	text = read_until(fds[0], LOST);
	give_stderr_back();
	ATF_REQUIRE_EQ(0, seteuid(0));
	ATF_REQUIRE_EQ(0, setegid(0));
	check_lines(text, MANY, "");
}

/* The journal's is a stream, which may take half of a line. */
TEST(socket__full)
{
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	take_stderr(fds[1]);
	log_many(MANY);
	ATF_CHECK_EQ(0, fcntl(fds[1], F_GETFL) & O_NONBLOCK);
	text = read_until(fds[0], LOST);
	give_stderr_back();
	check_lines(text, MANY, "");
}

/* A terminal on which somebody has pressed ^S. */
TEST(terminal__stopped)
{
	struct termios raw;

	memset(&raw, 0, sizeof(raw));
	cfmakeraw(&raw);
	ATF_REQUIRE_EQ(0, openpty(&ours, &theirs, NULL, &raw, NULL));
	ATF_REQUIRE_EQ(0, tcflow(theirs, TCOOFF));
	take_stderr(theirs);
	log_many(MANY);
	ATF_CHECK_EQ(0, fcntl(theirs, F_GETFL) & O_NONBLOCK);
	ATF_REQUIRE_EQ(0, tcflow(theirs, TCOON));
	text = read_until(ours, LOST);
	give_stderr_back();
	check_lines(text, MANY, "");
}

static int
bind_syslog(int type)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX,
	    .sun_path = "syslog" };
	int fd = socket(AF_UNIX, type, 0);

	(void)unlink("syslog");
	ATF_REQUIRE_EQ(0, bind(fd, (struct sockaddr *)&sun, sizeof(sun)));
	if (type == SOCK_STREAM)
		ATF_REQUIRE_EQ(0, listen(fd, 1));
	return fd;
}

static void
expect_syslog(int fd, const char *end, size_t nul)
{
	char got[4096], full[128];
	ssize_t n;
	size_t len;

	len = (size_t)snprintf(full, sizeof(full),
	    " pkgtorrentd: parent[%d]: %s", (int)getpid(), end) + nul;
	log_flush();
	n = recv(fd, got, sizeof(got), MSG_DONTWAIT);
	ATF_REQUIRE_MSG(n > (ssize_t)len, "no %s", full);
	ATF_CHECK_EQ(0, strncmp(got, "<30>", 4));
	ATF_CHECK_EQ(':', got[4 + strlen("Jan  1 00:00")]);
	ATF_CHECK_MSG(memcmp(got + n - len, full, len) == 0, "%.*s, not %s",
	    (int)n, got, full);
}

/* Its queue is a few lines long, as the kernel has it. */
TEST(syslog__full)
{
	char line[200] = "";
	unsigned i;
	int fd, other;

	fd = bind_syslog(SOCK_DGRAM);
	log_open_parent("syslog", false);
	for (i = 0; i < 3000; i++)
		log_info("line %u", i);
	for (i = 0; i < 1000; i++)
		expect_syslog(fd, fmt("line %u", i), 0);
	/* It is started again: lines it had not taken come to the other. */
	other = bind_syslog(SOCK_DGRAM);
	close(fd);
	log_flush();
	log_info("after %u", 0);
	/* The first one's queue has gone with it. */
	for (i = 0; recv(other, line, sizeof(line), MSG_DONTWAIT) > 0 &&
	    strstr(line, ": after 0") == NULL; i++)
		log_flush();
	ATF_CHECK_MSG(i > 1000 && i <= 2000, "%u lines", i);
	close(other);
	/* Nobody for a while, and then a daemon of the other kind. */
	log_open_parent("syslog", false);
	log_info("while away %u", 1);
	fd = bind_syslog(SOCK_STREAM);
	log_flush();
	other = accept(fd, NULL, NULL);
	expect_syslog(other, "while away 1", 1);
}

/* A line that is too long for a socket's datagrams does not stop the next. */
TEST(datagram__too_long)
{
	char got[64], *line = calloc(1, LOG_KEPT_MAX / 2);
	int small = 4096;

	ATF_REQUIRE(line != NULL);
	memset(line, 'x', LOG_KEPT_MAX / 2);
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, fds));
	ATF_REQUIRE_EQ(0, setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small,
	    sizeof(small)));
	take_stderr(fds[0]);
	log_print(line, LOG_KEPT_MAX / 2);
	log_print("next\n", 5);
	give_stderr_back();
	ATF_REQUIRE_EQ(5, recv(fds[1], got, sizeof(got), MSG_DONTWAIT));
	ATF_CHECK(memcmp(got, "next\n", 5) == 0);
	free(line);
}

/* Of a reader that has gone only lines past the bound are lost. */
TEST(fifo__reader_comes_again)
{
	ATF_REQUIRE_EQ(0, mkfifo("fifo", 0600));
	ours = open("fifo", O_RDONLY | O_NONBLOCK);
	theirs = open("fifo", O_WRONLY);
	ATF_REQUIRE(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	take_stderr(theirs);
	close(ours);
	log_info("nobody there");
	ours = open("fifo", O_RDONLY | O_NONBLOCK);
	log_flush();
	text = read_until(ours, "]: nobody there\n");
	give_stderr_back();
}

static void
limit_files(rlim_t bytes)
{
	struct rlimit limit;

	ATF_REQUIRE_EQ(0, getrlimit(RLIMIT_FSIZE, &limit));
	limit.rlim_cur = bytes;
	ATF_REQUIRE_EQ(0, setrlimit(RLIMIT_FSIZE, &limit));
}

#define STAMP	"20[0-9-]{8}T[0-9:]{8}[+-][0-9]{4} parent.[0-9]+.: "

/* A full disk costs the lines that it refuses, and no later ones. */
TEST(file__on_a_full_disk)
{
	char got[1024] = "";
	struct stat st;
	regex_t re;
	int fd;

	fd = open("lines", O_RDWR | O_CREAT | O_APPEND, 0600);
	ATF_REQUIRE(fd != -1 && signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	log_open_file(fd);
	log_info("first");
	ATF_REQUIRE_EQ(0, fstat(fd, &st));
	limit_files((rlim_t)st.st_size + 10);
	log_info("this is cut");
	log_info("this has no room");
	ATF_CHECK_EQ(-1, log_flush());
	limit_files(RLIM_INFINITY);
	log_info("next");
	log_info("last");
	ATF_REQUIRE(pread(fd, got, sizeof(got) - 1, 0) > 0);
	ATF_REQUIRE_EQ(0, regcomp(&re, "^" STAMP "first\n20[0-9-]{8}\n"
	    STAMP "next\n" STAMP "last\n$", REG_EXTENDED | REG_NOSUB));
	ATF_CHECK_MSG(regexec(&re, got, 0, NULL, 0) == 0, "%s", got);
	regfree(&re);
	/* It is the log's: closed when another takes its place. */
	log_open_file(open("other", O_RDWR | O_CREAT, 0600));
	ATF_CHECK_EQ(-1, fcntl(fd, F_GETFD));
	log_open_parent(NULL, true);
}
