/* SPDX-License-Identifier: ISC */
#include "common/clock.h"
#include "pkgtorrentd/front/job/hashq.h"

#define RATE_MS		500	/* between two measurements */
#define RATE_DEFAULT	(100 << 20)	/* bytes per second of a slow disk */

/*
 * The bytes that all hashers together hash, reading and waiting for
 * the disk included: smoothed over a few seconds in which there were files.
 */
void
hashq_measure(struct hashq *q)
{
	uint64_t now = clock_coarse_ms(), ms = now - q->rate_ms;
	uint64_t bytes = q->hashed - q->rate_hashed;
	double rate;

	if (ms < RATE_MS)
		return;
	q->rate_ms = now;
	q->rate_hashed = q->hashed;
	/* A period in which the first file came, or the last one ended, is
	   no measure. */
	if (q->rate_busy && q->left > 0 && bytes > 0) {
		rate = (double)bytes * 1000 / (double)ms;
		q->rate = q->rate < 1 ? rate : q->rate * 0.8 + rate * 0.2;
	}
	q->rate_busy = q->left > 0;
}

uint32_t
hashq_estimate(const struct hashq *q, uint64_t bytes)
{
	double s = (double)bytes / (q->rate < 1 ? RATE_DEFAULT : q->rate);

	return s < 1 ? 1 : s > 3600 ? 3600 : (uint32_t)s + 1;
}
