/* SPDX-License-Identifier: ISC */
/*
 * The filters of all roles on all architectures that we support, without the
 * machines: calls of libc there pass, calls of nobody do not.  The
 * filters are those that libseccomp makes, run as the kernel runs them.
 */
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/net.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>

#include <seccomp.h>

#include "common/platform.h"
#include "common/sandbox/sandbox.h"
#include "tests/lib/test.h"

#define INSNS_MAX	4096

/* As the cache opens files. */
#define OPEN_READ	(O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY |  \
			    O_CLOEXEC)
#define OPEN_NEW	(O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |	  \
			    O_CLOEXEC)
/* As 32-bit libc of x86 adds it. */
#define LARGEFILE	0100000

static const struct arch {
	char		 letter;	/* in the table below */
	const char	*name;
	uint32_t	 token;
} archs[] = {
	{ 'x', "x86_64", SCMP_ARCH_X86_64 }, { 'i', "i386", SCMP_ARCH_X86 },
	{ 'a', "aarch64", SCMP_ARCH_AARCH64 }, { 'h', "armhf", SCMP_ARCH_ARM },
};

static const struct {
	char		 letter;
	enum role	 role;
} roles[] = {
	{ 'f', ROLE_FRONT }, { 'w', ROLE_WALKER }, { 'h', ROLE_HASHER },
	{ 'c', ROLE_CACHE }, { 't', ROLE_TRACKER },
};

#define NARCHS	(sizeof(archs) / sizeof(archs[0]))
#define NROLES	(sizeof(roles) / sizeof(roles[0]))

/*
 * On these architectures the call, with these arguments, is for these roles and
 * for no others.  The names are the calls that glibc 2.36 to 2.43 and
 * libevent 2.1 make for poll(3), fstat(3) and so on.
 */
