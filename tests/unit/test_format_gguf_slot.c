/* SPDX-License-Identifier: Apache-2.0 */
/* lib/format/gguf.c: slots in GGUF, that no byte of them is free, and that they come out again. */
#include "harness.h"

#include <stdio.h>

#include "format/slot.h"
#include "made_gguf.h"
#include "made_slot.h"

static void parse_text(struct layout *l, struct buf *bytes, const char *text)
{
	struct wm_error err = { 0 };

	made_gguf(bytes, text);
	assert_ok(made_parse(l, bytes->data, bytes->len, "m.gguf", &err), &err);
}

static void strips_what_it_embeds(void **state)
{
	static const size_t lens[] = { 0, 1, 3000, 3040, 3041, 3042, 3043, 3044, 3045, 3046, 9000 };
	uint8_t carried[9000];

	(void)state;
	for (size_t i = 0; i < sizeof(carried); i++)
		carried[i] = (uint8_t)(i * 7);
	for (uint64_t seed = 0; seed < 1000; seed++) {
		const size_t len = lens[seed % (sizeof(lens) / sizeof(lens[0]))];
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20), embedded = BUF_INIT(1 << 20);

		made_gguf_random(&bytes, seed);
		made_slotted(&embedded, &bytes, "m", carried, len);
		assert_int_equal((embedded.len - bytes.len) % SLOT_UNIT, 0);
	}
}

/* Appends a file with these pairs, the value `value` standing for each "@". */
static void make_with_value(struct buf *out, const char *kvs, const struct buf *value)
{
	cleanup_buf struct buf text = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };

	assert_ok(buf_append_str(&text, GGUF_HEAD("1", "2"), &err), &err);
	for (; *kvs; kvs++)
		if (*kvs == '@')
			assert_ok(buf_append(&text, value->data, value->len, &err), &err);
		else
			assert_ok(buf_append_byte(&text, (uint8_t)*kvs, &err), &err);
	assert_ok(buf_append_str(&text, FOUR_I8("a") "p:4096 r:4", &err), &err);
	made_gguf(out, buf_str(&text));
}

#define SIDECAR_KEY "s:weightmark.sidecar "
#define ALIGN_4096 "s:general.alignment w:4 w:4096 "

static void takes_for_a_slot_only_its_own(void **state)
{
	static const struct {
		const char *kvs;
		char form;
		unsigned around, unit;
		enum found found;
	} rows[] = {
		{ SIDECAR_KEY "w:8 s:@ " ALIGN_4096, 'g', 38, 4096, SLOT },
		{ ALIGN_4096 SIDECAR_KEY "w:8 s:@ ", 'g', 38, 4096, DISPLACED },
		{ SIDECAR_KEY "w:8 s:@ " ALIGN_4096, 'h', 38, 4096, DISPLACED },
		{ SIDECAR_KEY "w:8 s:@ " ALIGN_4096, 'g', 37, 4096, DISPLACED },
		{ SIDECAR_KEY "w:8 s:@ " ALIGN_4096, 'g', 39, 4096, DISPLACED },
		{ SIDECAR_KEY "w:8 s:@ " ALIGN_4096, 'g', 38, 8192, DISPLACED },
		{ SIDECAR_KEY "w:8 s:@. " ALIGN_4096, 'g', 38, 4096, DISPLACED },
		{ SIDECAR_KEY "w:8 s:x@ " ALIGN_4096, 'g', 38, 4096, TAKEN },
		{ SIDECAR_KEY "w:8 s:wm1. " ALIGN_4096, 'g', 38, 4096, TAKEN },
		{ SIDECAR_KEY "w:8 s:@x " ALIGN_4096, 'g', 38, 4096, TAKEN },
		{ SIDECAR_KEY "w:9 w:8 q:1 s:@ " ALIGN_4096, 'g', 38, 4096, TAKEN },
		{ SIDECAR_KEY "w:4 w:1 " ALIGN_4096, 'g', 38, 4096, TAKEN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf value = BUF_INIT(1 << 20), bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		assert_ok(slot_write_value(&value, rows[i].form, rows[i].around, rows[i].unit,
					   "sidecar", 7, &err), &err);
		make_with_value(&bytes, rows[i].kvs, &value);
		if (i < 2)
			check_recorded(i ? "testdata/fuzz/gguf/slot-displaced" :
					   "testdata/fuzz/gguf/slot", &bytes);
		assert_ok(made_parse(&l, bytes.data, bytes.len, "m", &err), &err);
		assert_found(&l, bytes.len, rows[i].found);
	}
}

static void moves_data_by_whole_alignments(void **state)
{
	static const unsigned alignments[] = { 8, 4096, 8192, 1 << 20 };

	(void)state;
	for (size_t i = 0; i < sizeof(alignments) / sizeof(alignments[0]); i++) {
		const unsigned a = alignments[i];
		cleanup_buf struct buf bytes = BUF_INIT(1 << 22), embedded = BUF_INIT(1 << 22);
		char text[200];

		snprintf(text, sizeof(text), GGUF_HEAD("1", "1")
			 "s:general.alignment w:4 w:%u " FOUR_I8("a") "p:%u r:4", a, a);
		made_gguf(&bytes, text);
		made_slotted(&embedded, &bytes, "m", "sidecar", 7);
		assert_int_equal(embedded.len - bytes.len, a < 4096 ? 4096 : a);
	}
}

static void notices_any_changed_byte_of_a_slot(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), embedded = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT;

	(void)state;
	parse_text(&l, &bytes, GOOD_GGUF);
	made_slotted(&embedded, &bytes, "m", "a sidecar", 9);
	for (size_t at = 16; at < 24 + SLOT_UNIT; at++) {
		cleanup_layout struct layout m = LAYOUT_INIT;
		struct wm_error err = { 0 };
		enum wm_code code;

		embedded.data[at] ^= 1;
		code = made_parse(&m, embedded.data, embedded.len, "m", &err);
		embedded.data[at] ^= 1;
		if (code != WM_OK || m.slot_len == 0)
			continue;
		assert_true(m.carried.len != 9 || memcmp(m.carried.data, "a sidecar", 9) != 0);
	}
}

