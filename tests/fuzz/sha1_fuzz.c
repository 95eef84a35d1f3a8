/* SPDX-License-Identifier: ISC */
/*
 * Jobs of any lengths against OpenSSL, in each kernel that this machine has.
 * Two bytes say how long a job is, one how it is padded, until none are left;
 * the data are those same bytes, again and again.
 */
#include <sys/param.h>

#include "hasher/hash/sha1_lanes.h"
#include "hasher/hash/sha1_vector.h"
#include "common/seal.h"
#include "tests/lib/fuzz.h"

#define JOBS		100
#define DATA_LEN	(1U << 13)

static uint8_t	data[DATA_LEN];

static void
check(const uint8_t *p, size_t len, const uint8_t *digest)
{
	uint8_t	expected[SHA1_LEN];

	sha1(p, len, expected);
	require(memcmp(expected, digest, SHA1_LEN) == 0);
}

static void
check_jobs(struct sha1_lanes *lanes, struct sha1_job *jobs, size_t n)
{
	static uint8_t	out[JOBS][2][SHA1_LEN];
	static uint8_t	padded[DATA_LEN];
	size_t		i;

	for (i = 0; i < n; i++) {
		jobs[i].digest = out[i][0];
		jobs[i].padded = out[i][1];
	}
	sha1_lanes_run(lanes, jobs, n);
	for (i = 0; i < n; i++) {
		check(jobs[i].data, jobs[i].len, out[i][0]);
		if (jobs[i].padded_len == 0)
			continue;
		memset(padded, 0, jobs[i].padded_len);
		memcpy(padded, jobs[i].data, jobs[i].len);
		check(padded, jobs[i].padded_len, out[i][1]);
	}
}

/* A kernel that is wrong enough to be found out at start is wrong too. */
static struct sha1_lanes *
lanes_of(enum sha1_impl impl)
{
	const struct sha1_kernel	*kernel = sha1_kernel_find(impl);
	const char			*name;
	struct sha1_lanes		*lanes = sha1_lanes_new(impl, &name);

	require(lanes != NULL && (kernel == NULL ||
	    strcmp(name, kernel->name) == 0));
	return lanes;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct sha1_lanes	*lanes[3];
	struct sha1_job			 jobs[JOBS];
	size_t				 i, n;

	if (lanes[0] == NULL) {
		lanes[0] = lanes_of(SHA1_AVX512);
		lanes[1] = lanes_of(SHA1_AVX2);
		lanes[2] = lanes_of(SHA1_OPENSSL);
	}
	if (len == 0)
		return 0;
	for (i = 0; i < DATA_LEN; i += len)
		memcpy(data + i, bytes, MIN(len, DATA_LEN - i));
	memset(jobs, 0, sizeof(jobs));
	for (n = 0; n < JOBS && len >= 3; n++, bytes += 3, len -= 3) {
		/* Short ones, of which there can be many; how they go on
		   when they are long is the same. */
		jobs[n].len = (uint64_t)(bytes[0] << 8 | bytes[1]) >>
		    (4 + (bytes[2] & 7));
		jobs[n].data = data + n * 7;
		if (bytes[2] & 8)
			jobs[n].padded_len = roundup(jobs[n].len, 64) +
			    (bytes[2] >> 4) * 64U;
	}
	for (i = 0; i < 3; i++)
		check_jobs(lanes[i], jobs, n);
	return 0;
}
