/* SPDX-License-Identifier: ISC */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/buf.h"
#include "common/seal.h"
#include "tests/lib/test.h"
#include "tests/lib/text.h"

static const uint8_t key[SEAL_LEN] = "0123456789abcdefghijklmnopqrstu";
static const struct identity id = { 1, 2, 3, 4, 5 };

/* The same statement through the one-shot function of OpenSSL. */
static void
hmac(const struct buf *b, uint8_t out[SEAL_LEN])
{
	ATF_REQUIRE(HMAC(EVP_sha256(), key, SEAL_LEN, b->data, b->len, out,
	    NULL) != NULL);
}

static void
add32(struct buf *b, uint32_t v)
{
	ATF_REQUIRE_EQ(0, buf_add(b, &v, sizeof(v)));
}

TEST(seal__is_hmac_sha256_of_the_statement)
{
	struct buf	 b = { 0 };
	uint8_t		 got[SEAL_LEN], want[SEAL_LEN], digests[60];
	uint8_t		 path[SEAL_LEN];

	memset(digests, 7, sizeof(digests));
	memset(path, 9, sizeof(path));

	add32(&b, MSG_RESOLVED);
	ATF_REQUIRE_EQ(0, buf_add(&b, digests, SEAL_LEN));
	hmac(&b, want);
	seal_listing(key, digests, got);
	ATF_CHECK_EQ(0, memcmp(want, got, SEAL_LEN));

	b.len = 0;
	add32(&b, MSG_OPENED);
	ATF_REQUIRE_EQ(0, buf_add(&b, &id, sizeof(id)));
	ATF_REQUIRE_EQ(0, buf_add(&b, path, SEAL_LEN));
	hmac(&b, want);
	seal_file(key, path, &id, got);
	ATF_CHECK_EQ(0, memcmp(want, got, SEAL_LEN));

	b.len = 0;
	add32(&b, MSG_DIGESTS);
	ATF_REQUIRE_EQ(0, buf_add(&b, &id, sizeof(id)));
	ATF_REQUIRE_EQ(0, buf_add(&b, path, SEAL_LEN));
	add32(&b, 16384);
	add32(&b, 5);
	add32(&b, 3);
	ATF_REQUIRE_EQ(0, buf_add(&b, digests, 60));
	hmac(&b, want);
	seal_digests(key, path, &id, 16384, 5, 3, digests, got);
	ATF_CHECK_EQ(0, memcmp(want, got, SEAL_LEN));
	/* and once more: nothing is left over from the last one */
	seal_digests(key, path, &id, 16384, 5, 3, digests, got);
	ATF_CHECK_EQ(0, memcmp(want, got, SEAL_LEN));
	buf_free(&b);
}

/* A path counts with its root: neither can take a part of the other. */
/* Of the info hash alone: another service with the key makes the same. */
TEST(seal__token_is_hmac_sha256)
{
	struct buf	 b = { 0 };
	uint8_t		 hash[SHA1_LEN], want[SEAL_LEN];
	uint8_t		 got[SEAL_TOKEN_LEN], other[SEAL_TOKEN_LEN];

	memset(hash, 7, sizeof(hash));
	ATF_REQUIRE_EQ(0, buf_add(&b, hash, sizeof(hash)));
	hmac(&b, want);
	seal_token(key, hash, got);
	ATF_CHECK_EQ(0, memcmp(want, got, SEAL_TOKEN_LEN));
	ATF_CHECK(seal_token_equal(want, got));
	hash[SHA1_LEN - 1] ^= 1;
	seal_token(key, hash, other);
	ATF_CHECK(!seal_token_equal(got, other));
	got[SEAL_TOKEN_LEN - 1] ^= 1;
	ATF_CHECK(!seal_token_equal(want, got));
	buf_free(&b);
}

TEST(seal__path_has_its_root)
{
	static const struct {
		const char	*prefix;
		const char	*path;
	} paths[] = {
		{ "", "/a/b" }, { "/a", "/a/b" }, { "/a/b", "" },
		{ "/a", "/b" }, { "", "/a/b/" }, { "/a/", "/a/b" },
	};
	uint8_t	 sums[6][SEAL_LEN], want[SEAL_LEN];
	size_t	 i, j;

	for (i = 0; i < 6; i++) {
		seal_path(paths[i].prefix, paths[i].path,
		    strlen(paths[i].path), sums[i]);
		for (j = 0; j < i; j++)
			ATF_CHECK(memcmp(sums[i], sums[j], SEAL_LEN) != 0);
	}
	sha256("/a\0/a/b", 7, want);
	ATF_CHECK_EQ(0, memcmp(want, sums[1], SEAL_LEN));
}

