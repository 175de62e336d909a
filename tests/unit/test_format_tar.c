/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/format/tar.c, tar_read.c, tar_pax.c, tar_members.c, tar_place.c: what they take, and the
 * reason for which they refuse each file of testdata/bad/expect-tar.tsv.
 */
#include "harness.h"

#include <stdio.h>
#include <sys/mman.h>

#include "checkpoint/gather.h"
#include "made_gguf.h"
#include "made_tar.h"
#include "made_zip.h"
#include "util/file.h"

static void check_file(const char *path, const char *reason)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	assert_verdict(made_parse_path(&l, path, &err), &err, path, reason);
	if (!reason)
		assert_true(l.format == &format_tar || l.format == &format_tar_gz);
}

static void refuses_each_defect_for_its_reason(void **state)
{
	(void)state;
	assert_true(each_bad("expect-tar.tsv", check_file) > 100);
}

static void parse_ok(struct layout *l, const struct buf *bytes, const char *name)
{
	struct wm_error err = { 0 };

	assert_ok(made_parse(l, bytes->data, bytes->len, name, &err), &err);
}

/* Segments tile the view; pieces are bytes of the file. */
static void check_layout(const struct layout *l, const struct buf *bytes)
{
	uint64_t at = 0, end = 0;

	assert_int_equal(l->size + l->slot_len, bytes->len);
	for (size_t i = 0; i < l->n_segments; i++) {
		assert_int_equal(l->segments[i].off, at);
		assert_true(l->segments[i].len > 0);
		at += l->segments[i].len;
	}
	assert_int_equal(at, l->size);
	for (size_t i = 0; i < l->n_pieces; i++) {
		const struct piece *p = &l->pieces[i];
		const uint64_t off = p->off < l->zone.from ? p->off : p->off + l->slot_len;

		assert_true(p->off >= end);
		end = p->off + p->len;
		assert_memory_equal(bytes->data + off, p->data, p->len);
	}
	if (l->n_pieces > 0)
		assert_int_equal(end, l->size);
}

/* The tensor has this name, and these bytes at its segment. */
static void check_tensor(const struct layout *l, size_t i, const char *name, const char *value,
			 const struct buf *bytes)
{
	const struct tensor *t = &l->tensors[i];

	assert_string_equal(t->name, name);
	assert_int_equal(t->name_len, strlen(name));
	assert_int_equal(t->len, strlen(value));
	assert_int_equal(l->segments[t->segment].len, t->len);
	assert_true(l->segments[t->segment].tensor);
	assert_memory_equal(bytes->data + l->segments[t->segment].off, value, t->len);
}

static void lays_tensors_out(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT, one = LAYOUT_INIT;

	(void)state;
	made_tar_header(&bytes, "./", '5', 0);
	made_tar_tensor(&bytes, "./model.safetensors", "w", "weights");
	made_tar_file(&bytes, "./config.json", "{}");
	made_tar_zeros(&bytes, 1024);
	parse_ok(&one, &bytes, "m.tar");
	check_layout(&one, &bytes);
	assert_int_equal(one.n_tensors, 1);
	assert_int_equal(one.n_segments, 4);
	assert_true(one.has_tensors && one.n_imports == 0);
	assert_int_equal(one.zone.from, bytes.len - 1024);
	assert_int_equal(one.zone.to, bytes.len);
	check_tensor(&one, 0, "w", "weights", &bytes);

	buf_truncate(&bytes, bytes.len - 1024);
	made_tar_tensor(&bytes, "a.safetensors", "w", "");
	made_tar_tensor(&bytes, "d/m.safetensors", "v", "more");
	made_tar_zeros(&bytes, 2048);
	parse_ok(&l, &bytes, "m.tar");
	check_layout(&l, &bytes);
	assert_int_equal(l.n_tensors, 3);
	check_tensor(&l, 0, "model.safetensors/w", "weights", &bytes);
	assert_string_equal(l.tensors[1].name, "a.safetensors/w");
	assert_true(l.tensors[1].segment == SIZE_MAX && !l.tensors[1].source);
	check_tensor(&l, 2, "d/m.safetensors/v", "more", &bytes);
	assert_int_equal(l.by_name[0], 1);
}

