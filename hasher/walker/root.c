/* SPDX-License-Identifier: ISC */
/*
 * Only this file looks paths up.  A look-up starts at the root's descriptor
 * with the whole path, also within a glob, so that links that lead up and down
 * again below the root work everywhere.  A name that is no link is looked up
 * from its directory if that was the last one used, which costs half as much.
 */
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <linux/openat2.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/sandbox/selftest.h"
#include "hasher/walker/match.h"
#include "hasher/walker/root.h"

/*
 * openat2(2) returns EAGAIN if anything on the machine is renamed while it
 * follows a "..", because it cannot tell whether the path still stays below
 * the root.
 */
#define RACE_RETRIES	256

const char *
root_prefix(const struct root *root)
{
	return root->conf->roots[root->index].prefix;
}

/* Does a deny pattern cover the path as it is written? */
static bool
root_denies(const struct root *root, const char *path, size_t len)
{
	const struct strings	*deny = &root->conf->deny;
	size_t			 i;

	for (i = 0; i < deny->n; i++)
		if (match_covers(deny->v[i], strlen(deny->v[i]), path, len))
			return true;
	return false;
}

enum path_status
root_admits(const struct root *root, const char *path, size_t len)
{
	if (conf_root_of(root->conf, path, len) != (int)root->index)
		return PATH_MISSING;
	return root_denies(root, path, len) ? PATH_REFUSED : PATH_OK;
}

static void
log_link(struct root *root, const char *path, size_t len)
{
	char	escaped[512];

	if (!log_once(&root->link_logged_ms, ROOT_LOG_MS, clock_ms()))
		return;
	log_warn("refused \"%s\": a symbolic link on its way is absolute, "
	    "leaves the root or leads back to itself; use a relative link, a "
	    "bind mount or a root of its own",
	    log_escape(escaped, sizeof(escaped), path, len));
}

/* A client does not learn which names a pattern leaves out, but the
   administrator must. */
static void
log_unreadable(struct root *root, const char *path, size_t len, int error)
{
	char	escaped[512];

	if (root_denies(root, path, len) ||
	    !log_once(&root->unreadable_logged_ms, ROOT_LOG_MS, clock_ms()))
		return;
	log_warn("left out or refused \"%s\": the walker's user may not read "
	    "it (%s); let it, or name such paths with deny",
	    log_escape(escaped, sizeof(escaped), path, len),
	    strerror(error));
}

/* The status for an errno of the file system; logs it. */
static enum path_status
root_status(struct root *root, int error, const char *path, size_t len)
{
	char	escaped[512];

	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
		return PATH_MISSING;
	case EACCES:
	case EPERM:
		log_unreadable(root, path, len, error);
		return PATH_REFUSED;
	case EXDEV:
	case ELOOP:
		log_link(root, path, len);
		return PATH_LINK;
	case ENXIO:
	case ENODEV:
		return PATH_NOT_FILE;
	default:
		/* The disk has a fault, or there are too few descriptors. */
		if (log_once(&root->error_logged_ms, ROOT_LOG_MS,
		    clock_ms()))
			log_error("cannot look up \"%s\": %s",
			    log_escape(escaped, sizeof(escaped), path, len),
			    strerror(error));
		return PATH_FAILED;
	}
}

/* A doubled slash would give a file a second name. */
static bool
is_doubled(const char *path, size_t len)
{
	return memmem(path, len, "//", 2) != NULL;
}

/* The path below the root's directory, or NULL: no file has that path. */
static const char *
path_below(const struct root *root, const char *path, size_t len,
    char below[SPEC_MAX + 1])
{
	size_t	 skip = strlen(root_prefix(root));

	if (len > SPEC_MAX || len <= skip || is_doubled(path, len))
		return len == skip ? "." : NULL;
	memcpy(below, path + skip + 1, len - skip - 1);
	below[len - skip - 1] = '\0';
	return below;
}

/* Returns a descriptor, or -1 with *status. */
static int
open_beneath(struct root *root, const char *path, size_t len, int flags,
    enum path_status *status)
{
	struct open_how	 how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	char		 room[SPEC_MAX + 1];
	const char	*below = path_below(root, path, len, room);
	unsigned	 tries = 0;
	int		 fd;

