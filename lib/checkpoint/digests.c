/* SPDX-License-Identifier: Apache-2.0 */
/* The trees of records that make the digests of a file, its weights, its tensor set. */
#include "checkpoint/digests.h"

#include <stdlib.h>
#include <string.h>

#include "digest/records.h"
#include "util/cleanup.h"

enum segment_kind { KIND_SKELETON, KIND_TENSOR };

enum wm_code digest_file(uint8_t out[SHA256_BYTES], const struct layout *l, struct wm_error *err)
{
	cleanup_records struct records *r = NULL;

	TRY(records_new(&r, "wmFileV1", (const uint64_t[]){ l->size, l->n_segments }, 2, err));
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
	if (t->digest)
		return t->digest;
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

/* A tensor and the file that it stands in. */
struct place {
	const struct layout *layout;
	const struct tensor *tensor;
};

/* Stores all tensors of all files, `*n_places` of them; free() the list. */
static enum wm_code gather(struct place **out, size_t *n_places,
			   const struct layout *const *layouts, size_t n, struct wm_error *err)
{
	struct place *places;
	size_t at = 0;

	*n_places = 0;
	for (size_t i = 0; i < n; i++)
		*n_places += layouts[i]->n_tensors;
	places = calloc(*n_places + 1, sizeof(*places));
	if (!places)
		return fail_nomem(err);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < layouts[i]->n_tensors; j++) {
			const struct tensor *t = &layouts[i]->tensors[layouts[i]->by_name[j]];

			places[at++] = (struct place){ layouts[i], t };
		}
	*out = places;
	return WM_OK;
}

static int compare_names(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return tensor_compare_names(x->tensor, y->tensor);
}

enum wm_code digest_weights(uint8_t out[SHA256_BYTES], const struct layout *const *layouts,
			    size_t n, const char *name, struct wm_error *err)
{
	cleanup_records struct records *r = NULL;
	cleanup_free struct place *places = NULL;
	size_t n_places = 0;

	TRY(gather(&places, &n_places, layouts, n, err));
	if (n > 1)
		qsort(places, n_places, sizeof(*places), compare_names);
	TRY(records_new(&r, "wmWeightsV1", (const uint64_t[]){ n_places }, 1, err));
	for (size_t i = 0; i < n_places; i++) {
		const struct tensor *t = places[i].tensor;

		if (i > 0 && tensor_compare_names(places[i - 1].tensor, t) == 0)
			return fail(err, REASON_TENSOR_TWICE,
				    "%s: two of its files have the tensor '%.80s'", name, t->name);
		TRY(buf_append_u32be(records_leaf(r), (uint32_t)t->name_len, err));
		TRY(buf_append(records_leaf(r), t->name, t->name_len, err));
		TRY(append_content(r, places[i].layout, t, err));
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
static int compare_contents(const void *first, const void *second)
{
	const struct place *x = first, *y = second;
	const struct tensor *a = x->tensor, *b = y->tensor;
	int order = a->dtype == b->dtype ? compare_numbers(a->rank, b->rank) :
					   compare_dtypes(a->dtype, b->dtype);

	for (unsigned i = 0; !order && i < a->rank; i++)
		order = compare_numbers(a->dims[i], b->dims[i]);
	if (!order)
		order = compare_numbers(a->len, b->len);
	return order ? order : memcmp(tensor_digest(x->layout, a), tensor_digest(y->layout, b),
				      SHA256_BYTES);
}

/* Moves the distinct tensors of the sorted `n` to the front; returns how many there are. */
static size_t keep_distinct(struct place *sorted, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (kept == 0 || compare_contents(&sorted[kept - 1], &sorted[i]) != 0)
			sorted[kept++] = sorted[i];
	return kept;
}

enum wm_code digest_tensor_set(uint8_t out[SHA256_BYTES], const struct layout *const *layouts,
			       size_t n, struct wm_error *err)
{
	cleanup_records struct records *r = NULL;
	cleanup_free struct place *places = NULL;
	size_t n_places = 0;

	TRY(gather(&places, &n_places, layouts, n, err));
	qsort(places, n_places, sizeof(*places), compare_contents);
	n_places = keep_distinct(places, n_places);
	TRY(records_new(&r, "wmTensorSetV1", (const uint64_t[]){ n_places }, 1, err));
	for (size_t i = 0; i < n_places; i++) {
		TRY(append_content(r, places[i].layout, places[i].tensor, err));
		TRY(records_end_leaf(r, err));
	}
	return records_root(out, r, err);
}

static int compare_digests(const void *a, const void *b)
{
	const struct listed_tensor *x = a, *y = b;

	return memcmp(x->digest, y->digest, SHA256_BYTES);
}

/* The largest first. */
static int compare_sizes(const void *a, const void *b)
{
	const struct listed_tensor *x = a, *y = b;
	int order = compare_numbers(y->len, x->len);

	return order ? order : compare_digests(a, b);
}

enum wm_code list_tensors(struct listed_tensor **out, size_t *n_listed,
			  const struct layout *const *layouts, size_t n, struct wm_error *err)
{
	cleanup_free struct place *places = NULL;
	struct listed_tensor *list;
	size_t n_places = 0, n_large = 0, kept = 0;

	TRY(gather(&places, &n_places, layouts, n, err));
	list = calloc(n_places + 1, sizeof(*list));
	if (!list)
		return fail_nomem(err);
	for (size_t i = 0; i < n_places; i++) {
		const struct tensor *t = places[i].tensor;

		if (t->len < LIMIT_TENSOR_LISTED)
			continue;
		memcpy(list[n_large].digest, tensor_digest(places[i].layout, t), SHA256_BYTES);
		list[n_large++].len = t->len;
	}
	qsort(list, n_large, sizeof(*list), compare_digests);
	for (size_t i = 0; i < n_large; i++)
		if (kept == 0 || compare_digests(&list[kept - 1], &list[i]) != 0)
			list[kept++] = list[i];
	if (kept > LIMIT_PART_TENSORS) {
		qsort(list, kept, sizeof(*list), compare_sizes);
		kept = LIMIT_PART_TENSORS;
		qsort(list, kept, sizeof(*list), compare_digests);
	}
	*out = list;
	*n_listed = kept;
	return WM_OK;
}
