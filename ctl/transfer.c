/* SPDX-License-Identifier: ISC */
/*
 * Export and import.  The service gets one end of a stream socket; the bytes
 * that come out of it, or go into it, are copied from and to a file here and
 * not looked at.  So a slow disk, terminal or network holds up this program
 * alone, and the process that has the other end gets no file.
 */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/size_text.h"
#include "ctl/ctl.h"

/* The socket is one of the two. */
struct copy {
	int		 from;		/* -1: all of it was read */
	int		 to;		/* -1: nobody takes more */
	const char	*name;		/* of the file */
	bool		 import;
	bool		 keep;		/* the file is as it was before */
	size_t		 at;		/* in bytes; up to there it is done */
	size_t		 len;
	char		 bytes[65536];
};

static void
copy_end(int *fd)
{
	if (*fd != -1)
		(void)close(*fd);
	*fd = -1;
}

/* A named file is emptied once there is something to be written: not if the
   service is not there, or refuses. */
static bool
copy_clear(struct copy *copy)
{
	if (copy->keep && ftruncate(copy->to, 0) == -1 && errno != EINVAL) {
		ctl_complain("%s: %s", copy->name, strerror(errno));
		return false;
	}
	copy->keep = false;
	return true;
}

/* Read the next bytes.  False with a complaint. */
static bool
copy_read(struct copy *copy)
{
	ssize_t	 n = read(copy->from, copy->bytes, sizeof(copy->bytes));

	if (n == -1 && errno != EINTR && errno != EAGAIN && copy->import) {
		ctl_complain("%s: %s", copy->name, strerror(errno));
		return false;
	}
	copy->at = 0;
	copy->len = n > 0 ? (size_t)n : 0;
	if (n > 0)
		return copy_clear(copy);
	if (n == -1 && (errno == EINTR || errno == EAGAIN))
		return true;
	copy_end(&copy->from);
	/* The service learns that there is no more; it may have gone. */
	if (copy->import)
		(void)shutdown(copy->to, SHUT_WR);
	return true;
}

/* Write the bytes that were read.  False with a complaint. */
static bool
copy_write(struct copy *copy)
{
	ssize_t	 n = write(copy->to, copy->bytes + copy->at,
	    copy->len - copy->at);

	if (n != -1) {
		copy->at += (size_t)n;
		return true;
	}
	if (errno == EINTR || errno == EAGAIN)
		return true;
	if (!copy->import) {
		ctl_complain("%s: %s", copy->name, strerror(errno));
		return false;
	}
	/* The service has given up, and says why. */
	copy->at = copy->len = 0;
	copy_end(&copy->from);
	return true;
}

/* Everything that was exported must be in the file: only then is this true. */
static bool
copy_sync(const struct copy *copy)
{
	if (fsync(copy->to) == 0 || errno == EINVAL || errno == EROFS ||
	    errno == ENOTSUP)
		return true;
	ctl_complain("%s: %s", copy->name, strerror(errno));
	return false;
}

static void
print_progress(const struct msg_controlled *body)
{
	if (isatty(STDERR_FILENO))
		(void)fprintf(stderr, "\r%" PRIu64 " files of %" PRIu64
		    " bytes ", body->done, body->done_bytes);
}

/* Copy until the service says that the command has ended; *end is its last
   report, also of a failure.  False with a complaint. */
static bool
copy_run(struct ctl *ctl, struct copy *copy, struct msg_controlled *end)
{
	const struct msg_controlled	*body;
	struct pollfd			 pfds[2] = { { .fd = ctl->channel.fd,
					    .events = POLLIN } };
	bool				 writes;

	end->state = CONTROL_RUNNING;
	while (end->state == CONTROL_RUNNING || copy->at < copy->len ||
	    (!copy->import && copy->from != -1)) {
		writes = copy->at < copy->len;
		pfds[1].fd = writes ? copy->to : copy->from;
		pfds[1].events = writes ? POLLOUT : POLLIN;
		if (end->state != CONTROL_RUNNING)
			pfds[0].fd = -1;
		if (poll(pfds, 2, -1) == -1)
			continue;
		if (pfds[0].fd != -1 && pfds[0].revents != 0) {
			if (!ctl_next(ctl, -1)) {
				if ((body = ctl_controlled(ctl)) != NULL)
					*end = *body;
				return false;
			}
			if ((body = ctl_controlled(ctl)) == NULL)
				continue;
			*end = *body;
			print_progress(body);
		}
		if (pfds[1].fd != -1 && pfds[1].revents != 0 &&
		    !(writes ? copy_write(copy) : copy_read(copy)))
			return false;
	}
	return copy->import || copy_sync(copy);
}

