/* SPDX-License-Identifier: ISC */
/* pkgtorrentd.conf(5): configurations that are read, those that are refused,
   and the complaints. */
#include <sys/un.h>

#include <arpa/inet.h>
#include <syslog.h>

#include "common/conf/conf.h"
#include "common/conf/keyword.h"
#include "tests/lib/conf_text.h"
#include "tests/lib/test.h"
#include "tests/lib/text.h"

#define BAD_IS(expected, ...) do {					\
	char *e_ = bad(__VA_ARGS__);					\
	ATF_CHECK_STREQ(expected, e_);					\
	free(e_);							\
} while (0)

/* One complaint, of this line (the second), that says these things. */
static void
check_refused(const char *line, const char *one, const char *two)
{
	char *e;

	e = bad(fmt(ROOT "%s\n", line), NULL);
	ATF_CHECK_MSG(strncmp(e, "x.conf:2: ", 10) == 0 &&
	    strchr(e, '\n') == e + strlen(e) - 1, "%s -> %s", line, e);
	ATF_CHECK_MSG(strstr(e, one) != NULL, "%s -> %s", line, e);
	ATF_CHECK_MSG(strstr(e, two) != NULL, "%s -> %s", line, e);
	free(e);
}

static void
check_taken(const char *line)
{
	conf_free(good(fmt(ROOT "%s\n", line), NULL));
}

/* Each of these values of a keyword is refused, with that said. */
static void
check_values_refused(const char *keyword, const char *const *values,
    const char *said)
{
	for (; *values != NULL; values++)
		check_refused(fmt("%s %s", keyword, *values), said, "");
}

/* The configuration at hand, up to the next one. */
static struct conf *c;
static char *e;

#define USE(...) do {							\
	conf_free(c);							\
	c = good(__VA_ARGS__, NULL);					\
} while (0)

TEST(conf__defaults)
{
	enum role role;

	USE(ROOT);
	ATF_REQUIRE_EQ(2, c->nlisten);
	ATF_CHECK_STREQ("127.0.0.1:8080", c->listen[0].text);
	ATF_CHECK_STREQ("[::1]:8080", c->listen[1].text);
	ATF_REQUIRE_EQ(1, c->nroots);
	ATF_CHECK_STREQ("", c->roots[0].prefix);
	ATF_CHECK_STREQ("/srv/mirror", c->roots[0].dir);
	ATF_CHECK_EQ(0, c->deny.n);
	ATF_CHECK_STREQ("/var/cache/torrent_service", c->cache);
	ATF_CHECK_STREQ("/var/lib/torrent_service/trackers", c->trackers);
	ATF_CHECK_STREQ("torrent_service", c->service);
	ATF_CHECK(c->base_url == NULL);
	ATF_CHECK_EQ(0, c->web_seeds.n);
	ATF_CHECK_EQ(0, c->hosts.n);
	ATF_CHECK_EQ(2, c->nproxies);
	ATF_CHECK(!c->serve_files);
	ATF_CHECK(!c->cors);
	ATF_CHECK(c->hashers >= 1 && c->hashers <= 64);
	ATF_CHECK_EQ(1U << 20, c->piece_len);
	ATF_CHECK(!c->padding_attr);
	ATF_CHECK_EQ(50000, c->hash_wait_ms);
	ATF_CHECK_EQ(5000, c->revalidate_ms);
	ATF_CHECK_EQ(2ULL << 30, c->cache_size);
	ATF_CHECK_EQ(30 * 86400ULL, c->cache_age_s);
	ATF_CHECK_EQ(1U << 20, c->tracker_peers);
	for (role = ROLE_FRONT; role < ROLE_COUNT; role++)
		ATF_CHECK_STREQ("_pkgtorrent", c->user[role]);
	ATF_CHECK(c->user[ROLE_PARENT] == NULL);
	ATF_CHECK(c->strict);
	ATF_CHECK_EQ(LOG_INFO, c->log_level);
	ATF_CHECK_EQ(ACCESS_LOG_NO, c->access_log);
	ATF_CHECK_EQ(1024, c->max_connections);
	ATF_CHECK_EQ(32, c->max_connections_per_client);
	ATF_CHECK_EQ(4, c->max_jobs_per_client);
	ATF_CHECK_EQ(256, c->max_queue);
	ATF_CHECK_EQ(2ULL << 20, c->max_body);
	ATF_CHECK_EQ(10000, c->max_paths);
	ATF_CHECK_EQ(10000, c->max_files);
	ATF_CHECK_EQ(2ULL << 40, c->max_bytes);
	ATF_CHECK_EQ(64ULL << 20, c->max_torrent);
	ATF_CHECK_EQ(64ULL << 20, c->hot_size);
	ATF_CHECK_EQ(256ULL << 20, c->answer_memory);
	ATF_CHECK_EQ(SHA1_AUTO, c->sha1_impl);
	ATF_CHECK_EQ(10000, c->header_timeout_ms);
	ATF_CHECK_EQ(20000, c->body_timeout_ms);
	ATF_CHECK_EQ(30000, c->idle_timeout_ms);
	ATF_CHECK_EQ(20000, c->write_timeout_ms);
}