static const struct expected {
	const char	*archs;
	const char	*roles;
	const char	*name;
	struct {
		unsigned	arg;
		uint64_t	value;
	}		 args[2];
} expected[] = {
	{ "xiah", "fwhct", "recvmsg",
	    { { 2, MSG_DONTWAIT | MSG_CMSG_CLOEXEC } } },
	{ "xiah", "", "recvmsg", { { 2, 0 } } },
	{ "xiah", "", "recvmsg", { { 2, MSG_DONTWAIT | MSG_CMSG_CLOEXEC |
	    MSG_PEEK } } },
	{ "xiah", "fwhct", "sendmsg", { { 2, MSG_DONTWAIT | MSG_NOSIGNAL } } },
	{ "xiah", "f", "sendmsg", { { 2, MSG_MORE } } },
	{ "xiah", "", "sendmsg", { { 2, 0 } } },
	/* These connect. */
	{ "xiah", "", "sendmsg", { { 2, MSG_FASTOPEN } } },
	{ "xiah", "", "sendmsg", { { 2, MSG_MORE | MSG_FASTOPEN } } },
	{ "xiah", "", "sendmsg", { { 2, MSG_DONTWAIT | MSG_NOSIGNAL |
	    MSG_FASTOPEN } } },
	{ "xiah", "", "sendto", { { 3, MSG_FASTOPEN } } },
	{ "xiah", "", "sendmmsg", { { 3, MSG_FASTOPEN } } },
	/* Its arguments are in memory, and may be any. */
	{ "i", "", "socketcall", { { 0, SYS_RECVMSG } } },
	{ "i", "", "socketcall", { { 0, SYS_SENDMSG } } },
	{ "i", "", "socketcall", { { 0, SYS_SENDMSG }, { 2, MSG_MORE } } },
	{ "i", "", "socketcall", { { 0, SYS_SENDMSG }, { 2, MSG_DONTWAIT |
	    MSG_NOSIGNAL } } },
	{ "i", "", "socketcall", { { 0, SYS_ACCEPT4 }, { 3, SOCK_NONBLOCK |
	    SOCK_CLOEXEC } } },
	{ "i", "", "socketcall", { { 0, SYS_SHUTDOWN }, { 1, SHUT_WR } } },
	{ "i", "", "socketcall", { { 0, SYS_SOCKET } } },
	{ "i", "", "socketcall", { { 0, SYS_CONNECT } } },
	{ "xiah", "fwhct", "close", { { 0, 0 } } },
	{ "xih", "fwhct", "poll", { { 0, 0 } } },
	{ "xiah", "fwhct", "ppoll", { { 0, 0 } } },
	{ "ih", "fwhct", "ppoll_time64", { { 0, 0 } } },
	{ "xiah", "fwhct", "exit_group", { { 0, 0 } } },
	{ "xiah", "fwhct", "rt_sigreturn", { { 0, 0 } } },
	{ "xiah", "fwhct", "brk", { { 0, 0 } } },
	{ "xiah", "fwhct", "munmap", { { 0, 0 } } },
	{ "xiah", "fwhct", "mremap", { { 3, MREMAP_MAYMOVE } } },
	{ "xiah", "", "mremap", { { 3, MREMAP_MAYMOVE | MREMAP_FIXED } } },
	{ "xa", "fwhct", "mmap", { { 2, PROT_READ | PROT_WRITE },
	    { 3, MAP_PRIVATE | MAP_ANONYMOUS } } },
	{ "xa", "h", "mmap", { { 2, PROT_READ }, { 3, MAP_PRIVATE } } },
	{ "xa", "h", "mmap", { { 2, PROT_READ }, { 3, MAP_PRIVATE |
	    MAP_ANONYMOUS | MAP_FIXED } } },
	{ "xa", "", "mmap", { { 2, PROT_READ | PROT_WRITE },
	    { 3, MAP_SHARED } } },
	{ "xa", "", "mmap", { { 2, PROT_READ }, { 3, MAP_SHARED } } },
	{ "xa", "", "mmap", { { 2, PROT_READ | PROT_WRITE },
	    { 3, MAP_PRIVATE } } },
	{ "xa", "", "mmap", { { 2, PROT_READ | PROT_EXEC },
	    { 3, MAP_PRIVATE } } },
	{ "xa", "", "mmap", { { 2, PROT_READ | PROT_WRITE | PROT_EXEC },
	    { 3, MAP_PRIVATE | MAP_ANONYMOUS } } },
	{ "ih", "fwhct", "mmap2", { { 2, PROT_READ | PROT_WRITE },
	    { 3, MAP_PRIVATE | MAP_ANONYMOUS } } },
	{ "ih", "h", "mmap2", { { 2, PROT_READ }, { 3, MAP_PRIVATE } } },
	{ "ih", "h", "mmap2", { { 2, PROT_READ }, { 3, MAP_PRIVATE |
	    MAP_ANONYMOUS | MAP_FIXED } } },
	{ "ih", "", "mmap2", { { 2, PROT_READ | PROT_WRITE },
	    { 3, MAP_SHARED } } },
	{ "ih", "", "mmap2", { { 2, PROT_READ | PROT_EXEC },
	    { 3, MAP_PRIVATE } } },
	{ "ih", "", "mmap2", { { 2, PROT_READ | PROT_WRITE | PROT_EXEC },
	    { 3, MAP_PRIVATE | MAP_ANONYMOUS } } },
	/* Its arguments are in memory, and may be PROT_EXEC. */
	{ "i", "", "mmap", { { 2, PROT_READ | PROT_WRITE }, { 3, MAP_PRIVATE |
	    MAP_ANONYMOUS } } },
	{ "xiah", "fwhct", "madvise", { { 2, MADV_DONTNEED } } },
	{ "xiah", "h", "madvise", { { 2, MADV_POPULATE_READ } } },
	{ "xiah", "", "madvise", { { 2, MADV_REMOVE } } },
	{ "xiah", "fwhct", "clock_gettime", { { 0, 0 } } },
	{ "ih", "fwhct", "clock_gettime64", { { 0, 0 } } },
	{ "xiah", "fwhct", "futex", { { 1, FUTEX_WAKE_PRIVATE } } },
	{ "xiah", "fwhct", "futex", { { 1, FUTEX_WAIT_PRIVATE } } },
	{ "xiah", "", "futex", { { 1, FUTEX_LOCK_PI_PRIVATE } } },
	{ "xiah", "", "futex", { { 1, FUTEX_CMP_REQUEUE_PI_PRIVATE } } },
	{ "ih", "fwhct", "futex_time64", { { 1, FUTEX_WAIT_PRIVATE } } },
	{ "ih", "", "futex_time64", { { 1, FUTEX_LOCK_PI_PRIVATE } } },
	{ "xa", "fwhct", "fstat", { { 0, 0 } } },
	{ "xa", "fwhct", "newfstatat", { { 3, AT_EMPTY_PATH } } },
	{ "xa", "c", "newfstatat", { { 3, AT_SYMLINK_NOFOLLOW } } },
	{ "xa", "", "newfstatat", { { 3, 0 } } },
	{ "xiah", "fwhct", "statx",
	    { { 2, AT_EMPTY_PATH | AT_NO_AUTOMOUNT } } },
	{ "xiah", "wc", "statx",
	    { { 2, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT } } },
	{ "xiah", "", "statx", { { 2, AT_STATX_FORCE_SYNC } } },
	{ "ih", "fwhct", "fstat64", { { 0, 0 } } },
	{ "ih", "fwhct", "fstatat64", { { 3, AT_EMPTY_PATH } } },
	{ "ih", "c", "fstatat64", { { 3, AT_SYMLINK_NOFOLLOW } } },
	{ "ih", "", "fstatat64", { { 3, 0 } } },

	{ "xih", "f", "epoll_wait", { { 0, 0 } } },
	{ "xiah", "f", "epoll_pwait", { { 0, 0 } } },
	{ "xiah", "f", "epoll_ctl", { { 0, 0 } } },
	{ "xiah", "f", "accept4", { { 3, SOCK_NONBLOCK | SOCK_CLOEXEC } } },
	{ "xiah", "", "accept4", { { 3, 0 } } },
	{ "xiah", "f", "read", { { 0, 0 } } },
	{ "xiah", "f", "writev", { { 0, 0 } } },
	{ "xiah", "f", "shutdown", { { 1, SHUT_WR } } },
	{ "xiah", "", "shutdown", { { 1, SHUT_RD } } },
	{ "xiah", "", "shutdown", { { 1, SHUT_RDWR } } },
	{ "xiah", "f", "ioctl", { { 1, FIONREAD } } },
	{ "xiah", "f", "ioctl", { { 1, SIOCOUTQ } } },
	{ "xiah", "", "ioctl", { { 1, FIONBIO } } },
	{ "xiah", "", "ioctl", { { 1, TIOCSTI } } },
	{ "xa", "f", "sendfile", { { 0, 0 } } },
	{ "ih", "f", "sendfile64", { { 0, 0 } } },
	{ "xa", "f", "fcntl", { { 1, F_DUPFD_CLOEXEC } } },
	{ "ih", "f", "fcntl64", { { 1, F_DUPFD_CLOEXEC } } },
	{ "xa", "fh", "fcntl", { { 1, F_GETFL } } },
	{ "ih", "fh", "fcntl64", { { 1, F_GETFL } } },
	{ "xiah", "", "fcntl", { { 1, F_SETFL } } },
	{ "xiah", "", "fcntl", { { 1, F_SETOWN } } },
	{ "ih", "", "fcntl64", { { 1, F_SETFL } } },
	{ "xiah", "fc", "write", { { 0, 0 } } },

	{ "xiah", "wc", "openat2", { { 0, 0 } } },
	{ "xiah", "wc", "getdents64", { { 0, 0 } } },
	{ "xiah", "w", "faccessat2", { { 2, R_OK }, { 3, AT_EMPTY_PATH |
	    AT_EACCESS } } },
	{ "xiah", "w", "faccessat2", { { 2, R_OK }, { 3, AT_SYMLINK_NOFOLLOW |
	    AT_EACCESS } } },
	{ "xiah", "", "faccessat2", { { 2, R_OK }, { 3, 0 } } },
	{ "xiah", "", "faccessat2", { { 2, W_OK }, { 3, AT_EMPTY_PATH |
	    AT_EACCESS } } },

	{ "xiah", "h", "preadv2", { { 5, RWF_NOWAIT } } },
	{ "xiah", "", "preadv2", { { 5, RWF_HIPRI } } },
	{ "xa", "h", "fadvise64", { { 3, POSIX_FADV_WILLNEED } } },
	{ "xa", "h", "fadvise64", { { 3, POSIX_FADV_DONTNEED } } },
	{ "xa", "", "fadvise64", { { 3, POSIX_FADV_RANDOM } } },
	{ "i", "h", "fadvise64_64", { { 5, POSIX_FADV_WILLNEED } } },
	{ "i", "", "fadvise64_64", { { 5, POSIX_FADV_RANDOM } } },
	{ "i", "", "fadvise64", { { 4, POSIX_FADV_WILLNEED } } },
	{ "h", "h", "arm_fadvise64_64", { { 1, POSIX_FADV_DONTNEED } } },
	{ "h", "", "arm_fadvise64_64", { { 1, POSIX_FADV_RANDOM } } },

	{ "xiah", "c", "openat", { { 2, OPEN_READ } } },
	{ "xi", "c", "openat", { { 2, OPEN_READ | LARGEFILE } } },
	{ "xiah", "c", "openat", { { 2, OPEN_NEW }, { 3, 0600 } } },
	{ "xi", "c", "openat", { { 2, OPEN_NEW | LARGEFILE }, { 3, 0600 } } },
	{ "xiah", "", "openat", { { 2, OPEN_NEW }, { 3, 04755 } } },
	{ "xiah", "", "openat", { { 2, OPEN_NEW | O_TRUNC }, { 3, 0600 } } },
	{ "xiah", "", "openat", { { 2, OPEN_READ | O_TRUNC } } },
	{ "xiah", "", "openat", { { 2, O_RDWR | O_NOFOLLOW | O_CLOEXEC } } },
	{ "xiah", "", "openat", { { 2, O_RDONLY } } },
	{ "xiah", "", "openat", { { 2, O_PATH } } },
	{ "xiah", "", "openat", { { 2, O_TMPFILE | O_RDWR }, { 3, 0600 } } },
	{ "xiah", "c", "pread64", { { 0, 0 } } },
	{ "xiah", "c", "pwrite64", { { 0, 0 } } },
	{ "xiah", "c", "flock", { { 1, LOCK_EX | LOCK_NB } } },
	{ "xiah", "", "flock", { { 1, LOCK_EX } } },
	{ "xiah", "", "flock", { { 1, LOCK_SH | LOCK_NB } } },
	{ "xiah", "c", "mkdirat", { { 2, 0700 } } },
	{ "xiah", "", "mkdirat", { { 2, 02777 } } },
	{ "xiah", "c", "renameat", { { 0, 0 } } },
	{ "xiah", "c", "renameat2", { { 4, 0 } } },
	{ "xiah", "", "renameat2", { { 4, RENAME_EXCHANGE } } },
	{ "xiah", "", "renameat2", { { 4, RENAME_WHITEOUT } } },
	{ "xiah", "c", "unlinkat", { { 2, 0 } } },
	{ "xiah", "c", "unlinkat", { { 2, AT_REMOVEDIR } } },
	{ "xiah", "", "unlinkat", { { 2, AT_SYMLINK_FOLLOW } } },
	{ "xa", "c", "utimensat", { { 3, 0 } } },
	{ "xa", "", "utimensat", { { 3, AT_SYMLINK_NOFOLLOW } } },
	{ "ih", "c", "utimensat_time64", { { 3, 0 } } },
	{ "ih", "", "utimensat_time64", { { 3, AT_SYMLINK_NOFOLLOW } } },

	{ "xih", "", "open", { { 0, 0 } } },
	{ "xiah", "", "socket", { { 0, 0 } } },
	{ "xiah", "", "connect", { { 0, 0 } } },
	{ "xiah", "", "execve", { { 0, 0 } } },
	{ "xiah", "", "bind", { { 0, 0 } } },
	{ "xiah", "", "listen", { { 0, 0 } } },
	{ "xiah", "", "setsockopt", { { 0, 0 } } },
	{ "xiah", "", "execveat", { { 0, 0 } } },
	{ "xiah", "", "clone", { { 0, 0 } } },
	{ "xiah", "", "ptrace", { { 0, 0 } } },
	{ "xiah", "", "mprotect", { { 2, PROT_EXEC } } },
	{ "xiah", "", "kill", { { 0, 0 } } },
	{ "xiah", "", "io_uring_setup", { { 0, 0 } } },
};

