/* SPDX-License-Identifier: ISC */
/*
 * How a child learns its role: over descriptor 3, from the parent alone, and
 * not for longer than the parent lives.
 */
#include "common/log.h"
#include "common/child.h"
#include "tests/lib/test.h"

struct started {
	pid_t		pid;
	struct channel	channel;
	char		log[4096];	/* lines so far */
	char		said[1025];	/* the last MSG_READY; "" if none */
	int		faults;		/* MSG_WRONG */
};

/* The child's knowledge, as the tail of a MSG_READY. */
static void
say(struct child *child, const char *how)
{
	char text[256];

	snprintf(text, sizeof(text), "%s: %u, flags %u, root %s, key %u", how,
	    child->index, child->flags, child->conf->roots[0].dir,
	    child->new_keys.v[SEAL_WALKER_CACHE][0][0]);
	child_ready(child, text);
}

static void
run_child(enum role role)
{
	struct pollfd pfd = { .fd = PARENT_FD, .events = POLLIN };
	struct msg_wrong wrong = { .role = ROLE_WALKER, .fault = FAULT_FDS };
	static uint8_t buf[MSG_MAX] __attribute__((__aligned__(8)));
	struct child child;
	struct msg msg;

	child_start(&child, role, NULL, NULL);
	child_report(&child, &wrong);
	say(&child, "started");
	for (;;) {
		switch (msg_recv(&child.parent, buf, &msg, &wrong)) {
		case MSG_GOT:
			if (msg.type == MSG_CONF && child_on_conf(&child, &msg))
				say(&child, "changed");
			else if (msg.type == MSG_KEY)
				say(&child, child_on_key(&child, &msg) ==
				    FAULT_NONE ? "keyed" : "refused");
			else
				say(&child, "kept");
			break;
		case MSG_AGAIN:
			poll(&pfd, 1, -1);
			break;
		default:
			_exit(7);
		}
	}
}

static void
start(struct started *s, enum role role)
{
	int fds[2];

	memset(s, 0, sizeof(*s));
	ATF_REQUIRE_EQ(0, msg_pair(fds));
	s->channel = (struct channel){ .fd = fds[0], .self = ROLE_PARENT,
	    .peer = role };
	s->pid = fork();
	ATF_REQUIRE(s->pid != -1);
	if (s->pid == 0) {
		/* Not to hold the parent's own end, which may be 3. */
		dup2(fds[1], 100);
		close(fds[0]);
		close(fds[1]);
		dup2(100, PARENT_FD);
		close(100);
		run_child(role);
	}
	close(fds[1]);
}

static void
send_conf(struct started *s, enum role role, unsigned flags, unsigned index,
    const char *text)
{
	struct msg_conf body = { .flags = flags, .role = role,
	    .index = index };

	ATF_REQUIRE_EQ(0, msg_send(&s->channel, MSG_CONF, &body, text,
	    strlen(text), NULL, 0));
}

static void
send_key(struct started *s, uint32_t pair, uint32_t count, uint8_t key,
    size_t len)
{
	struct msg_key body = { pair, count };
	uint8_t keys[KEYS_MAX * SEAL_LEN];

	memset(keys, key, sizeof(keys));
	ATF_REQUIRE_EQ(0, msg_send(&s->channel, MSG_KEY, &body, keys, len,
	    NULL, 0));
}

/* Until the child has said something, or has gone: false. */
static bool
listen_to(struct started *s)
{
	static uint8_t buf[MSG_MAX] __attribute__((__aligned__(8)));
	struct pollfd pfd = { .fd = s->channel.fd, .events = POLLIN };
	struct msg msg;
	struct msg_wrong wrong;
	size_t len;

	s->said[0] = '\0';
	while (s->said[0] == '\0') {
		ATF_REQUIRE_MSG(poll(&pfd, 1, 60 * 1000) == 1,
		    "nothing happens");
		if (msg_recv(&s->channel, buf, &msg, &wrong) != MSG_GOT)
			return false;
		len = strlen(s->log);
		if (msg.type == MSG_LOG)
			snprintf(s->log + len, sizeof(s->log) - len,
			    "%.*s\n", (int)msg.tail_len,
			    (const char *)msg.tail);
		if (msg.type == MSG_READY)
			snprintf(s->said, sizeof(s->said), "%.*s",
			    (int)msg.tail_len, (const char *)msg.tail);
		s->faults += msg.type == MSG_WRONG;
	}
	return true;
}

static void
expect_end(struct started *s, int status)
{
	int got;

	ATF_CHECK_MSG(!listen_to(s), "goes on: %s", s->said);
	ATF_REQUIRE_EQ(s->pid, waitpid(s->pid, &got, 0));
	ATF_CHECK_MSG(WIFEXITED(got) && WEXITSTATUS(got) == status,
	    "status %#x: %s", got, s->log);
	close(s->channel.fd);
}

static struct started s;

TEST(child__start)
{
	start(&s, ROLE_WALKER);
	send_key(&s, SEAL_WALKER_CACHE, 1, 42, SEAL_LEN);
	send_key(&s, SEAL_WALKER_HASHER, 1, 43, SEAL_LEN);
	send_conf(&s, ROLE_WALKER, PART_MORE, 0, "root /fi");
	send_conf(&s, ROLE_WALKER, PART_MORE, 0, "");
	send_conf(&s, ROLE_WALKER, CONF_PRIVILEGED, 3, "rst\n");
	ATF_REQUIRE_MSG(listen_to(&s), "%s", s.log);
	ATF_CHECK_STREQ("started: 3, flags 4, root /first, key 42", s.said);
	ATF_CHECK_EQ(1, s.faults);
	kill(s.pid, SIGKILL);
	waitpid(s.pid, NULL, 0);
	close(s.channel.fd);
}

