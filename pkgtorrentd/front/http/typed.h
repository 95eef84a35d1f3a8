/* SPDX-License-Identifier: ISC */
/*
 * The files that a person means: a path or pattern as somebody types it, or a
 * URL of this mirror that was copied from elsewhere.  Pure.
 */
#ifndef TYPED_H
#define TYPED_H

#include "common/msg.h"
#include "common/str.h"
#include "common/strings.h"

/* The URLs that are this mirror's: those below its bases, and of its hosts. */
struct typed_mirror {
	const char		*base;	/* "http://host/path", without a final
					   slash */
	const struct strings	*seeds;	/* more of these: copies of it */
	struct str		 host;	/* another name; p NULL: none */
	const struct strings	*hosts;	/* more of these */
	const char		*service;
};

/*
 * The path or pattern that this text stands for, as spec_check() wants it; *len
 * is 0 if it is blank.  The first slash may be missing; a directory, which has
 * a slash at its end, stands for all files below it; a URL may be that of a
 * torrent.  0, or a status with *why one line for the client: 400 for a path
 * that is none, and for the URL of another server, 414 for one that is longer
 * than SPEC_MAX.
 */
int	typed_path(struct str text, const struct typed_mirror *,
	    char path[SPEC_MAX + 1], size_t *len, const char **why);

#endif
