/* SPDX-License-Identifier: ISC */
/*
 * The parent and children that were broken into: the input is a list of
 * messages, each from one of the roles and of a kind that the table lets it
 * send, or its end.  A line of the log is always one line, no process is ended
 * but one that runs and may have done it, processes are linked once they are
 * ready, only ends by a filter count, and the memory of them has its bounds.
 */
#include <sys/types.h>

#include <signal.h>

#include "common/log.h"
#include "common/timer.h"
#include "pkgtorrentd/parent/process.h"
#include "tests/lib/fuzz.h"

static void	 fuzz_link(struct process *, struct process *);
static int	 fuzz_kill(pid_t, int);
static int	 fuzz_timer(struct event *, uint32_t);
static void	 fuzz_line(const char *, int, int, const void *, size_t);

#define kill			fuzz_kill
#define timer_add		fuzz_timer
#define log_child_line		fuzz_line
#define process_link		fuzz_link
#include "pkgtorrentd/parent/parent.c"
#undef process_link
#include "pkgtorrentd/parent/process.c"
#undef log_child_line

#define PROCESSES	7

static struct parent	 parent;
static struct conf	 conf;
static struct options	 opt;
static struct process	 processes[PROCESSES];
static const uint8_t	*message;	/* tail of the one at hand */
static size_t		 message_len;
static struct process	*sender;
static enum msg_type	 type;
static unsigned		 others[ROLE_COUNT][ROLE_COUNT]; /* killed for a role's
							word */
static unsigned		 stops;			/* that may count */
static bool		 ending;

static const struct {
	enum role	role;
	uint32_t	index;
} places[PROCESSES] = {
	{ ROLE_FRONT, 0 }, { ROLE_CACHE, 0 }, { ROLE_WALKER, 0 },
	{ ROLE_WALKER, 1 }, { ROLE_HASHER, 0 }, { ROLE_HASHER, 1 },
	{ ROLE_TRACKER, 0 },
};

/* The sender, or one that it has a channel to. */
static int
fuzz_kill(pid_t pid, int sig)
{
	struct process *p = &processes[pid - 1000];

	require(p >= processes && p < processes + PROCESSES);
	require(sig == SIGKILL && p->killed);
	require(!p->retired);
	require(p == sender ||
	    (p->role == ROLE_FRONT) != (sender->role == ROLE_FRONT));
	/* It is believed once, and is then ended itself. */
	require(p == sender || ++others[sender->role][p->role] == 1);
	return 0;
}

static void
fuzz_link(struct process *front, struct process *other)
{
	require(front == &processes[0] && other != front);
	require(front->ready_ms != 0 && other->ready_ms != 0);
	require(front == sender || other == sender);
}

/* The loop never runs. */
static int
fuzz_timer(struct event *timer, uint32_t ms)
{
	require(timer != NULL && ms == KILL_AFTER_MS);
	return 0;
}

static bool
fuzz_own_line(struct process *p, int priority, const void *line, size_t len)
{
	require(p == sender && priority >= LOG_ERR);
	/* A line of its own, or about its end. */
	require((line == message && len == message_len) || ending);
	return parent_on_line(p, priority, line, len);
}

static void
fuzz_stopped(struct process *p, const char *why)
{
	require(p == sender && why != NULL && p->killed);
	require(stops > SYSCALLS_MAX);
}

static const struct process_ops fuzz_ops = {
	.ready = parent_on_ready,
	.line = fuzz_own_line,
	.stopped = fuzz_stopped,
};

/* The text as the log's own function escapes it. */
static void
fuzz_line(const char *role, int pid, int priority, const void *line,
    size_t len)
{
	char out[300];
	const char *p;

	require(strcmp(role, role_name(sender->role)) == 0);
	require(pid == sender->pid && priority >= LOG_ERR &&
	    priority <= LOG_DEBUG);
	for (p = log_escape(out, sizeof(out), line, len); *p != '\0'; p++)
		require(*p >= 0x20 && *p < 0x7f);
	require((size_t)(p - out) < sizeof(out));
	if (type != MSG_READY)
		require((const uint8_t *)line >= message &&
		    (const uint8_t *)line + len <= message + message_len);
	if (type == MSG_ACCESS)
		require(memchr(line, '\n', len) == NULL);
}

