/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HDF5 (.h5, .hdf5), also as Keras writes it: groups of data sets.
 *
 *	file      = block? HDF5
 *	block     = 512 * 2^n bytes before the signature: a slot, or somebody's user block
 *	HDF5      = what libhdf5 reads (HDF5 File Format Specification 3.0), of which is taken
 *	group     = links to groups, data sets and, softly, to data sets of the same file; names
 *	            without "/"; each group by one link
 *	data set  = a tensor named by its path, without the slash in front; or text, which is none
 *	type      = little-endian integers of 1, 2, 4, 8 bytes, IEEE 754 of 2, 4, 8; bool and
 *	            complex numbers as h5py writes them, bfloat16 as Keras does
 *	storage   = one run of the file, chunks, or in the head of the data set
 *	filters   = deflate, shuffle, fletcher32
 *	attribute = model_config, training_config of the root: JSON, of which imports are made;
 *	            all others are not looked at
 *
 * Anything else is refused: links and data in other files, virtual data sets, other filters and
 * types. The library runs in a child that is shut in (format/hdf5_child.h), and what it lists is
 * checked as if the file had said it (format/hdf5_take.c). Tensors that are no run are read by
 * such a child again.
 *
 * A slot (format/slot.h, form "u") is a user block of k * 4096 bytes, k a power of two, that is
 * nothing but the value. All addresses of HDF5 count from the signature, so nothing moves.
 */
#include "format/format.h"

#include <stdlib.h>
#include <string.h>

#include "format/hdf5_child.h"
#include "format/hdf5_internal.h"
#include "format/slot.h"
#include "util/base64.h"
#include "util/cleanup.h"

