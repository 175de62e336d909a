/* SPDX-License-Identifier: Apache-2.0 */
/* lib/checkpoint/parts.c, index.c and names.c: which files load together. */
#include "harness.h"

#include <stdio.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/names.h"
#include "made.h"
#include "made_gguf.h"
#include "tree.h"
#include "util/file.h"

#define INDEX(map) "{\"metadata\":{\"total_size\":2},\"weight_map\":{" map "}}"
#define ONE "model-00001-of-00002.safetensors"
#define TWO "model-00002-of-00002.safetensors"
#define SET "model.safetensors.index.json"
#define BOTH INDEX("\"a\":\"" ONE "\",\"b\":\"" TWO "\"")

enum { FILES_MAX = 8 };

struct row {
	struct tree_file files[FILES_MAX];
	const char *parts; /* "name = path path", a line each; or */
	enum reason reason;
};

static void open_folder(struct checkpoint **out, const char *folder)
{
	const struct checkpoint_open_options options = { NULL };
	struct wm_error err = { 0 };

	assert_ok(checkpoint_open(out, folder, &options, &err), &err);
}

static void print_parts(struct buf *out, const struct checkpoint *c)
{
	struct wm_error err = { 0 };

	for (size_t i = 0; i < c->n_parts; i++) {
		const struct checkpoint_part *p = &c->parts[i];

		assert_ok(buf_printf(out, &err, "%s =", p->name), &err);
		for (size_t j = 0; j < p->n_paths; j++)
			assert_ok(buf_printf(out, &err, " %s", p->paths[j]), &err);
		assert_ok(buf_append_str(out, "\n", &err), &err);
		assert_int_equal(p->n_files, p->n_paths);
		for (size_t j = 0; j < p->n_files; j++)
			assert_string_equal(c->files[p->files[j]].path, p->paths[j]);
	}
}

static void check_row(const struct row *row)
{
	cleanup_checkpoint struct checkpoint *c = NULL;
	cleanup_buf struct buf parts = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };
	char *folder = scratch_new();
	enum wm_code code;

	tree_write_all(folder, row->files);
	open_folder(&c, folder);
	code = checkpoint_find_parts(c, &err);
	if (row->parts) {
		assert_ok(code, &err);
		print_parts(&parts, c);
		assert_string_equal(buf_str(&parts), row->parts);
		assert_ok(checkpoint_check_indexes(c, &err), &err);
	} else {
		assert_int_not_equal(code, WM_OK);
		assert_string_equal(err.reason, reason_info(row->reason)->id);
	}
	scratch_remove(folder);
}

