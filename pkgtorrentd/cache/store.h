/* SPDX-License-Identifier: ISC */
/*
 * The files and directories in the cache's directory.  Entries are loaded,
 * saved, marked as used and removed here.  Every path is relative to the
 * directory's descriptor and no link is followed.  Nothing on disk is trusted:
 * an entry that is wrong in any way is a miss, is logged (once a minute per
 * kind, with a count) and is removed.
 */
#ifndef STORE_H
#define STORE_H

#include <sys/stat.h>

#include <errno.h>

#include "pkgtorrentd/cache/entry.h"

enum store_complaint {
	STORE_WRONG_INFO,	/* wrong entries */
	STORE_WRONG_PIECES,
	STORE_NOT_WRITTEN,	/* no space, no permission, I/O error */
	STORE_GONE,		/* the cache directory was removed */
	STORE_NO_ROOM,		/* cache-size */
	STORE_COMPLAINTS
};

/* The trees of the cache, each a directory. */
enum store_tree { STORE_INFO, STORE_PIECES, STORE_TREES };

/* The share, within that of pieces/, of lists of other lengths than
   piece-length. */
#define STORE_OTHERS	STORE_TREES
#define STORE_SHARES	(STORE_TREES + 1)

extern const char *const store_tree_names[STORE_TREES];

/*
 * The share of cache-size that a tree has.  No tree makes room for the other:
 * any client can fill info/ within seconds, and what it would remove of
 * pieces/ took minutes of hashing.
 */
struct store_share {
	uint64_t	 limit;		/* bytes */
	/*
	 * Bytes of the blocks of entries and directories, and the number of
	 * entries: as counted last, plus our changes since.  Before the first
	 * count, only our additions.
	 */
	uint64_t	 used;
	uint64_t	 entries;
	bool		 counted;
	bool		 counting;	/* a sweep is counting: */
	uint64_t	 count_used;
	uint64_t	 count_entries;
	uint64_t	 wanted;	/* bytes that found no room since the
					   last sweep */
	uint64_t	 pending;	/* bytes to be appended to packs, with
					   a block for each, or of an entry that
					   is written in parts */
};

struct store {
	int		 dirfd;
	/* The bytes of STORE_OTHERS count in STORE_PIECES, too. */
	struct store_share shares[STORE_SHARES];
	uint32_t	 piece_len;	/* piece-length; 0: none is another */
	uint64_t	 age_s;		/* cache-age */
	bool		 limits_changed; /* for the sweep: it becomes due */
	uint64_t	 entry_max;	/* bytes: the longest entry allowed */
	uint64_t	 originals;	/* files of the original that were
					   removed */
	uint64_t	 outdated;	/* entries of version 0.1.0, removed */
	uint64_t	 saves;
	uint64_t	 lost;		/* records of writes that failed */
	int		 lost_error;	/* errno of the last of these */
	uint64_t	 errors;	/* wrong entries and failed writes */
	uint64_t	 write_errors;	/* the latter */
	uint64_t	 sweeps;
	uint64_t	 expired;	/* entries not used for cache-age */
	uint64_t	 evicted;	/* entries removed for cache-size */
	int		 lockfd;	/* pieces/, locked; 0: not */
	uint64_t	 locked_ms;	/* when that was tried last */
	bool		 may_write;	/* it was not another one's then */
	bool		 lock_told;	/* that another one has it */
	char		 temporary[32];	/* name of an entry being written */
	char		 long_temporary[40]; /* of one written in parts */
	char		 pack_temporary[40]; /* of a pack that is shortened */
	unsigned	 aside;		/* directories moved aside so far */
	struct {
		uint64_t	last_ms;
		uint64_t	count;
	} complaints[STORE_COMPLAINTS];
};

/* Divide cache-size (bytes) among the trees. */
void	store_set_size(struct store *, uint64_t bytes);
/* Lists of other lengths than this one get a quarter of the share of pieces/.
   Until the next count all packs may be of another length. */
void	store_set_piece_len(struct store *, uint32_t);
/* Is this a pack, by its file name, of another length? */
bool	store_is_other(const struct store *, const char *name);
/* The shares together: limit, used, entries, counted. */
struct store_share store_total(const struct store *);

/*
 * Called in the sandbox, with dirfd and the limits set.  Try every system call
 * of the store; the process exits if one is refused.  Then, unless check (only
 * a configuration is checked), make info/ and pieces/ if they are missing, and
 * make and remove a test entry; if that fails, warn.
 */
void	store_start(struct store *, bool check);

/*
 * May this process write?  One service at a time does: the one that holds the
 * lock of pieces/.  Without it nothing is written, marked as used or removed,
 * which is logged; the lock is tried again each second.
 */
bool	store_may_write(struct store *);

/*
 * Open a file, without following links.  A descriptor, or -1: there is none,
 * and *wrong is NULL, or it is not a regular file of at most max bytes with one
 * link, and *wrong says why.
 */
int	store_open_file(struct store *, const char *name, int flags,
	    uint64_t max, struct stat *, const char **wrong);
/* Log that a file is wrong, and remove it. */
void	store_drop_wrong(struct store *, const char *name, const char *why);
void	store_complain(struct store *, enum store_complaint,
	    const char *problem, const char *name);
