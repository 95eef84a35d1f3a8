/* SPDX-License-Identifier: ISC */
/*
 * Causes of refused calls, and whether the roles' self-tests try all that
 * their filters let through.
 */
#include <seccomp.h>

#include "common/sandbox/sandbox.h"
#include "common/sandbox/selftest.h"
#include "tests/lib/test.h"

#define V	SELFTEST_VERSION

static void
check_cause(const char *calls, int error, unsigned version, const char *want)
{
	char	cause[SELFTEST_CAUSE_LEN];

	(void)selftest_cause(cause, calls, error, version);
	ATF_CHECK_MSG(strstr(cause, want) == cause, "%s, errno %d, Linux %u: "
	    "\"%s\"", calls, error, version, cause);
}

TEST(cause__of_each_kind)
{
	check_cause("openat2", ENOSYS, V(5, 4), "Linux 5.4 does not have it; "
	    "use Linux 5.6 or later");
	check_cause("faccessat2", ENOSYS, V(5, 7), "Linux 5.7 does not have "
	    "it; use Linux 5.8 or later");
	check_cause("close_range", ENOSYS, V(5, 8), "Linux 5.8 does not have "
	    "it; use Linux 5.9 or later");
	check_cause("landlock_add_rule", ENOSYS, V(5, 10), "Linux 5.10 does "
	    "not have it; use Linux 5.13 or later");
	check_cause("landlock_add_rule", ENOSYS, V(6, 1), "this kernel was "
	    "built without CONFIG_SECURITY_LANDLOCK, or a filter stops it: ");
	check_cause("seccomp", EPERM, V(6, 1), "a filter stops it: "
	    "SystemCallFilter= or a container's seccomp profile");
	/* A kernel that has it does not answer so. */
	check_cause("openat2", ENOSYS, V(5, 6), "a filter stops it: "
	    "RestrictSUIDSGID=yes or DynamicUser=yes in a systemd unit, "
	    "SystemCallFilter= or a container's seccomp profile; let it ");
	check_cause("openat2", ENOSYS, V(10, 0), "a filter stops it: ");
	/* An old kernel does not answer so either. */
	check_cause("openat2", EPERM, V(5, 4), "a filter stops it: "
	    "SystemCallFilter= or a container's seccomp profile; let it ");
	check_cause("openat2", ENOSYS, 0, "this is Linux before 5.6, or a "
	    "filter stops it: RestrictSUIDSGID=yes");
	check_cause("accept4", ENOSYS, 0, "a filter stops it: System");
	check_cause("openat", ENOSYS, V(5, 4), "a filter stops it: System");
	/* The first of several counts. */
	check_cause("renameat/renameat2", ENOSYS, V(3, 2), "a filter ");
	check_cause("openat2", EACCES, V(6, 1), "a filter stops it: "
	    "SystemCallFilter= or a container's seccomp profile, or a rule of "
	    "AppArmor");
}

TEST(hint__only_under_systemd)
{
	ATF_CHECK_STREQ("", selftest_hint(EROFS));
	selftest_set_systemd(true);
	ATF_CHECK(strstr(selftest_hint(EROFS), "ReadWritePaths=") != NULL);
	ATF_CHECK_STREQ("", selftest_hint(EACCES));
}

/* The number of the first check that fails, 0 if none does. */
static int
probe_refused(void)
{
	scmp_filter_ctx	 ctx = seccomp_init(SCMP_ACT_ALLOW);
	char		 name[32];
	int		 error;

	if (ctx == NULL || seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM),
	    SCMP_SYS(openat2), 0) != 0 || seccomp_rule_add(ctx,
	    SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(chroot), 0) != 0 ||
	    /* As of RestrictSUIDSGID=yes. */
	    seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mkdirat),
	    1, SCMP_A2(SCMP_CMP_MASKED_EQ, S_ISUID, S_ISUID)) != 0 ||
	    seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(openat),
	    2, SCMP_A2(SCMP_CMP_MASKED_EQ, O_CREAT, O_CREAT),
	    SCMP_A3(SCMP_CMP_MASKED_EQ, S_ISGID, S_ISGID)) != 0 ||
	    seccomp_load(ctx) != 0)
		return 1;
	if (selftest_probe("openat2") != EPERM ||
	    selftest_probe("chroot") != ENOSYS)
		return 2;
	if (selftest_probe("openat") != 0 || selftest_probe("capset") != 0)
		return 3;
	if (!selftest_find_refused("openat/chroot/openat2", name,
	    sizeof(name), &error) || strcmp(name, "chroot") != 0 ||
	    error != ENOSYS)
		return 4;
	return selftest_find_refused("openat/capset/mkdirat", name,
	    sizeof(name), &error) ? 5 : 0;
}

