/*
 * What real walkers and hashers say, with their seals, about files of the
 * test's own: several versions of each, in pieces of two lengths and slices
 * of all kinds.
 */
#ifndef ROGUE_WORDS_H
#define ROGUE_WORDS_H

#include "tests/lib/rogue_lies.h"
#include "common/torrent.h"

#define PIECE		16384U		/* as the service is configured */
#define LENGTHS		2		/* and twice that */
#define VERSIONS_MAX	32
#define SLICES_MAX	1000
#define LISTINGS_MAX	64

/* One version of a file, as it was written, and what was said of it. */
struct version {
	const char	*path;
	uint8_t		*data;		/* zeros up to a whole piece */
	size_t		 size;
	struct identity	 identity;
	uint8_t		 seal[SEAL_LEN];
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

static struct victim	walker, hasher;
static struct rogue	to_walker, to_hasher;
static struct version	versions[VERSIONS_MAX];
static struct slice	slices[SLICES_MAX];
static struct listing	listings[LISTINGS_MAX];
static uint32_t		nversions, nslices, nlistings;

static inline const uint8_t *
digests_of(const struct version *v, uint32_t piece_len)
{
	return v->digests[piece_len / PIECE - 1];
}

/* By nothing that the service has but OpenSSL. */
static inline uint8_t *
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
static inline void
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
static inline int
open_version(struct version *v)
{
	struct {
		struct msg_open	body;
		uint32_t	len;
	} m = { { ++to_walker.pings, 1, 0 }, (uint32_t)strlen(v->path) };
	struct msg_opened_item item;
	char tail[64];
	struct msg msg;
	int fd;

	memcpy(tail, &m.len, sizeof(m.len));
	memcpy(tail + sizeof(m.len), v->path, m.len);
	rogue_say(&to_walker, MSG_OPEN, &m.body, sizeof(m.body), tail,
	    sizeof(m.len) + m.len, NULL, 0);
	ATF_REQUIRE(rogue_await(&to_walker, MSG_OPENED, m.body.id, &msg));
	ATF_REQUIRE_EQ(1, msg.nfds);
	memcpy(&item, msg.tail, sizeof(item));
	v->identity = item.identity;
	memcpy(v->seal, item.seal, SEAL_LEN);
	fd = msg.fds[0];
	return fd;
}

/* The hasher's word on some of its pieces: kept, if there is a seal on it.
   false: it is too new. */
static inline bool
hash_slice(const struct version *v, int fd, uint32_t piece_len,
    uint64_t first, uint64_t end)
{
	struct msg_hash body = { ++to_hasher.pings, piece_len, 1 };
	struct msg_range range = { 0, RANGE_NEW | RANGE_CLOSE,
	    first * piece_len, 0, v->size };
	struct slice *s = &slices[nslices];
	struct msg_digests_item item;
	struct msg msg;

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

static inline bool
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

static inline void
keep_listing(struct rogue *r, struct msg *msg)
{
	(void)r;
	if (msg->type == MSG_LISTING)
		ATF_REQUIRE_EQ(0, buf_add(&listings[nlistings].bytes,
		    msg->tail, msg->tail_len));
}

/* The walker's word on what specs, from this index on, are now. */
static inline void
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

static inline void
resolve_all(void)
{
	resolve("/y/a", 0);
	resolve("/y/b", 0);
	resolve("/y/*", 0);
	resolve("/y/**", 0);
	resolve("/y/a\n/y/b", 0);
	resolve("/y/b\n/y/a\n/y/a", 0);
	resolve("/y/none\n/y/sub/e\n/y/[cd]", 0);
	/* Shares of what only several walkers can answer. */
	resolve("/y/b", 1);
	resolve("/y/[cd]\n/y/a", 1);
	resolve("/z/top", 0);
}

/* All that can be had about the latest version of each file. */
static inline void
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
static inline void
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

#endif
