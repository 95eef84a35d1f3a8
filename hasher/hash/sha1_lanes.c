/* SPDX-License-Identifier: ISC */
/*
 * Assigns blocks to lanes.  All buffers of a call are in the same phase: first
 * the whole blocks of their data, longest first, so that lanes run empty
 * together; then the ends; then the zeros that pad them.  In each phase a lane
 * that has finished takes the next buffer, and when few are left OpenSSL
 * finishes them one by one.
 */

/* For the functions that start from a state in the middle of a message, which
   OpenSSL 3 deprecates. */
#define OPENSSL_API_COMPAT	0x10101000L
#include <openssl/sha.h>

#include <sys/param.h>

#include <endian.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/seal.h"
#include "hasher/hash/sha1_lanes.h"
#include "hasher/hash/sha1_vector.h"

#define JOBS_AT_ONCE	256	/* their state stays in the CPU's cache */
#define AHEAD		1024U	/* bytes: fetched while as many are hashed */
#define TEST_LEN	4096	/* bytes: the longest message */

/* Blocks that remain to be added to a state. */
struct run {
	uint32_t	 h[SHA1_WORDS];
	const uint8_t	*data;		/* unused for zeros */
	uint64_t	 blocks;
};

struct work {
	struct run	own;
	struct run	padded;
	/* The rest of the data after its last whole block, with its end. */
	uint8_t		end[2 * SHA1_BLOCK];
	/* The same rest filled up with zeros, and the end after all zeros. */
	uint8_t		padding[SHA1_BLOCK];
	uint8_t		padded_end[SHA1_BLOCK];
};

enum phase { PHASE_DATA, PHASE_ZEROS };

struct sha1_lanes {
	const struct sha1_kernel *kernel;	/* NULL: OpenSSL alone */
	unsigned		  pays;
	struct work		  work[JOBS_AT_ONCE];
	struct run		 *queue[2 * JOBS_AT_ONCE];
	size_t			  queued;
};

/* Lanes in use are the first ones, so that half of them may be enough. */
struct lanes {
	struct sha1_states	 states;
	const uint8_t		*data[LANES_MAX];
	struct run		*run[LANES_MAX];
	unsigned		 used;
};

static const uint32_t	initial[SHA1_WORDS] = {
	0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0
};

/* OpenSSL hashes zeros only from memory. */
static const uint8_t	zeros[4096];

/*
 * Prefetch the data: OpenSSL waits for each line that the CPU's cache lacks,
 * and would hash mapped files at half its speed.
 */
static void
update_ahead(SHA_CTX *ctx, const uint8_t *data, uint64_t len)
{
	uint64_t	n, line;

	for (; len > 0; data += n, len -= n) {
		n = MIN(len, AHEAD);
		for (line = 0; line < MIN(n, len - n); line += SHA1_BLOCK)
			__builtin_prefetch(data + n + line);
		SHA1_Update(ctx, data, n);
	}
}

static void
update_zeros(SHA_CTX *ctx, uint64_t len)
{
	uint64_t	n;

	for (; len > 0; len -= n) {
		n = MIN(len, sizeof(zeros));
		SHA1_Update(ctx, zeros, n);
	}
}

static void
run_by_openssl(struct run *run, enum phase phase)
{
	SHA_CTX	ctx;

	SHA1_Init(&ctx);
	ctx.h0 = run->h[0];
	ctx.h1 = run->h[1];
	ctx.h2 = run->h[2];
	ctx.h3 = run->h[3];
	ctx.h4 = run->h[4];
	if (phase == PHASE_DATA)
		update_ahead(&ctx, run->data, run->blocks * SHA1_BLOCK);
	else
		update_zeros(&ctx, run->blocks * SHA1_BLOCK);
	run->h[0] = ctx.h0;
	run->h[1] = ctx.h1;
	run->h[2] = ctx.h2;
	run->h[3] = ctx.h3;
	run->h[4] = ctx.h4;
	run->blocks = 0;
}

static void
lane_put(struct lanes *lanes, unsigned lane, struct run *run)
{
	int	i;

	lanes->run[lane] = run;
	lanes->data[lane] = run->data;
	for (i = 0; i < SHA1_WORDS; i++)
		lanes->states.h[i][lane] = run->h[i];
}

static struct run *
lane_take(struct lanes *lanes, unsigned lane)
{
	struct run	*run = lanes->run[lane];
	int		 i;

	run->data = lanes->data[lane];
	for (i = 0; i < SHA1_WORDS; i++)
		run->h[i] = lanes->states.h[i][lane];
	return run;
}

