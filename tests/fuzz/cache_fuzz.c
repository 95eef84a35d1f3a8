/* SPDX-License-Identifier: ISC */
/*
 * The cache and a front that does anything.  The input is a list of steps:
 * questions, things to remember with the seals that belong to them, all of
 * these changed afterwards, anything under seals of a walker or a hasher that
 * was broken into, and somebody damages the files meanwhile, and has the cache
 * forget some.
 *
 * As long as seals are honest, every answer was sealed.  There are two roots,
 * and no seal by the key of another process than the right one is taken.
 */
#include <sys/stat.h>

#include "common/listing.h"
#include "common/msg.h"

static int	fuzz_answer(struct channel *, enum msg_type, const void *,
		    const void *, size_t, const int *, int);

#define msg_send_wait	fuzz_answer
#include "pkgtorrentd/cache/packs.c"
#include "pkgtorrentd/cache/purging.c"
#include "pkgtorrentd/cache/request.c"
#include "pkgtorrentd/cache/cache.c"
#undef msg_send_wait

#include "common/torrent.h"
#include "tests/lib/fuzz.h"

#define NFILES		5
#define NSETS		4
#define NROOTS		2
#define NKEYS		(2 * NROOTS + 1) /* walkers', hashers', nobody's */

static struct cache	 c;
static const char	*dir;
static uint8_t		 version[NFILES];
static bool		 honest;	/* no seal was given away so far */
static bool		 wild;		/* the question is not understood */
static uint32_t		 asked_piece_len;
static struct buf	 info;		/* INFO in parts */
static const uint8_t	*forger;	/* a key for all seals; or NULL */
static bool		 forger_digests; /* not for those of a file */

static const struct {
	const char	*path;
	uint64_t	 size;
} mirror[NFILES] = {
	{ "/d/a", 100 }, { "/d/b", 3 * 16384 + 5 }, { "/d/c/d", 16384 },
	{ "/d/empty", 0 }, { "/d/long", 3000ULL * 16384 + 1 },
};

/* Specs, and which files they are: bits. */
static const struct {
	const char	*specs;
	uint8_t		 files[2];
} sets[NSETS] = {
	{ "/d/a", { 1, 0 } }, { "/d/*\n/d/a", { 11, 1 } },
	{ "/d/long\n/d/c/*", { 16, 4 } }, { "/d/none", { 0, 0 } },
};

static const char *const prefixes[NROOTS] = { "", "/d/c" };

static unsigned
root_of(const char *path)
{
	return strncmp(path, "/d/c/", 5) == 0;
}

static const uint8_t *
key_of(unsigned i)
{
	static const uint8_t nobodys[SEAL_LEN] = "the front's";

	return i < NROOTS ? c.child.keys.v[SEAL_WALKER_CACHE][i] :
	    i < 2 * NROOTS ? c.child.keys.v[SEAL_HASHER_CACHE][i - NROOTS] :
	    nobodys;
}

static const uint8_t *
key_or_forged(unsigned i)
{
	return forger != NULL ? forger : key_of(i);
}

static struct identity
file_identity(unsigned i)
{
	return (struct identity){ .ino = i + 1, .size = mirror[i].size,
	    .mtime_ns = version[i], .ctime_ns = version[i] };
}

/* The hashers' digests, which follow from the identity. */
static void
true_digests(struct buf *b, const struct identity *id, uint32_t piece_len)
{
	uint64_t i, n = torrent_digests(id->size, piece_len);
	uint8_t digest[SHA1_LEN] = { 0 };

	for (i = 0; i < n; i++) {
		digest[0] = (uint8_t)id->ino;
		digest[1] = (uint8_t)id->mtime_ns;
		digest[2] = (uint8_t)(piece_len >> 14);
		memcpy(digest + 3, &i, sizeof(i));
		require(buf_add(b, digest, sizeof(digest)) == 0);
	}
}

static void
check_pieces(const struct msg_pieces *body, const uint8_t *at, size_t len)
{
	struct msg_pieces_item item;
	struct buf digests = { 0 };
	struct identity id;
	uint32_t i;

	for (i = 0; i < body->count; i++) {
		require(len >= sizeof(item));
		memcpy(&item, at, sizeof(item));
		at += sizeof(item);
		len -= sizeof(item);
		require(len / SHA1_LEN >= item.count);
		require(item.flags == 0);
		require(item.first <= item.total &&
		    item.count <= item.total - item.first);
		if (item.total > 0 && honest && !wild) {
			require(item.index < NFILES);
			id = file_identity(item.index);
			true_digests(&digests, &id, asked_piece_len);
			require(item.total == digests.len / SHA1_LEN);
			require(memcmp(at, digests.data + item.first *
			    SHA1_LEN, (size_t)item.count * SHA1_LEN) == 0);
			buf_free(&digests);
		}
		at += (size_t)item.count * SHA1_LEN;
		len -= (size_t)item.count * SHA1_LEN;
	}
	require(len == 0);
}

