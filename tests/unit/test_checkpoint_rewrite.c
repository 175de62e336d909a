/* SPDX-License-Identifier: Apache-2.0 */
/* lib/checkpoint/rewrite.c, rewrite_in_place.c: new beginnings, and what is refused. */
#include "rewriting.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "util/file.h"
#include "util/lease.h"

enum { KIB = 1024, MIB = 1024 * KIB, BLOCK = 4096 };

/* Files whose heads grow, shrink and stay; tail and head differ by multiples of 4096. */
static const struct {
	size_t size, tail, head_len;
} shapes[] = {
	{ 1, 0, BLOCK },
	{ 1, 1, 1 },
	{ 1, 1, BLOCK + 1 },
	{ BLOCK - 1, 100, 100 + BLOCK },
	{ BLOCK, BLOCK, 2 * BLOCK },
	{ BLOCK + 1, BLOCK, 0 },
	{ BLOCK + 1, 5, 5 },
	{ BLOCK + 1, BLOCK + 1, 1 },
	{ 5000, 17, 17 + BLOCK },
	{ 5000, 4999, 4999 - BLOCK },
	{ 70000, 300, 300 + BLOCK },
	{ 70001, 9000, 9000 - BLOCK },
	{ 70001, 9000, 9000 - 2 * BLOCK },
	{ 70001, 70001, 70001 - 5 * BLOCK },
	{ 3 * MIB + 7, 4095, 4095 + 2 * BLOCK },
	{ 3 * MIB + 7, 4096, 4096 + 3 * BLOCK },
	{ 3 * MIB + 7, 4097, 4097 + 4 * BLOCK },
	{ 3 * MIB + 7, 200000, 200000 + 5 * BLOCK },
	{ 3 * MIB + 7, 200000, 200000 },
	{ 3 * MIB + 7, 200000, 200000 - 5 * BLOCK },
	{ 3 * MIB, 65536, 65536 - 4 * BLOCK },
	{ 5 * MIB + 4095, 3 * MIB, 3 * MIB - 3 * BLOCK },
	{ 5 * MIB + 4095, 3 * MIB, 3 * MIB + 100 * BLOCK },
};

/* Files whose ends grow, shrink and stay, by any length. */
static const struct {
	size_t size, from, len;
} ends[] = {
	{ 2, 1, 1 },
	{ 1, 1, 1 },
	{ 1, 1, 0 },
	{ 100, 99, 0 },
	{ 4097, 4096, 1 },
	{ 4097, 4096, 9000 },
	{ 5000, 17, 18 },
	{ 5000, 4999, 2 },
	{ 5000, 5000, 4096 },
	{ 70001, 300, 69702 },
	{ 70001, 69000, 5 },
	{ 70001, 69000, 1001 },
	{ 3 * MIB + 7, 3 * MIB, 4096 + 7 },
	{ 3 * MIB + 7, 2 * MIB + 1, 7 },
	{ 3 * MIB + 7, 2 * MIB, 2 * MIB },
	{ 3 * MIB, 1, 4 * MIB },
};
enum {
	N_BEGINNINGS = sizeof(shapes) / sizeof(shapes[0]),
	N_SHAPES = N_BEGINNINGS + sizeof(ends) / sizeof(ends[0])
};

static char *disk; /* an ext4 file system, or NULL */

static void given(struct subject *s, const char *directory, size_t shape)
{
	if (shape < N_BEGINNINGS)
		subject_make(s, directory, shapes[shape].size, shapes[shape].tail,
			     shapes[shape].head_len);
	else
		subject_make_end(s, directory, ends[shape - N_BEGINNINGS].size,
				 ends[shape - N_BEGINNINGS].from, ends[shape - N_BEGINNINGS].len);
}

