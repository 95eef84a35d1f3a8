#include <stddef.h>

#include "common/fstype.h"

/* The numbers are from statfs(2) and linux/magic.h, which lacks some; for file
   systems outside Linux, from their source code. */
static const struct fstype types[] = {
	{ 0xef53,     "ext4",     true,  true },	/* ext2 and ext3, too */
	{ 0x58465342, "xfs",      true,  true },
	{ 0x9123683e, "btrfs",    true,  true },
	{ 0x2fc12fc1, "zfs",      true,  true },
	{ 0xf2f52010, "f2fs",     true,  true },
	{ 0xca451a4e, "bcachefs", true,  true },
	{ 0x01021994, "tmpfs",    true,  true },
	/* Their server maintains it. */
	{ 0x6969,     "nfs",      true,  false },
	{ 0x00c36400, "ceph",     true,  false },
	{ 0x0bd00bd0, "lustre",   true,  false },
	{ 0xff534d42, "cifs",     true,  false },
	{ 0xfe534d42, "cifs",     true,  false },	/* since SMB 2 */
	/* These have a name for the log, and a clock that can be trusted. */
	{ 0x73717368, "squashfs", false, true },
	{ 0xe0f5e1e2, "erofs",    false, true },
	{ 0x9660,     "iso9660",  false, true },
	{ 0x15013346, "udf",      false, true },
	{ 0x28cd3d45, "cramfs",   false, true },
	{ 0x7275,     "romfs",    false, true },
	{ 0x4d44,     "vfat",     false, true },
	{ 0x2011bab0, "exfat",    false, true },
	{ 0x794c7630, "overlay",  false, true },
	{ 0x65735546, "fuse",     false, false },
	{ 0x01021997, "9p",       false, false },
};

static const struct fstype unknown = { 0, "unknown", false, false };

const struct fstype *
fstype_of(uint32_t magic)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].magic == magic)
			return &types[i];
	return &unknown;
}
