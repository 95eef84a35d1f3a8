/* SPDX-License-Identifier: ISC */
/* The walk of a tree: its files, their order, its parts and its position. */
#include "common/tree_path.h"
#include "tests/lib/test.h"
#include "tests/lib/walker_rig.h"

#define PATHS_MAX	150000

static struct walker	 w;
static char		*paths[PATHS_MAX];	/* of the last walk */
static uint32_t		 npaths;
static uint32_t		 left_out;
static char		 position[SPEC_MAX + 1];

static uint64_t
send_walk(const char *tree, const char *after)
{
	struct msg_walk	 body = { .id = ++w.last_id,
	    .tree_len = (uint32_t)strlen(tree),
	    .after_len = (uint32_t)strlen(after) };
	char		 tail[2 * SPEC_MAX + 1];

	snprintf(tail, sizeof(tail), "%s%s", tree, after);
	must_send(&w.front, MSG_WALK, &body, tail, strlen(tail), NULL, 0);
	return body.id;
}

static struct str
str_of(const char *s)
{
	return (struct str){ s, strlen(s) };
}

static void
take_item(const struct msg_file *item, const uint8_t *path)
{
	ATF_REQUIRE(npaths < PATHS_MAX);
	paths[npaths] = strndup((const char *)path, item->len);
	ATF_REQUIRE(paths[npaths] != NULL);
	/* Each comes once, and after all before it. */
	if (npaths > 0)
		ATF_REQUIRE_MSG(tree_path_compare(str_of(paths[npaths]),
		    str_of(paths[npaths - 1])) > 0, "%s after %s",
		    paths[npaths], paths[npaths - 1]);
	npaths++;
}

/* The next part; its result. */
static enum walk_result
receive_part(uint32_t *count)
{
	struct msg_walked	 body;
	struct msg_file		 item;
	struct msg		 msg;
	const uint8_t		*at;
	uint32_t		 i;

	ATF_REQUIRE_EQ(MSG_WALKED, receive(&w.front, &msg));
	memcpy(&body, msg.body, sizeof(body));
	ATF_CHECK_EQ(w.last_id, body.id);
	for (at = msg.tail, i = 0; i < body.count; i++, at += item.len) {
		memcpy(&item, at, sizeof(item));
		at += sizeof(item);
		ATF_CHECK_EQ(i, item.index);
		take_item(&item, at);
	}
	ATF_REQUIRE_EQ(msg.tail + msg.tail_len, at + body.position_len);
	snprintf(position, sizeof(position), "%.*s", (int)body.position_len,
	    (const char *)at);
	left_out += body.left_out;
	if (count != NULL)
		*count = body.count;
	return (enum walk_result)body.result;
}

static void
forget_paths(void)
{
	while (npaths > 0)
		free(paths[--npaths]);
	left_out = 0;
}

/* All parts; the paths, each after a space. */
static const char *
walk(const char *tree, const char *after)
{
	static struct buf	 text;
	enum walk_result	 result;
	uint32_t		 i;

	forget_paths();
	send_walk(tree, after);
	while ((result = receive_part(NULL)) == WALK_MORE)
		send_walk(tree, position);
	if (result == WALK_NOTHING)
		return "NOTHING";
	text.len = 0;
	for (i = 0; i < npaths; i++)
		ATF_REQUIRE_EQ(0, buf_addf(&text, " %s", paths[i]));
	ATF_REQUIRE_EQ(0, buf_add(&text, "", 1));
	return (const char *)text.data;
}

/* A tree with everything that is left out, and a link that is followed. */
static void
make_tree(void)
{
	make_files("www/a/x", "www/a/b/deep", "www/a.b", "www/a/.hidden",
	    "www/.d/f", "www/no/secret", "www/r/of_another", "www/nl\nname",
	    "www/e/", "outside/x");
	make_link("x", "www/a/link");
	make_link("b", "www/a/dirlink");
	make_link("../../outside/x", "www/a/out");
	make_link("/etc/passwd", "www/a/abs");
	make_link("loop", "www/a/loop");
	make_link("none", "www/a/dangling");
	ATF_REQUIRE_EQ(0, mkfifo("www/a/fifo", 0644));
}

