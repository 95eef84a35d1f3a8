#include <sys/mman.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/child.h"
#include "common/timer.h"
#include "pkgtorrentd/parent/check.h"
#include "pkgtorrentd/parent/children.h"
#include "pkgtorrentd/parent/conffile.h"
#include "pkgtorrentd/parent/from_children.h"
#include "pkgtorrentd/parent/options.h"
#include "pkgtorrentd/parent/state.h"

/* A process that looks at the system: any of its looks may never end. */
static struct {
	char	*where;			/* it looks now; shared with us */
	int	 fd;			/* for its complaints */
} looker;

#define WHERE_LEN	(PATH_MAX + 64)

static void
looker_hand_over(struct buf *errors)
{
	size_t	 at = 0;
	ssize_t	 n;

	while (at < errors->len) {
		n = write(looker.fd, errors->data + at, errors->len - at);
		if (n > 0)
			at += (size_t)n;
		else if (errno != EINTR)
			_exit(1);
	}
	errors->len = 0;
}

static void
looker_look(const char *keyword, const char *value, struct buf *errors)
{
	char	 quote[PATH_MAX + 1];

	looker_hand_over(errors);
	(void)snprintf(looker.where, WHERE_LEN, "%s \"%s\"", keyword,
	    log_escape(quote, sizeof(quote), value, strlen(value)));
}

static void __attribute__((__noreturn__))
looker_main(const struct parent *parent)
{
	struct buf	 errors = { 0 };
	int		 rv, fd, null = open("/dev/null", O_RDWR);

	/* The reader of our output waits until all of us have closed it, and
	   this process may never end. */
	for (fd = STDIN_FILENO; null != -1 && fd <= STDERR_FILENO; fd++)
		(void)dup2(null, fd);
	rv = conffile_check(parent->conf, NULL, parent->opt->file,
	    parent->privileged, parent->listeners.activated, looker_look,
	    &errors);
	looker_hand_over(&errors);
	_exit(rv == 0 ? 0 : 1);
}

/* All complaints, until it has ended: true, or false when that takes too
   long. */
static bool
looker_read(int fd, struct buf *errors)
{
	struct pollfd	 pfd = { .fd = fd, .events = POLLIN };
	uint64_t	 now, end = clock_ms() + READY_MS;
	char		 bytes[4096];
	ssize_t		 n;

	while ((now = clock_ms()) < end) {
		if (poll(&pfd, 1, (int)(end - now)) <= 0)
			continue;
		n = read(fd, bytes, sizeof(bytes));
		if (n == 0)
			return true;
		if (n > 0 && buf_add(errors, bytes, (size_t)n) == -1)
			fatal("no memory");
	}
	return false;
}

