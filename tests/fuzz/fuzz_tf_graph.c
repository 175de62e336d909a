/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Graphs of SavedModels: what is accepted has pieces that are bytes of the file, ascending, and
 * imports in order that each have a name.
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_fd int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct wm_error err = { 0 };
	uint64_t at = 0;

	require(fd >= 0 && file_write_fd(fd, data, size, "fuzz", NULL) == WM_OK);
	if (format_parse(&l, fd, size, "saved_model.pb", &err) != WM_OK) {
		require(err.reason && strcmp(err.reason, "internal") != 0 && !l.segments);
		return 0;
	}
	require(l.format == &format_tf_graph && l.size == size && l.n_segments == 1);
	require(l.n_tensors == 0 && !l.has_tensors && l.slot_len == 0);
	for (size_t i = 0; i < l.n_pieces; i++) {
		const struct piece *p = &l.pieces[i];

		require(p->off >= at && p->len <= size - p->off);
		require(memcmp(p->data, data + p->off, p->len) == 0);
		at = p->off + p->len;
	}
	for (size_t i = 0; i < l.n_imports; i++) {
		require(strncmp(l.imports[i].name, "tf:", 3) == 0 && l.imports[i].name[3]);
		require(i == 0 || strcmp(l.imports[i - 1].name, l.imports[i].name) < 0);
	}
	return 0;
}
