/* SPDX-License-Identifier: ISC */
/*
 * Turns a process that root started into one that can do only its own task.
 * Layers overlap on purpose: if a kernel, a container or a bug takes one away,
 * another still refuses.
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/capability.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sandbox/sandbox.h"
#include "common/sandbox/selftest.h"

#define GROUPS_MAX	256

/* Landlock, with the kernel's names without LANDLOCK_.  Every right that the
   running kernel can refuse is refused, also rights that are newer than the
   headers of this build: hence the constants here. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset	444
#define SYS_landlock_add_rule		445
#define SYS_landlock_restrict_self	446
#endif

#define CREATE_RULESET_VERSION	(1U << 0)
#define RULE_PATH_BENEATH	1

#define FS_EXECUTE	(1ULL << 0)
#define FS_WRITE_FILE	(1ULL << 1)
#define FS_READ_FILE	(1ULL << 2)
#define FS_READ_DIR	(1ULL << 3)
#define FS_REMOVE_DIR	(1ULL << 4)
#define FS_REMOVE_FILE	(1ULL << 5)
#define FS_MAKE_CHAR	(1ULL << 6)
#define FS_MAKE_DIR	(1ULL << 7)
#define FS_MAKE_REG	(1ULL << 8)
#define FS_MAKE_SOCK	(1ULL << 9)
#define FS_MAKE_FIFO	(1ULL << 10)
#define FS_MAKE_BLOCK	(1ULL << 11)
#define FS_MAKE_SYM	(1ULL << 12)
#define FS_REFER	(1ULL << 13)	/* ABI 2 */
#define FS_TRUNCATE	(1ULL << 14)	/* ABI 3 */
#define FS_IOCTL_DEV	(1ULL << 15)	/* ABI 5 */

#define NET_BIND_TCP	(1ULL << 0)	/* ABI 4 */
#define NET_CONNECT_TCP	(1ULL << 1)

#define SCOPE_ABSTRACT_UNIX_SOCKET	(1ULL << 0)	/* ABI 6 */
#define SCOPE_SIGNAL			(1ULL << 1)

struct ruleset_attr {
	uint64_t	fs;
	uint64_t	net;
	uint64_t	scoped;
};

struct path_beneath_attr {
	uint64_t	allowed;
	int32_t		parent_fd;
} __attribute__((__packed__));

struct confines {
	rlim_t	max_fds;
	bool	writes;		/* may write files: entries, the access log */
	bool	groups;		/* keeps the user's other groups */
};

static const struct confines confines[ROLE_COUNT] = {
	/* Enough for the default of max-connections; the front computes its
	   real number. */
	[ROLE_FRONT] = { .max_fds = 4096, .writes = true },
	/*
	 * The directories of a glob and 32 files to send.  Descriptors in
	 * messages that nobody has received yet count too, for all processes of
	 * the user: two messages for each of 64 hashers, of at most 1024 files
	 * that the front has open for them.  A mirror is often readable by a
	 * group.
	 */
	[ROLE_WALKER] = { .max_fds = 4096, .groups = true },
	/* The 32 files of each of two batches; three channels; 0 to 2. */
	[ROLE_HASHER] = { .max_fds = 72 },
	/* An entry, and a directory at each level of a path during a sweep. */
	[ROLE_CACHE] = { .max_fds = 256, .writes = true, .groups = true },
	/* Three channels; 0 to 2; and those that come with a wrong message,
	   until it is refused for its type. */
	[ROLE_TRACKER] = { .max_fds = 40 },
};

/* The rights below the role's directory; no role may execute a file. */
static const uint64_t fs_allowed[ROLE_COUNT] = {
	[ROLE_WALKER] = FS_READ_FILE | FS_READ_DIR,
	/* Entries are written under a temporary name in their own directory, so
	   neither REFER nor TRUNCATE is needed. */
	[ROLE_CACHE] = FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE |
	    FS_MAKE_REG | FS_MAKE_DIR | FS_REMOVE_FILE | FS_REMOVE_DIR,
};