TEST(conf__words_and_comments)
{
	USE("# comment \"with one quote\n\n \t\n"
	    "\troot\t \"/srv/a b\"   # after the arguments\n"
	    "root /q\"u o\"te \"/a\\\"b\\\\c\\d\"\n"
	    "deny /a#b\n", "deny /only\\this");
	ATF_CHECK_STREQ("/srv/a b", c->roots[0].dir);
	ATF_CHECK_STREQ("/qu ote", c->roots[1].prefix);
	ATF_CHECK_STREQ("/a\"b\\c\\d", c->roots[1].dir);
	ATF_REQUIRE_EQ(1, c->deny.n);
	ATF_CHECK_STREQ("/only\\this", c->deny.v[0]);
	/* No line end at the end; a keyword in capitals. */
	USE(ROOT "deny /a#b\nHashers 3");
	ATF_CHECK_STREQ("/a#b", c->deny.v[0]);
	ATF_CHECK_EQ(3, c->hashers);
	check_refused("cache \"/open", "no closing \"", "");
	check_refused("cache \"\"", "cache \"\": not an absolute path", "");
}

TEST(conf__control_bytes)
{
	static const char nul[] = ROOT "service a\0b\n# \0\n";
	struct buf errors = { 0 };

	ATF_REQUIRE(conf_parse("x.conf", nul, sizeof(nul) - 1, NULL,
	    &errors) == NULL);
	e = as_string(&errors);
	ATF_CHECK_STREQ("x.conf:2: control byte 0x00; expected plain text "
	    "with Unix line ends\n"
	    "x.conf:3: control byte 0x00; expected plain text "
	    "with Unix line ends\n", e);
	free(e);
	check_refused("service a\r", "control byte 0x0d", "Unix line ends");
	check_refused("service a\177b", "control byte 0x7f", "");
	e = bad(ROOT, "service a\nhashers 1", NULL);
	ATF_CHECK(strstr(e, "control byte 0x0a") != NULL);
	free(e);
}

TEST(conf__too_long)
{
	struct buf errors = { 0 }, text = { 0 };

	ATF_REQUIRE_EQ(0, buf_addf(&text, ROOT));
	while (text.len < CONF_TEXT_MAX)
		ATF_REQUIRE_EQ(0, buf_add(&text, "\n", 1));
	c = conf_parse("x.conf", (char *)text.data, text.len, NULL, &errors);
	ATF_CHECK(c != NULL);
	conf_free(c);
	ATF_REQUIRE_EQ(0, buf_add(&text, "\n", 1));
	c = conf_parse("x.conf", (char *)text.data, text.len, NULL, &errors);
	ATF_CHECK(c == NULL);
	e = as_string(&errors);
	ATF_CHECK_STREQ("x.conf: 1048577 bytes long; expected at most 1M\n",
	    e);
	free(e);
	buf_free(&text);
}

