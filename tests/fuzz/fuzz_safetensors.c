/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safetensors files: what is accepted has a layout that tiles the view, tensors that fit
 * their segments, and names in strict order. What is embedded is read back and leaves the
 * view as it was; and a slot is just what embedding makes.
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

static enum wm_code parse(struct layout *l, const uint8_t *data, size_t size, struct wm_error *err)
{
	cleanup_fd int fd = memfd_create("fuzz", MFD_CLOEXEC);

	require(fd >= 0 && file_write_fd(fd, data, size, "fuzz", NULL) == WM_OK);
	return format_parse(l, fd, size, "fuzz.safetensors", err);
}

static enum wm_code embed(struct buf *out, const struct layout *l, const void *carried, size_t len,
			  struct wm_error *err)
{
	return l->format->embed(out, l, carried, len, "fuzz.safetensors", err);
}

static bool same_bytes(const struct buf *a, const void *data, size_t len)
{
	return a->len == len && memcmp(a->data, data, len) == 0;
}

/* What the metadata of a view says, and what stands in the way of embedding. */
static bool has_key(const struct layout *l)
{
	return l->metadata.root && node_find(l->metadata.root, "weightmark");
}

static void check_embedding(const struct layout *l, const uint8_t *data, size_t size)
{
	cleanup_buf struct buf file = BUF_INIT(SIZE_MAX / 4);
	cleanup_layout struct layout again = LAYOUT_INIT;
	struct wm_error err = { 0 };
	const size_t behind = l->head.len + (size_t)l->slot_len;
	const size_t len = size < 8192 ? size : 8192;

	if (l->slot_len) {
		require(!l->displaced && !has_key(l) && l->slot_len % 4096 == 0);
		require(embed(&file, l, l->carried.data, l->carried.len, NULL) == WM_OK);
		require(same_bytes(&file, data, behind));
		buf_truncate(&file, 0);
	}
	if (embed(&file, l, data, len, &err) != WM_OK) {
		require(strcmp(err.reason, "header-too-large") == 0 || has_key(l));
		require(!l->displaced || strcmp(err.reason, "slot-displaced") == 0);
		return;
	}
	require(!has_key(l) && !l->displaced);
	require(buf_append(&file, data + behind, size - behind, NULL) == WM_OK);
	require(parse(&again, file.data, file.len, NULL) == WM_OK);
	require(same_bytes(&again.carried, data, len) && again.size == l->size);
	require(same_bytes(&again.head, l->head.data, l->head.len));
	require(again.size + again.slot_len == file.len && !again.displaced);
	require(again.n_tensors == l->n_tensors && again.loose_spaces == l->loose_spaces);
	require(!again.metadata.root == !l->metadata.root);
	check_layout(&again, again.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	if (parse(&l, data, size, &err) == WM_OK) {
		require(l.size + l.slot_len == size);
		check_layout(&l, l.size);
		check_embedding(&l, data, size);
	} else {
		require(err.reason && strcmp(err.reason, "internal") != 0 && !l.segments);
	}
	return 0;
}
