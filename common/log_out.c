/*
 * Nobody may have read the log for hours: a full pipe, a terminal that was
 * stopped by ^S, a syslog daemon that hangs.  The parent has children to start
 * again, and to end.
 */
#include <sys/param.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log_out.h"
#include "common/child.h"

#define PRINT_MS	1000

enum out_kind {
	OUT_WAITS,		/* or never has to: a file */
	OUT_NONBLOCK,		/* a descriptor of our own */
	OUT_POLLED,		/* that could not be had */
	OUT_SOCKET,
	OUT_SYSLOG
};

/* A line that has not gone out, or not to its end. */
struct kept {
	TAILQ_ENTRY(kept)	 entry;
	size_t			 len;
	size_t			 sent;
	char			 bytes[];
};

static enum out_kind	 kind;
static int		 out_fd = STDERR_FILENO;
static TAILQ_HEAD(, kept) queue = TAILQ_HEAD_INITIALIZER(queue);
static size_t		 queue_len;	/* bytes */

static struct sockaddr_un syslog_addr;
static const char	*syslog_ident;
static bool		 syslog_is_stream;

/* What was kept is another process's to write: it went on after a fork. */
static void
queue_clear(void)
{
	struct kept	*k;

	while ((k = TAILQ_FIRST(&queue)) != NULL) {
		TAILQ_REMOVE(&queue, k, entry);
		free(k);
	}
	queue_len = 0;
}

void
log_out_open_stderr(void)
{
	queue_clear();
	kind = OUT_WAITS;
	out_fd = STDERR_FILENO;
}

/*
 * The same pipe or terminal opened once more is a description of our own,
 * where O_NONBLOCK is nobody else's business.  It takes the old one's place,
 * so that all that we write there goes through it.
 */
static bool
reopen_stderr(void)
{
	int	 fd;

	fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY |
	    O_CLOEXEC);
	if (fd == -1)
		return false;
	if (dup2(fd, STDERR_FILENO) == -1) {
		close(fd);
		return false;
	}
	close(fd);
	return true;
}

void
log_out_never_wait(void)
{
	struct stat	 st;

	if (fstat(STDERR_FILENO, &st) == -1)
		return;
	if (S_ISSOCK(st.st_mode))
		kind = OUT_SOCKET;
	else if (S_ISFIFO(st.st_mode) || isatty(STDERR_FILENO))
		kind = reopen_stderr() ? OUT_NONBLOCK : OUT_POLLED;
}

/* Of one type or the other, as the daemon has it. */
static int
syslog_connect(void)
{
	static const int	 types[] = { SOCK_DGRAM, SOCK_STREAM };
	size_t			 i;

	for (i = 0; i < 2; i++) {
		out_fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC |
		    SOCK_NONBLOCK, 0);
		if (out_fd == -1)
			return -1;
		if (connect(out_fd, (struct sockaddr *)&syslog_addr,
		    sizeof(syslog_addr)) == 0) {
			syslog_is_stream = types[i] == SOCK_STREAM;
			return 0;
		}
		close(out_fd);
		out_fd = -1;
		if (errno != EPROTOTYPE)
			return -1;
	}
	return -1;
}

void
log_out_open_syslog(const char *path, const char *ident)
{
	queue_clear();
	kind = OUT_SYSLOG;
	syslog_ident = ident;
	syslog_addr.sun_family = AF_UNIX;
	(void)snprintf(syslog_addr.sun_path, sizeof(syslog_addr.sun_path),
	    "%s", path);
	(void)syslog_connect();
}

/* A stream's end of a record is a NUL. */
static size_t
kept_left(const struct kept *k)
{
	return k->len - k->sent + (kind == OUT_SYSLOG && syslog_is_stream);
}