TEST(conf__complaints_all_in_one_go)
{
	BAD_IS("x.conf:1: hashers \"many\": not a number; "
	    "expected a number from 1 to 64\n"
	    "x.conf:3: unknown keyword \"hasher\"; "
	    "expected one of pkgtorrentd.conf(5)\n"
	    "x.conf:4: unknown keyword \"colour\"; "
	    "expected one of pkgtorrentd.conf(5)\n"
	    "x.conf:5: padding \"none\": not known; expected legacy or attr\n"
	    "x.conf:6: service \"b\": one argument too many; "
	    "expected a name without slashes\n"
	    "x.conf:7: cache: no argument; expected an absolute path\n"
	    "-o \"log-level loud\": log-level \"loud\": not known; "
	    "expected error, warning, info or debug\n"
	    "-o \"\": empty; expected keyword and argument\n"
	    "x.conf: root: not set; expected root DIRECTORY, the mirror's "
	    "document root\n",
	    "hashers many\n\nhasher 3\ncolour red\npadding none\n"
	    "service a b\ncache\n", "log-level loud", "", NULL);
}

TEST(conf__complaints_bounded)
{
	struct buf text = { 0 };
	int i;

	for (i = 0; i < 5000; i++)
		ATF_REQUIRE_EQ(0, buf_add(&text, "x\n", 2));
	ATF_REQUIRE_EQ(0, buf_add(&text, "", 1));
	e = bad((char *)text.data, NULL);
	ATF_CHECK(strstr(e, "x.conf:1000: ") != NULL);
	ATF_CHECK(strstr(e, "x.conf:1001: ") == NULL);
	ATF_CHECK(strstr(e, "x.conf: and 4001 more\n") != NULL);
	free(e);
	buf_free(&text);
}

TEST(conf__equals_sign)
{
	check_refused("hashers=4", "unknown keyword \"hashers=4\"",
	    "expected a blank, not =");
	check_refused("hashers = 4", "one argument too many", "hashers \"4\"");
}

TEST(conf__given_twice)
{
	BAD_IS("x.conf:4: hashers: given in line 2 already; expected it "
	    "once\n", ROOT "hashers 1\n\nhashers 1\n", NULL);
	check_refused("root /other", "root \"/other\": a second document root",
	    "");
	check_refused("root / /other", "a second document root", "");
	check_taken("root /pub /other");
	BAD_IS("x.conf:3: root \"/pub\": prefix given twice; expected "
	    "DIRECTORY or /prefix DIRECTORY, both absolute\n",
	    "root /pub /a\n" ROOT "root /pub/ /b\n", NULL);
	/* Another way to write the same address. */
	e = bad(ROOT "listen [::1]:80\nlisten [0:0:0::1]:080\n", NULL);
	ATF_CHECK(strstr(e, "x.conf:3: listen \"[0:0:0::1]:080\": given twice"
	    ) == e);
	free(e);
	e = bad(ROOT "proxy 10.0.0.1\nproxy 10.0.0.2\n", NULL);
	ATF_CHECK(strstr(e, "x.conf:3: proxy: given in line 2 already") == e);
	free(e);
	e = bad(ROOT "web-seed http://a\nweb-seed http://a/\n", NULL);
	ATF_CHECK(strstr(e, "x.conf:3: web-seed \"http://a\": given twice")
	    == e);
	free(e);
}

TEST(conf__overrides)
{
	USE(ROOT "hashers 2\nlisten 127.0.0.1:1\nlisten 127.0.0.1:2\n"
	    "deny /a\ncache /file\nproxy 10.0.0.1 10.0.0.2\n"
	    "access-log /file\nuser cache x\nbase-url http://a\n",
	    "hashers 3", "listen 127.0.0.1:3", "listen 127.0.0.1:1",
	    "root /other", "cache /o", "proxy none", "access-log no",
	    "user nobody", "base-url http://b");
	ATF_CHECK_EQ(3, c->hashers);
	ATF_REQUIRE_EQ(2, c->nlisten);
	ATF_CHECK_STREQ("127.0.0.1:3", c->listen[0].text);
	ATF_CHECK_STREQ("127.0.0.1:1", c->listen[1].text);
	ATF_REQUIRE_EQ(1, c->nroots);
	ATF_CHECK_STREQ("/other", c->roots[0].dir);
	ATF_CHECK_STREQ("/o", c->cache);
	ATF_CHECK_EQ(0, c->nproxies);
	ATF_CHECK_EQ(ACCESS_LOG_NO, c->access_log);
	ATF_CHECK(c->access_log_file == NULL);
	ATF_CHECK_STREQ("nobody", c->user[ROLE_CACHE]);
	ATF_CHECK_STREQ("http://b", c->base_url);
	ATF_CHECK_EQ(1, c->deny.n);
	/* The root may come from -o alone; the file's lines must be right
	   all the same. */
	conf_free(good("", "root /x", NULL));
	BAD_IS("x.conf:1: hashers \"0\": too small; expected a number from 1 "
	    "to 64\n", "hashers 0\n" ROOT, "hashers 2", NULL);
	BAD_IS("-o \"hashers 3\": hashers: given by -o already; expected it "
	    "once\n", ROOT, "hashers 2", "hashers 3", NULL);
	BAD_IS("-o \"service \\x22a/b\\x22\": service \"a/b\": not a single "
	    "path component; expected a name without slashes\n", ROOT,
	    "service \"a/b\"", NULL);
}