/* In this order, by all means of a pattern. */
TEST(walk__finds_what_a_pattern_finds)
{
	make_tree();
	make_dir("r");
	walker_start(&w, 0, fmt("root %s/www\nroot /r %s/r\ndeny /no\n",
	    here(), here()));
	ATF_CHECK_STREQ(" /a/b/deep /a/link /a/x /a.b", walk("", ""));
	/* A pattern has the order of bytes. */
	CHECK_ASK(&w, "/**", "OK /a.b /a/b/deep /a/link /a/x");
	/* Links that lead nowhere: out, abs, loop. */
	ATF_CHECK_EQ(3, left_out);
	ATF_CHECK_STREQ(" /a/b/deep /a/link /a/x", walk("/a", ""));
	CHECK_ASK(&w, "/a/**", "OK /a/b/deep /a/link /a/x");
	/* By a link, as a pattern without wildcards in that place. */
	ATF_CHECK_STREQ(" /a/dirlink/deep", walk("/a/dirlink", ""));
	CHECK_ASK(&w, "/a/dirlink/**", "OK /a/dirlink/deep");
	ATF_CHECK_STREQ(" /.d/f", walk("/.d", ""));
	ATF_CHECK_STREQ("", walk("/e", ""));
	/* A file is a tree, too. */
	ATF_CHECK_STREQ(" /a.b", walk("/a.b", ""));
	ATF_CHECK_STREQ("", walk("/a.b", "/a.b"));
	ATF_CHECK_STREQ("NOTHING", walk("/none", ""));
	ATF_CHECK_STREQ("NOTHING", walk("/no", ""));
	ATF_CHECK_STREQ("NOTHING", walk("/r", ""));
	ATF_CHECK_STREQ("NOTHING", walk("/a/fifo", ""));
	ATF_CHECK_STREQ("NOTHING", walk("/a/out", ""));
}

TEST(walk__prefix)
{
	make_files("www/a", "www/b/*", "www/b/[c]/d");
	walker_start(&w, 0, fmt("root /p/q %s/www\n", here()));
	ATF_CHECK_STREQ(" /p/q/a /p/q/b/* /p/q/b/[c]/d", walk("/p/q", ""));
	/* Its name is no pattern. */
	ATF_CHECK_STREQ(" /p/q/b/[c]/d", walk("/p/q/b/[c]", ""));
	ATF_CHECK_STREQ("NOTHING", walk("", ""));
	ATF_CHECK_STREQ("NOTHING", walk("/p", ""));
}

/* The last of these paths does not come after this position. */
static void
check_last(const char *all, size_t len, const char *after)
{
	const char	*last = memrchr(all, ' ', len);

	if (last == NULL)
		return;
	ATF_CHECK_MSG(tree_path_compare((struct str){ last + 1,
	    (size_t)(all + len - last) - 1 }, str_of(after)) <= 0,
	    "%s leaves one out", after);
}

/* From each position, be it still there or not, and by another walker. */
TEST(walk__goes_on_after_a_position)
{
	static const char *const after[] = { "/a", "/a/b", "/a/b/c/d",
	    "/a/b/c/e", "/a/b/d", "/a/b/zz/y", "/a/x", "/a/x/y", "/a.b",
	    "/a-", "/b", "/c/c", "/d", "/zzz", "/0" };
	const char		*rest;
	char			 all[1024];
	size_t			 i, j;

	make_files("www/a/b/c/d", "www/a/b/e", "www/a/x", "www/a.b",
	    "www/a-b", "www/b", "www/c/c", "www/c/d", "www/d");
	walker_start_on_www(&w, "");
	strlcpy(all, walk("", ""), sizeof(all));
	ATF_CHECK_STREQ(" /a/b/c/d /a/b/e /a/x /a-b /a.b /b /c/c /c/d /d",
	    all);
	for (i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
		rest = walk("", after[i]);
		ATF_CHECK_STREQ(rest, all + strlen(all) - strlen(rest));
		for (j = 0; j < npaths; j++)
			ATF_CHECK(tree_path_compare(str_of(paths[j]),
			    str_of(after[i])) > 0);
		/* All that is not there comes before. */
		check_last(all, strlen(all) - strlen(rest), after[i]);
	}
}

/* Short names: parts have as many files as may be; long ones: as many bytes. */
TEST(walk__parts)
{
	uint32_t	 count, i;

	make_dir("www");
	for (i = 0; i < 2500; i++)
		make_file(fmt("www/%u", i));
	walker_start_on_www(&w, "max-files 10\n");
	send_walk("", "");
	ATF_CHECK_EQ(WALK_MORE, receive_part(&count));
	ATF_CHECK_EQ(WALK_FILES_MAX, count);
	/* It is not asked for more. */
	CHECK_ASK(&w, "/0", "OK /0");
	send_walk("", position);
	ATF_CHECK_EQ(WALK_MORE, receive_part(&count));
	ATF_CHECK_EQ(WALK_FILES_MAX, count);
	send_walk("", position);
	ATF_CHECK_EQ(WALK_END, receive_part(&count));
	ATF_CHECK_EQ(2500, npaths);
	walk("", "");
	ATF_CHECK_EQ(2500, npaths);
	make_dir("www/d");
	for (i = 0; i < 400; i++)
		make_file(fmt("www/d/%03u%0200u", i, 0));
	forget_paths();
	send_walk("/d", "");
	ATF_CHECK_EQ(WALK_MORE, receive_part(&count));
	ATF_CHECK_MSG(count > 200 && count < 400, "%u files", count);
	send_walk("/d", position);
	ATF_CHECK_EQ(WALK_END, receive_part(NULL));
	ATF_CHECK_EQ(400, npaths);
}

