/* SPDX-License-Identifier: ISC */
/*
 * Prints the table of senders and receivers from the message table, as it
 * stands in docs/ARCHITECTURE.md between <!-- messages --> and
 * <!-- /messages -->.
 */
#include <stdio.h>

#include "common/msg.h"

/* Role names of a mask, with commas. */
static void
print_roles(unsigned roles)
{
	const char *comma = "";
	int role;

	if (roles == CHILDREN) {
		printf("every child");
		return;
	}
	for (role = 0; role < ROLE_COUNT; role++) {
		if (!(roles & (1U << role)))
			continue;
		printf("%s%s", comma, role_name((enum role)role));
		comma = ", ";
	}
}

static void
print_row(const char *name, unsigned from, unsigned to, size_t body,
    size_t tail, int fd_min, int fd_max, const char *bound)
{
	printf("| %s | ", name);
	print_roles(from);
	printf(" → ");
	print_roles(to);
	printf(" | %zu | %zu | ", body, tail);
	if (fd_min == fd_max)
		printf("%d | %s |\n", fd_min, bound);
	else
		printf("%d–%d | %s |\n", fd_min, fd_max, bound);
}

int
main(void)
{
	printf("| message | from → to | body | tail up to | descriptors | "
	    "bound |\n|---|---|---|---|---|---|\n");
#define X(name, from, to, body, tail, fdmin, fdmax, bound)		\
	print_row(#name, from, to, sizeof(struct msg_##body), tail,	\
	    fdmin, fdmax, bound);
	MSG_TABLE(X)
#undef X
	return 0;
}
