/*
 * A new configuration, and changes of the mount table: their effects on the
 * workers, the torrents in memory and the jobs under way.
 */
#include <string.h>

#include "common/log.h"
#include "pkgtorrentd/front/job/job.h"
#include "pkgtorrentd/front/job/openq.h"

/* Hashers that stay go on with their batches. */
static void
jobs_set_hashers(struct jobs *all)
{
	size_t i, n = all->workers->nhashers, want = all->conf->hashers;

	workers_set_hashers(all->workers, want);
	for (i = want; i < n; i++)
		hashq_hasher_lost(all->hashq, i, false);
}

/*
 * A worker that was asked under the old configuration might answer by the new
 * one: those channels end here as they do at the other end, and new ones
 * follow.
 */
void
jobs_set_conf(struct jobs *all, const struct conf *conf)
{
	const struct conf *old = all->conf;
	bool roots = !conf_same_roots(old, conf);
	bool layout = !conf_same_layout(old, conf);

	all->conf = conf;
	if (roots || layout) {
		all->layout_epoch++;
		if (workers_set_walkers(all->workers, conf->nroots) == -1)
			fatal("out of memory");
		openq_end_all(all->openq);
	}
	hot_set_conf(&all->hot, old, conf, all->layout_epoch);
	jobs_set_hashers(all);
	if ((layout || strcmp(old->cache, conf->cache) != 0) &&
	    all->workers->cache.ch.fd != -1)
		worker_lose(&all->workers->cache);
	if (roots || layout)
		jobs_restart(all);
}

void
jobs_set_mounts(struct jobs *all, uint32_t changes, bool watched)
{
	all->mounts_watched = watched;
	if (all->mounts == changes)
		return;
	all->mounts = changes;
	hot_forget_mounts(&all->hot);
}
