/* SPDX-License-Identifier: ISC */
/*
 * The log: one write(2) or one message per line, so that it works in a
 * sandbox and lines of several processes never mix.
 *
 * The parent must not block on its log: the reader of a pipe may be stuck, a
 * terminal stopped by ^S, a syslog daemon hung, and the parent has children
 * to restart and to stop.  So it queues lines that cannot be written at once,
 * up to a limit, and then counts the lines that it loses.
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
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/msg.h"

#define LOG_LINE_LEN	2048	/* the longest tail of MSG_LOG */
#define LOG_DRAIN_MS	500
#define LOG_PRINT_MS	1000
#define SYSLOG_IDENT	"pkgtorrentd"

/* "<N>", a role and a pid; then each byte of a line may become \xNN. */
#define LOG_OUT_LEN	(64 + 4 * LOG_LINE_LEN + 1)

static int		 level = LOG_INFO;
static struct channel	*parent;	/* in a child */
static bool		 to_journal;	/* the journal reads stderr */
static unsigned		 lost;		/* lines for which the channel to the
					   parent had no room */
static void		(*watcher)(void *, int, const char *, size_t);
static void		*watcher_arg;
static unsigned		 unread;	/* lines that the parent lost because
					   nobody read its log */

enum out_kind {
	OUT_WAITS,		/* a write may block, except to a file */
	OUT_NONBLOCK,		/* a descriptor of our own */
	OUT_POLLED,		/* a shared one: poll before each write */
	OUT_SOCKET,
	OUT_SYSLOG,
	OUT_FILE		/* of our own: never waits */
};

/* A line that is not written yet, or only in part. */
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

static bool		 file_cut;	/* the file ends with a part of a line,
					   because the disk was full */

static struct sockaddr_un syslog_addr;
static bool		 syslog_is_stream;

/* After a fork the other process writes the lines that were queued. */
static void
queue_clear(void)
{
	struct kept *k;

	while ((k = TAILQ_FIRST(&queue)) != NULL) {
		TAILQ_REMOVE(&queue, k, entry);
		free(k);
	}
	queue_len = 0;
}

/*
 * Open the same pipe or terminal once more: O_NONBLOCK on that descriptor of
 * our own changes nothing for other processes that share the old one.  It
 * replaces standard error, so that every write goes through it.
 */
