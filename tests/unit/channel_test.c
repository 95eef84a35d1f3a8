/* SPDX-License-Identifier: ISC */
/*
 * A channel at work: messages reach their handlers, faults are reported alike,
 * and messages wait in order for a process that is busy.
 */
#include "common/channel.h"
#include "common/clock.h"
#include "tests/lib/test.h"

/* A cache that counts the messages it is sent. */
struct counter {
	struct channel	ch;
	unsigned	touched;
	unsigned	others;
	unsigned	room;		/* for so many touches */
	enum msg_fault	answer;		/* to the next MSG_TOUCH */
	struct msg_wrong wrong;		/* the last one */
	unsigned	wrongs;
	unsigned	closed;
};

static enum msg_fault
counter_on_touch(struct counter *c, const struct msg *msg)
{
	(void)msg;
	c->touched++;
	return c->answer;
}

static enum msg_fault
counter_on_other(struct counter *c, const struct msg *msg)
{
	(void)msg;
	c->others++;
	return FAULT_NONE;
}

#define COUNTER_HANDLERS(X)						\
	X(GET_INFO, counter_on_other)					\
	X(GET_PIECES, counter_on_other)					\
	X(PUT_PIECES, counter_on_other)					\
	X(PUT_INFO, counter_on_other)					\
	X(TOUCH, counter_on_touch)

CHANNEL_DISPATCH(counter_message, struct counter, COUNTER_HANDLERS, FRONT,
    CACHE);

static bool
counter_has_room(void *owner)
{
	const struct counter *c = owner;

	return c->touched < c->room;
}

static void
counter_wrong(void *owner, const struct msg_wrong *wrong)
{
	struct counter *c = owner;

	c->wrong = *wrong;
	c->wrongs++;
	channel_close(&c->ch);
}

static void
counter_closed(void *owner)
{
	struct counter *c = owner;

	c->closed++;
	channel_close(&c->ch);
}

static const struct channel_ops ops = {
	.message = counter_message,
	.has_room = counter_has_room,
	.wrong = counter_wrong,
	.closed = counter_closed,
};

static void
start(struct counter *c, struct channel *front)
{
	int fds[2];

	memset(c, 0, sizeof(*c));
	c->room = 1000000;
	ATF_REQUIRE_EQ(0, msg_pair(fds));
	channel_open(&c->ch, fds[0], ROLE_CACHE, ROLE_FRONT, 7);
	channel_open(front, fds[1], ROLE_FRONT, ROLE_CACHE, 0);
}

static void
touch(struct channel *front)
{
	struct msg_touch body = { .piece_len = 0 };

	ATF_REQUIRE_EQ(0, channel_send(front, MSG_TOUCH, &body, NULL, 0, NULL,
	    0));
}

static struct channel front;
static struct counter c;

TEST(channel__bound)
{
	int i;

	start(&c, &front);
	for (i = 0; i < 5; i++)
		touch(&front);
	ATF_CHECK_EQ(2, channel_receive(&c.ch, &ops, &c, 2));
	ATF_CHECK_EQ(2, c.touched);
	c.room = 3;
	ATF_CHECK_EQ(1, channel_receive(&c.ch, &ops, &c, 100));
	ATF_CHECK_EQ(3, c.touched);
	c.room = 100;
	ATF_CHECK_EQ(2, channel_receive(&c.ch, &ops, &c, 100));
	ATF_CHECK_EQ(0, channel_receive(&c.ch, &ops, &c, 100));
	ATF_CHECK_EQ(5, c.touched);
	ATF_CHECK_EQ(0, c.wrongs + c.closed + c.others);
}

