/* SPDX-License-Identifier: ISC */
/*
 * A number of bytes as text for people.
 */
#ifndef SIZE_TEXT_H
#define SIZE_TEXT_H

#include <stdint.h>

#define SIZE_TEXT_LEN	16	/* with the NUL */

/* "1.4 GiB".  Returns out. */
char	*size_text(char out[SIZE_TEXT_LEN], uint64_t bytes);

#endif
