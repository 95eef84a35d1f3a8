/* SPDX-License-Identifier: ISC */
/*
 * From specs to the listings of the walkers, to a job's files, and from these,
 * or from an entry of the cache, to a torrent.  The order of the steps, and
 * the waiting, is in job.c.
 */
#ifndef JOB_FILES_H
#define JOB_FILES_H

#include "common/conf/conf.h"
#include "common/listing.h"
#include "common/metalink.h"
#include "common/torrent.h"
#include "pkgtorrentd/front/job/hashq.h"
#include "pkgtorrentd/front/job/hot.h"

/* For the client, with 413: its info dictionary is longer than max-torrent. */
#define JOB_FILES_TOO_LONG	"the torrent would be too large; ask for " \
    "fewer files"

/* One walker's share of the specs, and its listing of them. */
struct share {
	bool		 used;		/* the walker has specs */
	bool		 pending;	/* the walker has not answered */
	bool		 known;		/* sha256 is of an older listing */
	bool		 same;		/* no file has changed */
	bool		 young;		/* an empty file is new */
	struct ask	 ask;		/* while it is pending */
	uint8_t		 sha256[SEAL_LEN];
	uint8_t		 seal[SEAL_LEN];
	struct buf	 listing;	/* the records of the last answer */
	struct buf	 next;		/* of the answer coming in */
};

struct job_file {
	const char	*path;		/* in the listing */
	uint32_t	 path_len;
	struct identity	 identity;
	uint32_t	 first;		/* the same file before, or itself */
	struct pieces	*pieces;	/* NULL: not known yet */
	uint32_t	 got;		/* digests so far, from the cache */
	bool		 answered;	/* by the cache */
	bool		 imported;	/* its pieces, and not rechecked */
	struct hash_waiter waiter;	/* while it is hashed */
};

struct job_files {
	struct share	*shares;	/* one per walker */
	size_t		 nshares;
	struct job_file	*v;
	uint32_t	 n;
	uint64_t	 bytes;		/* of content */
	uint64_t	 info_len;	/* bytes of info dictionary */
	uint64_t	 pieces_len;	/* bytes of all lists of pieces */
	struct metalink_size meta;	/* unless the multi form or another
					   piece length is a must */
	uint32_t	 piece_len;	/* bytes */
	bool		 multi;		/* the torrent has the multi form */
	bool		 settled;	/* the torrent may be remembered */
	bool		 by_mount;	/* until the mounts change */
	bool		 imported;	/* it is made of imported pieces */
	bool		 complete;	/* every spec is in a listing */
	const struct buf *listing;	/* all shares in the order of specs */
	struct buf	 merged;	/* of several shares */
};

/* The status and text of a refusal; retry_s 0: trying again does not help. */
struct job_refusal {
	int		 status;
	uint32_t	 retry_s;
	const char	*why;
};

/*
 * A share for each root of the configuration, and no files yet; old is the
 * torrent that is remembered, or NULL.  0, or -1 without memory.
 */
int	job_files_start(struct job_files *, const struct specs *,
	    const struct conf *, const struct torrent *old);
/* Free files and listings; files that are being hashed are waited for no
   longer.  The shares stay, for their requests. */
void	job_files_trim(struct job_files *);
/* Free all of it. */
void	job_files_free(struct job_files *);
/* The number of specs in a walker's share (-1: of all specs), and the first
   of them. */
uint32_t job_files_count_share(const struct specs *, const struct conf *,
	    int walker, struct str *first);
/* Send a walker its share of the specs under the job's id, for the client's
   turns.  0, or -1 without memory. */
int	job_files_ask_walker(struct job_files *, const struct specs *,
	    const struct conf *, struct worker *, uint32_t walker,
	    uint64_t id, uint32_t client);
/*
 * A walker's answer, after its listing has arrived in next.  *refusal is set
 * if it could not make one, or NULL.  false: it is not an answer to this
 * request.
 */
bool	job_files_take_resolved(struct job_files *, const struct specs *,
	    const struct conf *, uint32_t walker, const struct msg_resolved *,
	    const struct job_refusal **refusal);
/*
 * Read the files of all shares, which keep the listings; the key has the form
 * and piece length of the torrent.  0, or the status and *why that clients get:
 * 403 or 404 when there is no file, 400, 413, or 500 without memory.
 */
int	job_files_take(struct job_files *, const struct conf *,
	    const struct specs *, const struct torrent_key *,
	    const char **why);
/* The bytes of memory that making the torrent takes: all lists of pieces, and
   the dictionary that they are copied to. */
uint64_t job_files_size(const struct job_files *);
/* Ask the cache for the pieces of *asked files, in the client's turns: all that
   it has not answered for.  0, or -1 without memory. */
int	job_files_ask_pieces(struct job_files *, struct worker *cache,
	    uint64_t id, uint32_t client, uint32_t *asked);
/*
 * The tail of a MSG_PIECES with count items, for files that the cache had not
 * answered for.  Returns for how many it has answered completely now, or -1
 * if the tail is wrong.
 */
int	job_files_take_pieces(struct job_files *, uint32_t count,
	    const uint8_t *tail, size_t len);
/* The same for files that were trimmed, of any content. */
uint32_t job_files_skip_pieces(uint32_t count, const uint8_t *tail,
	    size_t len);
/* Share the pieces that are known with files that are named again. */
void	job_files_share(struct job_files *);
/*
 * Send the cache each walker's sealed listing, to make its entry from in the
 * client's turns.  Nothing is sent if a spec is in no listing: no walker has
 * sealed that it is missing.
 */
void	job_files_put(const struct job_files *, const struct specs *,
	    enum piece_kind, struct worker *cache, uint32_t client);
/* The length of "/first" in "/first/rest"; 0 without rest. */
size_t	job_files_first_len(const char *path, size_t len);
/* The files as torrent.h takes them, to be freed; NULL without memory. */
struct torrent_file *job_files_describe(const struct job_files *);
struct torrent_params job_files_params(const struct job_files *,
	    const struct conf *);

#endif
