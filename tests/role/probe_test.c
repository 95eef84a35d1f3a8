/* SPDX-License-Identifier: ISC */
/*
 * The sandbox is tested by breaking it: a process enters it as each role, in
 * a directory with something to steal beside it, and then makes an
 * intruder's attempts.  No code for that is in the product: the test calls
 * sandbox_enter() as the roles do and then does the forbidden thing itself.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <linux/audit.h>
#include <linux/futex.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <sched.h>

#include "common/sandbox/sandbox.h"
#include "tests/lib/inside.h"
#include "tests/lib/test.h"

#if defined(__x86_64__)
#define NATIVE	AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE	AUDIT_ARCH_AARCH64
#elif defined(__i386__)
#define NATIVE	AUDIT_ARCH_I386
#elif defined(__arm__)
#define NATIVE	AUDIT_ARCH_ARM
#endif

/* With its arguments in registers. */
#ifdef SYS_mmap2
#define MMAP	SYS_mmap2
#else
#define MMAP	SYS_mmap
#endif

/* The outcome of an attempt, as the matrix below writes it. */
#define DONE	'+'	/* allowed, and it worked */
#define REFUSED	'-'	/* the call failed */
#define STOPPED	'!'	/* the filter ended the process and told which call */
#define KILLED	'X'	/* the kernel did: not this machine's calls */
#define BROKEN	'?'

/* Arguments that are known only once the sandbox is entered. */
#define DIR_FD		(-1000L)	/* of the role's directory */
#define FILE_FD		(-1001L)	/* a file outside, open read-write */
#define LISTENER_FD	(-1002L)	/* a socket that listens */
#define INT_0X80	(-2000L)	/* in place of a number */

#define PTR(p)		((long)(intptr_t)(p))
#define MAX_ARGS	6

struct probe {
	const char	*what;
	long		 nr;
	long		 args[MAX_ARGS];
	const char	*outcome;	/* front, walker, hasher, cache,
					   tracker */
};

static struct open_how	 how_read = { .flags = O_RDONLY };
static struct open_how	 how_beneath = {
	.flags = O_RDONLY, .resolve = RESOLVE_BENEATH
};
static struct open_how	 how_write = { .flags = O_RDWR };
static struct open_how	 how_create = {
	.flags = O_RDONLY | O_CREAT | O_EXCL, .mode = 0600
};
static struct open_how	 how_truncate = { .flags = O_RDONLY | O_TRUNC };
static char		 room[4096] __attribute__((__aligned__(4096)));
static int		 number = 1;
static char *const	 no_strings[] = { NULL };

/* A message for a socket that may not be reached. */
static struct iovec	 iov_x = { room, 1 };
static struct msghdr	 to_goal = {
	.msg_name = &goal, .msg_namelen = sizeof(goal),
	.msg_iov = &iov_x, .msg_iovlen = 1
};

/* As the cache opens files. */
#define OPEN_READ	(O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY |  \
			    O_CLOEXEC)
#define OPEN_NEW	(O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |	  \
			    O_CLOEXEC)

