/*
 * What the hasher lives by, tried once it is locked down, on the only file
 * that it has: its own program, opened before.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/sandbox/selftest.h"
#include "hasher/hash/read.h"

#define LEN	4096

static int
try_fcntl(void *arg)
{
	return fcntl(*(int *)arg, F_GETFL);
}

/* Called bare: libc makes up for ENOSYS, without the number of the mount. */
static int
try_statx(void *arg)
{
	struct statx	stx;

	return (int)syscall(SYS_statx, *(int *)arg, "", AT_EMPTY_PATH |
	    AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &stx);
}

static int
try_fstatfs(void *arg)
{
	struct statfs	sfs;

	return fstatfs(*(int *)arg, &sfs);
}

/* Called bare: libc says EOPNOTSUPP for ENOSYS, and that is also the answer of
   a file system which does not tell. */
static int
try_preadv2(void *arg)
{
	uint8_t		byte;
	struct iovec	iov = { &byte, 1 };

	return (int)syscall(SYS_preadv2, *(int *)arg, &iov, 1L, 0L, 0L,
	    RWF_NOWAIT);
}

static int
try_fadvise(void *arg)
{
	int	error = posix_fadvise(*(int *)arg, 0, LEN,
		    POSIX_FADV_WILLNEED);

	if (error == 0)
		return 0;
	errno = error;
	return -1;
}

static int
try_mmap(void *arg)
{
	void	*pages = mmap(NULL, LEN, PROT_READ, MAP_PRIVATE, *(int *)arg,
		    0);

	if (pages == MAP_FAILED)
		return -1;
	return munmap(pages, LEN);
}

/* Linux before 5.14 answers EINVAL, which read_map() copes with. */
static int
try_madvise(void *arg)
{
	void	*pages = mmap(NULL, LEN, PROT_READ, MAP_PRIVATE, *(int *)arg,
		    0);
	int	 rv, error;

	if (pages == MAP_FAILED)
		return 0;
	rv = madvise(pages, LEN, MADV_POPULATE_READ);
	error = errno;
	(void)munmap(pages, LEN);
	errno = error;
	return rv;
}

/* A file that shrinks below us: the handler, and the way back from it. */
static int
try_sigbus(void *arg)
{
	struct read_range	range = { .fd = *(int *)arg };
	struct read_map		map;
	struct stat		st;

	if (fstat(range.fd, &st) == -1)
		return 0;
	range.offset = ((uint64_t)st.st_size / LEN + 64) * LEN;
	range.len = LEN;
	if (read_map(&map, &range) == -1)
		return 0;
	(void)*(const volatile uint8_t *)map.data;
	(void)read_unmap(&map);
	return 0;
}

const struct selftest read_selftests[] = {
	{ "fcntl/fcntl64", try_fcntl, false },
	{ "statx", try_statx, false },
	{ "fstatfs/fstatfs64", try_fstatfs, false },
	{ "preadv2", try_preadv2, true },
	{ "fadvise64/fadvise64_64/arm_fadvise64_64", try_fadvise, true },
	{ "mmap/mmap2", try_mmap, false },
	{ "madvise", try_madvise, true },
	{ "rt_sigreturn", try_sigbus, false },
};
const size_t read_nselftests =
    sizeof(read_selftests) / sizeof(read_selftests[0]);

int
read_open_own(void)
{
	return open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
}

void
read_selftest(int fd)
{
	selftest_run(read_selftests, read_nselftests, &fd);
	if (fd != -1)
		close(fd);
}
