#include <sys/mman.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/listing.h"
#include "common/log.h"
#include "common/platform.h"
#include "common/sandbox/selftest.h"
#include "hasher/hash/read.h"

/* The kernel cuts a longer request to what the disk takes at once, which is
   hardly ever less than this. */
#define AHEAD_STEP	(128ULL << 10)
#define TRY_LEN		4096	/* bytes */
#define LOOK_LEN	32	/* bytes: so many zeros are hardly ever data */

/* Of what the file system does not tell (squashfs, for one) there may be
   nothing in memory, or all of it. */
enum heat { HEAT_WARM, HEAT_COLD, HEAT_UNKNOWN };

/* What a shell shows for a process that a signal ended. */
#define EXIT_SIGBUS	(128 + SIGBUS)

static LIST_HEAD(, read_map)	maps = LIST_HEAD_INITIALIZER(maps);
static size_t			page_size;

/*
 * Put zeros where the file has nothing (any more), up to the end of that
 * mapping, and go on: the digests are thrown away, but nothing is interrupted.
 * Runs between two instructions of the kernels, hence in no call of libc.
 */
static void
on_sigbus(int sig, siginfo_t *info, void *context)
{
	uint8_t		*at = info->si_addr;
	struct read_map	*map;
	int		 saved_errno = errno;

	(void)sig;
	(void)context;
	LIST_FOREACH(map, &maps, entry)
		if (at >= map->pages && at < map->pages + map->len)
			break;
	if (map == NULL)
		_exit(EXIT_SIGBUS);
	map->lost = true;
	at -= (uintptr_t)at % page_size;
	if (mmap(at, (size_t)(map->pages + map->len - at), PROT_READ,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		_exit(EXIT_SIGBUS);
	errno = saved_errno;
}

void
read_init(void)
{
	struct sigaction	sa = {
		.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO
	};
	sigset_t		set;

	page_size = (size_t)sysconf(_SC_PAGESIZE);
	sigemptyset(&set);
	sigaddset(&set, SIGBUS);
	if (sigaction(SIGBUS, &sa, NULL) == -1 ||
	    sigprocmask(SIG_UNBLOCK, &set, NULL) == -1)
		fatal("SIGBUS: %s", strerror(errno));
}

/*
 * Only such a read tells somebody who does not own the file.  The first look
 * at a hole fills it, so that it seems to have been in memory: zeros prove
 * nothing in a file that has holes.
 */
static enum heat
read_heat(int fd, uint64_t offset, uint64_t len, bool holes)
{
	static const uint8_t	zeros[LOOK_LEN];
	uint8_t			bytes[LOOK_LEN];
	struct iovec		iov = { bytes, MIN(len, sizeof(bytes)) };
	ssize_t			n;

	n = preadv2(fd, &iov, 1, (off_t)offset, RWF_NOWAIT);
	if (n == -1)
		return errno == EAGAIN ? HEAT_COLD : HEAT_UNKNOWN;
	return holes && memcmp(bytes, zeros, (size_t)n) == 0 ? HEAT_COLD :
	    HEAT_WARM;
}

static bool
has_holes(int fd)
{
	struct stat	st;

	return fstat(fd, &st) == 0 && st.st_blocks < st.st_size / 512;
}

static void
fetch(int fd, uint64_t offset, uint64_t len)
{
	uint64_t	at;

	for (at = 0; at < len; at += AHEAD_STEP)
		posix_fadvise(fd, (off_t)(offset + at),
		    (off_t)MIN(AHEAD_STEP, len - at), POSIX_FADV_WILLNEED);
}

void
read_ahead(struct read_range *range)
{
	bool		holes = has_holes(range->fd);
	uint64_t	at, len;
	enum heat	heat;
	unsigned	unit;

	memset(range->cold, 0, sizeof(range->cold));
	for (at = 0, unit = 0; at < range->len; at += len, unit++) {
		len = MIN(READ_UNIT, range->len - at);
		/* In the middle: the kernel may have read on a little from
		   what came before. */
		heat = read_heat(range->fd, range->offset + at + len / 2,
		    len - len / 2, holes);
		if (heat == HEAT_WARM)
			continue;
		fetch(range->fd, range->offset + at, len);
		if (heat == HEAT_COLD)
			range->cold[unit / 64] |= 1ULL << unit % 64;
	}
}

int
read_map(struct read_map *map, const struct read_range *range)
{
	/* A piece may be smaller than a page. */
	size_t	 skip = range->offset % page_size;
	void	*pages;

	pages = mmap(NULL, skip + range->len, PROT_READ, MAP_PRIVATE,
	    range->fd, (off_t)(range->offset - skip));
	if (pages == MAP_FAILED)
		return -1;
	/* Cheaper than a fault for every few pages, which is what is left
	   where it fails.  MAP_POPULATE tries what cannot be read again and
	   again, for ever. */
	(void)madvise(pages, skip + range->len, MADV_POPULATE_READ);
	map->pages = pages;
	map->len = skip + range->len;
	map->data = map->pages + skip;
	map->lost = false;
	LIST_INSERT_HEAD(&maps, map, entry);
	return 0;
}

int
read_unmap(struct read_map *map)
{
	LIST_REMOVE(map, entry);
	munmap(map->pages, map->len);
	return map->lost ? -1 : 0;
}

void
read_drop(const struct read_range *range)
{
	uint64_t	at, len;
	unsigned	unit;

	for (at = 0, unit = 0; at < range->len; at += len, unit++) {
		len = MIN(READ_UNIT, range->len - at);
		if (range->cold[unit / 64] & 1ULL << unit % 64)
			posix_fadvise(range->fd, (off_t)(range->offset + at),
			    (off_t)len, POSIX_FADV_DONTNEED);
	}
}

/*
 * The selftest: each call that a hasher depends on, tried once it is confined,
 * on the only file that it has: its own program, opened before.
 */

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
	int	error = posix_fadvise(*(int *)arg, 0, TRY_LEN,
		    POSIX_FADV_WILLNEED);

	if (error == 0)
		return 0;
	errno = error;
	return -1;
}

static int
try_mmap(void *arg)
{
	void	*pages = mmap(NULL, TRY_LEN, PROT_READ, MAP_PRIVATE,
		    *(int *)arg, 0);

	if (pages == MAP_FAILED)
		return -1;
	return munmap(pages, TRY_LEN);
}

/* Linux before 5.14 answers EINVAL, which read_map() copes with. */
static int
try_madvise(void *arg)
{
	void	*pages = mmap(NULL, TRY_LEN, PROT_READ, MAP_PRIVATE,
		    *(int *)arg, 0);
	int	 rv, error;

	if (pages == MAP_FAILED)
		return 0;
	rv = madvise(pages, TRY_LEN, MADV_POPULATE_READ);
	error = errno;
	(void)munmap(pages, TRY_LEN);
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
	range.offset = ((uint64_t)st.st_size / TRY_LEN + 64) * TRY_LEN;
	range.len = TRY_LEN;
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
