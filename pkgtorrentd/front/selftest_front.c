/* SPDX-License-Identifier: ISC */
/*
 * The front's system calls are tried once it is locked down, on sockets, a
 * file and an event loop that were made before for the trial.
 */
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <linux/sockios.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/child.h"
#include "common/log.h"
#include "common/sandbox/selftest.h"
#include "common/socket.h"
#include "pkgtorrentd/front/selftest_front.h"

struct trial {
	int			 us;	/* stands for an accepted socket */
	int			 client;	/* the other end of us */
	int			 file;
	struct event_base	*base;
	struct event		*ev;
	bool			 seen;	/* by the loop */
};

static struct trial trial;

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct trial	*t = arg;

	(void)fd;
	(void)what;
	t->seen = true;
}

/* The socket does not listen: EINVAL shows that the call reached the kernel. */
static int
try_accept4(void *arg)
{
	const struct trial *t = arg;
	struct sockaddr_storage		 addr;
	socklen_t			 len = sizeof(addr);

	return socket_accept4(t->us, (struct sockaddr *)&addr, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static int
try_write(void *arg)
{
	const struct trial *t = arg;

	return (int)write(t->client, "x", 1);
}

static int
try_read(void *arg)
{
	const struct trial *t = arg;
	char				 bytes[16];

	return (int)read(t->us, bytes, sizeof(bytes));
}

static int
try_writev(void *arg)
{
	const struct trial *t = arg;
	struct iovec			 iov[2] = {
		{ (void *)(uintptr_t)"x", 1 }, { (void *)(uintptr_t)"y", 1 }
	};

	return (int)writev(t->us, iov, 2);
}

static int
try_sendmsg(void *arg)
{
	const struct trial *t = arg;
	struct iovec			 iov = { (void *)(uintptr_t)"x", 1 };
	struct msghdr			 msg = {
		.msg_iov = &iov, .msg_iovlen = 1
	};

	return (int)socket_sendmsg(t->us, &msg, MSG_MORE);
}

static int
try_ioctl(void *arg)
{
	const struct trial *t = arg;
	int				 n;

	if (ioctl(t->us, FIONREAD, &n) == -1)
		return -1;
	return ioctl(t->us, SIOCOUTQ, &n);
}

static int
try_sendfile(void *arg)
{
	const struct trial *t = arg;
	off_t				 at = 0;

	return (int)sendfile(t->us, t->file, &at, 1);
}

static int
try_fcntl(void *arg)
{
	const struct trial *t = arg;
	int				 fd;

	if (fcntl(t->file, F_GETFL) == -1)
		return -1;
	fd = fcntl(t->file, F_DUPFD_CLOEXEC, 0);
	if (fd != -1)
		close(fd);
	return fd;
}

static int
try_epoll_ctl(void *arg)
{
	const struct trial *t = arg;

	return event_add(t->ev, NULL);
}

static int
try_epoll_wait(void *arg)
{
	struct trial	*t = arg;

	(void)!write(t->client, "x", 1);
	errno = 0;
	if (event_base_loop(t->base, EVLOOP_NONBLOCK) == -1)
		return -1;
	/* The loop hides errors of its calls: look for their effect. */
	if (!t->seen)
		fatal("the event loop (%s) sees nothing",
		    event_base_get_method(t->base));
	return 0;
}

static int
try_shutdown(void *arg)
{
	const struct trial *t = arg;

	return socket_shutdown(t->us, SHUT_WR);
}

const struct selftest front_selftests[] = {
	{ "accept4", try_accept4, false },
	{ "write", try_write, false },
	{ "read", try_read, false },
	{ "writev", try_writev, false },
	{ "sendmsg", try_sendmsg, false },
	{ "ioctl", try_ioctl, false },
	{ "sendfile/sendfile64", try_sendfile, false },
	{ "fcntl/fcntl64", try_fcntl, false },
	{ "epoll_ctl", try_epoll_ctl, false },
	{ "epoll_wait/epoll_pwait/epoll_pwait2", try_epoll_wait, false },
	{ "shutdown", try_shutdown, false },
};
const size_t front_nselftests =
    sizeof(front_selftests) / sizeof(front_selftests[0]);

static void
trial_prepare(struct trial *t)
{
	int	pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    pair) == -1)
		fatal("socketpair: %s", strerror(errno));
	t->us = pair[0];
	t->client = pair[1];
	/* Without a file the calls fail in the kernel, past the filter too. */
	t->file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	t->base = event_base_new();
	if (t->base == NULL || (t->ev = event_new(t->base, t->us, EV_READ,
	    on_readable, t)) == NULL)
		fatal("the event loop cannot be set up");
}

/* Try all calls after lockdown, then free the sockets and files. */
static void
trial_run(void *owner, int dirfd)
{
	struct trial	*t = &trial;

	(void)owner;
	(void)dirfd;
	selftest_run(front_selftests, front_nselftests, t);
	event_free(t->ev);
	event_base_free(t->base);
	close(t->us);
	close(t->client);
	if (t->file != -1)
		close(t->file);
}

void
front_confine(struct child *child, unsigned max_fds)
{
	trial_prepare(&trial);
	child_confine(child, NULL, max_fds, trial_run);
}
