/* SPDX-License-Identifier: ISC */
/*
 * A role of the service in a process of its own, behind its sandbox: its real
 * main function, with the test as its parent.  Everything fails the test that
 * an honest parent would not see.
 */
#ifndef PROC_H
#define PROC_H

#include "common/msg.h"
#include "common/child.h"
#include "common/seal.h"

#define WAIT_MS		50000	/* for an event that must come */

/* The keys that processes with seals are sent: of each pair, by root. */
const uint8_t	*proc_key(enum seal_pair, uint32_t root);
/* Seals by these keys of root 0, which has no prefix: its walker's of a file
   for the cache or the hashers and of a listing, and a hasher's. */
void	proc_seal_file(enum seal_pair, const void *path, size_t len,
	    const struct identity *, uint8_t seal[SEAL_LEN]);
void	proc_seal_listing(const struct buf *, uint8_t seal[SEAL_LEN]);
void	proc_seal_digests(const void *path, size_t len,
	    const struct identity *, uint32_t piece_len, uint32_t first,
	    uint32_t count, const uint8_t *digests, uint8_t seal[SEAL_LEN]);

struct proc {
	pid_t		 pid;
	enum role	 role;
	struct channel	 parent;	/* the test's end */
	struct msg_wrong wrong;		/* its last report of a wrong message */
	unsigned	 reports;	/* the number of its reports, … */
	unsigned	 settled;	/* … and of those that were expected */
	struct buf	 log;		/* its lines, as one string */
	char		 line[2049];	/* the last of them */
	unsigned	 lines;
	struct msg_warmed warmed;	/* the front's last report, … */
	char		 warmed_paths[2 * SPEC_MAX];	/* … and its tail */
	struct msg_controlled controlled;	/* the last answer */
	char		 controlled_tail[SPEC_MAX + 1];
	struct msg_totals totals;	/* the front's last, … */
	uint64_t	 counts[COUNT_ROWS]; /* … with its numbers … */
	char		 at_hand[SPEC_MAX + 1]; /* … and its path */
	struct msg_controlled ended;	/* the last that ended a command */
	char		 ended_tail[SPEC_MAX + 1];
	bool		 ready;
};

/*
 * Starts a role and waits until it is ready.  conf is the text of a
 * configuration; flags are those of struct msg_conf.
 */
void	proc_start(struct proc *, enum role, uint32_t index, uint32_t flags,
	    const char *conf);

/* Sends a configuration as the parent does: after the keys, parsed, and printed
   in full. */
void	proc_configure(struct proc *, uint32_t index, uint32_t flags,
	    const char *conf);

/* It has not ended; it ends, with status 0, when its parent does. */
void	proc_stop(struct proc *);
/* The same at the end of the case, which it must outlive, if not before. */
void	proc_stop_at_end(struct proc *);

/* fd: -1 for none. */
void	proc_send(struct proc *, enum msg_type, const void *body,
	    const void *tail, size_t len, int fd);

/* As msg_recv(), for a test that plays the front: the numbers of MSG_COUNTS,
   which may come at any time, are passed over. */
enum msg_verdict proc_recv(struct channel *, uint8_t *buf, struct msg *,
	    struct msg_wrong *);

/* Takes its messages to the parent, as far as they have come. */
void	proc_hear(struct proc *);

/* Waits for a message of it, or for these events of fd, unless that is -1. */
void	proc_wait(struct proc *, int fd, short events);

/* Asks for its status: once it has answered, it has also seen all that was
   sent to it before. */
void	proc_ask_status(struct proc *);

/* Its CPU time so far, in microseconds. */
uint64_t proc_cpu_us(const struct proc *);

/* Connects another role to it, which the test plays: its end. */
struct channel proc_connect(struct proc *, enum role self, uint32_t index);

/*
 * The process has reported one wrong message that was not expected yet, of
 * this sender, type and fault.
 */
void	proc_check_blame(struct proc *, enum role, uint32_t index,
	    uint32_t type, enum msg_fault, const char *what);
/* The same, once it has done so. */
void	proc_await_blame(struct proc *, enum role, uint32_t index,
	    uint32_t type, enum msg_fault, const char *what);

#endif
