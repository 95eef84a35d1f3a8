/*
 * A message MSG_HASH in the making: checked, read, hashed, answered.
 */
#ifndef BATCH_H
#define BATCH_H

#include "common/mounts.h"
#include "common/msg.h"
#include "common/seal.h"
#include "hasher/hash/read.h"
#include "hasher/hash/sha1_lanes.h"

#define PIECE_LEN_MIN	(16U << 10)
#define PIECE_LEN_MAX	(16U << 20)

/* Digests of a batch: of whole pieces, of partial ones, and of those padded. */
#define BATCH_DIGESTS	(SLICE_MIN / PIECE_LEN_MIN + 2 * HASH_RANGES)

struct slice {
	struct read_range	read;
	const struct fstype	*type;	/* where the file lies */
	uint64_t		size;	/* of the file as the front knows it */
	struct read_map		map;
	bool			mapped;
	enum digests_status	status;
	bool			settled;
	struct identity		identity;
	size_t			first_digest;	/* in batch.digests */
	uint32_t		count;		/* digests */
};

struct batch {
	uint64_t	id;
	uint32_t	piece_len;
	uint32_t	count;
	uint64_t	len;			/* bytes, all slices */
	struct slice	slices[HASH_RANGES];
};

/* What hashing needs and what it leaves: one for all batches. */
struct batch_work {
	struct sha1_lanes	*lanes;
	struct seal		*seal;
	const struct mounts	*mounts;
	struct sha1_job		 jobs[BATCH_DIGESTS];
	uint8_t			 digests[BATCH_DIGESTS][SHA1_LEN];
	uint8_t			 tail[MSG_TAIL_MAX];
	size_t			 tail_len;
};

/*
 * Check a MSG_HASH and take its descriptors; mounts learns where their files
 * lie.  0, or the fault, and then the descriptors stay the message's.
 */
enum msg_fault	batch_take(struct batch *, struct mounts *, struct msg *);

/* Have what is not in memory fetched. */
void	batch_read_ahead(struct batch *);

/* Read and hash; leaves the tail of MSG_DIGESTS in the work. */
void	batch_hash(struct batch *, struct batch_work *);

/* Close the descriptors of the batch. */
void	batch_close(struct batch *);

#endif
