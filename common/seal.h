/* SPDX-License-Identifier: ISC */
/*
 * Seals: HMAC-SHA-256 under a key that the parent makes at start and gives to
 * walkers, hashers and the cache, never to the front.  The front carries
 * sealed statements between them and can neither make nor change one.  Each
 * statement begins with the number of its message, so that a seal of one kind
 * never passes for another.
 *
 * The statements, in the byte order of the machine, which both ends share:
 *
 *	uint32_t MSG_RESOLVED, SHA-256 of the listing
 *	uint32_t MSG_OPENED, struct identity, bytes of the path
 *	uint32_t MSG_DIGESTS, struct identity, uint32_t piece_len, first,
 *	    count, then count digests
 */
#ifndef SEAL_H
#define SEAL_H

#include "common/msg.h"

struct seal;		/* the key, ready for use */

/* Copies the key; NULL without memory.  Loads all that OpenSSL loads lazily;
   a later failure inside OpenSSL is fatal(). */
struct seal	*seal_new(const uint8_t key[SEAL_LEN]);
void		 seal_free(struct seal *);

/* MSG_RESOLVED: a walker resolved specs to a listing with this SHA-256. */
void	seal_listing(struct seal *, const uint8_t sha256[SEAL_LEN],
	    uint8_t out[SEAL_LEN]);
/* MSG_OPENED: a walker opened the path and saw this identity. */
void	seal_file(struct seal *, const void *path, size_t len,
	    const struct identity *, uint8_t out[SEAL_LEN]);
/*
 * MSG_DIGESTS: a hasher read count pieces from the piece first on.  The
 * file's identity was the same before and after, and settled.
 */
void	seal_digests(struct seal *, const struct identity *,
	    uint32_t piece_len, uint32_t first, uint32_t count,
	    const uint8_t *digests, uint8_t out[SEAL_LEN]);

/* 1 if equal, in constant time. */
int	seal_equal(const uint8_t a[SEAL_LEN], const uint8_t b[SEAL_LEN]);

/* SHA-256 of listings and entries, SHA-1 of path digests.  The first SHA-256
   fetches the algorithm, which is impossible in the sandbox. */
void	sha256(const void *, size_t, uint8_t out[SEAL_LEN]);
void	sha1(const void *, size_t, uint8_t out[SHA1_LEN]);

/* A SHA-1 or SHA-256 in parts.  NULL without memory.  sum_end() frees it and
   writes the digest, unless out is NULL. */
struct sum;
struct sum *sum_new(bool is_sha1);
void	sum_add(struct sum *, const void *, size_t);
void	sum_end(struct sum *, uint8_t *out);

#endif