/* These take no flags, no command and no mode. */
static const char *const plain[] = {
	"close", "poll", "ppoll", "ppoll_time64", "restart_syscall",
	"exit_group", "brk", "munmap", "clock_gettime", "clock_gettime64",
	"rt_sigreturn", "fstat", "fstat64", "epoll_wait", "epoll_pwait",
	"epoll_pwait2", "gettimeofday", "read", "writev", "sendfile",
	"sendfile64", "write", "getdents64", "fstatfs", "fstatfs64", "pread64",
	"pwrite64", "renameat",
	/* Adding, changing and removing are all that there is. */
	"epoll_ctl",
	/* Its flags are in memory; Landlock and the root directory confine
	   it. */
	"openat2",
};

/*
 * The calls that socketcall stands for, by which libseccomp knows them on i386,
 * have numbers of their own since Linux 4.3.
 */
static int
number_of(const struct arch *arch, const char *name)
{
	static const struct {
		const char	*name;
		int		 nr;
	} direct[] = {
		{ "socket", 359 }, { "bind", 361 }, { "connect", 362 },
		{ "listen", 363 }, { "accept4", 364 }, { "setsockopt", 366 },
		{ "sendmmsg", 345 }, { "sendto", 369 }, { "sendmsg", 370 },
		{ "recvmsg", 372 }, { "shutdown", 373 },
	};

	EACH(row, direct)
		if (arch->token == SCMP_ARCH_X86 &&
		    strcmp(row->name, name) == 0)
			return row->nr;
	return seccomp_syscall_resolve_name_arch(arch->token, name);
}

