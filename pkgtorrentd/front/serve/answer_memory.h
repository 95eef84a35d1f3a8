/* SPDX-License-Identifier: ISC */
/*
 * The memory of torrents that are being made or written and that hot memory
 * does not hold.  Past answer-memory, or a quarter of it for one client, the
 * connections that read slowest are closed and large torrents refused.
 */
#ifndef ANSWER_MEMORY_H
#define ANSWER_MEMORY_H

#include "pkgtorrentd/front/serve/service.h"

/* May a large torrent that takes so many bytes be made, for this client or
   (NULL) nobody in particular?  The first argument is the struct service. */
bool	 answer_memory_admit(void *, const struct addr *, uint64_t bytes);
/* The bytes in use. */
uint64_t answer_memory_used(struct service *);
/* To be called a few times a second: torrents leave hot memory while they are
   written. */
void	 answer_memory_tick(struct service *);

#endif
