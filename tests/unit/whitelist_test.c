/* SPDX-License-Identifier: ISC */
/* The limits of whitelist-socket; tests/service/270_helper_test.sh has
   helpers. */
#include <sys/socket.h>

#include <fcntl.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/clock.h"
#include "tests/lib/test.h"

static uint64_t now_ms = 10000000;

static uint64_t
test_clock_ms(void)
{
	return now_ms;
}

#define clock_ms	test_clock_ms
#define clock_coarse_ms test_clock_ms
#include "pkgtorrentd/front/serve/whitelist.c"
#undef clock_ms
#undef clock_coarse_ms

static struct event_base *base;
static struct channel parent;
static int parent_end;
static int helper = -1;
static struct whitelist *list;
static struct conf conf;
static uint32_t mark;

static void
connect_helper(void)
{
	struct msg_whitelist body = { .id = 7 };
	struct msg m = { .type = MSG_WHITELIST, .body = &body, .nfds = 1 };
	int fds[2];

	if (helper != -1)
		close(helper);
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds));
	helper = fds[0];
	m.fds[0] = fds[1];
	ATF_REQUIRE_EQ(FAULT_NONE, whitelist_on_whitelist(list, &m));
	ATF_REQUIRE_EQ(0, m.nfds);
}

static void
start(void)
{
	int fds[2];

	base = event_base_new();
	ATF_REQUIRE(base != NULL && msg_pair(fds) == 0);
	channel_open(&parent, fds[0], ROLE_FRONT, ROLE_PARENT, 0);
	parent_end = fds[1];
	list = whitelist_new(base, &parent);
	ATF_REQUIRE(list != NULL);
	ATF_CHECK_EQ(0, whitelist_mark(list));
	conf.whitelist_socket = (char *)(uintptr_t)"/helper";
	whitelist_set_conf(list, &conf);
	mark = whitelist_mark(list);
	ATF_CHECK(mark != 0);
	connect_helper();
}

static void
hash_of(uint32_t n, uint8_t hash[SHA1_LEN])
{
	memset(hash, 0, SHA1_LEN);
	memcpy(hash, &n, sizeof(n));
	memcpy(hash + SHA1_LEN - sizeof(n), &n, sizeof(n));
}

/* The line of a hash; known says whether it is acknowledged. */
static struct whitelist_line *
want(uint32_t n, const struct addr *addr, bool *known)
{
	struct whitelist_line *line;
	uint8_t hash[SHA1_LEN];
	uint32_t m = 0;

	hash_of(n, hash);
	line = whitelist_want(list, hash, &m, addr);
	ATF_CHECK(m == 0 || (m == mark && line == NULL));
	*known = m != 0;
	return line;
}

static bool
is_written(uint32_t n, const struct addr *addr)
{
	bool known;

	return want(n, addr, &known) != NULL && !known;
}

static bool
is_known(uint32_t n)
{
	bool known;

	(void)want(n, NULL, &known);
	return known;
}

/* Read all lines, and return their number. */
static unsigned
read_lines(void)
{
	static char text[WHITELIST_LINES_MAX * LINE_LEN];
	unsigned n = 0;
	ssize_t got, i;

	usleep(20000);		/* the time in which lines are one write */
	do {
		ATF_REQUIRE(event_base_loop(base, EVLOOP_NONBLOCK) != -1);
		got = read(helper, text, sizeof(text));
		for (i = 0; i < got; i++)
			n += text[i] == '\n';
	} while (got > 0);
	return n;
}

static void
answer(const char *text)
{
	ATF_REQUIRE_EQ((ssize_t)strlen(text), write(helper, text,
	    strlen(text)));
	ATF_REQUIRE(event_base_loop(base, EVLOOP_NONBLOCK) != -1);
}

static void
acknowledge(unsigned n)
{
	for (; n > 0; n--)
		answer("ok\n");
}

static bool
is_lost(void)
{
	static uint8_t buf[MSG_MAX] __attribute__((__aligned__(16)));
	struct channel ch = { .fd = parent_end, .self = ROLE_PARENT,
	    .peer = ROLE_FRONT };
	struct msg_wrong wrong;
	struct msg msg;

	return msg_recv(&ch, buf, &msg, &wrong) == MSG_GOT &&
	    msg.type == MSG_WHITELIST_LOST &&
	    ((const struct msg_whitelist *)msg.body)->id == 7;
}

