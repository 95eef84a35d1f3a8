/* SPDX-License-Identifier: ISC */
/*
 * Runs as root (or as the user that started it) with the few capabilities that
 * its children need; may bind, fork and signal; is sent short messages by its
 * children, which are checked against the message table; holds the listening
 * sockets, the configuration, the secret of all keys and a channel to every
 * child; accepts a few connections of pkgtorrentctl, from root and its own user
 * alone, each for one command of a fixed form.  It reads no client's connection
 * and no mirror file.  A break-in here would win everything; therefore bytes of
 * a client come here only in escaped lines for the log.
 */
#include <sys/epoll.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/child.h"
#include "common/sandbox/sandbox.h"
#include "common/sandbox/selftest.h"
#include "common/timer.h"
#include "pkgtorrentd/parent/files.h"
#include "pkgtorrentd/parent/keys.h"
#include "pkgtorrentd/parent/parent.h"
#include "pkgtorrentd/parent/reload.h"
#include "pkgtorrentd/parent/root_watch.h"
#include "pkgtorrentd/parent/selftest_parent.h"
#include "pkgtorrentd/parent/state.h"

/* A turn of the front's loop may read from a slow disk for many clients. */
#define SILENT_MAX_S	60
#define TRACKERS_S	60		/* between two looks at their file */
#define LOG_TURNS_MAX	64		/* in a second, to write kept lines */
#define STOP_MS		5500		/* the front's five seconds, and the
					   rest of its loop's turn */

static const int	parent_signal_numbers[PARENT_SIGNALS] = {
	SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1
};

static void
parent_start_role(struct parent *parent, enum role role)
{
	uint32_t	 i, n = processes_count(parent->conf, role);

	/* Without a front: its start starts them. */
	if (processes_front(parent) == NULL)
		return;
	for (i = 0; i < n; i++)
		process_start(process_new(parent, role, i));
}

/*
 * The other processes hold requests of the front.  A new front gets new ones,
 * so that it receives no answer to its predecessor; and these get new keys, so
 * that no seal or key is good that a front was able to give away, whatever
 * ended it.
 */
static void
parent_start_front(struct parent *parent, struct process *front)
{
	keys_renew(parent);
	totals_forget(parent);
	process_start(front);
	files_send_front(parent, front);
	whitelist_socket_start(parent);
	parent_start_role(parent, ROLE_WALKER);
	parent_start_role(parent, ROLE_HASHER);
	parent_start_role(parent, ROLE_CACHE);
	parent_start_role(parent, ROLE_TRACKER);
}

static void
parent_retire_role(struct parent *parent, enum role role)
{
	struct process	*p, *next;

	TAILQ_FOREACH_SAFE(p, &parent->processes, entry, next)
		if (p->role == role && !p->retired)
			process_retire(p);
}

static void
parent_retire_all(struct parent *parent)
{
	int	 role;

	for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
		parent_retire_role(parent, role);
	if (TAILQ_EMPTY(&parent->processes))
		(void)event_base_loopbreak(parent->base);
}

static void
parent_kill_all(struct parent *parent)
{
	struct process	*p;

	TAILQ_FOREACH(p, &parent->processes, entry)
		process_kill(p);
}

static void
parent_say_why(struct parent *parent, const char *name, const void *why,
    size_t len)
{
	char	 text[2048];

	if (parent->ready_fd == -1 || parent->said_why)
		return;
	parent->said_why = true;
	process_copy_line(text, sizeof(text), why, len);
	(void)dprintf(parent->ready_fd, "%s: %s\n", name, text);
}

/* Accept no connection any more, and let the front finish its answers. */
static void
parent_stop(struct parent *parent)
{
	struct process	*front = processes_front(parent);

	if (parent->state == PARENT_STOPPING) {
		/* A second signal kills all children at once. */
		parent_kill_all(parent);
		return;
	}
	parent->state = PARENT_STOPPING;
	parent->stop_ms = clock_ms() + STOP_MS;
	(void)reload_drop(parent);
	control_close(parent);
	notify_send(&parent->notify, "STOPPING=1\nSTATUS=stopping\n");
	listen_close(&parent->listeners, NULL);
	listen_close(&parent->metrics, NULL);
	if (front == NULL) {
		parent_retire_all(parent);
		return;
	}
	process_send(front, MSG_STOP, NULL, NULL, 0, -1);
	process_set_timer(front, STOP_MS);
}

