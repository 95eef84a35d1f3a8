/* SPDX-License-Identifier: ISC */
/*
 * Clocks: monotonic time for deadlines and durations, CPU time for charges, the
 * time of day for comparison with files.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* Monotonic milliseconds. */
uint64_t clock_ms(void);
/* The same at the last tick of the kernel (4 to 10 ms ago): for deadlines and
   ages that are checked with every event. */
uint64_t clock_coarse_ms(void);
/* Monotonic microseconds. */
uint64_t clock_us(void);
/* Microseconds of CPU time that this process has used. */
uint64_t clock_cpu_us(void);
/* Nanoseconds since 1970. */
int64_t	 clock_real_ns(void);

#endif
