/* SPDX-License-Identifier: ISC */
#include <sys/vfs.h>

#include <ftw.h>
#include <limits.h>

#include "common/mounts.h"
#include "tests/lib/place.h"
#include "tests/lib/test.h"

static char place[PATH_MAX];
static pid_t place_owner;

static bool
place_keeps_ctime(const char *path)
{
	struct statfs sfs;
	const struct fstype *type;

	if (statfs(path, &sfs) == -1)
		return false;
	type = fstype_of((uint32_t)sfs.f_type);
	return type->keeps_ctime && type->local;
}

static int
place_remove_one(const char *path, const struct stat *st, int what,
    struct FTW *ftw)
{
	(void)st;
	(void)what;
	(void)ftw;
	return remove(path);
}

/* By the test alone, not by processes that it forked. */
static void
place_remove(void)
{
	if (getpid() == place_owner && chdir("/") == 0)
		(void)nftw(place, place_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void
place_enter(void)
{
	static const char *const dirs[] = { "/tmp", "/var/tmp", "/dev/shm" };
	size_t i;

	if (place_keeps_ctime("."))
		return;
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(place, sizeof(place), "%s/pkgtorrentd-test.XXXXXX",
		    dirs[i]);
		if (!place_keeps_ctime(dirs[i]) || mkdtemp(place) == NULL)
			continue;
		place_owner = getpid();
		ATF_REQUIRE_EQ(0, atexit(place_remove));
		ATF_REQUIRE_EQ(0, chmod(place, 0755));
		ATF_REQUIRE_EQ(0, chdir(place));
		return;
	}
	atf_tc_skip("no directory here is on a file system that keeps change "
	    "times; set TMPDIR to one");
}
