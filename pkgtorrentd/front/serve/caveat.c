#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/client_name.h"
#include "common/clock.h"
#include "common/log.h"
#include "pkgtorrentd/front/front.h"
#include "pkgtorrentd/front/serve/caveat.h"

#define LOG_INTERVAL_MS		60000

/* What libtorrent 1.2 and 2.0 load unless their program asks for more. */
#define LIBTORRENT_BYTES_MAX	10000000

#define DESCRIPTION_LEN		512

/* The info hash, and what was asked for. */
static const char *
describe(const struct torrent *t, char out[DESCRIPTION_LEN])
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

void
caveat_names(struct front *f, const struct torrent *t, const struct job *job)
{
	char description[DESCRIPTION_LEN], path[DESCRIPTION_LEN];
	const struct job_file *file;
	unsigned by = 0;
	uint32_t i;

	/* With one file clients take the whole URL from the torrent. */
	if (job->nfiles < 2)
		return;
	for (i = 0; i < job->nfiles && by == 0; i++) {
		file = &job->files[i];
		by = client_name_rewriters(file->path, file->path_len);
	}
	if (by == 0 || !log_once(&f->names_log_ms, LOG_INTERVAL_MS,
	    clock_coarse_ms()))
		return;
	log_warn("%s: %s cannot fetch \"%s\" from web seeds, having rewritten "
	    "its name; rename it, or see CAVEATS in pkgtorrentd(8)",
	    describe(t, description), client_name_list(by),
	    log_escape(path, sizeof(path), file->path, file->path_len));
}

void
caveat_size(struct front *f, const struct torrent *t, uint64_t len)
{
	char description[DESCRIPTION_LEN];

	if (len <= LIBTORRENT_BYTES_MAX ||
	    len > f->child.conf->max_torrent ||
	    !log_once(&f->size_log_ms, LOG_INTERVAL_MS, clock_coarse_ms()))
		return;
	log_warn("%s has %" PRIu64 " bytes: libtorrent (qBittorrent, Deluge) "
	    "loads none of more than %d; ask for fewer files, or set a longer "
	    "piece-length", describe(t, description), len,
	    LIBTORRENT_BYTES_MAX);
}
