/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves of bytes that come piece by piece. */
#include "digest/leaves.h"

#include <stdlib.h>

#include "digest/measure.h"
#include "digest/tree.h"

struct leaves {
	struct tree_frontier tree;
	struct sha256 *leaf; /* the present one */
	size_t n;	     /* its bytes so far; 0: it is not begun */
	uint64_t len;
};

void leaves_free(struct leaves *l)
{
	if (!l)
		return;
	sha256_free(l->leaf);
	free(l);
}

enum wm_code leaves_new(struct leaves **out, struct wm_error *err)
{
	cleanup_leaves struct leaves *l = calloc(1, sizeof(*l));

	if (!l)
		return fail_nomem(err);
	TRY(sha256_new(&l->leaf, err));
	*out = take_ptr(&l);
	return WM_OK;
}

static enum wm_code end_leaf(struct leaves *l, struct wm_error *err)
{
	uint8_t digest[SHA256_BYTES];

	TRY(sha256_finish(l->leaf, digest, err));
	tree_append(&l->tree, 0, digest);
	l->n = 0;
	return WM_OK;
}

enum wm_code leaves_add(struct leaves *l, const void *data, size_t len, struct wm_error *err)
{
	static const uint8_t prefix = 0;
	const uint8_t *at = data;

	while (len > 0) {
		size_t room = LEAF_BYTES - l->n, n = len < room ? len : room;

		if (l->n == 0) {
			TRY(sha256_start(l->leaf, err));
			TRY(sha256_update(l->leaf, &prefix, 1, err));
		}
		TRY(sha256_update(l->leaf, at, n, err));
		l->n += n;
		l->len += n;
		at += n;
		len -= n;
		if (l->n == LEAF_BYTES)
			TRY(end_leaf(l, err));
	}
	return WM_OK;
}

uint64_t leaves_len(const struct leaves *l)
{
	return l->len;
}

enum wm_code leaves_root(uint8_t out[SHA256_BYTES], struct leaves *l, struct wm_error *err)
{
	if (l->n > 0)
		TRY(end_leaf(l, err));
	tree_root(out, &l->tree);
	return WM_OK;
}
