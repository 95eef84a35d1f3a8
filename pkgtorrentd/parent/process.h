/*
 * A child as the parent sees it: its pid, its channel and what waits to be
 * sent over it, when to start it again and when to kill it.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <sys/queue.h>
#include <sys/types.h>

#include "common/channel_event.h"

struct buf;
struct conf;
struct parent;

#define KILL_AFTER_MS	5000		/* for one that does not end itself */

TAILQ_HEAD(processes, process);

/* One place in the service; who dies in it is replaced. */
struct process {
	TAILQ_ENTRY(process)	 entry;
	struct parent		*parent;
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
	uint32_t		 silent_s;	/* process_watch() */
	bool			 killed;	/* by us, who said why */
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

/* Added to the parent's list.  Ends the service without memory. */
struct process	*process_new(struct parent *, enum role, uint32_t index);

/* Fork, execute, and send what every child is told first: the configuration
   and, to those that seal, the key. */
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
/* A channel between the two, each of which is at work. */
void	 process_link(struct process *front, struct process *other);

/* Close its channel, which tells it to exit; it is killed if it does not. */
void	 process_hang_up(struct process *);
/* The same for good: its place goes with it. */
void	 process_retire(struct process *);
/* What it works by, or will: the configuration, the same printed. */
const struct conf *process_conf(const struct process *);
const struct buf *process_conf_text(const struct process *);
/* A line of the summary, and the process's own. */
void	 process_log_status(struct process *);
/* The parent is told (parent_on_stuck) when even that does not end it. */
void	 process_kill(struct process *);
/* Once a second: one that is to say MSG_ALIVE and does not is killed. */
void	 process_watch(struct process *);
/* Do what its timer is for in so many milliseconds. */
void	 process_set_timer(struct process *, uint32_t ms);

/* Has ended: what it still said is read, its channel closed. */
void	 process_reap(struct process *);
void	 process_free(struct process *);

#endif
