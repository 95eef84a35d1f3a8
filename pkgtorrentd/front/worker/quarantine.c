/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/seal.h"
#include "pkgtorrentd/front/worker/quarantine.h"

static void
quarantine_log(enum role role, const uint8_t digest[SHA1_LEN], struct str spec,
    uint32_t n)
{
	char text[512], name[sizeof(text) + 64];
	size_t i;

	if (n == 0) {
		for (i = 0; i < SHA1_LEN; i++)
			snprintf(text + 2 * i, 3, "%02x", digest[i]);
		snprintf(name, sizeof(name), "the digest %s", text);
	} else {
		log_escape(text, sizeof(text), spec.p, spec.len);
		snprintf(name, sizeof(name), "\"%s\"", text);
	}
	if (n > 1)
		snprintf(name + strlen(name), sizeof(name) - strlen(name),
		    " and %u more", (unsigned)n - 1);
	log_warn("%s ended twice over a request for %s: it is refused for "
	    "%d minutes", role == ROLE_CACHE ? "the cache" : "a walker", name,
	    QUARANTINE_MIN);
}

void
quarantine_put(struct quarantine *q, enum role role,
    const uint8_t digest[SHA1_LEN], uint64_t now_ms)
{
	q->until_ms = now_ms + QUARANTINE_MS;
	q->entries[q->next].until_ms = q->until_ms;
	q->entries[q->next].role = role;
	memcpy(q->entries[q->next].digest, digest, SHA1_LEN);
	q->next = (q->next + 1) % QUARANTINE_MAX;
}

void
quarantine_add(struct quarantine *q, enum role role,
    const uint8_t digest[SHA1_LEN], struct str spec, uint32_t n,
    uint64_t now_ms)
{
	quarantine_put(q, role, digest, now_ms);
	quarantine_log(role, digest, spec, n);
}

void
quarantine_remove(struct quarantine *q, enum role role,
    const uint8_t digest[SHA1_LEN])
{
	size_t i;

	for (i = 0; i < QUARANTINE_MAX; i++)
		if (q->entries[i].role == role && memcmp(q->entries[i].digest,
		    digest, SHA1_LEN) == 0)
			q->entries[i].until_ms = 0;
}

bool
quarantine_has(const struct quarantine *q, unsigned roles,
    const uint8_t digest[SHA1_LEN], uint64_t now_ms)
{
	size_t i;

	/* As good as always it is empty. */
	if (now_ms >= q->until_ms)
		return false;
	for (i = 0; i < QUARANTINE_MAX; i++)
		if (now_ms < q->entries[i].until_ms &&
		    (roles & 1U << q->entries[i].role) &&
		    memcmp(q->entries[i].digest, digest, SHA1_LEN) == 0)
			return true;
	return false;
}

bool
quarantine_has_path(const struct quarantine *q, unsigned roles,
    const void *path, size_t len, uint64_t now_ms)
{
	uint8_t digest[SHA1_LEN];

	if (now_ms >= q->until_ms)
		return false;
	sha1(path, len, digest);
	return quarantine_has(q, roles, digest, now_ms);
}

void
quarantine_clear(struct quarantine *q)
{
	memset(q, 0, sizeof(*q));
}
