/* SPDX-License-Identifier: ISC */
#include "hasher/hash/sha1_vector.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>
#include <stdbool.h>

/*
 * A is the result of the step before: all else is added up until it is there.
 * Without this GCC changes the order of the sums, and the code takes a sixth
 * to a third longer.
 */
#define KEEP(x)	__asm__("" : "+v"(x))

/*
 * FIPS 180-4, 6.1.2, written once over the operations of either vector unit:
 * V is the prefix of their macros.  The five working variables trade places
 * instead of values; the message schedule lives in a ring of sixteen.  T and
 * the indices made from it are constants wherever these are used.
 */
#define STEP(V, F, X, A, B, C, D, E) do {				      \
	E = V##_ADD(V##_ADD(E, X), V##_##F(B, C, D));			      \
	KEEP(E);							      \
	E = V##_ADD(E, V##_ROL(A, 5));					      \
	B = V##_ROL(B, 30);						      \
} while (0)

#define ROUND(V, F, K, T, A, B, C, D, E) do {				      \
	if ((T) >= 16)							      \
		w[(T) & 15] = V##_ROL(V##_XOR(V##_PARITY(w[(T) & 15],	      \
		    w[((T) - 14) & 15], w[((T) - 8) & 15]),		      \
		    w[((T) - 3) & 15]), 1);				      \
	STEP(V, F, V##_ADD(K, w[(T) & 15]), A, B, C, D, E);		      \
} while (0)

#define ROUNDS_5(V, F, K, T) do {					      \
	ROUND(V, F, K, T, a, b, c, d, e);				      \
	ROUND(V, F, K, (T) + 1, e, a, b, c, d);				      \
	ROUND(V, F, K, (T) + 2, d, e, a, b, c);				      \
	ROUND(V, F, K, (T) + 3, c, d, e, a, b);				      \
	ROUND(V, F, K, (T) + 4, b, c, d, e, a);				      \
} while (0)

#define ROUNDS_20(V, F, K, T) do {					      \
	ROUNDS_5(V, F, K, T);						      \
	ROUNDS_5(V, F, K, (T) + 5);					      \
	ROUNDS_5(V, F, K, (T) + 10);					      \
	ROUNDS_5(V, F, K, (T) + 15);					      \
} while (0)

/* The steps of one row wait for each other; another row fills the gaps. */
#define STEP_TWICE(V, F, K, A, B, C, D, E) do {				      \
	STEP(V, F, K, A, B, C, D, E);					      \
	STEP(V, F, K, A##2, B##2, C##2, D##2, E##2);			      \
} while (0)

/* S is STEP or STEP_TWICE. */
#define STEPS_20(S, V, F, K) do {					      \
	int	i;							      \
									      \
	for (i = 0; i < 4; i++) {					      \
		S(V, F, K, a, b, c, d, e);				      \
		S(V, F, K, e, a, b, c, d);				      \
		S(V, F, K, d, e, a, b, c);				      \
		S(V, F, K, c, d, e, a, b);				      \
		S(V, F, K, b, c, d, e, a);				      \
	}								      \
} while (0)

#define STEPS_80(S, V) do {						      \
	STEPS_20(S, V, CHOICE, V##_ALL(K0));				      \
	STEPS_20(S, V, PARITY, V##_ALL(K1));				      \
	STEPS_20(S, V, MAJORITY, V##_ALL(K2));				      \
	STEPS_20(S, V, PARITY, V##_ALL(K3));				      \
} while (0)

/* An array of vectors stays in registers only if all loops over it are
   unrolled. */
#define UNROLL	_Pragma("GCC unroll 16")

/*
 * The hardware does not follow so many streams by itself, and it stops at the
 * end of each page.
 */
#define AHEAD	512			/* bytes */

#define PREFETCH(data, lanes, at) do {					      \
	int	lane;							      \
									      \
	UNROLL								      \
	for (lane = 0; lane < (lanes); lane++)				      \
		_mm_prefetch((data)[lane] + (at), _MM_HINT_T0);		      \
} while (0)

#define K0	0x5a827999
#define K1	0x6ed9eba1
#define K2	((int)0x8f1bbcdc)
#define K3	((int)0xca62c1d6)

#define ROW(V, i, n)	(((V##_vector *)states->h[i])[n])

#define LOAD_STATE(V, n, A, B, C, D, E) do {				      \
	A = ROW(V, 0, n);						      \
	B = ROW(V, 1, n);						      \
	C = ROW(V, 2, n);						      \
	D = ROW(V, 3, n);						      \
	E = ROW(V, 4, n);						      \
} while (0)

#define ADD_STATE(V, n, A, B, C, D, E) do {				      \
	ROW(V, 0, n) = V##_ADD(ROW(V, 0, n), A);			      \
	ROW(V, 1, n) = V##_ADD(ROW(V, 1, n), B);			      \
	ROW(V, 2, n) = V##_ADD(ROW(V, 2, n), C);			      \
	ROW(V, 3, n) = V##_ADD(ROW(V, 3, n), D);			      \
	ROW(V, 4, n) = V##_ADD(ROW(V, 4, n), E);			      \
} while (0)

