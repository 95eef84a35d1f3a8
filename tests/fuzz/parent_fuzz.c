/* SPDX-License-Identifier: ISC */
/*
 * The parent and children that were broken into: the input is a list of
 * messages, each from one of the roles and of a kind that the table lets it
 * send.  A line of the log is always one line, no process is ended but one
 * that runs and may have done it, and the memory of them has its bounds.
 */
#include <sys/types.h>

#include <signal.h>

#include "common/log.h"
#include "common/timer.h"
#include "tests/lib/fuzz.h"

static int	 fuzz_kill(pid_t, int);
static int	 fuzz_timer(struct event *, uint32_t);
static void	 fuzz_line(const char *, int, int, const void *, size_t);

#define kill			fuzz_kill
#define timer_add		fuzz_timer
#define log_child_line		fuzz_line
#include "pkgtorrentd/parent/process.c"
#undef log_child_line

#define PROCESSES	6

static struct parent	 parent;
static struct process	 processes[PROCESSES];
static const uint8_t	*message;	/* tail of the one at hand */
static size_t		 message_len;
static struct process	*sender;
static enum msg_type	 type;

static const struct {
	enum role	role;
	uint32_t	index;
} places[PROCESSES] = {
	{ ROLE_FRONT, 0 }, { ROLE_CACHE, 0 }, { ROLE_WALKER, 0 },
	{ ROLE_WALKER, 1 }, { ROLE_HASHER, 0 }, { ROLE_HASHER, 1 },
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
	return 0;
}

/* The loop never runs. */
static int
fuzz_timer(struct event *timer, uint32_t ms)
{
	require(timer != NULL && ms == KILL_AFTER_MS);
	return 0;
}

static void
fuzz_ready(struct process *p)
{
	require(p == sender && p->ready_ms != 0);
}

static bool
fuzz_own_line(struct process *p, int priority, const void *line, size_t len)
{
	require(p == sender && priority >= 0);
	require(line == message && len == message_len);
	return true;
}

static void
fuzz_stopped(struct process *p, const char *why)
{
	require(p == sender && why != NULL);
}

static const struct process_ops fuzz_ops = {
	.ready = fuzz_ready,
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
	require(pid == sender->pid && priority >= 0 && priority <= LOG_DEBUG);
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
	parent.state = PARENT_STARTING;
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

/* A message: three bytes are its sender, type and length, then its body
   and its tail. */
static size_t
hear(const uint8_t *data, size_t len)
{
	static const enum msg_type types[] = { MSG_READY, MSG_LOG, MSG_ACCESS,
	    MSG_WRONG, MSG_SYSCALL, MSG_ALIVE };
	static uint8_t body[256] __attribute__((__aligned__(8)));
	struct msg msg = { .body = body };
	size_t body_len, used = 3;

	sender = &processes[data[0] % PROCESSES];
	msg.type = type = types[data[1] % 6];
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
		(void)process_message(sender, &msg);
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
		processes[i].killed = false;
	}
	return 0;
}
