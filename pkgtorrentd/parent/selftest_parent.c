/* SPDX-License-Identifier: ISC */
/*
 * The system calls of the parent and of starting children, tried before the
 * first start: later the error of a call that a filter stops would look like a
 * missing capability, a wrong owner or a broken program.  sandbox.c tries
 * chroot, Landlock and seccomp, which sandbox best-effort can do without.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/futex.h>

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/msg.h"
#include "common/sandbox/selftest.h"
#include "pkgtorrentd/parent/selftest_parent.h"

/*
 * Names for selftest_probe().  Of names between slashes libc uses the first
 * that the architecture has.
 */
static const char *const for_all[] = {
	/* Users. */
	"getpid", "geteuid32/geteuid", "getegid32/getegid",
	/* Files: the configuration, programs, directories to check. */
	"openat", "read", "write", "close", "access/faccessat",
	"faccessat2", "newfstatat/fstatat64", "statx",
	"_llseek/lseek", "chdir",
	/* Keys; libbsd kills a process that gets no random bytes. */
	"getrandom",
	/* The loop, and channels to children. */
	"epoll_ctl", "epoll_wait/epoll_pwait", "poll/ppoll", "rt_sigaction",
	"rt_sigprocmask", "socketpair", "sendmsg", "recvmsg",
	"fcntl64/fcntl",
	/* Listening sockets, whether they still listen. */
	"getsockopt", "getsockname",
	/* Starting children. */
	"dup2/dup3", "dup3", "close_range", "execveat", "prctl",
	"prlimit64", "capget", "capset",
	NULL
};

/* Started by root: other users, and a temporary directory. */
static const char *const for_root[] = {
	"setresuid32/setresuid", "setresgid32/setresgid", "mkdir/mkdirat",
	"rmdir/unlinkat", "fchdir", NULL
};

/* Without -d: going into the background, the log. */
static const char *const for_daemon[] = {
	"pipe2", "socket", "connect", "sendto", NULL
};

static void
complain(const char *call, int error, struct buf *errors)
{
	char	cause[SELFTEST_CAUSE_LEN];

	(void)buf_addf(errors, "%s: %s: %s: %s\n", role_name(ROLE_PARENT),
	    call, strerror(error), selftest_explain(cause, call, error));
}

static int
probe_all(const char *const *calls, struct buf *errors)
{
	char	name[32];
	size_t	n;
	int	error, bad = 0;

	for (; *calls != NULL; calls++) {
		const char	*at = *calls;

		do {
			n = strcspn(at, "/");
			(void)snprintf(name, sizeof(name), "%.*s", (int)n,
			    at);
			at += n + (at[n] == '/');
		} while (seccomp_syscall_resolve_name(name) < 0 &&
		    *at != '\0');
		if ((error = selftest_probe(name)) == 0)
			continue;
		complain(name, error, errors);
		bad = -1;
	}
	return bad;
}

/* These steps need a process that may end. */
enum step { STEP_BORN, STEP_RETURNED, STEP_SESSION, STEP_DONE };

struct victim {
	volatile int	step;		/* the last successful one */
	volatile int	error;		/* of the one after it */
};

static void
on_signal(int sig)
{
	(void)sig;
}

static void __attribute__((__noreturn__))
victim_main(struct victim *v)
{
	struct sigaction	 sa = { .sa_handler = on_signal };
	sigset_t		 none;

	(void)sigemptyset(&none);
	(void)sigaction(SIGUSR1, &sa, NULL);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	/* Without rt_sigreturn(2) the process ends here. */
	(void)kill(getpid(), SIGUSR1);
	v->step = STEP_RETURNED;
	if (setsid() == -1) {
		v->error = errno;
		_exit(1);
	}
	v->step = STEP_SESSION;
	(void)syscall(SYS_exit_group, 0);
	v->error = errno;
	_exit(1);
}

static int
victim_judge(const struct victim *v, int status, struct buf *errors)
{
	char	cause[SELFTEST_CAUSE_LEN];
	/* A filter may end the process instead of failing its call. */
	int	error = v->error != 0 ? v->error : EPERM;

	if (v->step == STEP_SESSION && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0)
		return 0;
	if (v->step == STEP_SESSION)
		complain("exit_group", error, errors);
	else if (v->step == STEP_RETURNED)
		complain("setsid", error, errors);
	else
		(void)buf_addf(errors, "%s: rt_sigreturn: a signal's "
		    "handler cannot return: %s\n",
		    role_name(ROLE_PARENT),
		    selftest_explain(cause, "rt_sigreturn", EPERM));
	return -1;
}

static int
try_child(struct buf *errors)
{
	struct victim	*v;
	const char	*call = NULL;
	int		 status = 0, error = 0, rv;
	pid_t		 pid;

	v = mmap(NULL, sizeof(*v), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (v == MAP_FAILED) {
		complain("mmap", errno, errors);
		return -1;
	}
	memset(v, 0, sizeof(*v));
	if ((pid = fork()) == 0)
		victim_main(v);
	/* Signal 0 tries the call and sends nothing. */
	if (pid == -1)
		call = "clone";
	else if (kill(pid, 0) == -1)
		call = "kill";
	else if (waitpid(pid, &status, 0) == -1)
		call = "wait4";
	error = errno;
	if (call != NULL && !selftest_is_refusal(error)) {
		(void)buf_addf(errors, "no process can be started: %s\n",
		    strerror(error));
		rv = -1;
	} else if (call != NULL) {
		complain(call, error, errors);
		rv = -1;
	} else
		rv = victim_judge(v, status, errors);
	(void)munmap(v, sizeof(*v));
	return rv;
}

int
selftest_parent(bool privileged, bool foreground, struct buf *errors)
{
	uint32_t	word = 0;
	int		bad, error;

	selftest_init();
	bad = probe_all(for_all, errors);
	if (privileged) {
		bad |= probe_all(for_root, errors);
		/* Without its capability it fails with EPERM, too. */
		error = selftest_probe("setgroups");
		if (error != 0 && error != EPERM) {
			complain("setgroups", error, errors);
			bad = -1;
		}
	}
	if (!foreground)
		bad |= probe_all(for_daemon, errors);
	/* libc aborts if its locks fail. */
	if (syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1) == -1) {
		complain("futex", errno, errors);
		bad = -1;
	}
	/* Set the mask that is set already. */
	if (syscall(SYS_umask, 022) == -1) {
		complain("umask", errno, errors);
		bad = -1;
	}
	return bad == 0 ? try_child(errors) : -1;
}
