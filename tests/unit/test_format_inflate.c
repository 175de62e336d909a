/* SPDX-License-Identifier: Apache-2.0 */
/* lib/format/inflate.c: what it inflates, and what it refuses; data of Python's zlib and gzip. */
#include "harness.h"

#include "format/inflate.h"
#include "made.h"

/* "hello hello hello hello\n" as raw deflate, and what gzip puts around it. */
#define HELLO "hello hello hello hello\n"
#define DEFLATE "\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x27\xb9\x00"
#define HEAD(flags) "\x1f\x8b\x08" flags "\0\0\0\0\x02\xff"
#define TRAILER "\x00\x88\x59\x0b\x18\0\0\0"
#define ZLIB_HEAD "\x78\x9c"
#define ADLER "\x70\xbe\x08\xbb"
#define BYTES(text) text, sizeof(text) - 1

static enum wm_code inflate_by(struct buf *out, size_t step, const void *data, size_t len,
			       enum inflate_kind kind, struct wm_error *err)
{
	cleanup_arena struct arena a = ARENA_INIT(1 << 20);
	cleanup_fd int fd = made_file(data, len);
	const struct window w = { .fd = fd, .size = len, .name = "m" };
	struct inflate *s = NULL;
	size_t n = 0;

	TRY(inflate_open(&s, &a, &w, kind, err));
	do {
		uint8_t bytes[64];

		TRY(inflate_read(s, bytes, step, &n, err));
		TRY(buf_append(out, bytes, n, err));
	} while (n > 0);
	return WM_OK;
}

static enum wm_code inflate_all(struct buf *out, const void *data, size_t len,
				enum inflate_kind kind, struct wm_error *err)
{
	return inflate_by(out, 7, data, len, kind, err);
}

/* Whatever is asked for at a time: the last bits can be those of bytes that zlib has already. */
static void inflates_in_any_steps(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} rows[] = {
		{ BYTES(DEFLATE) },
		{ BYTES("\x01\x18\0\xe7\xff" HELLO) },
		{ BYTES("\x4b\x04\x00") },
		{ BYTES("\x3b\x71\xe9\xce\xb3\x0f\xbf\x00") }, /* its end in the byte of its last literal */
		{ BYTES("\x03\x00") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf whole = BUF_INIT(1 << 20);
		struct wm_error err = { 0 };
		enum wm_code first = inflate_by(&whole, 64, rows[i].data, rows[i].len,
						INFLATE_RAW, &err);

		for (size_t step = 1; step < 64; step++) {
			cleanup_buf struct buf out = BUF_INIT(1 << 20);

			assert_int_equal(inflate_by(&out, step, rows[i].data, rows[i].len,
						    INFLATE_RAW, &err), first);
			assert_string_equal(buf_str(&out), buf_str(&whole));
		}
		assert_int_equal(first, WM_OK);
	}
}

static void inflates_or_says_why_not(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		enum inflate_kind kind;
		const char *reason; /* NULL: HELLO comes out */
	} rows[] = {
		{ BYTES(DEFLATE), INFLATE_RAW, NULL },
		{ BYTES(HEAD("\0") DEFLATE TRAILER), INFLATE_GZIP, NULL },
		{ BYTES(HEAD("\1") DEFLATE TRAILER), INFLATE_GZIP, NULL },
		{ BYTES(ZLIB_HEAD DEFLATE ADLER), INFLATE_ZLIB, NULL },
		{ BYTES(ZLIB_HEAD DEFLATE "\x70\xbe\x08\xbc"), INFLATE_ZLIB, "inflate-malformed" },
		{ BYTES(ZLIB_HEAD DEFLATE "\x70\xbe\x08"), INFLATE_ZLIB, "inflate-truncated" },
		{ BYTES(ZLIB_HEAD DEFLATE ADLER "x"), INFLATE_ZLIB, "inflate-trailing" },
		{ BYTES("\x78\x9d" DEFLATE ADLER), INFLATE_ZLIB, "inflate-malformed" },
		{ BYTES(HEAD("\4") "\2\0xy" DEFLATE TRAILER), INFLATE_GZIP, NULL },
		{ BYTES(HEAD("\4") "\0\0" DEFLATE TRAILER), INFLATE_GZIP, NULL },
		{ BYTES(HEAD("\x18") "name\0\0" DEFLATE TRAILER), INFLATE_GZIP, NULL },
		{ BYTES(HEAD("\2") "\x12\xab" DEFLATE TRAILER), INFLATE_GZIP, NULL },
		{ BYTES(HEAD("\2") "\x13\xab" DEFLATE TRAILER), INFLATE_GZIP, "gzip-checksum" },
		{ BYTES(HEAD("\x20") DEFLATE TRAILER), INFLATE_GZIP, "gzip-malformed" },
		{ BYTES("\x1f\x8c\x08\0\0\0\0\0\x02\xff" DEFLATE TRAILER), INFLATE_GZIP,
		  "gzip-malformed" },
		{ BYTES("\x1f\x8b\x07\0\0\0\0\0\x02\xff" DEFLATE TRAILER), INFLATE_GZIP,
		  "gzip-malformed" },
		{ BYTES(HEAD("\0") DEFLATE "\x01\x88\x59\x0b\x18\0\0\0"), INFLATE_GZIP,
		  "gzip-checksum" },
		{ BYTES(HEAD("\0") DEFLATE "\x00\x88\x59\x0b\x19\0\0\0"), INFLATE_GZIP,
		  "gzip-checksum" },
		{ BYTES(HEAD("\0") DEFLATE "\x00\x88\x59\x0b\x18\0\0"), INFLATE_GZIP,
		  "inflate-truncated" },
		{ BYTES(HEAD("\0") DEFLATE TRAILER "\0"), INFLATE_GZIP, "inflate-trailing" },
		{ BYTES(HEAD("\0") DEFLATE TRAILER HEAD("\0") DEFLATE TRAILER), INFLATE_GZIP,
		  "inflate-trailing" },
		{ BYTES(DEFLATE "x"), INFLATE_RAW, "inflate-trailing" },
		{ BYTES("\xcb\x48\xcd\xc9\xc9\x57\xc8\x40"), INFLATE_RAW, "inflate-truncated" },
		{ BYTES("\x07\0"), INFLATE_RAW, "inflate-malformed" },
		{ BYTES("\xcb\x48\x82\xff\xff\xff"), INFLATE_RAW, "inflate-malformed" },
		{ BYTES(""), INFLATE_RAW, "inflate-truncated" },
		{ BYTES("\x1f\x8b"), INFLATE_GZIP, "inflate-truncated" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf out = BUF_INIT(1 << 20);
		struct wm_error err = { 0 };
		enum wm_code code = inflate_all(&out, rows[i].data, rows[i].len, rows[i].kind, &err);

		if ((code == WM_OK) != !rows[i].reason ||
		    (rows[i].reason && strcmp(err.reason, rows[i].reason) != 0))
			test_failed(__FILE__, __LINE__, "row %zu: %s: %s", i,
				    code == WM_OK ? "accepted" : err.reason, err.message);
		if (code == WM_OK)
			assert_string_equal(buf_str(&out), HELLO);
	}
}

