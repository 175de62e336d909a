/* SPDX-License-Identifier: Apache-2.0 */
/* lib/format/tar.c: compressed archives, and the tensors that are gathered from them. */
#include "harness.h"

#include <stdio.h>

#include "checkpoint/gather.h"
#include "crypto/sha256.h"
#include "format/inflate.h"
#include "made_gguf.h"
#include "made_tar.h"
#include "util/file.h"

static void parse_ok(struct layout *l, const struct buf *bytes, const char *name)
{
	struct wm_error err = { 0 };

	assert_ok(made_parse(l, bytes->data, bytes->len, name, &err), &err);
}

/* Appends bytes that do not compress. */
static void append_noise(struct buf *out, size_t len)
{
	struct wm_error err = { 0 };
	uint32_t noise = 1;

	while (len-- > 0) {
		noise = noise * 1664525 + 1013904223;
		assert_ok(buf_append_byte(out, (uint8_t)(noise >> 24), &err), &err);
	}
}

/* Archives of two members with tensors and some without, the same compressed. */
static void make_both(struct buf *tar, struct buf *gz)
{
	cleanup_buf struct buf gguf = BUF_INIT(1 << 20);

	made_tar_tensor(tar, "a.safetensors", "w", "weights");
	made_tar_file(tar, "README", "text");
	made_gguf(&gguf, GGUF_HEAD("2", "0") FOUR_I8("a") INFO1("s:b", "70000", "24", "32")
		  "p:32 r:4 p:32 r:70000");
	made_tar_member(tar, "b.gguf", '0', gguf.data, gguf.len);
	made_tar_tensor(tar, "c.safetensors", "v", "");
	made_tar_zeros(tar, 10240);
	made_gzip(gz, tar->data, tar->len);
}

static void gathers_what_the_plain_one_holds(void **state)
{
	cleanup_buf struct buf tar = BUF_INIT(1 << 20), gz = BUF_INIT(1 << 20);
	cleanup_layout struct layout t = LAYOUT_INIT, z = LAYOUT_INIT;
	struct wm_error err = { 0 };
	cleanup_fd int fd = -1;
	struct window w;

	(void)state;
	make_both(&tar, &gz);
	fd = made_file(gz.data, gz.len);
	w = (struct window){ .fd = fd, .size = gz.len, .name = "m.tar.gz" };
	parse_ok(&t, &tar, "m.tar");
	parse_ok(&z, &gz, "m.tar.gz");
	assert_true(z.n_segments == 1 && z.segments[0].len == gz.len && !z.segments[0].tensor);
	assert_true(z.n_pieces == 0 && z.has_tensors && z.size == gz.len && z.slot_len == 0);
	assert_int_equal(t.n_tensors, 4);
	assert_int_equal(z.n_tensors, 4);
	assert_null(z.format->embed);
	for (size_t round = 0; round < 3; round++) {
		for (size_t i = 0; i < t.n_tensors; i++) {
			cleanup_buf struct buf got = BUF_INIT(1 << 20);
			const struct sink sink = made_sink(&got);
			const struct tensor *a = &t.tensors[i], *b = &z.tensors[i];

			assert_string_equal(a->name, b->name);
			assert_true(b->segment == SIZE_MAX && a->len == b->len);
			assert_int_equal(b->source != NULL, b->len > 0);
			if (!b->source)
				continue;
			assert_ok(z.format->gather(&z, b, &w, &sink, &err), &err);
			assert_int_equal(got.len, a->len);
			assert_memory_equal(got.data, tar.data + t.segments[a->segment].off, got.len);
		}
	}
	assert_true(gather_wanted(&z));
	assert_ok(gather_tensors(&z, fd, "m.tar.gz", NULL, &err), &err);
	assert_false(gather_wanted(&z));
}

/* One line of tensors.tsv: FILE, name, dtype, shape, SHA-256, which it takes apart. */
static void check_recorded_tensor(char *line)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), got = BUF_INIT(1 << 20);
	cleanup_buf struct buf dims = BUF_INIT(1000), hex = BUF_INIT(100);
	cleanup_layout struct layout l = LAYOUT_INIT;
	uint8_t digest[SHA256_BYTES];
	struct wm_error err = { 0 };
	char path[300], *cells[5];
	const struct tensor *t;

	for (size_t i = 0; i < 5; i++)
		cells[i] = strsep(&line, "\t");
	snprintf(path, sizeof(path), "testdata/good/tar/%s", cells[0]);
	read_file(&bytes, path);
	parse_ok(&l, &bytes, path);
	t = find_tensor(&l, cells[1]);
	assert_string_equal(dtype_info(t->dtype)->name, cells[2]);
	for (unsigned i = 0; i < t->rank; i++)
		assert_ok(buf_printf(&dims, &err, "%s%llu", i ? "," : "",
				     (unsigned long long)t->dims[i]), &err);
	assert_string_equal(buf_str(&dims), cells[3]);
	assert_ok(made_bytes(&got, &l, t, &bytes, &err), &err);
	assert_int_equal(got.len, t->len);
	assert_ok(sha256_of(digest, got.data, got.len, &err), &err);
	assert_ok(buf_append_hex(&hex, digest, sizeof(digest), &err), &err);
	assert_string_equal(buf_str(&hex), cells[4]);
}

