/* SPDX-License-Identifier: ISC */
/*
 * Children that were broken into, as the parent meets them: a wrong message
 * ends its sender and nobody else, and is counted and named in the log; what
 * they say about others, and how often, has bounds.
 */
#include <sys/prctl.h>

#include <event2/event.h>

#include "pkgtorrentd/parent/process.c"
#include "pkgtorrentd/parent/parent.c"
#include "pkgtorrentd/parent/control.c"
#include "tests/lib/lies.h"
#include "tests/lib/test.h"

#define RANDOM		10000
#define CRAFTED		200

static struct options	 opt;
static struct parent	*parent;
static struct process	*children[ROLE_COUNT];
static struct rogue	 rogue;		/* our end of the sender's channel */
static FILE		*log_lines;

static int		 highest;	/* priority of a line */
static unsigned		 ends;

static bool
on_line(struct process *p, int priority, const void *line, size_t len)
{
	if (priority < highest)
		highest = priority;
	return parent_on_line(p, priority, line, len);
}

static void
on_end(struct process *p, pid_t pid, int status)
{
	(void)p;
	(void)pid;
	(void)status;
	ends++;
}

/* Of processes at work, which this parent does not start again. */
static const struct process_ops ops = {
	.ready = parent_on_ready,
	.line = on_line,
	.ended = on_end,
	.stopped = parent_on_stopped,
	.message = parent_on_message,
	.closed = control_on_lost,
};

/* Something that can be ended, or ends by itself: with a status, or if that is
   negative by a signal. */
