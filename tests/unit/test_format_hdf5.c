/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/format/hdf5.c and what it reads with: which tensors it finds in the files that h5py wrote,
 * testdata/good/hdf5, and the reason for which it refuses each of testdata/bad/hdf5. Those are
 * written by testdata/scripts/hdf5_files.py and testdata/scripts/make_bad_hdf5.
 */
#include "harness.h"

#include <stdio.h>
#include <sys/wait.h>

#include "checkpoint/gather.h"
#include "crypto/sha256.h"
#include "made_tar.h"
#include "util/file.h"

#define GOOD "testdata/good/hdf5/"
#define BAD "testdata/bad/"

/* Parses a file and gathers what is to be gathered; the caller closes `*fd`. */
static enum wm_code read_all(struct layout *l, int *fd, const char *path, struct wm_error *err)
{
	uint64_t size = 0;

	assert_ok(file_open(fd, &size, path, err), err);
	TRY(format_parse(l, *fd, size, path, err));
	return gather_tensors(l, *fd, path, NULL, err);
}

static void check_refused(const char *name, const char *reason)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };
	cleanup_fd int fd = -1;
	char path[256];
	enum wm_code code;

	snprintf(path, sizeof(path), BAD "%s", name);
	code = read_all(&l, &fd, path, &err);
	if (code == WM_OK || strcmp(err.reason, reason) != 0)
		test_failed(__FILE__, __LINE__, "%s: %s: %s, not %s", name,
			    code == WM_OK ? "accepted" : err.reason, err.message, reason);
}

static void check_accepted(const char *name)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };
	cleanup_fd int fd = -1;
	char path[256];

	snprintf(path, sizeof(path), BAD "%s", name);
	if (read_all(&l, &fd, path, &err) != WM_OK)
		test_failed(__FILE__, __LINE__, "%s: %s: %s", name, err.reason, err.message);
	assert_string_equal(l.format->grammar, "hdf5/1");
}

static void refuses_each_defect_for_its_reason(void **state)
{
	cleanup_buf struct buf table = BUF_INIT(1 << 20);
	unsigned n = 0;
	char *save = NULL;

	(void)state;
	read_file(&table, BAD "expect-hdf5.tsv");
	for (char *line = strtok_r((char *)table.data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char bad[128], reason[64], twin[128];

		if (line[0] == '#')
			continue;
		assert_int_equal(sscanf(line, "%127s %63s %127s", bad, reason, twin), 3);
		check_refused(bad, reason);
		check_accepted(twin);
		n++;
	}
	assert_true(n > 70);
}

static enum wm_code append(void *context, const void *data, size_t len, struct wm_error *err)
{
	return buf_append(context, data, len, err);
}

/* Appends the lines of tensors.tsv that the file should have, as we read it. */
static void append_tensors(struct buf *out, const char *file)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };
	cleanup_fd int fd = -1;
	char path[256];

	snprintf(path, sizeof(path), GOOD "%s", file);
	assert_ok(read_all(&l, &fd, path, &err), &err);
	for (size_t i = 0; i < l.n_tensors; i++) {
		const struct tensor *t = &l.tensors[l.by_name[i]];
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		const struct window w = { .fd = fd, .size = l.size + l.slot_len, .name = file };
		uint8_t digest[SHA256_BYTES];

		if (t->source) {
			const struct sink sink = { append, &bytes };

			assert_ok(l.format->gather(&l, t, &w, &sink, &err), &err);
		} else if (t->len > 0) {
			const struct segment *s = &l.segments[t->segment];

			assert_true(s->tensor && s->len == t->len);
			assert_ok(buf_reserve(&bytes, t->len, &err), &err);
			assert_ok(file_read_at(fd, bytes.data, t->len, s->off, file, &err), &err);
			bytes.len = t->len;
		}
		assert_int_equal(bytes.len, t->len);
		assert_ok(sha256_of(digest, bytes.data, bytes.len, &err), &err);
		assert_ok(buf_printf(out, &err, "%s\t%s\t%s\t", file, t->name,
				     dtype_info(t->dtype)->name), &err);
		for (unsigned k = 0; k < t->rank; k++)
			assert_ok(buf_printf(out, &err, "%s%llu", k ? "," : "",
					     (unsigned long long)t->dims[k]), &err);
		assert_ok(buf_append_str(out, "\t", &err), &err);
		assert_ok(buf_append_hex(out, digest, sizeof(digest), &err), &err);
		assert_ok(buf_append_str(out, "\n", &err), &err);
	}
}

