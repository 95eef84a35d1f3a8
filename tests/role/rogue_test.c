/* SPDX-License-Identifier: ISC */
/*
 * A front that was broken into, with every message at its command, between a
 * real walker, a real hasher and a real cache: it has their sealed statements
 * about several files, paths, sizes and versions, and tells the cache
 * anything.  Afterwards the cache's directory holds nothing but the truth.
 */
#include "common/listing.h"
#include "common/torrent.h"
#include "tests/lib/lies.h"
#include "tests/lib/place.h"
#include "tests/lib/test.h"
#include "tests/lib/truth.h"

#define TRIES		10000

/*
 * The statements of real walkers and hashers, with their seals, about files of
 * the test's own: several versions of each, in pieces of two lengths and slices
 * of all kinds.
 */

#define PIECE		16384U		/* as the service is configured */
#define LENGTHS		2		/* and twice that */
#define VERSIONS_MAX	32
#define SLICES_MAX	1000
#define LISTINGS_MAX	64

/* One version of a file, as it was written, and the statements about it. */
struct version {
	const char	*path;
	uint8_t		*data;		/* zeros up to a whole piece */
	size_t		 size;
	struct msg_opened_item opened;	/* the walker's statement */
	uint8_t		*digests[LENGTHS];
	bool		 settled;	/* hashers have sealed it */
};

struct slice {
	const struct version *version;
	uint32_t	 piece_len;
	uint32_t	 first;
	uint32_t	 count;
	uint8_t		 seal[SEAL_LEN];
};

struct listing {
	const char	*specs;		/* joined by newlines */
	struct buf	 bytes;
	uint8_t		 seal[SEAL_LEN];
};

static struct proc	walker, hasher;
static struct rogue	to_walker, to_hasher;
static struct version	versions[VERSIONS_MAX];
static struct slice	slices[SLICES_MAX];
static struct listing	listings[LISTINGS_MAX];
static uint32_t		nversions, nslices, nlistings;

static const uint8_t *
digests_of(const struct version *v, uint32_t piece_len)
{
	return v->digests[piece_len / PIECE - 1];
}

/* By nothing that the service has but OpenSSL. */
static uint8_t *
make_digests(const struct version *v, uint32_t piece_len)
{
	uint64_t n = torrent_digests(v->size, piece_len), i, at, len;
	uint8_t *digests = malloc(n * SHA1_LEN + 1);

	ATF_REQUIRE(digests != NULL);
	for (i = 0; i < n; i++) {
		at = i * piece_len;
		len = piece_len;
		if (at >= v->size)
			at -= piece_len;	/* the padded one */
		else if (at + len > v->size)
			len = v->size - at;
		sha1(v->data + at, len, digests + i * SHA1_LEN);
	}
	return digests;
}

/* A new version of a file, in place or in the place of the old one. */
static void
write_version(const char *path, size_t size)
{
	struct version *v = &versions[nversions++];
	char name[64];
	size_t i;
	int fd;

	ATF_REQUIRE(nversions <= VERSIONS_MAX);
	v->path = path;
	v->size = size;
	v->data = calloc(1, size + LENGTHS * PIECE);
	ATF_REQUIRE(v->data != NULL);
	for (i = 0; i < size; i++)
		v->data[i] = (uint8_t)any(256);
	for (i = 0; i < LENGTHS; i++)
		v->digests[i] = make_digests(v, (uint32_t)(i + 1) * PIECE);
	snprintf(name, sizeof(name), "www%s", path);
	if (any(2) == 0)
		(void)unlink(name);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ATF_REQUIRE_EQ((ssize_t)size, write(fd, v->data, size));
	close(fd);
}

/* The walker's word on a version, and its descriptor. */
static int
open_version(struct version *v)
{
	struct {
		struct msg_open	body;
		uint32_t	len;
	} m = { { ++to_walker.pings, 1, 0 }, (uint32_t)strlen(v->path) };
	char tail[64];
	struct msg msg;
	int fd;

	memcpy(tail, &m.len, sizeof(m.len));
	memcpy(tail + sizeof(m.len), v->path, m.len);
	rogue_say(&to_walker, MSG_OPEN, &m.body, sizeof(m.body), tail,
	    sizeof(m.len) + m.len, NULL, 0);
	ATF_REQUIRE(rogue_await(&to_walker, MSG_OPENED, m.body.id, &msg));
	ATF_REQUIRE_EQ(1, msg.nfds);
	memcpy(&v->opened, msg.tail, sizeof(v->opened));
	fd = msg.fds[0];
	return fd;
}