static void	parent_fail(struct parent *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));

static void
parent_fail(struct parent *parent, const char *fmt, ...)
{
	char	 why[1024];
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	log_error("%s", why);
	parent_say_why(parent, role_name(ROLE_PARENT), why, strlen(why));
	notify_send(&parent->notify, "STATUS=failed: %s\n", why);
	parent->exit_status = 1;
	if (parent->state != PARENT_STOPPING)
		parent_stop(parent);
	parent_retire_all(parent);
	parent_kill_all(parent);
}

/*
 * An honest front ends when it finds a listening socket dead, so one that still
 * runs is ended.  False: the service ends, and processes may have been freed.
 */
static bool
parent_revive_listeners(struct parent *parent)
{
	struct process	*front = processes_front(parent);
	struct buf	 errors = { 0 };
	gid_t		 gid = files_socket_group(parent, parent->conf);
	int		 n, m = 0;

	n = listen_revive(&parent->listeners, gid, &errors);
	if (n != -1)
		m = listen_revive(&parent->metrics, gid, &errors);
	if (m == -1)
		n = -1;
	if (n + m > 0 && front != NULL)
		process_kill(front);
	if (n == -1)
		parent_fail(parent, "%.*s", (int)errors.len - 1,
		    (const char *)errors.data);
	buf_free(&errors);
	return n != -1;
}

static void
parent_log_ready(struct parent *parent)
{
	log_info("ready: %zu listening, %zu %s, %u %s, layers %s",
	    parent->listeners.n, parent->conf->nroots,
	    parent->conf->nroots == 1 ? "walker" : "walkers",
	    parent->conf->hashers,
	    parent->conf->hashers == 1 ? "hasher" : "hashers",
	    parent->layers);
}

static void
parent_check_ready(struct parent *parent)
{
	struct process	*p;
	const char	*reason;

	if (parent->state != PARENT_STARTING)
		return;
	TAILQ_FOREACH(p, &parent->processes, entry)
		if (!p->retired && p->ready_ms == 0)
			return;

	if (files_write_pid(parent, &reason) == -1) {
		parent_fail(parent, "pid-file %s: %s%s",
		    parent->conf->pid_file, reason, selftest_hint(errno));
		return;
	}
	notify_ready(&parent->notify, parent->conf, false);
	parent->state = PARENT_SERVING;
	parent_log_ready(parent);
	if (parent->ready_fd != -1) {
		(void)!write(parent->ready_fd, "", 1);
		close(parent->ready_fd);
		parent->ready_fd = -1;
	}
}

static void
parent_on_timer(struct process *p)
{
	char	 title[PROCESS_TITLE_LEN];

	if (p->parent->state == PARENT_STARTING) {
		process_title(p, title);
		parent_fail(p->parent, "%s cannot be started: %s", title,
		    strerror(p->start_error));
	} else if (p->role == ROLE_FRONT)
		parent_start_front(p->parent, p);
	else
		process_start(p);
}

/* Start the successor of a process that has ended. */
static void
parent_replace(struct parent *parent, struct process *p)
{
	p->delay_ms = process_delay_ms(p->delay_ms, p->ready_ms, clock_ms());
	p->ready_ms = 0;
	p->restarts++;
	totals_count_restart(parent, p->role);
	if (p->role == ROLE_FRONT) {
		/* A reload starts processes beside those at work, which end
		   with the front. */
		if (reload_drop(parent))
			parent->reload_again = true;
		parent_retire_role(parent, ROLE_WALKER);
		parent_retire_role(parent, ROLE_HASHER);
		parent_retire_role(parent, ROLE_CACHE);
		parent_retire_role(parent, ROLE_TRACKER);
		if (!parent_revive_listeners(parent))
			return;
	}
	if (p->delay_ms == 0)
		parent_on_timer(p);
	else
		process_set_timer(p, p->delay_ms);
}

