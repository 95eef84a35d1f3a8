/* SPDX-License-Identifier: ISC */
/*
 * The store's system calls are tried in the sandbox.  The directory may be
 * full, read-only or of another owner; then the service works without a cache
 * and warns.  So calls with an invalid descriptor show whether a filter refuses
 * them, and a test entry shows whether the disk takes one.
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/sandbox/selftest.h"
#include "pkgtorrentd/cache/selftest_cache.h"

/* Test entries are made here if this directory exists. */
#define PLACE	"info"

static int
try_openat2(void *arg)
{
	const struct store *st = arg;
	int fd;

	fd = store_open_beneath(st->dirfd, ".", O_RDONLY | O_DIRECTORY);
	if (fd != -1)
		close(fd);
	return fd;
}

static int
try_fstatat(void *arg)
{
	const struct store *st = arg;
	struct stat sb;

	return fstatat(st->dirfd, ".", &sb, AT_SYMLINK_NOFOLLOW);
}

static int
try_getdents64(void *arg)
{
	char names[64];

	(void)arg;
	return (int)getdents64(-1, names, sizeof(names));
}

static int
try_openat(void *arg)
{
	(void)arg;
	return openat(-1, "x", O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY |
	    O_CLOEXEC);
}

static int
try_pread(void *arg)
{
	char byte;

	(void)arg;
	return (int)pread(-1, &byte, 1, 0);
}

static int
try_pwrite(void *arg)
{
	(void)arg;
	return (int)pwrite(-1, "x", 1, 0);
}

static int
try_flock(void *arg)
{
	(void)arg;
	return flock(-1, LOCK_EX | LOCK_NB);
}

static int
try_write(void *arg)
{
	(void)arg;
	return (int)write(-1, "x", 1);
}

static int
try_mkdirat(void *arg)
{
	(void)arg;
	return mkdirat(-1, "x", 0700);
}

static int
try_renameat(void *arg)
{
	(void)arg;
	return renameat(-1, "x", -1, "y");
}

static int
try_unlinkat(void *arg)
{
	(void)arg;
	return unlinkat(-1, "x", 0);
}

static int
try_utimensat(void *arg)
{
	(void)arg;
	/* Not futimens(3): libc answers an invalid descriptor itself. */
	return utimensat(-1, "x", NULL, 0);
}

const struct selftest store_selftests[] = {
	{ "openat2", try_openat2, false },
	{ "fstat/newfstatat/statx/fstat64/fstatat64", try_fstatat, false },
	{ "getdents64", try_getdents64, false },
	{ "openat", try_openat, false },
	{ "pread64", try_pread, false },
	{ "write", try_write, false },
	{ "pwrite64", try_pwrite, false },
	{ "flock", try_flock, false },
	{ "mkdirat", try_mkdirat, false },
	{ "renameat/renameat2", try_renameat, false },
	{ "unlinkat", try_unlinkat, false },
	{ "utimensat/utimensat_time64", try_utimensat, false },
};
const size_t store_nselftests =
    sizeof(store_selftests) / sizeof(store_selftests[0]);

/* Make, use and rename an entry in a directory of our own.  NULL, or the name
   of the call that failed, with errno. */
static const char *
live(int dir)
{
	struct stat sb;
	const char *failed = NULL;
	char byte;
	int fd, error;

	fd = openat(dir, "new", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (fd == -1)
		return "openat";
	if (write(fd, "x", 1) != 1)
		failed = "write";
	else if (futimens(fd, NULL) == -1)
		failed = "utimensat";
	error = errno;
	close(fd);
	errno = error;
	if (failed != NULL)
		return failed;
	if (renameat(dir, "new", dir, "entry") == -1)
		return "renameat";
	fd = store_open_beneath(dir, "entry", O_RDONLY);
	if (fd == -1)
		return "openat2";
	if (fstat(fd, &sb) == -1)
		failed = "fstat";
	else if (pread(fd, &byte, 1, 0) != 1)
		failed = "pread";
	error = errno;
	close(fd);
	errno = error;
	return failed;
}

/* The sweep removes a directory of this name, should we exit meanwhile. */
static const char *
live_beside(int place, const char *name)
{
	const char *failed;
	int dir, error;

	if (mkdirat(place, name, 0700) == -1)
		return "mkdirat";
	dir = store_open_beneath(place, name, O_RDONLY | O_DIRECTORY);
	failed = dir == -1 ? "openat2" : live(dir);
	error = errno;
	if (dir != -1) {
		(void)unlinkat(dir, "new", 0);
		(void)unlinkat(dir, "entry", 0);
		close(dir);
	}
	if (unlinkat(place, name, AT_REMOVEDIR) == -1 && failed == NULL)
		return "unlinkat";
	errno = error;
	return failed;
}

void
selftest_cache_disk(struct store *st)
{
	const char *failed;
	char name[64];
	int place;

	place = store_open_beneath(st->dirfd, PLACE, O_RDONLY | O_DIRECTORY);
	if (place == -1 && errno != ENOENT)
		return;
	(void)snprintf(name, sizeof(name), ENTRY_ASIDE "%" PRIu64 "-%u",
	    (uint64_t)clock_real_ns(), st->aside++);
	failed = live_beside(place == -1 ? st->dirfd : place, name);
	/* ENOENT: the sweep of another process has removed the directory. */
	if (failed != NULL && errno != ENOENT)
		log_warn("nothing can be stored in the cache: %s: %s%s",
		    failed, strerror(errno), selftest_hint(errno));
	if (place != -1)
		close(place);
}
