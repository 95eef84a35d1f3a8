/* SPDX-License-Identifier: ISC */
/*
 * The system calls that a process may make.  One table for all roles shows them
 * side by side; each row names the reason.  Names that an architecture lacks
 * are skipped: aarch64 has only the newer forms, and 32-bit ones have others
 * for large files (fcntl64, mmap2, ...) and for times past 2038 (..._time64).
 * A call that is not in the table ends the process, after it has sent the
 * call's number to the parent.
 */
/* This comes first: on other platforms the system headers may fail. */
#include "common/platform.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <linux/sockios.h>

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "common/sandbox/sandbox.h"

#define ALL	CHILDREN

/* The exit status that a shell shows for this signal. */

/* A condition on an argument; only the bits of mask are compared.  mask 0: no
   condition.  Memory behind a pointer, as in openat2, cannot be checked. */
struct condition {
	unsigned	arg;
	uint32_t	mask;
	uint32_t	value;
};

#define ANY			{ 0, 0, 0 }
/* libc may leave any value in the upper half of an int. */
#define IS(arg, value)		{ arg, UINT32_MAX, (uint32_t)(value) }
#define WITHOUT(arg, bits)	{ arg, (uint32_t)(bits), 0 }

struct call {
	const char		*name;
	unsigned		 roles;
	struct condition	 when;
};

static const struct call calls[] = {
	/* Channels, and the descriptors in messages. */
	{ "recvmsg", ALL, ANY },
	{ "sendmsg", ALL, ANY },
	{ "close", ALL, ANY },
	/* Waiting for the next message, and in msg_send_wait().  glibc uses
	   ppoll for poll(3) if the kernel has no poll. */
	{ "poll", ALL, ANY },
	{ "ppoll", ALL, ANY },
	{ "ppoll_time64", ALL, ANY },
	/* The kernel makes it after SIGCONT in a wait. */
	{ "restart_syscall", ALL, ANY },
	/* _exit(2). */
	{ "exit_group", ALL, ANY },
	/* malloc(3): the heap, large blocks, and returning memory; never
	   executable memory. */
	{ "brk", ALL, ANY },
	{ "mmap", ALL, WITHOUT(2, PROT_EXEC) },
	{ "mmap2", ALL, WITHOUT(2, PROT_EXEC) },
	{ "munmap", ALL, ANY },
	{ "mremap", ALL, ANY },
	{ "madvise", ALL, IS(2, MADV_DONTNEED) },
	/* Read a slice of a mapped file at once. */
	{ "madvise", HASHER, IS(2, MADV_POPULATE_READ) },
	/* Clocks, if the vDSO has to ask the kernel. */
	{ "clock_gettime", ALL, ANY },
	{ "clock_gettime64", ALL, ANY },
	/* Locks of malloc and libcrypto. */
	{ "futex", ALL, ANY },
	{ "futex_time64", ALL, ANY },
	/* The return from a signal handler. */
	{ "rt_sigreturn", ALL, ANY },
	/*
	 * fstat(3): glibc uses fstat before 2.33 and from 2.39 on, newfstatat
	 * in between, and statx if there is neither (loongarch) or if they have
	 * 32-bit times, which libraries may still want.  The walker uses statx
	 * for the mount.
	 */
	{ "fstat", ALL, ANY },
	{ "fstat64", ALL, ANY },
	{ "newfstatat", ALL, ANY },
	{ "fstatat64", ALL, ANY },
	{ "statx", ALL, ANY },

	/* The loop of libevent; pwait2 is of libevent 2.2. */
	{ "epoll_wait", FRONT, ANY },
	{ "epoll_pwait", FRONT, ANY },
	{ "epoll_pwait2", FRONT, ANY },
	{ "epoll_ctl", FRONT, ANY },
	{ "gettimeofday", FRONT, ANY },
	/* Clients and the access log.  ioctl: unread data of a client, because
	   closing the connection would reset it. */
	{ "accept4", FRONT, ANY },
	{ "read", FRONT, ANY },
	{ "writev", FRONT, ANY },
	{ "shutdown", FRONT, ANY },
	{ "ioctl", FRONT, IS(1, FIONREAD) },
	/* The bytes of an answer that the client has not acknowledged. */
	{ "ioctl", FRONT, IS(1, SIOCOUTQ) },
	/* Serving a mirror file. */
	{ "sendfile", FRONT, ANY },
	{ "sendfile64", FRONT, ANY },
	/* Keeping a file until a hasher's channel has room. */
	{ "fcntl", FRONT, IS(1, F_DUPFD_CLOEXEC) },
	{ "fcntl64", FRONT, IS(1, F_DUPFD_CLOEXEC) },
	/* Checking that a walker opened a file for reading only. */
	{ "fcntl", FRONT, IS(1, F_GETFL) },
	{ "fcntl64", FRONT, IS(1, F_GETFL) },
	/* 100 Continue; an entry of the cache. */
	{ "write", FRONT | CACHE, ANY },

	/* Paths below the role's directory, to which Landlock and the chroot
	   confine it. */
	{ "openat2", WALKER | CACHE, ANY },
	{ "getdents64", WALKER | CACHE, ANY },
	/*
	 * Checking that a file is readable, without opening it.  glibc 2.36 has
	 * no faccessat(3) for a descriptor, so the walker makes the call
	 * itself.
	 */
	{ "faccessat2", WALKER, ANY },

	/* fstatfs(3): does this file system maintain change times? */
	{ "fstatfs", WALKER | HASHER, ANY },
	{ "fstatfs64", WALKER | HASHER, ANY },

	/* Checking that a file was opened for reading only. */
	{ "fcntl", HASHER, IS(1, F_GETFL) },
	{ "fcntl64", HASHER, IS(1, F_GETFL) },
	/* Reading the part of a file that is in memory (RWF_NOWAIT); asking for
	   the rest early, and releasing it afterwards. */
	{ "preadv2", HASHER, ANY },
	{ "fadvise64", HASHER, ANY },
	{ "fadvise64_64", HASHER, ANY },
	{ "arm_fadvise64_64", HASHER, ANY },

	/* Reading, writing, renaming, touching and removing entries, by their
	   names in open directories. */
	{ "openat", CACHE, ANY },
	{ "pread64", CACHE, ANY },
	{ "mkdirat", CACHE, ANY },
	/* rename(2) on systems that have only the second one. */
	{ "renameat", CACHE, ANY },
	{ "renameat2", CACHE, ANY },
	{ "unlinkat", CACHE, ANY },
	{ "utimensat", CACHE, ANY },
	{ "utimensat_time64", CACHE, ANY },
};

