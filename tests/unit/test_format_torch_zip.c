/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/format/torch_zip.c, torch.c, torch_tensor.c, torch_check.c: each file of
 * testdata/bad/zip is refused for its reason and its twin is not (made by
 * testdata/scripts/make_bad_zip); what PyTorch wrote is read as PyTorch has it
 * (testdata/good/torch, by testdata/scripts/write_torch.py).
 */
#include "harness.h"

#include <stdio.h>
#include <time.h>

#include "crypto/sha256.h"
#include "made_zip.h"

#define GOOD "testdata/good/torch/"

/* Calls `take` with the fields of each line of a table, but those with "#" in front. */
static size_t each_line(const char *path, void (*take)(char **fields), size_t n_fields)
{
	cleanup_buf struct buf table = BUF_INIT(1 << 20);
	char *rest = NULL, *fields[8];
	size_t n = 0;

	read_file(&table, path);
	for (char *line = strtok_r((char *)table.data, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (*line == '#')
			continue;
		for (size_t i = 0; i < n_fields; i++) {
			fields[i] = strsep(&line, "\t");
			assert_non_null(fields[i]);
		}
		take(fields);
		n++;
	}
	return n;
}

/* --- refusals ---------------------------------------------------------------------------- */

static void check_file(const char *path, const char *reason)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	assert_verdict(made_parse_path(&l, path, &err), &err, path, reason);
	if (!reason)
		assert_string_equal(l.format->grammar, "torch-zip/1");
}

static void refuses_each_defect_for_its_reason(void **state)
{
	(void)state;
	assert_true(each_bad("expect-zip.tsv", check_file) > 200);
}

/* Wherever a file ends, it is refused. */
static void refuses_every_length(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);

	(void)state;
	read_file(&bytes, GOOD "sliced.pt");
	for (size_t len = 4; len < bytes.len; len++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		assert_int_not_equal(made_parse(&l, bytes.data, len, "m.pt", &err), WM_OK);
	}
}

/* --- what PyTorch wrote ------------------------------------------------------------------ */

static struct layout present;
static const char *folder;
static char present_name[64];
static size_t n_seen;

static void hex_of_tensor(char out[65], const struct tensor *t, const char *path)
{
	cleanup_buf struct buf file = BUF_INIT(1 << 20), bytes = BUF_INIT(1 << 20);
	uint8_t digest[SHA256_BYTES];
	struct wm_error err = { 0 };

	read_file(&file, path);
	assert_ok(made_bytes(&bytes, &present, t, &file, &err), &err);
	assert_int_equal(bytes.len, t->len);
	assert_ok(sha256_of(digest, bytes.data, bytes.len, &err), &err);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static void check_fact(char **fields)
{
	char path[256], shape[256] = "", hex[65];
	const struct tensor *t = NULL;
	struct wm_error err = { 0 };
	size_t used = 0;

	snprintf(path, sizeof(path), "%s/%s", folder, fields[0]);
	if (strcmp(fields[0], present_name) != 0) {
		assert_int_equal(n_seen, present.n_tensors);
		layout_release(&present);
		n_seen = 0;
		snprintf(present_name, sizeof(present_name), "%s", fields[0]);
		assert_ok(made_parse_path(&present, path, &err), &err);
	}
	for (size_t i = 0; i < present.n_tensors; i++)
		if (strcmp(present.tensors[i].name, fields[1]) == 0)
			t = &present.tensors[i];
	if (!t)
		test_failed(__FILE__, __LINE__, "%s has no '%s'", path, fields[1]);
	for (unsigned i = 0; i < t->rank; i++)
		used += (size_t)snprintf(shape + used, sizeof(shape) - used, "%s%llu",
					 i ? "," : "", (unsigned long long)t->dims[i]);
	assert_string_equal(dtype_info(t->dtype)->name, fields[2]);
	assert_string_equal(shape, fields[3]);
	hex_of_tensor(hex, t, path);
	assert_string_equal(hex, fields[4]);
	n_seen++;
}

/* In its present form, and in that of before 1.6. */
static void reads_what_pytorch_wrote(void **state)
{
	static const char *const folders[] = { "testdata/good/torch", "testdata/good/torch-legacy" };
	char table[64];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		folder = folders[i];
		present = (struct layout)LAYOUT_INIT;
		present_name[0] = '\0';
		n_seen = 0;
		snprintf(table, sizeof(table), "%s/tensors.tsv", folder);
		assert_true(each_line(table, check_fact, 5) > 140);
		assert_int_equal(n_seen, present.n_tensors);
		layout_release(&present);
	}
}

