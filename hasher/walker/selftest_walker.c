/*
 * What the walker lives by, tried in its root once it is locked down.
 */
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <linux/openat2.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/sandbox/selftest.h"
#include "hasher/walker/resolve.h"

struct trial {
	int	root;
	int	dir;		/* the root, as a look-up opens it */
};

/* As open_beneath() in resolve.c does it. */
static int
open_root(const struct trial *t, int flags)
{
	struct open_how	how = {
		.flags = (uint64_t)(flags | O_DIRECTORY | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int		fd, tries = 0;

	do
		fd = (int)syscall(SYS_openat2, t->root, ".", &how,
		    sizeof(how));
	while (fd == -1 && errno == EAGAIN && ++tries < 256);
	return fd;
}

static int
try_openat2(void *arg)
{
	struct trial	*t = arg;
	int		 fd = open_root(t, O_PATH);

	if (fd == -1)
		return -1;
	close(fd);
	t->dir = open_root(t, O_RDONLY | O_NONBLOCK);
	return t->dir;
}

/* Called bare: libc makes up for ENOSYS, without the number of the mount. */
static int
try_statx(void *arg)
{
	const struct trial	*t = arg;
	struct statx		 stx;

	if (syscall(SYS_statx, t->dir, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT,
	    STATX_BASIC_STATS, &stx) == -1)
		return -1;
	return (int)syscall(SYS_statx, t->root, ".", AT_SYMLINK_NOFOLLOW |
	    AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &stx);
}

static int
try_fstatfs(void *arg)
{
	const struct trial	*t = arg;
	struct statfs		 sfs;

	return fstatfs(t->dir, &sfs);
}

/* That it may not be read is an answer, too: a refused call cannot tell what
   a descriptor of nothing is. */
static int
try_faccessat2(void *arg)
{
	(void)arg;
	return (int)syscall(SYS_faccessat2, -1, "x", R_OK,
	    AT_SYMLINK_NOFOLLOW | AT_EACCESS);
}

static int
try_faccessat2_fd(void *arg)
{
	const struct trial	*t = arg;

	return (int)syscall(SYS_faccessat2, t->dir, "", R_OK,
	    AT_EMPTY_PATH | AT_EACCESS);
}

static int
try_getdents64(void *arg)
{
	const struct trial	*t = arg;
	char			 names[4096];

	return (int)getdents64(t->dir, names, sizeof(names));
}

const struct selftest root_selftests[] = {
	{ "openat2", try_openat2, false },
	{ "statx", try_statx, false },
	{ "fstatfs/fstatfs64", try_fstatfs, false },
	{ "faccessat2", try_faccessat2, false },
	{ "faccessat2", try_faccessat2_fd, false },
	{ "getdents64", try_getdents64, false },
};
const size_t root_nselftests =
    sizeof(root_selftests) / sizeof(root_selftests[0]);

void
root_selftest(const struct root *root)
{
	struct trial	t = { .root = root->fd, .dir = -1 };

	selftest_run(root_selftests, root_nselftests, &t);
	if (t.dir != -1)
		close(t.dir);
}