/* The dictionary is the one that the listing's files make. */
static void
check_info(const struct msg_info *body)
{
	const struct conf *conf = c.child.conf;
	struct torrent_params params = { conf->piece_len, conf->padding_attr,
	    conf->service };
	struct buf digests[16] = { { 0 } }, made = { 0 };
	struct torrent_file files[16];
	struct listing_reader r;
	unsigned i, n = 0;

	require(info.len == body->listing_len + body->info_len);
	listing_open(&r, info.data, body->listing_len);
	while (listing_next_spec(&r) == 1)
		while (listing_next_file(&r) == 1) {
			require(n < 16);
			true_digests(&digests[n], &r.file.identity,
			    params.piece_len);
			files[n].path = (const char *)r.path;
			files[n].path_len = r.file.len;
			files[n].size = r.file.identity.size;
			files[n].digests = digests[n].data;
			n++;
		}
	require(n > 0);
	if (body->info_len > 0) {
		require(torrent_info(&made, &params, files, n, true,
		    UINT64_MAX) == 0);
		require(made.len == body->info_len);
		require(memcmp(made.data, info.data + body->listing_len,
		    made.len) == 0);
	}
	for (i = 0; i < n; i++)
		buf_free(&digests[i]);
	buf_free(&made);
}

static int
fuzz_answer(struct channel *ch, enum msg_type type, const void *body,
    const void *tail, size_t len, const int *fds, int nfds)
{
	const struct msg_info *part = body;

	(void)fds;
	if (type == MSG_CONTROLLED) {
		require(ch == &c.child.parent);
		return 0;
	}
	require(ch == &c.child.front);
	require(msg_check(type, ROLE_CACHE, ROLE_FRONT, msg_body_len(type) +
	    len, nfds) == 0);
	if (type == MSG_PIECES)
		check_pieces(body, tail, len);
	if (type != MSG_INFO)
		return 0;
	if (len > 0)
		require(buf_add(&info, tail, len) == 0);
	if (part->flags & PART_MORE)
		return 0;
	if ((part->flags & INFO_FOUND) && honest)
		check_info(part);
	info.len = 0;
	return 0;
}

static void
new_front(void)
{
	struct msg_channel body = { .role = ROLE_FRONT };
	struct msg msg = { .type = MSG_CHANNEL, .body = &body, .nfds = 1 };

	msg.fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	require(cache_on_message(&c, &msg) == FAULT_NONE);
}

/* What the cache does when no message waits. */
static void
settle(void)
{
	packs_flush(c.packs);
	while (packs_tidy(c.packs))
		continue;
}

/* As the channel would let it through, or not. */
static void
give(enum msg_type type, void *body, struct buf *tail, bool spoil)
{
	static uint8_t room[MSG_MAX];
	size_t len = tail->len < MSG_TAIL_MAX ? tail->len : MSG_TAIL_MAX;
	size_t body_len = msg_body_len(type), at;
	struct msg msg = { .type = type, .body = room };
	uint8_t kind = spoil ? next() : 0;
	enum msg_fault fault;

	memcpy(room, body, body_len);
	if (len > 0)
		memcpy(room + body_len, tail->data, len);
	tail->len = 0;
	if (kind & 1)
		room[next() % body_len] ^= (uint8_t)(1U << next() % 8);
	if ((kind & 2) && len > 0) {
		at = (size_t)(next() << 8 | next()) % len;
		room[body_len + at] = next();
	}
	if (kind & 4)
		len -= len * next() / 256;
	if ((kind & 8) && len >= 4) {
		at = (size_t)next() % (len / 4) * 4;
		memset(room + body_len + at, 0xff, 4);
	}
	wild = kind != 0;
	msg.tail = room + body_len;
	msg.tail_len = len;
	if (msg_check(type, ROLE_FRONT, ROLE_CACHE, body_len + len, 0) != 0)
		return;
	if (type == MSG_GET_PIECES)
		memcpy(&asked_piece_len, room +
		    offsetof(struct msg_get_pieces, piece_len), 4);
	fault = cache_on_message(&c, &msg);
	while (requests_turn(&c.requests))
		continue;
	/* Without a pause records wait, until the pack is read. */
	if (type == MSG_TOUCH || type == MSG_GET_INFO)
		settle();
	require(fault == FAULT_NONE || fault == FAULT_CONTENT ||
	    fault == FAULT_SEAL);
	/* Of a message in parts the first one is refused. */
	if (forger != NULL)
		require(fault == FAULT_SEAL);
	forger = NULL;
	if (fault != FAULT_NONE)
		new_front();
}