/* A fault that the handler finds is reported like one that the table finds. */
/* After the work of a second nothing is received until the next. */
TEST(channel__work)
{
	struct msg_get_pieces body = { .id = 0 };
	static const char tail[2 * CHANNEL_UNIT];
	unsigned ms;

	start(&c, &front);
	c.ch.work_max = 4;
	c.ch.second_ms = clock_coarse_ms();
	ATF_REQUIRE_EQ(0, channel_send(&front, MSG_GET_PIECES, &body, tail,
	    sizeof(tail), NULL, 0));
	touch(&front);
	touch(&front);
	ATF_CHECK_EQ(2, channel_receive(&c.ch, &ops, &c, 10));
	ATF_CHECK_EQ(1, c.touched);
	ms = channel_pause_ms(&c.ch);
	ATF_CHECK(ms > 0 && ms <= 1000);
	/* The next second. */
	c.ch.second_ms -= 1000;
	ATF_CHECK_EQ(0, channel_pause_ms(&c.ch));
	channel_charge(&c.ch, 2);
	ATF_CHECK_EQ(1, channel_receive(&c.ch, &ops, &c, 10));
	channel_charge(&c.ch, UINT32_MAX);
	ATF_CHECK_EQ(UINT32_MAX, c.ch.work);
	/* Without a bound. */
	c.ch.work_max = 0;
	touch(&front);
	ATF_CHECK_EQ(1, channel_receive(&c.ch, &ops, &c, 10));
}

TEST(channel__wrong_content)
{
	start(&c, &front);
	c.answer = FAULT_CONTENT;
	touch(&front);
	touch(&front);
	ATF_CHECK_EQ(1, channel_receive(&c.ch, &ops, &c, 100));
	ATF_CHECK_EQ(1, c.wrongs);
	ATF_CHECK_EQ(ROLE_FRONT, c.wrong.role);
	ATF_CHECK_EQ(7, c.wrong.index);
	ATF_CHECK_EQ(MSG_TOUCH, c.wrong.type);
	ATF_CHECK_EQ(FAULT_CONTENT, c.wrong.fault);
	ATF_CHECK_EQ(-1, c.ch.fd);
	ATF_CHECK_EQ(0, channel_receive(&c.ch, &ops, &c, 100));
}

TEST(channel__wrong_row)
{
	struct msg_header head = { MSG_KEY, 0 };

	start(&c, &front);
	ATF_REQUIRE_EQ(sizeof(head), write(front.fd, &head, sizeof(head)));
	ATF_CHECK_EQ(1, channel_receive(&c.ch, &ops, &c, 100));
	ATF_CHECK_EQ(1, c.wrongs);
	ATF_CHECK_EQ(MSG_KEY, c.wrong.type);
	ATF_CHECK_EQ(FAULT_TYPE, c.wrong.fault);
}

/* Messages that were sent before the end are handled, even if the other end
   left some unread. */
TEST(channel__last_words)
{
	struct msg_pieces unread = { 0 };

	start(&c, &front);
	touch(&front);
	ATF_REQUIRE_EQ(0, channel_send(&c.ch, MSG_PIECES, &unread, NULL, 0,
	    NULL, 0));
	channel_close(&front);
	ATF_CHECK_EQ(1, channel_receive(&c.ch, &ops, &c, 100));
	ATF_CHECK_EQ(1, c.touched);
	ATF_CHECK_EQ(1, c.closed);
	ATF_CHECK_EQ(-1, c.ch.fd);
}

/* No role sends a message of no bytes: it closes the channel at once. */
TEST(channel__empty_message)
{
	start(&c, &front);
	ATF_REQUIRE_EQ(0, send(front.fd, "", 0, 0));
	touch(&front);
	ATF_CHECK_EQ(0, channel_receive(&c.ch, &ops, &c, 100));
	ATF_CHECK_EQ(1, c.closed);
	ATF_CHECK_EQ(0, c.touched);
}

/* Kept while the other end is busy, and sent in order. */
TEST(channel__queue)
{
	struct msg_get_info body = { .id = 0 };
	unsigned sent = 0;

	start(&c, &front);
	while (front.queued == 0) {
		touch(&front);
		sent++;
	}
	ATF_CHECK_EQ(MSG_TOUCH, channel_first_kept(&front));
	ATF_CHECK(front.taken_ms != 0);
	/* The bytes of the queue itself count. */
	ATF_CHECK(front.queued_bytes > sizeof(struct msg_touch));
	ATF_REQUIRE_EQ(0, channel_send(&front, MSG_GET_INFO, &body, NULL, 0,
	    NULL, 0));
	ATF_CHECK_EQ(2, front.queued);
	/* No room yet: nothing is lost. */
	ATF_CHECK_EQ(0, channel_flush(&front));
	ATF_CHECK_EQ(2, front.queued);
	ATF_CHECK_EQ(sent - 1, channel_receive(&c.ch, &ops, &c, 1000000));
	ATF_CHECK_EQ(0, channel_flush(&front));
	ATF_CHECK_EQ(0, front.queued);
	ATF_CHECK_EQ(0, front.queued_bytes);
	ATF_CHECK_EQ(MSG_NONE, channel_first_kept(&front));
	ATF_CHECK_EQ(1, channel_receive(&c.ch, &ops, &c, 1));
	ATF_CHECK_EQ(sent, c.touched);
	ATF_CHECK_EQ(0, c.others);
	ATF_CHECK_EQ(1, channel_receive(&c.ch, &ops, &c, 1));
	ATF_CHECK_EQ(1, c.others);
}

