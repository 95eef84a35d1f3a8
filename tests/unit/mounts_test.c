/* SPDX-License-Identifier: ISC */
/* The memory of mounts, and the mounts in identities. */
#include "common/mounts.h"
#include "tests/lib/test.h"

#define UNIQUE	0x4000U			/* STATX_MNT_ID_UNIQUE */

static struct mounts all;

static void
look(const char *path, struct statx *stx)
{
	ATF_REQUIRE_EQ(0, mounts_stat(AT_FDCWD, path, 0, stx));
	ATF_REQUIRE(stx->stx_mask & (STATX_MNT_ID | UNIQUE));
}

/* As a kernel says it that gives numbers again. */
static void
look_reused(const char *path, struct statx *stx)
{
	look(path, stx);
	stx->stx_mask &= ~UNIQUE;
	stx->stx_mask |= STATX_MNT_ID;
	stx->stx_mnt_id = 42;
}

static struct statx stx;

TEST(mounts__are_learned_once)
{
	struct statx proc;
	struct mount *m;
	int fd = open("/proc/self/status", O_PATH);

	ATF_REQUIRE(fd != -1);
	look("/proc/self/status", &proc);
	ATF_CHECK(mounts_find(&all, &proc) == NULL);
	m = mounts_learn(&all, &proc, fd);
	ATF_REQUIRE(m != NULL);
	ATF_CHECK_EQ(0x9fa0, m->magic);
	ATF_CHECK(!m->type->keeps_ctime);
	ATF_CHECK(mounts_find(&all, &proc) == m);
	look("/proc/self/maps", &stx);
	ATF_CHECK(mounts_find(&all, &stx) == m);
	look("/", &stx);
	ATF_CHECK(mounts_find(&all, &stx) == NULL);
	/* The descriptor is of another mount by now. */
	ATF_CHECK(mounts_learn(&all, &stx, fd) == NULL);
	ATF_CHECK_EQ(1, all.n);
	close(fd);
}

TEST(mounts__are_in_identities_that_need_them)
{
	const struct fstype *ext4 = fstype_of(0xef53);
	const struct fstype *squashfs = fstype_of(0x73717368);

	look("/", &stx);
	ATF_CHECK_EQ(0, mounts_identity(&all, ext4, &stx));
	ATF_CHECK(mounts_identity(&all, squashfs, &stx) != 0);
	/* Nobody knows: it may matter. */
	ATF_CHECK(mounts_identity(&all, NULL, &stx) != 0);
	stx.stx_mask |= UNIQUE;
	stx.stx_mnt_id = (1ULL << 31) + 5;
	ATF_CHECK_EQ((1ULL << 31) + 5, mounts_identity(&all, squashfs, &stx));
	mounts_changed(&all, 7);
	ATF_CHECK_EQ((1ULL << 31) + 5, mounts_identity(&all, squashfs, &stx));
}

TEST(mounts__whose_numbers_come_again)
{
	const struct fstype *squashfs = fstype_of(0x73717368);
	uint64_t before;

	look_reused("/", &stx);
	before = mounts_identity(&all, squashfs, &stx);
	ATF_CHECK_EQ(MOUNT_REUSED | 42, before);
	all.known[0] = (struct mount){ .number = before, .type = squashfs,
	    .told = true };
	all.known[1] = (struct mount){ .number = 43, .type = squashfs };
	all.n = 2;
	ATF_CHECK(mounts_find(&all, &stx) == &all.known[0]);
	mounts_changed(&all, 1);
	ATF_CHECK(mounts_find(&all, &stx) == NULL);
	ATF_CHECK(!all.known[1].stale);
	ATF_CHECK(mounts_identity(&all, squashfs, &stx) != before);
	ATF_CHECK_EQ(MOUNT_REUSED | MOUNT_CHANGES(1) | 42,
	    mounts_identity(&all, squashfs, &stx));
	/* The device, where the kernel does not tell mounts apart. */
	stx.stx_mask &= ~STATX_MNT_ID;
	stx.stx_dev_minor++;
	before = mounts_identity(&all, squashfs, &stx);
	stx.stx_dev_minor++;
	ATF_CHECK(mounts_identity(&all, squashfs, &stx) != before);
}

/* More than there is room for: the oldest go, the others stay. */
TEST(mounts__are_bounded)
{
	struct mount *m;
	int fd = open("/", O_PATH);
	unsigned i;

	ATF_REQUIRE(fd != -1);
	look("/", &stx);
	for (i = 0; i < MOUNTS_MAX; i++)
		all.known[i].number = i;
	all.n = MOUNTS_MAX;
	for (i = 0; i < 2; i++) {
		m = mounts_learn(&all, &stx, fd);
		ATF_REQUIRE(m != NULL);
		ATF_CHECK_EQ(&all.known[0], m);
		ATF_CHECK_EQ(MOUNTS_MAX, all.n);
		ATF_CHECK_EQ(1, all.next);
	}
	close(fd);
}
