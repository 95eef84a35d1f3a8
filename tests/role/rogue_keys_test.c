/* SPDX-License-Identifier: ISC */
/*
 * A walker, a hasher or a front that was broken into seals with each key that
 * any process has, about files of two roots, as all others: the real cache and
 * the real hasher take a statement by the one key that is for it.
 */
#include "common/listing.h"
#include "pkgtorrentd/cache/pack.h"
#include "tests/lib/cache_rig.h"
#include "tests/lib/hash_rig.h"
#include "tests/lib/lies.h"
#include "tests/lib/place.h"
#include "tests/lib/test.h"

#define ROOTS		2
/* Those of walkers, by reader, those of hashers, and one that nobody has. */
#define KEYS		(SEAL_PAIRS * ROOTS + 1)
#define SIZE		16384U		/* one piece, as is configured */

static struct proc	v;
static struct rogue	front;

/* A file of each root. */
static struct {
	const char	*prefix;
	const char	*path;
	const char	*name;		/* on disk */
	int		 fd;
	struct identity	 identity;
	uint8_t		 digest[SHA1_LEN];
} files[ROOTS] = {
	{ "", "/y/a", "www/y/a", -1, { 0 }, { 0 } },
	{ "/z", "/z/y/a", "z/y/a", -1, { 0 }, { 0 } },
};

static const uint8_t *
any_key(unsigned i)
{
	static const uint8_t nobodys[SEAL_LEN] = "the front's";

	return i == KEYS - 1 ? nobodys :
	    proc_key((enum seal_pair)(i / ROOTS), i % ROOTS);
}

/* The number of a key, as above. */
static unsigned
right_key(enum seal_pair pair, unsigned root)
{
	return (unsigned)pair * ROOTS + root;
}

static struct msg_range
honest_range(unsigned root)
{
	struct msg_range r = range_of(0, SIZE, SIZE);

	range_seal(&r, files[root].fd);
	r.walker = root;
	seal_path(files[root].prefix, files[root].path,
	    strlen(files[root].path), r.path_sum);
	seal_file(proc_key(SEAL_WALKER_HASHER, root), r.path_sum, &r.identity,
	    r.seal);
	return r;
}

static bool
say_range(struct rogue *r, const struct msg_range *range, int fd,
    struct msg_digests_item *item)
{
	struct msg_hash body = { ++r->pings, SIZE, 1 };
	struct msg msg;

	rogue_say(r, MSG_HASH, &body, sizeof(body), range, sizeof(*range),
	    &fd, 1);
	if (!rogue_await(r, MSG_DIGESTS, body.id, &msg))
		return false;
	memcpy(item, msg.tail, sizeof(*item));
	return true;
}

static bool
hasher_answers(struct rogue *r)
{
	struct msg_range range = honest_range(0);
	struct msg_digests_item item;

	return say_range(r, &range, files[0].fd, &item);
}

static void
make_file(unsigned root)
{
	struct msg_range range;
	uint8_t *data;

	files[root].fd = hash_file(files[root].name, SIZE, &data);
	sha1(data, SIZE, files[root].digest);
	range = honest_range(root);
	files[root].identity = range.identity;
	/* As on a disk that keeps change times: else nothing is stored. */
	files[root].identity.mount = 0;
	free(data);
}

static void
start(enum role role)
{
	char more[1024], cwd[512];
	unsigned i;

	ATF_REQUIRE(getcwd(cwd, sizeof(cwd)) != NULL);
	ATF_REQUIRE_EQ(0, mkdir("cache", 0700));
	ATF_REQUIRE_EQ(0, mkdir("www", 0755));
	ATF_REQUIRE_EQ(0, mkdir("www/y", 0755));
	ATF_REQUIRE_EQ(0, mkdir("z", 0755));
	ATF_REQUIRE_EQ(0, mkdir("z/y", 0755));
	for (i = 0; i < ROOTS; i++)
		make_file(i);
	snprintf(more, sizeof(more), "root /z %s/z\n", cwd);
	rogue_start(&v, role, more);
	proc_stop_at_end(&v);
	front.honest = role == ROLE_CACHE ? rogue_cache_answers :
	    hasher_answers;
	rogue_connect(&front, &v, ROLE_FRONT, 0);
	ATF_REQUIRE(front.honest(&front));
}

static void
expect(bool right, uint32_t type, const char *what, unsigned by)
{
	char text[64];

	snprintf(text, sizeof(text), "%s by key %u", what, by);
	if (right)
		ATF_REQUIRE_MSG(front.honest(&front), "%s: refused", text);
	else
		rogue_refused(&front, type, FAULT_SEAL, text);
}

