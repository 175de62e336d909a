/* SPDX-License-Identifier: Apache-2.0 */
/* lib/util/buf.c: growth, maxima, failing allocations. */
#include "harness.h"

#include "util/buf.h"

static void holds_exactly_its_maximum(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(100);
	struct wm_error err = { 0 };
	uint8_t bytes[101] = { 0 };

	(void)state;
	buf_truncate(&b, 0);
	assert_string_equal(buf_str(&b), "");
	assert_ok(buf_append(&b, bytes, 99, &err), &err);
	assert_ok(buf_append_byte(&b, 'x', &err), &err);
	assert_reason(buf_append_byte(&b, 'y', &err), &err, LIMIT);
	assert_int_equal(b.len, 100);
	assert_int_equal(b.data[99], 'x');
	assert_int_equal(b.data[100], 0);
}

static void formats(void **state)
{
	static const uint8_t bytes[] = { 0x00, 0xab, 0xff };
	cleanup_buf struct buf b = BUF_INIT(1000);
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(buf_printf(&b, &err, "%d-%s:", 7, "seven"), &err);
	assert_ok(buf_append_hex(&b, bytes, sizeof(bytes), &err), &err);
	assert_string_equal(buf_str(&b), "7-seven:00abff");
	buf_truncate(&b, 7);
	assert_string_equal(buf_str(&b), "7-seven");
	buf_truncate(&b, 0);
	assert_string_equal(buf_str(&b), "");
	assert_int_equal(b.len, 0);
	assert_ok(buf_append_u32be(&b, 0x01020304, &err), &err);
	assert_ok(buf_append_u64be(&b, UINT64_C(0x0102030405060708), &err), &err);
	assert_memory_equal(b.data, "\1\2\3\4\1\2\3\4\5\6\7\10", 12);
}

static enum wm_code grow(void *context, struct wm_error *err)
{
	cleanup_buf struct buf b = BUF_INIT(100000);

	(void)context;
	for (int i = 0; i < 1000; i++)
		TRY(buf_printf(&b, err, "%d,", i));
	return WM_OK;
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	with_every_allocation_failing(grow, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_exactly_its_maximum),
		cmocka_unit_test(formats),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
