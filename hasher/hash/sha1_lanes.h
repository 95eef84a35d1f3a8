/* SPDX-License-Identifier: ISC */
/*
 * SHA-1 (FIPS 180-4) of many buffers at once, in as many lanes as the vector
 * unit has.  Pure, except that it logs its choice of code.
 */
#ifndef SHA1_LANES_H
#define SHA1_LANES_H

#include <stddef.h>
#include <stdint.h>

#include "common/conf/conf.h"

struct sha1_job {
	const uint8_t	*data;
	uint64_t	 len;		/* bytes */
	uint64_t	 padded_len;	/* bytes, a multiple of 64, >= len;
					   0: no second digest */
	uint8_t		*digest;	/* SHA1_LEN, of data */
	uint8_t		*padded;	/* SHA1_LEN, of data followed by zeros
					   up to padded_len */
};

struct sha1_lanes;

/*
 * Choose the fastest kernel that this machine has, that is not faster than the
 * given one, and that agrees with OpenSSL in a test; warn if that is not the
 * given one.  *name is set to "avx512", "avx2" or "openssl".  To be freed with
 * free(3); NULL without memory.
 */
struct sha1_lanes	*sha1_lanes_new(enum sha1_impl, const char **name);

/* Fill in the digests of n jobs.  Their data may overlap. */
void	sha1_lanes_run(struct sha1_lanes *, const struct sha1_job *, size_t n);

#endif
