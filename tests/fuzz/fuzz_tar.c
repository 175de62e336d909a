/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tar files, with the check sums of their headers as they are and as they should be: what is
 * accepted has a layout that tiles the file, pieces that are its bytes, tensors that fit their
 * segments, and names in strict order. A slot put into it leaves the view as it was, and carries
 * what was given. The same archive compressed has the same tensors, with the same bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>

#include "format/format.h"
#include "util/file.h"

enum { BLOCK = 512, SUM = 148, SUM_BYTES = 8, MAGIC = 257 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static enum wm_code parse(struct layout *l, int *fd, const uint8_t *data, size_t size,
			  const char *name, struct wm_error *err)
{
	*fd = memfd_create("fuzz", MFD_CLOEXEC);
	require(*fd >= 0 && file_write_fd(*fd, data, size, "fuzz", NULL) == WM_OK);
	return format_parse(l, *fd, size, name, err);
}

static void check_bytes(const struct layout *l, const uint8_t *data, size_t size)
{
	uint64_t at = 0, end = 0;

	require(l->size + l->slot_len == size && l->zone.to == l->size);
	for (size_t i = 0; i < l->n_segments; i++) {
		require(l->segments[i].off == at && l->segments[i].len > 0);
		at += l->segments[i].len;
	}
	require(at == l->size);
	for (size_t i = 0; i < l->n_pieces; i++) {
		const struct piece *p = &l->pieces[i];

		require(p->off >= end && p->len <= l->size - p->off);
		end = p->off + p->len;
		require(memcmp(data + p->off + (p->off < l->zone.from ? 0 : l->slot_len), p->data,
			       p->len) == 0);
	}
	require(end == l->size);
}

static void check_tensors(const struct layout *l)
{
	for (size_t i = 0; i < l->n_tensors; i++) {
		const struct tensor *t = &l->tensors[i];
		uint64_t n, len;

		require(tensor_elements(t, &n) && dtype_len(&len, t->dtype, n) && len == t->len);
		require(strlen(t->name) == t->name_len);
		if (t->segment != SIZE_MAX) {
			require(l->segments[t->segment].len == t->len);
			require(l->segments[t->segment].tensor);
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
	struct wm_error err = { 0 };
	cleanup_fd int fd = -1;

	require(buf_append(&bytes, data, (size_t)l->zone.from, NULL) == WM_OK);
	if (format_tar.embed(&bytes, l, carried, sizeof(carried), "fuzz", &err) != WM_OK) {
		require(l->displaced || strcmp(err.reason, "slot-key-taken") == 0);
		return;
	}
	require(parse(&again, &fd, bytes.data, bytes.len, "fuzz.tar", &err) == WM_OK);
	require(again.slot_len == bytes.len - l->size && !again.displaced);
	require(again.size == l->size && again.n_segments == l->n_segments);
	require(again.n_pieces == l->n_pieces && again.zone.from == l->zone.from);
	require(again.carried.len == sizeof(carried) &&
		memcmp(again.carried.data, carried, sizeof(carried)) == 0);
}

/* Compares with what comes of the tensor. */
struct expected {
	const uint8_t *data;
	size_t left;
};

static enum wm_code take(void *context, const void *data, size_t len, struct wm_error *err)
{
	struct expected *e = context;

	(void)err;
	require(len <= e->left && memcmp(e->data, data, len) == 0);
	e->data += len;
	e->left -= len;
	return WM_OK;
}

static void check_compressed(const struct layout *l, const uint8_t *data, size_t size)
{
	uLongf len = compressBound(size) + 64;
	cleanup_free uint8_t *gz = malloc(len), *copy = malloc(size);
	cleanup_layout struct layout m = LAYOUT_INIT;
	struct wm_error err = { 0 };
	z_stream z = { 0 };
	cleanup_fd int fd = -1;
	struct window w;

	require(gz && copy && deflateInit2(&z, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	memcpy(copy, data, size);
	z.next_in = copy;
	z.avail_in = (unsigned)size;
	z.next_out = gz;
	z.avail_out = (unsigned)len;
	require(deflate(&z, Z_FINISH) == Z_STREAM_END);
	len = z.total_out;
	deflateEnd(&z);
	require(parse(&m, &fd, gz, len, "fuzz.tar.gz", &err) == WM_OK);
	require(m.size == len && m.n_segments == 1 && m.n_tensors == l->n_tensors);
	w = (struct window){ .fd = fd, .size = len, .name = "fuzz.tar.gz" };
	for (size_t i = 0; i < l->n_tensors; i++) {
		const struct tensor *t = &l->tensors[i];
		struct expected e = { data, t->len };
		const struct sink sink = { take, &e };

		require(strcmp(t->name, m.tensors[i].name) == 0 && t->len == m.tensors[i].len);
		if (t->segment == SIZE_MAX)
			continue;
		e.data = data + l->segments[t->segment].off;
		require(m.format->gather(&m, &m.tensors[i], &w, &sink, &err) == WM_OK);
		require(e.left == 0);
	}
}

static void check(const uint8_t *data, size_t size, const char *name)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };
	cleanup_fd int fd = -1;

	if (parse(&l, &fd, data, size, name, &err) != WM_OK) {
		require(err.reason && strcmp(err.reason, "internal") != 0 && !l.segments);
		return;
	}
	check_tensors(&l);
	if (l.format != &format_tar)
		return;
	check_bytes(&l, data, size);
	check_slot(&l, data);
	/* What embeds is no part of the compressed one's grammar: it is a file like others. */
	if (l.slot_len == 0)
		check_compressed(&l, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free uint8_t *repaired = malloc(size + 1);

	if (size >= 2 && data[0] == 0x1f && data[1] == 0x8b) {
		check(data, size, "fuzz.tar.gz");
		return 0;
	}
	check(data, size, "fuzz.tar");
	require(repaired != NULL);
	memcpy(repaired, data, size);
	for (size_t at = 0; at + BLOCK <= size; at += BLOCK) {
		uint8_t *header = repaired + at;
		unsigned sum = 0;

		if (memcmp(header + MAGIC, "ustar", 5) != 0)
			continue;
		memset(header + SUM, ' ', SUM_BYTES);
		for (size_t i = 0; i < BLOCK; i++)
			sum += header[i];
		snprintf((char *)header + SUM, SUM_BYTES - 1, "%06o", sum);
	}
	check(repaired, size, "fuzz.tar");
	return 0;
}
