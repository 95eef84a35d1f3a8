#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "common/child.h"
#include "pkgtorrentd/parent/spawn.h"

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

/*
 * Every client of the front is a descriptor there; systems start services
 * with room for 1024 and leave it to them to ask for more.
 */
static void
spawn_raise_limits(void)
{
	struct rlimit	 rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return;
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
}

int
spawn_open_programs(struct programs *p, const char *hasher_path,
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
	spawn_raise_limits();
	return 0;
}

void
spawn_title(char *out, size_t outlen, enum role role, uint32_t index,
    const struct conf *conf)
{
	const char	*prefix = "";

	if (role == ROLE_WALKER && index < conf->nroots)
		prefix = conf->roots[index].prefix;
	if (role == ROLE_HASHER)
		(void)snprintf(out, outlen, "pkgtorrentd: hasher %u",
		    index + 1);
	else
		(void)snprintf(out, outlen, "pkgtorrentd: %s%s%s",
		    role_name(role), prefix[0] != '\0' ? " " : "", prefix);
}

/* Ignored signals and the mask would outlive the exec. */
static void
spawn_reset_signals(void)
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
spawn_place_fds(int program, int channel, int null)
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
spawn_exec(int program, int channel, int null, enum role role,
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

	spawn_reset_signals();
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
	if (spawn_place_fds(program, channel, null) == 0)
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
spawn_start(const struct programs *p, enum role role, const char *title,
    int *channel)
{
	int		 pair[2], program, saved;
	sigset_t	 all, old;
	pid_t		 pid;

	program = role == ROLE_WALKER || role == ROLE_HASHER ?
	    p->hasher : p->own;
	if (msg_pair(pair) == -1)
		return -1;
	/* Until it has reset them, a child would run the parent's handlers,
	   which write to a socket that it shares with the parent. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0)
		spawn_exec(program, pair[1], p->null, role, title);
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
spawn_delay_ms(uint32_t last_ms, uint64_t ready_ms, uint64_t now)
{
	if (ready_ms != 0 && now - ready_ms >= SETTLED_MS)
		return 0;
	if (last_ms == 0)
		return DELAY_FIRST_MS;
	return last_ms > DELAY_MAX_MS / 2 ? DELAY_MAX_MS : last_ms * 2;
}

void
spawn_describe_end(char *out, size_t outlen, int status)
{
	if (WIFSIGNALED(status))
		(void)snprintf(out, outlen, "signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		(void)snprintf(out, outlen, "exit status %d",
		    WEXITSTATUS(status));
}
