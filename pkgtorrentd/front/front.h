/*
 * What the modules of the front share.  One process, one loop, one struct.
 */
#ifndef FRONT_H
#define FRONT_H

#include "common/addr.h"
#include "common/child.h"
#include "pkgtorrentd/front/conn/client.h"
#include "pkgtorrentd/front/job/hashing.h"
#include "pkgtorrentd/front/job/hot.h"
#include "pkgtorrentd/front/job/job.h"
#include "pkgtorrentd/front/job/opening.h"
#include "pkgtorrentd/front/worker/worker.h"

#define SCRATCH_LEN	65536

struct counters {
	uint64_t	connections;
	uint64_t	refused;	/* connections, past a limit on them */
	uint64_t	requests;
	uint64_t	hits;		/* answered from memory at once */
	uint64_t	forbidden;	/* answered with 403, … */
	uint64_t	client_errors;	/* … another 4xx but 412, … */
	uint64_t	server_errors;	/* … 5xx */
	uint64_t	hashed;		/* bytes */
};

struct listener {
	struct event	*ev;
	int		 fd;
};

struct front {
	struct child		 child;		/* parent's channel, conf */
	struct event_base	*base;
	struct event		*parent_ev;
	struct event		*tick_ev;
	int64_t			 started_ns;	/* time of day */
	char			 date[30];	/* of this second, for Date */
	int64_t			 date_s;
	char			*scratch;	/* SCRATCH_LEN: just read */

	struct listener		*listeners;
	size_t			 nlisteners;
	struct listener		*next;		/* a set that is coming in */
	size_t			 nnext;
	bool			 paused;	/* no descriptors left */
	uint64_t		 paused_log_ms;
	uint64_t		 failure_log_ms;
	uint64_t		 names_log_ms;
	uint64_t		 size_log_ms;
	uint64_t		 proto_log_ms;
	bool			 stopping;
	uint64_t		 stop_ms;
	uint64_t		 stop_first_ms;

	struct client_queue	 deadlines[DEADLINE_COUNT];
	uint32_t		 fds;		/* descriptors, at most */
	struct front_trial	*trial;		/* for the selftest */
	uint32_t		 nclients;
	uint32_t		 places;	/* more are told to go, … */
	uint32_t		 clients_max;	/* … yet more are closed */
	uint64_t		 bodies;	/* bytes charged to clients */
	struct addrs		 addrs;

	struct peer		 cache;
	struct peer		*walkers;	/* one per root of conf */
	size_t			 nwalkers;
	struct peer		*hashers;	/* HASHERS_MAX, of which … */
	size_t			 nhashers;	/* … so many are in use */
	uint64_t		 last_id;	/* of requests to peers */

	struct jobs		 jobs;
	struct hashings		 hashings;
	struct hot		 hot;
	struct openings		 openings;

	struct buf		 trackers;	/* announce URLs, in lines */
	struct buf		 trackers_next;	/* parts so far */
	uint32_t		 layout;	/* counts the configurations
						   that change info hashes */
	uint32_t		 generation;	/* of trackers and conf: older
						   wraps are stale */
	uint32_t		 mounts;	/* counts changes of mounts */
	bool			 mounts_watched; /* the parent notices them */
	int			 access_fd;
	bool			 access_cut;	/* it ends in half a line */
	struct buf		 access;	/* lines not yet written */
	struct event		*access_ev;
	struct counters		 counters;
};

/*
 * A complete request.  It is answered, or held (client_hold) and answered
 * later.  Without a body yet (body NULL, though there is to be one) it is only
 * checked: 1 when it may go on, 0 when it was answered.  Of a body that was
 * chunked content_length is what it came to.
 */
int	front_on_request(struct client *, const struct http_request *,
	    const char *bytes, const char *body);
/* A held request's job has ended, or its waiting has. */
void	front_on_job(struct client *);
/* A held request's file has been opened (fd) or not (status). */
void	front_on_opened(struct client *, enum path_status, int fd,
	    const struct identity *);

/* In places.c: how many descriptors there may ever be; who gets how many, as
   the configuration is now. */
void	front_limit_descriptors(struct front *);
void	front_share_descriptors(struct front *);

/* In selftest_front.c: what the second needs, before lockdown; after it, try
   all calls that the front makes.  Ends the process if one is refused. */
struct front_trial *front_prepare_selftest(void);
void	front_selftest(struct front_trial *);

/* For front.c, in front_msg.c: the parent's channel, and places for peers. */
int	front_open_parent(struct front *);
int	front_set_walkers(struct front *);
void	front_set_hashers(struct front *);
/* For front_msg.c, in front_listen.c: listening sockets. */
enum msg_fault front_on_listener(struct front *, struct msg *);
void	front_close_listeners(struct front *);
void	front_accept_last(struct front *);
/* Accepting may go on: a descriptor was closed. */
void	front_resume(struct front *);

#endif