static void finds_what_h5py_finds(void **state)
{
	static const char *const files[] = { "all-kinds.h5", "keras-2.h5", "keras-3.weights.h5",
					     "keras-bfloat16.weights.h5", "latest.h5", "user-block.h5" };
	cleanup_buf struct buf expected = BUF_INIT(1 << 20), found = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };

	(void)state;
	read_file(&expected, GOOD "tensors.tsv");
	assert_ok(buf_append_str(&found, "# file\tname\tdtype\tdims\tSHA-256\n", &err), &err);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		append_tensors(&found, files[i]);
	assert_string_equal(buf_str(&found), buf_str(&expected));
}

static void parse_good(struct layout *l, int *fd, const char *name)
{
	struct wm_error err = { 0 };
	uint64_t size = 0;
	char path[256];

	snprintf(path, sizeof(path), GOOD "%s", name);
	assert_ok(file_open(fd, &size, path, &err), &err);
	assert_ok(format_parse(l, *fd, size, path, &err), &err);
	assert_int_equal(l->size, size);
}

static const struct tensor *tensor_of(const struct layout *l, const char *name)
{
	for (size_t i = 0; i < l->n_tensors; i++)
		if (strcmp(l->tensors[i].name, name) == 0)
			return &l->tensors[i];
	test_failed(__FILE__, __LINE__, "no tensor %s", name);
}

static void lays_tensors_out(void **state)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_fd int fd = -1;
	const struct tensor *scalar, *hard, *soft;
	uint64_t at = 0;

	(void)state;
	parse_good(&l, &fd, "all-kinds.h5");
	assert_true(l.has_tensors && l.slot_len == 0 && !l.displaced && l.carried.len == 0);
	assert_int_equal(l.zone.from, 0);
	assert_int_equal(l.zone.to, 0);
	for (size_t i = 0; i < l.n_segments; i++) {
		assert_int_equal(l.segments[i].off, at);
		assert_true(l.segments[i].len > 0);
		at += l.segments[i].len;
	}
	assert_int_equal(at, l.size);
	scalar = tensor_of(&l, "storage/scalar");
	hard = tensor_of(&l, "storage/hard");
	soft = tensor_of(&l, "storage/soft");
	assert_int_equal(scalar->rank, 0);
	assert_true(scalar->segment != SIZE_MAX && !scalar->source);
	assert_true(hard->segment == scalar->segment && soft->segment == scalar->segment);
	assert_true(tensor_of(&l, "storage/empty")->segment == SIZE_MAX);
	assert_null(tensor_of(&l, "storage/empty")->source);
	assert_non_null(tensor_of(&l, "storage/packed")->source);
	assert_non_null(tensor_of(&l, "storage/compact")->source);
	assert_non_null(tensor_of(&l, "storage/never-written")->source);
	assert_int_equal(tensor_of(&l, "storage/packed")->len, 7 * 9 * 4);
}

static void keeps_foreign_user_blocks(void **state)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_buf struct buf zone = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };
	cleanup_fd int fd = -1;

	(void)state;
	parse_good(&l, &fd, "user-block.h5");
	assert_int_equal(l.slot_len, 0);
	assert_true(l.segments[0].len > 1024 && !l.segments[0].tensor);
	assert_reason(l.format->embed(&zone, &l, "x", 1, "m", &err), &err, SLOT_KEY_TAKEN);
}

