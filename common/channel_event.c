/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include "common/channel_event.h"
#include "common/log.h"
#include "common/timer.h"

static void
channel_event_readable(evutil_socket_t fd, short what, void *arg)
{
	struct channel_event *ce = arg;
	unsigned ms;

	(void)fd;
	(void)what;
	(void)channel_receive(ce->ch, ce->ops, ce->owner, ce->at_once);
	/* A handler may have closed the channel. */
	if (ce->ch == NULL || (ms = channel_pause_ms(ce->ch)) == 0)
		return;
	(void)event_del(&ce->readable);
	if (timer_add(&ce->pause, ms) == -1)
		fatal("out of memory");
}

static void
channel_event_resume(evutil_socket_t fd, short what, void *arg)
{
	struct channel_event *ce = arg;

	(void)fd;
	(void)what;
	if (event_add(&ce->readable, NULL) == -1)
		fatal("out of memory");
}

static void
channel_event_writable(evutil_socket_t fd, short what, void *arg)
{
	struct channel_event *ce = arg;

	(void)fd;
	(void)what;
	/* EPIPE shows as a closed channel when it is read. */
	if (channel_flush(ce->ch) == -1 && errno != EPIPE)
		log_error("messages to the %s are lost: %s",
		    role_name(ce->ch->peer), strerror(errno));
	if (ce->ch->queued == 0)
		(void)event_del(&ce->writable);
}

int
channel_event_start(struct channel_event *ce, struct event_base *base,
    struct channel *ch, const struct channel_ops *ops, void *owner,
    unsigned at_once)
{
	ce->ch = ch;
	ce->ops = ops;
	ce->owner = owner;
	ce->at_once = at_once;
	if (evtimer_assign(&ce->pause, base, channel_event_resume, ce) == -1 ||
	    event_assign(&ce->readable, base, ch->fd, EV_READ | EV_PERSIST,
	    channel_event_readable, ce) == -1 ||
	    event_assign(&ce->writable, base, ch->fd, EV_WRITE | EV_PERSIST,
	    channel_event_writable, ce) == -1)
		return -1;
	return event_add(&ce->readable, NULL);
}

void
channel_event_stop(struct channel_event *ce)
{
	if (ce->ch == NULL)
		return;
	(void)event_del(&ce->readable);
	(void)event_del(&ce->writable);
	(void)event_del(&ce->pause);
	ce->ch = NULL;
}

int
channel_event_send(struct channel_event *ce, enum msg_type type,
    const void *body, const void *tail, size_t tail_len, const int *fds,
    int nfds)
{
	int result;

	result = channel_send(ce->ch, type, body, tail, tail_len, fds, nfds);
	if (ce->ch->queued > 0 && event_add(&ce->writable, NULL) == -1)
		fatal("out of memory");
	return result;
}
