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

#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <linux/futex.h>
#include <linux/sockios.h>

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "common/sandbox/sandbox.h"
#include "common/socket.h"

#define ALL	CHILDREN

/* The exit status that a shell shows for this signal. */

/*
 * 32-bit libc adds this flag of open(2) to those of its caller.  A 64-bit
 * kernel adds it by itself, and libc defines it as 0 there.
 */
#if defined(__arm__) || defined(__aarch64__)
#define LARGEFILE	0400000
#elif defined(__i386__) || defined(__x86_64__)
#define LARGEFILE	0100000
#else
#define LARGEFILE	__O_LARGEFILE
#endif

/* A condition on an argument; only the bits of mask are compared.  mask 0: no
   condition. */
struct condition {
	unsigned	arg;
	uint32_t	mask;
	uint32_t	value;
};

#define ANY			{ { 0, 0, 0 } }
/* libc may leave any value in the upper half of an int. */
#define IS(arg, value)		{ arg, UINT32_MAX, (uint32_t)(value) }
#define ONLY(arg, bits)		{ arg, ~(uint32_t)(bits), 0 }
#define WITHOUT(arg, bits)	{ arg, (uint32_t)(bits), 0 }
#define OPENS(arg, flags)	{ arg, ~(uint32_t)LARGEFILE,		\
				    (uint32_t)(flags) }

#define CONDITIONS_MAX		2

/*
 * A call is allowed if all conditions of one of its rows hold.  A call that
 * takes flags, a command or a mode has a condition on each of them: otherwise
 * it is allowed more than its name says.  Memory behind a pointer cannot be
 * checked, so openat2 has none.
 */
struct call {
	const char		*name;
	unsigned		 roles;
	struct condition	 when[CONDITIONS_MAX];
};