	if (below == NULL) {
		*status = PATH_MISSING;
		return -1;
	}
	do
		fd = (int)syscall(SYS_openat2, root->fd, below, &how,
		    sizeof(how));
	while (fd == -1 && (errno == EAGAIN || errno == EINTR) &&
	    ++tries < RACE_RETRIES);
	if (fd == -1)
		*status = root_status(root, errno, path, len);
	return fd;
}

/* By syscall(2): on a kernel without this call glibc would judge by the file's
   mode, which ignores access control lists. */
static int
may_read(int fd, const char *name, int flags)
{
	return (int)syscall(SYS_faccessat2, fd, name, R_OK,
	    flags | AT_EACCESS);
}

static void
log_mount(struct mount *m, const char *place)
{
	char	number[32];

	m->told = true;
	snprintf(number, sizeof(number), "type 0x%x", m->magic);
	log_info("%s is on %s, where change times do not tell of every "
	    "change: torrents of files there are remembered in memory only, "
	    "until something is mounted or unmounted", place,
	    m->type->magic != 0 ? m->type->name : number);
}

/* The mount of a file, looked up the first time that one of its files is
   seen; NULL if that fails. */
static struct mount *
find_mount(struct root *root, const char *path, size_t len,
    const struct statx *stx)
{
	struct mount	*m = mounts_find(&root->mounts, stx);
	char		 escaped[512], place[600];
	enum path_status status;
	int		 fd;

	if (m == NULL) {
		fd = open_beneath(root, path, len, O_PATH, &status);
		if (fd == -1)
			return NULL;
		m = mounts_learn(&root->mounts, stx, fd);
		close(fd);
	}
	if (m != NULL && !m->type->keeps_ctime && !m->told &&
	    log_once(&root->mount_logged_ms, ROOT_LOG_MS, clock_ms())) {
		snprintf(place, sizeof(place), "\"%s\" below the root",
		    log_escape(escaped, sizeof(escaped), path, len));
		log_mount(m, place);
	}
	return m;
}

/* Fill *seen from *stx; before_ns is the time of day before that statx(2). */
static enum path_status
seen_from_stat(struct root *root, const char *path, size_t len,
    struct seen *seen, const struct statx *stx, int64_t before_ns)
{
	struct mount	*m;

	seen->type = stx->stx_mode & S_IFMT;
	if (!S_ISREG(stx->stx_mode))
		return PATH_NOT_FILE;
	m = find_mount(root, path, len, stx);
	identity_of(&seen->identity, stx);
	seen->identity.mount = mounts_identity(&root->mounts,
	    m != NULL ? m->type : NULL, stx);
	/* The hasher checks files that are not empty. */
	seen->young = stx->stx_size == 0 && !identity_settled(&seen->identity,
	    before_ns, m != NULL && m->type->local);
	return PATH_OK;
}

/* Let the kernel follow a link, from the root. */
static enum path_status
look_through(struct root *root, const char *path, size_t len,
    struct seen *seen, bool open_next)
{
	enum path_status status;
	struct statx	 stx;
	int64_t		 before_ns = clock_real_ns();
	int		 fd;

	fd = open_beneath(root, path, len, O_PATH, &status);
	if (fd == -1)
		return status;
	if (mounts_stat(fd, "", AT_EMPTY_PATH, &stx) == -1)
		status = root_status(root, errno, path, len);
	else {
		status = seen_from_stat(root, path, len, seen, &stx,
		    before_ns);
		if (status == PATH_OK && !open_next &&
		    may_read(fd, "", AT_EMPTY_PATH) == -1)
			status = root_status(root, errno, path, len);
	}
	close(fd);
	return status;
}

void
root_forget(struct root *root)
{
	if (root->parent_fd != -1)
		close(root->parent_fd);
	root->parent_fd = -1;
}

/* Make this directory root->parent. */
static enum path_status
find_parent(struct root *root, const char *path, size_t len)
{
	enum path_status status = PATH_OK;

	if (root->parent_fd != -1 && root->parent_len == len &&
	    memcmp(root->parent, path, len) == 0)
		return PATH_OK;
	root_forget(root);
	root->parent_fd = open_beneath(root, path, len, O_PATH | O_DIRECTORY,
	    &status);
	if (status == PATH_OK) {
		memcpy(root->parent, path, len);
		root->parent_len = len;
	}
	return status;
}