TEST(conf__numbers)
{
	static const char *const refused[][2] = {
		{ "hashers 0", "too small" }, { "hashers 65", "too large" },
		{ "hashers -1", "not a number" }, { "hashers +1", "not a" },
		{ "hashers 1.5", "not a whole" }, { "hashers 1K", "not a wh" },
		{ "hashers \" 1\"", "not a number" },
		{ "hashers 0x4", "not a whole number" },
		{ "hashers 18446744073709551617", "too large" },
		{ "max-bytes 99999999T", "too large" },
		{ "max-bytes 18446744073709551616", "too large" },
		{ "max-bytes 16777216T", "too large" },
		{ "max-body 2MB", "one unit" }, { "max-body M", "not a num" },
		{ "max-body 1023", "too small" }, { "max-body 2d", "one unit" },
		{ "cache-size 1023K", "too small" },
		{ "piece-length 8K", "too small" },
		{ "piece-length 32M", "too large" },
		{ "piece-length 3M", "not a power of two" },
		{ "simple-piece-length 8K", "too small" },
		{ "simple-piece-length 3M", "not a power of two" },
		{ "simple-piece-length Auto", "not a number" },
		{ "hash-wait 11m", "too large" }, { "hash-wait 1h30m", "one" },
		{ "hash-wait 5000ms", "one unit" },
		{ "idle-timeout 0", "too small" },
		{ "max-files 200001", "too large" },
		{ "max-connections 0", "too small" },
	};

	EACH(each, refused)
		check_refused((*each)[0], (*each)[1], " from ");
	check_refused("piece-length 3M", "expected a power of two from 16K to "
	    "16M", "");
	check_refused("simple-piece-length x", "expected auto or a power of "
	    "two from 16K to 16M", "");
	check_refused("hash-wait x", "expected a time from 0 to 10m", "");
	check_refused("cache-size x", "expected a size from 1M to 1024T", "");
	USE(ROOT "hashers 64\nmax-bytes 1024T\nmax-body 2m\n"
	    "cache-size 1048576\npiece-length 16k\nhash-wait 600\n"
	    "revalidate 0\ncache-age 1d\nidle-timeout 1m\nmax-files 200000\n");
	ATF_CHECK_EQ(64, c->hashers);
	ATF_CHECK_EQ(1ULL << 50, c->max_bytes);
	ATF_CHECK_EQ(2U << 20, c->max_body);
	ATF_CHECK_EQ(1U << 20, c->cache_size);
	ATF_CHECK_EQ(16384, c->piece_len);
	ATF_CHECK_EQ(600000, c->hash_wait_ms);
	ATF_CHECK_EQ(0, c->revalidate_ms);
	ATF_CHECK_EQ(86400, c->cache_age_s);
	ATF_CHECK_EQ(60000, c->idle_timeout_ms);
	ATF_CHECK_EQ(200000, c->max_files);
}

