/* SPDX-License-Identifier: ISC */
/* For fuzzers that take their input as a list of steps. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* The input; zeros without end follow it. */
extern const uint8_t	*in;
extern size_t		 in_len;

uint8_t	next(void);
uint32_t next_number(void);		/* of 24 bits */

/* Ends the fuzzer unless this is so. */
#define require(truth)	require_at(truth, __FILE__, __LINE__)
void	require_at(int truth, const char *file, int line);

/* A new directory, where files cost least, until the fuzzer ends. */
const char *fuzz_dir(void);
/* Removes a file, or a directory with all that is in it. */
void	clear(int dirfd, const char *name);

/* The number of open descriptors below that one. */
int	count_descriptors(int below);

#endif
