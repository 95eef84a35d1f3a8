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
#include "pkgtorrentd/cache/dir.h"
#include "pkgtorrentd/cache/summary.h"
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

#define SPARE		1000	/* times the cost of the last sweep */
#define OTHERS_SPARE	100	/* the same, for lists of other lengths */
#define RECORDS_MS	86400000ULL	/* between looks at all records */
#define SUMMARY_MS	60000
#define HINT_MS		3600000
#define BLOCK		4096
#define DAY_S		86400
#define LOCK_MS		1000	/* between looks at the lock */

/*
 * Ages of entries in milliseconds, in classes that are about 3 % wide: 64
 * classes of one millisecond, then 32 for each power of two.  Ages of records
 * in days.
 */
#define CLASSES		(64 + 32 * 58)

enum phase {
	PHASE_IDLE,
	PHASE_COUNT,		/* bytes of files */
	PHASE_RECORDS,		/* bytes of records by age; the old ones go */
	PHASE_EVICT
};

/* A pack whose records are read. */
struct scan {
	int		 fd;		/* -1: none */
	struct pack_id	 id;
	char		 name[PACK_NAME_LEN];	/* in its directory */
	struct stat	 sb;
	uint64_t	 at;		/* read up to here */
	uint64_t	 old;		/* bytes that the cut takes */
	uint64_t	 last;		/* bytes of the day of the cut */
	uint64_t	 bytes;		/* of all records */
	uint64_t	 records;
	struct packfile_cut cut;
	bool		 rewriting;	/* it has been read */
};

/* A directory on the path to the current one. */
struct level {
	struct dir	 dir;
	char		 name[256];
	uint64_t	 bytes;		/* of its own blocks */
	uint64_t	 uncharged;	/* those that no entry was charged
					   with */
	bool		 doomed;	/* remove all its contents */
	bool		 kept;		/* it still has contents */
};

struct sweep {
	struct store		*store;
	struct packs		*packs;
	enum phase		 phase;
	bool			 due[STORE_TREES]; /* trees to be swept yet */
	bool			 incomplete;	/* the count missed something */
	enum store_tree		 tree;		/* that is being swept */
	struct scan		 scan;
	uint16_t		 today;		/* for ages of records */
	uint64_t		 records_ms;	/* of the next look at them */
	uint64_t		 cost_us;	/* CPU time of this sweep */
	uint64_t		 summary_ms;	/* when it was written last */
	uint64_t		 hint_ms;	/* "cache-size is too small" */
	bool			 checked[STORE_TREES]; /* names of entries */
	unsigned		 depth;		/* levels in use */
	struct level		 levels[LEVELS];
	int64_t			 ref_ms;	/* time that ages refer to,
						   since 1970 */
	uint32_t		 piece_len;	/* the store's, as it began */
	uint64_t		 bytes[2][CLASSES]; /* histogram; of lists of
						   other lengths */
	bool			 others;	/* these are removed */
	unsigned		 cutoff;	/* remove older classes */
	uint64_t		 quota;		/* bytes to remove of the cutoff
						   class */
	uint64_t		 target;	/* bytes to shrink to */
	uint64_t		 evicted_before;
	uint64_t		 turn_ms;	/* end of the last turn */
	uint64_t		 next_ms;	/* of all trees */
	uint64_t		 retry_ms[STORE_TREES];	/* not before, to make
						   room */
	uint64_t		 others_ms;	/* the same for these */
};

struct sweep *
sweep_new(struct store *st, struct packs *packs)
{
	struct sweep *sw = calloc(1, sizeof(*sw));

	if (sw == NULL)
		return NULL;
	sw->store = st;
	sw->packs = packs;
	sw->scan.fd = -1;
	return sw;
}

static struct store_share *
share_of(const struct sweep *sw)
{
	return &sw->store->shares[sw->tree];
}

/* The share of lists of other lengths than piece-length, within that of
   pieces/. */
static struct store_share *
others_of(const struct sweep *sw)
{
	return &sw->store->shares[STORE_OTHERS];
}

