/* SPDX-License-Identifier: ISC */
#include <sys/file.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/openat2.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/sandbox/selftest.h"
#include "common/seal.h"
#include "pkgtorrentd/cache/selftest_cache.h"
#include "pkgtorrentd/cache/store.h"

#define BLOCK		4096ULL		/* only for estimates */
#define DAY_S		86400
#define TRIES		3
#define COMPLAIN_MS	60000

/* The part of cache-size that info/ has, and of that the most that one entry
   may take; one pack's record may take half of the share of pieces/. */
#define INFO_PART	4
#define OTHERS_PART	4	/* of the share of pieces/ */
#define INFO_ENTRY_PART	16
#define PIECES_ENTRY_PART 2

#define LOCK_TRY_MS	1000

/* Limits for additions before the first count: a cache that was full when the
   last process exited must not grow far past its limit. */
#define UNCOUNTED_PART	32
#define UNCOUNTED_MIN	(1ULL << 20)

const char *const store_tree_names[STORE_TREES] = { "info", "pieces" };

void
store_set_size(struct store *st, uint64_t bytes)
{
	st->shares[STORE_INFO].limit = bytes / INFO_PART;
	st->shares[STORE_PIECES].limit = bytes - bytes / INFO_PART;
	st->shares[STORE_OTHERS].limit = st->shares[STORE_PIECES].limit /
	    OTHERS_PART;
}

void
store_set_piece_len(struct store *st, uint32_t piece_len)
{
	if (st->piece_len != 0 && st->piece_len != piece_len)
		st->shares[STORE_OTHERS].used = st->shares[STORE_PIECES].used;
	st->piece_len = piece_len;
}

bool
store_is_other(const struct store *st, const char *name)
{
	uint32_t piece_len = entry_pack_len(name);

	return st->piece_len != 0 && piece_len != 0 &&
	    piece_len != st->piece_len;
}

struct store_share
store_total(const struct store *st)
{
	struct store_share total = { .counted = true };
	const struct store_share *sh;

	for (sh = st->shares; sh < st->shares + STORE_TREES; sh++) {
		total.limit += sh->limit;
		total.used += sh->used;
		total.entries += sh->entries;
		total.counted &= sh->counted;
	}
	return total;
}

/* The tree of an entry's name, which begins with the tree's. */
static enum store_tree
tree_of(const char *name)
{
	return name[0] == 'i' ? STORE_INFO : STORE_PIECES;
}

void
store_complain(struct store *st, enum store_complaint kind, const char *problem,
    const char *name)
{
	char text[512];
	uint64_t *count = &st->complaints[kind].count;

	(*count)++;
	/* Reaching the limit is normal, not an error. */
	st->errors += kind != STORE_NO_ROOM;
	if (!log_once(&st->complaints[kind].last_ms, COMPLAIN_MS, clock_ms()))
		return;
	log_warn("%s: %s (%" PRIu64 " such since the last line like this)",
	    log_escape(text, sizeof(text), name, strlen(name)), problem,
	    *count);
	*count = 0;
}

void
store_complain_write(struct store *st, const char *name)
{
	char problem[192];
	struct stat sb;
	int error = errno;

	st->write_errors++;
	if (fstat(st->dirfd, &sb) == 0 && sb.st_nlink == 0) {
		store_complain(st, STORE_GONE, "not stored: the cache "
		    "directory was removed; restart the service", name);
		return;
	}
	snprintf(problem, sizeof(problem), "not stored: %s%s", strerror(error),
	    selftest_hint(error));
	store_complain(st, STORE_NOT_WRITTEN, problem, name);
}

void
store_complain_remove(struct store *st, const char *name)
{
	store_complain(st, STORE_NOT_WRITTEN, "not removed: no permission, or "
	    "an I/O error", name);
}

/* During a count we cannot know whether the sweep has passed this place yet.
   To be safe, count additions and ignore removals. */
static void
share_add(struct store_share *sh, uint64_t bytes)
{
	sh->used += bytes;
	if (sh->counting)
		sh->count_used += bytes;
}