static void
get_info(unsigned set)
{
	struct msg_get_info body = { .id = 1, .piece = next() % PIECE_KINDS };
	struct buf none = { 0 };

	sha1(sets[set % NSETS].specs, strlen(sets[set % NSETS].specs),
	    body.digest);
	give(MSG_GET_INFO, &body, &none, false);
}

static uint32_t
some_piece_len(void)
{
	return next() % 4 == 0 ? 32768 : 16384;
}

static void
get_pieces(unsigned which, bool spoil)
{
	struct msg_get_pieces body = { .id = 2 };
	struct buf tail = { 0 };
	struct msg_file file;
	unsigned i;

	body.piece_len = some_piece_len();
	for (i = 0; i < NFILES; i++) {
		if (!(which & 1U << i))
			continue;
		file.index = i;
		file.len = (uint32_t)strlen(mirror[i].path);
		file.identity = file_identity(i);
		require(buf_add(&tail, &file, sizeof(file)) == 0);
		require(buf_add(&tail, mirror[i].path, file.len) == 0);
		body.count++;
	}
	give(MSG_GET_PIECES, &body, &tail, spoil);
	buf_free(&tail);
}

/* at 0: the head of the first file is the body. */
static void
put_head(struct msg_put_pieces *body, const struct buf *tail, size_t at,
    const struct msg_put_pieces *head)
{
	if (at == 0)
		*body = *head;
	else
		memcpy(tail->data + at, head, sizeof(*head));
}

/* Add a file to a message: its head, in the tail unless it is the first, its
   path and its slices.  Of one that does not fit the rest goes on in further
   messages. */
static void
put_file(unsigned i, struct msg_put_pieces *body, struct buf *tail, bool spoil)
{
	struct identity id = file_identity(i);
	struct msg_put_pieces head = { .piece_len = some_piece_len(),
	    .identity = id };
	uint64_t pieces = torrent_pieces(id.size, head.piece_len), at;
	struct buf digests = { 0 };
	struct msg_digests_item item;
	uint32_t step = 1 + next() * 8U;
	unsigned root = root_of(mirror[i].path);
	size_t head_at = 0, len;
	uint8_t path_sum[SEAL_LEN];

	true_digests(&digests, &id, head.piece_len);
	head.path_len = (uint32_t)strlen(mirror[i].path);
	seal_path(prefixes[root], mirror[i].path, head.path_len, path_sum);
	seal_file(forger_digests ? key_of(root) : key_or_forged(root),
	    path_sum, &id, head.seal);
	if (body->piece_len != 0) {
		head_at = tail->len;
		require(buf_add(tail, &head, sizeof(head)) == 0);
	}
	require(buf_add(tail, mirror[i].path, head.path_len) == 0);
	for (at = 0; at < pieces; at += step) {
		memset(&item, 0, sizeof(item));
		item.status = DIGESTS_OK;
		item.identity = id;
		item.first = (uint32_t)at;
		item.count = at + step < pieces ? step :
		    (uint32_t)(digests.len / SHA1_LEN - at);
		seal_digests(key_or_forged(NROOTS + root), path_sum, &id,
		    head.piece_len, item.first, item.count, digests.data +
		    at * SHA1_LEN, item.seal);
		len = (size_t)item.count * SHA1_LEN;
		if (tail->len + sizeof(item) + len > MSG_TAIL_MAX) {
			head.flags = PART_MORE;
			put_head(body, tail, head_at, &head);
			give(MSG_PUT_PIECES, body, tail, spoil);
			head.flags = head.path_len = head.slices = 0;
			head_at = 0;
		}
		require(buf_add(tail, &item, sizeof(item)) == 0);
		require(buf_add(tail, digests.data + at * SHA1_LEN,
		    len) == 0);
		head.slices++;
	}
	put_head(body, tail, head_at, &head);
	buf_free(&digests);
}

