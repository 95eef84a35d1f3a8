/* SPDX-License-Identifier: ISC */
/*
 * Requests over which two workers have ended, and which no worker is to hear of
 * again for a while.  The oldest of too many is forgotten.
 */
#ifndef QUARANTINE_H
#define QUARANTINE_H

#include "common/msg.h"
#include "common/str.h"

#define QUARANTINE_MAX	256
#define QUARANTINE_MIN	5	/* minutes */
#define QUARANTINE_MS	(QUARANTINE_MIN * 60 * 1000ULL)

/* The text of the answer, with the status 500. */
#define QUARANTINE_WHY	"a process of this service has ended twice over " \
    "this request, which is refused for some minutes; tell the mirror's "  \
    "administrator to look at the log"

struct quarantine {
	struct {
		uint64_t	until_ms;
		enum role	role;
		uint8_t		digest[SHA1_LEN];
	} entries[QUARANTINE_MAX];	/* a ring */
	uint32_t	 next;		/* entry to be written */
	uint64_t	 until_ms;	/* of the entry written last */
};

/*
 * Add a request that ended a walker or the cache (role), known by the SHA-1 of
 * its specs, joined by newlines.  The log names the first of n specs, or the
 * digest if n is 0.
 */
void	quarantine_add(struct quarantine *, enum role,
	    const uint8_t digest[SHA1_LEN], struct str spec, uint32_t n,
	    uint64_t now_ms);
/* The same without a line in the log. */
void	quarantine_put(struct quarantine *, enum role,
	    const uint8_t digest[SHA1_LEN], uint64_t now_ms);
/* It is innocent after all. */
void	quarantine_remove(struct quarantine *, enum role,
	    const uint8_t digest[SHA1_LEN]);
/* Is it there for one of the roles (such as WALKER | CACHE)? */
bool	quarantine_has(const struct quarantine *, unsigned roles,
	    const uint8_t digest[SHA1_LEN], uint64_t now_ms);
/* The same for the request of a single path. */
bool	quarantine_has_path(const struct quarantine *, unsigned roles,
	    const void *path, size_t len, uint64_t now_ms);
/* Forget all of them. */
void	quarantine_clear(struct quarantine *);

#endif
