/* SPDX-License-Identifier: Apache-2.0 */
/* The trees of records that make the digests of a file, its weights, its tensor set. */
#include "checkpoint/digests.h"

#include <stdlib.h>
#include <string.h>

#include "digest/records.h"
#include "util/cleanup.h"

enum segment_kind { KIND_SKELETON, KIND_TENSOR };

enum wm_code digest_file(uint8_t out[SHA256_BYTES], const struct layout *l, uint64_t size,
			 struct wm_error *err)
{
	cleanup_records struct records *r = NULL;

	TRY(records_new(&r, "wmFileV1", (const uint64_t[]){ size, l->n_segments }, 2, err));
	for (size_t i = 0; i < l->n_segments; i++) {
		const struct segment *s = &l->segments[i];

		TRY(buf_append_byte(records_leaf(r), s->tensor ? KIND_TENSOR : KIND_SKELETON, err));
		TRY(buf_append_u64be(records_leaf(r), s->off, err));
		TRY(buf_append_u64be(records_leaf(r), s->len, err));
		TRY(buf_append(records_leaf(r), s->digest, sizeof(s->digest), err));
		TRY(records_end_leaf(r, err));
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

	TRY(buf_append_byte(records_leaf(r), (uint8_t)strlen(dtype), err));
	TRY(buf_append_str(records_leaf(r), dtype, err));
	TRY(buf_append_u32be(records_leaf(r), t->rank, err));
	for (unsigned i = 0; i < t->rank; i++)
		TRY(buf_append_u64be(records_leaf(r), t->dims[i], err));
	TRY(buf_append_u64be(records_leaf(r), t->len, err));
	return buf_append(records_leaf(r), tensor_digest(l, t), SHA256_BYTES, err);
}

enum wm_code digest_weights(uint8_t out[SHA256_BYTES], const struct layout *l,
			    struct wm_error *err)
{
	cleanup_records struct records *r = NULL;

	TRY(records_new(&r, "wmWeightsV1", (const uint64_t[]){ l->n_tensors }, 1, err));
	for (size_t i = 0; i < l->n_tensors; i++) {
		const struct tensor *t = &l->tensors[l->by_name[i]];

		TRY(buf_append_u32be(records_leaf(r), (uint32_t)t->name_len, err));
		TRY(buf_append(records_leaf(r), t->name, t->name_len, err));
		TRY(append_content(r, l, t, err));
		TRY(records_end_leaf(r, err));
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
		TRY(records_end_leaf(r, err));
	}
	return records_root(out, r, err);
}
