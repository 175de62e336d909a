/* SPDX-License-Identifier: Apache-2.0 */
/* lib/format/slot.c: lengths around each unit, and every kind of malformed value. */
#include "harness.h"

#include <stdio.h>

#include "format/slot.h"
#include "util/limits.h"

enum { MOST = 20000 };

static uint8_t bytes[LIMIT_SLOT + 1];

static void fill(void)
{
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 167 + (i >> 8));
}

static size_t written(struct buf *out, char form, size_t around, size_t unit, size_t len)
{
	struct wm_error err = { 0 };
	const size_t before = out->len;

	assert_ok(slot_write_value(out, form, around, unit, bytes, len, &err), &err);
	assert_int_equal(out->data[out->len], 0);
	return out->len - before;
}

static void check_value(const struct buf *value, char form, size_t around, size_t unit, size_t len)
{
	cleanup_buf struct buf carried = BUF_INIT(LIMIT_SLOT);
	const size_t total = value->len + around, n_chars = (len + 2) / 3 * 4;
	const size_t k = total / SLOT_UNIT;
	struct wm_error err = { 0 };
	bool is_slot = false;
	char start[64], got = 0;
	size_t n = (size_t)snprintf(start, sizeof(start), "wm1.%c.%zu.", form, k), smaller;

	assert_int_equal(total % unit, 0);
	assert_memory_equal(value->data, start, n);
	for (size_t i = n + n_chars; i < value->len; i++)
		assert_int_equal(value->data[i], '.');
	smaller = (size_t)snprintf(start, sizeof(start), "wm1.%c.%zu.", form,
				   (total - unit) / SLOT_UNIT);
	assert_true(total == unit || around + smaller + n_chars > total - unit);
	assert_true(slot_claims(buf_str(value), value->len));
	assert_ok(slot_read_value(&is_slot, &got, &carried, buf_str(value), value->len, &err),
		  &err);
	assert_true(is_slot);
	assert_int_equal(got, form);
	assert_int_equal(carried.len, len);
	assert_memory_equal(carried.data, bytes, len);
	assert_int_equal(carried.data[len], 0);
}

static void writes_and_reads_every_length(void **state)
{
	cleanup_buf struct buf value = BUF_INIT(LIMIT_SLOT * 2);

	(void)state;
	for (size_t len = 0; len <= MOST; len++) {
		const size_t unit = len % 3 == 0 ? 8192 : SLOT_UNIT, around = 20 + len % 7;
		const char form = (char)('a' + len % 26);

		buf_truncate(&value, 0);
		written(&value, form, around, unit, len);
		check_value(&value, form, around, unit, len);
	}
}

/* For each k up to the most, the longest that fits it and the first that does not. */
static void takes_the_smallest_unit(void **state)
{
	cleanup_buf struct buf value = BUF_INIT(LIMIT_SLOT * 2);

	(void)state;
	for (size_t k = 1; k <= 340; k++) {
		const size_t fixed = 40 + 7 + (k < 10 ? 1 : k < 100 ? 2 : 3);
		const size_t most = (k * SLOT_UNIT - fixed) / 4 * 3;

		for (size_t len = most; len <= most + 1; len++) {
			buf_truncate(&value, 0);
			assert_int_equal(written(&value, 'a', 40, SLOT_UNIT, len) + 40,
					 (k + len - most) * SLOT_UNIT);
			if (k % 20 == 9 || k < 12 || (k > 97 && k < 102))
				check_value(&value, 'a', 40, SLOT_UNIT, len);
		}
	}
}

static void bounds_what_is_carried(void **state)
{
	cleanup_buf struct buf value = BUF_INIT(LIMIT_SLOT * 2), carried = BUF_INIT(LIMIT_SLOT);
	struct wm_error err = { 0 };
	bool is_slot = true;
	char form = 0;

	(void)state;
	for (size_t len = LIMIT_SLOT - 3; len <= LIMIT_SLOT; len++) {
		buf_truncate(&value, 0);
		written(&value, 'z', 1, SLOT_UNIT, len);
		check_value(&value, 'z', 1, SLOT_UNIT, len);
	}
	assert_reason(slot_write_value(&value, 'a', 1, SLOT_UNIT, bytes, LIMIT_SLOT + 1, &err),
		      &err, SLOT_TOO_LARGE);

	/* One byte more than may be carried: "...AA==" becomes "...AAA=". */
	for (size_t i = value.len; i-- > 0;) {
		if (value.data[i] != '=')
			continue;
		value.data[i - 1] = 'A';
		break;
	}
	assert_ok(slot_read_value(&is_slot, &form, &carried, buf_str(&value), value.len, &err),
		  &err);
	assert_false(is_slot);
	assert_int_equal(carried.len, 0);
}

