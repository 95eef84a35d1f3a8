/* SPDX-License-Identifier: ISC */
/*
 * The walker, over a real tree with links that lead out of it, and a front
 * that does as it likes.  The input is a list of steps: specs and paths put
 * together from parts, the messages that carry them changed or cut, requests
 * taken back, any bytes as a message.
 *
 * Every path in an answer is in the tree and was asked for; every path that was
 * asked for and is there is in the answer; every opened file is in the tree.  A
 * walk finds all that ** finds, in order.
 */
#include <sys/stat.h>

#include "common/listing.h"
#include "common/msg.h"
#include "common/spec.h"
#include "common/tree_path.h"
#include "tests/lib/fuzz.h"

static int	fuzz_answer(struct channel *, enum msg_type, const void *,
		    const void *, size_t, const int *, int);

#define msg_send_wait	fuzz_answer
#include "hasher/walker/walker.c"
#undef msg_send_wait

#include "hasher/walker/match.h"

#define DENY	"/*/y*"

static struct walker	 w;
static const char	*dir;
static struct buf	 listing;	/* of the answer coming in */
static bool		 wild;		/* the question is not understood */
static char		 asked[SPEC_MAX + 1];	/* the only spec */
static size_t		 asked_len;
static uint64_t		 asked_id;
static char		 walk_paths[2 * SPEC_MAX];	/* of the last WALK */
static struct str	 walk_tree, walk_after;

/* Every way to a file that may be had.  far: by a link, which ** does not
   follow; hidden: not found by wildcards; denied: not at all. */
static const struct {
	const char	*path;
	bool		 far;
	bool		 denied;
} tree[] = {
	{ "/a/*star", false, false }, { "/a/.hid", false, false },
	{ "/a/b/[x]", false, false }, { "/a/b/c/deep", false, false },
	{ "/a/l", false, false }, { "/a/nl\nname", false, false },
	{ "/a/x.rpm", false, false }, { "/a/y.rpm", false, true },
	{ "/.d/f", false, false }, { "/link/*star", true, false },
	{ "/link/.hid", true, false }, { "/link/b/[x]", true, false },
	{ "/link/b/c/deep", true, false }, { "/link/l", true, false },
	{ "/link/nl\nname", true, false }, { "/link/x.rpm", true, false },
	{ "/link/y.rpm", true, true }, { "/top", false, false },
	{ "/a/b/up", false, false }, { "/link/b/up", true, false },
};
#define NTREE	(sizeof(tree) / sizeof(tree[0]))

static const char *const parts[] = {
	"/a", "/b", "/c", "/*", "/**", "/?", "/x.rpm", "/y.rpm", "/link",
	"/[ab]", "/[!b]", "/*.rpm", "/.hid", "/.d", "/f", "/top", "/out",
	"/abs", "/fifo", "/loop", "/l", "/..", "/.", "/", "/*star", "/[x]",
	"/\\[x]", "/nl?name", "/*a*", "/deep", "/up", "*",
};
#define NPARTS	(sizeof(parts) / sizeof(parts[0]))

static int
find(const void *bytes, size_t len)
{
	char path[SPEC_MAX + 1], *round;
	size_t i;

	memcpy(path, bytes, len);
	path[len] = '\0';
	/* This one leads back up, as often as one likes. */
	while ((round = strstr(path, "/b/round/")) != NULL)
		memmove(round, round + 8, strlen(round + 8) + 1);
	len = strlen(path);

	for (i = 0; i < NTREE; i++)
		if (strlen(tree[i].path) == len &&
		    memcmp(tree[i].path, path, len) == 0)
			return (int)i;
	return -1;
}

static bool
has_any_depth(void)
{
	return memmem(asked, asked_len, "**", 2) != NULL;
}

/* Does the whole pattern stand for this path, component by component? */
static bool
stands_for(const char *p, const char *path)
{
	size_t n, m;

	if (*p == '\0' || *path == '\0')
		return *p == *path;
	n = strcspn(++p, "/");
	m = strcspn(++path, "/");
	if (n == 2 && memcmp(p, "**", 2) == 0)
		return (p[2] != '\0' && stands_for(p + 2, path - 1)) ||
		    (*path != '.' && ((p[2] == '\0' && path[m] == '\0') ||
		    stands_for(p - 1, path + m)));
	return match_component(p, n, path, m) && stands_for(p + n, path + m);
}

