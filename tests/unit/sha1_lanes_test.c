/* SPDX-License-Identifier: ISC */
/*
 * SHA-1 in lanes against OpenSSL, for each kernel that this machine has.  The
 * lanes are compiled in, so that a case can put a broken kernel under them.
 */
#include <stdlib.h>
#include <string.h>

#include "hasher/hash/sha1_vector.h"

static const struct sha1_kernel	*find_kernel(enum sha1_impl);

#define sha1_kernel_find	find_kernel
#include "hasher/hash/sha1_lanes.c"
#include "tests/lib/test.h"
#include "tests/lib/text.h"
#undef sha1_kernel_find

#define DATA_LEN	(300U << 10)
#define MANY		600		/* jobs, more than go at once */

/* The kernel that find_kernel() spoils; SHA1_AUTO: none. */
static enum sha1_impl		 broken_impl = SHA1_AUTO;
static unsigned			 broken_lane;
static enum { SPOIL_DATA, SPOIL_ZEROS, SPOIL_TWICE } spoiled;
static const struct sha1_kernel	*sound;

static void
break_data(struct sha1_states *states, const uint8_t *const data[LANES_MAX],
    size_t blocks)
{
	sound->data(states, data, blocks);
	states->h[2][broken_lane] ^= 1;
}

static void
break_zeros(struct sha1_states *states, size_t blocks)
{
	sound->zeros(states, blocks);
	states->h[2][broken_lane] ^= 1;
}

static void
break_zeros_twice(struct sha1_states *states, size_t blocks)
{
	sound->zeros_twice(states, blocks);
	states->h[2][broken_lane] ^= 1;
}

static const struct sha1_kernel *
find_kernel(enum sha1_impl impl)
{
	static struct sha1_kernel	kernel;

	if (impl != broken_impl)
		return sha1_kernel_find(impl);
	sound = sha1_kernel_find(impl);
	if (sound == NULL)
		return NULL;
	kernel = *sound;
	if (spoiled == SPOIL_TWICE)
		kernel.zeros_twice = break_zeros_twice;
	else if (spoiled == SPOIL_ZEROS)
		kernel.zeros = break_zeros;
	else
		kernel.data = break_data;
	return &kernel;
}

/* xorshift: the same numbers in every run. */
static uint64_t	seed = 88172645463325252ULL;

static uint64_t
random_below(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % n;
}

static uint8_t *
random_data(size_t len)
{
	uint8_t	*data = malloc(len);
	size_t	 i;

	ATF_REQUIRE(data != NULL);
	for (i = 0; i < len; i++)
		data[i] = (uint8_t)random_below(256);
	return data;
}

static struct sha1_lanes *
lanes_of(enum sha1_impl impl, const char *name)
{
	struct sha1_lanes	*l;
	const char		*used;

	if (impl != SHA1_OPENSSL && sha1_kernel_find(impl) == NULL)
		atf_tc_skip("this machine has no %s", name);
	l = sha1_lanes_new(impl, &used);
	ATF_REQUIRE(l != NULL);
	ATF_REQUIRE_STREQ(name, used);
	return l;
}

/* By OpenSSL, of the data with zeros after it. */
static void
padded_sha1(const struct sha1_job *job, uint8_t out[SHA1_LEN])
{
	uint8_t	*copy = calloc(1, job->padded_len);

	ATF_REQUIRE(copy != NULL);
	memcpy(copy, job->data, job->len);
	sha1(copy, job->padded_len, out);
	free(copy);
}

static void
check_jobs(struct sha1_lanes *l, struct sha1_job *jobs, size_t n)
{
	uint8_t	(*out)[2][SHA1_LEN] = calloc(n, sizeof(*out));
	uint8_t	 expected[SHA1_LEN];
	size_t	 i;

	ATF_REQUIRE(out != NULL);
	for (i = 0; i < n; i++) {
		jobs[i].digest = out[i][0];
		jobs[i].padded = out[i][1];
	}
	sha1_lanes_run(l, jobs, n);
	for (i = 0; i < n; i++) {
		sha1(jobs[i].data, jobs[i].len, expected);
		ATF_REQUIRE_MSG(memcmp(expected, out[i][0], SHA1_LEN) == 0,
		    "job %zu of %zu, %ju bytes", i, n,
		    (uintmax_t)jobs[i].len);
		if (jobs[i].padded_len == 0)
			continue;
		padded_sha1(&jobs[i], expected);
		ATF_REQUIRE_MSG(memcmp(expected, out[i][1], SHA1_LEN) == 0,
		    "job %zu of %zu, %ju bytes padded to %ju", i, n,
		    (uintmax_t)jobs[i].len, (uintmax_t)jobs[i].padded_len);
	}
	free(out);
}

