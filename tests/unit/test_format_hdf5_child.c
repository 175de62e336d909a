/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/format/hdf5_child.c, hdf5_sandbox.c: what a child may do and what it may not, and that
 * whatever one answers is bounded.
 */
#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "format/hdf5_child.h"
#include "format/hdf5_sandbox.h"
#include "made.h"

static enum wm_code append(void *context, const void *data, size_t len, struct wm_error *err)
{
	return buf_append(context, data, len, err);
}

static enum wm_code run_child(struct buf *out, hdf5_child_fn *body, const void *context,
			      uint64_t clock, struct wm_error *err)
{
	cleanup_fd int fd = made_file("0123456789", 10);
	const struct window w = { .fd = fd, .off = 2, .size = 6, .name = "m.h5" };
	const struct sink sink = { append, out };

	return hdf5_child_run(&sink, &w, body, context, (struct hdf5_time){ 3, clock }, err);
}

/* --- what it may do ---------------------------------------------------------------------- */

static enum wm_code say(const void *context, const struct sink *out, struct wm_error *err)
{
	const size_t *len = context;
	cleanup_free uint8_t *data = malloc(*len + 1);

	if (!data)
		return fail_nomem(err);
	for (size_t i = 0; i < *len; i++)
		data[i] = (uint8_t)(i % 251);
	TRY(out->take(out->context, data, *len / 3, err));
	return out->take(out->context, data + *len / 3, *len - *len / 3, err);
}

static void hears_answers_of_any_length(void **state)
{
	static const size_t lens[] = { 0, 1, 4, HDF5_FRAME, HDF5_FRAME + 1, 5 * HDF5_FRAME };

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		cleanup_buf struct buf out = BUF_INIT(1 << 24);
		struct wm_error err = { 0 };

		assert_ok(run_child(&out, say, &lens[i], 10, &err), &err);
		assert_int_equal(out.len, lens[i]);
		for (size_t k = 0; k < out.len; k += 97)
			assert_int_equal(out.data[k], k % 251);
	}
}

static enum wm_code read_some(const void *context, const struct sink *out, struct wm_error *err)
{
	char bytes[6];

	(void)context;
	if (pread(SANDBOX_FILE, bytes, sizeof(bytes), 2) != sizeof(bytes))
		return fail(err, REASON_READ_FAILED, "nothing to read");
	return out->take(out->context, bytes, sizeof(bytes), err);
}

static void reads_its_file(void **state)
{
	cleanup_buf struct buf out = BUF_INIT(100);
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(run_child(&out, read_some, NULL, 10, &err), &err);
	assert_string_equal(buf_str(&out), "234567");
}

static enum wm_code allocate(const void *context, const struct sink *out, struct wm_error *err)
{
	const size_t *mib = context;
	volatile uint8_t *memory;

	(void)out;
	for (size_t i = 0; i < *mib; i++) {
		memory = malloc(1 << 20);
		if (!memory)
			return fail_nomem(err);
		memory[0] = 1;
	}
	return WM_OK;
}

/* Sanitizers take address space without bound, and so the child has no limit under them. */
static void bounds_memory(void **state)
{
	static const size_t some = 128, many = 1024;
	cleanup_buf struct buf out = BUF_INIT(100);
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(run_child(&out, allocate, &some, 10, &err), &err);
#if !SANITIZED
	assert_reason(run_child(&out, allocate, &many, 10, &err), &err, NO_MEMORY);
#else
	(void)many;
#endif
}

/* --- what it may not --------------------------------------------------------------------- */

enum deed { OPEN, READ_PLAIN, WRITE_OTHER, DUPLICATE, READ_OTHER, SOCKET, FORK, RUN, KILL, LINK,
	    EXECUTABLE, MAP_ITS_FILE, N_DEEDS };

/* Where a child writes counts of what ran, it may do the first of these (hdf5_sandbox.h). */
#ifdef WM_COVERAGE
#define FIRST_DEED READ_OTHER
#else
#define FIRST_DEED OPEN
#endif

static enum wm_code misbehave(const void *context, const struct sink *out, struct wm_error *err)
{
	char byte = 0;
	long done = 0;

	(void)out;
	switch (*(const enum deed *)context) {
	case OPEN: done = open("/etc/passwd", O_RDONLY); break;
	case READ_PLAIN: done = read(SANDBOX_FILE, &byte, 1); break;
	case READ_OTHER: done = pread(2, &byte, 1, 0); break;
	case WRITE_OTHER: done = write(2, &byte, 1); break;
	case SOCKET: done = socket(AF_UNIX, SOCK_STREAM, 0); break;
	case FORK: done = fork(); break;
	case RUN: done = execl("/bin/true", "true", (char *)NULL); break;
	case KILL: done = kill(getppid(), 0); break;
	case LINK: done = unlink("/tmp/weightmark-no-such-file"); break;
	case EXECUTABLE:
		done = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0) == MAP_FAILED;
		break;
	case MAP_ITS_FILE:
		done = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, SANDBOX_FILE, 0) == MAP_FAILED;
		break;
	default: done = fcntl(SANDBOX_PIPE, F_DUPFD, 0); break; /* DUPLICATE */
	}
	return fail(err, REASON_LIMIT, "alive, after %ld", done);
}

