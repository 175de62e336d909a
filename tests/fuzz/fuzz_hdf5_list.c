/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a child lists of an HDF5 file, which is as little believed as the file: whatever is
 * accepted of it tiles a view of 65536 bytes, with tensors inside.
 */
#include <stdlib.h>
#include <string.h>

#include "format/hdf5_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check(const struct layout *l)
{
	uint64_t at = 0;

	for (size_t i = 0; i < l->n_segments; i++) {
		require(l->segments[i].off == at && l->segments[i].len > 0);
		at += l->segments[i].len;
	}
	require(at == l->size);
	for (size_t i = 0; i < l->n_tensors; i++) {
		const struct tensor *t = &l->tensors[i];
		const struct hdf5_source *s = t->source;
		uint64_t n, len;

		require(tensor_elements(t, &n) && dtype_len(&len, t->dtype, n) && len == t->len);
		require(t->name_len > 0 && strlen(t->name) == t->name_len);
		require((t->segment == SIZE_MAX) == (t->len == 0 || t->source));
		if (t->segment != SIZE_MAX)
			require(l->segments[t->segment].len == t->len);
		if (s && s->is_run)
			require(s->off <= l->size && t->len <= l->size - s->off);
		require(!s || t->len <= l->size * LIMIT_RATIO);
	}
	for (size_t i = 1; i < l->n_imports; i++)
		require(strcmp(l->imports[i - 1].name, l->imports[i].name) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	l.size = 65536;
	if (hdf5_take_list(&l, size % 2 ? 512 : 0, data, size, "fuzz", &err) == WM_OK)
		check(&l);
	else
		require(err.reason && strcmp(err.reason, "internal") != 0);
	return 0;
}
