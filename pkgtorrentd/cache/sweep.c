/* SPDX-License-Identifier: ISC */
#include <sys/param.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "pkgtorrentd/cache/sweep.h"

#define TURN_MS		5
/* A long sweep pauses between its turns, unless a write waits for room.  If
   messages never pause, it still gets a turn after STARVED_MS. */
#define PAUSE_MS	5
#define STARVED_MS	20
#define PERIOD_MS	3600000ULL
/* After a sweep that removed too little (directories do not shrink), wait
   before the next one. */
#define RETRY_MS	60000ULL

#define LEVELS		64
#define DENTS_LEN	8192

/* Ages in milliseconds, in classes that are about 3 % wide: 64 classes of one
   millisecond, then 32 for each power of two. */
#define CLASSES		(64 + 32 * 58)

enum phase { PHASE_IDLE, PHASE_COUNT, PHASE_EVICT };

static const char *const trees[] = { "info", "pieces" };
#define TREES		(sizeof(trees) / sizeof(trees[0]))

/* A directory on the path to the current one. */
struct level {
	int		 fd;
	char		 name[256];
	uint8_t		*dents;
	size_t		 at;
	size_t		 len;
	uint64_t	 bytes;		/* of its own blocks */
	uint64_t	 uncharged;	/* those that no entry was charged
					   with */
	bool		 doomed;	/* remove all its contents */
	bool		 kept;		/* it still has contents */
};

struct sweep {
	struct store		*store;
	enum phase		 phase;
	bool			 first;		/* check contents too */
	bool			 incomplete;	/* the count missed something */
	size_t			 tree;
	unsigned		 depth;		/* levels in use */
	struct level		 levels[LEVELS];
	int64_t			 ref_ms;	/* time that ages refer to,
						   since 1970 */
	uint64_t		 bytes[CLASSES]; /* histogram */
	unsigned		 cutoff;	/* remove older classes */
	uint64_t		 quota;		/* bytes to remove of the cutoff
						   class */
	uint64_t		 target;	/* bytes to shrink to */
	uint64_t		 evicted_before;
	uint64_t		 turn_ms;	/* end of the last turn */
	uint64_t		 next_ms;
	uint64_t		 retry_ms;
};

struct sweep *
sweep_new(struct store *st)
{
	struct sweep *sw;
	uint8_t *dents;
	unsigned i;

	sw = calloc(1, sizeof(*sw));
	dents = malloc((size_t)LEVELS * DENTS_LEN);
	if (sw == NULL || dents == NULL) {
		free(sw);
		free(dents);
		return NULL;
	}
	for (i = 0; i < LEVELS; i++)
		sw->levels[i].dents = dents + (size_t)i * DENTS_LEN;
	sw->store = st;
	sw->first = true;
	return sw;
}

/* Begin a sweep above this size, so that writes rarely find no room. */
static uint64_t
high_water(const struct store *st)
{
	return st->limit - st->limit / 20;
}

static bool
is_urgent(const struct sweep *sw)
{
	const struct store *st = sw->store;

	return st->wanted > 0 || (st->counted && st->used > high_water(st));
}

/* Milliseconds until a sweep or its next turn is due. */
static uint64_t
due_in_ms(const struct sweep *sw, uint64_t now)
{
	uint64_t at = sw->next_ms;

	if (sw->phase != PHASE_IDLE)
		return 0;
	if (is_urgent(sw) && sw->retry_ms < at)
		at = sw->retry_ms;
	return at > now ? at - now : 0;
}

static int
wait_ms(const struct sweep *sw)
{
	uint64_t now = clock_ms(), wait = due_in_ms(sw, now);

	if (wait == 0 && !is_urgent(sw) && sw->turn_ms + PAUSE_MS > now)
		wait = sw->turn_ms + PAUSE_MS - now;
	return (int)MIN(wait, PERIOD_MS);
}

static unsigned
class_of(uint64_t age_ms)
{
	unsigned shift;

	if (age_ms < 64)
		return (unsigned)age_ms;
	shift = 58 - (unsigned)__builtin_clzll(age_ms);
	return 32 * shift + (unsigned)(age_ms >> shift);
}

static uint64_t
age_of(const struct sweep *sw, const struct stat *sb)
{
	int64_t used_ms, used_s = sb->st_mtim.tv_sec;

	if (used_s < 0)
		used_s = 0;
	if (used_s > sw->ref_ms / 1000)
		return 0;
	used_ms = used_s * 1000 + sb->st_mtim.tv_nsec / 1000000;
	return used_ms < sw->ref_ms ? (uint64_t)(sw->ref_ms - used_ms) : 0;
}

/* Enter the top of a tree, or a directory that was just read in the level
   above.  A directory that cannot be entered is left alone. */
