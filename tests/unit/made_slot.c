/* SPDX-License-Identifier: Apache-2.0 */
/* What holds of slots in every format; see made_slot.h. */
#include "made_slot.h"

#include "format/slot.h"

static void assert_same_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
	assert_int_equal(a_len, b_len);
	assert_memory_equal(a, b, a_len);
}

static void assert_same_pieces(const struct layout *a, const struct layout *b)
{
	assert_same_bytes(a->head.data, a->head.len, b->head.data, b->head.len);
	assert_int_equal(a->n_pieces, b->n_pieces);
	for (size_t i = 0; i < a->n_pieces; i++) {
		assert_int_equal(a->pieces[i].off, b->pieces[i].off);
		assert_same_bytes(a->pieces[i].data, a->pieces[i].len, b->pieces[i].data,
				  b->pieces[i].len);
	}
}

void assert_same_view(const struct layout *a, const struct layout *b)
{
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->zone.from, b->zone.from);
	assert_int_equal(a->zone.to, b->zone.to);
	assert_same_pieces(a, b);
	assert_int_equal(a->n_segments, b->n_segments);
	for (size_t i = 0; i < a->n_segments; i++) {
		assert_int_equal(a->segments[i].off, b->segments[i].off);
		assert_int_equal(a->segments[i].len, b->segments[i].len);
		assert_int_equal(a->segments[i].tensor, b->segments[i].tensor);
	}
	assert_int_equal(a->n_tensors, b->n_tensors);
	for (size_t i = 0; i < a->n_tensors; i++) {
		assert_string_equal(a->tensors[i].name, b->tensors[i].name);
		assert_true(a->tensors[i].segment == b->tensors[i].segment);
	}
	assert_int_equal(a->metadata.root ? a->metadata.root->len : 0,
			 b->metadata.root ? b->metadata.root->len : 0);
}

void made_slotted(struct buf *out, const struct buf *bytes, const char *name, const void *carried,
		  size_t len)
{
	cleanup_buf struct buf again = BUF_INIT(SIZE_MAX / 2), bare = BUF_INIT(SIZE_MAX / 2);
	cleanup_layout struct layout l = LAYOUT_INIT, m = LAYOUT_INIT;
	struct wm_error err = { 0 };
	size_t behind;

	assert_ok(made_parse(&l, bytes->data, bytes->len, name, &err), &err);
	assert_ok(made_embed(out, &l, bytes, carried, len, &err), &err);
	assert_ok(made_parse(&m, out->data, out->len, name, &err), &err);
	assert_true(m.slot_len > 0 && !m.displaced);
	assert_int_equal(m.slot_len, out->len - bytes->len);
	assert_same_bytes(m.carried.data, m.carried.len, carried, len);
	assert_same_view(&l, &m);
	assert_ok(made_embed(&again, &m, out, carried, len, &err), &err);
	assert_same_bytes(again.data, again.len, out->data, out->len);
	behind = (size_t)(m.zone.from + layout_zone_len(&m));
	assert_ok(buf_append(&bare, out->data, (size_t)m.zone.from, &err), &err);
	assert_ok(layout_append_zone(&bare, &m, &err), &err);
	assert_ok(buf_append(&bare, out->data + behind, out->len - behind, &err), &err);
	assert_same_bytes(bare.data, bare.len, bytes->data, bytes->len);
}

void assert_found(const struct layout *l, size_t file_len, enum found found)
{
	cleanup_buf struct buf zone = BUF_INIT(SIZE_MAX / 2);
	struct wm_error err = { 0 };
	const enum wm_code code = l->format->embed(&zone, l, "x", 1, "m", &err);

	assert_int_equal(l->displaced, found == DISPLACED);
	assert_int_equal(l->slot_len, found == SLOT ? SLOT_UNIT : 0);
	assert_int_equal(l->carried.len, found == TAKEN ? 0 : 7);
	assert_int_equal(l->size + l->slot_len, file_len);
	if (found == SLOT)
		assert_ok(code, &err);
	else if (found == DISPLACED)
		assert_reason(code, &err, SLOT_DISPLACED);
	else
		assert_reason(code, &err, SLOT_KEY_TAKEN);
}

static enum wm_code embed_some(void *context, struct wm_error *err)
{
	cleanup_buf struct buf zone = BUF_INIT(1 << 20);
	const struct layout *l = context;

	return l->format->embed(&zone, l, "sidecar", 7, "m", err);
}

void embed_without_memory(struct layout *l)
{
	with_every_allocation_failing(embed_some, l);
}
