/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/format/tf_index.c, tf_table.c, tf_proto.c and tf_graph.c: what they take, and the reason
 * for which they refuse each file of testdata/bad/tf, which testdata/scripts/make_bad_tf writes.
 */
#include "harness.h"

#include <stdio.h>
#include <unistd.h>

#include "made.h"
#include "made_tf.h"
#include "util/file.h"

static void check_file(const char *path, const char *reason)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	assert_verdict(made_parse_path(&l, path, &err), &err, path, reason);
	if (!reason)
		assert_ptr_equal(l.format, strstr(path, ".pb") ? &format_tf_graph :
								 &format_tf_index);
}

static void refuses_each_defect_for_its_reason(void **state)
{
	(void)state;
	assert_true(each_bad("expect-tf.tsv", check_file) > 75);
}

static const struct made_tf_entry some[] = {
	{ "a", MADE_TF_FLOAT, 2, 1, 16, 8 },
	{ "b/\xc3\xa8", MADE_TF_U8, 3, 0, 0, 3 },
	{ "c", MADE_TF_TEXT, 1, 0, 3, 99 },
	{ 0 },
};

static void lists_what_data_files_hold(void **state)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };

	(void)state;
	made_tf_index(&bytes, 2, some);
	assert_ok(made_parse(&l, bytes.data, bytes.len, "d/model.ckpt-7.index", &err), &err);
	assert_string_equal(l.format->grammar, "tf-index/1");
	assert_true(l.has_tensors && l.n_tensors == 0 && l.slot_len == 0);
	assert_int_equal(l.n_segments, 1);
	assert_int_equal(l.segments[0].len, bytes.len);
	assert_false(l.segments[0].tensor);
	assert_int_equal(l.n_pieces, 1);
	assert_int_equal(l.n_externals, 3);
	assert_string_equal(l.externals[0].path, "model.ckpt-7.data-00001-of-00002");
	assert_string_equal(l.externals[0].tensor.name, "a");
	assert_int_equal(l.externals[0].tensor.dtype, DTYPE_F32);
	assert_int_equal(l.externals[0].tensor.dims[0], 2);
	assert_int_equal(l.externals[0].off, 16);
	assert_string_equal(l.externals[1].path, "model.ckpt-7.data-00000-of-00002");
	assert_string_equal(l.externals[1].tensor.name, "b/\xc3\xa8");
	assert_int_equal(l.externals[1].tensor.name_len, 4);
	assert_null(l.externals[2].tensor.name);
	assert_int_equal(l.externals[2].tensor.len, 99);
}

static void is_claimed_by_its_end(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };

	(void)state;
	made_tf_index(&bytes, 2, some);
	for (size_t i = 0; i < 3; i++) {
		cleanup_layout struct layout l = LAYOUT_INIT;

		if (i == 2)
			bytes.data[bytes.len - 1] ^= 1;
		assert_ok(made_parse(&l, bytes.data, bytes.len, i == 1 ? "faiss" : i == 2 ? "x.index" : "X.INDEX",
				     &err),
			  &err);
		assert_ptr_equal(l.format, i == 0 ? &format_tf_index : &format_raw);
		assert_int_equal(l.n_segments, 1);
	}
	for (size_t len = 1; len < 60; len++) {
		cleanup_layout struct layout l = LAYOUT_INIT;

		assert_ok(made_parse(&l, bytes.data, len, "x.index", &err), &err);
		assert_ptr_equal(l.format, &format_raw);
	}
}

/* The suffix alone takes no file from its format; nor does a magic take one from these. */
static void is_picked_before_magic(void **state)
{
	static const struct made made = { HEADER("{" MADE_TENSOR "}"), 4, 0 };
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT, graph = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	made_append(&bytes, &made);
	assert_ok(made_parse(&l, bytes.data, bytes.len, "x.index", &err), &err);
	assert_ptr_equal(l.format, &format_safetensors);
	/* Field 1 of 6 zero bytes, and a group: safetensors by its beginning. */
	assert_reason(made_parse(&graph, "\x0a\x06\0\0\0\0\0\0{}", 10, "saved_model.pb", &err),
		      &err, TF_MALFORMED);
}