/* A walker's word on what there is, of the file's own name. */
static void
say_listing(unsigned root, const uint8_t *key)
{
	const char *path = files[root].path;
	struct mirror_file f = { path, files[root].identity };
	struct msg_put_info body = { .flags = PUT_SEALED };
	struct buf listing = { 0 };
	uint8_t sum[SEAL_LEN];

	digest_of(path, body.digest);
	list_spec(&listing, 0, path, &f, 1);
	sha256(listing.data, listing.len, sum);
	seal_listing(key, sum, body.seal);
	rogue_say(&front, MSG_PUT_INFO, &body, sizeof(body), listing.data,
	    listing.len, NULL, 0);
	buf_free(&listing);
}

/* A walker's word on a file, and a hasher's on its digest, each by its key. */
static void
say_pieces(unsigned root, const uint8_t *of_file, const uint8_t *of_digest)
{
	const char *path = files[root].path;
	const struct identity *id = &files[root].identity;
	struct msg_put_pieces body = { .piece_len = SIZE, .slices = 1,
	    .path_len = (uint32_t)strlen(path), .identity = *id };
	struct msg_digests_item item = { .status = DIGESTS_OK, .count = 1,
	    .identity = *id };
	struct buf tail = { 0 };
	uint8_t sum[SEAL_LEN];

	seal_path(files[root].prefix, path, body.path_len, sum);
	seal_file(of_file, sum, id, body.seal);
	seal_digests(of_digest, sum, id, SIZE, 0, 1, files[root].digest,
	    item.seal);
	ATF_REQUIRE_EQ(0, buf_add(&tail, path, body.path_len));
	ATF_REQUIRE_EQ(0, buf_add(&tail, &item, sizeof(item)));
	ATF_REQUIRE_EQ(0, buf_add(&tail, files[root].digest, SHA1_LEN));
	rogue_say(&front, MSG_PUT_PIECES, &body, sizeof(body), tail.data,
	    tail.len, NULL, 0);
	buf_free(&tail);
}

/* Is there a pack of the directory of this root's file? */
static bool
is_stored(unsigned root)
{
	struct pack_id id = { .piece_len = SIZE };
	const char *path = files[root].path;
	char name[PACK_NAME_LEN];
	size_t dir_len;

	ATF_REQUIRE_EQ(0, pack_split(path, strlen(path), &dir_len));
	seal_path(files[root].prefix, path, dir_len, id.key);
	pack_name(name, &id);
	return there(fmt("cache/%s", name));
}

TEST(cache__takes_each_statement_by_one_key)
{
	unsigned root, by, file, digest;
	uint8_t sha[SHA1_LEN];

	start(ROLE_CACHE);
	for (root = 0; root < ROOTS; root++) {
		file = right_key(SEAL_WALKER_CACHE, root);
		digest = right_key(SEAL_HASHER_CACHE, root);
		for (by = 0; by < KEYS; by++) {
			if (by != file) {
				say_pieces(root, any_key(by),
				    any_key(digest));
				expect(false, MSG_PUT_PIECES, "a file", by);
				say_listing(root, any_key(by));
				expect(false, MSG_PUT_INFO, "a listing", by);
			}
			if (by == digest)
				continue;
			say_pieces(root, any_key(file), any_key(by));
			expect(false, MSG_PUT_PIECES, "a digest", by);
		}
		digest_of(files[root].path, sha);
		ATF_CHECK(!there(info_path(sha)));
		ATF_CHECK(!is_stored(root));
		/* By the right ones all of it is stored. */
		say_pieces(root, any_key(file), any_key(digest));
		expect(true, 0, "pieces", file);
		say_listing(root, any_key(file));
		expect(true, 0, "listing", file);
		ATF_CHECK(there(info_path(sha)));
		ATF_CHECK(is_stored(root));
	}
	ATF_CHECK_EQ(ROOTS * (3 * KEYS - 3), v.reports);
}

/* The walker of a root says what it likes, by its own key, of the paths of
   another root: of its own prefix and of the other's. */
TEST(cache__walker_speaks_for_its_own_root)
{
	struct mirror_file own = { files[1].path, { 9, 0, 1, 1, 0 } };
	struct mirror_file others = { files[0].path, { 9, 0, 1, 1, 0 } };
	const struct {
		const char		*what;
		const char		*spec;
		const struct mirror_file *file;	/* NULL: none */
	} rows[] = {
		{ "a path of the other root", "/y/a", &others },
		{ "that nothing is there", "/y/a", NULL },
		{ "a pattern of the other root", "/*/a", NULL },
		{ "its path under the other's name", "/y/*", &own },
		{ "the other's path under its name", "/z/y/*", &others },
		{ "a path of the prefix in disguise", "/./y/a", &others },
	};
	struct msg_put_info body = { .flags = PUT_SEALED };
	struct buf listing = { 0 };
	uint8_t sum[SEAL_LEN];
	size_t i;

	start(ROLE_CACHE);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		listing.len = 0;
		digest_of(rows[i].spec, body.digest);
		list_spec(&listing, 0, rows[i].spec, rows[i].file,
		    rows[i].file != NULL);
		sha256(listing.data, listing.len, sum);
		seal_listing(proc_key(SEAL_WALKER_CACHE, 1), sum, body.seal);
		rogue_say(&front, MSG_PUT_INFO, &body, sizeof(body),
		    listing.data, listing.len, NULL, 0);
		rogue_refused(&front, MSG_PUT_INFO, FAULT_SEAL, rows[i].what);
	}
	/* One of its own, and one of the other root behind or before it. */
	for (i = 0; i < 2; i++) {
		listing.len = 0;
		list_spec(&listing, 0, i == 0 ? "/z/none" : "/y/none", NULL,
		    0);
		list_spec(&listing, 1, i == 0 ? "/y/none" : "/z/none", NULL,
		    0);
		digest_of(i == 0 ? "/z/none\n/y/none" : "/y/none\n/z/none",
		    body.digest);
		sha256(listing.data, listing.len, sum);
		seal_listing(proc_key(SEAL_WALKER_CACHE, 1), sum, body.seal);
		rogue_say(&front, MSG_PUT_INFO, &body, sizeof(body),
		    listing.data, listing.len, NULL, 0);
		rogue_refused(&front, MSG_PUT_INFO, FAULT_SEAL, "two specs");
	}
	buf_free(&listing);
}

