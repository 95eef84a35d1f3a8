/* SPDX-License-Identifier: ISC */
/*
 * The self-test: before a process is ready, it makes each system call that it
 * depends on once.  A refusal is rarely about the object of the call: the
 * kernel is older than the call, or a seccomp filter (of a systemd unit, of a
 * container) refuses it.  Without the test the service would be "ready" and
 * fail at every request.
 */
#ifndef SELFTEST_H
#define SELFTEST_H

#include <stdbool.h>
#include <stddef.h>

struct selftest {
	/* Names of common/sandbox/seccomp.c, separated by slashes if libc may
	   use one of several. */
	const char	*calls;
	/* 0, or -1 with errno; errors other than a refusal are ignored. */
	int		(*try)(void *);
	/* Without this call the work is only slower. */
	bool		 spare;
};

/* Read the kernel's version, for the causes; once, before the sandbox. */
void	selftest_init(void);

/*
 * In a child, in its sandbox: run the tests for all roles, and the role's own.
 * A refused call is fatal; the log line has its name and the likely cause.  If
 * the work is possible without it, warn only.
 */
void	selftest_run(const struct selftest *, size_t n, void *arg);

/* The tests for all roles, and those of each role. */
extern const struct selftest	selftest_common[], front_selftests[],
				root_selftests[], read_selftests[],
				store_selftests[];
extern const size_t		selftest_ncommon, front_nselftests,
				root_nselftests, read_nselftests,
				store_nselftests;

/* Is this an errno with which filters refuse? */
bool	selftest_is_refusal(int error);

/*
 * Make a call with invalid arguments (-1, as a rule): 0 if it passes the
 * filters, or the errno of the refusal.  Not for calls that have an effect with
 * such arguments (umask, kill, setsid).
 */
int	selftest_probe(const char *call);

/*
 * Find the first of these calls (separated by slashes) that selftest_probe()
 * finds refused.  Returns true, with its name (truncated to len) and the errno,
 * or false.
 */
bool	selftest_find_refused(const char *calls, char *name, size_t len,
	    int *error);

/*
 * Describe the cause of a refusal and the remedy, for the end of a log line.
 * If calls has several names, the first counts.  version: the kernel's, by
 * SELFTEST_VERSION(); 0: unknown.
 */
#define SELFTEST_VERSION(major, minor)	((major) * 1000U + (minor))
#define SELFTEST_CAUSE_LEN		384
char	*selftest_cause(char out[SELFTEST_CAUSE_LEN], const char *calls,
	    int error, unsigned version);
/* The same for the running kernel. */
char	*selftest_explain(char out[SELFTEST_CAUSE_LEN], const char *calls,
	    int error);

/*
 * Returns a text to add to an error: how to make a path writable in a systemd
 * unit, if the error is EROFS and a unit started us; otherwise "".  The
 * environment shows that, but children do not have it.
 */
void	selftest_set_systemd(bool);
bool	selftest_has_systemd(void);
const char *selftest_hint(int error);

#endif