static void finds_what_writers_wrote(void **state)
{
	cleanup_buf struct buf table = BUF_INIT(1 << 20);
	size_t n = 0;

	(void)state;
	read_file(&table, "testdata/good/tar/tensors.tsv");
	for (char *line = (char *)table.data, *next; *line; line = next, n++) {
		next = strchr(line, '\n');
		*next++ = 0;
		check_recorded_tensor(line);
	}
	assert_int_equal(n, 26);
}

static void refuses_every_shorter_file(void **state)
{
	cleanup_buf struct buf tar = BUF_INIT(1 << 20), gz = BUF_INIT(1 << 20);

	(void)state;
	made_tar_tensor(&tar, "a.safetensors", "w", "weights");
	made_tar_zeros(&tar, 10240);
	made_gzip(&gz, tar.data, tar.len);
	check_recorded("testdata/fuzz/tar/gz", &gz);
	for (size_t len = 1; len < gz.len; len++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		assert_int_not_equal(made_parse(&l, gz.data, len, "m.tar.gz", &err), WM_OK);
		assert_true(err.code == WM_FORMAT || err.code == WM_LIMIT);
	}
	for (size_t at = 0; at < gz.len; at++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		/* Time, extra flags and system of the header change nothing. */
		gz.data[at] ^= 1;
		if (at < 4 || at > 9)
			assert_true(made_parse(&l, gz.data, gz.len, "m.tgz", &err) != WM_OK ||
				    at == 3);
		gz.data[at] ^= 1;
	}
}

/* Members whose tensors are no runs of them, and name code. */
static void gathers_from_members_that_gather(void **state)
{
	static const char *const files[] = { "transposed", "overlapping", "optimiser" };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		cleanup_buf struct buf pt = BUF_INIT(1 << 20), tar = BUF_INIT(1 << 20);
		cleanup_buf struct buf gz = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT, t = LAYOUT_INIT, z = LAYOUT_INIT;
		struct wm_error err = { 0 };
		char path[80];

		snprintf(path, sizeof(path), "testdata/good/torch/%s.pt", files[i]);
		read_file(&pt, path);
		made_tar_file(&tar, "README", "text");
		made_tar_member(&tar, "m.pt", '0', pt.data, pt.len);
		made_tar_zeros(&tar, 1024);
		made_gzip(&gz, tar.data, tar.len);
		parse_ok(&l, &pt, "m.pt");
		parse_ok(&t, &tar, "m.tar");
		parse_ok(&z, &gz, "m.tar.gz");
		assert_true(l.n_tensors > 0 && l.n_imports > 0);
		assert_int_equal(t.n_tensors, l.n_tensors);
		assert_int_equal(z.n_tensors, l.n_tensors);
		assert_int_equal(t.n_imports, l.n_imports);
		assert_string_equal(t.imports[0].name, l.imports[0].name);
		assert_int_equal(t.imports[0].allowed, l.imports[0].allowed);
		for (size_t k = 0; k < l.n_tensors; k++) {
			cleanup_buf struct buf a = BUF_INIT(1 << 20), b = BUF_INIT(1 << 20);
			cleanup_buf struct buf c = BUF_INIT(1 << 20);

			assert_string_equal(t.tensors[k].name, l.tensors[k].name);
			assert_ok(made_bytes(&a, &l, &l.tensors[k], &pt, &err), &err);
			assert_ok(made_bytes(&b, &t, &t.tensors[k], &tar, &err), &err);
			assert_ok(made_bytes(&c, &z, &z.tensors[k], &gz, &err), &err);
			assert_true(a.len == b.len && a.len == c.len);
			assert_memory_equal(a.data, b.data, a.len);
			assert_memory_equal(a.data, c.data, a.len);
		}
	}
}

