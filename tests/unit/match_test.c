/* SPDX-License-Identifier: ISC */
/* The matches of a pattern, byte by byte. */
#include "hasher/walker/match.h"
#include "tests/lib/test.h"

struct row {
	const char	*pattern;
	const char	*name;
	int		 expect;
};

typedef int (*matcher)(const char *, size_t, const char *, size_t);

static void
check_rows(matcher match, const struct row *rows, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		ATF_CHECK_MSG(match(rows[i].pattern, strlen(rows[i].pattern),
		    rows[i].name, strlen(rows[i].name)) == rows[i].expect,
		    "%s against %s: expected %d", rows[i].pattern,
		    rows[i].name, rows[i].expect);
}

#define CHECK(match, rows) check_rows(match, rows, sizeof(rows) / sizeof(*rows))

TEST(component__wildcards)
{
	static const struct row	 rows[] = {
		{ "a.rpm", "a.rpm", 1 }, { "a.rpm", "a.rpmx", 0 },
		{ "a.rpm", "a.rp", 0 }, { "A.rpm", "a.rpm", 0 },
		{ "*", "a", 1 }, { "*", "", 0 }, { "**", "abc", 1 },
		{ "*.rpm", ".rpm", 0 }, { "*.rpm", "a.rpm", 1 },
		{ "*.rpm", "a.rpm.gz", 0 }, { "*.rpm", "arpm", 0 },
		{ "a*", "a", 1 }, { "a*b", "ab", 1 }, { "a*b", "a", 0 },
		{ "a*b", "b", 0 }, { "a*a", "a", 0 },
		{ "a*b*c", "a-b-b-c", 1 }, { "a*b*c", "a-c-c-b", 0 },
		{ "*ab*ab", "abab", 1 }, { "*ab*ab", "ab", 0 },
		{ "*aab", "aaab", 1 }, { "?", "a", 1 }, { "?", "", 0 },
		{ "?", "ab", 0 }, { "a?c", "abc", 1 }, { "?*", "a", 1 },
		{ "*?", "a", 1 }, { "*??", "a", 0 },
		/* One byte, not one character. */
		{ "?", "\xc3\xbc", 0 }, { "??", "\xc3\xbc", 1 },
		{ "?", "\xff", 1 }, { "a\\*", "a\\b", 1 }, { "a\\*", "a*", 0 },
	};

	CHECK(match_component, rows);
}

TEST(component__classes)
{
	static const struct row	 rows[] = {
		{ "[abc]", "b", 1 }, { "[abc]", "d", 0 }, { "[abc]", "bc", 0 },
		{ "[a-c]x", "bx", 1 }, { "[a-c]", "d", 0 },
		{ "[c-a]", "b", 0 }, { "[!a-c]", "d", 1 },
		{ "[!a-c]", "b", 0 }, { "[^a]", "^", 1 }, { "[^a]", "b", 0 },
		{ "[a!]", "!", 1 }, { "[]a]", "]", 1 }, { "[]a]", "a", 1 },
		{ "[!]a]", "]", 0 }, { "[!]a]", "b", 1 }, { "[a-]", "-", 1 },
		{ "[-a]", "-", 1 }, { "[a-]", "b", 0 }, { "[*?]", "*", 1 },
		{ "[*?]", "a", 0 }, { "[[]", "[", 1 }, { "[\\]", "\\", 1 },
		{ "[\xe0-\xff]", "\xf0", 1 }, { "[a-\xff]", "\x80", 1 },
		{ "[", "[", 1 }, { "[a", "[a", 1 }, { "[a", "a", 0 },
		{ "[!", "[!", 1 }, { "[]", "[]", 1 }, { "[!]", "[!]", 1 },
		{ "*[0-9].rpm", "a-1.rpm", 1 }, { "*[0-9].rpm", "a-x.rpm", 0 },
		{ "*[a]*[b]", "xxaxxb", 1 }, { "br[1].rpm", "br1.rpm", 1 },
		{ "br[1].rpm", "br[1].rpm", 0 }, { "*]", "a]", 1 },
		{ "x*[y]z", "xyz", 1 },
	};

	CHECK(match_component, rows);
}

TEST(component__leading_dot_is_literal_only)
{
	static const struct row	 rows[] = {
		{ "*", ".a", 0 }, { "?a", ".a", 0 }, { "[.]a", ".a", 0 },
		{ "[!x]a", ".a", 0 }, { ".a", ".a", 1 }, { ".*", ".a", 1 },
		{ ".*", "a", 0 }, { "a*", "a.b", 1 }, { "*.", "a.", 1 },
	};

	CHECK(match_component, rows);
}

