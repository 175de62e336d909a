/* SPDX-License-Identifier: Apache-2.0 */
/* lib/util/file.c: what is no regular file is refused, what is written is whole or absent. */
#include "harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "util/file.h"

enum { MAX = 1 << 20 };

/* "DIRECTORY/name" in one of four places that take turns. */
static const char *in(const char *directory, const char *name)
{
	static char paths[4][4096];
	static size_t next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static size_t count_entries(const char *directory)
{
	DIR *d = opendir(directory);
	size_t n = 0;

	assert_non_null(d);
	for (const struct dirent *e; (e = readdir(d));)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return n;
}

static void put(const char *path, const char *text)
{
	struct wm_error err = { 0 };

	assert_ok(file_write(path, text, strlen(text), 0644, FILE_REPLACE, &err), &err);
}

static void assert_holds(const char *path, const char *text)
{
	cleanup_buf struct buf b = BUF_INIT(MAX);

	read_file(&b, path);
	assert_string_equal(buf_str(&b), text);
}

/* --- reading ----------------------------------------------------------------------------- */

static void only_regular_files_are_opened(void **state)
{
	char *d = scratch_new();
	struct {
		const char *path;
		enum reason reason;
	} rows[] = {
		{ in(d, "fifo"), REASON_NOT_A_FILE },
		{ in(d, "loop"), REASON_NOT_A_FILE },
		{ in(d, "missing"), REASON_NOT_FOUND },
		{ "/dev/null", REASON_NOT_A_FILE },
		{ d, REASON_NOT_A_FILE },
		{ "", REASON_NOT_FOUND },
	};

	(void)state;
	assert_int_equal(mkfifo(rows[0].path, 0600), 0);
	assert_int_equal(symlink("loop", rows[1].path), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_buf struct buf b = BUF_INIT(MAX);
		struct wm_error err = { 0 };

		assert_int_not_equal(file_read(&b, rows[i].path, &err), WM_OK);
		if (error_reason(&err) != rows[i].reason)
			test_failed(__FILE__, __LINE__, "%s: %s", rows[i].path, err.message);
		if (rows[i].reason == REASON_NOT_A_FILE)
			rows[i].reason = REASON_KEY_MALFORMED;
		assert_int_not_equal(file_read_input(&b, rows[i].path, REASON_KEY_MALFORMED, &err),
				     WM_OK);
		assert_int_equal(error_reason(&err), rows[i].reason);
		assert_int_equal(b.len, 0);
	}
	scratch_remove(d);
}

static void links_and_files_are_opened(void **state)
{
	char *d = scratch_new();
	cleanup_buf struct buf b = BUF_INIT(MAX);
	struct wm_error err = { 0 };
	cleanup_fd int fd = -1;
	uint64_t size = 0;

	(void)state;
	put(in(d, "a"), "some text");
	assert_int_equal(symlink("a", in(d, "link")), 0);
	assert_ok(file_open(&fd, &size, in(d, "link"), &err), &err);
	assert_int_equal(size, 9);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_reason(file_read(&b, in(d, "a/b"), &err), &err, NOT_FOUND);
	scratch_remove(d);
}

static void sizes_have_a_limit(void **state)
{
	char *d = scratch_new();

	(void)state;
	put(in(d, "a"), "12345678");
	for (size_t max = 7; max <= 9; max++) {
		cleanup_buf struct buf b = BUF_INIT(max), more = BUF_INIT(max + 2);
		struct wm_error err = { 0 };

		assert_ok(buf_append(&more, "xy", 2, &err), &err);
		if (max < 8) {
			assert_reason(file_read(&b, in(d, "a"), &err), &err, LIMIT);
			assert_reason(file_read(&more, in(d, "a"), &err), &err, LIMIT);
			continue;
		}
		assert_ok(file_read(&b, in(d, "a"), &err), &err);
		assert_string_equal(buf_str(&b), "12345678");
		assert_ok(file_read(&more, in(d, "a"), &err), &err);
		assert_string_equal(buf_str(&more), "xy12345678");
	}
	scratch_remove(d);
}

static void ranges_are_whole(void **state)
{
	char *d = scratch_new(), out[8] = "";
	struct wm_error err = { 0 };
	cleanup_fd int fd = -1;
	uint64_t size;

	(void)state;
	put(in(d, "a"), "12345678");
	assert_ok(file_open(&fd, &size, in(d, "a"), &err), &err);
	assert_ok(file_read_at(fd, out, 3, 2, "a", &err), &err);
	assert_string_equal(out, "345");
	assert_ok(file_read_at(fd, out, 0, 100, "a", &err), &err);
	assert_ok(file_read_at(fd, out, 1, 7, "a", &err), &err);
	assert_reason(file_read_at(fd, out, 2, 7, "a", &err), &err, FILE_CHANGED);
	assert_reason(file_read_at(fd, out, 1, 8, "a", &err), &err, FILE_CHANGED);
	assert_reason(file_read_at(-1, out, 1, 0, "a", &err), &err, READ_FAILED);
	scratch_remove(d);
}

static void pipes_are_read_to_their_end(void **state)
{
	cleanup_buf struct buf b = BUF_INIT(200000), small = BUF_INIT(4);
	struct wm_error err = { 0 };
	int pipes[2];
	pid_t child;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		static const char bytes[200000];

		_exit(file_write_fd(pipes[1], bytes, sizeof(bytes), "pipe", NULL) == WM_OK ? 0 : 1);
	}
	close(pipes[1]);
	assert_ok(file_read_fd(&b, pipes[0], "pipe", &err), &err);
	assert_int_equal(b.len, 200000);
	close(pipes[0]);
	waitpid(child, NULL, 0);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], "12345", 5), 5);
	close(pipes[1]);
	assert_reason(file_read_fd(&small, pipes[0], "pipe", &err), &err, LIMIT);
	assert_non_null(strstr(err.message, "pipe: "));
	close(pipes[0]);
	assert_reason(file_read_fd(&b, -1, "none", &err), &err, READ_FAILED);
	assert_reason(file_write_fd(-1, "x", 1, "none", &err), &err, WRITE_FAILED);
}

