/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/log.h"
#include "ctl/ctl.h"

#define REASON_LEN	(4 * SPEC_MAX + 1)

static const char *
connect_hint(int error)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		return ": the service does not run, or its \"control\" says "
		    "another path (-s)";
	case EACCES:
		return ": only root and the owner of the service may";
	default:
		return "";
	}
}

static int
connect_to(const char *path)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd, error;

	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path)) {
		ctl_complain("%s: too long for a socket", path);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd != -1 && connect(fd, (const struct sockaddr *)&sun,
	    sizeof(sun)) == 0)
		return fd;
	error = errno;
	if (fd != -1)
		close(fd);
	ctl_complain("%s: %s%s", path, strerror(error), connect_hint(error));
	return -1;
}

bool
ctl_begin(struct ctl *ctl, enum control_command command, uint32_t flags,
    const void *path, size_t path_len, int fd)
{
	struct msg_control	 body = { .command = command, .flags = flags };
	int			 s = connect_to(ctl->socket);

	if (s == -1)
		return false;
	channel_close(&ctl->channel);
	channel_open(&ctl->channel, s, ROLE_PARENT, ROLE_FRONT, 0);
	/* A service that refuses the connection has closed it, but it has said
	   why. */
	if (msg_send_wait(&ctl->channel, MSG_CONTROL, &body, path, path_len,
	    &fd, fd != -1) == 0 || errno == EPIPE)
		return true;
	ctl_complain("%s: %s", ctl->socket, strerror(errno));
	return false;
}

/* The kernel reports a command that was not read once (ECONNRESET), before
   it gives us what was sent. */
static enum msg_verdict
receive(struct ctl *ctl)
{
	struct msg_wrong	 wrong;
	enum msg_verdict	 verdict;

	verdict = msg_recv(&ctl->channel, ctl->buf, &ctl->answer, &wrong);
	if (verdict == MSG_CLOSED && errno != 0)
		verdict = msg_recv(&ctl->channel, ctl->buf, &ctl->answer,
		    &wrong);
	return verdict;
}

bool
ctl_next(struct ctl *ctl, int timeout_ms)
{
	struct pollfd			 pfd = { .fd = ctl->channel.fd,
					    .events = POLLIN };
	const struct msg_controlled	*body;
	char				 reason[REASON_LEN];
	int				 n;

	do
		n = poll(&pfd, 1, timeout_ms);
	while (n == -1 && errno == EINTR && (ctl->interrupted == NULL ||
	    !*ctl->interrupted));
	if (n == -1)
		return false;
	if (n == 0) {
		ctl_complain("%s: the service does not answer", ctl->socket);
		return false;
	}
	switch (receive(ctl)) {
	case MSG_GOT:
		break;
	case MSG_WRONG_ONE:
		ctl_complain("%s: not an answer of this version", ctl->socket);
		return false;
	default:
		ctl_complain("%s: the service has closed the connection",
		    ctl->socket);
		return false;
	}
	if ((body = ctl_controlled(ctl)) == NULL ||
	    body->state != CONTROL_FAILED)
		return true;
	/* A role that was broken into must not write to a terminal of root. */
	ctl_complain("%s", log_escape(reason, sizeof(reason), ctl->answer.tail,
	    ctl->answer.tail_len));
	return false;
}

const struct msg_controlled *
ctl_controlled(const struct ctl *ctl)
{
	return ctl->answer.type == MSG_CONTROLLED ? ctl->answer.body : NULL;
}