TEST(hasher__takes_each_statement_by_one_key)
{
	struct msg_digests_item item;
	struct msg_range range;
	uint8_t seal[SEAL_LEN];
	unsigned root, by, n = 0;

	place_enter();
	start(ROLE_HASHER);
	for (root = 0; root < ROOTS; root++) {
		for (by = 0; by < KEYS; by++) {
			range = honest_range(root);
			seal_file(any_key(by), range.path_sum,
			    &range.identity, range.seal);
			if (by == right_key(SEAL_WALKER_HASHER, root)) {
				ATF_REQUIRE(say_range(&front, &range,
				    files[root].fd, &item));
				ATF_CHECK_EQ(DIGESTS_OK, item.status);
				continue;
			}
			(void)say_range(&front, &range, files[root].fd,
			    &item);
			expect(false, MSG_HASH, "a file", by);
			n++;
		}
		/* Once settled, its answer is for the cache, by the key of that
		   root. */
		do {
			(void)poll(NULL, 0, 50);
			range = honest_range(root);
			ATF_REQUIRE(say_range(&front, &range, files[root].fd,
			    &item));
		} while (!(item.flags & DIGESTS_SETTLED));
		seal_digests(proc_key(SEAL_HASHER_CACHE, root),
		    range.path_sum, &item.identity, SIZE, 0, 1,
		    files[root].digest, seal);
		ATF_CHECK_EQ(1, seal_equal(seal, item.seal));
	}
	ATF_CHECK_EQ(n, v.reports);
}

/* A walker has its files hashed under a path of another root: the seal that
   comes of it is by the key of its own root, and no use with the other's. */
TEST(hasher__walker_speaks_for_its_own_root)
{
	struct msg_digests_item item;
	struct msg_range range;
	uint8_t seal[SEAL_LEN];

	place_enter();
	start(ROLE_HASHER);
	do {
		(void)poll(NULL, 0, 50);
		range = honest_range(1);
		seal_path(files[0].prefix, files[0].path,
		    strlen(files[0].path), range.path_sum);
		seal_file(proc_key(SEAL_WALKER_HASHER, 1), range.path_sum,
		    &range.identity, range.seal);
		ATF_REQUIRE(say_range(&front, &range, files[1].fd, &item));
	} while (!(item.flags & DIGESTS_SETTLED));
	seal_digests(proc_key(SEAL_HASHER_CACHE, 0), range.path_sum,
	    &item.identity, SIZE, 0, 1, files[1].digest, seal);
	ATF_CHECK(!seal_equal(seal, item.seal));
	seal_digests(proc_key(SEAL_HASHER_CACHE, 1), range.path_sum,
	    &item.identity, SIZE, 0, 1, files[1].digest, seal);
	ATF_CHECK_EQ(1, seal_equal(seal, item.seal));
}

/* The front has a good statement, and another file or another version. */
TEST(hasher__hashes_no_other_file)
{
	struct msg_range range;
	struct msg_digests_item item;
	int fd;

	start(ROLE_HASHER);
	range = honest_range(0);
	ATF_REQUIRE(say_range(&front, &range, files[1].fd, &item));
	ATF_CHECK_EQ(DIGESTS_CHANGED, item.status);
	ATF_CHECK_EQ(0, item.count);
	fd = open(files[0].name, O_WRONLY);
	ATF_REQUIRE_EQ(1, pwrite(fd, "x", 1, 0));
	ATF_REQUIRE_EQ(0, futimens(fd, (struct timespec[2]){ { 1, 0 },
	    { 1, 0 } }));
	close(fd);
	ATF_REQUIRE(say_range(&front, &range, files[0].fd, &item));
	ATF_CHECK_EQ(DIGESTS_CHANGED, item.status);
	ATF_CHECK_EQ(0, item.count);
}
