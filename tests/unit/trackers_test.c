/* SPDX-License-Identifier: ISC */
/* The trackers file: good lines are used, bad ones named and skipped. */
#include "common/conf/conf.h"
#include "tests/lib/test.h"
#include "tests/lib/text.h"

static void
check_parsed(const char *text, size_t len, const char *urls,
    const char *complaints)
{
	struct buf out = { 0 }, errors = { 0 };
	char *got_urls, *got_complaints;

	ATF_REQUIRE_EQ(0, trackers_parse("trackers", text, len, &out,
	    &errors));
	got_urls = as_string(&out);
	got_complaints = as_string(&errors);
	ATF_CHECK_STREQ(urls, got_urls);
	ATF_CHECK_STREQ(complaints, got_complaints);
	free(got_urls);
	free(got_complaints);
}

#define CHECK(text, urls, complaints) \
	check_parsed(text, sizeof(text) - 1, urls, complaints)
#define SKIPPED "; expected an announce URL (http, https, udp, ws, wss); " \
	"skipped\n"

TEST(trackers__good_lines)
{
	CHECK("", "", "");
	CHECK("\n# none yet\n \t\n  # here\n", "", "");
	CHECK("http://t.example/announce?passkey=a%20b&x=[1]\n",
	    "", "trackers:1: \"http://t.example/announce?passkey=a%20b&x=[1]\""
	    ": has a byte that must be written as an escape" SKIPPED);
	CHECK("http://t.example/announce?passkey=a%20b\n"
	    "https://t.example:8443/announce\n"
	    "udp://t.example:6969\n"
	    "udp://[2001:db8::1]:6969/announce\n"
	    "ws://t.example/\n"
	    "wss://t.example",
	    "http://t.example/announce?passkey=a%20b\n"
	    "https://t.example:8443/announce\n"
	    "udp://t.example:6969\n"
	    "udp://[2001:db8::1]:6969/announce\n"
	    "ws://t.example/\n"
	    "wss://t.example\n", "");
}

TEST(trackers__blanks_and_line_ends)
{
	CHECK("  http://a/x \t\r\n\r\nhttp://b/x\r\n",
	    "http://a/x\nhttp://b/x\n", "");
}

TEST(trackers__bad_lines_are_skipped)
{
	CHECK("http://a/x\nftp://b/x\nhttp://a/x\nhttp://c/x y\n"
	    "udp://d/announce\nhttp://e\0/x\nhttp:///x\nhttp://f/#x\n"
	    "\"http://g\"\nhttp://a/\n",
	    "http://a/x\nhttp://a/\n",
	    "trackers:2: \"ftp://b/x\": not a known scheme" SKIPPED
	    "trackers:3: \"http://a/x\": given twice" SKIPPED
	    "trackers:4: \"http://c/x y\": has a byte that must be written as "
	    "an escape" SKIPPED
	    "trackers:5: \"udp://d/announce\": without a port" SKIPPED
	    "trackers:6: \"http://e\\x00/x\": has a NUL byte" SKIPPED
	    "trackers:7: \"http:///x\": not a host name or address" SKIPPED
	    "trackers:8: \"http://f/#x\": has a fragment" SKIPPED
	    "trackers:9: \"\\x22http://g\\x22\": not a known scheme" SKIPPED);
}

TEST(trackers__bounds)
{
	struct buf text = { 0 }, out = { 0 }, errors = { 0 };
	size_t i, lines = 0;
	char *e;

	for (i = 0; i < 1500; i++)
		ATF_REQUIRE_EQ(0, buf_addf(&text, "http://t%zu/\n", i));
	ATF_REQUIRE_EQ(0, trackers_parse("trackers", (char *)text.data,
	    text.len, &out, &errors));
	for (i = 0; i < out.len; i++)
		lines += out.data[i] == '\n';
	ATF_CHECK_EQ(1000, lines);
	e = as_string(&errors);
	ATF_CHECK(strstr(e, "trackers:1001: \"http://t1000/\": more than 1000 "
	    "trackers") == e);
	ATF_CHECK(strstr(e, "trackers: and 400 more bad lines\n") != NULL);
	free(e);
	buf_free(&out);
	while (text.len <= 1 << 20)
		ATF_REQUIRE_EQ(0, buf_add(&text, "\n", 1));
	ATF_REQUIRE_EQ(0, trackers_parse("trackers", (char *)text.data,
	    text.len, &out, &errors));
	ATF_CHECK_EQ(0, out.len);
	e = as_string(&errors);
	ATF_CHECK_STREQ("trackers: 1048577 bytes long; expected at most 1M; "
	    "skipped\n", e);
	free(e);
	buf_free(&text);
}

TEST(trackers__sample_has_none)
{
	char text[8192];
	size_t len;
	FILE *f;

	ATF_REQUIRE((f = fopen(fmt("%s/../../etc/trackers",
	    atf_tc_get_config_var(tc, "srcdir")), "r")) != NULL);
	len = fread(text, 1, sizeof(text), f);
	fclose(f);
	ATF_CHECK(len > 0);
	check_parsed(text, len, "", "");
}
