/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the beginning of a GGUF file: bytes, counts, key-value pairs; grammar in gguf.c. */
#include "format/gguf_read.h"

#include <stdlib.h>
#include <string.h>

#include "format/format.h"
#include "util/cleanup.h"
#include "util/utf8.h"

enum {
	READ_BYTES = 65536, /* of the file, beyond what is needed */
	KV_LEAST = 14,	    /* bytes of a pair with a key of one byte and a value of one */
	TENSOR_LEAST = 25,  /* bytes of a tensor of rank 0 with a name of one byte */
	ALIGNMENT_DEFAULT = 32,
	TYPE_U32 = 4,
	TYPE_BOOL = 7,
	TYPE_ARRAY = 9,
	N_TYPES = 13,
	TYPES_SIGNED = 1 << 1 | 1 << 3 | 1 << 5 | 1 << 11, /* bits of types: i8, i16, i32, i64 */
	TYPES_INTEGER = TYPES_SIGNED | 1 << 0 | 1 << 2 | 1 << 4 | 1 << 10,
};

/* Bytes of a value of each type; 0 where they vary. */
static const uint8_t type_bytes[N_TYPES] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };

void gguf_release(struct gguf *g)
{
	free(g->kvs);
}

const uint8_t *gguf_bytes(const struct gguf *g, size_t off)
{
	return g->head->data + off;
}

static enum wm_code malformed(const struct gguf *g, const char *what, struct wm_error *err)
{
	return fail(err, REASON_GGUF_MALFORMED, "%s: byte %zu: %s", g->file.name, g->at, what);
}

/* Makes the next `n` bytes stand in the head. */
static enum wm_code need(struct gguf *g, uint64_t n, struct wm_error *err)
{
	uint64_t want = g->at + n + READ_BYTES;
	size_t more;

	if (n <= g->head->len - g->at)
		return WM_OK;
	if (n > g->file.size - g->at)
		return fail(err, REASON_GGUF_TRUNCATED,
			    "%s: %llu bytes should follow byte %zu, the file has %llu in all",
			    g->file.name, (unsigned long long)n, g->at,
			    (unsigned long long)g->file.size);
	if (n > LIMIT_HEADER - g->at)
		return fail(err, REASON_HEADER_TOO_LARGE, "%s: a header of more than %d bytes",
			    g->file.name, LIMIT_HEADER);
	if (want > g->file.size)
		want = g->file.size;
	if (want > LIMIT_HEADER)
		want = LIMIT_HEADER;
	more = (size_t)want - g->head->len;
	TRY(buf_reserve(g->head, more, err));
	TRY(window_read(&g->file, g->head->data + g->head->len, more, g->head->len, err));
	g->head->data[want] = 0;
	g->head->len = (size_t)want;
	return WM_OK;
}

enum wm_code gguf_take(struct cursor *out, struct gguf *g, uint64_t n, struct wm_error *err)
{
	TRY(need(g, n, err));
	*out = cursor_of(gguf_bytes(g, g->at), (size_t)n);
	g->at += (size_t)n;
	return WM_OK;
}

enum wm_code gguf_u32(struct gguf *g, uint32_t *out, struct wm_error *err)
{
	struct cursor c;

	TRY(gguf_take(&c, g, sizeof(*out), err));
	cursor_u32le(&c, out);
	return WM_OK;
}

enum wm_code gguf_u64(struct gguf *g, uint64_t *out, struct wm_error *err)
{
	struct cursor c;

	TRY(gguf_take(&c, g, sizeof(*out), err));
	cursor_u64le(&c, out);
	return WM_OK;
}

enum wm_code gguf_take_padding(struct gguf *g, struct wm_error *err)
{
	const size_t over = g->at % g->alignment, begin = g->at;
	struct cursor c;

	TRY(gguf_take(&c, g, over ? g->alignment - over : 0, err));
	for (size_t i = 0; i < c.len; i++)
		if (c.data[i] != 0)
			return fail(err, REASON_GGUF_PADDING, "%s: byte %zu of padding is not 0",
				    g->file.name, begin + i);
	return WM_OK;
}

/* Reads magic, version and counts. */
static enum wm_code read_head(struct gguf *g, uint64_t *n_kvs, struct wm_error *err)
{
	struct cursor magic;
	uint32_t version = 0;