static void is_claimed_by_name_or_magic(void **state)
{
	static const char magic[] = "\x89HDF\r\n\x1a\n";
	static const struct {
		const char *name;
		size_t at; /* of the magic; SIZE_MAX: it is not there */
		bool claimed;
	} rows[] = {
		{ "m.h5", SIZE_MAX, true },	  { "M.H5", SIZE_MAX, true },
		{ "m.weights.h5", SIZE_MAX, true }, { "m.hdf5", SIZE_MAX, true },
		{ "m.keras-weights", SIZE_MAX, true }, { "h5", SIZE_MAX, false },
		{ "m.h5.part", SIZE_MAX, false }, { "m.bin", 0, true }, { "m.bin", 512, true },
		{ "m.bin", 1024, true },	  { "m.bin", 2048, true },
		{ "m.bin", 256, false },	  { "m.bin", 1536, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t start[4096] = { 1 };
		const struct format *f;

		if (rows[i].at != SIZE_MAX)
			memcpy(start + rows[i].at, magic, 8);
		f = format_pick(rows[i].name, 10000, start, sizeof(start));
		assert_int_equal(f == &format_hdf5, rows[i].claimed);
		f = format_pick("m.bin", 5, (const uint8_t *)magic, 5);
		assert_true(f == &format_raw);
	}
}

/* Gathers in an order in which no child can go on with what comes next, and in the one it has. */
static void gathers_in_any_order(void **state)
{
	static const char *const names[] = { "storage/packed", "storage/chunked", "storage/packed",
					     "storage/compact", "storage/chunked",
					     "storage/never-written" };
	cleanup_layout struct layout l = LAYOUT_INIT;
	cleanup_kept struct kept kept = { 0 };
	cleanup_fd int fd = -1;

	(void)state;
	parse_good(&l, &fd, "all-kinds.h5");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cleanup_buf struct buf alone = BUF_INIT(1 << 20), next = BUF_INIT(1 << 20);
		const struct sink a = { append, &alone }, b = { append, &next };
		const struct tensor *t = tensor_of(&l, names[i]);
		struct window w = { .fd = fd, .size = l.size, .name = "m.h5" };
		struct wm_error err = { 0 };

		assert_ok(format_hdf5.gather(&l, t, &w, &a, &err), &err);
		w.kept = &kept;
		assert_ok(format_hdf5.gather(&l, t, &w, &b, &err), &err);
		assert_int_equal(alone.len, t->len);
		assert_int_equal(next.len, t->len);
		assert_memory_equal(next.data, alone.data, t->len);
		assert_true(kept.next != t);
	}
}

/* Takes zero bytes and counts them. */
static enum wm_code count(void *context, const void *data, size_t len, struct wm_error *err)
{
	const uint8_t *bytes = data;
	uint64_t *n = context;

	(void)err;
	for (size_t i = 0; i < len; i++)
		assert_int_equal(bytes[i], 0);
	*n += len;
	return WM_OK;
}

/* Rows of more bytes than are read at a time, in a file that is large enough to have them. */
static void gathers_long_rows(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct wm_error err = { 0 };
	cleanup_fd int fd = -1;
	uint64_t n = 0;
	const struct sink sink = { count, &n };
	struct window w = { .name = "m.h5" };

	(void)state;
	read_file(&bytes, BAD "hdf5/rows-never-written.h5");
	while (bytes.len < 300000)
		assert_ok(buf_append_byte(&bytes, 0, &err), &err);
	fd = made_file(bytes.data, bytes.len);
	assert_ok(format_parse(&l, fd, bytes.len, "m.h5", &err), &err);
	w.fd = fd;
	w.size = bytes.len;
	assert_ok(format_hdf5.gather(&l, &l.tensors[0], &w, &sink, &err), &err);
	assert_int_equal(n, 2 * 3 * ((1 << 20) + 5) * 4);
}

static enum wm_code refuse(void *context, const void *data, size_t len, struct wm_error *err)
{
	(void)context, (void)data, (void)len;
	return fail(err, REASON_LIMIT, "enough");
}

