/* SPDX-License-Identifier: ISC */
/*
 * A walker that was broken into, as a front meets it that warms a tree: parts
 * that are wrong are refused and reported, and the walk goes on with the walker
 * that takes its place; and a front holds no more of a walk than it may.
 */
#include <sys/param.h>

#include "tests/lib/rogue.h"
#include "tests/lib/test.h"

static struct proc	 front;
static struct rogue	 walker;
static struct rogue	 other;		/* of the root within the tree */
static uint64_t		 last_id;

/* An answer to WALK in the making. */
struct part {
	struct msg_walked	 body;
	struct buf		 tail;
};

static void
start(void)
{
	ATF_REQUIRE_EQ(0, mkdir("www", 0755));
	ATF_REQUIRE_EQ(0, mkdir("cache", 0755));
	rogue_start(&front, ROLE_FRONT, fmt("root /t/other %s/www\n",
	    here()));
	proc_stop_at_end(&front);
	rogue_connect(&walker, &front, ROLE_WALKER, 0);
	rogue_connect(&other, &front, ROLE_WALKER, 1);
}

static enum warm_mode mode = WARM_HASH;

static void
begin(const char *tree, const char *after)
{
	struct msg_warm body = { .id = ++last_id, .mode = mode,
	    .tree_len = (uint32_t)strlen(tree),
	    .after_len = (uint32_t)strlen(after) };

	proc_send(&front, MSG_WARM, &body, fmt("%s%s", tree, after),
	    body.tree_len + body.after_len, -1);
}

/* Waits for a report of the front's; its state. */
static uint32_t
report(void)
{
	front.warmed.state = 0;
	while (front.warmed.state == 0 || front.warmed.id != last_id)
		proc_wait(&front, -1, 0);
	return front.warmed.state;
}

/* Waits for the last one. */
static uint32_t
end(void)
{
	uint32_t state;

	do
		state = report();
	while (state == WARM_RUNNING);
	return state;
}

/* Waits for the next WALK; its tail. */
static const char *
await_walk_of(struct rogue *r, struct msg_walk *body)
{
	struct msg msg;

	while (!rogue_take(r, &msg)) {
		ATF_REQUIRE(r->ch.fd != -1);
		proc_wait(&front, r->ch.fd, POLLIN);
	}
	ATF_REQUIRE_EQ(MSG_WALK, msg.type);
	memcpy(body, msg.body, sizeof(*body));
	return fmt("%.*s", (int)msg.tail_len, (const char *)msg.tail);
}

static const char *
await_walk(struct msg_walk *body)
{
	return await_walk_of(&walker, body);
}

static void
add_file(struct part *p, const char *path)
{
	struct msg_file item = { .index = p->body.count++,
	    .len = (uint32_t)strlen(path), .identity = { .size = 1 } };

	ATF_REQUIRE_EQ(0, buf_add(&p->tail, &item, sizeof(item)));
	ATF_REQUIRE_EQ(0, buf_add(&p->tail, path, item.len));
}

static void
set_position(struct part *p, const char *path)
{
	p->body.position_len = (uint32_t)strlen(path);
	ATF_REQUIRE_EQ(0, buf_add(&p->tail, path, strlen(path)));
}

static void
say_as(struct rogue *r, struct part *p)
{
	rogue_say(r, MSG_WALKED, &p->body, sizeof(p->body), p->tail.data,
	    p->tail.len, NULL, 0);
	buf_free(&p->tail);
}

static void
say(struct part *p)
{
	say_as(&walker, p);
}

/* Both walkers have no more files. */
static void
end_walk(uint64_t id)
{
	struct part p = { .body = { .id = id, .result = WALK_END } };
	struct msg_walk body;

	say(&p);
	ATF_CHECK_STREQ("/t/other", await_walk_of(&other, &body));
	p.body.id = body.id;
	say_as(&other, &p);
	ATF_CHECK_EQ(WARM_DONE, end());
}