	TRY(gguf_take(&magic, g, 4, err));
	if (memcmp(magic.data, "GGUF", 4) != 0)
		return fail(err, REASON_GGUF_MALFORMED, "%s: does not begin with 'GGUF'",
			    g->file.name);
	TRY(gguf_u32(g, &version, err));
	if ((version & 0xffff) == 0)
		return fail(err, REASON_GGUF_VERSION, "%s: is written in big-endian byte order",
			    g->file.name);
	if (version != 2 && version != 3)
		return fail(err, REASON_GGUF_VERSION, "%s: is of version %u, not 2 or 3",
			    g->file.name, version);
	TRY(gguf_u64(g, &g->n_tensors, err));
	TRY(gguf_u64(g, n_kvs, err));
	if (*n_kvs > (g->file.size - GGUF_HEAD_BYTES) / KV_LEAST ||
	    g->n_tensors > (g->file.size - GGUF_HEAD_BYTES - *n_kvs * KV_LEAST) / TENSOR_LEAST)
		return fail(err, REASON_GGUF_TRUNCATED,
			    "%s: %llu tensors and %llu key-value pairs in a file of %llu bytes",
			    g->file.name, (unsigned long long)g->n_tensors,
			    (unsigned long long)*n_kvs, (unsigned long long)g->file.size);
	if (g->n_tensors > LIMIT_TENSORS)
		return fail(err, REASON_LIMIT, "%s: has more than %d tensors", g->file.name,
			    LIMIT_TENSORS);
	if (*n_kvs > LIMIT_METADATA)
		return fail(err, REASON_LIMIT, "%s: has more than %d key-value pairs", g->file.name,
			    LIMIT_METADATA);
	return WM_OK;
}

bool gguf_has_mark(const uint8_t *text, size_t len)
{
	return len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
}

static enum wm_code read_key(struct gguf *g, struct gguf_kv *kv, struct wm_error *err)
{
	struct cursor c;
	uint64_t len = 0;

	TRY(gguf_u64(g, &len, err));
	if (len == 0)
		return malformed(g, "an empty key", err);
	TRY(gguf_take(&c, g, len, err));
	if (len > LIMIT_NAME)
		return fail(err, REASON_LIMIT, "%s: byte %zu: a key over %d bytes", g->file.name,
			    g->at, LIMIT_NAME);
	if (!utf8_valid(c.data, c.len))
		return malformed(g, "a key that is not UTF-8", err);
	if (tensor_name_has_controls((const char *)c.data, c.len))
		return malformed(g, "a key with a control character", err);
	if (gguf_has_mark(c.data, c.len))
		return malformed(g, "a key that begins with a byte order mark", err);
	kv->key = g->at - c.len;
	kv->key_len = c.len;
	return WM_OK;
}

static enum wm_code check_bools(const struct gguf *g, struct cursor c, struct wm_error *err)
{
	for (size_t i = 0; i < c.len; i++)
		if (c.data[i] > 1)
			return malformed(g, "a bool other than 0 and 1", err);
	return WM_OK;
}

/* The elements of a list of text are any bytes: vocabularies hold pieces of characters. */
static enum wm_code skip_strings(struct gguf *g, uint64_t n, struct wm_error *err)
{
	struct cursor c;
	uint64_t len = 0;

	for (uint64_t i = 0; i < n; i++) {
		TRY(gguf_u64(g, &len, err));
		TRY(gguf_take(&c, g, len, err));
	}
	return WM_OK;
}

static enum wm_code read_array(struct gguf *g, struct wm_error *err)
{
	struct cursor c;
	uint32_t type = 0;
	uint64_t n = 0, len = 0;

	TRY(gguf_u32(g, &type, err));
	TRY(gguf_u64(g, &n, err));
	if (type == TYPE_ARRAY)
		return malformed(g, "an array of arrays", err);
	if (type >= N_TYPES)
		return malformed(g, "an array of no known type", err);
	if (type == GGUF_STRING)
		return skip_strings(g, n, err);
	if (__builtin_mul_overflow(n, type_bytes[type], &len))
		return fail(err, REASON_GGUF_TRUNCATED, "%s: byte %zu: an array of %llu elements",
			    g->file.name, g->at, (unsigned long long)n);
	TRY(gguf_take(&c, g, len, err));
	return type == TYPE_BOOL ? check_bools(g, c, err) : WM_OK;
}

/* Text stands alone: what a reader that stops at NUL takes for it must be all of it. */
static enum wm_code read_string(struct gguf *g, struct gguf_kv *kv, struct wm_error *err)
{
	struct cursor c;
	uint64_t len = 0;

	TRY(gguf_u64(g, &len, err));
	TRY(gguf_take(&c, g, len, err));
	if (!utf8_valid(c.data, c.len) || memchr(c.data, 0, c.len))
		return malformed(g, "text that is not UTF-8, or has NUL", err);
	kv->value = g->at - c.len;
	kv->value_len = c.len;
	return WM_OK;
}

