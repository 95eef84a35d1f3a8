/* SPDX-License-Identifier: ISC */
/* Which file systems are trusted with change times. */
#include "common/mounts.h"
#include "tests/lib/test.h"

struct expected {
	uint32_t	 magic;
	const char	*name;
	bool		 keeps_ctime;
	bool		 local;
};

static void
check(const struct expected *e, size_t n)
{
	const struct fstype *type;
	size_t i;

	for (i = 0; i < n; i++) {
		type = fstype_of(e[i].magic);
		ATF_CHECK_STREQ(e[i].name, type->name);
		ATF_CHECK_EQ_MSG(e[i].keeps_ctime, type->keeps_ctime, "%s",
		    e[i].name);
		ATF_CHECK_EQ_MSG(e[i].local, type->local, "%s", e[i].name);
	}
}

/* By the numbers of statfs(2), not by the table's own. */
TEST(fstype__keep_ctime)
{
	static const struct expected e[] = {
		{ 0xef53, "ext4", true, true },
		{ 0x58465342, "xfs", true, true },
		{ 0x9123683e, "btrfs", true, true },
		{ 0x2fc12fc1, "zfs", true, true },
		{ 0xf2f52010, "f2fs", true, true },
		{ 0xca451a4e, "bcachefs", true, true },
		{ 0x01021994, "tmpfs", true, true },
		{ 0x6969, "nfs", true, false },
		{ 0x00c36400, "ceph", true, false },
		{ 0x0bd00bd0, "lustre", true, false },
		{ 0xff534d42, "cifs", true, false },
		{ 0xfe534d42, "cifs", true, false },
	};

	check(e, sizeof(e) / sizeof(e[0]));
}

TEST(fstype__do_not)
{
	static const struct expected e[] = {
		{ 0x73717368, "squashfs", false, true },
		{ 0xe0f5e1e2, "erofs", false, true },
		{ 0x9660, "iso9660", false, true },
		{ 0x4d44, "vfat", false, true },
		{ 0x794c7630, "overlay", false, true },
		/* Perhaps a server's clock. */
		{ 0x65735546, "fuse", false, false },
		{ 0x01021997, "9p", false, false },
		/* ecryptfs, ramfs, none at all */
		{ 0xf15f, "unknown", false, false },
		{ 0x858458f6, "unknown", false, false },
		{ 0, "unknown", false, false },
		{ UINT32_MAX, "unknown", false, false },
	};

	check(e, sizeof(e) / sizeof(e[0]));
}
