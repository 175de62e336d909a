/* SPDX-License-Identifier: Apache-2.0 */
/* Taking values like those of slots out of where no slot is: both formats that have slots. */
#include "format/format.h"

#include <unistd.h>

#include "format/slot.h"
#include "made.h"

/* A value that slots have, here at the wrong place: `V` in the headers below. */
static void append_value(struct buf *out)
{
	struct wm_error err = { 0 };

	assert_ok(slot_write_value(out, 'c', 0, SLOT_UNIT, "carried", 7, &err), &err);
}

#define TENSOR "\"t\":{\"dtype\":\"U8\",\"shape\":[9],\"data_offsets\":[0,9]}"

/* Replaces the V of `text`. */
static void fill_in(struct buf *out, const char *text)
{
	const char *at = strchr(text, 'V');
	struct wm_error err = { 0 };

	assert_non_null(at);
	assert_ok(buf_append(out, text, (size_t)(at - text), &err), &err);
	append_value(out);
	assert_ok(buf_append_str(out, at + 1, &err), &err);
}

/* Parses `bytes`, takes the value out, and parses what comes of it. */
static void take_out(struct layout *before, struct layout *after, const struct buf *bytes,
		     const char *name)
{
	cleanup_buf struct buf file = BUF_INIT(LIMIT_HEADER);
	struct wm_error err = { 0 };

	assert_ok(made_parse(before, bytes->data, bytes->len, name, &err), &err);
	assert_true(before->displaced);
	assert_int_equal(before->slot_len, 0);
	assert_ok(before->format->take_displaced(&file, before, name, &err), &err);
	assert_ok(buf_append(&file, bytes->data + before->head.len, bytes->len - before->head.len,
			     &err), &err);
	assert_ok(made_parse(after, file.data, file.len, name, &err), &err);
	assert_false(after->displaced);
	assert_int_equal(after->carried.len, 0);
	assert_int_equal(after->slot_len, 0);
	assert_int_equal(after->n_tensors, before->n_tensors);
	assert_int_equal(after->size - after->head.len, before->size - before->head.len);
}

static void out_of_safetensors(void **state)
{
	static const struct {
		const char *before, *after; /* headers; of the latter without spaces at its end */
	} rows[] = {
		{ "{\"__metadata__\":{\"weightmark\":\"V\"}," TENSOR "}",
		  "{\"__metadata__\":{}," TENSOR "}" },
		{ "{" TENSOR ",\"__metadata__\" : { \"weightmark\" : \"V\" } }",
		  "{" TENSOR ",\"__metadata__\" : {  } }" },
		{ "{\"__metadata__\":{\"weightmark\":\"V\",\"a\":\"b\"}," TENSOR "}",
		  "{\"__metadata__\":{\"a\":\"b\"}," TENSOR "}" },
		{ "{\"__metadata__\":{\"a\":\"b\",\"weightmark\":\"V\"}," TENSOR "}",
		  "{\"__metadata__\":{\"a\":\"b\"}," TENSOR "}" },
		{ "{\"__metadata__\":{\"a\":\"b\" , \"weightmark\":\"V\" , \"c\":\"d\"}," TENSOR "}",
		  "{\"__metadata__\":{\"a\":\"b\" , \"c\":\"d\"}," TENSOR "}" },
		{ "{\"__metadata__\":{\"a\":\"b\"\n,\n\"weight\\u006dark\":\"V\"\t}," TENSOR "}",
		  "{\"__metadata__\":{\"a\":\"b\"\n\t}," TENSOR "}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_layout struct layout before = LAYOUT_INIT, after = LAYOUT_INIT;
		cleanup_buf struct buf header = BUF_INIT(LIMIT_HEADER), file = BUF_INIT(LIMIT_HEADER);
		size_t len = strlen(rows[i].after);

		fill_in(&header, rows[i].before);
		made_append(&file, &(struct made){ buf_str(&header), header.len, 9, 0 });
		take_out(&before, &after, &file, "m.safetensors");
		assert_memory_equal(after.head.data + 8, rows[i].after, len);
		assert_true(after.head.len - 8 - len < 8);
		for (size_t k = 8 + len; k < after.head.len; k++)
			assert_int_equal(after.head.data[k], ' ');
		assert_int_equal(after.head.len % 8, before.head.len % 8);
	}
}

static void out_of_gguf(void **state)
{
	cleanup_layout struct layout before = LAYOUT_INIT, after = LAYOUT_INIT;
	cleanup_buf struct buf file = BUF_INIT(LIMIT_HEADER);

	(void)state;
	read_file(&file, "testdata/fuzz/gguf/slot-displaced");
	take_out(&before, &after, &file, "m.gguf");
	assert_true(after.head.len < before.head.len);
}

static enum wm_code taking_out(void *context, struct wm_error *err)
{
	cleanup_buf struct buf head = BUF_INIT(LIMIT_HEADER);
	const struct layout *l = context;

	return l->format->take_displaced(&head, l, "m", err);
}

static void survives_failing_allocations(void **state)
{
	static const char *const seeds[] = { "testdata/fuzz/gguf/slot-displaced",
					     "testdata/fuzz/safetensors/slot-displaced" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		cleanup_buf struct buf file = BUF_INIT(LIMIT_HEADER);
		struct wm_error err = { 0 };

		read_file(&file, seeds[i]);
		assert_ok(made_parse(&l, file.data, file.len, i ? "m.safetensors" : "m.gguf", &err),
			  &err);
		assert_true(l.displaced);
		with_every_allocation_failing(taking_out, &l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(out_of_safetensors),
		cmocka_unit_test(out_of_gguf),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
