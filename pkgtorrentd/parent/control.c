/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/sandbox/selftest.h"
#include "common/timer.h"
#include "pkgtorrentd/parent/state.h"

#define DEFAULT_DIR	"/run/pkgtorrentd"
#define DEFAULT_PATH	DEFAULT_DIR "/control.sock"

#define COMMAND_MS	1000	/* for a connection to send its command */
#define LAST_MS		5000	/* and to read the end of its answer */
#define ACCEPT_AT_ONCE	8
#define STRANGER_MS	60000	/* between two lines of the log */
/* Lines of the log that wait for one who does not read them. */
#define LINES_MAX	256

#define STEPS_MAX	3

/* The roles that have a command one after another, and its content. */
static const struct control_kind {
	bool		known;
	bool		walk;		/* the front gets it as MSG_WARM */
	bool		path;		/* has one, not empty */
	int		nfds;
	enum role	steps[STEPS_MAX + 1];	/* up to ROLE_PARENT; if that
						   is the first: itself */
} kinds[CONTROL_COMMANDS] = {
	[CONTROL_STATUS] = { .known = true },
	[CONTROL_RELOAD] = { .known = true },
	[CONTROL_WARM] = { true, true, true, 0, { ROLE_FRONT } },
	[CONTROL_PURGE] = { true, false, true, 0,
	    { ROLE_FRONT, ROLE_CACHE, ROLE_FRONT } },
	[CONTROL_CHECK] = { true, true, true, 0, { ROLE_FRONT } },
	[CONTROL_EXPORT] = { true, false, false, 1, { ROLE_CACHE } },
	[CONTROL_IMPORT] = { true, false, false, 1, { ROLE_CACHE } },
};

/* NULL: none. */
static const char *
control_path(const struct parent *parent, const struct conf *conf)
{
	struct stat	 st;

	if (conf->control == NULL || strcmp(conf->control, "none") == 0)
		return NULL;
	if (strcmp(conf->control, "auto") != 0)
		return conf->control;
	return parent->privileged && stat(DEFAULT_DIR, &st) == 0 &&
	    S_ISDIR(st.st_mode) ? DEFAULT_PATH : NULL;
}

int
control_open(const struct parent *parent, const struct conf *conf,
    struct listeners *set, const struct listeners *kept, struct buf *errors)
{
	const char	*path = control_path(parent, conf), *hint;

	memset(set, 0, sizeof(*set));
	if (path == NULL || listen_open_control(set, path, kept) == 0)
		return 0;
	hint = errno == EADDRINUSE ? ": another service has it; set control "
	    "to another path" : errno == EEXIST ? " (it is not a socket)" :
	    selftest_hint(errno);
	if (path != conf->control) {
		log_warn("control %s: %s%s; pkgtorrentctl cannot reach this "
		    "service", path, strerror(errno), hint);
		return 0;
	}
	(void)buf_addf(errors, "control %s: %s%s\n", path, strerror(errno),
	    hint);
	return -1;
}

/* Close the connection, which may have ended by itself. */
static void
control_drop(struct control_conn *conn)
{
	channel_event_stop(&conn->event);
	channel_close(&conn->channel);
	(void)evtimer_del(&conn->timer);
	conn->state = CONTROL_CONN_FREE;
}

static void
control_set_timer(struct control_conn *conn, uint32_t ms)
{
	if (timer_add(&conn->timer, ms) == -1)
		fatal("timer_add");
}

static struct control_task *
control_task_of(struct control_conn *conn)
{
	struct control_task	*t = conn->parent->control.tasks;
	size_t			 i;

	for (i = 0; i < CONTROL_TASKS_MAX; i++, t++)
		if (t->id != 0 && t->conn == conn)
			return t;
	return NULL;
}

/* The last message is sent, or queued: a client that does not read it is not
   waited for. */
static void
control_end(struct control_conn *conn)
{
	struct control_task	*task = control_task_of(conn);

	if (task != NULL)
		task->conn = NULL;
	if (conn->channel.queued == 0) {
		control_drop(conn);
		return;
	}
	conn->state = CONTROL_CONN_ENDED;
	control_set_timer(conn, LAST_MS);
}

