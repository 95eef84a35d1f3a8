/* SPDX-License-Identifier: ISC */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <errno.h>
#include <poll.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/msg.h"
#include "common/sandbox/selftest.h"

#define SINCE	SELFTEST_VERSION

/* Facts about a call that may be missing. */
struct fact {
	const char	*call;
	unsigned	 since;		/* Linux version; 0: in every supported
					   one */
	const char	*option;	/* the kernel option for it */
	const char	*unit;		/* the unit setting that answers
					   ENOSYS */
};

static const struct fact facts[] = {
	/* systemd cannot check the mode behind the pointer, which the two
	   settings restrict, so it answers as an old kernel would. */
	{ "openat2", SINCE(5, 6), NULL,
	    "RestrictSUIDSGID=yes or DynamicUser=yes" },
	{ "faccessat2", SINCE(5, 8), NULL, NULL },
	{ "close_range", SINCE(5, 9), NULL, NULL },
	{ "execveat", SINCE(3, 19), NULL, NULL },
	{ "preadv2", SINCE(4, 6), NULL, NULL },
	{ "statx", SINCE(4, 11), NULL, NULL },
	{ "seccomp", SINCE(3, 17), "CONFIG_SECCOMP_FILTER", NULL },
	{ "landlock_create_ruleset", SINCE(5, 13),
	    "CONFIG_SECURITY_LANDLOCK", NULL },
	{ "landlock_add_rule", SINCE(5, 13), "CONFIG_SECURITY_LANDLOCK",
	    NULL },
	{ "landlock_restrict_self", SINCE(5, 13),
	    "CONFIG_SECURITY_LANDLOCK", NULL },
	{ NULL, 0, NULL, NULL }
};

static unsigned	kernel_version;
static bool	has_systemd;

void
selftest_init(void)
{
	struct utsname uts;
	unsigned major, minor;

	if (uname(&uts) == 0 &&
	    sscanf(uts.release, "%u.%u", &major, &minor) == 2)
		kernel_version = SINCE(major, minor);
}

bool
selftest_is_refusal(int error)
{
	return error == ENOSYS || error == EPERM || error == EACCES;
}

/* Filters check the mode of these calls, and RestrictSUIDSGID=yes refuses one
   with all bits. */
static bool
takes_mode(const char *call)
{
	static const char *const calls[] = { "openat", "mkdir", "mkdirat" };
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i], call) == 0)
			return true;
	return false;
}

int
selftest_probe(const char *call)
{
	int nr = seccomp_syscall_resolve_name(call);
	long rest = takes_mode(call) ? 0 : -1;

	if (nr < 0 || syscall(nr, -1L, rest, rest, rest, rest, rest) != -1 ||
	    !selftest_is_refusal(errno))
		return 0;
	return errno;
}

bool
selftest_find_refused(const char *calls, char *name, size_t len, int *error)
{
	size_t n;

	for (; *calls != '\0'; calls += n + (calls[n] == '/')) {
		n = strcspn(calls, "/");
		(void)snprintf(name, len, "%.*s", (int)n, calls);
		if ((*error = selftest_probe(name)) != 0)
			return true;
	}
	return false;
}

static const struct fact *
fact_of(const char *calls)
{
	const struct fact *fact;
	size_t n = strcspn(calls, "/");

	for (fact = facts; fact->call != NULL; fact++)
		if (strlen(fact->call) == n &&
		    strncmp(fact->call, calls, n) == 0)
			break;
	return fact;
}

char *
selftest_cause(char out[SELFTEST_CAUSE_LEN], const char *calls, int error,
    unsigned version)
{
	const struct fact *fact = fact_of(calls);
	char kernel[96] = "", unit[96] = "";

	if (error == ENOSYS && version != 0 && version < fact->since) {
		(void)snprintf(out, SELFTEST_CAUSE_LEN, "Linux %u.%u does "
		    "not have it; use Linux %u.%u or later", version / 1000,
		    version % 1000, fact->since / 1000, fact->since % 1000);
		return out;
	}
	if (error == ENOSYS && version == 0 && fact->since != 0)
		(void)snprintf(kernel, sizeof(kernel), "this is Linux before "
		    "%u.%u, or ", fact->since / 1000, fact->since % 1000);
	else if (error == ENOSYS && fact->option != NULL)
		(void)snprintf(kernel, sizeof(kernel), "this kernel was built "
		    "without %s, or ", fact->option);
	if (error == ENOSYS && fact->unit != NULL)
		(void)snprintf(unit, sizeof(unit), "%s in a systemd unit, ",
		    fact->unit);
	(void)snprintf(out, SELFTEST_CAUSE_LEN, "%sa filter stops it: "
	    "%sSystemCallFilter= or a container's seccomp profile%s; let it "
	    "through", kernel, unit, error == EACCES ?
	    ", or a rule of AppArmor or SELinux" : "");
	return out;
}

