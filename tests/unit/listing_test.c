/* SPDX-License-Identifier: ISC */
#include "common/listing.h"
#include "tests/lib/test.h"

static const struct identity id1 = { 11, 1000, 1400000000000000000, -5,
    0 };
static const struct identity id2 = { 12, 0, -1, 1400000000000000001, 0 };

/* Where the second and the third record of make_listing() begin. */
#define SECOND	(16 + 4 + 40 + 4 + 40 + 5)
#define THIRD	(SECOND + 16 + 3)

/* A glob with two files, a missing path, a file. */
static void
make_listing(struct buf *b)
{
	ATF_REQUIRE_EQ(0, listing_add_spec(b, 0, PATH_OK, "/y/*", 4, 2));
	ATF_REQUIRE_EQ(0, listing_add_file(b, &id1, "/y/a", 4));
	ATF_REQUIRE_EQ(0, listing_add_file(b, &id2, "/y/bb", 5));
	ATF_REQUIRE_EQ(0, listing_add_spec(b, 1, PATH_MISSING, "/no", 3, 0));
	ATF_REQUIRE_EQ(0, listing_add_spec(b, 7, PATH_OK, "/y/c", 4, 1));
	ATF_REQUIRE_EQ(0, listing_add_file(b, &id2, "/y/c", 4));
}

static struct listing_reader r;
static struct buf b;

TEST(listing__reads_what_was_written)
{
	make_listing(&b);
	listing_open(&r, b.data, b.len);
	ATF_REQUIRE_EQ(1, listing_next_spec(&r));
	ATF_CHECK_EQ(0, r.spec.index);
	ATF_CHECK_EQ(PATH_OK, r.spec.status);
	ATF_CHECK_EQ(2, r.spec.files);
	ATF_REQUIRE_EQ(4, r.spec.len);
	ATF_CHECK_EQ(0, memcmp(r.spec_bytes, "/y/*", 4));
	ATF_REQUIRE_EQ(1, listing_next_file(&r));
	ATF_CHECK(identity_same(&id1, &r.file.identity));
	ATF_REQUIRE_EQ(4, r.file.len);
	ATF_CHECK_EQ(0, memcmp(r.path, "/y/a", 4));
	ATF_REQUIRE_EQ(1, listing_next_file(&r));
	ATF_CHECK(identity_same(&id2, &r.file.identity));
	ATF_REQUIRE_EQ(5, r.file.len);
	ATF_CHECK_EQ(0, memcmp(r.path, "/y/bb", 5));
	ATF_CHECK_EQ(0, listing_next_file(&r));
	ATF_REQUIRE_EQ(1, listing_next_spec(&r));
	ATF_CHECK_EQ(PATH_MISSING, r.spec.status);
	ATF_CHECK_EQ(0, listing_next_file(&r));
	ATF_REQUIRE_EQ(1, listing_next_spec(&r));
	ATF_CHECK_EQ(7, r.spec.index);
	ATF_REQUIRE_EQ(1, listing_next_file(&r));
	ATF_CHECK_EQ(0, listing_next_spec(&r));
	ATF_CHECK_EQ(0, listing_next_spec(&r));
	ATF_CHECK_EQ(0, listing_next_file(&r));
}

TEST(listing__files_may_be_skipped)
{
	make_listing(&b);
	listing_open(&r, b.data, b.len);
	ATF_REQUIRE_EQ(1, listing_next_spec(&r));
	ATF_REQUIRE_EQ(1, listing_next_file(&r));
	ATF_REQUIRE_EQ(1, listing_next_spec(&r));
	ATF_CHECK_EQ(1, r.spec.index);
	ATF_REQUIRE_EQ(1, listing_next_spec(&r));
	ATF_CHECK_EQ(7, r.spec.index);
	ATF_CHECK_EQ(0, listing_next_spec(&r));
}

TEST(listing__empty)
{
	listing_open(&r, "", 0);
	ATF_CHECK_EQ(0, listing_next_file(&r));
	ATF_CHECK_EQ(0, listing_next_spec(&r));
	listing_open(&r, NULL, 0);
	ATF_CHECK_EQ(0, listing_next_spec(&r));
}

