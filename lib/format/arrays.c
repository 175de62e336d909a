/* SPDX-License-Identifier: Apache-2.0 */
/* From NumPy's arrays to tensors, segments, and bytes that are gathered. */
#include "format/arrays.h"

#include <stdlib.h>
#include <string.h>


#include "format/inflate.h"
#include "format/place.h"
#include "format/strided.h"
#include "util/cleanup.h"

enum {
	STEP_BYTES = 65536,
	SCRATCH = 1 << 20,
	TURN_MAX = LIMIT_HEADER, /* of an array that is turned in memory */
};

/* Of a tensor that is no run of the file. */
struct source {
	struct strided strided; /* of one that is not deflated; else the strides count alone */
	struct arrays_place place;
	bool fortran; /* and strides differ from those of row-major order */
	bool says_fortran;
	size_t head_len;
};

void arrays_release(struct arrays *a)
{
	free(a->offs);
	arena_release(&a->scratch);
}

/* --- adding -------------------------------------------------------------------------- */

static struct window stored(const struct arrays_place *p, const struct window *w)
{
	return (struct window){ .fd = w->fd, .off = w->off + p->off, .size = p->stored_len,
				.name = w->name, .stream = w->stream };
}

static enum wm_code inflate_start(struct arrays *a, const struct arrays_place *p,
				  struct wm_error *err)
{
	const struct window w = stored(p, a->file);

	if (a->inflate)
		return inflate_restart(a->inflate, &w, err);
	a->scratch = (struct arena)ARENA_INIT(SCRATCH);
	return inflate_open(&a->inflate, &a->scratch, &w, INFLATE_RAW, err);
}

/* All that is parsed is counted, also what is inflated for it. */
static enum wm_code count_parsed(struct arrays *a, size_t len, struct wm_error *err)
{
	if (len > LIMIT_HEADER - a->parsed)
		return fail(err, REASON_HEADER_TOO_LARGE, "%s: its headers have over %d bytes",
			    a->file->name, LIMIT_HEADER);
	a->parsed += len;
	return WM_OK;
}

/* Makes bytes of the file a piece of the layout. */
static enum wm_code keep_piece(struct arrays *a, const uint8_t *data, size_t len, uint64_t off,
			       struct wm_error *err)
{
	char *copy = NULL;

	TRY(arena_copy(&copy, &a->layout->arena, data, len, err));
	return layout_add_piece(a->layout, off, copy, len, err);
}

enum wm_code arrays_peek(struct arrays *a, uint8_t *out, size_t cap, size_t *n,
			 const struct arrays_place *p, bool keep, struct wm_error *err)
{
	if (p->deflated) {
		TRY(inflate_start(a, p, err));
		return inflate_read(a->inflate, out, cap, n, err);
	}
	*n = p->len < cap ? (size_t)p->len : cap;
	TRY(count_parsed(a, keep ? *n : 0, err));
	TRY(window_read(a->file, out, *n, p->off, err));
	return keep ? keep_piece(a, out, *n, p->off, err) : WM_OK;
}

/* Reads the head of an array, and keeps it where it stands in the file. */
static enum wm_code read_head(struct arrays *a, struct npy *out, const char *name,
			      const struct arrays_place *p, struct wm_error *err)
{
	uint8_t head[NPY_HEAD];
	size_t n = 0, len = 0, more = 0;

	TRY(arrays_peek(a, head, NPY_START, &n, p, false, err));
	if (n < NPY_START)
		return fail(err, REASON_NPY_MALFORMED, "%s: has %zu bytes", name, n);
	TRY(npy_head_len(&len, head, name, err));
	TRY(count_parsed(a, len, err));
	if (p->deflated) {
		if (len > n)
			TRY(inflate_read(a->inflate, head + n, len - n, &more, err));
	} else if (len <= p->len) {
		more = len - n;
		TRY(window_read(a->file, head + n, more, p->off + n, err));
	}
	if (more < len - n)
		return fail(err, REASON_NPY_MALFORMED, "%s: ends within its header", name);
	TRY(npy_read(out, head, len, p->len, name, err));
	return p->deflated ? WM_OK : keep_piece(a, head, len, p->off, err);
}

/* The strides of the array's elements as they stand. */
static void set_strides(uint64_t *strides, const struct npy *n)
{
	uint64_t step = 1;

	for (unsigned i = 0; i < n->rank; i++) {
		unsigned axis = n->fortran ? i : n->rank - 1 - i;

		strides[axis] = step;
		step *= n->dims[axis]; /* at most 2^63 - 1, or 0 */
	}
}

static enum wm_code add_source(struct arrays *a, struct tensor *t, uint64_t *off,
			       const struct npy *n, const struct arrays_place *p,
			       struct wm_error *err)
{
	void *memory = NULL, *strides = NULL;
	struct source *s;
	bool run;

	if (t->len == 0)
		return WM_OK;
	TRY(arena_alloc(&strides, &a->layout->arena, (n->rank + 1) * sizeof(uint64_t), err));
	set_strides(strides, n);
	run = strided_is_contiguous(t, strides);
	if (run && !p->deflated) {
		*off = p->off + n->head_len;
		return WM_OK;
	}
	if (!run && p->deflated && t->len > TURN_MAX)
		return fail(err, REASON_INFLATE_ORDER,
			    "%s: '%.80s', compressed and in Fortran order, has over %d bytes",
			    a->file->name, t->name, TURN_MAX);
	TRY(arena_alloc(&memory, &a->layout->arena, sizeof(*s), err));
	s = memory;
	s->strided = (struct strided){ p->off + n->head_len, dtype_info(n->dtype)->bytes, strides };
	s->place = *p;
	s->fortran = !run;
	s->says_fortran = n->fortran;
	s->head_len = n->head_len;
	t->source = s;
	return WM_OK;
}