/* A process takes keys of its own pairs alone, and as many as it was told. */
TEST(child__keys)
{
	static const struct {
		uint32_t	pair;
		uint32_t	count;
		size_t		len;
	} wrong[] = {
		{ SEAL_WALKER_CACHE, 1, SEAL_LEN },
		{ SEAL_PAIRS, 1, SEAL_LEN },
		{ UINT32_MAX, 1, SEAL_LEN },
		{ SEAL_WALKER_HASHER, 0, 0 },
		{ SEAL_WALKER_HASHER, 1, SEAL_LEN - 1 },
		{ SEAL_WALKER_HASHER, 2, SEAL_LEN },
		{ SEAL_WALKER_HASHER, KEYS_MAX + 1, KEYS_MAX * SEAL_LEN },
		{ SEAL_WALKER_HASHER, UINT32_MAX, 0 },
	};
	size_t i;

	start(&s, ROLE_HASHER);
	send_key(&s, SEAL_WALKER_HASHER, 2, 42, 2 * SEAL_LEN);
	send_key(&s, SEAL_HASHER_CACHE, 1, 43, SEAL_LEN);
	send_conf(&s, ROLE_HASHER, 0, 0, "root /first\n");
	ATF_REQUIRE_MSG(listen_to(&s), "%s", s.log);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		send_key(&s, wrong[i].pair, wrong[i].count, 44, wrong[i].len);
		ATF_REQUIRE(listen_to(&s));
		ATF_CHECK_STREQ("refused: 0, flags 0, root /first, key 0",
		    s.said);
	}
	send_key(&s, SEAL_WALKER_HASHER, KEYS_MAX, 44, KEYS_MAX * SEAL_LEN);
	ATF_REQUIRE(listen_to(&s));
	ATF_CHECK_STREQ("keyed: 0, flags 0, root /first, key 0", s.said);
	kill(s.pid, SIGKILL);
	waitpid(s.pid, NULL, 0);
	close(s.channel.fd);
}

TEST(child__front_needs_no_key)
{
	start(&s, ROLE_FRONT);
	send_conf(&s, ROLE_FRONT, CONF_VERBOSE, 0, "root /first\n");
	ATF_REQUIRE_MSG(listen_to(&s), "%s", s.log);
	ATF_CHECK_STREQ("started: 0, flags 2, root /first, key 0", s.said);
	kill(s.pid, SIGKILL);
	waitpid(s.pid, NULL, 0);
	close(s.channel.fd);
}

TEST(child__new_configuration)
{
	start(&s, ROLE_FRONT);
	send_conf(&s, ROLE_FRONT, 0, 0, "root /first\n");
	ATF_REQUIRE_MSG(listen_to(&s), "%s", s.log);
	send_conf(&s, ROLE_FRONT, PART_MORE, 0, "root /se");
	ATF_REQUIRE(listen_to(&s));
	ATF_CHECK_STREQ("kept: 0, flags 0, root /first, key 0", s.said);
	send_conf(&s, ROLE_FRONT, CONF_VERBOSE, 0, "cond\n");
	ATF_REQUIRE(listen_to(&s));
	ATF_CHECK_STREQ("changed: 0, flags 2, root /second, key 0", s.said);
	send_conf(&s, ROLE_FRONT, 0, 0, "root /third\nno such keyword\n");
	ATF_REQUIRE(listen_to(&s));
	ATF_CHECK_STREQ("kept: 0, flags 2, root /second, key 0", s.said);
	ATF_CHECK_MSG(strstr(s.log, "configuration:2: ") != NULL, "%s", s.log);
	kill(s.pid, SIGKILL);
	waitpid(s.pid, NULL, 0);
	close(s.channel.fd);
}

TEST(child__bad_start)
{
	struct msg_part part = { 0 };

	start(&s, ROLE_FRONT);
	send_conf(&s, ROLE_CACHE, 0, 0, "root /first\n");
	expect_end(&s, 1);
	ATF_CHECK_STREQ("the parent configured a front as a cache\n", s.log);

	start(&s, ROLE_FRONT);
	send_conf(&s, ROLE_FRONT, 0, 0, "nonsense\n");
	expect_end(&s, 1);
	ATF_CHECK(strstr(s.log, "no configuration to start with") != NULL);

	/* A key is missing. */
	start(&s, ROLE_HASHER);
	send_key(&s, SEAL_WALKER_HASHER, 1, 42, SEAL_LEN);
	send_conf(&s, ROLE_HASHER, 0, 0, "root /first\n");
	expect_end(&s, 1);
	ATF_CHECK_STREQ("the parent sent too few keys\n", s.log);

	start(&s, ROLE_FRONT);
	ATF_REQUIRE_EQ(0, msg_send(&s.channel, MSG_TRACKERS, &part, "", 0,
	    NULL, 0));
	expect_end(&s, 1);
	ATF_CHECK_STREQ("TRACKERS before the configuration\n", s.log);
}

TEST(child__parent_gone)
{
	int status;

	start(&s, ROLE_HASHER);
	/* Before the configuration that it waits for. */
	close(s.channel.fd);
	ATF_REQUIRE_EQ(s.pid, waitpid(s.pid, &status, 0));
	ATF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
