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
#include "common/utf8.h"

/* libtorrent cuts longer names. */
#define LIBTORRENT_NAME_MAX	240

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
		code = utf8_next(&p, end);
		if (code == UTF8_NOT)
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
