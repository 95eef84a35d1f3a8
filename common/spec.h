/*
 * Specs: the paths and patterns that clients ask for, as they wrote them.
 * That is what path digests are made over, so it is how they travel and how
 * they are remembered.  Their "." components count as nothing: roots, deny
 * and the file system see a spec without them.  Pure.
 */
#ifndef SPEC_H
#define SPEC_H

#include <stddef.h>

/* Without its "." components into out, which has room for len bytes; the
   length. */
size_t	spec_plain(const char *spec, size_t len, char *out);

#endif
