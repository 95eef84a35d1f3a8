/* SPDX-License-Identifier: ISC */
/*
 * The vector kernels of sha1_lanes.c: the compression function of SHA-1 on
 * several states at once.  Pure.
 */
#ifndef SHA1_VECTOR_H
#define SHA1_VECTOR_H

#include <stddef.h>
#include <stdint.h>

#include "common/conf/conf.h"

#define LANES_MAX	32
#define SHA1_BLOCK	64		/* bytes */
#define SHA1_WORDS	5		/* of 32 bits, in a state */

/* Stored word by word, so that each row is a vector or two. */
struct sha1_states {
	_Alignas(64) uint32_t	h[SHA1_WORDS][LANES_MAX];
};

struct sha1_kernel {
	const char	*name;
	unsigned	 lanes;
	/* With fewer buffers than this OpenSSL is faster, one by one: it uses
	   SHA instructions if the CPU has them. */
	unsigned	 pays;
	/* A kernel with fewer lanes that is faster if they suffice. */
	const struct sha1_kernel *half;
	/* Add the next blocks of data[lane] to each state. */
	void		(*data)(struct sha1_states *,
			    const uint8_t *const data[LANES_MAX],
			    size_t blocks);
	/*
	 * Add blocks of zeros, without a message schedule, which is nearly half
	 * of the work; most of the bytes hashed for a small file are padding.
	 */
	void		(*zeros)(struct sha1_states *, size_t blocks);
	/* The same for twice as many lanes, which takes less time than two
	   calls. */
	void		(*zeros_twice)(struct sha1_states *, size_t blocks);
};

/* Find the kernel for SHA1_AVX512 or SHA1_AVX2.  NULL: the CPU or the system
   lacks it. */
const struct sha1_kernel	*sha1_kernel_find(enum sha1_impl);

#endif