/* The hasher's word on some of its pieces: kept, if there is a seal on it.
   false: it is too new. */
static bool
hash_slice(const struct version *v, int fd, uint32_t piece_len,
    uint64_t first, uint64_t end)
{
	struct msg_hash body = { ++to_hasher.pings, piece_len, 1 };
	struct msg_range range = { .offset = first * piece_len,
	    .identity = v->opened.identity };
	struct slice *s = &slices[nslices];
	struct msg_digests_item item;
	struct msg msg;

	memcpy(range.path_sum, v->opened.path_sum, SEAL_LEN);
	memcpy(range.seal, v->opened.for_hasher, SEAL_LEN);
	range.len = end * piece_len < v->size ?
	    (end - first) * piece_len : v->size - range.offset;
	rogue_say(&to_hasher, MSG_HASH, &body, sizeof(body), &range,
	    sizeof(range), &fd, 1);
	ATF_REQUIRE(rogue_await(&to_hasher, MSG_DIGESTS, body.id, &msg));
	memcpy(&item, msg.tail, sizeof(item));
	ATF_REQUIRE_EQ(DIGESTS_OK, item.status);
	ATF_REQUIRE_EQ(first, item.first);
	ATF_REQUIRE(memcmp(msg.tail + sizeof(item), digests_of(v, piece_len) +
	    first * SHA1_LEN, (size_t)item.count * SHA1_LEN) == 0);
	*s = (struct slice){ v, piece_len, item.first, item.count, { 0 } };
	memcpy(s->seal, item.seal, SEAL_LEN);
	/* A few without a seal are good to have, too. */
	if ((item.flags & DIGESTS_SETTLED) || any(8) == 0)
		ATF_REQUIRE(++nslices < SLICES_MAX);
	return (item.flags & DIGESTS_SETTLED) != 0;
}

static bool
hash_version(const struct version *v, int fd, uint32_t piece_len)
{
	uint64_t n = torrent_pieces(v->size, piece_len), k;

	if (!hash_slice(v, fd, piece_len, 0, n))
		return false;
	for (k = 1; k < n; k += k < 3 || k + 3 > n ? 1 : n / 3) {
		ATF_REQUIRE(hash_slice(v, fd, piece_len, 0, k));
		ATF_REQUIRE(hash_slice(v, fd, piece_len, k, n));
	}
	if (n > 2) {
		ATF_REQUIRE(hash_slice(v, fd, piece_len, 1, n - 1));
		ATF_REQUIRE(hash_slice(v, fd, piece_len, n - 1, n));
	}
	return true;
}

static void
keep_listing(struct rogue *r, struct msg *msg)
{
	(void)r;
	if (msg->type == MSG_LISTING)
		ATF_REQUIRE_EQ(0, buf_add(&listings[nlistings].bytes,
		    msg->tail, msg->tail_len));
}

/* The walker's word on specs, from this index on. */
static void
resolve(const char *specs, uint32_t index)
{
	struct listing *l = &listings[nlistings];
	struct msg_resolve body = { .id = ++to_walker.pings };
	struct msg_spec spec = { .index = index };
	struct buf tail = { 0 };
	const char *at;
	struct msg msg;

	for (at = specs; *at != '\0'; at += spec.len + (at[spec.len] != 0)) {
		spec.len = (uint32_t)strcspn(at, "\n");
		ATF_REQUIRE_EQ(0, buf_add(&tail, &spec, sizeof(spec)));
		ATF_REQUIRE_EQ(0, buf_add(&tail, at, spec.len));
		spec.index++;
	}
	rogue_say(&to_walker, MSG_RESOLVE, &body, sizeof(body), tail.data,
	    tail.len, NULL, 0);
	ATF_REQUIRE(rogue_await(&to_walker, MSG_RESOLVED, body.id, &msg));
	memcpy(l->seal, ((const struct msg_resolved *)msg.body)->seal,
	    SEAL_LEN);
	l->specs = specs;
	ATF_REQUIRE(++nlistings < LISTINGS_MAX);
	buf_free(&tail);
}

