/* SPDX-License-Identifier: Apache-2.0 */
/* The trees of records that make the digests of a file, its weights, its tensor set. */
#include "checkpoint/digests.h"

#include <stdlib.h>
#include <string.h>

#include "digest/kernel.h"
#include "digest/tree.h"
#include "util/cleanup.h"

enum {
	BATCH_LEVEL = 10, /* leaves go through the kernel 2^10 at a time */
	BATCH = 1 << BATCH_LEVEL,
	/* One batch: its names are in the header, the rest of a record is below 1 KiB. */
	BATCH_BYTES = LIMIT_HEADER + BATCH * 1024,
};

enum segment_kind { KIND_SKELETON, KIND_TENSOR };

/* A tree of records: a leaf is what was appended to `bytes` since the one before. */
struct records {
	struct tree_frontier tree;
	struct buf bytes; /* of the leaves of this batch */
	size_t n;	  /* leaves of this batch */
	size_t begins[BATCH + 1];
	struct message messages[BATCH];
	uint8_t digests[2][BATCH][SHA256_BYTES];
};

static void records_free(struct records *r)
{
	buf_release(&r->bytes);
	free(r);
}

DEFINE_CLEANUP(records, struct records, records_free)
#define cleanup_records __attribute__((cleanup(records_cleanup_)))

static enum wm_code digest_batch(struct records *r, struct wm_error *err)
{
	for (size_t i = 0; i < r->n; i++)
		r->messages[i] = (struct message){
			.data = r->bytes.data + r->begins[i],
			.len = r->begins[i + 1] - r->begins[i],
			.prefix = MESSAGE_LEAF,
			.out = r->digests[0][i],
		};
	return kernel_chosen()->run(r->messages, r->n, err);
}

/* Replaces the 2^BATCH_LEVEL digests of a full batch by their root and appends it. */
static enum wm_code append_full_batch(struct records *r, struct wm_error *err)
{
	unsigned from = 0;

	for (size_t n = BATCH / 2; n > 0; n /= 2) {
		for (size_t i = 0; i < n; i++)
			r->messages[i] = (struct message){
				.data = r->digests[from][2 * i],
				.len = (size_t)2 * SHA256_BYTES,
				.prefix = MESSAGE_NODE,
				.out = r->digests[!from][i],
			};
		TRY(kernel_chosen()->run(r->messages, n, err));
		from = !from;
	}
	tree_append(&r->tree, BATCH_LEVEL, r->digests[from][0]);
	return WM_OK;
}

static enum wm_code flush(struct records *r, struct wm_error *err)
{
	TRY(digest_batch(r, err));
	if (r->n == BATCH)
		TRY(append_full_batch(r, err));
	else
		for (size_t i = 0; i < r->n; i++)
			tree_append(&r->tree, 0, r->digests[0][i]);
	r->n = 0;
	r->bytes.len = 0;
	return WM_OK;
}

/* What was appended since the last call is one leaf. */
static enum wm_code end_leaf(struct records *r, struct wm_error *err)
{
	r->begins[++r->n] = r->bytes.len;
	return r->n == BATCH ? flush(r, err) : WM_OK;
}

/* New records whose first leaf is `domain` with its zero byte, then the `n` numbers. */
static enum wm_code records_new(struct records **out, const char *domain, const uint64_t *numbers,
				size_t n, struct wm_error *err)
{
	cleanup_records struct records *r = calloc(1, sizeof(*r));

	if (!r)
		return fail_nomem(err);
	r->bytes = (struct buf)BUF_INIT(BATCH_BYTES);
	TRY(buf_append(&r->bytes, domain, strlen(domain) + 1, err));
	for (size_t i = 0; i < n; i++)
		TRY(buf_append_u64be(&r->bytes, numbers[i], err));
	TRY(end_leaf(r, err));
	*out = take_ptr(&r);
	return WM_OK;
}

static enum wm_code records_root(uint8_t out[SHA256_BYTES], struct records *r,
				 struct wm_error *err)
{
	TRY(flush(r, err));
	tree_root(out, &r->tree);
	return WM_OK;
}

enum wm_code digest_file(uint8_t out[SHA256_BYTES], const struct layout *l, uint64_t size,
			 struct wm_error *err)
{
	cleanup_records struct records *r = NULL;

