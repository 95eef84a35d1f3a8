/* SPDX-License-Identifier: ISC */
/* Limits of a request, and turns of several. */
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <linux/sockios.h>

#include "common/listing.h"
#include "tests/lib/test.h"
#include "tests/lib/walker_rig.h"

static struct walker	w;

/* A glob that takes a hundred turns, since it has many bytes of many names to
   look for in many bytes; and a request of so many that it cannot end. */
#define SLOW_NAMES	2000
#define ENDLESS_TIMES	1000

static char	 slow_glob[2048];

static void
make_slow(void)
{
	char	 path[512];
	size_t	 n;
	int	 i;

	make_dir("www/e");
	for (i = 0; i < SLOW_NAMES; i++) {
		n = (size_t)snprintf(path, sizeof(path), "www/e/%d", i);
		memset(path + n, 'a', 240);
		path[n + 240] = '\0';
		make_file(path);
	}
	n = (size_t)snprintf(slow_glob, sizeof(slow_glob), "/e/*[");
	memset(slow_glob + n, 'b', 1500);
	strcpy(slow_glob + n + 1500, "]*");
}

static uint64_t
send_endless(void)
{
	return send_spec(&w, slow_glob, ENDLESS_TIMES);
}

TEST(limit__wildcards)
{
	make_files("www/aaaaaaaaaaaaaaaaa", "www/*?*?*?*?*?*?*?*?*");
	walker_start_on_www(&w, "");
	CHECK_ASK(&w, "/????????????????", "MISSING");
	CHECK_ASK(&w, "/???????????????a?", "OK /aaaaaaaaaaaaaaaaa");
	CHECK_ASK(&w, "/?????????????????", "PATTERN");
	/* A file's name is no pattern. */
	CHECK_ASK(&w, "/*?*?*?*?*?*?*?*?*", "OK /*?*?*?*?*?*?*?*?*");
}

/* A [ without its ] is no wildcard: no directory is read for it. */
TEST(limit__lone_brackets)
{
	char		 path[256] = "www", expect[256];
	int		 i;

	make_dir(path);
	for (i = 0; i < 100; i++) {
		strcat(path, "/[");
		make_dir(path);
	}
	strcat(path, "/a");
	make_file(path);
	walker_start_on_www(&w, "");
	snprintf(expect, sizeof(expect), "OK %s", path + 3);
	path[strlen(path) - 1] = '?';
	CHECK_ASK(&w, path + 3, expect);
}

TEST(limit__depth)
{
	char		 path[256] = "www/y";
	size_t		 i, len;

	make_dir("www");
	make_dir(path);
	for (i = 0; i < 31; i++) {
		strcat(path, "/d");
		make_dir(path);
	}
	len = strlen(path);
	strcat(path, "/file");
	make_file(path);
	walker_start_on_www(&w, "");
	path[len] = '\0';
	ATF_CHECK(strncmp(ask(&w, "/y/**/file"), "OK /y/d/d/d", 11) == 0);
	ATF_CHECK(strncmp(ask(&w, "/y/**"), "OK /y/d/d/d", 11) == 0);
	CHECK_ASK(&w, "/**/file", "DEPTH");
	CHECK_ASK(&w, "/**/d/nofile", "MISSING");
	/* One more level, and names that do not match there. */
	strcat(path, "/d");
	make_dir(path);
	ATF_CHECK(strncmp(ask(&w, "/y/**/file"), "OK /y/d/d/d", 11) == 0);
	strcat(path, "/other");
	make_file(path);
	ATF_CHECK(strncmp(ask(&w, "/y/**/file"), "OK /y/d/d/d", 11) == 0);
	CHECK_ASK(&w, "/y/**/other", "DEPTH");
	CHECK_ASK(&w, "/y/d/**/nothing", "MISSING");
}

/*
 * 1,999 names, read 100 times, and 100 more: a request's first directory is
 * read once, so it is the second one that counts.
 */
TEST(limit__entries)
{
	struct buf	 specs = { 0 };
	uint32_t	 i;

	make_files("www/y/");
	for (i = 0; i < 1999; i++)
		make_file(fmt("www/y/%u", i));
	for (i = 0; i < 99; i++)
		make_file(fmt("www/%u", i));
	walker_start_on_www(&w, "");
	for (i = 0; i < 100; i++)
		specs_append(&specs, i, "/y*/x*");
	ATF_CHECK(strncmp(ask_for(&w, &specs), "MISSING; MISS", 13) == 0);
	make_files("www/99");
	/* 100 + 1 + 100 * 1999 = 200,001. */
	ATF_CHECK_STREQ("ENTRIES", ask_for(&w, &specs));
	ATF_REQUIRE(unlink("www/0") == 0);
	ATF_CHECK(strncmp(ask_for(&w, &specs), "MISSING; MISS", 13) == 0);
	buf_free(&specs);
}