static void
resolve_all(void)
{
	resolve("/y/a", 0);
	resolve("/y/b", 0);
	resolve("/y/*", 0);
	resolve("/y/**", 0);
	resolve("/y/a\n/y/b", 0);
	resolve("/y/b\n/y/a\n/y/a", 0);
	resolve("/y/none\n/y/sub/e\n/y/[cd]", 0);
	/* Shares of questions for several walkers. */
	resolve("/y/b", 1);
	resolve("/y/[cd]\n/y/a", 1);
	resolve("/z/top", 0);
}

/* All that can be had about the latest version of each file. */
static void
collect(uint32_t from)
{
	uint32_t i, k;
	int fd;

	resolve_all();
	for (i = from; i < nversions; i++) {
		fd = open_version(&versions[i]);
		for (k = 1; k <= LENGTHS; k++)
			while (!hash_version(&versions[i], fd, k * PIECE))
				(void)poll(NULL, 0, 50);
		versions[i].settled = true;
		close(fd);
	}
}

/* A version that does not live for two seconds: sealed by the walker, but
   never by the hasher. */
static void
collect_in_passing(void)
{
	uint32_t i = nversions;
	int fd;

	write_version("/y/a", 3 * PIECE + 5);
	fd = open_version(&versions[i]);
	ATF_REQUIRE(!hash_version(&versions[i], fd, PIECE));
	close(fd);
	resolve_all();
}

static struct proc	cache;
static struct rogue	to_cache;

/* PUT_PIECES in the making. */
struct put {
	const struct version *version;	/* its path, … */
	const struct version *witness;	/* … identity and seal it has */
	uint32_t	 piece_len;
	const struct slice *slices[8];
	uint32_t	 n;
};

static const struct version *
any_version(void)
{
	return &versions[any(nversions)];
}

static const struct slice *
any_slice(void)
{
	return &slices[any(nslices)];
}

/* As an honest front would: slice by slice, until the end. */
static void
put_truth(struct put *put)
{
	uint64_t next = 0, pieces;
	const struct slice *s;
	uint32_t tries = 0;

	put->version = put->witness = any_version();
	put->piece_len = (1 + any(LENGTHS)) * PIECE;
	put->n = 0;
	pieces = torrent_pieces(put->version->size, put->piece_len);
	while (next < pieces && put->n < 7 && tries++ < 20000) {
		s = any_slice();
		if (s->version != put->version || s->first != next ||
		    s->piece_len != put->piece_len)
			continue;
		put->slices[put->n++] = s;
		next += s->count;
	}
}

static void
put_spoil(struct put *put)
{
	uint32_t i = put->n > 0 ? any(put->n) : 0;
	const struct slice *first = put->slices[0];

	switch (any(8)) {
	case 0:
		put->version = any_version();
		break;
	case 1:
		put->witness = any_version();
		break;
	case 2:
		put->version = put->witness = any_version();
		break;
	case 3:
		put->piece_len = (1 + any(3)) * PIECE;
		break;
	case 4:
		put->slices[i] = any_slice();
		put->n += put->n == 0;
		break;
	case 5:
		if (put->n == 8)
			break;
		put->slices[put->n] = put->n > 0 ? put->slices[i] :
		    any_slice();
		put->n++;
		break;
	case 6:
		put->n -= put->n > 0;
		break;
	case 7:
		if (put->n > 0) {
			put->slices[0] = put->slices[i];
			put->slices[i] = first;
		}
		break;
	}
}

/* Add these slices to a message, with their head, which is the body if they are
   its first. */
