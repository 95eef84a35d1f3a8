/* SPDX-License-Identifier: ISC */
/*
 * A front that was broken into, as walkers meet it: wrong messages are
 * refused and reported, and nothing comes from outside the root.
 */
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "common/listing.h"
#include "tests/lib/lies.h"
#include "tests/lib/test.h"

#define RANDOM		10000
#define CRAFTED		200
#define RESOLUTIONS	100000

#define INSIDE		"inside"
#define OUTSIDE		"outside"

static struct proc	v;
static struct rogue	front;

static void
make_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);

	ATF_REQUIRE_MSG(fd != -1, "%s: %s", path, strerror(errno));
	ATF_REQUIRE_EQ((ssize_t)strlen(text), write(fd, text, strlen(text)));
	close(fd);
}

/* A mirror with all the ways out of it that there are. */
static void
make_mirror(void)
{
	ATF_REQUIRE_EQ(0, mkdir("www", 0755));
	ATF_REQUIRE_EQ(0, mkdir("www/y", 0755));
	ATF_REQUIRE_EQ(0, mkdir("www/y/sub", 0755));
	make_file("secret", OUTSIDE);
	make_file("www/y/a", INSIDE " a");
	make_file("www/y/b", INSIDE " b");
	make_file("www/y/sub/a", INSIDE " sub");
	ATF_REQUIRE_EQ(0, mkfifo("www/y/fifo", 0644));
	ATF_REQUIRE_EQ(0, symlink("../../secret", "www/y/out"));
	ATF_REQUIRE_EQ(0, symlink("../..", "www/y/updir"));
	ATF_REQUIRE_EQ(0, symlink("/proc/self/mem", "www/y/mem"));
}

/* A walker hands over files of the mirror, open to be read. */
static void
check_descriptors(struct rogue *r, struct msg *msg)
{
	char text[sizeof(INSIDE)] = "";
	struct stat st;
	int i;

	(void)r;
	for (i = 0; i < msg->nfds; i++) {
		ATF_REQUIRE_EQ(0, fstat(msg->fds[i], &st));
		ATF_REQUIRE(S_ISREG(st.st_mode));
		ATF_REQUIRE_EQ(O_RDONLY, fcntl(msg->fds[i], F_GETFL) &
		    (O_ACCMODE | O_PATH));
		ATF_REQUIRE_EQ(sizeof(text) - 1, pread(msg->fds[i], text,
		    sizeof(text) - 1, 0));
		ATF_REQUIRE_STREQ(INSIDE, text);
	}
}

static void
say_resolve(struct rogue *r, uint64_t id, uint32_t flags, const void *tail,
    size_t len)
{
	struct msg_resolve body = { .id = id, .flags = flags };

	rogue_say(r, MSG_RESOLVE, &body, sizeof(body), tail, len, NULL, 0);
}

static void
say_open(struct rogue *r, uint64_t id, uint32_t count, const void *tail,
    size_t len)
{
	struct msg_open body = { .id = id, .count = count };

	rogue_say(r, MSG_OPEN, &body, sizeof(body), tail, len, NULL, 0);
}

/* An item of MSG_RESOLVE, or without an index of MSG_OPEN. */
static void
add_path(struct buf *b, int index, const void *path, uint32_t len)
{
	uint32_t n = (uint32_t)index;

	if (index != -1)
		ATF_REQUIRE_EQ(0, buf_add(b, &n, sizeof(n)));
	ATF_REQUIRE_EQ(0, buf_add(b, &len, sizeof(len)));
	ATF_REQUIRE_EQ(0, buf_add(b, path, len));
}

/* A pattern, which is worked on after all plain paths that came before. */
static bool
walker_answers(struct rogue *r)
{
	const uint64_t id = 1ULL << 63 | ++r->pings;
	struct buf specs = { 0 };
	struct msg msg;

	add_path(&specs, 0, "/y/[a]", 6);
	say_resolve(r, id, 0, specs.data, specs.len);
	buf_free(&specs);
	if (!rogue_await(r, MSG_RESOLVED, id, &msg))
		return false;
	ATF_REQUIRE_EQ(RESOLVE_OK,
	    ((const struct msg_resolved *)msg.body)->result);
	return true;
}

static void
start_walker(void)
{
	make_mirror();
	rogue_open_fds();
	rogue_start(&v, ROLE_WALKER, "");
	front.on_answer = check_descriptors;
	front.honest = walker_answers;
	rogue_connect(&front, &v, ROLE_FRONT, 0);
	ATF_REQUIRE(walker_answers(&front));
}

