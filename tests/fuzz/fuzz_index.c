/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indexes of shards: what is accepted maps each tensor once, to a plain name beside the
 * index, in order, and its shards share out the entries.
 */
#include <stdlib.h>
#include <string.h>

#include "checkpoint/index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check(const struct shard_index *x)
{
	size_t at = 0;

	require(x->n_entries > 0 && x->n_shards > 0 && x->n_shards <= x->n_entries);
	require(strcmp(x->part, "d/m.safetensors") == 0 && x->lists_tensors);
	for (size_t i = 0; i < x->n_shards; i++) {
		const struct index_shard *s = &x->shards[i];

		require(s->first == at && s->n > 0);
		require(i == 0 || strcmp(s[-1].path, s->path) < 0);
		require(strncmp(s->path, "d/", 2) == 0 && !strchr(s->path + 2, '/'));
		require(strcmp(s->path, "d/.") != 0 && strcmp(s->path, "d/..") != 0);
		for (; at < s->first + s->n; at++)
			require(strcmp(x->entries[at].file, s->path + 2) == 0);
	}
	require(at == x->n_entries);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_shard_index struct shard_index x = SHARD_INDEX_INIT;
	char path[] = "d/m.safetensors.index.json";
	struct checkpoint_file f = { .path = path, .place = path, .fd = -1,
				     .layout = LAYOUT_INIT };
	struct wm_error err = { 0 };

	if (size == 0)
		return 0;
	f.layout.size = size;
	require(buf_append(&f.layout.head, data, size, &err) == WM_OK);
	if (index_read(&x, &f, &err) == WM_OK)
		check(&x);
	else
		require(strcmp(err.reason, "index-malformed") == 0 ||
			strcmp(err.reason, "limit") == 0);
	layout_release(&f.layout);
	return 0;
}