static void takes_members_without_tensors(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), inner = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT;

	(void)state;
	made_tar_tensor(&inner, "m.safetensors", "w", "inner");
	made_tar_zeros(&inner, 1024);
	made_tar_member(&bytes, "inner.tar", '0', inner.data, inner.len);
	made_tar_file(&bytes, "broken.tar.gz", "not gzip");
	made_tar_file(&bytes, "empty.safetensors", "");
	made_tar_file(&bytes, "weights.bin", "opaque");
	made_tar_zeros(&bytes, 1024);
	parse_ok(&l, &bytes, "m.tar");
	check_layout(&l, &bytes);
	assert_int_equal(l.n_tensors, 0);
	assert_int_equal(l.n_segments, 2);
	assert_false(l.has_tensors);
}

static void takes_empty_archives(void **state)
{
	static const size_t lens[] = { 512, 1024, 10240, 1 << 20, (1 << 20) + 512 };

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 22);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		enum wm_code code;

		made_tar_zeros(&bytes, lens[i]);
		code = made_parse(&l, bytes.data, bytes.len, "m.tar", &err);
		if (i == 0 || i == 4) {
			assert_reason(code, &err, TAR_END);
			continue;
		}
		assert_ok(code, &err);
		assert_true(l.zone.from == 0 && l.zone.to == lens[i] && l.n_segments == 1);
	}
}

static void reads_members_with_slots(void **state)
{
	static const char *const headers[] = { MADE_EACH_FORM };
	cleanup_buf struct buf gguf = BUF_INIT(1 << 20), bytes = BUF_INIT(1 << 20);
	cleanup_layout struct layout g = LAYOUT_INIT, l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		cleanup_buf struct buf plain = BUF_INIT(1 << 20), with = BUF_INIT(1 << 20);
		cleanup_layout struct layout m = LAYOUT_INIT;
		char name[40];

		made_append_header(&plain, headers[i]);
		parse_ok(&m, &plain, "m.safetensors");
		assert_ok(made_embed(&with, &m, &plain, "sidecar", 7, &err), &err);
		snprintf(name, sizeof(name), "%zu.safetensors", i);
		made_tar_member(&bytes, name, '0', with.data, with.len);
	}
	made_gguf(&gguf, GOOD_GGUF);
	parse_ok(&g, &gguf, "m.gguf");
	buf_truncate(&g.carried, 0);
	{
		cleanup_buf struct buf with = BUF_INIT(1 << 20);

		assert_ok(made_embed(&with, &g, &gguf, "sidecar", 7, &err), &err);
		made_tar_member(&bytes, "m.gguf", '0', with.data, with.len);
	}
	made_tar_zeros(&bytes, 1024);
	parse_ok(&l, &bytes, "m.tar");
	check_layout(&l, &bytes);
	assert_true(l.slot_len == 0 && !l.displaced && l.carried.len == 0);
	assert_int_equal(l.n_tensors, 4);
	check_tensor(&l, 3, "m.gguf/a", "\1\2\3\4", &bytes);
}

/* What loaders of a member compare is compared in the archive. */
static void compares_check_sums_of_members(void **state)
{
	static const struct made_member text = { "notes.txt", "text", 4, 0 };
	cleanup_buf struct buf zip = BUF_INIT(1 << 20), bytes = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };
	uint8_t *changed;

	(void)state;
	made_zip(&zip, &text, 1, false);
	made_tar_file(&bytes, "a", "text");
	made_tar_member(&bytes, "m.npz", '0', zip.data, zip.len);
	made_tar_zeros(&bytes, 1024);
	changed = memmem(bytes.data + 1024, bytes.len - 1024, "text", 4);
	assert_non_null(changed);
	for (int i = 0; i < 2; i++) {
		cleanup_layout struct layout again = LAYOUT_INIT;
		cleanup_fd int fd = made_file(bytes.data, bytes.len);
		enum wm_code code;

		parse_ok(&again, &bytes, "m.tar");
		code = gather_tensors(&again, fd, "m.tar", NULL, &err);
		if (i == 0)
			assert_ok(code, &err);
		else
			assert_reason(code, &err, ZIP_CHECKSUM);
		*changed ^= 1;
	}
}

static void names_code_of_members(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT;

	(void)state;
	made_tar_file(&bytes, "code/inference.py", "import os");
	made_tar_file(&bytes, "./code/a/b.py", "");
	made_tar_file(&bytes, "other/c.py", "");
	made_tar_file(&bytes, "code/requirements.txt", "");
	made_tar_zeros(&bytes, 1024);
	parse_ok(&l, &bytes, "m.tar");
	assert_int_equal(l.n_imports, 3);
	assert_string_equal(l.imports[0].name, "sagemaker:code/a/b.py");
	assert_string_equal(l.imports[1].name, "sagemaker:code/inference.py");
	assert_string_equal(l.imports[2].name, "sagemaker:code/requirements.txt");
	assert_false(l.imports[0].allowed || l.imports[1].allowed);
}

