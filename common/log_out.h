/*
 * Where the parent's log goes: standard error or syslog, without ever waiting
 * for whoever reads it.  What is not taken at once is kept, in order.
 */
#ifndef LOG_OUT_H
#define LOG_OUT_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of lines that are kept while nobody reads. */
#define LOG_KEPT_MAX	(1U << 20)

/*
 * Standard error, waiting as any program does; after log_out_never_wait() no
 * longer.  That leaves alone what others have it open for, who may not expect
 * a descriptor that does not wait.
 */
void	log_out_open_stderr(void);
void	log_out_never_wait(void);
/* The socket of syslog(3), which waits when a queue is full; also if it is
   not there yet, or goes and comes again.  ident is kept. */
void	log_out_open_syslog(const char *path, const char *ident);

/* A line, with its newline; to syslog without one and with its priority.
   false: nobody has read for so long that it is lost. */
bool	log_out_put(int priority, const char *line, size_t len);
/* What is kept goes out as far as it is taken now.  true: there is room again
   for more than a few lines. */
bool	log_out_flush(void);
/* Which descriptor to wait for till some more will be; -1: nothing is kept, or
   nobody is there. */
int	log_out_waits_for(void);
/* The same at the end, waiting for as long at most. */
void	log_out_drain(int ms);
/* Bytes as they are, to standard error: waiting as above, or for a second. */
void	log_out_print(const void *, size_t);

#endif