static const uint8_t signature[8] = { 0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n' };
static const char slot_start[] = "wm1.u.";

enum {
	SLOT_FORM = 'u',
	BLOCK_FIRST = 512,	/* where the signature may stand besides 0; then twice that */
	BLOCK_MAX = 2 << 20,	/* of the slots that hold LIMIT_SLOT */
	READ_BYTES = 1 << 20,
	/* Bytes of a file, and of a tensor, that a second more of the processor is given for. */
	LIST_RATE = 4 << 20,
	READ_RATE = 8 << 20,
	LIST_SECONDS_MAX = 10,
	CLOCK_FACTOR = 10, /* seconds by the clock for each, where others work beside us */
};

/* Finds the signature, where the library looks for it. */
static enum wm_code find_signature(uint64_t *at, const struct window *w, struct wm_error *err)
{
	for (*at = 0; *at < w->size && w->size - *at >= sizeof(signature);
	     *at = *at ? 2 * *at : BLOCK_FIRST) {
		uint8_t bytes[sizeof(signature)];

		TRY(window_read(w, bytes, sizeof(bytes), *at, err));
		if (memcmp(bytes, signature, sizeof(bytes)) == 0)
			return WM_OK;
		if (*at > w->size / 2)
			break;
	}
	return fail(err, REASON_HDF5_MALFORMED, "%s: has no signature of HDF5", w->name);
}

/* Appends the slot that carries these bytes. */
static enum wm_code write_slot(struct buf *out, const void *carried, size_t len,
			       struct wm_error *err)
{
	const size_t before = out->len;
	size_t unit = SLOT_UNIT;

	if (len <= LIMIT_SLOT)
		while (unit < base64_len(len))
			unit *= 2;
	TRY(slot_write_value(out, SLOT_FORM, 0, unit, carried, len, err));
	if (out->len - before == unit)
		return WM_OK;
	buf_truncate(out, before);
	return slot_write_value(out, SLOT_FORM, 0, 2 * unit, carried, len, err);
}

/* Looks at the block before the signature: a slot only if it is what write_slot() makes. */
static enum wm_code find_slot(struct layout *l, const struct window *w, uint64_t len,
			      struct wm_error *err)
{
	cleanup_buf struct buf block = BUF_INIT(BLOCK_MAX), again = BUF_INIT(BLOCK_MAX);
	bool is_slot = false;
	char form;

	if (len < SLOT_UNIT || len > BLOCK_MAX)
		return WM_OK;
	TRY(buf_reserve(&block, (size_t)len, err));
	TRY(window_read(w, block.data, (size_t)len, 0, err));
	TRY(slot_read_value(&is_slot, &form, &l->carried, (const char *)block.data, (size_t)len,
			    err));
	if (!is_slot)
		return WM_OK;
	TRY(write_slot(&again, l->carried.data, l->carried.len, err));
	if (form == SLOT_FORM && again.len == len && memcmp(again.data, block.data, again.len) == 0)
		l->slot_len = len;
	else
		buf_truncate(&l->carried, 0);
	return WM_OK;
}

/* What the library reads: from the signature on, so that what it says counts from there. */
static struct window view_of(const struct window *w, uint64_t signature_at)
{
	return (struct window){ .fd = w->fd, .off = w->off + signature_at,
				.size = w->size - signature_at, .name = w->name };
}

/* A damaged heap makes libhdf5 turn round for ever: small files are given little. */
static struct hdf5_time time_to_list(uint64_t size)
{
	const uint64_t more = size / LIST_RATE;
	const uint64_t seconds = more < LIST_SECONDS_MAX ? 1 + more : LIST_SECONDS_MAX;

	return (struct hdf5_time){ seconds, seconds * CLOCK_FACTOR };
}

static struct hdf5_time time_to_read(uint64_t len)
{
	const uint64_t seconds = LIST_SECONDS_MAX + len / READ_RATE;

	return (struct hdf5_time){ seconds, seconds * CLOCK_FACTOR };
}

static enum wm_code append(void *context, const void *data, size_t len, struct wm_error *err)
{
	return buf_append(context, data, len, err);
}

static enum wm_code parse(struct layout *l, const struct window *w, struct wm_error *err)
{
	cleanup_buf struct buf list = BUF_INIT(HDF5_LIST_MAX);
	const struct sink sink = { append, &list };
	uint64_t at = 0;
	char *copy = NULL;
	struct window view;

	/* The child reads the file alone, and knows nothing of what it inflates to. */
	if (w->stream)
		return fail(err, REASON_INFLATE_HDF5, "%s: stands in a compressed archive",
			    w->name);
	TRY(find_signature(&at, w, err));
	TRY(find_slot(l, w, at, err));
	l->size = w->size - l->slot_len;
	view = view_of(w, at);
	if (l->slot_len == at) {
		TRY(arena_copy(&copy, &l->arena, signature, sizeof(signature), err));
		TRY(layout_add_piece(l, 0, copy, sizeof(signature), err));
	}
	TRY(hdf5_child_run(&sink, &view, hdf5_list, w->name, time_to_list(l->size), err));
	return hdf5_take_list(l, at - l->slot_len, list.data, list.len, w->name, err);
}

/* Where the view begins with something else than the signature there is no piece. */
static enum wm_code embed(struct buf *zone, const struct layout *l, const void *carried,
			  size_t len, const char *name, struct wm_error *err)
{
	if (l->n_pieces == 0)
		return fail(err, REASON_SLOT_KEY_TAKEN, "%s: has a user block already", name);
	return write_slot(zone, carried, len, err);
}

/* --- gathering --------------------------------------------------------------------------- */

static enum wm_code gather_run(const struct window *view, uint64_t off, uint64_t len,
			       const struct sink *out, struct wm_error *err)
{
	cleanup_free uint8_t *block = malloc(READ_BYTES);

	if (!block)
		return fail_nomem(err);
	while (len > 0) {
		const size_t n = len < READ_BYTES ? (size_t)len : READ_BYTES;

		TRY(window_read(view, block, n, off, err));
		TRY(out->take(out->context, block, n, err));
		off += n;
		len -= n;
	}
	return WM_OK;
}

/* The next tensor from the `i`th on that the library gives; l->n_tensors where there is none. */
static size_t next_apart(const struct layout *l, size_t i)
{
	while (i < l->n_tensors) {
		const struct hdf5_source *source = l->tensors[i].source;

		if (source && !source->is_run)
			break;
		i++;
	}
	return i;
}

static void free_child(void *state)
{
	hdf5_child_free(state);
}

/* Starts a child that gives `t` and, where one goes on with them, all that follow it. */
static enum wm_code start(struct kept *kept, const struct layout *l, const struct tensor *t,
			  bool all, const struct window *view, struct wm_error *err)
{
	const size_t i = (size_t)(t - l->tensors);
	const struct hdf5_wanted wanted = { t, all ? l->n_tensors - i : 1, view->name };
	struct hdf5_child *child = NULL;
	uint64_t len = 0;

	for (size_t k = i; k < i + wanted.n; k = next_apart(l, k + 1))
		len += l->tensors[k].len; /* bounded: layout_bound_gathered() */
	TRY(hdf5_child_start(&child, view, hdf5_read_tensors, &wanted,
			     time_to_read(len).processor, err));
	*kept = (struct kept){ t, child, free_child };
	return WM_OK;
}

/* Takes the tensor from the child that is at it, which ends after the last one. */
static enum wm_code take_next(struct kept *kept, const struct layout *l, const struct tensor *t,
			      bool all, const struct sink *sink, struct wm_error *err)
{
	const size_t next = next_apart(l, (size_t)(t - l->tensors) + 1);
	uint64_t n = 0;

	TRY(hdf5_child_hear(&n, kept->state, t->len, time_to_read(t->len).clock, sink, err));
	if (n < t->len)
		return fail(err, REASON_HDF5_UNREADABLE, "'%.120s': its reader gives too few bytes",
			    t->name);
	if (all && next < l->n_tensors) {
		kept->next = &l->tensors[next];
		return WM_OK;
	}
	TRY(hdf5_child_finish(kept->state, err));
	kept_release(kept);
	return WM_OK;
}

static enum wm_code gather(const struct layout *l, const struct tensor *t, const struct window *w,
			   const struct sink *sink, struct wm_error *err)
{
	const struct hdf5_source *source = t->source;
	const struct window view = view_of(w, source->base + l->slot_len);
	cleanup_kept struct kept alone = { 0 };
	struct kept *kept = w->kept ? w->kept : &alone;
	enum wm_code code = WM_OK;

	if (source->is_run)
		return gather_run(&view, source->off, t->len, sink, err);
	if (kept->next != t) {
		kept_release(kept);
		code = start(kept, l, t, w->kept, &view, err);
	}
	if (code == WM_OK)
		code = take_next(kept, l, t, w->kept, sink, err);
	if (code != WM_OK)
		kept_release(kept);
	return code;
}

/* --- claiming ---------------------------------------------------------------------------- */

static const char *const suffixes[] = { ".h5", ".hdf5", ".keras-weights", NULL };

static bool claims(const char *name, uint64_t size, const uint8_t *start, size_t len)
{
	(void)name, (void)size;
	if (len >= sizeof(slot_start) - 1 && memcmp(start, slot_start, sizeof(slot_start) - 1) == 0)
		return true;
	for (size_t at = 0; at + sizeof(signature) <= len; at = at ? 2 * at : BLOCK_FIRST)
		if (memcmp(start + at, signature, sizeof(signature)) == 0)
			return true;
	return false;
}

const struct format format_hdf5 = {
	.grammar = "hdf5/1", .suffixes = suffixes, .claims = claims, .parse = parse, .embed = embed,
	.gather = gather,
};