static void
share_sub(struct store_share *sh, uint64_t bytes)
{
	sh->used -= bytes < sh->used ? bytes : sh->used;
}

/* The same for a file of a tree. */
static void
file_add(struct store *st, enum store_tree tree, const char *name,
    uint64_t bytes)
{
	share_add(&st->shares[tree], bytes);
	if (tree == STORE_PIECES && store_is_other(st, name))
		share_add(&st->shares[STORE_OTHERS], bytes);
}

static void
file_sub(struct store *st, enum store_tree tree, const char *name,
    uint64_t bytes)
{
	share_sub(&st->shares[tree], bytes);
	if (tree == STORE_PIECES && store_is_other(st, name))
		share_sub(&st->shares[STORE_OTHERS], bytes);
}

bool
store_unlink(struct store *st, enum store_tree tree, int dirfd,
    const char *name, int flags, uint64_t bytes)
{
	if (unlinkat(dirfd, name, flags) == -1 && (flags & AT_REMOVEDIR ||
	    errno != ENOENT)) {
		if (!(flags & AT_REMOVEDIR))
			store_complain_remove(st, name);
		return false;
	}
	file_sub(st, tree, name, bytes);
	return true;
}

int
store_open_beneath(int dirfd, const char *name, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
		    RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
}

enum entry_owner
store_owner(int dirfd, const char *name, bool unfinished)
{
	enum entry_owner owner = ENTRY_OTHER;
	uint8_t head[ENTRY_PEEK], end;
	struct stat sb;
	ssize_t n;
	int fd;

	fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW |
	    O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		return ENTRY_OTHER;
	n = pread(fd, head, sizeof(head), 0);
	if (n > 0)
		owner = entry_owner(head, (size_t)n);
	if (owner == ENTRY_ORIGINAL && !unfinished &&
	    (fstat(fd, &sb) == -1 || pread(fd, &end, 1, sb.st_size - 1) != 1 ||
	    end != ENTRY_PICKLE_END))
		owner = ENTRY_OTHER;
	close(fd);
	return owner;
}

/* A directory in the way may be large: rename it at once, so that the sweep
   removes it in its turns. */
static int
move_aside(struct store *st, int dirfd, const char *name)
{
	char aside[64];
	int tries;

	for (tries = 0; tries < TRIES; tries++) {
		snprintf(aside, sizeof(aside), ENTRY_ASIDE "%" PRIu64 "-%u",
		    (uint64_t)clock_real_ns(), st->aside++);
		if (renameat(dirfd, name, dirfd, aside) == 0)
			return 0;
		if (errno != EEXIST && errno != ENOTEMPTY)
			break;
	}
	return -1;
}

