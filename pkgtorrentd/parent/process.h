/* SPDX-License-Identifier: ISC */
/*
 * A child of the parent: its start, its channel and messages, its timer and
 * its end; and the set of all children.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <sys/queue.h>
#include <sys/types.h>

#include "common/channel_event.h"
#include "common/conf/conf.h"

struct parent;
struct process;

#define KILL_AFTER_MS	5000		/* for a child that does not exit */
/* A child that is to take over must be ready after this time. */
#define READY_MS	30000

#define PROCESS_TITLE_LEN	(SPEC_MAX + 64)

/* Follows the end of a process that has logged no reason: a filter may stop a
   child while it loads its libraries, or when it reports. */
#define PROCESS_WITHOUT_WORDS " without a word of its own: a filter of "      \
	"system calls (SystemCallFilter=, a container's seccomp profile) is " \
	"a likely reason"

/*
 * Both programs, opened once and executed by descriptor: an upgrade under a
 * running service never mixes versions.
 */
struct programs {
	int	 own;			/* front and cache */
	int	 hasher;		/* hashers and walkers */
	int	 null;			/* /dev/null */
};

/* The events of a process that its owner handles. */
struct process_ops {
	/* It is ready to work. */
	void	(*ready)(struct process *);
	/* It logs a line: true if the log shall have it.  NULL: as
	   parent->ops says. */
	bool	(*line)(struct process *, int priority, const void *line,
		    size_t len);
	/* It is not running, and its delay is over: start it. */
	void	(*start)(struct process *);
	/* Its time to become ready is over.  NULL: its time to exit. */
	void	(*late)(struct process *);
	/* SIGKILL has not ended it within KILL_AFTER_MS. */
	void	(*stuck)(struct process *);
	/* It has ended: pid and status are those of waitpid(2). */
	void	(*ended)(struct process *, pid_t pid, int status);
	/* Filters stop system calls too often. */
	void	(*stopped)(struct process *, const char *why);
	/* A message that is not about the process itself, or the fault of its
	   content; and its channel is closed.  Those of parent->ops are asked;
	   NULL: there are no such messages. */
	enum msg_fault (*message)(struct process *, const struct msg *);
	void	(*closed)(struct process *);
};

/* A child, and after its end its successor in the same place. */
struct process {
	TAILQ_ENTRY(process)	 entry;
	struct parent		*parent;
	const struct process_ops *ops;
	enum role		 role;
	uint32_t		 index;
	pid_t			 pid;		/* 0: not running */
	dev_t			 root_dev;	/* a walker's directory */
	ino_t			 root_ino;	/* the same; 0: unknown */
	struct channel		 channel;	/* fd -1: hung up */
	struct channel_event	 event;
	struct event		 timer;		/* kill, or start again */
	uint64_t		 ready_ms;	/* 0: not yet */
	uint32_t		 delay_ms;	/* before the last start */
	uint32_t		 restarts;
	uint32_t		 silent_s;	/* since MSG_ALIVE */
	bool			 killed;	/* by us; the log says why */
	bool			 reaped;	/* pid is no longer its own */
	bool			 retired;	/* not to be started again */
	bool			 reserve;	/* will take over */
	bool			 planned;	/* the same, with a reload */
	char			*trouble;	/* of its predecessor */
	bool			 said_why;	/* why it ends */
	bool			 convicted;	/* it is not listened to */
	bool			 stopped;	/* it reported a system call */
	struct msg_syscall	 stopped_at;	/* that one */
	uint64_t		 log_ms;	/* when its minute began */
	uint32_t		 log_lines;	/* of that minute */
	uint32_t		 suppressed;	/* the same, not logged */
	int			 start_error;	/* errno of a failed start */
	char			*layers;	/* as it reported */
};

/*
 * Open both programs, and raise the limit on descriptors, which children
 * inherit.  0, or -1 with a complaint.
 */
int	 process_open_programs(struct programs *, const char *hasher_path,
	    struct buf *errors);
/*
 * Start a program.  It has the other end of *channel as descriptor PARENT_FD,
 * /dev/null as 0 to 2 (sanitizer builds keep stderr), nothing else; no
 * environment, no signal handled or blocked, and a session of its own, so
 * that the terminal's signals reach the parent alone.  The pid, or -1 with
 * errno.
 */
pid_t	 process_spawn(const struct programs *, enum role, const char *title,
	    int *channel);
/*
 * The delay before the next start, given the last one: 0 if the process had
 * worked, else 100 ms, doubling to 30 s.  ready_ms: the time of its MSG_READY,
 * 0 if it sent none.
 */
uint32_t process_delay_ms(uint32_t last_ms, uint64_t ready_ms, uint64_t now);
/* "exit status 1", "signal 9 (Killed)". */
void	 process_describe_end(char *out, size_t outlen, int status);

/* Added to the parent's list, with its ops; not started yet. */
struct process	*process_new(struct parent *, enum role, uint32_t index);
void	 process_free(struct process *);
/*
 * The title that ps(1) shows, from which the programs know their role:
 * "pkgtorrentd: cache", "pkgtorrentd: hasher 1", "pkgtorrentd: walker /prefix".
 */
void	 process_title(const struct process *, char title[PROCESS_TITLE_LEN]);
/*
 * Start the program of a process, and send it its keys and the configuration.
 * Should that fail, ops->start is called after a delay.
 */
void	 process_start(struct process *);

/*
 * Send, now or when the other end has room; fd is duplicated if the message
 * has to wait.  A process without a channel gets nothing: its next start sends
 * it everything.
 */
void	 process_send(struct process *, enum msg_type, const void *body,
	    const void *tail, size_t tail_len, int fd);
/* The keys of its seals, which depend on the roots, then the configuration. */
void	 process_send_conf(struct process *);
void	 process_send_mounts(struct process *);
/* Connect two processes that are ready by a channel. */
void	 process_link(struct process *front, struct process *other);

/* Call ops->start, late or stuck, or kill the process, after this time. */
void	 process_set_timer(struct process *, uint32_t ms);
/* Close its channel, which tells it to exit, and kill it if it does not. */
void	 process_hang_up(struct process *);
/* Hang up and start no successor.  The process gets parent->ops. */
void	 process_retire(struct process *);
void	 process_kill(struct process *);
/* Read the last messages of a process that has ended or is given up, and close
   its channel. */
void	 process_reap(struct process *);

/* The running front; NULL while there is none. */
struct process	*processes_front(struct parent *);
/* The number of processes of a role under a configuration. */
uint32_t processes_count(const struct conf *, enum role);
/* At SIGCHLD: reap the children that have ended, and call ops->ended. */
void	 processes_reap(struct parent *);
/* Each second: report lines that were suppressed in a minute that is over. */
void	 processes_tick(struct parent *);

/* Copy a line of a child for a terminal. */
void	 process_copy_line(char *out, size_t outlen, const void *line, size_t);

#endif
