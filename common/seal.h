/* SPDX-License-Identifier: ISC */
/*
 * Seals: HMAC-SHA-256 by which walkers, hashers and the cache believe each
 * other although the front carries all statements between them.  Each pair of a
 * sealer and a reader has a key of its own for the files of each root (enum
 * seal_pair), and the front has none: so no process can speak for another, nor
 * the walker of one root about another.  The parent derives all keys from one
 * secret, which it renews for each front.  Each statement begins with the
 * number of its message, so that a seal of one kind never passes for another.
 *
 * The statements, in the byte order of the machine, which both ends share:
 *
 *	uint32_t MSG_RESOLVED, SHA-256 of the listing
 *	uint32_t MSG_OPENED, struct identity, seal_path()
 *	uint32_t MSG_DIGESTS, struct identity, seal_path(),
 *	    uint32_t piece_len, first, count, then count digests
 */
#ifndef SEAL_H
#define SEAL_H

#include <stdbool.h>

#include "common/msg.h"

/* The keys of a process, by the number of the root; a walker has those of its
   own root as number 0. */
struct seal_keys {
	uint32_t	n[SEAL_PAIRS];
	uint8_t		v[SEAL_PAIRS][KEYS_MAX][SEAL_LEN];
};

/* Does a process of this role seal or read seals of this pair?  False for a
   number that is no pair. */
bool	seal_concerns(enum role, uint32_t pair);
/* A key, or NULL: this process has none of that number. */
const uint8_t *seal_key(const struct seal_keys *, enum seal_pair, size_t);
/*
 * Derive a key from a secret of SEAL_LEN bytes and a name: HKDF-SHA-256 (RFC
 * 5869) without salt.  The first call loads the algorithm.
 */
void	seal_derive(const uint8_t secret[SEAL_LEN], const void *name,
	    size_t len, uint8_t key[SEAL_LEN]);

/* SHA-256 of a root's prefix, a NUL and a path: it stands for the path in
   seals, because the paths of a batch do not fit a message. */
void	seal_path(const char *prefix, const void *path, size_t len,
	    uint8_t sum[SEAL_LEN]);

/* MSG_RESOLVED: a walker resolved specs to a listing with this SHA-256. */
void	seal_listing(const uint8_t key[SEAL_LEN],
	    const uint8_t sha256[SEAL_LEN], uint8_t out[SEAL_LEN]);
/* MSG_OPENED: a walker opened the path and saw this identity. */
void	seal_file(const uint8_t key[SEAL_LEN],
	    const uint8_t path_sum[SEAL_LEN], const struct identity *,
	    uint8_t out[SEAL_LEN]);
/*
 * MSG_DIGESTS: a hasher read count pieces from the piece first on, of a file
 * that a walker had sealed for it as this path.  The file's identity was the
 * same before and after, and settled.
 */
void	seal_digests(const uint8_t key[SEAL_LEN],
	    const uint8_t path_sum[SEAL_LEN], const struct identity *,
	    uint32_t piece_len, uint32_t first, uint32_t count,
	    const uint8_t *digests, uint8_t out[SEAL_LEN]);

/*
 * A token: the first SEAL_TOKEN_LEN bytes of HMAC-SHA-256 of an info hash under
 * the tracker's key.  It is public, and says that the torrent was made here.
 */
#define SEAL_TOKEN_LEN	8
void	seal_token(const uint8_t key[SEAL_LEN],
	    const uint8_t info_hash[SHA1_LEN], uint8_t out[SEAL_TOKEN_LEN]);

/* 1 if equal, in constant time. */
int	seal_equal(const uint8_t a[SEAL_LEN], const uint8_t b[SEAL_LEN]);
int	seal_token_equal(const uint8_t a[SEAL_TOKEN_LEN],
	    const uint8_t b[SEAL_TOKEN_LEN]);

/* SHA-256 of listings and entries, SHA-1 of path digests. */
void	sha256(const void *, size_t, uint8_t out[SEAL_LEN]);
/* SHA-256 of a, then b. */
void	sha256_both(const void *a, size_t a_len, const void *b, size_t b_len,
	    uint8_t out[SEAL_LEN]);
void	sha1(const void *, size_t, uint8_t out[SHA1_LEN]);

/* A SHA-1 or SHA-256 in parts.  NULL without memory.  sum_end() frees it and
   writes the digest, unless out is NULL. */
struct sum;
struct sum *sum_new(bool is_sha1);
void	sum_add(struct sum *, const void *, size_t);
void	sum_end(struct sum *, uint8_t *out);

#endif