/* The descriptors of a kept message are duplicates, closed with it. */
TEST(channel__queue_fds)
{
	struct msg_channel body = { .role = ROLE_FRONT };
	struct channel parent, child;
	int fds[2], pipes[2];
	char byte;

	ATF_REQUIRE_EQ(0, msg_pair(fds));
	ATF_REQUIRE_EQ(0, pipe2(pipes, O_NONBLOCK));
	channel_open(&parent, fds[0], ROLE_PARENT, ROLE_CACHE, 0);
	channel_open(&child, fds[1], ROLE_CACHE, ROLE_PARENT, 0);
	while (parent.queued == 0)
		ATF_REQUIRE_EQ(0, channel_send(&parent, MSG_CHANNEL, &body,
		    NULL, 0, &pipes[1], 1));
	/* Those in the channel go with its other end. */
	channel_close(&child);
	close(pipes[1]);
	ATF_CHECK_EQ(-1, read(pipes[0], &byte, 1));
	ATF_CHECK_EQ(EAGAIN, errno);
	channel_close(&parent);
	ATF_CHECK_EQ(0, read(pipes[0], &byte, 1));
	ATF_CHECK_EQ(0, parent.queued);
}

/* Counts replace each other in the queue. */
TEST(channel__replace)
{
	static uint8_t buf[MSG_MAX] __attribute__((__aligned__(8)));
	struct msg_mounts body = { .changes = 1 };
	const struct msg_mounts *got;
	struct channel parent, walker;
	struct msg_wrong wrong;
	struct msg msg;
	int fds[2];

	ATF_REQUIRE_EQ(0, msg_pair(fds));
	channel_open(&parent, fds[0], ROLE_PARENT, ROLE_WALKER, 0);
	channel_open(&walker, fds[1], ROLE_WALKER, ROLE_PARENT, 0);
	ATF_CHECK(!channel_replace(&parent, MSG_MOUNTS, &body));
	while (parent.queued == 0)
		ATF_REQUIRE_EQ(0, channel_send(&parent, MSG_MOUNTS, &body,
		    NULL, 0, NULL, 0));
	body.changes = 2;
	ATF_CHECK(!channel_replace(&parent, MSG_STATUS, &body));
	ATF_CHECK(channel_replace(&parent, MSG_MOUNTS, &body));
	while (msg_recv(&walker, buf, &msg, &wrong) == MSG_GOT)
		ATF_REQUIRE_EQ(1, ((const struct msg_mounts *)msg.body)->
		    changes);
	ATF_CHECK_EQ(0, channel_flush(&parent));
	ATF_REQUIRE_EQ(MSG_GOT, msg_recv(&walker, buf, &msg, &wrong));
	got = msg.body;
	ATF_CHECK_EQ(2, got->changes);
}

/* With the other end gone there is nobody to keep anything for. */
TEST(channel__peer_gone)
{
	struct msg_touch body = { 0 };

	start(&c, &front);
	while (front.queued == 0)
		touch(&front);
	channel_close(&c.ch);
	ATF_CHECK_EQ(-1, channel_flush(&front));
	ATF_CHECK_EQ(0, front.queued);
	ATF_CHECK_EQ(-1, channel_send(&front, MSG_TOUCH, &body, NULL, 0, NULL,
	    0));
	ATF_CHECK_EQ(EPIPE, errno);
	channel_close(&front);
	ATF_CHECK_EQ(-1, channel_send(&front, MSG_TOUCH, &body, NULL, 0, NULL,
	    0));
}
