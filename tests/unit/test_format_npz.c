/* SPDX-License-Identifier: Apache-2.0 */
/* lib/format/npz.c, keras_zip.c: slots in archives of arrays, which come out again. */
#include "harness.h"

#include <stdio.h>

#include "format/slot.h"
#include "made_npy.h"
#include "made_slot.h"
#include "made_zip.h"

#define GOOD_FOLDER "testdata/good/npy/"
#define SEEDS "testdata/fuzz/npy/"

/* The last has HDF5 in it, which a child reads each time. */
static const char *const archives[] = {
	"stored.npz", "compressed.npz", "empty.npz", "model-npz.keras", "model.keras",
};
enum { N_ARCHIVES = sizeof(archives) / sizeof(archives[0]), N_QUICK = N_ARCHIVES - 1 };

static void read_good(struct made_npy *m, const char *name)
{
	struct wm_error err = { 0 };
	char path[100];

	snprintf(path, sizeof(path), GOOD_FOLDER "%s", name);
	assert_ok(made_npy_read(m, path, &err), &err);
}

static bool same_zone(const struct layout *a, const struct layout *b)
{
	cleanup_buf struct buf x = BUF_INIT(1 << 24), y = BUF_INIT(1 << 24);
	struct wm_error err = { 0 };

	assert_ok(layout_append_zone(&x, a, &err), &err);
	assert_ok(layout_append_zone(&y, b, &err), &err);
	return x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
}

static void check_same_view(const struct made_npy *a, const struct made_npy *b)
{
	const struct layout *x = &a->layout, *y = &b->layout;

	assert_int_equal(x->size, y->size);
	assert_int_equal(x->zone.from, y->zone.from);
	assert_int_equal(x->n_segments, y->n_segments);
	for (size_t i = 0; i < x->n_segments; i++)
		assert_memory_equal(&x->segments[i], &y->segments[i], sizeof(x->segments[i]));
	assert_memory_equal(a->bytes.data, b->bytes.data, x->zone.from);
	assert_true(same_zone(x, y));
	assert_int_equal(x->n_tensors, y->n_tensors);
	assert_int_equal(x->n_pieces, y->n_pieces);
	assert_int_equal(x->has_tensors, y->has_tensors);
}

static void strips_what_it_embeds(void **state)
{
	static const size_t lens[] = { 0, 1, 2950, 2990, 3000, 3010, 9000 };
	uint8_t carried[9000];

	(void)state;
	for (size_t i = 0; i < sizeof(carried); i++)
		carried[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < N_ARCHIVES; i++)
		for (size_t k = 0; k < sizeof(lens) / sizeof(lens[0]); k++) {
			cleanup_made_npy struct made_npy m = MADE_NPY_INIT, e = MADE_NPY_INIT;
			cleanup_made_npy struct made_npy again = MADE_NPY_INIT;
			struct wm_error err = { 0 };

			read_good(&m, archives[i]);
			assert_ok(made_npy_embed(&e, &m, archives[i], carried, lens[k], &err), &err);
			assert_true(e.layout.slot_len > 0 && !e.layout.displaced);
			assert_int_equal(e.layout.slot_len, e.bytes.len - m.bytes.len);
			assert_int_equal(e.layout.carried.len, lens[k]);
			assert_memory_equal(e.layout.carried.data, carried, lens[k]);
			made_npy_check(&e);
			check_same_view(&m, &e);
			assert_ok(made_npy_gather(&e, &err), &err);
			assert_ok(made_npy_embed(&again, &e, archives[i], carried, lens[k], &err),
				  &err);
			assert_int_equal(again.bytes.len, e.bytes.len);
			assert_memory_equal(again.bytes.data, e.bytes.data, e.bytes.len);
		}
}

/* A changed byte makes no archive, no slot, other statements, or another view. */
static void notices_any_changed_byte_of_a_slot(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_QUICK; i++) {
		cleanup_made_npy struct made_npy m = MADE_NPY_INIT, e = MADE_NPY_INIT;
		struct wm_error err = { 0 };

		read_good(&m, archives[i]);
		assert_ok(made_npy_embed(&e, &m, archives[i], "a sidecar", 9, &err), &err);
		for (size_t at = (size_t)m.layout.zone.from; at < e.bytes.len; at++) {
			cleanup_layout struct layout l = LAYOUT_INIT;
			enum wm_code code;

			e.bytes.data[at] ^= 1;
			code = made_parse(&l, e.bytes.data, e.bytes.len, archives[i], &err);
			e.bytes.data[at] ^= 1;
			if (code != WM_OK || l.slot_len == 0)
				continue;
			if (l.carried.len == 9 && memcmp(l.carried.data, "a sidecar", 9) == 0)
				assert_false(same_zone(&l, &m.layout));
		}
	}
}