/* One kind for one length, so that simple and single share torrents. */
TEST(conf__simple_piece_length)
{
	USE(ROOT);
	ATF_CHECK_EQ(0, c->simple_piece_len);
	ATF_CHECK_EQ(PIECE_AUTO, conf_simple_kind(c));
	ATF_CHECK_EQ(0, conf_piece_len(c, PIECE_AUTO));
	ATF_CHECK_EQ(1U << 20, conf_piece_len(c, PIECE_LENGTH));
	USE(ROOT "piece-length 2M\nsimple-piece-length 256K\n");
	ATF_CHECK_EQ(PIECE_SIMPLE, conf_simple_kind(c));
	ATF_CHECK_EQ(256U << 10, conf_piece_len(c, PIECE_SIMPLE));
	ATF_CHECK_EQ(0, conf_piece_len(c, PIECE_AUTO));
	USE(ROOT "piece-length 2M\nsimple-piece-length 2M\n");
	ATF_CHECK_EQ(PIECE_LENGTH, conf_simple_kind(c));
	USE(ROOT "simple-piece-length auto\n");
	ATF_CHECK_EQ(PIECE_AUTO, conf_simple_kind(c));
}

TEST(conf__listen)
{
	static const char *const refused[] = {
		"*:80", "localhost:80", "127.0.0.1", "80", ":80", "127.1:80",
		"127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:+1",
		"127.0.0.1:", "127.0.0.1:http", "::1:80", "[::1]", "[::1]80",
		"[127.0.0.1]:80", "[fe80::1%lo]:80", "[::1:80", "[]:80",
		"run/socket", "/run/socket/"
	};
	const struct sockaddr_in *sin;
	const struct sockaddr_in6 *sin6;
	const struct sockaddr_un *sun;
	char longest[128];

	EACH(each, refused)
		check_refused(fmt("listen %s", *each), *each,
		    "expected ADDRESS:PORT, "
		    "[ADDRESS6]:PORT or /path/to/socket");
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(sun->sun_path)] = '\0';
	check_refused(fmt("listen %s", longest), "too long for a socket", "");
	longest[sizeof(sun->sun_path) - 1] = '\0';
	check_taken(fmt("listen %s", longest));

	USE(ROOT "listen 0.0.0.0:65535\nlisten [::]:1\nlisten /run/s\n");
	ATF_REQUIRE_EQ(3, c->nlisten);
	sin = (const struct sockaddr_in *)&c->listen[0].addr;
	ATF_CHECK_EQ(AF_INET, sin->sin_family);
	ATF_CHECK_EQ(65535, ntohs(sin->sin_port));
	ATF_CHECK_EQ(sizeof(*sin), c->listen[0].addr_len);
	sin6 = (const struct sockaddr_in6 *)&c->listen[1].addr;
	ATF_CHECK_EQ(AF_INET6, sin6->sin6_family);
	ATF_CHECK_EQ(1, ntohs(sin6->sin6_port));
	sun = (const struct sockaddr_un *)&c->listen[2].addr;
	ATF_CHECK_EQ(AF_UNIX, sun->sun_family);
	ATF_CHECK_STREQ("/run/s", sun->sun_path);
	ATF_CHECK_STREQ("/run/s", c->listen[2].text);
}

TEST(conf__proxy)
{
	static const char *const refused[] = {
		"10.0.0.1/8", "10.0.0.0/33", "::/129", "10.0.0.0/",
		"10.0.0.0/+8", "10.0.0.0/0008", "10.0.0.0/8/8", "proxy.example",
		"none ::1",
		"::1 none", "::ffff:10.0.0.1", "[::1]", "\"\"", "/8", NULL
	};
	uint8_t v4[4], v6[16];

	check_values_refused("proxy", refused,
	    "expected ADDRESS[/BITS] ... or none");
	USE(ROOT "proxy 10.0.0.4/30 2001:db8::/33 192.0.2.1\n");
	inet_pton(AF_INET, "10.0.0.7", v4);
	ATF_CHECK(conf_is_proxy(c, AF_INET, v4));
	inet_pton(AF_INET, "10.0.0.8", v4);
	ATF_CHECK(!conf_is_proxy(c, AF_INET, v4));
	inet_pton(AF_INET, "192.0.2.1", v4);
	ATF_CHECK(conf_is_proxy(c, AF_INET, v4));
	inet_pton(AF_INET6, "2001:db8:7fff::1", v6);
	ATF_CHECK(conf_is_proxy(c, AF_INET6, v6));
	inet_pton(AF_INET6, "2001:db8:8000::1", v6);
	ATF_CHECK(!conf_is_proxy(c, AF_INET6, v6));
	inet_pton(AF_INET6, "::1", v6);
	ATF_CHECK(!conf_is_proxy(c, AF_INET6, v6));
	USE(ROOT "proxy none\n");
	ATF_CHECK(!conf_is_proxy(c, AF_INET6, v6));
	USE(ROOT "proxy ::/0\n");
	ATF_CHECK(conf_is_proxy(c, AF_INET6, v6));
	ATF_CHECK(!conf_is_proxy(c, AF_INET, v4));
}