/* The layers that are active so far. */
struct held {
	bool	user;
	bool	chroot;
	bool	caps;
	bool	nnp;
	bool	limits;
	int	landlock;	/* ABI; 0: none */
	bool	seccomp;
};

/* The part of a user that is needed to drop root. */
struct account {
	uid_t	uid;
	gid_t	gid;
	gid_t	groups[GROUPS_MAX];
	int	ngroups;
};

/*
 * Report a missing layer, its errno, and the change that would provide it.  The
 * layer needs these system calls; if a filter refuses one of them, report that
 * instead.
 */
static void
missing(const struct sandbox *sb, const char *layer, const char *calls,
    const char *change, int error)
{
	char name[32], cause[SELFTEST_CAUSE_LEN], text[512];
	int refusal;

	if (selftest_find_refused(calls, name, sizeof(name), &refusal)) {
		snprintf(text, sizeof(text), "%s: %s", name,
		    selftest_explain(cause, name, refusal));
		change = text;
		error = refusal;
	}
	if (sb->strict)
		fatal("sandbox: no %s (%s): %s, or set \"sandbox "
		    "best-effort\"", layer, strerror(error), change);
	log_warn("sandbox: going on without %s (%s): %s", layer,
	    strerror(error), change);
}

static void
find_account(const struct sandbox *sb, struct account *account)
{
	const struct passwd *pw;

	errno = 0;
	pw = getpwnam(sb->user);
	if (pw == NULL)
		fatal("sandbox: no user %s: create it, or name another with "
		    "\"user\"", sb->user);
	if (pw->pw_uid == 0 || pw->pw_gid == 0)
		fatal("sandbox: user %s is root or in its group: name "
		    "another with \"user\"", sb->user);
	account->uid = pw->pw_uid;
	account->gid = pw->pw_gid;
	account->groups[0] = pw->pw_gid;
	account->ngroups = 1;
	if (!confines[sb->role].groups)
		return;
	account->ngroups = GROUPS_MAX;
	if (getgrouplist(sb->user, pw->pw_gid, account->groups,
	    &account->ngroups) == -1)
		fatal("sandbox: user %s is in more than %d groups", sb->user,
		    GROUPS_MAX);
}

/*
 * Make a directory, open and remove it: nobody can make a file in it, and
 * nothing is left to clean up.  Where others may write, another directory could
 * have taken its place in between; only one that has been removed, and so was
 * empty, is returned.  -1 with errno.
 */
static int
open_empty_dir(const char *path)
{
	struct stat st;
	int fd, error;

	/* The process enters it as its user. */
	if (mkdir(path, 0555) == -1)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	error = errno;
	if (rmdir(path) == -1 && fd != -1)
		error = errno;
	else if (fd != -1 && fstat(fd, &st) == 0 && st.st_nlink == 0)
		return fd;
	else if (fd != -1)
		error = EEXIST;
	if (fd != -1)
		close(fd);
	errno = error;
	return -1;
}

static int
enter_empty_dir(void)
{
	static const char *const places[] = { "/run", "/tmp", "/dev/shm" };
	char path[64];
	size_t i;
	int fd, error = ENOENT;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/pkgtorrentd.%08x", places[i],
		    arc4random());
		fd = open_empty_dir(path);
		if (fd != -1 && fchdir(fd) == 0)
			return close(fd);
		error = errno;
		if (fd != -1)
			close(fd);
	}
	errno = error;
	return -1;
}

static int
set_caps(uint64_t effective, uint64_t permitted)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)effective,
		    .permitted = (uint32_t)permitted },
		{ .effective = (uint32_t)(effective >> 32),
		    .permitted = (uint32_t)(permitted >> 32) },
	};

	return (int)syscall(SYS_capset, &header, data);
}