static bool
transfer(struct ctl *ctl, enum control_command command, struct copy *copy,
    int file, struct msg_controlled *end)
{
	bool	 fine;
	int	 fds[2];

	(void)signal(SIGPIPE, SIG_IGN);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == -1 ||
	    fcntl(fds[0], F_SETFL, O_NONBLOCK) == -1) {
		ctl_complain("socketpair: %s", strerror(errno));
		return false;
	}
	copy->import = command == CONTROL_IMPORT;
	copy->from = copy->import ? file : fds[0];
	copy->to = copy->import ? fds[0] : file;
	fine = ctl_begin(ctl, command, 0, NULL, 0, fds[1]);
	copy_end(&fds[1]);
	fine = fine && copy_run(ctl, copy, end);
	if (isatty(STDERR_FILENO) && fine)
		(void)fputc('\n', stderr);
	copy_end(&copy->from);
	copy_end(&copy->to);
	return fine;
}

enum ctl_exit
command_export(struct ctl *ctl, int argc, char *argv[])
{
	static struct copy	 copy = { .name = "standard output" };
	struct msg_controlled	 end = { 0 };
	char			 bytes[SIZE_TEXT_LEN];
	int			 fd = STDOUT_FILENO;

	if (argc > 2)
		return ctl_usage();
	if (argc == 2) {
		copy.name = argv[1];
		copy.keep = true;
		fd = open(argv[1], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	} else if (isatty(STDOUT_FILENO)) {
		ctl_complain("standard output is a terminal: name a file");
		return CTL_FAILED;
	}
	if (fd == -1) {
		ctl_complain("%s: %s", copy.name, strerror(errno));
		return CTL_FAILED;
	}
	if (!transfer(ctl, CONTROL_EXPORT, &copy, fd, &end)) {
		if (end.state != 0 && !copy.keep)
			ctl_complain("%s is not complete", copy.name);
		return CTL_FAILED;
	}
	(void)fprintf(stderr, "exported: %" PRIu64 " piece lists, one for each "
	    "file and piece length, of %s of files\n"
	    "left out: %" PRIu64 " imported and not rechecked, or of other "
	    "roots; %" PRIu64 " damaged\n", end.done,
	    size_text(bytes, end.done_bytes), end.skipped, end.bad);
	return CTL_FINE;
}

enum ctl_exit
command_import(struct ctl *ctl, int argc, char *argv[])
{
	static struct copy	 copy = { .name = "standard input" };
	struct msg_controlled	 end = { 0 };
	char			 bytes[SIZE_TEXT_LEN];
	int			 fd = STDIN_FILENO;

	if (argc > 2)
		return ctl_usage();
	if (argc == 2) {
		copy.name = argv[1];
		fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	}
	if (fd == -1) {
		ctl_complain("%s: %s", copy.name, strerror(errno));
		return CTL_FAILED;
	}
	if (!transfer(ctl, CONTROL_IMPORT, &copy, fd, &end)) {
		if (end.state != 0)
			ctl_complain("%" PRIu64 " piece lists had been "
			    "imported from %s, and stay", end.done, copy.name);
		return CTL_FAILED;
	}
	(void)fprintf(stderr, "imported: %" PRIu64 " piece lists, one for each "
	    "file and piece length, of %s of files\n"
	    "not stored: %" PRIu64 " known already; %" PRIu64 " of other roots "
	    "or too long\n", end.done, size_text(bytes, end.done_bytes),
	    end.skipped, end.bad);
	if (end.done > 0)
		(void)fprintf(stderr, "They are used for a file of that size "
		    "and modification time, and the file is\nhashed when a "
		    "hasher is idle.  Until then a torrent of it is only as "
		    "true as\nthe host that exported them.\n");
	return CTL_FINE;
}