static void
control_send(struct control_conn *conn, enum control_state state,
    const void *text, size_t len)
{
	struct msg_controlled	 body = { .state = state };

	/* One who has gone is noticed when its channel is read. */
	(void)channel_event_send(&conn->event, MSG_CONTROLLED, &body, text,
	    len < SPEC_MAX ? len : SPEC_MAX, NULL, 0);
}

static void
control_fail(struct control_conn *conn, const char *reason)
{
	control_send(conn, CONTROL_FAILED, reason, strlen(reason));
	control_end(conn);
}

/* Progress is sent if there is room; what is not taken is old by then. */
static void
control_copy(struct control_conn *conn, const struct msg *msg, bool last)
{
	if (conn == NULL)
		return;
	if (last || conn->channel.queued == 0)
		(void)channel_event_send(&conn->event, msg->type, msg->body,
		    msg->tail, msg->tail_len, NULL, 0);
	if (last)
		control_end(conn);
}

/* The process of a role that takes commands; NULL: none does. */
static struct process *
control_find_process(struct parent *parent, enum role role)
{
	struct process	*p;

	TAILQ_FOREACH(p, &parent->processes, entry)
		if (p->role == role && p->pid != 0 && p->ready_ms != 0 &&
		    p->channel.fd != -1 && !p->retired && !p->reserve &&
		    !p->killed)
			return p;
	return NULL;
}

static void
control_pass_warm(struct process *p, const struct control_task *task,
    size_t path_len)
{
	struct msg_warm	 body = { .id = task->id,
			    .tree_len = (uint32_t)path_len,
			    .mode = WARM_HASH };

	if (task->command == CONTROL_CHECK)
		body.mode = WARM_CHECK;
	else if (task->flags & CONTROL_WARM_COUNT)
		body.mode = WARM_COUNT;

	process_send(p, MSG_WARM, &body, task->path, path_len, -1);
}

/* Pass a command on to its role.  False: there is no such process now. */
static bool
control_pass(struct parent *parent, struct control_task *task, enum role role,
    int fd)
{
	struct process		*p = control_find_process(parent, role);
	struct msg_control	 body = { .id = task->id,
				    .command = task->command,
				    .flags = task->flags };

	if (p == NULL)
		return false;
	task->at = p;
	if (task->command == CONTROL_PURGE)
		body.flags = task->step == 2 ? CONTROL_PURGE_LAST : 0;
	if (kinds[task->command].walk)
		control_pass_warm(p, task, task->path_len);
	else
		process_send(p, MSG_CONTROL, &body, task->path,
		    task->path_len, fd);
	return true;
}

/* The command stays a task of its role until that says so. */
static void
control_stop(struct control_task *task)
{
	struct msg_control	 body = { .id = task->id,
				    .command = CONTROL_STOP };

	task->conn = NULL;
	if (kinds[task->command].walk)
		control_pass_warm(task->at, task, 0);
	else
		process_send(task->at, MSG_CONTROL, &body, NULL, 0, -1);
}

/* NULL with a reason. */
static struct control_task *
control_new_task(struct parent *parent, enum control_command command,
    const char **reason)
{
	struct control_task	*t = parent->control.tasks, *task = NULL;
	size_t			 i;

	*reason = "earlier commands have not ended yet";
	for (i = 0; i < CONTROL_TASKS_MAX; i++, t++) {
		if (t->id == 0)
			task = t;
		else if (kinds[command].walk && kinds[t->command].walk) {
			*reason = "a tree is being warmed or checked already; "
			    "wait for that, or stop it";
			return NULL;
		}
	}
	if (task != NULL) {
		task->id = ++parent->control.last_id;
		task->command = command;
		task->at = NULL;
		task->step = 0;
		memset(&task->total, 0, sizeof(task->total));
	}
	return task;
}

