/* SPDX-License-Identifier: ISC */
/*
 * For tests of the hasher: hasher_main() in a process of its own, behind its
 * sandbox; the test plays parent and front.
 */
#ifndef HASH_RIG_H
#define HASH_RIG_H

#include "tests/lib/proc.h"

#define PIECE		(64U << 10)
#define MIB		(1U << 20)
#define HASH_INDEX	7		/* of the front, as we tell it */
#define HASH_PATH	"/file"		/* of every file, as the walker says */

struct rig {
	struct proc	proc;
	struct channel	front;		/* the test's end */
	uint8_t		buf[MSG_MAX];
	struct msg	msg;
	uint64_t	next_id;
};

/* digest: the SHA-1 code, as the configuration names it.  It is stopped at the
   end of the case, if not before. */
void	rig_start(struct rig *, const char *digest);
void	rig_stop(struct rig *);
/* A new channel, as after a restart of the front. */
void	rig_connect(struct rig *);

/* The range of a file of this size. */
struct msg_range range_of(uint64_t offset, uint64_t len, uint64_t size);
/* Seals a range as the walker that opened the file would, but for the size,
   which stays as it is. */
void	range_seal(struct msg_range *, int fd);

/* Seals the ranges and sends them. */
void	rig_send(struct rig *, uint32_t piece_len, const struct msg_range *,
	    uint32_t n, const int *fds, int nfds);
/* The next message answers that batch; its items point into rig->msg. */
void	rig_expect_digests(struct rig *, uint64_t id, uint32_t count);
/* Takes the next item off the answer; returns its digests. */
const uint8_t *rig_next_item(struct rig *, struct msg_digests_item *);
/* The next item of the answer has the digests of this data. */
void	rig_check_item(struct rig *, struct msg_digests_item *,
	    const uint8_t *data, size_t len, uint32_t piece_len);

/* A new file of len bytes, open for reading; *data, unless data is NULL, has
   them too, to be freed. */
int	hash_file(const char *name, size_t len, uint8_t **data);
/* All of a file as a batch of one range. */
struct msg_range whole(uint64_t size);
/* Makes a file, has it hashed and compares digests and identity. */
void	check_file(struct rig *, const char *name, size_t len,
	    uint32_t piece_len);

#endif
