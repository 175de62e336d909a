/* SPDX-License-Identifier: Apache-2.0 */
/* lib/format/hdf5.c: slots in HDF5, that no byte of them is free, and that they come out again. */
#include "harness.h"

#include <stdio.h>

#include "format/slot.h"
#include "made_slot.h"

#define GOOD "testdata/good/hdf5/keras-3.weights.h5"

struct original {
	struct buf bytes;
	struct layout l;
};

static void original_read(struct original *o)
{
	struct wm_error err = { 0 };

	*o = (struct original){ BUF_INIT(1 << 20), LAYOUT_INIT };
	read_file(&o->bytes, GOOD);
	assert_ok(made_parse(&o->l, o->bytes.data, o->bytes.len, "m.h5", &err), &err);
}

static void original_release(struct original *o)
{
	buf_release(&o->bytes);
	layout_release(&o->l);
}
#define cleanup_original __attribute__((cleanup(original_release)))

static void make_embedded(struct buf *out, const struct original *o, const void *carried,
			  size_t len)
{
	struct wm_error err = { 0 };

	assert_ok(format_hdf5.embed(out, &o->l, carried, len, "m", &err), &err);
	assert_ok(buf_append(out, o->bytes.data, o->bytes.len, &err), &err);
}

static void strips_what_it_embeds(void **state)
{
	/* 4096 - 8 and 8192 - 8 characters are 3066 and 6138 bytes. */
	static const struct {
		size_t len, slot;
	} rows[] = {
		{ 0, 4096 },	{ 1, 4096 },	{ 3066, 4096 },	  { 3067, 8192 },
		{ 6138, 8192 }, { 6139, 16384 }, { 12282, 16384 }, { 12283, 32768 },
		{ LIMIT_SLOT, 2 << 20 },
	};
	cleanup_free uint8_t *carried = malloc(LIMIT_SLOT);
	cleanup_original struct original o;

	(void)state;
	original_read(&o);
	assert_non_null(carried);
	for (size_t i = 0; i < LIMIT_SLOT; i++)
		carried[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf embedded = BUF_INIT(1 << 23), again = BUF_INIT(1 << 23);
		cleanup_layout struct layout m = LAYOUT_INIT;
		struct wm_error err = { 0 };

		make_embedded(&embedded, &o, carried, rows[i].len);
		assert_int_equal(embedded.len - o.bytes.len, rows[i].slot);
		assert_ok(made_parse(&m, embedded.data, embedded.len, "m.bin", &err), &err);
		assert_int_equal(m.slot_len, rows[i].slot);
		assert_int_equal(m.carried.len, rows[i].len);
		assert_memory_equal(m.carried.data, carried, rows[i].len);
		assert_false(m.displaced);
		assert_same_view(&o.l, &m);
		assert_ok(format_hdf5.embed(&again, &m, carried, rows[i].len, "m", &err), &err);
		assert_int_equal(again.len, rows[i].slot);
		assert_memory_equal(again.data, embedded.data, again.len);
	}
}

static void has_no_free_byte_in_a_slot(void **state)
{
	cleanup_buf struct buf embedded = BUF_INIT(1 << 20);
	cleanup_original struct original o;

	(void)state;
	original_read(&o);
	make_embedded(&embedded, &o, "a sidecar", 9);
	for (size_t at = 0; at < SLOT_UNIT; at += at < 64 ? 1 : 61) {
		for (unsigned bit = 0; bit < 8; bit += 7) {
			cleanup_layout struct layout m = LAYOUT_INIT;
			struct wm_error err = { 0 };
			enum wm_code code;

			embedded.data[at] ^= (uint8_t)(1 << bit);
			code = made_parse(&m, embedded.data, embedded.len, "m.h5", &err);
			embedded.data[at] ^= (uint8_t)(1 << bit);
			if (code != WM_OK || m.slot_len == 0) {
				assert_int_equal(m.carried.len, 0);
				continue;
			}
			assert_true(m.carried.len != 9 ||
				    memcmp(m.carried.data, "a sidecar", 9) != 0);
		}
	}
}

