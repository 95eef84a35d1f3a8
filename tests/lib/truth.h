/* SPDX-License-Identifier: ISC */
/*
 * Whether a cache's directory holds nothing but the truth: every entry and
 * record on disk is read and compared with the files as the test knows them.
 */
#ifndef TRUTH_H
#define TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct identity;

struct truth {
	/* Digests of that version of that path; NULL: there never was one. */
	const uint8_t	*(*digests)(const char *path, size_t len,
			    const struct identity *, uint32_t piece_len);
	/* Has a walker ever said so?  One spec, and its files. */
	bool		 (*resolved)(const void *record, size_t len);
	unsigned	 pieces;	/* files with records */
	unsigned	 infos;		/* entries */
};

/* Looks at all of the directory "cache", once nothing there is being written,
   and counts the entries. */
void	truth_check(struct truth *t);

#endif