static void gives_equal_runs_one_segment(void **state)
{
	cleanup_layout struct layout shared = LAYOUT_INIT, over = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(made_parse_path(&shared, GOOD "shared.pt", &err), &err);
	assert_true(find_tensor(&shared, "a")->segment != SIZE_MAX);
	assert_true(find_tensor(&shared, "a")->segment == find_tensor(&shared, "b")->segment);
	assert_true(find_tensor(&shared, "a")->segment == find_tensor(&shared, "view")->segment);
	assert_ok(made_parse_path(&over, GOOD "overlapping.pt", &err), &err);
	assert_true(find_tensor(&over, "a")->segment == SIZE_MAX && find_tensor(&over, "a")->source);
	assert_true(find_tensor(&over, "b")->segment == SIZE_MAX && find_tensor(&over, "b")->source);
	assert_true(find_tensor(&over, "c")->segment != SIZE_MAX && !find_tensor(&over, "c")->source);
}

/* --- names of code ----------------------------------------------------------------------- */

static bool imports(const struct layout *l, const char *name, bool allowed)
{
	for (size_t i = 0; i < l->n_imports; i++)
		if (strcmp(l->imports[i].name, name) == 0)
			return l->imports[i].allowed == allowed;
	return false;
}

static void lists_what_loading_would_run(void **state)
{
	static const char evil[] = "\x80\2}X\1\0\0\0xcos\nsystem\nX\2\0\0\0id\x85Rs.";
	static const char plain[] = "\x80\2}.";
	const struct made_member script[] = {
		{ "m/data.pkl", plain, sizeof(plain) - 1, 0 },
		{ "m/constants.pkl", "x", 1, 0 },
		{ "m/code/__torch__.py", "x", 1, 0 },
		{ "m/version", "3\n", 2, 0 },
	};
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), torchscript = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT, m = LAYOUT_INIT, n = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	made_torch(&bytes, evil, sizeof(evil) - 1, "", 0, false);
	assert_ok(made_parse(&l, bytes.data, bytes.len, "m.pt", &err), &err);
	assert_int_equal(l.n_imports, 1);
	assert_true(imports(&l, "os.system", false));
	made_zip(&torchscript, script, 4, true);
	assert_ok(made_parse(&m, torchscript.data, torchscript.len, "m.pt", &err), &err);
	assert_int_equal(m.n_imports, 2);
	assert_true(imports(&m, "torchscript:constants.pkl", false));
	assert_true(imports(&m, "torchscript:code/__torch__.py", false));
	assert_ok(made_parse_path(&n, GOOD "optimiser.pt", &err), &err);
	for (size_t i = 0; i < n.n_imports; i++)
		assert_true(n.imports[i].allowed);
	assert_true(imports(&n, "torch._utils._rebuild_tensor_v2", true));
	assert_true(imports(&n, "collections.OrderedDict", true));
	assert_true(imports(&n, "torch.FloatStorage", true));
}

/* --- whose it is ------------------------------------------------------------------------- */

static void claims_archives_of_weights(void **state)
{
	static const struct {
		const char *name, *start;
		size_t len;
		bool claimed;
	} rows[] = {
		{ "m.pt", "PK\3\4", 4, true }, { "m.PTH", "PK\3\4", 4, true },
		{ "m.bin", "PK\5\6", 4, true }, { "d.pt/m.ckpt", "PK\3\4", 4, true },
		{ "m.pt", "PK\3", 3, false }, { "m.pt", "PK\7\10", 4, false },
		{ "m.zip", "PK\3\4", 4, false }, { "pt", "PK\3\4", 4, false },
		{ "m", "PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0a\0\0\0m/data.pkl", 40,
		  true },
		{ "m", "PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0a\0\0\0m/data.pk!", 40,
		  false },
		{ "m", "PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0a\0\0\0m/data.pkl", 39,
		  false },
		{ "m", "PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0m/data.pkl", 40,
		  false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(format_torch_zip.claims(rows[i].name, rows[i].len,
							 (const uint8_t *)rows[i].start,
							 rows[i].len),
				 rows[i].claimed);
}

/* --- limits ------------------------------------------------------------------------------ */

/* A pickle of 1 MiB that costs as much as one can: answered in a second. */
static void check_quick(const struct buf *pickle, bool accepted)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 25);
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };
	struct timespec from, to;
	double seconds;
	enum wm_code code;

	made_torch(&bytes, pickle->data, pickle->len, "0123456789abcdef", 16, false);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	code = made_parse(&l, bytes.data, bytes.len, "m.pt", &err);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	print_message("# %zu bytes: %s, %.2f s\n", pickle->len, code ? err.reason : "accepted",
		      seconds);
	assert_int_equal(code == WM_OK, accepted);
}

