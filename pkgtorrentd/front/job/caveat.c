/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/client_name.h"
#include "common/clock.h"
#include "common/log.h"
#include "pkgtorrentd/front/job/caveat.h"
#include "pkgtorrentd/front/job/hot.h"

#define LOG_INTERVAL_MS		60000

/* libtorrent 1.2 and 2.0 load no more unless a program raises the limit. */
#define LIBTORRENT_BYTES_MAX	10000000

#define DESCRIPTION_LEN		512

/* Write the info hash and the first path of the request to out. */
static const char *
caveat_describe(const struct torrent *t, char out[DESCRIPTION_LEN])
{
	const char *text = (const char *)t->specs.text.data, *nl;
	size_t len = t->specs.text.len;
	char escaped[DESCRIPTION_LEN / 2];

	nl = len > 0 ? memchr(text, '\n', len) : NULL;
	if (nl != NULL)
		len = (size_t)(nl - text);
	snprintf(out, DESCRIPTION_LEN, "torrent %s of \"%s\"%s",
	    t->info_hash_hex, log_escape(escaped, sizeof(escaped), text, len),
	    nl != NULL ? " and others" : "");
	return out;
}

bool
caveat_name(const struct torrent *t, const char *path, size_t len)
{
	static uint64_t log_ms;
	char description[DESCRIPTION_LEN], escaped[DESCRIPTION_LEN];
	unsigned by = client_name_rewriters(path, len);

	if (by == 0)
		return false;
	if (log_once(&log_ms, LOG_INTERVAL_MS, clock_coarse_ms()))
		log_warn("%s: %s cannot fetch \"%s\" from web seeds, because "
		    "the client changes the name; rename the file, or see "
		    "CAVEATS in pkgtorrentd(8)",
		    caveat_describe(t, description), client_name_list(by),
		    log_escape(escaped, sizeof(escaped), path, len));
	return true;
}

void
caveat_size(const struct torrent *t, uint64_t len)
{
	static uint64_t log_ms;
	char description[DESCRIPTION_LEN];

	if (len > LIBTORRENT_BYTES_MAX &&
	    log_once(&log_ms, LOG_INTERVAL_MS, clock_coarse_ms()))
		log_warn("%s has %" PRIu64 " bytes: libtorrent (qBittorrent, "
		    "Deluge) loads at most %d bytes; ask for fewer files, or "
		    "with ?piece=auto, or set a longer piece-length",
		    caveat_describe(t, description), len,
		    LIBTORRENT_BYTES_MAX);
}