/* For the runtimes of sanitizers. */
static const struct call sanitizer_calls[] = {
#ifdef SANDBOX_SANITIZED
	{ "madvise", ALL, ANY },
	{ "write", ALL, ANY },
	{ "getpid", ALL, ANY },
	{ "gettid", ALL, ANY },
	{ "sched_yield", ALL, ANY },
	{ "sigaltstack", ALL, ANY },
	{ "rt_sigaction", ALL, ANY },
	{ "rt_sigprocmask", ALL, ANY },
	{ "readlink", ALL, ANY },
	{ "mprotect", ALL, WITHOUT(2, PROT_EXEC) },
#endif
	{ NULL, 0, ANY }
};

const char *
seccomp_call(size_t i, unsigned *roles)
{
	if (i >= sizeof(calls) / sizeof(calls[0]))
		return NULL;
	*roles = calls[i].roles;
	return calls[i].name;
}

/* Set before the filter, used by the handler. */
static int report_fd = -1;

/* Runs inside the filter, so it makes only calls that every role may make. */
static void
report_syscall(int sig, siginfo_t *info, void *context)
{
	struct {
		struct msg_header	header;
		struct msg_syscall	body;
	} msg = {
		.header = { MSG_SYSCALL, sizeof(struct msg_syscall) },
		.body = { info->si_arch, (uint32_t)info->si_syscall },
	};
	struct iovec iov = { &msg, sizeof(msg) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	(void)sig;
	(void)context;
	(void)sendmsg(report_fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
	_exit(EXIT_SYSCALL);
}

static int
catch_sigsys(int channel_fd)
{
	struct sigaction sa = {
		.sa_sigaction = report_syscall, .sa_flags = SA_SIGINFO,
	};
	sigset_t set;

	report_fd = channel_fd;
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	if (sigaction(SIGSYS, &sa, NULL) == -1)
		return -1;
	return sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static bool
has_call(uint32_t arch, const char *name)
{
	return seccomp_syscall_resolve_name_arch(arch, name) >= 0;
}

/* Allow a call.  0 or a negative errno, as in libseccomp. */
static int
allow(scmp_filter_ctx ctx, uint32_t arch, const struct call *call)
{
	struct scmp_arg_cmp cmp;
	int nr, ret;

	nr = seccomp_syscall_resolve_name(call->name);
	if (nr == __NR_SCMP_ERROR)
		return 0;
	/* If there is mmap2, then mmap takes its arguments in memory, which a
	   condition cannot check. */
	if (strcmp(call->name, "mmap") == 0 && has_call(arch, "mmap2"))
		return 0;
	cmp = SCMP_CMP64(call->when.arg, SCMP_CMP_MASKED_EQ, call->when.mask,
	    call->when.value);
	ret = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, nr,
	    call->when.mask != 0, &cmp);
	/* libseccomp knows the name, but this architecture lacks the call. */
	return ret == -EDOM ? 0 : ret;
}

static int
fill_filter(scmp_filter_ctx ctx, uint32_t arch, enum role role)
{
	const struct call *call, *end;
	int ret;

	/* The default of libseccomp ends only the thread.  x32 is foreign
	   too. */
	ret = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS);
	/* Return the errno of the kernel, not ECANCELED. */
	if (ret == 0)
		ret = seccomp_attr_set(ctx, SCMP_FLTATR_API_SYSRAWRC, 1);
	end = calls + sizeof(calls) / sizeof(calls[0]);
	for (call = calls; call < end && ret == 0; call++)
		if (call->roles & (1U << role))
			ret = allow(ctx, arch, call);
	for (call = sanitizer_calls; call->name != NULL && ret == 0; call++)
		ret = allow(ctx, arch, call);
	return ret;
}

/* arch is SCMP_ARCH_NATIVE for this machine. */
static scmp_filter_ctx
make_filter(enum role role, uint32_t arch, int *error)
{
	scmp_filter_ctx ctx;
	int ret = 0;

	ctx = seccomp_init(SCMP_ACT_TRAP);
	if (ctx == NULL) {
		*error = ENOMEM;
		return NULL;
	}
	if (arch != SCMP_ARCH_NATIVE && arch != seccomp_arch_native()) {
		ret = seccomp_arch_add(ctx, arch);
		if (ret == 0)
			ret = seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE);
	}
	if (ret == 0)
		ret = fill_filter(ctx, arch, role);
	if (ret == 0)
		return ctx;
	seccomp_release(ctx);
	*error = -ret;
	return NULL;
}

int
seccomp_export(enum role role, uint32_t arch, int fd)
{
	scmp_filter_ctx ctx;
	int error, ret;

	ctx = make_filter(role, arch, &error);
	if (ctx == NULL) {
		errno = error;
		return -1;
	}
	ret = seccomp_export_bpf(ctx, fd);
	seccomp_release(ctx);
	if (ret == 0)
		return 0;
	errno = -ret;
	return -1;
}

int
seccomp_enter(enum role role, int channel_fd)
{
	scmp_filter_ctx ctx;
	int error, ret;

	if (catch_sigsys(channel_fd) == -1)
		return -1;
	ctx = make_filter(role, SCMP_ARCH_NATIVE, &error);
	if (ctx == NULL) {
		errno = error;
		return -1;
	}
	ret = seccomp_load(ctx);
	seccomp_release(ctx);
	if (ret == 0)
		return 0;
	errno = -ret;
	return -1;
}
