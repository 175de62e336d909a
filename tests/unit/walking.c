/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of files for tests of walking; see tree.h. */
#include "walking.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"

static char *top;

int tree_setup(void **state)
{
	(void)state;
	top = scratch_new();
	return 0;
}

int tree_teardown(void **state)
{
	(void)state;
	scratch_remove(top);
	return 0;
}

const char *at(const char *path)
{
	static char paths[4][PATH_MAX];
	static unsigned n;
	char *out = paths[n++ % 4];

	snprintf(out, PATH_MAX, "%s/%s", top, path);
	return out;
}

static void make_parent(const char *path)
{
	char *parent = strdup(at(path));
	struct wm_error err = { 0 };

	assert_non_null(parent);
	*strrchr(parent, '/') = '\0';
	assert_ok(file_mkdirs(parent, 0700, &err), &err);
	free(parent);
}

void put(const char *path, const char *content)
{
	struct wm_error err = { 0 };

	make_parent(path);
	assert_ok(file_write(at(path), content, strlen(content), 0600, FILE_EXCLUSIVE, &err),
		  &err);
}

void put_directory(const char *path)
{
	struct wm_error err = { 0 };

	assert_ok(file_mkdirs(at(path), 0700, &err), &err);
}

void put_link(const char *path, const char *target)
{
	make_parent(path);
	assert_int_equal(symlink(target, at(path)), 0);
}

void walk_lines(struct buf *out, const char *root, const char *within)
{
	cleanup_walk struct walk w = { .entries = NULL };
	struct wm_error err = { 0 };

	assert_ok(walk_directory(&w, at(root), within, &err), &err);
	for (size_t i = 0; i < w.n_entries; i++) {
		const struct walk_entry *e = &w.entries[i];
		char content[32] = "";
		struct stat st;

		assert_true(i == 0 || strcmp(w.entries[i - 1].path, e->path) < 0);
		assert_true(read(e->fd, content, sizeof(content) - 1) >= 0);
		assert_int_equal(fstat(e->fd, &st), 0);
		assert_int_equal(st.st_ino, e->st.st_ino);
		assert_int_equal(st.st_size, e->st.st_size);
		assert_true(S_ISREG(e->st.st_mode));
		assert_int_equal(fcntl(e->fd, F_GETFD), FD_CLOEXEC);
		assert_int_equal(fcntl(e->fd, F_GETFL) & O_ACCMODE, O_RDONLY);
		assert_ok(buf_printf(out, &err, "%s %s%s %s\n", e->path,
				     e->role == ROLE_DOCUMENT ? "D" : "L", e->linked ? ">" : "",
				     content), &err);
	}
	for (size_t i = 0; i < w.n_passed_over; i++) {
		assert_true(i == 0 || strcmp(w.passed_over[i - 1], w.passed_over[i]) < 0);
		assert_ok(buf_printf(out, &err, "- %s\n", w.passed_over[i]), &err);
	}
}

void finds(const char *root, const char *within, const char *lines)
{
	cleanup_buf struct buf found = BUF_INIT(100000);

	walk_lines(&found, root, within);
	assert_string_equal(buf_str(&found), lines);
}

void refuses(const char *root, const char *within, enum reason reason, const char *says)
{
	struct walk w = { .n_entries = 77 };
	struct wm_error err = { 0 };
	enum wm_code code = walk_directory(&w, at(root), within, &err);

	if (code != reason_info(reason)->code || error_reason(&err) != reason ||
	    !strstr(err.message, says))
		test_failed(__FILE__, __LINE__, "%s, wanted %s and '%s': %s", err.reason,
			    reason_info(reason)->id, says, err.message);
	assert_int_equal(w.n_entries, 77);
	assert_null(w.entries);
}