/* FIPS 180-4's own messages, and those of a million and of no bytes. */
static void
check_vectors(struct sha1_lanes *l)
{
	static const struct {
		const char	*text;
		const char	*digest;
	} vectors[] = {
		{ "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		    "84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
		{ "", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
		{ NULL, "34aa973cd4c4daa4f61eeb2bdbad27316534016f" },
	};
	static char		 million[1000000];
	struct sha1_job		 jobs[4 * LANES_MAX];
	uint8_t			 out[4 * LANES_MAX][SHA1_LEN];
	const char		*text;
	size_t			 i;

	memset(million, 'a', sizeof(million));
	for (i = 0; i < 4 * LANES_MAX; i++) {
		text = vectors[i % 4].text;
		jobs[i] = (struct sha1_job){
			.data = (const uint8_t *)(text ? text : million),
			.len = text ? strlen(text) : sizeof(million),
			.digest = out[i],
		};
	}
	sha1_lanes_run(l, jobs, 4 * LANES_MAX);
	for (i = 0; i < 4 * LANES_MAX; i++)
		ATF_CHECK_STREQ(vectors[i % 4].digest, hex(out[i], SHA1_LEN));
}

/* Every length around the ends of the first blocks, at every alignment. */
static void
check_lengths(struct sha1_lanes *l, uint8_t *data)
{
	struct sha1_job	jobs[MANY];
	size_t		i;

	memset(jobs, 0, sizeof(jobs));
	for (i = 0; i < MANY; i++) {
		jobs[i].data = data + i % 67;
		jobs[i].len = i;
		jobs[i].padded_len = i % 3 == 0 ? 0 :
		    roundup(i, SHA1_BLOCK) + (i % 5) * SHA1_BLOCK;
	}
	check_jobs(l, jobs, MANY);
}

static void
check_random(struct sha1_lanes *l, uint8_t *data, int rounds)
{
	static const uint64_t	limits[] = { 70, 1000, 20000, DATA_LEN / 2 };
	struct sha1_job		jobs[40];
	uint64_t		limit;
	size_t			i, n;

	while (rounds-- > 0) {
		memset(jobs, 0, sizeof(jobs));
		n = random_below(40) + 1;
		for (i = 0; i < n; i++) {
			limit = limits[random_below(4)];
			jobs[i].len = random_below(limit + 1);
			jobs[i].data = data + random_below(DATA_LEN / 2);
			if (random_below(2) == 0)
				jobs[i].padded_len = 1024ULL <<
				    random_below(10);
			if (jobs[i].padded_len < jobs[i].len)
				jobs[i].padded_len = 0;
		}
		check_jobs(l, jobs, n);
	}
}

static void
check_kernel(enum sha1_impl impl, const char *name)
{
	struct sha1_lanes	*l = lanes_of(impl, name);
	uint8_t			*data = random_data(DATA_LEN);

	check_vectors(l);
	check_lengths(l, data);
	check_random(l, data, 30);
	/* As on a CPU with a slow OpenSSL, and on one where it always
	   takes over. */
	l->pays = 1;
	check_random(l, data, 10);
	l->pays = LANES_MAX + 1;
	check_random(l, data, 3);
	free(data);
	free(l);
}

TEST(avx512__agrees_with_openssl)
{
	check_kernel(SHA1_AVX512, "avx512");
}

TEST(avx2__agrees_with_openssl)
{
	check_kernel(SHA1_AVX2, "avx2");
}

TEST(openssl__agrees_with_itself)
{
	check_kernel(SHA1_OPENSSL, "openssl");
}

TEST(auto__always_finds_one)
{
	const char		*used;
	struct sha1_lanes	*l = sha1_lanes_new(SHA1_AUTO, &used);

	ATF_REQUIRE(l != NULL);
	check_vectors(l);
	free(l);
}

TEST(data__is_not_read_past_its_end)
{
	const char		*used;
	struct sha1_lanes	*l = sha1_lanes_new(SHA1_AUTO, &used);
	struct sha1_job		 jobs[LANES_MAX];
	uint8_t			*data[LANES_MAX];
	size_t			 i;

	/* For AddressSanitizer and valgrind to see. */
	ATF_REQUIRE(l != NULL);
	memset(jobs, 0, sizeof(jobs));
	for (i = 0; i < LANES_MAX; i++) {
		jobs[i].len = i * 37 + 1;
		jobs[i].data = data[i] = random_data(jobs[i].len);
		jobs[i].padded_len = 2048;
	}
	check_jobs(l, jobs, LANES_MAX);
	for (i = 0; i < LANES_MAX; i++)
		free(data[i]);
	free(l);
}

/* One wrong lane, in any kernel, for any data. */
static void
check_broken(enum sha1_impl impl, const char *name, const char *instead)
{
	struct sha1_lanes	*l;
	const char		*used;
	unsigned		 i, lanes;

	if (sha1_kernel_find(impl) == NULL)
		atf_tc_skip("this machine has no %s", name);
	broken_impl = impl;
	lanes = sha1_kernel_find(impl)->lanes;
	for (i = 0; i < 3 * lanes; i++) {
		spoiled = i < 2 * lanes ? SPOIL_TWICE :
		    i % 2 == 0 ? SPOIL_ZEROS : SPOIL_DATA;
		broken_lane = i % (2 * lanes);
		l = sha1_lanes_new(impl, &used);
		ATF_REQUIRE(l != NULL);
		ATF_CHECK_STREQ(instead, used);
		check_vectors(l);
		free(l);
	}
}

TEST(avx512__is_not_used_when_wrong)
{
	check_broken(SHA1_AVX512, "avx512", "avx2");
}

TEST(avx2__is_not_used_when_wrong)
{
	check_broken(SHA1_AVX2, "avx2", "openssl");
}
