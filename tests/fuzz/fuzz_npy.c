/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NumPy's arrays, archives of them and Keras's models, told by the first byte: what is
 * accepted has a layout that tiles the file, and tensors that are segments or can be
 * gathered, or are refused then. A slot put into it leaves the view as it was.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "format/format.h"
#include "util/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = { "fuzz.npy", "fuzz.npz", "fuzz.keras" };

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_segments(const struct layout *l, const uint8_t *data, size_t size)
{
	uint64_t at = 0, end = 0;

	require(l->size + l->slot_len == size);
	for (size_t i = 0; i < l->n_segments; i++) {
		require(l->segments[i].off == at && l->segments[i].len > 0);
		at += l->segments[i].len;
	}
	require(at == l->size);
	for (size_t i = 0; i < l->n_pieces; i++) {
		const struct piece *p = &l->pieces[i];

		require(p->off >= end && p->len <= l->size - p->off);
		end = p->off + p->len;
		if (l->slot_len == 0 || p->off < l->zone.from)
			require(memcmp(data + p->off, p->data, p->len) == 0);
	}
}

static enum wm_code take(void *context, const void *data, size_t len, struct wm_error *err)
{
	uint64_t *sum = context;

	(void)data, (void)err;
	*sum += len;
	return WM_OK;
}

static void check_tensors(const struct layout *l, int fd, size_t size)
{
	for (size_t i = 0; i < l->n_tensors; i++) {
		const struct tensor *t = &l->tensors[i];
		const struct window w = { .fd = fd, .size = size, .name = "fuzz" };
		struct wm_error err = { 0 };
		uint64_t n, len, sum = 0;
		const struct sink sink = { take, &sum };

		require(tensor_elements(t, &n) && dtype_len(&len, t->dtype, n) && len == t->len);
		require(t->name_len > 0 && strlen(t->name) == t->name_len);
		require((t->segment != SIZE_MAX) + (t->source != NULL) == (t->len > 0));
		if (t->segment != SIZE_MAX)
			require(l->segments[t->segment].len == t->len &&
				l->segments[t->segment].tensor);
		else if (t->source && l->format->gather(l, t, &w, &sink, &err) == WM_OK)
			require(sum == t->len);
		else
			require(!t->source || strcmp(err.reason, "internal") != 0);
		require(i == 0 || tensor_compare_names(&l->tensors[l->by_name[i - 1]],
						       &l->tensors[l->by_name[i]]) < 0);
	}
}

static void check_slot(const struct layout *l, const uint8_t *data, const char *name)
{
	static const char carried[] = "carried";
	cleanup_buf struct buf bytes = BUF_INIT(SIZE_MAX / 4), zone = BUF_INIT(SIZE_MAX / 4);
	cleanup_buf struct buf after = BUF_INIT(SIZE_MAX / 4);
	cleanup_layout struct layout again = LAYOUT_INIT;
	cleanup_fd int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct wm_error err = { 0 };

	require(buf_append(&bytes, data, (size_t)l->zone.from, NULL) == WM_OK);
	if (l->format->embed(&bytes, l, carried, sizeof(carried), "fuzz", &err) != WM_OK) {
		require(l->displaced || strcmp(err.reason, "slot-key-taken") == 0 ||
			strcmp(err.reason, "no-slot") == 0);
		return;
	}
	require(fd >= 0 && file_write_fd(fd, bytes.data, bytes.len, "fuzz", NULL) == WM_OK);
	require(format_parse(&again, fd, bytes.len, name, &err) == WM_OK);
	require(again.slot_len == bytes.len - l->size && !again.displaced);
	require(again.size == l->size && again.n_segments == l->n_segments);
	require(again.n_tensors == l->n_tensors);
	require(again.carried.len == sizeof(carried) &&
		memcmp(again.carried.data, carried, sizeof(carried)) == 0);
	require(layout_append_zone(&zone, l, NULL) == WM_OK);
	require(layout_append_zone(&after, &again, NULL) == WM_OK);
	require(zone.len == after.len && memcmp(zone.data, after.data, zone.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_fd int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct wm_error err = { 0 };
	const char *name;

	if (size < 1)
		return 0;
	name = names[data[0] % (sizeof(names) / sizeof(names[0]))];
	data++, size--;
	require(fd >= 0 && file_write_fd(fd, data, size, "fuzz", NULL) == WM_OK);
	if (format_parse(&l, fd, size, name, &err) != WM_OK) {
		require(err.reason && strcmp(err.reason, "internal") != 0 && !l.segments);
		return 0;
	}
	check_segments(&l, data, size);
	check_tensors(&l, fd, size);
	if (l.format->embed)
		check_slot(&l, data, name);
	return 0;
}
