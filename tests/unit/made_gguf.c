/* SPDX-License-Identifier: Apache-2.0 */
/* GGUF files that tests make; see made_gguf.h. */
#include "made_gguf.h"

#include <stdio.h>

static void put(struct buf *out, const void *data, size_t len)
{
	struct wm_error err = { 0 };

	assert_ok(buf_append(out, data, len, &err), &err);
}

static void put_integer(struct buf *out, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		put(out, &(uint8_t){ (uint8_t)(value >> 8 * i) }, 1);
}

static void put_string(struct buf *out, const void *data, size_t len)
{
	put_integer(out, len, 8);
	put(out, data, len);
}

static void put_hex(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2) {
		const char digits[] = { text[i], text[i + 1], 0 };

		put_integer(out, strtoul(digits, NULL, 16), 1);
	}
}

static void put_run(struct buf *out, uint64_t n, unsigned first, unsigned step)
{
	for (uint64_t i = 0; i < n; i++)
		put_integer(out, first + i * step, 1);
}

static void put_word(struct buf *out, const char *word, size_t len)
{
	static const char integers[] = "bhw?q";
	static const unsigned widths[] = { 1, 2, 4, 0, 8 };
	const char *text = word + 2, *found = strchr(integers, word[0]);
	const uint64_t value = strtoull(text, NULL, 0);

	assert_true(len >= 2 && word[1] == ':');
	if (found)
		put_integer(out, value, widths[found - integers]);
	else if (word[0] == 'm')
		put(out, text, len - 2);
	else if (word[0] == 's')
		put_string(out, text, len - 2);
	else if (word[0] == 'x')
		put_hex(out, text, len - 2);
	else if (word[0] == 'z')
		put_run(out, value, 0, 0);
	else if (word[0] == 'r')
		put_run(out, value, 1, 1);
	else if (word[0] == 'p')
		put_run(out, (value - out->len % value) % value, 0, 0);
	else if (word[0] == 'n')
		put_integer(out, value, 8), put_run(out, value, 'n', 0);
	else
		test_failed(__FILE__, __LINE__, "no such word: %s", word);
}

void made_gguf(struct buf *out, const char *text)
{
	while (*text) {
		const size_t len = strcspn(text, " ");

		put_word(out, text, len);
		text += len + (text[len] == ' ');
	}
}

/* xorshift64*, whose state is never 0. */
static uint64_t next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

static uint64_t below(uint64_t *state, uint64_t n)
{
	return (next(state) >> 32) % n;
}

static void put_element(struct buf *out, uint64_t *state, uint32_t type)
{
	static const unsigned widths[] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };

	if (type == 8)
		put_string(out, "text of some length", below(state, 20));
	else
		put_integer(out, type == 7 ? below(state, 2) : next(state), widths[type]);
}

static void put_kv(struct buf *out, uint64_t *state, uint64_t i)
{
	static const char *const prefixes[] = { "general.", "split.", "llama.", "tokenizer.ggml." };
	uint32_t type = (uint32_t)below(state, 13);
	char key[64];
	int len = snprintf(key, sizeof(key), "%s%llu", prefixes[below(state, 4)],
			   (unsigned long long)i);

	put_string(out, key, (size_t)len);
	put_integer(out, type, 4);
	if (type == 9) {
		const uint64_t n = below(state, 6);

		type = (uint32_t)below(state, 12);
		type += type >= 9;
		put_integer(out, type, 4);
		put_integer(out, n, 8);
		for (uint64_t j = 0; j < n; j++)
			put_element(out, state, type);
	} else {
		put_element(out, state, type);
	}
}

static const struct {
	uint32_t type;
	unsigned elements, bytes;
} kinds[] = {
	{ 0, 1, 4 },	 { 1, 1, 2 },	  { 2, 32, 18 },  { 8, 32, 34 },   { 12, 256, 144 },
	{ 24, 1, 1 },	 { 30, 1, 2 },	  { 28, 1, 8 },	  { 39, 32, 17 },  { 41, 128, 18 },
};