static uint64_t
permitted_caps(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) == -1)
		return 0;
	return data[0].permitted | (uint64_t)data[1].permitted << 32;
}

/*
 * Limit the capabilities that an executed program could get to keep.  Without
 * CAP_SETPCAP (an ordinary user, a small container) no_new_privs does the same
 * and needs no capability.
 */
static void
bound_caps(uint64_t keep)
{
	int cap;

	for (cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!(keep & (1ULL << cap)) &&
		    prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == -1)
			break;
	/* EINVAL before Linux 4.3, which has no ambient capabilities. */
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

/* Become the user, but keep the capability of chroot(2).  NULL, or the name of
   the call that failed, with errno. */
static const char *
become_user(const struct account *account)
{
	uint64_t keep;

	bound_caps(0);
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == -1)
		return "prctl";
	if (setgroups((size_t)account->ngroups, account->groups) == -1)
		return "setgroups";
	if (setresgid(account->gid, account->gid, account->gid) == -1)
		return "setresgid";
	if (setresuid(account->uid, account->uid, account->uid) == -1)
		return "setresuid";
	keep = 1ULL << CAP_SYS_CHROOT & permitted_caps();
	return set_caps(keep, keep) == -1 ? "capset" : NULL;
}

static void __attribute__((__noreturn__))
fatal_dir(const struct sandbox *sb, const struct held *held)
{
	int error = errno;

	if (!held->user || error != EACCES)
		fatal("sandbox: %s: %s", sb->dir, strerror(error));
	fatal("sandbox: %s: %s: make it readable and accessible to the user "
	    "%s", sb->dir, strerror(error), sb->user);
}

/* Enter the directory as the user, with the rights of the user on the path to
   it: root may have fewer without its capabilities, or more with them. */
static void
enter_dir(const struct sandbox *sb, struct held *held)
{
	if (sb->dir != NULL && chdir(sb->dir) == -1)
		fatal_dir(sb, held);
	if (!sb->privileged)
		return;
	if (chroot(".") == 0 && chdir("/") == 0)
		held->chroot = true;
	else
		missing(sb, "chroot", "chroot/chdir",
		    "give the parent CAP_SYS_CHROOT", errno);
}

static void
enter_user(const struct sandbox *sb, struct held *held)
{
	struct account account;
	const char *failed;
	char change[192];

	find_account(sb, &account);
	if (sb->dir == NULL && enter_empty_dir() == -1) {
		snprintf(change, sizeof(change), "make /run or /tmp writable "
		    "for root%s", selftest_hint(errno));
		missing(sb, "empty directory", "mkdir/openat/rmdir/fchdir",
		    change, errno);
	}
	if ((failed = become_user(&account)) != NULL) {
		/* A filter would give the same error. */
		snprintf(change, sizeof(change), "give the parent CAP_SETUID "
		    "and CAP_SETGID, and let filters pass %s", failed);
		missing(sb, "change of user",
		    "prctl/setresgid/setresuid/capset", change, errno);
		return;
	}
	held->user = true;
}

/* Drop all capabilities, and verify that they cannot be regained. */
static void
drop_caps(const struct sandbox *sb, struct held *held)
{
	bound_caps(0);
	if (set_caps(0, 0) == -1)
		fatal("sandbox: capset: %s", strerror(errno));
	if (permitted_caps() != 0 ||
	    set_caps(1ULL << CAP_SETUID, 1ULL << CAP_SETUID) == 0)
		fatal("sandbox: capabilities came back");
	held->caps = true;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		missing(sb, "no_new_privs", "prctl", "use Linux 3.5 or later",
		    errno);
	else
		held->nnp = true;
	if (held->user && (setuid(0) != -1 || seteuid(0) != -1 ||
	    setgid(0) != -1 || setegid(0) != -1))
		fatal("sandbox: root came back");
}