static size_t
load(enum role role, uint32_t arch, struct sock_filter *insns)
{
	ssize_t	 n;
	int	 fd;

	fd = open("filter", O_RDWR | O_CREAT | O_TRUNC, 0600);
	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE_EQ(0, seccomp_export(role, arch, fd));
	n = pread(fd, insns, INSNS_MAX * sizeof(*insns), 0);
	ATF_REQUIRE(n > 0 && n % sizeof(*insns) == 0 &&
	    (size_t)n < INSNS_MAX * sizeof(*insns));
	close(fd);
	return (size_t)n / sizeof(*insns);
}

static bool
jumps(const struct sock_filter *f, uint32_t a)
{
	switch (BPF_OP(f->code)) {
	case BPF_JEQ:
		return a == f->k;
	case BPF_JGE:
		return a >= f->k;
	case BPF_JGT:
		return a > f->k;
	case BPF_JSET:
		return (a & f->k) != 0;
	}
	atf_tc_fail("unknown jump %#x", f->code);
}

/* The instructions that libseccomp uses. */
static uint32_t
run(const struct sock_filter *insns, size_t n, const struct seccomp_data *data)
{
	const struct sock_filter	*f;
	uint32_t			 a = 0;
	size_t				 pc;

	for (pc = 0; pc < n; pc++) {
		f = &insns[pc];
		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			ATF_REQUIRE_EQ(BPF_LD | BPF_W | BPF_ABS, f->code);
			ATF_REQUIRE(f->k + sizeof(a) <= sizeof(*data));
			memcpy(&a, (const char *)data + f->k, sizeof(a));
			break;
		case BPF_ALU:
			ATF_REQUIRE_EQ(BPF_ALU | BPF_AND | BPF_K, f->code);
			a &= f->k;
			break;
		case BPF_JMP:
			if (BPF_OP(f->code) == BPF_JA)
				pc += f->k;
			else
				pc += jumps(f, a) ? f->jt : f->jf;
			break;
		case BPF_RET:
			return f->k;
		default:
			atf_tc_fail("unknown instruction %#x", f->code);
		}
	}
	atf_tc_fail("the filter has no end");
}