/* open_next: an open(2) for reading follows, which tells if that is allowed. */
static enum path_status
look(struct root *root, const char *path, size_t len, struct seen *seen,
    bool open_next)
{
	enum path_status status;
	struct statx	 stx;
	int64_t		 before_ns;
	char		 name[NAME_MAX + 1];
	const char	*slash = memrchr(path, '/', len);
	size_t		 name_len = (size_t)(path + len - slash - 1);

	memset(seen, 0, sizeof(*seen));
	if (len == strlen(root_prefix(root)))
		return look_through(root, path, len, seen, open_next);
	if (len > SPEC_MAX || name_len > NAME_MAX || is_doubled(path, len))
		return PATH_MISSING;
	status = find_parent(root, path, (size_t)(slash - path));
	if (status != PATH_OK)
		return status;
	memcpy(name, slash + 1, name_len);
	name[name_len] = '\0';
	before_ns = clock_real_ns();
	if (mounts_stat(root->parent_fd, name, AT_SYMLINK_NOFOLLOW,
	    &stx) == -1)
		return root_status(root, errno, path, len);
	if (S_ISLNK(stx.stx_mode)) {
		seen->link = true;
		return look_through(root, path, len, seen, open_next);
	}
	status = seen_from_stat(root, path, len, seen, &stx, before_ns);
	if (status == PATH_OK && !open_next &&
	    may_read(root->parent_fd, name, AT_SYMLINK_NOFOLLOW) == -1)
		status = root_status(root, errno, path, len);
	return status;
}

enum path_status
root_look(struct root *root, const char *path, size_t len, struct seen *seen)
{
	return look(root, path, len, seen, false);
}

enum path_status
root_open(struct root *root, const char *path, size_t len, int flags,
    struct seen *seen, int *fd)
{
	enum path_status status = PATH_OK;
	struct statx	 stx;

	*fd = -1;
	/* Do not open a file before it is known to be regular: opening a tape
	   drive rewinds it. */
	if (!(flags & O_DIRECTORY))
		status = look(root, path, len, seen, true);
	if (status != PATH_OK)
		return status;
	*fd = open_beneath(root, path, len,
	    flags | O_RDONLY | O_NONBLOCK | O_NOCTTY, &status);
	if (*fd == -1 || (flags & O_DIRECTORY))
		return status;
	if (mounts_stat(*fd, "", AT_EMPTY_PATH, &stx) == 0 &&
	    S_ISREG(stx.stx_mode))
		return seen_from_stat(root, path, len, seen, &stx,
		    clock_real_ns());
	close(*fd);
	*fd = -1;
	return PATH_NOT_FILE;
}

/* The system calls that the walker needs, tried in its root after lockdown. */

struct trial {
	int	root;
	int	dir;		/* the root, opened as a look-up does */
};

/* Opens the root as open_beneath() does. */
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

/* By syscall(2): after ENOSYS libc would use another call, which does not tell
   the mount's number. */
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

/* EBADF passes: a filter that refuses the call gives another error. */
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

static void
root_selftest(const struct root *root)
{
	struct trial	t = { .root = root->fd, .dir = -1 };

	selftest_run(root_selftests, root_nselftests, &t);
	if (t.dir != -1)
		close(t.dir);
}

void
root_start(struct root *root, struct msg_ready *ready)
{
	struct statx	 stx;
	struct mount	*m;
	char		 name[SPEC_MAX + 16];

	root_selftest(root);
	if (mounts_stat(root->fd, "", AT_EMPTY_PATH, &stx) == -1)
		return;
	ready->root_dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	ready->root_ino = stx.stx_ino;
	m = mounts_learn(&root->mounts, &stx, root->fd);
	if (m == NULL || m->type->keeps_ctime)
		return;
	snprintf(name, sizeof(name), "root %s",
	    root->conf->roots[root->index].dir);
	log_mount(m, name);
}
