/* SPDX-License-Identifier: ISC */
/*
 * A front that was broken into, as hashers meet it: wrong messages are
 * refused and reported, and all statements are about files that were handed
 * over.
 */
#include "tests/lib/hash_rig.h"
#include "tests/lib/lies.h"
#include "tests/lib/test.h"

#define RANDOM		10000
#define CRAFTED		200
#define PIECE_LEN	16384U
#define SIZE		(3ULL * PIECE_LEN + 100)	/* of "a file" */

static struct proc	v;
static struct rogue	front;

/* The honest question: one piece of a file. */
static bool
hasher_answers(struct rogue *r)
{
	const uint64_t id = 1ULL << 63 | ++r->pings;
	struct msg_hash body = { id, PIECE_LEN, 1 };
	struct msg_range range = range_of(0, PIECE_LEN, SIZE);
	struct msg msg;

	range_seal(&range, rogue_fds[ROGUE_KINDS - 1]);
	rogue_say(r, MSG_HASH, &body, sizeof(body), &range, sizeof(range),
	    &rogue_fds[ROGUE_KINDS - 1], 1);
	return rogue_await(r, MSG_DIGESTS, id, &msg);
}

/* All statements of a hasher are about the one file that it was given. */
static void
check_digests(struct rogue *r, struct msg *msg)
{
	const struct msg_digests *body = msg->body;
	const uint8_t *at = msg->tail;
	struct msg_digests_item item;
	struct stat st;
	uint32_t i;

	(void)r;
	ATF_REQUIRE_EQ(0, fstat(rogue_fds[ROGUE_KINDS - 1], &st));
	for (i = 0; i < body->count; i++) {
		memcpy(&item, at, sizeof(item));
		at += sizeof(item) + item.count * SHA1_LEN;
		ATF_REQUIRE(at <= msg->tail + msg->tail_len);
		ATF_REQUIRE(item.status == DIGESTS_OK || item.count == 0);
		ATF_REQUIRE_EQ(st.st_ino, item.identity.ino);
		ATF_REQUIRE_EQ(SIZE, item.identity.size);
	}
}

static void
start_hasher(void)
{
	rogue_open_fds();
	rogue_start(&v, ROLE_HASHER, "digest openssl\n");
	front.on_answer = check_digests;
	front.honest = hasher_answers;
	rogue_connect(&front, &v, ROLE_FRONT, 7);
	ATF_REQUIRE(hasher_answers(&front));
}

static struct msg_range
sealed_range(uint32_t i)
{
	struct msg_range range = range_of(i * PIECE_LEN, PIECE_LEN, SIZE);

	range_seal(&range, rogue_fds[ROGUE_KINDS - 1]);
	return range;
}

static size_t
tell(uint8_t *bytes)
{
	const struct msg_hash body = { any(1000), PIECE_LEN, 1 };
	const struct msg_range range = sealed_range(any(3));
	const struct msg_header head = { MSG_HASH,
	    sizeof(body) + sizeof(range) };

	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), &body, sizeof(body));
	memcpy(bytes + sizeof(head) + sizeof(body), &range, sizeof(range));
	return sizeof(head) + head.len;
}

TEST(hasher__random)
{
	start_hasher();
	front.honestly = tell;
	rogue_random(&front, RANDOM);
	proc_stop(&v);
}

/* Each with one thing wrong: these values, put over a word or two of the
   message that begin at this byte. */
static const struct {
	const char	*what;
	size_t		 at;
	size_t		 len;
	uint64_t	 values[8];	/* up to a zero, but the first counts */
} wrongs[] = {
#define BODY(field)							\
	#field, offsetof(struct msg_hash, field),			\
	    sizeof(((struct msg_hash *)NULL)->field)
#define RANGE(field)							\
	#field, sizeof(struct msg_hash) + offsetof(struct msg_range, field), \
	    sizeof(((struct msg_range *)NULL)->field)
	{ BODY(piece_len), { 0, 1, PIECE_LEN + 1, 8192, 3U << 14, 32U << 20,
	    1U << 31, UINT32_MAX } },
	{ BODY(count), { 0, 3, 4, 32, 33, 1U << 30, UINT32_MAX } },
	{ RANGE(offset), { 1, PIECE_LEN - 1, PIECE_LEN + 1, 4 * PIECE_LEN,
	    1ULL << 30, 1ULL << 63, UINT64_MAX - PIECE_LEN + 1, UINT64_MAX } },
	{ RANGE(len), { 0, 1, PIECE_LEN - 1, PIECE_LEN + 1, SIZE + 1,
	    1ULL << 30, 1ULL << 63, UINT64_MAX } },
	{ RANGE(identity.size), { 0, 1, PIECE_LEN - 1, 1ULL << 63,
	    UINT64_MAX } },
#undef BODY
#undef RANGE
};