static void
send_put_pieces(unsigned i, bool spoil)
{
	struct msg_put_pieces body = { 0 };
	struct buf tail = { 0 };
	unsigned n = next() % 4 == 0 ? 1 + next() % PUT_FILES_MAX : 1;

	/* Another file's seal may be the forger's own. */
	if (forger != NULL)
		n = 1;
	for (; n > 0 && tail.len < MSG_TAIL_MAX / 2; n--)
		put_file(n > 1 ? next() % NFILES : i, &body, &tail, spoil);
	give(MSG_PUT_PIECES, &body, &tail, spoil);
	buf_free(&tail);
}

static void
add_record(struct buf *b, const char *spec, size_t len, uint32_t index,
    unsigned which)
{
	struct identity id;
	unsigned i;

	require(listing_add_spec(b, index, which != 0 ? PATH_OK :
	    PATH_MISSING, spec, len, (uint32_t)__builtin_popcount(which)) ==
	    0);
	for (i = 0; i < NFILES; i++) {
		if (!(which & 1U << i))
			continue;
		id = file_identity(i);
		require(listing_add_file(b, &id, mirror[i].path,
		    strlen(mirror[i].path)) == 0);
	}
}

static void
spoil_listing(struct buf *listing)
{
	uint8_t lies;

	honest = false;
	for (lies = next() % 8; lies > 0; lies--)
		listing->data[(size_t)(next() << 8 | next()) % listing->len] =
		    next();
	if (next() % 4 == 0)
		listing->len -= listing->len * next() / 256;
}

/* The listing of one root's walker; more: that of another follows. */
static void
send_listing(struct msg_put_info *body, struct buf *listing, unsigned root,
    bool more, bool spoil)
{
	struct buf first = { 0 };
	uint8_t sum[SEAL_LEN];

	sha256(listing->data, listing->len, sum);
	seal_listing(key_or_forged(root), sum, body->seal);
	if (next() % 8 == 0 && listing->len > 40 && forger == NULL) {
		/* In two parts. */
		require(buf_add(&first, listing->data, 40) == 0);
		buf_drop(listing, 40);
		body->flags = PART_MORE;
		give(MSG_PUT_INFO, body, &first, spoil);
		buf_free(&first);
	}
	body->flags = PUT_SEALED | (more ? PART_MORE : 0);
	give(MSG_PUT_INFO, body, listing, spoil);
}

/* lie: a walker seals a listing that the input has changed. */
static void
send_put_info(unsigned set, bool lie, bool spoil)
{
	const char *specs = sets[set % NSETS].specs;
	const char *nl = strchr(specs, '\n');
	size_t len = nl != NULL ? (size_t)(nl - specs) : strlen(specs);
	struct msg_put_info body = { .piece = set / NSETS % PIECE_KINDS };
	struct buf listing = { 0 };

	sha1(specs, strlen(specs), body.digest);
	add_record(&listing, specs, len, 0, sets[set % NSETS].files[0]);
	if (nl != NULL && root_of(nl + 1) != root_of(specs) &&
	    forger == NULL) {
		send_listing(&body, &listing, root_of(specs), true, spoil);
		specs = nl + 1;
		listing.len = 0;
	}
	if (nl != NULL)
		add_record(&listing, nl + 1, strlen(nl + 1), 1,
		    sets[set % NSETS].files[1]);
	if (lie)
		spoil_listing(&listing);
	send_listing(&body, &listing, root_of(specs), false, spoil);
	buf_free(&listing);
}

/* A process seals for another: it has only its own key, the front none. */
static void
forge(unsigned what)
{
	unsigned i = what % NFILES, by = what / NFILES % NKEYS;
	bool of_hasher = mirror[i].size > 0 && next() % 2 == 0;

	new_front();
	forger = key_of(by);
	forger_digests = of_hasher;
	if (next() % 2 == 0 && by != root_of(sets[i % NSETS].specs))
		send_put_info(i, false, false);
	else if (by != root_of(mirror[i].path) + (of_hasher ? NROOTS : 0))
		send_put_pieces(i, false);
	forger = NULL;
	forger_digests = false;
}

static void
touch(unsigned i)
{
	struct msg_touch body = { .piece = i / 32 % PIECE_KINDS };
	struct buf tail = { 0 };

	if (i & 8) {
		sha1(sets[i % NSETS].specs, strlen(sets[i % NSETS].specs),
		    body.digest);
	} else {
		body.piece_len = some_piece_len();
		require(buf_add(&tail, mirror[i % NFILES].path,
		    strlen(mirror[i % NFILES].path)) == 0);
	}
	give(MSG_TOUCH, &body, &tail, i & 16);
	buf_free(&tail);
}