char *
selftest_explain(char out[SELFTEST_CAUSE_LEN], const char *calls, int error)
{
	return selftest_cause(out, calls, error, kernel_version);
}

static int
try_poll(void *arg)
{
	(void)arg;
	return poll(NULL, 0, 0);
}

/* An invalid descriptor, because the role needs all of its own. */
static int
try_close(void *arg)
{
	(void)arg;
	return close(-1);
}

static int
try_fstat(void *arg)
{
	struct stat st;

	(void)arg;
	return fstat(PARENT_FD, &st);
}

static int
try_clocks(void *arg)
{
	struct timespec ts;

	(void)arg;
	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1 ||
	    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts) == -1 ||
	    clock_gettime(CLOCK_REALTIME_COARSE, &ts) == -1)
		return -1;
	return clock_gettime(CLOCK_REALTIME, &ts);
}

static void *
map(size_t len)
{
	return mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int
try_mmap(void *arg)
{
	void *pages = map(65536);

	(void)arg;
	if (pages == MAP_FAILED)
		return -1;
	(void)munmap(pages, 65536);
	return 0;
}

static int
try_munmap(void *arg)
{
	void *pages = map(65536);

	(void)arg;
	return pages == MAP_FAILED ? 0 : munmap(pages, 65536);
}

/* Without it realloc(3) copies. */
static int
try_mremap(void *arg)
{
	void *pages = map(65536), *moved;

	(void)arg;
	if (pages == MAP_FAILED)
		return 0;
	moved = mremap(pages, 65536, 131072, MREMAP_MAYMOVE);
	if (moved == MAP_FAILED)
		return -1;
	return munmap(moved, 131072);
}

/* free(3) returns memory with it. */
static int
try_madvise(void *arg)
{
	void *pages = map(65536);

	(void)arg;
	return pages == MAP_FAILED ? 0 :
	    madvise(pages, 65536, MADV_DONTNEED);
}

const struct selftest selftest_common[] = {
	{ "poll/ppoll/ppoll_time64", try_poll, false },
	{ "close", try_close, false },
	{ "fstat/newfstatat/statx/fstat64/fstatat64", try_fstat, false },
	{ "clock_gettime/clock_gettime64", try_clocks, false },
	{ "mmap/mmap2", try_mmap, false },
	{ "munmap", try_munmap, false },
	{ "mremap", try_mremap, true },
	{ "madvise", try_madvise, true },
};
const size_t selftest_ncommon =
    sizeof(selftest_common) / sizeof(selftest_common[0]);

static void
run(const struct selftest *tests, size_t n, void *arg)
{
	char cause[SELFTEST_CAUSE_LEN];
	size_t i;
	int error;

	for (i = 0; i < n; i++) {
		if (tests[i].try(arg) != -1 || !selftest_is_refusal(errno))
			continue;
		error = errno;
		(void)selftest_explain(cause, tests[i].calls, error);
		if (!tests[i].spare)
			fatal("%s: %s: %s", tests[i].calls, strerror(error),
			    cause);
		log_warn("%s: %s: going on without it, slower: %s",
		    tests[i].calls, strerror(error), cause);
	}
}

void
selftest_run(const struct selftest *tests, size_t n, void *arg)
{
	run(selftest_common, selftest_ncommon, NULL);
	run(tests, n, arg);
}

void
selftest_set_systemd(bool it_has)
{
	has_systemd = it_has;
}

bool
selftest_has_systemd(void)
{
	return has_systemd;
}

const char *
selftest_hint(int error)
{
	return error == EROFS && has_systemd ? "; systemd mounts it read-only "
	    "for this unit unless ReadWritePaths= names it" : "";
}
