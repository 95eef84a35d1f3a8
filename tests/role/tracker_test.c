/* SPDX-License-Identifier: ISC */
/* The tracker at work, with the test as its parent and its front. */
#include <arpa/inet.h>

#include "common/clock.h"
#include "common/sandbox/sandbox.h"
#include "pkgtorrentd/tracker/swarms.h"
#include "tests/lib/proc.h"
#include "tests/lib/swarm_check.h"
#include "tests/lib/test.h"

#define ROOT	"root /srv/mirror\n"

static struct proc	v;
static struct channel	front;
static struct msg_announce_item items[ANNOUNCES_MAX];
static uint8_t		buf[MSG_MAX] __attribute__((__aligned__(8)));
static struct msg_peers_item answers[ANNOUNCES_MAX];
static uint64_t		batches;

static void
start(const char *more)
{
	proc_start(&v, ROLE_TRACKER, 0, 0, fmt(ROOT "%s", more));
	proc_stop_at_end(&v);
	front = proc_connect(&v, ROLE_FRONT, 0);
}

static void
set_item(uint32_t i, uint32_t swarm, uint32_t addr, uint16_t port)
{
	struct msg_announce_item *item = &items[i];

	memset(item, 0, sizeof(*item));
	item->id = 1000 + i;
	memcpy(item->info_hash, &swarm, sizeof(swarm));
	item->addr[10] = item->addr[11] = 0xff;
	addr = htonl(addr);
	memcpy(item->addr + 12, &addr, sizeof(addr));
	item->port = port;
	item->event = ANNOUNCE_STARTED;
	item->numwant = NUMWANT_MAX;
}

static void
take_answers(uint32_t count)
{
	const struct msg_peers *peers;
	struct msg_wrong wrong;
	enum msg_verdict verdict;
	const uint8_t *at;
	struct msg msg;
	const char *flaw;
	size_t len;
	uint32_t i;

	while ((verdict = proc_recv(&front, buf, &msg, &wrong)) == MSG_AGAIN)
		proc_wait(&v, front.fd, POLLIN);
	ATF_REQUIRE_EQ(MSG_GOT, verdict);
	ATF_REQUIRE_EQ(MSG_PEERS, msg.type);
	peers = msg.body;
	ATF_REQUIRE_EQ(batches, peers->id);
	ATF_REQUIRE_EQ(count, peers->count);
	at = msg.tail;
	for (i = 0; i < count; i++) {
		memcpy(&answers[i], at, sizeof(answers[i]));
		len = sizeof(answers[i]) + answers[i].n4 * PEER4_LEN +
		    answers[i].n6 * PEER6_LEN;
		ATF_REQUIRE(at + len <= msg.tail + msg.tail_len);
		flaw = swarm_check_answer(&items[i], at, len);
		ATF_REQUIRE_MSG(flaw == NULL, "%s", flaw);
		at += len;
	}
	ATF_REQUIRE(at == msg.tail + msg.tail_len);
}

static void
ask(uint32_t count)
{
	struct msg_announce body = { .id = ++batches, .count = count };

	ATF_REQUIRE_EQ(0, msg_send_wait(&front, MSG_ANNOUNCE, &body, items,
	    count * sizeof(items[0]), NULL, 0));
	take_answers(count);
}

static void
want_status(const char *pattern)
{
	proc_ask_status(&v);
	ATF_CHECK_MSG(strstr(v.line, pattern) != NULL, "no %s in: %s",
	    pattern, v.line);
}

/* The answers to as many announces as a message takes fit one, too. */
TEST(tracker__a_whole_batch)
{
	uint32_t i;

	start("");
	for (i = 0; i < ANNOUNCES_MAX; i++) {
		set_item(i, 1, 0, 1);
		memset(items[i].addr, 0x20, 16);
		items[i].addr[7] = (uint8_t)i;
	}
	ask(ANNOUNCES_MAX);
	ATF_CHECK_EQ(0, answers[0].n6);
	ATF_CHECK_EQ(NUMWANT_MAX, answers[ANNOUNCES_MAX - 1].n6);
	for (i = 0; i < ANNOUNCES_MAX; i++)
		items[i].event = ANNOUNCE_NONE;
	ask(ANNOUNCES_MAX);
	for (i = 0; i < ANNOUNCES_MAX; i++) {
		ATF_CHECK_EQ(NUMWANT_MAX, answers[i].n6);
		ATF_CHECK_EQ(ANNOUNCED_SOON, answers[i].result);
		ATF_CHECK_EQ(ANNOUNCES_MAX, answers[i].incomplete);
	}
	want_status("64 peers of 64 addresses in 1 swarms, 0 seeds");
	want_status("128 announces and scrapes, of these 64 too soon");
}

/* The parent gives a new front another process; a reload gives it another
   channel at most. */
TEST(tracker__another_channel)
{
	start("");
	set_item(0, 1, 0xc0000201, 1);
	ask(1);
	close(front.fd);
	front = proc_connect(&v, ROLE_FRONT, 0);
	set_item(0, 1, 0xc0000202, 1);
	ask(1);
	ATF_CHECK_EQ(1, answers[0].n4);
}