/* --- writing ----------------------------------------------------------------------------- */

static void files_are_replaced_whole(void **state)
{
	char *d = scratch_new();
	struct wm_error err = { 0 };
	struct stat before, after;

	(void)state;
	put(in(d, "a"), "old");
	assert_int_equal(link(in(d, "a"), in(d, "kept")), 0);
	assert_int_equal(stat(in(d, "a"), &before), 0);
	put(in(d, "a"), "new");
	assert_int_equal(stat(in(d, "a"), &after), 0);
	assert_int_not_equal(before.st_ino, after.st_ino);
	assert_holds(in(d, "a"), "new");
	assert_holds(in(d, "kept"), "old");
	assert_ok(file_write(in(d, "a"), NULL, 0, 0644, FILE_REPLACE, &err), &err);
	assert_holds(in(d, "a"), "");
	assert_int_equal(count_entries(d), 2);
	scratch_remove(d);
}

/* A link is replaced, never followed. */
static void links_are_not_written_through(void **state)
{
	char *d = scratch_new();
	struct wm_error err = { 0 };
	struct stat st;

	(void)state;
	put(in(d, "target"), "old");
	assert_int_equal(symlink("target", in(d, "link")), 0);
	assert_int_equal(symlink("nowhere", in(d, "dangling")), 0);
	put(in(d, "link"), "new");
	assert_holds(in(d, "target"), "old");
	assert_int_equal(lstat(in(d, "link"), &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_reason(file_write(in(d, "dangling"), "x", 1, 0644, FILE_EXCLUSIVE, &err), &err,
		      EXISTS);
	assert_false(file_exists(in(d, "nowhere")));
	scratch_remove(d);
}

static void what_exists_is_kept(void **state)
{
	char *d = scratch_new();
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(file_write(in(d, "a"), "1", 1, 0644, FILE_EXCLUSIVE, &err), &err);
	assert_reason(file_write(in(d, "a"), "2", 1, 0644, FILE_EXCLUSIVE, &err), &err, EXISTS);
	assert_holds(in(d, "a"), "1");
	assert_int_equal(mkdir(in(d, "dir"), 0700), 0);
	assert_reason(file_write(in(d, "dir"), "2", 1, 0644, FILE_EXCLUSIVE, &err), &err, EXISTS);
	assert_reason(file_write(in(d, "dir"), "2", 1, 0644, FILE_REPLACE, &err), &err,
		      WRITE_FAILED);
	assert_int_equal(count_entries(d), 2);
	scratch_remove(d);
}

static void only_what_is_of_the_kind_is_written_anew(void **state)
{
	static const char *const others[] = { "", "k", "KIND 1", "kin", "# kind" };
	char *d = scratch_new();
	struct wm_error err = { 0 };

	(void)state;
	assert_ok(file_write_kind(in(d, "a"), "kind 1", 6, 0644, "kind", &err), &err);
	assert_ok(file_write_kind(in(d, "a"), "kind 2", 6, 0644, "kind", &err), &err);
	assert_holds(in(d, "a"), "kind 2");
	assert_reason(file_write_kind(in(d, "a"), "3", 1, 0644, NULL, &err), &err, EXISTS);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_ok(file_write(in(d, "b"), others[i], strlen(others[i]), 0644, FILE_REPLACE,
				     &err), &err);
		assert_reason(file_write_kind(in(d, "b"), "kind 3", 6, 0644, "kind", &err), &err,
			      EXISTS);
		assert_holds(in(d, "b"), others[i]);
	}
	assert_int_equal(mkdir(in(d, "dir"), 0700), 0);
	assert_reason(file_write_kind(in(d, "dir"), "kind", 4, 0644, "kind", &err), &err, EXISTS);
	assert_reason(file_check_kind(in(d, "dir"), "kind", &err), &err, EXISTS);
	assert_ok(file_check_kind(in(d, "none"), "kind", &err), &err);
	assert_ok(file_write_kind(in(d, "c"), "x", 1, 0644, NULL, &err), &err);
	scratch_remove(d);
}

static void permissions_are_those_asked_for(void **state)
{
	static const mode_t modes[] = { 0600, 0644, 0666 };
	const mode_t old = umask(022);
	char *d = scratch_new();
	struct wm_error err = { 0 };
	struct stat st;

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_ok(file_write(in(d, "a"), "1", 1, modes[i], FILE_REPLACE, &err), &err);
		assert_int_equal(stat(in(d, "a"), &st), 0);
		assert_int_equal(st.st_mode & 07777, modes[i] & ~022U);
	}
	umask(old);
	scratch_remove(d);
}