static bool
share_is_urgent(const struct sweep *sw, unsigned share)
{
	const struct store_share *sh = &sw->store->shares[share];

	return sh->wanted > 0 ||
	    (sh->counted && sh->used > store_high_water(sh));
}

static bool
is_urgent(const struct sweep *sw)
{
	return share_is_urgent(sw, STORE_INFO) ||
	    share_is_urgent(sw, STORE_PIECES);
}

/* Milliseconds until a sweep or its next turn is due. */
static uint64_t
due_in_ms(const struct sweep *sw, uint64_t now)
{
	uint64_t at = sw->next_ms;
	enum store_tree tree;

	if (sw->phase != PHASE_IDLE)
		return 0;
	for (tree = 0; tree < STORE_TREES; tree++)
		if (share_is_urgent(sw, tree) && sw->retry_ms[tree] < at)
			at = sw->retry_ms[tree];
	if (share_is_urgent(sw, STORE_OTHERS) && sw->others_ms < at)
		at = sw->others_ms;
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
	int at = sw->depth > 0 ? lv[-1].dir.fd : sw->store->dirfd;
	struct stat sb;

	if (sw->depth == LEVELS)
		return -1;
	if (dir_open(&lv->dir, at, name) == -1) {
		sw->incomplete |= store_is_lack(errno);
		return -1;
	}
	if (fstat(lv->dir.fd, &sb) == -1) {
		sw->incomplete |= store_is_lack(errno);
		dir_close(&lv->dir);
		return -1;
	}
	strlcpy(lv->name, name, sizeof(lv->name));
	lv->bytes = store_bytes(&sb);
	lv->uncharged = sw->depth > 0 ? lv->bytes : 0;
	lv->doomed = doomed;
	lv->kept = false;
	if (sw->phase == PHASE_COUNT)
		share_of(sw)->count_used += lv->bytes;
	sw->depth++;
	return 0;
}

/* Return to the level above, and remove an empty directory, except for the tops
   of the trees. */
static void
leave(struct sweep *sw)
{
	struct level *lv = &sw->levels[--sw->depth];

	dir_close(&lv->dir);
	if (sw->depth == 0)
		return;
	if (lv->kept || !store_unlink(sw->store, sw->tree, lv[-1].dir.fd,
	    lv->name, AT_REMOVEDIR, lv->bytes))
		lv[-1].kept = true;
	else if (sw->phase == PHASE_COUNT)
		share_of(sw)->count_used -= lv->bytes;
}

