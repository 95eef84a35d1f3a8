/* SPDX-License-Identifier: ISC */
/*
 * The filters of all roles on all architectures that we support, without the
 * machines: calls of libc there pass, calls of nobody do not.  The
 * filters are those that libseccomp makes, run as the kernel runs them.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/filter.h>
#include <linux/net.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>

#include <seccomp.h>

#include "common/platform.h"
#include "common/sandbox/sandbox.h"
#include "tests/lib/test.h"

#define INSNS_MAX	4096

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
	{ 'c', ROLE_CACHE },
};

#define NARCHS	(sizeof(archs) / sizeof(archs[0]))
#define NROLES	(sizeof(roles) / sizeof(roles[0]))

/*
 * On these architectures the call, with that argument, is for these roles and
 * for no others.  The names are the calls that glibc 2.36 to 2.43 and
 * libevent 2.1 make for poll(3), fstat(3) and so on.
 */
static const struct expected {
	const char	*archs;
	const char	*roles;
	const char	*name;
	unsigned	 arg;
	uint64_t	 value;
} expected[] = {
	{ "xiah", "fwhc", "recvmsg", 0, 0 },
	{ "xiah", "fwhc", "sendmsg", 0, 0 },
	/* glibc of i386 is built for kernels that have no other. */
	{ "i", "fwhc", "socketcall", 0, SYS_RECVMSG },
	{ "i", "fwhc", "socketcall", 0, SYS_SENDMSG },
	{ "i", "f", "socketcall", 0, SYS_ACCEPT4 },
	{ "i", "f", "socketcall", 0, SYS_SHUTDOWN },
	{ "i", "", "socketcall", 0, SYS_SOCKET },
	{ "i", "", "socketcall", 0, SYS_CONNECT },
	{ "xiah", "fwhc", "close", 0, 0 }, { "xih", "fwhc", "poll", 0, 0 },
	{ "xiah", "fwhc", "ppoll", 0, 0 },
	{ "ih", "fwhc", "ppoll_time64", 0, 0 },
	{ "xiah", "fwhc", "exit_group", 0, 0 },
	{ "xiah", "fwhc", "rt_sigreturn", 0, 0 },
	{ "xiah", "fwhc", "brk", 0, 0 }, { "xiah", "fwhc", "munmap", 0, 0 },
	{ "xiah", "fwhc", "mremap", 0, 0 },
	{ "xa", "fwhc", "mmap", 2, PROT_READ | PROT_WRITE },
	{ "xa", "", "mmap", 2, PROT_READ | PROT_EXEC },
	{ "ih", "fwhc", "mmap2", 2, PROT_READ | PROT_WRITE },
	{ "ih", "", "mmap2", 2, PROT_READ | PROT_EXEC },
	/* Its arguments are in memory, and may be PROT_EXEC. */
	{ "i", "", "mmap", 2, 0 },
	{ "xiah", "fwhc", "madvise", 2, MADV_DONTNEED },
	{ "xiah", "h", "madvise", 2, MADV_POPULATE_READ },
	{ "xiah", "fwhc", "clock_gettime", 0, 0 },
	{ "ih", "fwhc", "clock_gettime64", 0, 0 },
	{ "xiah", "fwhc", "futex", 0, 0 },
	{ "ih", "fwhc", "futex_time64", 0, 0 },
	{ "xa", "fwhc", "fstat", 0, 0 }, { "xa", "fwhc", "newfstatat", 0, 0 },
	{ "xiah", "fwhc", "statx", 0, 0 }, { "ih", "fwhc", "fstat64", 0, 0 },
	{ "ih", "fwhc", "fstatat64", 0, 0 },

	{ "xih", "f", "epoll_wait", 0, 0 },
	{ "xiah", "f", "epoll_pwait", 0, 0 },
	{ "xiah", "f", "epoll_ctl", 0, 0 }, { "xiah", "f", "accept4", 0, 0 },
	{ "xiah", "f", "read", 0, 0 }, { "xiah", "f", "writev", 0, 0 },
	{ "xiah", "f", "shutdown", 0, 0 },
	{ "xiah", "f", "ioctl", 1, FIONREAD },
	{ "xiah", "f", "ioctl", 1, SIOCOUTQ },
	{ "xiah", "", "ioctl", 1, TIOCSTI }, { "xa", "f", "sendfile", 0, 0 },
	{ "ih", "f", "sendfile64", 0, 0 },
	{ "xa", "f", "fcntl", 1, F_DUPFD_CLOEXEC },
	{ "ih", "f", "fcntl64", 1, F_DUPFD_CLOEXEC },
	{ "xa", "fh", "fcntl", 1, F_GETFL },
	{ "ih", "fh", "fcntl64", 1, F_GETFL },
	{ "xiah", "", "fcntl", 1, F_SETFL },
	{ "ih", "", "fcntl64", 1, F_SETFL }, { "xiah", "fc", "write", 0, 0 },

	{ "xiah", "wc", "openat2", 0, 0 },
	{ "xiah", "wc", "getdents64", 0, 0 },
	{ "xiah", "w", "faccessat2", 0, 0 },

	{ "xiah", "h", "preadv2", 0, 0 }, { "xa", "h", "fadvise64", 0, 0 },
	{ "i", "h", "fadvise64_64", 0, 0 },
	{ "h", "h", "arm_fadvise64_64", 0, 0 },

	{ "xiah", "c", "openat", 0, 0 }, { "xiah", "c", "pread64", 0, 0 },
	{ "xiah", "c", "mkdirat", 0, 0 }, { "xiah", "c", "renameat", 0, 0 },
	{ "xiah", "c", "renameat2", 0, 0 }, { "xiah", "c", "unlinkat", 0, 0 },
	{ "xa", "c", "utimensat", 0, 0 },
	{ "ih", "c", "utimensat_time64", 0, 0 },

	{ "xih", "", "open", 0, 0 }, { "xiah", "", "socket", 0, 0 },
	{ "xiah", "", "connect", 0, 0 }, { "xiah", "", "execve", 0, 0 },
	{ "xiah", "", "execveat", 0, 0 }, { "xiah", "", "clone", 0, 0 },
	{ "xiah", "", "ptrace", 0, 0 },
	{ "xiah", "", "mprotect", 2, PROT_EXEC }, { "xiah", "", "kill", 0, 0 },
	{ "xiah", "", "io_uring_setup", 0, 0 },
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
		{ "socket", 359 }, { "connect", 362 }, { "accept4", 364 },
		{ "sendmsg", 370 }, { "recvmsg", 372 }, { "shutdown", 373 },
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
	uint32_t verdict;
	int nr;

	nr = number_of(arch, e->name);
	if (nr < 0) {
		/* Newer than this libseccomp, which then cannot allow it. */
		ATF_CHECK_MSG(nr == __NR_SCMP_ERROR, "%s has no %s",
		    arch->name, e->name);
		return;
	}
	data.nr = nr;
	data.args[e->arg] = e->value;
	verdict = run(insns, n, &data);
	ATF_CHECK_MSG(verdict == (allowed ? SECCOMP_RET_ALLOW :
	    SECCOMP_RET_TRAP), "%s on %s: %s, argument %u %#llx: %#x",
	    role_name(roles[role].role), arch->name, e->name, e->arg,
	    (unsigned long long)e->value, verdict);
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