/* Any bytes as any message. */
static void
babble(void)
{
	static const enum msg_type types[] = { MSG_GET_INFO, MSG_GET_PIECES,
	    MSG_PUT_PIECES, MSG_PUT_INFO, MSG_TOUCH };
	uint8_t body[256];
	struct buf tail = { 0 };
	enum msg_type type = types[next() % 5];
	size_t i, n = next();

	for (i = 0; i < sizeof(body) && i < 40; i++)
		body[i] = next();
	memset(body + i, 0, sizeof(body) - i);
	next_bytes(&tail, n);
	wild = true;
	give(type, body, &tail, true);
	buf_free(&tail);
}

/* The name of a file of the cache. */
static void
name_something(unsigned i, char name[ENTRY_PATH_LEN])
{
	const char *path = mirror[i / 2 % NFILES].path;
	struct pack_id id = { .piece_len = 16384 };
	uint8_t digest[SHA1_LEN];
	size_t dir_len;

	if (i & 1) {
		sha1(sets[i / 2 % NSETS].specs,
		    strlen(sets[i / 2 % NSETS].specs), digest);
		entry_name_info(name, digest, i % PIECE_KINDS);
		return;
	}
	require(pack_split(path, strlen(path), &dir_len) == 0);
	seal_path(prefixes[root_of(path)], path, dir_len, id.key);
	pack_name(name, &id);
}

/* Some time later it is looked at again. */
static void
let_time_pass(void)
{
	struct pack *p;

	TAILQ_FOREACH(p, &c.packs->open, entry)
		p->file.checked_ms = 0;
}

static void
damage_file(const char *name, int fd, off_t size)
{
	uint8_t kind = next() % 8, byte = next();
	uint8_t bytes[64];

	switch (kind) {
	case 0: case 1: case 2:
		(void)!pwrite(fd, &byte, 1, (off_t)(next() << 8 | next()) %
		    size);
		break;
	case 3:
		(void)!ftruncate(fd, size * byte / 256);
		break;
	case 4:
		(void)unlinkat(c.store.dirfd, name, 0);
		(void)!symlinkat("/etc/passwd", c.store.dirfd, name);
		break;
	case 5:
		(void)unlinkat(c.store.dirfd, name, 0);
		if (byte & 1)
			(void)mkdirat(c.store.dirfd, name, 0700);
		break;
	case 6:
		memset(bytes, byte, sizeof(bytes));
		(void)!pwrite(fd, bytes, 1 + byte % sizeof(bytes), size);
		break;
	case 7:
		(void)!pwrite(fd, &byte, 1, size + byte);
		break;
	}
}

/* Somebody else writes there. */
static void
damage(unsigned i)
{
	char name[ENTRY_PATH_LEN];
	struct stat st;
	int fd;

	settle();
	name_something(i, name);
	fd = openat(c.store.dirfd, name, O_RDWR | O_CLOEXEC | O_NONBLOCK |
	    O_NOFOLLOW);
	if (fd == -1)
		return;
	if (fstat(fd, &st) == 0 && st.st_size > 0)
		damage_file(name, fd, st.st_size);
	close(fd);
	if (next() % 2 == 0)
		let_time_pass();
}

static void
check_purged(struct str tree)
{
	static struct buf b;
	struct pack_list list;
	struct identity id;
	uint32_t piece_len;
	unsigned i;

	for (i = 0; i < NFILES; i++) {
		if (!tree_path_is_in((struct str){ mirror[i].path,
		    strlen(mirror[i].path) }, tree))
			continue;
		id = file_identity(i);
		for (piece_len = 1 << 14; piece_len <= 1 << 24; piece_len *= 2)
			require(packs_load(c.packs, mirror[i].path,
			    strlen(mirror[i].path), piece_len, &id, &b,
			    &list) != PACKS_HIT);
	}
}

