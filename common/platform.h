/* SPDX-License-Identifier: ISC */
/*
 * The platforms that can be built for.  make compiles this header first and
 * prints its errors, one line for each requirement that is not met.
 */
#ifndef PLATFORM_H
#define PLATFORM_H

/*
 * The filters check arguments of system calls, but mmap(2) of s390x passes them
 * in memory.  System calls of x32 have the architecture of x86_64, and its
 * filter refuses them.
 */
#if defined(__s390__) || defined(__s390x__)
#error "s390x is not supported: its mmap(2) hides its arguments from filters"
#elif defined(__x86_64__) && defined(__ILP32__)
#error "x32 is not supported: build for x86_64 or i386"
#endif

#include <features.h>
#include <linux/version.h>

/* For closefrom(3), close_range(2) and _TIME_BITS; and the filters allow the
   system calls that glibc makes. */
#ifndef __GLIBC__
#error "this C library is not supported: use glibc 2.34 or later"
#elif !__GLIBC_PREREQ(2, 34)
#error "this glibc is too old: 2.34 or later is needed"
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 13, 0)
#error "these kernel headers are too old: Linux 5.13 or later is needed"
#endif

/* Since Linux 5.14 and glibc 2.35; an older kernel works without it. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#endif

#endif
