/* SPDX-License-Identifier: ISC */
/* Files and users that pkgtorrentd.conf(5) names must be there. */
#include "common/conf/conf.h"
#include "tests/lib/conf_text.h"
#include "tests/lib/test.h"
#include "tests/lib/text.h"

/* The complaints of conf_check_system(), to be freed.  @ is where we are. */
static char *
check_system(const char *text, int expected, bool root)
{
	struct buf errors = { 0 }, all = { 0 };
	char *s;
	struct conf *c;

	for (; *text != '\0'; text++)
		ATF_REQUIRE_EQ(0, *text == '@' ? buf_addf(&all, "%s", here()) :
		    buf_add(&all, text, 1));
	s = as_string(&all);
	c = good(s, NULL);
	ATF_CHECK_EQ(expected, conf_check_system(c, "x.conf", root, NULL,
	    &errors));
	conf_free(c);
	free(s);
	return as_string(&errors);
}

/* Complaints about these in this order, each with this reason. */
static void
check_complaint(char **e, const char *keyword, const char *reason)
{
	char *eol = strchr(*e, '\n');

	ATF_REQUIRE_MSG(eol != NULL, "none about %s", keyword);
	*eol = '\0';
	ATF_CHECK_MSG(strstr(*e, fmt("x.conf: %s \"", keyword)) == *e &&
	    strstr(*e, reason) != NULL, "%s, %s: %s", keyword, reason, *e);
	*e = eol + 1;
}

TEST(conf_check_system__directories)
{
	char *e, *p;

	ATF_REQUIRE_EQ(0, mkdir("mirror", 0755));
	atf_utils_create_file("file", "x");
	e = check_system("root @/mirror\ncache @/new\naccess-log @/new.log\n"
	    "listen /tmp/pkgtorrentd.test\n", 0, false);
	ATF_CHECK_STREQ("", e);
	free(e);
	e = check_system("root @/mirror\ncache @\naccess-log @/file\n"
	    "user nobody\n", 0, true);
	free(e);
	e = check_system("root /no/where\ncache @\n", -1, false);
	ATF_CHECK_STREQ("x.conf: root \"/no/where\": No such file or "
	    "directory; set root to the mirror's document root\n", e);
	free(e);
	p = e = check_system("root @/none\nroot /pub @/file\n"
	    "cache @/a/b\naccess-log @\nlisten /no/where/socket\n", -1,
	    false);
	check_complaint(&p, "root", "/none\": No such file or directory; set "
	    "root to the mirror's document root");
	check_complaint(&p, "root", "/file\": Not a directory; set root to "
	    "the directory of that prefix");
	check_complaint(&p, "listen", "No such file or directory; set listen");
	check_complaint(&p, "cache", "/a/b\": No such file or directory; set");
	check_complaint(&p, "access-log", "Is a directory; set access-log");
	ATF_CHECK_STREQ("", p);
	free(e);
	p = e = check_system("root @\ncache @/file\naccess-log @/a/b\n"
	    "user nobody\n", -1, true);
	check_complaint(&p, "cache", "Not a directory");
	check_complaint(&p, "access-log", "No such file or directory");
	free(e);
}

TEST(conf_check_system__unwritable, "require.user", "unprivileged")
{
	char *e, *p;

	ATF_REQUIRE_EQ(0, mkdir("closed", 0555));
	p = e = check_system("root @\ncache @/closed\n"
	    "access-log @/closed/x\n", -1, false);
	check_complaint(&p, "cache", "Permission denied; set cache");
	check_complaint(&p, "access-log", "Permission denied; set access-log");
	free(e);
	p = e = check_system("root @\ncache @/closed/new\n", -1, false);
	check_complaint(&p, "cache", "Permission denied; set cache");
	free(e);
}

TEST(conf_check_system__users)
{
	static const char text[] = "root @\ncache @\nuser no-such-user\n"
	    "user cache root\nuser hasher nobody\n";
	char *e;

	e = check_system(text, -1, true);
	ATF_CHECK_STREQ("x.conf: user front \"no-such-user\": no such user; "
	    "make it, or set user to one that exists\n"
	    "x.conf: user cache \"root\": has user id 0; set user to one "
	    "without privileges\n", e);
	free(e);
	e = check_system(text, 0, false);
	ATF_CHECK_STREQ("", e);
	free(e);
}
