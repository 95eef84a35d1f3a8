/* SPDX-License-Identifier: ISC */
/*
 * A cache at work: cache_main() in a process of its own, its parent and its
 * front played by the test, which has the key and so can seal as walkers and
 * hashers do.
 */
#ifndef CACHE_RIG_H
#define CACHE_RIG_H

#include <time.h>

#include "tests/lib/proc.h"

#define PIECE_LEN	(1U << 20)
#define DAY		86400

/* The figures of its status line. */
struct status {
	unsigned long	entries;
	unsigned long	used_kib;
	unsigned long	limit_kib;
	unsigned long	hits;
	unsigned long	misses;
	unsigned long	stored;
	unsigned long	errors;
	unsigned long	sweeps;
	unsigned long	expired;
	unsigned long	evicted;
};

struct cache_under_test {
	struct proc	 proc;
	struct channel	 front;		/* the test's end */
	uint8_t		*buf;
	uint64_t	 id;		/* of the last question */
	uint32_t	 piece;		/* enum piece_kind of infos */
	uint32_t	 flags;		/* CONF_PRIVILEGED */
};

/* A file of the mirror, as the test imagines it. */
struct mirror_file {
	const char	*path;
	struct identity	 identity;
};

/* How a PUT_PIECES lies; the honest one is all zero. */
struct put_lies {
	const char	*path;		/* said, the seal being for another */
	uint64_t	 size;		/* the same */
	uint64_t	 ino;
	bool		 no_mount;	/* … as if it did not matter */
	bool		 unsealed;	/* slices */
	uint32_t	 skip;		/* leave this slice out, from 1 on */
	uint32_t	 again;		/* send this one twice */
	bool		 beyond;	/* a sealed slice after the last */
	bool		 swapped;	/* the first two slices */
	bool		 no_padded;	/* no digest of the padded last piece */
	bool		 cut;		/* no last part */
	size_t		 junk;		/* bytes at the end of the last part */
};

/* A PUT_PIECES in the making. */
struct put {
	struct cache_under_test	*c;
	struct msg_put_pieces	 body;
	struct buf		 tail;
};

/* The cache's directory is "cache"; conf: further lines of the configuration.
   It is stopped at the end of the case, if not before, and may then be started
   again. */
void	cache_start(struct cache_under_test *, const char *conf);
void	cache_stop(struct cache_under_test *);
void	send_conf(struct cache_under_test *, const char *more);
/* Another channel to the front, as after a restart of the front. */
void	new_front(struct cache_under_test *);

struct status cache_status(struct cache_under_test *);
/* Waits until so many sweeps have ended. */
struct status wait_for_sweeps(struct cache_under_test *, unsigned long sweeps);
/* Counts a text in its log, once all that it has done is there. */
unsigned count_in_log(struct cache_under_test *, const char *text);

uint64_t digests_of(const struct mirror_file *, uint32_t piece_len);
/* Digests that follow from the identity, to be freed. */
uint8_t	*make_digests(const struct mirror_file *, uint32_t piece_len);

/* Sends a PUT_PIECES as the front does, in slices of at most slice_len pieces;
   lies: NULL for none. */
void	put_pieces(struct cache_under_test *, const struct mirror_file *,
	    uint32_t piece_len, uint32_t slice_len, const struct put_lies *);
/* Adds a whole file as one slice to the message; true: its walker's seal is
   good.  put_part() sends it. */
void	put_file(struct put *, const struct mirror_file *, uint32_t piece_len,
	    bool sealed);
/* Adds a slice, and first sends a part when it does not fit into the last. */
void	put_slice(struct put *, const struct msg_digests_item *,
	    const uint8_t *digests);
void	put_part(struct put *, bool more);

/* Asks for a file's digests and compares them; returns how many the cache
   knows. */
uint64_t get_pieces(struct cache_under_test *, const struct mirror_file *,
	    uint32_t piece_len);
/* Adds a file to the tail of a GET_PIECES. */
void	ask_file(struct buf *tail, uint32_t index, const struct mirror_file *);

/* The SHA-1 of the paths that were asked for. */
void	digest_of(const char *specs, uint8_t digest[SHA1_LEN]);
/* Adds a spec and its files to a listing. */
void	list_spec(struct buf *, uint32_t index, const char *spec,
	    const struct mirror_file *files, uint32_t n);
/* Sends a walker's whole listing; more: those of other walkers follow. */
void	put_listing(struct cache_under_test *, const uint8_t digest[SHA1_LEN],
	    const struct buf *listing, bool more);
/* Asks for the listing and the info dictionary of a digest; 1: found. */
int	get_info(struct cache_under_test *, const uint8_t digest[SHA1_LEN],
	    struct buf *listing, struct buf *info);
bool	knows_info(struct cache_under_test *, const uint8_t digest[SHA1_LEN]);

/* Has a file and its pieces remembered; digest: of its path. */
void	remember(struct cache_under_test *, const struct mirror_file *,
	    uint8_t digest[SHA1_LEN]);

/* The next answer to the front; false: the cache has closed the channel. */
bool	next_answer(struct cache_under_test *, struct msg *);
/* The cache has closed the channel and reported this fault; makes a new
   channel. */
void	expect_fault(struct cache_under_test *, enum msg_fault);

/* "cache/info/<digest>", until the next call. */
const char *info_path(const uint8_t digest[SHA1_LEN]);

/* Of files; age_s: since the last change. */
void	set_age(const char *path, time_t age_s);
time_t	age_of(const char *path);
bool	there(const char *path);
void	write_file(const char *path, const void *data, size_t len);

#endif
