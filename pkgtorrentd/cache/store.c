#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/listing.h"
#include "common/child.h"
#include "pkgtorrentd/cache/store_dir.h"

#define BLOCK		4096ULL		/* for estimates only */
#define DAY_S		86400
#define TRIES		3

/*
 * Until the existing entries are counted, so much may be added: a cache that
 * was full when the last process ended must not grow far past its limit.
 */
#define UNCOUNTED_PART	32
#define UNCOUNTED_MIN	(1ULL << 20)

void
store_init(struct store *st)
{
	snprintf(st->temporary, sizeof(st->temporary), STORE_TEMPORARY "%d",
	    (int)getpid());
}

/* Opens an entry to read.  -1: there is none (*wrong NULL), or not one. */
static int
open_entry(struct store *st, const char *name, struct stat *sb,
    const char **wrong)
{
	int fd;

	*wrong = NULL;
	fd = store_open_beneath(st->dirfd, name,
	    O_RDONLY | O_NONBLOCK | O_NOCTTY);
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
	else if (sb->st_size < 0 || (uint64_t)sb->st_size > st->entry_max)
		*wrong = "too long";
	if (*wrong == NULL)
		return fd;
	close(fd);
	return -1;
}

/* 0, or -1 and perhaps what is wrong with it. */
static int
read_entry(int fd, size_t len, struct buf *b, const char **wrong)
{
	uint8_t *p;
	ssize_t n;

	b->len = 0;
	p = buf_reserve(b, len + 1);
	if (p == NULL)
		return -1;
	while (b->len < len) {
		n = pread(fd, p + b->len, len - b->len, (off_t)b->len);
		if (n == 0)
			*wrong = "truncated";
		else if (n == -1 && !store_is_lack(errno))
			*wrong = strerror(errno);
		if (n <= 0)
			return -1;
		b->len += (size_t)n;
	}
	return 0;
}

/* The original's files are expected: they are counted when they are cleared
   away, and get a line of their own. */
static void
drop_wrong(struct store *st, const char *name, const char *why,
    const struct buf *b)
{
	char what[128];

	if (b == NULL || !entry_is_pickle(b->data, b->len)) {
		snprintf(what, sizeof(what), "removed: %s", why);
		store_complain(st, name[0] == 'i' ? STORE_WRONG_INFO :
		    STORE_WRONG_PIECES, what, name);
	}
	store_remove(st, name);
}

/* Reads what has this name.  -1: nothing, or what was there has gone. */
static int
load_entry(struct store *st, const char *name, struct buf *b,
    struct stat *sb)
{
	const char *wrong;
	int fd;

	fd = open_entry(st, name, sb, &wrong);
	if (fd != -1) {
		if (read_entry(fd, (size_t)sb->st_size, b, &wrong) == 0)
			return fd;
		close(fd);
	}
	if (wrong != NULL)
		drop_wrong(st, name, wrong, NULL);
	return -1;
}

static bool
mark_used(int fd, const struct stat *sb)
{
	if (sb->st_mtim.tv_sec >= clock_real_ns() / 1000000000 - DAY_S)
		return false;
	/* At worst the entry seems older than it is, and is made again. */
	(void)futimens(fd, NULL);
	return true;
}

int
store_load_info(struct store *st, const uint8_t digest[SHA1_LEN],
    struct buf *b, struct entry_info *out, bool *daily)
{
	char name[ENTRY_PATH_LEN];
	enum entry_fault fault;
	struct stat sb;
	int fd;

	entry_name_info(name, digest);
	fd = load_entry(st, name, b, &sb);
	if (fd == -1)
		return 0;
	fault = entry_read_info(b->data, b->len, digest, out);
	if (fault == ENTRY_GOOD)
		*daily = mark_used(fd, &sb);
	else
		drop_wrong(st, name, entry_fault_name(fault), b);
	close(fd);
	return fault == ENTRY_GOOD;
}

int
store_load_pieces(struct store *st, const void *path, size_t path_len,
    uint32_t piece_len, const struct identity *identity, struct buf *b,
    struct entry_pieces *out)
{
	char name[ENTRY_PATH_LEN];
	enum entry_fault fault;
	struct stat sb;
	int fd, hit;

