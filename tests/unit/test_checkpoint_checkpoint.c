/* SPDX-License-Identifier: Apache-2.0 */
/* lib/checkpoint/checkpoint.c and measure.c: opening, measuring, files that change meanwhile. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "made.h"
#include "statement/sidecar.h"
#include "tree.h"
#include "util/file.h"

static const struct made small = {
	HEADER("{\"a\":{\"dtype\":\"F16\",\"shape\":[3,4],\"data_offsets\":[0,24]},"
	       "\"b\":{\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[24,25]}}"), 25, 0
};

static const struct checkpoint_open_options plainly = { NULL };
static const struct checkpoint_measure_options with_sha256 = { .sha256 = true, .workers = 2 };

struct place {
	char *folder;
	char path[512];
};

/* A folder with the small checkpoint in it. */
static struct place place_new(void)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	struct place p = { .folder = scratch_new() };
	struct wm_error err = { 0 };

	made_append(&bytes, &small);
	snprintf(p.path, sizeof(p.path), "%s/m.safetensors", p.folder);
	assert_ok(file_write(p.path, bytes.data, bytes.len, 0600, FILE_REPLACE, &err), &err);
	return p;
}

static void measures(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	cleanup_checkpoint struct checkpoint *c = NULL;
	const struct checkpoint_file *f;
	struct place p = place_new();
	uint8_t expected[SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	made_append(&bytes, &small);
	assert_ok(checkpoint_open(&c, p.path, &plainly, &err), &err);
	f = &c->files[0];
	assert_false(c->is_directory || f->measured);
	assert_int_equal(c->n_files, 1);
	assert_string_equal(f->path, "m.safetensors");
	assert_string_equal(f->place, p.path);
	assert_int_equal(checkpoint_size(c), bytes.len);
	assert_int_equal(checkpoint_n_tensors(c), 2);
	assert_ok(checkpoint_find_parts(c, &err), &err);
	assert_ok(checkpoint_measure(c, &with_sha256, &err), &err);
	assert_true(f->measured && f->has_sha256);
	assert_true(c->parts[0].measured && c->parts[0].has_weights);
	assert_int_equal(c->parts[0].n_tensors, 2);
	assert_int_equal(c->parts[0].n_parameters, 14);
	assert_int_equal(c->parts[0].n_tensor_bytes, 25);
	assert_ok(sha256_of(expected, bytes.data, bytes.len, &err), &err);
	assert_memory_equal(f->sha256, expected, SHA256_BYTES);
	scratch_remove(p.folder);
}

static void refuses_what_is_no_file(void **state)
{
	struct checkpoint *c = NULL;
	struct place p = place_new();
	struct wm_error err = { 0 };
	char path[600];

	(void)state;
	snprintf(path, sizeof(path), "%s/fifo.safetensors", p.folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_reason(checkpoint_open(&c, path, &plainly, &err), &err, NOT_A_FILE);
	snprintf(path, sizeof(path), "%s/absent", p.folder);
	assert_reason(checkpoint_open(&c, path, &plainly, &err), &err, NOT_FOUND);
	assert_reason(checkpoint_open(&c, "/dev/null", &plainly, &err), &err, NOT_A_FILE);
	assert_int_equal(truncate(p.path, 0), 0);
	assert_reason(checkpoint_open(&c, p.path, &plainly, &err), &err, EMPTY_FILE);
	assert_null(c);
	scratch_remove(p.folder);
}

static void write_at(int fd, off_t off, const char *text)
{
	assert_int_equal(pwrite(fd, text, strlen(text), off), strlen(text));
}

static void truncates(int fd)
{
	assert_int_equal(ftruncate(fd, 100), 0);
}

static void grows(int fd)
{
	write_at(fd, 1000, "x");
}

static void writes_other_bytes(int fd)
{
	write_at(fd, 150, "y");
}

static void touches(int fd)
{
	const struct timespec times[2] = { { 0, UTIME_OMIT }, { 1, 0 } };

	assert_int_equal(futimens(fd, times), 0);
}

/* A writer with the file open from the beginning, so that no lease is in its way. */
static void notices_changes(void **state)
{
	static void (*const changes[])(int fd) = { truncates, grows, writes_other_bytes, touches };

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		cleanup_checkpoint struct checkpoint *c = NULL;
		struct place p = place_new();
		cleanup_fd int fd = open(p.path, O_WRONLY | O_CLOEXEC);
		struct wm_error err = { 0 };

		assert_true(fd >= 0);
		usleep(20000); /* a tick of the clock of file times, so that they differ */
		assert_ok(checkpoint_open(&c, p.path, &plainly, &err), &err);
		assert_false(checkpoint_excluded_writers(c));
		assert_ok(checkpoint_measure(c, &with_sha256, &err), &err);
		changes[i](fd);
		assert_reason(checkpoint_measure(c, &with_sha256, &err), &err, FILE_CHANGED);
		scratch_remove(p.folder);
	}
}

/* Another file gets the name: the bytes are those that were opened, and the change shows. */
static void notices_that_its_name_went(void **state)
{
	cleanup_checkpoint struct checkpoint *c = NULL;
	struct place p = place_new();
	struct wm_error err = { 0 };

	(void)state;
	usleep(20000);
	assert_ok(checkpoint_open(&c, p.path, &plainly, &err), &err);
	assert_ok(file_write(p.path, "other", 5, 0600, FILE_REPLACE, &err), &err);
	assert_reason(checkpoint_measure(c, &with_sha256, &err), &err, FILE_CHANGED);
	scratch_remove(p.folder);
}

static void holds_a_lease(void **state)
{
	cleanup_checkpoint struct checkpoint *c = NULL;
	struct place p = place_new();
	struct wm_error err = { 0 };
	int writer;

	(void)state;
	assert_ok(checkpoint_open(&c, p.path, &plainly, &err), &err);
	if (!checkpoint_excluded_writers(c)) {
		scratch_remove(p.folder);
		skip();
	}
	assert_ok(checkpoint_measure(c, &with_sha256, &err), &err);
	assert_true(checkpoint_excluded_writers(c));
	writer = open(p.path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(writer < 0 && errno == EWOULDBLOCK);
	assert_reason(checkpoint_measure(c, &with_sha256, &err), &err, FILE_CHANGED);
	assert_false(checkpoint_excluded_writers(c));
	scratch_remove(p.folder);
}

struct appender {
	int fd;
	_Atomic bool stop;
};

static void *append(void *context)
{
	struct appender *a = context;

	while (!a->stop)
		if (write(a->fd, "more", 4) < 0)
			break;
	return NULL;
}

static void notices_growth_while_measuring(void **state)
{
	cleanup_checkpoint struct checkpoint *c = NULL;
	struct place p = place_new();
	struct wm_error err = { 0 };
	struct appender a = { .fd = -1 };
	enum wm_code code = WM_OK;
	pthread_t thread;
	char path[600];

	(void)state;
	snprintf(path, sizeof(path), "%s/raw", p.folder);
	a.fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(a.fd >= 0);
	assert_int_equal(ftruncate(a.fd, 64 << 20), 0);
	assert_ok(checkpoint_open(&c, path, &plainly, &err), &err);
	assert_int_equal(pthread_create(&thread, NULL, append, &a), 0);
	while (code == WM_OK) { /* the thread may not have begun yet */
		c->files[0].measured = false;
		code = checkpoint_measure(c, &with_sha256, &err);
	}
	assert_reason(code, &err, FILE_CHANGED);
	a.stop = true;
	pthread_join(thread, NULL);
	close(a.fd);
	scratch_remove(p.folder);
}

/* --- directories --------------------------------------------------------------------- */

#define ONE "model-00001-of-00002.safetensors"
#define TWO "model-00002-of-00002.safetensors"
#define INDEX "{\"weight_map\":{\"a\":\"" ONE "\",\"b\":\"" TWO "\",\"c\":\"" TWO "\"}}"

static const struct tree_file sharded[] = {
	{ "README.md", "# a model\n" },
	{ "config.json", "{}" },
	{ "empty.txt", "" },
	{ ONE, "tensors: a=1" },
	{ TWO, "tensors: b=2 c=3" },
	{ "model.safetensors.index.json", INDEX },
	{ "vae/model.safetensors", "tensors: a=9 b=2" },
	{ NULL, NULL },
};

static void open_folder(struct checkpoint **out, const char *folder)
{
	struct wm_error err = { 0 };

	assert_ok(checkpoint_open(out, folder, &plainly, &err), &err);
}

static void opens_directories(void **state)
{
	cleanup_checkpoint struct checkpoint *c = NULL;
	char *folder = scratch_new(), slashed[600];
	struct wm_error err = { 0 };
	struct stat st;

	(void)state;
	tree_write_all(folder, sharded);
	snprintf(slashed, sizeof(slashed), "%s//", folder);
	open_folder(&c, slashed);
	assert_string_equal(c->path, folder);
	assert_true(c->is_directory);
	assert_int_equal(c->n_files, 7);
	for (size_t i = 0; i < c->n_files; i++) {
		const struct checkpoint_file *f = &c->files[i];

		assert_string_equal(f->path, sharded[i].path);
		assert_ptr_equal(checkpoint_find_file(c, f->path), f);
		assert_int_equal(f->role, i == 0 ? ROLE_DOCUMENT : ROLE_LOAD);
		assert_int_equal(fstat(f->fd, &st), 0);
		assert_int_equal(f->layout.has_tensors, strstr(f->path, ".safetensors") &&
				 !strstr(f->path, ".json"));
		assert_true(strncmp(f->place, folder, strlen(folder)) == 0);
	}
	assert_null(checkpoint_find_file(c, "model"));
	assert_null(checkpoint_find_file(c, "zzz"));
	assert_null(checkpoint_find_file(c, ""));
	assert_int_equal(checkpoint_n_tensors(c), 5);
	assert_ok(checkpoint_find_parts(c, &err), &err);
	assert_int_equal(c->n_parts, 2);
	scratch_remove(folder);
}

/* Sets are measured as one file with the same tensors would be. */
static void measures_parts(void **state)
{
	static const struct tree_file whole = { "model.safetensors", "tensors: c=3 a=1 b=2" };
	cleanup_checkpoint struct checkpoint *c = NULL, *d = NULL;
	char *folder = scratch_new(), *other = scratch_new();
	struct wm_error err = { 0 };

	(void)state;
	tree_write_all(folder, sharded);
	tree_write(other, &whole);
	open_folder(&c, folder);
	open_folder(&d, other);
	assert_ok(checkpoint_find_parts(c, &err), &err);
	assert_ok(checkpoint_find_parts(d, &err), &err);
	assert_ok(checkpoint_measure(c, &with_sha256, &err), &err);
	assert_ok(checkpoint_measure(d, &with_sha256, &err), &err);
	assert_string_equal(c->parts[0].name, d->parts[0].name);
	assert_memory_equal(c->parts[0].weights_digest, d->parts[0].weights_digest, SHA256_BYTES);
	assert_memory_equal(c->parts[0].tensor_set_digest, d->parts[0].tensor_set_digest,
			    SHA256_BYTES);
	assert_int_equal(c->parts[0].n_tensors, 3);
	assert_int_equal(c->parts[0].n_tensor_bytes, 3);
	assert_memory_not_equal(c->parts[0].weights_digest, c->parts[1].weights_digest,
				SHA256_BYTES);
	for (size_t i = 0; i < c->n_files; i++) {
		cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
		uint8_t expected[SHA256_BYTES];

		read_file(&bytes, c->files[i].place);
		assert_ok(sha256_of(expected, bytes.data, bytes.len, &err), &err);
		assert_true(c->files[i].measured && c->files[i].has_sha256);
		assert_memory_equal(c->files[i].sha256, expected, SHA256_BYTES);
	}
	scratch_remove(folder);
	scratch_remove(other);
}

static bool is_wanted(const struct checkpoint_file *f, const void *context)
{
	return strcmp(f->path, context) == 0;
}

static void measures_what_is_wanted(void **state)
{
	struct checkpoint_measure_options options = { .workers = 1, .wanted = is_wanted,
						      .context = ONE };
	cleanup_checkpoint struct checkpoint *c = NULL;
	char *folder = scratch_new();
	struct wm_error err = { 0 };
	uint8_t kept[SHA256_BYTES];

	(void)state;
	tree_write_all(folder, sharded);
	open_folder(&c, folder);
	assert_ok(checkpoint_find_parts(c, &err), &err);
	assert_ok(checkpoint_measure(c, &options, &err), &err);
	for (size_t i = 0; i < c->n_files; i++)
		assert_int_equal(c->files[i].measured, strcmp(c->files[i].path, ONE) == 0);
	assert_false(c->parts[0].measured || c->parts[1].measured);
	memcpy(kept, checkpoint_find_file(c, ONE)->file_digest, SHA256_BYTES);
	/* The rest; what was measured is not again, so its SHA-256 stays unknown. */
	assert_ok(checkpoint_measure(c, &with_sha256, &err), &err);
	assert_false(checkpoint_find_file(c, ONE)->has_sha256);
	assert_memory_equal(checkpoint_find_file(c, ONE)->file_digest, kept, SHA256_BYTES);
	assert_true(checkpoint_find_file(c, TWO)->has_sha256);
	assert_true(c->parts[0].has_weights && c->parts[1].has_weights);
	scratch_remove(folder);
}

/* What an index says is read once: the digest is of the bytes that were believed. */
static void measures_the_index_that_was_read(void **state)
{
	cleanup_checkpoint struct checkpoint *c = NULL;
	struct checkpoint_file *index;
	uint8_t expected[SHA256_BYTES];
	char *folder = scratch_new();
	struct wm_error err = { 0 };

	(void)state;
	tree_write_all(folder, sharded);
	open_folder(&c, folder);
	assert_ok(checkpoint_find_parts(c, &err), &err);
	index = checkpoint_find_file(c, "model.safetensors.index.json");
	assert_int_equal(index->layout.head.len, index->layout.size);
	index->layout.head.data[0] ^= 1;
	assert_ok(sha256_of(expected, index->layout.head.data, index->layout.head.len, &err),
		  &err);
	assert_ok(checkpoint_measure(c, &with_sha256, &err), &err);
	assert_memory_equal(index->sha256, expected, SHA256_BYTES);
	scratch_remove(folder);
}

static void leaves_parts_that_are_not_whole(void **state)
{
	static const struct tree_file pointer = { "vae/model.safetensors", "pointer" };
	char *const paths[] = { (char[]){ ONE }, (char[]){ "absent" } };
	cleanup_checkpoint struct checkpoint *c = NULL;
	char *folder = scratch_new();
	struct wm_error err = { 0 };

	(void)state;
	tree_write_all(folder, sharded);
	tree_write(folder, &pointer);
	open_folder(&c, folder);
	assert_true(checkpoint_find_file(c, pointer.path)->is_pointer);
	assert_int_equal(checkpoint_find_file(c, pointer.path)->pointer.size, 12345);
	assert_ok(checkpoint_add_part(c, "a", paths, 2, &err), &err);
	assert_ok(checkpoint_add_part(c, "b", &checkpoint_find_file(c, pointer.path)->path, 1,
				      &err), &err);
	assert_int_equal(c->parts[0].n_files, 1);
	assert_int_equal(c->parts[0].n_paths, 2);
	assert_false(part_is_whole(c, &c->parts[0]) || part_is_whole(c, &c->parts[1]));
	assert_ok(checkpoint_measure(c, &with_sha256, &err), &err);
	assert_false(c->parts[0].measured || c->parts[1].measured);
	assert_true(checkpoint_find_file(c, ONE)->measured);
	scratch_remove(folder);
}

static void refuses_one_tensor_in_two_files(void **state)
{
	static const struct tree_file files[] = {
		{ ONE, "tensors: a" }, { TWO, "tensors: b a" }, { NULL, NULL },
	};
	cleanup_checkpoint struct checkpoint *c = NULL;
	char *folder = scratch_new();
	struct wm_error err = { 0 };

	(void)state;
	tree_write_all(folder, files);
	open_folder(&c, folder);
	assert_ok(checkpoint_find_parts(c, &err), &err);
	assert_reason(checkpoint_measure(c, &with_sha256, &err), &err, TENSOR_TWICE);
	scratch_remove(folder);
}

static void passes_sidecars_over(void **state)
{
	static const struct tree_file files[] = {
		{ "a.wmk", "no sidecar" }, { "m.safetensors", "tensors: a" }, { ".git/x", "" },
		{ NULL, NULL },
	};
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	cleanup_checkpoint struct checkpoint *c = NULL;
	char *folder = scratch_new(), path[600];
	struct wm_error err = { 0 };

	(void)state;
	tree_write_all(folder, files);
	read_file(&bytes, "testdata/golden/interop/p256.wmk");
	snprintf(path, sizeof(path), "%s/weightmark.wmk", folder);
	assert_ok(file_write(path, bytes.data, bytes.len, 0600, FILE_REPLACE, &err), &err);
	open_folder(&c, folder);
	assert_int_equal(c->n_files, 2);
	assert_string_equal(c->files[0].path, "a.wmk");
	assert_int_equal(c->n_passed_over, 2);
	assert_string_equal(c->passed_over[0], ".git/");
	assert_string_equal(c->passed_over[1], "weightmark.wmk");
	scratch_remove(folder);
}

/* A file of `size` bytes: those of `start`, then a hole. */
static void put_sparse(const char *folder, const char *name, const char *start, size_t len,
		       uint64_t size)
{
	char path[600];
	struct wm_error err = { 0 };

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_ok(file_write(path, start, len, 0600, FILE_REPLACE, &err), &err);
	assert_int_equal(truncate(path, (off_t)size), 0);
}

/* Sidecars are read to be told apart, but only so many bytes of them. */
static void bounds_sidecars(void **state)
{
	static const char start[] = "\x0a\x0cweightmark/1";
	static const struct tree_file file = { "m.safetensors", "tensors: a" };
	struct checkpoint *c = NULL;
	char *folder = scratch_new();
	struct wm_error err = { 0 };

	(void)state;
	tree_write(folder, &file);
	/* What begins otherwise is not read on. */
	for (char name[] = "a.wmk"; *name <= 'l'; ++*name)
		put_sparse(folder, name, "\x0a\x0cweightmark/2", SIDECAR_START, LIMIT_SIDECAR);
	put_sparse(folder, "n.wmk", start, SIDECAR_START - 1, SIDECAR_START - 1);
	put_sparse(folder, "o.wmk", start, SIDECAR_START, LIMIT_SIDECAR + 1);
	put_sparse(folder, "p.wmk", start, SIDECAR_START, LIMIT_SIDECAR - SIDECAR_START);
	put_sparse(folder, "q.wmk", start, SIDECAR_START, SIDECAR_START);
	open_folder(&c, folder);
	assert_int_equal(c->n_files, 17);
	assert_int_equal(c->n_passed_over, 0);
	checkpoint_free(c);
	put_sparse(folder, "q.wmk", start, SIDECAR_START, SIDECAR_START + 1);
	c = NULL;
	assert_reason(checkpoint_open(&c, folder, &plainly, &err), &err, LIMIT);
	assert_non_null(strstr(err.message, "q.wmk"));
	scratch_remove(folder);
}

static void refuses_directories(void **state)
{
	static const struct {
		struct tree_file file;
		enum reason reason;
	} rows[] = {
		{ { "README.md", "x" }, REASON_EMPTY_CHECKPOINT },
		{ { ".gitignore", "x" }, REASON_EMPTY_CHECKPOINT },
		{ { "m.safetensors", "x" }, REASON_SAFETENSORS_TRUNCATED },
		{ { "m.safetensors", "" }, REASON_EMPTY_FILE },
		{ { "d/m.safetensors.wmj", "x" }, REASON_UNFINISHED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct checkpoint *c = NULL;
		char *folder = scratch_new();
		struct wm_error err = { 0 };

		tree_write(folder, &rows[i].file);
		assert_int_not_equal(checkpoint_open(&c, folder, &plainly, &err), WM_OK);
		assert_string_equal(err.reason, reason_info(rows[i].reason)->id);
		assert_null(c);
		scratch_remove(folder);
	}
}

/* A lone file whose change was interrupted. */
static void refuses_what_is_unfinished(void **state)
{
	struct checkpoint *c = NULL;
	struct place p = place_new();
	struct wm_error err = { 0 };

	(void)state;
	tree_write(p.folder, &(struct tree_file){ "m.safetensors.wmj", "x" });
	assert_reason(checkpoint_open(&c, p.path, &plainly, &err), &err, UNFINISHED);
	scratch_remove(p.folder);
}

static void notices_changes_in_directories(void **state)
{
	cleanup_checkpoint struct checkpoint *c = NULL;
	char *folder = scratch_new();
	struct wm_error err = { 0 };

	(void)state;
	tree_write_all(folder, sharded);
	usleep(20000);
	open_folder(&c, folder);
	assert_ok(checkpoint_measure(c, &with_sha256, &err), &err);
	tree_write(folder, &(struct tree_file){ "config.json", "{ }" });
	assert_reason(checkpoint_measure(c, &with_sha256, &err), &err, FILE_CHANGED);
	assert_non_null(strstr(err.message, "config.json"));
	scratch_remove(folder);
}

static enum wm_code open_and_measure(void *context, struct wm_error *err)
{
	cleanup_checkpoint struct checkpoint *c = NULL;

	TRY(checkpoint_open(&c, context, &plainly, err));
	TRY(checkpoint_find_parts(c, err));
	return checkpoint_measure(c, &with_sha256, err);
}

static void survives_failing_allocations(void **state)
{
	struct place p = place_new();
	char *folder = scratch_new();

	(void)state;
	tree_write_all(folder, sharded);
	with_every_allocation_failing(open_and_measure, p.path);
	with_every_allocation_failing(open_and_measure, folder);
	scratch_remove(p.folder);
	scratch_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(measures),
		cmocka_unit_test(refuses_what_is_no_file),
		cmocka_unit_test(notices_changes),
		cmocka_unit_test(notices_that_its_name_went),
		cmocka_unit_test(holds_a_lease),
		cmocka_unit_test(notices_growth_while_measuring),
		cmocka_unit_test(opens_directories),
		cmocka_unit_test(measures_parts),
		cmocka_unit_test(measures_what_is_wanted),
		cmocka_unit_test(measures_the_index_that_was_read),
		cmocka_unit_test(leaves_parts_that_are_not_whole),
		cmocka_unit_test(refuses_one_tensor_in_two_files),
		cmocka_unit_test(passes_sidecars_over),
		cmocka_unit_test(bounds_sidecars),
		cmocka_unit_test(refuses_directories),
		cmocka_unit_test(refuses_what_is_unfinished),
		cmocka_unit_test(notices_changes_in_directories),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