static void
put_add(struct msg_put_pieces *body, struct buf *tail, const struct put *put,
    uint32_t from, uint32_t to, uint32_t flags)
{
	struct msg_put_pieces head = {
		.flags = flags, .piece_len = put->piece_len,
		.slices = to - from,
		.identity = put->witness->opened.identity,
	};
	struct msg_digests_item item = { .status = DIGESTS_OK };
	const struct slice *s;

	memcpy(head.seal, put->witness->opened.for_cache, SEAL_LEN);
	if (from == 0)
		head.path_len = (uint32_t)strlen(put->version->path);
	if (body->piece_len == 0)
		*body = head;
	else
		ATF_REQUIRE_EQ(0, buf_add(tail, &head, sizeof(head)));
	if (from == 0)
		ATF_REQUIRE_EQ(0, buf_add(tail, put->version->path,
		    head.path_len));
	for (; from < to; from++) {
		s = put->slices[from];
		item.first = s->first;
		item.count = s->count;
		item.identity = s->version->opened.identity;
		memcpy(item.seal, s->seal, SEAL_LEN);
		ATF_REQUIRE_EQ(0, buf_add(tail, &item, sizeof(item)));
		ATF_REQUIRE_EQ(0, buf_add(tail, digests_of(s->version,
		    s->piece_len) + s->first * SHA1_LEN,
		    s->count * SHA1_LEN));
	}
}

static void
put_say(struct msg_put_pieces *body, struct buf *tail)
{
	if (any(10) == 0)
		tail->data[any((uint32_t)tail->len)] ^= (uint8_t)(1 << any(8));
	rogue_say(&to_cache, MSG_PUT_PIECES, body, sizeof(*body), tail->data,
	    tail->len, NULL, 0);
	memset(body, 0, sizeof(*body));
	tail->len = 0;
}

static void
put_choose(struct put *put)
{
	put_truth(put);
	while (any(3) == 0)
		put_spoil(put);
}

/* One file or some, the last of which may be cut in two. */
static void
try_pieces(void)
{
	struct put put = { .n = 0 };
	struct msg_put_pieces body = { 0 };
	struct buf tail = { 0 };
	uint32_t cut;

	put_choose(&put);
	while (any(4) == 0) {
		put_add(&body, &tail, &put, 0, put.n, 0);
		put_choose(&put);
	}
	cut = put.n > 1 && any(2) == 0 ? 1 + any(put.n - 1) : put.n;
	if (cut < put.n) {
		put_add(&body, &tail, &put, 0, cut, PART_MORE);
		put_say(&body, &tail);
	}
	put_add(&body, &tail, &put, cut < put.n ? cut : 0, put.n,
	    any(30) == 0 ? PART_MORE : 0);
	put_say(&body, &tail);
	buf_free(&tail);
}

static void
try_info(void)
{
	const struct listing *l, *last;
	struct msg_put_info body = { .piece = any(PIECE_KINDS) };
	struct buf specs = { 0 }, tail = { 0 };
	uint32_t n = any(3) == 0 ? 2 : 1, i;

	l = last = &listings[any(nlistings)];
	ATF_REQUIRE_EQ(0, buf_add(&specs, l->specs, strlen(l->specs)));
	if (n == 2) {
		last = &listings[any(nlistings)];
		ATF_REQUIRE_EQ(0, buf_addf(&specs, "\n%s", last->specs));
	}
	sha1(specs.data, specs.len, body.digest);
	if (any(8) == 0)
		sha1("/y/a", 4, body.digest);
	for (i = 0; i < n; i++, l = last) {
		memcpy(body.seal, any(12) != 0 ? l->seal :
		    listings[any(nlistings)].seal, SEAL_LEN);
		body.flags = (any(20) != 0 ? PUT_SEALED : 0) |
		    (i + 1 < n || any(30) == 0 ? PART_MORE : 0);
		tail.len = 0;
		ATF_REQUIRE_EQ(0, buf_add(&tail, l->bytes.data,
		    l->bytes.len));
		if (any(12) == 0)
			tail.data[any((uint32_t)tail.len)] ^= 1;
		rogue_say(&to_cache, MSG_PUT_INFO, &body, sizeof(body),
		    tail.data, tail.len, NULL, 0);
	}
	buf_free(&specs);
	buf_free(&tail);
}

/* The cache's answer about a version is true of that version.  false: it has
   closed the channel. */
