/*
 * The parent: binds, starts, restarts, reloads.  What its modules share.
 */
#ifndef PARENT_H
#define PARENT_H

#include <sys/stat.h>

#include <event2/event.h>

#include "common/conf/conf.h"
#include "pkgtorrentd/parent/listen.h"
#include "pkgtorrentd/parent/notify.h"
#include "pkgtorrentd/parent/process.h"
#include "pkgtorrentd/parent/spawn.h"

/* The command line. */
struct options {
	char		*file;		/* absolute */
	const char	*hasher;	/* the other program */
	struct strings	 overrides;	/* of -o */
	bool		 foreground;	/* -d */
	bool		 check;		/* -n: only see whether it could work */
	bool		 verbose;
};

/* System calls that the filters stopped; more in a minute end the service. */
#define SYSCALLS_MAX	5
#define SYSCALLS_MS	60000

enum parent_state {
	PARENT_CHECKING,		/* see check.c */
	PARENT_STARTING,		/* a child that fails ends it all */
	PARENT_SERVING,
	PARENT_STOPPING
};

#define PARENT_SIGNALS	5

/* A new configuration, and what it needs, got before the old is given up. */
struct reload {
	struct conf		*conf;
	struct buf		 conf_text;	/* the same, printed */
	struct listeners	 listeners;
	int			 access_fd;
};

struct parent {
	const struct options	*opt;
	bool			 root;		/* started by root */
	struct conf		*conf;
	struct buf		 conf_text;	/* the same, printed */
	uint8_t			 key[SEAL_LEN];
	struct programs		 programs;
	struct listeners	 listeners;
	struct notify		 notify;
	char			 layers[256];	/* of the parent itself */

	int			 access_fd;	/* -1: no file */
	struct buf		 trackers;	/* checked, one per line */
	struct stat		 trackers_st;	/* of the file read last */
	bool			 trackers_none;	/* and that was said */

	struct event_base	*base;
	struct event		*signals[PARENT_SIGNALS];
	struct event		*tick;
	struct event		*mounts_ev;	/* NULL: not to be had */
	int			 mounts_fd;	/* /proc/self/mountinfo */
	uint32_t		 mounts;	/* changes so far */
	uint32_t		 ticks;
	bool			 log_waits;	/* for its reader */
	uint32_t		 log_turns;	/* in this second */
	struct processes	 processes;

	enum parent_state	 state;
	struct reload		*reload;	/* under way; or NULL */
	bool			 reload_again;	/* when there is a front */
	bool			 reload_refused; /* the last one */
	int			 ready_fd;	/* our starter waits; or -1 */
	bool			 said_why;
	struct buf		*complaints;	/* of a check */
	int			 exit_status;
	uint64_t		 started_ms;
	uint64_t		 restarts;
	uint64_t		 wrong;		/* messages */
	uint64_t		 syscalls;	/* stopped by filters */
	uint64_t		 syscall_ms[SYSCALLS_MAX]; /* the last ones */
};

/* parent.c */

/*
 * Everything that can be refused before the first child is started: what the
 * configuration says, programs, sockets, the cache directory, the access log.
 * The configuration is taken over.  NULL with complaints.
 */
struct parent	*parent_new(const struct options *, struct conf *,
		    struct buf *errors);
/* Start the children and serve until told to stop.  The exit status.  When
   all are ready a NUL is written to ready_fd (-1: nobody waits), else why
   not. */
int	 parent_run(struct parent *, int ready_fd);

/* What parent_new() has taken and opened. */
void	 parent_free(struct parent *);
/* The service cannot start, or go on: say why, end with status 1. */
void	 parent_fail(struct parent *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));
/* To whoever waits for the service to start, the first reason why not. */
void	 parent_say_why(struct parent *, const char *who, const void *,
	    size_t);
/* What a child says, for a terminal. */
void	 parent_copy_line(char *out, size_t outlen, const void *line, size_t);
/* The running front; NULL while there is none. */
struct process	*parent_front(struct parent *);
/* End all children of that role. */
void	 parent_retire_role(struct parent *, enum role);
/* How many of a role a configuration wants. */
uint32_t parent_count_role(const struct conf *, enum role);
/* Say so if everything is at work. */
void	 parent_check_ready(struct parent *);
/* Tell the service manager that a start or a reload has ended. */
void	 parent_notify_ready(struct parent *);
/* Some have ended: all of them are reaped. */
void	 parent_on_children(struct parent *);
/* What to add when one has ended and not said why. */
extern const char parent_without_words[];
/* It is not running and its time to be started has come. */
void	 parent_on_timer(struct process *);
/* It was killed long ago and is still there. */
void	 parent_on_stuck(struct process *);