/* -1 if it is not a listing; else the number of files. */
static int
count_files(const void *p, size_t len)
{
	uint8_t	*copy;
	int	 files = 0, n;

	/* Of exactly this size, so that a sanitizer sees a step too far. */
	copy = malloc(len == 0 ? 1 : len);
	ATF_REQUIRE(copy != NULL);
	memcpy(copy, p, len);
	listing_open(&r, copy, len);
	while ((n = listing_next_spec(&r)) == 1)
		while ((n = listing_next_file(&r)) == 1)
			files++;
	if (n == -1) {
		/* It stays wrong, however often one asks. */
		ATF_CHECK_EQ(-1, listing_next_file(&r));
		ATF_CHECK_EQ(-1, listing_next_spec(&r));
		ATF_CHECK_EQ(-1, listing_next_spec(&r));
	}
	free(copy);
	return n == -1 ? -1 : files;
}

TEST(listing__cut_short_is_refused)
{
	size_t		i;

	make_listing(&b);
	for (i = 0; i < b.len; i++) {
		if (i == 0)
			ATF_CHECK_EQ(0, count_files(b.data, i));
		else if (i == SECOND || i == THIRD)
			ATF_CHECK_EQ(2, count_files(b.data, i));
		else
			ATF_CHECK_EQ_MSG(-1, count_files(b.data, i), "%zu", i);
	}
	ATF_CHECK_EQ(3, count_files(b.data, b.len));
}

/* A change at that offset must make it unreadable. */
static void
check_refused(size_t offset, uint32_t value)
{
	make_listing(&b);
	memcpy(b.data + offset, &value, sizeof(value));
	ATF_CHECK_EQ_MSG(-1, count_files(b.data, b.len), "%u at %zu", value,
	    offset);
	buf_free(&b);
}

TEST(listing__lies_are_refused)
{
	char		path[SPEC_MAX + 1];

	/* of the missing path */
	check_refused(SECOND + offsetof(struct listing_spec, status), 0);
	check_refused(SECOND + offsetof(struct listing_spec, status),
	    PATH_LINK + 1);
	check_refused(SECOND + offsetof(struct listing_spec, status), PATH_OK);
	/* missing, and yet files */
	check_refused(offsetof(struct listing_spec, status), PATH_MISSING);
	check_refused(offsetof(struct listing_spec, files), 0);
	check_refused(offsetof(struct listing_spec, files), UINT32_MAX);
	check_refused(offsetof(struct listing_spec, len), 0);
	check_refused(offsetof(struct listing_spec, len), UINT32_MAX);
	check_refused(16, 0x2a2f792e);		/* not from the root */
	check_refused(16, 0x2a00792f);		/* a NUL */
	check_refused(20 + 32, 0);		/* the length of a path */
	check_refused(20 + 32, UINT32_MAX);
	check_refused(20 + 36, 2);		/* flags */
	check_refused(20 + 36, LISTING_MOUNT);
	check_refused(60, 0x612f7979);		/* not from the root */

	/* No spec, and the bytes behind it would do for one. */
	ATF_REQUIRE_EQ(0, listing_add_spec(&b, 0, PATH_MISSING, "", 0, 0));
	ATF_REQUIRE_EQ(0, listing_add_spec(&b, '/', PATH_MISSING, "/", 1, 0));
	ATF_CHECK_EQ(-1, count_files(b.data, b.len));
	b.len = 0;

	memset(path, '/', sizeof(path));
	ATF_REQUIRE_EQ(0, listing_add_spec(&b, 0, PATH_REFUSED, path,
	    SPEC_MAX, 0));
	ATF_CHECK_EQ(0, count_files(b.data, b.len));
	b.len = 0;
	ATF_REQUIRE_EQ(0, listing_add_spec(&b, 0, PATH_REFUSED, path,
	    SPEC_MAX + 1, 0));
	ATF_CHECK_EQ(-1, count_files(b.data, b.len));
}

/* Two processes that see the same files must make the same bytes. */
TEST(listing__is_the_same_every_time)
{
	struct buf	a = { 0 };

	memset(buf_reserve(&a, 4096), 0xff, 4096);
	memset(buf_reserve(&b, 4096), 0x55, 4096);
	make_listing(&a);
	make_listing(&b);
	ATF_REQUIRE_EQ(a.len, b.len);
	ATF_CHECK_EQ(0, memcmp(a.data, b.data, a.len));
	buf_free(&a);
	buf_free(&b);
}

/* Files that are known by their mount; of others not a byte has changed since
   entries were first stored. */