/* Returns true if the file is gone. */
static bool
remove_file(struct sweep *sw, const char *name, const struct stat *sb)
{
	return store_unlink(sw->store, sw->tree,
	    sw->levels[sw->depth - 1].dir.fd, name, 0, store_bytes(sb));
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
	struct store_share *sh = share_of(sw);
	struct store *st = sw->store;

	lv->uncharged = 0;
	if (age_ms / 1000 >= st->age_s && remove_file(sw, name, sb)) {
		st->expired++;
	} else if (sw->phase == PHASE_EVICT && must_go(sw, age_ms, bytes) &&
	    remove_file(sw, name, sb)) {
		st->evicted++;
	} else {
		if (sw->phase == PHASE_COUNT) {
			sw->bytes[0][class_of(age_ms)] += bytes;
			sh->count_used += store_bytes(sb);
			sh->count_entries++;
		}
		return false;
	}
	sh->entries -= sh->entries > 0;
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
is_original(const struct sweep *sw, const char *name, enum entry_name kind)
{
	int fd = sw->levels[sw->depth - 1].dir.fd;

	if (sw->tree != STORE_INFO)
		return store_owner(fd, name, kind == ENTRY_NAME_PIECES) ==
		    ENTRY_ORIGINAL;
	if (kind != ENTRY_NAME_INFO)
		return kind == ENTRY_NAME_ORIGINAL;
	return !sw->checked[sw->tree] &&
	    store_owner(fd, name, true) != ENTRY_OURS;
}

/*
 * Packs.
 */

/* A wrong day, as of a clock that was set back, counts as today. */
static unsigned
days_old(const struct sweep *sw, uint16_t day)
{
	unsigned days = day < sw->today ? (unsigned)(sw->today - day) : 0;

	return MIN(days, CLASSES - 1);
}

/* Records that were last used before this day are older than cache-age. */
static uint16_t
first_day(const struct sweep *sw)
{
	uint64_t days = sw->store->age_s / DAY_S + 1;

	return days < sw->today ? (uint16_t)(sw->today - days) : 0;
}

static struct packfile_cut
cut_of(const struct sweep *sw)
{
	struct packfile_cut cut = { .day = first_day(sw) };
	uint16_t day = (uint16_t)(sw->today - MIN(sw->cutoff, sw->today));

	if (sw->phase == PHASE_EVICT && day >= cut.day)
		cut = (struct packfile_cut){ .day = day,
		    .quota = sw->quota };
	return cut;
}

static void
scan_begin(struct sweep *sw, const char *name, const struct pack_id *id,
    const struct stat *sb)
{
	struct scan *sc = &sw->scan;

	memset(sc, 0, sizeof(*sc));
	sc->fd = store_open_beneath(sw->levels[sw->depth - 1].dir.fd, name,
	    O_RDONLY | O_NONBLOCK | O_NOCTTY);
	sw->incomplete |= sc->fd == -1 && store_is_lack(errno);
	sc->id = *id;
	sc->sb = *sb;
	strlcpy(sc->name, name, sizeof(sc->name));
	sc->cut = cut_of(sw);
}

static bool
is_other(const struct sweep *sw, const struct pack_id *id)
{
	return sw->piece_len != 0 && id->piece_len != sw->piece_len;
}

/* Count a record. */
static void
scan_record(struct sweep *sw, const struct pack_record *r)
{
	struct scan *sc = &sw->scan;

	sc->records++;
	sc->bytes += r->len;
	if (r->day < sc->cut.day)
		sc->old += r->len;
	else if (days_old(sw, r->day) == days_old(sw, sc->cut.day))
		sc->last += r->len;
	if (r->day >= sc->cut.day && sw->phase == PHASE_RECORDS)
		sw->bytes[is_other(sw, &sc->id)][days_old(sw, r->day)] +=
		    r->len;
}

/* Read the next part.  true: that was the end. */
static bool
scan_read(struct sweep *sw)
{
	static uint8_t data[PACKFILE_STEP];
	struct scan *sc = &sw->scan;
	uint64_t size = (uint64_t)sc->sb.st_size, at = 0;
	struct pack_record r;
	enum pack_found found;
	ssize_t n;

	n = pread(sc->fd, data, sizeof(data), (off_t)sc->at);
	if (n <= 0)
		return true;
	while (at < (size_t)n) {
		found = pack_find(data + at, (size_t)n - at, &sc->id, &r);
		if (found == PACK_SHORT && at > 0)
			break;
		/* One that ends behind the file was cut. */
		if (found == PACK_RECORD && sc->at + at + r.len <= size) {
			scan_record(sw, &r);
			at += r.len;
		} else
			at += PACK_ALIGN;
	}
	sc->at += at;
	return sc->at >= size;
}

/* The bytes of a pack's blocks that are no records go with the last of them:
   in a small pack they are most. */
static uint64_t
scan_rest(const struct scan *sc)
{
	uint64_t blocks = store_bytes(&sc->sb);

	return blocks - MIN(blocks, sc->bytes);
}

static void
scan_count_rest(struct sweep *sw)
{
	const struct scan *sc = &sw->scan;
	uint16_t used = pack_day((int64_t)sc->sb.st_mtim.tv_sec * 1000000000);

	sw->bytes[is_other(sw, &sc->id)][days_old(sw, used)] += scan_rest(sc);
}

static void
scan_end(struct sweep *sw)
{
	struct store_share *sh = share_of(sw);

	if (sw->scan.fd != -1)
		close(sw->scan.fd);
	sw->scan.fd = -1;
	sw->scan.rewriting = false;
	if (sw->phase != PHASE_RECORDS)
		return;
	sh->count_entries += sw->scan.records;
	scan_count_rest(sw);
}

/* The old records go if that gives a block back. */
static void
scan_step(struct sweep *sw)
{
	struct scan *sc = &sw->scan;
	uint64_t cut;

	if (!sc->rewriting) {
		if (!scan_read(sw))
			return;
		sc->last = MIN(sc->last, sc->cut.quota);
		sc->rewriting = sc->old + sc->last >= BLOCK ||
		    sc->old + sc->last > sc->at / 2;
		if (!sc->rewriting)
			scan_end(sw);
		return;
	}
	if (!packs_rewrite(sw->packs, &sc->id, sc->cut, &cut))
		return;
	if (sw->phase == PHASE_EVICT) {
		sw->store->evicted += cut;
		if (sc->old + sc->last == sc->bytes)
			sc->last += scan_rest(sc);
		sw->quota -= MIN(sw->quota, sc->last);
	} else {
		sw->store->expired += cut;
		sc->records -= MIN(sc->records, cut);
	}
	scan_end(sw);
}

/* Returns true if the pack is gone. */
static bool
sweep_pack(struct sweep *sw, const char *name, const struct pack_id *id,
    const struct stat *sb)
{
	uint16_t used = pack_day((int64_t)sb->st_mtim.tv_sec * 1000000000);
	bool expired = age_of(sw, sb) / 1000 >= sw->store->age_s;
	bool evict = sw->phase == PHASE_EVICT && is_other(sw, id) ==
	    sw->others;

	if (expired || (evict && used < cut_of(sw).day)) {
		if (!remove_file(sw, name, sb))
			return false;
		sw->store->expired += expired;
		sw->store->evicted += !expired;
		return true;
	}
	if (sw->phase == PHASE_COUNT) {
		share_of(sw)->count_used += store_bytes(sb);
		if (is_other(sw, id))
			others_of(sw)->count_used += store_bytes(sb);
	} else if (sw->phase == PHASE_RECORDS || evict)
		scan_begin(sw, name, id, sb);
	return false;
}

/* Entries of version 0.1.0 had the names of mirror files. */
static bool
is_outdated(const struct sweep *sw, const char *name, enum entry_name kind)
{
	return sw->tree == STORE_PIECES && sw->depth > 1 &&
	    kind == ENTRY_NAME_PIECES &&
	    store_owner(sw->levels[sw->depth - 1].dir.fd, name, true) ==
	    ENTRY_OURS;
}

/* Returns true if the file is gone. */
static bool
sweep_file(struct sweep *sw, const char *name, const struct stat *sb)
{
	const struct level *lv = &sw->levels[sw->depth - 1];
	enum entry_name kind = entry_name_kind(name);
	struct pack_id id;
	uint64_t *count;

	if (lv->doomed)
		return remove_file(sw, name, sb);
	if (!S_ISREG(sb->st_mode))
		return false;
	if (kind == ENTRY_NAME_TEMPORARY)
		return strncmp(name, sw->store->temporary,
		    strlen(sw->store->temporary)) != 0 &&
		    remove_file(sw, name, sb);
	if (sw->tree == STORE_PIECES && sw->depth == 2 &&
	    pack_read_name(lv->name, name, &id))
		return sweep_pack(sw, name, &id, sb);
	if (is_original(sw, name, kind))
		count = &sw->store->originals;
	else if (is_outdated(sw, name, kind))
		count = &sw->store->outdated;
	else
		return sw->tree == STORE_INFO && kind == ENTRY_NAME_INFO &&
		    sweep_entry(sw, name, sb);
	if (!remove_file(sw, name, sb))
		return false;
	(*count)++;
	return true;
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
	    fstatat(lv->dir.fd, d->d_name, &sb, AT_SYMLINK_NOFOLLOW) == -1) {
		sw->incomplete |= store_is_lack(errno);
		return;
	}
	if (d->d_type != DT_DIR && !S_ISDIR(sb.st_mode)) {
		if (!sweep_file(sw, d->d_name, &sb))
			lv->kept = true;
		return;
	}
	/* We make no directories in info/. */
	if ((sw->tree == STORE_INFO && !aside && !lv->doomed) ||
	    enter(sw, d->d_name, aside || lv->doomed) == -1)
		lv->kept = true;
}

