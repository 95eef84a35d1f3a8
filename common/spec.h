/* SPDX-License-Identifier: ISC */
/*
 * Specs: the paths and patterns in requests, as the client wrote them.  Path
 * digests are made over them, so they are sent and stored unchanged.  "."
 * components in them have no meaning: roots, deny and the file system get a
 * spec without them.  Pure.
 */
#ifndef SPEC_H
#define SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/* Copy a spec without its "." components to out, which has room for len bytes.
   Returns the length. */
size_t	spec_plain(const char *spec, size_t len, char *out);

/*
 * May a client ask for this path: 1 to SPEC_MAX bytes, a slash before each
 * component, none of them empty or "..", the last not ".", no control byte?
 * 0, or the status 400 with *why one line for the client.
 */
int	spec_check(const char *path, size_t len, const char **why);
extern const char spec_why_control[], spec_why_dots[], spec_why_long[];

/*
 * Path digests are made over the specs joined by newlines, so they are kept in
 * that form; a spec has no byte below 0x20.
 */
struct specs {
	struct buf	 text;
	uint32_t	 n;
	bool		 named;		/* a form had p, be it blank */
};

/* Append a spec that was checked.  0, or -1 with ENOMEM. */
int	specs_add(struct specs *, const char *, size_t);
/* Copy specs to an empty struct specs.  0, or -1 with ENOMEM. */
int	specs_copy(struct specs *, const struct specs *from);
void	specs_free(struct specs *);

#endif