static void
parent_part_with(struct process *p)
{
	struct parent	*parent = p->parent;

	process_free(p);
	if (parent->state == PARENT_STOPPING && processes_front(parent) == NULL)
		parent_retire_all(parent);
}

static void
parent_on_stuck(struct process *p)
{
	bool		 parting;

	parting = p->retired || p->parent->state == PARENT_STOPPING;
	/* Another process would be stuck in the same directory. */
	if (!parting && (p->role == ROLE_WALKER || p->role == ROLE_CACHE))
		return;
	log_error("%s %d did not exit %d s after SIGKILL (stuck in the "
	    "kernel, perhaps on a dead NFS mount); %s", role_name(p->role),
	    (int)p->pid, KILL_AFTER_MS / 1000,
	    parting ? "leaving it behind" : "starting a replacement");
	process_reap(p);
	if (parting)
		parent_part_with(p);
	else
		parent_replace(p->parent, p);
}

static void
parent_on_end(struct process *p, pid_t pid, int status)
{
	struct parent	*parent = p->parent;
	char		 how[64];
	bool		 expected;

	expected = p->retired || parent->state == PARENT_STOPPING;
	process_describe_end(how, sizeof(how), status);
	if (!expected && parent->state == PARENT_STARTING &&
	    p->ready_ms == 0) {
		parent_fail(parent, "%s %d ended before it was ready: %s%s",
		    role_name(p->role), pid, how, p->said_why ? "" :
		    PROCESS_WITHOUT_WORDS);
		return;
	}

	if (p->killed || (expected && status == 0))
		log_debug("%s %d ended: %s", role_name(p->role), pid, how);
	else
		log_warn("%s %d ended: %s", role_name(p->role), pid, how);
	if (expected)
		parent_part_with(p);
	else
		parent_replace(parent, p);
}

/* Link the front and another process when both are ready. */
static void
parent_on_ready(struct process *p)
{
	struct parent	*parent = p->parent;
	struct process	*other, *front = processes_front(parent);

	if (p->retired)
		return;
	TAILQ_FOREACH(other, &parent->processes, entry) {
		if (other->retired || other->reserve ||
		    other->ready_ms == 0 || other == front)
			continue;
		if (front != NULL && front->ready_ms != 0 &&
		    (p == front || p == other))
			process_link(front, other);
	}
	parent_check_ready(parent);
	if (parent->reload_again && parent->reload == NULL &&
	    parent->state == PARENT_SERVING && front != NULL &&
	    front->ready_ms != 0)
		reload_run(parent);
}

static bool
parent_on_line(struct process *p, int priority, const void *line, size_t len)
{
	if (priority <= LOG_ERR)
		parent_say_why(p->parent, role_name(p->role), line, len);
	return true;
}

static void
parent_on_stopped(struct process *p, const char *why)
{
	parent_fail(p->parent, "%s", why);
}

static enum msg_fault
parent_on_message(struct process *p, const struct msg *msg)
{
	switch (msg->type) {
	case MSG_WARMED:
		return control_on_warmed(p, msg);
	case MSG_CONTROLLED:
		return control_on_controlled(p, msg);
	case MSG_TOTALS:
		return totals_on_totals(p, msg);
	default:
		return whitelist_socket_on_lost(p, msg);
	}
}

static const struct process_ops parent_ops = {
	.ready = parent_on_ready,
	.line = parent_on_line,
	.start = parent_on_timer,
	.stuck = parent_on_stuck,
	.ended = parent_on_end,
	.stopped = parent_on_stopped,
	.message = parent_on_message,
	.closed = control_on_lost,
};

static void
parent_send_mounts(struct parent *parent, enum role role)
{
	struct process	*p;

	TAILQ_FOREACH(p, &parent->processes, entry)
		if (p->role == role)
			process_send_mounts(p);
}

/*
 * When the mount table changes, the next poll of /proc/self/mountinfo finds
 * EPOLLPRI, and only that one (proc(5)).  libevent knows no such event: it
 * watches an epoll instance that waits for it.
 */