static void refuses_every_shorter_stream(void **state)
{
	static const char data[] = HEAD("\x1e") "\3\0xyzname\0comment\0\x00\x00" DEFLATE TRAILER;

	(void)state;
	for (size_t len = 0; len < sizeof(HEAD("") DEFLATE TRAILER); len++) {
		static const char plain[] = HEAD("\0") DEFLATE TRAILER;
		cleanup_buf struct buf out = BUF_INIT(1 << 20);
		struct wm_error err = { 0 };

		if (len < sizeof(plain) - 1)
			assert_reason(inflate_all(&out, plain, len, INFLATE_GZIP, &err), &err,
				      INFLATE_TRUNCATED);
		assert_reason(inflate_all(&out, data, len < 27 ? len : 27, INFLATE_GZIP, &err),
			      &err, INFLATE_TRUNCATED);
	}
}

/* Appends raw deflate of `n` zero bytes in stored blocks, or in one that repeats the first. */
static void append_stored(struct buf *out, size_t n)
{
	struct wm_error err = { 0 };

	while (n > 0) {
		const uint16_t len = n < 0xffff ? (uint16_t)n : 0xffff;
		const uint8_t head[] = { n == len, (uint8_t)len, (uint8_t)(len >> 8),
					 (uint8_t)~len, (uint8_t)(~len >> 8) };

		assert_ok(buf_append(out, head, sizeof(head), &err), &err);
		for (unsigned i = 0; i < len; i++)
			assert_ok(buf_append_byte(out, (uint8_t)(i % 251), &err), &err);
		n -= len;
	}
}