static const struct probe probes[] = {
	/* Inside the directory. */
	{ "read a file", SYS_openat2, { DIR_FD, PTR("file"),
	    PTR(&how_beneath), sizeof(how_beneath) }, "!+!+!" },
	{ "read a file by openat", SYS_openat, { DIR_FD, PTR("file"),
	    OPEN_READ }, "!!!+!" },
	{ "follow a link by openat", SYS_openat, { DIR_FD, PTR("link"),
	    O_RDONLY }, "!!!!!" },
	{ "empty a file by openat", SYS_openat, { DIR_FD, PTR("file"),
	    OPEN_READ | O_TRUNC }, "!!!!!" },
	{ "make a file that runs as its owner", SYS_openat, { DIR_FD,
	    PTR("suid"), OPEN_NEW, 04755 }, "!!!!!" },
	{ "list the directory", SYS_getdents64, { DIR_FD, PTR(room),
	    sizeof(room) }, "!+!+!" },
	{ "write to a file", SYS_openat2, { DIR_FD, PTR("file"),
	    PTR(&how_write), sizeof(how_write) }, "!-!+!" },
	{ "create a file", SYS_openat2, { DIR_FD, PTR("new"),
	    PTR(&how_create), sizeof(how_create) }, "!-!+!" },
	{ "empty a file", SYS_openat2, { DIR_FD, PTR("file"),
	    PTR(&how_truncate), sizeof(how_truncate) }, "!-!-!" },
	{ "remove a file", SYS_unlinkat, { DIR_FD, PTR("victim"), 0 },
	    "!!!+!" },
	{ "make a directory", SYS_mkdirat, { DIR_FD, PTR("newdir"), 0700 },
	    "!!!+!" },
	{ "make a directory for all", SYS_mkdirat, { DIR_FD, PTR("newdir2"),
	    01777 }, "!!!!!" },
	{ "rename a file", SYS_renameat, { DIR_FD, PTR("a"), DIR_FD,
	    PTR("b") }, "!!!+!" },
	{ "exchange two files", SYS_renameat2, { DIR_FD, PTR("a"), DIR_FD,
	    PTR("b"), RENAME_EXCHANGE }, "!!!!!" },
	{ "ask who may write", SYS_faccessat2, { DIR_FD, PTR("file"), W_OK,
	    AT_SYMLINK_NOFOLLOW | AT_EACCESS }, "!!!!!" },
	{ "move a file to another directory", SYS_renameat, { DIR_FD,
	    PTR("c"), DIR_FD, PTR("sub/c") }, "!!!-!" },
	{ "touch a file", SYS_utimensat, { DIR_FD, PTR("file"), 0, 0 },
	    "!!!+!" },
	{ "truncate a file", SYS_truncate, { PTR("file"), 0 }, "!!!!!" },
	{ "make a link", SYS_linkat, { DIR_FD, PTR("file"), DIR_FD,
	    PTR("ln"), 0 }, "!!!!!" },
	{ "make a symbolic link", SYS_symlinkat, { PTR("/"), DIR_FD,
	    PTR("sl") }, "!!!!!" },
	{ "make a FIFO", SYS_mknodat, { DIR_FD, PTR("p"), S_IFIFO | 0600,
	    0 }, "!!!!!" },
	{ "change a mode", SYS_fchmodat, { DIR_FD, PTR("file"), 04777 },
	    "!!!!!" },
	{ "change an owner", SYS_fchownat, { DIR_FD, PTR("file"), 0, 0, 0 },
	    "!!!!!" },
	{ "set an attribute", SYS_fsetxattr, { FILE_FD, PTR("user.x"),
	    PTR("x"), 1, 0 }, "!!!!!" },

	/* Outside of it. */
	{ "leave by ..", SYS_openat2, { DIR_FD, PTR("../secret"),
	    PTR(&how_read), sizeof(how_read) }, "!-!-!" },
	{ "leave by a link", SYS_openat2, { DIR_FD, PTR("link"),
	    PTR(&how_read), sizeof(how_read) }, "!-!-!" },
	{ "leave by an absolute path", SYS_openat2, { AT_FDCWD, PTR(secret),
	    PTR(&how_read), sizeof(how_read) }, "!-!-!" },
	{ "leave by openat", SYS_openat, { AT_FDCWD, PTR(secret), OPEN_READ },
	    "!!!-!" },
	{ "write one's memory", SYS_openat2, { AT_FDCWD,
	    PTR("/proc/self/mem"), PTR(&how_write), sizeof(how_write) },
	    "!-!-!" },
	{ "read an account", SYS_openat2, { AT_FDCWD, PTR("/etc/passwd"),
	    PTR(&how_read), sizeof(how_read) }, "!-!-!" },
	{ "remove a file outside", SYS_unlinkat, { DIR_FD,
	    PTR("../secret"), 0 }, "!!!-!" },
	{ "make a directory outside", SYS_mkdirat, { AT_FDCWD,
	    PTR("/tmp/sandbox_test"), 0700 }, "!!!-!" },
	{ "change directory", SYS_chdir, { PTR("/") }, "!!!!!" },
	{ "change directory by descriptor", SYS_fchdir, { FILE_FD },
	    "!!!!!" },
	{ "change root", SYS_chroot, { PTR(".") }, "!!!!!" },
	{ "mount", SYS_mount, { PTR("x"), PTR("/"), PTR("tmpfs"), 0, 0 },
	    "!!!!!" },

	/* Open files. */
	{ "read what is open", SYS_read, { FILE_FD, PTR(room), 1 }, "+!!!!" },
	{ "read it at an offset", SYS_pread64, { FILE_FD, PTR(room), 1, 0 },
	    "!!!+!" },
	{ "empty it", SYS_ftruncate, { FILE_FD, 0 }, "!!!!!" },
	{ "change its mode", SYS_fchmod, { FILE_FD, 04777 }, "!!!!!" },
	{ "change its flags", SYS_fcntl, { FILE_FD, F_SETFL, O_APPEND },
	    "!!!!!" },
	{ "be signalled by it", SYS_fcntl, { FILE_FD, F_SETOWN, 1 }, "!!!!!" },
	{ "lock it", SYS_fcntl, { FILE_FD, F_SETLK, PTR(room) }, "!!!!!" },
	{ "lease it", SYS_fcntl, { FILE_FD, F_SETLEASE, F_WRLCK }, "!!!!!" },
	{ "duplicate it", SYS_dup, { FILE_FD }, "!!!!!" },
	{ "map it as code", MMAP, { 0, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE, FILE_FD, 0 }, "!!!!!" },
#ifndef SANDBOX_SANITIZED
	{ "map it", MMAP, { 0, 4096, PROT_READ, MAP_PRIVATE, FILE_FD, 0 },
	    "!!+!!" },
	{ "map it to write to it", MMAP, { 0, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED, FILE_FD, 0 }, "!!!!!" },
#endif
	{ "read it in another way", SYS_preadv2, { FILE_FD, PTR(&iov_x), 1,
	    0, 0, RWF_HIPRI }, "!!!!!" },
	{ "make it wait for nobody", SYS_ioctl, { FILE_FD, FIONBIO,
	    PTR(&number) }, "!!!!!" },
	{ "type on a terminal", SYS_ioctl, { FILE_FD, TIOCSTI, PTR("x") },
	    "!!!!!" },
	{ "ask what can be read", SYS_ioctl, { FILE_FD, FIONREAD,
	    PTR(&number) }, "+!!!!" },
#ifndef SANDBOX_SANITIZED
	{ "write to what is open", SYS_write, { FILE_FD, PTR("x"), 1 },
	    "+!!+!" },
#endif

	/* The network. */
	{ "make a socket", SYS_socket, { AF_INET, SOCK_STREAM, 0 }, "!!!!!" },
	{ "make a packet socket", SYS_socket, { AF_PACKET, SOCK_RAW, 0 },
	    "!!!!!" },
	{ "make a pair of sockets", SYS_socketpair, { AF_UNIX, SOCK_STREAM,
	    0, PTR(room) }, "!!!!!" },
	{ "connect", SYS_connect, { FILE_FD, PTR(room), 16 }, "!!!!!" },
	{ "bind", SYS_bind, { FILE_FD, PTR(room), 16 }, "!!!!!" },
	{ "listen", SYS_listen, { FILE_FD, 5 }, "!!!!!" },
	{ "accept", SYS_accept4, { LISTENER_FD, 0, 0, SOCK_NONBLOCK |
	    SOCK_CLOEXEC }, "-!!!!" },
	{ "accept to wait", SYS_accept4, { LISTENER_FD, 0, 0, 0 }, "!!!!!" },
	/* A socket that has been shut down can connect; and the parent, which
	   has it too, cannot listen on it any more. */
	{ "shut a listener down", SYS_shutdown, { LISTENER_FD, SHUT_RD },
	    "!!!!!" },
	{ "shut it down both ways", SYS_shutdown, { LISTENER_FD, SHUT_RDWR },
	    "!!!!!" },
	{ "shut down what it never sends", SYS_shutdown, { LISTENER_FD,
	    SHUT_WR }, "+!!!!" },
	{ "connect by sendmsg", SYS_sendmsg, { LISTENER_FD, PTR(&to_goal),
	    MSG_FASTOPEN }, "!!!!!" },
	{ "connect by a message", SYS_sendmsg, { LISTENER_FD, PTR(&to_goal),
	    MSG_FASTOPEN | MSG_DONTWAIT | MSG_NOSIGNAL }, "!!!!!" },
	{ "connect by an answer", SYS_sendmsg, { LISTENER_FD, PTR(&to_goal),
	    MSG_FASTOPEN | MSG_MORE }, "!!!!!" },
	{ "connect by sendto", SYS_sendto, { LISTENER_FD, PTR(room), 1,
	    MSG_FASTOPEN, PTR(&goal), sizeof(goal) }, "!!!!!" },
	{ "connect by sendmmsg", SYS_sendmmsg, { LISTENER_FD, PTR(&to_goal),
	    1, MSG_FASTOPEN }, "!!!!!" },
	{ "send to an address", SYS_sendmsg, { LISTENER_FD, PTR(&to_goal),
	    MSG_DONTWAIT | MSG_NOSIGNAL }, "-----" },
	{ "send out of band", SYS_sendmsg, { LISTENER_FD, PTR(&to_goal),
	    MSG_OOB }, "!!!!!" },
	{ "look at a message without taking it", SYS_recvmsg, { LISTENER_FD,
	    PTR(&to_goal), MSG_PEEK }, "!!!!!" },
	{ "set a harmless option", SYS_setsockopt, { FILE_FD, IPPROTO_TCP,
	    TCP_NODELAY, PTR(&number), sizeof(number) }, "!!!!!" },
	{ "set a larger buffer", SYS_setsockopt, { FILE_FD, SOL_SOCKET,
	    SO_RCVBUFFORCE, PTR(&number), sizeof(number) }, "!!!!!" },

	/* Other processes, and more of our own. */
	{ "fork", SYS_clone, { SIGCHLD, 0, 0, 0, 0 }, "!!!!!" },
	{ "fork by clone3", SYS_clone3, { PTR(room), 64 }, "!!!!!" },
	{ "execute", SYS_execve, { PTR("/bin/sh"), PTR(no_strings),
	    PTR(no_strings) }, "!!!!!" },
	{ "execute by descriptor", SYS_execveat, { FILE_FD, PTR(""),
	    PTR(no_strings), PTR(no_strings), AT_EMPTY_PATH }, "!!!!!" },
	{ "trace", SYS_ptrace, { PTRACE_TRACEME, 0, 0, 0 }, "!!!!!" },
	{ "signal", SYS_kill, { 1, 0 }, "!!!!!" },
	{ "signal oneself", SYS_tgkill, { 1, 1, 0 }, "!!!!!" },
	{ "read another's memory", SYS_process_vm_readv, { 1, PTR(room), 1,
	    PTR(room), 1, 0 }, "!!!!!" },
	{ "hold another process", SYS_pidfd_open, { 1, 0 }, "!!!!!" },

	/* Privileges. */
	{ "become root", SYS_setuid, { 0 }, "!!!!!" },
	{ "join root's group", SYS_setgid, { 0 }, "!!!!!" },
	{ "join groups", SYS_setgroups, { 0, 0 }, "!!!!!" },
	{ "take a capability", SYS_capset, { PTR(room), PTR(room) },
	    "!!!!!" },
	{ "become dumpable", SYS_prctl, { PR_SET_DUMPABLE, 1 },
	    "!!!!!" },
	{ "raise a limit", SYS_prlimit64, { 0, RLIMIT_NOFILE,
	    PTR(room), 0 }, "!!!!!" },
	{ "make a user namespace", SYS_unshare, { CLONE_NEWUSER }, "!!!!!" },
	{ "add a filter", SYS_seccomp, { SECCOMP_SET_MODE_STRICT, 0, 0 },
	    "!!!!!" },

	/* The kernel's wide doors. */
	{ "io_uring", SYS_io_uring_setup, { 1, PTR(room) }, "!!!!!" },
	{ "bpf", SYS_bpf, { 0, PTR(room), 64 }, "!!!!!" },
	{ "userfaultfd", SYS_userfaultfd, { 1 }, "!!!!!" },
	{ "perf", SYS_perf_event_open, { PTR(room), 0, -1, -1, 0 }, "!!!!!" },
	{ "keys", SYS_keyctl, { 0, 0 }, "!!!!!" },
	{ "memory with a name", SYS_memfd_create, { PTR("x"), 0 }, "!!!!!" },

	/* Memory. */
	{ "memory", MMAP, { 0, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 }, "+++++" },
	{ "memory that is code", MMAP, { 0, 4096, PROT_READ |
	    PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 },
	    "!!!!!" },
	{ "memory in place of other memory", SYS_mremap, { PTR(room), 4096,
	    4096, MREMAP_MAYMOVE | MREMAP_FIXED, PTR(room) }, "!!!!!" },
	{ "a lock with priorities", SYS_futex, { PTR(room),
	    FUTEX_LOCK_PI_PRIVATE, 0, 0 }, "!!!!!" },
#ifndef SANDBOX_SANITIZED
	{ "memory to be shared", MMAP, { 0, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0 }, "!!!!!" },
#endif
	{ "memory that becomes code", SYS_mprotect, { PTR(room),
	    4096, PROT_READ | PROT_EXEC }, "!!!!!" },

#ifdef __x86_64__
	/* Other doors into the same kernel. */
	{ "open(2) of old", SYS_open, { PTR(secret), O_RDONLY }, "!!!!!" },
	{ "a 32-bit call", INT_0X80, { 0 }, "XXXXX" },
	{ "an x32 call", 0x40000000L | SYS_recvmsg, { -1, 0, 0 }, "XXXXX" },
#endif
};

