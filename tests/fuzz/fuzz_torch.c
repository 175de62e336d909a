/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PyTorch's archives and older files; what is neither is the pickle of an archive with two
 * storages of 64 bytes.
 * Layouts tile the file, tensors are runs of it or are gathered, names are in strict order. A
 * slot put into it leaves the view as it was, and carries what was given.
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

/* --- an archive around a pickle ---------------------------------------------------------- */

static void put(struct buf *out, uint64_t value, unsigned bytes)
{
	for (; bytes > 0; bytes--, value >>= 8)
		require(buf_append_byte(out, (uint8_t)value, NULL) == WM_OK);
}

static void put_record(struct buf *out, bool entry, const char *name, size_t len, size_t off)
{
	put(out, entry ? 0x02014b50 : 0x04034b50, 4);
	put(out, 20, entry ? 4 : 2);
	put(out, 0, 2 + 2 + 4 + 4); /* CRC-32 is not compared */
	put(out, len, 4);
	put(out, len, 4);
	put(out, strlen(name), 2);
	put(out, 0, 2);
	if (entry) {
		put(out, 0, 8);
		put(out, 0, 2);
		put(out, off, 4);
	}
	require(buf_append_str(out, name, NULL) == WM_OK);
}

static void wrap(struct buf *out, const uint8_t *pickle, size_t len)
{
	static const uint8_t storage[64] = { 1, 2, 3, 4 };
	const struct {
		const char *name;
		const void *data;
		size_t len;
	} members[] = {
		{ "archive/data.pkl", pickle, len },
		{ "archive/data/0", storage, sizeof(storage) },
		{ "archive/data/1", storage, sizeof(storage) },
		{ "archive/version", "3", 1 },
	};
	const size_t n = sizeof(members) / sizeof(members[0]);
	size_t offs[4], at;

	for (size_t i = 0; i < n; i++) {
		offs[i] = out->len;
		put_record(out, false, members[i].name, members[i].len, 0);
		require(buf_append(out, members[i].data, members[i].len, NULL) == WM_OK);
	}
	at = out->len;
	for (size_t i = 0; i < n; i++)
		put_record(out, true, members[i].name, members[i].len, offs[i]);
	put(out, 0x06054b50, 8);
	put(out, n, 2);
	put(out, n, 2);
	put(out, out->len - 12 - at, 4);
	put(out, at, 4);
	put(out, 0, 2);
}

/* --- what it has to be ------------------------------------------------------------------- */

static void check_segments(const struct layout *l, size_t size)
{
	uint64_t at = 0;

	const bool archive = l->format->embed != NULL;

	require(l->size + l->slot_len == size && (!archive || l->zone.to == l->size));
	for (size_t i = 0; i < l->n_segments; i++) {
		const struct segment *s = &l->segments[i];

		require(s->off == at && s->len > 0);
		at += s->len;
		require(!s->tensor || !archive || at <= l->zone.from);
	}
	require(at == l->size);
}

static enum wm_code count(void *context, const void *data, size_t len, struct wm_error *err)
{
	uint8_t sum = 0;

	(void)err;
	for (size_t i = 0; i < len; i++)
		sum ^= ((const uint8_t *)data)[i];
	*(volatile uint8_t *)&sum = sum;
	*(uint64_t *)context += len;
	return WM_OK;
}

static void check_tensors(const struct layout *l, const struct window *w)
{
	for (size_t i = 0; i < l->n_tensors; i++) {
		const struct tensor *t = &l->tensors[i];
		struct wm_error err = { 0 };
		uint64_t n, len, given = 0;

		require(tensor_elements(t, &n) && dtype_len(&len, t->dtype, n) && len == t->len);
		require(strlen(t->name) == t->name_len && t->len <= w->size);
		require(i == 0 || tensor_compare_names(&l->tensors[l->by_name[i - 1]],
						       &l->tensors[l->by_name[i]]) < 0);
		if (t->segment != SIZE_MAX)
			require(!t->source && l->segments[t->segment].tensor &&
				l->segments[t->segment].len == t->len);
		else
			require((t->len == 0) == !t->source);
		if (!t->source || i > 64)
			continue;
		require(l->format->gather(l, t, w, &(struct sink){ count, &given }, &err) ==
			WM_OK);
		require(given == t->len);
	}
}

static void check_slot(const struct layout *l, const uint8_t *data)
{
	static const char carried[] = "carried";
	cleanup_buf struct buf bytes = BUF_INIT(SIZE_MAX / 4);
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
	require(format_parse(&again, fd, bytes.len, "fuzz.pt", &err) == WM_OK);
	require(again.slot_len == bytes.len - l->size && !again.displaced);
	require(again.size == l->size && again.n_segments == l->n_segments);
	require(again.n_tensors == l->n_tensors && again.zone.from == l->zone.from);
	require(again.carried.len == sizeof(carried) &&
		memcmp(again.carried.data, carried, sizeof(carried)) == 0);
}

/* How an older file begins. */
static const uint8_t legacy[] = { 0x80, 2, 0x8a, 10, 0x6c };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_buf struct buf wrapped = BUF_INIT(SIZE_MAX / 4);
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_fd int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct wm_error err = { 0 };
	struct window w = { .fd = fd, .name = "fuzz.pt" };

	if ((size < 2 || memcmp(data, "PK", 2) != 0) &&
	    (size < sizeof(legacy) || memcmp(data, legacy, sizeof(legacy)) != 0)) {
		wrap(&wrapped, data, size);
		data = wrapped.data;
		size = wrapped.len;
	}
	w.size = size;
	require(fd >= 0 && file_write_fd(fd, data, size, "fuzz", NULL) == WM_OK);
	if (format_parse(&l, fd, size, "fuzz.pt", &err) == WM_OK) {
		if (l.format != &format_torch_zip && l.format != &format_torch_legacy)
			return 0;
		check_segments(&l, size);
		check_tensors(&l, &w);
		if (l.format->embed)
			check_slot(&l, data);
	} else {
		require(err.reason && strcmp(err.reason, "internal") != 0 && !l.segments);
	}
	return 0;
}