static void
start(void)
{
	size_t i;

	log_set_level(-1);
	parent.state = PARENT_SERVING;
	parent.ready_fd = -1;
	parent.conf = &conf;
	parent.opt = &opt;
	conf.access_log = ACCESS_LOG_YES;
	TAILQ_INIT(&parent.processes);
	parent.ops = &fuzz_ops;
	for (i = 0; i < PROCESSES; i++) {
		processes[i].parent = &parent;
		processes[i].ops = &fuzz_ops;
		processes[i].role = places[i].role;
		processes[i].index = places[i].index;
		processes[i].pid = 1000 + (pid_t)i;
		processes[i].channel.fd = -1;
		TAILQ_INSERT_TAIL(&parent.processes, &processes[i], entry);
	}
}

/* The sender has ended, and another is in its place. */
static void
end(int status)
{
	const bool counts = sender->stopped && ((WIFEXITED(status) &&
	    WEXITSTATUS(status) == EXIT_SYSCALL) || (WIFSIGNALED(status) &&
	    WTERMSIG(status) == SIGSYS));
	const uint64_t before = parent.syscalls;

	stops += counts;
	ending = true;
	process_end_stopped(sender, status);
	ending = false;
	require(parent.syscalls - before == counts && !sender->stopped);
	sender->killed = sender->convicted = false;
	sender->ready_ms = 0;
}

/* As the channel does. */
static void
take(struct msg *msg)
{
	struct msg_wrong wrong = { .role = sender->role,
	    .index = sender->index, .type = msg->type };

	if (!process_has_room(sender))
		return;
	wrong.fault = process_message(sender, msg);
	if (wrong.fault != FAULT_NONE)
		process_on_wrong_message(sender, &wrong);
	require(wrong.fault == FAULT_NONE || !process_has_room(sender));
}

/* A message: three bytes are its sender, type and length, then its body
   and its tail.  Or an end: the third byte is the status. */
static size_t
hear(const uint8_t *data, size_t len)
{
	static const enum msg_type types[] = { MSG_READY, MSG_LOG, MSG_ACCESS,
	    MSG_WRONG, MSG_SYSCALL, MSG_ALIVE, MSG_WARMED,
	    MSG_WHITELIST_LOST };
	static uint8_t body[256] __attribute__((__aligned__(8)));
	struct msg msg = { .body = body };
	size_t body_len, used = 3;

	sender = &processes[data[0] % PROCESSES];
	if (data[1] % 9 == 8) {
		end(data[2] % 2 == 0 ? EXIT_SYSCALL << 8 : data[2] << 8 |
		    (data[2] % 4 == 1 ? SIGSYS : 0));
		return used;
	}
	msg.type = type = types[data[1] % 9];
	body_len = msg_body_len(type);
	memset(body, 0, sizeof(body));
	if (len - used < body_len)
		body_len = len - used;
	memcpy(body, data + used, body_len);
	used += body_len;
	msg.tail_len = data[2] * 16U < len - used ? data[2] * 16U :
	    len - used;
	msg.tail = message = copy_of(data + used, msg.tail_len);
	message_len = msg.tail_len;
	used += msg.tail_len;
	if (msg_check(msg.type, sender->role, ROLE_PARENT,
	    msg_body_len(msg.type) + msg.tail_len, 0) == 0)
		take(&msg);
	free((void *)(uintptr_t)message);
	return used;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t i, used;

	if (processes[0].parent == NULL)
		start();
	for (; len > 3; data += used, len -= used)
		used = hear(data, len);
	for (i = 0; i < PROCESSES; i++) {
		require(processes[i].layers == NULL ||
		    strlen(processes[i].layers) < 1100);
		free(processes[i].layers);
		processes[i].layers = NULL;
		processes[i].ready_ms = 0;
		processes[i].killed = processes[i].convicted = false;
		processes[i].stopped = false;
		processes[i].log_lines = processes[i].suppressed = 0;
		processes[i].channel.work = 0;
	}
	memset(parent.believed_ms, 0, sizeof(parent.believed_ms));
	memset(others, 0, sizeof(others));
	return 0;
}