static void
parent_on_mounts(evutil_socket_t fd, short what, void *arg)
{
	struct parent		*parent = arg;
	struct epoll_event	 ev;

	(void)what;
	/* Poll before the messages, so that a further change is reported
	   again.  The result does not matter: libevent polled already. */
	(void)epoll_wait(fd, &ev, 1, 0);
	parent->mounts++;
	/* Walkers first: the front asks them at once. */
	parent_send_mounts(parent, ROLE_WALKER);
	parent_send_mounts(parent, ROLE_FRONT);
	if (parent->state == PARENT_SERVING)
		root_watch_check(parent, false);
}

static void
parent_unwatch_mounts(struct parent *parent)
{
	if (parent->mounts_ev != NULL) {
		close(event_get_fd(parent->mounts_ev));
		event_free(parent->mounts_ev);
	}
	parent->mounts_ev = NULL;
	if (parent->mounts_fd != -1)
		close(parent->mounts_fd);
	parent->mounts_fd = -1;
}

static void
parent_watch_mounts(struct parent *parent)
{
	struct epoll_event	 ev = { .events = EPOLLPRI };
	int			 fd = -1;

	parent->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (parent->mounts_fd == -1 ||
	    (fd = epoll_create1(EPOLL_CLOEXEC)) == -1 ||
	    epoll_ctl(fd, EPOLL_CTL_ADD, parent->mounts_fd, &ev) == -1) {
		log_warn("/proc/self/mountinfo cannot be watched: %s; torrents "
		    "of files on images, overlays and the like are not "
		    "remembered; mount /proc", strerror(errno));
		if (fd != -1)
			close(fd);
		parent_unwatch_mounts(parent);
		return;
	}
	parent->mounts_ev = event_new(parent->base, fd, EV_READ | EV_PERSIST,
	    parent_on_mounts, parent);
	if (parent->mounts_ev == NULL ||
	    event_add(parent->mounts_ev, NULL) == -1)
		fatal("event_new");
}

static void
parent_log_process(struct process *p)
{
	char	 title[PROCESS_TITLE_LEN];

	process_title(p, title);
	if (p->ready_ms == 0 || p->killed)
		log_info("status: %s, pid %d: %s", title, (int)p->pid,
		    p->pid == 0 ? "to be started again" :
		    p->killed ? "cannot be killed" :
		    p->retired ? "ending" : p->reserve ?
		    "starting, to take over" : "starting");
	else
		log_info("status: %s, pid %d: up %" PRIu64
		    " s, restarted %u times, %" PRIu64 " messages sent to it, "
		    "%" PRIu64 " received from it, layers %s", title,
		    (int)p->pid, (clock_ms() - p->ready_ms) / 1000, p->restarts,
		    p->channel.sent, p->channel.received, p->layers);
	process_send(p, MSG_STATUS, NULL, NULL, 0, -1);
}

static void
parent_log_status(struct parent *parent)
{
	struct process	*p;

	log_info("status: up %" PRIu64 " s, %" PRIu64
	    " children restarted, %" PRIu64 " wrong messages between "
	    "processes, %" PRIu64 " system calls stopped by seccomp, %zu "
	    "sockets listening, layers %s",
	    (clock_ms() - parent->started_ms) / 1000, totals_restarts(parent),
	    parent->totals.counts[COUNT_WRONG],
	    parent->totals.counts[COUNT_SYSCALLS], parent->listeners.n,
	    parent->layers);
	TAILQ_FOREACH(p, &parent->processes, entry)
		parent_log_process(p);
}

static void
parent_reload(struct parent *parent)
{
	if (parent->state != PARENT_STOPPING &&
	    parent_revive_listeners(parent))
		reload_run(parent);
}

static void
parent_on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct parent	*parent = arg;

	(void)what;
	switch (sig) {
	case SIGCHLD:
		processes_reap(parent);
		break;
	case SIGHUP:
		parent_reload(parent);
		break;
	case SIGUSR1:
		parent_log_status(parent);
		break;
	default:
		log_info("stopping: %s", strsignal(sig));
		parent_stop(parent);
		break;
	}
}