static void bounds_what_it_embeds(void **state)
{
	cleanup_free uint8_t *carried = calloc(1, LIMIT_SLOT + 1);
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_HEADER), head = BUF_INIT(2 * LIMIT_HEADER);
	cleanup_buf struct buf large = BUF_INIT(LIMIT_HEADER), pairs = BUF_INIT(LIMIT_HEADER);
	cleanup_layout struct layout l = LAYOUT_INIT, m = LAYOUT_INIT, n = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	parse_text(&l, &bytes, GOOD_GGUF);
	assert_reason(format_gguf.embed(&head, &l, carried, LIMIT_SLOT + 1, "m", &err), &err,
		      SLOT_TOO_LARGE);
	assert_int_equal(head.len, 0);
	assert_ok(format_gguf.embed(&head, &l, carried, LIMIT_SLOT, "m", &err), &err);
	made_gguf_header(&large, LIMIT_HEADER - SLOT_UNIT);
	assert_ok(made_parse(&m, large.data, large.len, "m", &err), &err);
	buf_truncate(&head, 0);
	assert_reason(format_gguf.embed(&head, &m, carried, 4000, "m", &err), &err,
		      HEADER_TOO_LARGE);
	assert_int_equal(head.len, 0);
	assert_ok(format_gguf.embed(&head, &m, carried, 10, "m", &err), &err);
	assert_int_equal(head.len, LIMIT_HEADER);
	made_gguf_pairs(&pairs, LIMIT_METADATA, false);
	assert_ok(made_parse(&n, pairs.data, pairs.len, "m", &err), &err);
	assert_reason(format_gguf.embed(&head, &n, carried, 10, "m", &err), &err,
		      HEADER_TOO_LARGE);
}

static void survives_failing_allocations(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), embedded = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT;

	(void)state;
	parse_text(&l, &bytes, GOOD_GGUF);
	embed_without_memory(&l);
	made_slotted(&embedded, &bytes, "m", "sidecar", 7);
	parse_without_memory(&embedded, "m.gguf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strips_what_it_embeds),
		cmocka_unit_test(takes_for_a_slot_only_its_own),
		cmocka_unit_test(moves_data_by_whole_alignments),
		cmocka_unit_test(notices_any_changed_byte_of_a_slot),
		cmocka_unit_test(bounds_what_it_embeds),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
