/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the tensors that our parsers find in the files whose paths come on standard input, with
 * the SHA-256 of their bytes, gathered where they are no runs of the file. A line a tensor: FILE,
 * NAME in hexadecimal, DTYPE, DIMS, SHA-256, then one a file: FILE, VERDICT; tab separated.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/sha256.h"
#include "format/format.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/file.h"

enum { BYTES_MAX = 1 << 28 };

static enum wm_code append(void *context, const void *data, size_t len, struct wm_error *err)
{
	return buf_append(context, data, len, err);
}

static enum wm_code read_tensor(struct buf *out, const struct layout *l, const struct tensor *t,
				int fd, const char *path, struct wm_error *err)
{
	const struct window w = { .fd = fd, .size = l->size + l->slot_len, .name = path };
	const struct sink sink = { append, out };
	const struct segment *s;

	if (t->source)
		return l->format->gather(l, t, &w, &sink, err);
	if (t->len == 0)
		return WM_OK;
	s = &l->segments[t->segment];
	TRY(buf_reserve(out, s->len, err));
	TRY(file_read_at(fd, out->data, s->len, layout_file_off(l, s->off), path, err));
	out->len = s->len;
	return WM_OK;
}

static enum wm_code print_tensor(struct buf *out, const struct layout *l, const struct tensor *t,
				 int fd, const char *path, struct wm_error *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(BYTES_MAX);
	uint8_t digest[SHA256_BYTES];

	TRY(read_tensor(&bytes, l, t, fd, path, err));
	TRY(sha256_of(digest, bytes.data, bytes.len, err));
	TRY(buf_printf(out, err, "%s\t", path));
	TRY(buf_append_hex(out, (const uint8_t *)t->name, t->name_len, err));
	TRY(buf_printf(out, err, "\t%s\t", dtype_info(t->dtype)->name));
	for (unsigned i = 0; i < t->rank; i++)
		TRY(buf_printf(out, err, "%s%" PRIu64, i ? "," : "", t->dims[i]));
	TRY(buf_append_str(out, "\t", err));
	TRY(buf_append_hex(out, digest, sizeof(digest), err));
	return buf_append_str(out, "\n", err);
}

static enum wm_code print_all(struct buf *out, int fd, uint64_t size, const char *path,
			      struct wm_error *err)
{
	cleanup_layout struct layout l = LAYOUT_INIT;

	TRY(format_parse(&l, fd, size, path, err));
	for (size_t i = 0; i < l.n_tensors; i++)
		TRY(print_tensor(out, &l, &l.tensors[l.by_name[i]], fd, path, err));
	return WM_OK;
}

int main(void)
{
	cleanup_free char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, stdin) > 0) {
		cleanup_buf struct buf out = BUF_INIT(BYTES_MAX);
		cleanup_fd int fd = -1;
		struct wm_error err = { 0 };
		struct stat st;

		line[strcspn(line, "\n")] = '\0';
		fd = open(line, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) != 0) {
			fprintf(stderr, "tensors: %s: %s\n", line, strerror(errno));
			return 3;
		}
		if (print_all(&out, fd, (uint64_t)st.st_size, line, &err) == WM_OK)
			printf("%s%s\taccepted\n", buf_str(&out), line);
		else
			printf("%s\t%s\n", line, err.reason);
	}
	return fflush(stdout) == 0 ? 0 : 3;
}