/* V_data(), V_zeros() and V_zeros_twice() of struct sha1_kernel. */
#define DEFINE_KERNELS(V)						      \
static V##_TARGET void							      \
V##_data(struct sha1_states *states, const uint8_t *const *data,	      \
    size_t blocks)							      \
{									      \
	V##_vector	a, b, c, d, e, w[16];				      \
	size_t		at;						      \
									      \
	for (at = 0; at < blocks * SHA1_BLOCK; at += SHA1_BLOCK) {	      \
		LOAD_STATE(V, 0, a, b, c, d, e);			      \
		V##_LOAD(w, data, at);					      \
		PREFETCH(data, V##_LANES, at + AHEAD);			      \
		ROUNDS_20(V, CHOICE, V##_ALL(K0), 0);			      \
		ROUNDS_20(V, PARITY, V##_ALL(K1), 20);			      \
		ROUNDS_20(V, MAJORITY, V##_ALL(K2), 40);		      \
		ROUNDS_20(V, PARITY, V##_ALL(K3), 60);			      \
		ADD_STATE(V, 0, a, b, c, d, e);				      \
	}								      \
}									      \
									      \
static V##_TARGET void							      \
V##_zeros(struct sha1_states *states, size_t blocks)			      \
{									      \
	V##_vector	a, b, c, d, e;					      \
									      \
	while (blocks-- > 0) {						      \
		LOAD_STATE(V, 0, a, b, c, d, e);			      \
		STEPS_80(STEP, V);					      \
		ADD_STATE(V, 0, a, b, c, d, e);				      \
	}								      \
}									      \
									      \
static V##_TARGET void							      \
V##_zeros_twice(struct sha1_states *states, size_t blocks)		      \
{									      \
	V##_vector	a, b, c, d, e, a2, b2, c2, d2, e2;		      \
									      \
	while (blocks-- > 0) {						      \
		LOAD_STATE(V, 0, a, b, c, d, e);			      \
		LOAD_STATE(V, 1, a2, b2, c2, d2, e2);			      \
		STEPS_80(STEP_TWICE, V);				      \
		ADD_STATE(V, 0, a, b, c, d, e);				      \
		ADD_STATE(V, 1, a2, b2, c2, d2, e2);			      \
	}								      \
}

/*
 * AVX-512: 16 lanes, rotation and any function of three operands are single
 * instructions.
 */
#define TARGET_512	__attribute__((target("avx512f,avx512bw")))
#define V512_TARGET		TARGET_512
#define V512_vector		__m512i
#define V512_LANES		16
#define V512_LOAD		load_512
#define V512_ALL(x)		_mm512_set1_epi32(x)
#define V512_ADD(x, y)		_mm512_add_epi32(x, y)
#define V512_XOR(x, y)		_mm512_xor_si512(x, y)
#define V512_ROL(x, n)		_mm512_rol_epi32(x, n)
#define V512_CHOICE(x, y, z)	_mm512_ternarylogic_epi32(x, y, z, 0xca)
#define V512_PARITY(x, y, z)	_mm512_ternarylogic_epi32(x, y, z, 0x96)
#define V512_MAJORITY(x, y, z)	_mm512_ternarylogic_epi32(x, y, z, 0xe8)

/* Load a block of each lane: transpose rows to columns, and swap the bytes. */
static inline TARGET_512 void
load_512(__m512i w[16], const uint8_t *const data[LANES_MAX], size_t at)
{
	const __m512i	swap = _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b,
			    0x04050607, 0x00010203);
	__m512i		r[16], s[16];
	int		i;

	UNROLL
	for (i = 0; i < 16; i++)
		r[i] = _mm512_loadu_si512(data[i] + at);
	UNROLL
	for (i = 0; i < 16; i += 2) {
		s[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
		s[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
	}
	UNROLL
	for (i = 0; i < 16; i += 4) {
		r[i] = _mm512_unpacklo_epi64(s[i], s[i + 2]);
		r[i + 1] = _mm512_unpackhi_epi64(s[i], s[i + 2]);
		r[i + 2] = _mm512_unpacklo_epi64(s[i + 1], s[i + 3]);
		r[i + 3] = _mm512_unpackhi_epi64(s[i + 1], s[i + 3]);
	}
	UNROLL
	for (i = 0; i < 4; i++) {
		s[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
		s[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
		s[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
		s[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
	}
	UNROLL
	for (i = 0; i < 8; i++) {
		w[i] = _mm512_shuffle_i32x4(s[i], s[i + 8], 0x88);
		w[i + 8] = _mm512_shuffle_i32x4(s[i], s[i + 8], 0xdd);
	}
	UNROLL
	for (i = 0; i < 16; i++)
		w[i] = _mm512_shuffle_epi8(w[i], swap);
}

DEFINE_KERNELS(V512)

/* AVX2: 8 lanes. */
#define TARGET_256	__attribute__((target("avx2")))
#define V256_TARGET		TARGET_256
#define V256_vector		__m256i
#define V256_LANES		8
#define V256_LOAD(w, data, at) do {					      \
	load_256(w, data, at);						      \
	load_256((w) + 8, data, (at) + SHA1_BLOCK / 2);			      \
} while (0)
#define V256_ALL(x)		_mm256_set1_epi32(x)
#define V256_ADD(x, y)		_mm256_add_epi32(x, y)
#define V256_XOR(x, y)		_mm256_xor_si256(x, y)
#define V256_AND(x, y)		_mm256_and_si256(x, y)
#define V256_ROL(x, n)		_mm256_or_si256(_mm256_slli_epi32(x, n),      \
				    _mm256_srli_epi32(x, 32 - (n)))
#define V256_CHOICE(x, y, z)	V256_XOR(z, V256_AND(x, V256_XOR(y, z)))
#define V256_PARITY(x, y, z)	V256_XOR(x, V256_XOR(y, z))
#define V256_MAJORITY(x, y, z)	V256_XOR(y, V256_AND(V256_XOR(x, y),	      \
				    V256_XOR(y, z)))

/* Load half a block of each lane. */
static inline TARGET_256 void
load_256(__m256i w[8], const uint8_t *const data[LANES_MAX], size_t at)
{
	const __m256i	swap = _mm256_broadcastsi128_si256(_mm_set_epi32(
			    0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203));
	__m256i		r[8], s[8];
	int		i;

	UNROLL
	for (i = 0; i < 8; i++)
		r[i] = _mm256_loadu_si256((const __m256i *)(data[i] + at));
	UNROLL
	for (i = 0; i < 8; i += 2) {
		s[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
		s[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
	}
	UNROLL
	for (i = 0; i < 8; i += 4) {
		r[i] = _mm256_unpacklo_epi64(s[i], s[i + 2]);
		r[i + 1] = _mm256_unpackhi_epi64(s[i], s[i + 2]);
		r[i + 2] = _mm256_unpacklo_epi64(s[i + 1], s[i + 3]);
		r[i + 3] = _mm256_unpackhi_epi64(s[i + 1], s[i + 3]);
	}
	UNROLL
	for (i = 0; i < 4; i++) {
		w[i] = _mm256_shuffle_epi8(_mm256_permute2x128_si256(r[i],
		    r[i + 4], 0x20), swap);
		w[i + 4] = _mm256_shuffle_epi8(_mm256_permute2x128_si256(r[i],
		    r[i + 4], 0x31), swap);
	}
}

DEFINE_KERNELS(V256)

/*
 * AVX-512 on half vectors, for up to eight lanes: CPUs work on three of them at
 * a time, but only on two whole ones.
 */
#define VHALF_TARGET	__attribute__((target("avx512f,avx512bw,avx512vl")))
#define VHALF_vector		__m256i
#define VHALF_LANES		8
#define VHALF_LOAD(w, data, at)	V256_LOAD(w, data, at)
#define VHALF_ALL(x)		_mm256_set1_epi32(x)
#define VHALF_ADD(x, y)		_mm256_add_epi32(x, y)
#define VHALF_XOR(x, y)		_mm256_xor_si256(x, y)
#define VHALF_ROL(x, n)		_mm256_rol_epi32(x, n)
#define VHALF_CHOICE(x, y, z)	_mm256_ternarylogic_epi32(x, y, z, 0xca)
#define VHALF_PARITY(x, y, z)	_mm256_ternarylogic_epi32(x, y, z, 0x96)
#define VHALF_MAJORITY(x, y, z)	_mm256_ternarylogic_epi32(x, y, z, 0xe8)

DEFINE_KERNELS(VHALF)

static const struct sha1_kernel	half_512 = {
	"avx512vl", 8, 0, NULL, VHALF_data, VHALF_zeros, VHALF_zeros_twice
};

/* The same kernels for a CPU without and with SHA instructions. */
static const struct sha1_kernel	kernels_512[] = {
	{ "avx512", 16, 2, &half_512, V512_data, V512_zeros,
	    V512_zeros_twice },
	{ "avx512", 16, 4, &half_512, V512_data, V512_zeros,
	    V512_zeros_twice },
};

static const struct sha1_kernel	kernels_256[] = {
	{ "avx2", 8, 3, NULL, V256_data, V256_zeros, V256_zeros_twice },
	{ "avx2", 8, 5, NULL, V256_data, V256_zeros, V256_zeros_twice },
};

static bool
cpu_has_sha(void)
{
	unsigned	eax, ebx, ecx, edx;

	return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) &&
	    (ebx & bit_SHA);
}

/* __builtin_cpu_supports() asks the system too, which must keep the registers
   when it switches threads. */
const struct sha1_kernel *
sha1_kernel_find(enum sha1_impl impl)
{
	if (impl == SHA1_AVX512 && __builtin_cpu_supports("avx512f") &&
	    __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512vl"))
		return &kernels_512[cpu_has_sha()];
	if (impl == SHA1_AVX2 && __builtin_cpu_supports("avx2"))
		return &kernels_256[cpu_has_sha()];
	return NULL;
}

#else

const struct sha1_kernel *
sha1_kernel_find(enum sha1_impl impl)
{
	(void)impl;
	return NULL;
}

#endif
