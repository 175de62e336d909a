/* SPDX-License-Identifier: Apache-2.0 */
/* lib/format/tar.c: slots in tar, that no byte of them is free, and that they come out again. */
#include "harness.h"

#include <stdio.h>

#include "format/slot.h"
#include "made_slot.h"
#include "made_tar.h"

#define SLOT_NAME "weightmark.wmk.wm1"

static void parse_ok(struct layout *l, const struct buf *bytes)
{
	struct wm_error err = { 0 };

	assert_ok(made_parse(l, bytes->data, bytes->len, "m.tar", &err), &err);
}

static void strips_what_it_embeds(void **state)
{
	static const size_t lens[] = { 0, 1, 2677, 2678, 2679, 2680, 2681, 2682, 9000 };
	uint8_t carried[9000];

	(void)state;
	for (size_t i = 0; i < sizeof(carried); i++)
		carried[i] = (uint8_t)(i * 7);
	for (uint64_t seed = 0; seed < 500; seed++) {
		const size_t len = lens[seed % (sizeof(lens) / sizeof(lens[0]))];
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20), embedded = BUF_INIT(1 << 20);

		made_tar_random(&bytes, seed);
		made_slotted(&embedded, &bytes, "m.tar", carried, len);
		assert_int_equal((embedded.len - bytes.len) % SLOT_UNIT, 0);
	}
}

static void notices_any_changed_byte_of_a_slot(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), embedded = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	made_tar_tensor(&bytes, "m.safetensors", "w", "weights");
	made_tar_zeros(&bytes, 1024);
	parse_ok(&l, &bytes);
	assert_ok(made_embed(&embedded, &l, &bytes, "a sidecar", 9, &err), &err);
	check_recorded("testdata/fuzz/tar/slot", &embedded);
	for (size_t i = 0; i < 2 * SLOT_UNIT; i++) {
		const size_t at = l.zone.from + i / 2;
		const bool in_header = i / 2 < 512;
		cleanup_layout struct layout m = LAYOUT_INIT;
		const uint8_t was = embedded.data[at];
		enum wm_code code;

		/* The sum would refuse it: then with a sum that is right. */
		embedded.data[at] ^= i % 2 ? 1 : 0x80;
		if (in_header)
			made_tar_sum(embedded.data + l.zone.from);
		code = made_parse(&m, embedded.data, embedded.len, "m.tar", &err);
		if (code == WM_OK && m.slot_len > 0)
			assert_true(embedded.data[at] == was || m.carried.len != 9 ||
				    memcmp(m.carried.data, "a sidecar", 9) != 0);
		embedded.data[at] = was;
		if (in_header)
			made_tar_sum(embedded.data + l.zone.from);
	}
	for (size_t at = l.zone.from; at < l.zone.from + 512; at++) {
		cleanup_layout struct layout m = LAYOUT_INIT;

		embedded.data[at] ^= 1;
		assert_int_not_equal(made_parse(&m, embedded.data, embedded.len, "m.tar", &err),
				     WM_OK);
		embedded.data[at] ^= 1;
	}
}

/* Appends a member with the name of slots, as `how` says, and what stands before and behind. */
static void append_like_a_slot(struct buf *out, char how, const struct buf *value)
{
	const size_t at = out->len;

	if (how == 'x')
		made_tar_pax(out, "comment", "more");
	if (how == '.')
		made_tar_member(out, "./" SLOT_NAME, '0', value->data, value->len);
	else
		made_tar_member(out, SLOT_NAME, '0', value->data, value->len);
	if (how == 'h')
		return;
	memcpy(out->data + at + 100, "0000644\0000000000\0000000000", 24);
	memcpy(out->data + at + 136, "00000000000", 12);
	memset(out->data + at + 265, 0, 64);
	memcpy(out->data + at + 329, "0000000\0000000000", 16);
	if (how != 'x')
		made_tar_sum(out->data + at);
	if (how == 'b')
		made_tar_file(out, "behind", "");
}

