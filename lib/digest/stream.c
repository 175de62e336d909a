/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as runs of blocks, and the portable kernel. */
#include "digest/stream.h"

#include <string.h>

const uint32_t stream_initial[STATE_WORDS] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

_Alignas(64) const uint32_t stream_constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

/* Lays out the end of the padded message: what is left of the data, 0x80, zeros, length. */
static void lay_last(struct stream *s, size_t used, uint64_t total)
{
	s->n_last = used + 9 <= BLOCK_BYTES ? 1 : 2;
	memset(s->last + used, 0, s->n_last * BLOCK_BYTES - used);
	s->last[used] = 0x80;
	for (size_t i = 0; i < 8; i++)
		s->last[s->n_last * BLOCK_BYTES - 1 - i] = (uint8_t)(total * 8 >> (8 * i));
}

void stream_start(struct stream *s, const struct message *m)
{
	size_t n_prefix = m->prefix != MESSAGE_PLAIN;
	const uint8_t *data = m->data;
	size_t len = m->len, used = 0;

	memcpy(s->state, stream_initial, sizeof(s->state));
	s->out = m->out;
	s->n_blocks = 0;
	if (n_prefix && len >= BLOCK_BYTES - 1) {
		s->first[0] = (uint8_t)m->prefix;
		memcpy(s->first + 1, data, BLOCK_BYTES - 1);
		data += BLOCK_BYTES - 1;
		len -= BLOCK_BYTES - 1;
		s->at = s->first;
		s->n_blocks = 1;
	} else if (n_prefix) {
		s->last[used++] = (uint8_t)m->prefix;
	}
	s->middle = data;
	s->n_middle = len / BLOCK_BYTES;
	if (len % BLOCK_BYTES)
		memcpy(s->last + used, data + len - len % BLOCK_BYTES, len % BLOCK_BYTES);
	lay_last(s, used + len % BLOCK_BYTES, (uint64_t)m->len + n_prefix);
	if (!s->n_blocks)
		stream_next(s);
}

bool stream_next(struct stream *s)
{
	if (s->n_middle) {
		s->at = s->middle;
		s->n_blocks = s->n_middle;
		s->n_middle = 0;
		return true;
	}
	s->at = s->last;
	s->n_blocks = s->n_last;
	s->n_last = 0;
	return s->n_blocks > 0;
}

void stream_finish(struct stream *s)
{
	for (size_t i = 0; i < STATE_WORDS; i++)
		for (size_t j = 0; j < 4; j++)
			s->out[4 * i + j] = (uint8_t)(s->state[i] >> (24 - 8 * j));
}

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

/* FIPS 180-4 section 6.2.2. */
static void compress(uint32_t state[STATE_WORDS], const uint8_t *block)
{
	uint32_t w[64], v[STATE_WORDS];

	for (size_t i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
		       (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (size_t i = 16; i < 64; i++) {
		uint32_t x = w[i - 15], y = w[i - 2];

		w[i] = w[i - 16] + w[i - 7] + (rotate(x, 7) ^ rotate(x, 18) ^ x >> 3) +
		       (rotate(y, 17) ^ rotate(y, 19) ^ y >> 10);
	}
	memcpy(v, state, sizeof(v));
	for (size_t i = 0; i < 64; i++) {
		uint32_t a = v[0], e = v[4];
		uint32_t t1 = v[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
			      ((e & v[5]) ^ (~e & v[6])) + stream_constants[i] + w[i];
		uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
			      ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 7 * sizeof(*v));
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (size_t i = 0; i < STATE_WORDS; i++)
		state[i] += v[i];
}

enum wm_code kernel_portable_run(const struct message *m, size_t n, struct wm_error *err)
{
	(void)err;
	for (size_t i = 0; i < n; i++) {
		struct stream s;

		stream_start(&s, &m[i]);
		do {
			for (size_t j = 0; j < s.n_blocks; j++)
				compress(s.state, s.at + j * BLOCK_BYTES);
		} while (stream_next(&s));
		stream_finish(&s);
	}
	return WM_OK;
}
