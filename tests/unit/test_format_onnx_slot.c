/* SPDX-License-Identifier: Apache-2.0 */
/* lib/format/onnx.c: slots in ONNX, that no byte of them is free, and that they come out again. */
#include "harness.h"

#include <stdio.h>

#include "format/slot.h"
#include "made_onnx.h"
#include "made_slot.h"

#define ONNX_BUF BUF_INIT((size_t)1 << 26)

static void parse_bytes(struct layout *l, const struct buf *bytes)
{
	struct wm_error err = { 0 };

	assert_ok(made_parse(l, bytes->data, bytes->len, "m.onnx", &err), &err);
}

static void check_round_trip(const struct buf *bytes, const void *carried, size_t len)
{
	cleanup_buf struct buf embedded = ONNX_BUF;

	made_slotted(&embedded, bytes, "m.onnx", carried, len);
	assert_int_equal((embedded.len - bytes->len) % SLOT_UNIT, 0);
	assert_memory_equal(embedded.data, bytes->data, bytes->len);
}

static void strips_what_it_embeds(void **state)
{
	static const char *const paths[] = {
		"testdata/good/onnx/perceptron.onnx", "testdata/good/onnx/nested.onnx",
		"testdata/good/onnx/external.onnx", "testdata/good/onnx/numbers.onnx",
	};
	cleanup_free uint8_t *carried = calloc(1, LIMIT_SLOT);

	(void)state;
	for (size_t i = 0; i < LIMIT_SLOT; i++)
		carried[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		cleanup_buf struct buf bytes = ONNX_BUF;

		read_file(&bytes, paths[i]);
		check_round_trip(&bytes, carried, 0);
		check_round_trip(&bytes, carried, 1000);
		check_round_trip(&bytes, carried, LIMIT_SLOT);
	}
}

/* Lengths of the entry and its value take two bytes up to four units, and three beyond. */
static void fits_lengths_of_every_size(void **state)
{
	cleanup_buf struct buf bytes = ONNX_BUF;
	uint8_t carried[20000];

	(void)state;
	memset(carried, 'c', sizeof(carried));
	made_onnx_good(&bytes);
	for (size_t len = 3040; len < 3070; len++)
		check_round_trip(&bytes, carried, len);
	for (size_t len = 12250; len < 12300; len++)
		check_round_trip(&bytes, carried, len);
	for (size_t len = 15300; len < 15370; len++)
		check_round_trip(&bytes, carried, len);
}

static void takes_for_a_slot_only_its_own(void **state)
{
	static const struct {
		const char *before, *after; /* the value */
		char form;
		unsigned around, unit;
		bool last, value_first;
		enum found found;
	} rows[] = {
		{ "", "", 'o', 18, 4096, true, false, SLOT },
		{ "", "", 'o', 18, 4096, false, false, DISPLACED },
		{ "", "", 'o', 18, 4096, true, true, DISPLACED },
		{ "", "", 'p', 18, 4096, true, false, DISPLACED },
		{ "", "", 'o', 17, 4096, true, false, DISPLACED },
		{ "", "", 'o', 19, 4096, true, false, DISPLACED },
		{ "", "", 'o', 18, 8192, true, false, DISPLACED },
		{ "", ".", 'o', 18, 4096, true, false, DISPLACED },
		{ "", "x", 'o', 18, 4096, true, false, TAKEN },
		{ "x", "", 'o', 18, 4096, true, false, TAKEN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf value = ONNX_BUF, entry = ONNX_BUF, bytes = ONNX_BUF;
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		assert_ok(buf_append_str(&value, rows[i].before, &err), &err);
		assert_ok(slot_write_value(&value, rows[i].form, rows[i].around, rows[i].unit,
					   "sidecar", 7, &err), &err);
		assert_ok(buf_append_str(&value, rows[i].after, &err), &err);
		if (!rows[i].value_first)
			made_text(&entry, 1, "weightmark");
		made_field(&entry, 2, &value);
		if (rows[i].value_first)
			made_text(&entry, 1, "weightmark");
		made_onnx_good(&bytes);
		made_field(&bytes, 14, &entry);
		if (!rows[i].last)
			made_int(&bytes, 5, 1);
		parse_bytes(&l, &bytes);
		assert_found(&l, bytes.len, rows[i].found);
	}
}

static void notices_any_changed_byte_of_a_slot(void **state)
{
	cleanup_buf struct buf bytes = ONNX_BUF, embedded = ONNX_BUF;
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	made_onnx_good(&bytes);
	parse_bytes(&l, &bytes);
	assert_ok(made_embed(&embedded, &l, &bytes, "a sidecar", 9, &err), &err);
	for (size_t at = bytes.len; at < embedded.len; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			cleanup_layout struct layout m = LAYOUT_INIT;
			enum wm_code code;

			embedded.data[at] ^= (uint8_t)(1 << bit);
			code = made_parse(&m, embedded.data, embedded.len, "m.onnx", &err);
			embedded.data[at] ^= (uint8_t)(1 << bit);
			if (code != WM_OK || m.slot_len == 0)
				continue;
			assert_true(m.carried.len != 9 || memcmp(m.carried.data, "a sidecar", 9) != 0);
		}
	}
	for (size_t len = bytes.len + 1; len < embedded.len; len++) {
		cleanup_layout struct layout m = LAYOUT_INIT;

		assert_reason(made_parse(&m, embedded.data, len, "m.onnx", &err), &err,
			      ONNX_TRUNCATED);
	}
}

