/* SPDX-License-Identifier: ISC */
/* pkgtorrentd.conf(5) as it is printed, shipped and described. */
#include <limits.h>

#include "common/conf/conf.h"
#include "common/conf/keyword.h"
#include "tests/lib/conf_text.h"
#include "tests/lib/test.h"
#include "tests/lib/text.h"

/* Both complain, or x = parse(text) is equal to parse(print(x)). */
static void
check_round_trip(const char *text)
{
	struct conf *c = good(text, NULL), *again;
	char *one = printed(c), *two;

	again = good(one, NULL);
	two = printed(again);
	ATF_CHECK_STREQ(one, two);
	free(one);
	free(two);
	conf_free(c);
	conf_free(again);
}

TEST(conf_print__parses_again)
{
	static const char *const lines[] = {
		"listen 127.0.0.1:80\nlisten [::1]:80\nlisten \"/run/a b\"",
		"listen /run/#x", "metrics none", "metrics /run/#x",
		"root \"/#\" \"/a \\\" b\"",
		"root /a\\b \"/c\\\\d e\\\\\"", "root \"/\\\"\" /\\\\",
		"deny \"/a b/**\"\ndeny /\\*\ndeny \"/\\\"\"\ndeny /[#]",
		"cache \"/\tx\"", "service \"#\"", "service \"\\\\\"",
		"service \\", "service \"\\\"\"", "service \303\251\377",
		"base-url http://a/b/", "web-seed http://a\nweb-seed http://b",
		"host a\nhost B", "proxy none", "proxy 0.0.0.0/0 ::/0 ::1",
		"proxy 10.0.0.0/8 10.1.0.0/16", "hash-wait 0", "hash-wait 61",
		"hash-wait 120", "cache-age 86401", "max-bytes 1",
		"max-bytes 1025K", "access-log no", "access-log \"/yes no\"",
		"user cache front\nuser cache", "user \"#x\"",
	};

	EACH(each, lines)
		check_round_trip(fmt(ROOT "%s\n", *each));
}

/* Random words of the bytes that quoting is about. */
TEST(conf_print__any_quoting)
{
	static const char bytes[] = "a\" \\#\t'=/\377";
	struct buf text = { 0 };
	struct conf *c;
	char word[16], *line;
	size_t k, n;
	int i;

	srandom(1);
	for (i = 0; i < 2000; i++) {
		n = 1 + (size_t)random() % 8;
		word[0] = '/';
		for (k = 1; k <= n; k++)
			word[k] = bytes[(size_t)random() % (sizeof(bytes) - 1)];
		/* Final slashes are cut. */
		word[n + 1] = 'x';
		word[n + 2] = '\0';
		c = good(ROOT, NULL);
		free(c->cache);
		c->cache = strdup(word);
		ATF_REQUIRE_EQ(0, conf_print(c, &text));
		conf_free(c);
		line = as_string(&text);
		c = good(line, NULL);
		ATF_CHECK_STREQ(word, c->cache);
		conf_free(c);
		free(line);
	}
}

/* Every single keyword reaches the children: a value that is not the default
   is in the text, and comes back. */
TEST(conf_print__every_keyword)
{
	static const char full[] =
	    "listen 127.0.0.2:81\n"
	    "metrics [::1]:82\n"
	    "root /r\n"
	    "root /pub /s\n"
	    "deny /d\n"
	    "cache /c\n"
	    "trackers /t\n"
	    "tracker no\n"
	    "tracker-key /k\n"
	    "whitelist-socket /run/w\n"
	    "control /run/c\n"
	    "service s\n"
	    "base-url http://b\n"
	    "web-seed http://w\n"
	    "host h\n"
	    "proxy 10.0.0.1\n"
	    "serve-files yes\n"
	    "cors yes\n"
	    "hashers 63\n"
	    "digest avx2\n"
	    "piece-length 2M\n"
	    "simple-piece-length 256K\n"
	    "padding attr\n"
	    "hash-wait 1s\n"
	    "revalidate 2s\n"
	    "hot-size 3M\n"
	    "answer-memory 5M\n"
	    "cache-size 4M\n"
	    "cache-age 5d\n"
	    "tracker-peers 6K\n"
	    "user front u1\n"
	    "user walker u2\n"
	    "user hasher u3\n"
	    "user cache u4\nuser tracker u5\n"
	    "sandbox best-effort\n"
	    "log-level debug\n"
	    "access-log /a\n"
	    "log-file /c\n"
	    "pid-file /b\n"
	    "max-connections 6\n"
	    "max-connections-per-client 7\n"
	    "max-jobs-per-client 8\n"
	    "max-queue 9\n"
	    "max-body 10M\n"
	    "max-paths 11\n"
	    "max-files 12\n"
	    "max-bytes 13G\n"
	    "max-torrent 14M\n"
	    "header-timeout 15s\n"
	    "body-timeout 16s\n"
	    "idle-timeout 17s\n"
	    "write-timeout 18m\n";
	struct conf *c = good(full, NULL);
	const struct keyword *kw;
	char *text = printed(c);

	ATF_CHECK_STREQ(full, text);
	ATF_CHECK_EQ(13ULL << 30, c->max_bytes);
	ATF_CHECK_EQ(18 * 60000, c->write_timeout_ms);
	ATF_CHECK_EQ(5 * 86400, c->cache_age_s);
	for (kw = conf_keywords; kw->name != NULL; kw++)
		ATF_CHECK_MSG(strstr(text, fmt("%s ", kw->name)) != NULL, "%s",
		    kw->name);
	free(text);
	conf_free(c);
}

