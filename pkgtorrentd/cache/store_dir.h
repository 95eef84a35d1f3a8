/*
 * Below the store: its directories, whose files lie in them, and how many
 * bytes that is.  For the store and the sweep.
 */
#ifndef STORE_DIR_H
#define STORE_DIR_H

#include <sys/stat.h>

#include "pkgtorrentd/cache/store.h"

/*
 * The only way in: whatever somebody may have put below our directory, no
 * link and no ".." leads out of it.  A descriptor, or -1 with errno.
 */
int	store_open_beneath(int dirfd, const char *name, int flags);
/* The directory of an entry, perhaps made; *last is the entry's name in it.
   A descriptor to close, or -1 with errno. */
int	store_open_parent(struct store *, const char *name, bool make,
	    const char **last);
/* Whatever has this name goes.  0, or -1 with errno. */
int	store_clear(struct store *, int dirfd, const char *name);

/* Names that only we give: an entry being written, a directory that was in
   the way and waits for the sweep. */
#define STORE_TEMPORARY	".new-"
#define STORE_ASIDE	".old-"
/* An errno that says nothing about an entry: a lack that passes. */
bool	store_is_lack(int error);
bool	store_is_temporary(const char *name);
bool	store_is_aside(const char *name);

/*
 * Whose a file is: by its beginning, and a pickle by its end too, unless a
 * name that only the original gave allows one that was never finished.
 */
enum store_owner { STORE_OURS, STORE_ORIGINAL, STORE_OTHER };
enum store_owner store_owner(int dirfd, const char *name, bool unfinished);

/*
 * Bytes of allocated blocks: how many, more of them, fewer of them.  Open
 * directories grow with the names in them: by how much, since before.
 */
uint64_t store_bytes(const struct stat *);
void	store_add(struct store *, uint64_t bytes);
void	store_sub(struct store *, uint64_t bytes);
void	store_add_growth(struct store *, int dirfd, uint64_t before);

/* Say what is wrong with name, once a minute per kind, with a count; the
   second takes errno of a failed write. */
void	store_complain(struct store *, enum store_complaint,
	    const char *what, const char *name);
void	store_complain_write(struct store *, const char *name);

#endif