/* Process one name of the deepest directory, or leave it at its end. */
static void
step(struct sweep *sw)
{
	struct level *lv = &sw->levels[sw->depth - 1];
	const struct dirent64 *d;

	if (sw->scan.fd != -1) {
		scan_step(sw);
		return;
	}
	d = dir_next(&lv->dir);
	if (d != NULL) {
		sweep_name(sw, d);
		return;
	}
	sw->incomplete |= store_is_lack(errno);
	leave(sw);
}

/* Enter the top of the tree, to count it or to remove entries. */
static void
begin_pass(struct sweep *sw, enum phase phase)
{
	struct store_share *sh = share_of(sw);

	sw->phase = phase;
	if (phase == PHASE_COUNT) {
		/* Records that wait to be written need their room as well. */
		packs_flush(sw->packs);
		sw->ref_ms = clock_real_ns() / 1000000;
		sw->today = pack_day(clock_real_ns());
		sh->counting = true;
		sh->count_used = 0;
		if (sw->tree == STORE_PIECES) {
			sw->piece_len = sw->store->piece_len;
			others_of(sw)->counting = true;
			others_of(sw)->count_used = 0;
		}
		sw->incomplete = false;
	}
	if (phase != PHASE_EVICT) {
		memset(sw->bytes, 0, sizeof(sw->bytes));
		sh->count_entries = 0;
	}
	(void)enter(sw, store_tree_names[sw->tree], false);
}