TEST(whitelist__lines_without_an_answer)
{
	uint32_t n;

	start();
	for (n = 1; n <= WHITELIST_LINES_MAX; n++)
		ATF_REQUIRE(is_written(n, NULL));
	ATF_CHECK(!is_written(n, NULL));
	/* Those that wait are no further lines. */
	ATF_CHECK(is_written(1, NULL));
	ATF_CHECK_EQ(WHITELIST_LINES_MAX, read_lines());
	acknowledge(1);
	ATF_CHECK(is_known(1) && !is_known(2));
	ATF_CHECK(is_written(n, NULL));
	ATF_CHECK(!is_written(n + 1, NULL));
	ATF_CHECK_EQ(1, read_lines());
	/* Another connection gets all of them again. */
	connect_helper();
	ATF_CHECK_EQ(WHITELIST_LINES_MAX, read_lines());
	whitelist_free(list);
}

TEST(whitelist__lines_in_an_hour)
{
	struct addr one = { .family = AF_INET, .ip = { 10 } };
	struct addr other = { .family = AF_INET, .ip = { 11 } };
	uint32_t n, more;

	start();
	for (n = 1; n <= WHITELIST_CLIENT_MAX; n++) {
		ATF_REQUIRE(is_written(n, &one));
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
		if (n % 1000 == 0)
			acknowledge(read_lines());
	}
	ATF_CHECK(!is_written(n, &one));
	ATF_CHECK(is_written(n, &other));
	/* Without a client only the sum counts. */
	for (n++; n <= WHITELIST_HOUR_MAX; n++) {
		ATF_REQUIRE(is_written(n, NULL));
		if (n % 1000 == 0)
			acknowledge(read_lines());
	}
	ATF_CHECK(!is_written(n, NULL) && !is_written(n, &other));
	now_ms += HOUR_MS;
	for (more = 1; more <= 100; more++)
		ATF_CHECK(is_written(n + more, &one));
	whitelist_free(list);
}

/* A set has room for some; the one that was acknowledged first goes. */
TEST(whitelist__known)
{
	uint32_t n;

	start();
	for (n = 1; n <= WHITELIST_WAYS + 1; n++) {
		ATF_CHECK(is_written(n * WHITELIST_SETS, NULL));
		ATF_CHECK_EQ(1, read_lines());
		acknowledge(1);
		ATF_CHECK(is_known(n * WHITELIST_SETS));
	}
	for (n = 2; n <= WHITELIST_WAYS + 1; n++)
		ATF_CHECK(is_known(n * WHITELIST_SETS));
	ATF_CHECK(!is_known(1 * WHITELIST_SETS));
	/* Another socket knows nothing, the first one neither when it is
	   back. */
	conf.whitelist_socket = (char *)(uintptr_t)"/other";
	whitelist_set_conf(list, &conf);
	ATF_CHECK(whitelist_mark(list) != mark);
	mark = whitelist_mark(list);
	ATF_CHECK(!is_known(2 * WHITELIST_SETS));
	conf.whitelist_socket = NULL;
	whitelist_set_conf(list, &conf);
	ATF_CHECK_EQ(0, whitelist_mark(list));
	ATF_CHECK(!is_written(2 * WHITELIST_SETS, NULL));
	whitelist_free(list);
}

TEST(whitelist__answers)
{
	static char text[WHITELIST_ANSWER_MAX + 1];

	start();
	ATF_CHECK(is_written(1, NULL) && is_written(2, NULL));
	ATF_CHECK_EQ(2, read_lines());
	/* As long as an answer may be; it refuses the hash. */
	memset(text, 'x', WHITELIST_ANSWER_MAX - 1);
	text[WHITELIST_ANSWER_MAX - 1] = '\n';
	answer(text);
	ATF_CHECK(!is_lost() && !is_known(1));
	answer("o");
	answer("k\n");
	ATF_CHECK(!is_lost() && is_known(2));
	ATF_CHECK_EQ(1, read_lines());
	memset(text, 'x', WHITELIST_ANSWER_MAX);
	text[WHITELIST_ANSWER_MAX] = '\0';
	answer(text);
	ATF_CHECK(is_lost());
	connect_helper();
	/* The one that was refused is written again. */
	ATF_CHECK_EQ(1, read_lines());
	answer("ok\n");
	ATF_CHECK(!is_lost() && is_known(1));
	answer("ok\n");
	ATF_CHECK(is_lost());
	whitelist_free(list);
}

