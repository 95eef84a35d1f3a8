/*
 * A front that was broken into, with every message at its command, between a
 * real walker, a real hasher and a real cache: it has their sealed statements
 * about several files, paths, sizes and versions, and tells the cache what it
 * likes.  Afterwards the cache's directory holds nothing but the truth.
 */
#include "tests/lib/place.h"
#include "tests/lib/rogue_truth.h"
#include "tests/lib/rogue_words.h"

#define TRIES		10000

static struct victim	cache;
static struct rogue	to_cache;

/* PUT_PIECES in the making. */
struct put {
	const struct version *version;	/* whose path, … */
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

/* One part with these slices. */
static void
put_part(const struct put *put, uint32_t from, uint32_t to, uint32_t flags)
{
	struct msg_put_pieces body = {
		.flags = flags, .piece_len = put->piece_len,
		.slices = to - from, .identity = put->witness->identity,
	};
	struct msg_digests_item item = { .status = DIGESTS_OK };
	struct buf tail = { 0 };
	const struct slice *s;

	memcpy(body.seal, put->witness->seal, SEAL_LEN);
	if (from == 0) {
		body.path_len = (uint32_t)strlen(put->version->path);
		ATF_REQUIRE_EQ(0, buf_add(&tail, put->version->path,
		    body.path_len));
	}
	for (; from < to; from++) {
		s = put->slices[from];
		item.first = s->first;
		item.count = s->count;
		item.identity = s->version->identity;
		memcpy(item.seal, s->seal, SEAL_LEN);
		ATF_REQUIRE_EQ(0, buf_add(&tail, &item, sizeof(item)));
		ATF_REQUIRE_EQ(0, buf_add(&tail, digests_of(s->version,
		    s->piece_len) + s->first * SHA1_LEN,
		    s->count * SHA1_LEN));
	}
	if (any(10) == 0)
		tail.data[any((uint32_t)tail.len)] ^= (uint8_t)(1 << any(8));
	rogue_say(&to_cache, MSG_PUT_PIECES, &body, sizeof(body), tail.data,
	    tail.len, NULL, 0);
	buf_free(&tail);
}

static void
try_pieces(void)
{
	struct put put = { .n = 0 };
	uint32_t cut;

	put_truth(&put);
	while (any(3) == 0)
		put_spoil(&put);
	cut = put.n > 1 && any(2) == 0 ? 1 + any(put.n - 1) : put.n;
	if (cut < put.n)
		put_part(&put, 0, cut, PART_MORE);
	put_part(&put, cut < put.n ? cut : 0, put.n,
	    any(30) == 0 ? PART_MORE : 0);
}

static void
try_info(void)
{
	const struct listing *l, *last;
	struct msg_put_info body = { .flags = PUT_SEALED };
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

/* What the cache answers about a version is true of that version.  false: it
   has closed the channel. */
static bool
cache_answers(struct rogue *r)
{
	const struct version *v = any_version();
	struct msg_get_pieces body = { 1ULL << 63 | ++r->pings, PIECE, 1 };
	struct msg_file file = { 0, (uint32_t)strlen(v->path), v->identity };
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
		    identity_same(&versions[i].identity, id))
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
	victim_start(&walker, ROLE_WALKER, "");
	victim_start(&hasher, ROLE_HASHER, "");
	victim_start(&cache, ROLE_CACHE, "");
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

ATF_TC(rogue__front_leaves_nothing_but_the_truth);
ATF_TC_HEAD(rogue__front_leaves_nothing_but_the_truth, tc)
{
	atf_tc_set_md_var(tc, "timeout", "60");
}
ATF_TC_BODY(rogue__front_leaves_nothing_but_the_truth, tc)
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
	victim_hear(&cache);
	ATF_CHECK_EQ(refused, cache.reports);
	truth_check(&t);
	printf("%u statements, %u refused, %u lists and %u torrents kept\n",
	    nslices + nlistings, refused, t.pieces, t.infos);
	/* Five files (one is empty), by two piece lengths; specs that
	   have files, but for those of which one never settled. */
	ATF_CHECK_EQ(10, t.pieces);
	ATF_CHECK(t.infos >= 5);
	ATF_CHECK(refused > TRIES / 10 && refused < TRIES);
	victim_stop(&walker);
	victim_stop(&hasher);
	victim_stop(&cache);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, rogue__front_leaves_nothing_but_the_truth);
	return atf_no_error();
}
