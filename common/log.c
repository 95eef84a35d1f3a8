/*
 * The log: one write(2) or one message per line, so that it works after
 * lockdown and lines of several processes never mix.
 */
#include <sys/stat.h>

#include <errno.h>
#include <paths.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/log_out.h"
#include "common/msg.h"

#define LOG_LINE_LEN	2048	/* as the tail of MSG_LOG */
#define LOG_DRAIN_MS	500

/* "<N>", a role, a pid; and each byte of the line may become \xNN. */
#define LOG_OUT_LEN	(64 + 4 * LOG_LINE_LEN + 1)

static int		 level = LOG_INFO;
static struct channel	*parent;	/* in a child */
static bool		 to_syslog;
static bool		 to_journal;	/* stderr is read by the journal */
static unsigned		 lost;		/* lines, the parent being busy */
static unsigned		 unread;	/* … in it, the reader being so */

/* systemd sets JOURNAL_STREAM to the stream that it gave us as stderr; it
   may have been redirected since. */
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
log_open_parent(int to_stderr)
{
	parent = NULL;
	to_syslog = !to_stderr;
	to_journal = to_stderr && stderr_is_journal();
	if (to_syslog)
		log_out_open_syslog(_PATH_LOG, "pkgtorrentd");
	else
		log_out_open_stderr();
}

void
log_never_wait(void)
{
	log_out_never_wait();
}

void
log_open_child(struct channel *to_parent)
{
	parent = to_parent;
}

void
log_set_level(int priority)
{
	level = priority;
}

/*
 * Printable ASCII stays, but for the bytes in more; the rest becomes \xNN.
 * Cut with "..." when out is too small.
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
		/* The last place where the dots would still fit. */
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
	out[n++] = '\n';
	return log_out_put(priority, out, (size_t)n);
}

/* They were lost here, between the lines before and those to come. */
static void
tell_unread(void)
{
	char text[96];
	int n;

	if (unread == 0 || !log_out_flush())
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
	/* A child names a priority, nothing else of what fits in an int. */
	priority = LOG_PRI(priority);
	if (priority > level)
		return;
	if (len > LOG_LINE_LEN)
		len = LOG_LINE_LEN;
	tell_unread();
	if (unread > 0 || !put_line(role, pid, priority, line, len))
		unread++;
}

int
log_flush(void)
{
	(void)log_out_flush();
	tell_unread();
	return log_out_waits_for();
}

void
log_drain(void)
{
	(void)log_flush();
	log_out_drain(LOG_DRAIN_MS);
}

static int
send_line(int priority, const char *line, size_t len, bool wait)
{
	struct msg_log body = { .priority = (uint32_t)priority };

	return wait ?
	    msg_send_wait(parent, MSG_LOG, &body, line, len, NULL, 0) :
	    msg_send(parent, MSG_LOG, &body, line, len, NULL, 0);
}

/* A process with clients waiting does not wait for the log: lines that the
   parent has no room for are counted, and the count is said later. */
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
fatal(const char *fmt, ...)
{
	va_list ap;

	/* The reason must arrive, so this waits; a parent that has gone
	   ends the wait. */
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