TEST(conf__urls)
{
	static const char *const refused[] = {
		"mirror.example", "//mirror.example", "ftp://a/", "http:/a",
		"http://", "http:///x", "http://a?b", "http://a/?",
		"http://a/#x",
		"http://u@a/", "http://u:p@a/", "http://a:0/", "http://a:x/",
		"http://a:/", "http://a b/", "\"http://a/b c\"", "http://a/%4",
		"http://a/%zz", "http://a/\303\266", "http://-\\-/",
		"http://a/\\", "http://[::g]/", "http://[::1/", "http://a..b/",
		"http://[::1]x/", "HTTP://a/", "http://a/\"\"<x>", NULL
	};

	check_values_refused("base-url", refused, "; expected ");
	check_values_refused("web-seed", refused, "; expected ");
	USE(ROOT "base-url https://Mirror.example:8443/pub/l%20x//\n"
	    "web-seed http://[2001:db8::1]:80/\nweb-seed http://a_b\n"
	    "web-seed http://192.0.2.1/~x/(a)@;=,+\n");
	ATF_CHECK_STREQ("https://Mirror.example:8443/pub/l%20x", c->base_url);
	ATF_REQUIRE_EQ(3, c->web_seeds.n);
	ATF_CHECK_STREQ("http://[2001:db8::1]:80", c->web_seeds.v[0]);
	ATF_CHECK_STREQ("http://a_b", c->web_seeds.v[1]);
}

TEST(conf__names)
{
	check_refused("host a:80", "host \"a:80\": has more than a host", "");
	check_refused("host http://a", "has more than a host", "");
	check_refused("host *.example.org", "not a host name", "");
	check_refused("host a..b", "not a host name", "");
	check_refused("host ::1", "host", "expected a host name");
	check_refused("service .", "not a single path component", "");
	check_refused("service ..", "not a single path component", "");
	check_refused("service a/b", "not a single path component", "");
	check_refused("service \"\"", "not a single path component", "");
	check_refused("cache x", "not an absolute path", "");
	check_refused("trackers ./x", "not an absolute path", "");
	check_refused("whitelist-socket w", "not an absolute path",
	    "expected the absolute path of a Unix socket");
	check_refused("whitelist-socket /run/", "a directory", "");
	check_refused(fmt("whitelist-socket /%0107d", 0),
	    "too long for a socket (107 bytes)", "");
	check_refused("control yes", "not an absolute path",
	    "expected auto, none or the absolute path of a Unix socket");
	check_refused(fmt("control /%0107d", 0),
	    "too long for a socket (107 bytes)", "");
	check_refused("root /../a /x", "", "expected");
	check_refused("root pub /x", "root \"pub\": not an absolute path", "");
	check_refused("root /pub x", "root \"x\": not an absolute path", "");
	check_refused("root /a//b /x", "", "expected");
	check_refused("deny private/**", "not an absolute path", "");
	check_refused("deny /private//x", "has an empty, . or .. component",
	    "expected a pattern such as /private/*.iso");
	check_refused("deny /", "has an empty", "");
	check_refused("deny /../x", "", "expected a pattern");
	check_refused("deny /**/a/**", "more than one **", "");
	check_refused("deny /*?*?*?*?*?*?*?*?*", "more than 16", "");
	check_taken("deny /**/*?*?*?*?*?*?*?*");
	check_refused("access-log maybe", "access-log \"maybe\"",
	    "expected yes, no or the absolute path of a file");
	check_refused("user a b c", "one argument too many", "");
	check_refused("user parent x", "user \"parent\": not a role", "");
	check_refused("user a:b", "not a user name", "");
	USE(ROOT "host MIRROR.Example.ORG\nhost [2001:DB8::1]\n"
	    "deny /private/\n"
	    "cache /c//\nservice \"a b\"\naccess-log /var/log/x\n");
	ATF_CHECK_STREQ("mirror.example.org", c->hosts.v[0]);
	ATF_CHECK_STREQ("[2001:db8::1]", c->hosts.v[1]);
	ATF_CHECK_STREQ("/private", c->deny.v[0]);
	ATF_CHECK_STREQ("/c", c->cache);
	ATF_CHECK_STREQ("a b", c->service);
	ATF_CHECK_EQ(ACCESS_LOG_FILE, c->access_log);
	ATF_CHECK_STREQ("/var/log/x", c->access_log_file);
}

