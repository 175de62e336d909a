/* SPDX-License-Identifier: Apache-2.0 */
/* lib/statement/message.c: protobuf is read in its one form, within bounded memory. */
#include "generate.h"
#include "wire.h"

#include "statement/message.h"
#include "weightmark/v1/common.pb-c.h"
#include "weightmark/v1/envelope.pb-c.h"
#include "weightmark/v1/run.pb-c.h"
#include "weightmark/v1/scalar.pb-c.h"

#define D(name)	     &weightmark__v1__##name##__descriptor
#define BYTES(text)  (text), sizeof(text) - 1

enum { SMALL = 1 << 20 };

struct row {
	const char *what;
	const ProtobufCMessageDescriptor *descriptor;
	const char *bytes;
	size_t len;
};

static enum wm_code decode(const struct row *r, struct wm_error *err)
{
	cleanup_arena struct arena a = ARENA_INIT(SMALL);
	ProtobufCMessage *m = NULL;

	return message_decode(&m, r->descriptor, &a, r->bytes, r->len, REASON_SIDECAR_MALFORMED,
			      err);
}

/* Each row of `malformed` is one step away from one of these. */
static const struct row good[] = {
	{ "nothing", D(run), BYTES("") },
	{ "a string", D(run), BYTES("\x3a\x01" "a") },
	{ "two fields", D(run), BYTES("\x3a\x01" "a" "\x6a\x01" "b") },
	{ "a scalar", D(run), BYTES("\x1a\x03\x0a\x01" "a") },
	{ "an enum", D(run), BYTES("\x60\x02") },
	{ "a list", D(run), BYTES("\x22\x02\x18\x01\x22\x02\x18\x02") },
	{ "an integer", D(dataset_use), BYTES("\x28\x80\x01") },
	{ "a date", D(run), BYTES("\x92\x01\x02\x08\x01") },
	{ "a digest", D(digest), BYTES("\x0a\x20" "0123456789abcdef0123456789abcdef") },
	{ "repeated enum", D(party), BYTES("\x30\x01\x30\x02") },
	{ "text beyond ASCII", D(run), BYTES("\x3a\x04\xf0\x9f\x98\x80") },
	{ "an inner header", D(run), BYTES("\x0a\x03\x0a\x01" "i") },
};

