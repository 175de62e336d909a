/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HDF5 files: what is accepted has a layout that tiles the file, tensors that fit their segments
 * and names in strict order. A slot put before it leaves the view as it was, and carries what
 * was given. Each execution forks: what libhdf5 does with the file is no finding of ours.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "format/format.h"
#include "util/cleanup.h"
#include "util/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_segments(const struct layout *l, size_t size)
{
	uint64_t at = 0;

	require(l->size + l->slot_len == size && l->zone.from == 0 && l->zone.to == 0);
	for (size_t i = 0; i < l->n_segments; i++) {
		const struct segment *s = &l->segments[i];

		require(s->off == at && s->len > 0);
		require(i == 0 || s->tensor || l->segments[i - 1].tensor);
		at += s->len;
	}
	require(at == l->size);
}

static void check_tensors(const struct layout *l)
{
	for (size_t i = 0; i < l->n_tensors; i++) {
		const struct tensor *t = &l->tensors[i];
		uint64_t n, len;

		require(tensor_elements(t, &n) && dtype_len(&len, t->dtype, n) && len == t->len);
		require(t->name_len > 0 && strlen(t->name) == t->name_len);
		require((t->segment == SIZE_MAX) == (t->len == 0 || t->source));
		if (t->segment != SIZE_MAX)
			require(l->segments[t->segment].len == t->len &&
				l->segments[t->segment].tensor);
		require(i == 0 || tensor_compare_names(&l->tensors[l->by_name[i - 1]],
						       &l->tensors[l->by_name[i]]) < 0);
	}
}

static void check_slot(const struct layout *l, const uint8_t *data, size_t size)
{
	static const char carried[] = "carried";
	cleanup_buf struct buf bytes = BUF_INIT(SIZE_MAX / 4);
	cleanup_layout struct layout again = LAYOUT_INIT;
	cleanup_fd int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct wm_error err = { 0 };

	if (format_hdf5.embed(&bytes, l, carried, sizeof(carried), "fuzz", &err) != WM_OK) {
		require(strcmp(err.reason, "slot-key-taken") == 0);
		return;
	}
	require(buf_append(&bytes, data + l->slot_len, size - l->slot_len, NULL) == WM_OK);
	require(fd >= 0 && file_write_fd(fd, bytes.data, bytes.len, "fuzz", NULL) == WM_OK);
	require(format_parse(&again, fd, bytes.len, "fuzz.h5", &err) == WM_OK);
	require(again.slot_len == bytes.len - l->size && again.size == l->size);
	require(again.n_segments == l->n_segments && again.n_tensors == l->n_tensors);
	require(again.carried.len == sizeof(carried) &&
		memcmp(again.carried.data, carried, sizeof(carried)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_fd int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct wm_error err = { 0 };

	require(fd >= 0 && file_write_fd(fd, data, size, "fuzz", NULL) == WM_OK);
	if (format_parse(&l, fd, size, "fuzz.h5", &err) == WM_OK) {
		if (l.format != &format_hdf5)
			return 0;
		check_segments(&l, size);
		check_tensors(&l);
		check_slot(&l, data, size);
	} else {
		require(err.reason && strcmp(err.reason, "internal") != 0 &&
			strcmp(err.reason, "hdf5-sandbox") != 0 && !l.segments);
	}
	return 0;
}