/* Every byte is under a checksum, or has one value only. */
static void notices_every_changed_bit(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);

	(void)state;
	made_tf_index(&bytes, 2, some);
	for (size_t i = 0; i < 8 * bytes.len; i++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		enum wm_code code;

		bytes.data[i / 8] ^= (uint8_t)(1 << i % 8);
		code = made_parse(&l, bytes.data, bytes.len, "x.index", NULL);
		assert_true(code != WM_OK || (l.format == &format_raw && i / 8 >= bytes.len - 8));
		bytes.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

static void takes_many_tensors(void **state)
{
	(void)state;
	for (size_t over = 0; over < 2; over++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 26);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		double start;
		enum wm_code code;

		made_tf_many(&bytes, LIMIT_TENSORS + over);
		start = seconds();
		code = made_parse(&l, bytes.data, bytes.len, "m.index", &err);
		print_message("# %zu tensors, %zu bytes of index: %.3f s\n", LIMIT_TENSORS + over,
			      bytes.len, seconds() - start);
		if (over)
			assert_reason(code, &err, LIMIT);
		else
			assert_ok(code, &err);
	}
}

/* Keys that share prefixes are longer than the file that has them. */
static void bounds_the_memory_of_names(void **state)
{
	cleanup_buf struct buf block = BUF_INIT(1 << 26), bytes = BUF_INIT(1 << 26);
	static const uint8_t value[] = { 0x08, 4, 0x28, 1 };
	char key[60000];
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	memset(key, 'k', sizeof(key));
	made_tf_pair(&block, "", 0, "\x08\x01", 2);
	made_tf_pair(&block, key, sizeof(key), value, sizeof(value));
	for (unsigned i = 0; i < 60000; i++) {
		const uint8_t digits[] = { (uint8_t)('0' + i / 3600 % 60),
					   (uint8_t)('0' + i / 60 % 60), (uint8_t)('0' + i % 60) };

		made_tf_varint(&block, sizeof(key));
		made_tf_varint(&block, sizeof(digits));
		made_tf_varint(&block, sizeof(value));
		assert_ok(buf_append(&block, digits, sizeof(digits), &err), &err);
		assert_ok(buf_append(&block, value, sizeof(value), &err), &err);
	}
	made_tf_restarts(&block, &(uint32_t){ 0 }, 1);
	made_tf_table(&bytes, block.data, block.len);
	assert_reason(made_parse(&l, bytes.data, bytes.len, "m.index", &err), &err, LIMIT);
	assert_true(l.n_externals == 0);
}

/* As TensorFlow writes them: the checksum of each tensor, a number of 32 bits. */
static void takes_checksums_of_tensors(void **state)
{
	static const struct {
		const char *rest, *reason; /* behind type, shape and length */
		size_t len;
	} rows[] = {
		{ "\x35\1\2\3\4", NULL, 5 },	{ "", NULL, 0 },
		{ "\x35\1\2\3", "tf-malformed", 4 }, { "\x30\1", "tf-malformed", 2 },
		{ "\x31\1\2\3\4\5\6\7\x08", "tf-malformed", 9 },
		{ "\x31\1\2\3", "tf-malformed", 4 },	{ "\x3d\1\2\3\4", "tf-malformed", 5 },
	};
	static const uint8_t entry[] = { 0x08, 4, 0x12, 4, 0x12, 2, 0x08, 3, 0x28, 3 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf block = BUF_INIT(1 << 20), bytes = BUF_INIT(1 << 20);
		cleanup_buf struct buf value = BUF_INIT(100);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		char row[20];
		uint32_t offs[] = { 0, 0 };

		assert_ok(buf_append(&value, entry, sizeof(entry), &err), &err);
		assert_ok(buf_append(&value, rows[i].rest, rows[i].len, &err), &err);
		made_tf_pair(&block, "", 0, "\x08\x01", 2);
		offs[1] = (uint32_t)block.len;
		made_tf_pair(&block, "a", 1, value.data, value.len);
		made_tf_restarts(&block, offs, 2);
		made_tf_table(&bytes, block.data, block.len);
		if (i == 0)
			check_recorded("testdata/fuzz/tf_index/checksum-of-tensor", &bytes);
		snprintf(row, sizeof(row), "row %zu", i);
		assert_verdict(made_parse(&l, bytes.data, bytes.len, "m.index", &err), &err, row,
			       rows[i].reason);
		assert_int_equal(l.n_externals, rows[i].reason ? 0 : 1);
	}
}

