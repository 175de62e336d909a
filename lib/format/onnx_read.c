/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the wire form of protocol buffers through a small cache; grammar in onnx.c. */
#include "format/onnx_read.h"

#include <string.h>

enum {
	VARINT_MAX = 10, /* bytes of 64 bits */
	TAG_MAX = UINT32_MAX,
};

void onnx_bytes_init(struct onnx_bytes *b, const struct window *file, uint64_t at,
		     struct layout *keep)
{
	b->file = *file;
	b->at = at;
	b->keep = keep;
	b->cached = 0;
	b->n_cached = 0;
}

static enum wm_code truncated(const struct onnx_bytes *b, uint64_t n, uint64_t end,
			      struct wm_error *err)
{
	return fail(err, REASON_ONNX_TRUNCATED,
		    "%s: %llu bytes should follow byte %llu, but there the message ends at %llu",
		    b->file.name, (unsigned long long)n, (unsigned long long)b->at,
		    (unsigned long long)end);
}

static enum wm_code malformed(const struct onnx_bytes *b, const char *what, struct wm_error *err)
{
	return fail(err, REASON_ONNX_MALFORMED, "%s: byte %llu: %s", b->file.name,
		    (unsigned long long)b->at, what);
}

/* Adds `n` bytes, which stand at `b->at` of the file, to what is kept. */
static enum wm_code keep(struct onnx_bytes *b, const void *data, size_t n, struct wm_error *err)
{
	struct layout *l = b->keep;
	struct piece *last = l->n_pieces ? &l->pieces[l->n_pieces - 1] : NULL;

	if (n > LIMIT_HEADER - l->head.len)
		return fail(err, REASON_HEADER_TOO_LARGE,
			    "%s: more than %d bytes besides packed tensors", b->file.name,
			    LIMIT_HEADER);
	TRY(buf_append(&l->head, data, n, err));
	if (last && last->off + last->len == b->at)
		last->len += n;
	else
		TRY(layout_add_piece(l, b->at, l->head.data, n, err));
	return WM_OK;
}

/* Copies the next `n` bytes, which are there, from the cache or the file. */
static enum wm_code copy(uint8_t *out, struct onnx_bytes *b, size_t n, uint64_t end,
			 struct wm_error *err)
{
	uint64_t at = b->at;

	while (n > 0) {
		size_t from, some;

		if (at < b->cached || at - b->cached >= b->n_cached) {
			const uint64_t left = b->keep ? b->file.size - at : end - at;

			if (n >= ONNX_CACHE)
				return window_read(&b->file, out, n, at, err);
			b->n_cached = 0;
			some = left < ONNX_CACHE ? (size_t)left : ONNX_CACHE;
			TRY(window_read(&b->file, b->cache, some, at, err));
			b->cached = at;
			b->n_cached = some;
		}
		from = (size_t)(at - b->cached);
		some = b->n_cached - from < n ? b->n_cached - from : n;
		memcpy(out, b->cache + from, some);
		out += some;
		at += some;
		n -= some;
	}
	return WM_OK;
}

enum wm_code onnx_bytes_read(void *out, struct onnx_bytes *b, size_t n, uint64_t end,
			     struct wm_error *err)
{
	if (n > end - b->at)
		return truncated(b, n, end, err);
	TRY(copy(out, b, n, end, err));
	if (b->keep)
		TRY(keep(b, out, n, err));
	b->at += n;
	return WM_OK;
}

enum wm_code onnx_bytes_take(struct cursor *out, struct onnx_bytes *b, uint64_t n, uint64_t end,
			     struct wm_error *err)
{
	uint8_t part[4096];
	struct buf *head = &b->keep->head;
	const size_t from = head->len;

	if (n > end - b->at)
		return truncated(b, n, end, err);
	if (n > LIMIT_HEADER - from)
		return fail(err, REASON_HEADER_TOO_LARGE,
			    "%s: more than %d bytes besides packed tensors", b->file.name,
			    LIMIT_HEADER);
	for (uint64_t left = n; left > 0;) {
		const size_t some = left < sizeof(part) ? (size_t)left : sizeof(part);

		TRY(onnx_bytes_read(part, b, some, end, err));
		left -= some;
	}
	*out = cursor_of(head->data + from, (size_t)n);
	return WM_OK;
}

enum wm_code onnx_bytes_skip(struct onnx_bytes *b, uint64_t n, uint64_t end, struct wm_error *err)
{
	if (n > end - b->at)
		return truncated(b, n, end, err);
	b->at += n;
	return WM_OK;
}

enum wm_code onnx_varint(uint64_t *out, struct onnx_bytes *b, uint64_t end, struct wm_error *err)
{
	uint64_t value = 0;
	uint8_t byte = 0x80;

	for (unsigned i = 0; byte & 0x80; i++) {
		TRY(onnx_bytes_read(&byte, b, 1, end, err));
		if (i == VARINT_MAX - 1 && byte > 1)
			return malformed(b, "a number of more than 64 bits", err);
		if (i > 0 && byte == 0)
			return malformed(b, "a number with more bytes than it needs", err);
		value |= (uint64_t)(byte & 0x7f) << 7 * i;
	}
	*out = value;
	return WM_OK;
}

enum wm_code onnx_tag(uint64_t *number, unsigned *wire, struct onnx_bytes *b, uint64_t end,
		      struct wm_error *err)
{
	uint64_t tag = 0;

	TRY(onnx_varint(&tag, b, end, err));
	*number = tag >> 3;
	*wire = tag & 7;
	if (tag > TAG_MAX || *number == 0 || *wire > ONNX_WIRE_32)
		return malformed(b, "a tag that no field can have", err);
	if (*wire == ONNX_WIRE_GROUP || *wire == ONNX_WIRE_GROUP_END)
		return fail(err, REASON_ONNX_FIELD, "%s: byte %llu: a group", b->file.name,
			    (unsigned long long)b->at);
	return WM_OK;
}

enum wm_code onnx_length(uint64_t *out, struct onnx_bytes *b, uint64_t end, struct wm_error *err)
{
	uint64_t n = 0;

	TRY(onnx_varint(&n, b, end, err));
	if (n > end - b->at)
		return truncated(b, n, end, err);
	*out = n;
	return WM_OK;
}

void onnx_close_pieces(struct layout *l)
{
	size_t from = 0;

	for (size_t i = 0; i < l->n_pieces; i++) {
		l->pieces[i].data = l->head.data + from;
		from += l->pieces[i].len;
	}
}

void onnx_cut_end(struct layout *l, size_t n)
{
	struct piece *last = &l->pieces[l->n_pieces - 1];

	last->len -= n;
	if (last->len == 0)
		l->n_pieces--;
	buf_truncate(&l->head, l->head.len - n);
}
