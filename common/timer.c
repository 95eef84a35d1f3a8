/* SPDX-License-Identifier: ISC */
#include <sys/time.h>

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "common/timer.h"

/* The time that libevent takes where it was built with 32-bit times. */
struct timeval32 {
	int32_t	sec;
	int32_t	usec;
};

/*
 * This tree is built with 64-bit times everywhere, but libevent as its
 * distribution builds it: on i386 still with 32-bit times.  It would take the
 * upper half of our seconds for the microseconds.  Its struct event holds one
 * time, so the size of that struct tells which kind it has.
 */
static bool
libevent_has_32_bit_times(void)
{
	return sizeof(struct timeval) != sizeof(struct timeval32) &&
	    event_get_struct_event_size() < sizeof(struct event);
}

int
timer_add(struct event *ev, unsigned ms)
{
	union {
		struct timeval native;
		struct timeval32 narrow;
	} tv;

	if (sizeof(long) < sizeof(tv.native.tv_sec) &&
	    libevent_has_32_bit_times()) {
		tv.narrow.sec = (int32_t)(ms / 1000);
		tv.narrow.usec = (int32_t)(ms % 1000) * 1000;
	} else {
		tv.native.tv_sec = ms / 1000;
		tv.native.tv_usec = (int)(ms % 1000) * 1000;
	}
	return event_add(ev, &tv.native);
}