/* The log has this line. */
static void
parent_on_log_line(void *arg, int priority, const char *line, size_t len)
{
	struct parent	*parent = arg;

	if (priority > LOG_WARNING)
		return;
	control_on_line(parent, line, len);
	status_keep_line(parent, priority, line, len);
}

static void	parent_flush_log(struct parent *);

static void
parent_on_log_room(evutil_socket_t fd, short what, void *arg)
{
	struct parent	*parent = arg;

	(void)fd;
	(void)what;
	parent->log_waits = false;
	parent_flush_log(parent);
}

/* Write queued lines when the reader reads again.  The number of turns is
   bounded because a pipe without a reader is always ready. */
static void
parent_flush_log(struct parent *parent)
{
	int	 fd = log_flush();

	if (fd == -1 || parent->log_waits ||
	    ++parent->log_turns > LOG_TURNS_MAX)
		return;
	parent->log_waits = event_base_once(parent->base, fd, EV_WRITE,
	    parent_on_log_room, parent, NULL) == 0;
}

/*
 * The front watches all other processes, and the parent watches the front.
 * Only seconds in which the parent itself runs are counted.
 */
static void
parent_watch(struct process *p)
{
	if (p->ready_ms == 0 || p->killed || ++p->silent_s <= SILENT_MAX_S)
		return;
	log_error("%s %d has not been at work for %d s, killed",
	    role_name(p->role), (int)p->pid, SILENT_MAX_S);
	process_kill(p);
}

static void
parent_on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct parent	*parent = arg;
	struct process	*front = processes_front(parent);

	(void)fd;
	(void)what;
	parent->log_turns = 0;
	control_tick(parent);
	processes_tick(parent);
	parent_flush_log(parent);
	totals_tick(parent);
	if (parent->state != PARENT_SERVING)
		return;
	if (front != NULL)
		parent_watch(front);
	root_watch_check(parent, false);
	if (++parent->ticks % TRACKERS_S == 0)
		files_read_trackers(parent, false);
}

static void
parent_free(struct parent *parent)
{
	int	 i;

	for (i = 0; i < PARENT_SIGNALS; i++)
		if (parent->signals[i] != NULL)
			event_free(parent->signals[i]);
	if (parent->tick != NULL)
		event_free(parent->tick);
	parent_unwatch_mounts(parent);
	whitelist_socket_free(parent);
	log_watch(NULL, NULL);
	control_free(parent);
	if (parent->base != NULL)
		event_base_free(parent->base);
	if (parent->access_fd >= 0)
		close(parent->access_fd);
	if (parent->log_fd >= 0)
		close(parent->log_fd);
	listen_close(&parent->listeners, NULL);
	listen_close(&parent->metrics, NULL);
	buf_free(&parent->trackers);
	buf_free(&parent->conf_text);
	conf_free(parent->conf);
	freezero(parent, sizeof(*parent));
}

/* Try all steps, so that one run reports all complaints. */
static int
parent_acquire(struct parent *parent, struct buf *errors)
{
	struct conf	*conf = parent->conf;
	int		 bad = 0;

	if (files_check_conf(parent, conf, NULL, errors) == -1)
		return -1;
	if (process_open_programs(&parent->programs, parent->opt->hasher,
	    errors) == -1)
		bad = -1;
	if (parent->opt->check)
		return bad;
	if (!parent->listeners.activated &&
	    listen_open(&parent->listeners, conf, NULL,
	    files_socket_group(parent, conf), errors) == -1)
		bad = -1;
	if (listen_open_metrics(&parent->metrics, conf, NULL,
	    files_socket_group(parent, conf), errors) == -1)
		bad = -1;
	if (control_open(parent, conf, &parent->control.listeners, NULL,
	    errors) == -1)
		bad = -1;
	parent->access_fd = files_open_access_log(conf, errors);
	parent->log_fd = files_open_log(parent, conf, errors);
	if (parent->access_fd == -2 || parent->log_fd == -2)
		bad = -1;
	if (files_make_cache(parent, conf, NULL, errors) == -1)
		bad = -1;
	if (files_read_tracker_key(conf, parent->tracker_key, errors) == -1)
		bad = -1;
	return bad;
}