/* PyTorch's oldest form: read as a tar by whatever name, and code that is not allowed. */
static void names_archives_that_pytorch_runs(void **state)
{
	static const char *const members[] = { "pickle", "storages", "tensors", "weights" };
	cleanup_buf struct buf whole = BUF_INIT(1 << 20);
	cleanup_layout struct layout old = LAYOUT_INIT;

	(void)state;
	read_file(&whole, "testdata/good/torch-tar/model.pt");
	parse_ok(&old, &whole, "m.pt");
	assert_ptr_equal(old.format, &format_tar);
	assert_int_equal(old.n_imports, 1);
	assert_string_equal(old.imports[0].name, "torch.legacy_tar");
	assert_false(old.imports[0].allowed);
	for (size_t i = 0; i < 4; i++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;

		made_tar_file(&bytes, "sys_info", "x");
		made_tar_file(&bytes, members[i], "x");
		made_tar_zeros(&bytes, 1024);
		parse_ok(&l, &bytes, "m.bin");
		assert_int_equal(l.n_imports, i < 3);
	}
}

/* Python's tarfile, by which PyTorch reads its oldest form, looks at the check sum alone. */
static void claims_what_python_takes_for_tar(void **state)
{
	static const struct {
		int byte;	  /* one of the name, which makes sums with and without signs differ */
		const char *sum;  /* of the block, as a field */
		bool claimed;
	} rows[] = {
		{ 'a', "0000541\0", true },	{ 'a', "0000542\0", false },
		{ 'a', "541\0    ", true },	{ 'a', "  541   ", true },
		{ 'a', "541\0" "7777", true },	{ 'a', "\x80\0\0\0\0\0\1\x61", true },
		{ 'a', "\x80\0\0\0\0\0\1\x62", false }, { 'a', "0o541   ", true },
		{ 0x90, "0000620\0", true },	{ 0x90, "0000220\0", true },
		{ 0x90, "0000320\0", false },	{ 'a', "-541\0   ", false },
		{ 0, "\0\0\0\0\0\0\0\0", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t block[512] = { (uint8_t)rows[i].byte };

		memcpy(block + 148, rows[i].sum, 8);
		assert_int_equal(format_tar.claims("m.bin", 512, block, 512), rows[i].claimed);
		assert_false(format_tar.claims("m.bin", 511, block, 511));
	}
}

static void is_claimed_by_name_or_magic(void **state)
{
	static const struct {
		const char *name, *text, *grammar; /* text NULL: an archive; no grammar: refused */
	} rows[] = {
		{ "m.tar", NULL, "tar/1" },	  { "M.TAR", NULL, "tar/1" },
		{ "m.nemo", NULL, "tar/1" },	  { "m.bin", NULL, "tar/1" },
		{ "blob", NULL, "tar/1" },	  { "m.tar.gz", NULL, NULL },
		{ "m.tgz", NULL, NULL },	  { "m.tar", "x", NULL },
		{ "m.nemo", "x", NULL },	  { "m.nemo", "\x1f\x8b", NULL },
		{ "m.gz", "\x1f\x8b", "raw/1" },  { "tar", "x", "raw/1" },
		{ ".tar", "x", NULL },		  { "m.tar.xz", "x", "raw/1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		enum wm_code code;

		if (rows[i].text) {
			assert_ok(buf_append_str(&bytes, rows[i].text, &err), &err);
		} else {
			made_tar_file(&bytes, "a", "");
			made_tar_zeros(&bytes, 1024);
		}
		code = made_parse(&l, bytes.data, bytes.len, rows[i].name, &err);
		assert_int_equal(code == WM_OK, rows[i].grammar != NULL);
		if (rows[i].grammar)
			assert_string_equal(l.format->grammar, rows[i].grammar);
		else
			assert_int_equal(code, WM_FORMAT);
	}
}

static void refuses_every_shorter_file(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);

	(void)state;
	made_tar_pax(&bytes, "path", "folder/m.safetensors");
	made_tar_tensor(&bytes, "m", "w", "weights");
	made_tar_zeros(&bytes, 1024);
	for (size_t len = 1; len < bytes.len; len++) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		enum wm_code code = made_parse(&l, bytes.data, len, "m.tar", &err);

		assert_int_equal(code, WM_FORMAT);
		assert_true(strcmp(err.reason, "tar-truncated") == 0 ||
			    strcmp(err.reason, "tar-end") == 0);
	}
}