static char *
read_tree_file(const atf_tc_t *tc, const char *name)
{
	char path[PATH_MAX], *text;
	FILE *f;
	size_t len;

	snprintf(path, sizeof(path), "%s/../../%s",
	    atf_tc_get_config_var(tc, "srcdir"), name);
	f = fopen(path, "r");
	ATF_REQUIRE_MSG(f != NULL, "%s", path);
	ATF_REQUIRE((text = calloc(1, 1 << 17)) != NULL);
	len = fread(text, 1, (1 << 17) - 1, f);
	ATF_REQUIRE(len > 0);
	fclose(f);
	return text;
}

/* Cuts the # before a keyword; prose has a blank or a tab there. */
static void
uncomment(char *text)
{
	char *out = text;
	bool bol = true;

	for (; *text != '\0'; text++) {
		if (bol && *text == '#' && text[1] >= 'a' && text[1] <= 'z') {
			bol = false;
			continue;
		}
		bol = *text == '\n';
		*out++ = *text;
	}
	*out = '\0';
}

/* All that it sets: an older configuration has no such users, so these are no
   defaults. */
#define EXAMPLE_USERS	"user front _pkgtorrent-front\n"		\
			"user hasher _pkgtorrent-hasher\n"	\
			"user tracker _pkgtorrent-tracker\n"

TEST(conf_example__is_the_default)
{
	char *example = read_tree_file(tc, "etc/pkgtorrentd.conf");
	char *text, *defaults, *as_is, *uncommented, line[256];
	const struct keyword *kw;
	const char *fallback;
	struct conf *c;

	for (kw = conf_keywords; kw->name != NULL; kw++) {
		/* Without a default there is an example, after a tab. */
		fallback = kw->fallback;
		snprintf(line, sizeof(line), "\n#%s%s %.*s",
		    fallback != NULL ? "" : "\t", kw->name,
		    fallback != NULL ? (int)strcspn(fallback, "\n") : 0,
		    fallback);
		ATF_CHECK_MSG(strstr(example, line) != NULL, "no%s", line);
	}
	/* The root is for the administrator to set. */
	ATF_REQUIRE(asprintf(&text, "%s" ROOT, example) != -1);
	c = good(text, NULL);
	as_is = printed(c);
	conf_free(c);
	c = good(ROOT EXAMPLE_USERS, NULL);
	defaults = printed(c);
	conf_free(c);
	uncomment(text);
	c = good(text, NULL);
	uncommented = printed(c);
	conf_free(c);
	ATF_CHECK_STREQ(defaults, as_is);
	ATF_CHECK_STREQ(defaults, uncommented);
	free(example);
	free(text);
	free(defaults);
	free(as_is);
	free(uncommented);
}

TEST(conf_manual__names_every_keyword)
{
	char *text = read_tree_file(tc, "man/pkgtorrentd.conf.5"), line[128];
	const struct keyword *kw;

	for (kw = conf_keywords; kw->name != NULL; kw++) {
		snprintf(line, sizeof(line), "\n.It Ic %s ", kw->name);
		ATF_CHECK_MSG(strstr(text, line) != NULL, "no%s", line);
	}
	free(text);
}
