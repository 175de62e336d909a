/* SPDX-License-Identifier: Apache-2.0 */
/* Every bit of a small sidecar and of a small checkpoint flipped, one at a time: none accepted. */
#include "publisher.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report/verdict_report.h"
#include "util/limits.h"

static struct publisher p;

static int open_publisher(void **state)
{
	(void)state;
	publisher_open(&p);
	publisher_make(&p, NULL);
	publisher_write(&p);
	return 0;
}

static int close_publisher(void **state)
{
	(void)state;
	publisher_close(&p);
	return 0;
}

/* Whether the checkpoint `path` with the sidecar `sidecar` is refused, as it must be. */
static bool refused(const char *path, const char *sidecar)
{
	const struct verify_options options = { .keys = p.pinned, .sidecar = sidecar, .workers = 1 };
	cleanup_verdict struct wm_verdict *v = NULL;
	struct wm_error err = { 0 };

	if (verdict_reach(&v, path, &options, &err) != WM_OK) {
		fprintf(stderr, "# no verdict: %s [%s]\n", err.message, err.reason);
		return false;
	}
	return v->decision == WM_REFUSE && verdict_exit_status(v) == 1;
}

/* The bits of a copy of one file, of which this process flips every `n_shares`th. */
struct share {
	const char *path; /* the copy */
	bool is_sidecar;
	size_t len, index, n_shares;
};

static bool flip_refused(const struct share *s, int fd, size_t bit)
{
	const off_t at = (off_t)(bit / 8);
	uint8_t byte;
	bool ok;

	if (pread(fd, &byte, 1, at) != 1)
		return false;
	byte ^= (uint8_t)(1u << bit % 8);
	if (pwrite(fd, &byte, 1, at) != 1)
		return false;
	ok = s->is_sidecar ? refused(p.path, s->path) : refused(s->path, p.sidecar);
	byte ^= (uint8_t)(1u << bit % 8);
	return pwrite(fd, &byte, 1, at) == 1 && ok;
}

static int flip_share(const struct share *s)
{
	int fd = open(s->path, O_RDWR | O_CLOEXEC);

	for (size_t bit = s->index; fd >= 0 && bit < s->len * 8; bit += s->n_shares) {
		if (flip_refused(s, fd, bit))
			continue;
		fprintf(stderr, "# %s: bit %zu of byte %zu flipped is not refused\n", s->path,
			bit % 8, bit / 8);
		return 1;
	}
	return fd >= 0 ? 0 : 1;
}

/* Flips every bit of the file `from`, over as many processes as there are processors. */
static void flip_all(const char *from, bool is_sidecar)
{
	const long n = sysconf(_SC_NPROCESSORS_ONLN);
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR);
	char copy[4096];
	int status;

	read_file(&bytes, from);
	fflush(NULL);
	for (long i = 0; i < n; i++) {
		struct share s = { copy, is_sidecar, bytes.len, (size_t)i, (size_t)n };

		snprintf(copy, sizeof(copy), "%s/copy-%ld", p.dir, i);
		write_bytes(copy, bytes.data, bytes.len);
		assert_true(is_sidecar ? !refused(p.path, copy) : !refused(copy, p.sidecar));
		if (fork() == 0)
			_exit(flip_share(&s));
	}
	for (long i = 0; i < n; i++) {
		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

static void every_bit_of_the_sidecar(void **state)
{
	(void)state;
	flip_all(p.sidecar, true);
}

/* With a manifest of no run, hence alone, so that each verdict costs one signature. */
static void every_bit_of_the_checkpoint(void **state)
{
	cleanup_buf struct buf alone = BUF_INIT(LIMIT_SIDECAR);
	struct wm_error err = { 0 };
	const char *from, *to;

	(void)state;
	/* Cuts ,"checkpoint_of":{...} and ,"run":[...] out of the predicate. */
	assert_ok(buf_append(&alone, p.payloads[MANIFEST].data, p.payloads[MANIFEST].len, &err), &err);
	from = strstr(buf_str(&alone), ",\"checkpoint_of\"");
	to = strstr(buf_str(&alone), ",\"header\"");
	memmove(alone.data + (from - buf_str(&alone)), to, strlen(to) + 1);
	from = strstr(buf_str(&alone), ",\"run\"");
	to = strstr(buf_str(&alone), "},\"predicateType\"");
	memmove(alone.data + (from - buf_str(&alone)), to, strlen(to) + 1);
	publisher_resign(&p, 0, p.signer, buf_str(&alone));
	p.n_envelopes = 1;
	publisher_write(&p);
	flip_all(p.path, false);
}

static void every_length_of_the_sidecar(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(LIMIT_SIDECAR);
	cleanup_fd int fd = -1;
	const char more[] = { '\0', '\n', '\x0a', '\x12', '\x1a', '\x7f' };

	(void)state;
	read_file(&bytes, p.sidecar);
	for (size_t i = 0; i < sizeof(more); i++) {
		fd = open(p.sidecar, O_WRONLY | O_APPEND | O_CLOEXEC);
		assert_int_equal(write(fd, &more[i], 1), 1);
		close(take_fd(&fd));
		assert_true(refused(p.path, p.sidecar));
		assert_int_equal(truncate(p.sidecar, (off_t)bytes.len), 0);
		assert_false(refused(p.path, p.sidecar));
	}
	for (size_t len = bytes.len; len-- > 0;) {
		assert_int_equal(truncate(p.sidecar, (off_t)len), 0);
		assert_true(refused(p.path, p.sidecar));
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_publisher, close_publisher)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_bit_of_the_sidecar),
		CASE(every_bit_of_the_checkpoint),
		CASE(every_length_of_the_sidecar),
	};

	return run_tests(tests);
}
