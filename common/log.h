/*
 * The log.  The parent owns it (syslog, or stderr with -d); every other
 * process sends its lines to the parent as MSG_LOG.  One line per event:
 * key facts, client-supplied text through log_escape().
 */
#ifndef LOG_H
#define LOG_H

#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

struct channel;

/*
 * In the parent: to stderr (with <N> prefixes when the journal reads it) or
 * to syslog.  In a child: over the channel to the parent.  level is the
 * least important priority that is still logged (LOG_INFO, with -v LOG_DEBUG).
 */
void	log_open_parent(int to_stderr);
void	log_open_child(struct channel *to_parent);
/*
 * In the parent, to stderr: from now on a line that nobody reads is kept in
 * memory, or past some of them lost and counted; to syslog it is always so.
 */
void	log_never_wait(void);
/* From time to time: what was kept, and how many were lost.  The descriptor
   to wait for, if it is not yet all. */
int	log_flush(void);
/* At the end: the same, waiting for half a second if need be. */
void	log_drain(void);
void	log_set_level(int priority);

/* "<role>[pid]: " is put before each line by the parent. */
void	log_debug(const char *, ...) __attribute__((__format__(printf, 1, 2)));
void	log_info(const char *, ...) __attribute__((__format__(printf, 1, 2)));
void	log_warn(const char *, ...) __attribute__((__format__(printf, 1, 2)));
void	log_error(const char *, ...) __attribute__((__format__(printf, 1, 2)));

/* In the parent: a line of a child.  Escapes again. */
void	log_child_line(const char *role, int pid, int priority,
	    const void *line, size_t len);

/*
 * Bytes of a client or of a file name, made printable: what is not printable
 * ASCII, and the quote and the backslash, become \xNN.  Cut with "..." when
 * out is too small.  Returns out.
 */
char	*log_escape(char *out, size_t outlen, const void *, size_t);

/* 1 if an event of this kind may be logged now: at most one per interval. */
int	log_once(uint64_t *last_ms, uint64_t interval_ms, uint64_t now_ms);

/* Logs as an error and ends the process with status 1, by _exit in a child. */
void	fatal(const char *, ...)
	    __attribute__((__format__(printf, 1, 2), __noreturn__));

#endif
