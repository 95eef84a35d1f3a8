/*
 * Starting children: forked for a process of their own, executed for an
 * address space of their own.
 */
#ifndef SPAWN_H
#define SPAWN_H

#include <sys/types.h>

#include "common/conf/conf.h"

#define SPAWN_TITLE_LEN	(SPEC_MAX + 64)

/*
 * Both programs, opened once and executed by descriptor: an upgrade under a
 * running service never mixes versions.
 */
struct programs {
	int	 own;			/* front and cache */
	int	 hasher;		/* hashers and walkers */
	int	 null;			/* /dev/null */
};

/*
 * Open them, and allow children as many descriptors as there may be.  0, or
 * -1 with a complaint.
 */
int	spawn_open_programs(struct programs *, const char *hasher_path,
	    struct buf *errors);

/*
 * The title that ps shows, from which the programs know their role:
 * "pkgtorrentd: cache", "pkgtorrentd: hasher 1", "pkgtorrentd: walker /prefix".
 */
void	spawn_title(char *out, size_t outlen, enum role, uint32_t index,
	    const struct conf *);

/*
 * Start a child.  It has the other end of *channel as descriptor PARENT_FD,
 * /dev/null as 0 to 2 (sanitizer builds keep stderr), nothing else; no
 * environment, no signal handled or blocked, and a session of its own, so
 * that the terminal's signals reach the parent alone.  The pid, or -1 with
 * errno.
 */
pid_t	spawn_start(const struct programs *, enum role, const char *title,
	    int *channel);

/*
 * How long to wait before a child is started again, given how long it was
 * waited for last time: 0 for one that had worked, else 100 ms doubling to
 * 30 s.  ready_ms: when it reported ready, 0 if it never did.
 */
uint32_t spawn_delay_ms(uint32_t last_ms, uint64_t ready_ms, uint64_t now);

/* "exit status 1", "signal 9 (Killed)". */
void	spawn_describe_end(char *out, size_t outlen, int status);

#endif
