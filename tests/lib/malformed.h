/* SPDX-License-Identifier: ISC */
/* The requests of data/malformed.txt. */
#ifndef MALFORMED_H
#define MALFORMED_H

#include <stddef.h>

struct malformed {
	char	 name[32];
	char	*bytes;
	size_t	 len;
	int	 status;	/* that it must get; 0: a text, no request */
};

/* Reads them, for good; returns how many there are, in *requests. */
size_t	malformed_read(const char *path, const struct malformed **requests);

#endif