/* A sparse file with a member of `size` bytes, in base-256 or by pax, and one behind it. */
static void takes_members_over_8_gib(void **state)
{
	const uint64_t size = (9ull << 30) + 5;

	(void)state;
	for (unsigned pax = 0; pax < 2; pax++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20), rest = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		cleanup_fd int fd = memfd_create("tar", MFD_CLOEXEC);
		struct wm_error err = { 0 };
		uint64_t at, end;

		if (pax)
			made_tar_pax(&bytes, "size", "9663676421");
		made_tar_header(&bytes, "big.bin", '0', 0);
		if (!pax) {
			memcpy(bytes.data + 124, "\x80\0\0\0\0\0\0\x02\x40\0\0\x05", 12);
			made_tar_sum(bytes.data);
		}
		at = bytes.len + (size + 511) / 512 * 512;
		made_tar_tensor(&rest, "m.safetensors", "w", "weights");
		made_tar_zeros(&rest, 1024);
		end = at + rest.len;
		assert_int_equal(ftruncate(fd, (off_t)end), 0);
		assert_ok(file_write_at(fd, bytes.data, bytes.len, 0, "m", &err), &err);
		assert_ok(file_write_at(fd, rest.data, rest.len, at, "m", &err), &err);
		assert_ok(format_parse(&l, fd, end, "m.tar", &err), &err);
		assert_true(l.segments[l.tensors[0].segment].off > at);
		assert_int_equal(l.size, end);
	}
}

/* Fills 1 MiB with one small thing over and over; each time it must be answered soon. */
static void answers_soon(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 5; kind++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 22);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		for (unsigned i = 0; bytes.len < (1 << 20); i++) {
			char name[90];

			snprintf(name, sizeof(name), kind == 1 ? "%080u" : "%u.safetensors",
				 kind == 2 ? 1 : i);
			if (kind == 3)
				made_tar_member(&bytes, "p", 'g', "", 0);
			else if (kind == 4)
				made_tar_tensor(&bytes, name, "w", "x");
			else
				made_tar_file(&bytes, name, "");
		}
		made_tar_zeros(&bytes, 1024);
		(void)!made_parse(&l, bytes.data, bytes.len, "m.tar", &err);
	}
}