/* A helper that reads nothing gets each line once all the same. */
TEST(whitelist__slow_reader)
{
	struct msg_whitelist body = { .id = 7 };
	struct msg m = { .type = MSG_WHITELIST, .body = &body, .nfds = 1 };
	int fds[2], little = 1;
	uint32_t n;

	start();
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds));
	ATF_REQUIRE_EQ(0, setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &little,
	    sizeof(little)));
	close(helper);
	helper = fds[0];
	m.fds[0] = fds[1];
	ATF_REQUIRE_EQ(FAULT_NONE, whitelist_on_whitelist(list, &m));
	for (n = 1; n <= WHITELIST_LINES_MAX; n++)
		ATF_REQUIRE(is_written(n, NULL));
	usleep(20000);
	ATF_REQUIRE(event_base_loop(base, EVLOOP_NONBLOCK) != -1);
	for (n = 0; n < WHITELIST_LINES_MAX; n += read_lines())
		continue;
	ATF_CHECK_EQ(WHITELIST_LINES_MAX, n);
	acknowledge(n);
	ATF_CHECK(is_known(1) && is_known(WHITELIST_LINES_MAX));
	whitelist_free(list);
}

/* The line that came last expires. */
static void
expire(void)
{
	now_ms += WHITELIST_WAIT_MS;
	whitelist_on_wait_time(-1, EV_TIMEOUT, list);
}

static unsigned released;

static void
count_released(struct whitelist_wait *wait)
{
	ATF_CHECK(wait->line == NULL);
	released++;
}

static void
want_another(struct whitelist_wait *wait)
{
	ATF_CHECK(wait->line == NULL);
	now_ms++;
	ATF_CHECK(is_written(2, NULL));
}

/* A request that begins when one before it is answered waits as well. */
TEST(whitelist__wanted_during_an_answer)
{
	struct whitelist_wait wait = { .done = want_another };
	bool known;

	start();
	whitelist_wait(want(1, NULL, &known), &wait);
	expire();
	ATF_CHECK(is_written(2, NULL));
	expire();
	ATF_CHECK(!is_written(2, NULL));
	whitelist_free(list);
}

/* Three lines in a row without an answer in time, and nobody waits for a
   minute. */
TEST(whitelist__failures)
{
	struct whitelist_wait wait = { .done = count_released };
	uint32_t n = 1;
	unsigned i;
	bool known;

	start();
	for (i = 1; i < WHITELIST_FAILURES_MAX; i++) {
		ATF_CHECK(is_written(n++, NULL));
		expire();
	}
	/* One in time, and they are counted anew. */
	ATF_CHECK(is_written(n, NULL));
	ATF_CHECK_EQ(n, read_lines());
	acknowledge(n);
	ATF_CHECK(is_known(n));
	for (i = 0; i < WHITELIST_FAILURES_MAX; i++) {
		whitelist_wait(want(++n, NULL, &known), &wait);
		ATF_CHECK_EQ(i, released);
		expire();
		ATF_CHECK_EQ(i + 1, released);
		/* It has been waited for. */
		ATF_CHECK(!is_written(n, NULL));
	}
	ATF_CHECK(!is_written(++n, NULL));
	ATF_CHECK_EQ(WHITELIST_FAILURES_MAX + 1, read_lines());
	now_ms += WHITELIST_PAUSE_MS - 1;
	whitelist_on_wait_time(-1, EV_TIMEOUT, list);
	ATF_CHECK(!is_written(++n, NULL));
	now_ms++;
	ATF_CHECK(is_written(++n, NULL));
	/* Without a connection nobody waits, and nothing has failed. */
	whitelist_wait(want(n, NULL, &known), &wait);
	close(helper);
	helper = -1;
	ATF_REQUIRE(event_base_loop(base, EVLOOP_NONBLOCK) != -1);
	ATF_CHECK(is_lost());
	ATF_CHECK_EQ(WHITELIST_FAILURES_MAX, released);
	whitelist_on_whitelist(list, &(struct msg){ .type = MSG_WHITELIST,
	    .body = &(struct msg_whitelist){ 0 } });
	ATF_CHECK_EQ(WHITELIST_FAILURES_MAX + 1, released);
	for (i = 0; i < WHITELIST_FAILURES_MAX; i++) {
		ATF_CHECK(!is_written(++n, NULL));
		expire();
	}
	connect_helper();
	ATF_CHECK(is_written(++n, NULL));
	whitelist_free(list);
}