TEST(tracker__reload)
{
	uint32_t i;

	start("tracker-peers 1K\n");
	/* 1024 have room, 10 of an address. */
	for (i = 0; i < 1030; i++) {
		set_item(0, i, 0xc0000000 + (i << 8), 1);
		ask(1);
		ATF_REQUIRE_EQ(i < 1024 ? ANNOUNCED : ANNOUNCED_FULL,
		    answers[0].result);
	}
	proc_hear(&v);
	ATF_CHECK_MSG(strstr(v.line, "tracker-peers (1024) is reached: of 1 "
	    "newcomers 0 took the places") != NULL, "%s", v.line);
	ATF_CHECK_EQ(1, v.lines - (strstr(v.log.data == NULL ? "" :
	    (const char *)v.log.data, "sandbox") != NULL));
	proc_configure(&v, 0, 0, ROOT "tracker-peers 2K\n");
	/* It has read that, once it answers. */
	proc_ask_status(&v);
	set_item(0, i, 0xc0000000 + (i << 8), 1);
	ask(1);
	ATF_CHECK_EQ(ANNOUNCED, answers[0].result);
	want_status("1025 peers of 1025 addresses in 1025 swarms");
	/* The limit of memory was set at the start. */
	ATF_CHECK(strstr((const char *)v.log.data, "restart the service") !=
	    NULL);
	proc_configure(&v, 0, 0, ROOT "tracker-peers 1K\n");
	proc_ask_status(&v);
	for (i = 2000; i < 2010; i++) {
		set_item(0, i, 0xc0000000 + (i << 8), 1);
		ask(1);
		ATF_CHECK_EQ(ANNOUNCED_FULL, answers[0].result);
	}
	want_status("1025 peers of 1025 addresses");
}

/* Of the process, in bytes. */
static size_t
memory_of(pid_t pid)
{
	char line[256];
	unsigned long pages = 0;
	FILE *f = fopen(fmt("/proc/%d/statm", (int)pid), "r");

	ATF_REQUIRE(f != NULL);
	ATF_REQUIRE(fgets(line, sizeof(line), f) != NULL);
	ATF_REQUIRE_EQ(1, sscanf(line, "%*u %lu", &pages));
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Announces of each of these addresses in so many swarms; the number of peers
   that are listed. */
static uint32_t
flood(uint32_t first, uint32_t addresses, uint32_t swarms)
{
	uint32_t i, n, k = 0, listed = 0, all = addresses * swarms;

	for (i = 0; i < all; i += n) {
		n = all - i < ANNOUNCES_MAX ? all - i : ANNOUNCES_MAX;
		for (k = 0; k < n; k++)
			set_item(k, (i + k) / addresses,
			    first + (i + k) % addresses, 6881);
		ask(n);
		for (k = 0; k < n; k++)
			listed += answers[k].result == ANNOUNCED;
	}
	return listed;
}

/* The friends in one swarm, of which nobody is missing afterwards. */
static void
befriend(uint32_t friends)
{
	uint32_t i;

	for (i = 0; i < friends; i++) {
		set_item(0, UINT32_MAX, 0x0a000001 + (i << 8), 51413);
		items[0].event = ANNOUNCE_NONE;
		ask(1);
		ATF_REQUIRE(answers[0].result == ANNOUNCED ||
		    answers[0].result == ANNOUNCED_SOON);
	}
	ATF_REQUIRE_EQ(friends, answers[0].incomplete);
	ATF_REQUIRE_EQ(friends - 1, answers[0].n4);
}

/*
 * One address, and then ten thousand, announce themselves until all places are
 * taken, and on.  Friends and newcomers find each other all the while, and the
 * memory stays within the limit: FULL for a million places.
 */
TEST(tracker__floods, "timeout", "600")
{
	bool full = getenv("FULL") != NULL && getenv("FULL")[0] == '1';
	uint32_t most = full ? 1 << 20 : 1 << 14, each = full ? 140 : 2;
	uint32_t listed, i;
	uint64_t begun_us;
	size_t before;

	start(full ? "tracker-peers 1M\n" : "tracker-peers 16K\n");
	before = memory_of(v.pid);
	befriend(20);
	listed = flood(0xc0000201, 1, most / 50);
	ATF_CHECK_EQ(most / 100, listed);
	befriend(20);
	begun_us = clock_us();
	listed = flood(0xc6000000, 10000, each);
	ATF_CHECK_MSG(listed >= most - most / 50, "%u listed", listed);
	printf("%.1f us for an announce, round trip\n",
	    (double)(clock_us() - begun_us) / (10000.0 * each));
	befriend(20);
	befriend(40);
	want_status(fmt("%u peers of ", most));
	/* The same again, and each address in one swarm more. */
	(void)flood(0xc6000000, 10000, each + 1);
	befriend(40);
	for (i = 0; i < 10; i++) {
		set_item(0, 5000000 + i, 0xcb007100 + i, 1);
		ask(1);
		ATF_CHECK_EQ(ANNOUNCED, answers[0].result);
	}
	printf("%.1f bytes a peer\n",
	    (double)(memory_of(v.pid) - before) / most);
#ifndef SANDBOX_SANITIZED
	ATF_CHECK(memory_of(v.pid) - before < (size_t)most * 200);
#endif
}
