/* SPDX-License-Identifier: ISC */
/* The hashers' and walkers' program with a clock that tests can move, on a
   kernel that may have no unique numbers for mounts, with files that end the
   walker, and with digests that are wrong. */
#include <sys/stat.h>
#include <sys/syscall.h>

#include <stdarg.h>

#include "tests/lib/faulty.h"

#include "hasher/main.c"

#define sha1_lanes_run	sha1_lanes_run_really
#include "hasher/hash/sha1_lanes.c"
#undef sha1_lanes_run
void	sha1_lanes_run(struct sha1_lanes *, const struct sha1_job *, size_t);

long __attribute__((__no_sanitize_address__))
syscall(long number, ...)
{
	long a[6];
	va_list ap;
	int i;

	REAL(syscall);
	va_start(ap, number);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_openat2)
		faulty_meet((const char *)a[1]);
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int
statx(int dirfd, const char *restrict name, int flags, unsigned mask,
    struct statx *restrict stx)
{
	const unsigned statx_mnt_id_unique = 0x4000;

	REAL(statx);
	faulty_meet(name);
	return real(dirfd, name, flags, faults->reused ?
	    mask & ~statx_mnt_id_unique : mask, stx);
}

void
sha1_lanes_run(struct sha1_lanes *lanes, const struct sha1_job *jobs, size_t n)
{
	sha1_lanes_run_really(lanes, jobs, n);
	for (; n > 0 && faults->lies > 0; n--, faults->lies--)
		jobs[n - 1].digest[0] ^= 1;
}
