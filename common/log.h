/* SPDX-License-Identifier: ISC */
/*
 * The log.  The parent owns it (syslog, a file, or stderr with -d); every other
 * process sends its lines to the parent as MSG_LOG.  One line per event, with
 * its key facts; text from clients goes through log_escape().
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

#include "common/buf.h"

struct channel;

/* Bytes of lines that the parent queues while nobody reads them. */
#define LOG_KEPT_MAX	(1U << 20)

/*
 * In the parent: log to the syslog socket at this path, or to standard error
 * if it is NULL (with <N> prefixes if the journal reads it).  A syslog daemon
 * may be missing, and may go and come back.  wait: a write to standard error
 * may block, as in any program; otherwise lines that cannot be written are
 * queued, and after LOG_KEPT_MAX bytes of them lost and counted.
 */
void	log_open_parent(const char *syslog_path, bool wait);
/* In the parent: append lines, with their times, to this open file.  It is the
   log's from now on, and is closed when another takes its place. */
void	log_open_file(int fd);
/* In a child: send lines over the channel to the parent. */
void	log_open_child(struct channel *to_parent);
/* In the parent: write queued lines and report lost ones.  Returns the
   descriptor to wait for if lines are left, or -1. */
int	log_flush(void);
/* Before exit: the same, waiting for half a second at most. */
void	log_drain(void);
/* Print bytes as they are, without a prefix; waits for a second at most. */
void	log_print(const void *, size_t);
/* Log only lines of this priority or a more important one: LOG_INFO, with -v
   LOG_DEBUG. */
void	log_set_level(int priority);

/* The parent puts "<role>[pid]: " before each line. */
void	log_debug(const char *, ...) __attribute__((__format__(printf, 1, 2)));
void	log_info(const char *, ...) __attribute__((__format__(printf, 1, 2)));
void	log_warn(const char *, ...) __attribute__((__format__(printf, 1, 2)));
void	log_error(const char *, ...) __attribute__((__format__(printf, 1, 2)));

/* In the parent: call this function for each line that is logged from now on,
   with its priority and the line without its newline; NULL: none. */
void	log_watch(void (*)(void *arg, int priority, const char *line,
	    size_t len), void *arg);

/* Log each line of a buffer as an error. */
void	log_complaints(const struct buf *lines);

/* In the parent: log a line of a child, escaping it once more. */
void	log_child_line(const char *role, int pid, int priority,
	    const void *line, size_t len);

/*
 * Make the bytes of a client or of a file name printable: the quote, the
 * backslash and every byte that is not printable ASCII become \xNN.  The end
 * is cut with "..." if out is too small.  Returns out.
 */
char	*log_escape(char *out, size_t outlen, const void *, size_t);

/* Returns 1 if an event may be logged now: one per interval at most. */
int	log_once(uint64_t *last_ms, uint64_t interval_ms, uint64_t now_ms);

/* Log an error and exit with status 1, in a child by _exit(2). */
void	fatal(const char *, ...)
	    __attribute__((__format__(printf, 1, 2), __noreturn__));

#endif