TEST(listing__tells_the_mount_where_it_matters)
{
	static const uint8_t	plain[] = {
		1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
		3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0,
		2, 0, 0, 0, 0, 0, 0, 0, '/', 'a'
	};
	struct identity		ids[2] = { { 1, 2, 3, 4, 0 },
	    { 1, 2, 3, 4, 1ULL << 40 } };
	size_t			i, second;

	ATF_REQUIRE_EQ(0, listing_add_spec(&b, 0, PATH_OK, "/*", 2, 2));
	ATF_REQUIRE_EQ(0, listing_add_file(&b, &ids[0], "/a", 2));
	ATF_REQUIRE_EQ(18 + sizeof(plain), b.len);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	ATF_CHECK_EQ(0, memcmp(b.data + 18, plain, sizeof(plain)));
#endif
	second = b.len;
	ATF_REQUIRE_EQ(0, listing_add_file(&b, &ids[1], "/b", 2));
	ATF_CHECK_EQ(second + sizeof(plain) + 8, b.len);
	listing_open(&r, b.data, b.len);
	ATF_REQUIRE_EQ(1, listing_next_spec(&r));
	for (i = 0; i < 2; i++) {
		ATF_REQUIRE_EQ(1, listing_next_file(&r));
		ATF_CHECK(identity_same(&ids[i], &r.file.identity));
		ATF_CHECK_EQ(ids[i].mount, r.file.identity.mount);
		ATF_CHECK_EQ("/ab"[i + 1], r.path[1]);
	}
	ATF_CHECK_EQ(0, listing_next_spec(&r));
	for (i = 0; i < sizeof(plain) + 8; i++)
		ATF_CHECK_EQ(-1, count_files(b.data, second + i));
	/* One that matters and is none. */
	memset(b.data + second + 40, 0, 8);
	ATF_CHECK_EQ(-1, count_files(b.data, b.len));
}

TEST(listing__identity_is_all_of_it)
{
	struct identity	id = id1;

	ATF_CHECK(identity_same(&id, &id1));
	id.ino++;
	ATF_CHECK(!identity_same(&id, &id1));
	id = id1;
	id.size++;
	ATF_CHECK(!identity_same(&id, &id1));
	id = id1;
	id.mtime_ns++;
	ATF_CHECK(!identity_same(&id, &id1));
	id = id1;
	id.ctime_ns++;
	ATF_CHECK(!identity_same(&id, &id1));
	id = id1;
	id.mount++;
	ATF_CHECK(!identity_same(&id, &id1));
	ATF_CHECK(!identity_same_open(&id, &id1));
}

/* A descriptor keeps its mount: only the kernel's number counts. */
TEST(listing__identity_of_an_open_file)
{
	struct identity	a = id1, c = id1;

	a.mount = MOUNT_REUSED | MOUNT_CHANGES(7) | 42;
	c.mount = MOUNT_REUSED | 42;
	ATF_CHECK(!identity_same(&a, &c));
	ATF_CHECK(identity_same_open(&a, &c));
	ATF_CHECK(identity_same_open(&c, &a));
	c.mount = MOUNT_REUSED | 43;
	ATF_CHECK(!identity_same_open(&a, &c));
	c.mount = 42;
	ATF_CHECK(!identity_same_open(&a, &c));
	c.mount = 0;
	ATF_CHECK(!identity_same_open(&a, &c));
	a.mount = (7ULL << 32) | 42;
	c.mount = 42;
	ATF_CHECK(!identity_same_open(&a, &c));
	c.mount = a.mount;
	c.size++;
	ATF_CHECK(!identity_same_open(&a, &c));
}

TEST(listing__identity_is_settled)
{
	const int64_t	now = 1700000000123456789, two = 2000000000;
	struct identity	id = id1;
	int		local;

	for (local = 0; local < 2; local++) {
		id.ctime_ns = now;
		ATF_CHECK(!identity_settled(&id, now, local));
		id.ctime_ns = now - two + 1;
		ATF_CHECK(!identity_settled(&id, now, local));
		id.ctime_ns = now - two;
		ATF_CHECK(identity_settled(&id, now, local));
		id.ctime_ns = 0;
		ATF_CHECK(identity_settled(&id, now, local));
		id.ctime_ns = now + two - 1;
		ATF_CHECK(!identity_settled(&id, now, local));
		id.ctime_ns = now + two;
		ATF_CHECK_EQ(local, identity_settled(&id, now, local));
		id.ctime_ns = now + 1000 * two;
		ATF_CHECK_EQ(local, identity_settled(&id, now, local));
		/* mtime plays no part. */
		id.mtime_ns = now;
		id.ctime_ns = now - two;
		ATF_CHECK(identity_settled(&id, now, local));
	}
}