struct parent *
parent_new(const struct options *opt, struct conf *conf, struct buf *errors)
{
	struct parent	*parent;
	int		 taken = 0;

	if ((parent = calloc(1, sizeof(*parent))) == NULL ||
	    conf_print(conf, &parent->conf_text) == -1)
		fatal("out of memory");
	parent->opt = opt;
	parent->conf = conf;
	parent->privileged = geteuid() == 0;
	parent->ready_fd = -1;
	parent->access_fd = parent->log_fd = -1;
	parent->mounts_fd = -1;
	TAILQ_INIT(&parent->processes);
	parent->ops = &parent_ops;
	selftest_set_systemd(getenv("INVOCATION_ID") != NULL ||
	    getenv("NOTIFY_SOCKET") != NULL);
	if (!opt->check)
		taken = listen_take(&parent->listeners, errors);
	/* The process that started us may wait for the end of a pipe. */
	(void)close_range(LISTEN_FIRST_FD + (unsigned)parent->listeners.n,
	    ~0U, 0);
	notify_open(&parent->notify, opt->check ? NULL :
	    getenv("NOTIFY_SOCKET"));
	(void)unsetenv("NOTIFY_SOCKET");
	if (taken == -1 || selftest_parent(parent->privileged,
	    opt->foreground || opt->check, errors) == -1 ||
	    parent_acquire(parent, errors) == -1) {
		parent_free(parent);
		return NULL;
	}
	keys_renew(parent);
	sandbox_enter_parent(parent->layers, sizeof(parent->layers));
	/* Without the capabilities of root for files, as it will be later. */
	if (files_check_pid(conf, errors) == -1) {
		parent_free(parent);
		return NULL;
	}
	return parent;
}

static void
parent_open_loop(struct parent *parent)
{
	sigset_t	 none;
	int		 i;

	/* The process that started us may have blocked our signals. */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if ((parent->base = event_base_new()) == NULL)
		fatal("event_base_new");
	for (i = 0; i < PARENT_SIGNALS; i++) {
		parent->signals[i] = evsignal_new(parent->base,
		    parent_signal_numbers[i], parent_on_signal, parent);
		if (parent->signals[i] == NULL ||
		    event_add(parent->signals[i], NULL) == -1)
			fatal("evsignal_new");
	}
	parent->tick = event_new(parent->base, -1, EV_PERSIST,
	    parent_on_tick, parent);
	if (parent->tick == NULL || timer_add(parent->tick, 1000) == -1)
		fatal("event_new");
	parent_watch_mounts(parent);
	parent->control.reload = parent_reload;
	control_use(parent, &parent->control.listeners);
	log_watch(parent_on_log_line, parent);
}

int
parent_run(struct parent *parent, int ready_fd)
{
	int	 exit_status;

	parent->state = PARENT_STARTING;
	parent->ready_fd = ready_fd;
	parent->started_ms = clock_ms();
	if (parent->log_fd != -1)
		log_open_file(parent->log_fd);
	parent->log_fd = -1;
	totals_start(parent);
	if (!parent->privileged)
		log_info("started by an ordinary user: without chroot and "
		    "change of user");
	parent_open_loop(parent);
	files_read_trackers(parent, true);
	parent_start_front(parent, process_new(parent, ROLE_FRONT, 0));
	if (event_base_dispatch(parent->base) == -1)
		fatal("event_base_dispatch");
	if (parent->pid_st.st_ino != 0)
		(void)files_unlink(parent->conf->pid_file, &parent->pid_st);
	log_info("stopped");
	log_drain();
	exit_status = parent->exit_status;
	parent_free(parent);
	return exit_status;
}

/* "walker /prefix", as in its title. */
static const char *
parent_check_name(const struct process *p, char title[PROCESS_TITLE_LEN])
{
	process_title(p, title);
	return title + strlen("pkgtorrentd: ");
}

static void
parent_check_part_with(struct process *p)
{
	struct parent	*parent = p->parent;

	process_free(p);
	if (TAILQ_EMPTY(&parent->processes))
		(void)event_base_loopbreak(parent->base);
}