static void
control_begin_task(struct control_conn *conn, const struct msg_control *body,
    const struct msg *msg)
{
	const struct control_kind	*kind = &kinds[body->command];
	struct control_task		*task;
	const char			*reason;
	char				 text[64];

	task = control_new_task(conn->parent, body->command, &reason);
	if (task == NULL) {
		control_fail(conn, reason);
		return;
	}
	task->flags = body->flags;
	task->path_len = msg->tail_len;
	memcpy(task->path, msg->tail, msg->tail_len);
	task->conn = conn;
	conn->state = CONTROL_CONN_TASK;
	if (control_pass(conn->parent, task, kind->steps[0],
	    msg->nfds > 0 ? msg->fds[0] : -1))
		return;
	task->id = 0;
	(void)snprintf(text, sizeof(text), "the %s is being started, try "
	    "again", role_name(kind->steps[0]));
	control_fail(conn, text);
}

/* All of it, cut into messages; a client that reads slowly has it queued. */
static void
control_answer_status(struct control_conn *conn)
{
	struct buf	 text = { 0 };
	size_t		 at, n;

	status_write(conn->parent, &text);
	for (at = 0; at < text.len; at += n) {
		n = text.len - at < SPEC_MAX ? text.len - at : SPEC_MAX;
		control_send(conn, CONTROL_RUNNING, text.data + at, n);
	}
	buf_free(&text);
	control_send(conn, CONTROL_DONE, NULL, 0);
	control_end(conn);
}

/* A role gets no file and no connection: only one end of a socketpair. */
static bool
control_is_socket(int fd)
{
	int		 domain, type;
	socklen_t	 len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	    domain == AF_UNIX && type == SOCK_STREAM;
}

static enum msg_fault
control_on_message(void *owner, struct msg *msg)
{
	struct control_conn		*conn = owner;
	const struct msg_control	*body = msg->body;
	const struct control_kind	*kind;

	if (msg->type != MSG_CONTROL || body->id != 0 ||
	    conn->state != CONTROL_CONN_SILENT ||
	    body->command >= CONTROL_COMMANDS)
		return FAULT_CONTENT;
	kind = &kinds[body->command];
	if (!kind->known || kind->path != (msg->tail_len > 0) ||
	    kind->nfds != msg->nfds ||
	    (msg->nfds > 0 && !control_is_socket(msg->fds[0])))
		return FAULT_CONTENT;
	(void)evtimer_del(&conn->timer);
	if (kind->steps[0] != ROLE_PARENT)
		control_begin_task(conn, body, msg);
	else if (body->command == CONTROL_STATUS)
		control_answer_status(conn);
	else {
		conn->state = CONTROL_CONN_RELOAD;
		conn->parent->control.reload(conn->parent);
	}
	return FAULT_NONE;
}

static void
control_on_closed(void *owner)
{
	struct control_conn	*conn = owner;
	struct control_task	*task = control_task_of(conn);

	if (task != NULL)
		control_stop(task);
	control_drop(conn);
}

static void
control_on_wrong(void *owner, const struct msg_wrong *wrong)
{
	struct control_conn	*conn = owner;
	struct control_task	*task = control_task_of(conn);

	(void)wrong;
	if (task != NULL)
		control_stop(task);
	if (conn->state != CONTROL_CONN_ENDED)
		control_fail(conn, "not one command of this version; is "
		    "pkgtorrentctl another one than the service?");
	else
		control_drop(conn);
}

static const struct channel_ops control_channel_ops = {
	.message = control_on_message,
	.wrong = control_on_wrong,
	.closed = control_on_closed,
};

static void
control_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct control_conn	*conn = arg;

	(void)fd;
	(void)what;
	if (conn->state == CONTROL_CONN_SILENT)
		control_fail(conn, "no command came within a second");
	else
		control_drop(conn);
}

/* Say why before the connection is closed. */
static void
control_refuse(int fd, const char *reason)
{
	struct channel		 ch = { .fd = fd, .self = ROLE_FRONT,
				    .peer = ROLE_PARENT };
	struct msg_controlled	 body = { .state = CONTROL_FAILED };

	(void)msg_send(&ch, MSG_CONTROLLED, &body, reason, strlen(reason),
	    NULL, 0);
	close(fd);
}