static int
enter(struct sweep *sw, const char *name, bool doomed)
{
	struct level *lv = &sw->levels[sw->depth];
	int at = sw->depth > 0 ? lv[-1].fd : sw->store->dirfd;
	struct stat sb;

	if (sw->depth == LEVELS)
		return -1;
	lv->fd = store_open_beneath(at, name, O_RDONLY | O_DIRECTORY);
	if (lv->fd == -1) {
		sw->incomplete |= store_is_lack(errno);
		return -1;
	}
	if (fstat(lv->fd, &sb) == -1) {
		sw->incomplete |= store_is_lack(errno);
		close(lv->fd);
		return -1;
	}
	strlcpy(lv->name, name, sizeof(lv->name));
	lv->at = lv->len = 0;
	lv->bytes = store_bytes(&sb);
	lv->uncharged = sw->depth > 0 ? lv->bytes : 0;
	lv->doomed = doomed;
	lv->kept = false;
	if (sw->phase == PHASE_COUNT)
		sw->store->count_used += lv->bytes;
	sw->depth++;
	return 0;
}

/* Return to the level above, and remove an empty directory, except for the tops
   of the trees. */
static void
leave(struct sweep *sw)
{
	struct level *lv = &sw->levels[--sw->depth];
	struct store *st = sw->store;

	close(lv->fd);
	if (sw->depth == 0)
		return;
	if (lv->kept || !store_unlink(st, lv[-1].fd, lv->name, AT_REMOVEDIR,
	    lv->bytes))
		lv[-1].kept = true;
	else if (sw->phase == PHASE_COUNT)
		st->count_used -= lv->bytes;
}

/* Returns true if the file is gone. */
static bool
remove_file(struct sweep *sw, const char *name, const struct stat *sb)
{
	return store_unlink(sw->store, sw->levels[sw->depth - 1].fd, name, 0,
	    store_bytes(sb));
}

/* Is this entry to be removed?  Of the cutoff class, remove only as many bytes
   as needed. */
static bool
must_go(struct sweep *sw, uint64_t age_ms, uint64_t bytes)
{
	unsigned class = class_of(age_ms);

	if (class != sw->cutoff)
		return class > sw->cutoff;
	if (sw->quota == 0)
		return false;
	sw->quota -= bytes < sw->quota ? bytes : sw->quota;
	return true;
}

static bool
sweep_entry(struct sweep *sw, const char *name, const struct stat *sb)
{
	struct level *lv = &sw->levels[sw->depth - 1];
	uint64_t age_ms = age_of(sw, sb);
	/* Charge the first entry with its directory, which goes with it. */
	uint64_t bytes = store_bytes(sb) + lv->uncharged;
	struct store *st = sw->store;

	lv->uncharged = 0;
	if (age_ms / 1000 >= st->age_s && remove_file(sw, name, sb)) {
		st->expired++;
	} else if (sw->phase == PHASE_EVICT && must_go(sw, age_ms, bytes) &&
	    remove_file(sw, name, sb)) {
		st->evicted++;
	} else {
		if (sw->phase == PHASE_COUNT) {
			sw->bytes[class_of(age_ms)] += bytes;
			st->count_used += store_bytes(sb);
			st->count_entries++;
		}
		return false;
	}
	st->entries -= st->entries > 0;
	return true;
}

/*
 * Does the original own this file?  In info/ its names tell, and the name of an
 * entry without our magic; elsewhere it owns only pickles.  Contents of files
 * with the name of an entry are checked once: reading 12 million files every
 * hour would cost more than it could find, and a later one is noticed when it
 * is used.
 */
static bool
is_original(const struct sweep *sw, const char *name, bool entry)
{
	int fd = sw->levels[sw->depth - 1].fd;

	if (entry && !sw->first)
		return false;
	if (sw->tree != 0)
		return store_owner(fd, name, entry) == ENTRY_ORIGINAL;
	return entry ? store_owner(fd, name, true) != ENTRY_OURS :
	    entry_name_kind(name) == ENTRY_NAME_ORIGINAL;
}

/* Returns true if the file is gone. */
static bool
sweep_file(struct sweep *sw, const char *name, const struct stat *sb)
{
	enum entry_name kind = entry_name_kind(name);
	bool entry;

	if (sw->levels[sw->depth - 1].doomed)
		return remove_file(sw, name, sb);
	if (!S_ISREG(sb->st_mode))
		return false;
	if (kind == ENTRY_NAME_TEMPORARY)
		return remove_file(sw, name, sb);
	entry = sw->tree == 0 ? kind == ENTRY_NAME_INFO :
	    sw->depth > 1 && kind == ENTRY_NAME_PIECES;
	if (is_original(sw, name, entry)) {
		if (!remove_file(sw, name, sb))
			return false;
		sw->store->originals++;
		return true;
	}
	return entry && sweep_entry(sw, name, sb);
}

static void
sweep_name(struct sweep *sw, const struct dirent64 *d)
{
	struct level *lv = &sw->levels[sw->depth - 1];
	bool aside = entry_name_kind(d->d_name) == ENTRY_NAME_ASIDE;
	struct stat sb;

	if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
		return;
	if (d->d_type != DT_DIR &&
	    fstatat(lv->fd, d->d_name, &sb, AT_SYMLINK_NOFOLLOW) == -1) {
		sw->incomplete |= store_is_lack(errno);
		return;
	}
	if (d->d_type != DT_DIR && !S_ISDIR(sb.st_mode)) {
		if (!sweep_file(sw, d->d_name, &sb))
			lv->kept = true;
		return;
	}
	/* We make no directories in info/. */
	if ((sw->tree == 0 && !aside && !lv->doomed) ||
	    enter(sw, d->d_name, aside || lv->doomed) == -1)
		lv->kept = true;
}

