/* SPDX-License-Identifier: ISC */
/*
 * The front's trial of its system calls.
 */
#ifndef SELFTEST_FRONT_H
#define SELFTEST_FRONT_H

struct child;

/* As child_confine(), without a directory: try all calls that the front makes,
   on sockets and files that were made before. */
void	front_confine(struct child *, unsigned max_fds);

#endif