TEST(limit__files)
{
	struct buf	 specs = { 0 };

	make_files("www/a", "www/b", "www/c");
	walker_start_on_www(&w, "max-files 4\n");
	specs_append(&specs, 0, "/*");
	specs_append(&specs, 1, "/a");
	specs_append(&specs, 2, "/none");
	ATF_CHECK_STREQ("OK /a /b /c; OK /a; MISSING",
	    ask_for(&w, &specs));
	specs_append(&specs, 3, "/b");
	ATF_CHECK_STREQ("FILES", ask_for(&w, &specs));
	make_files("www/d");
	CHECK_ASK(&w, "/*", "OK /a /b /c /d");
	make_files("www/e");
	CHECK_ASK(&w, "/*", "FILES");
	buf_free(&specs);
}

/*
 * While a long glob is under way, quick requests are answered, and the
 * glob ends when its time is over.
 */
TEST(turn__others_pass_a_long_glob)
{
	static const char *const a[] = { "/a" };
	struct msg		 msg;
	uint64_t		 endless, plain, glob;

	make_files("www/a");
	make_slow();
	walker_start_on_www(&w, "");
	endless = send_endless();
	ATF_REQUIRE_EQ(MSG_SLOW, receive(&w.front, &msg));
	ATF_CHECK_EQ(endless, ((const struct msg_id *)msg.body)->id);
	pause_walker(&w);
	send_open(&w, a, 1);
	glob = send_spec(&w, "/a*", 1);
	plain = send_spec(&w, "/a", 2);
	resume_walker(&w);
	ATF_REQUIRE_EQ(MSG_OPENED, receive(&w.front, &msg));
	msg_close_fds(&msg);
	expect_answer(&w, plain, "OK /a; OK /a");
	expect_answer(&w, glob, "OK /a");
	expect_answer(&w, endless, "TIME");
}

/* Less work is done sooner, though it was asked for later: a walk is left in
   the middle of a directory. */
TEST(turn__globs_share)
{
	struct answer	 answer;
	uint64_t	 more, less;

	make_dir("www");
	make_slow();
	walker_start_on_www(&w, "");
	pause_walker(&w);
	more = send_spec(&w, slow_glob, 1);
	strcpy(slow_glob + 300, "]*");
	less = send_spec(&w, slow_glob, 1);
	resume_walker(&w);
	receive_answer(&w, &answer);
	ATF_CHECK_EQ(less, answer.id);
	ATF_CHECK(answer.slow);
	buf_free(&answer.listing);
	/* Or TIME, where sanitizers make it five times as much. */
	receive_answer(&w, &answer);
	ATF_CHECK_EQ(more, answer.id);
	buf_free(&answer.listing);
}

/* Wait until the walker has read all messages: while it is stopped, its socket
   holds only a few more. */
static void
wait_until_read(const struct walker *to)
{
	int	 unread = 1, i;

	for (i = 0; unread > 0; i++) {
		ATF_REQUIRE_MSG(i < WAIT_MS, "%d bytes are not read", unread);
		ATF_REQUIRE(ioctl(to->front.fd, SIOCOUTQ, &unread) == 0);
		(void)poll(NULL, 0, unread > 0 ? 1 : 0);
	}
}

/* A request of so many paths that it takes many turns; and another, which is
   there before the first can be begun: which is answered first? */
