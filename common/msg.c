/* SPDX-License-Identifier: ISC */
/*
 * Sending and receiving messages.  The sender may be under an attacker's
 * control, so each message is checked against the table before its handler
 * gets it.
 */
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/msg.h"
#include "common/socket.h"

/* Room for a few of the longest messages, so that a burst does not wait. */
#define CHANNEL_SNDBUF	(512 * 1024)

/* The time to wait if the kernel is short of memory or of descriptors in
   flight: no event reports the end of that. */
#define SHORTAGE_MS	10

struct msg_row {
	const char	*name;
	unsigned	 from;
	unsigned	 to;
	size_t		 body_len;
	size_t		 tail_max;
	int		 fd_min;
	int		 fd_max;
};

static const struct msg_row rows[MSG_COUNT] = {
	[MSG_NONE] = { "NONE", 0, 0, 0, 0, 0, 0 },
#define X(name, from, to, body, tail, fdmin, fdmax, bound)		\
	[MSG_##name] = { #name, from, to, sizeof(struct msg_##body),	\
	    tail, fdmin, fdmax },
	MSG_TABLE(X)
#undef X
};

#define X(name, from, to, body, tail, fdmin, fdmax, bound)		\
_Static_assert(sizeof(struct msg_header) + sizeof(struct msg_##body) +	\
    (tail) <= MSG_MAX && (fdmax) <= MSG_FDS_MAX, "MSG_" #name);
MSG_TABLE(X)
#undef X

const char *
role_name(enum role role)
{
	static const char *const names[ROLE_COUNT] = {
		[ROLE_PARENT] = "parent",
		[ROLE_FRONT] = "front",
		[ROLE_WALKER] = "walker",
		[ROLE_HASHER] = "hasher",
		[ROLE_CACHE] = "cache",
		[ROLE_TRACKER] = "tracker",
	};

	return (unsigned)role < ROLE_COUNT ? names[role] : "unknown";
}

const char *
msg_name(uint32_t type)
{
	return type < MSG_COUNT ? rows[type].name : "unknown";
}

size_t
msg_body_len(enum msg_type type)
{
	return (unsigned)type < MSG_COUNT ? rows[type].body_len : 0;
}

enum msg_fault
msg_check(uint32_t type, enum role from, enum role to, size_t len, int nfds)
{
	const struct msg_row *row;

	if (type == MSG_NONE || type >= MSG_COUNT)
		return FAULT_TYPE;
	row = &rows[type];
	if (!(row->from & (1U << from)) || !(row->to & (1U << to)))
		return FAULT_TYPE;
	if (len < row->body_len || len > row->body_len + row->tail_max)
		return FAULT_LENGTH;
	if (nfds < row->fd_min || nfds > row->fd_max)
		return FAULT_FDS;
	return 0;
}

/* Take every descriptor, wanted or not, so that none leaks. */
static void
take_fds(struct msghdr *mh, struct msg *msg)
{
	struct cmsghdr *cmsg;
	size_t i, n;
	int fd;

	for (cmsg = CMSG_FIRSTHDR(mh); cmsg != NULL;
	    cmsg = CMSG_NXTHDR(mh, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(fd);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd),
			    sizeof(fd));
			if (msg->nfds < MSG_FDS_MAX)
				msg->fds[msg->nfds++] = fd;
			else
				close(fd);
		}
	}
}

/* Check n bytes that were received.  FAULT_NONE, or the fault. */
static enum msg_fault
check_arrived(const struct channel *ch, const struct msg_header *hdr,
    size_t n, int flags, int nfds)
{
	if (n < sizeof(*hdr) || (flags & MSG_TRUNC) ||
	    hdr->len != n - sizeof(*hdr))
		return FAULT_LENGTH;
	if (flags & MSG_CTRUNC)
		return FAULT_FDS;
	return msg_check(hdr->type, ch->peer, ch->self, hdr->len, nfds);
}