static ssize_t
syslog_send(const struct kept *k)
{
	if (out_fd == -1) {
		errno = ENOTCONN;
		return -1;
	}
	return send(out_fd, k->bytes + k->sent, kept_left(k),
	    MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The daemon may have been started again: its socket is another one. */
static ssize_t
out_to_syslog(struct kept *k)
{
	ssize_t	 n = syslog_send(k);

	if (n != -1 || errno == EAGAIN || errno == ENOBUFS)
		return n;
	if (errno == EMSGSIZE)
		return -1;
	if (out_fd != -1)
		close(out_fd);
	out_fd = -1;
	k->sent = 0;
	return syslog_connect() == 0 ? syslog_send(k) : -1;
}

/* Bytes taken, or -1. */
static ssize_t
out_write(struct kept *k)
{
	const char	*at = k->bytes + k->sent;
	size_t		 len = kept_left(k);
	struct pollfd	 pfd = { .fd = out_fd, .events = POLLOUT };

	switch (kind) {
	case OUT_SOCKET:
		return send(out_fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	case OUT_SYSLOG:
		return out_to_syslog(k);
	case OUT_POLLED:
		/* A pipe with room takes that much at once. */
		if (poll(&pfd, 1, 0) != 1) {
			errno = EAGAIN;
			return -1;
		}
		return write(out_fd, at, MIN(len, PIPE_BUF));
	default:
		return write(out_fd, at, len);
	}
}

/*
 * true: it has gone out, or never will: a disk is full, or a socket takes no
 * datagram of that length.  All other readers may come again.
 */
static bool
kept_send(struct kept *k)
{
	ssize_t	 n;

	while (kept_left(k) > 0) {
		n = out_write(k);
		if (n > 0)
			k->sent += (size_t)n;
		else if (n == 0 || errno == EAGAIN)
			return false;
		else if (errno != EINTR)
			return kind == OUT_WAITS || errno == EMSGSIZE;
	}
	return true;
}

static struct kept *
kept_new(int priority, const char *line, size_t len)
{
	char		 head[128] = "", when[32] = "";
	struct kept	*k;
	struct tm	 tm;
	time_t		 now = time(NULL);
	size_t		 n = 0;

	if (kind == OUT_SYSLOG) {
		if (localtime_r(&now, &tm) != NULL)
			(void)strftime(when, sizeof(when), "%h %e %T ", &tm);
		n = (size_t)snprintf(head, sizeof(head), "<%d>%s%s: ",
		    LOG_DAEMON | priority, when, syslog_ident);
		if (len > 0 && line[len - 1] == '\n')
			len--;
	}
	if ((k = malloc(sizeof(*k) + n + len + 1)) == NULL)
		return NULL;
	k->len = n + len;
	k->sent = 0;
	memcpy(k->bytes, head, n);
	memcpy(k->bytes + n, line, len);
	k->bytes[n + len] = '\0';
	return k;
}

bool
log_out_put(int priority, const char *line, size_t len)
{
	struct kept	*k;

	(void)log_out_flush();
	if (queue_len + len > LOG_KEPT_MAX ||
	    (k = kept_new(priority, line, len)) == NULL)
		return false;
	if (TAILQ_EMPTY(&queue) && kept_send(k)) {
		free(k);
		return true;
	}
	TAILQ_INSERT_TAIL(&queue, k, entry);
	queue_len += k->len;
	return true;
}

bool
log_out_flush(void)
{
	struct kept	*k;

	while ((k = TAILQ_FIRST(&queue)) != NULL && kept_send(k)) {
		TAILQ_REMOVE(&queue, k, entry);
		queue_len -= k->len;
		free(k);
	}
	return queue_len < LOG_KEPT_MAX / 2;
}

int
log_out_waits_for(void)
{
	return TAILQ_EMPTY(&queue) ? -1 : out_fd;
}

void
log_out_drain(int ms)
{
	struct pollfd	 pfd = { .events = POLLOUT };
	uint64_t	 end = clock_ms() + (uint64_t)ms, now;

	(void)log_out_flush();
	while ((pfd.fd = log_out_waits_for()) != -1 &&
	    (now = clock_ms()) < end) {
		if (poll(&pfd, 1, (int)(end - now)) == -1 && errno != EINTR)
			return;
		(void)log_out_flush();
	}
}

void
log_out_print(const void *bytes, size_t len)
{
	const char	*at = bytes;
	size_t		 n;

	while (len > 0) {
		n = MIN(len, LOG_KEPT_MAX / 2);
		(void)log_out_put(LOG_ERR, at, n);
		log_out_drain(PRINT_MS);
		at += n;
		len -= n;
	}
}
