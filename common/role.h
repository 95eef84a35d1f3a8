/*
 * What all children share: started with the parent's channel as descriptor 3
 * and nothing else, they are told who they are and get their configuration.
 */
#ifndef ROLE_H
#define ROLE_H

#include "common/conf/conf.h"
#include "common/msg.h"

#define PARENT_FD	3

struct child {
	struct channel	 parent;
	uint32_t	 index;		/* which walker or hasher */
	uint32_t	 flags;		/* CONF_ */
	struct conf	*conf;
	struct conf	*previous;	/* until the next one comes */
	bool		 has_key;
	uint8_t		 key[SEAL_LEN];
	uint8_t		*buf;		/* MSG_MAX, for msg_recv() */
	struct buf	 conf_text;	/* parts so far */
	struct msg_ready ready;		/* to be told by child_ready() */
};

/*
 * Take the channel, log over it, wait for MSG_CONF and (for those that seal)
 * MSG_KEY.  Ends the process if the parent goes away.
 */
void	child_start(struct child *, enum role);

/*
 * A message of the parent that every child treats alike: a new configuration
 * (1: it is in child->conf now, and the old one is freed).  0: not such a
 * message, not its last part, or refused: then the log says why and the old
 * one stays.
 */
int	child_on_message(struct child *, const struct msg *);

/* Tell the parent that we are at work; with CONF_CHECK that we could be, and
   end there. */
void	child_ready(struct child *, const char *layers);
/* Tell it that a peer broke the rules. */
void	child_report(struct child *, const struct msg_wrong *);

void	front_main(void) __attribute__((__noreturn__));
void	cache_main(void) __attribute__((__noreturn__));
void	walker_main(void) __attribute__((__noreturn__));
void	hasher_main(void) __attribute__((__noreturn__));

#endif
