/* SPDX-License-Identifier: ISC */
#ifndef SELFTEST_PARENT_H
#define SELFTEST_PARENT_H

#include <stdbool.h>

struct buf;

/* Try the system calls of the parent and of starting children.  0, or -1 with
   complaints. */
int	 selftest_parent(bool privileged, bool foreground,
	    struct buf *errors);

#endif