static const struct row malformed[] = {
	{ "string twice", D(run), BYTES("\x3a\x01" "a" "\x3a\x01" "a") },
	{ "string replaced", D(run), BYTES("\x3a\x01" "a" "\x3a\x01" "b") },
	{ "enum twice", D(run), BYTES("\x60\x02\x60\x02") },
	{ "integer twice", D(dataset_use), BYTES("\x28\x01\x28\x01") },
	{ "message twice, to be merged", D(run), BYTES("\x0a\x03\x0a\x01" "i" "\x0a\x02\x18\x01") },
	{ "required scalar twice", D(id), BYTES("\x0a\x01" "a" "\x0a\x01" "a") },
	{ "low unknown field", D(id), BYTES("\x0a\x01" "a" "\x10\x01") },
	{ "unknown field after the last", D(run), BYTES("\xb8\x01\x01") },
	{ "high unknown field", D(run), BYTES("\x3a\x01" "a" "\xfa\xff\xff\xff\x0f\x01" "x") },
	{ "unknown varint", D(run), BYTES("\xc8\x3e\x01") },
	{ "unknown fixed", D(run), BYTES("\xcd\x3e\x01\x02\x03\x04") },
	{ "nested unknown field", D(run), BYTES("\x1a\x05\x0a\x01" "a" "\x10\x01") },
	{ "unknown field twice nested", D(run), BYTES("\x0a\x07\x12\x05\x0a\x01" "a" "\x10\x01") },
	{ "field number 0", D(run), BYTES("\x02\x01" "a") },
	{ "overlong key", D(run), BYTES("\xba\x00\x01" "a") },
	{ "overlong length", D(run), BYTES("\x3a\x81\x00" "a") },
	{ "overlong inner length", D(run), BYTES("\x1a\x04\x0a\x81\x00" "a") },
	{ "overlong varint", D(dataset_use), BYTES("\x28\x81\x00") },
	{ "overlong enum", D(run), BYTES("\x60\x82\x00") },
	{ "varint of eleven bytes", D(dataset_use),
	  BYTES("\x28\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01") },
	{ "varint beyond 64 bits", D(dataset_use),
	  BYTES("\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f") },
	{ "varint cut short", D(dataset_use), BYTES("\x28\x80") },
	{ "days beyond 32 bits", D(date), BYTES("\x08\x82\x80\x80\x80\x10") },
	{ "NUL in text", D(run), BYTES("\x3a\x03" "a\0b") },
	{ "NUL at the end of text", D(run), BYTES("\x3a\x02" "a\0") },
	{ "NUL in an id", D(run), BYTES("\x1a\x04\x0a\x02" "a\0") },
	{ "UTF-8 cut short", D(run), BYTES("\x3a\x02\xc3" "a") },
	{ "overlong UTF-8", D(run), BYTES("\x3a\x02\xc0\x80") },
	{ "a surrogate", D(run), BYTES("\x3a\x03\xed\xa0\x80") },
	{ "UTF-8 beyond U+10FFFF", D(run), BYTES("\x3a\x04\xf4\x90\x80\x80") },
	{ "unlisted enum value", D(run), BYTES("\x60\x03") },
	{ "negative enum value", D(run), BYTES("\x60\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01") },
	{ "enum value beyond 32 bits", D(run), BYTES("\x60\x82\x80\x80\x80\x10") },
	{ "unlisted value in a list", D(party), BYTES("\x30\x01\x30\x7f") },
	{ "packed list", D(party), BYTES("\x32\x02\x01\x02") },
	{ "required field missing", D(id), BYTES("") },
	{ "required field missing inside", D(run), BYTES("\x1a\x00") },
	{ "scalar of another form", D(run), BYTES("\x1a\x03\x0a\x01" " ") },
	{ "empty id", D(run), BYTES("\x1a\x02\x0a\x00") },
	{ "date out of range", D(run), BYTES("\x92\x01\x05\x08\x80\x80\x80\x08") },
	{ "digest of 31 bytes", D(digest), BYTES("\x0a\x1f" "0123456789abcdef0123456789abcde") },
	{ "digest of 33 bytes", D(digest), BYTES("\x0a\x21" "0123456789abcdef0123456789abcdef0") },
	{ "varint where text belongs", D(run), BYTES("\x38\x01") },
	{ "text where a varint belongs", D(dataset_use), BYTES("\x2a\x01" "a") },
	{ "fixed where a varint belongs", D(dataset_use), BYTES("\x29\x01\0\0\0\0\0\0\0") },
	{ "fields swapped", D(run), BYTES("\x6a\x01" "b" "\x3a\x01" "a") },
	{ "fields swapped inside", D(run), BYTES("\x0a\x05\x18\x01\x0a\x01" "i") },
	{ "list torn apart", D(run), BYTES("\x22\x02\x18\x01\x3a\x01" "a" "\x22\x02\x18\x02") },
	{ "trailing zero", D(run), BYTES("\x3a\x01" "a" "\0") },
	{ "trailing key", D(run), BYTES("\x3a\x01" "a" "\x3a") },
	{ "trailing text", D(run), BYTES("\x3a\x01" "a" "\n") },
	{ "length beyond the end", D(run), BYTES("\x3a\x02" "a") },
	{ "length of 2^63", D(run), BYTES("\x3a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01" "a") },
	{ "length of 2^32", D(run), BYTES("\x3a\x80\x80\x80\x80\x10" "a") },
	{ "inner length beyond the end", D(run), BYTES("\x1a\x03\x0a\x02" "a") },
	{ "groups", D(run), BYTES("\x3b\x3c") },
	{ "wire type 7", D(run), BYTES("\x3f\x01" "a") },
};

static void canonical_bytes_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct wm_error err = { 0 };

		if (decode(&good[i], &err) != WM_OK)
			test_failed(__FILE__, __LINE__, "%s: %s", good[i].what, err.message);
	}
}

static void other_bytes_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		struct wm_error err = { 0 };

		if (decode(&malformed[i], &err) == WM_OK)
			test_failed(__FILE__, __LINE__, "%s was taken", malformed[i].what);
		assert_int_equal(error_reason(&err), REASON_SIDECAR_MALFORMED);
	}
}

