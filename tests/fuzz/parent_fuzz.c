/* SPDX-License-Identifier: ISC */
/*
 * The parent and children that were broken into: the input is a list of
 * messages, each from one of the roles and of a kind that the table lets it
 * send, or its end.  A line of the log is always one line, no process is ended
 * but one that runs and may have done it, processes are linked once they are
 * ready, only ends by a filter count, and the memory of them has its bounds.
 * Beside them there are connections to the control socket, which send any
 * bytes: roles get well-formed commands from them, and only who has a command
 * may answer it.
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
static void	 fuzz_send(struct process *, enum msg_type, const void *,
		    const void *, size_t, int);
static void	 fuzz_reload(struct parent *);

#define kill			fuzz_kill
#define timer_add		fuzz_timer
#define log_child_line		fuzz_line
#define process_link		fuzz_link
#include "pkgtorrentd/parent/parent.c"
#undef process_link
#include "pkgtorrentd/parent/process.c"
#undef log_child_line
#undef kill
#define process_send		fuzz_send
#include "pkgtorrentd/parent/control.c"
#undef process_send

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
/* Ends of connections to the control socket, one too many; -1: closed. */
#define CLIENTS		(CONTROL_CONNS_MAX + 1)
static int		 clients[CLIENTS];
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
	require(timer != NULL && (ms == KILL_AFTER_MS || ms == COMMAND_MS ||
	    ms == LAST_MS));
	return 0;
}

/* A command for a role, which only has to look at the path. */
static void
fuzz_send(struct process *p, enum msg_type what, const void *body,
    const void *tail, size_t tail_len, int fd)
{
	const struct msg_control *control = body;
	const struct msg_warm *warm = body;

	require(p == &processes[0] || p == &processes[1]);
	require(msg_check(what, ROLE_PARENT, p->role, msg_body_len(what) +
	    tail_len, fd != -1) == FAULT_NONE);
	require(tail_len == 0 || tail != NULL);
	if (what == MSG_WARM) {
		require(warm->id != 0 && warm->tree_len == tail_len &&
		    warm->after_len == 0 && p->role == ROLE_FRONT);
		return;
	}
	require(what == MSG_CONTROL && control->id != 0);
	require(control->command > CONTROL_WARM &&
	    control->command <= CONTROL_STOP);
	require((fd != -1) == (control->command == CONTROL_EXPORT ||
	    control->command == CONTROL_IMPORT));
}