/* Bytes that are damaged while a tensor is gathered, and right again for the next time. */
static void begins_anew_after_a_failure(void **state)
{
	cleanup_buf struct buf tar = BUF_INIT(1 << 20), gz = BUF_INIT(1 << 20);
	cleanup_buf struct buf noise = BUF_INIT(1 << 20), got = BUF_INIT(1 << 20);
	cleanup_buf struct buf rest = BUF_INIT(1 << 20);
	cleanup_layout struct layout z = LAYOUT_INIT;
	const struct sink sink = made_sink(&got), none = made_sink(&rest);
	struct wm_error err = { 0 };
	cleanup_fd int fd = -1;
	struct window w;

	(void)state;
	append_noise(&noise, 300000);
	made_tar_member(&tar, "noise", '0', noise.data, noise.len);
	made_tar_tensor(&tar, "m.safetensors", "w", "weights");
	made_tar_zeros(&tar, 1024);
	made_gzip(&gz, tar.data, tar.len);
	parse_ok(&z, &gz, "m.tar.gz");
	fd = made_file(gz.data, gz.len);
	w = (struct window){ .fd = fd, .size = gz.len, .name = "m.tar.gz" };
	memset(noise.data, 0xff, 100000);
	assert_ok(file_write_at(fd, noise.data, 100000, 150000, "m", &err), &err);
	assert_reason(z.format->gather(&z, &z.tensors[0], &w, &none, &err), &err,
		      INFLATE_MALFORMED);
	assert_ok(file_write_at(fd, gz.data + 150000, 100000, 150000, "m", &err), &err);
	assert_ok(z.format->gather(&z, &z.tensors[0], &w, &sink, &err), &err);
	assert_int_equal(got.len, 7);
	assert_memory_equal(got.data, "weights", 7);
}

static void says_that_the_file_changed(void **state)
{
	cleanup_buf struct buf tar = BUF_INIT(1 << 20), gz = BUF_INIT(1 << 20);
	cleanup_buf struct buf got = BUF_INIT(1 << 20);
	cleanup_layout struct layout z = LAYOUT_INIT;
	const struct sink sink = made_sink(&got);
	struct wm_error err = { 0 };
	cleanup_fd int fd = -1;
	struct window w;

	(void)state;
	make_both(&tar, &gz);
	parse_ok(&z, &gz, "m.tar.gz");
	fd = made_file(gz.data, gz.len / 2);
	w = (struct window){ .fd = fd, .size = gz.len, .name = "m.tar.gz" };
	assert_reason(z.format->gather(&z, &z.tensors[2], &w, &sink, &err), &err, FILE_CHANGED);
	assert_reason(z.format->gather(&z, &z.tensors[2], &w, &sink, &err), &err, FILE_CHANGED);
}

/* libhdf5 reads files alone: the same archive is read without compression. */
static void reads_no_hdf5(void **state)
{
	cleanup_buf struct buf h5 = BUF_INIT(1 << 20), tar = BUF_INIT(1 << 20);
	cleanup_buf struct buf gz = BUF_INIT(1 << 20);
	cleanup_layout struct layout t = LAYOUT_INIT, z = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	read_file(&h5, "testdata/good/hdf5/all-kinds.h5");
	made_tar_member(&tar, "m.h5", '0', h5.data, h5.len);
	made_tar_zeros(&tar, 1024);
	made_gzip(&gz, tar.data, tar.len);
	parse_ok(&t, &tar, "m.tar");
	assert_true(t.n_tensors > 0);
	assert_reason(made_parse(&z, gz.data, gz.len, "m.tar.gz", &err), &err, INFLATE_HDF5);
}

/* What inflates to a hundred times its length is read once, and soon. */
static void answers_soon(void **state)
{
	const size_t len = 90 << 20;
	cleanup_free uint8_t *zeros = calloc(1, len);
	cleanup_buf struct buf tar = BUF_INIT(128 << 20), gz = BUF_INIT(128 << 20);
	cleanup_buf struct buf noise = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT;
	double start;

	(void)state;
	append_noise(&noise, 900000);
	made_tar_member(&tar, "noise", '0', noise.data, noise.len);
	made_tar_member(&tar, "zeros", '0', zeros, len);
	made_tar_zeros(&tar, 1024);
	made_gzip(&gz, tar.data, tar.len);
	assert_true(gz.len < 1 << 20);
	start = seconds();
	parse_ok(&l, &gz, "m.tar.gz");
	print_message("# %zu bytes from %zu: %.3f s\n", tar.len, gz.len, seconds() - start);
}

static enum wm_code parse_and_gather(void *context, struct wm_error *err)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	const struct buf *bytes = context;
	cleanup_fd int fd = made_file(bytes->data, bytes->len);

	TRY(format_parse(&l, fd, bytes->len, "m.tar.gz", err));
	return gather_tensors(&l, fd, "m.tar.gz", NULL, err);
}

static void survives_failing_allocations(void **state)
{
	cleanup_buf struct buf tar = BUF_INIT(1 << 20), gz = BUF_INIT(1 << 20);

	(void)state;
	make_both(&tar, &gz);
	with_every_allocation_failing(parse_and_gather, &gz);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gathers_what_the_plain_one_holds),
		cmocka_unit_test(finds_what_writers_wrote),
		cmocka_unit_test(refuses_every_shorter_file),
		cmocka_unit_test(gathers_from_members_that_gather),
		cmocka_unit_test(begins_anew_after_a_failure),
		cmocka_unit_test(says_that_the_file_changed),
		cmocka_unit_test(reads_no_hdf5),
		cmocka_unit_test(answers_soon),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
