/*
 * The part that all children share.  A child is started with the parent's
 * channel as descriptor 3 and nothing else; it is told its role and its
 * configuration.  Walkers, hashers and the cache then work for the front.
 */
#ifndef CHILD_H
#define CHILD_H

#include "common/channel.h"
#include "common/conf/conf.h"

/* A child is called for: */
struct child_ops {
	/* Each message of the parent and of the front. */
	channel_handler	*message;
	/* May the front send another message?  NULL: always. */
	bool		(*has_room)(void *owner);
	/* The front's channel was closed: its requests end with it. */
	void		(*front_closed)(void *owner);
	/* Messages of the front in a row, before other work. */
	unsigned	 at_once;
};

struct child {
	struct channel	 parent;
	struct channel	 front;		/* of all but the front itself;
					   fd -1: there is none now */
	const struct child_ops *ops;
	void		*owner;		/* for ops */
	uint32_t	 index;		/* which walker or hasher */
	uint32_t	 flags;		/* CONF_ */
	struct conf	*conf;
	struct conf	*previous;	/* until the next one comes */
	bool		 has_key;
	uint8_t		 key[SEAL_LEN];
	struct buf	 conf_text;	/* parts so far */
	struct msg_ready ready;		/* for child_ready() */
};

/*
 * Take the channel, log over it, wait for MSG_CONF and (for those that seal)
 * MSG_KEY.  Ends the process if the parent goes away.
 */
void	child_start(struct child *, enum role, const struct child_ops *,
	    void *owner);

/*
 * Confine a started child and let it go to work: enter the sandbox, with dir
 * (NULL: an empty directory) as its root and room for max_fds descriptors (0:
 * as many as its role needs); call selftest with the owner and a descriptor
 * of dir (-1: none), which ends the process if the child cannot work there;
 * tell the parent that it is at work.  With CONF_CHECK it ends here.
 */
void	child_confine(struct child *, const char *dir, unsigned max_fds,
	    void (*selftest)(void *owner, int dirfd));
/* The last step of that alone. */
void	child_ready(struct child *, const char *layers);

/* Receive all messages of the parent; ends the process if it goes away. */
unsigned child_receive_parent(struct child *);
/*
 * Wait for messages of the parent and of the front, for so long at most (-1:
 * for ever), and receive them.  Returns how many were handled.
 */
unsigned child_wait(struct child *, int timeout_ms);
/* Close the front's channel, if it is open. */
void	child_close_front(struct child *);
/* Tell the parent that another process broke the rules. */
void	child_report(struct child *, const struct msg_wrong *);

/*
 * Handlers of messages of the parent that all children treat alike.
 *
 * MSG_CONF: 1 if a new configuration is in child->conf now; the old one is
 * kept in child->previous.  0: not its last part, or refused: then the log
 * says why and the old one stays.
 */
int	child_on_conf(struct child *, const struct msg *);
/* MSG_CHANNEL: another front, or the same one again. */
enum msg_fault child_on_channel(struct child *, struct msg *);
/* MSG_KEY: the key is sent once, before the child is ready. */
enum msg_fault child_on_key(void *owner, const struct msg *);

void	front_main(void) __attribute__((__noreturn__));
void	cache_main(void) __attribute__((__noreturn__));
void	walker_main(void) __attribute__((__noreturn__));
void	hasher_main(void) __attribute__((__noreturn__));

#endif