/* 100,000 of the longest names; and more than a walk may hold. */
TEST(walk__long_directory, "timeout", "600")
{
	char		 name[256];
	uint32_t	 i;

	make_files("www/a/x", "www/d/", "www/e");
	memset(name, 'n', 255);
	name[255] = '\0';
	ATF_REQUIRE_EQ(0, chdir("www/d"));
	for (i = 0; i < 100000; i++) {
		snprintf(name, 8, "%07u", i * 7919 % 1000000);
		name[7] = 'n';
		close(open(name, O_WRONLY | O_CREAT, 0644));
	}
	ATF_REQUIRE_EQ(0, chdir("../.."));
	walker_start_on_www(&w, "");
	walk("", "");
	ATF_CHECK_EQ(100002, npaths);
	ATF_CHECK_EQ(0, left_out);
	ATF_REQUIRE_EQ(0, chdir("www/d"));
	for (i = 0; i < 30000; i++) {
		snprintf(name, 8, "x%06u", i);
		name[7] = 'n';
		close(open(name, O_WRONLY | O_CREAT, 0644));
	}
	ATF_REQUIRE_EQ(0, chdir("../.."));
	ATF_CHECK_STREQ(" /a/x /e", walk("", ""));
	ATF_CHECK_EQ(1, left_out);
	proc_ask_status(&w.proc);
	ATF_CHECK(strstr((const char *)w.proc.log.data, "left out directory "
	    "\"/d\" of a tree") != NULL);
	/* Those beside it are whole, and it may be had as a tree of parts. */
	ATF_CHECK_STREQ(" /a/x", walk("/a", ""));
}

TEST(walk__depth)
{
	char		 path[256] = "www";
	int		 i;

	make_dir(path);
	for (i = 0; i < 33; i++) {
		strcat(path, "/d");
		make_dir(path);
		if (i >= 30)
			make_file(fmt("%s/f%d", path, i));
	}
	make_files("www/e");
	walker_start_on_www(&w, "");
	walk("", "");
	/* f31 is 33 deep, and what is in the directory beside it. */
	ATF_CHECK_EQ(2, npaths);
	ATF_CHECK(strstr(paths[0], "/f30") != NULL);
	ATF_CHECK_STREQ("/e", paths[1]);
	ATF_CHECK_EQ(2, left_out);
}

TEST(walk__unreadable)
{
	if (geteuid() == 0)
		atf_tc_skip("root can read everything");
	make_files("www/a/x", "www/b", "www/c");
	ATF_REQUIRE_EQ(0, chmod("www/a", 0));
	ATF_REQUIRE_EQ(0, chmod("www/b", 0));
	walker_start_on_www(&w, "");
	ATF_CHECK_STREQ(" /c", walk("", ""));
	ATF_CHECK_EQ(2, left_out);
	ATF_REQUIRE_EQ(0, chmod("www/a", 0755));
}

/* Requests of clients that come later are answered sooner. */
TEST(walk__comes_behind_clients)
{
	uint64_t	 pattern, plain;
	uint32_t	 i;

	make_files("www/x", "www/d/");
	for (i = 0; i < 3000; i++)
		make_file(fmt("www/d/%u", i));
	walker_start_on_www(&w, "");
	pause_walker(&w);
	send_walk("", "");
	pattern = send_spec(&w, "/x*", 1);
	plain = send_spec(&w, "/x", 1);
	resume_walker(&w);
	/* Its turn may have been the first. */
	expect_answer(&w, plain, "OK /x");
	expect_answer(&w, pattern, "OK /x");
	w.last_id = pattern - 1;
	ATF_CHECK_EQ(WALK_MORE, receive_part(NULL));
}

/* The front has gone in the middle, and the next one begins anew. */
TEST(walk__goes_with_its_channel)
{
	uint32_t	 i;

	make_dir("www");
	for (i = 0; i < 1500; i++)
		make_file(fmt("www/%u", i));
	walker_start_on_www(&w, "");
	send_walk("", "");
	close(w.front.fd);
	walker_connect(&w);
	forget_paths();
	walk("", "");
	ATF_CHECK_EQ(1500, npaths);
}