/* The mode of the socket file is no reason to believe anybody. */
static bool
control_is_owner(int fd)
{
	struct ucred	 cred;
	socklen_t	 len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	    (cred.uid == 0 || cred.uid == geteuid());
}

static void
control_admit(struct parent *parent, int fd)
{
	struct control_conn	*conn = parent->control.conns;
	size_t			 i;

	if (!control_is_owner(fd)) {
		if (log_once(&parent->control.stranger_ms, STRANGER_MS,
		    clock_ms()))
			log_warn("a user who is neither root nor the owner of "
			    "the service has connected to the control "
			    "socket: refused");
		control_refuse(fd, "only for root and the owner of the "
		    "service");
		return;
	}
	for (i = 0; i < CONTROL_CONNS_MAX &&
	    conn->state != CONTROL_CONN_FREE; i++)
		conn++;
	if (i == CONTROL_CONNS_MAX) {
		control_refuse(fd, "as many connections as there may be are "
		    "open already");
		return;
	}
	conn->state = CONTROL_CONN_SILENT;
	conn->parent = parent;
	/* It is sent what a front sends its parent. */
	channel_open(&conn->channel, fd, ROLE_FRONT, ROLE_PARENT, 0);
	if (evtimer_assign(&conn->timer, parent->base, control_on_timer,
	    conn) == -1 || channel_event_start(&conn->event, parent->base,
	    &conn->channel, &control_channel_ops, conn, 1) == -1)
		fatal("out of memory");
	control_set_timer(conn, COMMAND_MS);
}

static void
control_on_acceptable(evutil_socket_t listening, short what, void *arg)
{
	struct parent	*parent = arg;
	int		 i, fd = -1;

	(void)what;
	for (i = 0; i < ACCEPT_AT_ONCE; i++) {
		fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK |
		    SOCK_CLOEXEC);
		if (fd != -1)
			control_admit(parent, fd);
		else if (errno != EINTR && errno != ECONNABORTED)
			break;
	}
	/* After a shortage, the next tick goes on. */
	if (fd == -1 && errno != EAGAIN && errno != EINTR &&
	    errno != ECONNABORTED && parent->control.acceptable != NULL)
		(void)event_del(parent->control.acceptable);
}

void
control_tick(struct parent *parent)
{
	if (parent->control.acceptable != NULL)
		(void)event_add(parent->control.acceptable, NULL);
}

static void
control_stop_accepting(struct control *c)
{
	if (c->acceptable != NULL)
		event_free(c->acceptable);
	c->acceptable = NULL;
}

void
control_use(struct parent *parent, const struct listeners *set)
{
	struct control		*c = &parent->control;
	struct listeners	 old = c->listeners;

	control_stop_accepting(c);
	c->listeners = *set;
	if (set->n > 0) {
		c->acceptable = event_new(parent->base, set->v[0].fd,
		    EV_READ | EV_PERSIST, control_on_acceptable, parent);
		if (c->acceptable == NULL ||
		    event_add(c->acceptable, NULL) == -1)
			fatal("event_new");
	}
	if (old.v != set->v)
		listen_close(&old, set);
}

void
control_close(struct parent *parent)
{
	struct control		*c = &parent->control;
	struct control_conn	*conn;

	control_stop_accepting(c);
	listen_close(&c->listeners, NULL);
	for (conn = c->conns; conn < c->conns + CONTROL_CONNS_MAX; conn++)
		if (conn->state == CONTROL_CONN_ENDED)
			control_drop(conn);
		else if (conn->state != CONTROL_CONN_FREE)
			control_fail(conn, "the service ends");
}

void
control_free(struct parent *parent)
{
	struct control		*c = &parent->control;
	struct control_conn	*conn;

	control_stop_accepting(c);
	listen_close(&c->listeners, NULL);
	for (conn = c->conns; conn < c->conns + CONTROL_CONNS_MAX; conn++)
		if (conn->state != CONTROL_CONN_FREE)
			control_drop(conn);
}