static void
check_passes_long_plain(const char *other)
{
	struct msg_resolve	 part;
	struct buf		 specs = { 0 };
	struct answer		 answer;
	uint32_t		 i, j;
	uint64_t		 one;

	make_files("www/a/b/", "www/x");
	walker_start_on_www(&w, "");
	memset(&part, 0, sizeof(part));
	part.id = ++w.last_id;
	part.flags = PART_MORE;
	for (i = 0; i < 50; i++) {
		specs.len = 0;
		for (j = 0; j < 3000; j++)
			specs_append(&specs, 3000 * i + j, "/a/b/none");
		if (i == 49) {
			wait_until_read(&w);
			pause_walker(&w);
			part.flags = 0;
		}
		must_send(&w.front, MSG_RESOLVE, &part, specs.data, specs.len,
		    NULL, 0);
	}
	one = send_spec(&w, other, 1);
	resume_walker(&w);
	for (i = 0; i < 2; i++) {
		receive_answer(&w, &answer);
		ATF_CHECK_EQ(i == 0 ? one : part.id, answer.id);
		ATF_CHECK_EQ(RESOLVE_OK, answer.end.result);
		/* A request that reads directories is slow. */
		ATF_CHECK(!answer.slow);
		buf_free(&answer.listing);
	}
	buf_free(&specs);
}

TEST(turn__short_plain_passes_long_plain)
{
	check_passes_long_plain("/x");
}

/* Paths come before patterns, but do not keep them from their turn. */
TEST(turn__glob_passes_long_plain)
{
	check_passes_long_plain("/[x]");
}

/* More than have places at a time, of which each takes seconds. */
TEST(turn__short_glob_passes_many_long)
{
	struct msg	 msg;
	uint64_t	 one;
	int		 i, slow = 0;

	make_files("www/a");
	make_slow();
	walker_start_on_www(&w, "");
	pause_walker(&w);
	for (i = 0; i < 12; i++)
		send_spec(&w, slow_glob, 20);
	one = send_spec(&w, "/a*", 1);
	resume_walker(&w);
	while (receive(&w.front, &msg) == MSG_SLOW)
		slow++;
	ATF_CHECK_MSG(slow >= 4, "%d were begun", slow);
	ATF_REQUIRE_EQ(one, ((const struct msg_id *)msg.body)->id);
	/* Nor do those that had to begin again get lost. */
	while (slow < 12)
		slow += receive(&w.front, &msg) == MSG_SLOW;
}

/* The next answer, but for those that a pattern is slow, of which it counts how
   many come before. */
static uint64_t
next_answered(int *slow)
{
	struct msg	 msg;
	enum msg_type	 type;

	for (*slow = 0; (type = receive(&w.front, &msg)) == MSG_SLOW; ++*slow)
		continue;
	while (type == MSG_LISTING)
		type = receive(&w.front, &msg);
	ATF_REQUIRE_EQ(MSG_RESOLVED, type);
	return ((const struct msg_resolved *)msg.body)->id;
}

/* A walker that has not begun with twelve long requests of client 1; the next
   ones are those of client 2. */
static void
crowd(void)
{
	int	 i;

	make_files("www/a");
	make_slow();
	walker_start_on_www(&w, "");
	pause_walker(&w);
	w.client = 1;
	for (i = 0; i < 12; i++)
		send_spec(&w, slow_glob, 20);
	w.client = 2;
}

/* However many long patterns one client asks for, another's has every second
   turn, and so ends before any of them. */
TEST(turn__clients_share)
{
	uint64_t	 one;
	int		 slow;

	crowd();
	one = send_spec(&w, slow_glob, 1);
	resume_walker(&w);
	ATF_CHECK_EQ(one, next_answered(&slow));
	ATF_CHECK_EQ(13, slow);
}

/* Nor does it wait for the first turn of each. */
TEST(turn__another_client_comes_next)
{
	uint64_t	 one;
	int		 slow;

	crowd();
	one = send_spec(&w, "/a*", 1);
	resume_walker(&w);
	ATF_CHECK_EQ(one, next_answered(&slow));
	ATF_CHECK_MSG(slow <= 1, "%d others had a turn", slow);
}

/* Of nine the last finds no place among the active ones, and begins again when
   another has ended. */
TEST(turn__a_place_for_each_client)
{
	uint64_t	 ids[9];
	struct msg_id	 id = { 0 };
	struct msg	 msg;
	int		 i, slow;

	make_files("www/a");
	make_slow();
	walker_start_on_www(&w, "");
	pause_walker(&w);
	for (i = 0; i < 9; i++) {
		w.client = (uint32_t)i;
		ids[i] = send_spec(&w, slow_glob, i < 8 ? 20 : 1);
	}
	resume_walker(&w);
	for (i = 0; i < 9; i++)
		ATF_REQUIRE_EQ(MSG_SLOW, receive(&w.front, &msg));
	id.id = ids[3];
	must_send(&w.front, MSG_CANCEL, &id, NULL, 0, NULL, 0);
	ATF_CHECK_EQ(ids[3], next_answered(&slow));
	/* The others may end first: their time is bounded. */
	for (i = 0; i < 8 && next_answered(&slow) != ids[8]; i++)
		continue;
	ATF_CHECK(i < 8);
}