static bool
cache_answers(struct rogue *r)
{
	const struct version *v = any_version();
	struct msg_get_pieces body = { 1ULL << 63 | ++r->pings, PIECE, 1, 0,
	    0 };
	struct msg_file file = { 0, (uint32_t)strlen(v->path),
	    v->opened.identity };
	struct msg_pieces_item item;
	char tail[128];
	struct msg msg;

	memcpy(tail, &file, sizeof(file));
	memcpy(tail + sizeof(file), v->path, file.len);
	rogue_say(r, MSG_GET_PIECES, &body, sizeof(body), tail,
	    sizeof(file) + file.len, NULL, 0);
	if (!rogue_await(r, MSG_PIECES, body.id, &msg))
		return false;
	memcpy(&item, msg.tail, sizeof(item));
	ATF_REQUIRE(item.total == 0 ||
	    item.total == torrent_digests(v->size, PIECE));
	ATF_REQUIRE(item.total == item.count && memcmp(msg.tail +
	    sizeof(item), digests_of(v, PIECE), item.count * SHA1_LEN) == 0);
	return true;
}

static const uint8_t *
true_digests(const char *path, size_t len, const struct identity *id,
    uint32_t piece_len)
{
	uint32_t i;

	for (i = 0; i < nversions && piece_len <= LENGTHS * PIECE; i++)
		if (versions[i].settled &&
		    strlen(versions[i].path) == len &&
		    memcmp(versions[i].path, path, len) == 0 &&
		    identity_same(&versions[i].opened.identity, id))
			return digests_of(&versions[i], piece_len);
	return NULL;
}

static bool
true_record(const void *record, size_t len)
{
	uint32_t i;

	for (i = 0; i < nlistings; i++)
		if (memmem(listings[i].bytes.data, listings[i].bytes.len,
		    record, len) != NULL)
			return true;
	return false;
}

static void
start_all(void)
{
	ATF_REQUIRE_EQ(0, mkdir("cache", 0700));
	rogue_start(&walker, ROLE_WALKER, "");
	rogue_start(&hasher, ROLE_HASHER, "");
	rogue_start(&cache, ROLE_CACHE, "");
	rogue_connect(&to_walker, &walker, ROLE_FRONT, 0);
	rogue_connect(&to_hasher, &hasher, ROLE_FRONT, 0);
	rogue_connect(&to_cache, &cache, ROLE_FRONT, 0);
	to_walker.on_answer = keep_listing;
	to_cache.honest = cache_answers;
}

static void
make_mirror(void)
{
	place_enter();
	ATF_REQUIRE_EQ(0, mkdir("www", 0755));
	ATF_REQUIRE_EQ(0, mkdir("www/y", 0755));
	ATF_REQUIRE_EQ(0, mkdir("www/y/sub", 0755));
	ATF_REQUIRE_EQ(0, mkdir("www/z", 0755));
	write_version("/y/a", 3 * PIECE + 5);
	write_version("/y/b", 1);
	write_version("/y/c", 4 * PIECE);
	write_version("/y/d", 0);
	write_version("/y/sub/e", 40 * PIECE - 1);
	write_version("/z/top", 2 * PIECE);
}

TEST(rogue__front_leaves_nothing_but_the_truth, "timeout", "60")
{
	struct truth t = { true_digests, true_record, 0, 0 };
	uint32_t i, before;
	unsigned refused = 0;

	make_mirror();
	start_all();
	collect(0);
	collect_in_passing();
	before = nversions;
	write_version("/y/a", 3 * PIECE + 5);
	write_version("/y/b", PIECE);
	write_version("/y/c", 5 * PIECE + 1);
	write_version("/y/sub/e", 40 * PIECE - 1);
	collect(before);
	for (i = 0; i < TRIES; i++) {
		if (any(2) == 0)
			try_pieces();
		else
			try_info();
		if (cache_answers(&to_cache))
			continue;
		refused++;
		rogue_connect(&to_cache, &cache, ROLE_FRONT, 0);
		ATF_REQUIRE(cache_answers(&to_cache));
		if (i % 100 == 0)
			truth_check(&t);
	}
	proc_hear(&cache);
	ATF_CHECK_EQ(refused, cache.reports);
	truth_check(&t);
	printf("%u statements, %u refused, %u lists and %u torrents kept\n",
	    nslices + nlistings, refused, t.pieces, t.infos);
	/* Five files (one is empty), by two piece lengths; specs that
	   have files, but for those of which one never settled. */
	ATF_CHECK_EQ(10, t.pieces);
	ATF_CHECK(t.infos >= 5);
	ATF_CHECK(refused > TRIES / 10 && refused < TRIES);
	proc_stop(&walker);
	proc_stop(&hasher);
	proc_stop(&cache);
}