void
control_on_line(struct parent *parent, const char *line, size_t len)
{
	struct control		*c = &parent->control;
	struct control_conn	*conn;

	for (conn = c->conns; conn < c->conns + CONTROL_CONNS_MAX; conn++)
		if (conn->state == CONTROL_CONN_RELOAD &&
		    conn->channel.queued < LINES_MAX)
			control_send(conn, CONTROL_RUNNING, line, len);
}

void
control_on_reloaded(struct parent *parent, bool refused)
{
	static const char	 reason[] = "the old configuration stays in "
				    "force";
	struct control		*c = &parent->control;
	struct control_conn	*conn;

	for (conn = c->conns; conn < c->conns + CONTROL_CONNS_MAX; conn++) {
		if (conn->state != CONTROL_CONN_RELOAD)
			continue;
		if (refused)
			control_fail(conn, reason);
		else {
			control_send(conn, CONTROL_DONE, NULL, 0);
			control_end(conn);
		}
	}
}

void
control_on_lost(struct process *p)
{
	struct control		*c = &p->parent->control;
	struct control_task	*t;
	char			 reason[64];

	(void)snprintf(reason, sizeof(reason), "the %s has ended, try again",
	    role_name(p->role));
	for (t = c->tasks; t < c->tasks + CONTROL_TASKS_MAX; t++) {
		if (t->id == 0 || t->at != p)
			continue;
		t->id = 0;
		if (t->conn != NULL)
			control_fail(t->conn, reason);
	}
}

/* The command with this number, if this process has it; or NULL. */
static struct control_task *
control_find_task(const struct process *p, uint64_t id)
{
	struct control_task	*t = p->parent->control.tasks;
	size_t			 i;

	for (i = 0; i < CONTROL_TASKS_MAX; i++, t++)
		if (id != 0 && t->id == id && t->at == p)
			return t;
	return NULL;
}

/* One role is done: has another one to do its part now? */
static bool
control_pass_on(struct parent *parent, struct control_task *task)
{
	enum role	 next = kinds[task->command].steps[task->step + 1];
	char		 text[80];

	if (next == ROLE_PARENT || task->conn == NULL)
		return false;
	task->step++;
	if (control_pass(parent, task, next, -1))
		return true;
	(void)snprintf(text, sizeof(text), "not all of it is done: the %s is "
	    "being started, try again", role_name(next));
	control_fail(task->conn, text);
	return false;
}

/* The sums over all roles that had a command so far. */
static struct msg_controlled
control_sum(const struct control_task *task, const struct msg_controlled *body)
{
	struct msg_controlled	 sum = *body;

	sum.files += task->total.files;
	sum.bytes += task->total.bytes;
	sum.done += task->total.done;
	sum.done_bytes += task->total.done_bytes;
	sum.bad += task->total.bad;
	sum.skipped += task->total.skipped;
	return sum;
}

enum msg_fault
control_on_controlled(struct process *p, const struct msg *msg)
{
	const struct msg_controlled	*body = msg->body;
	struct control_task		*task = control_find_task(p, body->id);
	struct msg_controlled		 sum;
	struct msg			 copy = *msg;

	if (task == NULL || kinds[task->command].walk ||
	    body->state < CONTROL_RUNNING || body->state > CONTROL_FAILED)
		return FAULT_CONTENT;
	sum = control_sum(task, body);
	copy.body = &sum;
	if (body->state == CONTROL_DONE)
		task->total = sum;
	if (body->state == CONTROL_DONE && control_pass_on(p->parent, task))
		return FAULT_NONE;
	if (body->state != CONTROL_RUNNING)
		task->id = 0;
	control_copy(task->conn, &copy, body->state != CONTROL_RUNNING);
	return FAULT_NONE;
}

enum msg_fault
control_on_warmed(struct process *p, const struct msg *msg)
{
	const struct msg_warmed	*body = msg->body;
	struct control_task	*task = control_find_task(p, body->id);
	bool			 ended;

	if (task == NULL || !kinds[task->command].walk)
		return FAULT_CONTENT;
	ended = body->state != WARM_RUNNING && body->state != WARM_DIFFERS;
	if (ended)
		task->id = 0;
	control_copy(task->conn, msg, ended);
	return FAULT_NONE;
}