/* Every difference in a statement makes another seal. */
TEST(seal__differs_when_anything_does)
{
	const uint8_t	 a[SEAL_LEN] = "a", b[SEAL_LEN] = "b";
	uint8_t		 seals[20][SEAL_LEN], digests[60] = { 0 };
	uint8_t		 key2[SEAL_LEN];
	struct identity	 ids[5] = { id, id, id, id, id };
	size_t		 i, j, n = 0;

	ids[0].ino = 9;
	ids[1].size = 9;
	ids[2].mtime_ns = 9;
	ids[3].ctime_ns = 9;
	ids[4].mount = 9;
	seal_file(key, a, &id, seals[n++]);
	seal_file(key, b, &id, seals[n++]);
	for (i = 0; i < 5; i++)
		seal_file(key, a, &ids[i], seals[n++]);
	seal_digests(key, a, &id, 16384, 0, 3, digests, seals[n++]);
	seal_digests(key, b, &id, 16384, 0, 3, digests, seals[n++]);
	seal_digests(key, a, &id, 32768, 0, 3, digests, seals[n++]);
	seal_digests(key, a, &id, 16384, 1, 3, digests, seals[n++]);
	seal_digests(key, a, &id, 16384, 0, 2, digests, seals[n++]);
	seal_digests(key, a, &ids[3], 16384, 0, 3, digests, seals[n++]);
	seal_digests(key, a, &ids[4], 16384, 0, 3, digests, seals[n++]);
	digests[59] = 1;
	seal_digests(key, a, &id, 16384, 0, 3, digests, seals[n++]);
	seal_listing(key, digests, seals[n++]);
	memcpy(key2, key, SEAL_LEN);
	key2[SEAL_LEN - 1] ^= 1;
	seal_listing(key2, digests, seals[n++]);
	seal_file(key2, a, &id, seals[n++]);
	for (i = 0; i < n; i++) {
		ATF_CHECK(seal_equal(seals[i], seals[i]));
		for (j = 0; j < i; j++)
			ATF_CHECK_MSG(!seal_equal(seals[i], seals[j]),
			    "%zu %zu", i, j);
	}
}

/* The front could pass one kind for another if only the bytes counted: here
   they are all zeros. */
TEST(seal__one_kind_is_not_another)
{
	struct identity	 zero;
	uint8_t		 seals[3][SEAL_LEN], sum[SEAL_LEN] = { 0 };
	size_t		 i, j;

	memset(&zero, 0, sizeof(zero));
	seal_listing(key, sum, seals[0]);
	seal_file(key, sum, &zero, seals[1]);
	seal_digests(key, sum, &zero, 0, 0, 0, sum, seals[2]);
	for (i = 0; i < 3; i++)
		for (j = 0; j < i; j++)
			ATF_CHECK(!seal_equal(seals[i], seals[j]));
}

/* Nobody has keys of a pair of others, or of another walker. */
TEST(key__is_for_its_pair)
{
	static struct seal_keys	 keys;

	ATF_CHECK(seal_concerns(ROLE_WALKER, SEAL_WALKER_CACHE));
	ATF_CHECK(seal_concerns(ROLE_WALKER, SEAL_WALKER_HASHER));
	ATF_CHECK(!seal_concerns(ROLE_WALKER, SEAL_HASHER_CACHE));
	ATF_CHECK(!seal_concerns(ROLE_HASHER, SEAL_WALKER_CACHE));
	ATF_CHECK(seal_concerns(ROLE_HASHER, SEAL_WALKER_HASHER));
	ATF_CHECK(seal_concerns(ROLE_HASHER, SEAL_HASHER_CACHE));
	ATF_CHECK(seal_concerns(ROLE_CACHE, SEAL_WALKER_CACHE));
	ATF_CHECK(!seal_concerns(ROLE_CACHE, SEAL_WALKER_HASHER));
	ATF_CHECK(seal_concerns(ROLE_CACHE, SEAL_HASHER_CACHE));
	ATF_CHECK(!seal_concerns(ROLE_FRONT, SEAL_WALKER_CACHE));
	ATF_CHECK(!seal_concerns(ROLE_FRONT, SEAL_WALKER_HASHER));
	ATF_CHECK(!seal_concerns(ROLE_FRONT, SEAL_HASHER_CACHE));
	ATF_CHECK(!seal_concerns(ROLE_TRACKER, SEAL_WALKER_CACHE));
	ATF_CHECK(!seal_concerns(ROLE_TRACKER, SEAL_WALKER_HASHER));
	ATF_CHECK(!seal_concerns(ROLE_TRACKER, SEAL_HASHER_CACHE));
	ATF_CHECK(!seal_concerns(ROLE_CACHE, SEAL_PAIRS));
	ATF_CHECK(!seal_concerns(ROLE_CACHE, UINT32_MAX));

	ATF_CHECK(seal_key(&keys, SEAL_WALKER_CACHE, 0) == NULL);
	keys.n[SEAL_WALKER_CACHE] = 2;
	ATF_CHECK(seal_key(&keys, SEAL_WALKER_CACHE, 1) ==
	    keys.v[SEAL_WALKER_CACHE][1]);
	ATF_CHECK(seal_key(&keys, SEAL_WALKER_CACHE, 2) == NULL);
	ATF_CHECK(seal_key(&keys, SEAL_WALKER_CACHE, SIZE_MAX) == NULL);
}

