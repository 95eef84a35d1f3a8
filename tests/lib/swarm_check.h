/* SPDX-License-Identifier: ISC */
/* Are all that the tracker keeps of peers one and the same truth? */
#ifndef SWARM_CHECK_H
#define SWARM_CHECK_H

#include "pkgtorrentd/tracker/swarms.h"

/* The first contradiction, or NULL.  Takes a time that grows with the number of
   peers. */
const char	*swarm_check(const struct swarms *);
/* The same of an answer to this announce, which has len bytes. */
const char	*swarm_check_answer(const struct msg_announce_item *,
		    const uint8_t *answer, size_t len);

#endif