static void bounds_what_it_embeds(void **state)
{
	cleanup_free uint8_t *carried = calloc(1, LIMIT_SLOT + 1);
	cleanup_buf struct buf bytes = ONNX_BUF, large = ONNX_BUF, out = ONNX_BUF, doc = ONNX_BUF;
	cleanup_buf struct buf many = ONNX_BUF;
	cleanup_layout struct layout l = LAYOUT_INIT, m = LAYOUT_INIT, n = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	made_onnx_good(&bytes);
	parse_bytes(&l, &bytes);
	assert_reason(format_onnx.embed(&out, &l, carried, LIMIT_SLOT + 1, "m", &err), &err,
		      SLOT_TOO_LARGE);
	assert_int_equal(out.len, 0);
	made_onnx_good(&large);
	assert_ok(buf_reserve(&doc, LIMIT_HEADER, &err), &err);
	doc.len = LIMIT_HEADER - SLOT_UNIT - (large.len - 4) - 5;
	memset(doc.data, 'd', doc.len);
	made_field(&large, 6, &doc);
	parse_bytes(&m, &large);
	assert_int_equal(m.head.len, LIMIT_HEADER - SLOT_UNIT);
	assert_reason(format_onnx.embed(&out, &m, carried, 4000, "m", &err), &err,
		      HEADER_TOO_LARGE);
	assert_int_equal(out.len, 0);
	check_round_trip(&large, carried, 10);
	made_onnx_good(&many);
	for (unsigned i = 0; i < LIMIT_METADATA; i++) {
		cleanup_buf struct buf entry = ONNX_BUF;
		char key[16];

		snprintf(key, sizeof(key), "%u", i);
		made_text(&entry, 1, key);
		made_field(&many, 14, &entry);
	}
	parse_bytes(&n, &many);
	assert_reason(format_onnx.embed(&out, &n, carried, 10, "m", &err), &err, HEADER_TOO_LARGE);
}

static void survives_failing_allocations(void **state)
{
	cleanup_buf struct buf bytes = ONNX_BUF, embedded = ONNX_BUF, taken = ONNX_BUF;
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	made_onnx_good(&bytes);
	parse_bytes(&l, &bytes);
	embed_without_memory(&l);
	assert_ok(made_embed(&embedded, &l, &bytes, "sidecar", 7, &err), &err);
	parse_without_memory(&embedded, "m.onnx");
	read_file(&taken, "testdata/fuzz/onnx/slot-key-taken");
	parse_without_memory(&taken, "m.onnx");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strips_what_it_embeds),
		cmocka_unit_test(fits_lengths_of_every_size),
		cmocka_unit_test(takes_for_a_slot_only_its_own),
		cmocka_unit_test(notices_any_changed_byte_of_a_slot),
		cmocka_unit_test(bounds_what_it_embeds),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