/* Some of it in turns, between other things; or all of it. */
static void
purge(uint8_t arg)
{
	static const char *const trees[] = { "/", "/d", "/d/c", "/d/a",
	    "/d/c/d", "/none" };
	const char *tree = trees[arg % 6];
	struct msg_control body = { .id = arg, .command = arg & 64 ?
	    CONTROL_STOP : CONTROL_PURGE };
	struct msg msg = { .type = MSG_CONTROL, .body = &body,
	    .tail = (const uint8_t *)tree, .tail_len = strlen(tree) };

	require(cache_on_message(&c, &msg) == FAULT_NONE);
	if (arg & 128 && !TAILQ_EMPTY(&c.purging->queue))
		purging_step(c.purging);
	if (arg & 128)
		return;
	while (purging_turn(c.purging))
		continue;
	if (body.command == CONTROL_PURGE)
		check_purged((struct str){ tree, strlen(tree) == 1 ? 0 :
		    strlen(tree) });
}

static void
step(void)
{
	uint8_t what = next(), arg = next();

	switch (what % 12) {
	case 0:
		get_info(arg);
		break;
	case 1: case 2:
		get_pieces(arg, what % 12 == 2);
		break;
	case 3: case 4: case 5:
		send_put_pieces(arg % NFILES, what % 12 == 5);
		break;
	case 6: case 7:
		send_put_info(arg, false, what % 12 == 7);
		break;
	case 8:
		if (arg & 1)
			send_put_info(arg / 2, true, false);
		else
			touch(arg / 2);
		break;
	case 9:
		babble();
		break;
	case 10:
		if (arg & 1)
			damage(arg / 2);
		else
			version[arg / 2 % NFILES] = next();
		break;
	case 11:
		if (arg & 1)
			new_front();
		else if (arg & 2)
			forge(arg / 4);
		else if (arg & 4)
			purge(next());
		else
			sweep_turn(c.sweep, true);
		break;
	}
}

static void
start(void)
{
	static const char text[] = "root /srv\nroot /d/c /srv2\n"
	    "piece-length 16K\n"
	    "cache-size 1M\nhashers 1\nmax-torrent 8M\n";
	unsigned i;

	log_set_level(-1);
	dir = fuzz_dir();
	c.child.conf = fuzz_conf(text);
	c.store.dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	c.packs = packs_new(&c.store);
	require(c.packs != NULL);
	c.sweep = sweep_new(&c.store, c.packs);
	requests_init(&c.requests, &c.child, &c.store, c.packs);
	c.purging = purging_new(&c.child, &c.store, c.packs, &c.requests);
	c.transfer = transfer_new(&c.child, &c.store, c.packs);
	c.put.packs = c.packs;
	c.put.store = &c.store;
	c.put.requests = &c.requests;
	c.child.keys.n[SEAL_WALKER_CACHE] = NROOTS;
	c.child.keys.n[SEAL_HASHER_CACHE] = NROOTS;
	for (i = 0; i < NROOTS; i++) {
		c.child.keys.v[SEAL_WALKER_CACHE][i][0] = (uint8_t)(1 + i);
		c.child.keys.v[SEAL_HASHER_CACHE][i][0] = (uint8_t)(99 + i);
	}
	c.child.new_keys = c.child.keys;
	c.put.keys = &c.child.keys;
	require(c.store.dirfd != -1 && c.sweep != NULL && c.purging != NULL &&
	    c.transfer != NULL);
	cache_configure(&c);
	c.child.front.fd = -1;
	c.child.ops = &cache_ops;
	c.child.owner = &c;
	c.child.parent.self = ROLE_CACHE;
	c.child.parent.fd = -1;
}

static void
forget_packs(void)
{
	packfile_stop_rewrite(&c.packs->rewrite);
	c.packs->rewritten = NULL;
	while (!TAILQ_EMPTY(&c.packs->open))
		packs_close(c.packs, TAILQ_FIRST(&c.packs->open));
	require(c.packs->n == 0 && c.packs->memory == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	unsigned i;

	if (c.child.conf == NULL)
		start();
	in = data;
	in_len = len;
	honest = true;
	store_start(&c.store, false);
	new_front();
	while (in_len > 0)
		step();
	while (purging_turn(c.purging))
		continue;
	child_close_front(&c.child);
	require(c.put.info.listing.len == 0);
	require(c.put.pieces.digests.len == 0);
	require(c.requests.n == 0 && c.requests.held == 0);
	buf_free(&info);
	forget_packs();
	clear(c.store.dirfd, "info");
	clear(c.store.dirfd, "pieces");
	clear(c.store.dirfd, "summary");
	for (i = 0; i < STORE_TREES; i++)
		c.store.shares[i].used = c.store.shares[i].entries = 0;
	memset(version, 0, sizeof(version));
	return 0;
}
