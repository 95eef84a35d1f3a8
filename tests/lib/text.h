/* SPDX-License-Identifier: ISC */
/* Strings that tests look at. */
#ifndef TEXT_H
#define TEXT_H

#include "common/buf.h"
#include "common/str.h"

struct str str_of(const char *text);

/* Fails unless s says the same. */
void	check_str(struct str s, const char *expect);

/* At most 32 bytes as hexadecimal digits, until the next call. */
const char *hex(const uint8_t *, size_t);

/* The bytes as a string, to be freed; b is emptied. */
char	*as_string(struct buf *b);

#endif
