/* SPDX-License-Identifier: ISC */
/*
 * A system that refuses a system call, as kernels without it, systemd's
 * units and containers do.
 *
 *	refused CALL ERRNO COMMAND ...	runs it where CALL answers ERRNO, or
 *					ends its process (KILL)
 *	refused -k CALL			is there such a call here?
 *	refused -l			lists "role call", from the table of
 *					the roles' own filters
 */
#include <err.h>
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/sandbox/sandbox.h"

/* No test shall run into this: the number is another architecture's. */
static int
number_of(const char *name)
{
	int nr = seccomp_syscall_resolve_name(name);

	return nr < 0 ? -1 : nr;
}

static int
list(void)
{
	const char *name;
	unsigned roles;
	bool checked;
	enum role role;
	size_t i;

	for (i = 0; (name = seccomp_call(i, &roles, &checked)) != NULL; i++)
		for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
			if ((roles & 1U << role) && number_of(name) != -1)
				printf("%s %s\n", role_name(role), name);
	return fflush(stdout) == 0 ? 0 : 1;
}

static int
errno_of(const char *name)
{
	int error;

	for (error = 1; error < 256; error++)
		if (strerrorname_np(error) != NULL &&
		    strcmp(strerrorname_np(error), name) == 0)
			return error;
	errx(99, "%s: no such error", name);
}

int
main(int argc, char *argv[])
{
	scmp_filter_ctx ctx;
	uint32_t action;
	int nr;

	if (argc == 2 && strcmp(argv[1], "-l") == 0)
		return list();
	if (argc == 3 && strcmp(argv[1], "-k") == 0)
		return number_of(argv[2]) == -1;
	if (argc < 4)
		errx(99, "usage: refused -l | -k CALL | CALL ERRNO "
		    "COMMAND ...");
	if ((nr = number_of(argv[1])) == -1)
		errx(99, "%s: no such call here", argv[1]);
	action = strcmp(argv[2], "KILL") == 0 ? SCMP_ACT_KILL_PROCESS :
	    SCMP_ACT_ERRNO((unsigned)errno_of(argv[2]));
	ctx = seccomp_init(SCMP_ACT_ALLOW);
	if (ctx == NULL || seccomp_rule_add(ctx, action, nr, 0) != 0 ||
	    seccomp_load(ctx) != 0)
		errx(99, "no filter");
	execv(argv[3], argv + 3);
	err(98, "%s", argv[3]);
}
