/*
 * The files and directories below the cache's directory: entries are loaded,
 * saved, marked as used and removed here and nowhere else.  Everything is
 * relative to the directory's descriptor, follows no link, and believes
 * nothing that it finds: what is wrong in any way is a miss, is logged (once
 * a minute per kind, with a count) and is removed.
 */
#ifndef STORE_H
#define STORE_H

#include <sys/stat.h>

#include "pkgtorrentd/cache/entry.h"

enum store_complaint {
	STORE_WRONG_INFO,	/* entries that were not what they should be */
	STORE_WRONG_PIECES,
	STORE_NOT_WRITTEN,	/* no space, no permission, an I/O error */
	STORE_GONE,		/* the cache's directory itself */
	STORE_NO_ROOM,		/* cache-size */
	STORE_COMPLAINTS
};

struct store {
	int		 dirfd;
	uint64_t	 limit;		/* bytes: cache-size */
	uint64_t	 entry_max;	/* bytes: no entry is longer */
	/*
	 * Blocks of entries and directories, in bytes, and entries: as last
	 * counted, and what we changed since.  Before the first count only
	 * what we added is known.
	 */
	uint64_t	 used;
	uint64_t	 entries;
	bool		 counted;
	bool		 counting;	/* a count is under way: */
	uint64_t	 count_used;
	uint64_t	 count_entries;
	uint64_t	 wanted;	/* bytes refused since the last sweep */
	uint64_t	 originals;	/* the original's files, removed */
	uint64_t	 saves;
	uint64_t	 errors;	/* wrong entries and failed writes */
	uint64_t	 sweeps;
	uint64_t	 expired;	/* entries not used for cache-age */
	uint64_t	 evicted;	/* entries removed for cache-size */
	char		 temporary[32];	/* name of an entry being written */
	unsigned	 aside;		/* directories moved aside so far */
	struct {
		uint64_t	last_ms;
		uint64_t	count;
	} complaints[STORE_COMPLAINTS];
};

/* Before the sandbox; the caller sets dirfd and the limits after it. */
void	store_init(struct store *);
/*
 * In the sandbox: try every system call of the store; the process ends if one
 * is refused.  Unless only to check a configuration, then make info/ and
 * pieces/ if they are missing, and make and remove an entry beside all others;
 * a warning if that fails.
 */
void	store_start(struct store *, bool check);

/*
 * 1: *out points into b, which is overwritten; and the entry is marked as
 * used.  0: there is none, or none of this identity.  *daily is set to true
 * when it had not been marked for a day.
 */
int	store_load_info(struct store *, const uint8_t digest[SHA1_LEN],
	    struct buf *b, struct entry_info *out, bool *daily);
int	store_load_pieces(struct store *, const void *path, size_t path_len,
	    uint32_t piece_len, const struct identity *, struct buf *b,
	    struct entry_pieces *out);

/*
 * Write an entry, whole or not at all; what stands in its way is removed.
 * 0, or -1: it was not stored, which was said (once a minute) and counted.
 * A write that would exceed the limit is refused and asks for a sweep.
 */
int	store_save(struct store *, const char *name, const void *, size_t);

/* Mark as used, if that was not done for a day. */
void	store_touch(struct store *, const char *name);
/* Remove whatever has this name, if anything has. */
void	store_remove(struct store *, const char *name);

/*
 * The only way in: whatever somebody may have put below our directory, no
 * link and no ".." leads out of it.  A descriptor, or -1 with errno.
 */
int	store_open_beneath(int dirfd, const char *name, int flags);

/* An errno that says nothing about an entry: a lack that passes. */
bool	store_is_lack(int error);


/*
 * Whose a file is: by its beginning, and a pickle by its end too, unless a
 * name that only the original gave allows one that was never finished.
 */
enum entry_owner store_owner(int dirfd, const char *name, bool unfinished);

/* Bytes of allocated blocks. */
static inline uint64_t
store_bytes(const struct stat *sb)
{
	return (uint64_t)sb->st_blocks * 512;
}

/*
 * Remove a file, or with AT_REMOVEDIR an empty directory, of so many bytes.
 * Returns whether it is gone; for a file that stays, a warning is logged.
 */
bool	store_unlink(struct store *, int dirfd, const char *name, int flags,
	    uint64_t bytes);

#endif
