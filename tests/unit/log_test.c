/* SPDX-License-Identifier: ISC */
/*
 * The log as an administrator sees it: whole lines, each with its writer, none
 * that a client or a broken-in child could forge.
 */
#include "common/log.h"
#include "common/msg.h"
#include "tests/lib/test.h"

#define PLENTY	16384

/* The test's own stderr is kept here while the log has it. */
static int	real_stderr;
static int	log_fd;

/* From here on each write(2) to stderr can be read as one packet. */
static void
catch_stderr(void)
{
	int fds[2];

	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK,
	    0, fds));
	real_stderr = dup(STDERR_FILENO);
	ATF_REQUIRE(dup2(fds[1], STDERR_FILENO) != -1);
	close(fds[1]);
	log_fd = fds[0];
}

static void
release_stderr(void)
{
	ATF_REQUIRE(dup2(real_stderr, STDERR_FILENO) != -1);
	close(real_stderr);
	close(log_fd);
}

/* The next line as it was written; "" if none was. */
static const char *
next_line(void)
{
	static char line[PLENTY];
	ssize_t n = recv(log_fd, line, sizeof(line) - 1, MSG_DONTWAIT);

	line[n > 0 ? n : 0] = '\0';
	return line;
}

static void
expect_line(const char *expected)
{
	const char *line = next_line();

	ATF_CHECK_MSG(strcmp(line, expected) == 0, "\"%s\", not \"%s\"",
	    line, expected);
}

static struct channel ends[2];

TEST(log__escape)
{
	char out[64];

	ATF_CHECK_STREQ("/a b/c.rpm",
	    log_escape(out, sizeof(out), "/a b/c.rpm", 10));
	ATF_CHECK_STREQ("\\x22\\x5c\\x0a\\x7f\\xc3\\x00",
	    log_escape(out, sizeof(out), "\"\\\n\x7f\xc3\0", 6));
	ATF_CHECK_STREQ("", log_escape(out, sizeof(out), "", 0));
}

/* However short the room: ended, within it, and no half of an escape. */
TEST(log__escape_cut)
{
	static const char in[] = "ab\ncd\nefgh";
	static const char whole[] = "ab\\x0acd\\x0aefgh";
	char out[64];
	size_t len, n, kept;

	for (n = 1; n < sizeof(out); n++) {
		memset(out, '#', sizeof(out));
		log_escape(out, n, in, sizeof(in) - 1);
		len = strlen(out);
		ATF_REQUIRE_MSG(len < n, "%zu bytes in %zu", len, n);
		if (n < sizeof(out))
			ATF_CHECK_EQ('#', out[n]);
		if (n >= sizeof(whole)) {
			ATF_CHECK_STREQ(whole, out);
			continue;
		}
		kept = len;
		if (n >= sizeof("...")) {
			ATF_CHECK_STREQ("...", out + len - 3);
			kept -= 3;
		}
		ATF_CHECK_EQ(0, strncmp(whole, out, kept));
		/* Not within \x0a, which begins at 2 and at 8. */
		ATF_CHECK_MSG(kept <= 2 || (kept >= 6 && kept <= 8) ||
		    kept >= 12, "cut at %zu: %s", kept, out);
	}
}

TEST(log__parent_lines)
{
	char expected[128];

	unsetenv("JOURNAL_STREAM");
	catch_stderr();
	log_open_parent(NULL, true);
	log_info("listening on %s", "127.0.0.1:8080");
	snprintf(expected, sizeof(expected),
	    "parent[%d]: listening on 127.0.0.1:8080\n", (int)getpid());
	expect_line(expected);
	log_debug("not said");
	expect_line("");
	log_set_level(LOG_DEBUG);
	log_debug("said");
	snprintf(expected, sizeof(expected), "parent[%d]: said\n",
	    (int)getpid());
	expect_line(expected);
	log_set_level(LOG_ERR);
	log_warn("not said");
	expect_line("");
	log_error("said");
	expect_line(expected);
	release_stderr();
}

