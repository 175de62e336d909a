/* SPDX-License-Identifier: Apache-2.0 */
/* lib/checkpoint/external.c: tensors that one file of a checkpoint names and another one holds. */
#include "harness.h"

#include <stdio.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/external.h"
#include "made.h"
#include "made_tf.h"
#include "tree.h"
#include "util/file.h"

#define DATA "m.data-00000-of-00001"

enum { FILES_MAX = 5, ENTRIES_MAX = 5 };

/* A directory with m.index of these entries. */
struct row {
	const char *what; /* for messages */
	struct made_tf_entry entries[ENTRIES_MAX];
	struct tree_file files[FILES_MAX];
	enum reason reason;
};

static const struct checkpoint_open_options plain = { NULL };

static void write_index(const char *folder, const char *name, unsigned n_shards,
			const struct made_tf_entry *entries)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), path = BUF_INIT(8192);
	struct wm_error err = { 0 };

	made_tf_index(&bytes, n_shards, entries);
	assert_ok(buf_printf(&path, &err, "%s/%s", folder, name), &err);
	assert_ok(file_write(buf_str(&path), bytes.data, bytes.len, 0600, FILE_REPLACE, &err),
		  &err);
}

static void print_layout(struct buf *out, const struct layout *l)
{
	struct wm_error err = { 0 };

	for (size_t i = 0; i < l->n_segments; i++)
		assert_ok(buf_printf(out, &err, "%s%d+%d", l->segments[i].tensor ? " t" : " s",
				     (int)l->segments[i].off, (int)l->segments[i].len), &err);
	for (size_t i = 0; i < l->n_tensors; i++)
		assert_ok(buf_printf(out, &err, " %s@%d", l->tensors[l->by_name[i]].name,
				     (int)l->tensors[l->by_name[i]].segment), &err);
}

