/* SPDX-License-Identifier: ISC */
/*
 * The memory that a process may have by a configuration: RLIMIT_DATA.  It is
 * far above the memory in use, so that a fault, or a break-in, takes memory
 * from its own process and not from the machine.  Pure.
 */
#ifndef LIMITS_H
#define LIMITS_H

#include "common/conf/conf.h"

/* The limit of a role, in bytes; 0: none. */
uint64_t	limits_data(enum role, const struct conf *);

#endif
