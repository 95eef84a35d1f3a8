/* SPDX-License-Identifier: ISC */
/*
 * The numbers of the service that an administrator wants to see at a glance, on
 * standard output.
 */
#ifndef SUMMARY_H
#define SUMMARY_H

#include <stddef.h>

#include "common/counts.h"

#define SUMMARY_SIZE_LEN	32

/* "1.4 GiB".  Returns out. */
char	*summary_size(uint64_t bytes, char out[SUMMARY_SIZE_LEN]);
/* A title in its column, for a row that the caller goes on with. */
void	 summary_title(const char *);
void	 summary_print(const uint64_t counts[COUNT_ROWS]);

#endif