static void ends_its_child_when_it_fails(void **state)
{
	const struct sink sink = { refuse, NULL };
	cleanup_layout struct layout l = LAYOUT_INIT;
	struct kept kept = { 0 };
	struct window w = { .name = "m.h5", .kept = &kept };
	struct wm_error err = { 0 };
	cleanup_fd int fd = -1;

	(void)state;
	parse_good(&l, &fd, "all-kinds.h5");
	w.fd = fd;
	w.size = l.size;
	assert_reason(format_hdf5.gather(&l, tensor_of(&l, "storage/packed"), &w, &sink, &err),
		      &err, LIMIT);
	assert_null(kept.next);
	assert_null(kept.state);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* Each takes a process, and there is room for thousands of them in a MiB. */
static void bounds_members_of_archives(void **state)
{
	cleanup_buf struct buf member = BUF_INIT(1 << 20);

	(void)state;
	read_file(&member, GOOD "keras-3.weights.h5");
	for (unsigned over = 0; over < 2; over++) {
		cleanup_buf struct buf bytes = BUF_INIT(64 << 20);
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		for (unsigned i = 0; i < LIMIT_MEMBERS_APART + over; i++) {
			char name[40];

			snprintf(name, sizeof(name), "%u.h5", i);
			made_tar_member(&bytes, name, '0', member.data, member.len);
		}
		made_tar_zeros(&bytes, 1024);
		if (over)
			assert_reason(made_parse(&l, bytes.data, bytes.len, "m.tar", &err), &err,
				      LIMIT);
		else
			assert_ok(made_parse(&l, bytes.data, bytes.len, "m.tar", &err), &err);
	}
}

static enum wm_code parse_some(void *context, struct wm_error *err)
{
	cleanup_layout struct layout l = LAYOUT_INIT;
	const struct buf *bytes = context;
	cleanup_fd int fd = made_file(bytes->data, bytes->len);

	TRY(format_parse(&l, fd, bytes->len, "m.h5", err));
	return gather_tensors(&l, fd, "m.h5", NULL, err);
}

/*
 * As with_every_allocation_failing(), which does not see those that a child counts. A child that
 * counts what runs needs memory for it, and dies.
 */
static void with_each_failing(void *context)
{
	enum wm_code code = WM_NOMEM;

#ifdef WM_COVERAGE
	skip();
#endif
	for (size_t n = 1; code != WM_OK; n++) {
		struct wm_error err = { 0 };

		fail_allocation(n);
		code = parse_some(context, &err);
		fail_allocation(0);
		assert_true(code == WM_OK || code == WM_NOMEM);
	}
}

static void survives_failing_allocations(void **state)
{
	static const char *const files[] = { "all-kinds.h5", "keras-2.h5" };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		char path[256];

		snprintf(path, sizeof(path), GOOD "%s", files[i]);
		read_file(&bytes, path);
		with_each_failing(&bytes);
	}
}

static void refuses_every_shorter_file(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);

	(void)state;
	read_file(&bytes, GOOD "keras-3.weights.h5");
	for (size_t len = 1; len < bytes.len; len += 1 + len / 32) {
		cleanup_layout struct layout l = LAYOUT_INIT;
		struct wm_error err = { 0 };

		assert_reason(made_parse(&l, bytes.data, len, "m.h5", &err), &err,
			      HDF5_MALFORMED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_each_defect_for_its_reason),
		cmocka_unit_test(finds_what_h5py_finds),
		cmocka_unit_test(lays_tensors_out),
		cmocka_unit_test(keeps_foreign_user_blocks),
		cmocka_unit_test(is_claimed_by_name_or_magic),
		cmocka_unit_test(refuses_every_shorter_file),
		cmocka_unit_test(gathers_in_any_order),
		cmocka_unit_test(gathers_long_rows),
		cmocka_unit_test(ends_its_child_when_it_fails),
		cmocka_unit_test(bounds_members_of_archives),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