/* Hash as many blocks as all lanes in use still have. */
static void
lanes_step(struct lanes *lanes, const struct sha1_kernel *kernel,
    enum phase phase)
{
	uint64_t	blocks = lanes->run[0]->blocks;
	unsigned	i;

	if (kernel->half != NULL && lanes->used <= kernel->half->lanes)
		kernel = kernel->half;
	for (i = 1; i < lanes->used; i++)
		blocks = MIN(blocks, lanes->run[i]->blocks);
	/* Unused lanes repeat the work of the first one. */
	for (i = lanes->used; i < kernel->lanes; i++)
		lanes->data[i] = lanes->data[0];
	if (phase == PHASE_DATA)
		kernel->data(&lanes->states, lanes->data, blocks);
	else if (lanes->used > kernel->lanes)
		kernel->zeros_twice(&lanes->states, blocks);
	else
		kernel->zeros(&lanes->states, blocks);
	for (i = 0; i < lanes->used; i++) {
		lanes->run[i]->blocks -= blocks;
		if (phase == PHASE_DATA)
			lanes->data[i] += blocks * SHA1_BLOCK;
	}
}

/* Hash all that is queued; the queue is empty afterwards. */
static void
run_queue(struct sha1_lanes *l, enum phase phase)
{
	struct lanes	lanes;
	size_t		next = 0;
	unsigned	most = 0, i;

	if (l->kernel != NULL)
		most = l->kernel->lanes * (phase == PHASE_ZEROS ? 2 : 1);
	lanes.used = 0;
	while (l->kernel != NULL) {
		while (lanes.used < most && next < l->queued)
			lane_put(&lanes, lanes.used++, l->queue[next++]);
		if (lanes.used < l->pays)
			break;
		lanes_step(&lanes, l->kernel, phase);
		for (i = lanes.used; i-- > 0;) {
			if (lanes.run[i]->blocks > 0)
				continue;
			lane_take(&lanes, i);
			if (i < --lanes.used)
				lane_put(&lanes, i,
				    lane_take(&lanes, lanes.used));
		}
	}
	while (lanes.used > 0)
		run_by_openssl(lane_take(&lanes, --lanes.used), phase);
	while (next < l->queued)
		run_by_openssl(l->queue[next++], phase);
	l->queued = 0;
}

/*
 * Queue the longest first.  Insertion is cheap, because nearly all have the
 * same length; and glibc's qsort(3) asks the system for the size of its memory.
 */
static void
queue_run(struct sha1_lanes *l, struct run *run, const uint8_t *data,
    uint64_t blocks)
{
	size_t	i;

	run->data = data;
	run->blocks = blocks;
	if (blocks == 0)
		return;
	for (i = l->queued++; i > 0 && l->queue[i - 1]->blocks < blocks; i--)
		l->queue[i] = l->queue[i - 1];
	l->queue[i] = run;
}

/* FIPS 180-4, 5.1.1: a one bit, zeros, and the length in bits. */
static void
end_message(uint8_t *end, size_t at, size_t len, uint64_t message_len)
{
	uint64_t	bits = htobe64(message_len * 8);

	memset(end + at, 0, len - at);
	end[at] = 0x80;
	memcpy(end + len - sizeof(bits), &bits, sizeof(bits));
}

static void
queue_ends(struct sha1_lanes *l, struct work *work, const struct sha1_job *job)
{
	size_t		rest = job->len % SHA1_BLOCK;
	const uint8_t	*last = job->data + (job->len - rest);
	size_t		blocks;

	work->padded = work->own;
	memcpy(work->end, last, rest);
	blocks = rest + 1 + sizeof(uint64_t) > SHA1_BLOCK ? 2 : 1;
	end_message(work->end, rest, blocks * SHA1_BLOCK, job->len);
	queue_run(l, &work->own, work->end, blocks);
	if (job->padded_len == 0)
		return;
	memcpy(work->padding, last, rest);
	memset(work->padding + rest, 0, SHA1_BLOCK - rest);
	queue_run(l, &work->padded, work->padding, rest > 0);
}

static void
put_digest(uint8_t *out, const struct run *run)
{
	uint32_t	word;
	int		i;

	for (i = 0; i < SHA1_WORDS; i++) {
		word = htobe32(run->h[i]);
		memcpy(out + i * sizeof(word), &word, sizeof(word));
	}
}