static bool
reopen_stderr(void)
{
	int fd;

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

/* Neither standard error nor a socket or file of the log is open then. */
static void
out_close(void)
{
	queue_clear();
	if ((kind == OUT_SYSLOG || kind == OUT_FILE) && out_fd != -1)
		close(out_fd);
	out_fd = -1;
}

static void
out_open_stderr(bool wait)
{
	struct stat st;

	out_close();
	kind = OUT_WAITS;
	out_fd = STDERR_FILENO;
	if (wait || fstat(STDERR_FILENO, &st) == -1)
		return;
	if (S_ISSOCK(st.st_mode))
		kind = OUT_SOCKET;
	else if (S_ISFIFO(st.st_mode) || isatty(STDERR_FILENO))
		kind = reopen_stderr() ? OUT_NONBLOCK : OUT_POLLED;
}

/* Connect with the type of socket that the syslog daemon has. */
static int
syslog_connect(void)
{
	static const int types[] = { SOCK_DGRAM, SOCK_STREAM };
	size_t i;

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

static void
out_open_syslog(const char *path)
{
	out_close();
	kind = OUT_SYSLOG;
	syslog_addr.sun_family = AF_UNIX;
	(void)snprintf(syslog_addr.sun_path, sizeof(syslog_addr.sun_path),
	    "%s", path);
	(void)syslog_connect();
}

/* Bytes to send.  In a stream a NUL ends each record. */
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

/* The syslog daemon may have restarted: then its socket is a new one. */
static ssize_t
out_to_syslog(struct kept *k)
{
	ssize_t n = syslog_send(k);

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

/* Returns the number of bytes written, or -1. */
static ssize_t
out_write(struct kept *k)
{
	const char *at = k->bytes + k->sent;
	size_t len = kept_left(k);
	struct pollfd pfd = { .fd = out_fd, .events = POLLOUT };

	switch (kind) {
	case OUT_SOCKET:
		return send(out_fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	case OUT_SYSLOG:
		return out_to_syslog(k);
	case OUT_POLLED:
		/* A pipe that is writable takes PIPE_BUF at once. */
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
 * Returns true if the line is written, or never can be: a disk is full, or a
 * socket takes no datagram of that length.  After any other error the reader
 * may come back.
 */
static bool
kept_send(struct kept *k)
{
	ssize_t n;

	while (kept_left(k) > 0) {
		n = out_write(k);
		if (n > 0)
			k->sent += (size_t)n;
		else if (n == 0 || errno == EAGAIN)
			return false;
		else if (errno != EINTR) {
			file_cut |= kind == OUT_FILE && k->sent > 0;
			return kind == OUT_WAITS || kind == OUT_FILE ||
			    errno == EMSGSIZE;
		}
	}
	file_cut = false;
	return true;
}

static struct kept *
kept_new(int priority, const char *line, size_t len)
{
	char head[128] = "", when[32] = "";
	struct kept *k;
	struct tm tm;
	time_t now = time(NULL);
	size_t n = 0;

	if ((kind == OUT_SYSLOG || kind == OUT_FILE) &&
	    localtime_r(&now, &tm) != NULL)
		(void)strftime(when, sizeof(when), kind == OUT_FILE ?
		    "%FT%T%z " : "%h %e %T ", &tm);
	if (kind == OUT_FILE)
		n = (size_t)snprintf(head, sizeof(head), "%s%s",
		    file_cut ? "\n" : "", when);
	else if (kind == OUT_SYSLOG) {
		n = (size_t)snprintf(head, sizeof(head), "<%d>%s%s: ",
		    LOG_DAEMON | priority, when, SYSLOG_IDENT);
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

/* Write queued lines as far as possible without waiting.  Returns true if the
   queue has room again for more than a few lines. */
static bool
out_flush(void)
{
	struct kept *k;

	while ((k = TAILQ_FIRST(&queue)) != NULL && kept_send(k)) {
		TAILQ_REMOVE(&queue, k, entry);
		queue_len -= k->len;
		free(k);
	}
	return queue_len < LOG_KEPT_MAX / 2;
}

/* Write or queue a line.  Returns false if it is lost: the queue is full or no
   memory is left. */
static bool
out_put(int priority, const char *line, size_t len)
{
	struct kept *k;

	(void)out_flush();
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

/* The descriptor to wait for; -1: no line is queued, or nobody listens. */
static int
out_pending_fd(void)
{
	return TAILQ_EMPTY(&queue) ? -1 : out_fd;
}

/* Write queued lines, waiting at most so long. */
static void
out_drain(int ms)
{
	struct pollfd pfd = { .events = POLLOUT };
	uint64_t end = clock_ms() + (uint64_t)ms, now;

	(void)out_flush();
	while ((pfd.fd = out_pending_fd()) != -1 &&
	    (now = clock_ms()) < end) {
		if (poll(&pfd, 1, (int)(end - now)) == -1 && errno != EINTR)
			return;
		(void)out_flush();
	}
}

/* systemd sets JOURNAL_STREAM to the device and inode of the stderr that it
   gave us.  stderr may have been redirected since. */
static bool
stderr_is_journal(void)
{
	const char *env = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return env != NULL && sscanf(env, "%llu:%llu", &dev, &ino) == 2 &&
	    fstat(STDERR_FILENO, &st) == 0 &&
	    st.st_dev == (dev_t)dev && st.st_ino == (ino_t)ino;
}

void
log_open_parent(const char *syslog_path, bool wait)
{
	parent = NULL;
	to_journal = syslog_path == NULL && stderr_is_journal();
	if (syslog_path != NULL)
		out_open_syslog(syslog_path);
	else
		out_open_stderr(wait);
}

void
log_open_file(int fd)
{
	out_close();
	kind = OUT_FILE;
	out_fd = fd;
	to_journal = file_cut = false;
}

void
log_open_child(struct channel *to_parent)
{
	parent = to_parent;
}

void
log_watch(void (*function)(void *, int, const char *, size_t), void *arg)
{
	watcher = function;
	watcher_arg = arg;
}

void
log_set_level(int priority)
{
	level = priority;
}

/*
 * Copy printable ASCII, except for the bytes in more; every other byte
 * becomes \xNN.  The end is cut with "..." if out is too small.  Returns the
 * length.
 */
static size_t
escape(char *out, size_t outlen, const void *data, size_t len,
    const char *more)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *p = data;
	size_t i, n = 0, last = 0, need;
	bool plain;

	for (i = 0; i < len; i++) {
		plain = p[i] >= 0x20 && p[i] < 0x7f &&
		    strchr(more, p[i]) == NULL;
		need = plain ? 1 : 4;
		if (n + need + 1 > outlen)
			break;
		if (plain)
			out[n++] = (char)p[i];
		else {
			out[n++] = '\\';
			out[n++] = 'x';
			out[n++] = hex[p[i] >> 4];
			out[n++] = hex[p[i] & 0xf];
		}
		/* Remember the last place where the dots still fit. */
		if (n + sizeof("...") <= outlen)
			last = n;
	}
	if (i < len && outlen >= sizeof("...")) {
		memcpy(out + last, "...", 3);
		n = last + 3;
	}
	if (outlen > 0)
		out[n] = '\0';
	return n;
}

char *
log_escape(char *out, size_t outlen, const void *data, size_t len)
{
	escape(out, outlen, data, len, "\"\\");
	return out;
}

static bool
put_line(const char *role, int pid, int priority, const void *line, size_t len)
{
	char out[LOG_OUT_LEN];
	int n, tag = 0;

	if (to_journal)
		tag = snprintf(out, sizeof(out), "<%d>", priority);
	n = tag + snprintf(out + tag, sizeof(out) - (size_t)tag, "%s[%d]: ",
	    role, pid);
	n += (int)escape(out + n, sizeof(out) - (size_t)n - 1, line, len, "");
	if (watcher != NULL)
		watcher(watcher_arg, priority, out + tag, (size_t)(n - tag));
	out[n++] = '\n';
	return out_put(priority, out, (size_t)n);
}

/* Report lost lines at the place in the log where they are missing. */
static void
report_unread(void)
{
	char text[96];
	int n;

	if (unread == 0 || !out_flush())
		return;
	n = snprintf(text, sizeof(text), "%u lines were lost because nobody "
	    "read the log", unread);
	if (put_line(role_name(ROLE_PARENT), getpid(), LOG_WARNING, text,
	    (size_t)n))
		unread = 0;
}

void
log_child_line(const char *role, int pid, int priority, const void *line,
    size_t len)
{
	/* A child may have sent any int; keep only a priority. */
	priority = LOG_PRI(priority);
	if (priority > level)
		return;
	if (len > LOG_LINE_LEN)
		len = LOG_LINE_LEN;
	report_unread();
	if (unread > 0 || !put_line(role, pid, priority, line, len))
		unread++;
}

int
log_flush(void)
{
	(void)out_flush();
	report_unread();
	return out_pending_fd();
}

void
log_drain(void)
{
	(void)log_flush();
	out_drain(LOG_DRAIN_MS);
}

static int
send_line(int priority, const char *line, size_t len, bool wait)
{
	struct msg_log body = { .priority = (uint32_t)priority };

	return wait ?
	    msg_send_wait(parent, MSG_LOG, &body, line, len, NULL, 0) :
	    msg_send(parent, MSG_LOG, &body, line, len, NULL, 0);
}

/* A process that serves clients does not wait for the log: it counts lines
   that the channel has no room for, and reports the count later. */
static void
send_lines(int priority, const char *line, size_t len, bool wait)
{
	char text[64];
	int n;

	if (lost > 0) {
		n = snprintf(text, sizeof(text),
		    "%u lines lost, the log was busy", lost);
		if (send_line(LOG_WARNING, text, (size_t)n, wait) == 0)
			lost = 0;
	}
	if (lost > 0 || send_line(priority, line, len, wait) == -1)
		lost++;
}

static void
log_line(int priority, bool wait, const char *fmt, va_list ap)
    __attribute__((__format__(printf, 3, 0)));

static void
log_line(int priority, bool wait, const char *fmt, va_list ap)
{
	char line[LOG_LINE_LEN + 1];
	int n, saved_errno = errno;

	if (priority > level)
		return;
	n = vsnprintf(line, sizeof(line), fmt, ap);
	if (n < 0)
		return;
	if (n > LOG_LINE_LEN)
		n = LOG_LINE_LEN;
	if (parent != NULL)
		send_lines(priority, line, (size_t)n, wait);
	else
		log_child_line(role_name(ROLE_PARENT), getpid(), priority,
		    line, (size_t)n);
	errno = saved_errno;
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_DEBUG, false, fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_INFO, false, fmt, ap);
	va_end(ap);
}

void
log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_WARNING, false, fmt, ap);
	va_end(ap);
}

void
log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_ERR, false, fmt, ap);
	va_end(ap);
}

void
log_complaints(const struct buf *lines)
{
	const char *line = (const char *)lines->data, *end, *nl;

	if (lines->len == 0)
		return;
	for (end = line + lines->len; line < end; line = nl + 1) {
		nl = memchr(line, '\n', (size_t)(end - line));
		if (nl == NULL)
			nl = end;
		log_error("%.*s", (int)(nl - line), line);
	}
}

void
fatal(const char *fmt, ...)
{
	va_list ap;

	/* Wait, so that the reason arrives; if the parent has exited, the
	   wait ends with an error. */
	va_start(ap, fmt);
	log_line(LOG_ERR, true, fmt, ap);
	va_end(ap);
	if (parent != NULL)
		_exit(1);
	log_drain();
	exit(1);
}

int
log_once(uint64_t *last_ms, uint64_t interval_ms, uint64_t now_ms)
{
	if (*last_ms != 0 && now_ms - *last_ms < interval_ms)
		return 0;
	*last_ms = now_ms;
	return 1;
}

void
log_print(const void *bytes, size_t len)
{
	const char *at = bytes;
	size_t n;

	while (len > 0) {
		n = MIN(len, LOG_KEPT_MAX / 2);
		(void)out_put(LOG_ERR, at, n);
		out_drain(LOG_PRINT_MS);
		at += n;
		len -= n;
	}
}
