/* SPDX-License-Identifier: ISC */
#include "pkgtorrentd/front/http/announce.h"
#include "tests/lib/test.h"
#include "tests/lib/text.h"

#define HASH	"info_hash=%00%01%02%03%04%05%06%07%08%09abcdefghij"
#define GOOD	HASH "&port=6881&left=5"

static struct announce_query q;
static const uint8_t hash[SHA1_LEN] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
	'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'
};

static const char *
read_query(const char *query)
{
	memset(&q, 0xaa, sizeof(q));
	return announce_read(str_of(query), &q);
}

TEST(announce__plain)
{
	ATF_REQUIRE_EQ(NULL, read_query(GOOD));
	ATF_CHECK_EQ(0, memcmp(q.info_hash, hash, SHA1_LEN));
	ATF_CHECK_EQ(6881, q.port);
	ATF_CHECK_EQ(ANNOUNCE_NONE, q.event);
	ATF_CHECK(!q.seed);
	ATF_CHECK(!q.dicts);
	ATF_CHECK_EQ(NUMWANT_MAX, q.numwant);
}

/* As the clients write them, see tests/client. */
TEST(announce__clients)
{
	static const char *const aria2 = HASH "&peer_id=A2-1-36-0-%9C&"
	    "uploaded=0&downloaded=0&left=0&compact=1&key=A2-1&numwant=50&"
	    "no_peer_id=1&port=65535&event=completed&supportcrypto=1";
	static const char *const libtorrent = HASH "&peer_id=-LT2080-x&"
	    "port=1&uploaded=0&downloaded=0&left=18446744073709551615&"
	    "corrupt=0&key=0A1B2C3D&event=started&numwant=200&compact=1&"
	    "no_peer_id=1&supportcrypto=1&redundant=0";

	ATF_REQUIRE_EQ(NULL, read_query(aria2));
	ATF_CHECK(q.seed);
	ATF_CHECK_EQ(65535, q.port);
	ATF_CHECK_EQ(ANNOUNCE_COMPLETED, q.event);
	ATF_REQUIRE_EQ(NULL, read_query(libtorrent));
	ATF_CHECK(!q.seed);
	ATF_CHECK_EQ(1, q.port);
	ATF_CHECK_EQ(ANNOUNCE_STARTED, q.event);
	ATF_CHECK_EQ(NUMWANT_MAX, q.numwant);
}

/* Fields that a client could use to speak for another. */
TEST(announce__ignored)
{
	ATF_CHECK_EQ(NULL, read_query(GOOD "&ip=192.0.2.1&ip=x&ipv4=%&ipv6=&"
	    "key=%zz&peer_id=1&peer_id=2&uploaded=-1&downloaded=x&&&x&="));
	ATF_CHECK_EQ(NULL, read_query("&" GOOD "&"));
}

TEST(announce__values)
{
	static const struct {
		const char		*more;
		enum announce_event	 event;
		uint8_t			 numwant;
		bool			 dicts;
	} good[] = {
		{ "&event=", ANNOUNCE_NONE, 50, false },
		{ "&event", ANNOUNCE_NONE, 50, false },
		{ "&event=stopped", ANNOUNCE_STOPPED, 50, false },
		{ "&event=paused", ANNOUNCE_NONE, 50, false },
		{ "&numwant=0", ANNOUNCE_NONE, 0, false },
		{ "&numwant=7", ANNOUNCE_NONE, 7, false },
		{ "&numwant=50", ANNOUNCE_NONE, 50, false },
		{ "&numwant=51", ANNOUNCE_NONE, 50, false },
		{ "&numwant=99999999999999999999999", ANNOUNCE_NONE, 50,
		    false },
		{ "&numwant=-1", ANNOUNCE_NONE, 50, false },
		{ "&compact=0", ANNOUNCE_NONE, 50, true },
		{ "&compact=1", ANNOUNCE_NONE, 50, false },
	};

	EACH(p, good) {
		ATF_REQUIRE_EQ_MSG(NULL, read_query(fmt("%s%s", GOOD,
		    p->more)),
		    "%s", p->more);
		ATF_CHECK_EQ(p->event, q.event);
		ATF_CHECK_EQ(p->numwant, q.numwant);
		ATF_CHECK_EQ(p->dicts, q.dicts);
	}
}