static void unwritable_places(void **state)
{
	char *d = scratch_new();
	struct wm_error err = { 0 };

	(void)state;
	put(in(d, "file"), "x");
	for (enum file_mode mode = FILE_REPLACE; mode <= FILE_EXCLUSIVE; mode++) {
		assert_reason(file_write(in(d, "missing/a"), "1", 1, 0644, mode, &err), &err,
			      WRITE_FAILED);
		assert_reason(file_write(in(d, "file/a"), "1", 1, 0644, mode, &err), &err,
			      WRITE_FAILED);
		assert_reason(file_write("/proc/a", "1", 1, 0644, mode, &err), &err, WRITE_FAILED);
	}
	scratch_remove(d);
}

/* As a user without privileges; root is bound by no permissions. */
static void directories_for_reading_only(void **state)
{
	char *d = scratch_new();
	struct wm_error err = { 0 };
	cleanup_buf struct buf b = BUF_INIT(MAX);
	bool root = geteuid() == 0;

	(void)state;
	put(in(d, "a"), "old");
	assert_int_equal(chmod(in(d, "a"), 0), 0);
	assert_int_equal(chmod(d, 0555), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	for (enum file_mode mode = FILE_REPLACE; mode <= FILE_EXCLUSIVE; mode++)
		assert_reason(file_write(in(d, "b"), "1", 1, 0644, mode, &err), &err, WRITE_FAILED);
	assert_reason(file_read(&b, in(d, "a"), &err), &err, READ_FAILED);
	assert_reason(file_mkdirs(in(d, "x/y"), 0755, &err), &err, WRITE_FAILED);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(d, 0755), 0);
	assert_int_equal(count_entries(d), 1);
	scratch_remove(d);
}

