/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel for AVX-512: sixteen lanes, one a 32-bit element of each register. */
#include "digest/stream.h"

#if KERNEL_X86

#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl")))
/* Arrays of registers stay in registers only where the loops over them vanish. */
#define UNROLL _Pragma("GCC unroll 16")
#define INLINE TARGET __attribute__((always_inline)) static inline

enum {
	LANES = 16,
	/* Two lanes of the SHA extensions do the work of about so many of ours. */
	LANES_OF_SHANI = 9,
};

bool kernel_avx512_available(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl");
}

/* Sixteen streams; lanes[i] is NULL where lane i has none. */
struct lanes {
	_Alignas(64) uint32_t state[STATE_WORDS][LANES];
	struct stream *lanes[LANES];
	struct stream room[LANES];
	size_t n_busy;
};

/* Transposes 16 rows of 16 words. */
INLINE void transpose(__m512i r[16])
{
	__m512i t[16];

	UNROLL
	for (size_t i = 0; i < 16; i += 2) {
		t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
		t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
	}
	UNROLL
	for (size_t i = 0; i < 16; i += 4) {
		r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
		r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
		r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
		r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
	}
	UNROLL
	for (size_t i = 0; i < 4; i++) {
		t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
		t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
		t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
		t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
	}
	UNROLL
	for (size_t i = 0; i < 4; i++) {
		r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
		r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
		r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
		r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
	}
}

/* The next block of each lane, as sixteen big-endian words. */
INLINE void load_blocks(__m512i w[16], const uint8_t *const at[LANES], size_t off)
{
	const __m512i swap = _mm512_broadcast_i32x4(
		_mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));

	UNROLL
	for (size_t i = 0; i < LANES; i++)
		w[i] = _mm512_shuffle_epi8(_mm512_loadu_si512(at[i] + off), swap);
	transpose(w);
}

/* x ^ y ^ z, y where x is set else z, and what two of x, y, z agree on. */
#define XOR3(x, y, z)	  _mm512_ternarylogic_epi32(x, y, z, 0x96)
#define CHOICE(x, y, z)	  _mm512_ternarylogic_epi32(x, y, z, 0xca)
#define MAJORITY(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0xe8)
#define SUM(x, i, j, k)                                                  \
	XOR3(_mm512_ror_epi32(x, i), _mm512_ror_epi32(x, j), _mm512_ror_epi32(x, k))
#define SIGMA(x, i, j, k)                                                \
	XOR3(_mm512_ror_epi32(x, i), _mm512_ror_epi32(x, j), _mm512_srli_epi32(x, k))

INLINE __m512i add(__m512i x, __m512i y)
{
	return _mm512_add_epi32(x, y);
}

/* Round i of FIPS 180-4 section 6.2.2; v[-i mod 8] is a, the next b, and so on. */
INLINE void round_of(__m512i v[STATE_WORDS], const __m512i w[16], size_t i, size_t base)
{
	__m512i *h = &v[(7 - i) & 7], *d = &v[(3 - i) & 7];
	__m512i a = v[(0 - i) & 7], e = v[(4 - i) & 7], t;

	t = add(add(*h, w[i]), _mm512_set1_epi32((int)stream_constants[base + i]));
	t = add(add(t, CHOICE(e, v[(5 - i) & 7], v[(6 - i) & 7])), SUM(e, 6, 11, 25));
	*d = add(*d, t);
	*h = add(add(t, MAJORITY(a, v[(1 - i) & 7], v[(2 - i) & 7])), SUM(a, 2, 13, 22));
}

INLINE void schedule(__m512i w[16], size_t i)
{
	__m512i sum = add(w[i], w[(i + 9) & 15]);

	sum = add(sum, SIGMA(w[(i + 1) & 15], 7, 18, 3));
	w[i] = add(sum, SIGMA(w[(i + 14) & 15], 17, 19, 10));
}

