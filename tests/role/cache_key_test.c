/* SPDX-License-Identifier: ISC */
/* The tracker's key, which the cache makes, keeps and tells the front. */
#include "tests/lib/cache_rig.h"
#include "tests/lib/test.h"

static struct cache_under_test c;
static const uint8_t none[SHA1_LEN];

static void
read_key(uint8_t key[SEAL_LEN])
{
	int fd = open("cache/tracker.key", O_RDONLY);

	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE_EQ(SEAL_LEN, read(fd, key, SEAL_LEN));
	close(fd);
}

static void
write_key(const void *bytes, size_t len)
{
	int fd = open("cache/tracker.key", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE_EQ((ssize_t)len, write(fd, bytes, len));
	close(fd);
}

/* The front's next message is this key, which is in the file. */
static void
expect_key(uint8_t key[SEAL_LEN])
{
	const struct msg_tracker_key *body;
	struct msg msg;

	ATF_REQUIRE(next_answer(&c, &msg));
	ATF_REQUIRE_EQ(MSG_TRACKER_KEY, msg.type);
	body = msg.body;
	read_key(key);
	ATF_CHECK_EQ(0, memcmp(body->key, key, SEAL_LEN));
}

TEST(key__is_told_to_each_front)
{
	uint8_t key[SEAL_LEN], again[SEAL_LEN];
	struct stat st;

	cache_start(&c, "tracker auto\n");
	expect_key(key);
	ATF_REQUIRE_EQ(0, stat("cache/tracker.key", &st));
	ATF_CHECK_EQ(S_IFREG | 0600, st.st_mode);
	new_front(&c);
	expect_key(again);
	ATF_CHECK_EQ(0, memcmp(key, again, SEAL_LEN));
	cache_stop(&c);
	cache_start(&c, "tracker yes\n");
	expect_key(again);
	ATF_CHECK_EQ(0, memcmp(key, again, SEAL_LEN));
}

TEST(key__is_read_again)
{
	uint8_t key[SEAL_LEN] = { 1, 2, 3 }, told[SEAL_LEN];

	cache_start(&c, "tracker auto\n");
	expect_key(told);
	write_key(key, sizeof(key));
	send_conf(&c, "tracker auto\n");
	expect_key(told);
	ATF_CHECK_EQ(0, memcmp(key, told, SEAL_LEN));
	/* The same is not told twice, and a damaged one not at all. */
	send_conf(&c, "tracker auto\n");
	(void)cache_status(&c);
	write_key(key, SEAL_LEN - 1);
	send_conf(&c, "tracker auto\n");
	ATF_CHECK_EQ(1, count_in_log(&c, "tracker.key has 31 bytes"));
	key[0] = 9;
	write_key(key, sizeof(key));
	send_conf(&c, "tracker auto\n");
	expect_key(told);
	ATF_CHECK_EQ(0, memcmp(key, told, SEAL_LEN));
}

/* Not only at the start. */
TEST(key__is_made_when_it_can_be)
{
	uint8_t key[SEAL_LEN];

	ATF_REQUIRE_EQ(0, mkdir("cache", 0700));
	ATF_REQUIRE_EQ(0, mkdir("cache/.new-tracker.key", 0700));
	cache_start(&c, "tracker auto\n");
	ATF_CHECK_EQ(1, count_in_log(&c, "tracker.key cannot be made"));
	ATF_REQUIRE_EQ(0, rmdir("cache/.new-tracker.key"));
	expect_key(key);
}

/* Neither made nor told. */
TEST(key__of_another_file)
{
	cache_start(&c, "tracker-key /etc/some.key\n");
	/* The first message is the answer to that. */
	ATF_CHECK(!knows_info(&c, none));
	ATF_CHECK_EQ(-1, access("cache/tracker.key", F_OK));
}

/* Links, directories and FIFOs in its place are named and left. */
TEST(key__in_the_place_of_something)
{
	int i;

	ATF_REQUIRE_EQ(0, mkdir("cache", 0700));
	for (i = 0; i < 3; i++) {
		if (i == 0)
			ATF_REQUIRE_EQ(0, symlink("/etc/hostname",
			    "cache/tracker.key"));
		else if (i == 1)
			ATF_REQUIRE_EQ(0, mkdir("cache/tracker.key", 0700));
		else
			ATF_REQUIRE_EQ(0, mkfifo("cache/tracker.key", 0600));
		cache_start(&c, "tracker auto\n");
		ATF_CHECK(!knows_info(&c, none));
		ATF_CHECK_EQ(1, count_in_log(&c, "tracker.key cannot be "
		    "read"));
		cache_stop(&c);
		ATF_REQUIRE_EQ(0, remove("cache/tracker.key"));
	}
}