static const char *in(const char *directory, const char *name)
{
	static char paths[4][5000];
	static size_t next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

/* --- a new file -------------------------------------------------------------------------- */

static void rewrites_on(const char *directory)
{
	for (size_t i = 0; i < 2 * N_SHAPES; i++) {
		cleanup_subject struct subject s = { .fd = -1 };
		struct progress progress = { 0 };
		struct wm_error err = { 0 };
		bool replaces = i % 2;
		enum rewrite_way way = REWRITE_IN_PLACE;
		const char *to = in(directory, replaces ? "model" : "other");
		struct rewrite r;
		struct stat st;

		given(&s, directory, i / 2);
		assert_int_equal(chmod(s.path, 0604), 0);
		s.fd = open(s.path, O_RDONLY);
		r = subject_rewrite(&s);
		r.path = in(directory, "model");
		r.progress = &progress;
		progress_start(&progress, s.size - (s.to - s.from));
		assert_ok(rewrite_file(&way, &r, to, &err), &err);
		assert_true(holds_bytes(to, s.new, s.new_size));
		assert_true(holds_bytes(s.path, replaces ? s.new : s.old,
					replaces ? s.new_size : s.size));
		assert_int_equal(progress.done, s.size - (s.to - s.from));
		assert_int_equal(stat(to, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0604);
		assert_int_not_equal(way, REWRITE_IN_PLACE);
		assert_int_equal(count_names(directory), replaces ? 1 : 2);
		unlink(to);
	}
}

static void gives_a_new_file(void **state)
{
	char *d = scratch_new();

	(void)state;
	rewrites_on(d);
	scratch_remove(d);
	if (disk) {
		rewrites_on(disk);
		unlink(in(disk, "model"));
	}
}

/* In place, where bytes are shared with another file, which keeps them. */
static void changes_shared_bytes(struct subject *s, const char *copy, bool supported)
{
	struct wm_error err = { 0 };

	if (!supported) {
		assert_reason(subject_change(s, &err), &err, IN_PLACE_UNSUPPORTED);
		assert_old(s);
		return;
	}
	assert_ok(subject_change(s, &err), &err);
	assert_new(s);
	assert_true(holds_bytes(copy, s->new, s->new_size));
}

/* Where a file system shares bytes, that is what happens. */
static void shares_bytes(void **state)
{
	static const char *const makers[] = { "mkfs.xfs -q", "mkfs.btrfs -q" };
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *d = disk_new(makers[i], 320);
		cleanup_subject struct subject s = { .fd = -1 };
		enum rewrite_way way = REWRITE_IN_PLACE;
		struct wm_error err = { 0 };
		struct rewrite r;

		if (!d)
			continue;
		rewrites_on(d);
		subject_make(&s, d, 3 * MIB + 7, 200000, 200000 + BLOCK);
		s.fd = open(s.path, O_RDONLY);
		r = subject_rewrite(&s);
		assert_ok(rewrite_file(&way, &r, in(d, "copy"), &err), &err);
		assert_string_equal(rewrite_way_name(way), "reflink");
		assert_true(holds_bytes(in(d, "copy"), s.new, s.new_size));
		changes_shared_bytes(&s, in(d, "copy"), i == 0);
		subject_release(&s);
		disk_remove(d);
		n++;
	}
	if (n == 0)
		skip();
}

static void keeps_the_owner(void **state)
{
	char *d = scratch_new();
	cleanup_subject struct subject s = { .fd = -1 };
	enum rewrite_way way;
	struct wm_error err = { 0 };
	struct rewrite r;
	struct stat st;

	(void)state;
	if (geteuid() != 0) {
		scratch_remove(d);
		skip();
	}
	given(&s, d, 8);
	assert_int_equal(chown(s.path, 1234, 2345), 0);
	assert_int_equal(chmod(s.path, 0664), 0);
	s.fd = open(s.path, O_RDONLY);
	r = subject_rewrite(&s);
	assert_ok(rewrite_file(&way, &r, s.path, &err), &err);
	assert_int_equal(stat(s.path, &st), 0);
	assert_true(st.st_uid == 1234 && st.st_gid == 2345 && (st.st_mode & 07777) == 0664);
	/* Who may not give it to its group gives that group's rights to nobody. */
	assert_int_equal(chmod(d, 0777), 0);
	assert_int_equal(unlink(s.path), 0);
	subject_release(&s);
	given(&s, d, 8);
	assert_int_equal(chmod(s.path, 0664), 0);
	s.fd = open(s.path, O_RDONLY);
	r = subject_rewrite(&s);
	assert_int_equal(setegid(65534) | seteuid(65534), 0);
	assert_ok(rewrite_file(&way, &r, in(d, "other"), &err), &err);
	assert_int_equal(seteuid(0) | setegid(0), 0);
	assert_int_equal(stat(in(d, "other"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	scratch_remove(d);
}

static void replaces_only_what_it_read(void **state)
{
	char *d = scratch_new();
	cleanup_subject struct subject s = { .fd = -1 };
	enum rewrite_way way;
	struct wm_error err = { 0 };
	struct rewrite r;

	(void)state;
	given(&s, d, 8);
	s.fd = open(s.path, O_RDONLY);
	r = subject_rewrite(&s);
	assert_ok(file_write(in(d, "there"), "x", 1, 0644, FILE_REPLACE, &err), &err);
	assert_reason(rewrite_file(&way, &r, in(d, "there"), &err), &err, EXISTS);
	assert_reason(rewrite_file(&way, &r, in(d, "no/where"), &err), &err, WRITE_FAILED);
	assert_int_equal(symlink("nowhere", in(d, "link")), 0);
	assert_reason(rewrite_file(&way, &r, in(d, "link"), &err), &err, EXISTS);
	r.size--;
	assert_reason(rewrite_file(&way, &r, in(d, "other"), &err), &err, FILE_CHANGED);
	r.size++;
	assert_ok(file_write(s.journal, "x", 1, 0644, FILE_REPLACE, &err), &err);
	assert_reason(rewrite_file(&way, &r, in(d, "other"), &err), &err, UNFINISHED);
	assert_int_equal(rename(s.journal, in(d, "other.wmj")), 0);
	assert_reason(rewrite_file(&way, &r, in(d, "other"), &err), &err, UNFINISHED);
	assert_int_equal(unlink(in(d, "other.wmj")), 0);
	assert_ok(file_write(s.path, s.old, s.size, 0644, FILE_REPLACE, &err), &err);
	assert_reason(rewrite_file(&way, &r, s.path, &err), &err, FILE_CHANGED);
	assert_old(&s);
	assert_int_equal(count_names(d), 3);
	scratch_remove(d);
}

/* --- in place ---------------------------------------------------------------------------- */

static void changes_in_place(void **state)
{
	(void)state;
	if (!disk)
		skip();
	for (size_t i = 0; i < N_SHAPES; i++) {
		cleanup_subject struct subject s = { .fd = -1 };
		struct wm_error err = { 0 };
		struct stat before, after;

		given(&s, disk, i);
		if (s.from == 0 && s.to == s.size) {
			assert_reason(subject_change(&s, &err), &err, IN_PLACE_UNSUPPORTED);
			assert_old(&s);
			unlink(s.path);
			continue;
		}
		assert_int_equal(stat(s.path, &before), 0);
		assert_ok(subject_change(&s, &err), &err);
		assert_new(&s);
		assert_int_equal(stat(s.path, &after), 0);
		assert_true(before.st_ino == after.st_ino && before.st_mode == after.st_mode);
		assert_int_equal(count_names(disk), 1);
		unlink(s.path);
	}
}

/* Putting in and taking out again gives the same bytes. */
static void goes_there_and_back(void **state)
{
	(void)state;
	if (!disk)
		skip();
	for (size_t k = 1; k <= 10; k++) {
		cleanup_subject struct subject s = { .fd = -1 };
		struct wm_error err = { 0 };
		struct rewrite r;

		if (k <= 5)
			subject_make(&s, disk, 2 * MIB + k, 1000 * k, 1000 * k + k * BLOCK);
		else
			subject_make_end(&s, disk, 2 * MIB + k, 1000 * k, k % 2 * 3 * MIB + k);
		s.fd = open(s.path, O_RDONLY);
		assert_ok(subject_change(&s, &err), &err);
		assert_new(&s);
		r = subject_rewrite(&s);
		r.size = s.new_size;
		r.to = s.from + s.len; /* of an end, the new size */
		r.bytes = s.old + s.from;
		r.len = s.to - s.from;
		assert_ok(rewrite_in_place(&r, &err), &err);
		assert_old(&s);
		unlink(s.path);
	}
}

/* The length alone needs no moving, and works everywhere. */
static void keeps_to_what_the_file_system_can(void **state)
{
	char *d = scratch_new(), memory[] = "/dev/shm/weightmark-test-XXXXXX", *clusters;
	cleanup_subject struct subject s = { .fd = -1 }, same = { .fd = -1 };
	struct wm_error err = { 0 };

	(void)state;
	subject_make(&same, d, 70000, 300, 300);
	assert_ok(subject_change(&same, &err), &err);
	assert_new(&same);
	clusters = disk_new("mkfs.ext4 -q -O bigalloc -C 16384", 64);
	if (clusters) {
		subject_make(&s, clusters, 70000, 300, 300 + BLOCK);
		assert_reason(subject_change(&s, &err), &err, IN_PLACE_UNSUPPORTED);
		assert_old(&s);
		subject_release(&s);
		subject_make(&s, clusters, 70000, 300, 300 + 4 * BLOCK);
		assert_ok(subject_change(&s, &err), &err);
		assert_new(&s);
		disk_remove(clusters);
	}
	subject_release(&s);
	if (mkdtemp(memory)) {
		subject_make(&s, memory, 70000, 300, 300 + BLOCK);
		assert_reason(subject_change(&s, &err), &err, IN_PLACE_UNSUPPORTED);
		assert_old(&s);
		subject_release(&s);
		/* An end is written anywhere. */
		subject_make_end(&s, memory, 70000, 300, 80001);
		assert_ok(subject_change(&s, &err), &err);
		assert_new(&s);
		unlink(s.path);
		rmdir(memory);
	}
	scratch_remove(d);
}

/* Nothing would be left, or there is nothing. */
static void refuses_to_take_all(void **state)
{
	cleanup_subject struct subject s = { .fd = -1 };
	struct wm_error err = { 0 };

	(void)state;
	if (!disk)
		skip();
	subject_make(&s, disk, 2 * BLOCK, 2 * BLOCK, 0);
	assert_reason(subject_change(&s, &err), &err, IN_PLACE_UNSUPPORTED);
	assert_old(&s);
	subject_release(&s);
	subject_make(&s, disk, 0, 0, BLOCK);
	assert_reason(subject_change(&s, &err), &err, IN_PLACE_UNSUPPORTED);
	assert_old(&s);
	unlink(s.path);
}

static void refuses_further_names(void **state)
{
	char *d = disk ? disk : scratch_new();
	cleanup_subject struct subject s = { .fd = -1 };
	struct wm_error err = { 0 };
	struct rewrite r;

	(void)state;
	given(&s, d, 10);
	assert_int_equal(link(s.path, in(d, "second")), 0);
	assert_reason(subject_change(&s, &err), &err, HARD_LINKED);
	assert_int_equal(unlink(in(d, "second")), 0);
	assert_old(&s);
	assert_int_equal(symlink("model", in(d, "link")), 0);
	s.fd = open(s.path, O_RDONLY);
	r = subject_rewrite(&s);
	r.path = in(d, "link");
	assert_reason(rewrite_in_place(&r, &err), &err, IN_PLACE_UNSUPPORTED);
	assert_int_equal(unlink(in(d, "link")), 0);
	assert_old(&s);
	assert_ok(file_write(in(d, "another"), s.old, s.size, 0644, FILE_REPLACE, &err), &err);
	r.path = in(d, "another");
	assert_reason(rewrite_in_place(&r, &err), &err, FILE_CHANGED);
	assert_int_equal(unlink(in(d, "another")), 0);
	assert_reason(rewrite_in_place(&r, &err), &err, NOT_FOUND);
	r.path = s.path;
	r.size--;
	assert_reason(rewrite_in_place(&r, &err), &err, FILE_CHANGED);
	assert_old(&s);
	unlink(s.path);
	if (d != disk)
		scratch_remove(d);
}

/* Another process that has the file open; `mapped`: by a mapping alone, without a descriptor. */
static pid_t hold_open(const char *path, bool mapped, int flags)
{
	int pipes[2];
	pid_t child;
	char ready;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int fd = open(path, flags);

		if (mapped && mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED)
			close(fd);
		if (write(pipes[1], "x", 1) == 1)
			pause();
		_exit(0);
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &ready, 1), 1);
	close(pipes[0]);
	return child;
}

static void refuses_busy_files(void **state)
{
	cleanup_subject struct subject s = { .fd = -1 };
	struct wm_error err = { 0 };
	int second;

	(void)state;
	if (!disk)
		skip();
	given(&s, disk, 10);
	for (int i = 0; i < 4; i++) {
		pid_t other = hold_open(s.path, i / 2, i % 2 ? O_RDWR : O_RDONLY);

		assert_reason(subject_change(&s, &err), &err, FILE_BUSY);
		kill(other, SIGKILL);
		waitpid(other, NULL, 0);
		assert_old(&s);
	}
	second = open(s.path, O_RDONLY);
	assert_reason(subject_change(&s, &err), &err, FILE_BUSY);
	assert_int_equal(flock(second, LOCK_EX), 0);
	assert_reason(subject_change(&s, &err), &err, FILE_BUSY);
	assert_int_equal(flock(second, LOCK_UN), 0);
	assert_true(lease_take(second));
	assert_reason(subject_change(&s, &err), &err, FILE_BUSY);
	close(second);
	/* A lease of our own is given up, and nothing stays locked. */
	s.fd = open(s.path, O_RDONLY);
	assert_true(lease_take(s.fd));
	assert_ok(subject_change(&s, &err), &err);
	second = open(s.path, O_RDWR | O_NONBLOCK);
	assert_true(second >= 0 && flock(second, LOCK_EX | LOCK_NB) == 0);
	close(second);
	assert_new(&s);
	unlink(s.path);
}

static void refuses_files_for_reading_only(void **state)
{
	char *d = scratch_new();
	cleanup_subject struct subject s = { .fd = -1 };
	struct wm_error err = { 0 };
	bool root = geteuid() == 0;
	enum wm_code code;

	(void)state;
	subject_make(&s, d, 70000, 300, 300);
	s.fd = open(s.path, O_RDONLY);
	assert_int_equal(chmod(s.path, 0444) | chmod(d, 0755), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	code = subject_change(&s, &err);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_reason(code, &err, WRITE_FAILED);
	assert_old(&s);
	scratch_remove(d);
}

/* Fills the file system to the last block. */
static void fill_up(const char *path)
{
	static const char bytes[64 * KIB];
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	assert_true(fd >= 0);
	for (size_t step = sizeof(bytes); step >= KIB; step /= 2)
		while (write(fd, bytes, step) == (ssize_t)step && fsync(fd) == 0)
			continue;
	close(fd);
}

/* Nothing changed and no journal, however little is free. */
/* What is on a file system with room for `left` bytes more; which way it failed, if it did. */
static void change_with_room(const char *d, bool end, off_t left, size_t *n_refused)
{
	cleanup_subject struct subject s = { .fd = -1 };
	struct wm_error err = { 0 };
	struct rewrite r;
	enum rewrite_way way;
	struct stat st;

	if (end)
		subject_make_end(&s, d, 3 * MIB, 3 * MIB - 200, 200 + 5 * BLOCK);
	else
		subject_make(&s, d, 3 * MIB, 200, 200 + 5 * BLOCK);
	fill_up(in(d, "filler"));
	assert_int_equal(stat(in(d, "filler"), &st), 0);
	assert_int_equal(truncate(in(d, "filler"), st.st_size - left), 0);
	s.fd = open(s.path, O_RDONLY);
	r = subject_rewrite(&s);
	assert_reason(rewrite_file(&way, &r, s.path, &err), &err, WRITE_FAILED);
	assert_old(&s);
	if (subject_change(&s, &err) == WM_OK) {
		assert_new(&s);
	} else {
		assert_string_equal(err.reason, "write-failed");
		assert_old(&s);
		++*n_refused;
	}
	assert_int_equal(count_names(d), 2);
	unlink(s.path);
	unlink(in(d, "filler"));
}

static void full_file_systems_change_nothing(void **state)
{
	char *d = disk_new("mkfs.ext4 -q -b 4096 -m 0 -O ^has_journal", 8);

	(void)state;
	if (!d)
		skip();
	for (int end = 0; end < 2; end++) {
		size_t n_refused = 0;

		for (off_t left = 0; left <= 64 * KIB; left += BLOCK)
			change_with_room(d, end, left, &n_refused);
		/* The journal alone has six blocks; with it the bytes five. */
		assert_in_range(n_refused, 8, 14);
	}
	disk_remove(d);
}

static enum wm_code change_both_ways(void *context, struct wm_error *err)
{
	const struct subject *s = context;
	cleanup_fd int fd = open(s->path, O_RDONLY);
	struct rewrite r = subject_rewrite(s);
	enum rewrite_way way;
	enum recovery recovery;

	r.fd = fd;
	TRY(rewrite_recover(&recovery, s->path, err));
	TRY(rewrite_file(&way, &r, s->path, err));
	close(fd);
	fd = r.fd = open(s->path, O_RDONLY);
	return rewrite_in_place(&r, err);
}

static void survives_failing_allocations(void **state)
{
	char *d = scratch_new();
	cleanup_subject struct subject s = { .fd = -1 };

	(void)state;
	subject_make(&s, d, 70000, 300, 300);
	with_every_allocation_failing(change_both_ways, &s);
	assert_new(&s);
	scratch_remove(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_a_new_file),
		cmocka_unit_test(shares_bytes),
		cmocka_unit_test(keeps_the_owner),
		cmocka_unit_test(replaces_only_what_it_read),
		cmocka_unit_test(changes_in_place),
		cmocka_unit_test(goes_there_and_back),
		cmocka_unit_test(keeps_to_what_the_file_system_can),
		cmocka_unit_test(refuses_to_take_all),
		cmocka_unit_test(refuses_further_names),
		cmocka_unit_test(refuses_busy_files),
		cmocka_unit_test(refuses_files_for_reading_only),
		cmocka_unit_test(full_file_systems_change_nothing),
		cmocka_unit_test(survives_failing_allocations),
	};
	int n_failed;

	disk = disk_new("mkfs.ext4 -q", 64);
	n_failed = run_tests(tests);
	if (disk)
		disk_remove(disk);
	return n_failed;
}