static void check_text(const char *text, size_t len, bool expected)
{
	cleanup_buf struct buf carried = BUF_INIT(LIMIT_SLOT);
	struct wm_error err = { 0 };
	bool is_slot = !expected;
	char form = '?';

	assert_ok(buf_append_str(&carried, "before", &err), &err);
	assert_ok(slot_read_value(&is_slot, &form, &carried, text, len, &err), &err);
	if (is_slot != expected)
		test_failed(__FILE__, __LINE__, "'%.*s': %d", (int)len, text, is_slot);
	if (expected)
		return;
	assert_string_equal(buf_str(&carried), "before");
	assert_int_equal(carried.len, 6);
	assert_int_equal(form, '?');
}

static void refuses_malformed_values(void **state)
{
	static const char *const good[] = {
		"wm1.a.1.", "wm1.a.1.....", "wm1.z.10.AAAA", "wm1.a.340.AAAA...", "wm1.b.2.AA==.",
		"wm1.b.2.AAA=", "wm1.m.99999999999999999999999.AAAA",
	};
	static const char *const bad[] = {
		"", "w", "wm1", "wm1.", "wm2.a.1.AAAA", "Wm1.a.1.AAAA", " wm1.a.1.AAAA",
		"wm1.a", "wm1.a.", "wm1.a.1", "wm1.a.1AAAA", "wm1..1.AAAA", "wm1.A.1.AAAA",
		"wm1.1.1.AAAA", "wm1.aa.1.AAAA", "wm1.`.1.AAAA", "wm1.{.1.AAAA", "wm1.a..AAAA",
		"wm1.a.0.AAAA", "wm1.a.01.AAAA", "wm1.a.+1.AAAA", "wm1.a.-1.AAAA", "wm1.a.1 .AAAA",
		"wm1.a.0x1.AAAA", "wm1.a.1.A", "wm1.a.1.AA", "wm1.a.1.AAA", "wm1.a.1.AAAAA",
		"wm1.a.1.A===", "wm1.a.1.====", "wm1.a.1.AB==", "wm1.a.1.AAB=", "wm1.a.1.AA==AAAA",
		"wm1.a.1.AA=A", "wm1.a.1.AA.A", "wm1.a.1.AAAA.AAAA", "wm1.a.1..AAAA",
		"wm1.a.1.AA-_", "wm1.a.1.AA A", "wm1.a.1.AAAA\n", "wm1.a.1.AAAA .",
		"wm1.a.1.AAAA. ", "wm1.a.1.AAAA=", "wm1.a.1.AAAA====", "wm1.a.1.\xc3\xa9+/",
		"wm1:a.1.AAAA", "wm1.a:1.AAAA", "wm1.a.1:AAAA",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		check_text(good[i], strlen(good[i]), true);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_text(bad[i], strlen(bad[i]), false);
	check_text("wm1.a.1.AA\0A", 12, false);
	check_text("wm1.a.1.AAAA\0", 13, false);
	assert_true(slot_claims("wm1.", 4));
	assert_false(slot_claims("wm1.", 3));
	assert_false(slot_claims("wm1!", 4));
}

/* No value has a spelling that reads as the same bytes, but for form, k and padding. */
static void has_no_free_byte(void **state)
{
	cleanup_buf struct buf value = BUF_INIT(SLOT_UNIT);
	struct wm_error err = { 0 };

	(void)state;
	written(&value, 'a', 3, SLOT_UNIT, 40);
	for (size_t i = 0; i < 80; i++) {
		for (unsigned c = 0; c < 256; c++) {
			cleanup_buf struct buf carried = BUF_INIT(LIMIT_SLOT);
			const uint8_t was = value.data[i];
			bool is_slot = false;
			char form = 0;

			value.data[i] = (uint8_t)c;
			assert_ok(slot_read_value(&is_slot, &form, &carried, buf_str(&value),
						  value.len, &err), &err);
			value.data[i] = was;
			if (c == was || !is_slot || i == 4 || i == 6)
				continue;
			assert_false(carried.len == 40 && memcmp(carried.data, bytes, 40) == 0);
		}
	}
}

static enum wm_code round_trip(void *context, struct wm_error *err)
{
	cleanup_buf struct buf value = BUF_INIT(1 << 16), carried = BUF_INIT(LIMIT_SLOT);
	bool is_slot;
	char form;

	(void)context;
	TRY(slot_write_value(&value, 'a', 9, SLOT_UNIT, bytes, 5000, err));
	TRY(slot_read_value(&is_slot, &form, &carried, buf_str(&value), value.len, err));
	assert_true(is_slot && carried.len == 5000);
	return WM_OK;
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	with_every_allocation_failing(round_trip, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_and_reads_every_length),
		cmocka_unit_test(takes_the_smallest_unit),
		cmocka_unit_test(bounds_what_is_carried),
		cmocka_unit_test(refuses_malformed_values),
		cmocka_unit_test(has_no_free_byte),
		cmocka_unit_test(survives_failing_allocations),
	};

	fill();
	return run_tests(tests);
}