/* The files of one spec: each is in the tree, wanted, and in its place. */
static void
check_record(struct listing_reader *r, bool *found)
{
	char last[SPEC_MAX + 1] = "", path[SPEC_MAX + 1], spec[SPEC_MAX + 1];
	size_t spec_len = spec_plain((const char *)r->spec_bytes,
	    r->spec.len, spec);
	bool literal = find((uint8_t *)spec, spec_len) != -1;
	int i;

	spec[spec_len] = '\0';
	while (listing_next_file(r) == 1) {
		memcpy(path, r->path, r->file.len);
		path[r->file.len] = '\0';
		require(strcmp(last, path) < 0);
		memcpy(last, path, sizeof(last));
		i = find(r->path, r->file.len);
		require(i != -1);
		require(!match_covers(DENY, strlen(DENY), path, r->file.len));
		found[i] = true;
		if (wild)
			continue;
		if (literal)
			require(r->file.len == spec_len &&
			    memcmp(path, spec, spec_len) == 0);
		else
			require(stands_for(spec, path));
	}
}

static void
check_listing(uint64_t id)
{
	bool found[NTREE] = { false };
	struct listing_reader r;
	size_t i, specs = 0;
	int more;

	listing_open(&r, listing.data, listing.len);
	while ((more = listing_next_spec(&r)) == 1) {
		specs++;
		check_record(&r, found);
	}
	require(more == 0);
	if (wild || id != asked_id || specs != 1 ||
	    find(asked, asked_len) != -1)
		return;
	for (i = 0; i < NTREE; i++)
		if (!tree[i].denied && !(tree[i].far && has_any_depth()) &&
		    stands_for(asked, tree[i].path))
			/* No request could name one with a control byte. */
			require(found[i] ==
			    (strchr(tree[i].path, '\n') == NULL));
}

static void
check_opened(const struct msg_opened *body, const uint8_t *at, size_t len,
    const int *fds, int nfds)
{
	struct msg_opened_item item;
	struct stat st;
	uint32_t i;
	int used = 0;

	require(len == body->count * sizeof(item));
	for (i = 0; i < body->count; i++) {
		memcpy(&item, at + i * sizeof(item), sizeof(item));
		if (item.status != PATH_OK)
			continue;
		require(used < nfds && fstat(fds[used], &st) == 0);
		require(S_ISREG(st.st_mode) && st.st_ino == item.identity.ino);
		/* All files of the tree are of this size, none outside is. */
		require(st.st_size == 4242);
		require((fcntl(fds[used++], F_GETFL) & O_ACCMODE) ==
		    O_RDONLY);
	}
	require(used == nfds);
}

/* Is it to be found by a walk? */
static bool
is_walked(size_t i)
{
	const char *path = tree[i].path;
	struct str s = { path, strlen(path) };
	bool by_link = walk_tree.len >= 5 &&
	    memcmp(walk_tree.p, "/link", 5) == 0;

	return !tree[i].denied && tree[i].far == by_link &&
	    strchr(path, '\n') == NULL && tree_path_is_in(s, walk_tree) &&
	    strstr(path + walk_tree.len, "/.") == NULL &&
	    tree_path_compare(s, walk_after) > 0;
}

/* The tree is so small that each part is the last. */
static void
check_walked(const struct msg_walked *body, const uint8_t *at, size_t len)
{
	bool found[NTREE] = { false };
	struct str path, last = walk_after;
	struct msg_file item;
	uint32_t i;
	int n;

	require(body->result == WALK_END || body->result == WALK_NOTHING);
	require(body->result == WALK_END || body->count == 0);
	for (i = 0; i < body->count; i++) {
		require(len >= sizeof(item));
		memcpy(&item, at, sizeof(item));
		require(item.index == i && len >= sizeof(item) + item.len);
		path = (struct str){ (const char *)at + sizeof(item),
		    item.len };
		at += sizeof(item) + item.len;
		len -= sizeof(item) + item.len;
		require(tree_path_is_plain(path));
		require(tree_path_is_in(path, walk_tree));
		require(tree_path_compare(path, last) > 0);
		last = path;
		n = find(path.p, path.len);
		require(n != -1 && !tree[n].denied);
		require(item.identity.size == 4242);
		found[n] = true;
	}
	require(len == 0);
	for (i = 0; i < NTREE && body->result == WALK_END; i++)
		require(found[i] || !is_walked(i));
}