TEST(announce__refused)
{
	static const struct {
		const char	*query;
		const char	*word;	/* of the reason */
	} bad[] = {
		{ "", "no info_hash" },
		{ "port=1&left=0", "no info_hash" },
		{ "Info_hash=aaaaaaaaaaaaaaaaaaaa&port=1&left=0",
		    "no info_hash" },
		{ HASH "&left=0", "no field port" },
		{ HASH "&port=1", "no field left" },
		{ "info_hash=&port=1&left=0", "20 bytes" },
		{ "info_hash&port=1&left=0", "20 bytes" },
		{ "info_hash=aaaaaaaaaaaaaaaaaaa&port=1&left=0", "20 bytes" },
		{ "info_hash=aaaaaaaaaaaaaaaaaaaaa&port=1&left=0",
		    "20 bytes" },
		{ "info_hash=aaaaaaaaaaaaaaaaaaa%4&port=1&left=0", "%" },
		{ "info_hash=aaaaaaaaaaaaaaaaaaa%4g&port=1&left=0", "%" },
		{ "info_hash=aaaaaaaaaaaaaaaaaaa%", "%" },
		{ GOOD "&" HASH, "several info_hash" },
		{ HASH "&port=0&left=0", "port" },
		{ HASH "&port=65536&left=0", "port" },
		{ HASH "&port=4294967297&left=0", "port" },
		{ HASH "&port=18446744073709551617&left=0", "port" },
		{ HASH "&port=&left=0", "port" },
		{ HASH "&port=-1&left=0", "port" },
		{ HASH "&port=+1&left=0", "port" },
		{ HASH "&port=0x1&left=0", "port" },
		{ HASH "&port=6881;&left=0", "port" },
		{ HASH "&port=%31&left=0", "port" },
		{ HASH "&port=1&left=", "left" },
		{ HASH "&port=1&left=-1", "left" },
		{ HASH "&port=1&left=1e3", "left" },
		{ GOOD "&event=begun", "event" },
		{ GOOD "&event=Started", "event" },
		{ GOOD "&numwant=", "numwant" },
		{ GOOD "&numwant=-2", "numwant" },
		{ GOOD "&numwant=many", "numwant" },
		{ GOOD "&compact=", "compact" },
		{ GOOD "&compact=2", "compact" },
		{ GOOD "&compact=00", "compact" },
		{ GOOD "&port=6881", "twice" },
		{ GOOD "&left=5", "twice" },
		{ GOOD "&event=&event=", "twice" },
		{ GOOD "&numwant=1&numwant=1", "twice" },
		{ GOOD "&compact=1&compact=1", "twice" },
	};
	const char *why;

	EACH(p, bad) {
		why = read_query(p->query);
		ATF_REQUIRE_MSG(why != NULL, "taken: %s", p->query);
		ATF_CHECK_MSG(strstr(why, p->word) != NULL, "%s: %s",
		    p->query, why);
	}
	ATF_CHECK(announce_read((struct str){ NULL, 0 }, &q) != NULL);
}

TEST(announce__scrape)
{
	uint8_t got[SHA1_LEN];
	const char *why;

	ATF_CHECK_EQ(NULL, announce_read_scrape(str_of(HASH "&port=0"), got));
	ATF_CHECK_EQ(0, memcmp(got, hash, SHA1_LEN));
	ATF_CHECK(announce_read_scrape((struct str){ NULL, 0 }, got) != NULL);
	ATF_CHECK(announce_read_scrape(str_of("port=1"), got) != NULL);
	why = announce_read_scrape(str_of(HASH "&" HASH), got);
	ATF_REQUIRE(why != NULL);
	ATF_CHECK(strstr(why, "one torrent at a time") != NULL);
}

