/*
 * Ranges of files as memory.  Mapped, not read: hashing is so fast that a
 * copy would cost half as much again.
 */
#ifndef READ_H
#define READ_H

#include <sys/queue.h>
#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "common/msg.h"

#define READ_MAX	SLICE_MAX	/* bytes in a range */
#define READ_UNIT	(512ULL << 10)	/* in memory or not, as one */

/* What to read; fd is open for reading and stays the caller's. */
struct read_range {
	int		fd;
	uint64_t	offset;
	uint64_t	len;		/* bytes, up to READ_MAX */
	/* A bit per unit: it was not in memory. */
	uint64_t	cold[READ_MAX / READ_UNIT / 64];
};

struct read_map {
	LIST_ENTRY(read_map)	 entry;
	const uint8_t		*data;	/* the range's bytes */
	uint8_t			*pages;	/* what is mapped */
	size_t			 len;	/* bytes from pages */
	volatile bool		 lost;	/* see read_unmap() */
};

/*
 * Make pages that cannot be read (the file was truncated, or the disk is
 * broken) no more than a fault of the mapping they are in.  Before lockdown.
 */
void	read_init(void);

/* In selftest_hasher.c: a file to try with, before lockdown; after it, try all
   that is done here.  Ends the process if a call is refused. */
int	read_open_own(void);
void	read_selftest(int fd);

/*
 * Find out what of the range is not in memory, and have it fetched while we
 * do something else.
 */
void	read_ahead(struct read_range *);

/*
 * Map a range; its len is not 0.  0, or -1 with errno.  map stays where it is
 * until read_unmap().
 */
int	read_map(struct read_map *, const struct read_range *);

/*
 * Give the memory back.  0, or -1 if what was seen there is not what the file
 * holds, since some of it could not be read.
 */
int	read_unmap(struct read_map *);

/* Let go of what read_ahead() found to be cold: a tree that is larger than
   memory would drive out what clients download. */
void	read_drop(const struct read_range *);

#endif
