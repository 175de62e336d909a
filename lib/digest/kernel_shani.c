/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel for the SHA extensions of x86: two lanes, since one alone waits for the
 * latency of its rounds most of the time.
 */
#include "digest/stream.h"

#if KERNEL_X86

#include <cpuid.h>
#include <immintrin.h>
#include <stdatomic.h>

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))
/* Arrays of registers stay in registers only where the loops over them vanish. */
#define UNROLL _Pragma("GCC unroll 16")
#define INLINE TARGET __attribute__((always_inline)) static inline

enum { LANES = 2, CPUID_SSSE3 = 1 << 9, CPUID_SSE41 = 1 << 19, CPUID_SHA = 1 << 29 };

static bool ask_processor(void)
{
	unsigned a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & CPUID_SSSE3) || !(c & CPUID_SSE41))
		return false;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & CPUID_SHA);
}

/* Remembered, since the question takes microseconds in a virtual machine. */
bool kernel_shani_available(void)
{
	static atomic_int known; /* 1 no, 2 yes */
	int answer = atomic_load_explicit(&known, memory_order_relaxed);

	if (answer == 0) {
		answer = 1 + ask_processor();
		atomic_store_explicit(&known, answer, memory_order_relaxed);
	}
	return answer == 2;
}

/* One lane's state in the order of the instructions, and its message schedule. */
struct lane {
	__m128i abef, cdgh;
	__m128i w[4];
	const uint8_t *at;
};

INLINE __m128i load(const void *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

INLINE void lane_load(struct lane *l, const struct stream *s)
{
	__m128i badc = _mm_shuffle_epi32(load(s->state), 0xb1);
	__m128i hgfe = _mm_shuffle_epi32(load(s->state + 4), 0x1b);

	l->abef = _mm_alignr_epi8(badc, hgfe, 8);
	l->cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);
	l->at = s->at;
}

INLINE void lane_store(struct stream *s, const struct lane *l)
{
	__m128i feba = _mm_shuffle_epi32(l->abef, 0x1b);
	__m128i dchg = _mm_shuffle_epi32(l->cdgh, 0xb1);

	_mm_storeu_si128((__m128i *)s->state, _mm_blend_epi16(feba, dchg, 0xf0));
	_mm_storeu_si128((__m128i *)(s->state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/* Rounds 4 * quad to 4 * quad + 3. */
INLINE void rounds(struct lane *l, size_t quad)
{
	__m128i *w = l->w, kw;
	size_t i = quad % 4;

	if (quad >= 4)
		w[i] = _mm_sha256msg2_epu32(
			_mm_add_epi32(_mm_sha256msg1_epu32(w[i], w[(i + 1) % 4]),
				      _mm_alignr_epi8(w[(i + 3) % 4], w[(i + 2) % 4], 4)),
			w[(i + 3) % 4]);
	kw = _mm_add_epi32(w[i], load(stream_constants + 4 * quad));
	l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, kw);
	l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, _mm_shuffle_epi32(kw, 0x0e));
}

/* Compresses `n_blocks` blocks of each of `lanes` streams, a constant. */
INLINE void compress(struct stream **s, const size_t lanes, size_t n_blocks)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	struct lane l[LANES];

	UNROLL
	for (size_t k = 0; k < lanes; k++)
		lane_load(&l[k], s[k]);
	for (; n_blocks > 0; n_blocks--) {
		__m128i abef[LANES], cdgh[LANES];

		UNROLL
		for (size_t k = 0; k < lanes; k++) {
			abef[k] = l[k].abef;
			cdgh[k] = l[k].cdgh;
			UNROLL
			for (size_t i = 0; i < 4; i++)
				l[k].w[i] = _mm_shuffle_epi8(load(l[k].at + 16 * i), swap);
			l[k].at += BLOCK_BYTES;
		}
		UNROLL
		for (size_t quad = 0; quad < 16; quad++)
			UNROLL
			for (size_t k = 0; k < lanes; k++)
				rounds(&l[k], quad);
		UNROLL
		for (size_t k = 0; k < lanes; k++) {
			l[k].abef = _mm_add_epi32(l[k].abef, abef[k]);
			l[k].cdgh = _mm_add_epi32(l[k].cdgh, cdgh[k]);
		}
	}
	UNROLL
	for (size_t k = 0; k < lanes; k++)
		lane_store(s[k], &l[k]);
}

TARGET static void compress_one(struct stream *s)
{
	compress(&s, 1, s->n_blocks);
	s->n_blocks = 0;
}

TARGET static void compress_two(struct stream **s)
{
	size_t n = s[0]->n_blocks < s[1]->n_blocks ? s[0]->n_blocks : s[1]->n_blocks;

	compress(s, LANES, n);
	for (size_t k = 0; k < LANES; k++) {
		s[k]->at += n * BLOCK_BYTES;
		s[k]->n_blocks -= n;
	}
}

/* Where lanes get their work: streams begun elsewhere, or messages to begin. */
struct source {
	struct stream **streams;
	size_t n_streams;
	const struct message *messages;
	size_t n_messages;
};

/* The next stream, or NULL; one that is to be begun is begun in `room`. */
static struct stream *take(struct source *from, struct stream *room)
{
	if (from->n_streams > 0) {
		from->n_streams--;
		return *from->streams++;
	}
	if (from->n_messages == 0)
		return NULL;
	from->n_messages--;
	stream_start(room, from->messages++);
	return room;
}

/* Moves a lane whose run is over to its next run, or to the next stream. */
static struct stream *refill(struct stream *s, struct source *from, struct stream *room)
{
	if (s->n_blocks > 0 || stream_next(s))
		return s;
	stream_finish(s);
	return take(from, room);
}

static void complete(struct source from)
{
	struct stream room[LANES], *s[LANES];

	for (size_t k = 0; k < LANES; k++)
		s[k] = take(&from, &room[k]);
	while (s[0] && s[1]) {
		compress_two(s);
		for (size_t k = 0; k < LANES; k++)
			s[k] = refill(s[k], &from, &room[k]);
	}
	for (size_t k = 0; k < LANES; k++) {
		while (s[k]) {
			compress_one(s[k]);
			s[k] = refill(s[k], &from, &room[k]);
		}
	}
}

void stream_complete_shani(struct stream **streams, size_t n)
{
	complete((struct source){ streams, n, NULL, 0 });
}

enum wm_code kernel_shani_run(const struct message *m, size_t n, struct wm_error *err)
{
	(void)err;
	complete((struct source){ NULL, 0, m, n });
	return WM_OK;
}

#endif