static int
fuzz_answer(struct channel *ch, enum msg_type type, const void *body,
    const void *tail, size_t len, const int *fds, int nfds)
{
	const struct msg_resolved *end = body;

	require(ch == &w.child.front);
	require(msg_check(type, ROLE_WALKER, ROLE_FRONT,
	    msg_body_len(type) + len, nfds) == 0);
	if (type == MSG_LISTING)
		require(buf_add(&listing, tail, len) == 0);
	if (type == MSG_WALKED)
		check_walked(body, tail, len);
	if (type == MSG_OPENED)
		check_opened(body, tail, len, fds, nfds);
	if (type == MSG_RESOLVED) {
		if (end->result == RESOLVE_OK)
			check_listing(end->id);
		listing.len = 0;
	}
	return 0;
}

static void
new_front(void)
{
	child_close_front(&w.child);
	channel_open(&w.child.front, open("/dev/null", O_RDONLY | O_CLOEXEC),
	    ROLE_WALKER, ROLE_FRONT, 0);
}

static void
give(enum msg_type type, const void *body, struct buf *tail, bool spoil)
{
	static uint8_t room[MSG_MAX];
	size_t body_len = msg_body_len(type), len = tail->len;
	struct msg msg = { .type = type, .body = room };
	uint8_t kind = spoil ? next() : 0;
	enum msg_fault fault;

	memcpy(room, body, body_len);
	if (len > 0)
		memcpy(room + body_len, tail->data, len);
	if (kind & 1)
		room[next() % body_len] ^= (uint8_t)(1U << next() % 8);
	if ((kind & 2) && len > 0)
		room[body_len + next() % len] = next();
	if (kind & 4)
		len -= len * next() / 256;
	if (kind != 0)
		wild = true;
	msg.tail = room + body_len;
	msg.tail_len = len;
	if (msg_check(type, ROLE_FRONT, ROLE_WALKER, body_len + len, 0) != 0)
		return;
	if (!walker_has_room(&w))
		return;
	fault = walker_on_message(&w, &msg);
	require(fault == FAULT_NONE || fault == FAULT_CONTENT);
	if (fault != FAULT_NONE)
		new_front();
}

static size_t
some_path(char *out)
{
	unsigned n = 1 + next() % 5;
	size_t len = 0;
	uint8_t which;

	for (; n > 0; n--) {
		which = next();
		if (which >= 0xf0)
			out[len++] = (char)next();
		else
			len += (size_t)sprintf(out + len, "%s",
			    parts[which % NPARTS]);
	}
	out[len] = '\0';
	return len;
}

static void
resolve(uint8_t arg)
{
	struct msg_resolve body = { .id = 1 + arg % 4, .client = arg / 4 };
	struct buf tail = { 0 };
	struct msg_spec spec;
	unsigned n = arg & 64 ? 1 + next() % 4U : 1, i;

	if (arg & 32)
		body.flags = PART_MORE;
	wild = n > 1 || (arg & 32) || w.partial != NULL ||
	    w.queue.count > 0;
	for (i = 0; i < n; i++) {
		asked_len = some_path(asked);
		asked_id = body.id;
		spec.index = i;
		spec.len = (uint32_t)asked_len;
		require(buf_add(&tail, &spec, sizeof(spec)) == 0);
		require(buf_add(&tail, asked, asked_len) == 0);
	}
	give(MSG_RESOLVE, &body, &tail, arg & 128);
	buf_free(&tail);
}

static void
open_some(uint8_t arg)
{
	struct msg_open body = { .id = 9, .count = 1 + arg % 8U };
	struct buf tail = { 0 };
	struct msg_path path;
	char text[SPEC_MAX + 1];
	uint32_t i;

	for (i = 0; i < body.count; i++) {
		path.len = (uint32_t)some_path(text);
		require(buf_add(&tail, &path, sizeof(path)) == 0);
		require(buf_add(&tail, text, path.len) == 0);
	}
	give(MSG_OPEN, &body, &tail, arg & 128);
	buf_free(&tail);
}

/* The next part of a walk, if none is under way. */
static void
walk(uint8_t arg)
{
	struct msg_walk body = { .id = arg };
	struct buf tail = { 0 };
	char text[SPEC_MAX + 1];

	if (w.tree.asked)
		return;
	body.tree_len = arg & 2 ? (uint32_t)some_path(text) : 0;
	memcpy(walk_paths, text, body.tree_len);
	require(buf_add(&tail, text, body.tree_len) == 0);
	if (arg & 4) {
		body.after_len = (uint32_t)some_path(text);
		/* Mostly in the tree. */
		if (arg & 8)
			require(buf_add(&tail, walk_paths, body.tree_len) ==
			    0);
		require(buf_add(&tail, text, body.after_len) == 0);
		body.after_len = (uint32_t)tail.len - body.tree_len;
	}
	if (tail.len > 0)
		memcpy(walk_paths, tail.data, tail.len);
	walk_tree = (struct str){ walk_paths, body.tree_len };
	walk_after = (struct str){ walk_paths + body.tree_len,
	    body.after_len };
	give(MSG_WALK, &body, &tail, false);
	buf_free(&tail);
}

