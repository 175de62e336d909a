/* SPDX-License-Identifier: Apache-2.0 */
#include "made_npy.h"

#include "util/file.h"

void made_npy_release(struct made_npy *m)
{
	buf_release(&m->bytes);
	layout_release(&m->layout);
}

enum wm_code made_npy_read(struct made_npy *m, const char *path, struct wm_error *err)
{
	read_file(&m->bytes, path);
	return made_parse(&m->layout, m->bytes.data, m->bytes.len, path, err);
}

enum wm_code made_npy_tensor(struct buf *out, const struct made_npy *m, const struct tensor *t,
			     struct wm_error *err)
{
	return made_bytes(out, &m->layout, t, &m->bytes, err);
}

enum wm_code made_npy_gather(const struct made_npy *m, struct wm_error *err)
{
	cleanup_fd int fd = made_file(m->bytes.data, m->bytes.len);
	const struct window w = { .fd = fd, .size = m->bytes.len, .name = "m" };

	if (m->layout.format->check)
		TRY(m->layout.format->check(&m->layout, &w, err));
	for (size_t i = 0; i < m->layout.n_tensors; i++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 26);

		TRY(made_npy_tensor(&bytes, m, &m->layout.tensors[i], err));
		assert_int_equal(bytes.len, m->layout.tensors[i].len);
	}
	return WM_OK;
}

void made_npy_check(const struct made_npy *m)
{
	const struct layout *l = &m->layout;
	uint64_t at = 0, end = 0;

	assert_int_equal(l->size + l->slot_len, m->bytes.len);
	for (size_t i = 0; i < l->n_segments; i++) {
		assert_int_equal(l->segments[i].off, at);
		assert_true(l->segments[i].len > 0);
		at += l->segments[i].len;
	}
	assert_int_equal(at, l->size);
	for (size_t i = 0; i < l->n_pieces; i++) {
		const struct piece *p = &l->pieces[i];

		assert_true(p->off >= end);
		end = p->off + p->len;
		if (p->off < l->zone.from || l->slot_len == 0)
			assert_memory_equal(m->bytes.data + p->off, p->data, p->len);
	}
	assert_true(end <= l->size);
	for (size_t i = 0; i < l->n_tensors; i++) {
		const struct tensor *t = &l->tensors[i];

		assert_true((t->segment != SIZE_MAX) + (t->source != NULL) == (t->len > 0));
		if (t->segment != SIZE_MAX) {
			assert_true(l->segments[t->segment].tensor);
			assert_int_equal(l->segments[t->segment].len, t->len);
		}
	}
}

enum wm_code made_npy_embed(struct made_npy *out, const struct made_npy *m, const char *name,
			    const void *carried, size_t len, struct wm_error *err)
{
	const struct layout *l = &m->layout;

	TRY(buf_append(&out->bytes, m->bytes.data, (size_t)l->zone.from, err));
	TRY(l->format->embed(&out->bytes, l, carried, len, "m", err));
	return made_parse(&out->layout, out->bytes.data, out->bytes.len, name, err);
}
