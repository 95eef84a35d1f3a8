/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "common/need.h"
#include "common/torrent.h"
#include "common/tree_path.h"

#define BLOCK		4096	/* bytes; files have whole ones */
#define HEAD_LEN	40	/* of a pack, before the directory's path */
#define RECORD_LEN	48	/* of a record without name and digests */
#define ALIGN		4

/* The directories in pieces/ have an entry of 80 bytes for each pack, and are
   half full after they were split. */
#define DIRECTORIES	256
#define ENTRY_LEN	160

/* pieces/ has three quarters of cache-size, and a sweep begins when less than a
   twentieth of these is left. */
#define SHARE_PART	57
#define SHARE_OF	80

static uint64_t
round_up(uint64_t n, uint64_t unit)
{
	return (n + unit - 1) / unit * unit;
}

/* The bytes of a directory's path, without the slash behind it. */
static size_t
dir_len_of(struct str path)
{
	const char *slash = memrchr(path.p, '/', path.len);

	return slash == NULL ? 0 : (size_t)(slash - path.p);
}

static size_t
depth_of(const char *dir, size_t len)
{
	size_t depth = 0;

	while (len > 0)
		depth += dir[--len] == '/';
	return depth;
}

/* The walk has left a directory: its pack is complete. */
static void
close_pack(uint64_t *open, uint64_t *bytes, uint64_t *packs)
{
	if (*open > 0) {
		*bytes += round_up(*open, BLOCK);
		++*packs;
	}
	*open = 0;
}

/* Leave directories until this path is below the last one. */
static void
leave(struct need *need, struct str path)
{
	while (!tree_path_is_in(path, (struct str){ need->dir,
	    need->dir_len })) {
		close_pack(&need->open[depth_of(need->dir, need->dir_len)],
		    &need->bytes, &need->packs);
		need->dir_len = dir_len_of((struct str){ need->dir,
		    need->dir_len });
	}
}

void
need_add(struct need *need, struct str path, uint64_t size,
    uint32_t piece_len)
{
	size_t len = dir_len_of(path);
	uint64_t *open;

	leave(need, path);
	memcpy(need->dir, path.p, len);
	need->dir_len = len;
	open = &need->open[depth_of(path.p, len)];
	if (*open == 0)
		*open = HEAD_LEN + round_up(len, ALIGN);
	*open += round_up(RECORD_LEN + path.len - len - 1 +
	    torrent_digests(size, piece_len) * SHA1_LEN, ALIGN);
}

uint64_t
need_cache_size(const struct need *need)
{
	uint64_t bytes = need->bytes, packs = need->packs, open;
	size_t depth, last = depth_of(need->dir, need->dir_len);

	for (depth = 0; depth <= last; depth++) {
		open = need->open[depth];
		close_pack(&open, &bytes, &packs);
	}
	if (packs == 0)
		return 0;
	bytes += DIRECTORIES * BLOCK + packs * ENTRY_LEN;
	return bytes / SHARE_PART * SHARE_OF + SHARE_OF;
}
