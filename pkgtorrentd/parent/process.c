/* SPDX-License-Identifier: ISC */
/*
 * A child, from its start by fork(2) and execveat(2) to its end, and the
 * messages that it sends.  The parent believes a child only as far as it must:
 * it escapes each line for the log, bounds the lines and the work of each child
 * in a given time, and the worst that a report about another process does is
 * that both are replaced, once in a while.
 */
#include <sys/param.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/child.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/sandbox/sandbox.h"
#include "common/sandbox/selftest.h"
#include "common/timer.h"
#include "pkgtorrentd/parent/keys.h"
#include "pkgtorrentd/parent/mount_table.h"
#include "pkgtorrentd/parent/process.h"
#include "pkgtorrentd/parent/state.h"

#define DELAY_FIRST_MS	100
#define DELAY_MAX_MS	30000
#define SETTLED_MS	1000		/* ready this long: it works */

#define PROGRAM_FD	(PARENT_FD + 1)
#define FIRST_SPARE_FD	16		/* clear of 0 to PROGRAM_FD */

/* UBSan alone cannot be seen by gcc's preprocessor: -DKEEP_STDERR. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || \
    __has_feature(undefined_behavior_sanitizer) || defined(KEEP_STDERR)
#define SANITIZED	1
#else
#define SANITIZED	0
#endif

/* Messages received before other events have their turn. */
#define READ_AT_ONCE	16
/* Units of common/channel.h, or lines of the access log, that a child may have
   in a second. */
#define CHILD_WORK_MAX	10000
/* Messages of a child that has ended: more than its socket holds, unless the
   system's default for sockets was raised. */
#define REST_MAX	1024
/* Lines that a child may log in a minute, and with debug messages. */
#define LOG_LINES_MAX	1000
#define DEBUG_LINES_MAX	60000
#define LOG_LINES_MS	60000
/* Reports of one role about another one are believed once in this time. */
#define BELIEVED_MS	60000
/* The front gives no worker less time than this to answer. */
#define SILENT_MIN_MS	20000
/* The time for a child to exit when the service is late in stopping. */
#define EXIT_MIN_MS	300
/* A child with more unread messages has stopped working. */
#define QUEUE_MAX	4096

static const struct channel_ops process_channel_ops;
static void	process_on_timer(evutil_socket_t, short, void *);

/*
 * Each client takes a descriptor of the front.  Systems start services with a
 * limit of 1024, which a service may raise.
 */
static void
process_raise_limits(void)
{
	struct rlimit	 rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return;
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
}

int
process_open_programs(struct programs *p, const char *hasher_path,
    struct buf *errors)
{
	static const char	*own_path = "/proc/self/exe";

	p->own = open(own_path, O_PATH | O_CLOEXEC);
	if (p->own == -1) {
		(void)buf_addf(errors, "%s: %s\n", own_path, strerror(errno));
		return -1;
	}
	p->hasher = open(hasher_path, O_PATH | O_CLOEXEC);
	if (p->hasher == -1 ||
	    faccessat(AT_FDCWD, hasher_path, X_OK, AT_EACCESS) == -1) {
		(void)buf_addf(errors, "%s: %s\n", hasher_path,
		    strerror(errno));
		return -1;
	}
	p->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (p->null == -1) {
		(void)buf_addf(errors, "/dev/null: %s\n", strerror(errno));
		return -1;
	}
	process_raise_limits();
	return 0;
}

