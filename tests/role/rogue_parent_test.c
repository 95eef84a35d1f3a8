/* SPDX-License-Identifier: ISC */
/*
 * Children that were broken into, as the parent meets them: a wrong message
 * ends its sender and nobody else, and is counted and named in the log.
 */
#include <sys/prctl.h>

#include <event2/event.h>

#include "common/log.h"
#include "pkgtorrentd/parent/parent.h"
#include "pkgtorrentd/parent/process.h"
#include "pkgtorrentd/parent/state.h"
#include "tests/lib/lies.h"
#include "tests/lib/test.h"

#define RANDOM		10000
#define CRAFTED		200

static struct options	 opt;
static struct parent	*parent;
static struct process	*children[ROLE_COUNT];
static struct rogue	 rogue;		/* our end of the sender's channel */
static FILE		*log_lines;

static void
on_ready(struct process *p)
{
	(void)p;
}

static bool
on_line(struct process *p, int priority, const void *line, size_t len)
{
	(void)p;
	(void)priority;
	(void)line;
	(void)len;
	return true;
}

/* Of processes at work, which this parent does not start again. */
static const struct process_ops ops = { .ready = on_ready, .line = on_line };

/* Something that can be ended. */
static void
give_life(struct process *p)
{
	int fds[2];

	p->pid = fork();
	ATF_REQUIRE(p->pid != -1);
	if (p->pid == 0) {
		/* Not longer than the test, however that ends. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	ATF_REQUIRE_EQ(0, msg_pair(fds));
	channel_open(&p->channel, fds[0], ROLE_PARENT, p->role, p->index);
	/* The loop never runs: only process_reap() reads. */
	ATF_REQUIRE_EQ(0, channel_event_start(&p->event, parent->base,
	    &p->channel, NULL, p, 0));
	p->killed = false;
	rogue.ch = (struct channel){ .fd = fds[1], .self = p->role,
	    .peer = ROLE_PARENT, .index = p->index };
}

/* Everything that it has sent is read; was it ended for it? */
static bool
is_ended(struct process *p)
{
	pid_t pid = p->pid;
	bool killed;
	int status;

	process_reap(p);
	close(rogue.ch.fd);
	killed = p->killed;
	if (!killed)
		ATF_REQUIRE_EQ(0, kill(pid, SIGTERM));
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_REQUIRE(WIFSIGNALED(status));
	ATF_CHECK_EQ(killed ? SIGKILL : SIGTERM, WTERMSIG(status));
	return killed;
}

static void
start_parent(void)
{
	static const char text[] = "root /\nhashers 1\nlisten /nowhere\n";
	static const struct strings none;
	struct buf errors = { 0 };
	enum role role;
	int fd;

	rogue_open_fds();
	parent = calloc(1, sizeof(*parent));
	ATF_REQUIRE(parent != NULL);
	parent->opt = &opt;
	parent->conf = conf_parse("test", text, strlen(text), &none,
	    &errors);
	parent->base = event_base_new();
	ATF_REQUIRE(parent->conf != NULL && parent->base != NULL);
	parent->ready_fd = -1;
	parent->state = PARENT_SERVING;
	notify_open(&parent->notify, NULL);
	TAILQ_INIT(&parent->processes);
	parent->ops = &ops;
	for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
		children[role] = process_new(parent, role, 0);
	/* The parent's log is its standard error. */
	fd = open("log", O_WRONLY | O_CREAT | O_APPEND, 0644);
	ATF_REQUIRE(dup2(fd, STDERR_FILENO) == STDERR_FILENO);
	log_open_parent(NULL, true);
	log_lines = fopen("log", "r");
	ATF_REQUIRE(log_lines != NULL);
}

/* The last line that has these words, of those that are new. */
static bool
is_logged(const char *one, const char *two)
{
	char line[4096];
	bool found = false;

	clearerr(log_lines);
	while (fgets(line, sizeof(line), log_lines) != NULL)
		if (strstr(line, one) != NULL && strstr(line, two) != NULL)
			found = true;
	return found;
}

static void
ended(struct rogue *r, uint32_t type, enum msg_fault fault, const char *what)
{
	static const char *const faults[] = {
		[FAULT_TYPE] = "(not to be sent by it)",
		[FAULT_LENGTH] = "(length)",
		[FAULT_FDS] = "(descriptors)",
		[FAULT_CONTENT] = "(content)",
	};
	uint64_t wrong = parent->wrong;
	char one[128];

	snprintf(one, sizeof(one), "%s %d sent the parent a wrong %s ",
	    role_name(r->ch.self), (int)children[r->ch.self]->pid,
	    msg_name(type));
	ATF_CHECK_MSG(is_ended(children[r->ch.self]), "%s: taken", what);
	ATF_CHECK_EQ_MSG(wrong + 1, parent->wrong, "%s: not counted", what);
	ATF_CHECK_MSG(is_logged(one, faults[fault]), "%s: not logged", what);
	give_life(children[r->ch.self]);
}

/* A child's report about a peer, and the process that is ended for it. */
static unsigned
accuse(enum role from, uint32_t role, uint32_t index, enum role whom,
    bool lie)
{
	struct msg_wrong body = { role, index, MSG_HASH, FAULT_SEAL };
	struct process *other = whom != from && whom != ROLE_PARENT ?
	    children[whom] : NULL;
	uint64_t wrong = parent->wrong;
	char what[64];

	snprintf(what, sizeof(what), "%s of %s %u", role_name(from),
	    role_name((enum role)role), index);
	if (other != NULL)
		give_life(other);
	close(other != NULL ? rogue.ch.fd : -1);
	give_life(children[from]);
	rogue_say(&rogue, MSG_WRONG, &body, sizeof(body), NULL, 0, NULL, 0);
	ATF_CHECK_EQ_MSG(lie, is_ended(children[from]), "%s", what);
	ATF_CHECK_EQ_MSG(wrong + 1, parent->wrong, "%s", what);
	if (other != NULL) {
		rogue.ch.fd = -1;
		ATF_CHECK_MSG(is_ended(other), "%s: goes on", what);
	}
	return 1;
}

static unsigned
accuse_all(void)
{
	const enum role parent_role = ROLE_PARENT;
	enum role role;
	unsigned n = 0;

	for (role = ROLE_WALKER; role < ROLE_COUNT; role++) {
		n += accuse(ROLE_FRONT, role, 0, role, false);
		n += accuse(role, ROLE_FRONT, 0, ROLE_FRONT, false);
		n += accuse(role, ROLE_PARENT, 0, parent_role, false);
		/* It has no channel to that one. */
		n += accuse(role, ROLE_FRONT, 1, role, true);
		n += accuse(role, role, 0, role, true);
		n += accuse(role, role == ROLE_CACHE ? ROLE_WALKER :
		    role + 1, 0, role, true);
		n += accuse(role, ROLE_COUNT, 0, role, true);
		n += accuse(role, UINT32_MAX, UINT32_MAX, role, true);
	}
	n += accuse(ROLE_FRONT, ROLE_FRONT, 0, ROLE_FRONT, true);
	n += accuse(ROLE_FRONT, ROLE_COUNT, 0, ROLE_FRONT, true);
	n += accuse(ROLE_FRONT, 1U << 30, 0, ROLE_FRONT, true);
	/* A place that was taken away a moment ago. */
	return n + accuse(ROLE_FRONT, ROLE_HASHER, 5, parent_role, false);
}

TEST(parent__crafted)
{
	enum role role;
	unsigned n;

	start_parent();
	n = accuse_all();
	for (role = ROLE_FRONT; role < ROLE_COUNT; role++) {
		give_life(children[role]);
		rogue.refused = ended;
		n += rogue_try_table(&rogue);
		ATF_CHECK(!is_ended(children[role]));
	}
	ATF_CHECK_MSG(n >= CRAFTED, "%u messages", n);
	ATF_CHECK_EQ(n, parent->wrong);
	ATF_CHECK_EQ(PARENT_SERVING, parent->state);
}

/* A line is a line with any bytes of a child in it. */
TEST(parent__log_lines)
{
	static const char text[] = "good\n<0>parent[1]: forged\x1b[2J";
	struct msg_log log = { .priority = 6 };

	start_parent();
	give_life(children[ROLE_FRONT]);
	rogue_say(&rogue, MSG_LOG, &log, sizeof(log), text,
	    sizeof(text) - 1, NULL, 0);
	rogue_say(&rogue, MSG_READY, &(struct msg_ready){ 0 },
	    sizeof(struct msg_ready), text, sizeof(text) - 1, NULL, 0);
	rogue_say(&rogue, MSG_ACCESS, &(struct msg_none){ 0 }, 4, text,
	    sizeof(text) - 1, NULL, 0);
	ATF_CHECK(!is_ended(children[ROLE_FRONT]));
	ATF_CHECK(is_logged("good", "\\x0a<0>parent[1]: forged\\x1b[2J"));
	rewind(log_lines);
	/* Each begins as the parent has it begin. */
	ATF_CHECK(!is_logged("\x1b", ""));
}

TEST(parent__random)
{
	static struct lie lie;
	uint64_t wrong;
	uint32_t i, k, n, type;
	unsigned ends = 0, faults;
	enum role role;

	start_parent();
	for (i = 0; i < RANDOM; i += n) {
		n = 1 + any(BURST_MAX);
		role = ROLE_FRONT + any(ROLE_COUNT - 1);
		give_life(children[role]);
		wrong = parent->wrong;
		for (faults = k = 0; k < n; k++) {
			lie_choose(&lie, &rogue);
			if (lie.len > 20000)
				lie.len = 20000;
			faults += lie_fault(&lie, &rogue, &type) != 0;
			rogue_send(&rogue, lie.bytes, lie.len, lie.fds,
			    lie.nfds);
		}
		children[role]->ready_ms = 0;
		memset(parent->syscall_ms, 0, sizeof(parent->syscall_ms));
		if (is_ended(children[role]))
			ends++;
		else
			ATF_REQUIRE_EQ_MSG(0, faults, "message %u", i);
		/* More only by reports about others, or a lie about
		   them. */
		ATF_REQUIRE_MSG(parent->wrong - wrong >= faults &&
		    parent->wrong - wrong <= n, "message %u: %u counted", i,
		    (unsigned)(parent->wrong - wrong));
		ATF_REQUIRE_EQ(PARENT_SERVING, parent->state);
	}
	printf("%u messages, %u ends\n", i, ends);
	ATF_CHECK(ends > 100);
}