static void a_full_file_system_changes_nothing(void **state)
{
	char *d = scratch_new();
	cleanup_free char *large = calloc(1, MAX);
	struct wm_error err = { 0 };

	(void)state;
	assert_non_null(large);
	if (mount("tmpfs", d, "tmpfs", 0, "size=64k") != 0) {
		scratch_remove(d);
		skip();
	}
	put(in(d, "a"), "old");
	for (enum file_mode mode = FILE_REPLACE; mode <= FILE_EXCLUSIVE; mode++) {
		const char *path = in(d, mode == FILE_REPLACE ? "a" : "b");

		assert_reason(file_write(path, large, MAX, 0644, mode, &err), &err, WRITE_FAILED);
		assert_int_equal(err.saved_errno, ENOSPC);
		assert_int_equal(count_entries(d), 1);
	}
	assert_holds(in(d, "a"), "old");
	put(in(d, "a"), "new");
	assert_holds(in(d, "a"), "new");
	assert_int_equal(umount(d), 0);
	scratch_remove(d);
}

static void files_are_written_in_steps(void **state)
{
	char *d = scratch_new();
	struct wm_error err = { 0 };

	(void)state;
	for (enum file_mode mode = FILE_REPLACE; mode <= FILE_EXCLUSIVE; mode++) {
		cleanup_new_file struct new_file f = NEW_FILE_INIT;
		const char *path = in(d, mode == FILE_REPLACE ? "a" : "b");

		assert_ok(new_file_open(&f, path, 0600, &err), &err);
		assert_false(file_exists(path));
		assert_ok(file_write_at(f.fd, "def", 3, 3, path, &err), &err);
		assert_ok(file_write_at(f.fd, "abc", 3, 0, path, &err), &err);
		assert_ok(new_file_finish(&f, mode, &err), &err);
		assert_holds(path, "abcdef");
		new_file_release(&f);
		/* Released unfinished it is gone; what exists stays. */
		assert_ok(new_file_open(&f, path, 0600, &err), &err);
		assert_ok(file_write_at(f.fd, "x", 1, 0, path, &err), &err);
		if (mode == FILE_EXCLUSIVE)
			assert_reason(new_file_finish(&f, mode, &err), &err, EXISTS);
		new_file_release(&f);
		assert_holds(path, "abcdef");
	}
	assert_int_equal(count_entries(d), 2);
	assert_reason(file_write_at(-1, "x", 1, 0, "none", &err), &err, WRITE_FAILED);
	scratch_remove(d);
}

static void names_are_removed(void **state)
{
	char *d = scratch_new(), *long_path = calloc(1, 2 * 4096);
	struct wm_error err = { 0 };

	(void)state;
	put(in(d, "a"), "x");
	assert_ok(file_remove(in(d, "a"), &err), &err);
	assert_reason(file_remove(in(d, "a"), &err), &err, WRITE_FAILED);
	assert_reason(file_remove(in(d, "no/a"), &err), &err, WRITE_FAILED);
	assert_int_equal(mkdir(in(d, "dir"), 0700), 0);
	assert_reason(file_remove(in(d, "dir"), &err), &err, WRITE_FAILED);
	assert_int_equal(count_entries(d), 1);
	assert_non_null(long_path);
	for (size_t n = 4094; n <= 4097; n++) {
		memset(long_path, '/', n);
		memcpy(long_path, d, strlen(d));
		memcpy(long_path + n, "a", 2);
		assert_reason(file_remove(long_path, &err), &err, WRITE_FAILED);
		assert_int_equal(err.saved_errno, n < 4096 ? ENOENT : ENAMETOOLONG);
	}
	free(long_path);
	scratch_remove(d);
}