enum msg_verdict
msg_recv(struct channel *ch, uint8_t *buf, struct msg *msg,
    struct msg_wrong *wrong)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(MSG_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = buf, .iov_len = MSG_MAX };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct msg_header hdr = { 0, 0 };
	enum msg_fault fault;
	ssize_t n;

	msg->nfds = 0;
	do
		n = socket_recvmsg(ch->fd, &mh,
		    MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return MSG_AGAIN;
	if (n == -1)
		return MSG_CLOSED;
	take_fds(&mh, msg);
	/* A message of no bytes looks the same and closes the channel too: no
	   role sends one. */
	if (n == 0) {
		msg_close_fds(msg);
		errno = 0;
		return MSG_CLOSED;
	}
	if ((size_t)n >= sizeof(hdr))
		memcpy(&hdr, buf, sizeof(hdr));
	fault = check_arrived(ch, &hdr, (size_t)n, mh.msg_flags, msg->nfds);
	if (fault != 0) {
		msg_close_fds(msg);
		memset(wrong, 0, sizeof(*wrong));
		wrong->role = ch->peer;
		wrong->index = ch->index;
		wrong->type = hdr.type;
		wrong->fault = fault;
		return MSG_WRONG_ONE;
	}
	msg->type = hdr.type;
	msg->body = buf + sizeof(hdr);
	msg->tail_len = hdr.len - rows[hdr.type].body_len;
	msg->tail = buf + sizeof(hdr) + rows[hdr.type].body_len;
	ch->received++;
	return MSG_GOT;
}

/* As msg_send(), but errno tells a busy receiver from a shortage. */
static int
send_once(struct channel *ch, enum msg_type type, const void *body,
    const void *tail, size_t tail_len, const int *fds, int nfds)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(MSG_FDS_MAX * sizeof(int))];
	} control;
	static const struct msg_none none;
	struct msg_header hdr;
	struct iovec iov[3];
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 3 };
	struct cmsghdr *cmsg;
	size_t body_len = msg_body_len(type);
	ssize_t n;

	if (body == NULL && body_len == sizeof(none))
		body = &none;
	/* The other end would report a wrong message.  Refuse it here, where
	   the mistake is. */
	if (body == NULL || tail_len > MSG_TAIL_MAX ||
	    msg_check(type, ch->self, ch->peer, body_len + tail_len, nfds)) {
		errno = EINVAL;
		return -1;
	}
	hdr.type = type;
	hdr.len = (uint32_t)(body_len + tail_len);
	iov[0] = (struct iovec){ &hdr, sizeof(hdr) };
	iov[1] = (struct iovec){ (void *)(uintptr_t)body, body_len };
	iov[2] = (struct iovec){ (void *)(uintptr_t)tail, tail_len };
	if (nfds > 0) {
		memset(&control, 0, sizeof(control));
		mh.msg_control = &control;
		mh.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&mh);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, (size_t)nfds * sizeof(int));
	}
	do
		n = socket_sendmsg(ch->fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return -1;
	ch->sent++;
	return 0;
}

int
msg_send(struct channel *ch, enum msg_type type, const void *body,
    const void *tail, size_t tail_len, const int *fds, int nfds)
{
	if (send_once(ch, type, body, tail, tail_len, fds, nfds) == 0)
		return 0;
	if (errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM ||
	    errno == ETOOMANYREFS)
		errno = EAGAIN;
	else if (errno == ECONNRESET || errno == ENOTCONN)
		errno = EPIPE;
	return -1;
}

int
msg_send_wait(struct channel *ch, enum msg_type type, const void *body,
    const void *tail, size_t tail_len, const int *fds, int nfds)
{
	struct pollfd pfd = { .fd = ch->fd };
	int timeout_ms;

	while (send_once(ch, type, body, tail, tail_len, fds, nfds) == -1) {
		switch (errno) {
		case EAGAIN:
			pfd.events = POLLOUT;
			timeout_ms = -1;
			break;
		case ENOBUFS:
		case ENOMEM:
		case ETOOMANYREFS:
			/* The channel has room, so that POLLOUT would not
			   wait.  poll(2) still reports its end. */
			pfd.events = 0;
			timeout_ms = SHORTAGE_MS;
			break;
		case ECONNRESET:
		case ENOTCONN:
			errno = EPIPE;
			return -1;
		default:
			return -1;
		}
		if (poll(&pfd, 1, timeout_ms) == -1 && errno != EINTR)
			return -1;
	}
	return 0;
}

void
msg_close_fds(struct msg *msg)
{
	while (msg->nfds > 0)
		close(msg->fds[--msg->nfds]);
}

int
msg_pair(int fds[2])
{
	int i, size = CHANNEL_SNDBUF;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0, fds) == -1)
		return -1;
	/* A smaller size (net.core.wmem_max) costs speed only. */
	for (i = 0; i < 2; i++)
		(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size,
		    sizeof(size));
	return 0;
}