int
check_system(struct parent *parent, struct buf *errors)
{
	size_t	 before = errors->len;
	char	 how[64];
	pid_t	 pid;
	int	 pipes[2], status = -1;

	looker.where = mmap(NULL, WHERE_LEN, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (looker.where == MAP_FAILED || pipe2(pipes, O_CLOEXEC) == -1 ||
	    (pid = fork()) == -1)
		fatal("a process to look at the system: %s", strerror(errno));
	if (pid == 0) {
		close(pipes[0]);
		looker.fd = pipes[1];
		looker_main(parent);
	}
	close(pipes[1]);
	if (looker_read(pipes[0], errors))
		(void)waitpid(pid, &status, 0);
	else {
		(void)buf_addf(errors, "%s: %s does not answer within %d s\n",
		    parent->opt->file, looker.where, READY_MS / 1000);
		/* If SIGKILL does not end it, it is left to the kernel. */
		(void)kill(pid, SIGKILL);
	}
	if (status != 0 && errors->len == before) {
		spawn_describe_end(how, sizeof(how), status);
		(void)buf_addf(errors, "%s: looking at %s has failed: %s\n",
		    parent->opt->file, looker.where, how);
	}
	close(pipes[0]);
	(void)munmap(looker.where, WHERE_LEN);
	return status == 0 ? 0 : -1;
}

/* "walker /prefix", as in its title. */
static const char *
check_name(const struct process *p, char title[SPAWN_TITLE_LEN])
{
	process_title(p, title);
	return title + strlen("pkgtorrentd: ");
}

static void
check_part_with(struct process *p)
{
	struct parent	*parent = p->parent;

	process_free(p);
	if (TAILQ_EMPTY(&parent->processes))
		(void)event_base_loopbreak(parent->base);
}

static void
check_on_ready(struct process *p)
{
	process_hang_up(p);
}

/* The first error is the reason why it ends. */
static bool
check_on_line(struct process *p, int priority, const void *line, size_t len)
{
	char	 title[SPAWN_TITLE_LEN], text[2048 + 1];

	if (priority > LOG_ERR)
		return false;
	from_children_copy_line(text, sizeof(text), line, len);
	(void)buf_addf(p->parent->complaints, "%s: %s\n",
	    check_name(p, title), text);
	return false;
}

static void
check_on_start(struct process *p)
{
	char	 title[SPAWN_TITLE_LEN];

	(void)buf_addf(p->parent->complaints, "%s cannot be started: %s\n",
	    check_name(p, title), strerror(p->start_error));
	check_part_with(p);
}

/* check_on_timeout() is for those. */
static void
check_on_stuck(struct process *p)
{
	(void)p;
}

static void
check_on_end(struct process *p, pid_t pid, int status)
{
	char	 title[SPAWN_TITLE_LEN], how[64];

	(void)pid;
	if (!p->said_why && (p->ready_ms == 0 || status != 0)) {
		spawn_describe_end(how, sizeof(how), status);
		(void)buf_addf(p->parent->complaints, "%s ended%s: %s%s\n",
		    check_name(p, title), p->ready_ms == 0 ?
		    " before it was ready" : "", how, PROCESS_WITHOUT_WORDS);
	}
	check_part_with(p);
}

static const struct process_ops check_ops = {
	.ready = check_on_ready,
	.line = check_on_line,
	.start = check_on_start,
	.stuck = check_on_stuck,
	.ended = check_on_end,
};

static void
check_on_children(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	children_reap(arg);
}

/* A process that does not end when it is killed is left to the kernel. */
static void
check_on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct parent	*parent = arg;
	struct process	*p;
	char		 title[SPAWN_TITLE_LEN];

	(void)fd;
	(void)what;
	while ((p = TAILQ_FIRST(&parent->processes)) != NULL) {
		(void)buf_addf(parent->complaints, "%s was not ready within "
		    "%d s\n", check_name(p, title), READY_MS / 1000);
		process_kill(p);
		process_free(p);
	}
	(void)event_base_loopbreak(parent->base);
}

static void
check_open_loop(struct parent *parent)
{
	(void)signal(SIGPIPE, SIG_IGN);
	if ((parent->base = event_base_new()) == NULL ||
	    (parent->signals[0] = evsignal_new(parent->base, SIGCHLD,
	    check_on_children, parent)) == NULL ||
	    (parent->tick = evtimer_new(parent->base, check_on_timeout,
	    parent)) == NULL || event_add(parent->signals[0], NULL) == -1 ||
	    timer_add(parent->tick, READY_MS) == -1)
		fatal("the event loop cannot be set up");
}

static void
check_start(struct parent *parent, enum role role, uint32_t index)
{
	process_start(process_new(parent, role, index));
}

int
check_run(struct parent *parent, struct buf *errors)
{
	const struct conf	*conf = parent->conf;
	size_t			 before = errors->len;
	struct stat		 st;
	uint32_t		 i;

	parent->ops = &check_ops;
	parent->complaints = errors;
	check_open_loop(parent);
	check_start(parent, ROLE_FRONT, 0);
	for (i = 0; i < conf->nroots; i++)
		check_start(parent, ROLE_WALKER, i);
	check_start(parent, ROLE_HASHER, 0);
	/* One that is not there is made when the service starts. */
	if (stat(conf->cache, &st) == 0)
		check_start(parent, ROLE_CACHE, 0);
	if (event_base_dispatch(parent->base) == -1)
		fatal("event_base_dispatch");
	return errors->len == before ? 0 : -1;
}
