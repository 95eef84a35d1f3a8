/*
 * Before a process says that it is ready it makes each kind of call that it
 * lives by once.  What refuses one is hardly ever the thing that the call is
 * about: the kernel is older than the call, or a filter of system calls (of a
 * systemd unit, of a container) does not let it through.  Without this the
 * service would be "ready" and fail at every request.
 */
#ifndef SELFTEST_H
#define SELFTEST_H

#include <stdbool.h>
#include <stddef.h>

struct selftest {
	/* As in common/sandbox/seccomp.c; several, with a slash between
	   them, are what libc may make it by. */
	const char	*calls;
	/* 0, or -1 with errno; what came of the call otherwise is another
	   matter. */
	int		(*try)(void *);
	/* Without it the work gets slower and nothing else. */
	bool		 spare;
};

/* Learn the kernel's version, for the causes: once, before lockdown. */
void	selftest_init(void);

/*
 * In a child, locked down: those that all roles live by, and the role's own.
 * A refused call ends the process, with a line that names it and the likely
 * cause; one that can be spared is only warned of.
 */
void	selftest_run(const struct selftest *, size_t n, void *arg);

/* What selftest_run() makes for all roles, and what the roles give it. */
extern const struct selftest	selftest_common[], front_selftests[],
				root_selftests[], read_selftests[],
				store_selftests[];
extern const size_t		selftest_ncommon, front_nselftests,
				root_nselftests, read_nselftests,
				store_nselftests;

/* Is this errno one that filters answer with? */
bool	selftest_is_refusal(int error);

/*
 * Make a call with arguments that are good for nothing (-1, as a rule): 0 if it
 * got past the filters, else the errno of its refusal.  Not for calls that
 * take something away with such arguments (umask, kill, setsid).
 */
int	selftest_probe(const char *call);

/*
 * The first of these calls (slashes between them) that selftest_probe() finds
 * refused: its name, cut from the list, and the errno; else false.
 */
bool	selftest_find_refused(const char *calls, char *name, size_t len,
	    int *error);

/*
 * Why a call (the first of several counts) is refused and what to do, as the
 * end of a line.  version: the kernel's, SELFTEST_VERSION(); 0: not known.
 */
#define SELFTEST_VERSION(major, minor)	((major) * 1000U + (minor))
#define SELFTEST_CAUSE_LEN		384
char	*selftest_cause(char out[SELFTEST_CAUSE_LEN], const char *calls,
	    int error, unsigned version);
/* The same for the kernel that runs. */
char	*selftest_explain(char out[SELFTEST_CAUSE_LEN], const char *calls,
	    int error);

/*
 * What to add to an error: how a systemd unit makes a place writable, if that
 * may be what is missing (EROFS), else "".  Whether a unit started us is told
 * by the environment, which children do not have.
 */
void	selftest_set_systemd(bool);
bool	selftest_has_systemd(void);
const char *selftest_hint(int error);

#endif
