/*
 * Seals: HMAC-SHA-256 under a key that the parent makes at start and gives to
 * walkers, hashers and the cache, never to the front.  The front carries
 * sealed statements between them and can neither make nor change one.  Each
 * seal begins with the number of the message that states it, so that one kind
 * never passes for another.
 *
 * What is sealed, in the byte order of the machine, which both ends share:
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

/* Copies the key; NULL without memory.  Everything lazy is done here; after
   it a failure inside OpenSSL is fatal(). */
struct seal	*seal_new(const uint8_t key[SEAL_LEN]);
void		 seal_free(struct seal *);

/* MSG_RESOLVED: a walker resolved specs to the listing of this SHA-256. */
void	seal_listing(struct seal *, const uint8_t sha256[SEAL_LEN],
	    uint8_t out[SEAL_LEN]);
/* MSG_OPENED: a walker opened the path and saw this identity. */
void	seal_file(struct seal *, const void *path, size_t len,
	    const struct identity *, uint8_t out[SEAL_LEN]);
/*
 * MSG_DIGESTS: a hasher read pieces first… of the file with this identity,
 * which was the same before and after and settled.
 */
void	seal_digests(struct seal *, const struct identity *,
	    uint32_t piece_len, uint32_t first, uint32_t count,
	    const uint8_t *digests, uint8_t out[SEAL_LEN]);

/* 1 if equal, in constant time. */
int	seal_equal(const uint8_t a[SEAL_LEN], const uint8_t b[SEAL_LEN]);

/* SHA-256 and SHA-1 of one buffer, fetched once: for listings, entries and
   path digests.  digest_warm_up() does the fetching before lockdown. */
void	digest_warm_up(void);
void	sha256(const void *, size_t, uint8_t out[SEAL_LEN]);
void	sha1(const void *, size_t, uint8_t out[SHA1_LEN]);

/* The same over parts.  sha256_new() returns NULL without memory;
   sha256_end() leaves it as new. */
struct sha256;
struct sha256	*sha256_new(void);
void		 sha256_reset(struct sha256 *);
void		 sha256_add(struct sha256 *, const void *, size_t);
void		 sha256_end(struct sha256 *, uint8_t out[SEAL_LEN]);
void		 sha256_free(struct sha256 *);

#endif
