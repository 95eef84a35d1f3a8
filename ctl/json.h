/* SPDX-License-Identifier: ISC */
/*
 * JSON (RFC 8259) on standard output, one line for each value.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	unsigned	 depth;
	bool		 more;		/* a value stands before this one */
};

/* Begin and end an object or array; close is its last character.  A name is
   that of a value in an object, or NULL in an array and for the whole. */
void	 json_open(struct json *, const char *name, char open);
void	 json_close(struct json *, char close);

/* A string of printable ASCII, of which len bytes count. */
void	 json_text(struct json *, const char *name, const char *, size_t len);
/* A value that is JSON already, or the members of an object. */
void	 json_raw(struct json *, const char *name, const char *, size_t len);
void	 json_number(struct json *, const char *name, uint64_t);
void	 json_null(struct json *, const char *name);

#endif