/* Log why the file of this name could not be written, by errno. */
void	store_complain_write(struct store *, const char *name);
/* The same for a file that could not be removed, or looked at for that. */
void	store_complain_remove(struct store *, const char *name);
/* Open the directory of a file, and make it if make is set.  *last is the
   file's name in it.  A descriptor, or -1 with errno. */
int	store_open_parent(struct store *, const char *name, bool make,
	    const char **last);
/* Remove what is in the place of a file.  0, or -1 with errno. */
int	store_clear(struct store *, enum store_tree, int dirfd,
	    const char *name);
/* Is there room in a tree for so many bytes more?  If not, that is logged, and
   a sweep of the tree becomes due. */
bool	store_has_room(struct store *, enum store_tree, const char *name,
	    uint64_t need);
/* Would so many bytes more in a pack cause no sweep of its share? */
bool	store_has_spare(const struct store *, const char *name,
	    uint64_t need);
/* Count a change of a file in pieces/, or of a directory (name NULL): bytes of
   blocks, and entries. */
void	store_count(struct store *, const char *name, int64_t bytes,
	    int64_t entries);
/* So many bytes more (or less) are waiting to be appended to a pack. */
void	store_add_pending(struct store *, const char *name, int64_t bytes);
/* The bytes of a file's blocks, which some file systems allocate later. */
uint64_t store_file_bytes(const struct stat *);

/* An entry of info/ that is read in parts.  Begins as zeros. */
struct store_reading {
	uint8_t		 digest[SHA1_LEN];
	enum piece_kind	 piece;
	int		 fd;
	struct stat	 sb;
	struct buf	 data;
	struct sum	*sum;		/* of all but its last bytes */
};

/* 1: there is one, of sb.st_size bytes; 0: there is none. */
int	store_begin_reading(struct store *, const uint8_t digest[SHA1_LEN],
	    enum piece_kind, struct store_reading *);
/* Read and sum about this many bytes.  1: that was the end, 0: it goes on, -1:
   it cannot be read. */
int	store_read(struct store *, struct store_reading *, size_t most);
/*
 * After the end: check the entry and mark it as used.  1: *out points into
 * data.  0: it was wrong, and was removed.  *daily is set to true if the entry
 * had not been marked for a day.
 */
int	store_end_reading(struct store *, struct store_reading *,
	    struct entry_info *out, bool *daily);
/* Close and free; it may have ended, or not begun. */
void	store_stop_reading(struct store_reading *);

/*
 * Write an entry, completely or not at all; remove a file or directory in its
 * place.  0, or -1: it was not stored, which is logged (once a minute) and
 * counted.  A write over the tree's share is refused, and makes a sweep of the
 * tree due.
 */
int	store_save(struct store *, const char *name, const void *, size_t);

/* An entry that is written in parts, of which there may be one at a time.
   Begins as zeros. */
struct store_writing {
	const char	*temporary;	/* its name so far */
	int		 dirfd;		/* 0: it is not begun, or ended */
	int		 fd;
	size_t		 len;		/* bytes written */
	struct stat	 dir;		/* as it was before */
	struct store_share *share;	/* with so many bytes reserved; NULL:
					   none */
	uint64_t	 reserved;
};

/* Do the next part of store_save(), about this many bytes.  1: the entry is
   stored, 0: it goes on, and no other takes its room, -1: it was not stored, as
   above. */
int	store_save_part(struct store *, struct store_writing *,
	    const char *name, const void *, size_t len, size_t most);
/*
 * The parts of that: make a file under the temporary name, append to it, give
 * it its name.  0, or -1 with errno, and nothing is left.
 */
int	store_begin_writing(struct store *, struct store_writing *,
	    const char *name);
int	store_write(struct store_writing *, const void *, size_t);
int	store_end_writing(struct store *, struct store_writing *,
	    const char *name);
/* Give it up; it may have ended, or not begun. */
void	store_stop_saving(struct store_writing *);

/* Remove the file or directory of this name, if there is one.  0, or -1: it is
   there, which was logged. */
int	store_remove(struct store *, const char *name);

/*
 * Open a file or directory below dirfd.  No symbolic link and no ".." that
 * somebody may have put there leads out of it.  A descriptor, or -1 with errno.
 */
int	store_open_beneath(int dirfd, const char *name, int flags);

/* Is this errno a temporary lack of resources, not a fault of the entry? */
static inline bool
store_is_lack(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM ||
	    error == ENOBUFS || error == EINTR || error == EAGAIN;
}

/* Returns the owner of a file by its beginning.  A pickle must also have its
   end, unless unfinished: its name shows that the original wrote it. */
enum entry_owner store_owner(int dirfd, const char *name, bool unfinished);

/* A sweep begins above this size, so that writes rarely find no room. */
static inline uint64_t
store_high_water(const struct store_share *sh)
{
	return sh->limit - sh->limit / 20;
}

/* The bytes of a file's allocated blocks. */
static inline uint64_t
store_bytes(const struct stat *sb)
{
	return (uint64_t)sb->st_blocks * 512;
}

/*
 * Remove a file, or with AT_REMOVEDIR an empty directory, and subtract its
 * bytes from the tree's.  Returns true if it is gone.  Warns about a file that
 * cannot be removed.
 */
bool	store_unlink(struct store *, enum store_tree, int dirfd,
	    const char *name, int flags, uint64_t bytes);

#endif