/* A part as it ought to be. */
static struct part
honest_part(uint64_t id)
{
	struct part p = { .body = { .id = id, .result = WALK_MORE } };

	add_file(&p, "/t/b/x");
	add_file(&p, "/t/b/y");
	set_position(&p, "/t/b/z");
	return p;
}

/* The same with another word in the tail. */
static struct part
spoilt_part(uint64_t id, size_t at, uint32_t word)
{
	struct part p = honest_part(id);

	memcpy(p.tail.data + at, &word, sizeof(word));
	return p;
}

static struct part
part_of(uint64_t id, enum walk_result result, const char *first,
    const char *second, const char *position)
{
	struct part p = { .body = { .id = id, .result = result } };

	add_file(&p, first);
	if (second != NULL)
		add_file(&p, second);
	set_position(&p, position);
	return p;
}

/* The front does not take it; the next walker ends the tree. */
static void
refuse(struct part p, const char *what)
{
	struct msg_walk body;

	say(&p);
	proc_await_blame(&front, ROLE_WALKER, 0, MSG_WALKED, FAULT_CONTENT,
	    what);
	rogue_connect(&walker, &front, ROLE_WALKER, 0);
	ATF_CHECK_STREQ("/t/t/a", await_walk(&body));
	end_walk(body.id);
	ATF_CHECK_EQ_MSG(0, front.warmed.files, "%s", what);
}

/* What is to be refused is asked for. */
static uint64_t
asked(void)
{
	struct msg_walk body;

	begin("/t", "/t/a");
	ATF_CHECK_STREQ("/t/t/a", await_walk(&body));
	ATF_CHECK_EQ(2, body.tree_len);
	return body.id;
}

static void
refuse_paths(void)
{
	static const struct {
		const char	*first;
		const char	*second;
		const char	*position;
	} lies[] = {
		/* Outside of the tree, or of the root. */
		{ "/s", NULL, "/t/z" }, { "/tt", NULL, "/t/z" },
		{ "/u/x", NULL, "/u/y" }, { "/t/c/../../u", NULL, "/t/z" },
		{ "/t/other/x", NULL, "/t/z" }, { "/t/c", NULL, "/u" },
		{ "/t/c", NULL, "/t/../u" }, { "/t/c", NULL, "/tt" },
		/* No paths. */
		{ "/t//c", NULL, "/t/z" }, { "/t/c/", NULL, "/t/z" },
		{ "t/c", NULL, "/t/z" }, { "", NULL, "/t/z" },
		{ "/t/c/.", NULL, "/t/z" }, { "/t/c", NULL, "/t/z/" },
		/* Not in order: the second, or after the position. */
		{ "/t/c", "/t/b", "/t/z" }, { "/t/c", "/t/c", "/t/z" },
		{ "/t/c", "/t", "/t/z" }, { "/t/a", NULL, "/t/z" },
		{ "/t/Z", NULL, "/t/z" }, { "/t/c", "/t/d", "/t/c" },
		{ "/t/c", "/t/d", "/t/c/x" }, { "/t/c", NULL, "/t/a" },
		{ "/t/c", NULL, "" }, { "/t/a.x", "/t/a/x", "/t/z" },
	};
	size_t i;

	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		refuse(part_of(asked(), WALK_MORE, lies[i].first,
		    lies[i].second, lies[i].position), lies[i].first);
	refuse(part_of(asked(), WALK_END, "/t/c", NULL, "/t/d"),
	    "a position at the end");
	refuse(part_of(asked(), WALK_NOTHING, "/t/c", NULL, ""),
	    "a file in nothing");
}

static void
refuse_numbers(void)
{
	static const uint32_t words[] = { 2, 7, WALK_FILES_MAX,
	    1 << 30, UINT32_MAX };
	struct part p;
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		refuse(spoilt_part(asked(), 0, words[i]), "an index");
		refuse(spoilt_part(asked(), 4, words[i]), "a length");
		p = honest_part(asked());
		p.body.position_len += words[i];
		refuse(p, "the length of the position");
		p = honest_part(asked());
		p.body.count += words[i];
		refuse(p, "the number of files");
		p = honest_part(asked());
		p.body.result = words[i] == 2 ? 0 : words[i];
		refuse(p, "the result");
		p = honest_part(asked());
		p.body.id += words[i];
		refuse(p, "the number");
	}
}

