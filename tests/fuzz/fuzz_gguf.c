/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GGUF files: what is accepted has a layout that tiles the file, tensors that fit their
 * segments, padding of zero bytes, and names in strict order.
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

static void check_segments(const struct layout *l, const uint8_t *data, size_t size)
{
	uint64_t at = 0;

	require(l->size + l->slot_len == size && l->segments[0].len == l->head.len);
	for (size_t i = 0; i < l->n_segments; i++) {
		const struct segment *s = &l->segments[i];

		require(s->off == at && s->len > 0);
		require(i == 0 || s->tensor || l->segments[i - 1].tensor);
		at += s->len;
		if (i > 0 && !s->tensor)
			for (uint64_t j = s->off; j < at; j++)
				require(data[j + l->slot_len] == 0);
	}
	require(at == l->size);
}

static void check_tensors(const struct layout *l)
{
	size_t last = 0;

	for (size_t i = 0; i < l->n_tensors; i++) {
		const struct tensor *t = &l->tensors[i];
		uint64_t n, len;

		require(tensor_elements(t, &n) && dtype_len(&len, t->dtype, n) && len == t->len);
		require(t->name_len > 0 && strlen(t->name) == t->name_len);
		require((t->segment == SIZE_MAX) == (t->len == 0));
		if (t->len > 0) {
			require(t->segment > last && l->segments[t->segment].len == t->len);
			require(l->segments[t->segment].tensor);
			last = t->segment;
		}
		require(i == 0 || tensor_compare_names(&l->tensors[l->by_name[i - 1]],
						       &l->tensors[l->by_name[i]]) < 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_fd int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct wm_error err = { 0 };

	require(fd >= 0 && file_write_fd(fd, data, size, "fuzz", NULL) == WM_OK);
	if (format_parse(&l, fd, size, "fuzz.gguf", &err) == WM_OK) {
		if (l.format != &format_gguf)
			return 0;
		check_segments(&l, data, size);
		check_tensors(&l);
	} else {
		require(err.reason && strcmp(err.reason, "internal") != 0 && !l.segments);
	}
	return 0;
}
