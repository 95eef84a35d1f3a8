/* SPDX-License-Identifier: ISC */
/*
 * A peer that sends anything: the first three bytes choose sender,
 * receiver and the number of descriptors, the rest is the message.
 */
#include <sys/socket.h>

#include "common/msg.h"
#include "tests/lib/fuzz.h"

static void
send_raw(int fd, const uint8_t *data, size_t len, int nfds)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(64 * sizeof(int))];
	} control;
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	int i;

	memset(&control, 0, sizeof(control));
	if (nfds > 0) {
		mh.msg_control = &control;
		mh.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&mh);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int));
		for (i = 0; i < nfds; i++)
			memcpy(CMSG_DATA(cmsg) + (size_t)i * sizeof(int),
			    &fd, sizeof(fd));
	}
	(void)sendmsg(fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* A handler will rely on these. */
static void
check_got(const struct channel *ch, const struct msg *msg, const uint8_t *buf,
    size_t sent)
{
	size_t body = msg_body_len(msg->type);

	require(msg_check(msg->type, ch->peer, ch->self, body +
	    msg->tail_len, msg->nfds) == 0 &&
	    msg->body == buf + sizeof(struct msg_header) &&
	    msg->tail == (const uint8_t *)msg->body + body &&
	    sizeof(struct msg_header) + body + msg->tail_len == sent);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t buf[MSG_MAX] __attribute__((__aligned__(8)));
	struct channel ch;
	struct msg msg;
	struct msg_wrong wrong;
	int fds[2], lowest;

	if (len < 3 || msg_pair(fds) == -1)
		return 0;
	memset(&ch, 0, sizeof(ch));
	ch.fd = fds[1];
	ch.peer = data[0] % ROLE_COUNT;
	ch.self = data[1] % ROLE_COUNT;
	send_raw(fds[0], data + 3, len - 3, data[2] % 64);
	switch (msg_recv(&ch, buf, &msg, &wrong)) {
	case MSG_GOT:
		check_got(&ch, &msg, buf, len - 3);
		msg_close_fds(&msg);
		break;
	case MSG_WRONG_ONE:
		require(wrong.fault >= FAULT_TYPE && wrong.fault <= FAULT_FDS);
		break;
	case MSG_AGAIN:
	case MSG_CLOSED:
		break;
	}
	close(fds[0]);
	close(fds[1]);
	/* A descriptor left open would be in the way of the next. */
	lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
	require(lowest == fds[0]);
	close(lowest);
	return 0;
}