static void finds_parts(void **state)
{
	static const struct row rows[] = {
		/* An index, and what stands beside it. */
		{ { { SET, BOTH }, { ONE, "tensors: a" }, { TWO, "tensors: b" } },
		  "model.safetensors = " ONE " " TWO "\n", 0 },
		{ { { SET, BOTH }, { ONE, "tensors: a" }, { TWO, "tensors: b" },
		    { "consolidated.safetensors", "tensors: a b" }, { "config.json", "{}" } },
		  "consolidated.safetensors = consolidated.safetensors\n"
		  "model.safetensors = " ONE " " TWO "\n", 0 },
		/* Names of shards need no pattern where an index lists them. */
		{ { { "unet/x" SET, INDEX("\"b\":\"z.safetensors\",\"a\":\"y.safetensors\"") },
		    { "unet/y.safetensors", "tensors: a" },
		    { "unet/z.safetensors", "tensors: b" } },
		  "unet/xmodel.safetensors = unet/y.safetensors unet/z.safetensors\n", 0 },
		{ { { SET, INDEX("\"a\":\"model.safetensors\"") },
		    { "model.safetensors", "tensors: a" } },
		  "model.safetensors = model.safetensors\n", 0 },
		{ { { "m.safetensors.index.fp16.json", INDEX("\"a\":\"x.safetensors\"") },
		    { "x.safetensors", "tensors: a" } },
		  "m.fp16.safetensors = x.safetensors\n", 0 },
		/* Without an index. */
		{ { { TWO, "tensors: b" }, { ONE, "tensors: a" } },
		  "model.safetensors = " ONE " " TWO "\n", 0 },
		{ { { "m-00001-of-00002.fp16.safetensors", "tensors: a" },
		    { "m-00002-of-00002.fp16.safetensors", "tensors: b" },
		    { "m-00001-of-00001.safetensors", "tensors: b" } },
		  "m.fp16.safetensors = m-00001-of-00002.fp16.safetensors "
		  "m-00002-of-00002.fp16.safetensors\n"
		  "m.safetensors = m-00001-of-00001.safetensors\n", 0 },
		{ { { "text_encoder/model.safetensors", "tensors: a b" },
		    { "text_encoder_2/model.safetensors", "tensors: a b" } },
		  "text_encoder/model.safetensors = text_encoder/model.safetensors\n"
		  "text_encoder_2/model.safetensors = text_encoder_2/model.safetensors\n", 0 },
		{ { { "q4-00001-of-00002.gguf", "pointer" },
		    { "q4-00002-of-00002.gguf", "pointer" },
		    { "q8.gguf", "pointer" } },
		  "q4.gguf = q4-00001-of-00002.gguf q4-00002-of-00002.gguf\n"
		  "q8.gguf = q8.gguf\n", 0 },
		/* Pickles, with and without an index. */
		{ { { "pytorch_model.bin.index.json",
		      INDEX("\"a\":\"pytorch_model-00001-of-00002.bin\","
			    "\"b\":\"pytorch_model-00002-of-00002.bin\"") },
		    { "pytorch_model-00001-of-00002.bin", "xx" },
		    { "pytorch_model-00002-of-00002.bin", "yy" }, { "vae.TFLITE", "zz" } },
		  "pytorch_model.bin = pytorch_model-00001-of-00002.bin "
		  "pytorch_model-00002-of-00002.bin\nvae.TFLITE = vae.TFLITE\n", 0 },
		/* No pattern: each by itself. */
		{ { { "m-0001-of-0002.bin", "x" }, { "m-00000-of-00002.bin", "x" },
		    { "m-00003-of-00002.bin", "x" }, { "-00001-of-00001.bin", "x" },
		    { "m_00001-of-00002.bin", "x" }, { ".bin", "x" } },
		  "-00001-of-00001.bin = -00001-of-00001.bin\n"
		  "m-00000-of-00002.bin = m-00000-of-00002.bin\n"
		  "m-00003-of-00002.bin = m-00003-of-00002.bin\n"
		  "m-0001-of-0002.bin = m-0001-of-0002.bin\n"
		  "m_00001-of-00002.bin = m_00001-of-00002.bin\n", 0 },
		/* Nothing that looks like weights; an index of another kind. */
		{ { { "b/data", "x" }, { "a.yaml", "x" }, { "notes.md", "x" },
		    { "x.index.json", "no index" } },
		  "files = a.yaml b/data x.index.json\n", 0 },
		{ { { "only.yaml", "x" } }, "files = only.yaml\n", 0 },
		/* Pointers count by their names, and an index of pointers too. */
		{ { { SET, BOTH }, { ONE, "pointer" }, { TWO, "tensors: b" } },
		  "model.safetensors = " ONE " " TWO "\n", 0 },
		{ { { SET, "pointer" }, { ONE, "pointer" }, { TWO, "pointer" } },
		  "model.safetensors = " ONE " " TWO "\n", 0 },
		/* An index that is left over from shards that are gone. */
		{ { { SET, BOTH }, { "model.safetensors", "tensors: a b" } },
		  "model.safetensors = model.safetensors\n", 0 },
		/* Its other members do not matter. */
		{ { { SET, "{\"format\":[1],\"weight_map\":{\"\\u0061\":\"" ONE "\"}}" },
		    { ONE, "tensors: a" } },
		  "model.safetensors = " ONE "\n", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
}

#define SHARDS { ONE, "tensors: a" }, { TWO, "tensors: b" }
#define MALFORMED(text) { { { SET, text }, SHARDS }, NULL, REASON_INDEX_MALFORMED }
#define MISMATCH(text) { { { SET, text }, SHARDS }, NULL, REASON_INDEX_MISMATCH }
#define MAPPED_TO(file) MALFORMED(INDEX("\"a\":\"" file "\",\"b\":\"" TWO "\""))

static void refuses_bad_indexes(void **state)
{
	static const struct row rows[] = {
		MAPPED_TO("../" ONE), MAPPED_TO("/etc/passwd"), MAPPED_TO("a/b"), MAPPED_TO(".."),
		MAPPED_TO("."), MAPPED_TO(""), MAPPED_TO("./" ONE), MAPPED_TO("a\\\\b"),
		MAPPED_TO(ONE "\\u0000"), MAPPED_TO("\\u0001"), MAPPED_TO("\\u202e"),
		MALFORMED("[]"), MALFORMED("7"), MALFORMED("{}"), MALFORMED(""), MALFORMED("{"),
		MALFORMED(INDEX("")), MALFORMED("{\"metadata\":{}}"),
		MALFORMED("{\"weight_map\":[\"a\"]}"), MALFORMED("{\"weight_map\":null}"),
		MALFORMED(INDEX("\"a\":1")), MALFORMED(INDEX("\"a\":[\"" ONE "\"]")),
		MALFORMED(INDEX("\"a\":{\"b\":\"" ONE "\"}")),
		MALFORMED("{\"weight_map\":{\"a\":\"" ONE "\"},"
			  "\"weight_map\":{\"b\":\"" TWO "\"}}"),
		MALFORMED("{\"metadata\":{},\"metadata\":{},\"weight_map\":{\"a\":\"" ONE "\"}}"),
		MALFORMED("{\"metadata\":[],\"weight_map\":{\"a\":\"" ONE "\"}}"),
		MALFORMED(BOTH "x"), MALFORMED("{\"weight_map\":{\"a\":\"" ONE "\",}}"),
		/* One tensor twice: in one shard, in two, under two spellings. */
		MALFORMED(INDEX("\"a\":\"" ONE "\",\"b\":\"" TWO "\",\"a\":\"" ONE "\"")),
		MALFORMED(INDEX("\"a\":\"" ONE "\",\"b\":\"" TWO "\",\"a\":\"" TWO "\"")),
		MALFORMED(INDEX("\"a\":\"" ONE "\",\"b\":\"" TWO "\",\"\\u0061\":\"" ONE "\"")),
		/* Tensors in the wrong shard, in none, and beyond the list. */
		MISMATCH(INDEX("\"b\":\"" ONE "\",\"a\":\"" TWO "\"")),
		MISMATCH(INDEX("\"a\":\"" ONE "\",\"b\":\"" TWO "\",\"c\":\"" TWO "\"")),
		MISMATCH(INDEX("\"a\":\"" ONE "\",\"b\":\"" TWO "\",\"A\":\"" TWO "\"")),
		{ { { SET, BOTH }, { ONE, "tensors: a c" }, { TWO, "tensors: b" } }, NULL,
		  REASON_INDEX_MISMATCH },
		{ { { SET, BOTH }, { ONE, "tensors: a b" }, { TWO, "tensors: b" } }, NULL,
		  REASON_INDEX_MISMATCH },
		{ { { SET, BOTH }, { ONE, "tensors: a" }, { TWO, "tensors:" } }, NULL,
		  REASON_INDEX_MISMATCH },
		/* Shards that are none. */
		{ { { SET, INDEX("\"a\":\"config.json\"") }, { "config.json", "{}" } }, NULL,
		  REASON_INDEX_MISMATCH },
		{ { { SET, INDEX("\"a\":\"notes.md\"") }, { "notes.md", "x" },
		    { "model.bin", "x" } }, NULL, REASON_INDEX_MISMATCH },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
}

static void refuses_what_is_not_whole(void **state)
{
	static const struct row rows[] = {
		{ { { SET, BOTH }, { ONE, "tensors: a" } }, NULL, REASON_PART_INCOMPLETE },
		{ { { SET, BOTH }, { TWO, "pointer" } }, NULL, REASON_PART_INCOMPLETE },
		{ { { SET, BOTH }, { "config.json", "{}" } }, NULL, REASON_PART_INCOMPLETE },
		{ { { ONE, "tensors: a" } }, NULL, REASON_PART_INCOMPLETE },
		{ { { TWO, "tensors: a" } }, NULL, REASON_PART_INCOMPLETE },
		{ { { "q-00001-of-00003.gguf", "pointer" },
		    { "q-00003-of-00003.gguf", "pointer" } },
		  NULL, REASON_PART_INCOMPLETE },
		/* Two sources of one part. */
		{ { { SET, BOTH }, SHARDS, { "model.safetensors", "tensors: a b" } }, NULL,
		  REASON_INDEX_MISMATCH },
		{ { SHARDS, { "model.safetensors", "tensors: a b" } }, NULL,
		  REASON_INDEX_MISMATCH },
		{ { SHARDS, { "model-00001-of-00001.safetensors", "tensors: a b" } }, NULL,
		  REASON_INDEX_MISMATCH },
		/* A shard that the index forgot. */
		{ { { SET, INDEX("\"a\":\"" ONE "\"") }, SHARDS }, NULL, REASON_INDEX_MISMATCH },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
}

/* A download of some shards: those that are there are held against the index. */
static void checks_the_shards_that_are_there(void **state)
{
	static const struct {
		struct tree_file files[FILES_MAX];
		enum reason reason;
	} rows[] = {
		{ { { SET, BOTH }, { ONE, "tensors: a" } }, REASON_NONE },
		{ { { SET, BOTH }, { TWO, "tensors: b" }, { ONE, "pointer" } }, REASON_NONE },
		{ { { SET, BOTH }, { "config.json", "{}" } }, REASON_NONE },
		{ { { SET, BOTH }, { ONE, "tensors: b" } }, REASON_INDEX_MISMATCH },
		{ { { SET, BOTH }, { ONE, "tensors: a z" } }, REASON_INDEX_MISMATCH },
		{ { { SET, "{}" }, { "config.json", "{}" } }, REASON_INDEX_MALFORMED },
		{ { { "d/" SET, BOTH }, { "d/" ONE, "tensors: b" } }, REASON_INDEX_MISMATCH },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_checkpoint struct checkpoint *c = NULL;
		char *folder = scratch_new();
		struct wm_error err = { 0 };
		enum wm_code code;

		tree_write_all(folder, rows[i].files);
		open_folder(&c, folder);
		code = checkpoint_check_indexes(c, &err);
		if (rows[i].reason == REASON_NONE)
			assert_ok(code, &err);
		else
			assert_string_equal(err.reason, reason_info(rows[i].reason)->id);
		assert_int_equal(code == WM_OK, rows[i].reason == REASON_NONE);
		scratch_remove(folder);
	}
}

/* A lone file is a part, whatever its name would say in a directory. */
static void takes_a_lone_file_as_it_is(void **state)
{
	const struct checkpoint_open_options options = { NULL };
	char *folder = scratch_new(), path[600];
	static const struct tree_file files[] = { { ONE, "tensors: a" }, { SET, BOTH } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		cleanup_checkpoint struct checkpoint *c = NULL;
		struct wm_error err = { 0 };

		tree_write(folder, &files[i]);
		snprintf(path, sizeof(path), "%s/%s", folder, files[i].path);
		assert_ok(checkpoint_open(&c, path, &options, &err), &err);
		assert_ok(checkpoint_find_parts(c, &err), &err);
		assert_ok(checkpoint_check_indexes(c, &err), &err);
		assert_int_equal(c->n_parts, 1);
		assert_string_equal(c->parts[0].name, files[i].path);
	}
	scratch_remove(folder);
}

static void reads_names(void **state)
{
	static const struct {
		const char *path, *suffix, *shard_of, *index_of;
		unsigned number, count;
	} rows[] = {
		{ "a/m.safetensors", ".safetensors", NULL, NULL, 0, 0 },
		{ "a.bin/m", NULL, NULL, NULL, 0, 0 },
		{ "a/.pt", NULL, NULL, NULL, 0, 0 },
		{ "m.onnx_data", NULL, NULL, NULL, 0, 0 },
		{ "d/m-00002-of-00010.GGUF", ".GGUF", "d/m.GGUF", NULL, 2, 10 },
		{ "d/-00001-of-00001.gguf", ".gguf", NULL, NULL, 0, 0 },
		{ "m-00001-of-00002.a.b.bin", ".bin", NULL, NULL, 0, 0 },
		{ "m-00001-of-00002..bin", ".bin", NULL, NULL, 0, 0 },
		{ "m-00001-of-00002-00003-of-00004.bin", ".bin", "m-00001-of-00002.bin", NULL,
		  3, 4 },
		{ "d/m.bin.index.json", NULL, NULL, "d/m.bin", 0, 0 },
		{ "d/m.safetensors.index.fp16.json", NULL, NULL, "d/m.fp16.safetensors", 0, 0 },
		{ "m.safetensors.index..json", NULL, NULL, NULL, 0, 0 },
		{ "d/.bin.index.json", NULL, NULL, NULL, 0, 0 },
		{ "m.txt.index.json", NULL, NULL, NULL, 0, 0 },
		{ "m.bin.index", NULL, NULL, NULL, 0, 0 },
		{ "m.binindex.json", NULL, NULL, NULL, 0, 0 },
		{ ".json", NULL, NULL, NULL, 0, 0 },
	};
	cleanup_arena struct arena a = ARENA_INIT(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *suffix = name_weights_suffix(rows[i].path), *index = NULL;
		struct shard_name shard = { NULL, 0, 0 };
		struct wm_error err = { 0 };
		bool is_shard;

		assert_string_equal(suffix ? suffix : "-", rows[i].suffix ? rows[i].suffix : "-");
		assert_ok(name_read_shard(&is_shard, &shard, &a, rows[i].path, &err), &err);
		assert_int_equal(is_shard, rows[i].shard_of != NULL);
		if (is_shard)
			assert_string_equal(shard.part, rows[i].shard_of);
		assert_int_equal(shard.number, rows[i].number);
		assert_int_equal(shard.count, rows[i].count);
		assert_ok(name_of_indexed(&index, &a, rows[i].path, &err), &err);
		assert_string_equal(index ? index : "-", rows[i].index_of ? rows[i].index_of : "-");
		assert_int_equal(name_is_index(rows[i].path), index != NULL);
	}
}

static enum wm_code open_and_find(void *context, struct wm_error *err)
{
	const struct checkpoint_open_options options = { NULL };
	cleanup_checkpoint struct checkpoint *c = NULL;

	TRY(checkpoint_open(&c, context, &options, err));
	return checkpoint_find_parts(c, err);
}

static void survives_failing_allocations(void **state)
{
	static const struct tree_file files[] = {
		{ SET, BOTH }, SHARDS, { "x-00001-of-00001.bin", "x" }, { NULL, NULL },
	};
	char *folder = scratch_new();

	(void)state;
	tree_write_all(folder, files);
	with_every_allocation_failing(open_and_find, folder);
	scratch_remove(folder);
}

/* --- much of it ---------------------------------------------------------------------- */

enum { TENSORS = 100000, SHARDS_OF_THEM = 10 };

/* The bytes of shard `k`: every tensor whose number is k modulo SHARDS_OF_THEM. */
static void append_shard(struct buf *out, size_t k)
{
	cleanup_buf struct buf header = BUF_INIT(LIMIT_HEADER);
	size_t n = TENSORS / SHARDS_OF_THEM;
	struct wm_error err = { 0 };

	for (size_t i = 0; i < n; i++)
		assert_ok(buf_printf(&header, &err,
				     "%c\"model.layers.%zu.mlp.experts.weight\":{\"dtype\":\"U8\","
				     "\"shape\":[1],\"data_offsets\":[%zu,%zu]}",
				     i ? ',' : '{', i * SHARDS_OF_THEM + k, i, i + 1), &err);
	assert_ok(buf_append_byte(&header, '}', &err), &err);
	made_append(out, &(struct made){ buf_str(&header), header.len, n, 0 });
}

static void write_text(const char *folder, const char *name, const struct buf *bytes)
{
	struct wm_error err = { 0 };
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_ok(file_write(path, bytes->data, bytes->len, 0600, FILE_REPLACE, &err), &err);
}

static void stays_fast_with_many_tensors(void **state)
{
	cleanup_buf struct buf index = BUF_INIT(LIMIT_HEADER);
	cleanup_checkpoint struct checkpoint *c = NULL;
	struct wm_error err = { 0 };
	char *folder = scratch_new(), name[64];
	double start;

	(void)state;
	for (size_t i = 0; i < TENSORS; i++)
		assert_ok(buf_printf(&index, &err,
				     "%s\"model.layers.%zu.mlp.experts.weight\":"
				     "\"m-%05zu-of-%05d.safetensors\"",
				     i ? "," : "{\"weight_map\":{", i, i % SHARDS_OF_THEM + 1,
				     SHARDS_OF_THEM), &err);
	assert_ok(buf_append_str(&index, "}}", &err), &err);
	write_text(folder, "m.safetensors.index.json", &index);
	for (size_t k = 0; k < SHARDS_OF_THEM; k++) {
		cleanup_buf struct buf bytes = BUF_INIT(LIMIT_HEADER);

		append_shard(&bytes, k);
		snprintf(name, sizeof(name), "m-%05zu-of-%05d.safetensors", k + 1, SHARDS_OF_THEM);
		write_text(folder, name, &bytes);
	}
	open_folder(&c, folder);
	start = seconds();
	assert_ok(checkpoint_find_parts(c, &err), &err);
	print_message("# index of %d tensors, %zu bytes: %.3f s\n", TENSORS, index.len,
		      seconds() - start);
	assert_int_equal(c->n_parts, 1);
	assert_int_equal(c->parts[0].n_files, SHARDS_OF_THEM);
	scratch_remove(folder);
}

/* As after opening: files without content, in the order of their paths. */
static void stays_fast_with_many_files(void **state)
{
	enum { N = 10000 };
	cleanup_checkpoint struct checkpoint *c = calloc(1, sizeof(*c));
	struct wm_error err = { 0 };
	double start;

	(void)state;
	assert_non_null(c);
	c->arena = (struct arena)ARENA_INIT(LIMIT_DECODE_MEMORY);
	c->is_directory = true;
	c->path = strdup("d");
	c->files = calloc(N, sizeof(*c->files));
	assert_true(c->path && c->files);
	for (; c->n_files < N; c->n_files++) {
		struct checkpoint_file *f = &c->files[c->n_files];

		*f = (struct checkpoint_file){ .fd = -1, .layout = LAYOUT_INIT };
		assert_true(asprintf(&f->path, "p%02zu/m-%05zu-of-00100.bin", c->n_files / 100,
				     c->n_files % 100 + 1) > 0);
		f->place = strdup(f->path);
	}
	start = seconds();
	assert_ok(checkpoint_find_parts(c, &err), &err);
	print_message("# %d files in %zu parts: %.3f s\n", N, c->n_parts, seconds() - start);
	assert_int_equal(c->n_parts, 100);
}

static void counts_parts(void **state)
{
	cleanup_checkpoint struct checkpoint *c = calloc(1, sizeof(*c));
	char *const paths[] = { (char[]){ "absent" } };
	struct wm_error err = { 0 };
	char name[32];

	(void)state;
	assert_non_null(c);
	c->arena = (struct arena)ARENA_INIT(LIMIT_DECODE_MEMORY);
	c->path = strdup("d");
	for (int i = 0; i < LIMIT_PARTS; i++) {
		snprintf(name, sizeof(name), "%05d", i);
		assert_ok(checkpoint_add_part(c, name, paths, 1, &err), &err);
	}
	assert_reason(checkpoint_add_part(c, "x", paths, 1, &err), &err, LIMIT);
	assert_int_equal(c->parts[7].n_paths, 1);
	assert_int_equal(c->parts[7].n_files, 0);
	assert_false(part_is_whole(c, &c->parts[7]));
}

/* Shards of one tensor of four bytes that say of themselves: number, of how many, tensors. */
#define SPLIT(no, count, tensors)                                                         \
	GGUF_HEAD("1", "3") "s:split.no w:2 h:" no " s:split.count w:2 h:" count          \
			    " s:split.tensors.count w:5 w:" tensors " "
#define A_SHARD(name, no, count, tensors)                                                 \
	SPLIT(no, count, tensors) INFO1("s:" name, "4", "24", "0") "p:32 r:4"

static void write_gguf(const char *folder, const char *name, const char *text)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 16);
	cleanup_free char *path = NULL;
	struct wm_error err = { 0 };

	made_gguf(&bytes, text);
	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	assert_ok(file_write(path, bytes.data, bytes.len, 0644, FILE_EXCLUSIVE, &err), &err);
}

/* Shards of a split set say of themselves what their names say. */
static void believes_no_misnamed_shard(void **state)
{
	static const struct {
		const char *names[2], *texts[2];
		enum reason reason; /* 0: accepted */
	} rows[] = {
		{ { "q-00001-of-00002.gguf", "q-00002-of-00002.gguf" },
		  { A_SHARD("a", "0", "2", "2"), A_SHARD("b", "1", "2", "2") }, 0 },
		{ { "q-00001-of-00002.gguf", "q-00002-of-00002.gguf" },
		  { A_SHARD("a", "0", "2", "0"), A_SHARD("b", "1", "2", "0") }, 0 },
		{ { "q-00001-of-00002.gguf", "q-00002-of-00002.gguf" },
		  { A_SHARD("b", "1", "2", "2"), A_SHARD("a", "0", "2", "2") },
		  REASON_INDEX_MISMATCH },
		{ { "q-00001-of-00002.gguf", "q-00002-of-00002.gguf" },
		  { A_SHARD("a", "0", "2", "3"), A_SHARD("b", "1", "2", "3") },
		  REASON_INDEX_MISMATCH },
		{ { "q-00001-of-00002.gguf", "q-00002-of-00002.gguf" },
		  { A_SHARD("a", "0", "3", "2"), A_SHARD("b", "1", "3", "2") },
		  REASON_PART_INCOMPLETE },
		{ { "p.gguf", "q.gguf" },
		  { A_SHARD("a", "0", "2", "2"), A_SHARD("b", "1", "2", "2") },
		  REASON_PART_INCOMPLETE },
		{ { "p.gguf", "q.gguf" },
		  { A_SHARD("a", "0", "1", "1"), A_SHARD("b", "0", "1", "1") }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_checkpoint struct checkpoint *c = NULL;
		struct wm_error err = { 0 };
		char *folder = scratch_new();

		for (int j = 0; j < 2; j++)
			write_gguf(folder, rows[i].names[j], rows[i].texts[j]);
		open_folder(&c, folder);
		if (checkpoint_find_parts(c, &err) == WM_OK)
			assert_int_equal(rows[i].reason, 0);
		else
			assert_string_equal(err.reason, reason_info(rows[i].reason)->id);
		scratch_remove(folder);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_parts),
		cmocka_unit_test(refuses_bad_indexes),
		cmocka_unit_test(refuses_what_is_not_whole),
		cmocka_unit_test(checks_the_shards_that_are_there),
		cmocka_unit_test(takes_a_lone_file_as_it_is),
		cmocka_unit_test(reads_names),
		cmocka_unit_test(survives_failing_allocations),
		cmocka_unit_test(stays_fast_with_many_tensors),
		cmocka_unit_test(stays_fast_with_many_files),
		cmocka_unit_test(counts_parts),
		cmocka_unit_test(believes_no_misnamed_shard),
	};

	return run_tests(tests);
}