TEST(turn__cancel)
{
	struct msg_resolve	 part;
	struct buf		 specs = { 0 };
	struct msg_id		 id = { 0 };
	struct msg		 msg;
	uint64_t		 after;

	make_files("www/a");
	make_slow();
	walker_start_on_www(&w, "");
	/* Under way. */
	id.id = send_endless();
	ATF_REQUIRE_EQ(MSG_SLOW, receive(&w.front, &msg));
	must_send(&w.front, MSG_CANCEL, &id, NULL, 0, NULL, 0);
	expect_answer(&w, id.id, "CANCELLED");
	/* Answered long ago, or never asked: no answer. */
	must_send(&w.front, MSG_CANCEL, &id, NULL, 0, NULL, 0);
	id.id = 12345;
	must_send(&w.front, MSG_CANCEL, &id, NULL, 0, NULL, 0);
	/* Between its parts; the rest may come or not. */
	memset(&part, 0, sizeof(part));
	part.id = id.id = ++w.last_id;
	part.flags = PART_MORE;
	specs_append(&specs, 0, "/a");
	must_send(&w.front, MSG_RESOLVE, &part, specs.data, specs.len, NULL,
	    0);
	must_send(&w.front, MSG_CANCEL, &id, NULL, 0, NULL, 0);
	must_send(&w.front, MSG_RESOLVE, &part, specs.data, specs.len, NULL,
	    0);
	after = send_spec(&w, "/a", 1);
	expect_answer(&w, id.id, "CANCELLED");
	expect_answer(&w, after, "OK /a");
	buf_free(&specs);
}

TEST(channel__work_goes_with_it)
{
	struct channel	 old;
	struct msg	 msg;
	uint64_t	 id;

	make_files("www/a");
	make_slow();
	walker_start_on_www(&w, "");
	send_endless();
	ATF_REQUIRE_EQ(MSG_SLOW, receive(&w.front, &msg));
	/* Replaced while the old one is still open. */
	old = w.front;
	walker_connect(&w);
	id = send_spec(&w, "/a", 1);
	expect_answer(&w, id, "OK /a");
	ATF_CHECK_EQ(MSG_NONE, receive(&old, &msg));
	close(old.fd);
	/* Gone in the middle of the work, then a new one. */
	send_endless();
	ATF_REQUIRE_EQ(MSG_SLOW, receive(&w.front, &msg));
	close(w.front.fd);
	walker_connect(&w);
	id = send_spec(&w, "/a*", 1);
	expect_answer(&w, id, "OK /a");
	proc_ask_status(&w.proc);
}

/* A directory that cannot be opened for lack of descriptors is not left out. */
TEST(path__few_descriptors)
{
	const char		*got, *all = "OK /y/a /y/b/a /y/b/c/a";
	struct msg_opened_item	 item;
	struct rlimit		 before, few;
	unsigned		 failed = 0;
	rlim_t			 n;

	make_files("www/y/a", "www/y/b/a", "www/y/b/c/a");
	walker_start_on_www(&w, "");
	/* It has its channel, too. */
	CHECK_ASK(&w, "/y/**", all);
	ATF_REQUIRE_EQ(0, prlimit(w.proc.pid, RLIMIT_NOFILE, NULL, &before));
	for (n = 3; n < 20; n++) {
		few = (struct rlimit){ n, before.rlim_max };
		ATF_REQUIRE_EQ(0, prlimit(w.proc.pid, RLIMIT_NOFILE, &few,
		    NULL));
		got = ask(&w, "/y/**");
		failed += strcmp(got, "FAILED") == 0;
		ATF_CHECK_MSG(strcmp(got, "FAILED") == 0 ||
		    strcmp(got, all) == 0, "with %u: %s", (unsigned)n, got);
		if (n > 3)
			continue;
		CHECK_ASK(&w, "/y/a", "FAILED");
		ATF_CHECK_EQ(-1, open_one(&w, "/y/a", &item));
		ATF_CHECK_EQ(PATH_FAILED, item.status);
	}
	/* At each depth, but not at all of them. */
	ATF_CHECK_MSG(failed > 2 && failed < 15, "%u times", failed);
}
