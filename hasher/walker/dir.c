#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "hasher/walker/dir.h"

/* opendir(3) asks with fcntl(2) and its buffer is twice that: there may be
   hundreds of these. */
#define READ_BYTES	16384
#define CACHE_BYTES	(1 << 20)

void
dir_cache_free(struct dir_cache *cache)
{
	free(cache->path);
	cache->path = NULL;
	buf_free(&cache->names);
	cache->whole = false;
}

enum path_status
dir_open(struct dir *dir, struct root *root, const char *path, size_t len,
    bool follow, struct dir_cache *cache)
{
	enum path_status status;

	dir->fd = -1;
	dir->at = dir->len = 0;
	dir->error = 0;
	dir->filling = NULL;
	if (cache != NULL && cache->whole && strcmp(cache->path, path) == 0) {
		dir->names = cache->names.data;
		dir->len = cache->names.len;
		return PATH_OK;
	}
	status = root_open_dir(root, path, len, follow, &dir->fd);
	if (status != PATH_OK)
		return status;
	if (dir->room == NULL && (dir->room = malloc(READ_BYTES)) == NULL)
		fatal("no memory for a directory");
	dir->names = dir->room;
	if (cache != NULL) {
		dir_cache_free(cache);
		cache->path = strdup(path);
		dir->filling = cache->path != NULL ? cache : NULL;
	}
	return PATH_OK;
}

/* 0 at the end of the directory. */
static int
dir_fill(struct dir *dir)
{
	struct dir_cache	*cache = dir->filling;
	ssize_t			 n;

	if (dir->fd == -1)
		return 0;
	n = getdents64(dir->fd, dir->room, READ_BYTES);
	/* One that was removed has ended. */
	if (n == -1 && errno != ENOENT)
		dir->error = errno;
	dir->at = 0;
	dir->len = n > 0 ? (size_t)n : 0;
	if (cache != NULL && n == 0)
		cache->whole = true;
	else if (cache != NULL && (n == -1 ||
	    cache->names.len + dir->len > CACHE_BYTES ||
	    buf_add(&cache->names, dir->room, dir->len) == -1)) {
		dir_cache_free(cache);
		dir->filling = NULL;
	}
	return dir->len > 0;
}

static int
is_self_or_parent(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

const struct dirent64 *
dir_next(struct dir *dir)
{
	const struct dirent64	*entry;

	do {
		if (dir->at == dir->len && !dir_fill(dir))
			return NULL;
		entry = (const struct dirent64 *)(const void *)
		    (dir->names + dir->at);
		dir->at += entry->d_reclen;
	} while (is_self_or_parent(entry->d_name));
	return entry;
}

void
dir_close(struct dir *dir)
{
	if (dir->fd != -1)
		close(dir->fd);
	dir->fd = -1;
}

void
dir_free(struct dir *dir)
{
	free(dir->room);
	dir->room = NULL;
}