/* 0: it worked, 1: it was refused. */
static int
try_probe(const void *arg, int dirfd, int file_fd)
{
	const struct probe *p = arg;
	long a[MAX_ARGS], ret;
	int i;

	for (i = 0; i < MAX_ARGS; i++)
		a[i] = p->args[i] == DIR_FD ? dirfd :
		    p->args[i] == FILE_FD ? file_fd :
		    p->args[i] == LISTENER_FD ? listener : p->args[i];
#ifdef __x86_64__
	if (p->nr == INT_0X80) {
		/* getpid(2) as a 32-bit program has it. */
		__asm__ volatile("int $0x80" : "=a"(ret) : "a"(20) :
		    "memory");
		return ret == -1;
	}
#endif
	ret = syscall(p->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	return ret == -1;
}

static char
outcome(const struct inside *in, const struct probe *p)
{
	if (in->layers[0] == '\0')
		return BROKEN;
	/* A kernel that runs no 32-bit programs has SIGSEGV for int 0x80. */
	if (WIFSIGNALED(in->status))
		return WTERMSIG(in->status) == SIGSYS || p->nr == INT_0X80 ?
		    KILLED : BROKEN;
	if (in->stopped.arch != 0)
		return in->stopped.arch == NATIVE &&
		    (long)in->stopped.nr == p->nr &&
		    WEXITSTATUS(in->status) == 128 + SIGSYS ?
		    STOPPED : BROKEN;
	switch (WEXITSTATUS(in->status)) {
	case 0:
		return DONE;
	case 1:
		return REFUSED;
	default:
		return BROKEN;
	}
}

static void
try_everything(bool root)
{
	static const enum role roles[] = {
		ROLE_FRONT, ROLE_WALKER, ROLE_HASHER, ROLE_CACHE,
		ROLE_TRACKER,
	};
	struct entry e = { .root = root, .strict = true, .user = "nobody" };
	struct inside in;
	const struct probe *p;
	size_t i;
	char got;

	if (landlock_abi() < 3)
		atf_tc_skip("the outcomes are those of Landlock's ABI 3 "
		    "(Linux 6.2) and later");
	world_make(!root);
	for (p = probes; p < probes + sizeof(probes) / sizeof(probes[0]); p++)
		for (i = 0; i < 5; i++) {
			e.role = roles[i];
			inside_start(&in, &e, try_probe, p);
			inside_finish(&in);
			got = outcome(&in, p);
			ATF_CHECK_MSG(got == p->outcome[i],
			    "%s: %s: expected %c, got %c (status %#x, "
			    "call %u)\n%s", role_name(e.role), p->what,
			    p->outcome[i], got, in.status, in.stopped.nr,
			    in.log);
		}
	world_remove();
}

TEST(probe__as_user)
{
	try_everything(false);
}

TEST(probe__as_root, "require.user", "root")
{
	try_everything(true);
}