static enum wm_code read_value(struct gguf *g, struct gguf_kv *kv, struct wm_error *err)
{
	struct cursor c;

	TRY(gguf_u32(g, &kv->type, err));
	if (kv->type >= N_TYPES)
		return malformed(g, "a value of no known type", err);
	if (kv->type == GGUF_STRING)
		return read_string(g, kv, err);
	kv->value = g->at;
	if (kv->type == TYPE_ARRAY) {
		TRY(read_array(g, err));
	} else {
		TRY(gguf_take(&c, g, type_bytes[kv->type], err));
		if (kv->type == TYPE_BOOL)
			TRY(check_bools(g, c, err));
	}
	kv->value_len = g->at - kv->value;
	return WM_OK;
}

static int compare_keys(const void *a, const void *b, void *head)
{
	const struct gguf_kv *x = *(const struct gguf_kv *const *)a;
	const struct gguf_kv *y = *(const struct gguf_kv *const *)b;
	const uint8_t *bytes = head;

	if (x->key_len != y->key_len)
		return x->key_len < y->key_len ? -1 : 1;
	return memcmp(bytes + x->key, bytes + y->key, x->key_len);
}

static enum wm_code check_keys_unique(const struct gguf *g, struct wm_error *err)
{
	cleanup_free const struct gguf_kv **sorted = calloc(g->n_kvs + 1, sizeof(*sorted));

	if (!sorted)
		return fail_nomem(err);
	for (size_t i = 0; i < g->n_kvs; i++)
		sorted[i] = &g->kvs[i];
	qsort_r(sorted, g->n_kvs, sizeof(*sorted), compare_keys, g->head->data);
	for (size_t i = 1; i < g->n_kvs; i++)
		if (compare_keys(&sorted[i - 1], &sorted[i], g->head->data) == 0)
			return fail(err, REASON_GGUF_DUPLICATE, "%s: has the key '%.*s' twice",
				    g->file.name,
				    sorted[i]->key_len < 80 ? (int)sorted[i]->key_len : 80,
				    (const char *)gguf_bytes(g, sorted[i]->key));
	return WM_OK;
}

const struct gguf_kv *gguf_find(const struct gguf *g, const char *key)
{
	const size_t len = strlen(key);

	for (size_t i = 0; i < g->n_kvs; i++)
		if (g->kvs[i].key_len == len &&
		    memcmp(gguf_bytes(g, g->kvs[i].key), key, len) == 0)
			return &g->kvs[i];
	return NULL;
}

uint64_t gguf_count(const struct gguf *g, const char *key)
{
	const struct gguf_kv *kv = gguf_find(g, key);
	uint64_t value = 0;
	const uint8_t *bytes;

	if (!kv || !(1u << kv->type & TYPES_INTEGER))
		return 0;
	bytes = gguf_bytes(g, kv->value);
	if (1u << kv->type & TYPES_SIGNED && bytes[kv->value_len - 1] & 0x80)
		return 0;
	for (size_t i = kv->value_len; i > 0; i--)
		value = value << 8 | bytes[i - 1];
	return value;
}

static enum wm_code read_alignment(struct gguf *g, struct wm_error *err)
{
	const struct gguf_kv *kv = gguf_find(g, "general.alignment");
	struct cursor c;

	g->alignment = ALIGNMENT_DEFAULT;
	if (!kv)
		return WM_OK;
	c = cursor_of(gguf_bytes(g, kv->value), kv->value_len);
	if (kv->type != TYPE_U32 || !cursor_u32le(&c, &g->alignment))
		return fail(err, REASON_GGUF_ALIGNMENT, "%s: general.alignment is not a u32",
			    g->file.name);
	if (g->alignment == 0 || (g->alignment & (g->alignment - 1)) != 0 ||
	    g->alignment > GGUF_ALIGNMENT_MAX)
		return fail(err, REASON_GGUF_ALIGNMENT,
			    "%s: general.alignment is %u, not a power of two up to %d",
			    g->file.name, g->alignment, GGUF_ALIGNMENT_MAX);
	return WM_OK;
}

enum wm_code gguf_read_metadata(struct gguf *g, struct wm_error *err)
{
	uint64_t n_kvs = 0;

	TRY(read_head(g, &n_kvs, err));
	g->kvs = calloc((size_t)n_kvs + 1, sizeof(*g->kvs));
	if (!g->kvs)
		return fail_nomem(err);
	for (; g->n_kvs < n_kvs; g->n_kvs++) {
		TRY(read_key(g, &g->kvs[g->n_kvs], err));
		TRY(read_value(g, &g->kvs[g->n_kvs], err));
	}
	TRY(check_keys_unique(g, err));
	return read_alignment(g, err);
}