static void
babble(void)
{
	static const enum msg_type types[] = { MSG_RESOLVE, MSG_CANCEL,
	    MSG_OPEN };
	uint8_t body[64] = { 0 };
	struct buf tail = { 0 };
	enum msg_type type = types[next() % 3];
	size_t i, n = next();

	for (i = 0; i < 20; i++)
		body[i] = next();
	next_bytes(&tail, n);
	if (type == MSG_CANCEL)
		tail.len = 0;
	wild = true;
	give(type, body, &tail, false);
	buf_free(&tail);
}

static void
step(void)
{
	uint8_t what = next(), arg = next();
	struct msg_id id = { 1 + arg % 4 };
	struct buf none = { 0 };

	switch (what % 8) {
	case 0: case 1: case 2:
		resolve(arg);
		break;
	case 3:
		open_some(arg);
		break;
	case 4:
		give(MSG_CANCEL, &id, &none, false);
		break;
	case 5:
		babble();
		break;
	case 6:
		if (arg & 1)
			walk(arg);
		walker_work(&w);
		break;
	case 7:
		if (arg % 16 == 0)
			new_front();
		while (w.queue.count > 0 || w.tree.asked)
			walker_work(&w);
		break;
	}
}

static void
make(const char *path, const char *link)
{
	char name[256];
	int fd;

	snprintf(name, sizeof(name), "%s/%s", dir, path);
	if (link != NULL) {
		require(symlink(link, name) == 0);
		return;
	}
	if (name[strlen(name) - 1] == '/') {
		require(mkdir(name, 0755) == 0);
		return;
	}
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
	require(fd != -1 && ftruncate(fd, strstr(path, "outside") != NULL ?
	    7 : 4242) == 0);
	close(fd);
}

static void
make_tree(void)
{
	static const char *const names[] = { "outside/", "outside/secret",
	    "r/", "r/a/", "r/a/b/", "r/a/b/c/", "r/.d/", "r/a/*star",
	    "r/a/.hid", "r/a/b/[x]", "r/a/b/c/deep", "r/a/nl\nname",
	    "r/a/x.rpm", "r/a/y.rpm", "r/.d/f", "r/top" };
	char fifo[256];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		make(names[i], NULL);
	make("r/link", "a");
	make("r/a/l", "x.rpm");
	make("r/a/b/up", "../../top");
	make("r/a/out", "../../outside");
	make("r/a/b/out", "../../../outside/secret");
	make("r/a/abs", "/etc/passwd");
	make("r/a/loop", "loop");
	make("r/a/b/round", "..");
	snprintf(fifo, sizeof(fifo), "%s/r/a/fifo", dir);
	require(mkfifo(fifo, 0644) == 0);
}

static void
start(void)
{
	char root[160];

	log_set_level(-1);
	dir = fuzz_dir();
	make_tree();
	w.child.conf = fuzz_conf("root /srv\nhashers 1\ndeny " DENY "\n");
	queue_init(&w.queue);
	w.root.parent_fd = -1;
	w.root.conf = w.child.conf;
	snprintf(root, sizeof(root), "%s/r", dir);
	w.root.fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w.child.keys.n[SEAL_WALKER_CACHE] = 1;
	w.child.keys.n[SEAL_WALKER_HASHER] = 1;
	w.child.new_keys = w.child.keys;
	require(w.root.fd != -1);
	w.child.front.fd = -1;
	w.child.ops = &walker_ops;
	w.child.owner = &w;
	w.child.parent.self = ROLE_WALKER;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int fd, lowest;

	if (w.child.conf == NULL)
		start();
	in = data;
	in_len = len;
	listing.len = 0;
	lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(lowest);
	new_front();
	while (in_len > 0)
		step();
	while (w.queue.count > 0 || w.tree.asked)
		walker_work(&w);
	child_close_front(&w.child);
	root_forget(&w.root);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	require(fd == lowest);
	close(fd);
	return 0;
}