/* Ignored signals and the mask would outlive the exec. */
static void
process_reset_signals(void)
{
	struct sigaction	 sa;
	sigset_t		 none;
	int			 sig;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_DFL;
	for (sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &sa, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* All other descriptors of the parent are closed here. */
static int
process_place_fds(int program, int channel, int null)
{
	int	 fd;

	program = fcntl(program, F_DUPFD_CLOEXEC, FIRST_SPARE_FD);
	channel = fcntl(channel, F_DUPFD_CLOEXEC, FIRST_SPARE_FD);
	null = fcntl(null, F_DUPFD_CLOEXEC, FIRST_SPARE_FD);
	if (program == -1 || channel == -1 || null == -1)
		return -1;
	for (fd = 0; fd <= STDERR_FILENO; fd++) {
		if (fd == STDERR_FILENO && SANITIZED)
			break;
		if (dup2(null, fd) == -1)
			return -1;
	}
	if (dup2(channel, PARENT_FD) == -1 ||
	    dup3(program, PROGRAM_FD, O_CLOEXEC) == -1)
		return -1;
	return close_range(PROGRAM_FD + 1, ~0U, 0);
}

static void __attribute__((__noreturn__))
process_exec(int program, int channel, int null, enum role role,
    const char *title)
{
	static const char *const	 kept[] = { "ASAN_OPTIONS",
					    "UBSAN_OPTIONS" };
	char				 options[2][1024], text[128];
	char				*envp[3] = { NULL, NULL, NULL };
	char				*argv[2] = { NULL, NULL };
	struct msg_log			 body = { .priority = LOG_ERR };
	struct channel			 parent;
	const char			*value;
	size_t				 i, n = 0;

	process_reset_signals();
	(void)setsid();
	for (i = 0; SANITIZED && i < 2; i++) {
		if ((value = getenv(kept[i])) == NULL)
			continue;
		(void)snprintf(options[n], sizeof(options[n]), "%s=%s",
		    kept[i], value);
		envp[n] = options[n];
		n++;
	}
	argv[0] = (char *)(uintptr_t)title;
	if (process_place_fds(program, channel, null) == 0)
		(void)execveat(PROGRAM_FD, "", argv, envp, AT_EMPTY_PATH);

	(void)snprintf(text, sizeof(text), "cannot be executed: %s",
	    strerror(errno));
	memset(&parent, 0, sizeof(parent));
	parent.fd = PARENT_FD;
	parent.self = role;
	parent.peer = ROLE_PARENT;
	(void)msg_send(&parent, MSG_LOG, &body, text, strlen(text), NULL, 0);
	_exit(1);
}

pid_t
process_spawn(const struct programs *p, enum role role, const char *title,
    int *channel)
{
	int		 pair[2], program, saved;
	sigset_t	 all, old;
	pid_t		 pid;

	program = role == ROLE_WALKER || role == ROLE_HASHER ?
	    p->hasher : p->own;
	if (msg_pair(pair) == -1)
		return -1;
	/* Until the child has reset them it would run the parent's handlers,
	   which write to a socket that both share. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0)
		process_exec(program, pair[1], p->null, role, title);
	saved = errno;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	close(pair[1]);
	if (pid == -1) {
		close(pair[0]);
		errno = saved;
		return -1;
	}
	*channel = pair[0];
	return pid;
}

uint32_t
process_delay_ms(uint32_t last_ms, uint64_t ready_ms, uint64_t now)
{
	if (ready_ms != 0 && now - ready_ms >= SETTLED_MS)
		return 0;
	if (last_ms == 0)
		return DELAY_FIRST_MS;
	return last_ms > DELAY_MAX_MS / 2 ? DELAY_MAX_MS : last_ms * 2;
}

void
process_describe_end(char *out, size_t outlen, int status)
{
	if (WIFSIGNALED(status))
		(void)snprintf(out, outlen, "signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		(void)snprintf(out, outlen, "exit status %d",
		    WEXITSTATUS(status));
}


struct process *
process_new(struct parent *parent, enum role role, uint32_t index)
{
	struct process	*p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		fatal("out of memory");
	p->parent = parent;
	p->ops = parent->ops;
	p->role = role;
	p->index = index;
	p->channel.fd = -1;
	(void)evtimer_assign(&p->timer, parent->base, process_on_timer, p);
	TAILQ_INSERT_TAIL(&parent->processes, p, entry);
	return p;
}

static void
process_close_channel(struct process *p)
{
	channel_event_stop(&p->event);
	channel_close(&p->channel);
	if (p->parent->ops->closed != NULL)
		p->parent->ops->closed(p);
}

static const struct conf *
process_conf(const struct process *p)
{
	const struct parent	*parent = p->parent;

	return p->planned && parent->reload != NULL ?
	    parent->reload->conf : parent->conf;
}

static const struct buf *
process_conf_text(const struct process *p)
{
	const struct parent	*parent = p->parent;

	return p->planned && parent->reload != NULL ?
	    &parent->reload->conf_text : &parent->conf_text;
}

void
process_title(const struct process *p, char title[PROCESS_TITLE_LEN])
{
	const struct conf	*conf = process_conf(p);
	const char		*prefix = "";

	if (p->role == ROLE_WALKER && p->index < conf->nroots)
		prefix = conf->roots[p->index].prefix;
	if (p->role == ROLE_HASHER)
		(void)snprintf(title, PROCESS_TITLE_LEN,
		    "pkgtorrentd: hasher %u", p->index + 1);
	else
		(void)snprintf(title, PROCESS_TITLE_LEN, "pkgtorrentd: %s%s%s",
		    role_name(p->role), prefix[0] != '\0' ? " " : "", prefix);
}

void
process_start(struct process *p)
{
	struct parent	*parent = p->parent;
	char		 title[PROCESS_TITLE_LEN];
	int		 fd;

	process_title(p, title);
	p->ready_ms = 0;
	p->killed = false;
	p->reaped = false;
	p->root_ino = 0;
	p->silent_s = 0;
	p->said_why = p->convicted = p->stopped = false;
	p->pid = process_spawn(&parent->programs, p->role, title, &fd);
	if (p->pid == -1) {
		p->start_error = errno;
		log_error("%s cannot be started: %s", title, strerror(errno));
		p->pid = 0;
		p->delay_ms = process_delay_ms(p->delay_ms, 0, clock_ms());
		process_set_timer(p, p->delay_ms);
		return;
	}

	channel_open(&p->channel, fd, ROLE_PARENT, p->role, p->index);
	p->channel.work_max = CHILD_WORK_MAX;
	if (channel_event_start(&p->event, parent->base, &p->channel,
	    &process_channel_ops, p, READ_AT_ONCE) == -1)
		fatal("event_add");

	process_send_conf(p);
	if (p->role == ROLE_FRONT || p->role == ROLE_WALKER)
		process_send_mounts(p);
}

void
process_send(struct process *p, enum msg_type type, const void *body,
    const void *tail, size_t tail_len, int fd)
{
	if (p->channel.fd == -1 || p->convicted)
		return;
	/* Replace a count that is still queued by the newer one. */
	if (type == MSG_MOUNTS && channel_replace(&p->channel, type, body))
		return;
	if (p->channel.queued >= QUEUE_MAX) {
		log_error("%s %d does not read its messages, killed",
		    role_name(p->role), (int)p->pid);
		process_kill(p);
		return;
	}
	/* At EPIPE the process has ended.  processes_reap() will read its last
	   messages. */
	if (channel_event_send(&p->event, type, body, tail, tail_len, &fd,
	    fd == -1 ? 0 : 1) == -1 && errno != EPIPE) {
		log_error("sending %s to %s %d: %s", msg_name(type),
		    role_name(p->role), (int)p->pid, strerror(errno));
		process_hang_up(p);
	}
}

void
process_send_conf(struct process *p)
{
	const struct parent	*parent = p->parent;
	const uint8_t		*at = process_conf_text(p)->data;
	size_t			 left = process_conf_text(p)->len, n;
	struct msg_conf		 body;

	keys_send(p, process_conf(p));
	memset(&body, 0, sizeof(body));
	body.role = p->role;
	body.index = p->index;
	do {
		n = left < MSG_TAIL_MAX ? left : MSG_TAIL_MAX;
		body.flags = (parent->opt->verbose ? CONF_VERBOSE : 0) |
		    (parent->privileged ? CONF_PRIVILEGED : 0) |
		    (parent->opt->check ? CONF_CHECK : 0) |
		    (selftest_has_systemd() ? CONF_SYSTEMD : 0) |
		    (n < left ? PART_MORE : 0);
		process_send(p, MSG_CONF, &body, at, n, -1);
		at += n;
		left -= n;
	} while (left > 0);
}

void
process_send_mounts(struct process *p)
{
	const struct parent	*parent = p->parent;
	struct msg_mounts	 body;

	memset(&body, 0, sizeof(body));
	body.flags = parent->mounts_ev != NULL ? MOUNTS_WATCHED : 0;
	body.changes = parent->mounts;
	process_send(p, MSG_MOUNTS, &body, NULL, 0, -1);
}

void
process_link(struct process *front, struct process *other)
{
	struct msg_channel	 body;
	int			 pair[2];

	if (msg_pair(pair) == -1)
		fatal("socketpair: %s", strerror(errno));
	memset(&body, 0, sizeof(body));
	body.role = other->role;
	body.index = other->index;
	process_send(front, MSG_CHANNEL, &body, NULL, 0, pair[0]);
	body.role = ROLE_FRONT;
	body.index = 0;
	process_send(other, MSG_CHANNEL, &body, NULL, 0, pair[1]);
	close(pair[0]);
	close(pair[1]);
}

static void
process_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct process	*p = arg;

	(void)fd;
	(void)what;
	if (p->pid == 0) {
		p->ops->start(p);
		return;
	}
	if (p->killed) {
		p->ops->stuck(p);
		return;
	}
	if (p->ops->late != NULL) {
		p->ops->late(p);
		return;
	}
	log_warn("%s %d does not exit, killed", role_name(p->role),
	    (int)p->pid);
	process_kill(p);
}

void
process_set_timer(struct process *p, uint32_t ms)
{
	if (timer_add(&p->timer, ms) == -1)
		fatal("timer_add");
}

/* The time to exit: less when all of the service is to have ended soon. */
static uint32_t
process_exit_ms(const struct process *p)
{
	uint64_t end = p->parent->stop_ms, now = clock_ms();

	if (p->parent->state != PARENT_STOPPING || now + KILL_AFTER_MS < end)
		return KILL_AFTER_MS;
	return now + EXIT_MIN_MS < end ? (uint32_t)(end - now) : EXIT_MIN_MS;
}

void
process_hang_up(struct process *p)
{
	if (p->channel.fd == -1)
		return;
	process_close_channel(p);
	if (p->pid != 0)
		process_set_timer(p, process_exit_ms(p));
}

void
process_retire(struct process *p)
{
	p->retired = true;
	p->ops = p->parent->ops;
	process_hang_up(p);
	if (p->pid == 0)
		process_free(p);
	else if (p->killed)
		process_set_timer(p, KILL_AFTER_MS);
}

void
process_kill(struct process *p)
{
	if (p->pid == 0 || p->killed || p->reaped)
		return;
	p->killed = true;
	(void)kill(p->pid, SIGKILL);
	process_set_timer(p, KILL_AFTER_MS);
}

static uint32_t
process_log_max(const struct process *p)
{
	const struct parent	*parent = p->parent;

	return parent->opt->verbose || parent->conf->log_level == LOG_DEBUG ?
	    DEBUG_LINES_MAX : LOG_LINES_MAX;
}

/* Report suppressed lines at the place in the log where they are missing. */
static void
process_log_suppressed(struct process *p)
{
	char	 line[128];
	int	 len;

	if (p->suppressed == 0)
		return;
	len = snprintf(line, sizeof(line), "%u lines were suppressed, because "
	    "it logged more than %u in a minute", p->suppressed,
	    process_log_max(p));
	p->suppressed = 0;
	log_child_line(role_name(p->role), p->pid, LOG_WARNING, line,
	    (size_t)len);
}

/* May it log another line in this minute? */
static bool
process_may_log(struct process *p)
{
	uint64_t	 now = clock_coarse_ms();

	if (now - p->log_ms >= LOG_LINES_MS) {
		process_log_suppressed(p);
		p->log_ms = now;
		p->log_lines = 0;
	}
	if (p->log_lines < process_log_max(p)) {
		p->log_lines++;
		return true;
	}
	p->suppressed++;
	return false;
}

/* Its last messages have no later second to wait for. */
static void
process_read_rest(struct process *p)
{
	p->channel.work_max = 0;
	(void)channel_receive(&p->channel, &process_channel_ops, p, REST_MAX);
}

void
process_reap(struct process *p)
{
	process_read_rest(p);
	process_log_suppressed(p);
	process_close_channel(p);
	(void)evtimer_del(&p->timer);
	p->pid = 0;
}

void
process_free(struct process *p)
{
	process_close_channel(p);
	(void)evtimer_del(&p->timer);
	TAILQ_REMOVE(&p->parent->processes, p, entry);
	free(p->layers);
	free(p->trouble);
	free(p);
}

static const char *
fault_name(uint32_t fault)
{
	static const char *const names[] = {
		[FAULT_TYPE] = "not to be sent by it",
		[FAULT_LENGTH] = "length",
		[FAULT_FDS] = "descriptors",
		[FAULT_CONTENT] = "content",
		[FAULT_SEAL] = "seal",
	};

	if (fault == 0 || fault >= sizeof(names) / sizeof(names[0]))
		return "fault unknown";
	return names[fault];
}

static enum msg_fault
process_on_ready(struct process *p, const struct msg *msg)
{
	const struct msg_ready	*ready = msg->body;
	char		 layers[1100], line[1200];
	int		 len;

	if (p->ready_ms != 0)
		return FAULT_CONTENT;
	p->ready_ms = clock_ms();
	/* A file server must not be asked for the inode of a root. */
	p->root_dev = (dev_t)ready->root_dev;
	if (p->role == ROLE_WALKER && !mount_table_dev_is_remote(p->root_dev))
		p->root_ino = ready->root_ino;
	(void)log_escape(layers, sizeof(layers), msg->tail, msg->tail_len);
	free(p->layers);
	if ((p->layers = strdup(layers)) == NULL)
		fatal("out of memory");
	len = snprintf(line, sizeof(line), "ready, layers %s", layers);
	log_child_line(role_name(p->role), p->pid, LOG_INFO, line,
	    (size_t)len);

	p->ops->ready(p);
	return FAULT_NONE;
}

/* True if the log shall have this line of a process, or about it. */
static bool
process_line(struct process *p, int priority, const void *line, size_t len)
{
	const struct process_ops	*ops = p->ops;

	if (ops->line == NULL)
		ops = p->parent->ops;
	return ops->line(p, priority, line, len);
}

static enum msg_fault
process_on_log(struct process *p, const struct msg *msg)
{
	const struct msg_log	*body = msg->body;
	int			 priority = MAX(LOG_ERR,
				    LOG_PRI((int)body->priority));

	if (priority <= LOG_ERR)
		p->said_why = true;
	if (process_may_log(p) &&
	    process_line(p, priority, msg->tail, msg->tail_len))
		log_child_line(role_name(p->role), p->pid, priority,
		    msg->tail, msg->tail_len);
	return FAULT_NONE;
}

/* The end of the line that begins here. */
static const uint8_t *
access_line_end(const uint8_t *line, const uint8_t *end)
{
	const uint8_t	*nl = memchr(line, '\n', (size_t)(end - line));

	return nl != NULL ? nl : end;
}

static enum msg_fault
process_on_access(struct process *p, const struct msg *msg)
{
	const uint8_t	*line, *nl, *end = msg->tail + msg->tail_len;
	/* After a reload there may be a few that are not wanted any longer. */
	bool		 wanted = p->parent->conf->access_log ==
			    ACCESS_LOG_YES;
	uint32_t	 n = 0;

	for (line = msg->tail; line < end; line = nl + 1, n++)
		if ((nl = access_line_end(line, end)) - line < ACCESS_LINE_MIN)
			return FAULT_CONTENT;
	channel_charge(&p->channel, n);
	/* A front that has lines to send has a loop that runs. */
	p->silent_s = 0;
	for (line = msg->tail; line < end; line = nl + 1) {
		nl = access_line_end(line, end);
		if (wanted || process_may_log(p))
			log_child_line(role_name(p->role), p->pid, LOG_INFO,
			    line, (size_t)(nl - line));
	}
	return FAULT_NONE;
}

static enum msg_fault
process_on_alive(struct process *p, const struct msg *msg)
{
	(void)msg;
	p->silent_s = 0;
	return FAULT_NONE;
}

/* A process that breaks the rules is not listened to any longer; a new one
   replaces it. */
static void
process_condemn(struct process *p)
{
	p->convicted = true;
	channel_event_stop(&p->event);
	process_kill(p);
}

static void
process_convict(struct parent *parent, struct process *accused,
    const char *by, const struct msg_wrong *wrong)
{
	parent->totals.counts[COUNT_WRONG]++;
	log_error("%s %d sent the %s a wrong %s (%s), killed",
	    role_name(accused->role), (int)accused->pid, by,
	    msg_name(wrong->type), fault_name(wrong->fault));
	process_condemn(accused);
}

static void
process_on_wrong_message(void *owner, const struct msg_wrong *wrong)
{
	struct process	*p = owner;

	process_convict(p->parent, p, role_name(ROLE_PARENT), wrong);
}

/* The front reports a worker that does not answer.  One that has just started
   is the successor of that one, or the report is untrue. */
static enum msg_fault
process_on_silent(struct process *p, struct process *other,
    const struct msg_wrong *wrong)
{
	if (p->role != ROLE_FRONT)
		return FAULT_CONTENT;
	p->parent->totals.counts[COUNT_WRONG]++;
	if (other->ready_ms == 0 || other->killed ||
	    clock_ms() - other->ready_ms < SILENT_MIN_MS)
		return FAULT_NONE;
	log_error("%s %d does not answer the %s's %s, killed",
	    role_name(other->role), (int)other->pid, role_name(p->role),
	    msg_name(wrong->type));
	process_kill(other);
	return FAULT_NONE;
}

/*
 * One of the two is wrong, the accuser or the accused, and the parent cannot
 * tell which: both are replaced.  A role that accuses the same one again
 * within BELIEVED_MS is not believed, so that a child that was broken into
 * cannot end another as often as it likes.
 */
static void
process_on_accusation(struct process *p, struct process *other,
    const struct msg_wrong *wrong)
{
	uint64_t	*believed_ms = &p->parent->believed_ms[p->role][
			    other->role];
	uint64_t	 now = clock_ms();

	if (*believed_ms != 0 && now - *believed_ms < BELIEVED_MS) {
		p->parent->totals.counts[COUNT_WRONG]++;
		log_error("%s %d reports a wrong %s of %s %d (%s), and is not "
		    "believed so soon after the last report, killed",
		    role_name(p->role), (int)p->pid, msg_name(wrong->type),
		    role_name(other->role), (int)other->pid,
		    fault_name(wrong->fault));
	} else {
		*believed_ms = now;
		process_convict(p->parent, other, role_name(p->role), wrong);
		log_warn("%s %d is replaced too, because the fault may be its "
		    "own", role_name(p->role), (int)p->pid);
	}
	process_condemn(p);
}

/* The process at the other end of the channel that a report is about.  The
   reporter has channels to a few processes only. */
static struct process *
process_find_accused(struct process *p, const struct msg_wrong *wrong)
{
	struct process	*other;

	TAILQ_FOREACH(other, &p->parent->processes, entry)
		if (!other->retired && !other->reserve && !p->reserve &&
		    other->role == wrong->role &&
		    other->index == wrong->index &&
		    (p->role == ROLE_FRONT) != (other->role == ROLE_FRONT))
			break;
	return other;
}

static enum msg_fault
process_on_wrong(struct process *p, const struct msg *msg)
{
	const struct msg_wrong	*wrong = msg->body;
	struct process		*other = process_find_accused(p, wrong);

	if (wrong->fault == FAULT_NONE || wrong->fault > FAULT_SILENT)
		return FAULT_CONTENT;
	if (other != NULL && wrong->fault == FAULT_SILENT)
		return process_on_silent(p, other, wrong);
	if (other != NULL) {
		process_on_accusation(p, other, wrong);
		return FAULT_NONE;
	}
	/* The last reload may have retired the accused process.  If the
	   reporter accuses any other one, it breaks the rules itself. */
	if (p->role != ROLE_FRONT || wrong->role >= ROLE_COUNT ||
	    wrong->role == ROLE_PARENT || wrong->role == ROLE_FRONT)
		return FAULT_CONTENT;
	p->parent->totals.counts[COUNT_WRONG]++;
	return FAULT_NONE;
}

/* A filter has stopped a system call, and the process is about to end: only if
   it does end that way, the report counts. */
static enum msg_fault
process_on_syscall(struct process *p, const struct msg *msg)
{
	if (p->stopped)
		return FAULT_CONTENT;
	p->stopped = true;
	memcpy(&p->stopped_at, msg->body, sizeof(p->stopped_at));
	return FAULT_NONE;
}

/*
 * After a rare system call of a library that the filter stops, a restart is
 * enough.  After many within a minute no restart helps.
 */
static void
process_count_stopped(struct process *p)
{
	const struct msg_syscall	*at = &p->stopped_at;
	struct parent			*parent = p->parent;
	uint64_t			*last = parent->syscall_ms;
	uint64_t			 now = clock_ms();
	char				*name, line[128], why[512];
	int				 len;

	name = seccomp_syscall_resolve_num_arch(at->arch, (int)at->nr);
	parent->totals.counts[COUNT_SYSCALLS]++;
	p->said_why = true;
	len = snprintf(line, sizeof(line), "was stopped at system call %u "
	    "(%s)", at->nr, name == NULL ? "unknown" : name);
	if (process_line(p, LOG_ERR, line, (size_t)len))
		log_error("%s %d %s", role_name(p->role), (int)p->pid, line);
	/* The oldest of the last calls shows whether they are too many. */
	if (last[0] != 0 && now - last[0] < SYSCALLS_MS) {
		(void)snprintf(why, sizeof(why), "system call %u (%s) of the "
		    "%s was stopped by its filter, the last of more than %d "
		    "in a minute: this system needs another filter", at->nr,
		    name == NULL ? "unknown" : name, role_name(p->role),
		    SYSCALLS_MAX);
		if (parent->ops->stopped != NULL)
			parent->ops->stopped(p, why);
	}
	memmove(last, last + 1, (SYSCALLS_MAX - 1) * sizeof(*last));
	last[SYSCALLS_MAX - 1] = now;
	free(name);
}

/* Count a system call that a process reported, now that it has ended. */
static void
process_end_stopped(struct process *p, int status)
{
	bool	 killed = p->killed;
	char	 how[64];

	if (!p->stopped)
		return;
	p->stopped = false;
	if ((WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SYSCALL) ||
	    (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)) {
		/* Should it end the service, this pid is no longer ours. */
		p->killed = true;
		process_count_stopped(p);
		p->killed = killed;
		return;
	}
	process_describe_end(how, sizeof(how), status);
	log_error("%s %d reported that system call %u was stopped, but ended "
	    "otherwise: %s", role_name(p->role), (int)p->pid,
	    p->stopped_at.nr, how);
}

static void
process_on_closed(void *process)
{
	process_hang_up(process);
}

static enum msg_fault
process_pass_up(struct process *p, const struct msg *msg)
{
	const struct process_ops	*ops = p->parent->ops;

	return ops->message == NULL ? FAULT_TYPE : ops->message(p, msg);
}

#define PROCESS_HANDLERS(X)					\
	X(READY, process_on_ready)				\
	X(LOG, process_on_log)					\
	X(ACCESS, process_on_access)				\
	X(ALIVE, process_on_alive)				\
	X(WARMED, process_pass_up)				\
	X(CONTROLLED, process_pass_up)				\
	X(TOTALS, process_pass_up)				\
	X(WHITELIST_LOST, process_pass_up)			\
	X(WRONG, process_on_wrong)				\
	X(SYSCALL, process_on_syscall)

CHANNEL_DISPATCH(process_message, struct process, PROCESS_HANDLERS,
    CHILDREN, PARENT);

static bool
process_has_room(void *owner)
{
	const struct process	*p = owner;

	return !p->convicted;
}

static const struct channel_ops process_channel_ops = {
	.message = process_message,
	.has_room = process_has_room,
	.wrong = process_on_wrong_message,
	.closed = process_on_closed,
};

void
process_copy_line(char *out, size_t outlen, const void *line, size_t len)
{
	const char	*from = line;
	size_t		 i;

	for (i = 0; i < len && i < outlen - 1; i++)
		out[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	out[i] = '\0';
}

struct process *
processes_front(struct parent *parent)
{
	struct process	*p;

	TAILQ_FOREACH(p, &parent->processes, entry)
		if (p->role == ROLE_FRONT && p->pid != 0 && !p->retired)
			return p;
	return NULL;
}

uint32_t
processes_count(const struct conf *conf, enum role role)
{
	switch (role) {
	case ROLE_WALKER:
		return (uint32_t)conf->nroots;
	case ROLE_HASHER:
		return conf->hashers;
	default:
		return 1;
	}
}

void
processes_reap(struct parent *parent)
{
	struct process	*p;
	pid_t		 pid;
	int		 status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		TAILQ_FOREACH(p, &parent->processes, entry)
			if (p->pid == pid)
				break;
		if (p == NULL)
			continue;
		/* The number may be another process's from now on. */
		p->reaped = true;
		/* Its last messages may have the reason, or READY. */
		process_read_rest(p);
		process_end_stopped(p, status);
		process_reap(p);
		p->ops->ended(p, pid, status);
	}
}

void
processes_tick(struct parent *parent)
{
	struct process	*p;
	uint64_t	 now = clock_coarse_ms();

	TAILQ_FOREACH(p, &parent->processes, entry)
		if (now - p->log_ms >= LOG_LINES_MS)
			process_log_suppressed(p);
}
