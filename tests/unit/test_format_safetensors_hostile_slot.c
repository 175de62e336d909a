/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/format/safetensors_slot.c: only what embedding makes is taken for a slot, and nothing
 * in one is free to change.
 */
#include "harness.h"

#include "format/slot.h"
#include "made.h"

#define NAME MADE_NAME

static const char *const originals[] = { MADE_EACH_FORM };

/* What a change may have made of a slot, never one that carries the same. */
static void check_changed(const struct buf *file, const struct layout *before, size_t at)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	if (made_parse(&l, file->data, file->len, NAME, &err) != WM_OK) {
		assert_true(err.code == WM_FORMAT || err.code == WM_LIMIT);
		return;
	}
	if (l.slot_len && l.carried.len == before->carried.len &&
	    memcmp(l.carried.data, before->carried.data, l.carried.len) == 0)
		test_failed(__FILE__, __LINE__, "byte %zu of a slot is free", at);
	if (!l.slot_len)
		assert_int_equal(l.size, file->len);
}

static void has_no_free_byte(void **state)
{
	static const char bytes[] = " .=A1\"";

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		cleanup_buf struct buf file = BUF_INIT(1 << 16), embedded = BUF_INIT(1 << 16);
		cleanup_layout struct layout l = LAYOUT_INIT, before = LAYOUT_INIT;
		struct wm_error err = { 0 };
		size_t start = 0;

		made_append_header(&file, originals[i]);
		assert_ok(made_parse(&l, file.data, file.len, NAME, &err), &err);
		assert_ok(made_embed(&embedded, &l, &file, "some bytes", 10, &err), &err);
		assert_ok(made_parse(&before, embedded.data, embedded.len, NAME, &err), &err);
		while (start < 8 || embedded.data[start] == file.data[start])
			start++;
		for (size_t at = 0; at < start + SLOT_UNIT + 4; at++) {
			const bool all = at < start + 64 || at >= start + SLOT_UNIT - 8;
			const uint8_t was = embedded.data[at];

			for (size_t c = 0; c < (all ? 256 : sizeof(bytes)); c++) {
				embedded.data[at] = all ? (uint8_t)c : (uint8_t)bytes[c];
				/* What lies around the slot may change without touching it. */
				if (embedded.data[at] != was && at >= start &&
				    at < start + SLOT_UNIT)
					check_changed(&embedded, &before, at);
			}
			embedded.data[at] = was;
		}
	}
}

enum kind { SLOT, DISPLACED, ORDINARY };

/* Replaces V in `pattern` by the value of a slot of that form and `around`, carrying "v". */
static void fill(struct buf *out, const char *pattern, char form, size_t around)
{
	cleanup_buf struct buf header = BUF_INIT(1 << 16);
	struct wm_error err = { 0 };

	for (; *pattern; pattern++) {
		if (*pattern == 'V')
			assert_ok(slot_write_value(&header, form, around, SLOT_UNIT, "v", 1, &err),
				  &err);
		else
			assert_ok(buf_append_byte(&header, (uint8_t)*pattern, &err), &err);
	}
	made_append_header(out, buf_str(&header));
}

static void check_kind(const char *pattern, char form, size_t around, enum kind expected)
{
	cleanup_buf struct buf file = BUF_INIT(1 << 16), out = BUF_INIT(1 << 17);
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };
	enum kind found;
	enum wm_code code;

	fill(&file, pattern, form, around);
	assert_ok(made_parse(&l, file.data, file.len, NAME, &err), &err);
	found = l.slot_len ? SLOT : l.displaced ? DISPLACED : ORDINARY;
	if (found != expected)
		test_failed(__FILE__, __LINE__, "%s, form %c: %d", pattern, form, (int)found);
	assert_int_equal(l.carried.len, found == ORDINARY ? 0 : 1);
	assert_int_equal(l.size, file.len - l.slot_len);
	code = made_embed(&out, &l, &file, "v", 1, &err);
	if (found == DISPLACED)
		assert_reason(code, &err, SLOT_DISPLACED);
	else if (found == ORDINARY)
		assert_reason(code, &err, SLOT_KEY_TAKEN);
	else
		assert_memory_equal(out.data, file.data, file.len);
	if (found != SLOT) {
		assert_non_null(node_find(l.metadata.root, SLOT_KEY));
		assert_memory_equal(l.head.data, file.data, l.head.len);
	}
}

#define WHOLE "\"__metadata__\":{\"format\":\"pt\",\"weightmark\":\"V\"}"
#define FIRST "\"weightmark\":\"V\""