/* Appends an info at `*off` of the data, and moves `*off` behind it; returns its length. */
static uint64_t put_info(struct buf *out, uint64_t *state, uint64_t i, uint64_t alignment,
			 uint64_t *off)
{
	const size_t kind = below(state, sizeof(kinds) / sizeof(kinds[0]));
	const uint64_t rank = 1 + below(state, 4);
	uint64_t len = kinds[kind].bytes;
	char name[32];

	put_string(out, name, (size_t)snprintf(name, sizeof(name), "blk.%llu.weight",
					       (unsigned long long)i));
	put_integer(out, rank, 4);
	for (uint64_t j = 0; j < rank; j++) {
		const uint64_t n = below(state, 16) == 0 ? 0 : 1 + below(state, 3);

		put_integer(out, j == 0 ? n * kinds[kind].elements : n, 8);
		len *= n;
	}
	put_integer(out, kinds[kind].type, 4);
	put_integer(out, *off, 8);
	*off += (len + alignment - 1) / alignment * alignment;
	return len;
}

static void put_data(struct buf *out, uint64_t *state, const uint64_t *lens, uint64_t n,
		     uint64_t alignment)
{
	const bool last_pad = below(state, 2);

	for (uint64_t i = 0; i < n; i++) {
		put_run(out, (alignment - out->len % alignment) % alignment, 0, 0);
		put_run(out, lens[i], (unsigned)i + 1, 1);
	}
	if (last_pad)
		put_run(out, (alignment - out->len % alignment) % alignment, 0, 0);
}

void made_gguf_random(struct buf *out, uint64_t seed)
{
	uint64_t state = seed * 2 + 1, lens[8], off = 0;
	const uint64_t n_kvs = below(&state, 6), n_tensors = below(&state, 9);
	const uint64_t alignment = UINT64_C(8) << below(&state, 10);
	const bool states = alignment != 32;

	put(out, "GGUF", 4);
	put_integer(out, 2 + below(&state, 2), 4);
	put_integer(out, n_tensors, 8);
	put_integer(out, n_kvs + states, 8);
	for (uint64_t i = 0; i < n_kvs; i++)
		put_kv(out, &state, i);
	if (states) {
		put_string(out, "general.alignment", 17);
		put_integer(out, 4, 4);
		put_integer(out, alignment, 4);
	}
	for (uint64_t i = 0; i < n_tensors; i++)
		lens[i] = put_info(out, &state, i, alignment, &off);
	put_data(out, &state, lens, n_tensors, alignment);
}

void made_gguf_many(struct buf *out, size_t n)
{
	struct wm_error err = { 0 };

	put(out, "GGUF", 4);
	put_integer(out, 3, 4);
	put_integer(out, n, 8);
	put_integer(out, 0, 8);
	for (size_t i = 0; i < n; i++) {
		char name[64];

		put_string(out, name,
			   (size_t)snprintf(name, sizeof(name), "model.layers.%zu.weight",
					    i * 7919 % n));
		put_integer(out, 1, 4);
		put_integer(out, 1, 8);
		put_integer(out, 24, 4);
		put_integer(out, 32 * i, 8);
	}
	put_run(out, (32 - out->len % 32) % 32, 0, 0);
	assert_ok(buf_reserve(out, 32 * n, &err), &err);
	for (size_t i = 0; i < n; i++) {
		static const uint8_t one[32] = { 7 };

		put(out, one, sizeof(one));
	}
}

void made_gguf_header(struct buf *out, uint64_t len)
{
	struct wm_error err = { 0 };
	char text[100];

	snprintf(text, sizeof(text), GGUF_HEAD("0", "1") "s:k w:9 w:0 q:%llu ",
		 (unsigned long long)len - 49);
	made_gguf(out, text);
	assert_int_equal(out->len, 49);
	assert_ok(buf_reserve(out, len - 49, &err), &err);
	memset(out->data + out->len, 0, len - 49);
	out->len = len;
}

void made_gguf_pairs(struct buf *out, size_t n, bool twice)
{
	char text[100];

	snprintf(text, sizeof(text), GGUF_HEAD("0", "%zu"), n);
	made_gguf(out, text);
	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "s:the.same.prefix.for.all.%08zu w:0 b:1",
			 twice && i == n - 1 ? 0 : i);
		made_gguf(out, text);
	}
}
