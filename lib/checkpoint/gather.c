/* SPDX-License-Identifier: Apache-2.0 */
/* Gathering tensors into their digests. */
#include "checkpoint/gather.h"

#include <string.h>

#include "digest/leaves.h"

static bool is_wanted(const struct tensor *t)
{
	return t->source && !t->digest;
}

bool gather_wanted(const struct layout *l)
{
	for (size_t i = 0; i < l->n_tensors; i++)
		if (is_wanted(&l->tensors[i]))
			return true;
	return false;
}

uint64_t gather_size(const struct layout *l)
{
	uint64_t size = 0;

	for (size_t i = 0; i < l->n_tensors; i++)
		if (is_wanted(&l->tensors[i]))
			size += l->tensors[i].len; /* each is within 64 bits, and a sum for show */
	return size;
}

struct gathering {
	struct leaves *leaves;
	struct progress *progress;
};

static enum wm_code take(void *context, const void *data, size_t len, struct wm_error *err)
{
	struct gathering *g = context;

	progress_add(g->progress, len);
	return leaves_add(g->leaves, data, len, err);
}

static enum wm_code gather_one(uint8_t out[SHA256_BYTES], const struct layout *l,
			       const struct tensor *t, const struct window *file,
			       struct progress *progress, struct wm_error *err)
{
	cleanup_leaves struct leaves *leaves = NULL;
	struct gathering g = { NULL, progress };
	const struct sink sink = { take, &g };

	TRY(leaves_new(&leaves, err));
	g.leaves = leaves;
	TRY(l->format->gather(l, t, file, &sink, err));
	if (leaves_len(leaves) != t->len)
		return fail(err, REASON_INTERNAL, "%s: of the tensor '%.80s' %llu bytes came",
			    file->name, t->name, (unsigned long long)leaves_len(leaves));
	return leaves_root(out, leaves, err);
}

enum wm_code gather_tensors(struct layout *l, int fd, const char *name, struct progress *progress,
			    struct wm_error *err)
{
	cleanup_kept struct kept kept = { 0 };
	const struct window file = { .fd = fd, .size = l->size + l->slot_len, .name = name,
				     .kept = &kept };

	if (l->format->check)
		TRY(l->format->check(l, &file, err));
	for (size_t i = 0; i < l->n_tensors; i++) {
		uint8_t digest[SHA256_BYTES];
		char *copy = NULL;

		if (!is_wanted(&l->tensors[i]))
			continue;
		TRY(gather_one(digest, l, &l->tensors[i], &file, progress, err));
		TRY(arena_copy(&copy, &l->arena, digest, sizeof(digest), err));
		l->tensors[i].digest = (const uint8_t *)copy;
	}
	return WM_OK;
}
