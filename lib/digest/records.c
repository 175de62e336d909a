/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of records, whose leaves go through the lanes of the kernel a batch at a time. */
#include "digest/records.h"

#include <stdlib.h>
#include <string.h>

#include "digest/kernel.h"
#include "digest/tree.h"
#include "util/limits.h"

enum {
	BATCH_LEVEL = 10, /* leaves go through the kernel 2^10 at a time */
	BATCH = 1 << BATCH_LEVEL,
	/* One batch: its names are in the header, the rest of a record is below 1 KiB. */
	BATCH_BYTES = LIMIT_HEADER + BATCH * 1024,
};

/* A tree of records: a leaf is what was appended to `bytes` since the one before. */
struct records {
	struct tree_frontier tree;
	struct buf bytes; /* of the leaves of this batch */
	size_t n;	  /* leaves of this batch */
	size_t begins[BATCH + 1];
	struct message messages[BATCH];
	uint8_t digests[2][BATCH][SHA256_BYTES];
};

void records_free(struct records *r)
{
	if (!r)
		return;
	buf_release(&r->bytes);
	free(r);
}

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

struct buf *records_leaf(struct records *r)
{
	return &r->bytes;
}

enum wm_code records_end_leaf(struct records *r, struct wm_error *err)
{
	r->begins[++r->n] = r->bytes.len;
	return r->n == BATCH ? flush(r, err) : WM_OK;
}

enum wm_code records_new(struct records **out, const char *domain, const uint64_t *numbers,
			 size_t n, struct wm_error *err)
{
	cleanup_records struct records *r = calloc(1, sizeof(*r));

	if (!r)
		return fail_nomem(err);
	r->bytes = (struct buf)BUF_INIT(BATCH_BYTES);
	TRY(buf_append(&r->bytes, domain, strlen(domain) + 1, err));
	for (size_t i = 0; i < n; i++)
		TRY(buf_append_u64be(&r->bytes, numbers[i], err));
	TRY(records_end_leaf(r, err));
	*out = take_ptr(&r);
	return WM_OK;
}

enum wm_code records_root(uint8_t out[SHA256_BYTES], struct records *r, struct wm_error *err)
{
	TRY(flush(r, err));
	tree_root(out, &r->tree);
	return WM_OK;
}