TEST(walker__random)
{
	start_walker();
	rogue_random(&front, RANDOM);
	proc_stop(&v);
}

static void
refuse_open(uint32_t count, const void *tail, size_t len, const char *what)
{
	say_open(&front, 2, count, tail, len);
	rogue_refused(&front, MSG_OPEN, FAULT_CONTENT, what);
}

static void
refuse_resolve(uint64_t id, const void *tail, size_t len, const char *what)
{
	say_resolve(&front, id, 0, tail, len);
	rogue_refused(&front, MSG_RESOLVE, FAULT_CONTENT, what);
}

/* A path that no honest front sends, alone and after a good one. */
static unsigned
refuse_path(const void *path, uint32_t len, uint32_t claimed)
{
	struct buf b = { 0 };
	char what[64];
	int i, after;

	for (i = 0; i < 4; i++) {
		after = i & 1;
		b.len = 0;
		if (after)
			add_path(&b, i < 2 ? 0 : -1, "/y/a", 4);
		add_path(&b, i < 2 ? after : -1, path, len);
		memcpy(b.data + b.len - len - 4, &claimed, 4);
		snprintf(what, sizeof(what), "%.40s", (const char *)path);
		if (i < 2)
			refuse_resolve(1, b.data, b.len, what);
		else
			refuse_open(1 + (uint32_t)after, b.data, b.len, what);
	}
	buf_free(&b);
	return 4;
}

static unsigned
refuse_paths(void)
{
	static const char *const paths[] = {
		"..", "../secret", "/..", "/../secret", "/y/../../secret",
		"/y/..", "/.", "/y/./.", "/y/.", "/y/./..", "y/a", " /y/a",
		"/y/*/../../../secret", "/**/..", "/y/a/..", "/../y/a",
		"//../secret", "/../../../../../../etc/passwd", "\\", "*",
	};
	static char longer[SPEC_MAX + 2];
	unsigned i, n = 0;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		n += refuse_path(paths[i], (uint32_t)strlen(paths[i]),
		    (uint32_t)strlen(paths[i]));
	n += refuse_path("/y/a\0b", 6, 6);
	n += refuse_path("/y/a", 5, 5);
	n += refuse_path("/y/a", 4, 0);
	n += refuse_path("/y/a", 4, 5);
	n += refuse_path("/y/a", 4, 1 << 30);
	n += refuse_path("/y/a", 4, UINT32_MAX);
	n += refuse_path("/y/a", 4, UINT32_MAX - 7);
	memset(longer, 'x', sizeof(longer));
	longer[0] = '/';
	return n + refuse_path(longer, SPEC_MAX + 1, SPEC_MAX + 1);
}

/* Lists that are not as long as they say, or not in order. */
static unsigned
refuse_lists(void)
{
	static const uint32_t counts[] = {
		0, 1, 3, 32, 33, 64, 1 << 30, UINT32_MAX,
	};
	struct buf b = { 0 };
	unsigned i, n = 0;

	add_path(&b, -1, "/y/a", 4);
	add_path(&b, -1, "/y/b", 4);
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++, n++) {
		refuse_open(counts[i], b.data, b.len, "a count");
	}
	for (i = 1; i < 8; i++, n++) {
		refuse_open(2, b.data, b.len - i, "cut short");
	}
	for (i = 0; i < 32; i++)
		add_path(&b, -1, "/y/a", 4);
	refuse_open(34, b.data, b.len, "34 paths");
	for (i = 0; i < 3; i++, n++) {
		b.len = 0;
		add_path(&b, 5, "/y/a", 4);
		add_path(&b, i == 0 ? 5 : i == 1 ? 4 : 0, "/y/b", 4);
		refuse_resolve(5, b.data, b.len, "order");
	}
	for (i = 1; i < 12; i++, n++) {
		refuse_resolve(6, b.data, b.len - i, "cut");
	}
	refuse_resolve(7, NULL, 0, "no specs");
	buf_free(&b);
	return n + 2;
}

/* Parts of two requests at once; more parts than any request has; the same
   number twice. */
