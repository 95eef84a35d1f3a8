/* SPDX-License-Identifier: ISC */
/*
 * Packs as a test finds them in the directory "cache": files of a root without
 * a prefix.
 */
#ifndef PACK_RIG_H
#define PACK_RIG_H

#include "pkgtorrentd/cache/pack.h"

/* A record in its pack. */
struct packed {
	struct pack_list list;		/* in the bytes of the pack */
	uint64_t	 offset;
	uint64_t	 len;		/* up to the next record */
	uint16_t	 day;		/* of the last use */
};

/* "cache/pieces/...", the pack of a file; until eight more are asked for. */
const char *pack_path(const char *path, uint32_t piece_len);
/* The identifier of that pack. */
struct pack_id pack_id_of(const char *path, uint32_t piece_len);

/* Makes the pack of a directory with n files, "0" and so on, of which each has
   this list. */
void	make_pack(const char *dir, uint32_t piece_len, unsigned n,
	    struct pack_list);

/* Reads a whole file; no bytes if there is none.  The buffer is freed first. */
void	read_file(const char *path, struct buf *);

/*
 * The next whole record of a pack from *at on, which becomes the end of it.
 * false: there is none.  *junk is increased by the bytes that are no whole
 * record.
 */
bool	pack_next(const struct buf *, const struct pack_id *, uint64_t *at,
	    uint64_t *junk, struct packed *);
/* Where the first record is: behind the head, which must be good. */
uint64_t pack_first(const struct buf *, const struct pack_id *);

/* The last record of a file; its list is void.  false: it has none. */
bool	find_packed(const char *path, uint32_t piece_len, struct packed *);
/* The same for a record that will be there. */
struct packed await_packed(const char *path, uint32_t piece_len);
/* The number of whole records in the pack of a file. */
unsigned count_packed(const char *path, uint32_t piece_len);

/* Days since the last use of a file's record, which must be there. */
unsigned days_of(const char *path, uint32_t piece_len);
/* Sets them, and the mtime of the pack to the latest use in it. */
void	set_days(const char *path, uint32_t piece_len, unsigned days);

#endif
