/* SPDX-License-Identifier: Apache-2.0 */
/* lib/checkpoint/checkpoint.c: opening, measuring, and files that change meanwhile. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "made_gguf.h"
#include "util/file.h"

static const struct made small = {
	HEADER("{\"a\":{\"dtype\":\"F16\",\"shape\":[3,4],\"data_offsets\":[0,24]},"
	       "\"b\":{\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[24,25]}}"), 25, 0
};

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
	struct place p = place_new();
	uint8_t expected[SHA256_BYTES];
	struct wm_error err = { 0 };

	(void)state;
	made_append(&bytes, &small);
	assert_ok(checkpoint_open(&c, p.path, &err), &err);
	assert_string_equal(c->name, "m.safetensors");
	assert_int_equal(c->size, bytes.len);
	assert_false(c->measured);
	assert_ok(checkpoint_measure(c, &with_sha256, &err), &err);
	assert_true(c->measured && c->has_sha256 && c->has_weights);
	assert_int_equal(c->n_parameters, 14);
	assert_int_equal(c->n_tensor_bytes, 25);
	assert_ok(sha256_of(expected, bytes.data, bytes.len, &err), &err);
	assert_memory_equal(c->sha256, expected, SHA256_BYTES);
	/* Again, without. */
	assert_ok(checkpoint_measure(c, &(struct checkpoint_measure_options){ .workers = 1 }, &err),
		  &err);
	assert_false(c->has_sha256);
	scratch_remove(p.folder);
}

static void refuses_what_is_no_file(void **state)
{
	struct checkpoint *c = NULL;
	struct place p = place_new();
	struct wm_error err = { 0 };
	char path[600];

	(void)state;
	assert_reason(checkpoint_open(&c, p.folder, &err), &err, NOT_A_FILE);
	snprintf(path, sizeof(path), "%s/fifo.safetensors", p.folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_reason(checkpoint_open(&c, path, &err), &err, NOT_A_FILE);
	snprintf(path, sizeof(path), "%s/absent", p.folder);
	assert_reason(checkpoint_open(&c, path, &err), &err, NOT_FOUND);
	assert_reason(checkpoint_open(&c, "/dev/null", &err), &err, NOT_A_FILE);
	assert_int_equal(truncate(p.path, 0), 0);
	assert_reason(checkpoint_open(&c, p.path, &err), &err, EMPTY_FILE);
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
		assert_ok(checkpoint_open(&c, p.path, &err), &err);
		assert_false(c->writers_excluded);
		assert_ok(checkpoint_measure(c, &with_sha256, &err), &err);
		changes[i](fd);
		assert_reason(checkpoint_measure(c, &with_sha256, &err), &err, FILE_CHANGED);
		assert_false(c->measured || c->has_sha256 || c->has_weights);
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
	assert_ok(checkpoint_open(&c, p.path, &err), &err);
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
	assert_ok(checkpoint_open(&c, p.path, &err), &err);
	if (!c->writers_excluded) {
		scratch_remove(p.folder);
		skip();
	}
	assert_ok(checkpoint_measure(c, &with_sha256, &err), &err);
	assert_true(c->writers_excluded);
	writer = open(p.path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(writer < 0 && errno == EWOULDBLOCK);
	assert_reason(checkpoint_measure(c, &with_sha256, &err), &err, FILE_CHANGED);
	assert_false(c->writers_excluded);
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
	assert_ok(checkpoint_open(&c, path, &err), &err);
	assert_int_equal(pthread_create(&thread, NULL, append, &a), 0);
	while (code == WM_OK) /* the thread may not have begun yet */
		code = checkpoint_measure(c, &with_sha256, &err);
	assert_reason(code, &err, FILE_CHANGED);
	a.stop = true;
	pthread_join(thread, NULL);
	close(a.fd);
	scratch_remove(p.folder);
}

static enum wm_code open_one(void *context, struct wm_error *err)
{
	cleanup_checkpoint struct checkpoint *c = NULL;

	return checkpoint_open(&c, context, err);
}

static void survives_failing_allocations(void **state)
{
	struct place p = place_new();

	(void)state;
	with_every_allocation_failing(open_one, p.path);
	scratch_remove(p.folder);
}

static struct checkpoint *measure_bytes(const struct place *p, const char *name,
					const struct buf *bytes)
{
	struct checkpoint *c = NULL;
	struct wm_error err = { 0 };
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", p->folder, name);
	assert_ok(file_write(path, bytes->data, bytes->len, 0600, FILE_REPLACE, &err), &err);
	assert_ok(checkpoint_open(&c, path, &err), &err);
	assert_ok(checkpoint_measure(c, &with_sha256, &err), &err);
	return c;
}

/* The same bytes under the same name, of a type that both containers have. */
static void finds_the_same_weights_in_gguf(void **state)
{
	static const struct {
		const char *name;
		unsigned number, bytes;
	} types[] = {
		{ "F32", 0, 4 },  { "F16", 1, 2 },  { "BF16", 30, 2 }, { "F64", 28, 8 },
		{ "I8", 24, 1 },  { "I16", 25, 2 }, { "I32", 26, 4 },  { "I64", 27, 8 },
	};
	struct place p = place_new();

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		cleanup_checkpoint struct checkpoint *a = NULL, *b = NULL;
		cleanup_buf struct buf one = BUF_INIT(1 << 20), two = BUF_INIT(1 << 20);
		const unsigned len = 6 * types[i].bytes;
		char header[200], text[200];

		snprintf(header, sizeof(header), "{\"w\":{\"dtype\":\"%s\",\"shape\":[2,3],"
			 "\"data_offsets\":[0,%u]}}", types[i].name, len);
		made_append(&one, &(struct made){ header, strlen(header), len, 0 });
		snprintf(text, sizeof(text), ONE_INFO("s:w w:2 q:3 q:2 w:%u q:0 ", "b:0 r:%u"),
			 types[i].number, len - 1);
		made_gguf(&two, text);
		a = measure_bytes(&p, "a.safetensors", &one);
		b = measure_bytes(&p, "b.gguf", &two);
		assert_memory_equal(a->weights_digest, b->weights_digest, SHA256_BYTES);
		assert_memory_equal(a->tensor_set_digest, b->tensor_set_digest, SHA256_BYTES);
		assert_memory_not_equal(a->file_digest, b->file_digest, SHA256_BYTES);
	}
	scratch_remove(p.folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(measures),
		cmocka_unit_test(finds_the_same_weights_in_gguf),
		cmocka_unit_test(refuses_what_is_no_file),
		cmocka_unit_test(notices_changes),
		cmocka_unit_test(notices_that_its_name_went),
		cmocka_unit_test(holds_a_lease),
		cmocka_unit_test(notices_growth_while_measuring),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
