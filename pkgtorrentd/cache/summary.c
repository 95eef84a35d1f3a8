/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/seal.h"
#include "pkgtorrentd/cache/summary.h"

#define NAME		"summary"
#define NEW_NAME	".new-summary"

/* The format on disk, without implicit padding. */
struct summary {
	uint8_t		magic[8];
	uint64_t	used[STORE_TREES];	/* bytes */
	uint64_t	entries[STORE_TREES];
	uint64_t	others;			/* bytes, of STORE_OTHERS: */
	uint64_t	piece_len;		/* other lengths than this */
	uint8_t		sum[SEAL_LEN];		/* SHA-256 of all before */
};

_Static_assert(sizeof(struct summary) == 56 + SEAL_LEN, "no padding");

/* The last byte is the version of the format. */
static const uint8_t magic[8] = { 'p', 'k', 'g', 's', 'u', 'm', '\n', 2 };

static void
fill(const struct store *st, struct summary *s)
{
	enum store_tree tree;

	memset(s, 0, sizeof(*s));
	memcpy(s->magic, magic, sizeof(s->magic));
	for (tree = 0; tree < STORE_TREES; tree++) {
		s->used[tree] = st->shares[tree].used;
		s->entries[tree] = st->shares[tree].entries;
	}
	s->others = st->shares[STORE_OTHERS].used;
	s->piece_len = st->piece_len;
	sha256(s, offsetof(struct summary, sum), s->sum);
}

void
summary_load(struct store *st)
{
	enum store_tree tree;
	const char *wrong;
	struct summary s;
	uint8_t sum[SEAL_LEN];
	struct stat sb;
	ssize_t n;
	int fd;

	fd = store_open_file(st, NAME, O_RDONLY, sizeof(s), &sb, &wrong);
	if (fd == -1)
		return;
	n = pread(fd, &s, sizeof(s), 0);
	close(fd);
	if (n != (ssize_t)sizeof(s) ||
	    memcmp(s.magic, magic, sizeof(magic)) != 0)
		return;
	sha256(&s, offsetof(struct summary, sum), sum);
	if (memcmp(sum, s.sum, sizeof(sum)) != 0)
		return;
	for (tree = 0; tree < STORE_TREES; tree++) {
		st->shares[tree].used = s.used[tree];
		st->shares[tree].entries = s.entries[tree];
		st->shares[tree].counted = true;
	}
	/* Of another piece-length, all may be lists of other lengths. */
	st->shares[STORE_OTHERS].used = s.piece_len == st->piece_len ?
	    s.others : s.used[STORE_PIECES];
	st->shares[STORE_OTHERS].counted = true;
}

void
summary_save(struct store *st)
{
	static struct summary saved;
	struct summary s;
	ssize_t n;
	int fd;

	fill(st, &s);
	if (memcmp(&s, &saved, sizeof(s)) == 0 || !store_may_write(st))
		return;
	(void)unlinkat(st->dirfd, NEW_NAME, 0);
	fd = openat(st->dirfd, NEW_NAME, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return;
	n = write(fd, &s, sizeof(s));
	/* Without the file the size is counted at the next start. */
	if (close(fd) == 0 && n == (ssize_t)sizeof(s) &&
	    renameat(st->dirfd, NEW_NAME, st->dirfd, NAME) == 0)
		saved = s;
	else
		(void)unlinkat(st->dirfd, NEW_NAME, 0);
}