static void bounds_the_index(void **state)
{
	static uint8_t bytes[LIMIT_HEADER / 2 + 1];
	cleanup_buf struct buf good = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };

	(void)state;
	made_tf_index(&good, 2, some);
	for (size_t over = 0; over < 2; over++) {
		cleanup_layout struct layout l = LAYOUT_INIT;

		memcpy(bytes + sizeof(bytes) - 1 + over - good.len, good.data, good.len);
		if (over)
			assert_reason(made_parse(&l, bytes, sizeof(bytes), "m.index", &err), &err,
				      HEADER_TOO_LARGE);
		else
			assert_reason(made_parse(&l, bytes, sizeof(bytes) - 1, "m.index", &err),
				      &err, TF_MALFORMED);
	}
}

/* --- graphs -------------------------------------------------------------------------- */

/* Appends a field of bytes. */
static void put_field(struct buf *out, uint8_t number, const void *data, size_t len)
{
	struct wm_error err = { 0 };

	assert_ok(buf_append_byte(out, (uint8_t)(number << 3 | 2), &err), &err);
	made_tf_varint(out, len);
	assert_ok(buf_append(out, data, len, &err), &err);
}

/* A SavedModel with an op at this path of fields, behind `before` bytes of an attribute. */
static void made_graph(struct buf *out, const char *path, const char *op, size_t before)
{
	cleanup_buf struct buf outer = BUF_INIT(1 << 28), inner = BUF_INIT(1 << 28);
	uint8_t *zeros = calloc(before + 1, 1);
	struct wm_error err = { 0 };

	assert_non_null(zeros);
	put_field(&inner, 5, zeros, before);
	put_field(&inner, 2, op, strlen(op));
	free(zeros);
	for (size_t i = strlen(path); i-- > 0;) {
		buf_truncate(&outer, 0);
		put_field(&outer, (uint8_t)(path[i] - '0'), inner.data, inner.len);
		buf_truncate(&inner, 0);
		assert_ok(buf_append(&inner, outer.data, outer.len, &err), &err);
	}
	assert_ok(buf_append(out, inner.data, inner.len, &err), &err);
}