static void
end(struct sweep *sw)
{
	struct store *st = sw->store;
	struct store_share total = store_total(st);

	sw->phase = PHASE_IDLE;
	if (sw->next_ms == UINT64_MAX)
		sw->next_ms = clock_ms() +
		    MAX(PERIOD_MS, sw->cost_us * SPARE / 1000);
	sw->cost_us = 0;
	st->sweeps++;
	summary_save(st);
	if (st->outdated > 0)
		log_info("removed %" PRIu64 " piece lists that version 0.1.0 "
		    "had left in the cache", st->outdated);
	st->outdated = 0;
	if (st->originals > 0)
		log_info("removed %" PRIu64 " files that the original "
		    "pkgtorrent-service had left in the cache",
		    st->originals);
	st->originals = 0;
	log_debug("swept: %" PRIu64 " entries, %" PRIu64 " KiB",
	    total.entries, total.used / 1024);
}

/* Go on to the next tree that is due. */
static void
next_tree(struct sweep *sw)
{
	enum store_tree tree;

	for (tree = 0; tree < STORE_TREES; tree++)
		if (sw->due[tree])
			break;
	if (tree == STORE_TREES) {
		end(sw);
		return;
	}
	sw->due[tree] = false;
	sw->tree = tree;
	begin_pass(sw, PHASE_COUNT);
}

/* One tree has no room: the other need not be counted. */
static void
begin(struct sweep *sw)
{
	uint64_t now = clock_ms();
	bool all = now >= sw->next_ms;
	enum store_tree tree;

	for (tree = 0; tree < STORE_TREES; tree++)
		sw->due[tree] = all || (share_is_urgent(sw, tree) &&
		    now >= sw->retry_ms[tree]);
	sw->due[STORE_PIECES] |= share_is_urgent(sw, STORE_OTHERS) &&
	    now >= sw->others_ms;
	if (all)
		sw->next_ms = UINT64_MAX;
	next_tree(sw);
}

/* The share that is shrunk now, or was last. */
static struct store_share *
evicted_share(const struct sweep *sw)
{
	return sw->others ? others_of(sw) : share_of(sw);
}

