/* SPDX-License-Identifier: ISC */
/* The offsets of a pack's records, by a hash of their names. */
#include "pkgtorrentd/cache/offsets.h"
#include "tests/lib/test.h"

static struct offsets o;

/* Offsets of this hash, all of them below 64 units. */
static uint64_t
units_of(uint32_t hash)
{
	uint64_t units = 0, unit, *slot;
	size_t at = 0;

	while ((slot = offsets_next(&o, hash, &at)) != NULL) {
		unit = offsets_get(*slot) / OFFSETS_ALIGN;
		ATF_REQUIRE(unit > 0 && unit < 64);
		ATF_REQUIRE_MSG(!(units & 1ULL << unit), "one twice");
		units |= 1ULL << unit;
	}
	return units;
}

static void
add(uint32_t hash, uint64_t unit)
{
	ATF_REQUIRE_EQ(0, offsets_add(&o, hash, unit * OFFSETS_ALIGN));
}

static bool
has(uint32_t hash, uint64_t unit)
{
	uint64_t *slot;
	size_t at = 0;

	while ((slot = offsets_next(&o, hash, &at)) != NULL)
		if (offsets_get(*slot) == unit * OFFSETS_ALIGN)
			return true;
	return false;
}

TEST(offsets__none_are_found_in_nothing)
{
	size_t at = 0;

	ATF_CHECK(offsets_next(&o, 5, &at) == NULL);
	offsets_free(&o);
	ATF_CHECK_EQ(0, o.n);
}

/* A hash of zeros and one of ones, too. */
TEST(offsets__of_one_hash_are_all_found)
{
	static const uint32_t hashes[] = { 0, 1, 63, 64, UINT32_MAX >> 1 };
	uint64_t unit;

	for (unit = 1; unit <= 20; unit++)
		EACH(hash, hashes)
			add(*hash, unit);
	ATF_CHECK_EQ(100, o.n);
	EACH(hash, hashes)
		ATF_CHECK_EQ(0x1ffffe, units_of(*hash));
	ATF_CHECK_EQ(0, units_of(2));
	offsets_free(&o);
	ATF_CHECK_EQ(0, units_of(0));
}

TEST(offsets__are_replaced_and_removed)
{
	uint64_t *slot;
	size_t at = 0;

	add(7, 1);
	add(7, 2);
	add(7, 3);
	slot = offsets_next(&o, 7, &at);
	ATF_REQUIRE(slot != NULL);
	ATF_REQUIRE_EQ(OFFSETS_ALIGN, offsets_get(*slot));
	offsets_set(slot, 9 * OFFSETS_ALIGN);
	ATF_CHECK_EQ(1U << 9 | 1U << 2 | 1U << 3, units_of(7));
	/* The ones behind it are still found. */
	offsets_remove(&o, slot);
	ATF_CHECK_EQ(1U << 2 | 1U << 3, units_of(7));
	ATF_CHECK_EQ(2, o.n);
	add(7, 4);
	ATF_CHECK_EQ(1U << 2 | 1U << 3 | 1U << 4, units_of(7));
}

/* The largest offset that fits, next to the smallest. */
TEST(offsets__may_be_large)
{
	add(7, UINT32_MAX);
	add(7, 1);
	ATF_CHECK(has(7, UINT32_MAX));
	ATF_CHECK(has(7, 1));
}

/* As many as a pack may have, a tenth of them removed again, and all hashes
   twice. */
TEST(offsets__of_many_names_are_found)
{
	enum { N = 700000 };
	uint64_t *slot;
	uint32_t i, hash;
	size_t at;

	for (i = 0; i < N; i++)
		add(i / 2 * 2654435761U, i + 1);
	ATF_CHECK_EQ(N, o.n);
	for (i = 0; i < N; i += 10) {
		hash = i / 2 * 2654435761U;
		at = 0;
		do
			slot = offsets_next(&o, hash, &at);
		while (slot != NULL &&
		    offsets_get(*slot) != (i + 1ULL) * OFFSETS_ALIGN);
		ATF_REQUIRE(slot != NULL);
		offsets_remove(&o, slot);
	}
	ATF_CHECK_EQ(N - N / 10, o.n);
	for (i = 0; i < N; i++)
		ATF_REQUIRE_EQ(i % 10 != 0, has(i / 2 * 2654435761U, i + 1));
	/* 8 bytes a slot, and not three times as many slots as names. */
	ATF_CHECK(o.cap <= 3 * N);
	ATF_CHECK(o.used <= o.cap / 4 * 3);
}

/* Adding and removing without end takes no more memory. */
TEST(offsets__removed_are_left_behind)
{
	uint64_t *slot;
	uint32_t i;
	size_t at, cap;

	for (i = 0; i < 40; i++)
		add(i, 1 + i);
	cap = o.cap;
	for (; i < 100000; i++) {
		add(i * 977, 1 + i);
		at = 0;
		slot = offsets_next(&o, i * 977, &at);
		ATF_REQUIRE(slot != NULL);
		offsets_remove(&o, slot);
	}
	ATF_CHECK_EQ(40, o.n);
	ATF_CHECK(o.cap <= 2 * cap);
	for (i = 0; i < 40; i++)
		ATF_CHECK(has(i, 1 + i));
}