/* receive.c */
enum msg_fault parent_on_message(void *process, struct msg *);
void	 parent_on_wrong_message(struct process *, const struct msg_wrong *);

/* reload.c */

/* Read the configuration, NULL with complaints; a pipe only when starting.
   Check it against the system, -1 with complaints; activated: listen is not
   looked at.  Of what is there already (old, or NULL) nothing is looked at
   again, nor at roots, nor at a cache on a file server: their processes do
   that. */
struct conf	*reload_read_conf(const struct options *, bool starting,
		    struct buf *errors);
int	 reload_check(const struct conf *, const struct conf *old,
	    const char *file, bool root, bool activated, conf_look *look,
	    struct buf *errors);
/*
 * At SIGHUP.  Children that the new configuration needs are started beside
 * those at work, and it is in force once all of them are ready; if one of
 * them ends, or is late, nothing has happened.  Told again before that, it
 * gives up the one under way.
 */
void	 reload_run(struct parent *);
/* Of those children: one is ready, has ended, is late. */
void	 reload_on_ready(struct parent *);
void	 reload_on_end(struct process *, const char *how);
void	 reload_on_late(struct process *);
/* Forget the one under way, if there is one: true. */
bool	 reload_drop(struct parent *);

/* supply.c: what the front works with, besides its configuration. */

/* The group of socket files; (gid_t)-1 if it stays as it is. */
gid_t	 supply_socket_group(const struct parent *, const struct conf *);
/* Make the cache directory, if only it is missing. 0, or -1 and complaints. */
int	 supply_make_cache(const struct conf *, bool root, struct buf *errors);
/* A descriptor, -1 when it is no file, -2 with a complaint. */
int	 supply_open_access_log(const struct conf *, struct buf *errors);
/* Read the trackers file if it is another one than last time, or forced.
   1: there is news for the front. */
int	 supply_read_trackers(struct parent *, bool forced);
/* From time to time: if there is news, the front is told. */
void	 supply_renew_trackers(struct parent *);
/* Trackers, access log, listening sockets. */
void	 supply_send_front(struct parent *, struct process *front);

/*
 * roots.c: a walker stays in the directory that it entered.  When its root's
 * path leads to another one (mounted again, a link to the next snapshot),
 * another is started there, which takes over once it is ready; while the path
 * leads nowhere, or to where no walker can be, the old one stays.
 */

/* What a walker says when it is ready. */
void	 roots_note(struct process *, const struct msg_ready *);
/* From time to time: all that can be looked at without waiting for others. */
void	 roots_check(struct parent *);
/* At SIGHUP: those that cannot. */
void	 roots_renew(struct parent *);
/* The one started there is to be started again, is ready, has ended, is
   late. */
void	 roots_start(struct process *);
void	 roots_on_ready(struct process *);
void	 roots_on_end(struct process *, const char *how);
void	 roots_on_late(struct process *);

/*
 * mount_watch.c: files of images and the like are known by their mounts, see
 * common/fstype.h.  Front and walkers are told when anything is mounted or
 * unmounted where we see it, and how often that was when they are started.
 */
void	 mount_watch_open(struct parent *);
void	 mount_watch_close(struct parent *);
void	 mount_watch_tell(struct process *);

/* selftest_parent.c: can the parent, and its children on their way in, make
   the calls that they need?  -1 with complaints. */
int	 selftest_parent(bool root, bool foreground, struct buf *errors);

/*
 * check.c: for -n each role is started once, as it is to work, and says that
 * it could, or why not.  Nothing that a running service has is touched.
 */

/* reload_check() by a process of its own, so that it has an end when a file
   server does not answer.  0, or -1 with complaints. */
int	 check_system(struct parent *, struct buf *errors);
/* 0, or -1 with complaints, in a bounded time.  The parent is freed. */
int	 check_run(struct parent *, struct buf *errors);
/* Of a process that is checked: it could work; a line of its own, which is a
   reason if it is an error; it has ended or could not be started (status -1,
   with errno). */
void	 check_on_ready(struct process *);
void	 check_on_line(struct process *, int priority, const void *line,
	    size_t len);
void	 check_on_end(struct process *, int status);

#endif
