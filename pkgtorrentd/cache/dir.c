/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "pkgtorrentd/cache/dir.h"
#include "pkgtorrentd/cache/store.h"

int
dir_open(struct dir *dir, int at, const char *name)
{
	dir->fd = store_open_beneath(at, name, O_RDONLY | O_DIRECTORY);
	dir->at = dir->len = 0;
	return dir->fd == -1 ? -1 : 0;
}

const struct dirent64 *
dir_next(struct dir *dir)
{
	const struct dirent64 *d;
	ssize_t n;

	if (dir->at == dir->len) {
		n = getdents64(dir->fd, dir->names, sizeof(dir->names));
		if (n == 0 || (n == -1 && errno == ENOENT))
			errno = 0;
		if (n <= 0)
			return NULL;
		dir->at = 0;
		dir->len = (size_t)n;
	}
	d = (const struct dirent64 *)(const void *)(dir->names + dir->at);
	dir->at += d->d_reclen;
	return d;
}

void
dir_close(struct dir *dir)
{
	if (dir->fd != -1)
		close(dir->fd);
	dir->fd = -1;
}
