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
#include "common/child.h"
#include "common/sandbox/selftest.h"
#include "pkgtorrentd/cache/store_dir.h"

#define COMPLAIN_MS	60000
#define TRIES		3

void
store_complain(struct store *st, enum store_complaint kind, const char *what,
    const char *name)
{
	char text[512];
	uint64_t *count = &st->complaints[kind].count;

	(*count)++;
	/* To have no room is what a limit is for. */
	st->errors += kind != STORE_NO_ROOM;
	if (!log_once(&st->complaints[kind].last_ms, COMPLAIN_MS, clock_ms()))
		return;
	log_warn("%s: %s (%" PRIu64 " such since the last line like this)",
	    log_escape(text, sizeof(text), name, strlen(name)), what, *count);
	*count = 0;
}

void
store_complain_write(struct store *st, const char *name)
{
	char what[192];
	struct stat sb;
	int error = errno;

	if (fstat(st->dirfd, &sb) == 0 && sb.st_nlink == 0) {
		store_complain(st, STORE_GONE, "not stored: the cache "
		    "directory was removed; restart the service", name);
		return;
	}
	snprintf(what, sizeof(what), "not stored: %s%s", strerror(error),
	    selftest_hint(error));
	store_complain(st, STORE_NOT_WRITTEN, what, name);
}

uint64_t
store_bytes(const struct stat *sb)
{
	return (uint64_t)sb->st_blocks * 512;
}

/* During a count we cannot know whether it has passed here: it errs to the
   safe side, what is added counts and what is removed does not. */
void
store_add(struct store *st, uint64_t bytes)
{
	st->used += bytes;
	if (st->counting)
		st->count_used += bytes;
}

void
store_sub(struct store *st, uint64_t bytes)
{
	st->used -= bytes < st->used ? bytes : st->used;
}

static void
lose_entry(struct store *st)
{
	if (st->entries > 0)
		st->entries--;
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

bool
store_is_lack(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM ||
	    error == ENOBUFS || error == EINTR || error == EAGAIN;
}

bool
store_is_temporary(const char *name)
{
	return strncmp(name, STORE_TEMPORARY, strlen(STORE_TEMPORARY)) == 0;
}

/* A mirror directory might begin so too: nothing but digits follows. */
bool
store_is_aside(const char *name)
{
	return strncmp(name, STORE_ASIDE, strlen(STORE_ASIDE)) == 0 &&
	    name[strspn(name + strlen(STORE_ASIDE), "0123456789-") +
	    strlen(STORE_ASIDE)] == '\0';
}

enum store_owner
store_owner(int dirfd, const char *name, bool unfinished)
{
	enum store_owner owner = STORE_OTHER;
	uint8_t head[ENTRY_PEEK], end;
	struct stat sb;
	ssize_t n;
	int fd;

	fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW |
	    O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		return STORE_OTHER;
	n = pread(fd, head, sizeof(head), 0);
	if (n > 0 && entry_has_magic(head, (size_t)n))
		owner = STORE_OURS;
	else if (n > 0 && entry_is_pickle(head, (size_t)n) && (unfinished ||
	    (fstat(fd, &sb) == 0 && pread(fd, &end, 1, sb.st_size - 1) == 1 &&
	    end == ENTRY_PICKLE_END)))
		owner = STORE_ORIGINAL;
	close(fd);
	return owner;
}

/*
 * A directory in the way may be large: it is moved aside at once, and the
 * sweep removes it in its turns.
 */
static int
move_aside(struct store *st, int dirfd, const char *name)
{
	char aside[64];
	int tries;

	for (tries = 0; tries < TRIES; tries++) {
		snprintf(aside, sizeof(aside), STORE_ASIDE "%" PRIu64 "-%u",
		    (uint64_t)clock_real_ns(), st->aside++);
		if (renameat(dirfd, name, dirfd, aside) == 0)
			return 0;
		if (errno != EEXIST && errno != ENOTEMPTY)
			break;
	}
	return -1;
}

/* Whatever has this name goes. */
int
store_clear(struct store *st, int dirfd, const char *name)
{
	struct stat sb;

	if (fstatat(dirfd, name, &sb, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : -1;
	if (S_ISDIR(sb.st_mode))
		return move_aside(st, dirfd, name);
	if (S_ISREG(sb.st_mode) &&
	    store_owner(dirfd, name, true) == STORE_ORIGINAL)
		st->originals++;
	if (unlinkat(dirfd, name, 0) == -1)
		return -1;
	if (S_ISREG(sb.st_mode)) {
		store_sub(st, store_bytes(&sb));
		lose_entry(st);
	}
	return 0;
}

void
store_add_growth(struct store *st, int dirfd, uint64_t before)
{
	struct stat sb;

	if (fstat(dirfd, &sb) == 0 && store_bytes(&sb) > before)
		store_add(st, store_bytes(&sb) - before);
}

/* One directory, made if it is missing; a file in its place goes. */
static int
make_dir(struct store *st, int dirfd, const char *name)
{
	struct stat parent = { 0 };
	bool made = false;
	int fd, tries;

	for (tries = 0; tries < TRIES; tries++) {
		fd = store_open_beneath(dirfd, name, O_PATH | O_DIRECTORY);
		if (fd != -1) {
			if (made) {
				store_add_growth(st, fd, 0);
				store_add_growth(st, dirfd,
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
		    store_clear(st, dirfd, name) == -1)
			return -1;
	}
	return -1;
}

static int
make_dirs(struct store *st, const char *path)
{
	char name[256];
	size_t len;
	int fd = st->dirfd, next, error;

	do {
		len = strcspn(path, "/");
		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		next = make_dir(st, fd, name);
		error = errno;
		if (fd != st->dirfd)
			close(fd);
		fd = next;
		path += len + (path[len] == '/');
	} while (fd != -1 && *path != '\0');
	errno = error;
	return fd;
}

void
store_make_trees(struct store *st)
{
	static const char *const names[] = { "info", "pieces" };
	size_t i;
	int fd;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		fd = make_dir(st, st->dirfd, names[i]);
		if (fd == -1)
			store_complain_write(st, names[i]);
		else
			close(fd);
	}
}

/* The directory of an entry; *last is the entry's name in it. */
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

void
store_remove(struct store *st, const char *name)
{
	const char *last;
	int dirfd;

	dirfd = store_open_parent(st, name, false, &last);
	if (dirfd == -1)
		return;
	if (store_clear(st, dirfd, last) == -1)
		store_complain_write(st, name);
	close(dirfd);
}