/* More than a part may have; more than was asked for. */
static void
refuse_too_much(void)
{
	struct part p = { .body = { .id = asked(), .result = WALK_END } };
	struct part again = { .body.result = WALK_END };
	unsigned i;

	for (i = 0; i <= WALK_FILES_MAX; i++)
		add_file(&p, fmt("/t/b%04u", i));
	refuse(p, "a file too many");
	again.body.id = asked();
	end_walk(again.body.id);
	say(&again);
	proc_await_blame(&front, ROLE_WALKER, 0, MSG_WALKED, FAULT_CONTENT,
	    "a part twice");
	rogue_connect(&walker, &front, ROLE_WALKER, 0);
}

TEST(walk__lies)
{
	start();
	refuse_paths();
	refuse_numbers();
	refuse_too_much();
	ATF_CHECK(front.reports > 50);
}

/* A walker ends before it answers, and another takes its place unless the front
   has given up meanwhile. */
static void
end_walker(void)
{
	close(walker.ch.fd);
	walker.ch.fd = -1;
	/* It has seen that when it has had two turns. */
	if (report() == WARM_RUNNING)
		(void)report();
	rogue_connect(&walker, &front, ROLE_WALKER, 0);
}

/* The walk of a tree over which two walkers end is given up. */
TEST(walk__fatal)
{
	struct msg_walk body;
	int i;

	start();
	begin("/", "/t/a");
	for (i = 0; i < 2; i++) {
		ATF_CHECK_STREQ("/t/a", await_walk(&body));
		end_walker();
	}
	ATF_CHECK_EQ(WARM_FAILED, front.warmed.state);
	proc_ask_status(&front);
	ATF_CHECK(strstr((const char *)front.log.data, "a walker ended twice "
	    "over the walk of a tree, after \"/t/a\"") != NULL);
	ATF_CHECK_EQ(0, front.reports);
	/* It is not asked again; and the next one may end one, too. */
	begin("/t", "/t/b");
	for (i = 0; i < 2; i++) {
		ATF_CHECK_STREQ("/t/t/b", await_walk(&body));
		if (i == 0)
			end_walker();
	}
	end_walk(body.id);
}

/* Does the front ask on?  If not, it had the time to. */
static bool
asks_on(struct msg *msg)
{
	unsigned reports = 0;

	while (!rogue_take(&walker, msg)) {
		front.warmed.state = 0;
		proc_wait(&front, walker.ch.fd, POLLIN);
		reports += front.warmed.state != 0;
		if (reports == 3)
			return false;
	}
	return true;
}

/*
 * As long as no cache answers nothing is dropped: the front asks for as much as
 * it may hold, and no more.
 */
TEST(walk__front_holds_no_more)
{
	struct part p;
	struct msg_walk body;
	struct msg msg;
	unsigned n, i;

	start();
	begin("/", "");
	for (n = 0; n < 10000; n += WALK_FILES_MAX) {
		await_walk(&body);
		memset(&p, 0, sizeof(p));
		p.body.id = body.id;
		p.body.result = WALK_MORE;
		for (i = 0; i < WALK_FILES_MAX; i++)
			add_file(&p, fmt("/%05u", n + i));
		set_position(&p, fmt("/%05u", n + i - 1));
		say(&p);
	}
	do
		ATF_CHECK_EQ(WARM_RUNNING, report());
	while (front.warmed.files < 10000);
	ATF_CHECK(!asks_on(&msg));
	ATF_CHECK_EQ(10000, front.warmed.files);
	/* By bytes, it is less. */
	begin("/", "");
	for (n = 0; asks_on(&msg); n++) {
		memset(&p, 0, sizeof(p));
		memcpy(&p.body.id, msg.body, sizeof(p.body.id));
		p.body.result = WALK_MORE;
		for (i = 0; i < 15; i++)
			add_file(&p, fmt("/%04u%02u%04000u", n, i, 0));
		set_position(&p, fmt("/%04u99", n));
		say(&p);
	}
	ATF_CHECK_MSG(n > 100 && n < 150, "%u parts", n);
}