static void embeds_beside_no_other(void **state)
{
	static const struct {
		const char *seed, *name, *reason;
		bool displaced;
	} rows[] = {
		{ "slot-displaced", "m.npz", "slot-displaced", true },
		{ "slot-key-taken", "m.npz", "slot-key-taken", false },
		{ "slot-key-of-array", "m.npz", "slot-key-taken", false },
		{ "slot-key-taken", "m.keras", NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20), zone = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		enum wm_code code;
		char path[100];

		snprintf(path, sizeof(path), SEEDS "%s", rows[i].seed);
		read_file(&bytes, path);
		code = made_parse(&l, bytes.data + 1, bytes.len - 1, rows[i].name, &err);
		if (!rows[i].reason) {
			assert_reason(code, &err, KERAS_MALFORMED);
			continue;
		}
		assert_ok(code, &err);
		assert_int_equal(l.displaced, rows[i].displaced);
		assert_true(l.slot_len == 0);
		if (l.format->embed(&zone, &l, "x", 1, "m", &err) == WM_OK)
			test_failed(__FILE__, __LINE__, "%s: embedded", rows[i].seed);
		assert_string_equal(err.reason, rows[i].reason);
	}
}

/* A record that PyTorch's loaders take an archive for theirs by, in one that NumPy reads. */
static void names_the_pickle_of_others(void **state)
{
	static const struct made_member members[] = { { "a/data.pkl", "N.", 2, 0 },
						      { "a/data.npz", "N.", 2, 0 } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		made_zip(&bytes, &members[i], 1, false);
		assert_ok(made_parse(&l, bytes.data, bytes.len, "m.npz", &err), &err);
		assert_int_equal(l.n_imports, i == 0);
		if (i == 0)
			assert_string_equal(l.imports[0].name, "torch:data.pkl");
	}
}

static void survives_failing_allocations(void **state)
{
	cleanup_made_npy struct made_npy m = MADE_NPY_INIT;

	(void)state;
	read_good(&m, "stored.npz");
	embed_without_memory(&m.layout);
}

/* --- archives of other names ------------------------------------------------------------ */

static void reads_archives_of_any_name(void **state)
{
	static const struct {
		struct made_member members[2];
		const char *import;
	} rows[] = {
		{ { { "notes.txt", "text", 4, 0 }, { "word/document.xml", "<a/>", 4, 0 } }, NULL },
		{ { { "notes.txt", "text", 4, 0 }, { "m/data.pkl", "N.", 2, 0 } }, "torch:data.pkl" },
		{ { { "notes.txt", "text", 4, 0 }, { "m/DATA.PKL", "N.", 2, 0 } }, "torch:data.pkl" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT, named = LAYOUT_INIT;
		struct wm_error err = { 0 };

		made_zip(&bytes, rows[i].members, 2, false);
		assert_ok(made_parse(&l, bytes.data, bytes.len, "m.docx", &err), &err);
		assert_ptr_equal(l.format, &format_npz);
		assert_false(l.has_tensors);
		assert_int_equal(l.n_imports, rows[i].import != NULL);
		if (rows[i].import) {
			assert_string_equal(l.imports[0].name, rows[i].import);
			assert_false(l.imports[0].allowed);
		}
		assert_ok(made_parse(&named, bytes.data, bytes.len, "m.NPZ", &err), &err);
		assert_true(named.has_tensors);
		assert_reason(made_parse(&named, bytes.data, bytes.len - 1, "m", &err), &err,
			      ZIP_MALFORMED);
	}
}

static void tells_arrays_whatever_the_name(void **state)
{
	cleanup_made_npy struct made_npy m = MADE_NPY_INIT;
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	read_good(&m, "stored.npz");
	assert_ok(made_parse(&l, m.bytes.data, m.bytes.len, "weights", &err), &err);
	assert_true(l.has_tensors && l.n_tensors > 0);
	assert_int_equal(l.n_tensors, m.layout.n_tensors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strips_what_it_embeds),
		cmocka_unit_test(notices_any_changed_byte_of_a_slot),
		cmocka_unit_test(embeds_beside_no_other),
		cmocka_unit_test(reads_archives_of_any_name),
		cmocka_unit_test(tells_arrays_whatever_the_name),
		cmocka_unit_test(names_the_pickle_of_others),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
