/* SPDX-License-Identifier: ISC */
/*
 * Each rule was observed with the client itself: it downloaded a torrent with
 * such a name from a web seed, and the log of the web seed showed the requested
 * name.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "common/client_name.h"

/* libtorrent cuts longer names. */
#define LIBTORRENT_NAME_MAX	240

#define NOT_UTF8		UINT32_MAX

/* Returns the code point at *p and moves *p past it, or NOT_UTF8 (RFC 3629: no
   overlong forms, no surrogates, nothing past U+10FFFF). */
static uint32_t
next_code_point(const uint8_t **p, const uint8_t *end)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	uint8_t first = *(*p)++;
	uint32_t code;
	int i, more;

	if (first < 0x80)
		return first;
	if (first < 0xc2 || first > 0xf4)
		return NOT_UTF8;
	more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
	code = first & (0x3f >> more);
	for (i = 0; i < more; i++) {
		if (*p == end || (**p & 0xc0) != 0x80)
			return NOT_UTF8;
		code = code << 6 | (*(*p)++ & 0x3f);
	}
	if (code < least[more] || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return NOT_UTF8;
	return code;
}

/* Marks that change the direction of text.  libtorrent removes these, but not
   the isolates U+2066 to U+2069. */
static bool
is_direction_mark(uint32_t code)
{
	return code == 0x200e || code == 0x200f ||
	    (code >= 0x202a && code <= 0x202e);
}

static unsigned
text_rewriters(const char *name, size_t len)
{
	const uint8_t *p = (const uint8_t *)name, *end = p + len;
	unsigned by = 0;
	uint32_t code;

	while (p < end) {
		code = next_code_point(&p, end);
		if (code == NOT_UTF8)
			return by | REWRITTEN_BY_TRANSMISSION |
			    REWRITTEN_BY_LIBTORRENT;
		if (code < 0x20 || code == 0x7f)
			by |= REWRITTEN_BY_ALL;
		if (code == '\\')
			by |= REWRITTEN_BY_TRANSMISSION |
			    REWRITTEN_BY_LIBTORRENT;
		else if (code != 0 && code < 0x80 &&
		    strchr(":*?\"<>|", (int)code) != NULL)
			by |= REWRITTEN_BY_TRANSMISSION;
		else if (is_direction_mark(code))
			by |= REWRITTEN_BY_LIBTORRENT;
	}
	return by;
}

/* A device name of Windows, with or without an extension. */
static bool
is_device(const char *name, size_t len)
{
	static const char *const devices[] = { "aux", "con", "nul", "prn",
	    "com", "lpt" };
	const char *dot = memchr(name, '.', len);
	size_t i, stem = dot != NULL ? (size_t)(dot - name) : len;

	for (i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		if (stem < 3 || strncasecmp(name, devices[i], 3) != 0)
			continue;
		if (i < 4)
			return stem == 3;
		return stem == 4 && name[3] >= '1' && name[3] <= '9';
	}
	return false;
}

static unsigned
component_rewriters(const char *name, size_t len)
{
	unsigned by = text_rewriters(name, len);

	if (len == 0)
		return 0;
	if (len > LIBTORRENT_NAME_MAX)
		by |= REWRITTEN_BY_LIBTORRENT;
	if (name[0] == ' ' || name[len - 1] == ' ' || name[len - 1] == '.' ||
	    is_device(name, len))
		by |= REWRITTEN_BY_TRANSMISSION;
	return by;
}

unsigned
client_name_rewriters(const char *path, size_t len)
{
	const char *at = path, *end = path + len, *slash;
	unsigned by = 0;

	while (at < end) {
		slash = memchr(at, '/', (size_t)(end - at));
		if (slash == NULL)
			slash = end;
		by |= component_rewriters(at, (size_t)(slash - at));
		at = slash + 1;
	}
	return by;
}

const char *
client_name_list(unsigned rewriters)
{
	static const char *const lists[] = {
		"", "Transmission 3", "libtorrent (qBittorrent, Deluge)",
		"Transmission 3 and libtorrent (qBittorrent, Deluge)" };

	if (rewriters & REWRITTEN_BY_ALL)
		return "every client";
	return lists[rewriters & (REWRITTEN_BY_TRANSMISSION |
	    REWRITTEN_BY_LIBTORRENT)];
}
