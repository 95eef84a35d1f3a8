/*
 * Specs: the paths and patterns in requests, as the client wrote them.  Path
 * digests are made over them, so they are sent and stored unchanged.  "."
 * components in them have no meaning: roots, deny and the file system get a
 * spec without them.  Pure.
 */
#ifndef SPEC_H
#define SPEC_H

#include <stddef.h>

/* Copy a spec without its "." components to out, which has room for len bytes.
   Returns the length. */
size_t	spec_plain(const char *spec, size_t len, char *out);

#endif