static void changes_are_seen(void **state)
{
	char *d = scratch_new();
	struct stat first, now;

	(void)state;
	put(in(d, "a"), "x");
	assert_int_equal(stat(in(d, "a"), &first), 0);
	assert_true(file_unchanged(&first, &first));
	for (int i = 0; i < 5; i++) {
		now = first;
		now.st_size += i == 0;
		now.st_mtim.tv_nsec += i == 1;
		now.st_ctim.tv_sec += i == 2;
		now.st_ino += i == 3;
		now.st_dev += i == 4;
		assert_false(file_unchanged(&first, &now));
	}
	scratch_remove(d);
}

/* --- directories and names --------------------------------------------------------------- */

static void directories_are_made(void **state)
{
	char *d = scratch_new();
	struct wm_error err = { 0 };
	struct stat st;

	(void)state;
	assert_ok(file_mkdirs(in(d, "a/b/c"), 0700, &err), &err);
	assert_ok(file_mkdirs(in(d, "a/b/c"), 0700, &err), &err);
	assert_ok(file_mkdirs(in(d, "a//b/d/"), 0700, &err), &err);
	assert_int_equal(stat(in(d, "a/b/d"), &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0700);
	put(in(d, "file"), "x");
	assert_reason(file_mkdirs(in(d, "file/a"), 0700, &err), &err, WRITE_FAILED);
	assert_reason(file_mkdirs(in(d, "file"), 0700, &err), &err, WRITE_FAILED);
	scratch_remove(d);
}

static void knows_temporary_names(void **state)
{
	static const char *const no[] = {
		"", "weightmark-1-0.tmp", ".weightmark-1.tmp", ".weightmark--0.tmp",
		".weightmark-1-.tmp", ".weightmark-1-0.tmpx", ".weightmark-1-0", ".weightmark-a-0.tmp",
	};

	(void)state;
	assert_true(file_is_temporary(".weightmark-1-0.tmp"));
	assert_true(file_is_temporary(".weightmark-4194304-99.tmp"));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(file_is_temporary(no[i]));
}

static void names_are_last_components(void **state)
{
	(void)state;
	assert_string_equal(file_name("a"), "a");
	assert_string_equal(file_name("/a/b"), "b");
	assert_string_equal(file_name("a/"), "");
	assert_string_equal(file_name(""), "");
	assert_true(file_exists("/"));
	assert_false(file_exists("/no such thing"));
}

static enum wm_code write_and_read(void *context, struct wm_error *err)
{
	const char *d = context;
	cleanup_buf struct buf b = BUF_INIT(MAX);

	TRY(file_mkdirs(in(d, "x/y"), 0700, err));
	TRY(file_write(in(d, "x/y/z"), "text", 4, 0600, FILE_REPLACE, err));
	return file_read(&b, in(d, "x/y/z"), err);
}

static void survives_failing_allocations(void **state)
{
	char *d = scratch_new();

	(void)state;
	with_every_allocation_failing(write_and_read, d);
	scratch_remove(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_temporary_names),
		cmocka_unit_test(only_regular_files_are_opened),
		cmocka_unit_test(links_and_files_are_opened),
		cmocka_unit_test(sizes_have_a_limit),
		cmocka_unit_test(ranges_are_whole),
		cmocka_unit_test(pipes_are_read_to_their_end),
		cmocka_unit_test(files_are_replaced_whole),
		cmocka_unit_test(links_are_not_written_through),
		cmocka_unit_test(what_exists_is_kept),
		cmocka_unit_test(only_what_is_of_the_kind_is_written_anew),
		cmocka_unit_test(permissions_are_those_asked_for),
		cmocka_unit_test(unwritable_places),
		cmocka_unit_test(directories_for_reading_only),
		cmocka_unit_test(a_full_file_system_changes_nothing),
		cmocka_unit_test(files_are_written_in_steps),
		cmocka_unit_test(names_are_removed),
		cmocka_unit_test(changes_are_seen),
		cmocka_unit_test(directories_are_made),
		cmocka_unit_test(names_are_last_components),
		cmocka_unit_test(survives_failing_allocations),
	};

	return run_tests(tests);
}