static void tells_slots_from_others(void **state)
{
	static const struct {
		const char *pattern;
		char form;
		size_t around;
		enum kind kind;
	} rows[] = {
		{ "{" WHOLE "," MADE_TENSOR "}", 'a', sizeof(WHOLE) - 1, SLOT },
		{ "{" WHOLE ", \n" MADE_TENSOR "}", 'a', sizeof(WHOLE) - 1, SLOT },
		{ "{" WHOLE "}", 'b', sizeof(WHOLE) - 2, SLOT },
		{ "{" WHOLE " }", 'b', sizeof(WHOLE) - 2, SLOT },
		{ "{\"__metadata__\":{" FIRST ",\"k\":\"\"}}", 'c', sizeof(FIRST) - 1, SLOT },
		{ "{\"__metadata__\":{" FIRST "}}", 'd', sizeof(FIRST) - 2, SLOT },
		{ "{\"__metadata__\":{" FIRST "\n}}", 'd', sizeof(FIRST) - 2, SLOT },
		/* A form that is not the one for the rest of the header. */
		{ "{" WHOLE "," MADE_TENSOR "}", 'b', sizeof(WHOLE) - 2, DISPLACED },
		{ "{" WHOLE " ," MADE_TENSOR "}", 'b', sizeof(WHOLE) - 2, DISPLACED },
		{ "{" WHOLE "," MADE_TENSOR "}", 'c', sizeof(WHOLE) - 1, DISPLACED },
		{ "{" WHOLE "}", 'a', sizeof(WHOLE) - 1, DISPLACED },
		{ "{\"__metadata__\":{" FIRST ",\"k\":\"\"}}", 'd', sizeof(FIRST) - 2, DISPLACED },
		{ "{\"__metadata__\":{" FIRST "}}", 'c', sizeof(FIRST) - 1, DISPLACED },
		{ "{" WHOLE "," MADE_TENSOR "}", 'e', sizeof(WHOLE) - 1, DISPLACED },
		{ "{" WHOLE "," MADE_TENSOR "}", 'z', sizeof(WHOLE) - 1, DISPLACED },
		/* Another place. */
		{ "{ " WHOLE "," MADE_TENSOR "}", 'a', sizeof(WHOLE) - 1, DISPLACED },
		{ "{" MADE_TENSOR "," WHOLE "}", 'a', sizeof(WHOLE) - 1, DISPLACED },
		{ "{" WHOLE " ," MADE_TENSOR "}", 'a', sizeof(WHOLE) - 1, DISPLACED },
		{ "{\"__metadata__\":{ " FIRST "}}", 'd', sizeof(FIRST) - 2, DISPLACED },
		{ "{\"__metadata__\":{" FIRST " ,\"k\":\"\"}}", 'c', sizeof(FIRST) - 1, DISPLACED },
		{ "{\"__metadata__\":{\"k\":\"\"," FIRST "}}", 'c', sizeof(FIRST) - 1, DISPLACED },
		/* Another spelling, or another length. */
		{ "{\"__metadata__\":{\"weightm\\u0061rk\":\"V\"," "\"k\":\"\"}}", 'c',
		  sizeof(FIRST) - 1, DISPLACED },
		{ "{\"__metadata\\u005f_\":{\"weightmark\":\"V\"}," MADE_TENSOR "}", 'a',
		  sizeof(WHOLE) - 1, DISPLACED },
		{ "{" WHOLE "," MADE_TENSOR "}", 'a', sizeof(WHOLE), DISPLACED },
		{ "{" WHOLE "," MADE_TENSOR "}", 'a', sizeof(WHOLE) - 2, DISPLACED },
		{ "{\"__metadata__\":{\"weightmark\":\"wm1.d.1.dg==..\"}}", 'd', 0, DISPLACED },
		{ "{\"__metadata__\":{\"weightmark\":\"wm1.d.9999.dg==\"}}", 'd', 0, DISPLACED },
		/* Anybody's metadata. */
		{ "{\"__metadata__\":{\"weightmark\":\"wm1\"}}", 'd', 0, ORDINARY },
		{ "{\"__metadata__\":{\"weightmark\":\"\"}}", 'd', 0, ORDINARY },
		{ "{\"__metadata__\":{\"weightmark\":\" V\"}}", 'd', 20, ORDINARY },
		{ "{\"__metadata__\":{\"weightmark\":\"V \"}}", 'd', 20, ORDINARY },
		{ "{\"__metadata__\":{\"weightmark\":\"wm1.d.1.dh==\"}}", 'd', 20, ORDINARY },
		{ "{\"__metadata__\":{\"weightmark\":\"wm1.d.01.dg==\"}}", 'd', 20, ORDINARY },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_kind(rows[i].pattern, rows[i].form, rows[i].around, rows[i].kind);
}

/* What only the file with its slot would say twice, or what only its rest does wrong. */
static void refuses_what_is_wrong_around_a_slot(void **state)
{
	static const char *const rows[][2] = {
		{ "{" WHOLE ",\"__metadata__\":{}," MADE_TENSOR "}", "safetensors-duplicate" },
		{ "{" WHOLE ",\"__metad\\u0061ta__\":{}," MADE_TENSOR "}",
		  "safetensors-duplicate" },
		{ "{" WHOLE "," WHOLE "," MADE_TENSOR "}", "safetensors-duplicate" },
		{ "{\"__metadata__\":{" FIRST "," FIRST "}}", "safetensors-duplicate" },
		{ "{\"__metadata__\":{" FIRST ",\"weightm\\u0061rk\":\"\"}}",
		  "safetensors-duplicate" },
		{ "{" WHOLE "," MADE_TENSOR "," MADE_TENSOR "}", "safetensors-overlap" },
		{ "{" WHOLE ",}", "safetensors-malformed" },
		{ "{" WHOLE ",," MADE_TENSOR "}", "safetensors-malformed" },
		{ "{" WHOLE MADE_TENSOR "}", "safetensors-malformed" },
		{ "{\"__metadata__\":{" FIRST ",}}", "safetensors-malformed" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (const char *form = "abcd"; *form; form++) {
			cleanup_buf struct buf file = BUF_INIT(1 << 16);
			cleanup_layout struct layout l = LAYOUT_INIT;
			struct wm_error err = { 0 };

			fill(&file, rows[i][0], *form,
			     (*form < 'c' ? sizeof(WHOLE) : sizeof(FIRST)) - 1 - (*form % 2 == 0));
			assert_int_not_equal(made_parse(&l, file.data, file.len, NAME, &err),
					     WM_OK);
			assert_string_equal(err.reason, rows[i][1]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_no_free_byte),
		cmocka_unit_test(tells_slots_from_others),
		cmocka_unit_test(refuses_what_is_wrong_around_a_slot),
	};

	return run_tests(tests);
}