static unsigned
refuse_parts(void)
{
	static char much[60000];
	struct buf b = { 0 };
	unsigned i;

	add_path(&b, 0, "/y/a", 4);
	say_resolve(&front, 1, PART_MORE, b.data, b.len);
	refuse_resolve(2, b.data, b.len, "interleaved");
	say_resolve(&front, 1, PART_MORE, b.data, b.len);
	refuse_resolve(1, b.data, b.len, "same index");
	for (i = 0; i < 80; i++)
		say_resolve(&front, 1, PART_MORE, much, sizeof(much));
	rogue_refused(&front, MSG_RESOLVE, FAULT_CONTENT, "4 MiB of specs");
	/* An honest one may be cut anywhere, and given up half way. */
	say_resolve(&front, 9, PART_MORE, b.data, 5);
	say_resolve(&front, 9, 0, b.data + 5, b.len - 5);
	say_resolve(&front, 10, PART_MORE, b.data, b.len);
	rogue_say(&front, MSG_CANCEL, &(struct msg_id){ 10 }, 8, NULL, 0,
	    NULL, 0);
	say_resolve(&front, 10, PART_MORE, much, sizeof(much));
	say_resolve(&front, 10, 0, much, sizeof(much));
	ATF_CHECK(walker_answers(&front));
	buf_free(&b);
	return 3;
}

static void
say_walk(struct rogue *r, uint64_t id, const char *tail, size_t len,
    uint32_t tree_len, uint32_t after_len)
{
	struct msg_walk body = { .id = id, .tree_len = tree_len,
	    .after_len = after_len };

	rogue_say(r, MSG_WALK, &body, sizeof(body), tail, len, NULL, 0);
}

static void
refuse_walk(const char *tail, size_t len, uint32_t tree_len,
    uint32_t after_len, const char *what)
{
	say_walk(&front, 1, tail, len, tree_len, after_len);
	rogue_refused(&front, MSG_WALK, FAULT_CONTENT, what);
}

/* Trees that lead out of the root, positions that are not in the tree, lengths
   that are not true, and a second walk before the first is answered. */
static unsigned
refuse_walks(void)
{
	static const char *const trees[] = { "y", "/y/", "/", "//y", "/y//a",
	    "/..", "/y/../..", "/y/..", "/.", "/y/.", "../secret" };
	static const struct {
		const char	*tail;
		uint32_t	 tree_len;
	} positions[] = {
		{ "/y/x/a", 2 }, { "/y/x", 2 }, { "/y/y/../a", 2 },
		{ "/y/y/", 2 }, { "/y/yy", 2 }, { "/", 0 }, { "x", 0 },
		{ "/..", 0 },
	};
	static const uint32_t lens[] = { 1, 3, 5, 4096, 1 << 30, UINT32_MAX,
	    UINT32_MAX - 3 };
	static char longer[2 * SPEC_MAX];
	struct msg msg;
	unsigned i, n = 0;
	uint32_t len;

	for (i = 0; i < sizeof(trees) / sizeof(trees[0]); i++, n++) {
		len = (uint32_t)strlen(trees[i]);
		refuse_walk(trees[i], len, len, 0, trees[i]);
	}
	refuse_walk("/y\0", 3, 3, 0, "a NUL");
	for (i = 0; i < sizeof(positions) / sizeof(positions[0]); i++, n++) {
		len = (uint32_t)strlen(positions[i].tail);
		refuse_walk(positions[i].tail, len, positions[i].tree_len,
		    len - positions[i].tree_len, positions[i].tail);
	}
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++, n += 2) {
		refuse_walk("/y/y", 4, lens[i], 4 - lens[i], "lengths");
		refuse_walk("/y", 2, 2, lens[i], "a length");
	}
	memset(longer, 'x', sizeof(longer));
	longer[0] = '/';
	refuse_walk(longer, SPEC_MAX + 1, SPEC_MAX + 1, 0, "a long tree");
	ATF_REQUIRE_EQ(0, kill(v.pid, SIGSTOP));
	ATF_REQUIRE_EQ(v.pid, waitpid(v.pid, NULL, WUNTRACED));
	say_walk(&front, 1, "/y", 2, 2, 0);
	say_walk(&front, 2, "/y", 2, 2, 0);
	ATF_REQUIRE_EQ(0, kill(v.pid, SIGCONT));
	rogue_refused(&front, MSG_WALK, FAULT_CONTENT, "two at once");
	/* One after the other is fine, and none leaves the root. */
	for (i = 2; i < 100; i++) {
		say_walk(&front, i, "/y", 2, 2, 0);
		ATF_REQUIRE(rogue_await(&front, MSG_WALKED, i, &msg));
		ATF_CHECK_EQ(3,
		    ((const struct msg_walked *)msg.body)->count);
		ATF_CHECK(memmem(msg.tail, msg.tail_len, "secret", 6) == NULL);
	}
	return n + 3;
}

TEST(walker__crafted)
{
	unsigned n;

	start_walker();
	n = rogue_try_table(&front);
	n += refuse_paths();
	n += refuse_lists();
	n += refuse_parts();
	n += refuse_walks();
	ATF_CHECK_MSG(n >= CRAFTED, "%u messages", n);
	ATF_CHECK_EQ(n, v.reports);
	proc_stop(&v);
}