static int
limit(int resource, rlim_t value)
{
	struct rlimit rl = { .rlim_cur = value, .rlim_max = value };

	return setrlimit(resource, &rl);
}

/* Set the number of descriptors, or the hard limit if that is lower. */
static int
limit_fds(rlim_t wanted)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return -1;
	if (wanted > rl.rlim_max) {
		log_warn("%ju descriptors wanted, %ju may be had: raise "
		    "the hard limit (LimitNOFILE)", (uintmax_t)wanted,
		    (uintmax_t)rl.rlim_max);
		wanted = rl.rlim_max;
	}
	return limit(RLIMIT_NOFILE, wanted);
}

/* The same for memory, of which a sanitizer reserves terabytes. */
static int
limit_data(rlim_t wanted)
{
	struct rlimit rl;

#ifdef SANDBOX_SANITIZED
	wanted = 0;
#endif
	if (wanted == 0)
		return 0;
	if (getrlimit(RLIMIT_DATA, &rl) == -1)
		return -1;
	return limit(RLIMIT_DATA, wanted < rl.rlim_max ? wanted : rl.rlim_max);
}

static void
set_limits(const struct sandbox *sb, struct held *held)
{
	const struct confines *own = &confines[sb->role];

	if (limit_fds(sb->max_fds != 0 ? sb->max_fds : own->max_fds) == -1 ||
	    limit(RLIMIT_NPROC, 0) == -1 ||
	    (!own->writes && limit(RLIMIT_FSIZE, 0) == -1) ||
	    limit_data(sb->max_data) == -1 ||
	    limit(RLIMIT_CORE, 0) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		missing(sb, "limits", "prlimit64/prctl",
		    "allow setrlimit(2) and prctl(2)", errno);
	else
		held->limits = true;
}

/*
 * Landlock before ABI 3 does not check open(O_TRUNC), and seccomp cannot see
 * flags of openat2.  So the permissions of the mirror itself must forbid the
 * walker to write.
 */
static void
check_root_not_writable(const struct sandbox *sb, int dirfd)
{
	struct stat st;

	if (fstat(dirfd, &st) == -1)
		fatal("sandbox: %s: %s", sb->dir, strerror(errno));
	/* The owner could change the mode, except on a read-only mount. */
	if (faccessat(dirfd, ".", W_OK, AT_EACCESS) == -1 &&
	    (st.st_uid != geteuid() || errno == EROFS))
		return;
	if (sb->strict && sb->privileged)
		fatal("sandbox: user %s %s %s: give it to another user, or "
		    "set \"sandbox best-effort\"", sb->user,
		    st.st_uid == geteuid() ? "owns" : "may write to",
		    sb->dir);
	log_warn("sandbox: the walker's user may write to %s", sb->dir);
}

static void
name_layers(const struct sandbox *sb, const struct held *held, char *layers,
    size_t len)
{
	char landlock[32] = "";

	if (held->landlock > 0)
		snprintf(landlock, sizeof(landlock), ",landlock=%d",
		    held->landlock);
	snprintf(layers, len, "%s%s%s%s%s%s%s%s%s",
	    held->chroot ? "chroot," : "",
	    held->user ? "user=" : "", held->user ? sb->user : "",
	    held->user ? "," : "",
	    held->caps ? "caps" : "",
	    held->nnp ? ",nnp" : "", landlock,
	    held->seccomp ? ",seccomp" : "",
	    held->limits ? ",limits" : "");
}

/* All rights that a kernel with this ABI can refuse. */
static struct ruleset_attr
handled_by(int abi)
{
	struct ruleset_attr attr = { .fs = (FS_MAKE_SYM << 1) - 1 };

	if (abi >= 2)
		attr.fs |= FS_REFER;
	if (abi >= 3)
		attr.fs |= FS_TRUNCATE;
	if (abi >= 4)
		attr.net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= 5)
		attr.fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		attr.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
	return attr;
}

