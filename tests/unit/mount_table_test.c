/* SPDX-License-Identifier: ISC */
/* Of a file system that no server answers for, nothing may be looked at. */
#include <sys/mount.h>

#include <sched.h>

#include "pkgtorrentd/parent/mount_table.h"
#include "tests/lib/test.h"

static dev_t	dev;

/* Below where we are. */
static enum mount_way
follow(const char *path)
{
	return mount_table_follow(fmt("%s/%s", here(), path), &dev);
}

static void
mount_silent(const char *dir)
{
	char	options[128];
	int	fd = open("/dev/fuse", O_RDWR);

	if (fd == -1)
		atf_tc_skip("no FUSE");
	snprintf(options, sizeof(options),
	    "fd=%d,rootmode=40755,user_id=0,group_id=0", fd);
	if (mount("none", dir, "fuse", 0, options) == -1)
		atf_tc_skip("no FUSE");
}

TEST(mount_table_follow__remote, "require.user", "root", "timeout", "20")
{
	ATF_REQUIRE_EQ(0, mkdir("far away", 0755));
	ATF_REQUIRE_EQ(0, mkdir("near", 0755));
	ATF_REQUIRE_EQ(0, symlink("far away", "to"));
	ATF_REQUIRE_EQ(0, symlink("../to/below", "near/into"));
	ATF_REQUIRE_EQ(0, symlink("loop", "loop"));
	/* Before the table is opened, which is that of a name space. */
	if (unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		atf_tc_skip("no mount name spaces");
	ATF_CHECK_EQ(MOUNT_LOCAL, follow("far away/x"));
	mount_silent("far away");
	ATF_CHECK_EQ(MOUNT_REMOTE, follow("far away"));
	ATF_CHECK(mount_table_dev_is_remote(dev));
	ATF_CHECK_EQ(MOUNT_REMOTE, follow("near/.././/far away/"));
	ATF_CHECK_EQ(MOUNT_REMOTE, follow("to"));
	ATF_CHECK_EQ(MOUNT_THROUGH_REMOTE, follow("far away/x"));
	ATF_CHECK_EQ(MOUNT_THROUGH_REMOTE, follow("far away/../near"));
	ATF_CHECK_EQ(MOUNT_THROUGH_REMOTE, follow("near/into"));
	ATF_CHECK_EQ(MOUNT_LOCAL, follow("near"));
	ATF_CHECK_EQ(MOUNT_LOCAL, follow("far"));
	ATF_CHECK_EQ(MOUNT_LOCAL, follow("none/x"));
	ATF_CHECK_EQ(MOUNT_LOCAL, follow("loop/x"));
	/* The last mount on top of others is the one that is there. */
	ATF_REQUIRE_EQ(0, mount("none", "far away", "tmpfs", 0, NULL));
	ATF_CHECK_EQ(MOUNT_LOCAL, follow("far away/x"));
	ATF_REQUIRE_EQ(0, umount("far away"));
	ATF_CHECK_EQ(MOUNT_THROUGH_REMOTE, follow("far away/x"));
	ATF_REQUIRE_EQ(0, umount2("far away", MNT_DETACH));
	ATF_CHECK_EQ(MOUNT_LOCAL, follow("far away/x"));
	ATF_CHECK(!mount_table_dev_is_remote(dev));
}
