/*
 * Files asked of a walker: to be hashed, or to be sent to a client.
 */
#ifndef OPENING_H
#define OPENING_H

#include "pkgtorrentd/front/job/hashing.h"

struct opening {
	TAILQ_ENTRY(opening)	 entry;
	uint64_t		 id;
	size_t			 walker;
	uint32_t		 count;
	struct hashing		*hashing[MSG_FDS_MAX];
	char			*path;		/* for a client; else NULL */
	struct parked		*parked;	/* NULL: it has left */
	uint64_t		 asked_ms;
};
TAILQ_HEAD(opening_list, opening);

struct openings {
	struct opening_list	 list;		/* oldest first */
};

/* Ask for files that are to be hashed, as far as descriptors allow. */
void	openings_run(struct front *);
/* Ask for a file for a client, which is told by files_on_opened(). 0 or -1. */
int	openings_for_client(struct front *, struct parked *, const char *path,
	    uint64_t *id);
/* The client has left. */
void	openings_forget(struct front *, uint64_t id);
/* The walker has been restarted: ask again. */
void	openings_walker_up(struct front *, size_t walker);
/* It is away: what nobody waits for is forgotten. */
void	openings_walker_lost(struct front *, size_t walker);
/* Give it up if it has not answered for so long. */
void	openings_watch(struct front *, size_t walker, uint64_t limit_ms);
/* The roots are others now: clients' files are asked for anew, when the
   walkers come up. */
void	openings_reroute(struct front *);
/* In serve/files.c: a parked request's file has been opened (fd) or not
   (status). */
void	files_on_opened(struct parked *, enum path_status, int fd,
	    const struct identity *);
enum msg_fault openings_on_opened(struct worker *, struct msg *);

#endif