static void
check_call(const struct sock_filter *insns, size_t n, const struct arch *arch,
    size_t role, const struct expected *e)
{
	struct seccomp_data data = { .arch = arch->token };
	bool allowed = strchr(e->roles, roles[role].letter) != NULL;
	uint32_t verdict, refused = strcmp(e->name, "socketcall") == 0 ?
	    SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_TRAP;
	int nr, i;

	nr = number_of(arch, e->name);
	if (nr < 0) {
		/* Newer than this libseccomp, which then cannot allow it. */
		ATF_CHECK_MSG(nr == __NR_SCMP_ERROR, "%s has no %s",
		    arch->name, e->name);
		return;
	}
	data.nr = nr;
	/* A row with one argument has 0 as its first one too. */
	for (i = 2; i-- > 0; )
		data.args[e->args[i].arg] = e->args[i].value;
	verdict = run(insns, n, &data);
	ATF_CHECK_MSG(verdict == (allowed ? SECCOMP_RET_ALLOW : refused),
	    "%s on %s: %s, argument %u %#llx, %u %#llx: %#x",
	    role_name(roles[role].role), arch->name, e->name, e->args[0].arg,
	    (unsigned long long)e->args[0].value, e->args[1].arg,
	    (unsigned long long)e->args[1].value, verdict);
}

