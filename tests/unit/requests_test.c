/* SPDX-License-Identifier: ISC */
/* The queue of the cache: how much may wait, and what a question must be. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "pkgtorrentd/cache/request.h"
#include "tests/lib/test.h"

#define MAX	1024		/* REQUESTS_MAX */
#define BYTES	(16U << 20)	/* BYTES_MAX */

static struct child	child;
static struct store	store;
static struct requests	q;

static void
start(void)
{
	static const char text[] = "root /usr\n";
	struct buf errors = { 0 };
	struct conf *conf;
	struct packs *packs;

	child.front.fd = -1;
	store.dirfd = open(".", O_RDONLY | O_DIRECTORY);
	ATF_REQUIRE(store.dirfd != -1);
	store.entry_max = 1U << 20;
	packs = packs_new(&store);
	conf = conf_parse("test", text, strlen(text), NULL, &errors);
	ATF_REQUIRE(packs != NULL && conf != NULL);
	packs_configure(packs, conf);
	requests_init(&q, &child, &store, packs);
}

static void
ask_info(uint32_t client)
{
	struct msg_get_info body = { .client = client };
	struct msg msg = { .type = MSG_GET_INFO, .body = &body };

	ATF_REQUIRE_EQ(FAULT_NONE, requests_get_info(&q, &msg));
}

/* One file, whose path has so many bytes. */
static enum msg_fault
ask_pieces(uint32_t count, uint32_t len, size_t tail_len)
{
	static uint8_t tail[MSG_TAIL_MAX];
	struct msg_get_pieces body = { .piece_len = 1U << 20,
	    .count = count };
	struct msg msg = { .type = MSG_GET_PIECES, .body = &body,
	    .tail = tail, .tail_len = tail_len };
	struct msg_file file = { .len = len };

	memcpy(tail, &file, sizeof(file));
	memset(tail + sizeof(file), '/', sizeof(tail) - sizeof(file));
	return requests_get_pieces(&q, &msg);
}

TEST(requests__many_leave_no_room)
{
	uint32_t i;

	start();
	ATF_CHECK(!requests_turn(&q));
	for (i = 0; i < MAX; i++) {
		ATF_REQUIRE(requests_have_room(&q));
		ask_info(i);
	}
	ATF_CHECK(!requests_have_room(&q));
	while (requests_turn(&q))
		continue;
	ATF_CHECK(requests_have_room(&q));
	ATF_CHECK_EQ(0, q.n);
	ATF_CHECK_EQ(MAX, child.counts[COUNT_INFO_MISSES]);
}

TEST(requests__long_ones_leave_no_room)
{
	const uint32_t len = SPEC_MAX;
	const size_t tail = sizeof(struct msg_file) + len;
	size_t n = 0;

	start();
	for (; requests_have_room(&q); n++)
		ATF_REQUIRE_EQ(FAULT_NONE, ask_pieces(1, len, tail));
	/* The number is reached before, with tails of one path each. */
	ATF_CHECK_EQ(MAX, n);
	requests_drop(&q);
	ATF_CHECK_EQ(0, q.n);
	ATF_CHECK_EQ(0, q.bytes);
	requests_make(&q, NULL, 0, BYTES - 1);
	ATF_CHECK(requests_have_room(&q));
	requests_make(&q, NULL, 0, 1);
	ATF_CHECK(!requests_have_room(&q));
	requests_drop(&q);
	ATF_CHECK(requests_have_room(&q));
}

TEST(requests__pieces_are_checked)
{
	const size_t head = sizeof(struct msg_file);

	start();
	ATF_CHECK_EQ(FAULT_CONTENT, ask_pieces(1, 0, head));
	ATF_CHECK_EQ(FAULT_CONTENT, ask_pieces(1, 5, head + 4));
	ATF_CHECK_EQ(FAULT_CONTENT, ask_pieces(1, 5, head + 6));
	ATF_CHECK_EQ(FAULT_CONTENT, ask_pieces(2, 5, head + 5));
	ATF_CHECK_EQ(FAULT_CONTENT, ask_pieces(1, SPEC_MAX + 1,
	    head + SPEC_MAX + 1));
	ATF_CHECK_EQ(FAULT_CONTENT, ask_pieces(1, 5, head - 1));
	ATF_CHECK_EQ(0, q.n);
	ATF_CHECK_EQ(FAULT_NONE, ask_pieces(0, 5, 0));
	ATF_CHECK_EQ(FAULT_NONE, ask_pieces(1, 5, head + 5));
	while (requests_turn(&q))
		continue;
	ATF_CHECK_EQ(1, child.counts[COUNT_PIECES_MISSES]);
}