static void
run_padding(struct sha1_lanes *l, const struct sha1_job *jobs, size_t n)
{
	struct work	*work;
	size_t		 i;

	for (i = 0; i < n; i++)
		if (jobs[i].padded_len != 0)
			queue_run(l, &l->work[i].padded, NULL,
			    (jobs[i].padded_len - roundup(jobs[i].len,
			    SHA1_BLOCK)) / SHA1_BLOCK);
	run_queue(l, PHASE_ZEROS);
	for (i = 0; i < n; i++) {
		if (jobs[i].padded_len == 0)
			continue;
		work = &l->work[i];
		end_message(work->padded_end, 0, SHA1_BLOCK,
		    jobs[i].padded_len);
		queue_run(l, &work->padded, work->padded_end, 1);
	}
	run_queue(l, PHASE_DATA);
	for (i = 0; i < n; i++)
		if (jobs[i].padded_len != 0)
			put_digest(jobs[i].padded, &l->work[i].padded);
}

static void
run_some(struct sha1_lanes *l, const struct sha1_job *jobs, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++) {
		memcpy(l->work[i].own.h, initial, sizeof(initial));
		queue_run(l, &l->work[i].own, jobs[i].data,
		    jobs[i].len / SHA1_BLOCK);
	}
	run_queue(l, PHASE_DATA);
	for (i = 0; i < n; i++)
		queue_ends(l, &l->work[i], &jobs[i]);
	run_queue(l, PHASE_DATA);
	for (i = 0; i < n; i++)
		put_digest(jobs[i].digest, &l->work[i].own);
	run_padding(l, jobs, n);
}

void
sha1_lanes_run(struct sha1_lanes *l, const struct sha1_job *jobs, size_t n)
{
	size_t	some;

	for (; n > 0; n -= some, jobs += some) {
		some = MIN(n, JOBS_AT_ONCE);
		run_some(l, jobs, some);
	}
}

/*
 * A fault of the compiler or the machine could make a kernel wrong, which would
 * fill caches with torrents that nobody can download.  So each kernel must
 * first agree with OpenSSL, with every number of lanes in use.
 */
static bool
kernel_is_right(struct sha1_lanes *l)
{
	static uint8_t	data[2 * TEST_LEN];
	uint8_t		digests[2 * LANES_MAX][2][SHA1_LEN];
	uint8_t		expected[2 * LANES_MAX][2][SHA1_LEN];
	struct sha1_job	jobs[2 * LANES_MAX];
	size_t		i, n;

	for (i = 0; i < TEST_LEN; i++)
		data[i] = (uint8_t)(i * i >> 5 ^ i * 151);
	for (i = 0; i < 2 * LANES_MAX; i++) {
		/* The lengths differ by little and by much, across every
		   boundary; zeros follow the data. */
		jobs[i] = (struct sha1_job){
			.data = data + i * i + i,
			.len = TEST_LEN - (i * i + i),
			.padded_len = roundup(TEST_LEN, 2 * SHA1_BLOCK),
			.digest = digests[i][0], .padded = digests[i][1],
		};
		sha1(jobs[i].data, jobs[i].len, expected[i][0]);
		sha1(jobs[i].data, jobs[i].padded_len, expected[i][1]);
	}
	for (n = 1; n <= 2 * LANES_MAX; n++) {
		memset(digests, 0, sizeof(digests));
		sha1_lanes_run(l, jobs, n);
		if (memcmp(digests, expected, n * sizeof(digests[0])) != 0)
			return false;
	}
	return true;
}

static bool
use_kernel(struct sha1_lanes *l, enum sha1_impl impl)
{
	l->kernel = sha1_kernel_find(impl);
	if (l->kernel == NULL)
		return false;
	l->pays = l->kernel->pays;
	if (kernel_is_right(l))
		return true;
	log_warn("digests by %s are wrong on this machine: not used",
	    l->kernel->name);
	l->kernel = NULL;
	return false;
}

struct sha1_lanes *
sha1_lanes_new(enum sha1_impl impl, const char **name)
{
	struct sha1_lanes	*l;
	bool			 fits = impl == SHA1_OPENSSL;

	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	if (!fits && impl != SHA1_AVX2) {
		fits = use_kernel(l, SHA1_AVX512);
		if (!fits && impl == SHA1_AVX512)
			log_warn("no digests by avx512 on this machine");
	}
	if (!fits && !use_kernel(l, SHA1_AVX2) && impl == SHA1_AVX2)
		log_warn("no digests by avx2 on this machine");
	*name = l->kernel != NULL ? l->kernel->name : "openssl";
	return l;
}
