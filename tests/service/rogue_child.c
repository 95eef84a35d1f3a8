/* SPDX-License-Identifier: ISC */
/*
 * The service, with a child that has been broken into: everything is as
 * in pkgtorrentd, which it is but for this file, until a child finds a file
 * with its title and ".rogue" beside this program.  That tells it to
 * do one thing as soon as it is ready, once:
 *
 *	parent		send its parent a forbidden message
 *	peer		send its peer a forbidden message
 *	call		make a system call that its filter stops
 *	calls		the same whenever it is started
 */
#include <sys/socket.h>
#include <sys/syscall.h>

#include <libgen.h>
#include <limits.h>
#include <poll.h>

/* The daemon's other program is this one, too. */
#define HASHER_PATH	"/proc/self/exe"

int	daemon_main(int, char *[], char *[]);
int	hasher_program_main(int, char *[]);

#define main		daemon_main
#include "pkgtorrentd/main.c"
#undef main
#define main		hasher_program_main
#include "hasher/main.c"
#undef main

#include "common/sandbox/sandbox.h"

/* This child's task; false: nothing but its work. */
static bool
read_plan(enum role role, char plan[16])
{
	char exe[PATH_MAX] = "", path[2 * PATH_MAX];
	ssize_t n;
	int fd;

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) == -1)
		return false;
	snprintf(path, sizeof(path), "%s/%s.rogue", dirname(exe),
	    role_name(role));
	fd = open(path, O_RDONLY);
	if (fd == -1)
		return false;
	n = read(fd, plan, 15);
	close(fd);
	if (n <= 0)
		return false;
	plan[n] = '\0';
	plan[strcspn(plan, "\n")] = '\0';
	if (strcmp(plan, "calls") != 0)
		(void)unlink(path);
	return true;
}

/* Past every check of msg_send(). */
static void
send_key(int fd)
{
	struct msg_header head = { MSG_KEY, sizeof(struct msg_key) };
	struct msg_key key = { { 0 } };
	struct iovec iov[2] = {
		{ &head, sizeof(head) }, { &key, sizeof(key) },
	};
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };

	(void)sendmsg(fd, &mh, MSG_NOSIGNAL);
}

/* Locked down like its honest fellows, as root or not. */
static void
go_in(struct child *child, enum role role)
{
	struct sandbox sb = {
		.role = role, .privileged = child->flags & CONF_PRIVILEGED,
		.strict = child->conf->strict,
		.user = child->conf->user[role],
		.dir = role == ROLE_WALKER ? child->conf->roots[0].dir :
		    role == ROLE_CACHE ? child->conf->cache : NULL,
		.channel_fd = child->parent.fd,
	};
	char layers[256];
	int dirfd;

	sandbox_enter(&sb, &dirfd, layers, sizeof(layers));
	child_ready(child, layers);
}

static void __attribute__((__noreturn__))
misbehave(enum role role, const char *plan)
{
	static struct child child;
	struct pollfd pfd = { .fd = PARENT_FD, .events = POLLIN };
	struct msg_wrong wrong;
	static uint8_t buf[MSG_MAX] __attribute__((__aligned__(8)));
	struct msg msg = { .type = MSG_NONE };

	child_start(&child, role, NULL, NULL);
	go_in(&child, role);
	if (strncmp(plan, "call", 4) == 0)
		(void)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	if (strcmp(plan, "parent") == 0)
		send_key(PARENT_FD);
	/* It waits, for a peer to begin with. */
	for (;;) {
		if (msg_recv(&child.parent, buf, &msg, &wrong) !=
		    MSG_GOT) {
			if (poll(&pfd, 1, -1) == -1 || pfd.revents & POLLHUP)
				_exit(0);
		} else if (msg.type == MSG_CHANNEL &&
		    strcmp(plan, "peer") == 0)
			send_key(msg.fds[0]);
	}
}

int
main(int argc, char *argv[], char *envp[])
{
	static const struct {
		const char	*title;
		enum role	 role;
	} roles[] = {
		{ "pkgtorrentd: front", ROLE_FRONT },
		{ "pkgtorrentd: walker", ROLE_WALKER },
		{ "pkgtorrentd: hasher 1", ROLE_HASHER },
		{ "pkgtorrentd: cache", ROLE_CACHE },
	};
	char plan[16];
	size_t i;

	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		if (strcmp(argv[0], roles[i].title) != 0)
			continue;
		if (read_plan(roles[i].role, plan))
			misbehave(roles[i].role, plan);
		if (roles[i].role == ROLE_WALKER ||
		    roles[i].role == ROLE_HASHER)
			return hasher_program_main(argc, argv);
	}
	return daemon_main(argc, argv, envp);
}
