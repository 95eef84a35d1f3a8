/* SPDX-License-Identifier: ISC */
/*
 * The control socket, to which pkgtorrentctl(8) connects: root, or the owner of
 * a service that an ordinary user started.  A connection has one command, a
 * MSG_CONTROL as a front would be sent it.  The parent answers status and
 * reload; it passes any other command on to its role, without a look at the
 * path, and passes the answers back until the command has ended.  Neither the
 * connections nor the roles can make the parent wait.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/channel_event.h"
#include "pkgtorrentd/parent/listen.h"

struct parent;
struct process;

#define CONTROL_CONNS_MAX	4
/* Commands that roles have, with those of connections that are gone. */
#define CONTROL_TASKS_MAX	8

/* A command that a role has. */
struct control_task {
	uint64_t		 id;		/* 0: free */
	enum control_command	 command;
	uint32_t		 flags;
	struct process		*at;		/* that has it */
	unsigned		 step;		/* how many had it before */
	struct msg_controlled	 total;		/* of their answers */
	struct control_conn	*conn;		/* NULL: gone */
	size_t			 path_len;
	uint8_t			 path[SPEC_MAX];
};

enum control_conn_state {
	CONTROL_CONN_FREE,
	CONTROL_CONN_SILENT,		/* no command yet */
	CONTROL_CONN_RELOAD,		/* waits for its outcome */
	CONTROL_CONN_TASK,
	CONTROL_CONN_ENDED		/* its last answer is still queued */
};

struct control_conn {
	enum control_conn_state	 state;
	struct parent		*parent;
	struct channel		 channel;
	struct channel_event	 event;
	struct event		 timer;
};

/* Begins as zeros. */
struct control {
	void			(*reload)(struct parent *);
	struct listeners	 listeners;	/* one, or none */
	struct event		*acceptable;	/* NULL: no socket */
	uint64_t		 last_id;
	uint64_t		 stranger_ms;	/* in the log last */
	struct control_conn	 conns[CONTROL_CONNS_MAX];
	struct control_task	 tasks[CONTROL_TASKS_MAX];
};

/*
 * Open the control socket of a configuration, or none; kept (NULL at start) is
 * the one that is open, which is shared if it has the same path.  0, or -1 with
 * a complaint and nothing opened.  The default is no socket, with a warning, if
 * it cannot be opened.
 */
int	 control_open(const struct parent *, const struct conf *,
	    struct listeners *, const struct listeners *kept,
	    struct buf *errors);
/* Accept connections to this one from now on, and no longer to the one
   before. */
void	 control_use(struct parent *, const struct listeners *);
/* End all connections, and accept none any more. */
void	 control_close(struct parent *);
void	 control_free(struct parent *);
/* Each second: accept connections again after a shortage of descriptors. */
void	 control_tick(struct parent *);

/* A warning or error of the log, for those who wait for a reload; and its
   outcome. */
void	 control_on_line(struct parent *, const char *line, size_t len);
void	 control_on_reloaded(struct parent *, bool refused);
/* The channel of a process is closed: its commands have failed. */
void	 control_on_lost(struct process *);
/* Answers of roles.  They return the fault in their content. */
enum msg_fault control_on_controlled(struct process *, const struct msg *);
enum msg_fault control_on_warmed(struct process *, const struct msg *);

#endif
