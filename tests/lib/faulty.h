/* SPDX-License-Identifier: ISC */
/*
 * For programs that misbehave where tests tell them to: the file "faults"
 * beside the program, if it is there, is memory shared with the test.
 * (strace could inject errors too, were it not for seccomp: the call that
 * strace leaves out is looked at as well, by the number that no call has.)
 */
#ifndef FAULTY_H
#define FAULTY_H

#include <sys/mman.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* As tests/disk.py and tests/clock.py have them. */
struct faults {
	int64_t	clock_ns;	/* added to the time of day */
	int64_t	calls;		/* a bit for each enum faulty_call */
	int64_t	how;		/* an errno, or: */
#define FAULT_HALF	-1	/* half of the bytes */
#define FAULT_NOTHING	-2	/* none of it, and no error */
	int64_t	skip;		/* of these calls, so many are well */
	int64_t	times;		/* and then so many are not */
	int64_t	made;		/* so many were not */
	/* As tests/images.py has it. */
	int64_t	reused;		/* mounts have no unique numbers */
	/* As tests/poison.py has them. */
	int64_t	ended;		/* processes that met the poison */
	char	poison[64];	/* how names begin that end the walker, or
				   the cache, that looks for them */
	/* As tests/service/290_tree_test.sh has it. */
	int64_t	lies;		/* digests that are wrong yet */
};

static struct faults no_faults;
static volatile struct faults *faults = &no_faults;

/* The directory of the program, which may have been executed by descriptor. */
static char faulty_dir[PATH_MAX];

/* Before main(): there are no descriptors after lockdown, but memory stays. */
static void __attribute__((__constructor__))
faulty_start(void)
{
	char path[PATH_MAX];
	ssize_t n;
	void *page;
	int fd;

	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (n == -1)
		return;
	path[n] = '\0';
	snprintf(faulty_dir, sizeof(faulty_dir), "%s", dirname(path));
	snprintf(path, sizeof(path), "%.4000s/faults", faulty_dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd == -1)
		return;
	page = mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED,
	    fd, 0);
	close(fd);
	if (page != MAP_FAILED)
		faults = page;
}

/*
 * The next function of that name, which is the C library's.  On 32-bit machines
 * headers give our calls, and our functions, the names of those for large files
 * and for times past 2038.
 */
static void *
faulty_next(const char *name)
{
	static const char *const wide[][2] = {
		{ "clock_gettime", "__clock_gettime64" },
		{ "fstat", "__fstat64_time64" },
		{ "fstatat", "__fstatat64_time64" },
		{ "futimens", "__futimens64" },
		{ "openat", "openat64" },
		{ "pread", "pread64" },
	};
	size_t i;

	for (i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (sizeof(long) < sizeof(time_t) &&
		    strcmp(wide[i][0], name) == 0)
			name = wide[i][1];
	return dlsym(RTLD_NEXT, name);
}

#define REAL(name)							      \
	static __typeof__(&name) real;					      \
	if (real == NULL)						      \
		*(void **)&real = faulty_next(#name)

/* The walker or the cache looks for a file of this name. */
static void __attribute__((__unused__))
faulty_meet(const char *name)
{
	const char *poison = (const char *)faults->poison;

	if (*poison == '\0' || strncmp(name, poison, strlen(poison)) != 0)
		return;
	faults->ended++;
	_exit(1);
}

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	int64_t ns;

	REAL(clock_gettime);
	if (real(clock, ts) == -1)
		return -1;
	if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
		return 0;
	ns = ts->tv_nsec + faults->clock_ns % 1000000000;
	ts->tv_sec += faults->clock_ns / 1000000000 + ns / 1000000000;
	ts->tv_nsec = ns % 1000000000;
	return 0;
}

time_t
time(time_t *out)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (out != NULL)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

#endif