static void
end_tree(struct sweep *sw)
{
	struct store_share *sh = share_of(sw), *others = others_of(sw);
	const struct store_share *evicted = evicted_share(sw);
	uint64_t now = clock_ms(), retry_ms = now + RETRY_MS;
	bool futile = sw->phase == PHASE_EVICT && evicted->used >
	    sw->target && sw->store->evicted == sw->evicted_before;

	sw->retry_ms[sw->tree] = 0;
	if (sw->incomplete || (futile && share_is_urgent(sw, sw->tree)))
		sw->retry_ms[sw->tree] = retry_ms;
	if (sw->incomplete)
		sw->next_ms = MIN(sw->next_ms, retry_ms);
	/* Any client can want lists of other lengths: a sweep for these must
	   not come too often. */
	if (sw->tree == STORE_PIECES && share_is_urgent(sw, STORE_OTHERS)) {
		sw->others_ms = now + sw->cost_us * OTHERS_SPARE / 1000;
		if (futile || sw->incomplete)
			sw->others_ms = MAX(sw->others_ms, retry_ms);
		others->wanted = 0;
	}
	sh->wanted = 0;
	sw->others = false;
	next_tree(sw);
}

static bool
is_over(const struct store_share *sh)
{
	return sh->used > store_high_water(sh) ||
	    sh->used + sh->wanted > sh->limit;
}

/* The same without the lists of other lengths: is it over by its own? */
static bool
is_over_alone(const struct sweep *sw)
{
	struct store_share alone = *share_of(sw);

	if (sw->tree == STORE_PIECES)
		alone.used -= MIN(alone.used, others_of(sw)->used);
	return is_over(&alone);
}

/* Must lists of other lengths go, for their own sake or for the tree's? */
static bool
others_are_over(const struct sweep *sw)
{
	const struct store_share *sh = share_of(sw), *others = others_of(sw);

	return sw->tree == STORE_PIECES && others->used > 0 &&
	    (is_over(others) || is_over(sh) ||
	    sh->used + others->wanted > store_high_water(sh));
}

/* Even what is in use has to go: say so, and what would be enough. */
static void
hint(struct sweep *sw)
{
	const struct store_share *sh = evicted_share(sw);
	const uint64_t *bytes = sw->bytes[sw->others];
	uint64_t need;

	if (sw->tree != STORE_PIECES || sw->cutoff > 1 ||
	    (sw->others && !is_over(sh)) ||
	    !log_once(&sw->hint_ms, HINT_MS, clock_ms()))
		return;
	/* The share is three quarters, and is kept a tenth below; that of
	   others is a quarter of it. */
	need = (bytes[0] + bytes[1] + sh->wanted) / 9 * 10 / 3 * 4;
	if (sw->others)
		need *= 4;
	log_warn("cache-size is too small: piece lists that were used within "
	    "a day have to go; %" PRIu64 " MiB would do for those",
	    (need >> 20) + 1);
}

/* The bytes that a share has above a tenth below its limit, or above the room
   for this. */
static uint64_t
excess_of(const struct store_share *sh, uint64_t wanted)
{
	uint64_t target = sh->limit - sh->limit / 10;

	if (sh->limit - wanted < target)
		target = sh->limit - wanted;
	return sh->used - MIN(sh->used, target);
}

/* The bytes of other lengths that are to go.  They go first if the tree has no
   room. */
static uint64_t
excess_of_others(const struct sweep *sw)
{
	const struct store_share *sh = share_of(sw), *others = others_of(sw);
	uint64_t excess = 0, end;

	if (is_over(others))
		excess = excess_of(others, others->wanted);
	if (is_over(sh))
		excess = MAX(excess, excess_of(sh, sh->wanted));
	end = sh->used + others->wanted;
	if (end > store_high_water(sh))
		excess = MAX(excess, end - store_high_water(sh));
	return MIN(excess, others->used);
}

/* Find in the histogram what to remove, so that the rest has room. */
static void
begin_evict(struct sweep *sw, bool others)
{
	const uint64_t *bytes = sw->bytes[others];
	struct store_share *sh;
	uint64_t excess;

	sw->others = others;
	sh = evicted_share(sw);
	excess = others ? excess_of_others(sw) : excess_of(sh, sh->wanted);
	sw->target = sh->used - excess;
	for (sw->cutoff = CLASSES - 1; sw->cutoff > 0; sw->cutoff--) {
		if (bytes[sw->cutoff] >= excess)
			break;
		excess -= bytes[sw->cutoff];
	}
	sw->quota = excess;
	sw->evicted_before = sw->store->evicted;
	hint(sw);
	begin_pass(sw, PHASE_EVICT);
}

