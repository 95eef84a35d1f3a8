/*
 * SHA-1 (FIPS 180-4) of many buffers at once, in as many lanes as the vector
 * unit has.
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
	uint8_t		*padded;	/* SHA1_LEN, of data with zeros after
					   it up to padded_len */
};

struct sha1_lanes;

/*
 * With the fastest kernel that this machine has, that is not above the one
 * asked for, and that has passed a test against OpenSSL.  It is logged when
 * that is not the one asked for.  NULL without memory.
 */
struct sha1_lanes	*sha1_lanes_new(enum conf_digest);
void			 sha1_lanes_free(struct sha1_lanes *);
/* "avx512", "avx2" or "openssl". */
const char		*sha1_lanes_name(const struct sha1_lanes *);

/* Fills the digests of n jobs.  Their data may overlap. */
void	sha1_lanes_run(struct sha1_lanes *, const struct sha1_job *, size_t n);

#endif
