/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The beginning of a GGUF file: its bytes, read as they are needed, and its metadata.
 *
 *	struct gguf g = { .head = &l->head, .file = *w };
 *	TRY(gguf_read_metadata(&g, err));
 *	TRY(gguf_u64(&g, &n, err));	 what follows the metadata
 *
 * Only format/gguf.c, which has the grammar on top, uses this.
 */
#ifndef FORMAT_GGUF_READ_H
#define FORMAT_GGUF_READ_H

#include "format/format.h"
#include "util/buf.h"
#include "util/cursor.h"

enum {
	GGUF_HEAD_BYTES = 24,	     /* magic, version and the two counts */
	GGUF_N_KV_OFF = 16,	     /* where the number of key-value pairs stands */
	GGUF_ALIGNMENT_MAX = 1 << 20, /* the reference reader's own limit */
	GGUF_STRING = 8,	     /* the type of text */
};

/* One key-value pair; offsets and lengths into gguf.head. */
struct gguf_kv {
	size_t key, key_len;
	size_t value, value_len; /* of a STRING without its length */
	uint32_t type;
};

struct gguf {
	struct buf *head; /* the file's first bytes, as many as were needed; borrowed */
	struct window file;
	size_t at;	  /* what comes next */
	uint64_t n_tensors;
	uint32_t alignment; /* a power of two, at most GGUF_ALIGNMENT_MAX */
	struct gguf_kv *kvs; /* in the order of the file; keys are not empty, and unique */
	size_t n_kvs;
};

void gguf_release(struct gguf *g);
#define cleanup_gguf __attribute__((cleanup(gguf_release)))

/* The bytes from `off` on, of those that were taken. Borrowed until more are. */
const uint8_t *gguf_bytes(const struct gguf *g, size_t off);

/* Whether text begins with a byte order mark, which some readers of GGUF drop. */
bool gguf_has_mark(const uint8_t *text, size_t len);

/*
 * Takes the next `n` bytes. Fails with `gguf-truncated` where the file has fewer, and with
 * `header-too-large` where they would end beyond LIMIT_HEADER.
 */
MUST_USE enum wm_code gguf_take(struct cursor *out, struct gguf *g, uint64_t n,
				struct wm_error *err);
MUST_USE enum wm_code gguf_u32(struct gguf *g, uint32_t *out, struct wm_error *err);
MUST_USE enum wm_code gguf_u64(struct gguf *g, uint64_t *out, struct wm_error *err);

/* Takes bytes up to the next multiple of the alignment. Fails with `gguf-padding` unless 0. */
MUST_USE enum wm_code gguf_take_padding(struct gguf *g, struct wm_error *err);

/*
 * Reads magic, version, counts and all key-value pairs from the beginning of the file.
 * Fails with gguf-truncated, -malformed, -version, -duplicate, -alignment, and with `limit`.
 */
MUST_USE enum wm_code gguf_read_metadata(struct gguf *g, struct wm_error *err);

/* The pair of this key, or NULL. Borrowed. */
const struct gguf_kv *gguf_find(const struct gguf *g, const char *key);

/* The value of this key where it is an integer that is not negative; else 0. */
uint64_t gguf_count(const struct gguf *g, const char *key);

#endif
