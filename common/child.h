/* SPDX-License-Identifier: ISC */
/*
 * The part that all children share.  A child starts with the parent's channel
 * as descriptor 3 and nothing else, and is sent its configuration.  Walkers,
 * hashers, the cache and the tracker then work for the front.
 */
#ifndef CHILD_H
#define CHILD_H

#include <poll.h>

#include "common/channel.h"
#include "common/conf/conf.h"
#include "common/counts.h"
#include "common/seal.h"

/* The events that a child handles. */
struct child_ops {
	/* A message of the parent or of the front. */
	channel_handler	*message;
	/* May the front send another message?  NULL: always. */
	bool		(*has_room)(void *owner);
	/* The front's channel was closed: its requests end with it. */
	void		(*front_closed)(void *owner);
	/* Messages of the front in a row, before other work. */
	unsigned	 at_once;
	/* Set the gauges in child->counts, and the counters that are kept
	   elsewhere.  NULL: there are none. */
	void		(*count)(void *owner);
};

struct child {
	struct channel	 parent;
	struct channel	 front;		/* of all but the front itself;
					   fd -1: there is none now */
	struct pollfd	 also;		/* ends a wait, too; fd -1: none */
	const struct child_ops *ops;
	void		*owner;		/* for ops */
	uint32_t	 index;		/* which walker or hasher */
	uint32_t	 flags;		/* CONF_ */
	struct conf	*conf;
	struct conf	*previous;	/* replaced by conf */
	uint64_t	 max_data;	/* bytes of memory, since the start;
					   0: not confined yet */
	struct seal_keys keys;		/* for the front's channel */
	struct seal_keys new_keys;	/* for the next one */
	struct buf	 conf_text;	/* parts so far */
	struct msg_ready ready;		/* for child_ready() */
	uint64_t	 counts[COUNT_ROWS]; /* of its role; of the front all */
	uint64_t	 sent[COUNT_ROWS]; /* to the front */
	uint64_t	 sent_ms;	/* when they were looked at last */
	bool		 worked;	/* since then */
};

/*
 * Open the parent's channel, send log lines over it, wait for MSG_CONF and, in
 * roles with seals, the keys before it.  Exits if the parent goes away.
 */
void	child_start(struct child *, enum role, const struct child_ops *,
	    void *owner);

/*
 * Confine a started child: enter the sandbox, with dir (NULL: an empty
 * directory) as root directory and at most max_fds descriptors (0: the role's
 * usual limit); call selftest with the owner and a descriptor of dir (-1:
 * none), which exits if the child cannot work there; send MSG_READY.  With
 * CONF_CHECK the child exits then.
 */
void	child_confine(struct child *, const char *dir, unsigned max_fds,
	    void (*selftest)(void *owner, int dirfd));
/* The last step alone: send MSG_READY with these layers. */
void	child_ready(struct child *, const char *layers);

/* Receive all messages of the parent; exits if it goes away. */
unsigned child_receive_parent(struct child *);
/*
 * Wait for messages of the parent and of the front, and for also (timeout -1:
 * for ever), and receive them.  Returns the number of messages handled.  Once a
 * second, if the process has worked, the front is sent the numbers that have
 * changed; for that the wait may end early.
 */
unsigned child_wait(struct child *, int timeout_ms);
/* Close the front's channel, if it is open. */
void	child_close_front(struct child *);
/* Tell the parent that another process broke the rules. */
void	child_report(struct child *, const struct msg_wrong *);

/* For MSG_CONTROL: end a command with CONTROL_FAILED and a reason, unless it is
   CONTROL_STOP. */
void	child_refuse_control(struct child *, const struct msg_control *,
	    const char *reason);

/*
 * The handler of MSG_CONF.  1: child->conf is a new configuration, and
 * child->previous the old one.  0: this was not the last part, or the
 * configuration was refused and logged, and the old one stays.
 */
int	child_on_conf(struct child *, const struct msg *);
/* The handler of MSG_CHANNEL: replace the front's channel.  New keys hold from
   here on, since requests name walkers by their numbers. */
enum msg_fault child_on_channel(struct child *, struct msg *);
/* The handler of MSG_KEY: keep the keys for the next channel. */
enum msg_fault child_on_key(struct child *, const struct msg *);

void	front_main(void) __attribute__((__noreturn__));
void	cache_main(void) __attribute__((__noreturn__));
void	tracker_main(void) __attribute__((__noreturn__));
void	walker_main(void) __attribute__((__noreturn__));
void	hasher_main(void) __attribute__((__noreturn__));

#endif
