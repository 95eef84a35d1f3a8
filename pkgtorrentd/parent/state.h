/* SPDX-License-Identifier: ISC */
/*
 * The state of the parent, which its modules share.
 */
#ifndef STATE_H
#define STATE_H

#include <sys/stat.h>

#include <event2/event.h>

#include "pkgtorrentd/parent/control.h"
#include "pkgtorrentd/parent/listen.h"
#include "pkgtorrentd/parent/notify.h"
#include "pkgtorrentd/parent/parent.h"
#include "pkgtorrentd/parent/process.h"
#include "pkgtorrentd/parent/status.h"
#include "pkgtorrentd/parent/totals.h"
#include "pkgtorrentd/parent/whitelist_socket.h"

TAILQ_HEAD(processes, process);

/* More system calls stopped by filters in this time end the service. */
#define SYSCALLS_MAX	5
#define SYSCALLS_MS	60000

enum parent_state {
	PARENT_STARTING,		/* a child's failure ends the service */
	PARENT_SERVING,
	PARENT_STOPPING
};

#define PARENT_SIGNALS	5

/* A new configuration with its sockets and files, before it is in force. */
struct reload {
	struct conf		*conf;
	struct buf		 conf_text;	/* the same, printed */
	struct listeners	 listeners;
	struct listeners	 metrics;
	struct listeners	 control;
	int			 access_fd;
	int			 log_fd;
	uint8_t			 tracker_key[SEAL_LEN];
};

/* The last line of the log about the trackers in torrents. */
enum trackers_told {
	TRACKERS_NOTHING,		/* those of the file alone */
	TRACKERS_NONE,
	TRACKERS_HOUSE,			/* ours, for want of others */
	TRACKERS_HOUSE_FIRST
};

struct parent {
	const struct options	*opt;
	bool			 privileged;	/* started by root */
	struct conf		*conf;
	struct buf		 conf_text;	/* the same, printed */
	uint8_t			 secret[SEAL_LEN]; /* of all keys, see keys.h */
	struct programs		 programs;
	struct listeners	 listeners;
	struct listeners	 metrics;	/* none or one */
	struct notify		 notify;
	char			 layers[256];	/* of the parent itself */

	int			 access_fd;	/* -1: no file */
	int			 log_fd;	/* of log-file, until the log
						   has it; -1: none */
	struct stat		 pid_st;	/* of pid-file; inode 0: none */
	struct buf		 trackers;	/* checked, one per line */
	struct stat		 trackers_st;	/* of the file read last */
	enum trackers_told	 trackers_told;	/* last */
	uint8_t			 tracker_key[SEAL_LEN]; /* of tracker-key */
	struct whitelist_socket	 whitelist;
	struct control		 control;
	struct troubles		 troubles;

	struct event_base	*base;
	struct event		*signals[PARENT_SIGNALS];
	struct event		*tick;
	struct event		*mounts_ev;	/* NULL: cannot be watched */
	int			 mounts_fd;	/* /proc/self/mountinfo */
	uint32_t		 mounts;	/* changes so far */
	uint32_t		 ticks;
	bool			 log_waits;	/* for the log's reader */
	uint32_t		 log_turns;	/* in this second */
	struct processes	 processes;
	const struct process_ops *ops;		/* of processes at work */

	enum parent_state	 state;
	struct reload		*reload;	/* under way; or NULL */
	bool			 reload_again;	/* when there is a front */
	bool			 reload_refused; /* the last one */
	int			 ready_fd;	/* for our starter; or -1 */
	bool			 said_why;
	struct buf		*complaints;	/* of a check */
	int			 exit_status;
	uint64_t		 started_ms;
	struct totals		 totals;
	uint64_t		 syscall_ms[SYSCALLS_MAX]; /* the last ones */
	/* When one role was last believed against another one. */
	uint64_t		 believed_ms[ROLE_COUNT][ROLE_COUNT];
	uint64_t		 stop_ms;	/* children are killed then */
};

#endif
