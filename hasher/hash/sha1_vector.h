/*
 * The vector kernels of sha1_lanes.c: the compression function of SHA-1 on
 * several states at once.  Pure.
 */
#ifndef SHA1_VECTOR_H
#define SHA1_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf/conf.h"

#define LANES_MAX	16
#define SHA1_BLOCK	64		/* bytes */
#define SHA1_WORDS	5		/* of 32 bits, in a state */

/* Word by word, so that each row is one vector (or half of it is). */
struct sha1_states {
	_Alignas(64) uint32_t	h[SHA1_WORDS][LANES_MAX];
};

struct sha1_kernel {
	const char	*name;
	unsigned	 lanes;
	/* Below so many, one buffer after the other by OpenSSL is faster: on
	   a CPU with SHA instructions, and on one without. */
	unsigned	 pays;
	unsigned	 pays_without_sha;
	/* Faster, where its lanes suffice. */
	const struct sha1_kernel *half;
	/* Next blocks of data[lane] into each state. */
	void		(*data)(struct sha1_states *,
			    const uint8_t *const data[LANES_MAX],
			    size_t blocks);
	/*
	 * Blocks of zeros: without a message schedule, which is nearly half
	 * the work, and padding is most of what is hashed of a small file.
	 */
	void		(*zeros)(struct sha1_states *, size_t blocks);
};

/* DIGEST_AVX512 or DIGEST_AVX2: NULL if CPU or system do not have it. */
const struct sha1_kernel	*sha1_kernel_find(enum conf_digest);

/* SHA instructions, which OpenSSL then uses. */
bool	sha1_cpu_has_sha(void);

#endif
