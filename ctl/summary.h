/* SPDX-License-Identifier: ISC */
/*
 * The numbers of the service that an administrator wants to see at a glance, on
 * standard output.
 */
#ifndef SUMMARY_H
#define SUMMARY_H

#include "common/counts.h"

/* A title in its column, for a row that the caller goes on with. */
void	 summary_title(const char *);
void	 summary_print(const uint64_t counts[COUNT_ROWS]);

#endif
