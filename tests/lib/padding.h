/* SPDX-License-Identifier: ISC */
/*
 * The padding of torrents of random sets of files.
 */
#ifndef PADDING_H
#define PADDING_H

#include <stddef.h>
#include <stdint.h>

/* Sizes of files in bytes. */
struct sizes {
	uint64_t	*v;
	size_t		 n;
};

/* Padding as a share of the content, in per cent. */
struct padding {
	double	median;
	double	worst;
};

/* Read one size a line; lines that begin with # are skipped. */
void	sizes_read(const char *file, struct sizes *);
/*
 * So many sets of n of these sizes, the same ones on every machine.  piece_len
 * in bytes; 0: the one that fits each set.
 */
struct padding padding_of(const struct sizes *, size_t n, unsigned sets,
	    uint32_t piece_len);

#endif
