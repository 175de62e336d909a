/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safetensors files: what is accepted has a layout that tiles the file, tensors that fit
 * their segments, and names in strict order.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "format/format.h"
#include "util/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_layout(const struct layout *l, uint64_t size)
{
	uint64_t at = 0;
	size_t n_stored = 0;

	for (size_t i = 0; i < l->n_segments; i++) {
		require(l->segments[i].off == at && l->segments[i].len > 0);
		require(l->segments[i].tensor == (i > 0));
		at += l->segments[i].len;
	}
	require(at == size && l->segments[0].len == l->head.len);
	for (size_t i = 0; i < l->n_tensors; i++) {
		const struct tensor *t = &l->tensors[i];
		uint64_t n, len;

		require(tensor_elements(t, &n) && dtype_len(&len, t->dtype, n) && len == t->len);
		require(strlen(t->name) == t->name_len);
		if (t->segment == SIZE_MAX)
			require(t->len == 0);
		else
			require(t->segment == ++n_stored && l->segments[t->segment].len == t->len);
		require(i == 0 || tensor_compare_names(&l->tensors[l->by_name[i - 1]],
						       &l->tensors[l->by_name[i]]) < 0);
	}
	require(n_stored + 1 == l->n_segments);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_fd int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct wm_error err = { 0 };

	require(fd >= 0 && file_write_fd(fd, data, size, "fuzz", NULL) == WM_OK);
	if (format_parse(&l, fd, size, "fuzz.safetensors", &err) == WM_OK)
		check_layout(&l, size);
	else
		require(err.reason && strcmp(err.reason, "internal") != 0 && !l.segments);
	return 0;
}
