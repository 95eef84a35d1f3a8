/*
 * The paths that a process may use.  Every right that the running kernel can
 * refuse is refused, also rights that are newer than the headers of this build.
 * Hence the constants here (the kernel's names without LANDLOCK_).
 */
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <errno.h>
#include <unistd.h>

#include "common/sandbox/sandbox.h"

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

/* The rights below the role's directory; no role may execute a file. */
static const uint64_t fs_allowed[ROLE_COUNT] = {
	[ROLE_WALKER] = FS_READ_FILE | FS_READ_DIR,
	/* Entries are written under a temporary name in their own directory, so
	   neither REFER nor TRUNCATE is needed. */
	[ROLE_CACHE] = FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE |
	    FS_MAKE_REG | FS_MAKE_DIR | FS_REMOVE_FILE | FS_REMOVE_DIR,
};

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