static void lists_ops_that_run_code(void **state)
{
	static const struct {
		const char *path, *op, *import;
	} rows[] = {
		{ "221", "PyFunc", "tf:PyFunc" },
		{ "221", "EagerPyFunc", "tf:EagerPyFunc" },
		{ "221", "ReadFile", "tf:ReadFile" },
		{ "221", "WriteFile", "tf:WriteFile" },
		{ "22213", "PyFuncStateless", "tf:PyFuncStateless" },
		{ "221", "IO>Decode", "tf:IO>Decode" },
		{ "221", "PrintV2", "tf:PrintV2" },
		{ "221", "MatchingFiles", "tf:MatchingFiles" },
		{ "221", "ExperimentalMatchingFilesDataset", "tf:ExperimentalMatchingFilesDataset" },
		{ "221", "WholeFileReaderV2", "tf:WholeFileReaderV2" },
		{ "221", "InitializeTableFromTextFileV2", "tf:InitializeTableFromTextFileV2" },
		{ "221", "TextLineDataset", "tf:TextLineDataset" },
		{ "221", "TFRecordDatasetV2", "tf:TFRecordDatasetV2" },
		{ "221", "FixedLengthRecordDatasetV2", "tf:FixedLengthRecordDatasetV2" },
		{ "221", "SaveDatasetV2", "tf:SaveDatasetV2" },
		{ "221", "LoadDataset", "tf:LoadDataset" },
		{ "221", "SnapshotDatasetV2", "tf:SnapshotDatasetV2" },
		{ "221", "CacheDatasetV2", "tf:CacheDatasetV2" },
		{ "221", "SqlDataset", "tf:SqlDataset" },
		{ "221", "LMDBReader", "tf:LMDBReader" },
		{ "221", "GeneratorDataset", "tf:GeneratorDataset" },
		{ "221", "DatasetFromGraph", "tf:DatasetFromGraph" },
		{ "221", "DataServiceDatasetV4", "tf:DataServiceDatasetV4" },
		{ "221", "DebugIdentityV3", "tf:DebugIdentityV3" },
		{ "221", "XlaHostCompute", "tf:XlaHostCompute" },
		{ "221", "XlaSendToHost", "tf:XlaSendToHost" },
		{ "22213", "RemoteCall", "tf:RemoteCall" },
		{ "221", "TRTEngineOp", "tf:TRTEngineOp" },
		{ "221", "CreateSummaryFileWriter", "tf:CreateSummaryFileWriter" },
		{ "221", "FileSystemSetConfiguration", "tf:FileSystemSetConfiguration" },
		{ "221", "DecodeProtoV2", "tf:DecodeProtoV2" },
		{ "221", "Save", "tf:Save" },
		{ "221", "RestoreSlice", "tf:RestoreSlice" },
		{ "221", "Abort", "tf:Abort" },
		{ "221", "XlaRecvAtHost", "tf:XlaRecvAtHost" },
		{ "221", "XlaRecvFromHost", "tf:XlaRecvFromHost" },
		{ "221", "BigQueryReader", "tf:BigQueryReader" },
		{ "221", "CSVDatasetV2", "tf:CSVDatasetV2" },
		{ "221", "EncodeProto", "tf:EncodeProto" },
		{ "221", "GenerateVocabRemapping", "tf:GenerateVocabRemapping" },
		{ "221", "LoadAndRemapMatrix", "tf:LoadAndRemapMatrix" },
		{ "221", "MlirPassthroughOp", "tf:MlirPassthroughOp" },
		{ "221", "RegisterDatasetV2", "tf:RegisterDatasetV2" },
		{ "221", "RpcCall", "tf:RpcCall" },
		{ "221", "SnapshotChunkDataset", "tf:SnapshotChunkDataset" },
		{ "221", "SnapshotNestedDatasetReader", "tf:SnapshotNestedDatasetReader" },
		{ "221", "MatMul", NULL },
		{ "221", "StatefulPartitionedCall", NULL },
		{ "221", "ShardedFilename", NULL },
		{ "221", "TensorArrayWriteV3", NULL },
		{ "221", "ReadVariableOp", NULL },
		{ "221", "DecodeWav", NULL },
		{ "221", "DecodePng", NULL },
		{ "221", "TensorSliceDataset", NULL },
		{ "221", "AnonymousSeedGenerator", NULL },
		{ "221", "pyFunc", NULL },
		{ "225", "PyFunc", NULL },
		{ "22214", "PyFunc", NULL },
		{ "1", "PyFunc", NULL },
	};

	(void)state;
	for (size_t i = 0; i < 3 * sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		cleanup_buf struct buf bytes = BUF_INIT(1 << 28);
		struct wm_error err = { 0 };
		uint64_t kept = 0;

		made_graph(&bytes, rows[i / 3].path, rows[i / 3].op, (i % 3) * 65530);
		assert_ok(made_parse(&l, bytes.data, bytes.len, "d/saved_model.pb", &err), &err);
		assert_ptr_equal(l.format, &format_tf_graph);
		assert_false(l.has_tensors);
		assert_int_equal(l.n_imports, rows[i / 3].import != NULL);
		if (l.n_imports) {
			assert_string_equal(l.imports[0].name, rows[i / 3].import);
			assert_false(l.imports[0].allowed);
		}
		for (size_t k = 0; k < l.n_pieces; kept += l.pieces[k++].len)
			assert_memory_equal(l.pieces[k].data, bytes.data + l.pieces[k].off,
					    l.pieces[k].len);
		assert_true(i % 3 > 0 || kept == bytes.len);
	}
}

/* Appends a message of a name in field 1 and another field, as a field. */
static void put_named(struct buf *out, uint8_t number, const char *name, uint8_t second,
		      const char *text)
{
	cleanup_buf struct buf b = BUF_INIT(1 << 20);

	if (name)
		put_field(&b, 1, name, strlen(name));
	if (text)
		put_field(&b, second, text, strlen(text));
	put_field(out, number, b.data, b.len);
}

