/* SPDX-License-Identifier: ISC */
/*
 * Timeouts of libevent events.
 */
#ifndef TIMER_H
#define TIMER_H

#include <event2/event_struct.h>

/* Add the event with a timeout in milliseconds.  Returns as event_add(). */
int	timer_add(struct event *, unsigned ms);

#endif
