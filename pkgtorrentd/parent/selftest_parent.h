#ifndef SELFTEST_PARENT_H
#define SELFTEST_PARENT_H

#include <stdbool.h>

struct buf;

/* Can the parent, and its children on their way in, make the calls that they
   need?  0, or -1 with complaints. */
int	 selftest_parent(bool privileged, bool foreground,
	    struct buf *errors);

#endif