TEST(probe__finds_what_a_filter_stops)
{
	int	status;
	pid_t	pid;

	/* No name of a call, or not one of this machine. */
	ATF_CHECK_EQ(0, selftest_probe("no such call"));
	pid = fork();
	ATF_REQUIRE(pid != -1);
	if (pid == 0)
		_exit(probe_refused());
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "step %d", WEXITSTATUS(status));
}

/*
 * Calls in the table of filters that no role tries, and why.  With a new row
 * there comes a test in the role's, or a reason here.
 */
static const struct {
	const char	*call;
	const char	*reason;
} untried[] = {
	{ "recvmsg", "the configuration came by it" },
	{ "sendmsg", "lines for the log go by it; the parent tries it" },
	{ "exit_group", "the parent tries it in a child that can be spared" },
	{ "rt_sigreturn", "the same; but for the hasher, which returns from "
	    "a handler" },
	{ "restart_syscall", "the kernel makes it, after SIGCONT" },
	{ "brk", "malloc(3) maps where it does not get that" },
	{ "futex", "the parent tries it; one thread meets no other" },
	{ "futex_time64", "the same" },
	{ "gettimeofday", "libevent's clock, which the vDSO has; without, "
	    "the loop is set up with another" },
};

static bool
names(const char *calls, const char *call)
{
	size_t	n, len = strlen(call);

	for (; *calls != '\0'; calls += n + (calls[n] == '/')) {
		n = strcspn(calls, "/");
		if (n == len && strncmp(calls, call, n) == 0)
			return true;
	}
	return false;
}

static bool
tries(const struct selftest *tests, size_t n, const char *call)
{
	size_t	i;

	for (i = 0; i < n; i++)
		if (names(tests[i].calls, call))
			return true;
	return false;
}

static bool
role_tries(enum role role, const char *call)
{
	if (tries(selftest_common, selftest_ncommon, call))
		return true;
	switch (role) {
	case ROLE_FRONT:
		return tries(front_selftests, front_nselftests, call);
	case ROLE_WALKER:
		return tries(root_selftests, root_nselftests, call);
	case ROLE_HASHER:
		return tries(read_selftests, read_nselftests, call);
	case ROLE_TRACKER:
		return false;
	default:
		return tries(store_selftests, store_nselftests, call);
	}
}

TEST(roles__try_what_they_may)
{
	const char	*call;
	enum role	 role;
	unsigned	 roles;
	size_t		 i, j;
	bool		 checked;

	for (i = 0; (call = seccomp_call(i, &roles, &checked)) != NULL; i++) {
		for (j = 0; j < sizeof(untried) / sizeof(untried[0]); j++)
			if (strcmp(untried[j].call, call) == 0)
				break;
		if (j < sizeof(untried) / sizeof(untried[0]))
			continue;
		for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
			ATF_CHECK_MSG(!(roles & 1U << role) ||
			    role_tries(role, call), "the %s may call %s and "
			    "does not try it", role_name(role), call);
	}
}

/* It tries only calls that the filter lets through: others would end it. */
static void
check_allowed(enum role role, const struct selftest *tests, size_t n)
{
	const char	*call;
	unsigned	 roles;
	size_t		 i, j;
	bool		 found, checked;

	for (i = 0; i < n; i++) {
		for (j = 0, found = false;
		    (call = seccomp_call(j, &roles, &checked)) != NULL; j++)
			found |= (roles & 1U << role) &&
			    names(tests[i].calls, call);
		ATF_CHECK_MSG(found, "%s of the %s", tests[i].calls,
		    role_name(role));
	}
}

TEST(roles__may_what_they_try)
{
	enum role	role;

	for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
		check_allowed(role, selftest_common, selftest_ncommon);
	check_allowed(ROLE_FRONT, front_selftests, front_nselftests);
	check_allowed(ROLE_WALKER, root_selftests, root_nselftests);
	check_allowed(ROLE_HASHER, read_selftests, read_nselftests);
	check_allowed(ROLE_CACHE, store_selftests, store_nselftests);
}