/* Remove the file or directory of this name.  0, or -1 with errno. */
int
store_clear(struct store *st, enum store_tree tree, int dirfd,
    const char *name)
{
	struct store_share *sh = &st->shares[tree];
	struct stat sb;

	if (fstatat(dirfd, name, &sb, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : -1;
	if (S_ISDIR(sb.st_mode))
		return move_aside(st, dirfd, name);
	if (S_ISREG(sb.st_mode) &&
	    store_owner(dirfd, name, true) == ENTRY_ORIGINAL)
		st->originals++;
	if (unlinkat(dirfd, name, 0) == -1)
		return -1;
	if (S_ISREG(sb.st_mode)) {
		file_sub(st, tree, name, store_bytes(&sb));
		sh->entries -= tree == STORE_INFO && sh->entries > 0;
	}
	return 0;
}

static void
share_add_growth(struct store_share *sh, int dirfd, uint64_t before)
{
	struct stat sb;

	if (fstat(dirfd, &sb) == 0 && store_bytes(&sb) > before)
		share_add(sh, store_bytes(&sb) - before);
}

/* Open a directory; make it if it is missing, and remove a file in its
   place. */
static int
make_dir(struct store *st, enum store_tree tree, int dirfd, const char *name)
{
	struct store_share *sh = &st->shares[tree];
	struct stat parent = { 0 };
	bool made = false;
	int fd, tries;

	for (tries = 0; tries < TRIES; tries++) {
		fd = store_open_beneath(dirfd, name, O_PATH | O_DIRECTORY);
		if (fd != -1) {
			if (made) {
				share_add_growth(sh, fd, 0);
				share_add_growth(sh, dirfd,
				    store_bytes(&parent));
			}
			return fd;
		}
		if (errno == ENOENT) {
			if (fstat(dirfd, &parent) == -1)
				return -1;
			made = mkdirat(dirfd, name, 0700) == 0;
			if (!made && errno != EEXIST)
				return -1;
		} else if ((errno != ENOTDIR && errno != ELOOP) ||
		    store_clear(st, tree, dirfd, name) == -1)
			return -1;
	}
	return -1;
}

static int
make_dirs(struct store *st, const char *path)
{
	enum store_tree tree = tree_of(path);
	char name[256];
	size_t len;
	int fd = st->dirfd, next, error;

	do {
		len = strcspn(path, "/");
		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		next = make_dir(st, tree, fd, name);
		error = errno;
		if (fd != st->dirfd)
			close(fd);
		fd = next;
		path += len + (path[len] == '/');
	} while (fd != -1 && *path != '\0');
	errno = error;
	return fd;
}

static void
make_trees(struct store *st)
{
	enum store_tree tree;
	int fd;

	for (tree = 0; tree < STORE_TREES; tree++) {
		fd = make_dir(st, tree, st->dirfd, store_tree_names[tree]);
		if (fd == -1)
			store_complain_write(st, store_tree_names[tree]);
		else
			close(fd);
	}
}

/* Open the directory of an entry, and make it if make is set.  *last is the
   entry's name in it.  A descriptor, or -1 with errno. */
int
store_open_parent(struct store *st, const char *name, bool make,
    const char **last)
{
	char dir[ENTRY_PATH_LEN];
	const char *slash = strrchr(name, '/');
	int fd;

	memcpy(dir, name, (size_t)(slash - name));
	dir[slash - name] = '\0';
	*last = slash + 1;
	fd = store_open_beneath(st->dirfd, dir, O_PATH | O_DIRECTORY);
	if (fd == -1 && make &&
	    (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		fd = make_dirs(st, dir);
	return fd;
}

/* The lock is worth nothing if somebody replaced the directory. */
static bool
lock_is_good(const struct store *st)
{
	struct stat there, ours;

	return st->lockfd > 0 && fstat(st->lockfd, &ours) == 0 &&
	    fstatat(st->dirfd, store_tree_names[STORE_PIECES], &there,
	    AT_SYMLINK_NOFOLLOW) == 0 && there.st_ino == ours.st_ino &&
	    there.st_dev == ours.st_dev;
}

static void
lock_tell(struct store *st, bool locked)
{
	if (locked && st->lock_told)
		log_info("this service writes to the cache now");
	else if (!locked && !st->lock_told)
		log_warn("another service writes to this cache: this one "
		    "reads it and stores nothing");
	st->lock_told = !locked;
}

bool
store_may_write(struct store *st)
{
	uint64_t now = clock_ms();
	int fd;

	if (st->locked_ms != 0 && now - st->locked_ms < LOCK_TRY_MS)
		return st->may_write;
	st->locked_ms = now;
	st->may_write = true;
	if (lock_is_good(st))
		return true;
	if (st->lockfd > 0)
		close(st->lockfd);
	st->lockfd = 0;
	fd = make_dir(st, STORE_PIECES, st->dirfd,
	    store_tree_names[STORE_PIECES]);
	if (fd == -1 && errno != EMFILE && errno != ENFILE)
		return true;		/* writing will say what is wrong */
	if (fd != -1) {
		close(fd);
		fd = store_open_beneath(st->dirfd,
		    store_tree_names[STORE_PIECES], O_RDONLY | O_DIRECTORY);
	}
	/* There it is, but whether another service has the lock is unknown. */
	if (fd == -1) {
		store_complain_write(st, store_tree_names[STORE_PIECES]);
		st->may_write = false;
		return false;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) {
		st->lockfd = fd;
		lock_tell(st, true);
		return true;
	}
	close(fd);
	lock_tell(st, false);
	st->may_write = false;
	return false;
}

int
store_remove(struct store *st, const char *name)
{
	const char *last;
	int dirfd, ret;

	if (!store_may_write(st))
		return -1;
	dirfd = store_open_parent(st, name, false, &last);
	if (dirfd == -1)
		return 0;
	ret = store_clear(st, tree_of(name), dirfd, last);
	if (ret == -1)
		store_complain_write(st, name);
	close(dirfd);
	return ret;
}

int
store_open_file(struct store *st, const char *name, int flags, uint64_t max,
    struct stat *sb, const char **wrong)
{
	int fd;

	*wrong = NULL;
	fd = store_open_beneath(st->dirfd, name,
	    flags | O_NONBLOCK | O_NOCTTY);
	if (fd == -1) {
		if (errno != ENOENT && errno != ENOTDIR &&
		    !store_is_lack(errno))
			*wrong = strerror(errno);
		return -1;
	}
	if (fstat(fd, sb) == -1)
		*wrong = strerror(errno);
	else if (!S_ISREG(sb->st_mode))
		*wrong = "not a regular file";
	else if (sb->st_nlink != 1)
		*wrong = "more than one link";
	else if (sb->st_size < 0 || (uint64_t)sb->st_size > max)
		*wrong = "too long";
	if (*wrong == NULL)
		return fd;
	close(fd);
	return -1;
}

static int
open_entry(struct store *st, const char *name, struct stat *sb,
    const char **wrong)
{
	return store_open_file(st, name, O_RDONLY, st->entry_max, sb, wrong);
}

/* Read the next n bytes of an entry.  0, or -1; *wrong is set if that is the
   entry's fault. */
static int
read_part(int fd, size_t n, struct buf *b, const char **wrong)
{
	size_t end = b->len + n;
	ssize_t got;

	if (buf_reserve(b, n + 1) == NULL)
		return -1;
	for (; b->len < end; b->len += (size_t)got) {
		got = pread(fd, b->data + b->len, end - b->len,
		    (off_t)b->len);
		if (got == 0)
			*wrong = "truncated";
		else if (got == -1 && !store_is_lack(errno))
			*wrong = strerror(errno);
		if (got <= 0)
			return -1;
	}
	return 0;
}

/* Files of the original are expected here.  They are counted when they are
   removed, and reported together. */
static void
drop_wrong(struct store *st, const char *name, const char *why,
    const struct buf *b)
{
	char problem[128];

	if (b == NULL || entry_owner(b->data, b->len) !=
	    ENTRY_ORIGINAL) {
		snprintf(problem, sizeof(problem), "%s: %s",
		    store_may_write(st) ? "removed" :
		    "left to the service that writes", why);
		store_complain(st, tree_of(name) == STORE_INFO ?
		    STORE_WRONG_INFO : STORE_WRONG_PIECES, problem, name);
	}
	store_remove(st, name);
}

void
store_drop_wrong(struct store *st, const char *name, const char *why)
{
	drop_wrong(st, name, why, NULL);
}

static bool
mark_used(struct store *st, int fd, const struct stat *sb)
{
	if (sb->st_mtim.tv_sec >= clock_real_ns() / 1000000000 - DAY_S ||
	    !store_may_write(st))
		return false;
	/* If this fails the entry seems older than it is: it may be removed
	   early and rebuilt. */
	(void)futimens(fd, NULL);
	return true;
}

int
store_begin_reading(struct store *st, const uint8_t digest[SHA1_LEN],
    enum piece_kind piece, struct store_reading *r)
{
	char name[ENTRY_PATH_LEN];
	const char *wrong;

	memcpy(r->digest, digest, SHA1_LEN);
	r->piece = piece;
	entry_name_info(name, digest, piece);
	r->fd = open_entry(st, name, &r->sb, &wrong);
	if (r->fd == -1 && wrong != NULL)
		drop_wrong(st, name, wrong, NULL);
	if (r->fd == -1)
		return 0;
	r->sum = sum_new(false);
	if (r->sum != NULL &&
	    buf_reserve(&r->data, (size_t)r->sb.st_size + 1) != NULL)
		return 1;
	store_stop_reading(r);
	return 0;
}

int
store_read(struct store *st, struct store_reading *r, size_t most)
{
	char name[ENTRY_PATH_LEN];
	size_t len = (size_t)r->sb.st_size, before = r->data.len, n;
	size_t summed = len > SEAL_LEN ? len - SEAL_LEN : 0;
	const char *wrong = NULL;

	n = MIN(most, len - before);
	if (read_part(r->fd, n, &r->data, &wrong) == -1) {
		entry_name_info(name, r->digest, r->piece);
		if (wrong != NULL)
			drop_wrong(st, name, wrong, NULL);
		return -1;
	}
	if (before < summed)
		sum_add(r->sum, r->data.data + before,
		    MIN(r->data.len, summed) - before);
	return r->data.len == len;
}

int
store_end_reading(struct store *st, struct store_reading *r,
    struct entry_info *out, bool *daily)
{
	char name[ENTRY_PATH_LEN];
	uint8_t sum[SEAL_LEN];
	enum entry_fault fault;

	sum_end(r->sum, sum);
	r->sum = NULL;
	fault = entry_read_summed_info(r->data.data, r->data.len, sum,
	    r->digest, r->piece, out);
	if (fault == ENTRY_GOOD) {
		*daily = mark_used(st, r->fd, &r->sb);
		return 1;
	}
	entry_name_info(name, r->digest, r->piece);
	drop_wrong(st, name, entry_fault_names[fault], &r->data);
	return 0;
}

void
store_stop_reading(struct store_reading *r)
{
	if (r->fd > 0)
		close(r->fd);
	sum_end(r->sum, NULL);
	buf_free(&r->data);
	memset(r, 0, sizeof(*r));
}

/* How much one entry of a share may take. */
static uint64_t
entry_max(const struct store *st, unsigned share)
{
	return st->shares[share].limit /
	    (share == STORE_INFO ? INFO_ENTRY_PART : PIECES_ENTRY_PART);
}

/* How much of its limit may be used. */
static uint64_t
share_room(const struct store_share *sh)
{
	uint64_t room = sh->limit;

	if (!sh->counted) {
		room = sh->limit / UNCOUNTED_PART;
		if (room < UNCOUNTED_MIN)
			room = UNCOUNTED_MIN;
		if (room > sh->limit)
			room = sh->limit;
	}
	return room;
}

/* Lists of other lengths leave the room above the high water of their tree to
   its own: they never cause a sweep of these. */
static bool
share_has_room(const struct store *st, unsigned share, uint64_t need)
{
	const struct store_share *sh = &st->shares[share];
	const struct store_share *all = &st->shares[STORE_PIECES];

	if (sh->used + sh->pending + need > share_room(sh))
		return false;
	return share != STORE_OTHERS || all->used + all->pending + need <=
	    MIN(share_room(all), store_high_water(all));
}

bool
store_has_room(struct store *st, enum store_tree tree, const char *name,
    uint64_t need)
{
	unsigned share = tree == STORE_PIECES && store_is_other(st, name) ?
	    STORE_OTHERS : tree;
	struct store_share *sh = &st->shares[share];

	if (need > entry_max(st, share)) {
		store_complain(st, STORE_NO_ROOM, tree == STORE_INFO ?
		    "not stored: longer than a sixteenth of its share of "
		    "cache-size" : "not stored: longer than half of its share "
		    "of cache-size", name);
		return false;
	}
	if (share_has_room(st, share, need))
		return true;
	if (need > sh->wanted)
		sh->wanted = need;
	store_complain(st, STORE_NO_ROOM, "not stored: its share of "
	    "cache-size is used, older entries are being removed", name);
	return false;
}

bool
store_has_spare(const struct store *st, const char *name, uint64_t need)
{
	const struct store_share *sh = &st->shares[STORE_PIECES];

	if (store_is_other(st, name))
		return share_has_room(st, STORE_OTHERS, need);
	return sh->used + sh->pending + need <= MIN(share_room(sh),
	    store_high_water(sh));
}

/* The bytes that an entry will take if it is a file. */
static uint64_t
entry_need(size_t len)
{
	return (len / BLOCK + 2) * BLOCK;
}

static bool
has_room(struct store *st, const char *name, size_t len)
{
	return store_may_write(st) && store_has_room(st, tree_of(name), name,
	    entry_need(len));
}

/* Keep room for all of an entry while its parts are written. */
static void
reserve_room(struct store *st, struct store_writing *w, const char *name,
    size_t len)
{
	w->share = &st->shares[tree_of(name)];
	w->reserved = entry_need(len);
	w->share->pending += w->reserved;
}

static void
release_room(struct store_writing *w)
{
	if (w->share != NULL)
		w->share->pending -= w->reserved;
	w->share = NULL;
}

void
store_count(struct store *st, const char *name, int64_t bytes,
    int64_t entries)
{
	struct store_share *sh = &st->shares[STORE_PIECES];

	if (name == NULL)
		name = "";
	if (bytes > 0)
		file_add(st, STORE_PIECES, name, (uint64_t)bytes);
	else
		file_sub(st, STORE_PIECES, name, (uint64_t)-bytes);
	if (entries < 0 && sh->entries < (uint64_t)-entries)
		entries = -(int64_t)sh->entries;
	sh->entries += (uint64_t)entries;
	if (entries > 0 && sh->counting)
		sh->count_entries += (uint64_t)entries;
}

void
store_add_pending(struct store *st, const char *name, int64_t bytes)
{
	st->shares[STORE_PIECES].pending += (uint64_t)bytes;
	if (store_is_other(st, name))
		st->shares[STORE_OTHERS].pending += (uint64_t)bytes;
}

uint64_t
store_file_bytes(const struct stat *sb)
{
	uint64_t blocks = store_bytes(sb), len = (uint64_t)sb->st_size;

	return blocks > len ? blocks : len;
}

/* Remove what was written; errno stays. */
static void
stop_writing(struct store_writing *w)
{
	int error = errno;

	release_room(w);
	if (w->fd > 0)
		close(w->fd);
	if (w->dirfd > 0) {
		if (w->fd != 0)
			unlinkat(w->dirfd, w->temporary, 0);
		close(w->dirfd);
	}
	w->dirfd = w->fd = 0;
	errno = error;
}

/* Make a file under the temporary name.  0, or -1 with errno. */
int
store_begin_writing(struct store *st, struct store_writing *w, const char *name)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	const char *last;
	int fd;

	w->len = 0;
	w->dirfd = store_open_parent(st, name, true, &last);
	if (w->dirfd == -1 || fstat(w->dirfd, &w->dir) == -1)
		goto fail;
	fd = openat(w->dirfd, w->temporary, flags, 0600);
	if (fd == -1 && errno == EEXIST && store_clear(st, tree_of(name),
	    w->dirfd, w->temporary) == 0)
		fd = openat(w->dirfd, w->temporary, flags, 0600);
	if (fd == -1)
		goto fail;
	w->fd = fd;
	return 0;
fail:
	stop_writing(w);
	return -1;
}

/* Write the next bytes.  0, or -1 with errno, and nothing is left. */
int
store_write(struct store_writing *w, const void *data, size_t len)
{
	const uint8_t *p = data;
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n) {
		n = write(w->fd, p, len);
		/* Without progress this would loop forever. */
		if (n == 0)
			errno = EIO;
		if (n <= 0) {
			stop_writing(w);
			return -1;
		}
		w->len += (size_t)n;
	}
	return 0;
}

/* Close the file; fd is -1 then, which shows that it has to be unlinked. */
static int
close_written(struct store_writing *w, struct stat *sb)
{
	int fd = w->fd;

	if (fstat(fd, sb) == -1)
		return -1;
	w->fd = -1;
	/* Network file systems and quotas may report an error only here. */
	return close(fd);
}

static int
rename_written(struct store *st, const struct store_writing *w,
    enum store_tree tree, const char *last)
{
	if (renameat(w->dirfd, w->temporary, w->dirfd, last) == 0)
		return 0;
	if (errno != EISDIR || store_clear(st, tree, w->dirfd, last) == -1)
		return -1;
	return renameat(w->dirfd, w->temporary, w->dirfd, last);
}

/* Give the file its name.  0, or -1 with errno, and nothing is left. */
int
store_end_writing(struct store *st, struct store_writing *w, const char *name)
{
	enum store_tree tree = tree_of(name);
	struct store_share *sh = &st->shares[tree];
	const char *last = strrchr(name, '/') + 1;
	struct stat old, sb;
	bool replaces;

	replaces = fstatat(w->dirfd, last, &old, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(old.st_mode);
	if (close_written(w, &sb) == -1 ||
	    rename_written(st, w, tree, last) == -1) {
		stop_writing(w);
		return -1;
	}
	release_room(w);
	/* Some file systems allocate blocks later. */
	file_add(st, tree, last,
	    store_bytes(&sb) > w->len ? store_bytes(&sb) : w->len);
	share_add_growth(sh, w->dirfd, store_bytes(&w->dir));
	if (replaces)
		file_sub(st, tree, last, store_bytes(&old));
	/* Those of packs are counted as records. */
	if (tree == STORE_INFO) {
		sh->entries += !replaces;
		sh->count_entries += !replaces && sh->counting;
		st->saves++;
	}
	close(w->dirfd);
	w->dirfd = w->fd = 0;
	return 0;
}

static int
save_once(struct store *st, const char *name, const void *data, size_t len)
{
	struct store_writing w = { .temporary = st->temporary };

	return store_begin_writing(st, &w, name) == -1 ||
	    store_write(&w, data, len) == -1 ||
	    store_end_writing(st, &w, name) == -1 ? -1 : 0;
}

/* The same for an entry that has room. */
static int
save(struct store *st, const char *name, const void *data, size_t len)
{
	int tries;

	/* Somebody may be deleting these directories meanwhile. */
	for (tries = 0; tries < TRIES; tries++) {
		if (save_once(st, name, data, len) == 0)
			return 0;
		if (errno != ENOENT)
			break;
	}
	store_complain_write(st, name);
	return -1;
}

int
store_save(struct store *st, const char *name, const void *data, size_t len)
{
	return has_room(st, name, len) ? save(st, name, data, len) : -1;
}

int
store_save_part(struct store *st, struct store_writing *w, const char *name,
    const void *data, size_t len, size_t most)
{
	const uint8_t *p = data;

	if (w->dirfd == 0) {
		if (!has_room(st, name, len))
			return -1;
		w->temporary = st->long_temporary;
		reserve_room(st, w, name, len);
		if (store_begin_writing(st, w, name) == -1)
			goto fail;
	}
	if (store_write(w, p + w->len, MIN(most, len - w->len)) == -1)
		goto fail;
	if (w->len < len)
		return 0;
	if (store_end_writing(st, w, name) == 0)
		return 1;
fail:
	if (errno == ENOENT)
		return save(st, name, data, len) == 0 ? 1 : -1;
	store_complain_write(st, name);
	return -1;
}

void
store_stop_saving(struct store_writing *w)
{
	if (w->dirfd != 0)
		stop_writing(w);
}

void
store_start(struct store *st, bool check)
{
	/* Another process may still be writing under its own name. */
	snprintf(st->temporary, sizeof(st->temporary), ENTRY_TEMPORARY
	    "%" PRIu64, (uint64_t)clock_real_ns());
	snprintf(st->long_temporary, sizeof(st->long_temporary), "%s-long",
	    st->temporary);
	snprintf(st->pack_temporary, sizeof(st->pack_temporary), "%s-pack",
	    st->temporary);
	selftest_run(store_selftests, store_nselftests, st);
	if (check)
		return;
	make_trees(st);
	selftest_cache_disk(st);
}
