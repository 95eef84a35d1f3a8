/* SPDX-License-Identifier: ISC */
/* Requests over the walker's channels, and messages that are none. */
#include "tests/lib/test.h"
#include "tests/lib/walker_rig.h"

static struct walker	w;

/* Parts may be cut anywhere, and more requests come than are worked on. */
TEST(resolve__parts_and_crowds)
{
	struct msg_resolve	 part;
	struct buf		 specs = { 0 };
	uint64_t		 first;
	size_t			 i;

	make_files("www/a", "www/b");
	walker_start_on_www(&w, "");
	specs_append(&specs, 0, "/a");
	specs_append(&specs, 1, "/*");
	memset(&part, 0, sizeof(part));
	part.id = ++w.last_id;
	for (i = 0; i < specs.len; i++) {
		part.flags = i + 1 < specs.len ? PART_MORE : 0;
		must_send(&w.front, MSG_RESOLVE, &part, specs.data + i, 1,
		    NULL, 0);
	}
	expect_answer(&w, part.id, "OK /a; OK /a /b");
	buf_free(&specs);
	pause_walker(&w);
	for (i = 0; i < 30; i++)
		send_spec(&w, "/*", 3);
	for (i = 0; i < 30; i++)
		send_spec(&w, "/a", 1);
	resume_walker(&w);
	first = w.last_id - 59;
	for (i = 0; i < 30; i++)
		expect_answer(&w, first + 30 + i, "OK /a");
	for (i = 0; i < 30; i++)
		expect_answer(&w, first + i, "OK /a /b; OK /a /b; OK /a /b");
}

TEST(conf__new_one_counts)
{
	make_files("www/a", "www/b");
	walker_start_on_www(&w, "");
	CHECK_ASK(&w, "/*", "OK /a /b");
	walker_configure(&w, 0, fmt("root %s/www\ndeny /a\n", here()));
	/* The channels are two: the new one comes after the new deny. */
	close(w.front.fd);
	walker_connect(&w);
	CHECK_ASK(&w, "/*", "OK /b");
	CHECK_ASK(&w, "/a", "REFUSED");
}

/*
 * Another root has a share of its paths: it does not answer questions that the
 * front asked before it knew that, and a front with the new configuration has a
 * new channel too.  Its own root may have another number.
 */
TEST(conf__other_roots_end_the_channel)
{
	struct msg	 msg;

	make_files("www/a", "www/more/b");
	walker_start_on_www(&w, "");
	CHECK_ASK(&w, "/*/b", "OK /more/b");
	walker_configure(&w, 0, fmt("root %s/www\nmax-files 10\n",
	    here()));
	CHECK_ASK(&w, "/*/b", "OK /more/b");
	walker_configure(&w, 1, fmt("root /more %s\nroot %s/www\n", here(),
	    here()));
	ATF_CHECK_EQ(MSG_NONE, receive(&w.front, &msg));
	close(w.front.fd);
	walker_connect(&w);
	CHECK_ASK(&w, "/*/b", "MISSING");
	CHECK_ASK(&w, "/a", "OK /a");
}

/* Messages that the table allows and no honest front sends. */
struct lie {
	const char	*what;
	enum msg_type	 type;
	const char	*spec;		/* in one item, or … */
	size_t		 len;		/* … of this length; 0: strlen */
	uint32_t	 count;		/* in MSG_OPEN */
	int		 cut;		/* bytes missing or too many */
};

static void
send_lie(const struct lie *lie)
{
	struct msg_resolve	 resolve;
	struct msg_open		 open_;
	struct buf		 tail = { 0 };
	uint32_t		 zero = 0, len = (uint32_t)(lie->len != 0 ?
				     lie->len : strlen(lie->spec));

	memset(&resolve, 0, sizeof(resolve));
	memset(&open_, 0, sizeof(open_));
	resolve.id = open_.id = ++w.last_id;
	open_.count = lie->count;
	if (lie->type == MSG_RESOLVE)
		buf_add(&tail, &zero, sizeof(zero));
	buf_add(&tail, &len, sizeof(len));
	buf_add(&tail, lie->spec, len);
	buf_add(&tail, "garbage", 7);
	must_send(&w.front, lie->type, lie->type == MSG_RESOLVE ?
	    (const void *)&resolve : &open_, tail.data,
	    (size_t)((int)tail.len - 7 + lie->cut), NULL, 0);
	buf_free(&tail);
}