/*
 * The cache, about three files of one byte: of the first it has the digests,
 * which are two.
 */
static struct rogue	 cache;
static struct msg_pieces_item truth[3];	/* about those that are asked for */
static uint32_t		 ntruth;

static uint64_t
await_lookup(void)
{
	struct msg_file item;
	const uint8_t *at;
	struct msg msg;

	while (!rogue_take(&cache, &msg)) {
		ATF_REQUIRE(cache.ch.fd != -1);
		proc_wait(&front, cache.ch.fd, POLLIN);
	}
	ATF_REQUIRE_EQ(MSG_GET_PIECES, msg.type);
	ntruth = 0;
	for (at = msg.tail; at < msg.tail + msg.tail_len; at += item.len) {
		memcpy(&item, at, sizeof(item));
		at += sizeof(item);
		ATF_REQUIRE(ntruth < 3);
		truth[ntruth++] = (struct msg_pieces_item){ item.index, 2, 0,
		    2, 0 };
	}
	return ((const struct msg_get_pieces *)msg.body)->id;
}

/* Has the front ask the cache. */
static uint64_t
look_up(void)
{
	struct part p = { .body = { .result = WALK_END } };
	struct msg_walk body;

	begin("/t/b", "");
	ATF_CHECK_STREQ("/t/b", await_walk(&body));
	p.body.id = body.id;
	add_file(&p, "/t/b/x");
	add_file(&p, "/t/b/y");
	add_file(&p, "/t/b/z");
	say(&p);
	return await_lookup();
}

static void
say_pieces(uint64_t id, const struct msg_pieces_item *items, uint32_t n,
    uint32_t claimed, size_t cut)
{
	struct msg_pieces body = { .id = id, .count = claimed };
	static const uint8_t digests[2 * SHA1_LEN];
	struct buf tail = { 0 };
	uint32_t i;

	for (i = 0; i < n; i++) {
		ATF_REQUIRE_EQ(0, buf_add(&tail, &items[i],
		    sizeof(items[i])));
		ATF_REQUIRE_EQ(0, buf_add(&tail, digests,
		    MIN(items[i].count, 2) * SHA1_LEN));
	}
	rogue_say(&cache, MSG_PIECES, &body, sizeof(body), tail.data,
	    tail.len - cut, NULL, 0);
	buf_free(&tail);
}

