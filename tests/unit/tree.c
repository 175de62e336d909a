/* SPDX-License-Identifier: Apache-2.0 */
<<<<<<< HEAD
/* Checkpoint directories that tests make; see tree.h. */
#include "tree.h"

#include <stdio.h>

#include "made.h"
#include "util/file.h"

static const char tensors[] = "tensors:";

static const char pointer[] =
	"version https://git-lfs.github.com/spec/v1\n"
	"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
	"size 12345\n";

void tree_write_tensors(struct buf *out, const char *names)
{
	cleanup_buf struct buf header = BUF_INIT(1 << 20), bytes = BUF_INIT(1 << 20);
	struct wm_error err = { 0 };

	assert_ok(buf_append_str(&header, "{", &err), &err);
	for (const char *at = names; *at; at += strspn(at, " ")) {
		size_t len = strcspn(at, " "), name = strcspn(at, " =");
		long value = at[name] == '=' ? strtol(at + name + 1, NULL, 10) : 1;

		assert_ok(buf_printf(&header, &err,
				     "%s\"%.*s\":{\"dtype\":\"U8\",\"shape\":[1],"
				     "\"data_offsets\":[%zu,%zu]}",
				     bytes.len ? "," : "", (int)name, at, bytes.len, bytes.len + 1),
			  &err);
		assert_ok(buf_append_byte(&bytes, (uint8_t)value, &err), &err);
		at += len;
	}
	assert_ok(buf_append_str(&header, "}", &err), &err);
	made_append(out, &(struct made){ buf_str(&header), header.len, 0, 0 });
	assert_ok(buf_append(out, bytes.data, bytes.len, &err), &err);
}

void tree_write(const char *folder, const struct tree_file *file)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20), path = BUF_INIT(8192);
	struct wm_error err = { 0 };
	size_t folder_len;

	if (strncmp(file->what, tensors, strlen(tensors)) == 0)
		tree_write_tensors(&bytes, file->what + strlen(tensors) +
				   strspn(file->what + strlen(tensors), " "));
	else
		assert_ok(buf_append_str(&bytes, strcmp(file->what, "pointer") == 0 ? pointer :
					 file->what, &err), &err);
	assert_ok(buf_printf(&path, &err, "%s/%s", folder, file->path), &err);
	folder_len = (size_t)(file_name(buf_str(&path)) - buf_str(&path)) - 1;
	path.data[folder_len] = '\0';
	assert_ok(file_mkdirs(buf_str(&path), 0700, &err), &err);
	path.data[folder_len] = '/';
	assert_ok(file_write(buf_str(&path), bytes.data, bytes.len, 0600, FILE_REPLACE, &err),
		  &err);
}

void tree_write_all(const char *folder, const struct tree_file *files)
{
	for (; files->path; files++)
		tree_write(folder, files);
=======
/* Trees of files for tests of walking; see tree.h. */
#include "tree.h"

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
>>>>>>> 09518be (checkpoint: part the tests of walking by file)
}
