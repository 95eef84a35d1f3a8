/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/clock.h"
#include "common/log.h"

#define SECOND_MS	1000

/* A queued message. */
struct channel_msg {
	TAILQ_ENTRY(channel_msg) entry;
	enum msg_type	 type;
	int		 nfds;
	int		 fds[MSG_FDS_MAX];	/* ours */
	size_t		 body_len;
	size_t		 tail_len;
	uint8_t		 bytes[];		/* body, tail */
};

void
channel_open(struct channel *ch, int fd, enum role self, enum role peer,
    uint32_t index)
{
	memset(ch, 0, sizeof(*ch));
	ch->fd = fd;
	ch->self = self;
	ch->peer = peer;
	ch->index = index;
	TAILQ_INIT(&ch->queue);
}

static void
channel_drop(struct channel *ch, struct channel_msg *m)
{
	TAILQ_REMOVE(&ch->queue, m, entry);
	ch->queued--;
	ch->queued_bytes -= sizeof(*m) + m->body_len + m->tail_len;
	while (m->nfds > 0)
		close(m->fds[--m->nfds]);
	/* It may be the key of the seals. */
	freezero(m, sizeof(*m) + m->body_len + m->tail_len);
}

static void
channel_drop_all(struct channel *ch)
{
	struct channel_msg *m;

	while ((m = TAILQ_FIRST(&ch->queue)) != NULL)
		channel_drop(ch, m);
}

void
channel_close(struct channel *ch)
{
	if (ch->fd == -1)
		return;
	close(ch->fd);
	ch->fd = -1;
	channel_drop_all(ch);
}

void
channel_charge(struct channel *ch, uint32_t units)
{
	ch->work = units > UINT32_MAX - ch->work ? UINT32_MAX :
	    ch->work + units;
}

unsigned
channel_pause_ms(struct channel *ch)
{
	uint64_t now;

	if (ch->work_max == 0 || ch->work < ch->work_max)
		return 0;
	now = clock_coarse_ms();
	if (now - ch->second_ms < SECOND_MS)
		return (unsigned)(ch->second_ms + SECOND_MS - now);
	ch->second_ms = now;
	ch->work = 0;
	return 0;
}

/* Call the message's handler, and report the fault that it finds. */
static void
channel_handle(struct channel *ch, const struct channel_ops *ops, void *owner,
    struct msg *msg)
{
	struct msg_wrong wrong = { .role = ch->peer, .index = ch->index,
	    .type = msg->type };

	channel_charge(ch, 1 + (uint32_t)(msg->tail_len / CHANNEL_UNIT));
	wrong.fault = ops->message(owner, msg);
	msg_close_fds(msg);
	if (wrong.fault != FAULT_NONE)
		ops->wrong(owner, &wrong);
}

unsigned
channel_receive(struct channel *ch, const struct channel_ops *ops,
    void *owner, unsigned most)
{
	/* A process handles one message at a time. */
	static uint8_t buf[MSG_MAX] __attribute__((__aligned__(16)));
	struct msg_wrong wrong;
	struct msg msg;
	bool closed = false;
	unsigned n = 0;

	while (n < most && ch->fd != -1 && channel_pause_ms(ch) == 0 &&
	    (ops->has_room == NULL || ops->has_room(owner))) {
		switch (msg_recv(ch, buf, &msg, &wrong)) {
		case MSG_GOT:
			channel_handle(ch, ops, owner, &msg);
			n++;
			break;
		case MSG_WRONG_ONE:
			ops->wrong(owner, &wrong);
			n++;
			break;
		case MSG_CLOSED:
			/* If the other end left messages of ours unread, the
			   kernel says so once (ECONNRESET) before it gives
			   us the last messages of the other end. */
			if (closed || errno == 0) {
				ops->closed(owner);
				return n;
			}
			closed = true;
			break;
		case MSG_AGAIN:
			return n;
		}
	}
	return n;
}

static void
channel_keep(struct channel *ch, enum msg_type type, const void *body,
    const void *tail, size_t tail_len, const int *fds, int nfds)
{
	size_t body_len = body == NULL ? 0 : msg_body_len(type);
	struct channel_msg *m;

	m = malloc(sizeof(*m) + body_len + tail_len);
	if (m == NULL)
		fatal("out of memory");
	m->type = type;
	m->body_len = body_len;
	m->tail_len = tail_len;
	if (body_len > 0)
		memcpy(m->bytes, body, body_len);
	if (tail_len > 0)
		memcpy(m->bytes + body_len, tail, tail_len);
	for (m->nfds = 0; m->nfds < nfds; m->nfds++) {
		m->fds[m->nfds] = fcntl(fds[m->nfds], F_DUPFD_CLOEXEC, 0);
		if (m->fds[m->nfds] == -1)
			fatal("dup: %s",
			    strerror(errno));
	}
	if (ch->queued == 0)
		ch->taken_ms = clock_coarse_ms();
	TAILQ_INSERT_TAIL(&ch->queue, m, entry);
	ch->queued++;
	ch->queued_bytes += sizeof(*m) + body_len + tail_len;
}

int
channel_send(struct channel *ch, enum msg_type type, const void *body,
    const void *tail, size_t tail_len, const int *fds, int nfds)
{
	if (ch->fd == -1) {
		errno = EPIPE;
		return -1;
	}
	if (ch->queued == 0) {
		if (msg_send(ch, type, body, tail, tail_len, fds, nfds) == 0)
			return 0;
		if (errno != EAGAIN)
			return -1;
	}
	channel_keep(ch, type, body, tail, tail_len, fds, nfds);
	return 0;
}

bool
channel_replace(struct channel *ch, enum msg_type type, const void *body)
{
	struct channel_msg *m;

	if (ch->queued == 0)
		return false;
	TAILQ_FOREACH(m, &ch->queue, entry)
		if (m->type == type) {
			memcpy(m->bytes, body, m->body_len);
			return true;
		}
	return false;
}

int
channel_flush(struct channel *ch)
{
	struct channel_msg *m;

	while (ch->queued > 0) {
		m = TAILQ_FIRST(&ch->queue);
		if (msg_send(ch, m->type, m->body_len > 0 ? m->bytes : NULL,
		    m->bytes + m->body_len, m->tail_len, m->fds,
		    m->nfds) == -1) {
			if (errno == EAGAIN)
				return 0;
			channel_drop_all(ch);
			return -1;
		}
		channel_drop(ch, m);
		ch->taken_ms = clock_coarse_ms();
	}
	return 0;
}

enum msg_type
channel_first_kept(const struct channel *ch)
{
	return ch->queued > 0 ? TAILQ_FIRST(&ch->queue)->type : MSG_NONE;
}
