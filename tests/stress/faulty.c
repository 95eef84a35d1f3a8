/* SPDX-License-Identifier: ISC */
/*
 * pkgtorrentd on a disk that is as bad as a test wants it to be: each call
 * that the cache makes of its file system may fail, or do half its work.
 * All else, the filter too, is as it is.  The walkers' and hashers' program
 * is taken from the same directory.
 */
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <dirent.h>
#include <stdarg.h>

#include "tests/lib/faulty.h"

static const char *hasher_beside(void);
#define HASHER_PATH	hasher_beside()

#include "pkgtorrentd/main.c"

enum faulty_call {
	CALL_OPENAT, CALL_OPENAT2, CALL_WRITE, CALL_PREAD, CALL_FSTAT,
	CALL_FSTATAT, CALL_CLOSE, CALL_MKDIRAT, CALL_RENAMEAT, CALL_UNLINKAT,
	CALL_FUTIMENS, CALL_GETDENTS, CALL_PWRITE, CALL_FLOCK
};

static bool is_cache;

static const char *
hasher_beside(void)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.4000s/pkgtorrent-hasher", faulty_dir);
	return path;
}

static void __attribute__((__constructor__))
find_role(int argc, char *argv[])
{
	is_cache = argc == 1 && strcmp(argv[0], "pkgtorrentd: cache") == 0;
}

/* 0, or the fault of this call. */
static int
fault_of(enum faulty_call call)
{
	if (!is_cache || !(faults->calls & 1 << call))
		return 0;
	if (faults->skip > 0) {
		faults->skip--;
		return 0;
	}
	if (faults->times == 0)
		return 0;
	faults->times--;
	faults->made++;
	if (faults->how > 0)
		errno = (int)faults->how;
	return (int)faults->how;
}

int
openat(int dirfd, const char *name, int flags, ...)
{
	mode_t mode;
	va_list ap;

	REAL(openat);
	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return fault_of(CALL_OPENAT) ? -1 : real(dirfd, name, flags, mode);
}

/* openat2(2) has no function of its own. */
long __attribute__((__no_sanitize_address__))
syscall(long number, ...)
{
	long a[6];
	va_list ap;
	int i;

	REAL(syscall);
	va_start(ap, number);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (is_cache && number == SYS_openat2)
		faulty_meet((const char *)a[1]);
	if (number == SYS_openat2 && fault_of(CALL_OPENAT2))
		return -1;
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

ssize_t
write(int fd, const void *buf, size_t len)
{
	int fault = fault_of(CALL_WRITE);

	REAL(write);
	if (fault > 0)
		return -1;
	if (fault == FAULT_NOTHING)
		return 0;
	return real(fd, buf, fault == FAULT_HALF ? (len + 1) / 2 : len);
}

ssize_t
pread(int fd, void *buf, size_t len, off_t at)
{
	int fault = fault_of(CALL_PREAD);

	REAL(pread);
	if (fault > 0)
		return -1;
	if (fault == FAULT_NOTHING)
		return 0;
	return real(fd, buf, fault == FAULT_HALF ? (len + 1) / 2 : len, at);
}

ssize_t
pwrite(int fd, const void *buf, size_t len, off_t at)
{
	int fault = fault_of(CALL_PWRITE);

	REAL(pwrite);
	if (fault > 0)
		return -1;
	if (fault == FAULT_NOTHING)
		return 0;
	return real(fd, buf, fault == FAULT_HALF ? (len + 1) / 2 : len, at);
}

int
flock(int fd, int operation)
{
	REAL(flock);
	return fault_of(CALL_FLOCK) ? -1 : real(fd, operation);
}

int
fstat(int fd, struct stat *sb)
{
	REAL(fstat);
	return fault_of(CALL_FSTAT) ? -1 : real(fd, sb);
}

int
fstatat(int dirfd, const char *name, struct stat *sb, int flags)
{
	REAL(fstatat);
	return fault_of(CALL_FSTATAT) ? -1 : real(dirfd, name, sb, flags);
}

/* The descriptor is closed in any case, as with the kernel's errors. */
int
close(int fd)
{
	int rc;

	REAL(close);
	rc = real(fd);
	return fault_of(CALL_CLOSE) ? -1 : rc;
}

int
mkdirat(int dirfd, const char *name, mode_t mode)
{
	REAL(mkdirat);
	return fault_of(CALL_MKDIRAT) ? -1 : real(dirfd, name, mode);
}

int
renameat(int dirfd, const char *name, int to_dirfd, const char *to)
{
	REAL(renameat);
	return fault_of(CALL_RENAMEAT) ? -1 : real(dirfd, name, to_dirfd, to);
}

int
unlinkat(int dirfd, const char *name, int flags)
{
	REAL(unlinkat);
	return fault_of(CALL_UNLINKAT) ? -1 : real(dirfd, name, flags);
}

/* The kernel's now is not that of a clock that was moved. */
int
futimens(int fd, const struct timespec times[2])
{
	struct timespec now[2];

	REAL(futimens);
	clock_gettime(CLOCK_REALTIME, &now[0]);
	now[1] = now[0];
	return fault_of(CALL_FUTIMENS) ? -1 : real(fd, times != NULL ? times :
	    now);
}

ssize_t
getdents64(int fd, void *buf, size_t len)
{
	REAL(getdents64);
	return fault_of(CALL_GETDENTS) ? -1 : real(fd, buf, len);
}