static void
fuzz_reload(struct parent *p)
{
	require(p == &parent);
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
	.message = parent_on_message,
	.closed = control_on_lost,
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
	opt.file = (char *)(uintptr_t)"conf";
	parent.base = event_base_new();
	require(parent.base != NULL);
	memset(clients, -1, sizeof(clients));
	TAILQ_INIT(&parent.processes);
	parent.ops = &fuzz_ops;
	parent.control.reload = fuzz_reload;
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
	const uint64_t before = parent.totals.counts[COUNT_SYSCALLS];

	stops += counts;
	ending = true;
	process_end_stopped(sender, status);
	ending = false;
	require(parent.totals.counts[COUNT_SYSCALLS] - before == counts &&
	    !sender->stopped);
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

/* A command is at most with one connection, and one that waits has one. */
static void
check_control(void)
{
	const struct control *c = &parent.control;
	const struct control_task *t;
	unsigned warms = 0, n;
	size_t i;

	for (t = c->tasks; t < c->tasks + CONTROL_TASKS_MAX; t++) {
		warms += t->id != 0 && t->command == CONTROL_WARM;
		require(t->id == 0 || t->conn == NULL ||
		    t->conn->state == CONTROL_CONN_TASK);
	}
	require(warms <= 1);
	for (i = 0; i < CONTROL_CONNS_MAX; i++) {
		for (n = 0, t = c->tasks; t < c->tasks + CONTROL_TASKS_MAX;
		    t++)
			n += t->id != 0 && t->conn == &c->conns[i];
		require(n == (c->conns[i].state == CONTROL_CONN_TASK));
	}
}

static void
open_client(size_t i)
{
	int pair[2];

	if (clients[i] != -1)
		close(clients[i]);
	require(msg_pair(pair) == 0);
	clients[i] = pair[1];
	control_admit(&parent, pair[0]);
}

/* As the loop does; those who have gone are noticed, too. */
static void
hear_clients(void)
{
	struct control_conn *conn = parent.control.conns;
	size_t i;

	for (i = 0; i < CONTROL_CONNS_MAX; i++, conn++)
		if (conn->state != CONTROL_CONN_FREE)
			(void)channel_receive(&conn->channel,
			    &control_channel_ops, conn, 1);
	check_control();
}

/*
 * A connection of the control socket: the first byte says which, whether it
 * begins or ends, whether it passes a descriptor, and whether the bytes that
 * follow are the body and the tail of a command, or a message.
 */
static size_t
speak(const uint8_t *data, size_t len)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	size_t i = data[0] % CLIENTS, n = data[2] * 16U;
	struct msg_header head = { MSG_CONTROL, 0 };
	struct iovec iov[2] = { { &head, sizeof(head) }, { 0 } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };
	struct cmsghdr *cmsg = (void *)&control;

	if (n > len - 3)
		n = len - 3;
	if (data[0] & 0x80 || clients[i] == -1)
		open_client(i);
	head.len = (uint32_t)n;
	iov[1] = (struct iovec){ (void *)(uintptr_t)(data + 3), n };
	if (data[0] & 0x40)
		iov[0].iov_len = 0;
	if (data[0] & 0x20) {
		mh.msg_control = &control;
		mh.msg_controllen = sizeof(control);
		*cmsg = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET,
		    SCM_RIGHTS };
		memcpy(CMSG_DATA(cmsg), &clients[i], sizeof(int));
	}
	(void)sendmsg(clients[i], &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
	hear_clients();
	return 3 + n;
}

static void
end_clients(void)
{
	size_t i;

	for (i = 0; i < CLIENTS; i++) {
		if (clients[i] != -1)
			close(clients[i]);
		clients[i] = -1;
	}
	for (i = 0; i < CONTROL_CONNS_MAX; i++)
		if (parent.control.conns[i].state != CONTROL_CONN_FREE)
			control_drop(&parent.control.conns[i]);
	memset(parent.control.tasks, 0, sizeof(parent.control.tasks));
	parent.control.last_id = 0;
}

/* A message: three bytes are its sender, type and length, then its body
   and its tail.  Or an end: the third byte is the status. */
static size_t
hear(const uint8_t *data, size_t len)
{
	static const enum msg_type types[] = { MSG_READY, MSG_LOG, MSG_ACCESS,
	    MSG_WRONG, MSG_SYSCALL, MSG_ALIVE, MSG_WARMED,
	    MSG_WHITELIST_LOST, MSG_CONTROLLED, MSG_TOTALS };
	static uint8_t body[256] __attribute__((__aligned__(8)));
	struct msg msg = { .body = body };
	size_t body_len, used = 3;

	if (data[1] % 12 == 10)
		return speak(data, len);
	sender = &processes[data[0] % PROCESSES];
	if (data[1] % 12 == 8) {
		end(data[2] % 2 == 0 ? EXIT_SYSCALL << 8 : data[2] << 8 |
		    (data[2] % 4 == 1 ? SIGSYS : 0));
		return used;
	}
	msg.type = type = types[data[1] % 12 - (data[1] % 12 > 8) -
	    (data[1] % 12 > 10)];
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
	check_control();
	return used;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t i, used;

	if (processes[0].parent == NULL)
		start();
	/* Both roles take commands, once they are ready. */
	processes[0].channel.fd = processes[1].channel.fd = PARENT_FD;
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
		processes[i].channel.fd = -1;
	}
	end_clients();
	memset(parent.believed_ms, 0, sizeof(parent.believed_ms));
	memset(others, 0, sizeof(others));
	return 0;
}
