/* SPDX-License-Identifier: ISC */
#include <inttypes.h>

#include "common/clock.h"
#include "common/log.h"
#include "pkgtorrentd/front/job/job.h"
#include "pkgtorrentd/front/serve/answer_memory.h"

#define CLIENT_PART	4	/* one client may have so much of it */
#define LOG_INTERVAL_MS	60000

/* Close connections until so many bytes more fit, as far as that helps.
   Returns the bytes in use. */
static uint64_t
answer_memory_fit(struct service *s, uint64_t more)
{
	uint64_t max = s->conf->answer_memory, made;

	made = s->jobs->made + s->listing;
	return made + conns_fit(s->conns, made + more, max, max / CLIENT_PART,
	    &s->memory.closed);
}

uint64_t
answer_memory_used(struct service *s)
{
	return answer_memory_fit(s, 0);
}

/* A client and the service can always have one torrent, however large. */
bool
answer_memory_admit(void *arg, const struct addr *addr, uint64_t bytes)
{
	struct service *s = arg;
	uint64_t max = s->conf->answer_memory, used, own = 0;

	used = answer_memory_fit(s, 0);
	if (addr != NULL)
		own = addr->made + addr->written;
	if (own == 0 || own + bytes <= max / CLIENT_PART) {
		used = answer_memory_fit(s, bytes);
		if (used == 0 || used + bytes <= max)
			return true;
	}
	s->memory.refused++;
	return false;
}

void
answer_memory_tick(struct service *s)
{
	struct answer_memory *m = &s->memory;

	(void)answer_memory_fit(s, 0);
	if ((m->closed == 0 && m->refused == 0) ||
	    !log_once(&m->log_ms, LOG_INTERVAL_MS, clock_coarse_ms()))
		return;
	log_warn("answer-memory (%" PRIu64 " bytes) is full of torrents that "
	    "clients read: %u of the slowest connections were closed, %u "
	    "large torrents refused", s->conf->answer_memory, m->closed,
	    m->refused);
	m->closed = m->refused = 0;
}
