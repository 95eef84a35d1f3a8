/* SPDX-License-Identifier: ISC */
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <fcntl.h>
#include <stddef.h>

#include "common/mounts.h"

/* Since Linux 6.8; older kernels ignore it. */
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE	0x00004000U
#endif

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

int
mounts_stat(int dirfd, const char *name, int flags, struct statx *stx)
{
	/* Like fstatat(2), do not trigger an automount. */
	return statx(dirfd, name, flags | AT_NO_AUTOMOUNT,
	    STATX_BASIC_STATS | STATX_MNT_ID | STATX_MNT_ID_UNIQUE, stx);
}

static uint64_t
number_of(const struct statx *stx)
{
	uint64_t number;

	if (stx->stx_mask & STATX_MNT_ID_UNIQUE)
		return stx->stx_mnt_id;
	number = stx->stx_mask & STATX_MNT_ID ? stx->stx_mnt_id :
	    makedev(stx->stx_dev_major, stx->stx_dev_minor);
	return MOUNT_REUSED | (number & UINT32_MAX);
}

struct mount *
mounts_find(struct mounts *all, const struct statx *stx)
{
	uint64_t number = number_of(stx);
	unsigned i;

	if (all->last < all->n && all->known[all->last].number == number)
		i = all->last;
	else
		for (i = 0; i < all->n; i++)
			if (all->known[i].number == number)
				break;
	if (i == all->n || all->known[i].stale)
		return NULL;
	all->last = i;
	return &all->known[i];
}

/* The slot of this number, else a new slot, else the oldest one. */
static struct mount *
slot_of(struct mounts *all, uint64_t number)
{
	struct mount *m;
	unsigned i;

	for (i = 0; i < all->n; i++)
		if (all->known[i].number == number)
			return &all->known[i];
	if (all->n < MOUNTS_MAX)
		m = &all->known[all->n++];
	else {
		m = &all->known[all->next];
		all->next = (all->next + 1) % MOUNTS_MAX;
	}
	*m = (struct mount){ .number = number };
	return m;
}

struct mount *
mounts_learn(struct mounts *all, const struct statx *stx, int fd)
{
	struct statx now;
	struct statfs sfs;
	struct mount *m;
	uint64_t number = number_of(stx);

	if (mounts_stat(fd, "", AT_EMPTY_PATH, &now) == -1 ||
	    number_of(&now) != number || fstatfs(fd, &sfs) == -1)
		return NULL;
	all->reused = number & MOUNT_REUSED;
	m = slot_of(all, number);
	/* f_type is a long, which may be negative on 32-bit machines. */
	if (m->magic != (uint32_t)sfs.f_type)
		m->told = false;
	m->magic = (uint32_t)sfs.f_type;
	m->type = fstype_of(m->magic);
	m->stale = false;
	return m;
}

void
mounts_changed(struct mounts *all, uint32_t changes)
{
	unsigned i;

	all->changes = changes;
	for (i = 0; i < all->n; i++)
		if (all->known[i].number & MOUNT_REUSED)
			all->known[i].stale = true;
}

uint64_t
mounts_identity(const struct mounts *all, const struct fstype *type,
    const struct statx *stx)
{
	uint64_t number = number_of(stx);

	if (type != NULL && type->keeps_ctime)
		return 0;
	return number & MOUNT_REUSED ?
	    number | MOUNT_CHANGES(all->changes) : number;
}