static const struct call calls[] = {
	/* Channels, and the descriptors in messages.  MSG_FASTOPEN would
	   connect. */
	{ "recvmsg", ALL, { IS(2, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) } },
	{ "sendmsg", ALL, { IS(2, MSG_DONTWAIT | MSG_NOSIGNAL) } },
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
	{ "mmap", ALL, { IS(2, PROT_READ | PROT_WRITE),
	    IS(3, MAP_PRIVATE | MAP_ANONYMOUS) } },
	{ "mmap2", ALL, { IS(2, PROT_READ | PROT_WRITE),
	    IS(3, MAP_PRIVATE | MAP_ANONYMOUS) } },
	{ "munmap", ALL, ANY },
	{ "mremap", ALL, { IS(3, MREMAP_MAYMOVE) } },
	{ "madvise", ALL, { IS(2, MADV_DONTNEED) } },
	/* Reading a slice of a file, and at once. */
	{ "mmap", HASHER, { IS(2, PROT_READ), IS(3, MAP_PRIVATE) } },
	{ "mmap2", HASHER, { IS(2, PROT_READ), IS(3, MAP_PRIVATE) } },
	{ "madvise", HASHER, { IS(2, MADV_POPULATE_READ) } },
	/* Zeros in place of pages that cannot be read. */
	{ "mmap", HASHER, { IS(2, PROT_READ),
	    IS(3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED) } },
	{ "mmap2", HASHER, { IS(2, PROT_READ),
	    IS(3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED) } },
	/* Clocks, if the vDSO has to ask the kernel. */
	{ "clock_gettime", ALL, ANY },
	{ "clock_gettime64", ALL, ANY },
	/* Locks of malloc and libcrypto: to wait, or to wake. */
	{ "futex", ALL, { ONLY(1, FUTEX_WAKE | FUTEX_PRIVATE_FLAG) } },
	{ "futex_time64", ALL, { ONLY(1, FUTEX_WAKE | FUTEX_PRIVATE_FLAG) } },
	/* The return from a signal handler. */
	{ "rt_sigreturn", ALL, ANY },
	/*
	 * fstat(3): glibc uses fstat before 2.33 and from 2.39 on, newfstatat
	 * in between, and statx if there is neither (loongarch) or if they have
	 * 32-bit times, which libraries may still want.  The walker and the
	 * hasher use statx for the mount.
	 */
	{ "fstat", ALL, ANY },
	{ "fstat64", ALL, ANY },
	{ "newfstatat", ALL, { IS(3, AT_EMPTY_PATH) } },
	{ "fstatat64", ALL, { IS(3, AT_EMPTY_PATH) } },
	{ "statx", ALL, { IS(2, AT_EMPTY_PATH | AT_NO_AUTOMOUNT) } },
	/* A name in an open directory. */
	{ "newfstatat", CACHE, { IS(3, AT_SYMLINK_NOFOLLOW) } },
	{ "fstatat64", CACHE, { IS(3, AT_SYMLINK_NOFOLLOW) } },
	{ "statx", WALKER | CACHE, { IS(2, AT_SYMLINK_NOFOLLOW |
	    AT_NO_AUTOMOUNT) } },

	/* The loop of libevent; pwait2 is of libevent 2.2. */
	{ "epoll_wait", FRONT, ANY },
	{ "epoll_pwait", FRONT, ANY },
	{ "epoll_pwait2", FRONT, ANY },
	{ "epoll_ctl", FRONT, ANY },
	{ "gettimeofday", FRONT, ANY },
	/* Clients and the access log.  ioctl: unread data of a client, because
	   closing the connection would reset it. */
	{ "accept4", FRONT, { IS(3, SOCK_NONBLOCK | SOCK_CLOEXEC) } },
	{ "read", FRONT, ANY },
	{ "writev", FRONT, ANY },
	/* An answer that more follows. */
	{ "sendmsg", FRONT, { IS(2, MSG_MORE) } },
	/* The other directions would end the listening sockets, which the
	   parent has too. */
	{ "shutdown", FRONT, { IS(1, SHUT_WR) } },
	{ "ioctl", FRONT, { IS(1, FIONREAD) } },
	/* The bytes of an answer that the client has not acknowledged. */
	{ "ioctl", FRONT, { IS(1, SIOCOUTQ) } },
	/* Serving a mirror file. */
	{ "sendfile", FRONT, ANY },
	{ "sendfile64", FRONT, ANY },
	/* Keeping a file until a hasher's channel has room. */
	{ "fcntl", FRONT, { IS(1, F_DUPFD_CLOEXEC) } },
	{ "fcntl64", FRONT, { IS(1, F_DUPFD_CLOEXEC) } },
	/* Checking that a walker opened a file for reading only. */
	{ "fcntl", FRONT, { IS(1, F_GETFL) } },
	{ "fcntl64", FRONT, { IS(1, F_GETFL) } },
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
	{ "faccessat2", WALKER, { IS(2, R_OK),
	    IS(3, AT_EMPTY_PATH | AT_EACCESS) } },
	{ "faccessat2", WALKER, { IS(2, R_OK),
	    IS(3, AT_SYMLINK_NOFOLLOW | AT_EACCESS) } },

	/* fstatfs(3): does this file system maintain change times? */
	{ "fstatfs", WALKER | HASHER, ANY },
	{ "fstatfs64", WALKER | HASHER, ANY },

	/* Checking that a file was opened for reading only. */
	{ "fcntl", HASHER, { IS(1, F_GETFL) } },
	{ "fcntl64", HASHER, { IS(1, F_GETFL) } },
	/* Reading the part of a file that is in memory; asking for the rest
	   early, and releasing it afterwards. */
	{ "preadv2", HASHER, { IS(5, RWF_NOWAIT) } },
	{ "fadvise64", HASHER, { IS(3, POSIX_FADV_WILLNEED) } },
	{ "fadvise64", HASHER, { IS(3, POSIX_FADV_DONTNEED) } },
	{ "fadvise64_64", HASHER, { IS(5, POSIX_FADV_WILLNEED) } },
	{ "fadvise64_64", HASHER, { IS(5, POSIX_FADV_DONTNEED) } },
	{ "arm_fadvise64_64", HASHER, { IS(1, POSIX_FADV_WILLNEED) } },
	{ "arm_fadvise64_64", HASHER, { IS(1, POSIX_FADV_DONTNEED) } },

	/* Reading, writing, renaming, touching and removing entries, by their
	   names in open directories. */
	{ "openat", CACHE, { OPENS(2, O_RDONLY | O_NONBLOCK | O_NOFOLLOW |
	    O_NOCTTY | O_CLOEXEC) } },
	{ "openat", CACHE, { OPENS(2, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC), IS(3, 0600) } },
	{ "pread64", CACHE, ANY },
	{ "pwrite64", CACHE, ANY },
	/* One service writes. */
	{ "flock", CACHE, { IS(1, LOCK_EX | LOCK_NB) } },
	{ "mkdirat", CACHE, { IS(2, 0700) } },
	/* rename(2) on systems that have only the second one. */
	{ "renameat", CACHE, ANY },
	{ "renameat2", CACHE, { IS(4, 0) } },
	{ "unlinkat", CACHE, { ONLY(2, AT_REMOVEDIR) } },
	{ "utimensat", CACHE, { IS(3, 0) } },
	{ "utimensat_time64", CACHE, { IS(3, 0) } },
};