static void
expect_blame(enum msg_type type, const char *what)
{
	struct msg	 msg;

	proc_await_blame(&w.proc, ROLE_FRONT, 0, type, FAULT_CONTENT, what);
	ATF_CHECK_EQ_MSG(MSG_NONE, receive(&w.front, &msg), "%s", what);
	close(w.front.fd);
	walker_connect(&w);
	CHECK_ASK(&w, "/a", "OK /a");
	CHECK_ASK(&w, "/././a", "OK /a");
}

TEST(lie__is_reported_and_the_channel_closed)
{
	static const struct lie	 lies[] = {
		{ "relative", MSG_RESOLVE, "a", 0, 0, 0 },
		{ "empty", MSG_RESOLVE, "", 0, 0, 0 },
		{ "parent", MSG_RESOLVE, "/../a", 0, 0, 0 },
		{ "parent at the end", MSG_RESOLVE, "/a/..", 0, 0, 0 },
		{ "self at the end", MSG_RESOLVE, "/a/.", 0, 0, 0 },
		{ "parent after self", MSG_RESOLVE, "/./../a", 0, 0, 0 },
		{ "self", MSG_OPEN, "/./a", 0, 1, 0 },
		{ "NUL", MSG_RESOLVE, "/a\0b", 4, 0, 0 },
		{ "cut", MSG_RESOLVE, "/abc", 0, 0, -1 },
		{ "cut head", MSG_RESOLVE, "/abc", 0, 0, -6 },
		{ "rubbish behind", MSG_RESOLVE, "/abc", 0, 0, 7 },
		{ "no item", MSG_RESOLVE, "/abc", 0, 0, -12 },
		{ "parent", MSG_OPEN, "/../a", 0, 1, 0 },
		{ "NUL", MSG_OPEN, "/a\0b", 4, 1, 0 },
		{ "cut", MSG_OPEN, "/abc", 0, 1, -1 },
		{ "rubbish behind", MSG_OPEN, "/abc", 0, 1, 7 },
		{ "fewer than said", MSG_OPEN, "/abc", 0, 2, 0 },
		{ "none", MSG_OPEN, "/abc", 0, 0, 0 },
		{ "33", MSG_OPEN, "/abc", 0, 33, 0 },
	};

	make_files("www/a");
	walker_start_on_www(&w, "");
	CHECK_ASK(&w, "/...", "MISSING");
	CHECK_ASK(&w, "/..a/.b", "MISSING");
	EACH(row, lies) {
		send_lie(row);
		expect_blame(row->type, row->what);
	}
}

TEST(lie__in_several_items)
{
	struct msg_resolve	 part;
	struct buf		 specs = { 0 };
	uint32_t		 i;

	make_files("www/a");
	walker_start_on_www(&w, "");
	specs_append(&specs, 1, "/a");
	specs_append(&specs, 1, "/b");
	send_specs(&w, &specs, NULL);
	expect_blame(MSG_RESOLVE, "an index twice");
	/* Another request between the parts of one. */
	memset(&part, 0, sizeof(part));
	part.flags = PART_MORE;
	for (i = 0; i < 2; i++) {
		part.id = ++w.last_id;
		must_send(&w.front, MSG_RESOLVE, &part, specs.data, 10, NULL,
		    0);
	}
	expect_blame(MSG_RESOLVE, "mixed parts");
	buf_free(&specs);
	/* More than 4 MiB. */
	for (i = 0; specs.len <= 4U << 20; i++)
		specs_append(&specs, i, "/a");
	send_specs(&w, &specs, NULL);
	expect_blame(MSG_RESOLVE, "too long");
	buf_free(&specs);
}