static struct sock_filter insns[INSNS_MAX];

TEST(filter__calls_of_libc)
{
	size_t a, r, n;

#ifdef SANDBOX_SANITIZED
	atf_tc_skip("sanitizers make other calls besides");
#endif
	for (a = 0; a < NARCHS; a++)
		for (r = 0; r < NROLES; r++) {
			n = load(roles[r].role, archs[a].token, insns);
			EACH(row, expected)
				if (strchr(row->archs,
				    archs[a].letter) != NULL)
					check_call(insns, n, &archs[a], r,
					    row);
		}
}

/* Who adds a call to the table thinks about its arguments. */
TEST(filter__arguments_are_checked)
{
	const char *call;
	unsigned role_bits;
	bool checked;
	size_t i, j;

	for (i = 0; (call = seccomp_call(i, &role_bits, &checked)) != NULL;
	    i++) {
		for (j = 0; j < sizeof(plain) / sizeof(plain[0]); j++)
			if (strcmp(plain[j], call) == 0)
				break;
		ATF_CHECK_MSG(checked == (j == sizeof(plain) /
		    sizeof(plain[0])), "%s is %schecked", call,
		    checked ? "" : "not ");
	}
}

/* Numbers of one architecture mean other calls on the next one. */
TEST(filter__foreign_architectures)
{
	struct seccomp_data data = { 0 };
	size_t a, other, r, n;

	for (a = 0; a < NARCHS; a++)
		for (r = 0; r < NROLES; r++) {
			n = load(roles[r].role, archs[a].token, insns);
			for (other = 0; other < NARCHS; other++) {
				if (other == a)
					continue;
				data.arch = archs[other].token;
				data.nr = number_of(&archs[other], "recvmsg");
				ATF_CHECK_EQ(SECCOMP_RET_KILL_PROCESS,
				    run(insns, n, &data));
			}
		}
	/* x32 has the architecture of x86_64. */
	n = load(ROLE_FRONT, SCMP_ARCH_X86_64, insns);
	data.arch = SCMP_ARCH_X86_64;
	data.nr = 0x40000000 | seccomp_syscall_resolve_name_arch(
	    SCMP_ARCH_X86_64, "recvmsg");
	ATF_CHECK_EQ(SECCOMP_RET_KILL_PROCESS, run(insns, n, &data));
}