/* Allow paths below dirfd (-1: none) as the role needs them.  Returns the ABI
   of the kernel, or -1 with errno. */
int
landlock_enter(enum role role, int dirfd)
{
	struct ruleset_attr attr;
	struct path_beneath_attr path = { .parent_fd = dirfd };
	int abi, fd, error;

	abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    CREATE_RULESET_VERSION);
	if (abi <= 0)
		return -1;
	attr = handled_by(abi);
	/* An older kernel accepts a longer struct if the rest is zero. */
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd == -1)
		return -1;
	path.allowed = fs_allowed[role] & attr.fs;
	if ((dirfd != -1 && syscall(SYS_landlock_add_rule, fd,
	    RULE_PATH_BENEATH, &path, 0) == -1) ||
	    syscall(SYS_landlock_restrict_self, fd, 0) == -1) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	close(fd);
	return abi;
}

/* With a chroot, a missing Landlock is only worth a warning. */
static void
enter_landlock(const struct sandbox *sb, struct held *held, int dirfd)
{
	static const char calls[] = "landlock_create_ruleset/"
	    "landlock_add_rule/landlock_restrict_self";
	char name[32], cause[SELFTEST_CAUSE_LEN];
	int error;

	held->landlock = landlock_enter(sb->role, dirfd);
	if (held->landlock > 0)
		return;
	error = errno;
	if (!held->chroot)
		missing(sb, "Landlock", calls, "start as root, for a chroot, "
		    "or use a kernel with Landlock (5.13) in its lsm= list",
		    error);
	else if (selftest_find_refused(calls, name, sizeof(name), &error))
		log_warn("sandbox: no Landlock (%s): the chroot has to do: "
		    "%s: %s", strerror(error), name,
		    selftest_explain(cause, name, error));
	else
		log_warn("sandbox: this kernel has no Landlock (%s): the "
		    "chroot has to do", strerror(error));
}

void
sandbox_enter(const struct sandbox *sb, int *dirfd, char *layers,
    size_t layers_len)
{
	struct held held = { 0 };

	*dirfd = -1;
	if (sb->privileged)
		enter_user(sb, &held);
	enter_dir(sb, &held);
	drop_caps(sb, &held);
	if (sb->dir != NULL) {
		*dirfd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (*dirfd == -1)
			fatal_dir(sb, &held);
	}
	if (sb->role == ROLE_WALKER)
		check_root_not_writable(sb, *dirfd);
	set_limits(sb, &held);
	enter_landlock(sb, &held, *dirfd);
	if (seccomp_enter(sb->role, sb->channel_fd) == 0)
		held.seccomp = true;
	else
		missing(sb, "seccomp", "seccomp", "use a kernel with "
		    "CONFIG_SECCOMP_FILTER", errno);
	name_layers(sb, &held, layers, layers_len);
}

void
sandbox_enter_parent(char *layers, size_t layers_len)
{
	/*
	 * Children inherit SETUID, SETGID and SYS_CHROOT, use them and drop
	 * them, with SETPCAP to empty their bounding sets.  KILL is for
	 * children with another user.  NET_BIND_SERVICE is for ports below
	 * 1024, also after SIGHUP.
	 */
	uint64_t keep = 1ULL << CAP_SETUID | 1ULL << CAP_SETGID |
	    1ULL << CAP_SYS_CHROOT | 1ULL << CAP_KILL |
	    1ULL << CAP_NET_BIND_SERVICE | 1ULL << CAP_SETPCAP;

	bound_caps(keep);
	keep &= permitted_caps();
	if (set_caps(keep, keep) == -1)
		fatal("sandbox: capset: %s", strerror(errno));
	/* A program executed by root still gets these: no_new_privs only
	   forbids to add more. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    limit(RLIMIT_CORE, 0) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		fatal("sandbox: %s", strerror(errno));
	snprintf(layers, layers_len, "caps,nnp,limits");
}