enum wm_code arrays_add(struct arrays *a, const char *name, const struct arrays_place *p,
			struct wm_error *err)
{
	struct layout *l = a->layout;
	void *dims = NULL;
	struct tensor t = { .name = name, .name_len = strlen(name), .segment = SIZE_MAX };
	cleanup_buf struct buf where = BUF_INIT(LIMIT_MESSAGE);
	uint64_t off = PLACE_NONE;
	struct npy n;

	TRY(buf_printf(&where, err, "%.100s: array '%.80s'", a->file->name, name));
	TRY(read_head(a, &n, buf_str(&where), p, err));
	TRY(arena_alloc(&dims, &l->arena, (n.rank + 1) * sizeof(uint64_t), err));
	memcpy(dims, n.dims, n.rank * sizeof(uint64_t));
	t.dtype = n.dtype;
	t.rank = n.rank;
	t.dims = dims;
	t.len = n.len;
	TRY(add_source(a, &t, &off, &n, p, err));
	return place_add(l, &a->offs, &t, off, a->file->name, err);
}

enum wm_code arrays_finish(struct arrays *a, struct wm_error *err)
{
	struct layout *l = a->layout;

	l->has_tensors = true;
	layout_sort_pieces(l);
	TRY(place_segments(l, a->offs, err));
	return layout_sort_names(l, REASON_ZIP_DUPLICATE, a->file->name, err);
}

/* --- gathering ----------------------------------------------------------------------- */

/* A deflated array while its bytes are taken. */
struct packed {
	const struct source *source;
	const struct tensor *tensor;
	const char *name;
	struct inflate *inflate;
	uint32_t crc;
};

static enum wm_code next_bytes(struct packed *p, uint8_t *out, size_t len, struct wm_error *err)
{
	size_t n = 0;

	TRY(inflate_read(p->inflate, out, len, &n, err));
	p->crc = inflate_crc32(p->crc, out, n);
	if (n < len)
		return fail(err, REASON_INFLATE_SHORT, "%s: '%.80s' ends too early", p->name,
			    p->tensor->name);
	return WM_OK;
}

/* The head must still be that of the tensor. */
static enum wm_code skip_head(struct packed *p, struct wm_error *err)
{
	const struct tensor *t = p->tensor;
	uint8_t head[NPY_HEAD];
	size_t len = 0;
	struct npy n;

	TRY(next_bytes(p, head, NPY_START, err));
	TRY(npy_head_len(&len, head, p->name, err));
	TRY(next_bytes(p, head + NPY_START, len - NPY_START, err));
	TRY(npy_read(&n, head, len, p->source->place.len, p->name, err));
	if (len != p->source->head_len || n.dtype != t->dtype || n.rank != t->rank ||
	    n.fortran != p->source->says_fortran ||
	    memcmp(n.dims, t->dims, n.rank * sizeof(*n.dims)) != 0)
		return fail(err, REASON_FILE_CHANGED, "%s: '%.80s' changed while it was read",
			    p->name, t->name);
	return WM_OK;
}

/* All was taken: nothing is left, and it is what the archive says. */
static enum wm_code check_end(struct packed *p, struct wm_error *err)
{
	uint8_t byte;
	size_t n = 0;

	TRY(inflate_read(p->inflate, &byte, 1, &n, err));
	if (n > 0)
		return fail(err, REASON_ZIP_MALFORMED,
			    "%s: '%.80s' inflates to more than it should", p->name,
			    p->tensor->name);
	if (p->crc != p->source->place.crc32)
		return fail(err, REASON_ZIP_CHECKSUM, "%s: '%.80s' has CRC-32 %08x, not %08x",
			    p->name, p->tensor->name, p->crc, p->source->place.crc32);
	return WM_OK;
}

static enum wm_code gather_in_order(struct packed *p, const struct sink *sink,
				    struct wm_error *err)
{
	cleanup_free uint8_t *bytes = malloc(STEP_BYTES);
	uint64_t left = p->tensor->len;

	if (!bytes)
		return fail_nomem(err);
	while (left > 0) {
		size_t len = left < STEP_BYTES ? (size_t)left : STEP_BYTES;

		TRY(next_bytes(p, bytes, len, err));
		TRY(sink->take(sink->context, bytes, len, err));
		left -= len;
	}
	return check_end(p, err);
}

static enum wm_code gather_turned(struct packed *p, const struct sink *sink, struct wm_error *err)
{
	cleanup_free uint8_t *bytes = malloc((size_t)p->tensor->len);

	if (!bytes)
		return fail_nomem(err);
	TRY(next_bytes(p, bytes, (size_t)p->tensor->len, err));
	TRY(check_end(p, err));
	return strided_gather_memory(&p->source->strided, p->tensor, bytes, sink, err);
}

enum wm_code arrays_gather(const struct layout *l, const struct tensor *t, const struct window *w,
			   const struct sink *sink, struct wm_error *err)
{
	cleanup_arena struct arena scratch = ARENA_INIT(SCRATCH);
	const struct source *s = t->source;
	struct packed p = { .source = s, .tensor = t, .name = w->name };
	struct window in = stored(&s->place, w);

	(void)l;
	if (!s->place.deflated)
		return strided_gather(&s->strided, t, w, sink, err);
	TRY(inflate_open(&p.inflate, &scratch, &in, INFLATE_RAW, err));
	TRY(skip_head(&p, err));
	return s->fortran ? gather_turned(&p, sink, err) : gather_in_order(&p, sink, err);
}