TEST(conf__users)
{
	USE(ROOT "user cache c\nuser all\nuser walker w\n");
	ATF_CHECK_STREQ("all", c->user[ROLE_FRONT]);
	ATF_CHECK_STREQ("w", c->user[ROLE_WALKER]);
	ATF_CHECK_STREQ("all", c->user[ROLE_HASHER]);
	ATF_CHECK_STREQ("c", c->user[ROLE_CACHE]);
	ATF_CHECK(c->user[ROLE_PARENT] == NULL);
	USE(ROOT "user hasher h\n");
	ATF_CHECK_STREQ("_pkgtorrent", c->user[ROLE_FRONT]);
	ATF_CHECK_STREQ("h", c->user[ROLE_HASHER]);
	BAD_IS("x.conf:3: user \"b\": given twice for this role; expected "
	    "NAME or ROLE NAME, ROLE being front, walker, hasher, cache or "
	    "tracker\n",
	    ROOT "user front a\nuser front b\n", NULL);
	BAD_IS("x.conf:3: user \"b\": given twice for this role; expected "
	    "NAME or ROLE NAME, ROLE being front, walker, hasher, cache or "
	    "tracker\n",
	    ROOT "user a\nuser b\n", NULL);
}

static int
root_of(const char *path)
{
	return conf_root_of(c, path, strlen(path));
}

TEST(conf_root_of__longest_prefix)
{
	USE("root /pub/fedora /2\nroot /1\nroot /pub /3\n");
	ATF_CHECK_EQ(1, root_of("/x"));
	ATF_CHECK_EQ(2, root_of("/pub/x"));
	ATF_CHECK_EQ(2, root_of("/pub"));
	ATF_CHECK_EQ(1, root_of("/public/x"));
	ATF_CHECK_EQ(1, root_of("/pu"));
	ATF_CHECK_EQ(0, root_of("/pub/fedora/x/y"));
	ATF_CHECK_EQ(2, root_of("/pub/fedora2/x"));
	ATF_CHECK_EQ(2, root_of("/pub/fed*/x"));
	ATF_CHECK_EQ(1, root_of("/*/fedora/x"));
	ATF_CHECK_EQ(0, root_of("/pub/fedora/*"));
	ATF_CHECK_EQ(1, root_of("/**"));
	ATF_CHECK_EQ(1, conf_root_of(c, "/pub/fedora", 3));
	ATF_CHECK_EQ(1, root_of("/./pub/x"));
	ATF_CHECK_EQ(2, conf_root_of_spec(c, "/./pub/./x", 10));
	ATF_CHECK_EQ(-1, conf_root_of_spec(c, "/pub/x", SPEC_MAX + 1));
	USE("root /pub /3\n");
	ATF_CHECK_EQ(0, root_of("/pub/x"));
	ATF_CHECK_EQ(-1, root_of("/x"));
}

TEST(conf__metrics)
{
	USE(ROOT);
	ATF_CHECK(c->metrics == NULL);
	USE(ROOT "metrics [::1]:9180\n");
	ATF_CHECK_STREQ("[::1]:9180", c->metrics->text);
	ATF_CHECK_EQ(AF_INET6, c->metrics->addr.ss_family);
	USE(ROOT "metrics /run/m\n");
	ATF_CHECK_EQ(AF_UNIX, c->metrics->addr.ss_family);
	USE(ROOT "metrics none\n");
	ATF_CHECK(c->metrics == NULL);
	check_refused("metrics 9180", "9180", "without a port");
	check_refused("metrics /", "/", "a directory");
	free(bad(ROOT "metrics /m\nmetrics none\n", NULL));
}
