#include <sys/param.h>

#include "common/clock.h"
#include "pkgtorrentd/front/front.h"
#include "pkgtorrentd/front/front_msg.h"

#define FULL_BYTES	(32U << 20)

/* Messages of a peer in a row, before clients get their turn. */
#define AT_ONCE		16

void
peer_close(struct peer *p)
{
	channel_event_stop(&p->event);
	channel_close(&p->ch);
	p->lost_ms = clock_coarse_ms();
}

bool
peer_is_full(const struct peer *p)
{
	return p->ch.queued_bytes > FULL_BYTES;
}

bool
peer_is_silent(const struct peer *p, uint64_t asked_ms, uint64_t limit_ms)
{
	return p->ch.fd != -1 &&
	    clock_coarse_ms() > MAX(asked_ms, p->heard_ms) + limit_ms;
}

void
peer_watch(struct peer *p, uint64_t limit_ms)
{
	if (p->ch.fd != -1 && p->ch.queued > 0 &&
	    clock_coarse_ms() > p->ch.taken_ms + limit_ms)
		peer_give_up(p, channel_first_kept(&p->ch));
}

void
peer_give_up(struct peer *p, enum msg_type type)
{
	struct msg_wrong wrong = { .role = p->ch.peer, .index = p->ch.index,
	    .type = type, .fault = FAULT_SILENT };

	child_report(&p->front->child, &wrong);
	front_on_lost(p);
}

static enum msg_fault
peer_message(void *owner, struct msg *m)
{
	struct peer *p = owner;

	p->heard_ms = clock_coarse_ms();
	return front_on_message(p, m);
}

static void
peer_closed(void *owner)
{
	front_on_lost(owner);
}

static void
peer_wrong(void *owner, const struct msg_wrong *wrong)
{
	struct peer *p = owner;

	child_report(&p->front->child, wrong);
	front_on_lost(p);
}

static const struct channel_ops peer_ops = {
	.message = peer_message,
	.wrong = peer_wrong,
	.closed = peer_closed,
};

int
peer_attach(struct front *f, struct peer *p, enum role role, uint32_t index,
    int fd)
{
	p->front = f;
	channel_open(&p->ch, fd, ROLE_FRONT, role, index);
	p->heard_ms = clock_coarse_ms();
	if (channel_event_start(&p->event, f->base, &p->ch, &peer_ops, p,
	    AT_ONCE) == -1) {
		peer_close(p);
		return -1;
	}
	return 0;
}

int
peer_send(struct peer *p, enum msg_type type, const void *body,
    const void *tail, size_t tail_len, const int *fds, int nfds)
{
	if (p->ch.fd == -1)
		return -1;
	return channel_event_send(&p->event, type, body, tail, tail_len, fds,
	    nfds);
}