static void
parent_check_on_ready(struct process *p)
{
	process_hang_up(p);
}

/* Its errors are the complaints of -n. */
static bool
parent_check_on_line(struct process *p, int priority, const void *line,
    size_t len)
{
	char	 title[PROCESS_TITLE_LEN], text[2048 + 1];

	if (priority > LOG_ERR)
		return false;
	process_copy_line(text, sizeof(text), line, len);
	(void)buf_addf(p->parent->complaints, "%s: %s\n",
	    parent_check_name(p, title), text);
	return false;
}

static void
parent_check_on_start(struct process *p)
{
	char	 title[PROCESS_TITLE_LEN];

	(void)buf_addf(p->parent->complaints, "%s cannot be started: %s\n",
	    parent_check_name(p, title), strerror(p->start_error));
	parent_check_part_with(p);
}

/* parent_check_on_timeout() is for those. */
static void
parent_check_on_stuck(struct process *p)
{
	(void)p;
}

static void
parent_check_on_end(struct process *p, pid_t pid, int status)
{
	char	 title[PROCESS_TITLE_LEN], how[64];

	(void)pid;
	if (!p->said_why && (p->ready_ms == 0 || status != 0)) {
		process_describe_end(how, sizeof(how), status);
		(void)buf_addf(p->parent->complaints, "%s ended%s: %s%s\n",
		    parent_check_name(p, title), p->ready_ms == 0 ?
		    " before it was ready" : "", how, PROCESS_WITHOUT_WORDS);
	}
	parent_check_part_with(p);
}

static const struct process_ops parent_check_ops = {
	.ready = parent_check_on_ready,
	.line = parent_check_on_line,
	.start = parent_check_on_start,
	.stuck = parent_check_on_stuck,
	.ended = parent_check_on_end,
};

static void
parent_check_on_children(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	processes_reap(arg);
}

/* Kill all processes, and leave those that do not end to the kernel. */
static void
parent_check_on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct parent	*parent = arg;
	struct process	*p;
	char		 title[PROCESS_TITLE_LEN];

	(void)fd;
	(void)what;
	while ((p = TAILQ_FIRST(&parent->processes)) != NULL) {
		(void)buf_addf(parent->complaints, "%s was not ready within "
		    "%d s\n", parent_check_name(p, title), READY_MS / 1000);
		process_kill(p);
		process_free(p);
	}
	(void)event_base_loopbreak(parent->base);
}

static void
parent_check_open_loop(struct parent *parent)
{
	(void)signal(SIGPIPE, SIG_IGN);
	if ((parent->base = event_base_new()) == NULL ||
	    (parent->signals[0] = evsignal_new(parent->base, SIGCHLD,
	    parent_check_on_children, parent)) == NULL ||
	    (parent->tick = evtimer_new(parent->base, parent_check_on_timeout,
	    parent)) == NULL || event_add(parent->signals[0], NULL) == -1 ||
	    timer_add(parent->tick, READY_MS) == -1)
		fatal("the event loop cannot be set up");
}

static void
parent_check_start(struct parent *parent, enum role role, uint32_t index)
{
	process_start(process_new(parent, role, index));
}

int
parent_check(struct parent *parent, struct buf *errors)
{
	const struct conf	*conf = parent->conf;
	size_t			 before = errors->len;
	struct stat		 st;
	uint32_t		 i;
	int			 rv;

	parent->ops = &parent_check_ops;
	parent->complaints = errors;
	parent_check_open_loop(parent);
	parent_check_start(parent, ROLE_FRONT, 0);
	for (i = 0; i < conf->nroots; i++)
		parent_check_start(parent, ROLE_WALKER, i);
	parent_check_start(parent, ROLE_HASHER, 0);
	/* The service makes a missing directory when it starts. */
	if (stat(conf->cache, &st) == 0)
		parent_check_start(parent, ROLE_CACHE, 0);
	parent_check_start(parent, ROLE_TRACKER, 0);
	if (event_base_dispatch(parent->base) == -1)
		fatal("event_base_dispatch");
	rv = errors->len == before ? 0 : -1;
	parent_free(parent);
	return rv;
}
