/* SPDX-License-Identifier: ISC */
/* Where addresses can be reached, and which are near each other. */
#include <arpa/inet.h>

#include "pkgtorrentd/tracker/region.h"
#include "tests/lib/test.h"

static const uint8_t *
addr(const char *text)
{
	static uint8_t bytes[2][16];
	static int turn;
	uint8_t *out = bytes[turn ^= 1];

	if (strchr(text, ':') == NULL)
		text = fmt("::ffff:%s", text);
	ATF_REQUIRE_EQ_MSG(1, inet_pton(AF_INET6, text, out), "%s", text);
	return out;
}

TEST(region__of_each_block)
{
	static const struct {
		const char	*addr;
		enum region	 region;
	} all[] = {
		{ "1.0.0.0", REGION_INTERNET },
		{ "9.255.255.255", REGION_INTERNET },
		{ "10.0.0.0", REGION_SITE }, { "10.255.255.255", REGION_SITE },
		{ "11.0.0.0", REGION_INTERNET },
		{ "100.63.255.255", REGION_INTERNET },
		{ "100.64.0.0", REGION_CARRIER },
		{ "100.127.255.255", REGION_CARRIER },
		{ "100.128.0.0", REGION_INTERNET },
		{ "126.255.255.255", REGION_INTERNET },
		{ "127.0.0.1", REGION_HOST },
		{ "127.255.255.255", REGION_HOST },
		{ "128.0.0.0", REGION_INTERNET },
		{ "169.253.255.255", REGION_INTERNET },
		{ "169.254.1.1", REGION_LINK },
		{ "169.255.0.0", REGION_INTERNET },
		{ "172.15.255.255", REGION_INTERNET },
		{ "172.16.0.0", REGION_SITE },
		{ "172.31.255.255", REGION_SITE },
		{ "172.32.0.0", REGION_INTERNET },
		{ "192.167.255.255", REGION_INTERNET },
		{ "192.168.0.0", REGION_SITE },
		{ "192.168.255.255", REGION_SITE },
		{ "192.169.0.0", REGION_INTERNET },
		{ "223.255.255.255", REGION_INTERNET },
		{ "224.0.0.1", REGION_NONE },
		{ "255.255.255.255", REGION_NONE },
		{ "0.0.0.0", REGION_NONE }, { "0.1.2.3", REGION_NONE },
		{ "::1", REGION_HOST }, { "::", REGION_NONE },
		{ "::2", REGION_INTERNET },
		{ "2001:db8::1", REGION_INTERNET },
		{ "fbff::1", REGION_INTERNET },
		{ "fc00::1", REGION_SITE }, { "fdff::1", REGION_SITE },
		{ "fe7f::1", REGION_INTERNET },
		{ "fe80::1", REGION_LINK }, { "febf::1", REGION_LINK },
		{ "fec0::1", REGION_INTERNET }, { "ff02::1", REGION_NONE },
	};

	EACH(row, all)
		ATF_CHECK_EQ_MSG(row->region, region_of(addr(row->addr)),
		    "%s", row->addr);
}

static bool
same(uint64_t number(const uint8_t *), const char *a, const char *b)
{
	return number(addr(a)) == number(addr(b));
}

TEST(region__one_address_and_near_ones)
{
	ATF_CHECK(region_is_v4(addr("1.2.3.4")));
	ATF_CHECK(!region_is_v4(addr("2001:db8::1")));
	ATF_CHECK(!same(region_address, "1.2.3.4", "1.2.3.5"));
	ATF_CHECK(same(region_near, "1.2.3.4", "1.2.3.255"));
	ATF_CHECK(!same(region_near, "1.2.3.4", "1.2.4.4"));
	ATF_CHECK(same(region_address, "2001:db8::1", "2001:db8::ffff:1"));
	ATF_CHECK(!same(region_address, "2001:db8::1", "2001:db8:0:1::1"));
	ATF_CHECK(same(region_near, "2001:db8::1", "2001:db8::2"));
	ATF_CHECK(!same(region_near, "2001:db8::1", "2001:db8:0:1::1"));
	ATF_CHECK(!same(region_address, "1.2.3.4", "::1"));
}