TARGET static void compress(uint32_t state[STATE_WORDS][LANES], const uint8_t *const at[LANES],
			    size_t n_blocks)
{
	__m512i s[STATE_WORDS];

	UNROLL
	for (size_t i = 0; i < STATE_WORDS; i++)
		s[i] = _mm512_load_si512(state[i]);
	for (size_t off = 0; off < n_blocks * BLOCK_BYTES; off += BLOCK_BYTES) {
		__m512i w[16], v[STATE_WORDS];

		load_blocks(w, at, off);
		UNROLL
		for (size_t i = 0; i < STATE_WORDS; i++)
			v[i] = s[i];
		UNROLL
		for (size_t i = 0; i < 16; i++)
			round_of(v, w, i, 0);
		for (size_t base = 16; base < 64; base += 16) {
			UNROLL
			for (size_t i = 0; i < 16; i++) {
				schedule(w, i);
				round_of(v, w, i, base);
			}
		}
		UNROLL
		for (size_t i = 0; i < STATE_WORDS; i++)
			s[i] = add(s[i], v[i]);
	}
	UNROLL
	for (size_t i = 0; i < STATE_WORDS; i++)
		_mm512_store_si512(state[i], s[i]);
}

static void start_lane(struct lanes *l, size_t i, const struct message *m)
{
	l->lanes[i] = &l->room[i];
	stream_start(l->lanes[i], m);
	for (size_t word = 0; word < STATE_WORDS; word++)
		l->state[word][i] = l->lanes[i]->state[word];
	l->n_busy++;
}

static void store_lane(const struct lanes *l, size_t i)
{
	for (size_t word = 0; word < STATE_WORDS; word++)
		l->lanes[i]->state[word] = l->state[word][i];
}

/*
 * Whether the SHA extensions do sooner what is left: our time is that of the longest
 * lane, theirs the sum over all, at the speed of several lanes.
 */
static bool better_elsewhere(const struct lanes *l)
{
	size_t sum = 0, most = 0;

	for (size_t i = 0; i < LANES; i++) {
		size_t left = l->lanes[i] ? stream_left(l->lanes[i]) : 0;

		sum += left;
		most = left > most ? left : most;
	}
	return sum < most * LANES_OF_SHANI;
}

/* Compresses until the first lane is at the end of its run. */
static void advance(struct lanes *l)
{
	const uint8_t *at[LANES], *any = NULL;
	size_t n = SIZE_MAX;

	for (size_t i = 0; i < LANES; i++) {
		if (!l->lanes[i])
			continue;
		any = l->lanes[i]->at;
		n = l->lanes[i]->n_blocks < n ? l->lanes[i]->n_blocks : n;
	}
	/* A lane without a stream repeats another's data, to no effect. */
	for (size_t i = 0; i < LANES; i++)
		at[i] = l->lanes[i] ? l->lanes[i]->at : any;
	compress(l->state, at, n);
	for (size_t i = 0; i < LANES; i++) {
		if (!l->lanes[i])
			continue;
		l->lanes[i]->at += n * BLOCK_BYTES;
		l->lanes[i]->n_blocks -= n;
	}
}

/* Moves lanes to their next run or, where their stream is at its end, the next message. */
static void refill(struct lanes *l, const struct message **m, const struct message *end)
{
	for (size_t i = 0; i < LANES; i++) {
		if (!l->lanes[i] || l->lanes[i]->n_blocks > 0 || stream_next(l->lanes[i]))
			continue;
		store_lane(l, i);
		stream_finish(l->lanes[i]);
		l->lanes[i] = NULL;
		l->n_busy--;
		if (*m < end)
			start_lane(l, i, (*m)++);
	}
}

static void complete_elsewhere(struct lanes *l)
{
	struct stream *busy[LANES];
	size_t n = 0;

	for (size_t i = 0; i < LANES; i++) {
		if (!l->lanes[i])
			continue;
		store_lane(l, i);
		busy[n++] = l->lanes[i];
	}
	stream_complete_shani(busy, n);
}

enum wm_code kernel_avx512_run(const struct message *m, size_t n, struct wm_error *err)
{
	bool shani = kernel_shani_available();
	const struct message *end = m + n;
	struct lanes l;

	if (shani && n < LANES_OF_SHANI)
		return kernel_shani_run(m, n, err);
	memset(l.state, 0, sizeof(l.state));
	memset(l.lanes, 0, sizeof(l.lanes));
	l.n_busy = 0;
	for (size_t i = 0; i < LANES && m < end; i++)
		start_lane(&l, i, m++);
	while (l.n_busy > 0) {
		if (shani && l.n_busy < LANES && better_elsewhere(&l)) {
			complete_elsewhere(&l);
			break;
		}
		advance(&l);
		refill(&l, &m, end);
	}
	return WM_OK;
}

#endif