TEST(walk__lies_of_a_cache)
{
	static const struct msg_pieces_item lies[][2] = {
		/* A file that was not asked for, or twice. */
		{ { .index = 3 } }, { { .index = UINT32_MAX } },
		{ { 0, 2, 0, 2, 0 }, { 0, 2, 0, 2, 0 } },
		/* Another number of digests than it can have. */
		{ { 0, 1, 0, 1, 0 } }, { { 0, 3, 0, 2, 0 } },
		{ { 0, UINT32_MAX, 0, 2, 0 } }, { { 0, 2, 0, 3, 0 } },
		{ { 0, 0, 0, 2, 0 } }, { { 0, 2, 0, 0, 0 } },
		{ { 0, 2, 0, UINT32_MAX, 0 } },
		/* Not in order; or suddenly none. */
		{ { 0, 2, 1, 1, 0 } }, { { 0, 2, 0, 1, 0 }, { 0, 2, 0, 1, 0 } },
		{ { 0, 2, 0, 1, 0 }, { 0, 0, 0, 0, 0 } },
		/* A flag that is none; nothing, imported. */
		{ { 0, 2, 0, 2, 2 } }, { { 0, 2, 0, 2, UINT32_MAX } },
		{ { 0, 0, 0, 0, PIECES_IMPORTED } },
	};
	uint64_t id;
	size_t i;

	start();
	rogue_connect(&cache, &front, ROLE_CACHE, 0);
	for (i = 0; i <= sizeof(lies) / sizeof(lies[0]); i++) {
		id = look_up();
		if (i < sizeof(lies) / sizeof(lies[0]))
			say_pieces(id, lies[i], 2, 2, 0);
		else
			say_pieces(id, truth, 3, 3, 1);
		proc_await_blame(&front, ROLE_CACHE, 0, MSG_PIECES,
		    FAULT_CONTENT, fmt("lie %zu", i));
		rogue_connect(&cache, &front, ROLE_CACHE, 0);
		/* What is not known yet is asked for again. */
		id = await_lookup();
		say_pieces(id, truth, ntruth, ntruth, 0);
		ATF_CHECK_EQ(WARM_DONE, end());
		ATF_CHECK_EQ(3, front.warmed.found);
		ATF_CHECK_EQ(3, front.warmed.files);
	}
}

/* The cache has them, from another host: that is enough for the walk, and the
   files are hashed all the same. */
TEST(walk__imported_lists_are_rechecked)
{
	struct msg msg;
	uint64_t id;
	uint32_t i;

	start();
	rogue_connect(&cache, &front, ROLE_CACHE, 0);
	id = look_up();
	for (i = 0; i < ntruth; i++)
		truth[i].flags = PIECES_IMPORTED;
	say_pieces(id, truth, 3, 3, 0);
	ATF_CHECK_EQ(WARM_DONE, end());
	ATF_CHECK_EQ(3, front.warmed.found);
	while (!rogue_take(&walker, &msg)) {
		ATF_REQUIRE(walker.ch.fd != -1);
		proc_wait(&front, walker.ch.fd, POLLIN);
	}
	ATF_REQUIRE_EQ(MSG_OPEN, msg.type);
	ATF_CHECK_EQ(3, ((const struct msg_open *)msg.body)->count);
}

/* The parts of two lists are mixed: they cannot be summed as they come. */
TEST(walk__lies_of_a_cache_that_is_checked)
{
	static const struct msg_pieces_item mixed[] = { { 0, 2, 0, 1, 0 },
	    { 1, 2, 0, 2, 0 } };
	static const struct msg_pieces_item none[] = { { .index = 0 },
	    { .index = 1 }, { .index = 2 } };
	uint64_t id;
	int i;

	mode = WARM_CHECK;
	start();
	rogue_connect(&cache, &front, ROLE_CACHE, 0);
	id = look_up();
	say_pieces(id, mixed, 2, 2, 0);
	proc_await_blame(&front, ROLE_CACHE, 0, MSG_PIECES, FAULT_CONTENT,
	    "mixed");
	rogue_connect(&cache, &front, ROLE_CACHE, 0);
	/* Once for each piece length. */
	for (i = 0; i < 11; i++)
		say_pieces(await_lookup(), none, 3, 3, 0);
	ATF_CHECK_EQ(WARM_DONE, end());
	ATF_CHECK_EQ(3, front.warmed.skipped);
}

/* Two caches end over these files: they fail, and the next are looked up. */
TEST(walk__fatal_to_caches)
{
	int i;

	start();
	rogue_connect(&cache, &front, ROLE_CACHE, 0);
	look_up();
	for (i = 0; i < 2; i++) {
		if (i > 0)
			await_lookup();
		close(cache.ch.fd);
		cache.ch.fd = -1;
		if (report() == WARM_RUNNING)
			(void)report();
		rogue_connect(&cache, &front, ROLE_CACHE, 0);
	}
	ATF_CHECK_EQ(WARM_DONE, front.warmed.state);
	ATF_CHECK_EQ(3, front.warmed.failed);
	look_up();
}