static void
give_short_life(struct process *p, int status)
{
	int fds[2];

	p->pid = fork();
	ATF_REQUIRE(p->pid != -1);
	if (p->pid == 0) {
		/* Not longer than the test, however that ends. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (status < 0)
			raise(-status);
		if (status > 0)
			_exit(status);
		for (;;)
			pause();
	}
	ATF_REQUIRE_EQ(0, msg_pair(fds));
	channel_open(&p->channel, fds[0], ROLE_PARENT, p->role, p->index);
	p->channel.work_max = CHILD_WORK_MAX;
	ATF_REQUIRE_EQ(0, channel_event_start(&p->event, parent->base,
	    &p->channel, &process_channel_ops, p, READ_AT_ONCE));
	p->killed = p->convicted = p->stopped = false;
	p->ready_ms = 0;
	rogue.ch = (struct channel){ .fd = fds[1], .self = p->role,
	    .peer = ROLE_PARENT, .index = p->index };
}

static void
give_life(struct process *p)
{
	give_short_life(p, 0);
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
	static const char text[] = "root /\nhashers 1\nlisten /nowhere\n"
	    "access-log yes\n";
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
	uint64_t wrong = parent->totals.counts[COUNT_WRONG];
	char one[128];

	snprintf(one, sizeof(one), "%s %d sent the parent a wrong %s ",
	    role_name(r->ch.self), (int)children[r->ch.self]->pid,
	    msg_name(type));
	ATF_CHECK_MSG(is_ended(children[r->ch.self]), "%s: taken", what);
	ATF_CHECK_EQ_MSG(wrong + 1, parent->totals.counts[COUNT_WRONG],
	    "%s: not counted", what);
	ATF_CHECK_MSG(is_logged(one, faults[fault]), "%s: not logged", what);
	give_life(children[r->ch.self]);
}

/* A child's report about a peer: a lie ends the child, another report both. */
enum outcome { LIE, BOTH, ACCUSER, ACCUSED, NOBODY };

static unsigned
accuse_of(enum role from, uint32_t role, uint32_t index, enum role whom,
    uint32_t fault, enum outcome outcome)
{
	struct msg_wrong body = { role, index, MSG_HASH, fault };
	struct process *other = whom != from && whom != ROLE_PARENT ?
	    children[whom] : NULL;
	uint64_t wrong = parent->totals.counts[COUNT_WRONG], ready_ms;
	char what[64];

	snprintf(what, sizeof(what), "%s of %s %u", role_name(from),
	    role_name((enum role)role), index);
	if (other != NULL) {
		ready_ms = other->ready_ms;
		give_life(other);
		other->ready_ms = ready_ms;
	}
	close(other != NULL ? rogue.ch.fd : -1);
	give_life(children[from]);
	rogue_say(&rogue, MSG_WRONG, &body, sizeof(body), NULL, 0, NULL, 0);
	/* No second one is heard from somebody who is ended. */
	if (outcome == LIE || outcome == BOTH)
		rogue_say(&rogue, MSG_WRONG, &body, sizeof(body), NULL, 0,
		    NULL, 0);
	ATF_CHECK_EQ_MSG(outcome == LIE || outcome == BOTH ||
	    outcome == ACCUSER, is_ended(children[from]), "%s", what);
	ATF_CHECK_EQ_MSG(wrong + 1, parent->totals.counts[COUNT_WRONG], "%s",
	    what);
	if (other != NULL) {
		rogue.ch.fd = -1;
		ATF_CHECK_EQ_MSG(outcome == BOTH || outcome == ACCUSED,
		    is_ended(other), "%s: the other", what);
	}
	return 1;
}

/* The first report for a long time. */
static unsigned
accuse(enum role from, uint32_t role, uint32_t index, enum role whom,
    enum outcome outcome)
{
	memset(parent->believed_ms, 0, sizeof(parent->believed_ms));
	return accuse_of(from, role, index, whom, FAULT_SEAL, outcome);
}

static unsigned
accuse_all(void)
{
	enum role role;
	unsigned n = 0;

	for (role = ROLE_WALKER; role < ROLE_COUNT; role++) {
		n += accuse(ROLE_FRONT, role, 0, role, BOTH);
		n += accuse(role, ROLE_FRONT, 0, ROLE_FRONT, BOTH);
		n += accuse(role, ROLE_PARENT, 0, role, LIE);
		/* It has no channel to that one. */
		n += accuse(role, ROLE_FRONT, 1, role, LIE);
		n += accuse(role, role, 0, role, LIE);
		n += accuse(role, role == ROLE_CACHE ? ROLE_WALKER :
		    role + 1, 0, role, LIE);
		n += accuse(role, ROLE_COUNT, 0, role, LIE);
		n += accuse(role, UINT32_MAX, UINT32_MAX, role, LIE);
	}
	n += accuse(ROLE_FRONT, ROLE_FRONT, 0, ROLE_FRONT, LIE);
	n += accuse(ROLE_FRONT, ROLE_PARENT, 0, ROLE_FRONT, LIE);
	n += accuse(ROLE_FRONT, ROLE_COUNT, 0, ROLE_FRONT, LIE);
	n += accuse(ROLE_FRONT, 1U << 30, 0, ROLE_FRONT, LIE);
	/* A place that was taken away a moment ago. */
	return n + accuse(ROLE_FRONT, ROLE_HASHER, 5, ROLE_PARENT, NOBODY);
}

/* Who accuses again is not believed; after a minute it is. */
TEST(parent__accusations)
{
	enum role role, whom;
	int i;

	start_parent();
	for (role = ROLE_FRONT; role < ROLE_COUNT; role++) {
		whom = role == ROLE_FRONT ? ROLE_CACHE : ROLE_FRONT;
		(void)accuse(role, whom, 0, whom, BOTH);
		ATF_CHECK(is_logged("is replaced too", role_name(role)));
		for (i = 0; i < 3; i++)
			(void)accuse_of(role, whom, 0, whom, FAULT_LENGTH,
			    ACCUSER);
		ATF_CHECK(is_logged("is not believed", role_name(role)));
		parent->believed_ms[role][whom] -= BELIEVED_MS;
		(void)accuse_of(role, whom, 0, whom, FAULT_LENGTH, BOTH);
		(void)accuse_of(role, whom, 0, whom, FAULT_NONE, LIE);
		(void)accuse_of(role, whom, 0, whom, FAULT_SILENT + 1, LIE);
	}
	(void)accuse_of(ROLE_FRONT, ROLE_WALKER, 0, ROLE_WALKER, FAULT_FDS,
	    BOTH);
}

/* The front may give up those that had the time to answer. */
TEST(parent__silence)
{
	start_parent();
	children[ROLE_CACHE]->ready_ms = clock_ms() - SILENT_MIN_MS - 1;
	(void)accuse_of(ROLE_FRONT, ROLE_CACHE, 0, ROLE_CACHE, FAULT_SILENT,
	    ACCUSED);
	ATF_CHECK(is_logged("does not answer the front's HASH", "cache"));
	children[ROLE_CACHE]->ready_ms = clock_ms() - SILENT_MIN_MS + 5000;
	(void)accuse_of(ROLE_FRONT, ROLE_CACHE, 0, ROLE_CACHE, FAULT_SILENT,
	    NOBODY);
	children[ROLE_CACHE]->ready_ms = 0;
	(void)accuse_of(ROLE_FRONT, ROLE_CACHE, 0, ROLE_CACHE, FAULT_SILENT,
	    NOBODY);
	children[ROLE_FRONT]->ready_ms = 1;
	(void)accuse_of(ROLE_CACHE, ROLE_FRONT, 0, ROLE_FRONT, FAULT_SILENT,
	    LIE);
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
	ATF_CHECK_EQ(n, parent->totals.counts[COUNT_WRONG]);
	ATF_CHECK_EQ(PARENT_SERVING, parent->state);
}

/* Is the front ended for these numbers and this path of a file? */
static bool
totals_end(uint32_t path_len, size_t tail_len)
{
	static uint8_t tail[COUNTS_LEN_MAX + SPEC_MAX];
	struct msg_totals body = { .done = UINT64_MAX, .size = 1,
	    .path_len = path_len };

	memset(tail, 0xff, sizeof(tail));
	give_life(children[ROLE_FRONT]);
	rogue_say(&rogue, MSG_TOTALS, &body, sizeof(body), tail, tail_len,
	    NULL, 0);
	return is_ended(children[ROLE_FRONT]);
}

/* False numbers are numbers: they are printed, and nothing else. */
TEST(parent__false_totals)
{
	const size_t len = COUNT_ROWS * sizeof(uint64_t);
	struct buf text = { 0 };

	start_parent();
	parent->totals.counts[COUNT_LINES_ERROR] = 3;
	ATF_CHECK(!totals_end(0, len));
	ATF_CHECK(!totals_end(SPEC_MAX, len + SPEC_MAX));
	ATF_CHECK_EQ(3, parent->totals.counts[COUNT_LINES_ERROR]);
	ATF_CHECK_EQ(UINT64_MAX, parent->totals.counts[COUNT_CONNECTIONS]);
	ATF_CHECK_EQ(UINT64_MAX, parent->totals.counts[COUNT_EXPIRED]);
	ATF_CHECK_EQ(SPEC_MAX, strlen(parent->totals.path));
	totals_tick(parent);
	ATF_CHECK_EQ(0, totals_write(parent, &text));
	ATF_CHECK(memmem(text.data, text.len, " \\xff", 5) != NULL);
	ATF_CHECK(totals_end(0, len - 8));
	ATF_CHECK(totals_end(0, len + 8));
	ATF_CHECK(totals_end(0, 0));
	ATF_CHECK(totals_end(SPEC_MAX + 1, len + SPEC_MAX + 1));
	ATF_CHECK(totals_end(UINT32_MAX, len));
}

/* An answer about this command, and whether its sender is ended for it. */
static bool
answer_ends(enum role from, enum msg_type type, uint64_t id, uint32_t state)
{
	struct msg_controlled answer = { .id = id, .state = state };
	struct msg_warmed warmed = { .id = id, .state = state };

	if (type == MSG_WARMED)
		rogue_say(&rogue, type, &warmed, sizeof(warmed), NULL, 0,
		    NULL, 0);
	else
		rogue_say(&rogue, type, &answer, sizeof(answer), "/a", 2,
		    NULL, 0);
	process_read_rest(children[from]);
	return children[from]->killed;
}

/* Only who has a command may answer it, until it has ended. */
TEST(parent__answers_of_commands)
{
	static const struct {
		enum role	role;
		enum msg_type	type;
		uint64_t	id;
		uint32_t	state;
		bool		ends;
	} tries[] = {
		{ ROLE_FRONT, MSG_CONTROLLED, 7, CONTROL_RUNNING, false },
		{ ROLE_FRONT, MSG_CONTROLLED, 7, CONTROL_DONE, false },
		{ ROLE_FRONT, MSG_CONTROLLED, 7, CONTROL_FAILED, false },
		{ ROLE_FRONT, MSG_CONTROLLED, 7, 0, true },
		{ ROLE_FRONT, MSG_CONTROLLED, 7, CONTROL_FAILED + 1, true },
		{ ROLE_FRONT, MSG_CONTROLLED, 8, CONTROL_DONE, true },
		{ ROLE_FRONT, MSG_CONTROLLED, 0, CONTROL_DONE, true },
		{ ROLE_CACHE, MSG_CONTROLLED, 7, CONTROL_RUNNING, true },
		{ ROLE_FRONT, MSG_WARMED, 7, WARM_RUNNING, true },
		{ ROLE_FRONT, MSG_WARMED, 0, WARM_RUNNING, true },
	};
	struct control_task *task;
	size_t i;

	start_parent();
	task = &parent->control.tasks[1];
	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		give_life(children[tries[i].role]);
		*task = (struct control_task){ .id = 7,
		    .command = CONTROL_PURGE, .at = children[ROLE_FRONT] };
		ATF_CHECK_EQ_MSG(tries[i].ends, answer_ends(tries[i].role,
		    tries[i].type, tries[i].id, tries[i].state), "%zu", i);
		ATF_CHECK_EQ_MSG(tries[i].state < CONTROL_DONE ||
		    tries[i].ends, task->id == 7, "%zu", i);
		/* It has ended, so there is nothing to say about it. */
		if (task->id == 0)
			ATF_CHECK(answer_ends(tries[i].role, tries[i].type,
			    7, CONTROL_RUNNING));
		process_reap(children[tries[i].role]);
	}
}

/* The front says that so much of the only command is done. */
static void
say_progress(uint32_t state, uint64_t done)
{
	static const char tail[SPEC_MAX];
	struct msg_controlled answer = { .id = 1, .state = state,
	    .done = done };

	rogue_say(&rogue, MSG_CONTROLLED, &answer, sizeof(answer), tail,
	    sizeof(tail), NULL, 0);
	process_read_rest(children[ROLE_FRONT]);
}

/* A client that reads late gets some of the progress, and the end. */
TEST(parent__progress_that_nobody_reads)
{
	struct channel client = { .self = ROLE_PARENT, .peer = ROLE_FRONT };
	const struct msg_control body = { .command = CONTROL_PURGE };
	const struct msg_controlled *answer;
	struct rogue reader;
	struct msg msg;
	uint64_t i, last = 0, n = 0;
	int fds[2];

	start_parent();
	give_life(children[ROLE_FRONT]);
	children[ROLE_FRONT]->ready_ms = 1;
	ATF_REQUIRE_EQ(0, msg_pair(fds));
	control_admit(parent, fds[0]);
	client.fd = fds[1];
	ATF_REQUIRE_EQ(0, msg_send(&client, MSG_CONTROL, &body, "/", 1, NULL,
	    0));
	(void)event_base_loop(parent->base, EVLOOP_NONBLOCK);
	ATF_REQUIRE_EQ(1, parent->control.tasks[CONTROL_TASKS_MAX - 1].id);
	for (i = 1; i <= 1000; i++)
		say_progress(CONTROL_RUNNING, i);
	ATF_CHECK_EQ(1, parent->control.conns[0].channel.queued);
	say_progress(CONTROL_FAILED, i);
	ATF_CHECK_EQ(2, parent->control.conns[0].channel.queued);
	reader.ch = client;
	while (rogue_take(&reader, &msg)) {
		answer = msg.body;
		ATF_CHECK(answer->done > last);
		last = answer->done;
		n++;
		(void)event_base_loop(parent->base, EVLOOP_NONBLOCK);
	}
	ATF_CHECK_EQ_MSG(1001, last, "%ju", (uintmax_t)last);
	ATF_CHECK_MSG(n > 3 && n < 1000, "%ju", (uintmax_t)n);
	/* Its connection is free when it hangs up. */
	close(client.fd);
	(void)event_base_loop(parent->base, EVLOOP_NONBLOCK);
	ATF_CHECK_EQ(CONTROL_CONN_FREE, parent->control.conns[0].state);
	ATF_CHECK(!is_ended(children[ROLE_FRONT]));
}

static void
say_ready(struct rogue *r)
{
	static const struct msg_ready ready;

	rogue_say(r, MSG_READY, &ready, sizeof(ready), "layers", 6, NULL, 0);
}

/* The channels that this process has been given since the last look. */
static unsigned
channels_of(struct rogue *r)
{
	const struct msg_channel *body;
	struct msg msg;
	unsigned n = 0;

	while (rogue_take(r, &msg)) {
		body = msg.body;
		ATF_CHECK_EQ(MSG_CHANNEL, msg.type);
		ATF_CHECK_EQ(1, msg.nfds);
		ATF_CHECK_EQ(r->ch.self == ROLE_FRONT,
		    body->role != ROLE_FRONT);
		msg_close_fds(&msg);
		n++;
	}
	return n;
}

/* Who is ready is linked with the front, once. */
TEST(parent__links)
{
	struct rogue front, hasher, cache, walker;

	start_parent();
	give_life(children[ROLE_FRONT]);
	front = rogue;
	give_life(children[ROLE_HASHER]);
	hasher = rogue;
	give_life(children[ROLE_CACHE]);
	cache = rogue;
	give_life(children[ROLE_WALKER]);
	walker = rogue;
	children[ROLE_WALKER]->reserve = true;
	say_ready(&hasher);
	process_read_rest(children[ROLE_HASHER]);
	ATF_CHECK_EQ(0, channels_of(&hasher));
	say_ready(&front);
	process_read_rest(children[ROLE_FRONT]);
	ATF_CHECK_EQ(1, channels_of(&front));
	ATF_CHECK_EQ(1, channels_of(&hasher));
	say_ready(&cache);
	say_ready(&cache);
	say_ready(&cache);
	process_read_rest(children[ROLE_CACHE]);
	ATF_CHECK_EQ(1, channels_of(&front));
	ATF_CHECK_EQ(1, channels_of(&cache));
	ATF_CHECK_EQ(0, channels_of(&hasher));
	ATF_CHECK_EQ(1, parent->totals.counts[COUNT_WRONG]);
	ATF_CHECK(children[ROLE_CACHE]->killed);
	/* It takes over later. */
	say_ready(&walker);
	process_read_rest(children[ROLE_WALKER]);
	ATF_CHECK_EQ(0, channels_of(&walker));
	ATF_CHECK_EQ(0, channels_of(&front));
}

/* A process that reports stopped system calls, and how it ends. */
static void
report_calls(int status, int reports)
{
	static const struct msg_syscall body;
	struct process *p = children[ROLE_HASHER];
	siginfo_t info;

	give_short_life(p, status);
	while (reports-- > 0)
		rogue_say(&rogue, MSG_SYSCALL, &body, sizeof(body), NULL, 0,
		    NULL, 0);
	process_read_rest(p);
	if (status == 0)
		ATF_REQUIRE_EQ(0, kill(p->pid, SIGTERM));
	ATF_REQUIRE_EQ(0, waitid(P_PID, (id_t)p->pid, &info,
	    WEXITED | WNOWAIT));
	ends = 0;
	processes_reap(parent);
	ATF_CHECK_EQ(1, ends);
	close(rogue.ch.fd);
}

/* Only an end by a filter counts, once for each process. */
TEST(parent__stopped_calls)
{
	int i;

	start_parent();
	for (i = 0; i < 10; i++) {
		report_calls(0, 1);
		ATF_CHECK(is_logged("but ended otherwise", "signal 15"));
		report_calls(1, 1);
		ATF_CHECK(is_logged("but ended otherwise", "exit status 1"));
		report_calls(EXIT_SYSCALL, 0);
		report_calls(0, 6);
	}
	ATF_CHECK_EQ(10, parent->totals.counts[COUNT_WRONG]);
	ATF_CHECK_EQ(0, parent->totals.counts[COUNT_SYSCALLS]);
	for (i = 0; i < SYSCALLS_MAX; i++) {
		report_calls(i % 2 == 0 ? EXIT_SYSCALL : -SIGSYS, 1);
		ATF_CHECK(is_logged("was stopped at system call", "hasher"));
		ATF_CHECK_EQ(PARENT_SERVING, parent->state);
	}
	ATF_CHECK_EQ(SYSCALLS_MAX, parent->totals.counts[COUNT_SYSCALLS]);
	report_calls(EXIT_SYSCALL, 1);
	ATF_CHECK_EQ(PARENT_STOPPING, parent->state);
	ATF_CHECK_EQ(1, parent->exit_status);
	ATF_CHECK(is_logged("the last of more than 5 in a minute", "hasher"));
}

/* Lines with these words that are new. */
static unsigned
count_logged(const char *words)
{
	char line[4096];
	unsigned n = 0;

	clearerr(log_lines);
	while (fgets(line, sizeof(line), log_lines) != NULL)
		n += strstr(line, words) != NULL;
	return n;
}

static void
say_line(int priority, unsigned n)
{
	struct msg_log log = { .priority = (uint32_t)priority };

	while (n-- > 0) {
		rogue_say(&rogue, MSG_LOG, &log, sizeof(log), "babble", 6,
		    NULL, 0);
		process_read_rest(children[ROLE_FRONT]);
	}
}

/* No terminal is written to for a child, and no log filled. */
TEST(parent__log_rate)
{
	struct process *p;
	int i;

	start_parent();
	highest = LOG_DEBUG;
	p = children[ROLE_FRONT];
	give_life(p);
	for (i = LOG_EMERG; i <= LOG_DEBUG; i++)
		say_line(i, 1);
	ATF_CHECK_EQ(LOG_ERR, highest);
	say_line(LOG_EMERG, 3 * LOG_LINES_MAX);
	/* A debug line is not logged, but counts. */
	ATF_CHECK_EQ(LOG_LINES_MAX - 1, count_logged("babble"));
	processes_tick(parent);
	ATF_CHECK_EQ(0, count_logged("suppressed"));
	p->log_ms -= LOG_LINES_MS;
	processes_tick(parent);
	ATF_CHECK(is_logged("front", "2008 lines were suppressed, because it "
	    "logged more than 1000 in a minute"));
	say_line(LOG_ERR, LOG_LINES_MAX + 5);
	ATF_CHECK_EQ(LOG_LINES_MAX, count_logged("babble"));
	ATF_CHECK(!is_ended(p));
	ATF_CHECK(is_logged("front", " 5 lines were suppressed"));
	/* Debug messages are many. */
	parent->conf->log_level = LOG_DEBUG;
	ATF_CHECK_EQ(DEBUG_LINES_MAX, process_log_max(p));
	parent->conf->log_level = LOG_INFO;
	ATF_CHECK_EQ(LOG_LINES_MAX, process_log_max(p));
	/* Another one in its place has no other minute. */
	give_life(p);
	say_line(LOG_ERR, 5);
	ATF_CHECK_EQ(0, count_logged("babble"));
	ATF_CHECK(!is_ended(p));
}

/* Messages are taken until the second's work is done. */
TEST(parent__work)
{
	struct process *p;
	struct msg_none none = { 0 };
	uint64_t received;
	unsigned n = 0;

	start_parent();
	p = children[ROLE_FRONT];
	give_life(p);
	while (event_pending(&p->event.readable, EV_READ, NULL)) {
		rogue_say(&rogue, MSG_ALIVE, &none, sizeof(none), NULL, 0,
		    NULL, 0);
		(void)event_base_loop(parent->base, EVLOOP_NONBLOCK);
		/* A slow machine may need more than the first second. */
		ATF_REQUIRE(++n <= 100 * CHILD_WORK_MAX);
	}
	received = p->channel.received;
	ATF_CHECK_EQ(0, received % CHILD_WORK_MAX);
	rogue_say(&rogue, MSG_ALIVE, &none, sizeof(none), NULL, 0, NULL, 0);
	/* The next second. */
	while (p->channel.received == received)
		ATF_REQUIRE_EQ(0, event_base_loop(parent->base, EVLOOP_ONCE));
	ATF_CHECK(p->channel.work < CHILD_WORK_MAX);
	ATF_CHECK(!is_ended(p));
}

/* The last words of one that has had its work are heard, but not without
   end. */
TEST(parent__rest)
{
	struct process *p;
	struct msg_none none = { 0 };
	struct msg_log log = { .priority = LOG_ERR };
	uint64_t received;
	pid_t pid;
	int i;

	start_parent();
	p = children[ROLE_FRONT];
	give_life(p);
	channel_charge(&p->channel, CHILD_WORK_MAX);
	p->channel.second_ms = clock_coarse_ms();
	rogue_say(&rogue, MSG_LOG, &log, sizeof(log), "farewell", 8, NULL, 0);
	ATF_CHECK(!is_ended(p));
	ATF_CHECK(is_logged("front", "farewell"));
	give_life(p);
	pid = fork();
	ATF_REQUIRE(pid != -1);
	while (pid == 0)
		rogue_say(&rogue, MSG_ALIVE, &none, sizeof(none), NULL, 0,
		    NULL, 0);
	for (i = 0; i < 200; i++) {
		received = p->channel.received;
		process_read_rest(p);
		ATF_CHECK(p->channel.received - received <= REST_MAX);
	}
	ATF_REQUIRE_EQ(0, kill(pid, SIGKILL));
	ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
}

#define ACCESS_LINE	"127.0.0.1 - - [a line of the access log] forged\x1b[2J"

/* Lines of the access log are long enough to be some, and are paid for. */
TEST(parent__access)
{
	static char lines[MSG_TAIL_MAX];
	struct process *p;
	struct msg_none none = { 0 };
	size_t len = 0;
	unsigned n = 0;

	start_parent();
	p = children[ROLE_FRONT];
	for (; len + sizeof(ACCESS_LINE) < sizeof(lines); n++)
		len += (size_t)sprintf(lines + len, "%s\n", ACCESS_LINE);
	give_life(p);
	p->silent_s = 5;
	rogue_say(&rogue, MSG_ACCESS, &none, sizeof(none), lines, len, NULL,
	    0);
	process_read_rest(p);
	ATF_CHECK_EQ(0, p->silent_s);
	ATF_CHECK(p->channel.work > n);
	ATF_CHECK_EQ(n, count_logged("a line of the access log"));
	/* Without an access log these are lines like others. */
	parent->conf->access_log = ACCESS_LOG_NO;
	p->log_lines = 0;
	for (len = 0; len < 3; len++)
		rogue_say(&rogue, MSG_ACCESS, &none, sizeof(none), lines,
		    strlen(lines), NULL, 0);
	process_read_rest(p);
	ATF_CHECK_EQ(LOG_LINES_MAX, count_logged("a line of the access log"));
	memset(lines, '\n', sizeof(lines));
	rogue_say(&rogue, MSG_ACCESS, &none, sizeof(none), lines,
	    sizeof(lines), NULL, 0);
	ATF_CHECK(is_ended(p));
	ATF_CHECK(is_logged("sent the parent a wrong ACCESS", "(content)"));
}

/* A line is a line with any bytes of a child in it. */
TEST(parent__log_lines)
{
	static const char text[] = "good\n<0>parent[1]: forged\x1b[2J";
	static const char access[] = "good, and as long as a line has to be\n"
	    "<0>parent[1]: forged\x1b[2J to be one\n";
	struct msg_log log = { .priority = 6 };

	start_parent();
	give_life(children[ROLE_FRONT]);
	rogue_say(&rogue, MSG_LOG, &log, sizeof(log), text,
	    sizeof(text) - 1, NULL, 0);
	rogue_say(&rogue, MSG_READY, &(struct msg_ready){ 0 },
	    sizeof(struct msg_ready), text, sizeof(text) - 1, NULL, 0);
	rogue_say(&rogue, MSG_ACCESS, &(struct msg_none){ 0 }, 4, access,
	    sizeof(access) - 1, NULL, 0);
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
	unsigned n_ended = 0, faults;
	enum role role;

	start_parent();
	for (i = 0; i < RANDOM; i += n) {
		memset(parent->believed_ms, 0, sizeof(parent->believed_ms));
		n = 1 + any(BURST_MAX);
		role = ROLE_FRONT + any(ROLE_COUNT - 1);
		give_life(children[role]);
		wrong = parent->totals.counts[COUNT_WRONG];
		for (faults = k = 0; k < n; k++) {
			lie_choose(&lie, &rogue);
			if (lie.len > 20000)
				lie.len = 20000;
			faults += lie_fault(&lie, &rogue, &type) != 0;
			rogue_send(&rogue, lie.bytes, lie.len, lie.fds,
			    lie.nfds);
		}
		if (is_ended(children[role]))
			n_ended++;
		else
			ATF_REQUIRE_EQ_MSG(0, faults, "message %u", i);
		/* One ends it; others are reports about those that the last
		   reload has taken away. */
		ATF_REQUIRE_MSG(
		    parent->totals.counts[COUNT_WRONG] - wrong >=
		    (faults > 0) &&
		    parent->totals.counts[COUNT_WRONG] - wrong <= n,
		    "message %u: %u counted", i,
		    (unsigned)(parent->totals.counts[COUNT_WRONG] - wrong));
		ATF_REQUIRE_EQ(0, parent->totals.counts[COUNT_SYSCALLS]);
		ATF_REQUIRE_EQ(PARENT_SERVING, parent->state);
	}
	printf("%u messages, %u ended\n", i, n_ended);
	ATF_CHECK(n_ended > 100);
}
