/* SPDX-License-Identifier: ISC */
#include "common/buf.h"
#include "tests/lib/test.h"

static struct buf b;

TEST(buf__keeps_all_that_was_added)
{
	size_t		i;
	uint8_t		c;

	for (i = 0; i < 100000; i++) {
		c = (uint8_t)(i * 7);
		ATF_REQUIRE_EQ(0, buf_add(&b, &c, 1));
	}
	ATF_REQUIRE_EQ(100000, b.len);
	for (i = 0; i < 100000; i++)
		ATF_REQUIRE_EQ((uint8_t)(i * 7), b.data[i]);
	buf_free(&b);
	ATF_CHECK(b.data == NULL);
	ATF_CHECK_EQ(0, b.len);
	ATF_CHECK_EQ(0, buf_add(&b, "again", 5));
	ATF_CHECK_EQ(0, memcmp(b.data, "again", 5));
}

TEST(buf__nothing_may_be_added)
{
	ATF_CHECK_EQ(0, buf_add(&b, NULL, 0));
	ATF_CHECK_EQ(0, b.len);
	ATF_CHECK(buf_reserve(&b, 0) != NULL);
}

TEST(buf__too_much_leaves_it_as_it_was)
{
	const size_t	sizes[] = { SIZE_MAX, SIZE_MAX - 3, SIZE_MAX / 2,
			    SIZE_MAX / 2 - 2 };

	ATF_REQUIRE_EQ(0, buf_add(&b, "abc", 3));
	EACH(each, sizes) {
		errno = 0;
		ATF_CHECK(buf_reserve(&b, *each) == NULL);
		ATF_CHECK_EQ(ENOMEM, errno);
		ATF_CHECK_EQ(-1, buf_add(&b, "x", *each));
		ATF_CHECK_EQ(3, b.len);
		ATF_CHECK_EQ(0, memcmp(b.data, "abc", 3));
	}
}

TEST(buf__reserved_room_can_be_used)
{
	uint8_t		*p;

	ATF_REQUIRE_EQ(0, buf_add(&b, "ab", 2));
	p = buf_reserve(&b, 100000);
	ATF_REQUIRE(p != NULL);
	ATF_CHECK_EQ(2, b.len);
	ATF_CHECK(p == b.data + 2);
	ATF_CHECK(b.cap >= 100002);
	memset(p, 'x', 100000);
	b.len += 100000;
	/* The reserved bytes fit without moving. */
	ATF_CHECK(buf_reserve(&b, b.cap - b.len) == b.data + b.len);
	ATF_CHECK_EQ(0, memcmp(b.data, "abxx", 4));
}

TEST(buf__formats)
{
	char		long_text[1000];

	memset(long_text, 'y', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	ATF_CHECK_EQ(0, buf_addf(&b, "%d-%s", 42, "x"));
	ATF_CHECK_EQ(4, b.len);
	ATF_CHECK_EQ(0, buf_addf(&b, "%s", long_text));
	ATF_CHECK_EQ(1003, b.len);
	ATF_CHECK_EQ(0, memcmp(b.data, "42-xyyy", 7));
	ATF_CHECK_EQ('y', b.data[1002]);
	ATF_CHECK_EQ(0, buf_addf(&b, "%s", ""));
	ATF_CHECK_EQ(1003, b.len);
}

TEST(buf__drops_from_the_front)
{
	buf_drop(&b, 0);
	buf_drop(&b, 5);
	ATF_REQUIRE_EQ(0, buf_add(&b, "abcdef", 6));
	buf_drop(&b, 2);
	ATF_CHECK_EQ(4, b.len);
	ATF_CHECK_EQ(0, memcmp(b.data, "cdef", 4));
	buf_drop(&b, 4);
	ATF_CHECK_EQ(0, b.len);
	ATF_CHECK_EQ(0, buf_add(&b, "g", 1));
	ATF_CHECK_EQ('g', b.data[0]);
}