static void put(struct buf *out, const char *text, size_t len, size_t times)
{
	struct wm_error err = { 0 };

	for (size_t i = 0; i < times; i++)
		assert_ok(buf_append(out, text, len, &err), &err);
}

static void put_long_key(struct buf *out, size_t len, char last)
{
	const char head[] = { 'X', (char)len, (char)(len >> 8), (char)(len >> 16), 0 };

	put(out, head, 5, 1);
	put(out, "k", 1, len - 1);
	put(out, &last, 1, 1);
}

static void hostile_pickles_are_answered_quickly(void **state)
{
	cleanup_buf struct buf walks = BUF_INIT(1 << 24), keys = BUF_INIT(1 << 24);
	cleanup_buf struct buf names = BUF_INIT(1 << 24), wide = BUF_INIT(1 << 24);

	(void)state;
	/* One dict with a key of 60 KB in 450,000 places. */
	put(&walks, "\x80\2](}", 5, 1);
	put_long_key(&walks, 60000, 'a');
	put(&walks, "Nsq\1", 4, 1);
	put(&walks, "h\1", 2, 450000);
	put(&walks, "e.", 2, 1);
	check_quick(&walks, false);
	/* A dict of two long keys, each a hundred thousand times. */
	put(&keys, "\x80\2](", 4, 1);
	put_long_key(&keys, 200000, 'a');
	put(&keys, "q\1", 2, 1);
	put_long_key(&keys, 200000, 'b');
	put(&keys, "q\2}(", 4, 1);
	put(&keys, "h\1Nh\2N", 6, 100000);
	put(&keys, "ue.", 3, 1);
	check_quick(&keys, false);
	/* One tensor under names of 60 KB. */
	put(&names, "\x80\2}", 3, 1);
	put_long_key(&names, 60000, 'a');
	put(&names, "](", 2, 1);
	put(&names, made_pickle + 9, made_pickle_len - 11, 1);
	put(&names, "q\1", 2, 1);
	put(&names, "h\1", 2, 260000);
	put(&names, "es.", 3, 1);
	check_quick(&names, false);
	/* The same with short names, and as many as may be. */
	put(&wide, "\x80\2](", 4, 1);
	put(&wide, made_pickle + 9, made_pickle_len - 11, 1);
	put(&wide, "q\1", 2, 1);
	put(&wide, "h\1", 2, 130000);
	put(&wide, "e.", 2, 1);
	check_quick(&wide, true);
	buf_truncate(&wide, wide.len - 2);
	put(&wide, "h\1", 2, 130000);
	put(&wide, "e.", 2, 1);
	check_quick(&wide, false);
}

/* --- no memory --------------------------------------------------------------------------- */

static enum wm_code parse_again(void *context, struct wm_error *err)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	const struct buf *bytes = context;
	cleanup_fd int fd = made_file(bytes->data, bytes->len);

	return format_parse(&l, fd, bytes->len, "m.pt", err);
}

static void survives_failing_allocations(void **state)
{
	static const char *const names[] = { "nested", "transposed", "ordered", "storage" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		char path[64];

		snprintf(path, sizeof(path), GOOD "%s.pt", names[i]);
		read_file(&bytes, path);
		with_every_allocation_failing(parse_again, &bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_each_defect_for_its_reason),
		cmocka_unit_test(refuses_every_length),
		cmocka_unit_test(reads_what_pytorch_wrote),
		cmocka_unit_test(gives_equal_runs_one_segment),
		cmocka_unit_test(lists_what_loading_would_run),
		cmocka_unit_test(claims_archives_of_weights),
		cmocka_unit_test(hostile_pickles_are_answered_quickly),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
