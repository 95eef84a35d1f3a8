/* SPDX-License-Identifier: ISC */
/*
 * The charge for a job.  A job that hashes, or that has cost more than
 * CHARGE_FREE_US or CHARGE_FREE_LEN, has one of its client's slots and one of
 * the queue; the others are as cheap as answers from memory, and pass.
 */
#ifndef CHARGE_H
#define CHARGE_H

#include <stdbool.h>

#include "common/addr.h"
#include "common/conf/conf.h"
#include "common/held.h"

#define CHARGE_FREE_US	5000		/* of walkers, front and cache */
#define CHARGE_FREE_LEN	HELD_SMALL	/* bytes of info dictionary */

/* Begins as zeros. */
struct charge {
	struct addr	*addr;		/* the client; NULL: it has no name */
	bool		 client_slot;
	bool		 queue_slot;
	uint64_t	 used_us;
	uint64_t	 made;		/* bytes of its torrent */
};

/* Take one of the client's slots, unless the job has one.  0, or the status
   429: the client has no more. */
int	charge_client(struct charge *, const struct conf *);
/* The same with a slot of the queue, of which so many are taken.  0, or 429, or
   503: the queue has no more. */
int	charge_queue(struct charge *, const struct conf *, uint32_t *queued);
/* Somebody has worked on the job for so long.  true: for too long to be
   free. */
bool	charge_spend(struct charge *, uint64_t us);
/* The torrent that is made takes so many bytes from now on; *made are those of
   all jobs. */
void	charge_memory(struct charge *, uint64_t *made, uint64_t bytes);
/* Another client is charged, NULL: none.  The job must not have a slot. */
void	charge_pass(struct charge *, struct addr *);
/* The job has ended, and takes no memory: give back slots and client. */
void	charge_release(struct charge *, uint32_t *queued);

#endif