/* HKDF of RFC 5869, by the HMAC of which it consists. */
TEST(key__is_derived_by_hkdf)
{
	static const uint8_t	 salt[SEAL_LEN];
	uint8_t			 prk[SEAL_LEN], want[SEAL_LEN], got[SEAL_LEN];

	ATF_REQUIRE(HMAC(EVP_sha256(), salt, SEAL_LEN, key, SEAL_LEN, prk,
	    NULL) != NULL);
	ATF_REQUIRE(HMAC(EVP_sha256(), prk, SEAL_LEN,
	    (const uint8_t *)"a to b\1", 7, want, NULL) != NULL);
	seal_derive(key, "a to b", 6, got);
	ATF_CHECK_EQ(0, memcmp(want, got, SEAL_LEN));
	/* Nothing is left of the last name. */
	seal_derive(key, "a to c", 6, got);
	ATF_CHECK(memcmp(want, got, SEAL_LEN) != 0);
	seal_derive(key, "a to b", 6, got);
	ATF_CHECK_EQ(0, memcmp(want, got, SEAL_LEN));
}

TEST(seal__equal_looks_at_every_byte)
{
	uint8_t	a[SEAL_LEN] = { 0 }, b[SEAL_LEN] = { 0 };
	size_t	i;

	ATF_CHECK_EQ(1, seal_equal(a, b));
	for (i = 0; i < SEAL_LEN; i++) {
		b[i] = 0x80;
		ATF_CHECK_EQ(0, seal_equal(a, b));
		b[i] = 0;
	}
}

/* FIPS 180-4's own examples. */
TEST(seal__digests_are_the_standard_ones)
{
	uint8_t		 out[SEAL_LEN];

	sha1("abc", 3, out);
	ATF_CHECK_STREQ("a9993e364706816aba3e25717850c26c9cd0d89d",
	    hex(out, SHA1_LEN));
	sha1(NULL, 0, out);
	ATF_CHECK_STREQ("da39a3ee5e6b4b0d3255bfef95601890afd80709",
	    hex(out, SHA1_LEN));
	sha256("abc", 3, out);
	ATF_CHECK_STREQ("ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad", hex(out, SEAL_LEN));
	sha1("abc", 3, out);
	ATF_CHECK_STREQ("a9993e364706816aba3e25717850c26c9cd0d89d",
	    hex(out, SHA1_LEN));
}

TEST(seal__digests_in_parts)
{
	uint8_t		 data[1000], whole[SEAL_LEN], out[SEAL_LEN];
	struct sum	*sum;
	size_t		 i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 3);
	sha1(data, sizeof(data), whole);
	ATF_REQUIRE((sum = sum_new(true)) != NULL);
	for (i = 0; i < sizeof(data); i += 100)
		sum_add(sum, data + i, 100);
	sum_end(sum, out);
	ATF_CHECK_EQ(0, memcmp(whole, out, SHA1_LEN));
	sha256(data, sizeof(data), whole);
	ATF_REQUIRE((sum = sum_new(false)) != NULL);
	for (i = 0; i < sizeof(data); i += 100)
		sum_add(sum, data + i, 100);
	sum_end(sum, out);
	ATF_CHECK(seal_equal(whole, out));
	sum_end(sum_new(false), NULL);
	sum_end(NULL, NULL);
}
