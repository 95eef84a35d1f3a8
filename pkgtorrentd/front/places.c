/*
 * How many clients there is room for.
 */
#include <sys/resource.h>

#include "common/log.h"
#include "pkgtorrentd/front/front.h"

#define FDS_FIXED	96	/* loop, listeners, log, messages in transit */
#define FDS_LEAST	16
#define FDS_SPARE	64	/* connections that are turned away */
#define FDS_HASHING	1024	/* files to be hashed, at most */
/* For the largest max-connections that there may be, with files. */
#define FDS_MOST	(2 * (2 * 65536 + FDS_SPARE) + FDS_HASHING + \
			    FDS_FIXED + 2 * HASHERS_MAX)

void
front_limit_descriptors(struct front *f)
{
	struct rlimit rl;

	f->fds = FDS_MOST;
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_max < f->fds)
		f->fds = (uint32_t)rl.rlim_max;
}

/*
 * Descriptors are shared out beforehand: a peer's message that brings some
 * must never find that clients have taken the last.  Of what is left for
 * clients a quarter is for telling them that there is no place.
 */
void
front_share_descriptors(struct front *f)
{
	const struct conf *conf = f->child.conf;
	uint32_t fixed = FDS_FIXED + (uint32_t)conf->nroots + conf->hashers;
	/* One for the client, and one for a file that it is sent. */
	uint32_t each = conf->serve_files ? 2 : 1, all, most;

	all = f->fds < fixed + FDS_LEAST ? FDS_LEAST : f->fds - fixed;
	f->hashings.open_max = all / 4 < FDS_HASHING ? all / 4 : FDS_HASHING;
	f->clients_max = 2 * conf->max_connections;
	f->places = conf->max_connections;
	most = (all - f->hashings.open_max) / each;
	if (most < f->clients_max)
		f->clients_max = most;
	if (most - most / 4 >= f->places)
		return;
	f->places = most - most / 4;
	log_warn("with %u descriptors there are places for %u connections: "
	    "raise the hard limit (LimitNOFILE) or lower max-connections",
	    f->fds, f->places);
}
