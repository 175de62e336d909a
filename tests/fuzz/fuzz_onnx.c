/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ONNX files: what is accepted has a layout that tiles the file, pieces that are its bytes,
 * tensors that fit their segments or can be gathered to their length, and names in strict
 * order. A slot put into it leaves the view as it was, and carries what was given.
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

static void check_layout(const struct layout *l, const uint8_t *data, size_t size)
{
	uint64_t at = 0;

	require(l->size + l->slot_len == size && l->zone.from == l->size && l->zone.to == l->size);
	for (size_t i = 0; i < l->n_segments; i++) {
		require(l->segments[i].off == at && l->segments[i].len > 0);
		at += l->segments[i].len;
	}
	require(at == l->size);
	at = 0;
	for (size_t i = 0; i < l->n_pieces; i++) {
		const struct piece *p = &l->pieces[i];

		require(p->off >= at && p->len > 0 && p->len <= l->size - p->off);
		require(memcmp(p->data, data + p->off, p->len) == 0);
		at = p->off + p->len;
	}
}

static enum wm_code add_len(void *context, const void *data, size_t len, struct wm_error *err)
{
	(void)data, (void)err;
	*(uint64_t *)context += len;
	return WM_OK;
}

static void check_tensors(const struct layout *l, const struct window *w)
{
	for (size_t i = 0; i < l->n_tensors; i++) {
		const struct tensor *t = &l->tensors[i];
		const unsigned block = dtype_info(t->dtype)->elements;
		uint64_t n, len, gathered = 0;
		const struct sink sink = { add_len, &gathered };

		require(tensor_elements(t, &n));
		require(dtype_len(&len, t->dtype, n + (block - n % block) % block) && len == t->len);
		require(t->name_len > 0 && strlen(t->name) == t->name_len);
		require((t->segment == SIZE_MAX) == (t->len == 0 || t->source));
		if (t->segment != SIZE_MAX) {
			require(l->segments[t->segment].len == t->len);
			require(l->segments[t->segment].tensor);
		} else if (t->source) {
			require(format_onnx.gather(l, t, w, &sink, NULL) == WM_OK);
			require(gathered == t->len);
		}
		require(i == 0 || tensor_compare_names(&l->tensors[l->by_name[i - 1]],
						       &l->tensors[l->by_name[i]]) < 0);
	}
}

static void check_slot(const struct layout *l, const uint8_t *data)
{
	static const char carried[] = "carried";
	cleanup_buf struct buf bytes = BUF_INIT(SIZE_MAX / 4);
	cleanup_layout struct layout again = LAYOUT_INIT;
	cleanup_fd int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct wm_error err = { 0 };

	require(buf_append(&bytes, data, (size_t)l->size, NULL) == WM_OK);
	if (format_onnx.embed(&bytes, l, carried, sizeof(carried), "fuzz", &err) != WM_OK) {
		require(l->displaced || strcmp(err.reason, "slot-key-taken") == 0);
		return;
	}
	require(fd >= 0 && file_write_fd(fd, bytes.data, bytes.len, "fuzz", NULL) == WM_OK);
	require(format_parse(&again, fd, bytes.len, "fuzz.onnx", &err) == WM_OK);
	require(again.slot_len == bytes.len - l->size && !again.displaced);
	require(again.size == l->size && again.n_segments == l->n_segments);
	require(again.n_pieces == l->n_pieces && again.head.len == l->head.len);
	require(memcmp(again.head.data, l->head.data, l->head.len) == 0);
	require(again.carried.len == sizeof(carried) &&
		memcmp(again.carried.data, carried, sizeof(carried)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_fd int fd = memfd_create("fuzz", MFD_CLOEXEC);
	const struct window w = { .fd = fd, .size = size, .name = "fuzz.onnx" };
	struct wm_error err = { 0 };

	require(fd >= 0 && file_write_fd(fd, data, size, "fuzz", NULL) == WM_OK);
	if (format_parse(&l, fd, size, "fuzz.onnx", &err) == WM_OK) {
		check_layout(&l, data, size);
		check_tensors(&l, &w);
		check_slot(&l, data);
	} else {
		require(err.reason && strcmp(err.reason, "internal") != 0 && !l.segments);
	}
	return 0;
}