/* Remove lists of other lengths before those of piece-length, which go only if
   they have no room without these. */
static void
next_evict(struct sweep *sw, bool others)
{
	bool same = sw->tree != STORE_PIECES ||
	    sw->piece_len == sw->store->piece_len;

	if (same && others && others_are_over(sw))
		begin_evict(sw, true);
	else if (same && is_over_alone(sw))
		begin_evict(sw, false);
	else
		end_tree(sw);
}

static void
end_count_others(struct sweep *sw)
{
	struct store_share *others = others_of(sw);

	others->counting = false;
	if (sw->incomplete || sw->piece_len != sw->store->piece_len)
		return;
	others->counted = true;
	others->used = others->count_used;
}

/* The bytes of the tree are known. */
static void
end_count(struct sweep *sw)
{
	struct store_share *sh = share_of(sw);
	uint64_t now = clock_ms();

	sh->counting = false;
	if (sw->tree == STORE_PIECES)
		end_count_others(sw);
	/* An incomplete count is worse than the last one. */
	if (sw->incomplete) {
		end_tree(sw);
		return;
	}
	sh->counted = true;
	sh->used = sh->count_used;
	sw->checked[sw->tree] = true;
	if (sw->tree == STORE_INFO) {
		sh->entries = sh->count_entries;
		next_evict(sw, false);
	} else if (is_over(sh) || others_are_over(sw) ||
	    now >= sw->records_ms) {
		sw->records_ms = now + RECORDS_MS;
		begin_pass(sw, PHASE_RECORDS);
	} else
		end_tree(sw);
}

static void
end_records(struct sweep *sw)
{
	share_of(sw)->entries = share_of(sw)->count_entries;
	next_evict(sw, true);
}

/* All of the tree has been passed. */
static void
end_pass(struct sweep *sw)
{
	if (sw->phase == PHASE_COUNT)
		end_count(sw);
	else if (sw->phase == PHASE_RECORDS)
		end_records(sw);
	else if (sw->others)
		next_evict(sw, false);
	else
		end_tree(sw);
}

/* Has enough been removed?  With another piece-length, other lists are the ones
   to keep. */
static bool
evict_is_done(const struct sweep *sw)
{
	return sw->phase == PHASE_EVICT && sw->scan.fd == -1 &&
	    (evicted_share(sw)->used <= sw->target ||
	    (sw->tree == STORE_PIECES &&
	    sw->piece_len != sw->store->piece_len));
}

static void
work(struct sweep *sw)
{
	uint64_t until = clock_ms() + TURN_MS, cpu = clock_cpu_us();

	if (sw->phase == PHASE_IDLE)
		begin(sw);
	while (sw->phase != PHASE_IDLE && clock_ms() < until) {
		if (evict_is_done(sw)) {
			while (sw->depth > 0)
				leave(sw);
			end_pass(sw);
		} else if (sw->depth > 0)
			step(sw);
		else
			end_pass(sw);
	}
	sw->cost_us += clock_cpu_us() - cpu;
	sw->turn_ms = clock_ms();
}

int
sweep_turn(struct sweep *sw, bool idle)
{
	uint64_t now = clock_ms();
	enum store_tree tree;

	if (!store_may_write(sw->store))
		return LOCK_MS;
	if (sw->summary_ms + SUMMARY_MS <= now && idle) {
		sw->summary_ms = now;
		summary_save(sw->store);
	}
	if (sw->store->limits_changed) {
		sw->store->limits_changed = false;
		for (tree = 0; tree < STORE_TREES; tree++) {
			sw->store->shares[tree].wanted = 0;
			sw->retry_ms[tree] = 0;
		}
		others_of(sw)->wanted = 0;
		sw->others_ms = 0;
		sw->next_ms = 0;
		sw->records_ms = 0;
	}
	if (idle || now - sw->turn_ms >= (is_urgent(sw) ? PAUSE_MS :
	    STARVED_MS)) {
		sw->turn_ms = now;
		if (due_in_ms(sw, now) == 0)
			work(sw);
	}
	return wait_ms(sw);
}
