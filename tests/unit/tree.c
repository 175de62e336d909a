/* SPDX-License-Identifier: Apache-2.0 */
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
}