/* Process one name of the deepest directory, or leave it at its end. */
static void
step(struct sweep *sw)
{
	struct level *lv = &sw->levels[sw->depth - 1];
	const struct dirent64 *d;
	ssize_t n;

	if (lv->at == lv->len) {
		/* A directory that somebody removed meanwhile reads as
		   empty. */
		n = getdents64(lv->fd, lv->dents, DENTS_LEN);
		sw->incomplete |= n == -1 && store_is_lack(errno);
		if (n <= 0) {
			leave(sw);
			return;
		}
		lv->at = 0;
		lv->len = (size_t)n;
	}
	d = (const struct dirent64 *)(const void *)(lv->dents + lv->at);
	lv->at += d->d_reclen;
	sweep_name(sw, d);
}

static void
begin(struct sweep *sw, enum phase phase)
{
	struct store *st = sw->store;

	sw->phase = phase;
	sw->tree = 0;
	if (phase == PHASE_COUNT) {
		sw->ref_ms = clock_real_ns() / 1000000;
		memset(sw->bytes, 0, sizeof(sw->bytes));
		st->counting = true;
		st->count_used = 0;
		st->count_entries = 0;
		sw->incomplete = false;
	}
	(void)enter(sw, trees[0], false);
}

static void
end(struct sweep *sw)
{
	struct store *st = sw->store;
	uint64_t now = clock_ms();

	sw->next_ms = now + PERIOD_MS;
	sw->retry_ms = 0;
	if (sw->phase == PHASE_EVICT && st->used > sw->target &&
	    st->evicted == sw->evicted_before)
		sw->retry_ms = now + RETRY_MS;
	sw->phase = PHASE_IDLE;
	st->sweeps++;
	st->wanted = 0;
	if (st->originals > 0)
		log_info("removed %" PRIu64 " files that the original "
		    "pkgtorrent-service had left in the cache",
		    st->originals);
	st->originals = 0;
	log_debug("swept: %" PRIu64 " entries, %" PRIu64 " KiB", st->entries,
	    st->used / 1024);
}

/* Find in the histogram the entries to remove, so that the rest has room. */
static void
end_count(struct sweep *sw)
{
	struct store *st = sw->store;
	uint64_t excess;

	st->counting = false;
	/* An incomplete count is worse than the last one. */
	if (sw->incomplete) {
		end(sw);
		sw->next_ms = sw->retry_ms = clock_ms() + RETRY_MS;
		return;
	}
	sw->first = false;
	st->counted = true;
	st->used = st->count_used;
	st->entries = st->count_entries;
	if (st->used <= high_water(st) && st->used + st->wanted <= st->limit) {
		end(sw);
		return;
	}
	sw->target = st->limit - st->limit / 10;
	if (st->limit - st->wanted < sw->target)
		sw->target = st->limit - st->wanted;
	excess = st->used - sw->target;
	for (sw->cutoff = CLASSES - 1; sw->cutoff > 0; sw->cutoff--) {
		if (sw->bytes[sw->cutoff] >= excess)
			break;
		excess -= sw->bytes[sw->cutoff];
	}
	sw->quota = excess;
	sw->evicted_before = st->evicted;
	begin(sw, PHASE_EVICT);
}

/* Go on to the next tree or the next pass. */
static void
next_tree(struct sweep *sw)
{
	if (sw->tree + 1 < TREES) {
		sw->tree++;
		(void)enter(sw, trees[sw->tree], false);
	} else if (sw->phase == PHASE_COUNT)
		end_count(sw);
	else
		end(sw);
}

static void
work(struct sweep *sw)
{
	uint64_t until = clock_ms() + TURN_MS;

	if (sw->phase == PHASE_IDLE)
		begin(sw, PHASE_COUNT);
	while (sw->phase != PHASE_IDLE && clock_ms() < until) {
		if (sw->phase == PHASE_EVICT &&
		    sw->store->used <= sw->target) {
			while (sw->depth > 0)
				leave(sw);
			end(sw);
		} else if (sw->depth > 0)
			step(sw);
		else
			next_tree(sw);
	}
	sw->turn_ms = clock_ms();
}

int
sweep_turn(struct sweep *sw, bool idle)
{
	uint64_t now = clock_ms();

	if (sw->store->limits_changed) {
		sw->store->limits_changed = false;
		sw->store->wanted = 0;
		sw->next_ms = sw->retry_ms = 0;
	}
	if (idle || now - sw->turn_ms >= (is_urgent(sw) ? PAUSE_MS :
	    STARVED_MS)) {
		sw->turn_ms = now;
		if (due_in_ms(sw, now) == 0)
			work(sw);
	}
	return wait_ms(sw);
}