static void
check_answer(const char *out, size_t len, const char *expect, size_t expect_len)
{
	ATF_CHECK_EQ_MSG(expect_len, len, "%.*s", (int)len, out);
	ATF_CHECK_EQ_MSG(0, memcmp(out, expect, expect_len), "%.*s", (int)len,
	    out);
}

#define CHECK_ANSWER(out, len, expect)					\
	check_answer(out, len, expect, sizeof(expect) - 1)

TEST(announce__answer)
{
	static const uint8_t four[] = { 192, 0, 2, 1, 0x1a, 0xe1,
		198, 51, 100, 7, 0, 1 };
	static const uint8_t six[PEER6_LEN] = { 0x20, 0x01, 0x0d,
		0xb8, [15] = 1, [16] = 0xff, [17] = 0xff };
	struct announce_answer a = { .complete = 1, .incomplete = 23,
		.interval_s = 120 };
	char out[ANNOUNCE_ANSWER_MAX];

	CHECK_ANSWER(out, announce_build(out, &a, false), "d8:completei1e"
	    "10:incompletei23e8:intervali120e12:min intervali30e5:peers0:e");
	CHECK_ANSWER(out, announce_build(out, &a, true), "d8:completei1e"
	    "10:incompletei23e8:intervali120e12:min intervali30e5:peerslee");
	a.peers4 = four;
	a.n4 = 2;
	a.peers6 = six;
	a.n6 = 1;
	CHECK_ANSWER(out, announce_build(out, &a, false), "d8:completei1e"
	    "10:incompletei23e8:intervali120e12:min intervali30e5:peers12:"
	    "\xc0\0\2\1\x1a\xe1\xc6\x33\x64\7\0\1" "6:peers618:"
	    "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\xff\xff" "e");
	CHECK_ANSWER(out, announce_build(out, &a, true), "d8:completei1e"
	    "10:incompletei23e8:intervali120e12:min intervali30e5:peersl"
	    "d2:ip9:192.0.2.14:porti6881ee" "d2:ip12:198.51.100.74:porti1ee"
	    "d2:ip11:2001:db8::14:porti65535ee" "ee");
}

TEST(announce__answer_with_a_warning)
{
	struct announce_answer a = { .interval_s = 1800, .warning = "full" };
	char out[ANNOUNCE_ANSWER_MAX];

	CHECK_ANSWER(out, announce_build(out, &a, false), "d8:completei0e"
	    "10:incompletei0e8:intervali1800e12:min intervali450e5:peers0:"
	    "15:warning message4:fulle");
}

/* The largest answer has room. */
TEST(announce__answer_most)
{
	static uint8_t six[NUMWANT_MAX * PEER6_LEN];
	struct announce_answer a = { .complete = UINT32_MAX,
		.incomplete = UINT32_MAX, .interval_s = UINT32_MAX,
		.peers6 = six, .n6 = NUMWANT_MAX };
	char out[ANNOUNCE_ANSWER_MAX];

	memset(six, 0xff, sizeof(six));
	ATF_CHECK(announce_build(out, &a, true) < sizeof(out));
	ATF_CHECK(announce_build(out, &a, true) > 3000);
}

TEST(announce__answer_scrape)
{
	struct announce_answer a = { .complete = 1, .incomplete = 2,
		.downloaded = 3 };
	char out[ANNOUNCE_ANSWER_MAX];

	CHECK_ANSWER(out, announce_build_scrape(out, hash, &a),
	    "d5:filesd20:\0\1\2\3\4\5\6\7\10\11" "abcdefghijd8:completei1e"
	    "10:downloadedi3e10:incompletei2eeee");
}

TEST(announce__answer_failure)
{
	char out[ANNOUNCE_ANSWER_MAX];

	CHECK_ANSWER(out, announce_build_failure(out, "no", 0),
	    "d14:failure reason2:no8:retry in5:nevere");
	CHECK_ANSWER(out, announce_build_failure(out, "later", 2),
	    "d14:failure reason5:later8:retry ini2ee");
}