/* Somebody swaps a file, and a directory, for links that leave the root, and
   back, all the time. */
static pid_t
start_swapping(void)
{
	pid_t pid = fork();

	ATF_REQUIRE(pid != -1);
	if (pid != 0)
		return pid;
	/* Not longer than the test, however that ends. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		if (syscall(SYS_renameat2, AT_FDCWD, "www/s/file", AT_FDCWD,
		    "www/s/link", RENAME_EXCHANGE) == -1 ||
		    syscall(SYS_renameat2, AT_FDCWD, "www/s/dir", AT_FDCWD,
		    "www/s/dirlink", RENAME_EXCHANGE) == -1)
			_exit(1);
}

static struct {
	unsigned	opened;
	unsigned	links;
	unsigned	other;
	struct buf	listing;
} seen;

static void
count_status(uint32_t status)
{
	seen.opened += status == PATH_OK;
	seen.links += status == PATH_LINK;
	seen.other += status != PATH_OK && status != PATH_LINK;
}

static void
collect_listing(struct rogue *r, struct msg *msg)
{
	(void)r;
	if (msg->type == MSG_LISTING)
		ATF_REQUIRE_EQ(0, buf_add(&seen.listing, msg->tail,
		    msg->tail_len));
}

static void
open_them(const struct buf *paths, uint32_t n)
{
	struct msg_opened_item item;
	struct msg msg;
	size_t at;

	say_open(&front, ++front.pings, n, paths->data, paths->len);
	ATF_REQUIRE(rogue_await(&front, MSG_OPENED, front.pings, &msg));
	ATF_REQUIRE_EQ(n * sizeof(item), msg.tail_len);
	for (at = 0; at < msg.tail_len; at += sizeof(item)) {
		memcpy(&item, msg.tail + at, sizeof(item));
		count_status(item.status);
	}
	check_descriptors(&front, &msg);
	msg_close_fds(&msg);
}

/* Files outside are longer. */
static void
look_at_them(const struct buf *specs)
{
	struct listing_reader reader;
	struct msg msg;

	seen.listing.len = 0;
	say_resolve(&front, ++front.pings, 0, specs->data, specs->len);
	ATF_REQUIRE(rogue_await(&front, MSG_RESOLVED, front.pings, &msg));
	listing_open(&reader, seen.listing.data, seen.listing.len);
	while (listing_next_spec(&reader) == 1) {
		count_status(reader.spec.status);
		while (listing_next_file(&reader) == 1)
			ATF_REQUIRE_EQ(strlen(INSIDE),
			    reader.file.identity.size);
	}
}

TEST(walker__swapped_links)
{
	static const char *const paths[] = {
		"/s/file", "/s/dir/x", "/s/link", "/s/dirlink/x",
	};
	struct buf specs = { 0 }, opens = { 0 };
	unsigned i, n;
	pid_t pid;

	start_walker();
	ATF_REQUIRE_EQ(0, mkdir("www/s", 0755));
	ATF_REQUIRE_EQ(0, mkdir("www/s/dir", 0755));
	ATF_REQUIRE_EQ(0, mkdir("away", 0755));
	make_file("away/x", OUTSIDE);
	make_file("www/s/file", INSIDE);
	make_file("www/s/dir/x", INSIDE);
	ATF_REQUIRE_EQ(0, symlink("../../secret", "www/s/link"));
	ATF_REQUIRE_EQ(0, symlink("../../away", "www/s/dirlink"));
	for (i = 0; i < 32; i++) {
		add_path(&opens, -1, paths[i % 4],
		    (uint32_t)strlen(paths[i % 4]));
		add_path(&specs, (int)i, paths[i % 4],
		    (uint32_t)strlen(paths[i % 4]));
	}
	front.on_answer = collect_listing;
	pid = start_swapping();
	for (n = 0; n < RESOLUTIONS; n += 64) {
		open_them(&opens, 32);
		look_at_them(&specs);
	}
	ATF_REQUIRE_EQ(0, kill(pid, SIGKILL));
	ATF_REQUIRE_EQ(pid, waitpid(pid, NULL, 0));
	printf("%u files, %u links, %u others\n", seen.opened, seen.links,
	    seen.other);
	ATF_CHECK_MSG(seen.opened > n / 100 && seen.links > n / 100,
	    "nothing was swapped: %u files, %u links", seen.opened,
	    seen.links);
	proc_stop(&v);
	buf_free(&specs);
	buf_free(&opens);
	buf_free(&seen.listing);
}