/* Puts `inner`, of a graph, where a SavedModel has it. */
static void put_graph(struct buf *out, const struct buf *inner)
{
	cleanup_buf struct buf graph = BUF_INIT(1 << 20), meta = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };

	put_field(&graph, 2, inner->data, inner->len);
	put_field(&meta, 2, graph.data, graph.len);
	assert_ok(buf_append(out, meta.data, meta.len, &err), &err);
}

/* Of these three ops alone, and by the names that TensorFlow gives to its savers. */
static void allows_savers_their_ops(void **state)
{
	static const struct {
		const char *function, *node, *op; /* no function: a node of the graph */
		bool allowed;
	} rows[] = {
		{ NULL, "save/SaveV2", "SaveV2", true },
		{ NULL, "save_1/RestoreV2", "RestoreV2", true },
		{ NULL, "save_12/x/y", "MergeV2Checkpoints", true },
		{ NULL, "save/Save", "Save", false },
		{ NULL, "save/ReadFile", "ReadFile", false },
		{ NULL, "save", "SaveV2", false },
		{ NULL, "save_a/SaveV2", "SaveV2", false },
		{ NULL, "saver/SaveV2", "SaveV2", false },
		{ NULL, "x/save/SaveV2", "SaveV2", false },
		{ NULL, NULL, "SaveV2", false },
		{ "__inference__traced_save_45", "SaveV2", "SaveV2", true },
		{ "__inference__traced_save_45", "MergeV2Checkpoints", "MergeV2Checkpoints", true },
		{ "__inference__traced_restore_57", "RestoreV2_9", "RestoreV2", true },
		{ "__inference__traced_restore_57", "x", "WriteFile", false },
		{ "__inference__traced_save", "SaveV2", "SaveV2", false },
		{ "__inference_serve_7", "save/SaveV2", "SaveV2", false },
		{ "", "SaveV2", "MergeV2Checkpoints", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf function = BUF_INIT(1 << 20), library = BUF_INIT(1 << 20);
		cleanup_buf struct buf graph = BUF_INIT(1 << 20), bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		if (rows[i].function) {
			put_named(&function, 1, rows[i].function, 0, NULL);
			put_named(&function, 3, rows[i].node, 2, rows[i].op);
			put_field(&library, 1, function.data, function.len);
			put_field(&graph, 2, library.data, library.len);
		} else {
			put_named(&graph, 1, rows[i].node, 2, rows[i].op);
		}
		put_graph(&bytes, &graph);
		assert_ok(made_parse(&l, bytes.data, bytes.len, "saved_model.pb", &err), &err);
		assert_int_equal(l.n_imports, !rows[i].allowed);
		if (l.n_imports)
			assert_string_equal(l.imports[0].name + 3, rows[i].op);
	}
}

/* What is said of one function, or node, says nothing of the next. */
static void tells_savers_apart(void **state)
{
	cleanup_buf struct buf saver = BUF_INIT(1 << 20), other = BUF_INIT(1 << 20);
	cleanup_buf struct buf library = BUF_INIT(1 << 20), graph = BUF_INIT(1 << 20);
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), twice = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	put_named(&graph, 1, "save/a", 2, "SaveV2");
	put_named(&graph, 1, NULL, 2, "RestoreV2");
	put_named(&saver, 1, "__inference__traced_save_1", 0, NULL);
	put_named(&saver, 3, "n", 2, "SaveV2");
	put_named(&other, 3, "n", 2, "MergeV2Checkpoints");
	put_named(&other, 1, "__inference__traced_save_2", 0, NULL);
	put_field(&library, 1, saver.data, saver.len);
	put_field(&library, 1, other.data, other.len);
	put_field(&graph, 2, library.data, library.len);
	put_graph(&bytes, &graph);
	assert_ok(made_parse(&l, bytes.data, bytes.len, "saved_model.pb", &err), &err);
	assert_int_equal(l.n_imports, 2);
	assert_string_equal(l.imports[0].name, "tf:MergeV2Checkpoints");
	assert_string_equal(l.imports[1].name, "tf:RestoreV2");

	put_named(&saver, 1, "serve", 0, NULL);
	buf_truncate(&library, 0);
	buf_truncate(&graph, 0);
	put_field(&library, 1, saver.data, saver.len);
	put_field(&graph, 2, library.data, library.len);
	put_graph(&twice, &graph);
	assert_reason(made_parse(&l, twice.data, twice.len, "saved_model.pb", &err), &err,
		      TF_MALFORMED);
}