static void moves_tensors_to_their_bytes(void **state)
{
	static const struct {
		struct made_tf_entry entries[ENTRIES_MAX];
		const char *data, *layout;
	} rows[] = {
		{ { { "a", 4, 4, 0, 0, 4 } }, "0123", " t0+4 a@0" },
		{ { { "a", 4, 4, 0, 2, 4 } }, "01234567", " s0+2 t2+4 s6+2 a@1" },
		{ { { "a", 4, 2, 0, 6, 2 }, { "b", 4, 2, 0, 0, 2 } }, "01234567",
		  " t0+2 s2+4 t6+2 a@2 b@0" },
		{ { { "a", 4, 2, 0, 4, 2 }, { "b", 4, 2, 0, 4, 2 }, { "c", 4, 1, 0, 6, 1 } },
		  "01234567", " s0+4 t4+2 t6+1 s7+1 a@1 b@1 c@2" },
		{ { { "a", 4, 0, 0, 3, 0 }, { "b", 4, 4, 0, 0, 4 }, { "c", 4, 0, 0, 4, 0 } },
		  "0123", " t0+4 a@-1 b@0 c@-1" },
		{ { { "a", 7, 4, 0, 0, 5 }, { "b", 4, 1, 0, 5, 1 } }, "012345", " s0+5 t5+1 b@1" },
		{ { { "a", 7, 4, 0, 0, 6 } }, "012345", " s0+6" },
		{ { { "a", 4, 0, 0, 0, 0 } }, "", " a@-1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_checkpoint struct checkpoint *c = NULL;
		cleanup_buf struct buf text = BUF_INIT(4096);
		const struct checkpoint_file *f;
		struct wm_error err = { 0 };
		char *folder = scratch_new();

		tree_write(folder, &(struct tree_file){ DATA, rows[i].data });
		write_index(folder, "m.index", 1, rows[i].entries);
		assert_ok(checkpoint_open(&c, folder, &plain, &err), &err);
		f = checkpoint_find_file(c, DATA);
		assert_string_equal(f->layout.format->grammar, "external/1");
		assert_true(f->layout.has_tensors);
		print_layout(&text, &f->layout);
		assert_string_equal(buf_str(&text), rows[i].layout);
		assert_ok(checkpoint_find_parts(c, &err), &err);
		assert_int_equal(c->n_parts, 1);
		assert_string_equal(c->parts[0].name, "m.index");
		assert_int_equal(c->parts[0].n_files, 2);
		scratch_remove(folder);
	}
}

#define FOUR { "a", 4, 4, 0, 0, 4 }

static void refuses_externals(void **state)
{
	static const struct row rows[] = {
		{ "good", { FOUR }, { { DATA, "0123" } }, REASON_NONE },
		{ "missing", { FOUR }, { { "other", "0123" } },
		  REASON_EXTERNAL_MISSING },
		{ "elsewhere", { FOUR }, { { "x/" DATA, "0123" } },
		  REASON_EXTERNAL_MISSING },
		{ "end", { FOUR }, { { DATA, "012" } }, REASON_EXTERNAL_RANGE },
		{ "offset", { { "a", 4, 0, 0, 5, 0 } }, { { DATA, "0123" } },
		  REASON_EXTERNAL_RANGE },
		{ "far", { { "a", 4, 4, 0, INT64_MAX, 4 } }, { { DATA, "0123" } },
		  REASON_EXTERNAL_RANGE },
		{ "text beyond", { { "a", 7, 4, 0, 0, 5 } }, { { DATA, "0123" } },
		  REASON_EXTERNAL_RANGE },
		{ "overlap", { FOUR, { "b", 4, 4, 0, 3, 4 } }, { { DATA, "01234567" } },
		  REASON_EXTERNAL_OVERLAP },
		{ "within", { FOUR, { "b", 4, 3, 0, 0, 3 } }, { { DATA, "01234567" } },
		  REASON_EXTERNAL_OVERLAP },
		{ "over an empty one", { FOUR, { "b", 4, 0, 0, 1, 0 }, { "c", 4, 1, 0, 3, 1 } },
		  { { DATA, "01234567" } }, REASON_EXTERNAL_OVERLAP },
		{ "text overlaps", { { "a", 7, 4, 0, 0, 5 }, { "b", 4, 1, 0, 4, 1 } },
		  { { DATA, "01234567" } }, REASON_EXTERNAL_OVERLAP },
		{ "beside", { FOUR, { "b", 4, 4, 0, 4, 4 } }, { { DATA, "01234567" } },
		  REASON_NONE },
		{ "pointer", { FOUR }, { { DATA, "pointer" } }, REASON_NONE },
		{ "pointer to less", { { "a", 4, 12346, 0, 0, 12346 } },
		  { { DATA, "pointer" } }, REASON_EXTERNAL_RANGE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_checkpoint struct checkpoint *c = NULL;
		struct wm_error err = { 0 };
		char *folder = scratch_new();
		enum wm_code code;

		tree_write_all(folder, rows[i].files);
		write_index(folder, "m.index", 1, rows[i].entries);
		code = checkpoint_open(&c, folder, &plain, &err);
		if ((code == WM_OK) != (rows[i].reason == REASON_NONE) ||
		    (code != WM_OK && strcmp(err.reason, reason_info(rows[i].reason)->id) != 0))
			test_failed(__FILE__, __LINE__, "%s: %s: %s", rows[i].what,
				    code == WM_OK ? "accepted" : err.reason, err.message);
		scratch_remove(folder);
	}
}

/* An index whose data file has a format of its own: here one that is an index itself. */
static void refuses_data_of_a_format(void **state)
{
	static const struct made_tf_entry entries[] = { FOUR, { 0 } }, none[] = { { 0 } };
	static const struct external to[] = {
		{ { .name = "a", .name_len = 1, .len = 4 }, "n.index", 0 },
	};

	(void)state;
	for (size_t twice = 0; twice < 3; twice++) {
		cleanup_checkpoint struct checkpoint *c = NULL;
		struct wm_error err = { 0 };
		char *folder = scratch_new();
		struct layout *l;

		write_index(folder, "m.index", 1, entries);
		write_index(folder, "n.index", 1, none);
		tree_write(folder, &(struct tree_file){ DATA, twice == 2 ? "pointer" : "0123" });
		assert_ok(checkpoint_open(&c, folder, &plain, &err), &err);
		l = &checkpoint_find_file(c, "n.index")->layout;
		assert_ok(layout_add_external(l, to, &err), &err);
		checkpoint_find_file(c, "m.index")->layout.n_externals = 0;
		if (twice)
			l->externals[0].path = DATA;
		if (twice)
			assert_reason(external_resolve(c, &err), &err, EXTERNAL_TWICE);
		else
			assert_reason(external_resolve(c, &err), &err, EXTERNAL_NOT_DATA);
		l->externals[0].path = "../" DATA;
		assert_reason(external_resolve(c, &err), &err, EXTERNAL_MISSING);
		scratch_remove(folder);
	}
}

static void refuses_a_lone_file(void **state)
{
	static const struct made_tf_entry entries[] = { FOUR, { 0 } }, none[] = { { 0 } };
	char *folder = scratch_new(), path[512];

	(void)state;
	for (size_t alone = 0; alone < 2; alone++) {
		cleanup_checkpoint struct checkpoint *c = NULL;
		struct wm_error err = { 0 };

		write_index(folder, "m.index", 1, alone ? entries : none);
		snprintf(path, sizeof(path), "%s/m.index", folder);
		if (alone)
			assert_reason(checkpoint_open(&c, path, &plain, &err), &err,
				      EXTERNAL_ALONE);
		else
			assert_ok(checkpoint_open(&c, path, &plain, &err), &err);
	}
	scratch_remove(folder);
}

static void digests(uint8_t out[SHA256_BYTES], const char *folder)
{
	const struct checkpoint_measure_options all = { .gather = true };
	cleanup_checkpoint struct checkpoint *c = NULL;
	struct wm_error err = { 0 };

	assert_ok(checkpoint_open(&c, folder, &plain, &err), &err);
	assert_ok(checkpoint_find_parts(c, &err), &err);
	assert_ok(checkpoint_measure(c, &all, &err), &err);
	assert_int_equal(c->n_parts, 1);
	assert_true(c->parts[0].has_weights);
	memcpy(out, c->parts[0].weights_digest, SHA256_BYTES);
}

/* The same tensors in safetensors, in one data file, in two of them in another order. */
static void weighs_as_other_containers_do(void **state)
{
	static const struct made_tf_entry one[] = { { "a", 4, 1, 0, 3, 1 }, { "b", 4, 1, 0, 1, 1 },
						    { "t", 7, 1, 0, 4, 2 }, { 0 } };
	static const struct made_tf_entry two[] = { { "a", 4, 1, 1, 0, 1 }, { "b", 4, 1, 0, 0, 1 },
						    { 0 } };
	uint8_t expected[SHA256_BYTES], found[SHA256_BYTES];
	char *folders[] = { scratch_new(), scratch_new(), scratch_new() };

	(void)state;
	tree_write(folders[0], &(struct tree_file){ "m.safetensors", "tensors: a=97 b=98" });
	digests(expected, folders[0]);
	tree_write(folders[1], &(struct tree_file){ DATA, "xbxaxx" });
	write_index(folders[1], "m.index", 1, one);
	digests(found, folders[1]);
	assert_memory_equal(found, expected, sizeof(found));
	tree_write(folders[2], &(struct tree_file){ "m.data-00000-of-00002", "b" });
	tree_write(folders[2], &(struct tree_file){ "m.data-00001-of-00002", "a" });
	write_index(folders[2], "m.index", 2, two);
	digests(found, folders[2]);
	assert_memory_equal(found, expected, sizeof(found));
	for (size_t i = 0; i < 3; i++)
		scratch_remove(folders[i]);
}

/* Two bundles, weights beside them, and a data file that an index of shards lists too. */
static void keeps_parts_apart(void **state)
{
	static const struct made_tf_entry entries[] = { FOUR, { 0 } };
	static const struct tree_file files[] = {
		{ DATA, "0123" },	      { "x/n.data-00000-of-00001", "0123" },
		{ "w.safetensors", "tensors: a" }, { "z.bin", "0" }, { NULL, NULL },
	};
	static const char *const parts[] = { "m.index", "w.safetensors", "x/n.index", "z.bin" };
	cleanup_checkpoint struct checkpoint *c = NULL, *listed = NULL;
	struct wm_error err = { 0 };
	char *folder = scratch_new();

	(void)state;
	tree_write_all(folder, files);
	write_index(folder, "m.index", 1, entries);
	write_index(folder, "x/n.index", 1, entries);
	assert_ok(checkpoint_open(&c, folder, &plain, &err), &err);
	assert_ok(checkpoint_find_parts(c, &err), &err);
	assert_int_equal(c->n_parts, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(c->parts[i].name, parts[i]);
	tree_write(folder, &(struct tree_file){ "p.bin.index.json",
						"{\"weight_map\":{\"a\":\"" DATA "\"}}" });
	assert_ok(checkpoint_open(&listed, folder, &plain, &err), &err);
	assert_reason(checkpoint_find_parts(listed, &err), &err, INDEX_MISMATCH);
	scratch_remove(folder);
}

static enum wm_code open_and_find(void *context, struct wm_error *err)
{
	cleanup_checkpoint struct checkpoint *c = NULL;

	TRY(checkpoint_open(&c, context, &plain, err));
	return checkpoint_find_parts(c, err);
}

static void survives_failing_allocations(void **state)
{
	static const struct made_tf_entry entries[] = { FOUR, { "b", 4, 1, 1, 0, 1 }, { 0 } };
	char *folder = scratch_new();

	(void)state;
	tree_write(folder, &(struct tree_file){ "m.data-00000-of-00002", "0123" });
	tree_write(folder, &(struct tree_file){ "m.data-00001-of-00002", "0" });
	write_index(folder, "m.index", 2, entries);
	with_every_allocation_failing(open_and_find, folder);
	scratch_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moves_tensors_to_their_bytes),
		cmocka_unit_test(refuses_externals),
		cmocka_unit_test(refuses_data_of_a_format),
		cmocka_unit_test(refuses_a_lone_file),
		cmocka_unit_test(weighs_as_other_containers_do),
		cmocka_unit_test(keeps_parts_apart),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