TEST(path__components)
{
	static const struct row	 rows[] = {
		{ "/a/b", "/a/b", 1 }, { "/a/b", "/a/bc", 0 },
		{ "/a/b", "/a", 0 }, { "/a", "/a/b", 1 },
		{ "/*", "/a", 1 },
		{ "/*", "/a/b", 1 },
		{ "/*/b", "/a/b", 1 },
		{ "/a*b", "/a/b", 0 }, { "/a[/]b", "/a/b", 0 },
		{ "/*/*.rpm", "/a/.rpm", 1 },
		{ "/**", "/a", 1 },
		{ "/**", "/a/b/c", 1 },
		{ "/**", "/.a", 1 },
		{ "/**", "/a/.b/c", 1 },
		{ "/**", "/a/.b", 1 },
		{ "/a/**", "/a", 0 },
		{ "/a/**", "/a/b", 1 },
		{ "/a/**/b", "/a/b", 1 },
		{ "/a/**/b", "/a/x/y/b", 1 },
		{ "/a/**/b", "/a/b/x", 1 },
		{ "/a/**/b", "/a/b/b", 1 },
		{ "/a/**/b", "/a/.x/b", 1 },
		{ "/a/**/.b", "/a/x/.b", 1 },
		{ "/a/**/*.rpm", "/a/x.rpm", 1 },
		{ "/a/**/*.rpm", "/a/b/c/x.rpm", 1 },
		{ "/a/**/x/*/y", "/a/x/x/b/y", 1 },
		{ "/a/**/x/*/y", "/a/x/x/y", 1 },
		{ "/a/**/x/*/y", "/a/x/y", 0 },
		/* ** is a component of its own or nothing special. */
		{ "/a**", "/abc", 1 }, { "/a**", "/a/b", 1 },
		{ "/**/a/**/b", "/x/a/y/b", 1 },
		{ "/**/a/**/b", "/x/b/y/a", 0 },
	};

	CHECK(match_covers, rows);
}

TEST(covers__below_and_hidden)
{
	static const struct row	 rows[] = {
		{ "/private", "/private", 1 },
		{ "/private", "/private/a/b", 1 },
		{ "/private", "/private2", 0 },
		{ "/private", "/a/private", 0 },
		{ "/private/*", "/private/a", 1 },
		{ "/private/*", "/private/a/b", 1 },
		{ "/private/*", "/private/.htpasswd", 1 },
		{ "/private/**", "/private/.git/config", 1 },
		{ "/private/**", "/private/a/.b", 1 },
		{ "/**/secret", "/a/b/secret/c", 1 },
		{ "/**/secret", "/.a/secret", 1 },
		{ "/**/secret", "/a/secrets", 0 },
		{ "/**/*.key", "/a/b.key", 1 },
		{ "/**/*.key", "/a/b.key/c", 1 },
		{ "/**/*.key", "/a/b.keys", 0 },
		{ "/*/x", "/a/y/x", 0 },
		{ "/a/b/c", "/a/b", 0 }, { "/[ab]/?", "/b/.", 1 },
	};

	CHECK(match_covers, rows);
}

TEST(check__limits)
{
	static const struct {
		const char	*pattern;
		int		 expect;	/* parts */
	} rows[] = {
		{ "/a", 1 },
		{ "/****************", 1 },		/* 16 */
		{ "/*****************", -1 },
		{ "/???????" "?/[a][b][c][d]/**/*a?", 4 },	/* 15 */
		{ "/???????" "?/[a][b][c][d]/**/*a?b*", 4 }, /* 16 */
		{ "/???????" "?/[a][b][c][d]/**/*a?b**", -1 },
		{ "/**/a", 2 },
		{ "/**/a/**", -1 },
		{ "/a**/b**", 2 },
		/* Bytes in brackets, and a lone bracket, do not count. */
		{ "/[****************************]", 1 },
		{ "/[/[/[/[/[/[/[/[/[/[/[/[/[/[/[/[/[/[/[", 19 },
	};
	struct match_part	 parts[64];

	EACH(row, rows)
		ATF_CHECK_MSG(match_split(row->pattern, strlen(row->pattern),
		    parts) == row->expect, "%s", row->pattern);
	ATF_CHECK(match_is_pattern("/a?", 3));
	ATF_CHECK(match_is_pattern("/a[", 3));
	ATF_CHECK(!match_is_pattern("/a?", 2));
	ATF_CHECK(!match_is_pattern("/a]!\\{", 6));
}

/* An exponential matcher would sit here until the test is killed. */
TEST(match__pathological)
{
	char	 pattern[4096], path[4096], name[256];
	size_t	 i, n = 0;

	memset(name, 'a', 255);
	for (i = 0; i < 16; i++)
		n += (size_t)sprintf(pattern + n, "*a");
	strcpy(pattern + n, "*b");
	for (i = 0; i < 1000; i++)
		ATF_CHECK(!match_component(pattern, n + 2, name, 255));
	/* The same over components, with more ** than anybody may ask for. */
	for (i = n = 0; i < 500; i++)
		n += (size_t)sprintf(pattern + n, "/**/a");
	strcpy(pattern + n, "/b");
	for (i = 0; i < 2000; i++)
		memcpy(path + 2 * i, "/a", 2);
	ATF_CHECK(!match_covers(pattern, n + 2, path, 4000));
	ATF_CHECK(match_covers(pattern, n, path, 4000));
}
