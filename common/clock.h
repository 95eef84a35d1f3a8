/*
 * Clocks: monotonic for deadlines and durations, the time of day for what is
 * compared with files.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* Monotonic milliseconds. */
uint64_t clock_ms(void);
/* The same, as of the kernel's last tick (4 to 10 ms): for deadlines and ages
   that are looked at with every event. */
uint64_t clock_coarse_ms(void);
/* Monotonic microseconds. */
uint64_t clock_us(void);
/* Nanoseconds since 1970. */
int64_t	 clock_real_ns(void);

#endif