static void reads_at_any_place(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT(1 << 20);
	cleanup_buf struct buf data = BUF_INIT(1 << 22);
	struct wm_error err = { 0 };
	struct inflate *s = NULL;
	cleanup_fd int fd = -1;
	size_t n = 0;
	uint8_t bytes[300];
	struct window w;

	(void)state;
	append_stored(&data, 3 * 0xffff);
	fd = made_file(data.data, data.len);
	w = (struct window){ .fd = fd, .size = data.len, .name = "m" };
	assert_ok(inflate_open(&s, &a, &w, INFLATE_RAW, &err), &err);
	w = (struct window){ .fd = -1, .off = 0xffff, .size = 0xffff, .name = "m", .stream = s };
	assert_ok(window_read(&w, bytes, 300, 0, &err), &err);
	assert_int_equal(bytes[0] | bytes[260] << 8, 0 | 9 << 8);
	assert_ok(window_read(&w, bytes, 300, 0xffff - 300, &err), &err);
	assert_int_equal(bytes[299], 65534 % 251);
	assert_ok(window_read(&w, bytes, 0, 0, &err), &err);
	for (unsigned i = 0; i <= INFLATE_RESTARTS; i++) {
		w.off = 3 * 0xffff - 300;
		assert_ok(window_read(&w, bytes, 300, 0, &err), &err);
		assert_int_equal(bytes[299], 65534 % 251);
		for (unsigned back = 0; back <= INFLATE_RECENT - 300; back += 300) {
			w.off = 3 * 0xffff - 300 - back;
			assert_ok(window_read(&w, bytes, 1, 0, &err), &err);
			assert_int_equal(bytes[0], w.off % 0xffff % 251);
		}
		w.off = 1;
		if (i < INFLATE_RESTARTS)
			assert_ok(window_read(&w, bytes, 1, 0, &err), &err);
		else
			assert_reason(window_read(&w, bytes, 1, 0, &err), &err, INFLATE_ORDER);
		assert_int_equal(bytes[0], i < INFLATE_RESTARTS ? 1 : bytes[0]);
	}
	assert_reason(window_read(&w, bytes, 1, 0xffff, &err), &err, INTERNAL);
	w = (struct window){ .fd = fd, .size = data.len, .name = "m" };
	assert_ok(inflate_restart(s, &w, &err), &err);
	assert_ok(inflate_read_at(s, bytes, 1, 3 * 0xffff - 1, &err), &err);
	assert_reason(inflate_read_at(s, bytes, 1, 3 * 0xffff, &err), &err, INFLATE_SHORT);
	assert_ok(inflate_read_at(s, bytes, 1, 0, &err), &err);
	assert_reason(inflate_read_at(s, bytes, 2, 3 * 0xffff - 1, &err), &err, INFLATE_SHORT);
	assert_ok(inflate_read_at(s, bytes, 1, 0, &err), &err);
	assert_ok(inflate_read_up_to(s, bytes, 300, 3 * 0xffff - 299, &n, &err), &err);
	assert_int_equal(n, 299);
	assert_ok(inflate_read_up_to(s, bytes, 300, 3 * 0xffff, &n, &err), &err);
	assert_int_equal(n, 0);
}

/* A literal 0, then `n` times 258 of them: two bits each, one byte for four of these. */
static void append_bomb(struct buf *out, size_t n)
{
	struct wm_error err = { 0 };

	/* Fixed codes: 00100000 is the literal 0, 10000101 the length 258, 00000 the distance 1. */
	uint32_t bits = 3, count = 3;

	bits |= 0x0cu << count;
	count += 8;
	for (size_t i = 0; i <= n; i++) {
		const uint32_t code = i < n ? 0xa3 : 0, width = i < n ? 13 : 7;

		bits |= code << count;
		for (count += width; count >= 8; count -= 8, bits >>= 8)
			assert_ok(buf_append_byte(out, (uint8_t)bits, &err), &err);
	}
	assert_ok(buf_append_byte(out, (uint8_t)bits, &err), &err);
}

static void bounds_what_data_grow_to(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		cleanup_buf struct buf data = BUF_INIT(1 << 20), out = BUF_INIT(1 << 24);
		struct wm_error err = { 0 };
		enum wm_code code;

		/* 258 bytes for 13 bits: 158 for each byte; 1 MiB is free. */
		append_bomb(&data, i ? 12000 : 10000);
		code = inflate_all(&out, data.data, data.len, INFLATE_RAW, &err);
		if (i)
			assert_reason(code, &err, INFLATE_RATIO);
		else
			assert_ok(code, &err);
		assert_true(out.len <= INFLATE_FREE + (uint64_t)LIMIT_RATIO * data.len);
		if (!i)
			assert_int_equal(out.len, 1 + 258 * 10000);
	}
}

/* Who reads a chunk knows how long it is. */
static void leaves_what_zlib_wrote_to_its_reader(void **state)
{
	cleanup_buf struct buf data = BUF_INIT(1 << 20), out = BUF_INIT(1 << 24);
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(buf_append(&data, ZLIB_HEAD, 2, &err), &err);
	append_bomb(&data, 12000);
	assert_reason(inflate_all(&out, data.data, data.len, INFLATE_ZLIB, &err), &err,
		      INFLATE_TRUNCATED);
	assert_true(out.len > INFLATE_FREE + (uint64_t)LIMIT_RATIO * data.len);
}

static void counts_as_gzip_does(void **state)
{
	(void)state;
	assert_int_equal(inflate_crc32(0, "123456789", 9), 0xcbf43926);
	assert_int_equal(inflate_crc32(inflate_crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
	assert_int_equal(inflate_crc32(0, NULL, 0), 0);
}

static enum wm_code inflate_some(void *context, struct wm_error *err)
{
	cleanup_buf struct buf out = BUF_INIT(1 << 20);

	(void)context;
	return inflate_all(&out, BYTES(DEFLATE), INFLATE_RAW, err);
}

static void survives_failing_allocations(void **state)
{
	(void)state;
	with_every_allocation_failing(inflate_some, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inflates_or_says_why_not),
		cmocka_unit_test(inflates_in_any_steps),
		cmocka_unit_test(leaves_what_zlib_wrote_to_its_reader),
		cmocka_unit_test(counts_as_gzip_does),
		cmocka_unit_test(refuses_every_shorter_stream),
		cmocka_unit_test(reads_at_any_place),
		cmocka_unit_test(bounds_what_data_grow_to),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