static void bounds_members_and_names(void **state)
{
	(void)state;
	for (size_t over = 0; over < 2; over++) {
		cleanup_buf struct buf bytes = BUF_INIT(64 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		enum wm_code code;

		for (size_t i = 0; i < LIMIT_FILES + over; i++) {
			char name[20];

			snprintf(name, sizeof(name), "%zu", i);
			made_tar_header(&bytes, name, '0', 0);
		}
		made_tar_zeros(&bytes, 1024);
		code = made_parse(&l, bytes.data, bytes.len, "m.tar", &err);
		if (over)
			assert_true(code == WM_LIMIT);
		else
			assert_ok(code, &err);
	}
}

static void bounds_members_with_formats(void **state)
{
	(void)state;
	for (size_t over = 0; over < 2; over++) {
		cleanup_buf struct buf bytes = BUF_INIT(64 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		enum wm_code code;

		for (size_t i = 0; i < LIMIT_MEMBER_FORMATS + over; i++) {
			char name[40];

			snprintf(name, sizeof(name), "%zu.safetensors", i);
			made_tar_tensor(&bytes, name, "w", "x");
		}
		made_tar_zeros(&bytes, 1024);
		code = made_parse(&l, bytes.data, bytes.len, "m.tar", &err);
		if (over)
			assert_reason(code, &err, LIMIT);
		else
			assert_ok(code, &err);
	}
}

static void bounds_tensors_and_headers(void **state)
{
	static const struct {
		size_t n, more, header;
		enum reason reason; /* REASON_INTERNAL: it works */
	} rows[] = {
		{ LIMIT_TENSORS / 2, 0, 0, REASON_INTERNAL },
		{ LIMIT_TENSORS / 2, 1, 0, REASON_LIMIT },
		{ 0, 0, LIMIT_HEADER / 2 - 4096, REASON_INTERNAL },
		{ 0, 0, LIMIT_HEADER / 2, REASON_HEADER_TOO_LARGE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf bytes = BUF_INIT(64 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };
		enum wm_code code;

		for (unsigned k = 0; k < 2; k++) {
			cleanup_buf struct buf gguf = BUF_INIT(64 << 20);

			if (rows[i].n)
				made_gguf_many(&gguf, rows[i].n + (k ? rows[i].more : 0));
			else
				made_gguf_header(&gguf, rows[i].header);
			made_tar_member(&bytes, k ? "b.gguf" : "a.gguf", '0', gguf.data, gguf.len);
		}
		made_tar_zeros(&bytes, 1024);
		code = made_parse(&l, bytes.data, bytes.len, "m.tar", &err);
		assert_verdict(code, &err, "two members",
			       rows[i].reason == REASON_INTERNAL ? NULL :
								   reason_info(rows[i].reason)->id);
		if (code == WM_OK)
			assert_int_equal(l.n_tensors, 2 * rows[i].n);
	}
}

/* Its tensors lie in a file beside the archive, which is no member of a checkpoint. */
static void takes_members_with_externals_as_opaque(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), onnx = BUF_INIT(1 << 20);
	cleanup_layout struct layout alone = LAYOUT_INIT, l = LAYOUT_INIT;
	struct wm_error err = { 0 };

	(void)state;
	read_file(&onnx, "testdata/good/onnx/external.onnx");
	assert_ok(made_parse(&alone, onnx.data, onnx.len, "m.onnx", &err), &err);
	assert_true(alone.n_externals > 0);
	made_tar_member(&bytes, "m.onnx", '0', onnx.data, onnx.len);
	made_tar_zeros(&bytes, 1024);
	parse_ok(&l, &bytes, "m.tar");
	assert_int_equal(l.n_tensors, 0);
	assert_int_equal(l.n_externals, 0);
	assert_false(l.has_tensors);
}

/* Many tensors, whose names with a long one in front would be too many bytes. */
static void bounds_names_of_tensors(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 24), gguf = BUF_INIT(1 << 24);
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };
	char path[4001];

	(void)state;
	memset(path, 'p', sizeof(path));
	memcpy(path + sizeof(path) - 6, ".gguf", 6);
	made_gguf_many(&gguf, 10000);
	made_tar_tensor(&bytes, "m.safetensors", "w", "x");
	made_tar_pax(&bytes, "path", path);
	made_tar_member(&bytes, "x", '0', gguf.data, gguf.len);
	made_tar_zeros(&bytes, 1024);
	assert_reason(made_parse(&l, bytes.data, bytes.len, "m.tar", &err), &err, LIMIT);
}

static void takes_random_archives(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 1000; seed++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;

		made_tar_random(&bytes, seed);
		parse_ok(&l, &bytes, "m.tar");
		check_layout(&l, &bytes);
		if (seed < 6) {
			char path[64];

			snprintf(path, sizeof(path), "testdata/fuzz/tar/good-%u", (unsigned)seed);
			check_recorded(path, &bytes);
		}
	}
}

static void survives_failing_allocations(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);

	(void)state;
	made_tar_header(&bytes, "d/", '5', 0);
	made_tar_pax(&bytes, "path", "d/m.safetensors");
	made_tar_tensor(&bytes, "m", "w", "weights");
	made_tar_tensor(&bytes, "n.safetensors", "w", "weights");
	made_tar_file(&bytes, "code/inference.py", "");
	made_tar_zeros(&bytes, 1024);
	parse_without_memory(&bytes, "m.tar");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_each_defect_for_its_reason),
		cmocka_unit_test(lays_tensors_out),
		cmocka_unit_test(takes_members_without_tensors),
		cmocka_unit_test(takes_empty_archives),
		cmocka_unit_test(reads_members_with_slots),
		cmocka_unit_test(compares_check_sums_of_members),
		cmocka_unit_test(names_code_of_members),
		cmocka_unit_test(names_archives_that_pytorch_runs),
		cmocka_unit_test(claims_what_python_takes_for_tar),
		cmocka_unit_test(is_claimed_by_name_or_magic),
		cmocka_unit_test(refuses_every_shorter_file),
		cmocka_unit_test(takes_members_over_8_gib),
		cmocka_unit_test(answers_soon),
		cmocka_unit_test(bounds_members_and_names),
		cmocka_unit_test(bounds_members_with_formats),
		cmocka_unit_test(bounds_tensors_and_headers),
		cmocka_unit_test(takes_members_with_externals_as_opaque),
		cmocka_unit_test(bounds_names_of_tensors),
		cmocka_unit_test(takes_random_archives),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
