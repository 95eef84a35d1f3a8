/*
 * A child as the parent sees it: its pid, its channel, the time to start it
 * again and the time to kill it.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <sys/queue.h>
#include <sys/types.h>

#include "common/channel_event.h"
#include "pkgtorrentd/parent/spawn.h"

struct conf;
struct parent;
struct process;

#define KILL_AFTER_MS	5000		/* for one that does not end itself */


/* To be added to the end of a process that has given no reason: a filter may
   stop a child while it loads its libraries, or reports. */
#define PROCESS_WITHOUT_WORDS " without a word of its own: a filter of "      \
	"system calls (SystemCallFilter=, a container's seccomp profile) is " \
	"a likely reason"

/*
 * The owner of a process is called for:
 */
struct process_ops {
	/* It is ready to work. */
	void	(*ready)(struct process *);
	/* It logs a line: true if that is to be logged.  NULL: as the
	   processes at work. */
	bool	(*line)(struct process *, int priority, const void *line,
		    size_t len);
	/* It is not running, and its time to be started has come. */
	void	(*start)(struct process *);
	/* Its time to become ready is over.  NULL: to end. */
	void	(*late)(struct process *);
	/* It was killed KILL_AFTER_MS ago and is still there. */
	void	(*stuck)(struct process *);
	/* It has ended: pid and status are those of waitpid(2). */
	void	(*ended)(struct process *, pid_t pid, int status);
	/* Filters stop system calls too often. */
	void	(*stopped)(struct process *, const char *why);
};

/* A child, and after its end its successor in the same place. */
struct process {
	TAILQ_ENTRY(process)	 entry;
	struct parent		*parent;
	const struct process_ops *ops;
	enum role		 role;
	uint32_t		 index;
	pid_t			 pid;		/* 0: not running */
	dev_t			 root_dev;	/* of a walker: which … */
	ino_t			 root_ino;	/* … directory; 0: any */
	struct channel		 channel;	/* fd -1: hung up */
	struct channel_event	 event;
	struct event		 timer;		/* kill, or start again */
	uint64_t		 ready_ms;	/* 0: not yet */
	uint32_t		 delay_ms;	/* before the last start */
	uint32_t		 restarts;
	uint32_t		 silent_s;	/* since MSG_ALIVE */
	bool			 killed;	/* by us; the log says why */
	bool			 retired;	/* not to be started again */
	bool			 reserve;	/* not at work: to take … */
	bool			 planned;	/* … over with a reload */
	char			*trouble;	/* of the one before it */
	bool			 said_why;	/* why it ends */
	int			 start_error;	/* errno, if it could not be */
	char			*layers;	/* as it reported */
};

/* A new one takes over once it is ready, which must not take longer. */
#define READY_MS	30000

/* Added to the parent's list, with its ops.  Ends the service without
   memory. */
struct process	*process_new(struct parent *, enum role, uint32_t index);

/* Fork, execute, and send the configuration and, to processes that seal, the
   key. */
void	 process_start(struct process *);

/*
 * Send, now or when the other end has room; fd is duplicated when it has to
 * wait.  To a process without a channel nothing is sent: it gets everything
 * when it is started.
 */
void	 process_send(struct process *, enum msg_type, const void *body,
	    const void *tail, size_t tail_len, int fd);
/* The configuration as it is now. */
void	 process_send_conf(struct process *);
/* How often something was mounted so far. */
void	 process_send_mounts(struct process *);
/* A channel between the two, each of which is at work. */
void	 process_link(struct process *front, struct process *other);

/* Close its channel, which tells it to exit; it is killed if it does not. */
void	 process_hang_up(struct process *);
/* The same for good: its place goes with it, and it has the ops of processes
   at work. */
void	 process_retire(struct process *);
/* The configuration that it works by, or will. */
const struct conf *process_conf(const struct process *);
/* Its title with that, as spawn_title(). */
void	 process_title(const struct process *, char title[SPAWN_TITLE_LEN]);
/* Its owner is told (ops->stuck) when even that does not end it. */
void	 process_kill(struct process *);
/* Call its owner (start, late, stuck), or kill it, after so many ms. */
void	 process_set_timer(struct process *, uint32_t ms);

/* After its end: read its last messages, close its channel. */
void	 process_reap(struct process *);
void	 process_free(struct process *);

#endif