	/* Nothing on disk is of a mount, whatever else agrees. */
	if (identity->mount != 0 ||
	    entry_name_pieces(name, path, path_len, piece_len) == -1)
		return 0;
	fd = load_entry(st, name, b, &sb);
	if (fd == -1)
		return 0;
	fault = entry_read_pieces(b->data, b->len, path, path_len, piece_len,
	    out);
	hit = fault == ENTRY_GOOD && identity_same(&out->identity, identity);
	if (hit)
		mark_used(fd, &sb);
	else if (fault != ENTRY_GOOD)
		drop_wrong(st, name, entry_fault_name(fault), b);
	close(fd);
	return hit;
}

void
store_touch(struct store *st, const char *name)
{
	const char *wrong;
	struct stat sb;
	int fd;

	fd = open_entry(st, name, &sb, &wrong);
	if (fd != -1) {
		mark_used(fd, &sb);
		close(fd);
	} else if (wrong != NULL)
		drop_wrong(st, name, wrong, NULL);
}

static bool
has_room(struct store *st, const char *name, size_t len)
{
	uint64_t need = (len / BLOCK + 2) * BLOCK, room = st->limit;

	if (need > st->limit / 2) {
		store_complain(st, STORE_NO_ROOM, "not stored: longer than "
		    "half of cache-size", name);
		return false;
	}
	if (!st->counted) {
		room = st->limit / UNCOUNTED_PART;
		if (room < UNCOUNTED_MIN)
			room = UNCOUNTED_MIN;
		if (room > st->limit)
			room = st->limit;
	}
	if (st->used + need <= room)
		return true;
	if (need > st->wanted)
		st->wanted = need;
	store_complain(st, STORE_NO_ROOM, "not stored: cache-size is "
	    "reached, older entries are being removed", name);
	return false;
}

/* A whole file under the temporary name, nothing left of it on failure. */
static int
write_temporary(struct store *st, int dirfd, const uint8_t *p, size_t len,
    struct stat *sb)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	ssize_t n;
	int fd, error;

	fd = openat(dirfd, st->temporary, flags, 0600);
	if (fd == -1 && errno == EEXIST &&
	    store_clear(st, dirfd, st->temporary) == 0)
		fd = openat(dirfd, st->temporary, flags, 0600);
	if (fd == -1)
		return -1;
	while (len > 0) {
		n = write(fd, p, len);
		/* Nothing written is no progress: it would go on for ever. */
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			goto fail;
		p += n;
		len -= (size_t)n;
	}
	if (fstat(fd, sb) == -1)
		goto fail;
	/* Network file systems and quotas say no only here. */
	if (close(fd) == 0)
		return 0;
	fd = -1;
fail:
	error = errno;
	if (fd != -1)
		close(fd);
	unlinkat(dirfd, st->temporary, 0);
	errno = error;
	return -1;
}

static int
rename_temporary(struct store *st, int dirfd, const char *last)
{
	int error;

	if (renameat(dirfd, st->temporary, dirfd, last) == 0)
		return 0;
	if (errno == EISDIR && store_clear(st, dirfd, last) == 0 &&
	    renameat(dirfd, st->temporary, dirfd, last) == 0)
		return 0;
	error = errno;
	unlinkat(dirfd, st->temporary, 0);
	errno = error;
	return -1;
}

static int
save_once(struct store *st, const char *name, const void *data, size_t len)
{
	struct stat dir, old, sb;
	bool replaces;
	const char *last;
	int dirfd, error, rc = -1;

	dirfd = store_open_parent(st, name, true, &last);
	if (dirfd == -1)
		return -1;
	replaces = fstatat(dirfd, last, &old, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(old.st_mode);
	if (fstat(dirfd, &dir) == -1 ||
	    write_temporary(st, dirfd, data, len, &sb) == -1 ||
	    rename_temporary(st, dirfd, last) == -1)
		goto out;
	rc = 0;
	/* Some file systems allocate later than they answer. */
	store_add(st, store_bytes(&sb) > len ? store_bytes(&sb) : len);
	store_add_growth(st, dirfd, store_bytes(&dir));
	if (replaces)
		store_sub(st, store_bytes(&old));
	else {
		st->entries++;
		st->count_entries += st->counting;
	}
out:
	error = errno;
	close(dirfd);
	errno = error;
	return rc;
}

int
store_save(struct store *st, const char *name, const void *data, size_t len)
{
	int tries;

	if (!has_room(st, name, len))
		return -1;
	/* Somebody may be deleting the directories under our hands. */
	for (tries = 0; tries < TRIES; tries++) {
		if (save_once(st, name, data, len) == 0) {
			st->saves++;
			return 0;
		}
		if (errno != ENOENT)
			break;
	}
	store_complain_write(st, name);
	return -1;
}