/* Of two ranges the first or the second is spoilt. */
static void
say_hash(uint64_t value, size_t at, size_t len, const int *fds, int nfds,
    size_t tail)
{
	struct {
		struct msg_hash		body;
		struct msg_range	ranges[3];
	} m = { .body = { 1, PIECE_LEN, 2 } };
	uint32_t i;

	for (i = 0; i < 2; i++)
		m.ranges[i] = sealed_range(i);
	memcpy((uint8_t *)&m + at, &value, len);
	rogue_say(&front, MSG_HASH, &m.body, sizeof(m.body), m.ranges, tail,
	    fds, nfds);
}

static unsigned
refuse_ranges(void)
{
	const size_t both = 2 * sizeof(struct msg_range);
	const int good[] = {
		rogue_fds[ROGUE_KINDS - 1], rogue_fds[ROGUE_KINDS - 1],
		rogue_fds[ROGUE_KINDS - 1],
	};
	size_t i, k, second;
	unsigned n = 0;

	for (i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++)
		for (k = 0; k < 8 && (k == 0 || wrongs[i].values[k] != 0);
		    k++)
			for (second = 0; second < 2; second++, n++) {
				say_hash(wrongs[i].values[k], wrongs[i].at +
				    (wrongs[i].at < sizeof(struct msg_hash) ?
				    0 : second * sizeof(struct msg_range)),
				    wrongs[i].len, good, 2, both);
				rogue_refused(&front, MSG_HASH, FAULT_CONTENT,
				    wrongs[i].what);
			}
	for (i = 0; i < 3 * sizeof(struct msg_range); i++) {
		if (i == both)
			continue;
		say_hash(0, 0, 8, good, 2, i);
		rogue_refused(&front, MSG_HASH, FAULT_CONTENT, "a list cut");
		n++;
	}
	return n;
}

/* For the two ranges there are to be two descriptors. */
static unsigned
refuse_counts(void)
{
	int good[ROGUE_FDS_MAX], i;
	unsigned n = 0;

	for (i = 0; i < ROGUE_FDS_MAX; i++)
		good[i] = rogue_fds[ROGUE_KINDS - 1];
	for (i = 0; i <= MSG_FDS_MAX; i++) {
		if (i == 2)
			continue;
		say_hash(0, 0, 8, good, i, 2 * sizeof(struct msg_range));
		rogue_refused(&front, MSG_HASH, FAULT_FDS, "a number");
		n++;
	}
	return n;
}

static unsigned
refuse_descriptors(void)
{
	const int good = rogue_fds[ROGUE_KINDS - 1];
	int fds[2], i;

	for (i = 0; i < 2 * (ROGUE_KINDS - 1); i++) {
		fds[0] = i & 1 ? good : rogue_fds[i / 2];
		fds[1] = i & 1 ? rogue_fds[i / 2] : good;
		say_hash(0, 0, 8, fds, 2, 2 * sizeof(struct msg_range));
		rogue_refused(&front, MSG_HASH, FAULT_FDS, "a descriptor");
	}
	return 2 * (ROGUE_KINDS - 1);
}

/* Every byte of the statement that a walker has sealed, but for the size, and
   its seal; and the numbers of other walkers. */
static unsigned
refuse_seals(void)
{
	static const uint32_t walkers[] = { 1, 63, 64, 1U << 31, UINT32_MAX };
	const struct msg_hash body = { 1, PIECE_LEN, 1 };
	const int fd = rogue_fds[ROGUE_KINDS - 1];
	struct msg_range range;
	unsigned i, n = 0;

	for (i = 0; i < sizeof(range) + 5; i++) {
		range = sealed_range(0);
		if (i >= sizeof(range))
			range.walker = walkers[i - sizeof(range)];
		else if (i < offsetof(struct msg_range, identity) ||
		    (i >= offsetof(struct msg_range, identity.size) &&
		    i < offsetof(struct msg_range, identity.mtime_ns)))
			continue;
		else
			((uint8_t *)&range)[i] ^= 1;
		rogue_say(&front, MSG_HASH, &body, sizeof(body), &range,
		    sizeof(range), &fd, 1);
		rogue_refused(&front, MSG_HASH, FAULT_SEAL, "a seal");
		n++;
	}
	return n;
}

TEST(hasher__crafted)
{
	unsigned n;

	start_hasher();
	n = rogue_try_table(&front);
	n += refuse_ranges();
	n += refuse_counts();
	n += refuse_descriptors();
	n += refuse_seals();
	ATF_CHECK_MSG(n >= CRAFTED, "%u messages", n);
	ATF_CHECK_EQ(n, v.reports);
	proc_stop(&v);
}