	TRY(records_new(&r, "wmFileV1", (const uint64_t[]){ size, l->n_segments }, 2, err));
	for (size_t i = 0; i < l->n_segments; i++) {
		const struct segment *s = &l->segments[i];

		TRY(buf_append_byte(&r->bytes, s->tensor ? KIND_TENSOR : KIND_SKELETON, err));
		TRY(buf_append_u64be(&r->bytes, s->off, err));
		TRY(buf_append_u64be(&r->bytes, s->len, err));
		TRY(buf_append(&r->bytes, s->digest, sizeof(s->digest), err));
		TRY(end_leaf(r, err));
	}
	return records_root(out, r, err);
}

/* SHA-256(""): the root over no leaves. */
static const uint8_t empty_digest[SHA256_BYTES] = {
	0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
	0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
	0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
	0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
};

const uint8_t *tensor_digest(const struct layout *l, const struct tensor *t)
{
	return t->segment == SIZE_MAX ? empty_digest : l->segments[t->segment].digest;
}

/* The part of a record that says nothing of the name. */
static enum wm_code append_content(struct records *r, const struct layout *l,
				   const struct tensor *t, struct wm_error *err)
{
	const char *dtype = dtype_info(t->dtype)->name;

	TRY(buf_append_byte(&r->bytes, (uint8_t)strlen(dtype), err));
	TRY(buf_append_str(&r->bytes, dtype, err));
	TRY(buf_append_u32be(&r->bytes, t->rank, err));
	for (unsigned i = 0; i < t->rank; i++)
		TRY(buf_append_u64be(&r->bytes, t->dims[i], err));
	TRY(buf_append_u64be(&r->bytes, t->len, err));
	return buf_append(&r->bytes, tensor_digest(l, t), SHA256_BYTES, err);
}

enum wm_code digest_weights(uint8_t out[SHA256_BYTES], const struct layout *l,
			    struct wm_error *err)
{
	cleanup_records struct records *r = NULL;

	TRY(records_new(&r, "wmWeightsV1", (const uint64_t[]){ l->n_tensors }, 1, err));
	for (size_t i = 0; i < l->n_tensors; i++) {
		const struct tensor *t = &l->tensors[l->by_name[i]];

		TRY(buf_append_u32be(&r->bytes, (uint32_t)t->name_len, err));
		TRY(buf_append(&r->bytes, t->name, t->name_len, err));
		TRY(append_content(r, l, t, err));
		TRY(end_leaf(r, err));
	}
	return records_root(out, r, err);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_dtypes(enum dtype a, enum dtype b)
{
	const char *x = dtype_info(a)->name, *y = dtype_info(b)->name;
	int order = compare_numbers(strlen(x), strlen(y));

	return order ? order : strcmp(x, y);
}

/* The bytewise order of the records, field by field. */
static int compare_contents(const struct layout *l, const struct tensor *a, const struct tensor *b)
{
	int order = a->dtype == b->dtype ? compare_numbers(a->rank, b->rank) :
					   compare_dtypes(a->dtype, b->dtype);

	for (unsigned i = 0; !order && i < a->rank; i++)
		order = compare_numbers(a->dims[i], b->dims[i]);
	if (!order)
		order = compare_numbers(a->len, b->len);
	return order ? order : memcmp(tensor_digest(l, a), tensor_digest(l, b), SHA256_BYTES);
}

static int compare_pointers(const void *a, const void *b, void *layout)
{
	const struct tensor *const *x = a, *const *y = b;

	return compare_contents(layout, *x, *y);
}

/* Moves the distinct tensors of the sorted `n` to the front; returns how many there are. */
static size_t keep_distinct(const struct layout *l, const struct tensor **sorted, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (kept == 0 || compare_contents(l, sorted[kept - 1], sorted[i]) != 0)
			sorted[kept++] = sorted[i];
	return kept;
}

enum wm_code digest_tensor_set(uint8_t out[SHA256_BYTES], const struct layout *l,
			       struct wm_error *err)
{
	cleanup_free const struct tensor **sorted = calloc(l->n_tensors + 1, sizeof(*sorted));
	cleanup_records struct records *r = NULL;
	struct layout borrowed = *l; /* qsort_r wants a context that is not const */
	size_t n = l->n_tensors;

	if (!sorted)
		return fail_nomem(err);
	for (size_t i = 0; i < n; i++)
		sorted[i] = &l->tensors[i];
	qsort_r(sorted, n, sizeof(*sorted), compare_pointers, &borrowed);
	n = keep_distinct(l, sorted, n);
	TRY(records_new(&r, "wmTensorSetV1", (const uint64_t[]){ n }, 1, err));
	for (size_t i = 0; i < n; i++) {
		TRY(append_content(r, l, sorted[i], err));
		TRY(end_leaf(r, err));
	}
	return records_root(out, r, err);
}