/* Fields that are none of graphs, in each form; and those that are cut off. */
static void skips_fields_of_every_form(void **state)
{
	static const struct {
		const char *bytes, *reason;
		size_t len;
	} rows[] = {
		{ "\x79\1\2\3\4\5\6\7\x08", NULL, 9 }, { "\x79\1\2\3\4\5\6\7", "tf-malformed", 8 },
		{ "\x7d\1\2\3\4", NULL, 5 },		 { "\x7d\1\2\3", "tf-malformed", 4 },
		{ "\x78\1", NULL, 2 },			 { "\x78\x81", "tf-malformed", 2 },
		{ "\x7b\x7c", "tf-malformed", 2 },	 { "\x7e", "tf-malformed", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		char row[20];

		made_graph(&bytes, "221", "PyFunc", 0);
		assert_ok(buf_append(&bytes, rows[i].bytes, rows[i].len, &err), &err);
		snprintf(row, sizeof(row), "row %zu", i);
		assert_verdict(made_parse(&l, bytes.data, bytes.len, "saved_model.pb", &err), &err,
			       row, rows[i].reason);
		assert_int_equal(l.n_imports, rows[i].reason ? 0 : 1);
	}
}

static void skips_constants_unread(void **state)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_buf struct buf bytes = BUF_INIT(1 << 28);
	struct wm_error err = { 0 };

	(void)state;
	made_graph(&bytes, "221", "ReadFile", 40 << 20);
	assert_ok(made_parse(&l, bytes.data, bytes.len, "saved_model.pb", &err), &err);
	assert_int_equal(l.n_imports, 1);
	assert_int_equal(l.n_pieces, 2);
	assert_int_equal(l.size, bytes.len);
}

static void bounds_what_is_read_of_graphs(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 28);
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i <= LIMIT_HEADER; i += 2)
		assert_ok(buf_append(&bytes, "\x08\x01", 2, &err), &err);
	assert_reason(made_parse(&l, bytes.data, bytes.len, "saved_model.pb", &err), &err,
		      HEADER_TOO_LARGE);
}

static void allows_no_graph_that_is_not_read(void **state)
{
	static const char *const names[] = { "m/saved_model.pbtxt", "saved_model.cpb" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		assert_ok(made_parse(&l, "x", 1, names[i], &err), &err);
		assert_int_equal(l.n_imports, 1);
		assert_false(l.imports[0].allowed);
	}
}

static void survives_failing_allocations(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), many = BUF_INIT(1 << 20);
	cleanup_buf struct buf graph = BUF_INIT(1 << 20);

	(void)state;
	made_tf_index(&bytes, 2, some);
	parse_without_memory(&bytes, "m.index");
	made_tf_many(&many, 1000);
	parse_without_memory(&many, "m.index");
	made_graph(&graph, "221", "PyFunc", 65536);
	parse_without_memory(&graph, "saved_model.pb");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_each_defect_for_its_reason),
		cmocka_unit_test(lists_what_data_files_hold),
		cmocka_unit_test(is_claimed_by_its_end),
		cmocka_unit_test(is_picked_before_magic),
		cmocka_unit_test(notices_every_changed_bit),
		cmocka_unit_test(takes_many_tensors),
		cmocka_unit_test(bounds_the_memory_of_names),
		cmocka_unit_test(takes_checksums_of_tensors),
		cmocka_unit_test(bounds_the_index),
		cmocka_unit_test(lists_ops_that_run_code),
		cmocka_unit_test(allows_savers_their_ops),
		cmocka_unit_test(tells_savers_apart),
		cmocka_unit_test(skips_fields_of_every_form),
		cmocka_unit_test(skips_constants_unread),
		cmocka_unit_test(bounds_what_is_read_of_graphs),
		cmocka_unit_test(allows_no_graph_that_is_not_read),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