TEST(log__journal)
{
	struct stat st;

	catch_stderr();
	ATF_REQUIRE_EQ(0, fstat(STDERR_FILENO, &st));
	setenv("JOURNAL_STREAM", fmt("%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino), 1);
	log_open_parent(NULL, true);
	log_child_line("walker", 12, LOG_WARNING, "slow", 4);
	expect_line("<4>walker[12]: slow\n");

	/* Redirected since: to a file that nobody reads prefixes in. */
	setenv("JOURNAL_STREAM", fmt("%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino + 1), 1);
	log_open_parent(NULL, true);
	log_child_line("walker", 12, LOG_WARNING, "slow", 4);
	expect_line("walker[12]: slow\n");
	release_stderr();
}

TEST(log__child_cannot_forge)
{
	static const char forged[] = "x\nparent[1]: all is well\r\033[2J\0y";
	char *longest;
	const char *line;

	unsetenv("JOURNAL_STREAM");
	catch_stderr();
	log_open_parent(NULL, true);
	log_child_line("front", 7, LOG_INFO, forged, sizeof(forged) - 1);
	expect_line("front[7]: x\\x0aparent[1]: all is well\\x0d\\x1b[2J"
	    "\\x00y\n");
	/* A child's own escapes stay readable. */
	log_child_line("front", 7, LOG_INFO, "\"\\x0a\"", 6);
	expect_line("front[7]: \"\\x0a\"\n");

	/* Within a known length. */
	longest = malloc(MSG_TAIL_MAX);
	ATF_REQUIRE(longest != NULL);
	memset(longest, 'a', MSG_TAIL_MAX);
	log_child_line("front", 7, LOG_INFO, longest, MSG_TAIL_MAX);
	expect_line(fmt("front[7]: %.2048s\n", longest));
	memset(longest, 1, MSG_TAIL_MAX);
	log_child_line("front", 7, -1, longest, MSG_TAIL_MAX);
	expect_line("");
	log_child_line("front", 7, LOG_INFO, longest, MSG_TAIL_MAX);
	line = next_line();
	ATF_CHECK_EQ('\n', line[strlen(line) - 1]);
	free(longest);
	release_stderr();
}

/* A child's end and the parent's, which reads it. */
static void
open_child(void)
{
	int fds[2];

	ATF_REQUIRE_EQ(0, msg_pair(fds));
	memset(ends, 0, 2 * sizeof(ends[0]));
	ends[0] = (struct channel){ .fd = fds[0], .self = ROLE_HASHER,
	    .peer = ROLE_PARENT };
	ends[1] = (struct channel){ .fd = fds[1], .self = ROLE_PARENT,
	    .peer = ROLE_HASHER };
	log_open_child(&ends[0]);
}

/* The next line that arrived; its priority, or -1. */
static int
take_line(struct channel *ch, char *text, size_t size)
{
	static uint8_t buf[MSG_MAX] __attribute__((__aligned__(8)));
	struct msg msg;
	struct msg_wrong wrong;
	const struct msg_log *body;

	text[0] = '\0';
	if (msg_recv(ch, buf, &msg, &wrong) != MSG_GOT)
		return -1;
	ATF_REQUIRE_EQ(MSG_LOG, msg.type);
	body = msg.body;
	snprintf(text, size, "%.*s", (int)msg.tail_len,
	    (const char *)msg.tail);
	return (int)body->priority;
}

TEST(log__child_lines)
{
	char text[PLENTY], longest[3000];

	open_child();
	log_warn("%s: %d", "x", 1);
	ATF_CHECK_EQ(LOG_WARNING, take_line(&ends[1], text, sizeof(text)));
	ATF_CHECK_STREQ("x: 1", text);
	log_debug("not said");
	ATF_CHECK_EQ(-1, take_line(&ends[1], text, sizeof(text)));
	memset(longest, 'l', sizeof(longest));
	log_info("%.*s", (int)sizeof(longest), longest);
	ATF_CHECK_EQ(LOG_INFO, take_line(&ends[1], text, sizeof(text)));
	ATF_CHECK_EQ(2048, strlen(text));
	close(ends[0].fd);
	close(ends[1].fd);
}

/* A child does not wait for the log, and losses are no secret. */
TEST(log__busy_parent)
{
	char text[PLENTY];
	int priority, i, arrived = 0;

	open_child();
	for (i = 0; i < 20000; i++) {
		errno = ENOENT;
		log_info("line %d", i);
		ATF_REQUIRE_EQ(ENOENT, errno);
	}
	while ((priority = take_line(&ends[1], text, sizeof(text))) != -1) {
		ATF_REQUIRE_STREQ(fmt("line %d", arrived), text);
		arrived++;
	}
	ATF_REQUIRE_MSG(arrived > 0 && arrived < 20000, "%d", arrived);
	log_info("later");
	ATF_CHECK_EQ(LOG_WARNING, take_line(&ends[1], text, sizeof(text)));
	ATF_CHECK_STREQ(fmt("%d lines lost, the log was busy",
	    20000 - arrived), text);
	ATF_CHECK_EQ(LOG_INFO, take_line(&ends[1], text, sizeof(text)));
	ATF_CHECK_STREQ("later", text);
	log_info("again");
	ATF_CHECK_EQ(LOG_INFO, take_line(&ends[1], text, sizeof(text)));
	ATF_CHECK_STREQ("again", text);
	close(ends[0].fd);
	close(ends[1].fd);
}

/* The last words arrive, also through a full channel. */
TEST(log__fatal_in_child)
{
	struct pollfd pfd;
	char text[PLENTY], last[PLENTY] = "";
	int i, status;
	pid_t pid;

	open_child();
	pid = fork();
	ATF_REQUIRE(pid != -1);
	if (pid == 0) {
		close(ends[1].fd);
		for (i = 0; i < 20000; i++)
			log_info("line %d", i);
		fatal("no more: %s", "reason");
	}
	close(ends[0].fd);
	pfd = (struct pollfd){ .fd = ends[1].fd, .events = POLLIN };
	for (;;) {
		ATF_REQUIRE_EQ(1, poll(&pfd, 1, 60 * 1000));
		if (take_line(&ends[1], text, sizeof(text)) == -1)
			break;
		strcpy(last, text);
	}
	ATF_CHECK_STREQ("no more: reason", last);
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	close(ends[1].fd);
}

TEST(log__once)
{
	uint64_t last = 0;

	ATF_CHECK_EQ(1, log_once(&last, 1000, 5));
	ATF_CHECK_EQ(0, log_once(&last, 1000, 5));
	ATF_CHECK_EQ(0, log_once(&last, 1000, 1004));
	ATF_CHECK_EQ(1, log_once(&last, 1000, 1005));
	ATF_CHECK_EQ(0, log_once(&last, 1000, 1006));
}