/* Fields within fields: the schema has no place for them below its own depth. */
static void nesting_is_no_recursion(void **state)
{
	enum { DEPTH = 100000 };
	cleanup_arena struct arena a = ARENA_INIT(SMALL);
	cleanup_buf struct buf b = BUF_INIT(1 << 26);
	cleanup_free uint8_t *turned = NULL;
	struct wm_error err = { 0 };
	ProtobufCMessage *m = NULL;

	(void)state;
	/* Written from the inside: what is appended is turned round in the end. */
	for (size_t i = 0; i < DEPTH; i++) {
		cleanup_buf struct buf head = BUF_INIT(16);

		wire_key(&head, 1, WIRE_BYTES);
		wire_varint(&head, b.len, 0);
		for (size_t j = head.len; j > 0; j--)
			wire_raw(&b, &head.data[j - 1], 1);
	}
	turned = malloc(b.len);
	assert_non_null(turned);
	for (size_t i = 0; i < b.len; i++)
		turned[i] = b.data[b.len - 1 - i];
	assert_reason(message_decode(&m, D(run), &a, turned, b.len, REASON_SIDECAR_MALFORMED, &err),
		      &err, SIDECAR_MALFORMED);
}

/* 2 bytes of input become a message of 50 or more in memory. */
static void small_messages_are_counted(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT(4 << 20);
	cleanup_buf struct buf b = BUF_INIT(SMALL);
	struct wm_error err = { 0 };
	ProtobufCMessage *m = NULL;

	(void)state;
	while (b.len + 2 <= SMALL)
		wire_bytes(&b, 4, "", 0);
	assert_reason(message_decode(&m, D(run), &a, b.data, b.len, REASON_SIDECAR_MALFORMED, &err),
		      &err, LIMIT);
	assert_true(a.used <= a.max);
	assert_null(m);
}

/* Every prefix of a message, and every byte changed: refused, or its own one form. */
static void neighbours_have_one_form(void **state)
{
	cleanup_arena struct arena made = ARENA_INIT(SMALL);
	struct generator g = { 11, &made };

	(void)state;
	for (int i = 0; i < 20; i++) {
		const ProtobufCMessage *m = generate_message(&g, D(run));
		cleanup_buf struct buf b = BUF_INIT(SMALL);
		struct wm_error err = { 0 };

		assert_ok(message_encode(&b, m, &err), &err);
		for (size_t at = 0; at < b.len; at++)
			for (unsigned bit = 0; bit < 8; bit++) {
				cleanup_arena struct arena a = ARENA_INIT(SMALL);
				cleanup_buf struct buf again = BUF_INIT(SMALL);
				ProtobufCMessage *read = NULL;

				b.data[at] ^= (uint8_t)(1U << bit);
				if (message_decode(&read, D(run), &a, b.data, b.len,
						   REASON_SIDECAR_MALFORMED, &err) == WM_OK) {
					assert_ok(message_encode(&again, read, &err), &err);
					assert_int_equal(again.len, b.len);
					assert_memory_equal(again.data, b.data, b.len);
				}
				b.data[at] ^= (uint8_t)(1U << bit);
			}
	}
}

static enum wm_code decode_and_encode(void *context, struct wm_error *err)
{
	const struct buf *bytes = context;
	cleanup_arena struct arena a = ARENA_INIT(SMALL);
	cleanup_buf struct buf again = BUF_INIT(SMALL);
	ProtobufCMessage *m = NULL;

	TRY(message_decode(&m, D(run), &a, bytes->data, bytes->len, REASON_SIDECAR_MALFORMED, err));
	return message_encode(&again, m, err);
}

static void survives_failing_allocations(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT(SMALL);
	cleanup_buf struct buf b = BUF_INIT(SMALL);
	struct generator g = { 12, &a };
	struct wm_error err = { 0 };

	(void)state;
	do {
		b.len = 0;
		assert_ok(message_encode(&b, generate_message(&g, D(run)), &err), &err);
	} while (b.len < 300);
	with_every_allocation_failing(decode_and_encode, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical_bytes_are_read),
		cmocka_unit_test(other_bytes_are_refused),
		cmocka_unit_test(nesting_is_no_recursion),
		cmocka_unit_test(small_messages_are_counted),
		cmocka_unit_test(neighbours_have_one_form),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