/* For the runtimes of sanitizers. */
static const struct call sanitizer_calls[] = {
#ifdef SANDBOX_SANITIZED
	{ "mmap", ALL, { WITHOUT(2, PROT_EXEC) } },
	{ "mmap2", ALL, { WITHOUT(2, PROT_EXEC) } },
	{ "madvise", ALL, ANY },
	{ "write", ALL, ANY },
	{ "getpid", ALL, ANY },
	{ "gettid", ALL, ANY },
	{ "sched_yield", ALL, ANY },
	{ "sigaltstack", ALL, ANY },
	{ "rt_sigaction", ALL, ANY },
	{ "rt_sigprocmask", ALL, ANY },
	{ "readlink", ALL, ANY },
	{ "mprotect", ALL, { WITHOUT(2, PROT_EXEC) } },
#endif
	{ NULL, 0, ANY }
};

const char *
seccomp_call(size_t i, unsigned *roles, bool *checked)
{
	if (i >= sizeof(calls) / sizeof(calls[0]))
		return NULL;
	*roles = calls[i].roles;
	*checked = calls[i].when[0].mask != 0;
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
	(void)socket_sendmsg(report_fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
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

/* Where an architecture has the newer call, the arguments of the older one are
   in other places, or in memory; libc makes the newer one. */
static bool
is_superseded(uint32_t arch, const char *name)
{
	static const struct {
		const char	*older;
		const char	*newer;
	} pairs[] = {
		{ "mmap", "mmap2" }, { "fadvise64", "fadvise64_64" },
	};
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (strcmp(pairs[i].older, name) == 0)
			return has_call(arch, pairs[i].newer);
	return false;
}

/* Allow a call.  0 or a negative errno, as in libseccomp. */
static int
allow(scmp_filter_ctx ctx, uint32_t arch, const struct call *call)
{
	struct scmp_arg_cmp cmp[CONDITIONS_MAX];
	const struct condition *when;
	unsigned n = 0;
	int nr, ret;

	nr = seccomp_syscall_resolve_name(call->name);
	if (nr == __NR_SCMP_ERROR || is_superseded(arch, call->name))
		return 0;
	for (when = call->when; n < CONDITIONS_MAX && when->mask != 0;
	    when++)
		cmp[n++] = SCMP_CMP64(when->arg, SCMP_CMP_MASKED_EQ,
		    when->mask, when->value);
	ret = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, nr, n, cmp);
	/* libseccomp knows the name, but this architecture lacks the call. */
	return ret == -EDOM ? 0 : ret;
}

/*
 * With each call that socketcall(2) stands for, libseccomp allows that one too,
 * and compares the wrong arguments, since the right ones are in memory.  A rule
 * without a condition takes precedence.  Its action cannot be the default one.
 */
static int
refuse_socketcall(scmp_filter_ctx ctx, uint32_t arch)
{
	if (!has_call(arch, "socketcall"))
		return 0;
	return seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS,
	    seccomp_syscall_resolve_name("socketcall"), 0);
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
	if (ret == 0)
		ret = refuse_socketcall(ctx, arch);
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
