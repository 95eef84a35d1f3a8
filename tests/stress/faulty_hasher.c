/* SPDX-License-Identifier: ISC */
/* The hashers' and walkers' program with a clock that tests can move, on a
   kernel that may have no unique numbers for mounts. */
#include <sys/stat.h>

#include "tests/lib/faulty.h"

#include "hasher/main.c"

int
statx(int dirfd, const char *restrict name, int flags, unsigned mask,
    struct statx *restrict stx)
{
	const unsigned statx_mnt_id_unique = 0x4000;

	REAL(statx);
	return real(dirfd, name, flags, faults->reused ?
	    mask & ~statx_mnt_id_unique : mask, stx);
}
