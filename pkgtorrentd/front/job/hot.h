/* SPDX-License-Identifier: ISC */
/*
 * Torrents in memory, ready to be sent, within a bound on their size; the
 * least recently used one is dropped first.
 */
#ifndef HOT_H
#define HOT_H

#include <sys/queue.h>
#include <sys/tree.h>

#include <stdbool.h>

#include "common/blob.h"
#include "common/conf/conf.h"
#include "common/held.h"
#include "common/metalink.h"
#include "common/msg.h"
#include "common/spec.h"
#include "common/str.h"

/*
 * The key of a torrent: the SHA-1 of its specs, whether the answer must have
 * the multi form (digest) or may have the single form (single and simple mode),
 * and its piece length.
 */
struct torrent_key {
	uint8_t		digest[SHA1_LEN];
	uint8_t		multi;
	uint8_t		piece;		/* enum piece_kind; PIECE_KINDS: of a
					   digest unknown at any length */
};

_Static_assert(sizeof(struct torrent_key) == SHA1_LEN + 2, "no padding");

/* The SHA-256 of one walker's listing of its share of the specs. */
struct listing_sha {
	uint32_t	walker;
	uint8_t		sha256[SEAL_LEN];
};

struct wraps;

struct torrent {
	struct held		 held;		/* first, to be found by it */
	bool			 multi;
	bool			 settled;	/* may be remembered */
	bool			 by_mount;	/* until its mounts change */
	uint32_t		 layout_epoch;	/* when it was made */
	uint32_t		 import_epoch;	/* the same, if of imported
						   pieces; else 0 */
	uint32_t		 piece_len;	/* bytes; 0: of the cache */
	struct specs		 specs;
	struct blob		*info;
	uint8_t			 info_hash[SHA1_LEN];
	char			 info_hash_hex[2 * SHA1_LEN + 1];
	char			*name;		/* of the .torrent file */
	char			*path;		/* of its only file, or NULL */
	/* For Metalinks, of a torrent that single mode may have asked for;
	   ends are of metalink_add_ends(). */
	struct metalink_size	 meta;
	struct buf		 ends;
	struct listing_sha	*shas;
	size_t			 nshas;
	uint64_t		 bytes;		/* of content */
	uint64_t		 checked_ms;	/* walkers last checked files */
	bool			 recheck;	/* the roots have changed */
	uint64_t		 touched_ms;	/* last MSG_TOUCH was sent */
	uint32_t		 whitelisted;	/* whitelist_mark(), or 0 */
	uint32_t		 hash_ms;
	/* The bytes around info for each kind of request, or NULL;
	   wraps_free() frees them with the torrent. */
	struct wraps		*wraps;
	void			(*wraps_free)(struct wraps *);
	size_t			 wraps_size;	/* bytes, of held.size */
};

struct hot_entry {
	RB_ENTRY(hot_entry)	 tree;
	TAILQ_ENTRY(hot_entry)	 lru;
	struct torrent_key	 key;
	struct torrent		*torrent;	/* NULL: not in the cache */
	uint64_t		 since_ms;
};

RB_HEAD(hot_tree, hot_entry);
TAILQ_HEAD(hot_lru, hot_entry);

struct hot {
	struct hot_tree	 tree;
	struct hot_lru	 lru;		/* least recently used first */
	/* Bytes; a torrent counts once, under however many keys. */
	size_t		 size;
	uint64_t	 max;
	uint32_t	 n;
};

/* The entry of a key, which counts as used now, or that of its unknown digest,
   or NULL. */
struct hot_entry *hot_find(struct hot *, const struct torrent_key *);
/* The specs of a torrent of this digest and form, of any piece length; or
   NULL. */
const struct specs *hot_find_specs(struct hot *, const struct torrent_key *);
/* Replace the key's entry and take a reference to the torrent; NULL: the cache
   has no torrent under this digest, of any piece length.  now is in ms.
   Without memory the key has no entry then. */
void		 hot_put(struct hot *, const struct torrent_key *,
		    struct torrent *, uint64_t now);
void		 hot_remove(struct hot *, const struct torrent_key *);
/* The same for all piece lengths. */
void		 hot_remove_all(struct hot *, const struct torrent_key *);
/* The digest of the key is not unknown any more. */
void		 hot_remove_unknown(struct hot *, const struct torrent_key *);
/* Drop the torrents of files that are known by their mounts. */
void		 hot_forget_mounts(struct hot *);
/* Drop the torrents of imported pieces. */
void		 hot_forget_imported(struct hot *);
/*
 * Another configuration.  Torrents that may be wrong or too large under it are
 * dropped.  If only the roots differ, the torrents of walkers that stay
 * get the new epoch and are to be checked before they are sent again.
 */
void		 hot_set_conf(struct hot *, const struct conf *old,
		    const struct conf *, uint32_t layout_epoch);
/* Does the torrent have a file in this tree?  In doubt it does. */
bool		 torrent_touches(const struct torrent *, struct str tree);
/* A place among the torrents in hot memory; it begins as zeros: before the
   first. */
struct hot_place {
	bool			 begun;
	struct torrent_key	 key;
};
/*
 * Drop torrents with a file in a tree: of those behind the place, which moves,
 * until this time of clock_us(), and one more.  true: that was the last.  *n
 * grows by their number.
 */
bool		 hot_purge(struct hot *, struct str tree, struct hot_place *,
		    uint64_t ends_us, uint64_t *n);
/* The wraps of a torrent, which may be in hot memory or not, have so many
   bytes now.  Torrents may be dropped from there, this one too. */
void		 hot_set_wraps(struct hot *, struct torrent *, size_t);

/* The bytes that an allocation takes, with the allocator's own. */
#define HOT_ALLOCATED(n) ((n) + 2 * sizeof(size_t))

struct torrent	*torrent_new(void);	/* NULL without memory */
struct torrent	*torrent_ref(struct torrent *);
void		 torrent_unref(struct torrent *);

#endif
