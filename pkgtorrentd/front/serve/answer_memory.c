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
	    &s->counts[COUNT_MEMORY_CLOSED]);
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
	s->counts[COUNT_MEMORY_REFUSED]++;
	return false;
}

void
answer_memory_tick(struct service *s)
{
	const uint64_t *n = s->counts;
	struct answer_memory *m = &s->memory;
	uint64_t closed, refused;

	(void)answer_memory_fit(s, 0);
	closed = n[COUNT_MEMORY_CLOSED] - m->closed;
	refused = n[COUNT_MEMORY_REFUSED] - m->refused;
	if ((closed == 0 && refused == 0) ||
	    !log_once(&m->log_ms, LOG_INTERVAL_MS, clock_coarse_ms()))
		return;
	log_warn("answer-memory (%" PRIu64 " bytes) is full of torrents that "
	    "clients read: %" PRIu64 " of the slowest connections were "
	    "closed, %" PRIu64 " large torrents refused",
	    s->conf->answer_memory, closed, refused);
	m->closed += closed;
	m->refused += refused;
}
