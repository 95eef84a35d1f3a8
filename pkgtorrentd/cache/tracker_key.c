/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/conf/conf.h"
#include "common/log.h"
#include "pkgtorrentd/cache/tracker_key.h"

#define NEW_NAME	ENTRY_TEMPORARY CONF_KEY_NAME

#define LOG_INTERVAL_MS	60000

enum found { FOUND_KEY, FOUND_NOTHING, FOUND_WRONG };

void
tracker_key_init(struct tracker_key *key)
{
	memset(key, 0, sizeof(*key));
	arc4random_buf(key->bytes, sizeof(key->bytes));
}

static void
complain(struct tracker_key *key, const char *problem)
{
	if (log_once(&key->log_ms, LOG_INTERVAL_MS, clock_ms()))
		log_error(CONF_KEY_NAME " %s", problem);
}

static enum found
find(struct store *st, struct tracker_key *key, uint8_t bytes[SEAL_LEN])
{
	char problem[160];
	const char *wrong;
	struct stat sb;
	ssize_t n;
	int fd;

	fd = store_open_file(st, CONF_KEY_NAME, O_RDONLY, UINT64_MAX, &sb,
	    &wrong);
	if (fd == -1 && wrong == NULL && errno == ENOENT)
		return FOUND_NOTHING;
	if (fd == -1) {
		snprintf(problem, sizeof(problem), "cannot be read: %s",
		    wrong != NULL ? wrong : strerror(errno));
		complain(key, problem);
		return FOUND_WRONG;
	}
	n = pread(fd, bytes, SEAL_LEN, 0);
	close(fd);
	/* The machine went down before the bytes were on its disk. */
	if (n == 0 && sb.st_size == 0)
		return FOUND_NOTHING;
	if (n == SEAL_LEN && sb.st_size == SEAL_LEN)
		return FOUND_KEY;
	snprintf(problem, sizeof(problem), "has %lld bytes, and a key has %d: "
	    "take it back from a copy, or remove it, and torrents made before "
	    "are refused", (long long)sb.st_size, SEAL_LEN);
	complain(key, problem);
	return FOUND_WRONG;
}

/* Write the whole file or none.  0, or -1 with errno. */
static int
make(struct store *st, const uint8_t bytes[SEAL_LEN])
{
	int fd, error = 0;
	ssize_t n;

	(void)unlinkat(st->dirfd, NEW_NAME, 0);
	fd = openat(st->dirfd, NEW_NAME, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return -1;
	n = write(fd, bytes, SEAL_LEN);
	if (n != SEAL_LEN)
		error = n == -1 ? errno : ENOSPC;
	if (close(fd) == -1 && error == 0)
		error = errno;
	if (error == 0 && renameat(st->dirfd, NEW_NAME, st->dirfd,
	    CONF_KEY_NAME) == 0)
		return 0;
	if (error == 0)
		error = errno;
	(void)unlinkat(st->dirfd, NEW_NAME, 0);
	errno = error;
	return -1;
}

bool
tracker_key_read(struct store *st, struct tracker_key *key)
{
	uint8_t bytes[SEAL_LEN];
	enum found found;
	char problem[160];
	bool other;

	memcpy(bytes, key->bytes, SEAL_LEN);
	found = find(st, key, bytes);
	key->wrong = found == FOUND_WRONG;
	/* The one service that writes makes it, the others find it. */
	if (found == FOUND_WRONG ||
	    (found == FOUND_NOTHING && !store_may_write(st)))
		return false;
	if (found == FOUND_NOTHING && make(st, key->bytes) == -1) {
		snprintf(problem, sizeof(problem), "cannot be made: %s",
		    strerror(errno));
		complain(key, problem);
		return false;
	}
	if (found == FOUND_NOTHING)
		log_info(CONF_KEY_NAME " was written to the cache; keep it, or "
		    "torrents made before are refused");
	other = !key->known || memcmp(key->bytes, bytes, SEAL_LEN) != 0;
	memcpy(key->bytes, bytes, SEAL_LEN);
	key->known = true;
	explicit_bzero(bytes, sizeof(bytes));
	return other;
}