static void takes_for_a_slot_only_its_own(void **state)
{
	static const struct {
		char how, form;
		unsigned around;
		const char *text; /* instead of a value */
		enum found found;
	} rows[] = {
		{ ' ', 't', 512, NULL, SLOT },	      { 'h', 't', 512, NULL, DISPLACED },
		{ 'x', 't', 512, NULL, DISPLACED },   { '.', 't', 512, NULL, DISPLACED },
		{ 'b', 't', 512, NULL, DISPLACED },   { ' ', 'g', 512, NULL, DISPLACED },
		{ ' ', 't', 511, NULL, DISPLACED },   { ' ', 't', 1024, NULL, DISPLACED },
		{ ' ', 't', 0, "", TAKEN },	      { ' ', 't', 0, "text", TAKEN },
		{ ' ', 't', 0, "wm1.", TAKEN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf value = BUF_INIT(1 << 20), bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		if (rows[i].text)
			assert_ok(buf_append_str(&value, rows[i].text, &err), &err);
		else
			assert_ok(slot_write_value(&value, rows[i].form, rows[i].around, SLOT_UNIT,
						   "sidecar", 7, &err), &err);
		append_like_a_slot(&bytes, rows[i].how, &value);
		made_tar_zeros(&bytes, 1024);
		if (rows[i].how == 'b')
			check_recorded("testdata/fuzz/tar/slot-displaced", &bytes);
		if (rows[i].how == 'x')
			made_tar_sum(bytes.data);
		parse_ok(&l, &bytes);
		assert_found(&l, bytes.len, rows[i].found);
	}
}

static void leaves_folders_of_that_name_alone(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), zone = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	made_tar_file(&bytes, SLOT_NAME "/a", "");
	made_tar_zeros(&bytes, 1024);
	parse_ok(&l, &bytes);
	assert_reason(format_tar.embed(&zone, &l, "x", 1, "m", &err), &err, SLOT_KEY_TAKEN);
}

static void bounds_what_it_embeds(void **state)
{
	cleanup_free uint8_t *carried = calloc(1, LIMIT_SLOT + 1);
	cleanup_buf struct buf bytes = BUF_INIT(64 << 20), file = BUF_INIT(LIMIT_HEADER);
	cleanup_buf struct buf zone = BUF_INIT(LIMIT_HEADER), many = BUF_INIT(64 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT, m = LAYOUT_INIT, n = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	made_tar_file(&bytes, "a", "");
	made_tar_zeros(&bytes, 1024);
	parse_ok(&l, &bytes);
	assert_reason(format_tar.embed(&zone, &l, carried, LIMIT_SLOT + 1, "m", &err), &err,
		      SLOT_TOO_LARGE);
	assert_int_equal(zone.len, 0);
	assert_ok(made_embed(&file, &l, &bytes, carried, LIMIT_SLOT, &err), &err);
	parse_ok(&m, &file);
	assert_int_equal(m.carried.len, LIMIT_SLOT);
	for (size_t i = 0; i < LIMIT_FILES; i++) {
		char name[20];

		snprintf(name, sizeof(name), "%zu", i);
		made_tar_header(&many, name, '0', 0);
	}
	made_tar_zeros(&many, 1024);
	parse_ok(&n, &many);
	assert_reason(format_tar.embed(&zone, &n, carried, 10, "m", &err), &err,
		      HEADER_TOO_LARGE);
	assert_int_equal(zone.len, 0);
}

static void survives_failing_allocations(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), embedded = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	made_tar_tensor(&bytes, "m.safetensors", "w", "weights");
	made_tar_zeros(&bytes, 1024);
	parse_ok(&l, &bytes);
	embed_without_memory(&l);
	assert_ok(made_embed(&embedded, &l, &bytes, "sidecar", 7, &err), &err);
	parse_without_memory(&embedded, "m.tar");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strips_what_it_embeds),
		cmocka_unit_test(notices_any_changed_byte_of_a_slot),
		cmocka_unit_test(takes_for_a_slot_only_its_own),
		cmocka_unit_test(leaves_folders_of_that_name_alone),
		cmocka_unit_test(bounds_what_it_embeds),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