/* What is in front is no slot: it is part of the view, and nothing can be embedded. */
static void check_foreign(const struct original *o, const struct buf *block)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 23), zone = BUF_INIT(1 << 20);
	cleanup_layout struct layout m = LAYOUT_INIT;
	struct wm_error err = { 0 };

	assert_ok(buf_append(&bytes, block->data, block->len, &err), &err);
	assert_ok(buf_append(&bytes, o->bytes.data, o->bytes.len, &err), &err);
	assert_ok(made_parse(&m, bytes.data, bytes.len, "m.h5", &err), &err);
	assert_int_equal(m.slot_len, 0);
	assert_int_equal(m.size, bytes.len);
	assert_int_equal(m.carried.len, 0);
	assert_false(m.displaced);
	assert_int_equal(m.n_tensors, o->l.n_tensors);
	for (size_t i = 0; i < m.n_tensors; i++)
		assert_int_equal(m.segments[m.tensors[i].segment].off,
				 o->l.segments[o->l.tensors[i].segment].off + block->len);
	assert_reason(m.format->embed(&zone, &m, "x", 1, "m", &err), &err, SLOT_KEY_TAKEN);
}

static void takes_for_a_slot_only_its_own(void **state)
{
	static const struct {
		char form;
		unsigned around, unit;
		const char *more; /* behind the value */
	} rows[] = {
		{ 'g', 0, 4096, "" },		/* of another format */
		{ 'u', 0, 8192, "" },		/* longer than need be */
		{ 'u', 4096 - 512, 4096, "" },	/* shorter than a slot can be */
		{ 'u', 4, 4096, "...x" },
	};
	cleanup_original struct original o;

	(void)state;
	original_read(&o);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf block = BUF_INIT(1 << 20);
		struct wm_error err = { 0 };

		assert_ok(slot_write_value(&block, rows[i].form, rows[i].around, rows[i].unit,
					   "sidecar", 7, &err), &err);
		assert_ok(buf_append_str(&block, rows[i].more, &err), &err);
		check_foreign(&o, &block);
	}
}

static void bounds_what_it_embeds(void **state)
{
	cleanup_free uint8_t *carried = calloc(1, LIMIT_SLOT + 1);
	cleanup_buf struct buf zone = BUF_INIT(1 << 23);
	cleanup_original struct original o;
	struct wm_error err = { 0 };

	(void)state;
	original_read(&o);
	assert_reason(format_hdf5.embed(&zone, &o.l, carried, LIMIT_SLOT + 1, "m", &err), &err,
		      SLOT_TOO_LARGE);
	assert_int_equal(zone.len, 0);
}

static enum wm_code embed_some(void *context, struct wm_error *err)
{
	cleanup_buf struct buf zone = BUF_INIT(1 << 20);
	static uint8_t carried[3067];

	return format_hdf5.embed(&zone, context, carried, sizeof(carried), "m", err);
}

static enum wm_code parse_some(void *context, struct wm_error *err)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	const struct buf *bytes = context;
	cleanup_fd int fd = made_file(bytes->data, bytes->len);

	return format_parse(&l, fd, bytes->len, "m.h5", err);
}

/*
 * As with_every_allocation_failing(), which does not see those that a child counts. A child that
 * counts what runs needs memory for it, and dies.
 */
static void with_each_failing(void *context)
{
	enum wm_code code = WM_NOMEM;

#ifdef WM_COVERAGE
	skip();
#endif
	for (size_t n = 1; code != WM_OK; n++) {
		struct wm_error err = { 0 };

		fail_allocation(n);
		code = parse_some(context, &err);
		fail_allocation(0);
		assert_true(code == WM_OK || code == WM_NOMEM);
	}
}

static void survives_failing_allocations(void **state)
{
	cleanup_buf struct buf embedded = BUF_INIT(1 << 20);
	cleanup_original struct original o;

	(void)state;
	original_read(&o);
	with_every_allocation_failing(embed_some, &o.l);
	make_embedded(&embedded, &o, "sidecar", 7);
	with_each_failing(&embedded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strips_what_it_embeds),
		cmocka_unit_test(has_no_free_byte_in_a_slot),
		cmocka_unit_test(takes_for_a_slot_only_its_own),
		cmocka_unit_test(bounds_what_it_embeds),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