static void is_killed_for_all_else(void **state)
{
	(void)state;
	for (enum deed deed = FIRST_DEED; deed < N_DEEDS; deed++) {
		cleanup_buf struct buf out = BUF_INIT(100);
		struct wm_error err = { 0 };
		enum wm_code code = run_child(&out, misbehave, &deed, 10, &err);

		if (code != WM_FORMAT || !strstr(err.message, "died of signal 31"))
			test_failed(__FILE__, __LINE__, "deed %d: %s", deed, err.message);
		assert_reason(code, &err, HDF5_UNREADABLE);
	}
}

static enum wm_code spin(const void *context, const struct sink *out, struct wm_error *err)
{
	volatile unsigned n = 0;

	(void)context, (void)out, (void)err;
	while (n != 1)
		n += 2;
	return WM_OK;
}

static enum wm_code crash(const void *context, const struct sink *out, struct wm_error *err)
{
	(void)context, (void)out, (void)err;
	abort();
}

static void ends_in_time(void **state)
{
	cleanup_buf struct buf out = BUF_INIT(100);
	struct wm_error err = { 0 };
	const time_t start = time(NULL);

	(void)state;
	assert_reason(run_child(&out, spin, NULL, 1, &err), &err, HDF5_UNREADABLE);
	assert_non_null(strstr(err.message, "too long"));
	assert_true(time(NULL) - start < 3);
	assert_reason(run_child(&out, spin, NULL, 100, &err), &err, HDF5_UNREADABLE);
	assert_non_null(strstr(err.message, "too long"));
	assert_true(time(NULL) - start < 20);
	assert_reason(run_child(&out, crash, NULL, 10, &err), &err, HDF5_UNREADABLE);
}

/* --- what it says ------------------------------------------------------------------------ */

struct speech {
	const void *bytes;
	size_t len;
};

static enum wm_code babble(const void *context, const struct sink *out, struct wm_error *err)
{
	const struct speech *s = context;

	(void)out, (void)err;
	_exit(write(SANDBOX_PIPE, s->bytes, s->len) == (ssize_t)s->len ? 0 : 1);
}

/* The end of an answer, then `more` bytes of nothing. */
static void check_end(uint32_t reason, size_t more, const char *expected)
{
	struct {
		uint32_t len, reason;
		char message[LIMIT_MESSAGE + 8];
	} end = { 0, reason, "" };
	const struct speech s = { &end, 8 + LIMIT_MESSAGE + more };
	cleanup_buf struct buf out = BUF_INIT(100);
	struct wm_error err = { 0 };
	enum wm_code code;

	memset(end.message, 'x', sizeof(end.message));
	code = run_child(&out, babble, &s, 10, &err);
	if (!expected)
		assert_ok(code, &err);
	else
		assert_string_equal(err.reason, expected);
}

static void believes_no_answer(void **state)
{
	static const uint32_t huge[] = { HDF5_FRAME + 1, 0 }, all[] = { UINT32_MAX, 0 };
	static const struct speech rows[] = {
		{ "", 0 }, { "\4", 1 }, { "\4\0\0\0abc", 7 }, { "\0\0\0\0", 4 },
		{ huge, 8 }, { all, 8 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf out = BUF_INIT(100);
		struct wm_error err = { 0 };

		assert_reason(run_child(&out, babble, &rows[i], 10, &err), &err, HDF5_UNREADABLE);
		assert_int_equal(out.len, 0);
	}
	check_end(REASON_NONE, 0, NULL);
	check_end(REASON_NONE, 1, "hdf5-unreadable");
	check_end(REASON_HDF5_TYPE, 0, "hdf5-type");
	check_end(REASON_LIMIT, 0, "limit");
	check_end(REASON_SIGNATURE_INVALID, 0, "hdf5-unreadable");
	check_end(N_REASONS, 0, "hdf5-unreadable");
	check_end(UINT32_MAX, 0, "hdf5-unreadable");
}

static void stops_where_nobody_wants_more(void **state)
{
	static const size_t len = 5 * HDF5_FRAME;
	cleanup_buf struct buf out = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };

	(void)state;
	assert_reason(run_child(&out, say, &len, 10, &err), &err, LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hears_answers_of_any_length),
		cmocka_unit_test(reads_its_file),
		cmocka_unit_test(bounds_memory),
		cmocka_unit_test(is_killed_for_all_else),
		cmocka_unit_test(ends_in_time),
		cmocka_unit_test(believes_no_answer),
		cmocka_unit_test(stops_where_nobody_wants_more),
	};

	return run_tests(tests);
}
