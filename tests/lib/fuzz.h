/* SPDX-License-Identifier: ISC */
/* For fuzzers. */
#ifndef FUZZ_H
#define FUZZ_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"

struct conf;

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* An input that is a list of steps; zeros without end follow it. */
extern const uint8_t	*in;
extern size_t		 in_len;

uint8_t	next(void);
uint32_t next_number(void);		/* of 24 bits */
void	next_bytes(struct buf *, size_t n);	/* adds so many */

/* Exactly these bytes, to be freed: reading past them is seen. */
void	*copy_of(const void *, size_t);

/* A configuration, which must be right. */
struct conf *fuzz_conf(const char *text);

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
